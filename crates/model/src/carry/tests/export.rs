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
    assert_eq!(rows, r#"[{"was":{"a":"x","b":"1"},"now":null},{"was":null,"now":{"a":"y","b":"2"}}]"#);
}
