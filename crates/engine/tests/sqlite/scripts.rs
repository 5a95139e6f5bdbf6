//! The vendor's scripts.

use crate::stage::*;
use greenroom_engine::*;
use greenroom_model::hash::Hash;
use greenroom_model::upgrade::Statement;

const SCHEMA: &str = "CREATE TABLE parent(id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE child(id INTEGER PRIMARY KEY, p INT REFERENCES parent ON DELETE CASCADE);";

async fn generation(stage: &Stage) -> Box<dyn Generation> {
    let script = stage.source().await.hold(&[]).await.unwrap().schema(stage.folder.path()).await.unwrap();
    let mut g = stage.generation("build.db").await;
    g.schema(SchemaPart::Pre, &script).await.unwrap();
    let rows = ["INSERT INTO parent VALUES(1, 'ann@example.org'), (2, 'b')", "INSERT INTO child VALUES(1, 1), (2, 2)"];
    g.script("rows", &Hash::ZERO, &statements(&rows), 0).await.unwrap();
    g
}

fn statements(all: &[&str]) -> Vec<Statement> {
    (1u32..).zip(all).map(|(i, sql)| Statement { sql: (*sql).to_owned(), line: i * 10, copy_data: None }).collect()
}

async fn first(g: &mut dyn Generation, sql: &str) -> Option<String> {
    g.query(sql).await.unwrap().first
}

#[tokio::test]
async fn a_table_is_rebuilt_in_the_twelve_steps_without_losing_children() {
    let stage = Stage::new(SCHEMA);
    let mut g = generation(&stage).await;
    let script = statements(&[
        "PRAGMA foreign_keys=OFF",
        "BEGIN TRANSACTION",
        "CREATE TABLE new_parent(id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
        "INSERT INTO new_parent SELECT * FROM parent",
        "DROP TABLE parent",
        "ALTER TABLE new_parent RENAME TO parent",
        "PRAGMA foreign_key_check",
        "COMMIT",
        "PRAGMA foreign_keys=ON",
    ]);
    let applied = g.script("k", &Hash::ZERO, &script, 0).await.unwrap();
    assert_eq!(applied.notices.len(), 2);
    assert_eq!(first(&mut *g, "SELECT count(*) FROM child").await.as_deref(), Some("2"));
    let careless = statements(&["PRAGMA foreign_keys = 0", "DELETE FROM parent WHERE id = 2"]);
    let e = g.script("k2", &Hash::ZERO, &careless, 0).await.unwrap_err();
    assert!(e.message.contains("`child`"), "{e}");
    assert_eq!(first(&mut *g, "SELECT count(*) FROM parent").await.as_deref(), Some("2"));
    let cascading = statements(&["PRAGMA foreign_keys(on)", "DELETE FROM parent WHERE id = 2"]);
    g.script("k3", &Hash::ZERO, &cascading, 0).await.unwrap();
    assert_eq!(first(&mut *g, "SELECT count(*) FROM child").await.as_deref(), Some("1"));
    // Enforcement ended with that script.
    g.script("k4", &Hash::ZERO, &statements(&["DELETE FROM parent"]), 0).await.unwrap();
    let child = g.inspect().await.unwrap().tables.into_iter().find(|t| t.name.name == "child").unwrap();
    assert_eq!(g.orphans(&child, &child.foreign_keys[0]).await.unwrap(), 1);
}

#[tokio::test]
async fn a_script_cannot_reach_outside_nor_touch_our_records() {
    let stage = Stage::new(SCHEMA);
    let mut g = generation(&stage).await;
    let outside = format!("ATTACH '{}' AS other", stage.path("other.db").display());
    for sql in [
        outside.as_str(),
        "VACUUM INTO 'elsewhere.db'",
        "ROLLBACK",
        "DELETE FROM greenroom_marker",
        "DROP TABLE greenroom_script",
        "ALTER TABLE greenroom_marker RENAME TO x",
        "PRAGMA journal_mode=WAL",
        "SELECT load_extension('x')",
    ] {
        let e = g.script("k", &Hash::ZERO, &statements(&["UPDATE parent SET name = 'x'", sql]), 0).await.unwrap_err();
        assert_eq!(e.statement, Some((2, 20)), "{sql}: {e}");
        assert_eq!(first(&mut *g, "SELECT count(*) FROM parent WHERE name = 'x'").await.as_deref(), Some("0"), "{sql}");
    }
    assert!(!stage.path("other.db").exists());
}

#[tokio::test]
async fn triggers_fire_in_scripts_but_their_words_stay_inside() {
    let stage =
        Stage::new(&format!("{SCHEMA} CREATE TRIGGER tr BEFORE DELETE ON parent BEGIN SELECT RAISE(ABORT, 'keeps ' || OLD.name); END"));
    let mut g = generation(&stage).await;
    let script = stage.source().await.hold(&[]).await.unwrap().schema(stage.folder.path()).await.unwrap();
    g.schema(SchemaPart::Post, &script).await.unwrap();
    g.settle(&[]).await.unwrap();
    let e = g.script("k", &Hash::ZERO, &statements(&["DELETE FROM parent"]), 0).await.unwrap_err();
    assert_eq!(e.native_code.as_deref(), Some("SQLITE_CONSTRAINT_TRIGGER"));
    assert!(!format!("{e} {e:?}").contains("ann@"));
}

#[tokio::test]
async fn a_script_that_asks_for_no_transaction_runs_one_by_one_and_goes_on_behind_what_is_done() {
    let stage = Stage::new(SCHEMA);
    let mut g = generation(&stage).await;
    let script = statements(&[
        "UPDATE parent SET name = name || '!'",
        "BEGIN",
        "UPDATE parent SET name = name || '?'",
        "INSERT INTO nowhere VALUES(1)",
        "COMMIT",
        "VACUUM",
    ]);
    let e = g.script_apart("k", &Hash::ZERO, &script, 0).await.unwrap_err();
    assert_eq!(e.statement, Some((4, 40)), "{e}");
    // What stood outside the script's own transaction stays, what stood inside it went.
    assert_eq!(first(&mut *g, "SELECT name FROM parent WHERE id = 2").await.as_deref(), Some("b!"));
    let state = g.script_state("k").await.unwrap();
    assert_eq!((state.done, state.complete), (1, false));
    let mut mended = script.clone();
    mended[3].sql = "SELECT 1".into();
    g.script_apart("k", &Hash::ZERO, &mended, state.done).await.unwrap();
    assert_eq!(first(&mut *g, "SELECT name FROM parent WHERE id = 2").await.as_deref(), Some("b!?"));
    assert!(g.script_state("k").await.unwrap().complete);
    let open = statements(&["BEGIN", "DELETE FROM parent"]);
    let e = g.script_apart("k2", &Hash::ZERO, &open, 0).await.unwrap_err();
    assert_eq!(e.statement, Some((1, 10)), "{e}");
    assert_eq!(first(&mut *g, "SELECT count(*) FROM parent").await.as_deref(), Some("2"));
}

#[tokio::test]
async fn a_script_may_end_with_vacuum() {
    let stage = Stage::new(SCHEMA);
    let mut g = generation(&stage).await;
    g.script("k", &Hash::ZERO, &statements(&["DELETE FROM child", "VACUUM"]), 0).await.unwrap();
    assert_eq!(first(&mut *g, "SELECT count(*) FROM child").await.as_deref(), Some("0"));
    assert!(g.script_state("k").await.unwrap().complete);
}
