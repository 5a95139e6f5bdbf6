//! State of a run as the fold of its events, and what follows from it.

use super::{Body, Event, Failure, Outcome, Question, RunId, UndoPart, Verdict};
use crate::hash::Hash;
use crate::plan::{Action, Plan, PlannedHook, PlannedInverse, Recovery, Step, StepKey};
use serde::Serialize;
use std::collections::BTreeMap;

/// State of one step.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum StepState {
    /// Not begun.
    Pending,
    /// Intent is written, outcome is not.
    Started,
    /// Done under a snapshot that is gone; must be compared again.
    Stale,
    /// Done.
    Finished {
        /// See [`Outcome`].
        outcome: Outcome,
    },
    /// Ended badly.
    Failed {
        /// See [`Failure`].
        failure: Failure,
    },
    /// Waits for a person.
    Waiting {
        /// See [`Question`].
        question: Question,
    },
    /// A person answered; not yet acted upon.
    Answered {
        /// The chosen word.
        choice: String,
    },
}

/// Where a run stands as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Steps are being performed, or wait to be.
    Running,
    /// All steps are finished.
    Finished,
    /// The former state is being restored.
    Undoing,
    /// The former state stands.
    Undone,
}

/// A run's state.
#[derive(Clone, Debug, Serialize)]
pub struct RunState {
    /// Its name.
    pub id: RunId,
    /// The plan's hash.
    pub plan_hash: Hash,
    /// The plan.
    #[serde(skip)]
    pub plan: Plan,
    /// See [`Phase`].
    pub phase: Phase,
    /// The present lease's epoch.
    pub epoch: u64,
    /// By step.
    pub steps: BTreeMap<StepKey, StepState>,
    /// Rows and bytes of ranges that arrived, by step.
    pub progress: BTreeMap<StepKey, (u64, u64)>,
    /// Verdicts in order, with the time of each.
    pub verdicts: Vec<(jiff::Timestamp, Verdict)>,
    /// Undo parts: finished or not.
    pub undo: BTreeMap<UndoPart, bool>,
    /// Failure of the last undo part tried.
    pub undo_failure: Option<Failure>,
    /// When it began.
    pub started: jiff::Timestamp,
    /// When its last event was written.
    pub last: jiff::Timestamp,
}

/// An event that cannot follow what went before: the journal is damaged or the program is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {seq} cannot follow what went before: {why}")]
pub struct IllegalEvent {
    /// The event's number.
    pub seq: u64,
    /// Why not.
    pub why: String,
}

/// What a run wants next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Todo {
    /// Perform these steps; more than one only where they are independent.
    Perform(Vec<StepKey>),
    /// A step's outcome is unknown: resolve it as its recovery says.
    Resolve(StepKey),
    /// A person must answer.
    Wait(StepKey),
    /// A step failed; `resume` tries it again, `undo` goes back.
    Stopped(StepKey),
    /// Perform this part of the undo.
    Undo(UndoPart),
    /// Record that all is finished.
    Finish,
    /// Record that all is undone.
    FinishUndo,
    /// Nothing, ever.
    Nothing,
}

/// Failures of the step that lets users in that are found before anybody is.
const BEFORE_USERS: [&str; 3] = ["GR0711", "GR0712", "GR0762"];

impl Todo {
    /// The step that is next, if any.
    pub fn step(&self) -> Option<&StepKey> {
        match self {
            Todo::Perform(keys) => keys.first(),
            Todo::Resolve(key) | Todo::Wait(key) | Todo::Stopped(key) => Some(key),
            Todo::Undo(_) | Todo::Finish | Todo::FinishUndo | Todo::Nothing => None,
        }
    }
}

impl RunState {
    /// The state right after `RunStarted`.
    pub fn begin(id: RunId, plan_hash: Hash, plan: Plan, event: &Event) -> RunState {
        RunState {
            id,
            plan_hash,
            steps: plan.steps.iter().map(|s| (s.key.clone(), StepState::Pending)).collect(),
            plan,
            phase: Phase::Running,
            epoch: 0,
            progress: BTreeMap::new(),
            verdicts: Vec::new(),
            undo: BTreeMap::new(),
            undo_failure: None,
            started: event.at,
            last: event.at,
        }
    }

    /// Folds one event of this run.
    ///
    /// # Errors
    /// When the event cannot follow; the state is unspecified afterwards.
    pub fn apply(&mut self, event: &Event) -> Result<(), IllegalEvent> {
        let illegal = |why: String| Err(IllegalEvent { seq: event.seq, why });
        self.last = event.at;
        if let Body::LeaseTaken { .. } = event.body {
            if event.epoch <= self.epoch {
                return illegal(format!("a lease of epoch {} after epoch {}", event.epoch, self.epoch));
            }
            self.epoch = event.epoch;
            return Ok(());
        }
        if event.epoch != self.epoch && !matches!(event.body, Body::Answered { .. }) {
            return illegal(format!("written under epoch {} while epoch {} holds the run", event.epoch, self.epoch));
        }
        match &event.body {
            Body::SnapshotHeld => {
                let settled = self.settled_before();
                for step in self.plan.steps.iter().skip(settled).filter(|s| s.action.bound_to_snapshot()) {
                    let state = self.steps.entry(step.key.clone()).or_insert(StepState::Pending);
                    if matches!(state, StepState::Finished { .. }) {
                        *state = StepState::Stale;
                    }
                }
            }
            Body::StepStarted { step } => {
                let running = self.phase == Phase::Running;
                match self.steps.get_mut(step) {
                    Some(StepState::Finished { .. }) => return illegal(format!("`{step}` started after it was finished")),
                    Some(state) if running => *state = StepState::Started,
                    Some(_) => return illegal(format!("`{step}` started while the run is not running")),
                    None => return illegal(format!("`{step}` is not a step of the plan")),
                }
                self.progress.remove(step);
            }
            Body::RangeCopied { step, rows, bytes, .. } => {
                let p = self.progress.entry(step.clone()).or_default();
                p.0 += rows;
                p.1 += bytes;
            }
            Body::StepFinished { step, outcome } => match self.steps.get_mut(step) {
                Some(state @ (StepState::Started | StepState::Answered { .. })) => {
                    *state = StepState::Finished { outcome: outcome.clone() }
                }
                Some(_) => return illegal(format!("`{step}` finished without being started")),
                None => return illegal(format!("`{step}` is not a step of the plan")),
            },
            Body::StepFailed { step, failure } => match self.steps.get_mut(step) {
                Some(state) => *state = StepState::Failed { failure: failure.clone() },
                None => return illegal(format!("`{step}` is not a step of the plan")),
            },
            Body::StepWaits { step, question } => match self.steps.get_mut(step) {
                Some(state) => *state = StepState::Waiting { question: question.clone() },
                None => return illegal(format!("`{step}` is not a step of the plan")),
            },
            Body::Answered { step, choice } => match self.steps.get_mut(step) {
                Some(state @ StepState::Waiting { .. }) => *state = StepState::Answered { choice: choice.clone() },
                _ => return illegal(format!("`{step}` was answered without waiting")),
            },
            Body::Verified { verdict } => self.verdicts.push((event.at, verdict.clone())),
            Body::RunFinished => {
                if let Some((key, _)) = self.steps.iter().find(|(_, s)| !matches!(s, StepState::Finished { .. })) {
                    return illegal(format!("the run finished while `{key}` was not"));
                }
                self.phase = Phase::Finished;
            }
            Body::UndoStarted => {
                if self.phase == Phase::Undone {
                    return illegal("undo of a run that is undone".into());
                }
                if self.phase != Phase::Undoing {
                    self.undo = self.undo_parts().into_iter().map(|p| (p, false)).collect();
                    self.phase = Phase::Undoing;
                }
            }
            Body::UndoStepStarted { part } | Body::UndoFailed { part, .. } if !self.undo.contains_key(part) => {
                return illegal("a part of undo that is not due".into());
            }
            Body::UndoStepStarted { .. } => self.undo_failure = None,
            Body::UndoFailed { failure, .. } => self.undo_failure = Some(failure.clone()),
            Body::UndoStepFinished { part } => match self.undo.get_mut(part) {
                Some(done) => *done = true,
                None => return illegal("a part of undo that is not due".into()),
            },
            Body::RunUndone => self.phase = Phase::Undone,
            Body::WorkspaceCreated { .. }
            | Body::PlanRecorded { .. }
            | Body::RunStarted { .. }
            | Body::LeaseTaken { .. }
            | Body::Opened { .. }
            | Body::Sealed { .. }
            | Body::FunctionOpened { .. }
            | Body::FunctionClosed { .. }
            | Body::CarryDecided { .. }
            | Body::RestoreProven { .. }
            | Body::FilesCopied { .. }
            | Body::FilesVerified { .. }
            | Body::FenceIntended { .. }
            | Body::FenceRaised
            | Body::FenceProlonged { .. }
            | Body::FenceLifting
            | Body::FenceLifted
            | Body::FenceKept
            | Body::FormerKept { .. }
            | Body::CaptureEnded { .. }
            | Body::Process { .. }
            | Body::Notice { .. }
            | Body::DropIntended { .. }
            | Body::Dropped { .. } => return illegal("not an event within a run".into()),
        }
        Ok(())
    }

    /// How many steps a new snapshot leaves as they are: production is shut, and what was touched since they were done is brought by its keys.
    fn settled_before(&self) -> usize {
        let at = |which: fn(&Action) -> bool| self.plan.steps.iter().position(|s| which(&s.action));
        match (at(|a| matches!(a, Action::CopyTouched)), at(|a| matches!(a, Action::Fence))) {
            (Some(_), Some(fence)) if self.outcome(&self.plan.steps[fence].key).is_some() => fence,
            _ => 0,
        }
    }

    /// What an undo has to do, from how far the run got: parts whose effect may exist.
    fn undo_parts(&self) -> Vec<UndoPart> {
        let mut parts = Vec::new();
        if self.may_have_begun(|a| matches!(a, Action::Swap)) {
            parts.push(UndoPart::SwapBack);
        }
        if self.may_have_begun(|a| matches!(a, Action::Fence)) {
            parts.push(UndoPart::LiftFence);
        }
        if self.may_have_begun(|a| matches!(a, Action::CaptureSource)) {
            parts.push(UndoPart::EndCapture);
        }
        if !self.hooks_to_undo().is_empty() {
            parts.push(UndoPart::Hooks);
        }
        // The pilot is fenced while its configuration is read.
        if self.may_have_begun(|a| matches!(a, Action::Swap | Action::CarryOver { .. })) {
            parts.push(UndoPart::Admission);
        }
        if self.may_have_begun(|a| matches!(a, Action::CreateGeneration | Action::CopyWhole)) {
            parts.push(UndoPart::DropGeneration);
        }
        if !self.inverses().is_empty() {
            parts.push(UndoPart::Inverse);
        }
        // A run that was to drop the raw copy leaves none behind either way.
        let drops = self.plan.steps.iter().any(|s| matches!(s.action, Action::DropRaw));
        if drops || self.may_have_begun(|a| matches!(a, Action::Restore)) {
            parts.push(UndoPart::DropRaw);
        }
        parts
    }

    /// Scripts that undo what the upgrade may have done outside the database so far, latest first.
    pub fn inverses(&self) -> Vec<&PlannedInverse> {
        let begun = |key: &StepKey| self.steps.get(key) != Some(&StepState::Pending);
        let of = |s: &'_ Step| match s.action {
            Action::Upgrade { index } if begun(&s.key) => self.plan.upgrade.get(index).and_then(|u| u.inverse.as_ref()),
            _ => None,
        };
        self.plan.steps.iter().rev().filter_map(of).collect()
    }

    /// Programs that may have run beside the switch so far and have something that takes them back, latest first.
    pub fn hooks_to_undo(&self) -> Vec<&PlannedHook> {
        let begun = |key: &StepKey| self.steps.get(key) != Some(&StepState::Pending);
        let of = |s: &'_ Step| match s.action {
            Action::Hook { index } if begun(&s.key) => self.plan.production.as_ref().and_then(|p| p.hooks.get(index)),
            _ => None,
        };
        self.plan.steps.iter().rev().filter_map(of).filter(|h| h.hook.undo.is_some()).collect()
    }

    fn may_have_begun(&self, which: impl Fn(&Action) -> bool) -> bool {
        self.plan.steps.iter().any(|s| which(&s.action) && self.steps.get(&s.key) != Some(&StepState::Pending))
    }

    /// The outcome of a finished step.
    pub fn outcome(&self, key: &StepKey) -> Option<&Outcome> {
        match self.steps.get(key) {
            Some(StepState::Finished { outcome }) => Some(outcome),
            _ => None,
        }
    }

    /// The outcome of the finished step that does this.
    pub fn outcome_of(&self, which: impl Fn(&Action) -> bool) -> Option<&Outcome> {
        self.plan.steps.iter().find(|s| which(&s.action)).and_then(|s| self.outcome(&s.key))
    }

    /// Whether the generation stands under the pilot's name because of this run.
    pub fn swapped(&self) -> bool {
        self.outcome_of(|a| matches!(a, Action::Swap)).is_some() && !self.undo.get(&UndoPart::SwapBack).copied().unwrap_or(false)
    }

    /// Whether users may be in the new production already, or in the former one again: then nothing goes back by itself. What is found before they are let in keeps them out.
    pub fn promoted(&self) -> bool {
        let kept_out = |key: &StepKey| match self.steps.get(key) {
            Some(StepState::Failed { failure }) => BEFORE_USERS.contains(&failure.code.as_str()),
            state => state == Some(&StepState::Pending),
        };
        self.plan.steps.iter().any(|s| matches!(s.action, Action::Promote | Action::Reopen) && !kept_out(&s.key))
    }

    /// Whether production is, or may be, shut because of this run.
    pub fn fences(&self) -> bool {
        let over = matches!(self.phase, Phase::Finished | Phase::Undone);
        !over && !self.promoted() && self.may_have_begun(|a| matches!(a, Action::Fence))
    }

    /// What to do next. `retry` is true when a person asked to go on after a failure.
    pub fn next(&self, retry: bool) -> Todo {
        match self.phase {
            Phase::Finished | Phase::Undone => return Todo::Nothing,
            Phase::Undoing => {
                return match self.undo.iter().find(|(_, done)| !**done) {
                    Some((part, _)) => Todo::Undo(*part),
                    None => Todo::FinishUndo,
                };
            }
            Phase::Running => {}
        }
        let state = |k: &StepKey| self.steps.get(k).unwrap_or(&StepState::Pending);
        let mut ready = Vec::new();
        for step in &self.plan.steps {
            if !step.after.iter().all(|k| matches!(state(k), StepState::Finished { .. })) {
                continue;
            }
            match state(&step.key) {
                StepState::Finished { .. } => {}
                StepState::Waiting { .. } => return Todo::Wait(step.key.clone()),
                StepState::Answered { .. } => return Todo::Resolve(step.key.clone()),
                StepState::Started if step.recovery != Recovery::Repeat => return Todo::Resolve(step.key.clone()),
                StepState::Failed { .. } if !retry => return Todo::Stopped(step.key.clone()),
                StepState::Failed { .. } if step.recovery != Recovery::Repeat => return Todo::Resolve(step.key.clone()),
                StepState::Started | StepState::Pending | StepState::Stale | StepState::Failed { .. } => ready.push(step),
            }
        }
        // Only copies of tables are independent of each other; everything else goes one by one.
        match ready.first() {
            None => Todo::Finish,
            Some(s) if matches!(s.action, Action::CopyTable { .. }) => {
                Todo::Perform(ready.iter().filter(|s| matches!(s.action, Action::CopyTable { .. })).map(|s| s.key.clone()).collect())
            }
            Some(s) => Todo::Perform(vec![s.key.clone()]),
        }
    }
}
