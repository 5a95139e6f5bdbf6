//! The end of a stage's window: until when what was begun in it may go on before its point of no return. Owns when that is; what is stopped is the runner's and `gates`'.

use super::gates::{Refused, Sight};
use super::{Calendar, Kind, Level, Side, Window};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// How the windows of a stage stand at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// They are open, and the first of them closes then.
    At(Timestamp),
    /// One is closed, and opens again then, if within a year.
    Closed(Option<Timestamp>),
}

/// The windows in which a stage has to stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Windows {
    calendar: Calendar,
    windows: Vec<Window>,
}

impl Windows {
    /// How they stand.
    pub fn closing(&self, now: Timestamp) -> Closing {
        let mut first = Timestamp::MAX;
        for window in &self.windows {
            match self.calendar.within(window, now) {
                Some(until) => first = first.min(until),
                None => return Closing::Closed(self.calendar.next_window(window, now)),
            }
        }
        Closing::At(first)
    }

    /// A moment as people there read it.
    pub fn show(&self, at: Timestamp) -> String {
        self.calendar.local(at).strftime("%a %Y-%m-%d %H:%M").to_string()
    }
}

impl Sight<'_> {
    /// The windows that a stage has to keep: those that its entry requires, and that nobody has waived.
    pub fn windows(&self, stage: &str) -> Option<Windows> {
        let windows: Vec<Window> = self
            .process
            .gates_of(stage, Side::Entry)
            .filter(|(id, g)| g.level == Level::Require && !self.is_waived(id, g))
            .filter_map(|(_, g)| if let Kind::Window(w) = &g.kind { Some(w.clone()) } else { None })
            .collect();
        (!windows.is_empty()).then(|| Windows { calendar: self.process.calendar.clone(), windows })
    }

    /// Whether a task comes before a point of no return that has not been begun, or is it.
    fn is_before_no_return(&self, task: &str, stage: &str) -> bool {
        let open = self.process.tasks_of(stage).filter(|(id, t)| t.point_of_no_return && !self.has_begun(id));
        open.into_iter().any(|(id, _)| id == task || self.needs(id, task))
    }

    fn has_begun(&self, task: &str) -> bool {
        let state = self.task(task);
        state.started.is_some() || state.done.is_some()
    }

    /// Whether a task waits for another, directly or through others.
    fn needs(&self, task: &str, other: &str) -> bool {
        let (mut seen, mut next) = (BTreeSet::new(), vec![task]);
        while let Some(id) = next.pop() {
            if !seen.insert(id) {
                continue;
            }
            let Some(written) = self.process.tasks.get(id) else { continue };
            if written.after.contains(other) {
                return true;
            }
            next.extend(written.after.iter().map(String::as_str));
        }
        false
    }

    /// Refuses to begin a task before its point of no return when the window is closed.
    ///
    /// # Errors
    /// That it is.
    pub(super) fn in_window(&self, task: &str, stage: &str) -> Result<(), Refused> {
        let Some(windows) = self.windows(stage).filter(|_| self.is_before_no_return(task, stage)) else { return Ok(()) };
        let Closing::Closed(next) = windows.closing(self.now) else { return Ok(()) };
        let next = next.map_or_else(|| "none opens within a year".to_owned(), |n| format!("the next opens {}", self.day(n)));
        Err(Refused {
            message: format!("the window of `{stage}` is closed, and `{task}` comes before its point of no return; {next}"),
            hint: "turn back, or let a person who may waive the window's gate: `greenroom gate waive GATE --reason WORDS`".into(),
            gates: Vec::new(),
        })
    }

    /// What to be warned of when a task is begun: that what follows, up to the point of no return or to the end, would not be done before the window closes.
    pub fn late(&self, task: &str) -> Option<String> {
        let stage = self.process.tasks.get(task)?.stage.as_str();
        let Closing::At(close) = self.windows(stage)?.closing(self.now) else { return None };
        let point: Vec<&String> =
            self.process.tasks_of(stage).filter(|(id, t)| t.point_of_no_return && !self.has_begun(id)).map(|(id, _)| id).collect();
        let points: Vec<&String> = point.into_iter().filter(|id| *id == task || self.needs(id, task)).collect();
        let undone = |id: &str| self.task(id).done.is_none();
        // What comes after this task and, where there is one, before the point of no return.
        let counted = |id: &str| {
            let follows = id == task || self.needs(id, task);
            let before = points.is_empty() || points.iter().any(|p| *p == id || self.needs(p, id));
            follows && before && undone(id)
        };
        let minutes = self.longest(stage, &counted);
        let end = self.now.checked_add(SignedDuration::from_mins(i64::from(minutes))).unwrap_or(Timestamp::MAX);
        if end <= close {
            return None;
        }
        let what = if points.is_empty() { "everything after it" } else { "the way to the point of no return" };
        Some(format!("{what} is quoted to end {}, and the window closes {}", self.day(end), self.day(close)))
    }
}
