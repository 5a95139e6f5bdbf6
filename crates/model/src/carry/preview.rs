//! What `refresh --preview` shows: everything that is taken, reported, in conflict, lost or left behind. It holds values, because people must see
//! what they decide; `Debug` does not show them. Owns the data; does not own tables, JSON and HTML made of it.

use super::cell::{Cell, Key};
use super::compare::Report;
use super::conflict::{Conflict, ConflictKind};
use super::order::Act;
use super::plan::CarryPlan;
use super::shape::{Into, KeyForm, Shapes, TableShape};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One row that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The row's key.
    pub key: Key,
    /// What is done in the end: `insert`, `update` or `delete`.
    pub what: String,
    /// Value by column's name; none for a deleted row.
    pub cells: BTreeMap<String, Cell>,
}

/// How many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Rows inserted.
    pub inserted: u64,
    /// Rows updated.
    pub updated: u64,
    /// Cells of updated rows.
    pub cells: u64,
    /// Rows deleted.
    pub deleted: u64,
    /// Reports.
    pub reports: u64,
    /// Conflicts, resolved ones included.
    pub conflicts: u64,
    /// Conflicts that a person has to decide.
    pub open: u64,
}

/// One table of the preview.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TablePreview {
    /// As program files write it.
    pub table: String,
    /// See [`Counts`].
    pub counts: Counts,
    /// What is taken from the pilot, by key.
    pub taken: Vec<Taken>,
    /// Production's own later changes, and what is withheld.
    pub reports: Vec<Report>,
    /// Conflicts.
    pub conflicts: Vec<Conflict>,
    /// Columns that never travel, because they were masked, emptied or neutralised.
    pub tainted: Vec<String>,
}

/// The whole preview.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// Tables with anything to say, by name.
    pub tables: Vec<TablePreview>,
    /// Over all tables.
    pub counts: Counts,
    /// Records entered or changed on the pilot that are lost, by table; counted by the caller.
    pub lost_records: BTreeMap<String, u64>,
    /// What else is not carried, with reasons; from the caller.
    pub not_carried: Vec<(String, String)>,
    /// What it is carried into: unmasked data keeps what production changed later, a pilot does not.
    #[serde(default)]
    pub into: Into,
}

impl Preview {
    /// Makes the preview of a plan.
    pub fn new(plan: &CarryPlan, shapes: &Shapes, lost_records: BTreeMap<String, u64>, not_carried: Vec<(String, String)>) -> Preview {
        let mut taken: Vec<BTreeMap<&Key, Taken>> = vec![BTreeMap::new(); shapes.tables.len()];
        for operation in &plan.operations {
            let shape = &shapes.tables[operation.table];
            let (what, cells) = match &operation.act {
                Act::Insert { cells } => ("insert", Some(cells)),
                Act::Update { cells } => ("update", Some(cells)),
                Act::Delete => ("delete", None),
            };
            let entry = taken[operation.table].entry(&operation.key);
            let new = || Taken { key: operation.key.clone(), what: what.to_owned(), cells: BTreeMap::new() };
            let row = entry.or_insert_with(new);
            // A row in several steps is shown as it will be.
            match cells {
                Some(cells) => row.cells.extend(cells.iter().map(|(at, c)| (shape.columns[*at].name.clone(), c.clone()))),
                None => *row = new(),
            }
        }
        let mut tables = Vec::new();
        let mut total = Counts::default();
        for ((shape, table), taken) in shapes.tables.iter().zip(&plan.tables).zip(taken) {
            let mut taken: Vec<Taken> = taken.into_values().collect();
            let (mut reports, mut conflicts) = (table.reports.clone(), table.conflicts.clone());
            if shapes.into == Into::Raw {
                reports.iter_mut().for_each(|r| withhold(shape, r.column.as_deref(), &mut r.new));
                for c in &mut conflicts {
                    withhold(shape, c.column.as_deref(), &mut c.new);
                    // What the row would be: the pilot's cells over production's.
                    if matches!(c.kind, ConflictKind::MissingParent | ConflictKind::Occupied | ConflictKind::Referenced) {
                        withhold(shape, c.column.as_deref(), &mut c.pilot);
                    }
                }
            }
            if shape.key == KeyForm::WholeRow {
                // The last one numbers equal rows, which says nothing to people.
                let keys = taken.iter_mut().map(|t| &mut t.key).chain(reports.iter_mut().map(|r| &mut r.key));
                keys.chain(conflicts.iter_mut().map(|c| &mut c.key)).for_each(|key| drop(key.pop()));
            }
            let count = |what: &str| len(taken.iter().filter(|t| t.what == what).count());
            let counts = Counts {
                inserted: count("insert"),
                updated: count("update"),
                cells: len(taken.iter().filter(|t| t.what == "update").map(|t| t.cells.len()).sum()),
                deleted: count("delete"),
                reports: len(table.reports.len()),
                conflicts: len(table.conflicts.len()),
                open: len(table.conflicts.iter().filter(|c| c.taken.is_none()).count()),
            };
            total.add(counts);
            if counts != Counts::default() {
                tables.push(TablePreview {
                    table: shape.short.clone(),
                    counts,
                    taken,
                    reports,
                    conflicts,
                    tainted: shape.columns.iter().filter(|c| c.tainted.is_some()).map(|c| c.name.clone()).collect(),
                });
            }
        }
        Preview { tables, counts: total, lost_records, not_carried, into: shapes.into }
    }
}

/// Production's own values in columns that are masked on the pilot are nobody's to see: they are told to be there, no more.
fn withhold(shape: &TableShape, column: Option<&str>, cells: &mut Option<Vec<Cell>>) {
    let Some(cells) = cells else { return };
    for (at, cell) in cells.iter_mut().enumerate().filter(|(_, c)| !c.is_null()) {
        let of = match column {
            Some(named) => named.split(',').nth(at).or(Some(named)).and_then(|c| shape.index(c)),
            None => Some(at),
        };
        if of.is_some_and(|c| shape.columns[c].tainted.is_some()) {
            *cell = Cell::text("(withheld)");
        }
    }
}

impl Counts {
    fn add(&mut self, other: Counts) {
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.cells += other.cells;
        self.deleted += other.deleted;
        self.reports += other.reports;
        self.conflicts += other.conflicts;
        self.open += other.open;
    }
}

fn len(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
