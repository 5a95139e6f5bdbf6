//! What leaves the pilot as files: reads the rows and asks about them. Owns reading; does not own the form (`model::carry::export`) nor files.

use super::sides::{Cells, among_masked, base_side, keys_where, pilot_side};
use super::{FormerPilot, StepError, failure};
use crate::base::Base;
use greenroom_engine::Generation;
use greenroom_model::carry::{ExportedTable, HeldBack, Into, Key, ShapeInput, Side, TableShape, export, masked_columns, shapes, telling};
use greenroom_model::catalog::TableName;
use greenroom_model::columns::names::find_table;
use greenroom_model::finding::Severity;
use greenroom_model::program::Program;
use std::collections::{BTreeMap, BTreeSet};

/// What is to leave.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Tables as program files write them, each with an SQL condition over its rows (aliased `t`) where not all are meant. Empty: every table.
    pub tables: Vec<(String, Option<String>)>,
    /// Rows that nobody changed, too.
    pub unchanged: bool,
}

/// A pilot's configuration as files.
pub struct Exported {
    /// Those with rows, by name.
    pub tables: Vec<ExportedTable>,
    /// Rows that stay.
    pub held_back: Vec<HeldBack>,
    /// What was found about the shapes: notes and warnings.
    pub findings: Vec<String>,
}

/// One table's sides.
struct Read<'s> {
    shape: &'s TableShape,
    base: Side,
    pilot: Side,
    only: Option<BTreeSet<Key>>,
}

/// Reads what is to leave.
///
/// # Errors
/// When a table is no configuration, or the shapes forbid it.
pub(crate) async fn read_export(
    pilot: &mut dyn Generation,
    program: &Program,
    former: &FormerPilot,
    base: &Base,
    selection: &Selection,
) -> Result<Exported, StepError> {
    let catalog = pilot.inspect().await?;
    let input = ShapeInput {
        program,
        source: &former.source,
        made_from: &former.source,
        pilot: &catalog,
        new: &catalog,
        copies: &former.copies,
        renewed: &former.copies,
        into: Into::Raw,
    };
    let (shapes, findings) = shapes(input);
    if let Some(wrong) = findings.iter().find(|f| f.severity == Severity::Error) {
        let mut f = failure(wrong.code, wrong.message.clone());
        f.hint.clone_from(&wrong.hint);
        return Err(f.into());
    }
    let mut wanted: BTreeMap<TableName, Option<String>> = BTreeMap::new();
    for (written, condition) in &selection.tables {
        let table = find_table(&catalog, written).filter(|t| shapes.tables.iter().any(|s| s.table == t.name));
        let Some(table) = table else {
            let mut f = failure("GR0830", format!("`{written}` is no table of the pilot that holds configuration"));
            let names: Vec<&str> = shapes.tables.iter().map(|s| s.short.as_str()).collect();
            f.hint = Some(format!("tables that do: {}", names.join(", ")));
            return Err(f.into());
        };
        wanted.insert(table.name.clone(), condition.clone());
    }
    let mut cells = Cells::of(pilot);
    let (mut sides, mut asked) = (Vec::new(), BTreeSet::new());
    for shape in shapes.tables.iter().filter(|s| wanted.is_empty() || wanted.contains_key(&s.table)) {
        let now = pilot_side(&mut cells, program, &catalog, shape).await?;
        let Some(before) = base_side(base, shape)? else {
            let what =
                format!("`{}` was no configuration when the pilot was opened, so that nobody knows what people changed in it", shape.short);
            let mut f = failure("GR0824", what);
            f.hint = Some("`greenroom refresh`, or `greenroom rehearse`, makes a pilot that knows it".into());
            return Err(f.into());
        };
        let only = match wanted.get(&shape.table).and_then(Option::as_ref) {
            Some(condition) => Some(keys_where(&mut cells, program, &catalog, shape, condition).await?),
            None => None,
        };
        asked.extend(telling(shape, &before, &now, selection.unchanged, only.as_ref()));
        sides.push(Read { shape, base: before, pilot: now, only });
    }
    let masked = among_masked(&mut cells, &catalog, masked_columns(program, &former.source, &catalog, &former.copies), &asked).await?;
    let mut exported = Exported { tables: Vec::new(), held_back: Vec::new(), findings: findings.into_iter().map(|f| f.message).collect() };
    for r in sides {
        let (table, held) = export(r.shape, &r.base, &r.pilot, &masked, selection.unchanged, r.only.as_ref());
        exported.held_back.extend(held);
        if !table.rows.is_empty() {
            exported.tables.push(table);
        }
    }
    Ok(exported)
}
