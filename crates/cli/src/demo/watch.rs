//! Listens to a run and writes a line per step that a person would ask about; the copies of all tables are one line.

use super::Out;
use greenroom_model::plan::StepKey;
use greenroom_runner::planning::size;
use greenroom_runner::ports::{Notice, Observer};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Steps that are over before anybody could ask.
const QUIET: [&str; 9] =
    ["read-again", "check-source", "create", "schema-before", "source-facts", "schema-after", "settle", "neutralise", "accept"];

/// Writes what a run tells.
pub(super) struct Watch {
    out: Out,
    copied: Mutex<Copied>,
}

#[derive(Default)]
struct Copied {
    tables: u32,
    rows: u64,
    bytes: u64,
    since: Option<Instant>,
    /// Read only.
    read: bool,
}

impl Watch {
    /// Writes to `out`.
    pub fn new(out: Out) -> Watch {
        Watch { out, copied: Mutex::default() }
    }

    fn line(&self, text: &str) {
        // Who does not listen to the story any more must not stop the run.
        let _ = writeln!(self.out.lock().unwrap_or_else(PoisonError::into_inner), "   {text}");
    }

    fn ends(&self, key: &str, title: &str, millis: u64, rows: Option<u64>) {
        let mut copied = self.copied.lock().unwrap_or_else(PoisonError::into_inner);
        let of_table = StepKey(key.to_owned()).table().is_some();
        if of_table {
            copied.tables += 1;
            copied.read = key.starts_with("read:");
            return;
        }
        if copied.tables > 0 {
            let copied = std::mem::take(&mut *copied);
            let millis = copied.since.map_or(0, |s| u64::try_from(s.elapsed().as_millis()).unwrap_or(u64::MAX));
            let (title, moved) = match (copied.read, copied.rows) {
                (false, 0) => ("read all tables again: nothing has changed", String::new()),
                (read, rows) => {
                    let title = if read { "read all tables, for comparison" } else { "copy all tables" };
                    (title, format!("{rows} rows, {}", size(copied.bytes)))
                }
            };
            self.line(&step(title, millis, &moved));
        }
        if !QUIET.contains(&key) && !key.starts_with("prove:") {
            let rows = rows.filter(|r| *r > 0).map_or_else(String::new, |r| format!("{r} row{} changed", if r == 1 { "" } else { "s" }));
            self.line(&step(title, millis, &rows));
        }
    }
}

/// `ok   title   time   more`.
fn step(title: &str, millis: u64, more: &str) -> String {
    format!("ok  {title:<46} {:>7}  {more}", seconds(millis)).trim_end().to_owned()
}

/// Milliseconds for people.
pub(super) fn seconds(millis: u64) -> String {
    format!("{}.{:02} s", millis / 1000, millis % 1000 / 10)
}

impl Observer for Watch {
    fn notice(&self, notice: Notice) {
        match notice {
            Notice::StepBegins { step, .. } if step.table().is_some() => {
                self.copied.lock().unwrap_or_else(PoisonError::into_inner).since.get_or_insert_with(Instant::now);
            }
            Notice::Rows { step, rows, bytes } if step.table().is_some() => {
                let mut copied = self.copied.lock().unwrap_or_else(PoisonError::into_inner);
                copied.rows += rows;
                copied.bytes += bytes;
            }
            Notice::StepEnds { step, outcome } => {
                let title = title(&step.0);
                self.ends(
                    &step.0,
                    &title,
                    outcome.millis,
                    if step.table().is_some() || step.0.starts_with("upgrade:") { outcome.rows } else { None },
                );
            }
            Notice::StepBegins { .. } | Notice::Rows { .. } | Notice::Verified(_) | Notice::Line(_) => {}
        }
    }
}

/// What a step is called here, by its key.
fn title(key: &str) -> String {
    match key {
        "verify-copy" => "compare the copy with production".to_owned(),
        "safety-before" => "search it for personal data that is left".to_owned(),
        "safety-after" => "search once more, now that it is upgraded".to_owned(),
        "verify-upgrade" => "compare and assert after the upgrade".to_owned(),
        "swap" => "give it the name that people use".to_owned(),
        "save-base" => "keep its configuration, to compare later".to_owned(),
        "fence" => "shut everybody out of production".to_owned(),
        "carry-over" => "carry the pilot's configuration over".to_owned(),
        "verify-carry" => "compare what was carried over".to_owned(),
        "drop" => "drop the unmasked copy".to_owned(),
        "restore" => "restore the backup".to_owned(),
        "files" => "copy files that are new or changed".to_owned(),
        "copy-whole" => "copy the database whole".to_owned(),
        "hook:connection" => "point programs to the new server".to_owned(),
        "promote" => "let users in".to_owned(),
        "open" => "let testers in".to_owned(),
        other => other.replacen("upgrade:", "upgrade ", 1),
    }
}
