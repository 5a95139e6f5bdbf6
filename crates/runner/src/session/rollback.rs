//! Taking a switch back after users were let in (P28): what has to be so, what would be carried back and what given up, the plan; and giving the possibility up.

use super::error::refused;
use super::{Guard, Session, SessionError};
use crate::execute::{BackAccount, StepError, compare_back};
use crate::journal::Journal;
use crate::planning;
use greenroom_model::finding::Finding;
use greenroom_model::hash::Hash;
use greenroom_model::plan::{self, Action, Names, Plan, PlannedHook, Production, Rollback, RunKind};
use greenroom_model::program::Hook;
use greenroom_model::run::{Body, Phase, RunId, RunState};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// A rollback as it would be now.
#[derive(Clone, Debug, Serialize)]
pub struct RollbackPreview {
    /// The switch that would be taken back.
    pub switch: RunId,
    /// Everything it depends on.
    pub guards: Vec<Guard>,
    /// What would be carried back, and what given up, as of now; people go on writing.
    pub account: Option<BackAccount>,
    /// The plan, where nothing is in the way.
    pub plan: Option<Plan>,
}

impl RollbackPreview {
    /// Whether nothing refuses it.
    pub fn passes(&self) -> bool {
        self.plan.is_some() && self.guards.iter().all(Guard::passes)
    }
}

/// A switch that can be taken back with what users write.
#[derive(Clone, Debug, Serialize)]
pub struct Revocable {
    /// The switch.
    pub switch: RunId,
    /// Until when it was meant to be; what users write is noted until somebody gives it up.
    pub until: Timestamp,
}

impl Session {
    /// The switch that can be taken back with what users have written since; none where users are not in yet, nothing is noted, or it was given up or taken back.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn revocable(&self) -> Result<Option<Revocable>, SessionError> {
        let history = self.whole_history()?;
        let Some(run) = history.runs.iter().rev().find(|r| r.plan.kind == RunKind::Switch && r.promoted()) else { return Ok(None) };
        let noted = run.outcome_of(|a| matches!(a, Action::Capture)).is_some();
        let taken_back = |r: &RunState| r.phase == Phase::Finished && r.plan.rollback.as_ref().is_some_and(|b| b.run == run.id.0);
        if !noted || history.captures_ended.contains(&run.id) || history.runs.iter().any(taken_back) {
            return Ok(None);
        }
        let hours = SignedDuration::from_hours(i64::from(self.program.switch.rollback_hours));
        Ok(Some(Revocable { switch: run.id.clone(), until: run.last.checked_add(hours).unwrap_or(run.last) }))
    }

    /// Asks everything that a rollback depends on, compares both sides as they are now, and makes the plan, recording nothing. `ask`: a person is asked before
    /// anything is given up.
    ///
    /// # Errors
    /// When there is no switch that could be taken back, or the target cannot be reached.
    pub async fn rollback_preview(&self, ask: bool) -> Result<RollbackPreview, SessionError> {
        let run = self.to_take_back()?;
        let names = &run.plan.names;
        let Some(switched) = run.plan.production.clone() else {
            return Err(refused("GR0774", format!("the plan of `{}` names no production", run.id), "restore from a backup"));
        };
        let doors = self.former_doors(&run)?;
        let mut target = self.engines.target().await?;
        let mut guards = Vec::new();
        let wrong = |what: &'static str, finding: Finding| Guard::new(what, "", vec![finding]);
        let right = |what: &'static str, found: String| Guard::new(what, found, Vec::new());
        let former = target.look(&names.former).await?.filter(|s| s.engine_id == switched.engine_id);
        guards.push(match former {
            None => {
                let message =
                    format!("the former production does not stand under `{}` any more, as the engine's identity tells", names.former);
                let hint = "was it moved, restored or dropped? On SQLite a machine that numbers its disks anew changes it, too";
                wrong("former production", Finding::error("GR0715", message).hint(hint))
            }
            Some(_) => match target.aside_open(&names.former, &doors).await? {
                open if open.is_empty() => right("former production", format!("`{}` stands aside, shut since the switch", names.former)),
                open => {
                    let message = format!("the former production `{}` has been opened since the switch: {}", names.former, open.join("; "));
                    let hint = "find out what was written to it: nobody can say what belongs together";
                    wrong("former production", Finding::error("GR0762", message).hint(hint))
                }
            },
        });
        let new = target.look(&names.pilot).await?.and_then(|s| s.marker).filter(|m| m.nonce == names.nonce);
        guards.push(match new {
            Some(_) => right("production", format!("`{}` is what the switch put there", names.pilot)),
            None => {
                let message =
                    format!("another database stands under production's name `{}` than the one that the switch put there", names.pilot);
                wrong("production", Finding::error("GR0761", message).hint("find out who replaced it before anything else"))
            }
        });
        guards.push(self.doors_guard().await);
        let stand = guards.iter().take(2).all(Guard::passes);
        let account = match stand {
            true => Some(self.compare_sides(&names.former, &switched.engine_id, &names.pilot).await?),
            false => None,
        };
        let noted = run.outcome_of(|a| matches!(a, Action::Capture)).and_then(|o| o.facts.get("fingerprint").cloned());
        if let (Some((_, now)), Some(noted)) = (&account, noted)
            && *now != noted
        {
            let message = "production's schema was changed since the switch: nothing of that is carried back, and a table that was made anew is compared whole";
            let finding =
                Finding::warning("GR0776", message).hint("do the same changes in the former production afterwards, where they are wanted");
            guards.push(Guard::new("schema", "changed since the switch", vec![finding]));
        }
        let account = account.map(|(account, _)| account);
        if let Some(account) = &account {
            let lost = account.losses().into_iter().map(|l| Finding::warning("GR0776", l));
            let c = account.counts();
            let found = format!("{} rows would be inserted, {} updated, {} deleted", c.inserted, c.updated, c.deleted);
            guards.push(Guard::new("what was written since", found, lost.collect()));
        }
        let plan = guards.iter().all(Guard::passes).then(|| self.rollback_plan(&run, switched, doors, ask)).transpose()?;
        Ok(RollbackPreview { switch: run.id, guards, account, plan })
    }

    /// Makes the plan of a dress rehearsal that tries out the way back, too. Nothing is executed.
    ///
    /// # Errors
    /// As [`Session::plan_dress`], and when the program does not have it noted what users write.
    pub async fn plan_rollback_rehearsal(&self) -> Result<(Hash, Plan, Vec<Finding>), SessionError> {
        if self.program.switch.rollback_hours == 0 {
            let hint = "write `rollback_hours = 72` under `[switch]` in greenroom.toml";
            return Err(refused("GR0774", "the program does not have it noted what users write after a switch", hint));
        }
        let planned = self.plan_dress(false).await?;
        match planned.1.steps.iter().any(|s| matches!(s.action, Action::TryRollback)) {
            true => Ok(planned),
            false => Err(refused(
                "GR0767",
                format!("what users write cannot be noted on {} yet", planned.1.engine),
                "`greenroom dress` tries the go-live out",
            )),
        }
    }

    /// Makes the plan of a rollback and records it. Nothing is executed.
    ///
    /// # Errors
    /// [`SessionError::Findings`] when something refuses it.
    pub async fn plan_rollback(&self, ask: bool) -> Result<(Hash, Plan, Vec<Finding>), SessionError> {
        let preview = self.rollback_preview(ask).await?;
        let passes = preview.passes();
        let findings: Vec<Finding> = preview.guards.into_iter().flat_map(|g| g.findings).collect();
        let Some(plan) = preview.plan.filter(|_| passes) else { return Err(SessionError::Findings(findings)) };
        let hash = plan.hash();
        self.journal()?.append(
            None,
            None,
            Body::PlanRecorded { hash, plan: Box::new(plan.clone()), found: Some(self.noticed(&findings)) },
        )?;
        Ok((hash, plan, findings))
    }

    /// Ends the noting of what users write: the switch cannot be taken back any more.
    ///
    /// # Errors
    /// When nothing is noted, or a rollback is under way.
    pub async fn give_up_rollback(&self) -> Result<RunId, SessionError> {
        let _lock = self.lock()?;
        let run = self.to_take_back()?;
        self.end_capture_of(&run).await?;
        Ok(run.id)
    }

    /// Removes what notes keys in the production that a switch made, and puts that on record.
    pub(super) async fn end_capture_of(&self, run: &RunState) -> Result<(), SessionError> {
        let names = &run.plan.names;
        let mut target = self.engines.target().await?;
        if target.look(&names.pilot).await?.and_then(|s| s.marker).is_some_and(|m| m.nonce == names.nonce) {
            let mut new = target.enter(&names.pilot).await?;
            new.end_capture().await?;
            new.leave().await?;
        }
        self.journal()?.append(None, Some(&self.actor), Body::CaptureEnded { switch: run.id.clone() })?;
        Ok(())
    }

    /// The switch that is to be taken back.
    fn to_take_back(&self) -> Result<RunState, SessionError> {
        let history = self.whole_history()?;
        let Some(run) = history.runs.iter().rev().find(|r| r.plan.kind == RunKind::Switch && r.phase != Phase::Undone) else {
            return Err(refused("GR0774", "there was no switch that could be taken back", "`greenroom runs` lists what was done"));
        };
        if !run.promoted() {
            let hint = format!("`greenroom undo {}` gives production back as it was: nobody has written to the new one", run.id);
            return Err(refused("GR0774", format!("users have not been let in by `{}`", run.id), hint));
        }
        if run.phase != Phase::Finished {
            return Err(refused(
                "GR0723",
                format!("the switch `{}` is not finished", run.id),
                format!("`greenroom resume {}` first", run.id),
            ));
        }
        let of_it = |r: &&RunState| r.plan.rollback.as_ref().is_some_and(|b| b.run == run.id.0);
        if let Some(open) = history.runs.iter().filter(of_it).find(|r| matches!(r.phase, Phase::Running | Phase::Undoing)) {
            let hint = format!("`greenroom resume {0}` goes on, `greenroom undo {0}` opens the new production again", open.id);
            return Err(refused("GR0723", format!("the rollback `{}` is neither finished nor undone", open.id), hint));
        }
        if self.revocable()?.is_some() {
            return Ok(run.clone());
        }
        let alone = || "what was written since the switch is in the new production alone".to_owned();
        let (why, hint) = if let Some(back) = history.runs.iter().filter(of_it).find(|r| r.phase == Phase::Finished) {
            ("it was taken back already", format!("`greenroom run show {}` says what was carried back", back.id))
        } else if history.captures_ended.contains(&run.id) {
            ("it was given up", alone())
        } else {
            ("what users wrote was not noted (`[switch] rollback_hours`)", alone())
        };
        Err(refused("GR0774", format!("the switch `{}` cannot be taken back: {why}", run.id), hint))
    }

    /// How what was production stood open before a switch.
    fn former_doors(&self, run: &RunState) -> Result<greenroom_model::fence::Doors, SessionError> {
        let doors = crate::execute::doors_before(&self.workspace.scratch(&run.id)?)?;
        doors.ok_or_else(|| {
            let message = format!("the folder of `{}` has lost `doors.json`, which says who could work in production", run.id);
            refused("GR0711", message, "restore the run's folder under `.greenroom/runs` from a backup of the workspace")
        })
    }

    /// What would be carried back, and the fingerprint of the new production's schema.
    async fn compare_sides(&self, former: &str, former_id: &str, new: &str) -> Result<(BackAccount, String), SessionError> {
        let mut target = self.engines.target().await?;
        let (mut former, mut new) = (target.enter_former(former, former_id).await?, target.enter(new).await?);
        let fingerprint = new.inspect().await?.fingerprint().to_string();
        let compared = compare_back(former.as_mut(), new.as_mut()).await;
        former.leave().await?;
        new.leave().await?;
        match compared {
            Ok(compared) => Ok((compared.account, fingerprint)),
            Err(StepError::Failed(f) | StepError::GoBack(f)) => Err(SessionError::Failed(Box::new(f))),
            Err(StepError::Dead(e)) => Err(e.into()),
            Err(StepError::Waits(_) | StepError::Stopped) => Ok((BackAccount::default(), fingerprint)),
        }
    }

    fn rollback_plan(
        &self,
        run: &RunState,
        switched: Production,
        doors: greenroom_model::fence::Doors,
        ask: bool,
    ) -> Result<Plan, SessionError> {
        let of = &run.plan.names;
        let fresh = planning::names(&self.program, &of.pilot, &self.history()?, self.random.as_ref());
        let names = Names { generation: of.former.clone(), ..fresh };
        // What took the switch's programs back on undo is run once the former production is open again, latest first.
        let back = |p: &PlannedHook| {
            let command = p.hook.undo.clone()?;
            let hook = Hook { command, undo: None, ..p.hook.clone() };
            Some(PlannedHook { hook, hash: p.undo_hash, undo_hash: None })
        };
        let hooks = switched.hooks.iter().rev().filter_map(back).collect();
        let production = Production { minutes: self.program.switch.minutes, hold: false, hooks, ..switched };
        let rollback = Rollback { run: run.id.0.clone(), nonce: of.nonce.clone(), doors };
        Ok(plan::rollback(&self.program, &run.plan, production, rollback, names, ask, env!("CARGO_PKG_VERSION")))
    }
}
