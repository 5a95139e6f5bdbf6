//! From which event on people are told: of nothing that was recorded before `process.toml` asked for it. And what in the record people can be told of.

use crate::journal::{AppendError, Journal};
use greenroom_model::plan::RunKind;
use greenroom_model::process::Process;
use greenroom_model::process::notices::{Happened, NoticeFact, What};
use greenroom_model::run::{Body, Event, RunId};
use std::collections::BTreeSet;

/// Puts on record that people are told from here on, or that nobody is any more, where that is new (`on`: what is on record so far). Called before anything is recorded, so that nothing
/// is told of what was recorded before `[notices]` was written, and everything of what is recorded after.
///
/// # Errors
/// When the record cannot be written.
pub fn keep(journal: &mut dyn Journal, process: &Process, on: bool) -> Result<(), AppendError> {
    let what = match (process.notices.is_some(), on) {
        (true, false) => NoticeFact::Begun,
        (false, true) => NoticeFact::Stopped,
        _ => return Ok(()),
    };
    journal.append(None, None, Body::Notice { what }).map(drop)
}

/// What people can be told of: facts about the process, and switches that are finished.
pub fn happened(events: &[Event]) -> Vec<Happened<'_>> {
    let mut switches: BTreeSet<&RunId> = BTreeSet::new();
    let mut plans = BTreeSet::new();
    let mut all = Vec::new();
    for e in events {
        let what = match (&e.body, &e.run) {
            (Body::Process { fact, .. }, _) => What::Fact(fact),
            (Body::PlanRecorded { hash, plan, .. }, _) if plan.kind == RunKind::Switch => {
                plans.insert(*hash);
                continue;
            }
            (Body::RunStarted { plan }, Some(run)) if plans.contains(plan) => {
                switches.insert(run);
                continue;
            }
            (Body::RunFinished, Some(run)) if switches.contains(run) => What::GoLive { run: &run.0 },
            _ => continue,
        };
        let by = if let Body::Process { by: Some(by), .. } = &e.body { by.as_str() } else { "" };
        all.push(Happened { seq: e.seq, at: e.at, by, what });
    }
    all
}
