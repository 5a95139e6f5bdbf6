//! What counts as a change, what is shown of it, and when it is the same one.

use super::*;
use crate::catalog::{Catalog, EngineKind, Object};
use crate::hash::Hash;

fn all(shape: &TableShape, base: &[&str], pilot: &[&str]) -> Vec<RowChange> {
    changes(shape, &secret(), &side(shape, base), &side(shape, pilot))
}

fn seen(shape: &TableShape, base: &[&str], pilot: &[&str]) -> Hash {
    let all = all(shape, base, pilot);
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].id.seen
}

#[test]
fn rows_are_told_in_the_order_of_their_keys_with_what_was_and_is() {
    let shape = table("status", &["!id", "name", "~mail", "+later"]);
    let found = all(
        &shape,
        &["1 Open a@x -", "2 Shut b@x -", "3 Lost c@x -", "5 Same d@x -"],
        &["1 Open z@x -", "2 Closed b@x -", "4 New e@x -", "5 Same d@x -"],
    );
    let told: Vec<(String, RowDeed, Vec<&str>)> =
        found.iter().map(|r| (key_text(r.key.as_ref().unwrap()), r.what, r.values.iter().map(|v| v.column.as_str()).collect())).collect();
    assert_eq!(
        told,
        [
            ("1".to_owned(), RowDeed::Changed, vec!["mail"]),
            ("2".to_owned(), RowDeed::Changed, vec!["name"]),
            ("3".to_owned(), RowDeed::Deleted, vec!["id", "name", "mail"]),
            ("4".to_owned(), RowDeed::Inserted, vec!["id", "name", "mail"]),
        ]
    );
    assert_eq!(found[0].not_carried, Some("only masked columns were changed"));
    assert_eq!((&found[1].values[0].was, &found[1].values[0].now), (&Some(Cell::text("Shut")), &Some(Cell::text("Closed"))));
    // Of a masked column neither value is there, in whichever way it is written.
    assert!(found[0].values[0].withheld && found[0].values[0].was.is_none() && found[0].values[0].now.is_none());
    let json = serde_json::to_string(&found).unwrap();
    assert!(json.contains("Closed") && !json.contains("@x"), "{json}");
    assert!(!format!("{found:?}").contains("Closed"));
    // NULL is a value, and is told from none.
    let null = all(&shape, &["1 - - -"], &["1 x - -"]);
    assert_eq!(serde_json::to_value(&null[0].values[0]).unwrap()["was"], serde_json::Value::Null);
    assert!(serde_json::to_value(&null[0].values[0]).unwrap().as_object().unwrap().contains_key("was"));
}

#[test]
fn a_change_is_known_again_as_long_as_it_is_the_same() {
    let shape = table("status", &["!id", "name", "~mail"]);
    let one = seen(&shape, &["1 a m"], &["1 b m"]);
    // What masks made of the row, in this generation or another, is not part of it; everything else is.
    assert_eq!(one, seen(&shape, &["1 a x"], &["1 b x"]));
    assert_ne!(one, seen(&shape, &["1 a m"], &["1 c m"]));
    assert_ne!(one, seen(&shape, &["1 z m"], &["1 b m"]));
    assert_ne!(one, seen(&shape, &["2 a m"], &["2 b m"]));
    assert_ne!(one, seen(&shape, &["1 a m"], &["1 b n"]), "what people write over a mask is theirs to note");
    assert_ne!(one, seen(&table("other", &["!id", "name", "~mail"]), &["1 a m"], &["1 b m"]));
    assert_ne!(seen(&shape, &[], &["1 b -"]), seen(&shape, &["1 b -"], &[]));
    let (a, b) = (all(&shape, &["1 a m"], &["1 b m"]), all(&shape, &["1 a m"], &["1 c m"]));
    assert_eq!(a[0].id.place, b[0].id.place);
    let other = changes(&shape, &CarryKey::new(&[8; 32]), &side(&shape, &["1 a m"]), &side(&shape, &["1 b m"]));
    assert_ne!(a[0].id, other[0].id, "hashes are keyed");
}

#[test]
fn rows_without_a_key_with_many_keys_and_with_masked_ones() {
    let mut shape = table("log", &["a", "b"]);
    shape.key = KeyForm::WholeRow;
    let found = all(&shape, &["1 x", "1 x"], &["1 x", "2 y"]);
    assert_eq!(found.iter().map(|r| (r.key.is_none(), r.what)).collect::<Vec<_>>(), [(true, RowDeed::Deleted), (true, RowDeed::Inserted)]);
    assert!(found.iter().all(|r| r.not_carried.is_none()));
    shape.columns[1] = column("~b");
    assert!(all(&shape, &["1 x"], &[]).iter().all(|r| r.not_carried == Some("it has no key, and columns that are masked")));

    let mut shape = table("pair", &["!a", "!b", "c"]);
    shape.key = KeyForm::Columns(vec![1, 0]);
    assert_eq!(key_text(all(&shape, &["1 2 x"], &["1 2 y"])[0].key.as_ref().unwrap()), "2,1");
    shape.columns[1] = column("~b");
    let masked = all(&shape, &["1 2 x"], &["1 2 y"]);
    assert!(masked[0].key.is_none() && masked[0].not_carried == Some("its key is masked on the pilot"), "{masked:?}");
    assert_eq!(key_text(&vec![Cell::new([0xff, 0x00]), Cell::NULL, Cell::text("Łódź")]), "0xff00,NULL,Łódź");
}

#[test]
fn a_hundred_thousand_changed_rows_are_told_one_by_one() {
    let shape = table("status", &["!id", "name"]);
    let rows = |name: &str, from: u32| {
        let mut side = Side::default();
        (from..from + 100_000).for_each(|n| side.push(&shape, None, vec![Cell::text(&format!("{n:07}")), Cell::text(name)]).unwrap());
        side
    };
    let found = changes(&shape, &secret(), &rows("a", 0), &rows("b", 50_000));
    let count = |what| found.iter().filter(|r| r.what == what).count();
    assert_eq!((count(RowDeed::Deleted), count(RowDeed::Changed), count(RowDeed::Inserted)), (50_000, 50_000, 50_000));
    let ids: BTreeSet<Hash> = found.iter().flat_map(|r| [r.id.place, r.id.seen]).collect();
    assert_eq!(ids.len(), 300_000);
}

#[test]
fn a_row_that_left_its_condition_was_not_deleted() {
    let shape = table("status", &["!id", "name"]);
    let mut pilot = side(&shape, &[]);
    pilot.outside.insert(key("1"));
    let found = changes(&shape, &secret(), &side(&shape, &["1 a", "2 b"]), &pilot);
    assert_eq!(
        found.iter().map(|r| (r.what, r.not_carried.is_some())).collect::<Vec<_>>(),
        [(RowDeed::Left, true), (RowDeed::Deleted, false)]
    );
}

#[test]
fn the_schema_is_compared_object_by_object() {
    let empty = Catalog {
        engine: EngineKind::Sqlite,
        version: String::new(),
        tables: vec![],
        objects: vec![],
        settings: BTreeMap::new(),
        outbound: vec![],
        not_carried: vec![],
        large_objects: 0,
    };
    let object = |kind: &str, name: &str, definition: &str| Object { kind: kind.into(), name: name.into(), definition: definition.into() };
    let was =
        Catalog { objects: vec![object("view", "v", "1"), object("trigger", "t", "1"), object("view", "same", "1")], ..empty.clone() };
    let now = Catalog { objects: vec![object("view", "v", "2"), object("view", "n", "1"), object("view", "same", "1")], ..empty };
    let found = schema_changes(&secret(), &was, &now);
    let told: Vec<(&str, &str, Altering)> = found.iter().map(|c| (c.kind.as_str(), c.name.as_str(), c.what)).collect();
    assert_eq!(told, [("trigger", "t", Altering::Dropped), ("view", "n", Altering::Made), ("view", "v", Altering::Altered)]);
    let third = Catalog { objects: vec![object("view", "v", "3")], ..now.clone() };
    let again = schema_changes(&secret(), &was, &third);
    assert_ne!(again.iter().find(|c| c.name == "v").unwrap().id, found[2].id, "altered once more");
    assert!(schema_changes(&secret(), &now, &now).is_empty());
}
