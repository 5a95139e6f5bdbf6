//! Bars on a terminal: one for everything that is copied, one line for each table being copied or step being done.

use super::{Display, Moved, ended, is_copy};
use crate::render::style::{GOOD, paint};
use crate::render::{verdict, words};
use greenroom_model::plan::StepKey;
use greenroom_model::run::{Outcome, Verdict};
use greenroom_runner::planning::size;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::time::Duration;

/// Key of the step that begins when all copies have ended.
const BEHIND_COPIES: &str = "source-facts";

/// Draws bars.
pub(super) struct Bars {
    screen: MultiProgress,
    overall: Option<ProgressBar>,
    running: BTreeMap<StepKey, (ProgressBar, Moved)>,
    all: Moved,
    total: Moved,
}

impl Bars {
    pub(super) fn new() -> Bars {
        Bars { screen: MultiProgress::new(), overall: None, running: BTreeMap::new(), all: Moved::default(), total: Moved::default() }
    }

    fn put(&self, text: &str) {
        // A screen that cannot be drawn on must not stop the run.
        let _ = self.screen.println(text);
    }

    fn more(&mut self, by: Moved) {
        self.all = Moved { rows: self.all.rows + by.rows, bytes: self.all.bytes + by.bytes };
        let Some(bar) = &self.overall else { return };
        // Sizes are estimates: a bar never runs over its end.
        if self.all.bytes > bar.length().unwrap_or(0) {
            bar.set_length(self.all.bytes);
        }
        bar.set_position(self.all.bytes);
        bar.set_message(match self.total.rows {
            0 => words::count(self.all.rows, "row"),
            of => format!("{} of about {}", words::thousands(self.all.rows), words::count(of, "row")),
        });
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates of this module are well formed").progress_chars("━╸─")
}

impl Display for Bars {
    fn begins(&mut self, step: &StepKey, title: &str) {
        // All rows have arrived; that sizes were estimated must not look as if some were missing.
        if step.0 == BEHIND_COPIES
            && let Some(overall) = self.overall.take()
        {
            overall.finish_and_clear();
        }
        let bar = ProgressBar::new_spinner().with_style(style("  {spinner} {prefix} {msg:.dim}")).with_prefix(title.to_owned());
        let bar = match &self.overall {
            Some(overall) => self.screen.insert_before(overall, bar),
            None => self.screen.add(bar),
        };
        bar.enable_steady_tick(Duration::from_millis(120));
        self.running.insert(step.clone(), (bar, Moved::default()));
    }

    fn rows(&mut self, step: &StepKey, _: &str, moved: Moved) {
        let mut by = Moved::default();
        if let Some((bar, then)) = self.running.get_mut(step) {
            by = Moved { rows: moved.rows.saturating_sub(then.rows), bytes: moved.bytes.saturating_sub(then.bytes) };
            *then = moved;
            let rows = if moved.rows > 0 { format!("{}, ", words::count(moved.rows, "row")) } else { String::new() };
            bar.set_message(format!("{rows}{}", size(moved.bytes)));
        }
        // What is read back to be compared is no part of what is to be copied.
        if is_copy(step) {
            self.more(by);
        }
    }

    fn ends(&mut self, step: &StepKey, title: &str, outcome: &Outcome) {
        if let Some((bar, _)) = self.running.remove(step) {
            bar.finish_and_clear();
            self.screen.remove(&bar);
        }
        self.put(&format!("  {} {}", paint(GOOD, "✓"), ended(title, outcome)));
    }

    fn verified(&mut self, v: &Verdict) {
        self.put(&format!("    {}", verdict::line(v)));
    }

    fn line(&mut self, text: &str) {
        self.put(text);
    }

    fn expect(&mut self, total: Moved, done: Moved) {
        self.total = total;
        let template = "  {bar:30.green/dim} {bytes} of {total_bytes}, {binary_bytes_per_sec}, {eta} left  {msg:.dim}";
        let bar = ProgressBar::new(total.bytes.max(done.bytes).max(1)).with_style(style(template));
        self.overall = Some(self.screen.add(bar));
        self.more(done);
    }

    fn clear(&mut self) {
        for (bar, _) in std::mem::take(&mut self.running).into_values() {
            bar.finish_and_clear();
        }
        if let Some(bar) = self.overall.take() {
            bar.finish_and_clear();
        }
    }
}
