//! Step: what must come from the same snapshot as the rows: positions of sequences, values that assertions compare, counts of foreign
//! keys that dangle and of rows that break a check in the source already, and keyed hashes of names, mails and phones for the residual scan.

use super::copy::give_way;
use super::known::{Gatherer, KNOWN, Known};
use super::residual::{self, gather};
use super::{Execution, Setup, StepError, failure};
use greenroom_engine::batch::RawBatch;
use greenroom_engine::{ErrorKind, Held, RangeSpec};
use greenroom_model::catalog::{EngineKind, ForeignKey, Table};
use greenroom_model::mask::Value;
use greenroom_model::plan::{CopyColumn, FieldAction, RunKind, TableCopy};
use greenroom_model::program::{Assertion, Expect, Shape};
use greenroom_model::run::Outcome;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Facts kept in the run's folder.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// Name and statement of each sequence or identity.
    pub sequences: Vec<(String, String)>,
    /// Keyed hash of the source's answer, by assertion; `None` is NULL.
    pub answers: BTreeMap<String, Option<String>>,
    /// Rows whose foreign key points nowhere, by key (`table.key`).
    pub orphans: BTreeMap<String, u64>,
    /// Rows that break a check, by check, for tables whose copy holds some.
    #[serde(default)]
    pub broken: super::checks::Broken,
}

impl Execution {
    pub(super) async fn source_facts(&mut self) -> Result<Outcome, StepError> {
        let catalog = self.source_catalog()?;
        let setup = self.setup.clone();
        let held = self.held.as_mut().expect("the driver holds the snapshot before steps that need it");
        let mut switched = None;
        if self.plan.kind == RunKind::Switch && !self.plan.copies_whole() {
            // Who owns what and may do what, as it is now that nobody changes it any more.
            let script = held.schema(&setup.scratch).await?;
            switched = Some(script);
        }
        let mut facts = Facts { sequences: held.sequences().await?, ..Facts::default() };
        let shape = self.plan.source_shape();
        let former = |a: &&Assertion| shape == Shape::After && a.shape == Shape::Before;
        for a in setup.program.assertions.iter().filter(|a| !former(a)) {
            if let Expect::SameAsSource { source_sql } = &a.expect {
                // What is asked of the source elsewise is asked before the upgrade.
                let sql = source_sql.as_ref().filter(|_| shape != Shape::After).unwrap_or(&a.sql);
                watch(held.as_mut(), &setup).await?;
                let value = held.query_value(sql).await.map_err(|e| {
                    // A lock or the connection is at fault, not the query.
                    if matches!(e.kind, ErrorKind::Transient | ErrorKind::Lost | ErrorKind::Cancelled) {
                        return StepError::from(e);
                    }
                    let mut f = failure("GR0605", format!("assertion `{}` could not be asked of the source: {e}", a.name));
                    f.hint = Some("give the source its own query with `-- source: …`, or mend the query".into());
                    StepError::from(f)
                })?;
                facts.answers.insert(a.name.clone(), value.map(|v| keyed(&setup.keys.values, &v)));
            }
        }
        for table in catalog.tables.iter().filter(|t| t.is_copied()) {
            // The engine has proved validated keys; the others may dangle in production already.
            for key in table.foreign_keys.iter().filter(|k| !k.validated) {
                watch(held.as_mut(), &setup).await?;
                let count = held.query_value(&orphans_sql(catalog.engine, table, key)).await?.and_then(|v| v.parse().ok()).unwrap_or(0);
                facts.orphans.insert(format!("{}.{}", table.name, key.name), count);
            }
        }
        self.generation().await?;
        if let (Some(held), Some(inside)) = (self.held.as_mut(), self.inside.as_mut()) {
            facts.broken = super::checks::in_source(held.as_mut(), inside.as_mut(), &catalog, &setup).await?;
        }
        if let Some(script) = switched {
            self.keep("schema.json", &script)?;
            self.schema = Some(script);
        }
        self.source_numbers(&catalog).await?;
        let known = self.known_values().await?;
        let mut outcome = Outcome::default();
        outcome.facts.insert("known values".into(), known.len().to_string());
        self.keep("facts.json", &facts)?;
        Ok(outcome)
    }

    /// What an earlier step or process found out.
    pub(super) fn facts(&self) -> Result<Facts, StepError> {
        self.kept("facts.json")?.ok_or_else(|| {
            let mut f = failure("GR0711", "the run's folder has lost `facts.json`");
            f.hint = Some("`greenroom undo` and start again".into());
            f.into()
        })
    }

    /// Reads the source's masked names, mails and phones once more inside the snapshot and keeps only keyed 64-bit hashes of them.
    async fn known_values(&mut self) -> Result<Known, StepError> {
        let setup = self.setup.clone();
        let plan = self.plan.clone();
        let held = self.held.as_mut().expect("the driver holds the snapshot before steps that need it");
        let mut known = Gatherer::new(&setup.scratch);
        let unwritten = |source| super::RunError::Scratch { path: setup.scratch.join(KNOWN), source };
        let mut reader = None;
        for copy in &plan.tables {
            let columns: Vec<(CopyColumn, residual::Sort)> =
                copy.columns.iter().filter_map(|c| sort_of(c).map(|s| (c.clone(), s))).collect();
            if columns.is_empty() || copy.empty {
                continue;
            }
            // The conditions are read along: values of rows that the program exempts are meant to stay.
            let narrow = TableCopy {
                columns: columns.iter().map(|(c, _)| CopyColumn { rules: Vec::new(), ..c.clone() }).collect(),
                range_key: None,
                ..copy.clone()
            };
            watch(held.as_mut(), &setup).await?;
            if reader.is_none() {
                reader = Some(held.reader().await?);
            }
            let reader = reader.as_mut().expect("opened just above");
            let encoding = reader.prepare(&narrow).await?.encoding;
            reader.begin(&narrow, &RangeSpec::whole()).await?;
            while let Some(RawBatch { data }) = reader.next().await? {
                let mut rest = &data[..];
                let mut fields = Vec::new();
                while encoding.next_row(&mut rest, &mut fields)? {
                    // Names that stand in one row belong together: first and last name make the full name.
                    let mut names = Vec::new();
                    let holds = |condition: usize| encoding.is_true(fields.get(columns.len() + condition).copied().flatten());
                    for (i, (column, sort)) in columns.iter().enumerate() {
                        let Some(field) = fields.get(i).copied().flatten().filter(|_| is_masked(column, &holds)) else { continue };
                        let Ok(Value::Text(text)) = encoding.decode(i, field) else { continue };
                        match sort {
                            residual::Sort::NamePart => names.push(text.into_owned()),
                            sort => gather(&mut known, *sort, &text, &setup.keys.values).map_err(unwritten)?,
                        }
                    }
                    if names.len() >= 2 {
                        gather(&mut known, residual::Sort::FullName, &names.join(" "), &setup.keys.values).map_err(unwritten)?;
                    }
                }
            }
        }
        Ok(known.finish().map_err(unwritten)?)
    }
}

/// Whether the first rule that applies to a row is a mask.
fn is_masked(column: &CopyColumn, holds: &impl Fn(usize) -> bool) -> bool {
    let first = column.rules.iter().find(|r| r.when.is_none_or(holds));
    first.is_some_and(|r| matches!(r.action, FieldAction::Mask { .. }))
}

/// Gives way if somebody has waited too long for our locks, or the snapshot is gone.
pub(super) async fn watch(held: &mut dyn Held, setup: &Setup) -> Result<(), StepError> {
    let patience = u64::from(setup.program.copy.give_way_seconds);
    match held.disturbed().await?.and_then(|d| give_way(&d, patience)) {
        Some(failure) => Err(failure.into()),
        None => Ok(()),
    }
}

/// What a masked column's raw values are, for the residual scan.
fn sort_of(column: &CopyColumn) -> Option<residual::Sort> {
    let mask = column.rules.iter().find_map(|r| match &r.action {
        FieldAction::Mask { rule, .. } => Some(rule.name.as_str()),
        _ => None,
    })?;
    match mask {
        "first_name" | "last_name" => Some(residual::Sort::NamePart),
        "full_name" => Some(residual::Sort::FullName),
        "email" => Some(residual::Sort::Mail),
        "phone" => Some(residual::Sort::Phone),
        _ => None,
    }
}

/// A keyed hash of one value, so that it can be compared later without being kept.
pub(crate) fn keyed(key: &[u8; 32], value: &str) -> String {
    blake3::keyed_hash(key, value.as_bytes()).to_hex().to_string()
}

/// Counts rows whose foreign key points nowhere.
fn orphans_sql(engine: EngineKind, table: &Table, key: &ForeignKey) -> String {
    let q = |name: &str| engine.quote(name);
    let present = key.columns.iter().map(|c| format!("c.{} is not null", q(c))).collect::<Vec<_>>().join(" and ");
    let equal =
        key.columns.iter().zip(&key.referenced_columns).map(|(c, r)| format!("p.{} = c.{}", q(r), q(c))).collect::<Vec<_>>().join(" and ");
    // `count` of SQL Server overflows at 2^31.
    let count = if engine == EngineKind::Mssql { "count_big" } else { "count" };
    format!(
        "select {count}(*) from {} c where {present} and not exists (select 1 from {} p where {equal})",
        engine.quote_table(&table.name),
        engine.quote_table(&key.references)
    )
}
