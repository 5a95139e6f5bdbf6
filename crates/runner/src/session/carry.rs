//! Renewing the pilot's data with its configuration carried over: the plan, what is shown before it happens, decisions about conflicts.

use super::error::refused;
use super::{Session, SessionError};
use crate::base::Base;
use crate::execute::{CarrySetup, FormerPilot, IMPORT_PREVIEW, PREVIEW, RIGHTS_LOST, Shown, not_configuration};
use crate::journal::{Journal, Projection};
use crate::planning::Over;
use crate::workspace::{read_json, write_json};
use greenroom_model::carry::{CarryKey, Conflict, Decided, ExportedTable, Take};
use greenroom_model::catalog::Table;
use greenroom_model::columns::names::find_table;
use greenroom_model::finding::Finding;
use greenroom_model::hash::Hash;
use greenroom_model::plan::tables::{ConfigurationRows, configuration_rows};
use greenroom_model::plan::{Action, CarryFrom, ImportFrom, Plan, Recipe, RunKind};
use greenroom_model::program::{Kind, Strategy};
use greenroom_model::run::{Body, Phase, RunId, RunState};
use serde::Serialize;
use std::path::PathBuf;

/// A dress rehearsal that ended well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dressed {
    /// The run.
    pub run: RunId,
    /// When it ended.
    pub at: jiff::Timestamp,
    /// How long its steps took, in milliseconds.
    pub millis: u64,
    /// What changed since, so that it proves nothing any more; empty while it does.
    pub stale: Vec<String>,
    /// Owners and rights of production that the login could not give to a copy.
    pub rights_lost: u64,
    /// Going back after the go-live was tried out, too.
    pub rolled_back: bool,
}

impl Session {
    /// Makes a plan that renews the pilot's data and carries its configuration over. Nothing is executed. With `ask` a person is shown what is
    /// carried over before it is.
    ///
    /// # Errors
    /// As [`Session::plan`], and when there is no pilot of ours, or nothing to carry over.
    pub async fn plan_refresh(&self, ask: bool) -> Result<(Hash, Plan, Vec<Finding>), SessionError> {
        if !self.configures() {
            let hint = "name the tables that people configure under `[tables]` in greenroom.toml (`status = \"configuration\"`); without any, \
                        `greenroom rehearse` builds the next pilot";
            return Err(refused("GR0825", "the program names no table as configuration: there is nothing to carry over", hint));
        }
        let from = self.carry_from().await?;
        self.plan_made(Over { carry: Some((from, ask)), ..Over::default() }).await
    }

    /// Makes a plan that tries the go-live out with production's own rows, the pilot's configuration carried over. Nothing is executed.
    ///
    /// # Errors
    /// As [`Session::plan_refresh`]; and when the program does not allow unmasked rows on the target. Without any configuration declared no
    /// pilot is needed.
    pub async fn plan_dress(&self, ask: bool) -> Result<(Hash, Plan, Vec<Finding>), SessionError> {
        if !self.program.dress {
            let message =
                "a dress rehearsal puts production's rows unmasked on the target, and the program does not say that they may stand there";
            let hint = "write `unmasked = true` under `[dress]` in greenroom.toml, if they may; they are sealed, and dropped at the end";
            return Err(refused("GR0829", message, hint));
        }
        let carry = if self.configures_production() { Some((self.carry_from().await?, ask)) } else { None };
        self.plan_made(Over { carry, dress: true, ..Over::default() }).await
    }

    /// Makes a plan that brings the pilot to the version to which production was upgraded: no upgrade is run, configuration is carried over, where
    /// any is declared. Nothing is executed.
    ///
    /// # Errors
    /// As [`Session::plan_refresh`]; and when production has not been upgraded, or the pilot has its version.
    pub async fn plan_follow(&self, ask: bool) -> Result<(Hash, Plan, Vec<Finding>), SessionError> {
        let carry = if self.configures() { Some((self.carry_from().await?, ask)) } else { None };
        self.plan_made(Over { carry, follow: true, ..Over::default() }).await
    }

    /// Makes a plan that renews the pilot, carries its configuration over, and brings exported configuration in. Nothing is executed. With `all`, rows
    /// that the files say nobody changed are brought in like new ones.
    ///
    /// # Errors
    /// As [`Session::plan_refresh`]; and when a file is about what is no configuration here.
    pub async fn plan_import(&self, files: Vec<ExportedTable>, all: bool, ask: bool) -> Result<(Hash, Plan, Vec<Finding>), SessionError> {
        let carry = self.carry_from().await?;
        if let Some(base) = Base::open(&self.base_of(&carry.nonce))? {
            let here = |t: &Table| configuration_rows(&self.program, &base.catalog, t) != ConfigurationRows::None;
            let strange = files.iter().filter(|f| !find_table(&base.catalog, &f.table).is_some_and(here));
            let findings: Vec<Finding> = strange.map(|f| not_configuration(&f.table)).collect();
            if !findings.is_empty() {
                return Err(SessionError::Findings(findings));
            }
        }
        // Keyed: what is in a small file could be guessed.
        let bytes = serde_json::to_vec(&files).map_err(std::io::Error::from)?;
        let hash = Hash(*blake3::keyed_hash(&self.keys("import").values, &bytes).as_bytes());
        let known = self.workspace.import(hash).exists();
        write_json(&self.workspace.import(hash), &files)?;
        let rows = files.iter().map(|f| f.rows.len() as u64).sum();
        let from = ImportFrom { hash, tables: files.iter().map(|f| f.table.clone()).collect(), rows, all };
        let planned = self.plan_made(Over { carry: Some((carry, false)), import: Some((from, ask)), ..Over::default() }).await;
        if planned.is_err() && !known {
            // Without a plan nobody asks for them again; should they stay, they lie in a folder that only their owner reads.
            let _ = std::fs::remove_file(self.workspace.import(hash));
        }
        planned
    }

    /// The latest dress rehearsal that ended well, held against a recipe (by default that of the latest run).
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn dressed(&self, recipe: Option<&Recipe>) -> Result<Option<Dressed>, SessionError> {
        let history = self.history()?;
        let latest = history.runs.iter().rev().find(|r| r.plan.kind != RunKind::Restore).map(|r| r.plan.recipe.clone());
        let Some(recipe) = recipe.cloned().or(latest) else { return Ok(None) };
        let run = history.runs.iter().rev().find(|r| r.plan.kind == RunKind::Dress && r.phase == Phase::Finished);
        Ok(run.map(|run| Dressed {
            run: run.id.clone(),
            at: run.last,
            millis: run.plan.steps.iter().filter_map(|s| run.outcome(&s.key)).map(|o| o.millis).sum(),
            stale: run.plan.recipe.not_proved(&recipe).into_iter().map(str::to_owned).collect(),
            rights_lost: run.outcome_of(|a| matches!(a, Action::Settle)).and_then(|o| o.facts.get(RIGHTS_LOST)?.parse().ok()).unwrap_or(0),
            rolled_back: run.outcome_of(|a| matches!(a, Action::TryRollback)).is_some(),
        }))
    }

    /// Whether a pilot's configuration goes into production.
    pub(super) fn configures_production(&self) -> bool {
        self.configures() && self.program.switch.strategy == Strategy::PilotToProduction
    }

    pub(super) fn configures(&self) -> bool {
        self.program.kinds.iter().any(|k| k.kind == Kind::Configuration)
    }

    /// The pilot that stands, if it can be carried over from.
    pub(super) async fn carry_from(&self) -> Result<CarryFrom, SessionError> {
        let mut target = self.engines.target().await?;
        let (run, _) = self.pilot_run(target.as_mut()).await?;
        if Base::open(&self.base_of(&run.plan.names.nonce))?.is_none() {
            let message = format!("what the configuration of `{}` was when it was opened is not known", self.program.pilot.name);
            let hint = "its tables were not declared as configuration then, or another workspace made it: `greenroom rehearse` makes a pilot \
                        that can be refreshed, and what was configured in this one must be entered anew";
            return Err(refused("GR0824", message, hint));
        }
        let from = CarryFrom { nonce: run.plan.names.nonce.clone(), number: run.plan.names.number };
        self.former(&from)?;
        Ok(from)
    }

    /// What a run carries over, as it was last compared.
    ///
    /// # Errors
    /// When the run has not compared anything yet.
    pub fn preview(&self, name: Option<&str>) -> Result<(RunState, Shown), SessionError> {
        let run = match name {
            Some(_) => self.find_run(name)?,
            None => {
                let latest = self.history()?.runs.into_iter().rev().find(|r| r.plan.carry.is_some());
                latest
                    .ok_or_else(|| refused("GR0722", "nothing has been carried over yet", "`greenroom refresh` and `greenroom dress` do"))?
            }
        };
        // What is asked about last comes last.
        let scratch = self.workspace.scratch(&run.id)?;
        let imported: Option<Shown> = read_json(&scratch.join(IMPORT_PREVIEW))?;
        let shown = if imported.is_some() { imported } else { read_json(&scratch.join(PREVIEW))? };
        match shown {
            Some(shown) => Ok((run, shown)),
            None => Err(refused(
                "GR0722",
                format!("the run `{}` has not compared any configuration yet", run.id),
                "it does so after the upgrade; `greenroom status` shows how far it is",
            )),
        }
    }

    /// Decides a conflict of a run: `id` is the beginning of its id, or `all` for every one that is open.
    ///
    /// # Errors
    /// When there is no such conflict, or it cannot be decided so.
    pub fn decide(&self, name: Option<&str>, id: &str, take: Take) -> Result<(RunId, usize), SessionError> {
        let _lock = self.lock()?;
        let (run, shown) = self.preview(name)?;
        if run.phase != Phase::Running {
            return Err(refused("GR0722", format!("the run `{}` is over", run.id), "the next refresh shows its own conflicts"));
        }
        let all = shown.preview.tables.iter().flat_map(|t| &t.conflicts);
        let meant: Vec<&Conflict> = match id {
            "all" => all.filter(|c| c.taken.is_none()).collect(),
            _ => all.filter(|c| c.id.place.to_string().starts_with(id)).collect(),
        };
        if meant.is_empty() || (id != "all" && meant.len() > 1) {
            let what = if meant.is_empty() { "no conflict" } else { "more than one conflict" };
            return Err(refused(
                "GR0722",
                format!("{what} of `{}` begins with `{id}`", run.id),
                "`greenroom preview` lists them with their ids",
            ));
        }
        if let Some(conflict) = meant.iter().find(|c| !c.choices.contains(&take)) {
            let words: Vec<String> = conflict.choices.iter().map(|t| format!("`{}`", word(*t))).collect();
            return Err(refused(
                "GR0722",
                format!("the conflict {} cannot be decided for `{}`", conflict.id.place.short(), word(take)),
                format!("it can be decided for {}", words.join(" or ")),
            ));
        }
        let mut journal = self.journal()?;
        for conflict in &meant {
            let decided = Decided { id: conflict.id, take };
            journal.append(None, Some(&self.actor), Body::CarryDecided { decided })?;
        }
        Ok((run.id, meant.len()))
    }

    /// The file of a generation's base.
    pub(super) fn base_of(&self, nonce: &str) -> PathBuf {
        self.workspace.bases().join(format!("{nonce}.json"))
    }

    /// How a pilot was made, and by which run.
    pub(super) fn former(&self, from: &CarryFrom) -> Result<(RunId, FormerPilot), SessionError> {
        let made = self.history()?.runs.into_iter().find(|r| r.plan.names.nonce == from.nonce);
        let made = made.ok_or_else(|| refused("GR0503", "the pilot was not made in this workspace", "use the workspace that made it"))?;
        let source = self.schema_of(&made.id)?.ok_or_else(|| super::version::lost(&made.id))?;
        Ok((made.id, FormerPilot { copies: made.plan.tables, keys: self.keys(&from.nonce), source }))
    }

    /// What carrying over needs besides a run's own plan.
    pub(super) fn carry_setup(&self, plan: &Plan) -> Result<CarrySetup, SessionError> {
        let history: Projection = self.history()?;
        let former = plan.carry.as_ref().and_then(|from| self.former(from).ok()).map(|(_, former)| former);
        // The same for every run over this pilot, or decisions would be forgotten; another for each pilot.
        let profile = self.program.profile.as_deref().map(|p| format!("carry of {p}"));
        let key = CarryKey::new(&self.keys(profile.as_deref().unwrap_or("carry")).values);
        let import = match &plan.import {
            Some(from) => read_json(&self.workspace.import(from.hash))?,
            None => None,
        };
        Ok(CarrySetup { key, decided: history.decided, bases: self.workspace.bases(), former, import })
    }
}

/// The word for what is taken.
fn word(take: Take) -> &'static str {
    match take {
        Take::Pilot => "pilot",
        Take::Production => "production",
        Take::Null => "null",
        Take::Ask => "ask",
    }
}
