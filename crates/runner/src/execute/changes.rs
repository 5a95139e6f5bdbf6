//! What people changed on the pilot: reads its configuration and its base, and hands both to the comparison. Owns reading, and what cannot be compared; does not own the comparison
//! (`model::carry::changes`), nor whose a change is (`session::changes`).

use super::carry::lost_records;
use super::sides::{Cells, base_side, outside, pilot_side};
use super::{FormerPilot, StepError};
use crate::base::Base;
use greenroom_engine::Generation;
use greenroom_model::carry::{
    CarryKey, Into, KeyForm, OnPilot, RowChange, SchemaChange, ShapeInput, TableShape, changes, schema_changes, shapes, stays,
};
use greenroom_model::catalog::{Catalog, TableName};
use greenroom_model::finding::Severity;
use greenroom_model::program::Program;
use std::collections::{BTreeMap, BTreeSet};

/// Codes of failures that no table brings about: the server, its disk, a lock, a person who stops.
const PASSING: &[&str] = &["GR0701", "GR0703", "GR0708", "GR0709"];

/// One table.
pub(crate) struct TableRead {
    /// As program files write it.
    pub short: String,
    /// Its name.
    pub name: TableName,
    /// Columns of its key; none without one.
    pub key: Vec<String>,
    /// In the order of keys.
    pub rows: Vec<RowChange>,
    /// Why nothing of it goes along.
    pub stays: Option<&'static str>,
}

/// What was read.
pub(crate) struct ChangesRead {
    /// Tables with changed rows, by name.
    pub tables: Vec<TableRead>,
    /// Objects of the schema.
    pub schema: Vec<SchemaChange>,
    /// Records that people entered or changed, by table.
    pub records: BTreeMap<String, u64>,
    /// What was not compared, and why.
    pub not_compared: Vec<(String, String)>,
    /// What would stop carrying over.
    pub findings: Vec<String>,
    /// Tables of configuration that were compared, as program files write them.
    pub compared: Vec<String>,
    /// The schema when the pilot was opened.
    pub catalog: Catalog,
}

/// Reads what people changed. With `records` it is counted what they entered beside configuration, for which every row of the tables is read.
///
/// # Errors
/// When the pilot cannot be read. A table that people altered so that its rows cannot be compared any more is named in `not_compared`.
pub(crate) async fn read_changes(
    pilot: &mut dyn Generation,
    program: &Program,
    former: &FormerPilot,
    base: &Base,
    key: &CarryKey,
    records: bool,
) -> Result<ChangesRead, StepError> {
    let catalog = pilot.inspect().await?;
    let schema = schema_changes(key, &base.catalog, &catalog);
    let altered: BTreeSet<&TableName> = schema.iter().filter_map(|c| c.table.as_ref()).collect();
    // The shape is that of the pilot as it was opened: what people did to the schema since is told as such.
    let input = ShapeInput {
        program,
        source: &former.source,
        made_from: &former.source,
        pilot: &catalog,
        new: &base.catalog,
        copies: &former.copies,
        renewed: &former.copies,
        into: Into::Raw,
    };
    let (shapes, findings) = shapes(input);
    let findings = findings.into_iter().filter(|f| f.severity == Severity::Error).map(|f| f.message).collect();
    let mut read = ChangesRead {
        tables: Vec::new(),
        schema: Vec::new(),
        records: BTreeMap::new(),
        not_compared: Vec::new(),
        compared: Vec::new(),
        findings,
        catalog: base.catalog.clone(),
    };
    let mut cells = Cells::of(pilot);
    for shape in &shapes.tables {
        if let Some(why) = incomparable(shape, base) {
            read.not_compared.push((shape.short.clone(), why));
            continue;
        }
        let rows = match table(&mut cells, program, &catalog, base, shape, key).await {
            Ok(rows) => rows,
            // A condition may name what is not there any more.
            Err(StepError::Failed(f)) if altered.contains(&shape.table) && !PASSING.contains(&f.code.as_str()) => {
                read.not_compared.push((shape.short.clone(), "people altered it so that its rows cannot be compared any more".into()));
                continue;
            }
            Err(e) => return Err(e),
        };
        read.compared.push(shape.short.clone());
        if !rows.is_empty() {
            let key = match &shape.key {
                KeyForm::Columns(key) => key.iter().map(|at| shape.columns[*at].name.clone()).collect(),
                KeyForm::WholeRow => Vec::new(),
            };
            read.tables.push(TableRead { short: shape.short.clone(), name: shape.table.clone(), key, rows, stays: stays(shape) });
        }
    }
    if records {
        let (entered, unknown) = lost_records(&mut cells, &catalog, base, &former.keys).await?;
        read.records = entered;
        read.not_compared.extend(unknown);
    }
    read.schema = schema;
    Ok(read)
}

/// Why a table's rows cannot be held against its base, as far as that is known beforehand.
fn incomparable(shape: &TableShape, base: &Base) -> Option<String> {
    let kept = base.tables.iter().find(|t| t.table == shape.table);
    let Some(kept) = kept else {
        return Some("it was no configuration when the pilot was opened: nobody knows what was changed in it".into());
    };
    if shape.pilot.is_none() {
        return Some(format!("it was dropped on the pilot, with {} rows of configuration", kept.rows.len()));
    }
    let gone = |at: &usize| shape.columns[*at].on_pilot == OnPilot::Missing;
    match &shape.key {
        KeyForm::Columns(key) if key.iter().any(gone) => Some("a column of its key was dropped on the pilot".into()),
        _ => None,
    }
}

async fn table(
    cells: &mut Cells<'_>,
    program: &Program,
    catalog: &Catalog,
    base: &Base,
    shape: &TableShape,
    key: &CarryKey,
) -> Result<Vec<RowChange>, StepError> {
    let mut now = pilot_side(cells, program, catalog, shape).await?;
    let was = base_side(base, shape)?.unwrap_or_default();
    let gone: BTreeSet<_> = was.rows.keys().filter(|k| !now.rows.contains_key(*k)).cloned().collect();
    if !gone.is_empty() {
        outside(cells, program, catalog, shape, true, gone, &mut now).await?;
    }
    Ok(changes(shape, key, &was, &now))
}
