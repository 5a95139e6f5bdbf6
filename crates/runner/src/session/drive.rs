//! Driving runs: start, resume, undo, answer. Owns the locks and the lease around a drive; what is done step by step is `execute`'s.

use super::error::refused;
use super::raw::of_copy;
use super::{Session, SessionError};
use crate::execute::{Ended, Execution, Locked, RunLog, Setup};
use crate::journal::{Journal, SqliteJournal};
use crate::workspace::RunLock;
use greenroom_model::hash::Hash;
use greenroom_model::plan::{Plan, RunKind};
use greenroom_model::run::{Body, Phase, RunId, RunState};
use std::time::Duration;

/// How often and after how long a lock is asked for again.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

impl Session {
    /// Finds a run by its name, or the latest one.
    ///
    /// # Errors
    /// When there is none.
    pub fn find_run(&self, name: Option<&str>) -> Result<RunState, SessionError> {
        let history = self.history()?;
        let found = match name {
            Some(name) => history.runs.iter().find(|r| r.id.0 == name),
            None => history.runs.last(),
        };
        let elsewhere = match name {
            Some(name) if found.is_none() => self.whole_history()?.runs.into_iter().find(|r| r.id.0 == name),
            _ => None,
        };
        found.cloned().ok_or_else(|| match name {
            Some(name) if elsewhere.is_some() => {
                let profile = elsewhere.and_then(|r| r.plan.profile);
                let how = profile.map_or_else(|| "leave `--profile` away".to_owned(), |p| format!("give `--profile {p}`"));
                refused("GR0722", format!("the run `{name}` is another pilot's"), how)
            }
            Some(name) => refused("GR0722", format!("there is no run `{name}`"), "`greenroom runs` lists them"),
            None => refused("GR0722", "there is no run yet", "`greenroom rehearse` starts one"),
        })
    }

    /// Whether another process of this machine works on the pilot now.
    ///
    /// # Errors
    /// When the lock cannot be looked at.
    pub fn busy(&self) -> Result<bool, SessionError> {
        Ok(self.workspace.lock(&self.lock_name())?.is_none())
    }

    fn lock_name(&self) -> String {
        lock_name(self.program.profile.as_deref())
    }

    /// The lock of another pilot, while something of it is dropped; none for this one, whose lock the caller has.
    pub(super) fn lock_of(&self, profile: Option<&str>) -> Result<Option<RunLock>, SessionError> {
        if profile == self.program.profile.as_deref() {
            return Ok(None);
        }
        let lock = self.workspace.lock(&lock_name(profile))?;
        let of = profile.map_or_else(|| "the first pilot".to_owned(), |p| format!("the pilot `{p}`"));
        match lock {
            Some(lock) => Ok(Some(lock)),
            None => Err(refused("GR0723", format!("another Greenroom is working on {of}"), "wait for it, or stop it")),
        }
    }

    pub(super) fn lock(&self) -> Result<RunLock, SessionError> {
        let mut lock = self.workspace.lock(&self.lock_name())?;
        // A program that is just being started holds every lock of whoever starts it for a moment.
        for _ in 0..LOCK_TRIES {
            if lock.is_some() {
                break;
            }
            std::thread::sleep(LOCK_PAUSE);
            lock = self.workspace.lock(&self.lock_name())?;
        }
        lock.ok_or_else(|| {
            refused(
                "GR0723",
                format!("another Greenroom is working on the pilot `{}`", self.program.pilot.name),
                "wait for it, or stop it; `greenroom status` shows how far it is",
            )
        })
    }

    /// Starts a run of a recorded plan and drives it.
    ///
    /// # Errors
    /// See [`SessionError`]; a failed step is no error but [`Ended::Failed`].
    pub async fn start(&self, hash: Hash, plan: &Plan, by_hand: bool) -> Result<(RunId, Ended), SessionError> {
        let _lock = self.lock()?;
        self.same_program(plan)?;
        let mut journal = self.journal()?;
        let history = self.history()?;
        if let Some(open) = history.runs.iter().find(|r| matches!(r.phase, Phase::Running | Phase::Undoing)) {
            return Err(refused(
                "GR0723",
                format!("the run `{}` is neither finished nor undone", open.id),
                format!("`greenroom resume {0}` goes on, `greenroom undo {0}` goes back", open.id),
            ));
        }
        // Two pilots may be planned at the same time, and would take the same number.
        let of = plan.profile.as_ref().map(|profile| format!("{profile}-")).unwrap_or_default();
        let id = RunId(format!("{of}{}-{}", plan.kind, plan.names.number));
        if history.run(&id).is_some() {
            return Err(refused("GR0722", format!("the plan has been run already, as `{id}`"), "`greenroom plan` makes a new one"));
        }
        let locked = self.server_lock(plan).await?;
        if let Some(from) = &plan.carry {
            self.shut_all(&from.nonce).await?;
        }
        let lease = crate::journal::Lease { run: id.clone(), epoch: 0 };
        let event = journal.append(Some(&lease), Some(&self.actor), Body::RunStarted { plan: hash })?;
        let state = RunState::begin(id.clone(), hash, plan.clone(), &event);
        let ended = self.execution(journal, state, by_hand, locked)?.drive(false).await?;
        self.forget_import(&id, plan, &ended)?;
        Ok((id, ended))
    }

    /// Goes on with a run: after a crash, a failure, an interruption or an answer.
    ///
    /// # Errors
    /// As [`Session::start`].
    pub async fn resume(&self, name: Option<&str>, by_hand: bool) -> Result<(RunId, Ended), SessionError> {
        let _lock = self.lock()?;
        let state = self.find_run(name)?;
        let id = state.id.clone();
        match state.phase {
            Phase::Finished => return Ok((id, Ended::Finished)),
            Phase::Undone => return Ok((id, Ended::Undone)),
            Phase::Running => self.same_program(&state.plan)?,
            Phase::Undoing => {}
        }
        let plan = state.plan.clone();
        let locked = self.server_lock(&plan).await?;
        let ended = self.execution(self.journal()?, state, by_hand, locked)?.drive(true).await?;
        self.forget_import(&id, &plan, &ended)?;
        Ok((id, ended))
    }

    /// Restores what stood before a run.
    ///
    /// # Errors
    /// As [`Session::start`].
    pub async fn undo(&self, name: Option<&str>) -> Result<(RunId, Ended), SessionError> {
        let _lock = self.lock()?;
        let state = self.find_run(name)?;
        let id = state.id.clone();
        if state.phase == Phase::Undone {
            return Ok((id, Ended::Undone));
        }
        let undoing = state.phase == Phase::Undoing;
        if let (RunKind::Restore, Some(raw)) = (state.plan.kind, &state.plan.raw) {
            let reads = |r: &&RunState| r.id != id && of_copy(r, raw) && matches!(r.phase, Phase::Running | Phase::Undoing);
            if let Some(reader) = self.whole_history()?.runs.iter().find(reads) {
                let message = format!("the run `{}` reads the raw copy that `{id}` made", reader.id);
                return Err(refused(
                    "GR0723",
                    message,
                    format!("`greenroom undo {}` first; it drops the raw copy unless it is to be kept", reader.id),
                ));
            }
        }
        let plan = state.plan.clone();
        let locked = self.server_lock(&plan).await?;
        let mut execution = self.execution(self.journal()?, state, false, locked)?;
        if !undoing && let Some(f) = execution.undo_all(&self.actor).await? {
            let code = ["GR0715", "GR0764"].into_iter().find(|c| *c == f.code).unwrap_or("GR0714");
            return Err(refused(code, f.message, f.hint.unwrap_or_default()));
        }
        let ended = execution.drive(true).await?;
        self.forget_import(&id, &plan, &ended)?;
        Ok((id, ended))
    }

    /// Files' rows are kept until what brings them in has ended.
    fn forget_import(&self, id: &RunId, plan: &Plan, ended: &Ended) -> Result<(), SessionError> {
        let Some(from) = plan.import.as_ref().filter(|_| matches!(ended, Ended::Finished | Ended::Undone)) else { return Ok(()) };
        let open = |r: &RunState| matches!(r.phase, Phase::Running | Phase::Undoing);
        let wanted = |r: &RunState| r.id != *id && open(r) && r.plan.import.as_ref().is_some_and(|i| i.hash == from.hash);
        if self.whole_history()?.runs.iter().any(wanted) {
            return Ok(());
        }
        match std::fs::remove_file(self.workspace.import(from.hash)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e.into()),
            _ => Ok(()),
        }
    }

    /// Answers what a run asks.
    ///
    /// # Errors
    /// When it asks nothing, or the word is none of its choices.
    pub fn answer(&self, name: Option<&str>, choice: &str) -> Result<RunId, SessionError> {
        let _lock = self.lock()?;
        let state = self.find_run(name)?;
        let waiting = state.steps.iter().find_map(|(k, s)| match s {
            greenroom_model::run::StepState::Waiting { question } => Some((k.clone(), question.clone())),
            _ => None,
        });
        let Some((step, question)) = waiting else {
            return Err(refused("GR0722", format!("the run `{}` waits for nobody", state.id), "`greenroom status` shows where it stands"));
        };
        if !question.choices.iter().any(|(word, _)| word == choice) {
            let words: Vec<String> = question.choices.iter().map(|(w, _)| format!("`{w}`")).collect();
            return Err(refused("GR0722", format!("`{choice}` is no answer to what is asked"), format!("answer {}", words.join(" or "))));
        }
        let id = state.id.clone();
        let log = RunLog::take(Box::new(self.journal()?), state, &self.owner)?;
        log.record_by(Some(&self.actor), Body::Answered { step, choice: choice.to_owned() })?;
        Ok(id)
    }

    /// Takes the target server's lock. Every other process that took a lease for this pilot is dead, since the pilot's lock is ours:
    /// what is left of its sessions is ended first.
    async fn server_lock(&self, plan: &Plan) -> Result<Locked, SessionError> {
        let history = self.history()?;
        let leases = self.events()?.into_iter().filter_map(|e| match e.body {
            Body::LeaseTaken { owner } if owner != self.owner && e.run.is_some_and(|run| history.run(&run).is_some()) => Some(owner),
            _ => None,
        });
        let mut dead: Vec<String> = leases.collect();
        dead.dedup();
        Ok(Locked::take(self.engines_over(plan.raw.as_ref()).as_ref(), &self.program.pilot.name, &dead).await?)
    }

    fn execution(&self, journal: SqliteJournal, state: RunState, by_hand: bool, locked: Locked) -> Result<Execution, SessionError> {
        let plan = &state.plan;
        let carry = self.carry_setup(plan)?;
        let setup = Setup {
            program: self.program.clone(),
            folder: self.folder.clone(),
            engines: self.engines_over(plan.raw.as_ref()),
            keys: self.keys(&plan.names.nonce),
            workspace: self.workspace.clone(),
            scratch: self.workspace.scratch(&state.id)?,
            clock: self.clock.clone(),
            observer: self.observer.clone(),
            cancel: self.cancel.clone(),
            by_hand,
            planned: std::fs::read(self.workspace.planned_schema(state.plan_hash)).ok().and_then(|b| serde_json::from_slice(&b).ok()),
            carry,
            fencing: self.fencing(),
            windows: if plan.kind == RunKind::Switch { self.go_live_windows()? } else { None },
        };
        let log = RunLog::take(Box::new(journal), state, &self.owner)?;
        Ok(Execution::begin_locked(setup, log, locked))
    }

    fn same_program(&self, plan: &Plan) -> Result<(), SessionError> {
        if plan.program_hash == self.program.hash() {
            return Ok(());
        }
        Err(refused(
            "GR0721",
            "the program was edited after this plan was made",
            "put the files back, or `greenroom undo` the run and plan again",
        ))
    }
}

fn lock_name(profile: Option<&str>) -> String {
    profile.map_or_else(|| "pilot".to_owned(), |profile| format!("pilot.{profile}"))
}
