//! Carrying back what was written since: which tables can be, and what is done to the former side.

use super::*;
use crate::carry::{BackCounts, BackShapes, Fate, Given, also_unique, back, back_shapes, telling_apart};
use crate::catalog::{Catalog, Column, EngineKind, Family, ForeignKey, Index, IndexPart, Table, TableForm};
use crate::program::{Inverse, Origin};

/// A table from its columns: `name type`, the first one its primary key unless that begins with `-`.
fn of(name: &str, columns: &[&str]) -> Table {
    let keyed = !columns[0].starts_with('-');
    let column = |spec: &&str| {
        let (name, native_type) = spec.trim_start_matches('-').split_once(' ').unwrap();
        Column {
            name: name.to_owned(),
            native_type: native_type.to_owned(),
            family: Family::Other,
            max_length: None,
            precision: None,
            nullable: true,
            default: None,
            generated: None,
            collation: None,
        }
    };
    let columns: Vec<Column> = columns.iter().map(column).collect();
    Table {
        name: TableName::new("main", name),
        form: TableForm::Ordinary,
        primary_key: if keyed { vec![columns[0].name.clone()] } else { Vec::new() },
        columns,
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        properties: BTreeMap::new(),
        estimated_rows: 0,
        estimated_bytes: 0,
    }
}

fn catalog(mut tables: Vec<Table>) -> Catalog {
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    Catalog {
        engine: EngineKind::Fake,
        version: String::new(),
        tables,
        objects: Vec::new(),
        settings: BTreeMap::new(),
        outbound: Vec::new(),
        not_carried: Vec::new(),
        large_objects: 0,
    }
}

fn fates(former: Vec<Table>, new: Vec<Table>) -> Vec<(String, String)> {
    let BackShapes { shapes, written, .. } = back_shapes(&catalog(former), &catalog(new), &[]);
    let word = |fate: &Fate| match fate {
        Fate::Carried { without } => without.join(","),
        Fate::GivenUp { why } => format!("given up: {why}"),
        Fate::Inverse { of } => format!("as {of}"),
    };
    let carried = written.iter().filter(|w| matches!(w.fate, Fate::Carried { .. })).count();
    assert_eq!(shapes.tables.len(), carried);
    written.iter().map(|w| (w.short.clone(), word(&w.fate))).collect()
}

#[test]
fn a_table_is_carried_back_where_the_new_version_has_all_that_the_former_had() {
    let all = fates(
        vec![
            of("same", &["id int", "v text"]),
            of("wider", &["id int"]),
            of("narrower", &["id int", "v text"]),
            of("other", &["id int", "v int"]),
        ],
        vec![
            of("same", &["id int", "v text"]),
            of("wider", &["id int", "x text", "y text"]),
            of("narrower", &["id int"]),
            of("other", &["id int", "v bigint"]),
            of("fresh", &["id int"]),
        ],
    );
    let pair = |name: &str, fate: &str| (name.to_owned(), fate.to_owned());
    let expected = [
        pair("fresh", "given up: the former version does not have it"),
        pair("narrower", "given up: its column `v` is gone"),
        pair("other", "given up: its column `v` was int and is bigint"),
        pair("same", ""),
        pair("wider", "x,y"),
    ];
    assert_eq!(all, expected);
}

#[test]
fn a_table_whose_rows_are_told_apart_otherwise_is_given_up() {
    let all = fates(vec![of("t", &["-id int", "v text"])], vec![of("t", &["id int", "v text"])]);
    assert_eq!(all[0].1, "given up: its rows were told apart by other columns");
}

#[test]
fn rows_are_told_apart_by_their_key_and_other_unique_columns_are_known() {
    let unique = |name: &str, column: &str, primary| Index {
        name: name.into(),
        unique: true,
        primary,
        parts: vec![IndexPart::Column(column.into())],
        predicate: None,
        definition: String::new(),
    };
    let mut t = of("t", &["id int", "code text"]);
    t.indexes = vec![unique("p", "id", true), unique("u", "code", false)];
    assert_eq!((telling_apart(&t), also_unique(&t)), (vec!["id".to_owned()], vec![vec!["code".to_owned()]]));
    assert!(telling_apart(&of("t", &["-v int"])).is_empty());
}

#[test]
fn what_was_written_comes_back_parents_first_and_nothing_else_is_touched() {
    let mut child = of("a_child", &["id int", "parent int"]);
    child.foreign_keys.push(ForeignKey {
        name: "fk".into(),
        columns: vec!["parent".into()],
        references: TableName::new("main", "b_parent"),
        referenced_columns: Vec::new(),
        definition: String::new(),
        validated: true,
    });
    let tables = vec![child, of("b_parent", &["id int", "v text"])];
    let BackShapes { shapes, .. } = back_shapes(&catalog(tables.clone()), &catalog(tables), &[]);
    let rows = |at: usize, rows: &[&str]| side(&shapes.tables[at], rows);
    let sides = BTreeMap::from([
        (0, (rows(0, &["1 1", "2 1"]), rows(0, &["2 9", "3 9"]))),
        (1, (rows(1, &["1 old", "5 same"]), rows(1, &["5 same", "9 new"]))),
    ]);
    let (operations, counts) = back(&shapes, sides);
    assert_eq!(counts[&0], BackCounts { inserted: 1, updated: 1, deleted: 1 });
    assert_eq!(counts[&1], BackCounts { inserted: 1, updated: 0, deleted: 1 });
    let done: Vec<(usize, String)> =
        operations.iter().map(|o| (o.table, String::from_utf8_lossy(o.key[0].bytes().unwrap()).into_owned())).collect();
    let at = |table: usize, key: &str| done.iter().position(|d| *d == (table, key.to_owned())).unwrap();
    assert_eq!(done.len(), 5);
    assert!(at(1, "9") < at(0, "2") && at(1, "9") < at(0, "3"), "a child before its parent: {done:?}");
    assert!(at(0, "1") < at(1, "1") && at(0, "2") < at(1, "1"), "a parent goes before its children: {done:?}");
}

fn inverse(table: &str, touched_by: &[&str]) -> Inverse {
    Inverse {
        table: table.into(),
        select: "select 1".into(),
        touched_by: touched_by.iter().map(|t| (*t).to_owned()).collect(),
        origin: Origin { layer: "program".into(), file: "greenroom.toml".into(), span: (0, 0) },
    }
}

#[test]
fn what_the_program_gives_back_goes_before_what_looks_alike() {
    let former = catalog(vec![of("client", &["id int", "name text"]), of("visit", &["id int"])]);
    let new = catalog(vec![of("person", &["nr int", "one text", "two text"]), of("visit", &["id int"])]);
    let made = back_shapes(&former, &new, &[inverse("client", &["person"])]);
    let fates: Vec<(&str, String)> = made.written.iter().map(|w| (w.short.as_str(), format!("{:?}", w.fate))).collect();
    let gives = format!("{:?}", Fate::Inverse { of: "client".into() });
    assert_eq!(fates, [("person", gives.clone()), ("visit", format!("{:?}", Fate::Carried { without: Vec::new() })), ("client", gives)]);
    let names: Vec<&str> = made.shapes.tables.iter().map(|s| s.short.as_str()).collect();
    assert_eq!(names, ["client", "visit"]);
    let given = Given { at: 0, select: "select 1".into(), touched_by: vec![TableName::new("main", "person")] };
    assert_eq!((made.given, made.unusable), (vec![given], Vec::new()));
    // A table that says which rows were touched, and has its own place in the former version, keeps it.
    let made = back_shapes(&former, &new, &[inverse("client", &["person", "visit"])]);
    assert!(made.written.iter().any(|w| w.short == "visit" && matches!(w.fate, Fate::Carried { .. })));
    assert_eq!(made.shapes.tables.len(), 2);
    // In place of a table that has its name and its shape still.
    let made = back_shapes(&former, &new, &[inverse("visit", &[])]);
    assert_eq!(made.shapes.tables.iter().filter(|s| s.short == "visit").count(), 1);
    assert!(made.given[0].touched_by.is_empty());
}

#[test]
fn an_inverse_that_fits_no_table_is_told_and_not_used() {
    let mut two = of("pair", &["a int", "b int"]);
    two.primary_key.push("b".into());
    let former = catalog(vec![of("client", &["id int"])]);
    let new = catalog(vec![two, of("heap", &["-v int"])]);
    let told = |inverse: Inverse| back_shapes(&former, &new, &[inverse]).unusable.join("");
    assert!(told(inverse("nobody", &["pair"])).contains("the former version does not have the table"));
    assert!(told(inverse("client", &["pairs"])).contains("did you mean `pair`"));
    assert!(told(inverse("client", &["pair"])).contains("(a, b) cannot be the key of its rows (id)"));
    assert!(told(inverse("client", &["heap"])).contains("`whole = true`"));
}
