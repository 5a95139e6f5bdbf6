//! Files that we make: sealed, marked, locked, dropped only when they are ours.

use crate::stage::*;
use greenroom_engine::*;
use std::os::unix::fs::PermissionsExt;

fn mode(stage: &Stage, name: &str) -> u32 {
    std::fs::metadata(stage.path(name)).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_generation_is_sealed_marked_and_empty_from_the_start() {
    let stage = Stage::new("CREATE TABLE t(a)");
    let mut g = stage.generation("build.db").await;
    let mut target = stage.target().await;
    let standing = target.look("build.db").await.unwrap().unwrap();
    assert_eq!(standing.marker, Some(marker("n1")));
    assert!(standing.empty && standing.bytes > 0);
    assert_eq!(mode(&stage, "build.db"), 0o600);
    assert_eq!(g.inspect().await.unwrap().tables, []);
    // Companions of the file are as sealed as the file.
    let c = stage.connect("build.db");
    c.execute_batch("BEGIN; CREATE TABLE x(a); INSERT INTO x VALUES(zeroblob(9000000))").unwrap();
    assert_eq!(mode(&stage, "build.db-journal"), 0o600);
    drop(c);
    let catalog = stage.source().await.inspect().await.unwrap();
    let e = target.create("build.db", &marker("n2"), &catalog).await.unwrap_err();
    assert_eq!(e.kind, ErrorKind::Conflict);
    assert_eq!(target.look("build.db").await.unwrap().unwrap().marker, Some(marker("n1")));
    assert!(target.room().await.unwrap().free.is_some_and(|f| f > 0));
    assert_eq!(target.missing_rights().await.unwrap(), []);
}

#[tokio::test]
async fn encoding_and_page_size_follow_the_source() {
    let stage = Stage::new(
        "PRAGMA encoding='UTF-16le'; PRAGMA page_size=2048; CREATE TABLE t(a); INSERT INTO t VALUES('Ünïcode 😀'), (''), (x'00')",
    );
    stage.copy("build.db", 10, |_| {}).await;
    let c = stage.connect("build.db");
    let both: String = c
        .query_row("SELECT e.encoding || p.page_size || (SELECT a FROM t) FROM pragma_encoding e, pragma_page_size p", [], |r| r.get(0))
        .unwrap();
    assert_eq!(both, "UTF-16le2048Ünïcode 😀");
}

#[tokio::test]
async fn admission_is_the_mode_of_the_file() {
    let stage = Stage::new("CREATE TABLE t(a)");
    stage.generation("build.db").await;
    let mut target = stage.target().await;
    for (admission, expected) in
        [(Admission::Some { roles: vec![], mode: 0o660 }, 0o660), (Admission::Everybody { mode: 0o666 }, 0o666), (Admission::Sealed, 0o600)]
    {
        target.admit("build.db", &admission).await.unwrap();
        assert_eq!(mode(&stage, "build.db"), expected);
        assert_eq!(target.admission("build.db").await.unwrap(), admission);
    }
    assert!(target.admit("missing.db", &Admission::Sealed).await.is_err());
}

#[tokio::test]
async fn only_what_bears_the_marker_and_was_not_promoted_is_dropped() {
    let stage = Stage::new("CREATE TABLE t(a)");
    stage.generation("build.db").await;
    let mut target = stage.target().await;
    std::fs::write(stage.path("garbage.db"), b"not a database, but somebody's").unwrap();
    for (name, nonce) in [("production.db", "n1"), ("garbage.db", "n1"), ("missing.db", "n1"), ("build.db", "other")] {
        assert_eq!(target.drop_marked(name, nonce).await.unwrap_err().kind, ErrorKind::Conflict, "{name}");
        assert_eq!(
            target.mark(name, &marker(if name == "build.db" { "other" } else { nonce })).await.unwrap_err().kind,
            ErrorKind::Conflict
        );
    }
    assert!(target.enter("production.db").await.is_err());
    let promoted = Marker { state: MarkerState::Promoted, ..marker("n1") };
    target.mark("build.db", &promoted).await.unwrap();
    assert!(target.drop_marked("build.db", "n1").await.unwrap_err().message.contains("promoted"));
    target.mark("build.db", &marker("n1")).await.unwrap();
    target.drop_marked("build.db", "n1").await.unwrap();
    assert!(stage.path("production.db").exists() && stage.path("garbage.db").exists() && !stage.path("build.db").exists());
    assert_eq!(target.look("garbage.db").await.unwrap().unwrap().marker, None);
    assert_eq!(target.look("build.db").await.unwrap(), None);
}

#[tokio::test]
async fn a_forged_marker_of_another_shape_is_no_marker() {
    let stage = Stage::new("CREATE VIEW greenroom_marker AS SELECT 1");
    stage.connect("forged.db").execute_batch("CREATE TABLE greenroom_marker(program, generation, nonce, state); INSERT INTO greenroom_marker VALUES('p', 'x', 1, 'building')").unwrap();
    let mut target = stage.target().await;
    for name in ["production.db", "forged.db"] {
        assert_eq!(target.look(name).await.unwrap().unwrap().marker, None, "{name}");
    }
}

#[tokio::test]
async fn a_build_that_was_killed_is_recognised_and_rolled_back() {
    let stage = Stage::new("PRAGMA page_size=1024; CREATE TABLE t(a)");
    stage.generation("build.db").await.leave().await.unwrap();
    let c = stage.connect("build.db");
    c.execute_batch("CREATE TABLE t(a); PRAGMA cache_size=2; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 900) INSERT INTO t SELECT hex(randomblob(200)) FROM n; BEGIN; UPDATE t SET a = 'torn'").unwrap();
    std::fs::copy(stage.path("build.db"), stage.path("killed.db")).unwrap();
    std::fs::copy(stage.path("build.db-journal"), stage.path("killed.db-journal")).unwrap();
    let standing = stage.target().await.look("killed.db").await.unwrap().unwrap();
    assert_eq!(standing.marker, Some(marker("n1")));
    let n: i64 = stage.connect("killed.db").query_row("SELECT count(*) FROM t WHERE a = 'torn'", [], |r| r.get(0)).unwrap();
    assert_eq!(n, 0);
}
