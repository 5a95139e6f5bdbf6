//! The sides of a carry-over, read from the databases: configuration rows of the pilot, of its base and of the new generation, and what the
//! comparison asks about records. Owns reading; does not own comparing (`model::carry`).

use super::{StepError, failure};
use crate::base::{Base, BaseParents};
use crate::workspace::RunKeys;
use greenroom_engine::carry::each;
use greenroom_engine::{CellSource, EngineError, RangeSpec, Reader};
use greenroom_model::carry::{
    Answers, BaseRow, Cell, ColumnShape, Key, KeyForm, OnPilot, Questions, Record, Reference, Shapes, Side, TableShape,
};
use greenroom_model::catalog::{Catalog, Generation as Generated, Table, TableName};
use greenroom_model::plan::tables::{ConfigurationRows, configuration_rows};
use greenroom_model::plan::{CopyColumn, TableCopy};
use greenroom_model::program::Program;
use std::collections::{BTreeMap, BTreeSet};

/// Values asked for in one reading.
const ASKED: usize = 100;

/// Rows of a table, some of its columns, as they stand.
pub(super) fn selection(table: &Table, columns: &[&str], filter: Option<String>) -> TableCopy {
    let column = |name: &&str| {
        let c = table.column(name)?;
        Some(CopyColumn { name: c.name.clone(), native_type: c.native_type.clone(), family: c.family, rules: Vec::new() })
    };
    let columns = columns.iter().filter_map(column).collect();
    TableCopy { table: table.name.clone(), columns, conditions: Vec::new(), filter, empty: false, range_key: None }
}

/// Names of a table's stored columns.
pub(super) fn stored(table: &Table) -> Vec<&str> {
    table.columns.iter().filter(|c| c.generated != Some(Generated::Computed)).map(|c| c.name.as_str()).collect()
}

/// Reads a database's cells, over one reader for all that is asked: opening a session for each table costs more than most tables.
pub(super) struct Cells<'d> {
    database: &'d mut dyn CellSource,
    reader: Option<Box<dyn Reader>>,
}

impl<'d> Cells<'d> {
    pub fn of(database: &'d mut dyn CellSource) -> Cells<'d> {
        Cells { database, reader: None }
    }

    /// Reads some columns of rows.
    pub async fn rows(&mut self, table: &Table, columns: &[&str], filter: Option<String>) -> Result<Vec<Vec<Cell>>, EngineError> {
        let mut rows = Vec::new();
        self.each(&selection(table, columns, filter), &mut |row| rows.push(row)).await?;
        Ok(rows)
    }

    /// The same row by row.
    pub async fn each_of(
        &mut self,
        table: &Table,
        columns: &[&str],
        filter: Option<String>,
        row: &mut (dyn FnMut(Vec<Cell>) + Send),
    ) -> Result<(), EngineError> {
        self.each(&selection(table, columns, filter), row).await
    }

    /// See [`CellSource::picking`].
    pub async fn picking(&mut self, table: &TableName, keys: &[Vec<(String, Cell)>]) -> Result<String, EngineError> {
        self.database.picking(table, keys).await
    }

    async fn each(&mut self, copy: &TableCopy, row: &mut (dyn FnMut(Vec<Cell>) + Send)) -> Result<(), EngineError> {
        let mut reader = self.reader().await?;
        each(reader.as_mut(), copy, row).await?;
        self.reader = Some(reader);
        Ok(())
    }

    /// The reader; who has read to the end gives it back, so that none is used again after an error.
    async fn reader(&mut self) -> Result<Box<dyn Reader>, EngineError> {
        match self.reader.take() {
            Some(reader) => Ok(reader),
            None => self.database.cell_reader().await,
        }
    }

    /// Keyed hashes of rows as they stand, in no order.
    pub async fn row_hashes(&mut self, table: &Table, filter: Option<String>, keys: &RunKeys) -> Result<Vec<u64>, EngineError> {
        let copy = selection(table, &stored(table), filter);
        let mut reader = self.reader().await?;
        let encoding = reader.prepare(&copy).await?.encoding;
        let mut hashes = Vec::new();
        reader.begin(&copy, &RangeSpec::whole()).await?;
        while let Some(batch) = reader.next().await? {
            let (mut rest, mut fields) = (&batch.data[..], Vec::new());
            loop {
                let row = rest;
                if !encoding.next_row(&mut rest, &mut fields)? {
                    break;
                }
                hashes.push(low(keys.digests.row(&row[..row.len() - rest.len()])));
            }
        }
        self.reader = Some(reader);
        Ok(hashes)
    }
}

fn gone(table: &TableName) -> StepError {
    failure("GR0502", format!("table `{table}` went away while it was to be read")).into()
}

fn crowded(shape: &TableShape) -> StepError {
    let mut f = failure("GR0823", format!("two configuration rows of `{}` have the same key", shape.short));
    f.hint = Some("the key that tells rows apart is not unique in the database; see `greenroom explain GR0823`".into());
    f.into()
}

/// What a column is called on a side; none where it is not there.
fn named(column: &ColumnShape, on_pilot: bool) -> Option<&str> {
    match (&column.on_pilot, on_pilot) {
        (OnPilot::Column(name), true) => Some(name),
        (OnPilot::Missing, true) => None,
        (_, false) => Some(&column.name),
    }
}

/// The rows for which a condition is not true.
pub(super) fn not(condition: &str) -> String {
    format!("(case when ({condition}\n) then 0 else 1 end) = 1")
}

/// Brings rows read in some columns into the shape's order.
fn side(shape: &TableShape, columns: &[&str], rows: Vec<Vec<Cell>>, on_pilot: bool) -> Result<Side, StepError> {
    let place = |c: &ColumnShape| named(c, on_pilot).and_then(|name| columns.iter().position(|c| *c == name));
    let places: Vec<Option<usize>> = shape.columns.iter().map(place).collect();
    let mut side = Side::default();
    for row in rows {
        let cells = places.iter().map(|at| at.map_or(Cell::NULL, |at| row[at].clone())).collect();
        side.push(shape, None, cells).map_err(|_| crowded(shape))?;
    }
    Ok(side)
}

/// Which rows of a table are configuration, as a filter; none where all are.
fn filter(program: &Program, catalog: &Catalog, table: &Table) -> Option<Option<String>> {
    match configuration_rows(program, catalog, table) {
        ConfigurationRows::None => None,
        ConfigurationRows::All => Some(None),
        ConfigurationRows::Where(sql) => Some(Some(sql)),
    }
}

/// Configuration of the new generation.
pub(super) async fn new_side(inside: &mut Cells<'_>, catalog: &Catalog, shape: &TableShape) -> Result<Side, StepError> {
    let table = catalog.table(&shape.table).ok_or_else(|| gone(&shape.table))?;
    let columns: Vec<&str> = shape.columns.iter().map(|c| c.name.as_str()).collect();
    let rows = inside.rows(table, &columns, shape.condition.clone()).await?;
    side(shape, &columns, rows, false)
}

/// Configuration of the pilot as it is now.
pub(super) async fn pilot_side(
    inside: &mut Cells<'_>,
    program: &Program,
    catalog: &Catalog,
    shape: &TableShape,
) -> Result<Side, StepError> {
    let Some(table) = shape.pilot.as_ref().and_then(|t| catalog.table(t)) else { return Ok(Side::default()) };
    let Some(filter) = filter(program, catalog, table) else { return Ok(Side::default()) };
    let columns = stored(table);
    let rows = inside.rows(table, &columns, filter).await?;
    side(shape, &columns, rows, true)
}

/// Keys of the pilot's configuration rows for which a person's condition is true.
pub(super) async fn keys_where(
    inside: &mut Cells<'_>,
    program: &Program,
    catalog: &Catalog,
    shape: &TableShape,
    condition: &str,
) -> Result<BTreeSet<Key>, StepError> {
    let Some(table) = shape.pilot.as_ref().and_then(|t| catalog.table(t)) else { return Ok(BTreeSet::new()) };
    let chosen = match filter(program, catalog, table) {
        Some(Some(own)) => format!("({own}\n) and ({condition}\n)"),
        _ => format!("({condition}\n)"),
    };
    let columns = stored(table);
    let rows = inside.rows(table, &columns, Some(chosen)).await.map_err(|e| e.while_doing(format!("choose rows of {}", shape.short)))?;
    Ok(side(shape, &columns, rows, true)?.rows.into_keys().collect())
}

/// What the pilot's configuration is compared with; `None` where nothing was kept of the table.
pub(super) fn base_side(base: &Base, shape: &TableShape) -> Result<Option<Side>, StepError> {
    let Some(pilot) = &shape.pilot else { return Ok(Some(Side::default())) };
    let Some(kept) = base.tables.iter().find(|t| t.table == *pilot) else { return Ok(None) };
    let columns: Vec<&str> = kept.columns.iter().map(String::as_str).collect();
    side(shape, &columns, kept.rows.clone(), true).map(Some)
}

/// The base of a table after a carry-over, from the rows as the generation is opened, in the shape's columns.
pub(super) fn next_base(shape: &TableShape, base: &[BaseRow], opened: Vec<Vec<Cell>>) -> Result<Vec<Vec<Cell>>, StepError> {
    let columns: Vec<&str> = shape.columns.iter().map(|c| c.name.as_str()).collect();
    let opened = side(shape, &columns, opened, false)?;
    let row = |row: &BaseRow| {
        let mut cells = row.cells.clone();
        if let KeyForm::Columns(key) = &shape.key {
            let key: Vec<Cell> = key.iter().map(|at| cells[*at].clone()).collect();
            let there = opened.rows.get(&key);
            row.as_opened.iter().for_each(|at| cells[*at] = there.map_or(Cell::NULL, |there| there[*at].clone()));
        }
        cells
    };
    Ok(base.iter().map(row).collect())
}

/// Adds to a side the keys of rows that are there without being configuration, of those that are configuration elsewhere.
pub(super) async fn outside(
    inside: &mut Cells<'_>,
    program: &Program,
    catalog: &Catalog,
    shape: &TableShape,
    on_pilot: bool,
    wanted: BTreeSet<Vec<Cell>>,
    side: &mut Side,
) -> Result<(), StepError> {
    let name = if on_pilot { shape.pilot.as_ref() } else { Some(&shape.table) };
    let (Some(table), KeyForm::Columns(key)) = (name.and_then(|t| catalog.table(t)), &shape.key) else { return Ok(()) };
    let condition = if on_pilot { filter(program, catalog, table).flatten() } else { shape.condition.clone() };
    let Some(condition) = condition else { return Ok(()) };
    let columns: Vec<&str> = key.iter().filter_map(|at| named(&shape.columns[*at], on_pilot)).collect();
    if columns.len() != key.len() {
        return Ok(());
    }
    side.outside.extend(there(inside, table, &columns, wanted.into_iter().collect(), Some(not(&condition))).await?);
    Ok(())
}

/// Those of some values of columns that are there, among the rows that a filter chooses.
async fn there(
    inside: &mut Cells<'_>,
    table: &Table,
    columns: &[&str],
    values: Vec<Vec<Cell>>,
    only: Option<String>,
) -> Result<BTreeSet<Vec<Cell>>, StepError> {
    let mut found = BTreeSet::new();
    for some in values.chunks(ASKED) {
        let keys: Vec<Vec<(String, Cell)>> =
            some.iter().map(|v| columns.iter().map(|c| (*c).to_owned()).zip(v.iter().cloned()).collect()).collect();
        let picking = inside.database.picking(&table.name, &keys).await?;
        let filter = match &only {
            Some(only) => format!("({picking}) and {only}"),
            None => picking,
        };
        let wanted: BTreeSet<&Vec<Cell>> = some.iter().collect();
        // Under some collations `=` finds more than what was asked for.
        found.extend(inside.rows(table, columns, Some(filter)).await?.into_iter().filter(|row| wanted.contains(row)));
    }
    Ok(found)
}

/// The keyed hash of some values.
pub(super) fn hashed(keys: &RunKeys, cells: &[Cell]) -> u64 {
    let mut bytes = Vec::new();
    for cell in cells {
        match cell.bytes() {
            None => bytes.push(0),
            Some(b) => {
                bytes.push(1);
                bytes.extend_from_slice(&(b.len() as u64).to_le_bytes());
                bytes.extend_from_slice(b);
            }
        }
    }
    low(keys.digests.row(&bytes))
}

/// Half of a row's hash: enough to tell rows apart by, and half as much to keep.
#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
pub(super) fn low(hash: u128) -> u64 {
    hash as u64
}

/// Those of some values that stand in columns of the pilot.
pub(super) async fn among_masked(
    pilot: &mut Cells<'_>,
    catalog: &Catalog,
    columns: Vec<(TableName, Vec<String>)>,
    values: &BTreeSet<Cell>,
) -> Result<BTreeSet<Cell>, StepError> {
    let mut found = BTreeSet::new();
    for (table, columns) in columns {
        let Some(table) = catalog.table(&table).filter(|_| found.len() < values.len()) else { continue };
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let mut take = |row: Vec<Cell>| found.extend(row.into_iter().filter(|cell| values.contains(cell)));
        pilot.each(&selection(table, &columns, None), &mut take).await?;
    }
    Ok(found)
}

/// What is known of records at the time of the base.
pub(super) enum Before<'b> {
    /// What a base keeps, hashed under these keys.
    Base(&'b Base, &'b RunKeys),
    /// They were what they are.
    AsNow,
}

/// What the comparison asks of the new generation and of the base.
pub(super) async fn answers(
    inside: &mut Cells<'_>,
    catalog: &Catalog,
    shapes: &Shapes,
    questions: Questions,
    before: &Before<'_>,
) -> Result<Answers, StepError> {
    let mut answers = Answers::default();
    for (at, values) in questions.parents {
        let reference = &shapes.references[at];
        let Some(table) = catalog.table(&reference.to) else { continue };
        let columns: Vec<&str> = reference.to_columns.iter().map(String::as_str).collect();
        let now = there(inside, table, &columns, values.iter().cloned().collect(), None).await?;
        let known = match before {
            Before::Base(base, keys) => {
                Some((base.parents.iter().find(|p| p.table == reference.to && p.columns == reference.to_columns), keys))
            }
            Before::AsNow => None,
        };
        for value in values {
            let there =
                |(p, keys): (Option<&BaseParents>, &&RunKeys)| p.is_some_and(|p| p.values.binary_search(&hashed(keys, &value)).is_ok());
            let was = known.is_none_or(there);
            let record = match (now.contains(&value), was) {
                (true, true) => Record::Same,
                (true, false) => Record::Another,
                (false, _) => Record::Gone,
            };
            answers.parents.insert((at, value), record);
        }
    }
    for (at, values) in questions.children {
        let reference = &shapes.references[at];
        let Some(table) = catalog.table(&reference.from) else { continue };
        let columns: Vec<&str> = reference.columns.iter().map(String::as_str).collect();
        // Rows that are configuration themselves are compared as such.
        let condition = reference.from_shape.and_then(|s| shapes.tables[s].condition.as_ref());
        let only = condition.map(|c| not(c));
        let referred = there(inside, table, &columns, values.iter().cloned().collect(), only).await?;
        answers.free.extend(values.into_iter().filter(|v| !referred.contains(v)).map(|v| (at, v)));
    }
    Ok(answers)
}

/// The references that configuration has into records, each once: what a base must know of.
pub(super) fn into_records(shapes: &Shapes) -> BTreeMap<(TableName, Vec<String>), &Reference> {
    let all = shapes.references.iter().filter(|r| r.to_records && r.from_shape.is_some());
    all.map(|r| ((r.to.clone(), r.to_columns.clone()), r)).collect()
}
