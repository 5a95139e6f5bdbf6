//! The runbook rehearsed: the same tasks, played beforehand, with a record of their own. Owns what was rehearsed and how long it took; decisions about single tasks are those of
//! the real night, made over a rehearsal's state.

use super::gates::{Refused, Sight, Standing, refused};
use super::{Fact, Gate, Mark, State, TaskState};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// One rehearsal of a stage's tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rehearsal {
    /// The stage.
    pub stage: String,
    /// The how manieth of this stage, from 1.
    pub number: u32,
    /// When it was begun.
    pub begun: Mark,
    /// By task.
    pub tasks: BTreeMap<String, TaskState>,
}

/// Minutes from begin to end, rounded up; none where it is not done, or did not begin.
pub fn minutes(task: &TaskState) -> Option<i64> {
    let (from, to) = task.started.zip(task.done)?;
    let millis = i64::try_from(to.at.duration_since(from).as_millis().max(0)).unwrap_or(i64::MAX - 60_000);
    Some((millis + 59_999) / 60_000)
}

/// Folds a fact about a task into those of the night, or of a rehearsal.
pub(super) fn fold(tasks: &mut BTreeMap<String, TaskState>, mark: Mark, by: &str, fact: &Fact) {
    match fact {
        Fact::TaskStarted { task } => {
            let t = tasks.entry(task.clone()).or_default();
            (t.by, t.started, t.done) = (Some(by.to_owned()), Some(mark.at), None);
        }
        Fact::TaskDone { task } | Fact::TaskDoneByHand { task } | Fact::TaskRan { task, good: true, .. } => {
            tasks.entry(task.clone()).or_default().done = Some(mark);
        }
        Fact::TaskFailed { task } | Fact::TaskRan { task, .. } => {
            let t = tasks.entry(task.clone()).or_default();
            (t.started, t.failed) = (None, Some(mark.at));
        }
        Fact::TaskHandedOver { task, to } => tasks.entry(task.clone()).or_default().by = Some(to.clone()),
        _ => {}
    }
}

impl State {
    /// The latest rehearsal of a stage.
    pub fn rehearsal(&self, stage: &str) -> Option<&Rehearsal> {
        self.rehearsals.iter().rev().find(|r| r.stage == stage)
    }

    /// Minutes that a task took when it was last rehearsed to its end.
    pub fn rehearsed(&self, stage: &str, task: &str) -> Option<i64> {
        self.rehearsals.iter().rev().filter(|r| r.stage == stage).find_map(|r| minutes(r.tasks.get(task)?))
    }

    /// Folds a fact of a rehearsal; the first one begins it.
    pub(super) fn rehearse(&mut self, mark: Mark, by: &str, stage: &str, number: u32, fact: Option<&Fact>) {
        let known = self.rehearsals.iter().position(|r| r.stage == stage && r.number == number);
        let at = known.unwrap_or_else(|| {
            self.rehearsals.push(Rehearsal { stage: stage.to_owned(), number, begun: mark, tasks: BTreeMap::new() });
            self.rehearsals.len() - 1
        });
        if let (Some(rehearsal), Some(fact)) = (self.rehearsals.get_mut(at), fact) {
            fold(&mut rehearsal.tasks, mark, by, fact);
        }
    }
}

impl Sight<'_> {
    /// The number of the rehearsal of a stage that is under way, or that the next task begins: one whose tasks are all done is over.
    pub fn rehearsal_number(&self, stage: &str) -> u32 {
        match self.state.rehearsal(stage) {
            None => 1,
            Some(r) => {
                let over = self.process.tasks_of(stage).all(|(id, _)| r.tasks.get(id).is_some_and(|t| t.done.is_some()));
                r.number + u32::from(over)
            }
        }
    }

    /// Looks at the runbook of a stage as its rehearsal number so and so has it: with its tasks, and as if the stage were on. What earlier rehearsals took is known.
    pub fn rehearsing<T>(&self, stage: &str, number: u32, look: impl FnOnce(Sight<'_>) -> T) -> T {
        let mut state = self.state.clone();
        let this = state.rehearsals.iter().find(|r| r.stage == stage && r.number == number);
        state.tasks = this.map(|r| r.tasks.clone()).unwrap_or_default();
        state.rehearsals.retain(|r| r.stage != stage || r.number < number);
        let on = super::StageState { entered: Some(Mark { number: 0, at: Timestamp::MIN }), ..super::StageState::default() };
        state.stages.insert(stage.to_owned(), on);
        state.in_rehearsal = true;
        look(Sight { process: self.process, state: &state, proofs: self.proofs, now: self.now })
    }

    /// Decides about a task within the rehearsal of its stage.
    ///
    /// # Errors
    /// As the decision itself; when the stage has begun in earnest.
    pub fn in_rehearsal(&self, task: &str, decide: impl FnOnce(Sight<'_>) -> Result<Fact, Refused>) -> Result<Fact, Refused> {
        let stage = self.known_task(task)?.stage.clone();
        self.may_rehearse(&stage)?;
        let number = self.rehearsal_number(&stage);
        let fact = self.rehearsing(&stage, number, decide)?;
        Ok(Fact::Rehearsed { stage, number, what: Box::new(fact) })
    }

    /// Begins another rehearsal of a stage's runbook; what the one before did not come to stays undone in it.
    ///
    /// # Errors
    /// When the stage has no tasks, or has begun in earnest.
    pub fn begin_rehearsal(&self, stage: &str) -> Result<Fact, Refused> {
        self.known_stage(stage)?;
        if self.process.tasks_of(stage).next().is_none() {
            return refused(format!("`{stage}` has no tasks"), "there is nothing to rehearse");
        }
        self.may_rehearse(stage)?;
        let number = self.state.rehearsal(stage).map_or(1, |r| r.number + 1);
        Ok(Fact::RehearsalBegan { stage: stage.to_owned(), number })
    }

    fn may_rehearse(&self, stage: &str) -> Result<(), Refused> {
        let state = self.state.stage(stage);
        match (state.is_on(), state.is_over()) {
            (false, false) => Ok(()),
            (true, _) => refused(
                format!("`{stage}` is on: what is done now is no rehearsal"),
                "the same command without `--rehearsal` does it in earnest",
            ),
            _ => refused(format!("`{stage}` has ended well"), "there is nothing left to rehearse for"),
        }
    }

    /// How a gate stands that asks for the runbook to have been rehearsed.
    pub(super) fn runbook_rehearsed(&self, gate: &Gate, base: &Standing) -> Standing {
        let all: Vec<&String> = self.process.tasks_of(&gate.stage).map(|(id, _)| id).collect();
        let open: Vec<&str> = all.iter().filter(|id| self.state.rehearsed(&gate.stage, id).is_none()).map(|id| id.as_str()).collect();
        match open.is_empty() {
            true => Standing { met: true, why: format!("all {} tasks were rehearsed", all.len()), ..base.clone() },
            false => {
                let why = format!("never rehearsed to the end: {}: `greenroom task --rehearsal start TASK`", open.join(", "));
                Standing { why, ..base.clone() }
            }
        }
    }
}
