//! The same value is the same person on every engine: what masks are given does not depend on where a row lives. SQLite stands for the engines
//! that are compared with each other elsewhere.

use greenroom_engine::secret::{NoSecrets, Secrets};
use greenroom_engine::{RangeSpec, Source};
use greenroom_model::catalog::EngineKind;
use greenroom_model::plan::{CopyColumn, TableCopy};
use greenroom_model::program::{Address, SecretRef};
use std::path::Path;

/// Passwords out of the environment.
pub struct Environment;

impl Secrets for Environment {
    fn resolve(&self, _: &SecretRef) -> Result<secrecy::SecretString, String> {
        std::env::var(greenroom_testkit::tds::PASSWORD).map(secrecy::SecretString::from).map_err(|e| e.to_string())
    }
}

const COLUMNS: &[&str] = &["id", "name", "mail", "born", "big"];

/// The canonical bytes of every field, row by row.
async fn canonical(source: &mut dyn Source) -> Vec<Vec<Vec<u8>>> {
    let catalog = source.inspect().await.unwrap();
    let table = catalog.tables.iter().find(|t| t.name.name == "person").unwrap();
    let mut held = source.hold(std::slice::from_ref(&table.name)).await.unwrap();
    let column = |name: &&str| {
        let c = table.column(name).unwrap();
        CopyColumn { name: c.name.clone(), native_type: c.native_type.clone(), family: c.family, rules: Vec::new() }
    };
    let copy = TableCopy {
        table: table.name.clone(),
        columns: COLUMNS.iter().map(column).collect(),
        conditions: Vec::new(),
        filter: None,
        empty: false,
        range_key: None,
    };
    let mut reader = held.reader().await.unwrap();
    let encoding = reader.prepare(&copy).await.unwrap().encoding;
    reader.begin(&copy, &RangeSpec::whole()).await.unwrap();
    let mut rows = Vec::new();
    while let Some(batch) = reader.next().await.unwrap() {
        let (mut rest, mut fields) = (&batch.data[..], Vec::new());
        while encoding.next_row(&mut rest, &mut fields).unwrap() {
            let row = fields.iter().enumerate().map(|(i, f)| {
                let mut out = Vec::new();
                encoding.decode(i, f.unwrap()).unwrap().canonical(&mut out);
                out
            });
            rows.push(row.collect());
        }
    }
    drop(reader);
    held.release().await.unwrap();
    rows.sort();
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn masks_are_given_the_same_bytes_as_on_other_engines() {
    let url = greenroom_testkit::mssql!();
    let mut address = Address::from_url(&url).unwrap();
    address.password = Some(SecretRef::Env(greenroom_testkit::tds::PASSWORD.to_owned()));
    let ground = greenroom_engine::ground(&address, &Environment, Path::new("/"), "identity0").await.unwrap();
    let name = ground.name("same");
    ground.found(&name).await.unwrap();
    let rows = "(1, N'Zoë Ångström', 'zoe@example.org', '1980-02-29', -9223372036854775807), (2, N'O''Neil', '', '0001-01-01', 7)";
    let statements = [
        "create table person (id int primary key, name nvarchar(60), mail varchar(60), born date, big bigint)".to_owned(),
        format!("insert into person values {rows}"),
    ];
    ground.run(&name, &statements).await.unwrap();
    let mut source = ground.source(&name).await.unwrap();
    let there = canonical(source.as_mut()).await;
    drop(source);
    ground.raze(&name).await.unwrap();
    ground.close().await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("same.db");
    let lite = format!(
        "create table person (id integer primary key, name varchar(60), mail varchar(60), born date, big bigint); insert into person values {}",
        rows.replace("N'", "'")
    );
    rusqlite::Connection::open(&path).unwrap().execute_batch(&lite).unwrap();
    let address = Address {
        engine: EngineKind::Sqlite,
        path: Some(path.display().to_string()),
        host: None,
        port: None,
        database: None,
        user: None,
        password: None,
        tls: None,
    };
    let here = canonical(greenroom_engine::source(&address, &NoSecrets, Path::new("/")).await.unwrap().as_mut()).await;
    assert_eq!(there, here);
}
