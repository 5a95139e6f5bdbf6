//! What references ask for once rows are compared (P21): a carried row's parents must be there, and a row that others refer to must stay. Owns
//! the questions that only the database can answer about records, and giving up or adapting what would leave a reference without its row.
//!
//! Everything only ever gives up changes, so that it ends.

use super::cell::{Cell, Key};
use super::compare::{Change, Draft, Report, ReportKind};
use super::conflict::{About, ConflictKind, Take, Words};
use super::references::Reference;
use super::shape::{Into, Shapes, TableShape};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What the database is asked before the plan is finished.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Questions {
    /// By index of a reference into records: the values (of the referenced columns) that carried rows refer to.
    pub parents: BTreeMap<usize, BTreeSet<Vec<Cell>>>,
    /// By index of a reference from records: the values (of the referenced columns) that would no longer be there.
    pub children: BTreeMap<usize, BTreeSet<Vec<Cell>>>,
    /// Values on their way into unmasked data, which may stand in masked columns of the pilot ([`masked_columns`](super::masked_columns)).
    pub values: BTreeSet<Cell>,
}

/// What became of a record that configuration refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// It was there when the pilot was opened, and is there now.
    Same,
    /// It is there now but was not: a tester's record may have borne the same key, so that it is another one.
    Another,
    /// It is not there.
    Gone,
}

/// The database's answers. What is not answered counts as the worst: gone, and referred to.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// By reference and value.
    pub parents: BTreeMap<(usize, Vec<Cell>), Record>,
    /// Values to which no record refers, by reference.
    pub free: BTreeSet<(usize, Vec<Cell>)>,
    /// Those of [`Questions::values`] that do stand in masked columns of the pilot.
    pub masked: BTreeSet<Cell>,
}

/// Values shorter than this many bytes say too little: codes and numbers are alike everywhere.
pub(super) const TELLING: usize = 4;

/// Cells that a change takes from the pilot, by column.
fn carried(change: &Change) -> Vec<(usize, &Cell)> {
    match change {
        Change::Insert(cells) => cells.iter().enumerate().filter_map(|(at, c)| c.as_ref().map(|c| (at, c))).collect(),
        Change::Update(cells) => cells.iter().map(|(at, c)| (*at, c)).collect(),
        Change::Delete => Vec::new(),
    }
}

/// Whether it is an address that never leads anywhere (RFC 2606), as packs and masks write them.
pub(super) fn is_invalid(cell: &Cell) -> bool {
    let text = cell.bytes().map(|b| String::from_utf8_lossy(b).to_ascii_lowercase());
    text.is_some_and(|t| {
        t.match_indices(".invalid").any(|(at, w)| !t[at + w.len()..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-'))
    })
}

/// Leaves behind what may come from masked columns of the pilot, unless a person says that it does not.
fn planted(shapes: &Shapes, drafts: &mut [Draft], answers: &Answers, words: &Words<'_>) {
    for (shape, draft) in shapes.tables.iter().zip(drafts.iter_mut()) {
        let found: Vec<(Key, usize, Cell)> = draft
            .changes
            .iter()
            .flat_map(|(key, change)| carried(change).into_iter().map(move |(at, cell)| (key, at, cell)))
            .filter(|(_, _, cell)| is_invalid(cell) || answers.masked.contains(*cell))
            .map(|(key, at, cell)| (key.clone(), at, cell.clone()))
            .collect();
        for (key, at, cell) in found {
            let new = draft.new.get(&key).map(|row| vec![row[at].clone()]);
            let about = About {
                kind: ConflictKind::Planted,
                key: &key,
                column: Some(shape.columns[at].name.clone()),
                base: None,
                pilot: Some(&[cell]),
                new: new.as_deref(),
                choices: &[Take::Pilot, Take::Production],
            };
            let conflict = words.settle(&shape.table, &shape.short, about);
            let stays = conflict.taken.is_none_or(|(take, _)| take != Take::Pilot);
            draft.conflicts.push(conflict);
            if stays {
                give_up(draft, &key, Some(&[at]));
            }
        }
    }
}

/// A row's values in the columns of a reference; none where it refers to nothing.
pub(super) fn value(reference: &Reference, shape: &TableShape, columns: &[String], row: &[Cell]) -> Option<Vec<Cell>> {
    let cells: Vec<Cell> = columns.iter().filter_map(|c| shape.index(c)).map(|at| row[at].clone()).collect();
    let nulls = cells.iter().filter(|c| c.is_null()).count();
    let refers = if reference.simple { nulls == 0 } else { nulls < cells.len() };
    (refers && cells.len() == columns.len()).then_some(cells)
}

/// Whether a change of a row gives the referring columns other values.
fn touches(change: &Change, shape: &TableShape, columns: &[String]) -> bool {
    match change {
        Change::Insert(_) => true,
        Change::Update(cells) => columns.iter().filter_map(|c| shape.index(c)).any(|at| cells.contains_key(&at)),
        Change::Delete => false,
    }
}

/// Values that changes take away from the referenced columns, with the rows that had them.
fn taken_away(reference: &Reference, shape: &TableShape, draft: &Draft) -> Vec<(Vec<Cell>, Key)> {
    let mut out = Vec::new();
    for (key, change) in &draft.changes {
        let Some(row) = draft.new.get(key) else { continue };
        if *change != Change::Delete && !touches(change, shape, &reference.to_columns) {
            continue;
        }
        let before = value(reference, shape, &reference.to_columns, row);
        let after = draft.after(key).and_then(|row| value(reference, shape, &reference.to_columns, &row));
        out.extend(before.filter(|b| after.as_ref() != Some(b)).map(|b| (b, key.clone())));
    }
    out
}

/// What has to be asked about records.
pub(super) fn questions(shapes: &Shapes, drafts: &[Draft]) -> Questions {
    let mut questions = Questions::default();
    for (at, reference) in shapes.references.iter().enumerate() {
        if let (Some(from), true) = (reference.from_shape, reference.to_records) {
            let (shape, draft) = (&shapes.tables[from], &drafts[from]);
            let carried = draft.changes.iter().filter(|(_, c)| touches(c, shape, &reference.columns));
            let values = carried.filter_map(|(key, _)| value(reference, shape, &reference.columns, &draft.after(key)?));
            let values: BTreeSet<Vec<Cell>> = values.collect();
            if !values.is_empty() {
                questions.parents.insert(at, values);
            }
        }
        if let (Some(to), true) = (reference.to_shape, reference.from_records) {
            // Deletions that are given up on the way are asked about too: it costs a little and saves a second round.
            let values: BTreeSet<Vec<Cell>> = taken_away(reference, &shapes.tables[to], &drafts[to]).into_iter().map(|(v, _)| v).collect();
            if !values.is_empty() {
                questions.children.insert(at, values);
            }
        }
    }
    if shapes.into == Into::Raw {
        let cells = drafts.iter().flat_map(|d| d.changes.values()).flat_map(carried).map(|(_, cell)| cell);
        questions.values = cells.filter(|c| c.bytes().is_some_and(|b| b.len() >= TELLING)).cloned().collect();
    }
    questions
}

/// Gives up or adapts changes until every reference that a change is about has its row.
pub(super) fn close(shapes: &Shapes, drafts: &mut [Draft], answers: &Answers, words: &Words<'_>) {
    if shapes.into == Into::Raw {
        planted(shapes, drafts, answers, words);
    }
    let closing = Closing { shapes, answers, words };
    loop {
        let mut changed = false;
        for (shape, draft) in shapes.tables.iter().zip(drafts.iter_mut()) {
            changed |= closing.occupied(shape, draft);
        }
        for (at, reference) in shapes.references.iter().enumerate() {
            if let Some(from) = reference.from_shape {
                changed |= closing.parents(at, reference, from, drafts);
            }
            if let Some(to) = reference.to_shape {
                changed |= closing.children(at, reference, to, drafts);
            }
        }
        if !changed {
            return;
        }
    }
}

struct Closing<'a> {
    shapes: &'a Shapes,
    answers: &'a Answers,
    words: &'a Words<'a>,
}

impl Closing<'_> {
    /// The values that the referenced columns hold among configuration once changes are made.
    fn present(&self, reference: &Reference, drafts: &[Draft]) -> BTreeSet<Vec<Cell>> {
        let Some(to) = reference.to_shape else { return BTreeSet::new() };
        let draft = &drafts[to];
        let rows = draft.keys().into_iter().filter_map(|k| draft.after(k));
        rows.filter_map(|row| value(reference, &self.shapes.tables[to], &reference.to_columns, &row)).collect()
    }

    /// Rows whose parent will not be there. True if a change was given up or adapted.
    fn parents(&self, at: usize, reference: &Reference, from: usize, drafts: &mut [Draft]) -> bool {
        let shape = &self.shapes.tables[from];
        let concerned: Vec<Key> = {
            let changes = drafts[from].changes.iter();
            changes.filter(|(_, c)| touches(c, shape, &reference.columns)).map(|(k, _)| k.clone()).collect()
        };
        if concerned.is_empty() {
            return false;
        }
        let present = self.present(reference, drafts);
        let mut changed = false;
        for key in concerned {
            let draft = &mut drafts[from];
            let Some(wanted) = draft.after(&key).and_then(|row| value(reference, shape, &reference.columns, &row)) else { continue };
            let record = || {
                let answer = self.answers.parents.get(&(at, wanted.clone()));
                reference.to_records && answer == Some(&Record::Same)
            };
            if present.contains(&wanted) || record() {
                continue;
            }
            // A row that both sides had, with the reference that production gave it, stays as production has it.
            let columns: Vec<usize> = reference.columns.iter().filter_map(|c| shape.index(c)).collect();
            let mut may = columns.iter().map(|c| shape.columns[*c].nullable);
            let nullable = if reference.simple { may.any(|n| n) } else { may.all(|n| n) };
            let new = draft.new.get(&key).map(|row| columns.iter().map(|c| row[*c].clone()).collect::<Vec<_>>());
            let choices: &[Take] = if nullable { &[Take::Production, Take::Null] } else { &[Take::Production] };
            let about = About {
                kind: ConflictKind::MissingParent,
                key: &key,
                column: Some(reference.columns.join(",")),
                base: None,
                pilot: Some(&wanted),
                new: new.as_deref(),
                choices,
            };
            let conflict = self.words.settle(&shape.table, &shape.short, about);
            let null = conflict.taken.is_some_and(|(take, _)| take == Take::Null);
            draft.conflicts.push(conflict);
            match draft.changes.get_mut(&key) {
                Some(Change::Insert(cells)) if null => {
                    columns.iter().filter(|c| shape.columns[**c].nullable).for_each(|c| cells[*c] = Some(Cell::NULL));
                }
                Some(Change::Update(cells)) if null => {
                    columns.iter().filter(|c| shape.columns[**c].nullable).for_each(|c| drop(cells.insert(*c, Cell::NULL)));
                }
                _ => give_up(draft, &key, Some(&columns)),
            }
            changed = true;
        }
        changed
    }

    /// Rows that would be equal to another one in a unique key. True if a change was given up.
    fn occupied(&self, shape: &TableShape, draft: &mut Draft) -> bool {
        let mut changed = false;
        for columns in &shape.unique {
            if draft.changes.is_empty() {
                break;
            }
            let mut holders: BTreeMap<Vec<Cell>, Vec<Key>> = BTreeMap::new();
            for key in draft.keys() {
                if let Some(value) = draft.after(key).and_then(|row| unique_value(columns, &row)) {
                    holders.entry(value).or_default().push(key.clone());
                }
            }
            for (value, keys) in holders.into_iter().filter(|(_, keys)| keys.len() > 1) {
                let is_new = |k: &&Key| draft.new.get(*k).is_none_or(|row| unique_value(columns, row).as_ref() != Some(&value));
                let newcomers: Vec<Key> = keys.iter().filter(is_new).cloned().collect();
                for key in newcomers {
                    let new = draft.new.get(&key).map(|row| columns.iter().map(|c| row[*c].clone()).collect::<Vec<_>>());
                    let names: Vec<&str> = columns.iter().map(|c| shape.columns[*c].name.as_str()).collect();
                    let about = About {
                        kind: ConflictKind::Occupied,
                        key: &key,
                        column: Some(names.join(",")),
                        base: None,
                        pilot: Some(&value),
                        new: new.as_deref(),
                        choices: &[Take::Production],
                    };
                    let conflict = self.words.settle(&shape.table, &shape.short, about);
                    draft.conflicts.push(conflict);
                    give_up(draft, &key, Some(columns));
                    changed = true;
                }
            }
        }
        changed
    }

    /// Rows that are to go, or to be renumbered, while others refer to them. True if a change was given up.
    fn children(&self, at: usize, reference: &Reference, to: usize, drafts: &mut [Draft]) -> bool {
        let shape = &self.shapes.tables[to];
        let away = taken_away(reference, shape, &drafts[to]);
        if away.is_empty() {
            return false;
        }
        let present = self.present(reference, drafts);
        let referring: BTreeSet<Vec<Cell>> = match reference.from_shape {
            None => BTreeSet::new(),
            Some(from) => {
                let (shape, draft) = (&self.shapes.tables[from], &drafts[from]);
                let rows = draft.keys().into_iter().filter_map(|k| draft.after(k));
                rows.filter_map(|row| value(reference, shape, &reference.columns, &row)).collect()
            }
        };
        let mut changed = false;
        for (lost, key) in away {
            let by_record = reference.from_records && !self.answers.free.contains(&(at, lost.clone()));
            if present.contains(&lost) || !(by_record || referring.contains(&lost)) {
                continue;
            }
            let draft = &mut drafts[to];
            let new = draft.new.get(&key).cloned();
            if draft.set_aside.contains(&key) {
                draft.reports.retain(|r| r.key != *key || r.kind != ReportKind::ProductionInserted);
                draft.reports.push(Report { key: key.clone(), column: None, kind: ReportKind::Needed, base: None, new });
            } else {
                let after = draft.after(&key);
                let about = About {
                    kind: ConflictKind::Referenced,
                    key: &key,
                    column: None,
                    base: None,
                    pilot: after.as_deref(),
                    new: new.as_deref(),
                    choices: &[Take::Production],
                };
                let conflict = self.words.settle(&shape.table, &shape.short, about);
                draft.conflicts.push(conflict);
            }
            let columns: Vec<usize> = reference.to_columns.iter().filter_map(|c| shape.index(c)).collect();
            give_up(draft, &key, Some(&columns));
            changed = true;
        }
        changed
    }
}

/// A row's values in the columns of a unique key; none if one of them is NULL.
pub(super) fn unique_value(columns: &[usize], row: &[Cell]) -> Option<Vec<Cell>> {
    let cells: Vec<Cell> = columns.iter().map(|c| row[*c].clone()).collect();
    cells.iter().all(|c| !c.is_null()).then_some(cells)
}

/// Takes a change back: of an update the named columns only.
fn give_up(draft: &mut Draft, key: &Key, columns: Option<&[usize]>) {
    let whole = match (draft.changes.get_mut(key), columns) {
        (Some(Change::Update(cells)), Some(columns)) => {
            columns.iter().for_each(|c| drop(cells.remove(c)));
            cells.is_empty()
        }
        _ => true,
    };
    if whole {
        draft.changes.remove(key);
        draft.set_aside.remove(key);
    }
}
