//! A copy from end to end, nothing masked.

use greenroom_engine::batch::RowMasker;
use greenroom_engine::secret::NoSecrets;
use greenroom_engine::{
    Generation, Held, Loader, Marker, MarkerState, RangeDone, RangeSpec, Reader, Result, SchemaPart, SchemaScript, Source, Target,
};
use greenroom_model::catalog::{Catalog, EngineKind, Family, Generation as Generated, Table, TableName};
use greenroom_model::plan::{CopyColumn, TableCopy};
use greenroom_model::program::Address;
use greenroom_model::verify::{DigestKey, TableDigest};
use greenroom_testkit::maria::Database;
use std::path::Path;

pub fn address(database: &Database, user: &str) -> Address {
    Address {
        engine: EngineKind::Mysql,
        path: None,
        host: Some(database.socket().display().to_string()),
        port: None,
        database: Some(database.name().to_owned()),
        user: Some(user.to_owned()),
        password: None,
        tls: None,
    }
}

pub async fn source(database: &Database) -> Box<dyn Source> {
    source_as(database, "root").await
}

pub async fn source_as(database: &Database, user: &str) -> Box<dyn Source> {
    greenroom_engine::source(&address(database, user), &NoSecrets, Path::new("/")).await.unwrap()
}

pub async fn target(database: &Database) -> Box<dyn Target> {
    greenroom_engine::target(&address(database, "root"), &NoSecrets, Path::new("/")).await.unwrap()
}

pub fn plain(table: &Table) -> TableCopy {
    let columns = table
        .columns
        .iter()
        .filter(|c| c.generated != Some(Generated::Computed))
        .map(|c| CopyColumn { name: c.name.clone(), native_type: c.native_type.clone(), family: c.family, rules: Vec::new() })
        .collect();
    let range_key = match table.primary_key.as_slice() {
        [one] => table.column(one).filter(|c| matches!(c.family, Family::Integer | Family::Bytes)).map(|c| c.name.clone()),
        _ => None,
    };
    TableCopy { table: table.name.clone(), columns, conditions: Vec::new(), filter: None, empty: false, range_key }
}

/// The digest of rows on their way, and what to do with each batch.
pub async fn pass(
    reader: &mut dyn Reader,
    mut loader: Option<&mut dyn Loader>,
    copy: &TableCopy,
    range: &RangeSpec,
) -> Result<TableDigest> {
    let prepared = reader.prepare(copy).await?;
    let columns = copy.columns.iter().map(|c| (c.name.clone(), Vec::new())).collect();
    let gate = RowMasker::new(copy.table.to_string(), columns, 0, prepared.encoding, DigestKey::new(&[7; 32]));
    let (mut digest, mut bytes) = (TableDigest::default(), 0);
    if let Some(loader) = &mut loader {
        loader.begin(copy, range).await?;
    }
    reader.begin(copy, range).await?;
    while let Some(batch) = reader.next().await? {
        let masked = gate.pass(batch, &mut digest)?;
        bytes += masked.data().len() as u64;
        if let Some(loader) = &mut loader {
            loader.push(masked).await?;
        }
    }
    if let Some(loader) = &mut loader {
        loader.commit(&RangeDone { table: copy.table.clone(), range: range.clone(), digest, bytes }).await?;
    }
    Ok(digest)
}

pub fn copied(catalog: &Catalog) -> Vec<TableName> {
    catalog.tables.iter().filter(|t| t.is_copied()).map(|t| t.name.clone()).collect()
}

/// A finished copy.
pub struct Copied {
    pub catalog: Catalog,
    pub script: SchemaScript,
    pub inside: Box<dyn Generation>,
    pub name: String,
}

/// Copies a database as the runner does and compares the digests.
pub async fn copy(database: &Database, nonce: &str) -> Copied {
    let mut source = source(database).await;
    let tables = copied(&source.inspect().await.unwrap());
    let mut held = source.hold(&tables).await.unwrap();
    copy_held(database, held.as_mut(), nonce).await
}

pub async fn copy_held(database: &Database, held: &mut dyn Held, nonce: &str) -> Copied {
    let catalog = held.inspect().await.unwrap();
    let script = held.schema(Path::new("/")).await.unwrap();
    let name = format!("{}_{nonce}", database.name());
    let mut target = target(database).await;
    let marker = Marker { program: "test".into(), generation: 1, nonce: nonce.into(), state: MarkerState::Building };
    target.create(&name, &marker, &catalog).await.unwrap();
    let mut inside = target.enter(&name).await.unwrap();
    inside.schema(SchemaPart::Pre, &script).await.unwrap();
    for table in catalog.tables.iter().filter(|t| t.is_copied()) {
        let copy = plain(table);
        let mut sum = TableDigest::default();
        {
            let (mut reader, mut loader) = (held.reader().await.unwrap(), inside.loader().await.unwrap());
            for range in held.ranges(&copy, 500).await.unwrap() {
                sum.merge(&pass(reader.as_mut(), Some(loader.as_mut()), &copy, &range).await.unwrap());
            }
        }
        let mut back = inside.reader().await.unwrap();
        assert_eq!(pass(back.as_mut(), None, &copy, &RangeSpec::whole()).await.unwrap(), sum, "{}", table.name);
    }
    inside.schema(SchemaPart::Post, &script).await.unwrap();
    inside.schema(SchemaPart::Post, &script).await.unwrap();
    inside.settle(&held.sequences().await.unwrap()).await.unwrap();
    Copied { catalog, script, inside, name }
}
