//! Which version of the product production has: the one that the program was written for, or the one to which a pilot was brought. Owns finding
//! that out, from the journal and the workspace alone; does not own what of a program counts then (`model::columns`).

use super::error::refused;
use super::{Session, SessionError};
use crate::base::Base;
use crate::execute::UPGRADED;
use crate::journal::Projection;
use crate::workspace::read_json;
use greenroom_model::catalog::Catalog;
use greenroom_model::columns;
use greenroom_model::finding::Finding;
use greenroom_model::hash::Hash;
use greenroom_model::plan::{Action, PlannedUpgrade, Reached, RunKind};
use greenroom_model::program::Program;
use greenroom_model::run::{Phase, RunId, RunState};

/// The program as it holds for production as it is now.
pub(super) struct Here {
    /// See [`columns::reached`].
    pub program: Program,
    /// Production has been upgraded already.
    pub reached: Option<Reached>,
    /// What is to be said about it.
    pub findings: Vec<Finding>,
}

impl Session {
    /// What of the program holds for production as it is now.
    ///
    /// # Errors
    /// When journal or workspace cannot be read.
    pub(super) fn here(&self, now: &Catalog) -> Result<Here, SessionError> {
        // Production is every pilot's: what one of them has been upgraded by tells for all.
        let reached = self.reached(&self.whole_history()?, now.columns_fingerprint());
        self.here_with(reached, now)
    }

    pub(super) fn here_with(&self, reached: Option<Reached>, now: &Catalog) -> Result<Here, SessionError> {
        let Some(reached) = reached else {
            return Ok(Here { program: columns::not_reached(&self.program, now), reached: None, findings: Vec::new() });
        };
        // Without the former schema, what only it had passes for misspelt, and has to be removed from the program.
        let former = self.schema_of(&RunId(reached.run.clone()))?;
        let (mut program, findings) = columns::reached(&self.program, former.as_ref().unwrap_or(now), now);
        // This is the version that the pilot was verified in: nothing has drifted.
        if self.program.pinned == Some(reached.before) && self.is_reached(&reached, now)? {
            program.pinned = Some(now.columns_fingerprint());
        }
        Ok(Here { program, reached: Some(reached), findings })
    }

    /// The program as `columns` and `check` see it: what holds for production as it is now.
    ///
    /// # Errors
    /// When journal or workspace cannot be read.
    pub fn program_for(&self, now: &Catalog) -> Result<(Program, Vec<Finding>), SessionError> {
        let here = self.here(now)?;
        Ok((here.program, here.findings))
    }

    /// Production's schema inside the snapshot of a run, as long as the run's folder is there.
    pub(super) fn schema_of(&self, run: &RunId) -> Result<Option<Catalog>, SessionError> {
        Ok(read_json(&self.workspace.scratch(run)?.join("catalog.json"))?)
    }

    /// The newest run that tells decides.
    fn reached(&self, history: &Projection, now: Hash) -> Option<Reached> {
        for run in history.runs.iter().rev().filter(|r| r.phase == Phase::Finished && r.plan.kind != RunKind::Restore) {
            if let Some((before, after)) = shapes_of(run).filter(|(before, after)| before != after) {
                if now == after {
                    let mut steps = steps(&run.plan.upgrade);
                    steps.extend(run.plan.reached.iter().flat_map(|r| r.steps.iter().cloned()));
                    return Some(Reached { run: run.id.0.clone(), steps, before });
                }
                if now == before {
                    // What production had by then it still has.
                    return run.plan.reached.clone();
                }
            }
            if let Some(reached) = &run.plan.reached {
                return Some(reached.clone()).filter(|r| r.before != now);
            }
        }
        None
    }

    fn is_reached(&self, reached: &Reached, now: &Catalog) -> Result<bool, SessionError> {
        let run = self.whole_history()?.runs.into_iter().find(|r| r.id.0 == reached.run);
        Ok(run.and_then(|r| shapes_of(&r)).is_some_and(|(_, after)| after == now.columns_fingerprint()))
    }

    /// Production was upgraded, says a person who wants the pilot to follow: what it has reached, and how it differs from the pilot.
    ///
    /// # Errors
    /// When production has the version that the pilot was made from, or the pilot's.
    pub(super) fn followed(&self, pilot: &RunState, now: &Catalog) -> Result<(Reached, Vec<Finding>), SessionError> {
        let made_from = self.schema_of(&pilot.id)?.ok_or_else(|| lost(&pilot.id))?;
        let (before, columns) = (made_from.columns_fingerprint(), now.columns_fingerprint());
        let after = shapes_of(pilot).map_or(before, |(_, after)| after);
        // An upgrade that changed no column cannot be told from none: then a person's word counts.
        if columns == before && (after != before || pilot.plan.upgrade.is_empty()) {
            let (message, hint) = if after == before {
                let message = format!("the pilot has production's version already: it was made from it by `{}`", pilot.id);
                (message, "`greenroom refresh` renews its data")
            } else {
                let message = format!("production has not been upgraded: its tables are those that `{}` made the pilot from", pilot.id);
                (message, "`greenroom refresh` renews the pilot's data and upgrades it; `greenroom follow` is for after the go-live")
            };
            return Err(refused("GR0831", message, hint));
        }
        // A pilot that followed before knows what was run; what is in the program by now counts as run, too: production has it.
        let mut steps = steps(&pilot.plan.upgrade);
        steps.extend(pilot.plan.reached.iter().flat_map(|r| r.steps.iter().cloned()));
        let before = if columns == before { Hash::ZERO } else { before };
        let reached = Reached { run: pilot.id.0.clone(), steps, before };
        let mut findings = Vec::new();
        if columns != after {
            let base = Base::open(&self.base_of(&pilot.plan.names.nonce))?;
            let differences = base.map(|base| crate::execute::differences(&base.catalog, now, &[]).1).unwrap_or_default();
            let message = "production's version is not quite the one that the pilot was brought to";
            let said = if differences.is_empty() { message.to_owned() } else { format!("{message}: {}", differences.join("; ")) };
            findings.push(Finding::warning("GR0832", said).hint("look whether the program has a word for each of them"));
        }
        Ok((reached, findings))
    }
}

pub(super) fn lost(run: &RunId) -> SessionError {
    let message = format!("the folder of the run `{run}` has lost `catalog.json`, the schema that production had");
    refused("GR0711", message, "`greenroom rehearse` makes a pilot that knows it; what was configured in this one must be entered anew")
}

/// Fingerprints of the columns before and after the upgrade, of a run that had one.
fn shapes_of(run: &RunState) -> Option<(Hash, Hash)> {
    let facts = &run.outcome_of(|a| matches!(a, Action::VerifyUpgrade))?.facts;
    let fact = |name: &str| facts.get(name).and_then(|f| Hash::parse(f));
    Some((fact(UPGRADED.0)?, fact(UPGRADED.1)?))
}

fn steps(upgrade: &[PlannedUpgrade]) -> Vec<(String, Hash)> {
    upgrade.iter().map(|step| (step.key.clone(), step.hash())).collect()
}
