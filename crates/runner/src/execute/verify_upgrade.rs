//! Step: the upgraded generation: assertions, tables the upgrade did not touch by digest, decisions for new columns, fingerprint.

use super::{Execution, StepError};
use greenroom_model::catalog::TableName;
use greenroom_model::columns;
use greenroom_model::finding::Severity;
use greenroom_model::plan::Action;
use greenroom_model::program::Shape;
use greenroom_model::run::{Outcome, Verdict};
use greenroom_model::verify::TableDigest;
use std::collections::BTreeMap;

/// Where the tables are kept that the upgrade left as they were.
pub(super) const UNTOUCHED: &str = "untouched.json";

/// Facts: fingerprints of the columns before and after the upgrade.
pub(crate) const UPGRADED: (&str, &str) = ("columns_before", "columns_after");

impl Execution {
    pub(super) async fn verify_upgrade(&mut self) -> Result<Outcome, StepError> {
        let source = self.source_catalog()?;
        let setup = self.setup.clone();
        let plan = self.plan.clone();
        let after = self.generation().await?.inspect().await?;
        let mut verdict = Verdict {
            what: "upgrade".into(),
            passed: false,
            compared: Vec::new(),
            not_compared: Vec::new(),
            differences: Vec::new(),
            fingerprint: after.fingerprint(),
        };
        // Tables with the same columns as before can be compared by digest.
        let same: Vec<_> = plan
            .tables
            .iter()
            .filter(|copy| match (source.table(&copy.table), after.table(&copy.table)) {
                (Some(a), Some(b)) => a.columns == b.columns,
                _ => false,
            })
            .cloned()
            .collect();
        // Reading all of it once more would take the time in the window that preparing it before has saved.
        let by_key = plan.steps.iter().any(|s| matches!(s.action, Action::CopyTouched));
        let same = if by_key { Vec::new() } else { same };
        let names: Vec<_> = same.iter().map(|c| c.table.clone()).collect();
        let digests = self.digests(&same).await?;
        let touched = &setup.program.verify.touched_tables;
        let neutral: Vec<(TableName, TableDigest)> = self.kept(super::safety::NEUTRAL)?.unwrap_or_default();
        let neutral: BTreeMap<TableName, TableDigest> = neutral.into_iter().collect();
        let before: BTreeMap<&TableName, TableDigest> =
            names.iter().map(|n| (n, neutral.get(n).copied().or_else(|| self.copied_digest(n)).unwrap_or_default())).collect();
        let (mut untouched, mut changed) = (Vec::new(), Vec::new());
        for name in &names {
            if digests.get(name) == before.get(name) {
                untouched.push(name.clone());
                continue;
            }
            let written = name.short(source.engine);
            if touched.is_empty() || touched.contains(&written) || touched.contains(&name.to_string()) {
                changed.push(written);
            } else {
                verdict.differences.push(format!("table {written} was changed by the upgrade, and `touched_tables` does not name it"));
            }
        }
        if by_key {
            let what = "contents of tables that the upgrade leaves alone: compared when the dress rehearsal ran the same upgrade";
            verdict.not_compared.push(what.to_owned());
        } else {
            verdict.compared.push(format!("{} tables untouched by the upgrade, by digest", untouched.len()));
        }
        self.keep(UNTOUCHED, &untouched)?;
        if !changed.is_empty() {
            verdict.not_compared.push(format!("contents of tables that the upgrade changed: {}", changed.join(", ")));
        }
        let reshaped: Vec<String> =
            plan.tables.iter().map(|c| &c.table).filter(|t| !names.contains(t)).map(|t| t.short(source.engine)).collect();
        if !reshaped.is_empty() && !by_key {
            verdict.not_compared.push(format!("contents of tables whose columns the upgrade changed or dropped: {}", reshaped.join(", ")));
        }
        let (_, changes) = super::verify_copy::differences(&source, &after, &[]);
        verdict.compared.push(format!("schema: {} objects changed by the upgrade", changes.len()));
        for f in columns::new_columns(&source, &after, &setup.program) {
            match f.severity {
                Severity::Error => verdict.differences.push(match f.hint {
                    Some(hint) => format!("{}: {hint}", f.message),
                    None => f.message,
                }),
                // What is masked on pilots is not here.
                _ if plan.kind.is_unmasked() => {}
                _ => verdict.not_compared.push(f.message),
            }
        }
        let failed = self.assertions(Shape::After, &mut verdict).await?;
        verdict.differences.extend(failed);
        let mut outcome = self.conclude(verdict, "GR0603", "the upgraded generation is not what it should be")?;
        outcome.notes.extend(changes);
        outcome.facts.insert(UPGRADED.0.into(), source.columns_fingerprint().to_string());
        outcome.facts.insert(UPGRADED.1.into(), after.columns_fingerprint().to_string());
        Ok(outcome)
    }
}
