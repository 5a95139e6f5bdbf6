//! What people changed on the pilot since its configuration was last brought together with production's: row by row with the columns, and object by object of the schema;
//! whether each goes along when configuration is carried over, and the hashes by which a change is known again.
//!
//! Owns what counts as a change and what it is called. Does not own reading (`runner`), what becomes of it against production's own changes (`compare`), nor who says that it
//! is theirs (`process::changes`).

use super::cell::{CarryKey, Cell, Key};
use super::rows::Side;
use super::shape::{KeyForm, OnPilot, TableShape};
use crate::catalog::{Catalog, Table, TableName};
use crate::hash::Hash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was done to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RowDeed {
    /// It was not there.
    Inserted,
    /// Values are others.
    Changed,
    /// It is not there any more.
    Deleted,
    /// It is there, and the condition that makes rows configuration does not choose it any more.
    Left,
}

/// What is kept of a change to know it again: keyed hashes, which say nothing to whoever has not the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChangeId {
    /// Of the row.
    pub place: Hash,
    /// Of what was done to it.
    pub seen: Hash,
}

/// One value; redacted in `Debug`, as cells are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ValueChange {
    /// The column.
    pub column: String,
    /// Before; left out of a new row, and where it is withheld.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<Cell>,
    /// Now; left out of a deleted row, and where it is withheld.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<Cell>,
    /// The column was masked, emptied or neutralised: its values are not shown, and it does not go along by itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub withheld: bool,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowChange {
    /// Its key; without one where the table has none, or does not keep it on the pilot.
    pub key: Option<Key>,
    /// What was done to it.
    pub what: RowDeed,
    /// See [`ChangeId`].
    pub id: ChangeId,
    /// Values, in the table's order.
    pub values: Vec<ValueChange>,
    /// Why nothing of the row goes along; none where something does.
    pub not_carried: Option<&'static str>,
}

/// Why nothing of a table goes along, whatever is done to its rows.
pub fn stays(shape: &TableShape) -> Option<&'static str> {
    let tainted = |at: &usize| shape.columns[*at].tainted.is_some();
    match &shape.key {
        KeyForm::Columns(key) if key.iter().any(tainted) => Some("its key is masked on the pilot"),
        KeyForm::WholeRow if (0..shape.columns.len()).any(|at| tainted(&at)) => Some("it has no key, and columns that are masked"),
        _ => None,
    }
}

/// The rows of one table that people changed, in the order of their keys. Columns that the pilot has not (any more) are not compared.
pub fn changes(shape: &TableShape, key: &CarryKey, base: &Side, pilot: &Side) -> Vec<RowChange> {
    let table = Compared { shape, key, stays: stays(shape) };
    let mut all = Vec::new();
    let (mut was, mut now) = (base.rows.iter().peekable(), pilot.rows.iter().peekable());
    // Both are in order: neither is copied, as there may be very many.
    loop {
        let order = match (was.peek(), now.peek()) {
            (None, None) => return all,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some((a, _)), Some((b, _))) => a.cmp(b),
        };
        let before = if order.is_le() { was.next() } else { None };
        let after = if order.is_ge() { now.next() } else { None };
        let Some((row, _)) = before.or(after) else { return all };
        let gone = || if pilot.outside.contains(row) { RowDeed::Left } else { RowDeed::Deleted };
        let what = match (before, after) {
            (Some(_), Some(_)) => RowDeed::Changed,
            (Some(_), None) => gone(),
            _ => RowDeed::Inserted,
        };
        all.extend(table.row(row, what, before.map(|(_, c)| c), after.map(|(_, c)| c)));
    }
}

struct Compared<'a> {
    shape: &'a TableShape,
    key: &'a CarryKey,
    stays: Option<&'static str>,
}

impl Compared<'_> {
    fn row(&self, row: &Key, what: RowDeed, was: Option<&Vec<Cell>>, now: Option<&Vec<Cell>>) -> Option<RowChange> {
        let mut values = Vec::new();
        // Names of columns and their cells, as they are hashed: what a mask made is another value in each generation.
        let (mut names, mut hashed): (Vec<&str>, Vec<Vec<Cell>>) = Default::default();
        for (at, column) in self.shape.columns.iter().enumerate().filter(|(_, c)| c.on_pilot != OnPilot::Missing) {
            let (before, after) = (was.map(|row| &row[at]), now.map(|row| &row[at]));
            let said = match what {
                RowDeed::Changed => before != after,
                _ => before.or(after).is_some_and(|c| !c.is_null()),
            };
            if !said {
                continue;
            }
            let withheld = column.tainted.is_some();
            let show = |cell: Option<&Cell>| cell.filter(|_| !withheld).cloned();
            values.push(ValueChange { column: column.name.clone(), was: show(before), now: show(after), withheld });
            if matches!(what, RowDeed::Inserted | RowDeed::Changed) {
                names.push(&column.name);
                hashed.push(before.filter(|_| !withheld).into_iter().chain(after).cloned().collect());
            }
        }
        if what == RowDeed::Changed && values.is_empty() {
            return None;
        }
        let deed = match what {
            RowDeed::Inserted => "inserted",
            RowDeed::Changed => "changed",
            RowDeed::Deleted => "deleted",
            RowDeed::Left => "left",
        };
        let place = self.key.hash(&["noted row", &self.shape.short], &[Some(row.as_slice())]);
        let words: Vec<&str> = ["noted change", self.shape.short.as_str(), deed].into_iter().chain(names).collect();
        let parts: Vec<Option<&[Cell]>> = [Some(row.as_slice())].into_iter().chain(hashed.iter().map(|c| Some(c.as_slice()))).collect();
        let masked = !values.is_empty() && values.iter().all(|v| v.withheld);
        let not_carried = match what {
            _ if self.stays.is_some() => self.stays,
            RowDeed::Left => Some("it is no configuration any more"),
            RowDeed::Changed if masked => Some("only masked columns were changed"),
            _ => None,
        };
        Some(RowChange { key: self.shown(row), what, id: ChangeId { place, seen: self.key.hash(&words, &parts) }, values, not_carried })
    }

    fn shown(&self, row: &Key) -> Option<Key> {
        match &self.shape.key {
            KeyForm::Columns(key) if key.iter().all(|at| self.shape.columns[*at].tainted.is_none()) => Some(row.clone()),
            _ => None,
        }
    }
}

/// A key as a person reads and types it: values with commas between them, bytes as `0x…`.
pub fn key_text(key: &Key) -> String {
    let one = |cell: &Cell| match cell.bytes() {
        None => "NULL".to_owned(),
        Some(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().fold("0x".to_owned(), |text, b| format!("{text}{b:02x}")),
        },
    };
    key.iter().map(one).collect::<Vec<_>>().join(",")
}

/// What was done to an object of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Altering {
    /// It was not there.
    Made,
    /// It is another one.
    Altered,
    /// It is not there any more.
    Dropped,
}

impl Altering {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Altering::Made => "made",
            Altering::Altered => "altered",
            Altering::Dropped => "dropped",
        }
    }
}

/// An object of the schema that people made, altered or dropped. It is never carried over: what the schema is says the upgrade.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SchemaChange {
    /// `table`, `column`, `index`, `view`, `trigger` …
    pub kind: String,
    /// Its name, with the table's where it belongs to one.
    pub name: String,
    /// What was done.
    pub what: Altering,
    /// The table that it belongs to.
    #[serde(skip)]
    pub table: Option<TableName>,
    /// Keyed hash of what it is now.
    pub id: Hash,
}

/// What people did to the schema. Sizes, settings and versions do not count.
pub fn schema_changes(key: &CarryKey, was: &Catalog, now: &Catalog) -> Vec<SchemaChange> {
    let (before, after) = (parts(was), parts(now));
    let mut all = Vec::new();
    let mut change = |at: &Part, what, definition: &str| {
        let id = key.hash(&["noted schema", &at.0, &at.1, Altering::word(what), definition], &[]);
        all.push(SchemaChange { kind: at.0.clone(), name: at.1.clone(), what, table: at.2.clone(), id });
    };
    // Of a table that came or went, nobody wants to read every column.
    let whole = |at: &Part, other: &Catalog| at.0 != "table" && at.2.as_ref().is_some_and(|t| other.table(t).is_none());
    for (at, definition) in &before {
        match after.get(at) {
            None if whole(at, now) => {}
            None => change(at, Altering::Dropped, ""),
            Some(other) if other != definition => change(at, Altering::Altered, other),
            Some(_) => {}
        }
    }
    for (at, definition) in after.iter().filter(|(at, _)| !before.contains_key(*at) && !whole(at, was)) {
        change(at, Altering::Made, definition);
    }
    all.sort();
    all
}

/// Kind, name, and the table that it belongs to.
type Part = (String, String, Option<TableName>);

/// Everything that a schema is made of, with its definition.
fn parts(catalog: &Catalog) -> BTreeMap<Part, String> {
    let mut all = BTreeMap::new();
    for table in &catalog.tables {
        of_table(catalog, table, &mut all);
    }
    for o in &catalog.objects {
        all.insert((o.kind.clone(), o.name.clone(), None), o.definition.clone());
    }
    all
}

fn of_table(catalog: &Catalog, table: &Table, all: &mut BTreeMap<Part, String>) {
    let short = table.name.short(catalog.engine);
    let mut add =
        |kind: &str, name: String, definition: String| drop(all.insert((kind.into(), name, Some(table.name.clone())), definition));
    add("table", short.clone(), format!("{:?}", (&table.form, &table.primary_key, &table.properties)));
    for c in &table.columns {
        add("column", format!("{short}.{}", c.name), format!("{c:?}"));
    }
    for i in &table.indexes {
        add("index", format!("{} of {short}", i.name), format!("{i:?}"));
    }
    for k in &table.foreign_keys {
        add("foreign key", format!("{} of {short}", k.name), format!("{:?}", (&k.columns, &k.references, &k.definition)));
    }
    for (at, c) in table.checks.iter().enumerate() {
        // Some have no name, and their text may hold values: their place tells them apart.
        let name = if c.name.is_empty() { format!("number {}", at + 1) } else { c.name.clone() };
        add("check", format!("{name} of {short}"), c.sql.clone());
    }
}
