//! Exports: what leaves the pilot, in which form.

use super::*;

fn of(shape: &TableShape, base: &[&str], pilot: &[&str], masked: &[&str], all: bool) -> (String, Vec<HeldBack>) {
    let masked = masked.iter().map(|m| Cell::text(m)).collect();
    let (table, held) = export(shape, &side(shape, base), &side(shape, pilot), &masked, all, None);
    (serde_json::to_string(&table.rows).unwrap(), held)
}

#[test]
fn rows_leave_as_they_were_and_as_they_are_without_what_never_travels() {
    let shape = table("status", &["!id", "label", "~secret"]);
    let (base, pilot) = (["1 Open s", "2 Lost s", "3 Same s"], ["1 Open! t", "3 Same t", "9 - made"]);
    let (rows, held) = of(&shape, &base, &pilot, &[], false);
    assert_eq!(
        rows,
        r#"[{"was":{"id":"1","label":"Open"},"now":{"id":"1","label":"Open!"}},{"was":{"id":"2","label":"Lost"},"now":null},{"was":null,"now":{"id":"9","label":null}}]"#
    );
    assert_eq!(held, []);
    let (rows, _) = of(&shape, &base, &pilot, &[], true);
    assert!(rows.contains(r#"{"now":{"id":"3","label":"Same"}}"#), "{rows}");
}

#[test]
fn what_may_come_from_masked_rows_stays() {
    let shape = table("status", &["!id", "label"]);
    let (rows, held) = of(&shape, &["1 a", "2 Marlow"], &["1 Marlow", "2 Marlow", "3 x@shop.invalid", "4 Marlowe"], &["Marlow"], true);
    assert_eq!(held.iter().map(|h| (h.key.clone(), h.column.as_str())).collect::<Vec<_>>(), [(key("1"), "label"), (key("3"), "label")]);
    assert_eq!(rows, r#"[{"now":{"id":"2","label":"Marlow"}},{"was":null,"now":{"id":"4","label":"Marlowe"}}]"#);
    let asked = telling(&shape, &side(&shape, &["1 a"]), &side(&shape, &["1 abcd", "2 abc"]), false, None);
    assert_eq!(asked, [Cell::text("abcd")].into());
}

#[test]
fn rows_without_a_key_leave_as_wholes() {
    let mut shape = table("log", &["a", "b"]);
    shape.key = KeyForm::WholeRow;
    let (rows, _) = of(&shape, &["x 1", "x 1"], &["x 1", "y 2"], &[], false);
    // The one that stays tells how many there are.
    assert_eq!(rows, r#"[{"now":{"a":"x","b":"1"}},{"was":{"a":"x","b":"1"},"now":null},{"was":null,"now":{"a":"y","b":"2"}}]"#);
}

/// A file as it is read back.
fn file(shape: &TableShape, base: &[&str], pilot: &[&str], all: bool) -> ExportedTable {
    let (table, _) = export(shape, &side(shape, base), &side(shape, pilot), &BTreeSet::new(), all, None);
    serde_json::from_str(&serde_json::to_string_pretty(&table).unwrap()).unwrap()
}

#[test]
fn a_file_is_read_back_as_the_two_sides_it_was_made_of() {
    let shape = table("status", &["!id", "label", "~secret", "n"]);
    let read = file(&shape, &["1 Open s 1", "2 Lost s 2", "3 Same s 3"], &["1 Open! t 1", "3 Same t 3", "9 - made 9"], true);
    let mut fitted = shape.clone();
    let imported = import(&mut fitted, &read, false).unwrap();
    assert_eq!(imported.base, side(&shape, &["1 Open - 1", "2 Lost - 2", "3 Same - 3"]));
    assert_eq!(imported.pilot, side(&shape, &["1 Open! - 1", "3 Same - 3", "9 - - 9"]));
    assert!(imported.keys.len() == 4 && imported.no_place.is_empty());
    // What never left is nothing to compare with.
    assert_eq!(fitted.columns.iter().map(|c| c.on_pilot == OnPilot::Missing).collect::<Vec<_>>(), [false, false, true, false]);
    // As new ones: those that nobody changed have no base.
    assert_eq!(import(&mut shape.clone(), &read, true).unwrap().base, side(&shape, &["1 Open - 1", "2 Lost - 2"]));
}

#[test]
fn a_file_that_does_not_fit_is_refused_without_its_values() {
    let shape = table("status", &["!id", "label"]);
    let good = file(&shape, &["1 a"], &["1 hunter2"], false);
    let refused = |shape: &TableShape, change: &dyn Fn(&mut ExportedTable)| {
        let mut file = good.clone();
        change(&mut file);
        let why = import(&mut shape.clone(), &file, false).unwrap_err();
        assert!(!why.contains("hunter2"), "{why}");
        why
    };
    assert!(refused(&shape, &|f| f.form = "of another day".into()).contains("of another day"));
    assert!(refused(&shape, &|f| f.key = vec!["label".into()]).contains("told apart by label, those of the table by id"));
    assert!(refused(&shape, &|f| f.rows.push(f.rows[0].clone())).contains("row 2 has the key of one before it"));
    let cut = |f: &mut ExportedTable| {
        let mut row = f.rows[0].clone();
        row.now.iter_mut().for_each(|n| drop(n.0.pop()));
        f.rows.push(row);
    };
    assert!(refused(&shape, &cut).contains("row 2 names other columns"));
    assert!(refused(&table("status", &["!code", "label"]), &|_| ()).contains("those of the table by code"));
    let no_key = |f: &mut ExportedTable| {
        f.rows[0].was = None;
        f.rows[0].now.iter_mut().for_each(|n| drop(n.0.remove(0)));
    };
    assert!(refused(&shape, &no_key).contains("lacks the column `id` of the key"));
    let narrower = table("status", &["!id"]);
    assert_eq!(import(&mut narrower.clone(), &good, false).unwrap().no_place, ["label"]);
    let mut whole = table("status", &["a", "label"]);
    whole.key = KeyForm::WholeRow;
    let mut other = good.clone();
    other.key = Vec::new();
    assert!(import(&mut whole, &other, false).unwrap_err().contains("no row would be found again"));
}

#[test]
fn equal_rows_come_in_as_often_as_they_left() {
    let mut shape = table("log", &["a", "b"]);
    shape.key = KeyForm::WholeRow;
    let read = file(&shape, &["x 1", "x 1"], &["x 1", "x 1", "x 1"], false);
    let imported = import(&mut shape, &read, false).unwrap();
    assert_eq!((imported.base.rows.len(), imported.pilot.rows.len()), (2, 3));
}
