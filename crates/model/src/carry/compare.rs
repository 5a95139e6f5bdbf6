//! The three-way comparison of one table, row by row and cell by cell. Owns what becomes a change, a conflict or a report; does not own what
//! references ask for afterwards (`closure`).

use super::cell::{Cell, Key};
use super::conflict::{About, Conflict, ConflictKind, Take, Words};
use super::rows::Side;
use super::shape::{OnPilot, TableShape};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What becomes of configuration that production changed after the pilot's base, where the pilot left it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Later {
    /// It stays in the new generation: production's value wins where the pilot has none of its own.
    Kept,
    /// It is taken back, so that the pilot's configuration stays exactly as it is (C2); rows that the new generation's other rows need stay.
    SetAside,
}

/// What happens to one row of the new generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Inserted; `None` leaves a column to its default, or NULL.
    Insert(Vec<Option<Cell>>),
    /// Values by column.
    Update(BTreeMap<usize, Cell>),
    /// Deleted.
    Delete,
}

/// Something to know that nobody has to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    /// Production changed a value that the pilot left alone.
    ProductionChanged,
    /// Production inserted a row.
    ProductionInserted,
    /// Production deleted a row that the pilot left alone.
    ProductionDeleted,
    /// Production's new row stays although later changes are set aside, because other rows of the new generation need it.
    Needed,
    /// A value does not travel with its row, because its column was masked, emptied or neutralised: the default or NULL is put in its place.
    Withheld,
}

/// One report; values are redacted in `Debug`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Report {
    /// The row's key.
    pub key: Key,
    /// The column, where it is about one value.
    pub column: Option<String>,
    /// What.
    pub kind: ReportKind,
    /// In the base: one value, or the row.
    pub base: Option<Vec<Cell>>,
    /// In the new generation.
    pub new: Option<Vec<Cell>>,
}

/// A row of the base that the next carry-over compares with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseRow {
    /// In the order of the shape's columns.
    pub cells: Vec<Cell>,
    /// Columns (indices) whose value is what the generation has there when it is opened, whatever `cells` say.
    pub as_opened: Vec<usize>,
}

/// What production changed of a row that the pilot left alone.
#[derive(Clone, Debug)]
pub(super) enum Theirs {
    Inserted,
    /// The base's values, by column.
    Changed(BTreeMap<usize, Cell>),
    /// The base's row.
    Deleted(Vec<Cell>),
}

/// One table, compared.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub new: BTreeMap<Key, Vec<Cell>>,
    pub changes: BTreeMap<Key, Change>,
    pub conflicts: Vec<Conflict>,
    pub reports: Vec<Report>,
    /// Changes that only take production's later ones back: given up without a word where something needs the row.
    pub set_aside: BTreeSet<Key>,
    /// What production alone changed.
    pub theirs: BTreeMap<Key, Theirs>,
}

impl Draft {
    /// A row's cells once the changes are made; a cell that is left to its default counts as NULL.
    pub fn after(&self, key: &Key) -> Option<Vec<Cell>> {
        match self.changes.get(key) {
            None => self.new.get(key).cloned(),
            Some(Change::Delete) => None,
            Some(Change::Insert(cells)) => Some(cells.iter().map(|c| c.clone().unwrap_or_default()).collect()),
            Some(Change::Update(cells)) => {
                let mut row = self.new.get(key)?.clone();
                for (column, cell) in cells {
                    row[*column] = cell.clone();
                }
                Some(row)
            }
        }
    }

    /// The base of the next carry-over: production's side, but the present base where production's change was set aside. So what was taken from
    /// the pilot goes on being the pilot's, and what was set aside goes on being production's.
    pub fn next_base(&self, shape: &TableShape) -> Vec<BaseRow> {
        let mut rows: BTreeMap<&Key, BaseRow> =
            self.new.iter().map(|(k, cells)| (k, BaseRow { cells: cells.clone(), as_opened: vec![] })).collect();
        for (key, theirs) in &self.theirs {
            let after = self.after(key);
            match (theirs, after) {
                (Theirs::Inserted, None) => drop(rows.remove(key)),
                (Theirs::Changed(cells), Some(after)) => {
                    let Some(row) = rows.get_mut(key) else { continue };
                    cells.iter().filter(|(at, cell)| after[**at] == **cell).for_each(|(at, cell)| row.cells[*at] = cell.clone());
                }
                (Theirs::Deleted(base), Some(_)) => {
                    let stay = |c: &super::shape::ColumnShape| c.tainted.is_some() || c.on_pilot == OnPilot::Missing;
                    let as_opened = shape.columns.iter().enumerate().filter(|(_, c)| stay(c)).map(|(at, _)| at).collect();
                    rows.insert(key, BaseRow { cells: base.clone(), as_opened });
                }
                _ => {}
            }
        }
        rows.into_values().collect()
    }

    /// Keys of all rows before or after.
    pub fn keys(&self) -> BTreeSet<&Key> {
        self.new.keys().chain(self.changes.keys()).collect()
    }
}

/// Compares one table.
pub(super) fn compare(shape: &TableShape, base: &Side, pilot: &Side, new: Side, later: Later, words: &Words<'_>) -> Draft {
    let keys: BTreeSet<Key> = base.rows.keys().chain(pilot.rows.keys()).chain(new.rows.keys()).cloned().collect();
    let draft = Draft { new: new.rows, ..Draft::default() };
    let mut table = Table { shape, later, words, draft };
    for key in keys {
        let (b, p) = (base.rows.get(&key), pilot.rows.get(&key));
        let n = table.draft.new.get(&key).cloned();
        let left = (pilot.outside.contains(&key), new.outside.contains(&key));
        table.row(&key, b.map(Vec::as_slice), p.map(Vec::as_slice), n.as_deref(), left);
    }
    table.draft
}

struct Table<'a> {
    shape: &'a TableShape,
    later: Later,
    words: &'a Words<'a>,
    draft: Draft,
}

/// Base, pilot, new generation; none where there is no row.
type Three<T> = (Option<T>, Option<T>, Option<T>);

const EITHER: &[Take] = &[Take::Pilot, Take::Production];
const PRODUCTION: &[Take] = &[Take::Production];

impl Table<'_> {
    fn row(&mut self, key: &Key, base: Option<&[Cell]>, pilot: Option<&[Cell]>, new: Option<&[Cell]>, left: (bool, bool)) {
        let rows = (base, pilot, new);
        match rows {
            (Some(b), Some(p), Some(n)) => self.cells(key, b, p, n),
            // The pilot's row went out of the configuration, or production's did while the pilot changed it: neither is a deletion.
            (Some(_), None, Some(_)) if left.0 => {
                self.conflict(ConflictKind::Left, key, rows, PRODUCTION);
            }
            (_, Some(p), None) if left.1 => {
                if base.is_none_or(|b| self.differ(b, p) || self.edited(b, p)) {
                    self.conflict(ConflictKind::Left, key, rows, PRODUCTION);
                } else {
                    self.report(ReportKind::ProductionDeleted, key, None, base, None);
                    self.draft.theirs.extend(base.map(|b| (key.clone(), Theirs::Deleted(b.to_vec()))));
                }
            }
            (Some(b), Some(p), None) => {
                if self.differ(b, p) || self.edited(b, p) {
                    let choices = if self.can_insert() { EITHER } else { PRODUCTION };
                    if self.conflict(ConflictKind::DeletedInProduction, key, rows, choices) == Some(Take::Pilot) {
                        self.insert(key, p, false);
                    }
                } else {
                    self.report(ReportKind::ProductionDeleted, key, None, Some(b), None);
                    self.draft.theirs.insert(key.clone(), Theirs::Deleted(b.to_vec()));
                    if self.later == Later::SetAside && self.can_insert() {
                        self.insert(key, p, false);
                    }
                }
            }
            (Some(b), None, Some(n)) => {
                let delete = !self.differ(b, n) || self.conflict(ConflictKind::DeletedOnPilot, key, rows, EITHER) == Some(Take::Pilot);
                if delete {
                    self.draft.changes.insert(key.clone(), Change::Delete);
                }
            }
            (None, Some(p), None) => self.insert(key, p, true),
            (None, Some(p), Some(n)) => {
                if self.differ(p, n) && self.conflict(ConflictKind::SameKey, key, rows, EITHER) == Some(Take::Pilot) {
                    let differing = self.travelling().filter(|c| p[*c] != n[*c]).map(|c| (c, p[c].clone())).collect();
                    self.draft.changes.insert(key.clone(), Change::Update(differing));
                }
                self.withheld(key, p, Some(n));
            }
            (None, None, Some(n)) => {
                self.report(ReportKind::ProductionInserted, key, None, None, Some(n));
                self.draft.theirs.insert(key.clone(), Theirs::Inserted);
                if self.later == Later::SetAside && !left.0 {
                    self.draft.changes.insert(key.clone(), Change::Delete);
                    self.draft.set_aside.insert(key.clone());
                }
            }
            (_, None, None) => {}
        }
    }

    fn cells(&mut self, key: &Key, base: &[Cell], pilot: &[Cell], new: &[Cell]) {
        let (mut update, mut theirs) = (BTreeMap::new(), BTreeMap::new());
        for (at, column) in self.shape.columns.iter().enumerate() {
            let (b, p, n) = (&base[at], &pilot[at], &new[at]);
            let edited = p != b;
            let one = |cell: &Cell| Some(vec![cell.clone()]);
            if column.on_pilot == OnPilot::Missing || (edited && p == n) || (!edited && (n == b || column.tainted.is_some())) {
                continue;
            }
            if edited && column.tainted.is_none() && n == b {
                update.insert(at, p.clone());
            } else if edited {
                let kind = if column.tainted.is_some() { ConflictKind::Tainted } else { ConflictKind::BothChanged };
                if self.cell_conflict(kind, key, at, (one(b), one(p), one(n)), EITHER) == Some(Take::Pilot) {
                    update.insert(at, p.clone());
                }
            } else {
                self.report(ReportKind::ProductionChanged, key, Some(at), one(b).as_deref(), one(n).as_deref());
                theirs.insert(at, b.clone());
                if self.later == Later::SetAside {
                    update.insert(at, b.clone());
                }
            }
        }
        if !update.is_empty() {
            self.draft.changes.insert(key.clone(), Change::Update(update));
        }
        if !theirs.is_empty() {
            self.draft.theirs.insert(key.clone(), Theirs::Changed(theirs));
        }
    }

    /// Inserts the pilot's row. What a person wrote into a tainted column of a row of their own is asked about, since a row may be a copy of
    /// another; what stood there before never travels.
    fn insert(&mut self, key: &Key, pilot: &[Cell], own: bool) {
        let mut cells: Vec<Option<Cell>> = Vec::new();
        for (at, column) in self.shape.columns.iter().enumerate() {
            let missing = column.on_pilot == OnPilot::Missing;
            if !missing && column.tainted.is_none() {
                cells.push(Some(pilot[at].clone()));
                continue;
            }
            let mut taken = None;
            if own && !missing && !pilot[at].is_null() {
                let values = (None, Some(vec![pilot[at].clone()]), None);
                taken = self.cell_conflict(ConflictKind::Tainted, key, at, values, EITHER);
                if taken.is_none() && !column.fills_itself() {
                    return;
                }
            } else if !missing && !pilot[at].is_null() {
                self.report(ReportKind::Withheld, key, Some(at), None, None);
            }
            let cell = (taken == Some(Take::Pilot)).then(|| pilot[at].clone());
            if cell.is_none() && !column.fills_itself() {
                self.conflict(ConflictKind::NoValue, key, (None, Some(pilot), None), PRODUCTION);
                return;
            }
            cells.push(cell);
        }
        self.draft.changes.insert(key.clone(), Change::Insert(cells));
    }

    /// Reports what stays behind of a row that both sides have.
    fn withheld(&mut self, key: &Key, pilot: &[Cell], new: Option<&[Cell]>) {
        for (at, column) in self.shape.columns.iter().enumerate() {
            if column.tainted.is_some() && column.on_pilot != OnPilot::Missing && new.is_none_or(|n| n[at] != pilot[at]) {
                self.report(ReportKind::Withheld, key, Some(at), None, None);
            }
        }
    }

    /// Columns that travel.
    fn travelling(&self) -> impl Iterator<Item = usize> {
        let free = |c: &super::shape::ColumnShape| c.tainted.is_none() && c.on_pilot != OnPilot::Missing;
        self.shape.columns.iter().enumerate().filter(move |(_, c)| free(c)).map(|(at, _)| at)
    }

    fn differ(&self, one: &[Cell], other: &[Cell]) -> bool {
        self.travelling().any(|c| one[c] != other[c])
    }

    /// Whether a person edited a tainted value.
    fn edited(&self, base: &[Cell], pilot: &[Cell]) -> bool {
        let columns = self.shape.columns.iter().enumerate();
        columns.filter(|(_, c)| c.tainted.is_some() && c.on_pilot != OnPilot::Missing).any(|(at, _)| base[at] != pilot[at])
    }

    fn can_insert(&self) -> bool {
        self.shape.columns.iter().all(|c| (c.tainted.is_none() && c.on_pilot != OnPilot::Missing) || c.fills_itself())
    }

    fn conflict(&mut self, kind: ConflictKind, key: &Key, (base, pilot, new): Three<&[Cell]>, choices: &[Take]) -> Option<Take> {
        self.settle(About { kind, key, column: None, base, pilot, new, choices })
    }

    fn cell_conflict(
        &mut self,
        kind: ConflictKind,
        key: &Key,
        column: usize,
        (base, pilot, new): Three<Vec<Cell>>,
        choices: &[Take],
    ) -> Option<Take> {
        let column = Some(self.shape.columns[column].name.clone());
        self.settle(About { kind, key, column, base: base.as_deref(), pilot: pilot.as_deref(), new: new.as_deref(), choices })
    }

    fn settle(&mut self, about: About<'_>) -> Option<Take> {
        let conflict = self.words.settle(&self.shape.table, &self.shape.short, about);
        let taken = conflict.taken.map(|(take, _)| take);
        self.draft.conflicts.push(conflict);
        taken
    }

    fn report(&mut self, kind: ReportKind, key: &Key, column: Option<usize>, base: Option<&[Cell]>, new: Option<&[Cell]>) {
        let column = column.map(|c| self.shape.columns[c].name.clone());
        let owned = |cells: Option<&[Cell]>| cells.map(<[Cell]>::to_vec);
        self.draft.reports.push(Report { key: key.clone(), column, kind, base: owned(base), new: owned(new) });
    }
}
