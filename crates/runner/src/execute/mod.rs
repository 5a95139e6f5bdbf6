//! Performs runs: takes the lease, asks the state what is next, performs it, records it. One file per kind of step.
//!
//! Owns the order of intent, effect and outcome, recovery of unknown outcomes, and undo. Does not own what the steps are (`model::plan`)
//! nor SQL (`engine`).

mod apply;
mod back;
mod base;
mod carry;
mod changes;
mod check_source;
mod checks;
mod copy;
mod create;
mod export;
mod facts;
mod fence;
mod files;
mod hook;
mod import;
mod known;
mod locked;
mod log;
mod masker;
mod neutral;
mod open;
mod production;
mod read_back;
mod residual;
mod restore;
mod rollback;
mod safety;
mod schema;
mod sides;
mod swap;
mod synthetic;
mod touched;
mod undo;
mod upgrade;
mod verify_copy;
mod verify_upgrade;

pub use apply::Shown;
pub(crate) use apply::changes as row_changes;
pub(crate) use back::compare as compare_back;
pub(crate) use back::noted;
pub use back::{BackAccount, BackTable};
pub(crate) use carry::PREVIEW;
pub use carry::{CarrySetup, FormerPilot};
pub(crate) use changes::{ChangesRead, TableRead, read_changes};
pub(crate) use export::read_export;
pub use export::{Exported, Selection};
pub(crate) use import::{IMPORT_PREVIEW, ImportInput, compare, not_configuration};
pub(crate) use known::Known;
pub use locked::Locked;
pub use log::RunLog;
pub use masker::build_masker;
pub(crate) use neutral::assertion_sql;
pub use open::admission;
pub(crate) use open::admit;
pub(crate) use production::{card_first, doors_before};
pub(crate) use read_back::ReadBack;
pub(crate) use residual::Search;
pub(crate) use restore::raw_marker;
pub(crate) use safety::{SafetyInput, check_safety, run_assertions};
pub(crate) use schema::RIGHTS_LOST;
pub(crate) use swap::foreign;
pub(crate) use verify_copy::differences;
pub(crate) use verify_upgrade::UPGRADED;

use crate::fencing::{FenceError, Fencing};
use crate::journal::{AppendError, ReplayError};
use crate::ports::{Clock, Engines, Notice, Observer};
use crate::workspace::{RunKeys, Workspace, read_json, write_json};
use greenroom_engine::{EngineError, ErrorKind, Generation, Held, SchemaScript, ServerLock, Target};
use greenroom_model::catalog::Catalog;
use greenroom_model::plan::{Action, Plan, Recovery, Step, StepKey};
use greenroom_model::process::Windows;
use greenroom_model::program::Program;
use greenroom_model::run::{Body, Failure, Outcome, Phase, Question, RunState, Todo};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Everything a run is performed with.
pub struct Setup {
    /// The program the plan was made from.
    pub program: Program,
    /// The program's folder: programs of upgrade steps run there.
    pub folder: PathBuf,
    /// Connections.
    pub engines: Arc<dyn Engines>,
    /// The run's keys.
    pub keys: RunKeys,
    /// Where it is written down what was copied of trees of files.
    pub workspace: Workspace,
    /// The run's private folder.
    pub scratch: PathBuf,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Listener.
    pub observer: Arc<dyn Observer>,
    /// Stops the run at the next safe point.
    pub cancel: CancellationToken,
    /// A person types the upgrade's statements (P37).
    pub by_hand: bool,
    /// The schema that the plan was made for, where it is still known: to tell what drifted.
    pub planned: Option<Catalog>,
    /// What carrying configuration over needs.
    pub carry: CarrySetup,
    /// What a switch fences production with.
    pub fencing: Fencing,
    /// The windows that a switch has to keep: nobody is shut out after they are closed, and everything goes back when they close.
    pub windows: Option<Windows>,
}

/// How driving a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// All steps are finished.
    Finished,
    /// A step failed; what stood before stands.
    Failed(StepKey, Failure),
    /// A person must answer.
    Waiting(StepKey, Question),
    /// The former state stands again.
    Undone,
    /// A part of undo failed; `undo` tries again.
    UndoFailed(Failure),
    /// Stopped on request at a safe point.
    Stopped,
}

/// Why a run could not be driven at all. The run is as if the process had been killed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The journal refused.
    #[error(transparent)]
    Journal(#[from] AppendError),
    /// The journal could not be read.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A database refused before any step could be tried.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Another process drives a run on this pilot.
    #[error("another Greenroom is working on the pilot `{0}`")]
    Busy(String),
    /// The run's private folder could not be used.
    #[error("could not use the run's folder {path}: {source}")]
    Scratch {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The pilot could not be opened again after its configuration was read.
    #[error("the pilot is still shut, and could not be opened again: {}", .0.message)]
    Fence(Failure),
    /// The events contradict what was to be recorded.
    #[error(transparent)]
    Illegal(#[from] greenroom_model::run::IllegalEvent),
}

/// How a step ended other than well.
pub(crate) enum StepError {
    /// It failed; the failure is recorded.
    Failed(Failure),
    /// A person must act.
    Waits(Question),
    /// It ended badly, and a switch must not stay where it is: the former state is restored at once.
    GoBack(Failure),
    /// Stopped on request; the step counts as not done.
    Stopped,
    /// Nothing more can be recorded.
    Dead(RunError),
}

impl From<EngineError> for StepError {
    fn from(e: EngineError) -> StepError {
        StepError::Failed(failure_of(&e))
    }
}

impl From<RunError> for StepError {
    fn from(e: RunError) -> StepError {
        StepError::Dead(e)
    }
}

impl From<Failure> for StepError {
    fn from(f: Failure) -> StepError {
        StepError::Failed(f)
    }
}

impl From<FenceError> for StepError {
    fn from(e: FenceError) -> StepError {
        match e {
            FenceError::Failed(f) => StepError::Failed(*f),
            FenceError::Engine(e) => e.into(),
            FenceError::Append(e) => StepError::Dead(e.into()),
            FenceError::Files(e) => failure("GR0724", format!("could not write down what the fence takes away: {e}")).into(),
        }
    }
}

/// The failure that an engine's error amounts to.
pub fn failure_of(e: &EngineError) -> Failure {
    let code = match e.kind {
        ErrorKind::Lost => "GR0701",
        ErrorKind::Unusable => "GR0512",
        ErrorKind::Denied => "GR0702",
        ErrorKind::Full => "GR0703",
        ErrorKind::Data => "GR0704",
        ErrorKind::Statement => "GR0705",
        ErrorKind::Conflict => "GR0706",
        ErrorKind::Unsupported => "GR0707",
        ErrorKind::Transient => "GR0708",
        ErrorKind::Cancelled => "GR0709",
        ErrorKind::Other => "GR0710",
    };
    Failure { code: code.into(), message: e.to_string(), hint: e.hint.clone(), details: Vec::new() }
}

/// A failure with a finding's code.
pub(crate) fn failure(code: &str, message: impl Into<String>) -> Failure {
    Failure { code: code.into(), message: message.into(), hint: None, details: Vec::new() }
}

/// A run being driven by this process.
pub struct Execution {
    pub(crate) setup: Arc<Setup>,
    pub(crate) log: RunLog,
    pub(crate) plan: Arc<Plan>,
    pub(crate) target: Box<dyn Target>,
    pub(crate) held: Option<Box<dyn Held>>,
    pub(crate) inside: Option<Box<dyn Generation>>,
    pub(crate) schema: Option<SchemaScript>,
    pub(crate) catalog: Option<Catalog>,
    /// The step that is being performed, unless it is a copy.
    pub(crate) performing: Option<StepKey>,
    /// What the residual scan searches for, once it has been prepared.
    pub(crate) search: Option<Arc<Search>>,
    /// People are shut out of the pilot by this process.
    pub(crate) fenced: bool,
    _server_lock: Box<dyn ServerLock>,
}

impl Execution {
    /// Takes the lock on the target's server and prepares to drive. The log's lease must be taken already.
    ///
    /// # Errors
    /// When the target cannot be reached, or another process holds the lock.
    pub async fn begin(setup: Setup, log: RunLog) -> Result<Execution, RunError> {
        let locked = Locked::take(setup.engines.as_ref(), &log.state().plan.names.pilot, &[]).await?;
        Ok(Execution::begin_locked(setup, log, locked))
    }

    /// As [`Execution::begin`], with the lock taken before: so that a run which cannot have it is never on record as begun.
    pub fn begin_locked(setup: Setup, log: RunLog, locked: Locked) -> Execution {
        let plan = Arc::new(log.state().plan.clone());
        let Locked { target, lock } = locked;
        Execution {
            setup: Arc::new(setup),
            log,
            plan,
            target,
            held: None,
            inside: None,
            schema: None,
            catalog: None,
            performing: None,
            search: None,
            fenced: false,
            _server_lock: lock,
        }
    }

    /// The run's state.
    pub fn state(&self) -> RunState {
        self.log.state()
    }

    /// Performs steps until the run ends, waits or fails. With `retry`, steps that failed earlier are tried again, each when its turn comes (a
    /// new snapshot may put others before it); one that fails now ends the drive.
    ///
    /// # Errors
    /// See [`RunError`].
    pub async fn drive(&mut self, retry: bool) -> Result<Ended, RunError> {
        let ended = self.steps(retry).await?;
        self.lift().await?;
        Ok(ended)
    }

    async fn lift(&mut self) -> Result<(), RunError> {
        match self.lift_fence().await {
            Ok(()) | Err(StepError::Waits(_) | StepError::Stopped) => Ok(()),
            Err(StepError::Dead(e)) => Err(e),
            // The run is as if it had been killed: `resume` and `undo` both lift the fence.
            Err(StepError::Failed(f) | StepError::GoBack(f)) => Err(RunError::Fence(f)),
        }
    }

    async fn steps(&mut self, retry: bool) -> Result<Ended, RunError> {
        loop {
            if self.setup.cancel.is_cancelled() && self.log.state().phase == Phase::Running {
                return Ok(Ended::Stopped);
            }
            let state = self.log.state();
            let deadline = self.deadline()?;
            let next = state.next(retry);
            if let (Some(until), Some(key)) = (deadline.filter(|until| self.setup.clock.now() >= *until), next.step()) {
                self.go_back(key.clone(), production::time_is_up(until)).await?;
                continue;
            }
            let ended = match next {
                Todo::Nothing if state.phase == Phase::Undone => return Ok(Ended::Undone),
                Todo::Nothing => return Ok(Ended::Finished),
                Todo::Finish => {
                    // A run that leaves the pilot in its place is not over before people can come in again.
                    self.lift().await?;
                    self.log.record(Body::RunFinished)?;
                    continue;
                }
                Todo::FinishUndo => {
                    self.log.record(Body::RunUndone)?;
                    continue;
                }
                Todo::Undo(part) => match self.undo(part).await {
                    Ok(()) => continue,
                    Err(StepError::Dead(e)) => return Err(e),
                    Err(StepError::Failed(f) | StepError::GoBack(f)) => return Ok(Ended::UndoFailed(f)),
                    Err(StepError::Waits(_) | StepError::Stopped) => return Ok(Ended::Stopped),
                },
                Todo::Wait(key) => match state.steps.get(&key) {
                    Some(greenroom_model::run::StepState::Waiting { question }) => return Ok(Ended::Waiting(key, question.clone())),
                    _ => return Ok(Ended::Stopped),
                },
                Todo::Stopped(key) => match state.steps.get(&key) {
                    Some(greenroom_model::run::StepState::Failed { failure }) => return Ok(Ended::Failed(key, failure.clone())),
                    _ => return Ok(Ended::Stopped),
                },
                Todo::Resolve(key) => match self.snapshot_for(std::slice::from_ref(&key)).await {
                    Err(e) => Err((key, e)),
                    Ok(true) => continue,
                    Ok(false) => self.in_time(deadline, std::slice::from_ref(&key), true).await,
                },
                Todo::Perform(keys) => match self.snapshot_for(&keys).await {
                    Err(e) => Err((keys[0].clone(), e)),
                    // Under a new snapshot finished copies have become stale: ask again what is next.
                    Ok(true) => continue,
                    Ok(false) => self.in_time(deadline, &keys, false).await,
                },
            };
            match ended {
                Ok(()) => {}
                Err((_, StepError::Dead(e))) => return Err(e),
                Err((_, StepError::Stopped)) => return Ok(Ended::Stopped),
                Err((step, StepError::GoBack(failure))) => self.go_back(step, failure).await?,
                Err((step, StepError::Failed(failure))) => {
                    self.log.record(Body::StepFailed { step: step.clone(), failure: failure.clone() })?;
                    self.let_go().await;
                    return Ok(Ended::Failed(step, failure));
                }
                Err((step, StepError::Waits(question))) => {
                    self.log.record(Body::StepWaits { step: step.clone(), question: question.clone() })?;
                    self.let_go().await;
                    return Ok(Ended::Waiting(step, question));
                }
            }
        }
    }

    /// Performs steps, but a switch's only until its time is up: what is broken off then is within the generation, which is dropped.
    async fn in_time(&mut self, deadline: Option<Timestamp>, keys: &[StepKey], resolve: bool) -> Result<(), (StepKey, StepError)> {
        let action = self.plan.step(&keys[0]).map(|s| s.action.clone());
        let until = deadline.filter(|_| action.as_ref().is_some_and(Action::is_within));
        let (clock, log) = (self.setup.clock.clone(), self.log.clone());
        let work = async {
            match action {
                Some(Action::CopyTable { .. }) if !resolve => self.copy_tables(keys.to_vec()).await,
                _ => self.one(&keys[0], resolve).await,
            }
        };
        let Some(until) = until else { return work.await };
        tokio::pin!(work);
        let mut until = until;
        loop {
            let left = std::time::Duration::try_from(until.duration_since(clock.now())).unwrap_or_default();
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(left) => {}
            }
            // Somebody may have given it more time meanwhile.
            match log.fence() {
                Ok(Some(fence)) if fence.until > until => until = fence.until,
                _ => return Err((keys[0].clone(), StepError::GoBack(production::time_is_up(until)))),
            }
        }
    }

    /// Says why, and lets the driver restore the former state.
    async fn go_back(&mut self, step: StepKey, failure: Failure) -> Result<(), RunError> {
        self.setup.observer.notice(Notice::Line(failure.message.clone()));
        self.log.record(Body::StepFailed { step, failure })?;
        // Broken off in their midst, they are of no use any more.
        drop((self.held.take(), self.inside.take()));
        if let Some(refused) = self.no_way_back().await? {
            return Err(RunError::Fence(refused));
        }
        self.log.record(Body::UndoStarted)
    }

    /// Records that the former state is wanted; [`Execution::drive`] then restores it. A run that cannot go back any more is left as it
    /// is, and the reason returned.
    ///
    /// # Errors
    /// When the journal refuses or the target cannot be asked.
    pub async fn undo_all(&mut self, actor: &crate::journal::Actor) -> Result<Option<Failure>, RunError> {
        let refused = self.no_way_back().await?;
        if refused.is_none() {
            self.log.record_by(Some(actor), Body::UndoStarted)?;
        }
        Ok(refused)
    }

    /// Makes sure that the snapshot these steps need is held. True when a new one was taken.
    async fn snapshot_for(&mut self, keys: &[StepKey]) -> Result<bool, StepError> {
        let needs = |s: &Step| s.action.needs_snapshot();
        if !keys.iter().filter_map(|k| self.plan.step(k)).any(needs) {
            // Locks on production go as soon as no step that is still to come needs them.
            let state = self.log.state();
            if !self.plan.steps.iter().any(|s| needs(s) && state.outcome(&s.key).is_none())
                && let Some(held) = self.held.take()
            {
                held.release().await?;
            }
            return Ok(false);
        }
        if self.held.is_some() {
            return Ok(false);
        }
        let tables: Vec<_> = self.plan.tables.iter().map(|t| t.table.clone()).collect();
        let mut source = self.setup.engines.source().await?;
        self.held = Some(source.hold(&tables).await?);
        // What was known of the former snapshot is learnt anew.
        self.search = None;
        self.log.record(Body::SnapshotHeld)?;
        Ok(true)
    }

    /// Performs (or resolves) one step, intent first.
    async fn one(&mut self, key: &StepKey, resolve: bool) -> Result<(), (StepKey, StepError)> {
        let Some(step) = self.plan.step(key).cloned() else {
            return Ok(());
        };
        let dead = |e: RunError| (key.clone(), StepError::Dead(e));
        let (answer, intent) = match self.log.state().steps.get(key) {
            Some(greenroom_model::run::StepState::Answered { choice }) => (Some(choice.clone()), true),
            Some(greenroom_model::run::StepState::Started) => (None, resolve),
            _ => (None, false),
        };
        // An intent that stands already is not written twice.
        if !intent {
            self.log.record(Body::StepStarted { step: key.clone() }).map_err(dead)?;
        }
        self.setup.observer.notice(Notice::StepBegins { step: key.clone(), title: step.title.clone() });
        self.performing = Some(key.clone());
        let begun = self.setup.clock.millis();
        let unknown = resolve && answer.is_none() && step.recovery != Recovery::Repeat;
        let mut outcome = self.perform(&step, unknown, answer.as_deref()).await.map_err(|e| (key.clone(), e))?;
        outcome.millis = self.setup.clock.millis().saturating_sub(begun);
        self.setup.observer.notice(Notice::StepEnds { step: key.clone(), outcome: outcome.clone() });
        self.log.record(Body::StepFinished { step: key.clone(), outcome }).map_err(dead)
    }

    /// Performs a step. `unknown`: it was started before and nobody knows how far it got.
    async fn perform(&mut self, step: &Step, unknown: bool, answer: Option<&str>) -> Result<Outcome, StepError> {
        match &step.action {
            Action::VerifyCarry
            | Action::Import { .. }
            | Action::VerifyImport
            | Action::SaveBase
            | Action::SafetyCheck { after_upgrade: true } => self.still_fenced(false).await?,
            Action::Swap => self.still_fenced(true).await?,
            _ => {}
        }
        match &step.action {
            Action::CheckSource => self.check_source().await,
            Action::CreateGeneration => self.create().await,
            Action::CopyFiles => self.copy_files().await,
            Action::CopyWhole => self.copy_whole().await,
            Action::SchemaBefore => self.schema_before(unknown).await,
            // Copies go through `copy_tables`, in parallel.
            Action::CopyTable { .. } => Ok(Outcome::default()),
            Action::LargeObjects { what } => self.large_objects(*what).await,
            Action::SourceFacts => self.source_facts().await,
            Action::SchemaAfter => self.schema_after().await,
            Action::Settle => self.settle().await,
            Action::VerifyCopy => self.verify_copy().await,
            Action::Neutralise { rules } => self.neutralise(rules).await,
            Action::SafetyCheck { after_upgrade } => self.safety_check(*after_upgrade).await,
            Action::Upgrade { index } => self.upgrade(step, *index, unknown, answer).await,
            Action::VerifyUpgrade => self.verify_upgrade().await,
            Action::CarryOver { ask } => self.carry_over(*ask, answer).await,
            Action::VerifyCarry => self.verify_carry().await,
            Action::Import { ask } => self.import(*ask, answer).await,
            Action::VerifyImport => self.verify_import().await,
            Action::SaveBase => self.save_base().await,
            Action::Swap => match self.plan.rollback.clone() {
                Some(rollback) => self.change_back(&rollback).await,
                None => self.swap().await,
            },
            Action::Open { to } => self.open(*to).await,
            Action::Restore => self.restore().await,
            Action::DropRaw => self.drop_raw().await,
            Action::DropGeneration => self.drop_tried().await,
            Action::ReadAgain => self.read_again().await,
            Action::Window => self.window(answer),
            Action::Fence => self.fence_production().await,
            Action::Hook { index } => self.hook(*index).await,
            Action::Accept => self.accept(answer).await,
            Action::Hold => self.hold(answer).await,
            Action::Promote => self.promote().await,
            Action::CaptureSource => self.capture_source().await,
            Action::CopyTouched => self.copy_touched().await,
            Action::SettleTouched => self.settle_touched().await,
            Action::VerifyTouched => self.verify_touched().await,
            Action::EndCapture => self.end_capture().await.map(|()| Outcome::default()),
            Action::Capture => self.capture().await,
            Action::KeepFormer => self.keep_former().await,
            Action::TryRollback => self.try_rollback().await,
            Action::CarryBack { ask } => self.carry_back(*ask, answer).await,
            Action::VerifyBack => self.verify_back().await,
            Action::Reopen => match self.plan.rollback.clone() {
                Some(rollback) => self.reopen(&rollback).await,
                None => Err(failure("GR0710", "the plan names no switch").into()),
            },
        }
    }

    /// The generation from within, entered once.
    pub(crate) async fn generation(&mut self) -> Result<&mut Box<dyn Generation>, StepError> {
        if self.inside.is_none() {
            self.inside = Some(self.target.enter(&self.plan.names.generation).await?);
        }
        Ok(self.inside.as_mut().expect("entered just above"))
    }

    /// Lets go of snapshot and sessions; the run may rest for days now.
    async fn let_go(&mut self) {
        // Both are given up by being dropped, too; errors while letting go change nothing about the run.
        if let Some(held) = self.held.take() {
            let _ = held.release().await;
        }
        if let Some(inside) = self.inside.take() {
            let _ = inside.leave().await;
        }
    }

    /// Writes a private file into the run's folder, whole or not at all.
    pub(crate) fn keep<T: Serialize>(&self, name: &str, value: &T) -> Result<(), RunError> {
        let path = self.setup.scratch.join(name);
        write_json(&path, value).map_err(|source| RunError::Scratch { path, source })
    }

    /// Removes what [`Execution::keep`] wrote, if it is there.
    pub(crate) fn forget(&self, name: &str) -> Result<(), RunError> {
        let path = self.setup.scratch.join(name);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(RunError::Scratch { path, source }),
            _ => Ok(()),
        }
    }

    /// Reads back what [`Execution::keep`] wrote; `None` when it is not there.
    pub(crate) fn kept<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, RunError> {
        let path = self.setup.scratch.join(name);
        read_json(&path).map_err(|source| RunError::Scratch { path, source })
    }

    /// The source's schema as the run saw it inside its snapshot.
    pub(crate) fn source_catalog(&mut self) -> Result<Catalog, StepError> {
        if self.catalog.is_none() {
            self.catalog = self.kept("catalog.json")?;
        }
        self.catalog.clone().ok_or_else(|| {
            let mut f = failure("GR0711", "the run's folder has lost `catalog.json`, the schema that the source had inside the snapshot");
            f.hint = Some("`greenroom undo` and start again".into());
            f.into()
        })
    }
}
