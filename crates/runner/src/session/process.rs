//! The process around the runs: what was recorded, what may be, and putting it on record. Decisions are the model's; one person at a time writes.

use super::error::refused;
use super::{Session, SessionError};
use crate::journal::{Actor, Journal, Projection};
use greenroom_model::plan::RunKind;
use greenroom_model::process::deed::RanRun;
use greenroom_model::process::gates::{Refused, Sight, Standing};
use greenroom_model::process::{Fact, Process, Proof, Proofs, State};
use greenroom_model::run::{Body, Phase, RunState};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;

/// What was put on record.
#[derive(Clone, Debug, Serialize)]
pub struct Recorded {
    /// The event's number.
    pub seq: u64,
    /// The person, if the login is one.
    pub by: Option<String>,
    /// What.
    #[serde(flatten)]
    pub fact: Fact,
}

impl Session {
    /// The same session with the process that its program's folder describes.
    pub fn with_process(mut self, process: Option<Process>) -> Session {
        self.process = process;
        self
    }

    /// The same session that sets `told` when it records something of which people may be told.
    pub fn telling(mut self, told: std::sync::Arc<std::sync::atomic::AtomicBool>) -> Session {
        self.told = told;
        self
    }

    /// What `process.toml` says.
    ///
    /// # Errors
    /// When there is none.
    pub fn process(&self) -> Result<&Process, SessionError> {
        let none = || {
            refused(
                "GR0790",
                "the program has no `process.toml`",
                "write one: `greenroom schema process` describes it, docs/process.md has an example",
            )
        };
        self.process.as_ref().ok_or_else(none)
    }

    /// The person who acts, as far as the operating system's user tells.
    pub fn person(&self) -> Option<&str> {
        self.process.as_ref()?.by_login(&self.actor.os_user)
    }

    /// The person who acts: nothing is put on record for anybody else.
    ///
    /// # Errors
    /// GR0791 when nobody of `process.toml` has the login.
    pub(super) fn somebody(&self) -> Result<String, SessionError> {
        let unknown = || {
            let message = format!("nobody in process.toml has your login `{}`", self.actor.os_user);
            refused("GR0791", message, "give a person `login = \"…\"`, the name by which the operating system knows you")
        };
        self.person().map(str::to_owned).ok_or_else(unknown)
    }

    /// Decides over what was recorded, at this moment.
    ///
    /// # Errors
    /// When there is no process, or the journal cannot be read.
    pub fn judged<T>(&self, judge: impl FnOnce(Sight<'_>) -> T) -> Result<T, SessionError> {
        let history = self.whole_history()?;
        let proofs = self.proofs(&history)?;
        Ok(judge(Sight { process: self.process()?, state: &history.process, proofs: &proofs, now: self.clock.now() }))
    }

    /// Where everything stands.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn process_state(&self) -> Result<State, SessionError> {
        Ok(self.whole_history()?.process)
    }

    /// Decides, and puts the decision on record. `words`: what the person said to it, kept outside the chain.
    ///
    /// # Errors
    /// GR0791 when it may not be, with the reason.
    pub fn decide_process(
        &self,
        words: Option<&str>,
        decide: impl FnOnce(Sight<'_>, Option<&str>) -> Result<Fact, Refused>,
    ) -> Result<Recorded, SessionError> {
        self.process()?;
        let by = self.somebody()?;
        self.put_on_record(words, |sight| decide(sight, Some(&by)).map(|fact| (by.clone(), fact)))
    }

    /// Decides, also whose it is, and puts the decision on record: for what counts as somebody's who does not sit here.
    pub(super) fn put_on_record(
        &self,
        words: Option<&str>,
        decide: impl FnOnce(Sight<'_>) -> Result<(String, Fact), Refused>,
    ) -> Result<Recorded, SessionError> {
        // Two people at once: what the one was allowed may not be any more once the other has acted.
        let busy = || refused("GR0723", "somebody else is putting something on record this moment", "try again");
        let _lock = self.workspace.lock("process")?.ok_or_else(busy)?;
        let (by, fact) = self.judged(decide)?.map_err(not_allowed)?;
        let by = Some(by);
        let actor = Actor { words: words.map(str::to_owned), ..self.actor.clone() };
        let mut journal = self.journal()?;
        // People are told of what is recorded from here on, where that was not so before.
        crate::notices::keep(&mut journal, self.process()?, self.whole_history()?.outbox.on)?;
        let event = journal.append(None, Some(&actor), Body::Process { by: by.clone(), fact: fact.clone() })?;
        self.told.store(true, std::sync::atomic::Ordering::Relaxed);
        Ok(Recorded { seq: event.seq, by, fact })
    }

    /// Gates that are in the way of `greenroom switch` now: those of the go-live's stage, which has to have been entered. None where the process names no such stage.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn go_live_gates(&self) -> Result<Option<(String, bool, Vec<Standing>)>, SessionError> {
        let Some(process) = self.process.as_ref() else { return Ok(None) };
        let state = self.process_state()?;
        let Some(stage) = process.go_live_now(&state).map(str::to_owned) else { return Ok(None) };
        self.judged(|sight| {
            let open: Vec<Standing> = {
                let (required, recommended) = sight.unmet(&stage, greenroom_model::process::Side::Entry);
                required.into_iter().chain(recommended).collect()
            };
            Some((stage.clone(), sight.state.stage(&stage).is_on(), open))
        })
    }

    /// What runs have proved.
    pub(super) fn proofs(&self, history: &Projection) -> Result<Proofs, SessionError> {
        let mut proved = BTreeMap::new();
        if let Some(dressed) = self.dressed(None)?.filter(|d| d.stale.is_empty()) {
            proved.insert(Proof::DressRehearsal, dressed.at);
            if dressed.rolled_back {
                proved.insert(Proof::RehearsedRollback, dressed.at);
            }
        }
        let young = |at: Timestamp| {
            self.clock.now().duration_since(at) <= SignedDuration::from_hours(i64::from(self.program.switch.restore_point_hours))
        };
        proved.extend(history.restore_points.last().filter(|p| young(p.at)).map(|p| (Proof::RestorePoint, p.at)));
        // Another pilot that was verified is not this one.
        let made = |r: &&RunState| r.plan.kind.makes_pilot() && r.phase == Phase::Finished && r.plan.profile == self.program.profile;
        let pilot = history.runs.iter().rev().find(made);
        let verified = pilot.and_then(|r| r.verdicts.last()).filter(|(_, v)| v.passed);
        proved.extend(verified.map(|(at, _)| (Proof::VerifiedPilot, *at)));
        let taken_back =
            |run: &str| history.runs.iter().any(|r| r.phase == Phase::Finished && r.plan.rollback.as_ref().is_some_and(|b| b.run == run));
        let live = history.runs.iter().rev().find(|r| r.plan.kind == RunKind::Switch && r.phase == Phase::Finished && !taken_back(&r.id.0));
        proved.extend(live.map(|r| (Proof::GoLive, r.last)));
        let ran = |r: &RunState| RanRun {
            id: r.id.0.clone(),
            kind: r.plan.kind,
            started: r.started,
            finished: (r.phase == Phase::Finished).then_some(r.last),
        };
        let runs = history.runs.iter().map(ran).collect();
        let (reports, program) = self.reports(history)?;
        let pilot = self.tested(history);
        Ok(Proofs { hold: proved.keys().copied().collect(), proved, runs, went_live: live.map(|r| r.last), pilot, reports, program })
    }
}

pub(super) fn not_allowed(r: Refused) -> SessionError {
    let lines: String = r.gates.iter().map(|g| format!("\n  {}: {}", g.gate, g.why)).collect();
    refused("GR0791", format!("{}{lines}", r.message), r.hint)
}
