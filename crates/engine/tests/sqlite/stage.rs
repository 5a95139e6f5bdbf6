//! A folder with a production database and a target, and the copy as the runner will do it.

use greenroom_engine::batch::{ColumnRule, FieldEffect, RowMasker};
use greenroom_engine::*;
use greenroom_model::catalog::{Catalog, EngineKind, Generation as Generated, Table};
use greenroom_model::mask::{Mask, MaskError, MaskTraits, Uniqueness, Value};
use greenroom_model::plan::{CopyColumn, FieldAction, FieldRule, TableCopy};
use greenroom_model::program::Address;
use greenroom_model::verify::{DigestKey, TableDigest};
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A folder of its own for one test.
pub struct Stage {
    pub folder: tempfile::TempDir,
}

/// Text in capitals, reversed; numbers plus one.
struct Reversed(MaskTraits);

pub fn reversed() -> Box<dyn Mask> {
    let traits =
        MaskTraits { uniqueness: Uniqueness::Permutation, max_output: None, case_proof: false, may_null: false, by_identity: false };
    Box::new(Reversed(traits))
}

impl Mask for Reversed {
    fn traits(&self) -> &MaskTraits {
        &self.0
    }

    fn apply<'v>(&self, _identity: &[u8], value: Value<'v>) -> std::result::Result<Value<'v>, MaskError> {
        Ok(match value {
            Value::Text(t) => Value::Text(t.chars().rev().collect::<String>().to_uppercase().into()),
            Value::Int(i) => Value::Int(i.wrapping_add(1)),
            other => other,
        })
    }
}

pub fn marker(nonce: &str) -> Marker {
    Marker { program: "clinic".into(), generation: 7, nonce: nonce.into(), state: MarkerState::Building }
}

pub fn address(path: &str) -> Address {
    Address {
        engine: EngineKind::Sqlite,
        path: Some(path.into()),
        host: None,
        port: None,
        database: None,
        user: None,
        password: None,
        tls: None,
    }
}

pub fn digest_key() -> DigestKey {
    DigestKey::new(&[7; 32])
}

/// The plain copy of a table: every column kept.
pub fn plain(table: &Table) -> TableCopy {
    let columns = table
        .columns
        .iter()
        .filter(|c| c.generated != Some(Generated::Computed))
        .map(|c| CopyColumn { name: c.name.clone(), native_type: c.native_type.clone(), family: c.family, rules: vec![] })
        .collect();
    let range_key = table.properties.get("rowid_column").cloned();
    TableCopy { table: table.name.clone(), columns, conditions: vec![], filter: None, empty: false, range_key }
}

impl Stage {
    pub fn new(sql: &str) -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let stage = Stage { folder };
        stage.connect("production.db").execute_batch(sql).unwrap();
        stage
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A connection as some application would open it.
    pub fn connect(&self, name: &str) -> Connection {
        let c = Connection::open(self.path(name)).unwrap();
        c.execute_batch("PRAGMA foreign_keys=OFF").unwrap();
        c
    }

    pub async fn source(&self) -> Box<dyn Source> {
        self.try_source("production.db").await.map_err(|e| e.to_string()).unwrap()
    }

    pub async fn try_source(&self, name: &str) -> greenroom_engine::Result<Box<dyn Source>> {
        source(&address(name), &secret::NoSecrets, self.folder.path()).await
    }

    pub async fn target(&self) -> Box<dyn Target> {
        target(&address(""), &secret::NoSecrets, self.folder.path()).await.map_err(|e| e.to_string()).unwrap()
    }

    /// An empty generation, sealed.
    pub async fn generation(&self, name: &str) -> Box<dyn Generation> {
        let catalog = self.source().await.inspect().await.unwrap();
        let mut target = self.target().await;
        target.create(name, &marker("n1"), &catalog).await.unwrap();
        target.enter(name).await.unwrap()
    }

    /// Copies everything; `decide` changes each table's plan. Checks that reading back gives the digest of what was sent.
    pub async fn copy(&self, name: &str, rows: u64, decide: impl Fn(&mut TableCopy)) -> (Catalog, Catalog) {
        let mut held = self.source().await.hold(&[]).await.unwrap();
        let catalog = held.inspect().await.unwrap();
        let script = held.schema(self.folder.path()).await.unwrap();
        let mut target = self.target().await;
        target.create(name, &marker("n1"), &catalog).await.unwrap();
        let mut generation = target.enter(name).await.unwrap();
        generation.schema(SchemaPart::Pre, &script).await.unwrap();
        let mut digests: BTreeMap<String, (TableDigest, TableCopy)> = BTreeMap::new();
        {
            let mut reader = held.reader().await.unwrap();
            let mut loader = generation.loader().await.unwrap();
            for table in catalog.tables.iter().filter(|t| t.is_copied()) {
                let mut copy = plain(table);
                decide(&mut copy);
                let mut sum = TableDigest::default();
                for range in held.ranges(&copy, rows).await.unwrap() {
                    let done = load(&mut *reader, &mut *loader, &copy, &range).await.unwrap();
                    sum.merge(&done.digest);
                }
                digests.insert(table.name.name.clone(), (sum, plain(table)));
            }
        }
        generation.schema(SchemaPart::Post, &script).await.unwrap();
        generation.schema(SchemaPart::Post, &script).await.unwrap();
        let sequences = held.sequences().await.unwrap();
        generation.settle(&sequences).await.unwrap();
        generation.settle(&sequences).await.unwrap();
        for (table, (sent, plain)) in &digests {
            assert_eq!(read_back(&mut *generation, plain).await, *sent, "{table} reads back otherwise than it was sent");
        }
        let copied = generation.inspect().await.unwrap();
        generation.leave().await.unwrap();
        (catalog, copied)
    }
}

/// Loads one range and commits it.
pub async fn load(
    reader: &mut dyn Reader,
    loader: &mut dyn Loader,
    copy: &TableCopy,
    range: &RangeSpec,
) -> greenroom_engine::Result<RangeDone> {
    let prepared = reader.prepare(copy).await?;
    let rule = |c: usize, r: usize, rule: &FieldRule| ColumnRule {
        when: rule.when,
        effect: match &rule.action {
            FieldAction::Keep => FieldEffect::Keep,
            FieldAction::Null => FieldEffect::Null,
            FieldAction::Constant(_) => FieldEffect::Constant(prepared.constants[c][r].clone()),
            FieldAction::Mask { identity, .. } => FieldEffect::Mask { mask: reversed(), identity: *identity },
        },
    };
    let columns = copy
        .columns
        .iter()
        .enumerate()
        .map(|(c, column)| (column.name.clone(), column.rules.iter().enumerate().map(|(r, x)| rule(c, r, x)).collect()))
        .collect();
    let masker = RowMasker::new(copy.table.name.clone(), columns, copy.conditions.len(), prepared.encoding, digest_key());
    let (mut digest, mut bytes) = (TableDigest::default(), 0);
    loader.begin(copy, range).await?;
    reader.begin(copy, range).await?;
    while let Some(batch) = reader.next().await? {
        let masked = masker.pass(batch, &mut digest)?;
        bytes += masked.data().len() as u64;
        loader.push(masked).await?;
    }
    let done = RangeDone { table: copy.table.clone(), range: range.clone(), digest, bytes };
    loader.commit(&done).await?;
    Ok(done)
}

pub async fn read_back(generation: &mut dyn Generation, plain: &TableCopy) -> TableDigest {
    let mut reader = generation.reader().await.unwrap();
    let prepared = reader.prepare(plain).await.unwrap();
    let columns = plain.columns.iter().map(|c| (c.name.clone(), vec![])).collect();
    let masker = RowMasker::new(plain.table.name.clone(), columns, 0, prepared.encoding, digest_key());
    let mut digest = TableDigest::default();
    reader.begin(plain, &RangeSpec::whole()).await.unwrap();
    while let Some(batch) = reader.next().await.unwrap() {
        masker.pass(batch, &mut digest).unwrap();
    }
    digest
}

/// Decides on a column.
pub fn decide(copy: &mut TableCopy, column: &str, when: Option<usize>, action: FieldAction) {
    let column = copy.columns.iter_mut().find(|c| c.name == column).unwrap();
    column.rules.push(FieldRule { when, action });
}

pub fn masked(identity: Option<usize>) -> FieldAction {
    FieldAction::Mask {
        rule: greenroom_model::mask::MaskRule { name: "reversed".into(), params: BTreeMap::new() },
        domain: "d".into(),
        identity,
    }
}
