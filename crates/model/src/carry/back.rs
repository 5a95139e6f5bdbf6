//! Carrying back what was written since the new version went live (P28): which tables look as they did, how rows of the two sides are told apart, and the
//! changes that give the former side what the new one has. Owns that comparison; does not own which rows were touched (the engine notes them),
//! nor reading and writing them.

use super::cell::{Cell, Key};
use super::compare::{Change, Draft};
use super::order::{Act, Operation, order};
use super::references::Reference;
use super::rows::Side;
use super::shape::{ColumnShape, Into, KeyForm, OnPilot, Shapes, TableShape, keys};
use crate::catalog::{Catalog, Column, EngineKind, Generation, Table, TableName};
use crate::columns::names::{find_table, suggest_table};
use crate::program::Inverse;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What becomes of the rows of a table that were written since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum Fate {
    /// They are carried back. Values in columns that only the new version has are given up.
    Carried {
        /// Those columns.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        without: Vec<String>,
    },
    /// The program's query makes rows of this table of them, or gives this table's rows back.
    Inverse {
        /// The former version's table, as program files write it.
        of: String,
    },
    /// They are given up.
    GivenUp {
        /// Why.
        why: String,
    },
}

/// A table of the new version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Name.
    pub table: TableName,
    /// As program files write it.
    pub short: String,
    /// See [`Fate`].
    #[serde(flatten)]
    pub fate: Fate,
}

/// The former columns that hold a table's rows and that the new version has just so, or why rows cannot be carried back.
fn columns(former: &Table, new: &Table) -> Result<Vec<ColumnShape>, String> {
    let stored = |t: &'_ Table| t.columns.iter().filter(|c| c.generated != Some(Generation::Computed)).cloned().collect::<Vec<Column>>();
    let mut shapes = Vec::new();
    for column in stored(former) {
        match stored(new).iter().find(|c| c.name == column.name) {
            None => return Err(format!("its column `{}` is gone", column.name)),
            Some(now) if now.native_type != column.native_type => {
                return Err(format!("its column `{}` was {} and is {}", column.name, column.native_type, now.native_type));
            }
            Some(_) => shapes.push(column_shape(former, &column)),
        }
    }
    Ok(shapes)
}

/// The columns by which the rows of a table are told apart: its primary key, else a unique key that is never NULL; none without one.
pub fn telling_apart(table: &Table) -> Vec<String> {
    let plain = |c: &Column| ColumnShape {
        name: c.name.clone(),
        on_pilot: OnPilot::Missing,
        tainted: None,
        nullable: c.nullable && !table.primary_key.contains(&c.name),
        has_default: false,
    };
    let columns: Vec<ColumnShape> = table.columns.iter().map(plain).collect();
    match keys(table, &columns).0 {
        KeyForm::Columns(at) => at.into_iter().map(|at| columns[at].name.clone()).collect(),
        KeyForm::WholeRow => Vec::new(),
    }
}

/// Other columns of which no two rows may hold the same values: a row that replaces another one may take them over.
pub fn also_unique(table: &Table) -> Vec<Vec<String>> {
    let key = telling_apart(table);
    let plain = |parts: &[crate::catalog::IndexPart]| -> Option<Vec<String>> {
        let name = |p: &crate::catalog::IndexPart| if let crate::catalog::IndexPart::Column(c) = p { Some(c.clone()) } else { None };
        parts.iter().map(name).collect()
    };
    // Whether a row counts in a partial index is not asked: it would have to be found by reading the table.
    let unique = table.indexes.iter().filter(|i| i.unique && i.predicate.is_none());
    unique.filter_map(|i| plain(&i.parts)).filter(|columns| *columns != key && !columns.is_empty()).collect()
}

/// A table of the former version whose rows the program's query gives back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Index of its shape.
    pub at: usize,
    /// The query over the new version.
    pub select: String,
    /// Tables of the new version whose touched keys are keys of its rows; empty where every row is compared.
    pub touched_by: Vec<TableName>,
}

/// What of both versions' tables can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackShapes {
    /// The tables whose rows are carried back, in the former version's columns.
    pub shapes: Shapes,
    /// What becomes of every table that users may have written to.
    pub written: Vec<Written>,
    /// Those of the shapes whose rows come from a query.
    pub given: Vec<Given>,
    /// Inverses that cannot be used, in words.
    pub unusable: Vec<String>,
}

/// Holds the new version's tables against the former ones: the shapes in which rows are carried back, in the former version's columns, and what becomes of
/// every table of the new version. What the program gives back by queries of its own goes before what looks alike.
pub fn back_shapes(former: &Catalog, new: &Catalog, inverses: &[Inverse]) -> BackShapes {
    let (mut tables, mut written) = (Vec::new(), Vec::new());
    let (mut queries, mut unusable) = (Vec::new(), Vec::new());
    for inverse in inverses.iter().filter(|i| !i.is_others(former)) {
        match given(former, new, inverse) {
            Ok((shape, touched_by)) => queries.push((shape, inverse, touched_by)),
            Err(why) => unusable.push(format!("inverse of `{}`: {why}", inverse.table)),
        }
    }
    let given_as = |name: &TableName| queries.iter().find(|(shape, ..)| shape.table == *name).map(|(shape, ..)| shape.short.clone());
    let part_of = |name: &TableName| queries.iter().find(|(_, _, by)| by.contains(name)).map(|(shape, ..)| shape.short.clone());
    for table in new.tables.iter().filter(|t| t.is_copied()) {
        let short = table.name.short(new.engine);
        if let Some(of) = given_as(&table.name) {
            written.push(Written { table: table.name.clone(), short, fate: Fate::Inverse { of } });
            continue;
        }
        let before = former.table(&table.name).filter(|t| t.is_copied());
        let fate = match before.map(|before| (before, columns(before, table))) {
            None => Fate::GivenUp { why: "the former version does not have it".to_owned() },
            Some((_, Err(why))) => Fate::GivenUp { why },
            Some((before, Ok(columns))) if telling_apart(before) != telling_apart(table) => {
                drop(columns);
                Fate::GivenUp { why: "its rows were told apart by other columns".to_owned() }
            }
            Some((before, Ok(columns))) => {
                let added = |c: &&Column| c.generated != Some(Generation::Computed) && before.column(&c.name).is_none();
                let without: Vec<String> = table.columns.iter().filter(added).map(|c| c.name.clone()).collect();
                let (key, unique) = keys(before, &columns);
                // Without a key whole rows are compared: with columns that only one side has they could not be.
                let shape = TableShape {
                    table: table.name.clone(),
                    short: short.clone(),
                    pilot: Some(table.name.clone()),
                    condition: None,
                    columns,
                    key,
                    unique,
                };
                tables.push(shape);
                Fate::Carried { without }
            }
        };
        // What has no place of its own may have one in the rows of another table.
        let fate = match (fate, part_of(&table.name)) {
            (Fate::GivenUp { .. }, Some(of)) => Fate::Inverse { of },
            (fate, _) => fate,
        };
        written.push(Written { table: table.name.clone(), short, fate });
    }
    for (shape, ..) in &queries {
        // Its own name may be gone from the new version.
        if written.iter().all(|w: &Written| w.table != shape.table) {
            let fate = Fate::Inverse { of: shape.short.clone() };
            written.push(Written { table: shape.table.clone(), short: shape.short.clone(), fate });
        }
        tables.push(shape.clone());
    }
    tables.sort_by(|a: &TableShape, b: &TableShape| a.table.cmp(&b.table));
    let at = |shape: &TableShape| tables.iter().position(|t| t.table == shape.table).unwrap_or_default();
    let given = queries.iter().map(|(shape, inverse, by)| Given { at: at(shape), select: inverse.select.clone(), touched_by: by.clone() });
    let given = given.collect();
    let references = references(former, &tables);
    BackShapes { shapes: Shapes { tables, references, into: Into::Raw }, written, given, unusable }
}

/// The shape in which a query gives a table's rows back, and the tables whose touched keys are keys of its rows; or why it cannot.
fn given(former: &Catalog, new: &Catalog, inverse: &Inverse) -> Result<(TableShape, Vec<TableName>), String> {
    let Some(before) = find_table(former, &inverse.table).filter(|t| t.is_copied()) else {
        return Err("the former version does not have the table".to_owned());
    };
    let stored = before.columns.iter().filter(|c| c.generated != Some(Generation::Computed));
    let columns: Vec<ColumnShape> = stored.map(|c| column_shape(before, c)).collect();
    let key = telling_apart(before);
    let mut touched_by = Vec::new();
    for written in &inverse.touched_by {
        let Some(table) = find_table(new, written).filter(|t| t.is_copied()) else {
            let near = suggest_table(new, written).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            return Err(format!("the new version does not have `{written}`, which `touched_by` names{near}"));
        };
        let theirs = telling_apart(table);
        if theirs.is_empty() || theirs.len() != key.len() {
            return Err(format!(
                "the key of `{written}` ({}) cannot be the key of its rows ({}): `whole = true` has every row compared",
                theirs.join(", "),
                key.join(", ")
            ));
        }
        touched_by.push(table.name.clone());
    }
    let (key, unique) = keys(before, &columns);
    let short = before.name.short(former.engine);
    let shape = TableShape { table: before.name.clone(), short, pilot: Some(before.name.clone()), condition: None, columns, key, unique };
    Ok((shape, touched_by))
}

fn column_shape(table: &Table, column: &Column) -> ColumnShape {
    ColumnShape {
        on_pilot: OnPilot::Column(column.name.clone()),
        tainted: None,
        nullable: column.nullable && !table.primary_key.contains(&column.name),
        has_default: column.default.is_some() || column.generated.is_some(),
        name: column.name.clone(),
    }
}

/// The foreign keys of the former version between tables that are carried back.
fn references(former: &Catalog, shapes: &[TableShape]) -> Vec<Reference> {
    let index = |name: &TableName| shapes.iter().position(|s| s.table == *name);
    let mut out = Vec::new();
    for table in &former.tables {
        for key in &table.foreign_keys {
            let (Some(from), Some(to)) = (index(&table.name), index(&key.references)) else { continue };
            let primary = former.table(&key.references).map(|t| t.primary_key.clone()).unwrap_or_default();
            let to_columns = if key.referenced_columns.is_empty() { primary } else { key.referenced_columns.clone() };
            let known = |at: usize, columns: &[String]| columns.iter().all(|c| shapes[at].index(c).is_some());
            if !known(from, &key.columns) || !known(to, &to_columns) {
                continue;
            }
            out.push(Reference {
                name: key.name.clone(),
                from: table.name.clone(),
                columns: key.columns.clone(),
                to: key.references.clone(),
                to_columns,
                enforced: true,
                from_shape: Some(from),
                to_shape: Some(to),
                from_records: false,
                to_records: false,
                simple: former.engine != EngineKind::Postgres || !key.definition.to_lowercase().contains("match full"),
            });
        }
    }
    out
}

/// How many rows of a table change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackCounts {
    /// Rows that the former side lacks.
    pub inserted: u64,
    /// Rows that differ.
    pub updated: u64,
    /// Rows that only the former side has.
    pub deleted: u64,
}

/// The changes that give the former side what the new one has: of each table the touched rows of both sides, by index of the shape. A table that is not named has
/// none.
pub fn back(shapes: &Shapes, mut sides: BTreeMap<usize, (Side, Side)>) -> (Vec<Operation>, BTreeMap<usize, BackCounts>) {
    let mut drafts: Vec<Draft> = Vec::with_capacity(shapes.tables.len());
    let mut counts = BTreeMap::new();
    for at in 0..shapes.tables.len() {
        let Some((former, new)) = sides.remove(&at) else {
            drafts.push(Draft::default());
            continue;
        };
        let (draft, count) = draft(former, &new);
        counts.insert(at, count);
        drafts.push(draft);
    }
    (order(shapes, &drafts), counts)
}

/// The same for an engine that can be kept from minding foreign keys meanwhile: every row that differs goes, then all come as they are on the new side. So no
/// unique key, exclusion or spelling of a key is in the way, whatever the engine takes for equal.
pub fn exchange(shapes: &Shapes, sides: &BTreeMap<usize, (Side, Side)>) -> Vec<Operation> {
    let (mut gone, mut come) = (Vec::new(), Vec::new());
    for (&table, (former, new)) in sides {
        debug_assert!(table < shapes.tables.len());
        let operation = |key: &Key, act: Act| Operation { table, key: key.clone(), act, deferred: false };
        let goes = former.rows.iter().filter(|(key, row)| new.rows.get(*key) != Some(*row));
        gone.extend(goes.map(|(key, _)| operation(key, Act::Delete)));
        let comes = new.rows.iter().filter(|(key, row)| former.rows.get(*key) != Some(*row));
        come.extend(comes.map(|(key, row)| operation(key, Act::Insert { cells: row.iter().cloned().enumerate().collect() })));
    }
    gone.extend(come);
    gone
}

fn draft(former: Side, new: &Side) -> (Draft, BackCounts) {
    let mut changes: BTreeMap<Key, Change> = BTreeMap::new();
    let mut count = BackCounts::default();
    let keys: BTreeSet<&Key> = former.rows.keys().chain(new.rows.keys()).collect();
    for key in keys {
        let change = match (former.rows.get(key), new.rows.get(key)) {
            (None, Some(row)) => {
                count.inserted += 1;
                Change::Insert(row.iter().cloned().map(Some).collect())
            }
            (Some(_), None) => {
                count.deleted += 1;
                Change::Delete
            }
            (Some(before), Some(now)) => {
                let differ = |(_, (a, b)): &(usize, (&Cell, &Cell))| a != b;
                let cells: BTreeMap<usize, Cell> =
                    before.iter().zip(now).enumerate().filter(differ).map(|(at, (_, cell))| (at, cell.clone())).collect();
                if cells.is_empty() {
                    continue;
                }
                count.updated += 1;
                Change::Update(cells)
            }
            (None, None) => continue,
        };
        changes.insert(key.clone(), change);
    }
    (Draft { new: former.rows, changes, ..Draft::default() }, count)
}
