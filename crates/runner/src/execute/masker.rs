//! From a table's planned copy to the gate its rows pass.

use super::StepError;
use crate::workspace::RunKeys;
use greenroom_engine::batch::{ColumnRule, FieldEffect, RowMasker};
use greenroom_engine::{EngineError, ErrorKind, Prepared};
use greenroom_model::catalog::Table;
use greenroom_model::mask;
use greenroom_model::plan::{FieldAction, TableCopy};

/// Builds the gate for one table from its plan, its schema, the reader's encoding and the run's keys.
///
/// # Errors
/// When a mask does not fit its column; the check before the run should have found that.
pub fn build_masker(copy: &TableCopy, table: &Table, prepared: Prepared, keys: &RunKeys) -> Result<RowMasker, EngineError> {
    let attempted = || format!("prepare the masks of {}", copy.table);
    let mut columns = Vec::with_capacity(copy.columns.len());
    for (c, column) in copy.columns.iter().enumerate() {
        let mut rules = Vec::with_capacity(column.rules.len());
        for (r, rule) in column.rules.iter().enumerate() {
            let effect = match &rule.action {
                FieldAction::Keep => FieldEffect::Keep,
                FieldAction::Null => FieldEffect::Null,
                FieldAction::Constant(_) => {
                    FieldEffect::Constant(prepared.constants.get(c).and_then(|rules| rules.get(r)).cloned().flatten())
                }
                FieldAction::Mask { rule, domain, identity } => {
                    let schema = table
                        .column(&column.name)
                        .ok_or_else(|| EngineError::new(ErrorKind::Conflict, attempted(), format!("column `{}` is gone", column.name)))?;
                    let mask = mask::compile(rule, schema, &keys.masks.domain(domain)).map_err(|findings| {
                        let why = findings.into_iter().map(|f| f.message).collect::<Vec<_>>().join("; ");
                        EngineError::new(ErrorKind::Data, attempted(), why)
                    })?;
                    FieldEffect::Mask { mask, identity: *identity }
                }
            };
            rules.push(ColumnRule { when: rule.when, effect });
        }
        columns.push((column.name.clone(), rules));
    }
    Ok(RowMasker::new(copy.table.to_string(), columns, copy.conditions.len(), prepared.encoding, keys.digests.clone()))
}

/// A copy of the same columns that changes nothing: for reading a generation back.
pub(crate) fn plain(copy: &TableCopy) -> TableCopy {
    let mut plain = copy.clone();
    plain.columns.iter_mut().for_each(|c| c.rules.clear());
    plain.conditions.clear();
    plain.filter = None;
    plain.empty = false;
    plain
}

/// A missing table is a contradiction between plan and schema.
pub(crate) fn table_gone(copy: &TableCopy) -> StepError {
    super::failure("GR0502", format!("table `{}` of the plan is not in the source any more", copy.table)).into()
}
