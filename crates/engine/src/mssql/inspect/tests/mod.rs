//! Statements and the neutral picture from rows that are made by hand: what no server on the developer's machine can show. The expected texts are
//! T-SQL of the manual.

mod objects;
mod tables;

use super::facts::Facts;
use super::rows::{ColumnRow, IndexKind, IndexRow, TableRows};

/// A column from facts in few words: type, bytes, and what differs from a plain nullable one.
fn column(name: &str, base: &str, bytes: &str, more: &[(&str, &str)]) -> ColumnRow {
    let mut facts = vec![("column_name", name), ("base_name", base), ("type_name", base), ("max_length", bytes), ("is_nullable", "1")];
    facts.retain(|(key, _)| !more.iter().any(|(k, _)| k == key));
    facts.extend(more);
    super::tables::column(&Facts::of(&facts), "Latin1_General_CI_AS")
}

fn index(name: &str, kind: IndexKind, keys: &[&str]) -> IndexRow {
    IndexRow { name: name.into(), kind, keys: keys.iter().map(|k| ((*k).to_owned(), false)).collect(), ..IndexRow::default() }
}

fn table(columns: Vec<ColumnRow>) -> TableRows {
    TableRows { schema: "dbo".into(), name: "t".into(), id: "7".into(), columns, ..TableRows::default() }
}
