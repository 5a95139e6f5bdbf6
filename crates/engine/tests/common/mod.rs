//! What the PostgreSQL tests share: a server, a mask that depends on its input, a copy from end to end.
#![allow(dead_code, clippy::unwrap_used, clippy::print_stderr, clippy::zombie_processes, reason = "tests; each binary uses its share")]
pub mod pg;

use greenroom_engine::batch::{ColumnRule, FieldEffect, RowMasker};
use greenroom_engine::secret::NoSecrets;
use greenroom_engine::{
    Generation, Held, Loader, Marker, MarkerState, Prepared, RangeDone, RangeSpec, Reader, Result, SchemaPart, Source, Target,
};
use greenroom_model::catalog::{Catalog, Column, EngineKind, Family, Table, TableName};
use greenroom_model::mask::*;
use greenroom_model::plan::*;
use greenroom_model::program::Address;
use greenroom_model::verify::{DigestKey, TableDigest};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

/// Turns every value into another of the same type, depending on the value and its identity.
pub struct TestMask(pub MaskTraits);

pub fn test_mask() -> Box<dyn Mask> {
    Box::new(TestMask(MaskTraits {
        uniqueness: Uniqueness::Distinct,
        max_output: None,
        case_proof: false,
        may_null: false,
        by_identity: false,
    }))
}

impl Mask for TestMask {
    fn traits(&self) -> &MaskTraits {
        &self.0
    }
    fn apply<'v>(&self, identity: &[u8], value: Value<'v>) -> std::result::Result<Value<'v>, MaskError> {
        let hash = blake3::hash(identity);
        let hex = hash.to_hex();
        let n = u32::from(hash.as_bytes()[0]);
        Ok(match value {
            Value::Null => Value::Null,
            Value::Bool(b) => Value::Bool(!b),
            Value::Int(_) => Value::Int(i64::from(n) + 1),
            Value::Float(_) => Value::Float(f64::from(n) / 7.0 * 1e15),
            Value::Decimal(_) => Value::Decimal(Cow::Owned(format!("{n}.0050"))),
            Value::Text(t) if t.as_bytes().get(2) == Some(&b':') => Value::Text("01:02:03.456".into()),
            Value::Text(_) => Value::Text(Cow::Owned(hex.as_str()[..6].to_owned())),
            Value::Bytes(_) => Value::Bytes(Cow::Owned(hash.as_bytes().to_vec())),
            Value::Date(d) => Value::Date(d.saturating_add(jiff::Span::new().days(i64::from(n)))),
            Value::Timestamp(t) => Value::Timestamp(t.saturating_add(jiff::Span::new().milliseconds(i64::from(n) + 1))),
            Value::Uuid(_) => Value::Uuid(hash.as_bytes()[..16].try_into().unwrap()),
            Value::Json(_) => Value::Json(Cow::Owned(format!(r#"{{"zz":1.50,"a":"{}\tx","b":[1e3,null]}}"#, &hex.as_str()[..4]))),
            Value::Inet(_) => Value::Inet(Cow::Owned(format!("10.0.0.{n}"))),
            Value::TextArray(items) => {
                Value::TextArray(items.into_iter().map(|i| i.map(|t| Cow::Owned(format!("{t}, \"{n}\"")))).collect())
            }
        })
    }
}

pub fn address(pg: &pg::Pg, database: &str) -> Address {
    Address {
        engine: EngineKind::Postgres,
        path: None,
        host: Some(pg.socket().display().to_string()),
        port: Some(pg.port),
        database: Some(database.to_owned()),
        user: Some("postgres".to_owned()),
        password: None,
        tls: None,
    }
}

pub async fn source(pg: &pg::Pg, database: &str) -> Box<dyn Source> {
    greenroom_engine::source(&address(pg, database), &NoSecrets, Path::new("/")).await.unwrap()
}

pub async fn target(pg: &pg::Pg) -> Box<dyn Target> {
    greenroom_engine::target(&address(pg, "postgres"), &NoSecrets, Path::new("/")).await.unwrap()
}

pub fn marker(nonce: &str) -> Marker {
    Marker { program: "clinic".to_owned(), generation: 1, nonce: nonce.to_owned(), state: MarkerState::Building }
}

/// How a table travels when the columns in `masked` go through the test mask.
pub fn table_copy(table: &Table, masked: &dyn Fn(&Table, &Column) -> Vec<FieldRule>) -> TableCopy {
    let key = match table.primary_key.as_slice() {
        [one] => table.column(one).filter(|c| matches!(c.family, Family::Integer | Family::Uuid)).map(|c| c.name.clone()),
        _ => None,
    };
    TableCopy {
        table: table.name.clone(),
        columns: table
            .columns
            .iter()
            .filter(|c| c.generated != Some(greenroom_model::catalog::Generation::Computed))
            .map(|c| CopyColumn { name: c.name.clone(), native_type: c.native_type.clone(), family: c.family, rules: masked(table, c) })
            .collect(),
        conditions: Vec::new(),
        filter: None,
        empty: false,
        range_key: key,
    }
}

pub fn mask_rule() -> FieldRule {
    FieldRule {
        when: None,
        action: FieldAction::Mask {
            rule: MaskRule { name: "test".to_owned(), params: BTreeMap::new() },
            domain: "test".to_owned(),
            identity: None,
        },
    }
}

pub fn no_rules(_: &Table, _: &Column) -> Vec<FieldRule> {
    Vec::new()
}

pub fn digest_key() -> DigestKey {
    DigestKey::new(&[7; 32])
}

pub fn masker(copy: &TableCopy, prepared: Prepared) -> RowMasker {
    let mut constants = prepared.constants.into_iter();
    let columns = copy
        .columns
        .iter()
        .map(|c| {
            let mut constants = constants.next().unwrap().into_iter();
            let rules = c
                .rules
                .iter()
                .map(|r| {
                    let constant = constants.next().unwrap();
                    let effect = match &r.action {
                        FieldAction::Keep => FieldEffect::Keep,
                        FieldAction::Null => FieldEffect::Null,
                        FieldAction::Constant(_) => FieldEffect::Constant(constant),
                        FieldAction::Mask { identity, .. } => FieldEffect::Mask { mask: test_mask(), identity: *identity },
                    };
                    ColumnRule { when: r.when, effect }
                })
                .collect();
            (c.name.clone(), rules)
        })
        .collect();
    RowMasker::new(copy.table.to_string(), columns, copy.conditions.len(), prepared.encoding, digest_key())
}

/// Copies a table range by range; returns the digest of what was loaded.
pub async fn copy_table(
    held: &mut dyn Held,
    reader: &mut dyn Reader,
    loader: &mut dyn Loader,
    copy: &TableCopy,
    rows: u64,
) -> Result<TableDigest> {
    let masker = masker(copy, reader.prepare(copy).await?);
    let mut total = TableDigest::default();
    for range in held.ranges(copy, rows).await? {
        let mut digest = TableDigest::default();
        let mut bytes = 0;
        reader.begin(copy, &range).await?;
        loader.begin(copy, &range).await?;
        while let Some(batch) = reader.next().await? {
            let masked = masker.pass(batch, &mut digest)?;
            bytes += masked.data().len() as u64;
            loader.push(masked).await?;
        }
        loader.commit(&RangeDone { table: copy.table.clone(), range, digest, bytes }).await?;
        total.merge(&digest);
    }
    Ok(total)
}

/// Reads a table back and digests it.
pub async fn readback(reader: &mut dyn Reader, copy: &TableCopy) -> TableDigest {
    let mut plain = copy.clone();
    plain.conditions.clear();
    plain.filter = None;
    plain.empty = false;
    for c in &mut plain.columns {
        c.rules.clear();
    }
    let masker = masker(&plain, reader.prepare(&plain).await.unwrap());
    let mut digest = TableDigest::default();
    reader.begin(&plain, &RangeSpec::whole()).await.unwrap();
    while let Some(batch) = reader.next().await.unwrap() {
        masker.pass(batch, &mut digest).unwrap();
    }
    digest
}

/// Builds a whole generation from a source; returns the source's catalog and the digests by table.
pub async fn rehearse(
    pg: &pg::Pg,
    database: &str,
    name: &str,
    nonce: &str,
    rows: u64,
    rules: &dyn Fn(&Table, &Column) -> Vec<FieldRule>,
) -> (Catalog, Box<dyn Generation>, Vec<(TableCopy, TableDigest)>) {
    let scratch = tempfile::tempdir().unwrap();
    let mut source = source(pg, database).await;
    let catalog = source.inspect().await.unwrap();
    let names: Vec<TableName> = catalog.tables.iter().filter(|t| t.is_copied()).map(|t| t.name.clone()).collect();
    let mut held = source.hold(&names).await.unwrap();
    let catalog = held.inspect().await.unwrap();
    let script = held.schema(scratch.path()).await.unwrap();
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "nothing of the dump may stay in the scratch folder");
    let mut target = target(pg).await;
    target.create(name, &marker(nonce), &catalog).await.unwrap();
    let mut generation = target.enter(name).await.unwrap();
    generation.schema(SchemaPart::Pre, &script).await.unwrap();
    generation.schema(SchemaPart::Pre, &script).await.unwrap();
    let mut reader = held.reader().await.unwrap();
    let mut loader = generation.loader().await.unwrap();
    let mut digests = Vec::new();
    for table in catalog.tables.iter().filter(|t| t.is_copied()) {
        let copy = table_copy(table, rules);
        let digest = copy_table(&mut *held, &mut *reader, &mut *loader, &copy, rows).await.unwrap();
        digests.push((copy, digest));
    }
    let mut after = None;
    loop {
        let found = held.large_objects(after).await.unwrap();
        let Some(last) = found.last() else { break };
        after = Some(last.id);
        for object in &found {
            let mut offset = 0;
            loop {
                let piece = held.large_object(object.id, offset, 64).await.unwrap();
                generation.put_large_object(object.id, offset, &piece).await.unwrap();
                offset += piece.len() as u64;
                if piece.is_empty() {
                    break;
                }
            }
        }
    }
    generation.schema(SchemaPart::Post, &script).await.unwrap();
    generation.schema(SchemaPart::Post, &script).await.unwrap();
    generation.settle(&held.sequences().await.unwrap()).await.unwrap();
    held.release().await.unwrap();
    (catalog, generation, digests)
}
