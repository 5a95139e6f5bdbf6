//! Where the process stands: the fold of its facts. Facts about what `process.toml` does not name any more are kept and mean nothing.

use super::Fact;
use super::Held;
use super::audits::AuditState;
use super::cases::CaseState;
use super::changes::Noted;
use super::findings::CheckState;
use super::integrations::{IntegrationState, Probed};
use super::links::Link;
use super::rehearsal::{self, Rehearsal};
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
    /// The key that it was made with; by login only without.
    pub key: Option<String>,
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
    /// Number of the event.
    pub event: u64,
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
    /// Number of the latest event that was folded.
    pub event: u64,
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
    /// Rehearsals of runbooks, in order.
    pub rehearsals: Vec<Rehearsal>,
    /// The tasks are those of a rehearsal: never so in what the journal says.
    pub in_rehearsal: bool,
    /// By integration.
    pub integrations: BTreeMap<String, IntegrationState>,
    /// By requirement: what was seen last.
    pub requirements: BTreeMap<String, Probed>,
    /// By artefact: every time that it was received, the latest last.
    pub held: BTreeMap<String, Vec<Held>>,
    /// By case.
    pub cases: BTreeMap<String, CaseState>,
    /// Links for handing over files, by the number of the event.
    pub links: BTreeMap<u64, Link>,
    /// Changes of pilots' configuration that somebody said are theirs, in order.
    pub notes: Vec<Noted>,
    /// By audit.
    pub audits: BTreeMap<String, AuditState>,
    /// The latest check of the program.
    pub check: Option<CheckState>,
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

    /// Folds a fact that is the event of this number. See [`State::apply`].
    pub fn apply_event(&mut self, event: u64, at: Timestamp, by: &str, fact: &Fact) {
        self.event = event;
        self.apply(at, by, fact);
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
            Fact::DateAgreed { stage, at: date, .. } => {
                let s = self.stages.entry(stage.clone()).or_default();
                (s.agreed, s.dates) = (Some((*date, at)), s.dates.saturating_add(1));
            }
            Fact::Asked { gate, of } => {
                self.asked.insert(gate.clone(), Asked { by: by.to_owned(), at: mark, of: *of, event: self.event, signed: Vec::new() });
            }
            Fact::Signed { gate, approve, of, key } => {
                if let Some(asked) = self.asked.get_mut(gate) {
                    let key = key.as_ref().map(|k| k.key.clone());
                    asked.signed.push(Signature { by: by.to_owned(), at, approve: *approve, of: *of, key });
                }
            }
            Fact::Ticked { gate, item, done } => {
                let key = (gate.clone(), item.clone());
                match done {
                    true => drop(self.ticked.insert(key, (by.to_owned(), mark))),
                    false => drop(self.ticked.remove(&key)),
                }
            }
            Fact::Received { name, bytes, blake3, sha256, stored, link } => {
                self.received.insert(name.clone(), (at, *blake3));
                let (who, stored, sha256) = (by.to_owned(), stored.clone(), sha256.clone());
                let held =
                    Held { event: self.event, at, by: who, bytes: *bytes, blake3: *blake3, sha256, stored, removed: None, link: *link };
                self.held.entry(name.clone()).or_default().push(held);
                self.linked(at, by, fact);
            }
            Fact::Waived { gate } => drop(self.waived.insert(gate.clone(), (by.to_owned(), mark))),
            Fact::TaskStarted { .. } | Fact::TaskDone { .. } | Fact::TaskFailed { .. } | Fact::TaskHandedOver { .. } => {
                rehearsal::fold(&mut self.tasks, mark, by, fact);
            }
            Fact::TaskTriedAgain { .. } | Fact::TaskRan { .. } | Fact::TaskDoneByHand { .. } => {
                rehearsal::fold(&mut self.tasks, mark, by, fact)
            }
            Fact::RehearsalBegan { stage, number } => self.rehearse(mark, by, stage, *number, None),
            Fact::Rehearsed { stage, number, what } => self.rehearse(mark, by, stage, *number, Some(what)),
            Fact::IntegrationProbed { integration, end, good, outcome, .. } => self.probed(mark, integration, *end, *good, outcome),
            Fact::RequirementChecked { requirement, good, outcome, .. } => self.checked(mark, requirement, *good, outcome),
            Fact::IntegrationTurned { integration, end, on, .. } => self.turned(mark, by, integration, *end, *on),
            Fact::ArtefactRemoved { name, received } => {
                let held = self.held.get_mut(name).and_then(|all| all.iter_mut().find(|h| h.event == *received));
                held.into_iter().for_each(|h| h.removed = Some(at));
            }
            Fact::CaseJudged { case, outcome, on, attached } => {
                let judged = CaseState::new((mark.number, mark.at), by, *outcome, on, attached);
                self.cases.insert(case.clone(), judged);
            }
            Fact::Erased { .. } => {}
            Fact::LinkMade { .. } | Fact::LinkWithdrawn { .. } => self.linked(at, by, fact),
            Fact::ChangesNoted { note } => self.noted(mark, by, note),
            Fact::AuditPoint { .. }
            | Fact::FindingFound { .. }
            | Fact::FindingMended { .. }
            | Fact::FindingVerified { .. }
            | Fact::FindingAccepted { .. }
            | Fact::AuditConcluded { .. } => self.audited(mark, by, fact),
            Fact::ProgramChecked { of, found } => self.program_checked(mark, *of, found),
        }
    }
}
