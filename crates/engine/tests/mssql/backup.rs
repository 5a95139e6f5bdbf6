//! A backup of SQL Server's own becomes a raw copy, and what a cut restore leaves is dropped. On Babelfish, which has no backups, skipped.

use crate::identity::Environment;
use greenroom_engine::backup::{Backup, Format};
use greenroom_engine::{Admission, ErrorKind, Marker, MarkerState};
use greenroom_model::hash::Hash;
use greenroom_model::program::{Address, SecretRef};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_becomes_a_raw_copy_that_is_sealed_and_bears_the_marker() {
    let url = greenroom_testkit::mssql!();
    let mut address = Address::from_url(&url).unwrap();
    address.password = Some(SecretRef::Env(greenroom_testkit::tds::PASSWORD.to_owned()));
    let ground = greenroom_engine::ground(&address, &Environment, Path::new("/"), "backup00").await.unwrap();
    let (source, raw) = (ground.name("backed_up"), ground.name("raw_backup00"));
    let marker = Marker { program: "test".to_owned(), generation: 1, nonce: "backup00".to_owned(), state: MarkerState::Raw };
    // A name without a folder stands for the server's own folder of backups.
    let backup = |name: &str| Backup { path: PathBuf::from(name), format: Format::MssqlBak, bytes: 4 << 20, hash: Hash([0; 32]) };
    let told = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&told);
    let tell: greenroom_engine::backup::Tell = Arc::new(move |bytes| {
        count.fetch_add(bytes, Ordering::Relaxed);
    });
    let mut target = ground.target().await.unwrap();

    let missing = target.restore(&raw, &marker, &backup("greenroom_backup00_missing.bak"), Arc::clone(&tell)).await.unwrap_err();
    if missing.kind == ErrorKind::Unsupported {
        drop(target);
        ground.close().await.unwrap();
        greenroom_testkit::skip!("a backup becomes a raw copy: {}", missing.message);
    }
    assert!(missing.to_string().contains("cannot read it"), "{missing}");
    assert!(target.look(&raw).await.unwrap().is_none());

    ground.found(&source).await.unwrap();
    let file = "greenroom_backup00.bak";
    let statements = [
        "create table person (id int primary key, name nvarchar(60))".to_owned(),
        "insert into person values (1, N'Zoë'), (2, N'O''Neil')".to_owned(),
        "create trigger watch on database for create_schema, create_table as raiserror('a foreign trigger fired', 16, 1)".to_owned(),
        format!("backup database [{source}] to disk = N'{file}' with init, checksum"),
    ];
    ground.run(&source, &statements).await.unwrap();
    let restored = target.restore(&raw, &marker, &backup(file), tell).await.unwrap();
    assert_eq!(restored.of.as_deref(), Some(source.as_str()));
    assert_eq!(told.load(Ordering::Relaxed), 4 << 20, "the whole backup is told of");
    let standing = target.look(&raw).await.unwrap().unwrap();
    assert_eq!((standing.marker.as_ref(), standing.engine_id), (Some(&marker), restored.engine_id));
    assert_eq!(target.admission(&raw).await.unwrap(), Admission::Sealed);
    let mut inside = ground.source(&raw).await.unwrap();
    let catalog = inside.inspect().await.unwrap();
    let names: Vec<_> = catalog.tables.iter().map(|t| t.name.clone()).collect();
    let mut held = inside.hold(&names).await.unwrap();
    assert_eq!(held.query_value("select count(*) from person").await.unwrap().as_deref(), Some("2"));
    let on = held.query_value("select is_disabled from sys.triggers where name = 'watch'").await.unwrap();
    assert_eq!(on.as_deref(), Some("0"), "the database's own trigger is on again");
    held.release().await.unwrap();
    drop(inside);

    target.clear_raw(&raw, &marker).await.unwrap();
    target.clear_raw(&raw, &marker).await.unwrap();
    assert!(target.look(&raw).await.unwrap().is_none());
    drop(target);
    // The file goes with the history that the server keeps of it.
    ground.run(&source, &[format!("exec master.dbo.xp_delete_file 0, N'{file}'")]).await.ok();
    ground.raze(&source).await.unwrap();
    ground.close().await.unwrap();
}
