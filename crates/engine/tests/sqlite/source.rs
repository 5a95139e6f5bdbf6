//! Sources that are not as they should be.

use crate::stage::*;
use greenroom_engine::*;

async fn refused(stage: &Stage, name: &str) -> EngineError {
    match stage.try_source(name).await {
        Ok(_) => panic!("{name} was opened"),
        Err(e) => e,
    }
}

#[tokio::test]
async fn files_that_are_no_databases_are_refused_and_left_alone() {
    let stage = Stage::new("CREATE TABLE t(a)");
    std::fs::write(stage.path("garbage.db"), vec![0x5au8; 8192]).unwrap();
    std::fs::write(stage.path("empty.db"), b"").unwrap();
    std::fs::create_dir(stage.path("folder.db")).unwrap();
    let kinds = [
        ("missing.db", ErrorKind::Unusable),
        ("garbage.db", ErrorKind::Unusable),
        ("empty.db", ErrorKind::Unusable),
        ("folder.db", ErrorKind::Unusable),
    ];
    for (name, kind) in kinds {
        let e = refused(&stage, name).await;
        assert_eq!(e.kind, kind, "{name}: {e}");
    }
    assert!(!stage.path("missing.db").exists());
    assert_eq!(std::fs::read(stage.path("garbage.db")).unwrap(), vec![0x5au8; 8192]);
    assert!(refused(&stage, "garbage.db").await.hint.is_some());
}

#[tokio::test]
async fn a_database_whose_writer_was_killed_is_not_repaired_by_us() {
    let stage = Stage::new(
        "PRAGMA page_size=1024; CREATE TABLE t(a); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 2000) INSERT INTO t SELECT hex(randomblob(100)) FROM n",
    );
    let c = stage.connect("production.db");
    c.execute_batch("PRAGMA cache_size=2; PRAGMA cache_spill=1; BEGIN; UPDATE t SET a = 'torn'").unwrap();
    // What a killed writer leaves: the file half written, its journal beside it.
    std::fs::copy(stage.path("production.db"), stage.path("killed.db")).unwrap();
    std::fs::copy(stage.path("production.db-journal"), stage.path("killed.db-journal")).unwrap();
    let before = std::fs::read(stage.path("killed.db")).unwrap();
    let e = refused(&stage, "killed.db").await;
    assert_eq!(e.native_code.as_deref(), Some("SQLITE_READONLY_ROLLBACK"), "{e}");
    assert!(e.hint.as_deref().is_some_and(|h| h.contains("interrupted")));
    assert_eq!(std::fs::read(stage.path("killed.db")).unwrap(), before);
}

#[tokio::test]
async fn nothing_can_be_written_through_a_source() {
    let stage = Stage::new("CREATE TABLE t(a); INSERT INTO t VALUES(1)");
    let before = std::fs::read(stage.path("production.db")).unwrap();
    let mut source = stage.source().await;
    for sql in ["DELETE FROM t RETURNING a", "CREATE TABLE u(a)", "ATTACH 'x.db' AS x"] {
        assert!(source.query_value(sql).await.is_err(), "{sql}");
    }
    assert_eq!(source.query_value("SELECT a FROM t").await.unwrap().as_deref(), Some("1"));
    assert_eq!(source.missing_rights(&[]).await.unwrap(), []);
    let names: Vec<_> = std::fs::read_dir(stage.folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["production.db"]);
    assert_eq!(std::fs::read(stage.path("production.db")).unwrap(), before);
}

#[tokio::test]
async fn a_source_and_a_pilot_that_are_one_file_have_one_identity() {
    let stage = Stage::new("CREATE TABLE t(a)");
    std::os::unix::fs::symlink(stage.path("production.db"), stage.path("other name.db")).unwrap();
    let id = stage.source().await.identity().await.unwrap();
    assert_eq!(stage.target().await.look("other name.db").await.unwrap().unwrap().engine_id, id);
}

#[tokio::test]
async fn a_path_that_looks_like_a_uri_is_a_path() {
    let stage = Stage::new("CREATE TABLE t(a)");
    std::fs::copy(stage.path("production.db"), stage.path("file:x?mode=memory")).unwrap();
    let mut s = stage.try_source("file:x?mode=memory").await.map_err(|e| e.to_string()).unwrap();
    assert_eq!(s.inspect().await.unwrap().tables.len(), 1);
}

#[tokio::test]
async fn a_database_that_somebody_holds_exclusively_is_busy_not_broken() {
    let stage = Stage::new("CREATE TABLE t(a); INSERT INTO t VALUES(1)");
    let holder = stage.connect("production.db");
    holder.execute_batch("PRAGMA journal_mode=DELETE; BEGIN EXCLUSIVE").unwrap();
    let e = refused(&stage, "production.db").await;
    assert_eq!((e.kind, e.native_code.as_deref()), (ErrorKind::Transient, Some("SQLITE_BUSY")), "{e}");
    assert!(e.hint.as_deref().is_some_and(|h| h.contains("try again later")), "{e:?}");
}
