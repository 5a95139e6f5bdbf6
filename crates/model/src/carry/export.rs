//! Configuration as files that people read, compare and keep in git: what of it leaves the pilot, row by row. Owns the form and what is held back;
//! does not own reading rows, nor writing files.
//!
//! The form, one JSON document for each table: its name, the columns of its key, the columns that never leave the pilot, and the rows in the order
//! of their keys, each as it was in the base (where that differs) and as it is now; `null` where it was or is not there. A cell is written as
//! [`Cell`] is: a text, `null`, or `{"hex": "…"}`. Where they come into another database is `import`.

use super::cell::{Cell, Key};
use super::closure::{TELLING, is_invalid};
use super::rows::Side;
use super::shape::{KeyForm, OnPilot, TableShape};
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeSet;
use std::fmt;

/// What the files say they are.
pub const FORM: &str = "greenroom configuration 1";

/// Cells by column, in the table's order.
#[derive(Clone, PartialEq, Eq)]
pub struct Named(pub Vec<(String, Cell)>);

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(column, _)| column)).finish()
    }
}

impl Serialize for Named {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(Some(self.0.len()))?;
        for (column, cell) in &self.0 {
            map.serialize_entry(column, cell)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Named, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Named;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("values by column")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named, A::Error> {
                let mut entries: Vec<(String, Cell)> = Vec::new();
                while let Some((column, cell)) = map.next_entry::<String, Cell>()? {
                    if entries.iter().any(|(c, _)| *c == column) {
                        return Err(serde::de::Error::custom("a row names a column twice"));
                    }
                    entries.push((column, cell));
                }
                Ok(Named(entries))
            }
        }
        d.deserialize_map(Entries)
    }
}

/// What is there, `null` included; what is not there is none by default.
fn there<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Option<Named>>, D::Error> {
    Option::deserialize(d).map(Some)
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedRow {
    /// In the base; left out where it is the same as now.
    #[serde(default, deserialize_with = "there", skip_serializing_if = "Option::is_none")]
    pub was: Option<Option<Named>>,
    /// On the pilot.
    pub now: Option<Named>,
}

/// One table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedTable {
    /// [`FORM`].
    pub form: String,
    /// Name as program files write it.
    pub table: String,
    /// Columns by which rows are told apart; empty where a row is itself.
    pub key: Vec<String>,
    /// Columns that never leave the pilot, because they were masked, emptied or neutralised.
    pub withheld: Vec<String>,
    /// In the order of keys.
    pub rows: Vec<ExportedRow>,
}

/// A row that stays on the pilot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeldBack {
    /// Table as program files write it.
    pub table: String,
    /// The row's key (redacted in `Debug`).
    pub key: Key,
    /// The column whose value also stands in a masked column of the pilot, or is an address under `.invalid`.
    pub column: String,
}

/// Columns whose values may leave.
fn travelling(shape: &TableShape) -> Vec<usize> {
    let free = |at: &usize| shape.columns[*at].tainted.is_none() && shape.columns[*at].on_pilot != OnPilot::Missing;
    (0..shape.columns.len()).filter(free).collect()
}

/// Keys of the rows that are chosen, in order: those that people changed, or all; among `only` these where it is given. Without a key, rows that are
/// equal to a chosen one come along: how many of them there are is what was changed.
fn chosen<'s>(
    shape: &TableShape,
    columns: &[usize],
    base: &'s Side,
    pilot: &'s Side,
    all: bool,
    only: Option<&BTreeSet<Key>>,
) -> Vec<&'s Key> {
    let keys: BTreeSet<&Key> = base.rows.keys().chain(pilot.rows.keys()).collect();
    let cells = |side: &Side, key: &Key| side.rows.get(key).map(|row| columns.iter().map(|at| row[*at].clone()).collect::<Vec<_>>());
    let wanted = |key: &&Key| only.is_none_or(|only| only.contains(*key)) && (all || cells(base, key) != cells(pilot, key));
    let chosen: Vec<&Key> = keys.iter().copied().filter(wanted).collect();
    if shape.key != KeyForm::WholeRow {
        return chosen;
    }
    // The last cell numbers equal rows.
    let row = |key: &'s Key| key.split_last().map(|(_, row)| row);
    let changed: BTreeSet<_> = chosen.into_iter().map(row).collect();
    keys.into_iter().filter(|key| changed.contains(&row(key))).collect()
}

/// Values of chosen rows that have to be looked for in the pilot's masked columns ([`masked_columns`](super::masked_columns)).
pub fn telling(shape: &TableShape, base: &Side, pilot: &Side, all: bool, only: Option<&BTreeSet<Key>>) -> BTreeSet<Cell> {
    let columns = travelling(shape);
    let rows = chosen(shape, &columns, base, pilot, all, only).into_iter().filter_map(|key| pilot.rows.get(key));
    let cells = rows.flat_map(|row| columns.iter().map(|at| &row[*at]));
    cells.filter(|c| c.bytes().is_some_and(|b| b.len() >= TELLING)).cloned().collect()
}

/// One table's chosen rows, and those of them that stay. `masked` are the values that do stand in masked columns; where the base has such a value in
/// the same place, it was there before anybody could copy it.
pub fn export(
    shape: &TableShape,
    base: &Side,
    pilot: &Side,
    masked: &BTreeSet<Cell>,
    all: bool,
    only: Option<&BTreeSet<Key>>,
) -> (ExportedTable, Vec<HeldBack>) {
    let columns = travelling(shape);
    let named = |row: &Vec<Cell>| Named(columns.iter().map(|at| (shape.columns[*at].name.clone(), row[*at].clone())).collect());
    let (mut rows, mut held) = (Vec::new(), Vec::new());
    for key in chosen(shape, &columns, base, pilot, all, only) {
        let (was, now) = (base.rows.get(key), pilot.rows.get(key));
        let made_up = |at: &&usize| {
            let cell = now.map(|row| &row[**at]);
            cell.is_some_and(|c| (is_invalid(c) || masked.contains(c)) && was.map(|row| &row[**at]) != Some(c))
        };
        if let Some(at) = columns.iter().find(made_up) {
            held.push(HeldBack { table: shape.short.clone(), key: key.clone(), column: shape.columns[*at].name.clone() });
            continue;
        }
        let (was, now) = (was.map(named), now.map(named));
        rows.push(ExportedRow { was: (was != now).then_some(was), now });
    }
    let key = match &shape.key {
        KeyForm::Columns(key) => key.iter().map(|at| shape.columns[*at].name.clone()).collect(),
        KeyForm::WholeRow => Vec::new(),
    };
    let withheld = shape.columns.iter().filter(|c| c.tainted.is_some()).map(|c| c.name.clone()).collect();
    (ExportedTable { form: FORM.to_owned(), table: shape.short.clone(), key, withheld, rows }, held)
}
