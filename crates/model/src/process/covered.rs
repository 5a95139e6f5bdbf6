//! Which requirements the record shows to be met, and by which events. Requirements are ids of whatever list people agreed upon; stages, gates and tasks name those that they
//! meet (`covers`). Does not judge whether what was done is enough: a person signed that.

use super::{Fact, Kind, Process};
use serde::Serialize;
use std::collections::BTreeMap;

/// What has shown a requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// `stage audit-1`, `gate prepared`, `task stop`.
    pub by: String,
    /// Numbers of the events, in order; empty while nothing is on record.
    pub events: Vec<u64>,
}

/// What a fact is about, where it says that something went well.
fn about<'p>(process: &'p Process, fact: &Fact) -> Vec<(String, &'p [String])> {
    let stage = |id: &String| process.stages.get(id).map(|s| (format!("stage {id}"), s.covers.as_slice()));
    let gate = |id: &String| process.gates.get(id).map(|g| (format!("gate {id}"), g.covers.as_slice()));
    let task = |id: &String| process.tasks.get(id).map(|t| (format!("task {id}"), t.covers.as_slice()));
    let one = match fact {
        Fact::StageEntered { stage: id, .. } | Fact::StageLeft { stage: id, good: true, .. } | Fact::DateAgreed { stage: id, .. } => {
            stage(id)
        }
        Fact::Signed { gate: id, approve: true, .. } | Fact::Ticked { gate: id, done: true, .. } | Fact::Waived { gate: id } => gate(id),
        Fact::TaskDone { task: id } | Fact::TaskDoneByHand { task: id } | Fact::TaskRan { task: id, good: true, .. } => task(id),
        Fact::Received { name, .. } => {
            let asks = |k: &Kind| matches!(k, Kind::Artefacts { names } if names.contains(name));
            return process
                .gates
                .iter()
                .filter(|(_, g)| asks(&g.kind))
                .map(|(id, g)| (format!("gate {id}"), g.covers.as_slice()))
                .collect();
        }
        Fact::AuditConcluded { audit, positive: true } => {
            let asks = |k: &Kind| matches!(k, Kind::Audit { audit: a } if a == audit);
            return process
                .gates
                .iter()
                .filter(|(_, g)| asks(&g.kind))
                .map(|(id, g)| (format!("gate {id}"), g.covers.as_slice()))
                .collect();
        }
        _ => None,
    };
    one.into_iter().collect()
}

/// Every requirement that is named anywhere, with what shows it. Gates at which nobody says anything (waits, windows, runs, test plans) count with the stage that was entered
/// or left through them.
pub fn covered<'f>(process: &Process, facts: impl Iterator<Item = (u64, &'f Fact)>) -> BTreeMap<String, Vec<Shown>> {
    let mut all: BTreeMap<String, BTreeMap<String, Vec<u64>>> = BTreeMap::new();
    let mut named = |by: String, covers: &[String], event: Option<u64>| {
        for id in covers {
            let events = all.entry(id.clone()).or_default().entry(by.clone()).or_default();
            events.extend(event.filter(|e| events.last() != Some(e)));
        }
    };
    process.stages.iter().for_each(|(id, s)| named(format!("stage {id}"), &s.covers, None));
    process.gates.iter().for_each(|(id, g)| named(format!("gate {id}"), &g.covers, None));
    process.tasks.iter().for_each(|(id, t)| named(format!("task {id}"), &t.covers, None));
    for (seq, fact) in facts {
        about(process, fact).into_iter().for_each(|(by, covers)| named(by, covers, Some(seq)));
        let through = match fact {
            Fact::StageEntered { stage, despite } => Some((stage, super::Side::Entry, despite)),
            Fact::StageLeft { stage, good: true, despite } => Some((stage, super::Side::Exit, despite)),
            _ => None,
        };
        if let Some((stage, side, despite)) = through {
            let silent =
                |k: &Kind| !matches!(k, Kind::SignOff { .. } | Kind::Checklist { .. } | Kind::Artefacts { .. } | Kind::Audit { .. });
            for (id, gate) in process.gates_of(stage, side).filter(|(id, g)| silent(&g.kind) && !despite.contains(id)) {
                named(format!("gate {id}"), &gate.covers, Some(seq));
            }
        }
    }
    let shown = |by: BTreeMap<String, Vec<u64>>| by.into_iter().map(|(by, events)| Shown { by, events }).collect();
    all.into_iter().map(|(id, by)| (id, shown(by))).collect()
}
