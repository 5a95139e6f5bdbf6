//! Progress of a run on standard error: bars on a terminal, lines elsewhere. Owns what is shown while steps run; does not own the report
//! at the end (`render::run`).

mod bars;
mod lines;

use crate::app::App;
use greenroom_model::plan::{Action, Plan, StepKey};
use greenroom_model::run::{Outcome, RunState, StepState, Verdict};
use greenroom_runner::ports::{Notice, Observer};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::Mutex;

/// What a display is told. Rows and bytes are of the step so far.
trait Display: Send {
    fn begins(&mut self, step: &StepKey, title: &str);
    fn rows(&mut self, step: &StepKey, title: &str, moved: Moved);
    fn ends(&mut self, step: &StepKey, title: &str, outcome: &Outcome);
    fn verified(&mut self, verdict: &Verdict);
    fn line(&mut self, text: &str);
    /// What is to come, and what is done already.
    fn expect(&mut self, total: Moved, done: Moved);
    /// Takes everything off the screen that is not to stay.
    fn clear(&mut self);
}

/// Whether a step copies rows, or restores them: what the overall bar counts.
fn is_copy(step: &StepKey) -> bool {
    step.table().is_some() || step.0 == "restore"
}

/// Rows and bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Moved {
    rows: u64,
    bytes: u64,
}

struct State {
    display: Box<dyn Display>,
    titles: BTreeMap<StepKey, String>,
    moved: BTreeMap<StepKey, Moved>,
}

/// Listens to a run and shows it.
pub struct Progress {
    state: Mutex<State>,
}

struct Nothing;

impl Display for Nothing {
    fn begins(&mut self, _: &StepKey, _: &str) {}
    fn rows(&mut self, _: &StepKey, _: &str, _: Moved) {}
    fn ends(&mut self, _: &StepKey, _: &str, _: &Outcome) {}
    fn verified(&mut self, _: &Verdict) {}
    fn line(&mut self, _: &str) {}
    fn expect(&mut self, _: Moved, _: Moved) {}
    fn clear(&mut self) {}
}

impl Progress {
    /// The display that fits standard error.
    pub fn new(app: &App) -> Progress {
        let display: Box<dyn Display> = if app.quiet {
            Box::new(Nothing)
        } else if std::io::stderr().is_terminal() {
            Box::new(bars::Bars::new())
        } else {
            Box::new(lines::Lines::default())
        };
        Progress { state: Mutex::new(State { display, titles: BTreeMap::new(), moved: BTreeMap::new() }) }
    }

    /// Lines that bear a name, for several runs at once.
    pub fn named(app: &App, name: &str) -> Progress {
        let display: Box<dyn Display> = if app.quiet { Box::new(Nothing) } else { Box::new(lines::Lines::named(name.to_owned())) };
        Progress { state: Mutex::new(State { display, titles: BTreeMap::new(), moved: BTreeMap::new() }) }
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().expect("no thread panics while it draws"))
    }

    /// Says what is coming: sizes as the plan or, better, the latest finished run of the same tables knows them; what a resumed run has
    /// done already counts as done.
    pub fn expect(&self, plan: &Plan, earlier: Option<&RunState>, now: Option<&RunState>) {
        let copies = || plan.steps.iter().filter(|s| matches!(s.action, Action::CopyTable { .. }));
        let known: Vec<Moved> = copies().filter_map(|s| earlier.and_then(|r| r.outcome(&s.key))).map(moved).collect();
        let sum = |all: &[Moved]| all.iter().fold(Moved::default(), |a, m| Moved { rows: a.rows + m.rows, bytes: a.bytes + m.bytes });
        let total = if !known.is_empty() && known.len() == copies().count() {
            sum(&known)
        } else {
            Moved { rows: 0, bytes: plan.footprint.read_bytes }
        };
        let done: Vec<Moved> = copies()
            .filter_map(|s| match now?.steps.get(&s.key) {
                Some(StepState::Finished { outcome }) => Some(moved(outcome)),
                _ => None,
            })
            .collect();
        self.with(|s| s.display.expect(total, sum(&done)));
    }

    /// Takes bars off the screen.
    pub fn clear(&self) {
        self.with(|s| s.display.clear());
    }

    /// A line among the progress.
    pub fn say(&self, text: &str) {
        self.with(|s| s.display.line(text));
    }
}

fn moved(outcome: &Outcome) -> Moved {
    Moved { rows: outcome.rows.unwrap_or(0), bytes: outcome.bytes.unwrap_or(0) }
}

impl Observer for Progress {
    fn notice(&self, notice: Notice) {
        self.with(|s| match notice {
            Notice::StepBegins { step, title } => {
                s.display.begins(&step, &title);
                s.moved.remove(&step);
                s.titles.insert(step, title);
            }
            Notice::Rows { step, rows, bytes } => {
                let m = s.moved.entry(step.clone()).or_default();
                m.rows += rows;
                m.bytes += bytes;
                let title = s.titles.get(&step).map_or(step.0.as_str(), String::as_str);
                s.display.rows(&step, title, *m);
            }
            Notice::StepEnds { step, outcome } => {
                let title = s.titles.remove(&step).unwrap_or_else(|| step.0.clone());
                s.display.ends(&step, &title, &outcome);
            }
            Notice::Verified(verdict) => s.display.verified(&verdict),
            Notice::Line(text) => s.display.line(&text),
        });
    }
}

/// What a finished step moved and how long it took.
fn ended(title: &str, outcome: &Outcome) -> String {
    use crate::render::words;
    let mut parts = Vec::new();
    if let Some(rows) = outcome.rows {
        parts.push(words::count(rows, "row"));
    }
    if let Some(bytes) = outcome.bytes.filter(|b| *b > 0) {
        parts.push(greenroom_runner::planning::size(bytes));
    }
    parts.push(words::millis(outcome.millis));
    format!("{title}: {}", parts.join(", "))
}
