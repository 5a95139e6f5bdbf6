//! Writes as people might make them, into an unmasked generation that is only tried: rows of every table are changed, deleted and inserted, so that a rollback has something to
//! carry back. What a table's constraints or triggers refuse is left; nobody asks for it to make sense.
//!
//! Owns which writes are tried. Does not own what becomes of them (`back`).

use super::sides::Cells;
use super::{StepError, failure};
use greenroom_engine::carry::{GuardedChange, RowAct, RowChange, RowKey};
use greenroom_engine::{ErrorKind, Generation};
use greenroom_model::carry::{Cell, also_unique, telling_apart};
use greenroom_model::catalog::{Catalog, EngineKind, Family, Generation as Generated, Table};
use greenroom_model::hash::Hash;
use greenroom_model::upgrade::Statement;
use std::collections::BTreeSet;

/// Rows of a table that are looked at.
const ROWS: u64 = 6;

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub tables: u64,
    pub inserted: u64,
    pub updated: u64,
    pub deleted: u64,
    /// Tables with rows into which nothing could be written.
    pub refused: u64,
}

/// Writes into every table that has rows and a key.
pub(super) async fn write(inside: &mut dyn Generation, catalog: &Catalog) -> Result<Written, StepError> {
    let mut written = Written::default();
    for table in catalog.tables.iter().filter(|t| t.is_copied()) {
        let key = telling_apart(table);
        if key.is_empty() {
            continue;
        }
        let stored: Vec<&str> = super::sides::stored(table);
        // More than are wanted are asked for, since a sample of few rows may be none.
        let filter = (table.estimated_rows > 1000).then(|| inside.sample_filter(ROWS * 20, table.estimated_rows));
        let mut rows: Vec<Vec<Cell>> = Vec::new();
        Cells::of(inside)
            .each_of(table, &stored, filter, &mut |row| {
                if rows.len() < 3 {
                    rows.push(row);
                }
            })
            .await?;
        if rows.is_empty() {
            continue;
        }
        let named = |row: &[Cell]| -> Vec<(String, Cell)> { stored.iter().map(|c| (*c).to_owned()).zip(row.iter().cloned()).collect() };
        let by_key = |row: &[Cell]| RowKey { cells: named(row).into_iter().filter(|(c, _)| key.contains(c)).collect(), whole: false };
        let mut any = false;
        if let Some(column) = emptied(table, &rows[0], &stored) {
            let act = RowAct::Update(by_key(&rows[0]), vec![(column, Cell::NULL)]);
            if tried(inside, catalog.engine, table, act).await? {
                (written.updated, any) = (written.updated + 1, true);
            }
        }
        if let Some(row) = rows.get(1).or(rows.first())
            && let Some(values) = fresh(inside, table, named(row)).await?
            && tried(inside, catalog.engine, table, RowAct::Insert(values)).await?
        {
            (written.inserted, any) = (written.inserted + 1, true);
        }
        if let Some(row) = rows.get(2)
            && tried(inside, catalog.engine, table, RowAct::Delete(by_key(row))).await?
        {
            (written.deleted, any) = (written.deleted + 1, true);
        }
        *(if any { &mut written.tables } else { &mut written.refused }) += 1;
    }
    Ok(written)
}

/// A column whose value somebody could have taken away: no key of any sort has a part in it.
fn emptied(table: &Table, row: &[Cell], stored: &[&str]) -> Option<String> {
    let mut keys: BTreeSet<String> = telling_apart(table).into_iter().chain(also_unique(table).into_iter().flatten()).collect();
    keys.extend(table.foreign_keys.iter().flat_map(|f| f.columns.iter().cloned()));
    let may = |name: &str| table.column(name).is_some_and(|c| c.nullable && c.generated.is_none()) && !keys.contains(name);
    stored.iter().zip(row).find(|(name, cell)| may(name) && !cell.is_null()).map(|(name, _)| (*name).to_owned())
}

/// A row like this one, with a key of its own: none where one cannot be made up.
async fn fresh(inside: &mut dyn Generation, table: &Table, mut row: Vec<(String, Cell)>) -> Result<Option<Vec<(String, Cell)>>, StepError> {
    let key = telling_apart(table);
    let [key] = key.as_slice() else { return Ok(None) };
    if table.column(key).is_none_or(|c| c.family != Family::Integer) {
        return Ok(None);
    }
    let next = inside.highest(&table.name, key, None).await?.unwrap_or(0) + 1;
    let unique: BTreeSet<String> = also_unique(table).into_iter().flatten().collect();
    row.retain(|(name, _)| table.column(name).is_some_and(|c| c.generated != Some(Generated::Computed)));
    for (name, cell) in &mut row {
        if name == key {
            *cell = Cell::text(&next.to_string());
        } else if unique.contains(name) {
            match table.column(name).is_some_and(|c| c.nullable) {
                true => *cell = Cell::NULL,
                false => return Ok(None),
            }
        }
    }
    Ok(Some(row))
}

/// Makes a change as an application would, with everything that it sets off. False where the database refuses it.
async fn tried(inside: &mut dyn Generation, engine: EngineKind, table: &Table, act: RowAct) -> Result<bool, StepError> {
    let change = RowChange { table: table.name.clone(), act };
    let spelled = inside.spelled(&[GuardedChange { change, expected: None }]).await?;
    let Some(one) = spelled.into_iter().next() else { return Err(failure("GR0710", "a change could not be put into words").into()) };
    let hash = Hash::of(one.statement.as_bytes());
    let plain = |sql: &str| Statement { sql: sql.to_owned(), line: 1, copy_data: None };
    // Applications mind foreign keys, or should.
    let first = (engine == EngineKind::Sqlite).then(|| plain("PRAGMA foreign_keys = ON"));
    let statements: Vec<Statement> = first.into_iter().chain([plain(&one.statement)]).collect();
    match inside.script(&format!("greenroom synthetic {hash}"), &hash, &statements, 0).await {
        Ok(_) => Ok(true),
        Err(e) if matches!(e.kind, ErrorKind::Lost | ErrorKind::Full) => Err(e.into()),
        // Whatever notes keys must never be in an application's way.
        Err(e) if e.native_code.as_deref().is_some_and(|c| ["42883", "42P01", "42703", "42501"].contains(&c)) => Err(e.into()),
        Err(_) => Ok(false),
    }
}
