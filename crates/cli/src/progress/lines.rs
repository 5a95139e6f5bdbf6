//! Plain lines, for logs: one per finished step, one every ten seconds for a copy that takes long.

use super::{Display, Moved, ended, is_copy};
use crate::render::{verdict, words};
use greenroom_model::plan::StepKey;
use greenroom_model::run::{Outcome, Verdict};
use greenroom_runner::planning::size;
use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

/// Between two lines about the same copy.
const PAUSE: Duration = Duration::from_secs(10);

/// Writes lines.
#[derive(Default)]
pub(super) struct Lines {
    since: BTreeMap<StepKey, (Instant, Moved)>,
    total: Moved,
    /// Which of several runs at once it is about.
    name: Option<String>,
}

impl Lines {
    /// Lines of one of several runs at once.
    pub(super) fn named(name: String) -> Lines {
        Lines { name: Some(name), ..Lines::default() }
    }

    fn put(&self, text: &str) {
        let name = self.name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
        // Progress that cannot be shown must not stop the run.
        let _ = writeln!(anstream::stderr().lock(), "{name}{text}");
    }
}

impl Display for Lines {
    fn begins(&mut self, step: &StepKey, title: &str) {
        self.since.insert(step.clone(), (Instant::now(), Moved::default()));
        // Copies run side by side and are many; they are told of when they end, or when they take long.
        if !is_copy(step) || step.0 == "restore" {
            self.put(&format!("{title} …"));
        }
    }

    fn rows(&mut self, step: &StepKey, title: &str, moved: Moved) {
        let Some((at, then)) = self.since.get(step).copied().filter(|(at, _)| at.elapsed() >= PAUSE) else { return };
        let ms = u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = (moved.bytes - then.bytes).saturating_mul(1000) / ms;
        // A backup is read in bytes; its rows are not counted.
        let rows = if moved.rows > 0 { format!("{} so far, ", words::count(moved.rows, "row")) } else { String::new() };
        self.put(&format!("{title}: {rows}{}, {}/s", size(moved.bytes), size(rate)));
        self.since.insert(step.clone(), (Instant::now(), moved));
    }

    fn ends(&mut self, step: &StepKey, title: &str, outcome: &Outcome) {
        self.since.remove(step);
        self.put(&ended(title, outcome));
    }

    fn verified(&mut self, v: &Verdict) {
        self.put(&verdict::line(v));
    }

    fn line(&mut self, text: &str) {
        self.put(text);
    }

    fn expect(&mut self, total: Moved, _: Moved) {
        self.total = total;
        if total.bytes > 0 {
            self.put(&format!("about {} to read", size(total.bytes)));
        }
    }

    fn clear(&mut self) {}
}
