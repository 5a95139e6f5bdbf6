//! The same value is the same person on every engine: what masks are given, and so what they make of it with the same key, does not depend
//! on where a row lives.

use crate::scene::{address as mariadb, copied, plain};
use greenroom_engine::RangeSpec;
use greenroom_engine::secret::NoSecrets;
use greenroom_model::catalog::EngineKind;
use greenroom_model::program::Address;
use std::path::Path;

const TABLE: &str = "create table person (id integer primary key, name varchar(60), mail varchar(60), born date, debt decimal(10,2), seen timestamp, big bigint)";
const ROWS: &str = "insert into person values (1, 'Zoë Ångström', 'zoe@example.org', '1980-02-29', 12.50, '2020-01-02 03:04:05', -9223372036854775807), \
                    (2, 'O''Neil', '', '0001-01-01', -0.05, '1999-12-31 23:59:59', 7)";

/// The canonical bytes of every field, row by row.
async fn canonical(address: &Address) -> Vec<Vec<Vec<u8>>> {
    let mut source = greenroom_engine::source(address, &NoSecrets, Path::new("/")).await.unwrap();
    let tables = copied(&source.inspect().await.unwrap());
    let mut held = source.hold(&tables).await.unwrap();
    let catalog = held.inspect().await.unwrap();
    let copy = plain(catalog.tables.iter().find(|t| t.name.name == "person").unwrap());
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
    rows.sort();
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn masks_are_given_the_same_bytes_whatever_the_engine() {
    let server = greenroom_testkit::mariadb!();
    let db = server.database("same");
    db.run(&format!("{TABLE}; {ROWS}"));
    let here = canonical(&mariadb(&db, "root")).await;
    assert_eq!(here[0][3], b"1980-02-29");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("same.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch(&format!("{TABLE}; {ROWS}")).unwrap();
    let empty =
        Address { engine: EngineKind::Sqlite, path: None, host: None, port: None, database: None, user: None, password: None, tls: None };
    let lite = canonical(&Address { path: Some(path.display().to_string()), ..empty.clone() }).await;
    for (a, b) in here.iter().zip(&lite) {
        // SQLite keeps decimals as floats and moments as the text that it was given.
        assert_eq!((&a[..4], &a[6]), (&b[..4], &b[6]));
    }
    let postgres = greenroom_testkit::postgres!();
    let other = postgres.database("same");
    other.run(&format!("{TABLE}; {ROWS}"));
    let address = Address {
        engine: EngineKind::Postgres,
        host: Some(other.socket().display().to_string()),
        port: Some(other.port()),
        database: Some(other.name().to_owned()),
        user: Some("postgres".to_owned()),
        ..empty
    };
    assert_eq!(canonical(&address).await, here);
}
