//! What remains to be done on the night: who has to do what now and next, how long it will take, what was planned and what it took.

use super::Side;
use super::gates::Sight;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A task as the sheet shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its id.
    pub task: String,
    /// What is done.
    pub title: String,
    /// Who does it, or may: ids of persons.
    pub who: Vec<String>,
    /// When it was begun.
    pub started: Option<Timestamp>,
    /// When it was done, or is expected to be.
    pub end: Timestamp,
    /// Minutes that were quoted.
    pub minutes: u32,
    /// Minutes that it took when it was last rehearsed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rehearsed: Option<i64>,
    /// What it does by itself, in a word; none where a person does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub does: Option<&'static str>,
    /// Minutes that it took, where it is done.
    pub took: Option<i64>,
    /// The end of all waits for it.
    pub critical: bool,
    /// From here on there is no way back by itself.
    pub point_of_no_return: bool,
}

/// The sheet for a stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sheet {
    /// Under way.
    pub now: Vec<Line>,
    /// Can be begun now.
    pub next: Vec<Line>,
    /// Wait for others.
    pub later: Vec<Line>,
    /// Are done.
    pub done: Vec<Line>,
    /// When all is expected to be done; none where nothing is left.
    pub end: Option<Timestamp>,
    /// When the window closes, where the stage has one that is open.
    pub window: Option<Timestamp>,
    /// Until then it can be turned back, should everything after this moment take what its rehearsal took, or else what was quoted: the expected begin of the point of no return.
    pub turn_back: Option<Timestamp>,
    /// Minutes quoted, minutes taken so far, and what those cost, in hundredths, by party; by role where a task names no party.
    pub times: BTreeMap<String, (u64, u64, u64)>,
}

/// Makes the sheet of a stage's tasks.
pub fn sheet(sight: &Sight<'_>, stage: &str) -> Sheet {
    let (process, state, now) = (sight.process, sight.state, sight.now);
    let tasks: BTreeMap<&str, &super::Task> = process.tasks_of(stage).map(|(id, t)| (id.as_str(), t)).collect();
    let mut ends: BTreeMap<&str, (Timestamp, Timestamp)> = BTreeMap::new();
    let mut because: BTreeMap<&str, &str> = BTreeMap::new();
    // What a rehearsal took is known better than what was quoted.
    let expected = |id: &str| SignedDuration::from_mins(state.rehearsed(stage, id).unwrap_or_else(|| i64::from(tasks[id].minutes)));
    // Tasks come after those that they wait for; a circle is refused when the file is read.
    let mut left: BTreeSet<&str> = tasks.keys().copied().collect();
    while !left.is_empty() {
        let ready = |id: &&str| tasks[id].after.iter().all(|a| !left.contains(a.as_str()));
        let Some(id) = left.iter().copied().find(ready) else { break };
        left.remove(id);
        let (task, known) = (tasks[id], sight.task(id));
        let before = task.after.iter().filter_map(|a| ends.get_key_value(a.as_str())).max_by_key(|(_, (_, end))| *end);
        let begin = known.started.unwrap_or_else(|| before.map_or(now, |(_, (_, end))| (*end).max(now)));
        let end = known.done.map(|d| d.at).unwrap_or_else(|| (begin + expected(id)).max(now));
        if let Some((a, _)) = before {
            because.insert(id, a);
        }
        ends.insert(id, (begin, end));
    }
    let undone = |id: &&str| sight.task(id).done.is_none();
    let last = ends.iter().filter(|(id, _)| undone(id)).max_by_key(|(_, (_, end))| *end);
    let mut critical: BTreeSet<&str> = BTreeSet::new();
    let mut at = last.map(|(id, _)| *id);
    while let Some(id) = at.filter(undone) {
        critical.insert(id);
        at = because.get(id).copied();
    }
    let mut sheet = Sheet {
        end: last.map(|(_, (_, end))| *end),
        turn_back: tasks
            .iter()
            .filter(|(id, t)| t.point_of_no_return && undone(id))
            .filter_map(|(id, _)| ends.get(id).map(|(begin, _)| *begin))
            .min(),
        window: process
            .gates_of(stage, Side::Entry)
            .filter(|(_, g)| !state.in_rehearsal && matches!(g.kind, super::Kind::Window(_)))
            .filter_map(|(id, _)| sight.standing(id).until)
            .min(),
        ..Sheet::default()
    };
    let mut order: Vec<&str> = ends.keys().copied().collect();
    order.sort_by_key(|id| ends[id]);
    for id in order {
        let (task, known) = (tasks[id], sight.task(id));
        let took = known.started.zip(known.done).map(|(from, to)| (to.at.duration_since(from).as_secs() + 59) / 60);
        let who = known.by.clone().map_or_else(|| sight.owners(task), |by| vec![by]);
        let line = Line {
            task: id.to_owned(),
            title: task.title.clone(),
            who,
            started: known.started,
            end: ends[id].1,
            minutes: task.minutes,
            rehearsed: state.rehearsed(stage, id),
            does: task.does.as_ref().map(|d| d.doing.word()),
            took,
            critical: critical.contains(id),
            point_of_no_return: task.point_of_no_return,
        };
        let times = sheet.times.entry(task.party.clone().unwrap_or_else(|| task.role.clone())).or_default();
        times.0 += u64::from(task.minutes);
        let spent = u64::try_from(took.unwrap_or(0)).unwrap_or(0);
        times.1 += spent;
        times.2 += task.rate.unwrap_or(0) * spent / 60;
        let open = |gate: &String| {
            let standing = sight.standing(gate);
            state.in_rehearsal || standing.met || standing.recommended
        };
        let ready = task.after.iter().all(|a| sight.task(a).done.is_some()) && task.gates.iter().all(open);
        match (known.done, known.started) {
            (Some(_), _) => sheet.done.push(line),
            (None, Some(_)) => sheet.now.push(line),
            (None, None) if ready => sheet.next.push(line),
            (None, None) => sheet.later.push(line),
        }
    }
    sheet
}
