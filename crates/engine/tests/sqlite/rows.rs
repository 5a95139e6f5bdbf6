//! Rows: whole, masked, in ranges, of one moment.

use crate::stage::*;
use greenroom_engine::*;
use greenroom_model::plan::FieldAction;
use rusqlite::Connection;

const UGLY: &str = r#"
PRAGMA page_size=8192; PRAGMA user_version=42; PRAGMA application_id=1196577362; PRAGMA auto_vacuum=2; VACUUM;
CREATE TABLE "order ""of"" things" ("select" INTEGER PRIMARY KEY AUTOINCREMENT, "naïve name" TEXT COLLATE NOCASE UNIQUE, 'quo''ted' VARCHAR(40) DEFAULT 'a,b)',
  boss INTEGER REFERENCES "ORDER ""of"" things"("select") ON DELETE SET NULL, twice AS ("select" * 2) STORED, once TEXT AS (upper("naïve name")),
  CONSTRAINT "c k" CHECK ("naïve name" <> ')'));
INSERT INTO "order ""of"" things" VALUES(5, 'Ünïcode ✓', 'x', NULL), (9, 'Ann', '', 5), (9007199254740993, 'Bob', NULL, 9);
UPDATE sqlite_sequence SET seq = 9007199254741999;
CREATE TABLE mixed(a, b NUMERIC, c REAL, d INTEGER, e TEXT, f STRING);
INSERT INTO mixed VALUES(1, '00123', 3, '7.0', 5, '0042'), ('1', 'x', -0.0, 'y', 1e300, x'00ff'), (NULL, 9223372036854775807, 9223372036854775807, 1.5, NULL, ''),
  (x'', 1e1000, -1e1000, -9223372036854775808, 'é' || char(0) || 'z', 0.1), (CAST(x'fffe' AS TEXT), 0.1, 0.1, 1e20, CAST(x'80' AS TEXT), '-');
CREATE TABLE pairs(a TEXT, b INT, v BLOB, PRIMARY KEY(a, b DESC)) WITHOUT ROWID;
INSERT INTO pairs VALUES('k', 1, zeroblob(3000000)), ('k', 2, randomblob(70000)), ('l', 1, NULL);
CREATE TABLE hard(id INT PRIMARY KEY NOT NULL, n INTEGER, r REAL, t TEXT, b BLOB, x ANY) STRICT;
INSERT INTO hard VALUES(1, 2, 3, '4', x'05', '006'), (2, NULL, 0.5, NULL, NULL, 7.0);
CREATE TABLE "nothing"(a, b);
CREATE TABLE twins(a TEXT);
INSERT INTO twins VALUES('same'), ('same'), (NULL), (NULL);
CREATE VIRTUAL TABLE notes USING fts5(title, body, tokenize='porter');
INSERT INTO notes(rowid, title, body) VALUES(11, 'First', 'running late'), (77, 'Second', 'walks');
CREATE VIRTUAL TABLE "found people" USING fts5("naïve name", content='order "of" things', content_rowid='select');
INSERT INTO "found people"("found people") VALUES('rebuild');
CREATE VIRTUAL TABLE shapes USING rtree(id, a, b);
INSERT INTO shapes VALUES(1, 0, 1);
CREATE INDEX low ON "order ""of"" things"(lower("naïve name") DESC, boss) WHERE boss IS NOT NULL;
CREATE VIEW "a view" AS SELECT "naïve name" FROM "order ""of"" things" JOIN "later view";
CREATE VIEW "later view" AS SELECT 1;
CREATE TRIGGER tr AFTER INSERT ON "order ""of"" things" BEGIN INSERT INTO "nothing" VALUES(NEW.boss, ';'); DELETE FROM twins; END;
ANALYZE;
"#;

fn rows(c: &Connection, sql: &str) -> Vec<Vec<rusqlite::types::Value>> {
    let mut s = c.prepare(sql).unwrap();
    let n = s.column_count();
    let v = s
        .query_map([], |r| {
            (0..n)
                .map(|i| {
                    r.get_ref(i).map(|v| match v {
                        // Texts that are not UTF-8 are compared as bytes.
                        rusqlite::types::ValueRef::Text(t) => rusqlite::types::Value::Blob(t.to_vec()),
                        other => other.try_into().unwrap(),
                    })
                })
                .collect()
        })
        .unwrap();
    v.collect::<rusqlite::Result<_>>().unwrap()
}

#[tokio::test]
async fn an_ugly_database_arrives_byte_for_byte() {
    let stage = Stage::new(UGLY);
    let (before, after) = stage.copy("build.db", 1_000_000, |_| {}).await;
    let (a, b) = (stage.connect("production.db"), stage.connect("build.db"));
    for (table, order) in [
        (r#""order ""of"" things""#, "1"),
        ("mixed", "rowid"),
        ("pairs", "1,2"),
        ("hard", "1"),
        ("\"nothing\"", "1"),
        ("twins", "1"),
        ("(SELECT rowid, * FROM notes)", "1"),
        (r#"(SELECT rowid FROM notes('run'))"#, "1"),
        (r#"(SELECT rowid FROM "found people"('ann'))"#, "1"),
        ("sqlite_sequence", "1"),
        ("pragma_user_version", "1"),
        ("pragma_application_id", "1"),
        ("pragma_page_size", "1"),
        ("pragma_auto_vacuum", "1"),
    ] {
        for sql in [
            format!("SELECT * FROM {table} ORDER BY {order}"),
            format!("SELECT typeof(a) FROM (SELECT * FROM {table}) LEFT JOIN (SELECT 1) ON 1"),
        ] {
            if sql.contains("typeof") && !matches!(table, "mixed") {
                continue;
            }
            assert_eq!(rows(&a, &sql), rows(&b, &sql), "{sql}");
        }
    }
    let types = "SELECT typeof(a)||typeof(b)||typeof(c)||typeof(d)||typeof(e)||typeof(f), hex(e), hex(a) FROM mixed";
    assert_eq!(rows(&a, types), rows(&b, types));
    assert_eq!(before.objects, after.objects);
    for t in &after.tables {
        let mut source = before.table(&t.name).unwrap().clone();
        (source.estimated_rows, source.estimated_bytes) = (t.estimated_rows, t.estimated_bytes);
        assert_eq!(*t, source);
    }
    let missing: Vec<_> = before.tables.iter().filter(|t| after.table(&t.name).is_none()).map(|t| t.name.name.as_str()).collect();
    assert_eq!(missing, ["shapes"], "only the refused table is missing");
    assert_eq!(rows(&b, "PRAGMA integrity_check"), [[rusqlite::types::Value::Blob(b"ok".to_vec())]]);
}

#[tokio::test]
async fn masked_values_never_reach_the_file() {
    let stage = Stage::new(
        "CREATE TABLE client(id INTEGER PRIMARY KEY, name TEXT, code INTEGER, secret BLOB, note TEXT, staff INT);
         INSERT INTO client VALUES(1, 'Rosalind Franklin', 10, x'cafebabecafebabe', 'calls at nights', 0), (2, 'Ada Lovelace', 20, NULL, 'prefers mornings', 1);
         CREATE VIRTUAL TABLE memo USING fts5(body); INSERT INTO memo VALUES('Rosalind confided');
         CREATE INDEX by_name ON client(name); ANALYZE",
    );
    stage
        .copy("build.db", 1000, |copy| {
            if copy.table.name == "memo" {
                return decide(copy, "body", None, masked(None));
            }
            copy.conditions.push("t.staff = 0".into());
            decide(copy, "name", Some(0), masked(Some(0)));
            decide(copy, "code", None, masked(None));
            decide(copy, "secret", None, FieldAction::Null);
            decide(copy, "note", Some(0), FieldAction::Constant("'00' || '12'".into()));
            decide(copy, "note", None, FieldAction::Constant("12".into()));
        })
        .await;
    let c = stage.connect("build.db");
    let all: Vec<(String, i64, Option<Vec<u8>>, String)> = c
        .prepare("SELECT name, code, secret, note FROM client")
        .unwrap()
        .query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap();
    let expected = [("NILKNARF DNILASOR", 11, "0012"), ("Ada Lovelace", 21, "12")].map(|(n, c, t)| (n.to_owned(), c, None, t.to_owned()));
    assert_eq!(all, expected);
    let bytes = std::fs::read(stage.path("build.db")).unwrap();
    for raw in ["Rosalind", "rosalind", "nights", "mornings", "confided"] {
        assert!(!bytes.windows(raw.len()).any(|w| w == raw.as_bytes()), "{raw} reached the copy");
    }
}

#[tokio::test]
async fn ranges_cover_every_row_once_whatever_the_keys_are() {
    let stage = Stage::new(
        "CREATE TABLE dense(id INTEGER PRIMARY KEY, v); CREATE TABLE sparse(id INTEGER PRIMARY KEY, v); CREATE TABLE texts(id INTEGER PRIMARY KEY, v) WITHOUT ROWID;
         CREATE TABLE lone(id INT PRIMARY KEY, v);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 1000) INSERT INTO dense SELECT i, 'v'||i FROM n;
         INSERT INTO sparse SELECT id * id * id * 7 - 500000000, v FROM dense;
         INSERT INTO sparse VALUES(-9223372036854775808, 'min'), (9223372036854775807, 'max');
         INSERT INTO texts SELECT * FROM dense; INSERT INTO texts VALUES('z', 1), (0.5, 2), (99999.5, 3);
         INSERT INTO lone SELECT * FROM dense; INSERT INTO lone VALUES(NULL, 1), (NULL, 2);",
    );
    let mut held = stage.source().await.hold(&[]).await.unwrap();
    for table in held.inspect().await.unwrap().tables {
        let mut copy = plain(&table);
        copy.range_key = Some("id".into());
        let n = held.ranges(&copy, 100).await.unwrap().len();
        // NULL keys, and keys that are not all integers, cannot be cut.
        let expected = if ["lone", "texts"].contains(&table.name.name.as_str()) { 1..=1 } else { 10..=12 };
        assert!(expected.contains(&n), "{} is cut into {n}", table.name);
    }
    drop(held);
    stage.copy("build.db", 100, |copy| copy.range_key = Some("id".into())).await;
    let c = stage.connect("build.db");
    let count = |t: &str| c.query_row(&format!("SELECT count(*) FROM {t}"), [], |r| r.get::<_, i64>(0)).unwrap();
    assert_eq!((count("dense"), count("sparse"), count("texts"), count("lone")), (1000, 1002, 1003, 1002));
    assert!(count("greenroom_progress") > 20);
}

#[tokio::test]
async fn dropping_a_session_in_the_midst_releases_the_source() {
    let stage = Stage::new(
        "CREATE TABLE t(v); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 9000) INSERT INTO t SELECT randomblob(500) FROM n",
    );
    let mut held = stage.source().await.hold(&[]).await.unwrap();
    let catalog = held.inspect().await.unwrap();
    let mut reader = held.reader().await.unwrap();
    reader.begin(&plain(&catalog.tables[0]), &RangeSpec::whole()).await.unwrap();
    reader.next().await.unwrap().unwrap();
    let writer = stage.connect("production.db");
    assert!(writer.execute_batch("PRAGMA busy_timeout=0; DELETE FROM t").is_err(), "a held snapshot in rollback mode blocks writers");
    drop(reader);
    drop(held);
    writer.execute_batch("PRAGMA busy_timeout=5000; DELETE FROM t").unwrap();
}

#[tokio::test]
async fn conflict_clauses_of_the_schema_cannot_drop_rows_silently() {
    let stage = Stage::new(
        "CREATE TABLE t(v TEXT UNIQUE ON CONFLICT IGNORE, w NOT NULL ON CONFLICT REPLACE DEFAULT 5); INSERT INTO t VALUES('ab', 1), ('AB', 2)",
    );
    let mut held = stage.source().await.hold(&[]).await.unwrap();
    let (catalog, script) = (held.inspect().await.unwrap(), held.schema(stage.folder.path()).await.unwrap());
    let mut generation = stage.generation("build.db").await;
    generation.schema(SchemaPart::Pre, &script).await.unwrap();
    let mut copy = plain(&catalog.tables[0]);
    decide(&mut copy, "v", None, masked(None));
    let mut loader = generation.loader().await.unwrap();
    let e = load(&mut *held.reader().await.unwrap(), &mut *loader, &copy, &RangeSpec::whole()).await.unwrap_err();
    assert_eq!(e.native_code.as_deref(), Some("SQLITE_CONSTRAINT_UNIQUE"));
    assert!(!format!("{e} {e:?}").contains("BA"), "{e:?}");
}
