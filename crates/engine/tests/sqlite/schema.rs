//! What inspection tells of schemas that real applications have.

use crate::stage::*;
use greenroom_model::catalog::{Catalog, Family, Generation, IndexPart, TableForm, TableName};

async fn inspect(sql: &str) -> Catalog {
    Stage::new(sql).source().await.inspect().await.unwrap()
}

fn form<'a>(c: &'a Catalog, name: &str) -> &'a TableForm {
    &c.table(&TableName::new("main", name)).unwrap().form
}

#[tokio::test]
async fn columns_keys_and_indexes_are_told_as_they_are() {
    let c = inspect(
        "CREATE TABLE parent(a TEXT COLLATE NOCASE, B INTEGER, PRIMARY KEY(a, B)) WITHOUT ROWID;
         CREATE TABLE child(Id INTEGER PRIMARY KEY AUTOINCREMENT, mail VARCHAR(40) NOT NULL DEFAULT 'x', pa, pb, price DECIMAL(10,2), low AS (lower(mail)),
           FOREIGN KEY(pa, pb) REFERENCES PARENT ON DELETE CASCADE, FOREIGN KEY(pb) REFERENCES parent(b), CHECK (price > 0), UNIQUE(pb, pa));
         CREATE UNIQUE INDEX u ON child(lower(mail) COLLATE NOCASE, pb DESC) WHERE pa IS NOT NULL;",
    )
    .await;
    let parent = c.table(&TableName::new("main", "parent")).unwrap();
    let child = c.table(&TableName::new("main", "child")).unwrap();
    assert_eq!(parent.primary_key, ["a", "B"]);
    assert_eq!(parent.columns[0].collation, Some(("NOCASE".into(), true)));
    assert!(parent.properties.contains_key("without_rowid") && !parent.properties.contains_key("rowid_column"));
    assert!(parent.indexes[0].primary && parent.indexes[0].parts.len() == 2);
    assert_eq!(child.properties["rowid_column"], "Id");
    let id = child.column("Id").unwrap();
    assert_eq!((id.family, id.nullable, id.generated), (Family::Integer, false, Some(Generation::IdentityByDefault)));
    let mail = child.column("mail").unwrap();
    assert_eq!((mail.max_length, mail.nullable, mail.default.as_deref()), (Some(40), false, Some("'x'")));
    assert_eq!(child.column("price").unwrap().precision, Some((10, 2)));
    assert_eq!(child.column("low").unwrap().generated, Some(Generation::Computed));
    assert_eq!(child.checks[0].sql, "price > 0");
    let key = &child.foreign_keys[0];
    assert_eq!((&key.references.name[..], &key.referenced_columns[..]), ("parent", &["a".to_owned(), "B".to_owned()][..]));
    assert_eq!(child.foreign_keys[1].referenced_columns, ["B"]);
    let u = child.indexes.iter().find(|i| i.name == "u").unwrap();
    assert_eq!(u.parts[0], IndexPart::Expression { sql: "lower(mail)".into(), columns: vec!["mail".into()] });
    assert_eq!(u.parts[1], IndexPart::Column("pb".into()));
    assert_eq!(u.predicate.as_deref(), Some("pa IS NOT NULL"));
    assert!(child.indexes.iter().any(|i| i.primary && i.unique && i.parts == [IndexPart::Column("Id".into())]));
}

#[tokio::test]
async fn full_text_tables_are_copied_rebuilt_or_refused_by_where_their_text_lies() {
    let c = inspect(
        "CREATE TABLE doc(id INTEGER PRIMARY KEY, body); CREATE VIRTUAL TABLE own USING fts5(title, body UNINDEXED);
         CREATE VIRTUAL TABLE ext USING fts5(body, content=doc, content_rowid=id); CREATE VIRTUAL TABLE none USING fts5(body, content='');
         CREATE VIRTUAL TABLE old USING fts4(body); CREATE VIRTUAL TABLE box USING rtree(id, x, y); INSERT INTO own(own, rank) VALUES('rank', 'bm25(2.0)')",
    )
    .await;
    let names: Vec<_> = c.tables.iter().map(|t| t.name.name.as_str()).collect();
    assert_eq!(names, ["box", "doc", "ext", "none", "old", "own"], "shadow tables are not listed");
    assert_eq!(*form(&c, "own"), TableForm::Ordinary);
    let columns: Vec<_> = c.table(&TableName::new("main", "own")).unwrap().columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(columns, ["rowid", "title", "body"]);
    assert!(matches!(form(&c, "ext"), TableForm::Rebuilt(_)));
    for (refused, word) in [("none", "without content"), ("old", "fts4"), ("box", "rtree")] {
        assert!(matches!(form(&c, refused), TableForm::Refused(why) if why.contains(word)), "{refused}");
    }
    assert!(c.not_carried.iter().any(|(name, _)| name == "full-text settings of own"));
}

#[tokio::test]
async fn what_only_the_application_provides_is_found_by_name() {
    let stage = Stage::new("CREATE TABLE good(a)");
    {
        let c = stage.connect("production.db");
        let flags = rusqlite::functions::FunctionFlags::SQLITE_UTF8 | rusqlite::functions::FunctionFlags::SQLITE_DETERMINISTIC;
        c.create_scalar_function("vet", 1, flags, |_| Ok(1)).unwrap();
        c.execute_batch(
            "CREATE TABLE checked(a CHECK (vet(a))); CREATE TABLE sorted(a TEXT COLLATE nocase PRIMARY KEY); CREATE INDEX by_vet ON good(vet(a));
             CREATE TRIGGER tr AFTER UPDATE ON good BEGIN SELECT vet(NEW.a); END; CREATE VIEW v AS SELECT vet(a) FROM good; CREATE VIEW broken AS SELECT * FROM gone;
             PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = replace(sql, 'nocase', 'house') WHERE name = 'sorted'; INSERT INTO sqlite_schema VALUES('table', 'spell', 'spell', 0, 'CREATE VIRTUAL TABLE spell USING spellfix1')",
        )
        .unwrap();
    }
    let c = stage.source().await.inspect().await.unwrap();
    assert!(matches!(form(&c, "checked"), TableForm::Refused(why) if why.contains("vet")));
    assert!(matches!(form(&c, "sorted"), TableForm::Refused(why) if why.contains("house")));
    assert!(matches!(form(&c, "spell"), TableForm::Refused(why) if why.contains("spellfix1")));
    assert_eq!(*form(&c, "good"), TableForm::Ordinary);
    for (name, word) in [("index by_vet", "vet"), ("triggers of good", "vet"), ("view v", "vet")] {
        assert!(c.not_carried.iter().any(|(n, why)| n == name && why.contains(word)), "{name}: {:?}", c.not_carried);
    }
    assert!(!c.not_carried.iter().any(|(n, _)| n.contains("broken")), "a view that is broken in the source is carried as it is");
    // What is left still goes through.
    let (_, copied) = stage.copy("build.db", 100, |copy| copy.empty = copy.table.name != "good").await;
    assert!(copied.objects.iter().any(|o| o.name == "v"));
}

#[tokio::test]
async fn estimates_need_no_statistics_and_samples_come_from_both_ends() {
    let stage = Stage::new(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB, twice AS (id * 2)); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 500)
         INSERT INTO t SELECT i, zeroblob(2000) FROM n; UPDATE t SET v = 'é' WHERE id = 500",
    );
    let mut source = stage.source().await;
    let c = source.inspect().await.unwrap();
    assert_eq!(c.tables[0].estimated_rows, 500);
    assert!((1_000_000..2_000_000).contains(&c.tables[0].estimated_bytes), "{}", c.tables[0].estimated_bytes);
    let sample = source.sample(&c.tables[0], 4).await.unwrap();
    let ids: Vec<_> = sample.iter().map(|r| r[0].clone().unwrap()).collect();
    assert_eq!(ids, ["1", "2", "499", "500"]);
    assert_eq!(sample[3][1..], [Some("é".to_owned()), Some("1000".to_owned())]);
}
