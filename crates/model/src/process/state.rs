//! Where the process stands: the fold of its facts. Facts about what `process.toml` does not name any more are kept and mean nothing.

use super::Fact;
use super::cases::CaseState;
use crate::hash::Hash;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// When something was recorded, and as the how manieth: clocks may stand still, or go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Mark {
    /// The only order there is.
    pub number: u64,
    /// For people, and for waits.
    pub at: Timestamp,
}

/// Where a stage stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StageState {
    /// When it was last entered.
    pub entered: Option<Mark>,
    /// When it was left since, and whether with a good result.
    pub left: Option<(Mark, bool)>,
    /// The agreed date, and when it was agreed.
    pub agreed: Option<(Timestamp, Timestamp)>,
    /// How often one was agreed: the sequence of an invitation to it.
    pub dates: u32,
}

impl StageState {
    /// Entered, and not left.
    pub fn is_on(&self) -> bool {
        self.entered.is_some() && self.left.is_none()
    }

    /// Left with a good result.
    pub fn is_over(&self) -> bool {
        self.left.is_some_and(|(_, good)| good)
    }
}

/// What somebody said to what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Signature {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Approved, or rejected.
    pub approve: bool,
    /// Hash of what they were shown.
    pub of: Hash,
}

/// What is asked at a gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// Who asks: they do not sign.
    pub by: String,
    /// When.
    pub at: Mark,
    /// Hash of what is to be approved.
    pub of: Hash,
    /// Signatures since.
    pub signed: Vec<Signature>,
}

/// Where a task stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TaskState {
    /// Who does it, or did it last.
    pub by: Option<String>,
    /// When it was begun, the last time.
    pub started: Option<Timestamp>,
    /// When it was done.
    pub done: Option<Mark>,
    /// When it failed, the last time; it is begun again after that.
    pub failed: Option<Timestamp>,
}

/// Where everything stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// How many facts there were.
    pub facts: u64,
    /// By stage.
    pub stages: BTreeMap<String, StageState>,
    /// By gate.
    pub asked: BTreeMap<String, Asked>,
    /// By gate and item: by whom and when.
    pub ticked: BTreeMap<(String, String), (String, Mark)>,
    /// By artefact: when, and its BLAKE3.
    pub received: BTreeMap<String, (Timestamp, Hash)>,
    /// By gate: by whom and when.
    pub waived: BTreeMap<String, (String, Mark)>,
    /// By task.
    pub tasks: BTreeMap<String, TaskState>,
    /// By case.
    pub cases: BTreeMap<String, CaseState>,
}

impl State {
    /// A stage's state; one that was never heard of is not entered.
    pub fn stage(&self, id: &str) -> StageState {
        self.stages.get(id).cloned().unwrap_or_default()
    }

    /// A task's state.
    pub fn task(&self, id: &str) -> TaskState {
        self.tasks.get(id).cloned().unwrap_or_default()
    }

    /// Folds a fact. `by` is the person whom the record names, empty for nobody who is known.
    pub fn apply(&mut self, at: Timestamp, by: &str, fact: &Fact) {
        self.facts += 1;
        let mark = Mark { number: self.facts, at };
        match fact {
            Fact::StageEntered { stage, .. } => {
                let s = self.stages.entry(stage.clone()).or_default();
                (s.entered, s.left) = (Some(mark), None);
            }
            Fact::StageLeft { stage, good, .. } => self.stages.entry(stage.clone()).or_default().left = Some((mark, *good)),
            Fact::DateAgreed { stage, at: date } => {
                let s = self.stages.entry(stage.clone()).or_default();
                (s.agreed, s.dates) = (Some((*date, at)), s.dates.saturating_add(1));
            }
            Fact::Asked { gate, of } => {
                self.asked.insert(gate.clone(), Asked { by: by.to_owned(), at: mark, of: *of, signed: Vec::new() });
            }
            Fact::Signed { gate, approve, of } => {
                if let Some(asked) = self.asked.get_mut(gate) {
                    asked.signed.push(Signature { by: by.to_owned(), at, approve: *approve, of: *of });
                }
            }
            Fact::Ticked { gate, item, done } => {
                let key = (gate.clone(), item.clone());
                match done {
                    true => drop(self.ticked.insert(key, (by.to_owned(), mark))),
                    false => drop(self.ticked.remove(&key)),
                }
            }
            Fact::Received { name, blake3, .. } => drop(self.received.insert(name.clone(), (at, *blake3))),
            Fact::Waived { gate } => drop(self.waived.insert(gate.clone(), (by.to_owned(), mark))),
            Fact::TaskStarted { task } => {
                let t = self.tasks.entry(task.clone()).or_default();
                (t.by, t.started, t.done) = (Some(by.to_owned()), Some(at), None);
            }
            Fact::TaskDone { task } => self.tasks.entry(task.clone()).or_default().done = Some(mark),
            Fact::TaskFailed { task } => {
                let t = self.tasks.entry(task.clone()).or_default();
                (t.started, t.failed) = (None, Some(at));
            }
            Fact::TaskHandedOver { task, to } => self.tasks.entry(task.clone()).or_default().by = Some(to.clone()),
            Fact::CaseJudged { case, outcome, on, attached } => {
                let judged = CaseState::new((mark.number, mark.at), by, *outcome, on, attached);
                self.cases.insert(case.clone(), judged);
            }
        }
    }
}
