//! Runs: what they did, how long it took, how they stand and what to do next. The structs are what `--json` prints.

use super::style::{BAD, DIM, GOOD, HEAD, HINT, WARN, heading, paint};
use super::table::{Align, table};
use super::{verdict, words};
use greenroom_model::hash::Hash;
use greenroom_model::plan::{Action, RunKind, StepKey};
use greenroom_model::run::{Failure, Phase, Question, RunState, StepState, Verdict};
use greenroom_runner::planning::size;
use jiff::Timestamp;
use serde::Serialize;

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// All steps are done.
    Finished,
    /// A step failed.
    Failed,
    /// A person has to answer.
    Waiting,
    /// A process is at it now.
    Running,
    /// Nobody is at it: stopped, crashed or killed.
    Interrupted,
    /// The former state is being restored.
    Undoing,
    /// A part of the undo failed.
    UndoFailed,
    /// The former state stands again.
    Undone,
}

/// One step.
#[derive(Clone, Debug, Serialize)]
pub struct StepLine {
    /// Stable key.
    pub key: String,
    /// Words.
    pub title: String,
    /// Its state and what is known about it.
    pub state: StepState,
    /// Milliseconds that were expected.
    pub expected_millis: Option<u64>,
}

/// A step with what went wrong or is asked there.
#[derive(Clone, Debug, Serialize)]
pub struct At<T> {
    /// Stable key.
    pub step: String,
    /// Words.
    pub title: String,
    /// What is there.
    #[serde(flatten)]
    pub what: T,
}

/// A verdict with its time.
#[derive(Clone, Debug, Serialize)]
pub struct Dated {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// A run.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    /// Name.
    pub run: String,
    /// What it is for.
    pub kind: RunKind,
    /// Its plan.
    pub plan: Hash,
    /// How it stands.
    pub standing: Standing,
    /// When it began.
    pub started: Timestamp,
    /// When its last event was written.
    pub last: Timestamp,
    /// The pilot's name.
    pub pilot: String,
    /// The generation's name before the swap.
    pub generation: String,
    /// The former pilot's name after the swap, if there was one.
    pub former: Option<String>,
    /// The step that failed.
    pub failed: Option<At<Failure>>,
    /// What is asked.
    pub question: Option<At<Question>>,
    /// Why an undo failed.
    pub undo_failure: Option<Failure>,
    /// Steps in the plan's order.
    pub steps: Vec<StepLine>,
    /// Verdicts in order.
    pub verdicts: Vec<Dated>,
    /// Whether the pilot has been opened, by the run itself or since.
    pub opened: bool,
    /// A switch has, or may have, shut everybody out of production.
    pub fences: bool,
    /// A switch has let users into the new production, or was about to.
    pub promoted: bool,
    /// The new production, or pilot, has its name.
    pub swapped: bool,
    /// The copy that is to take production's place has been begun.
    pub copied: bool,
    /// Production stays where it is, beside the new one or on another server.
    pub elsewhere: bool,
    /// The window that it shares with other switches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub together: Option<String>,
    /// What users write is noted, so that it can be carried back.
    pub noted: bool,
    /// The raw copy that the run makes: a restore and no rehearsal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restores: Option<String>,
}

impl RunReport {
    /// From a run's state. `busy`: a process holds the pilot's lock now.
    pub fn of(state: &RunState, busy: bool) -> RunReport {
        let steps: Vec<StepLine> = state
            .plan
            .steps
            .iter()
            .map(|s| StepLine {
                key: s.key.0.clone(),
                title: s.title.clone(),
                state: state.steps.get(&s.key).cloned().unwrap_or(StepState::Pending),
                expected_millis: state.plan.expected.get(&s.key).map(|e| e.millis),
            })
            .collect();
        let failed = steps.iter().find_map(|s| match &s.state {
            StepState::Failed { failure } => Some(At { step: s.key.clone(), title: s.title.clone(), what: failure.clone() }),
            _ => None,
        });
        let question = steps.iter().find_map(|s| match &s.state {
            StepState::Waiting { question } => Some(At { step: s.key.clone(), title: s.title.clone(), what: question.clone() }),
            _ => None,
        });
        let standing = match state.phase {
            Phase::Finished => Standing::Finished,
            Phase::Undone => Standing::Undone,
            _ if busy => Standing::Running,
            Phase::Undoing if state.undo_failure.is_some() => Standing::UndoFailed,
            Phase::Undoing => Standing::Undoing,
            Phase::Running if failed.is_some() => Standing::Failed,
            Phase::Running if question.is_some() => Standing::Waiting,
            Phase::Running => Standing::Interrupted,
        };
        let former = state.outcome_of(|a| matches!(a, Action::Swap)).and_then(|o| o.facts.get("former").cloned());
        RunReport {
            run: state.id.0.clone(),
            kind: state.plan.kind,
            plan: state.plan_hash,
            standing,
            started: state.started,
            last: state.last,
            pilot: state.plan.names.pilot.clone(),
            generation: state.plan.names.generation.clone(),
            former,
            failed,
            question,
            undo_failure: state.undo_failure.clone(),
            opened: state.outcome_of(|a| matches!(a, Action::Open { .. })).is_some(),
            fences: state.fences(),
            promoted: state.promoted(),
            swapped: state.outcome_of(|a| matches!(a, Action::Swap)).is_some(),
            copied: state.outcome_of(|a| matches!(a, Action::CreateGeneration | Action::CopyWhole)).is_some(),
            elsewhere: state.plan.production.as_ref().is_some_and(|p| !p.on_target),
            together: state.plan.production.as_ref().and_then(|p| p.together.clone()),
            noted: state.outcome_of(|a| matches!(a, Action::Capture)).is_some(),
            restores: state.plan.raw.as_ref().filter(|_| state.plan.kind == RunKind::Restore).map(|r| r.name.clone()),
            steps,
            verdicts: state.verdicts.iter().map(|(at, verdict)| Dated { at: *at, verdict: verdict.clone() }).collect(),
        }
    }

    /// How it stands, in a word or two.
    pub fn word(&self) -> String {
        match self.standing {
            Standing::Finished => paint(GOOD, "finished"),
            Standing::Failed => paint(BAD, "failed"),
            Standing::Waiting => paint(WARN, "waiting for a person"),
            Standing::Running => paint(GOOD, "running"),
            Standing::Interrupted => paint(WARN, "interrupted"),
            Standing::Undoing => paint(WARN, "undo interrupted"),
            Standing::UndoFailed => paint(BAD, "undo failed"),
            Standing::Undone => paint(DIM, "undone"),
        }
    }

    /// Steps that are done, of all.
    pub fn done(&self) -> (usize, usize) {
        (self.steps.iter().filter(|s| matches!(s.state, StepState::Finished { .. })).count(), self.steps.len())
    }

    /// What is worth doing next: command and why.
    pub fn next(&self) -> Vec<(String, String)> {
        let run = &self.run;
        let pair = |command: String, why: &str| (command, why.to_owned());
        match self.standing {
            Standing::Finished if self.restores.is_some() => vec![
                pair(format!("greenroom resume {run}"), "rehearse over the raw copy"),
                pair(format!("greenroom undo {run}"), "drop the raw copy"),
            ],
            Standing::Failed | Standing::Interrupted if self.restores.is_some() => vec![
                pair(format!("greenroom undo {run}"), "drop what was restored so far"),
                pair(format!("greenroom resume {run}"), "restore the backup from the beginning"),
            ],
            Standing::Finished if self.kind == RunKind::Switch => {
                let mut all = vec![pair(format!("greenroom run show {run}"), "every step, how long it took and what it found")];
                if self.noted {
                    all.push(pair("greenroom rollback --preview".into(), "what taking it back would carry back, and what give up"));
                    all.push(pair("greenroom rollback --give-up".into(), "all is well: what users write is not noted any more"));
                }
                all.push(pair("greenroom retire".into(), "what was production, and until when it is kept"));
                all
            }
            Standing::Failed | Standing::Interrupted if self.promoted => {
                vec![pair(format!("greenroom resume {run}"), "let users in: from here on there is only forward")]
            }
            Standing::Failed | Standing::Interrupted if self.kind == RunKind::Switch => vec![
                pair(format!("greenroom undo {run}"), "give production back as it was"),
                pair(format!("greenroom resume {run}"), "go on, where the cause is mended"),
            ],
            Standing::Undone if self.kind == RunKind::Switch => vec![
                pair(format!("greenroom run show {run}"), "every step and why it went back"),
                pair("greenroom switch --preview".into(), "what another switch depends on"),
            ],
            Standing::Finished if self.kind == RunKind::Rollback => vec![
                pair(format!("greenroom run show {run}"), "what was carried back, and what was given up"),
                pair("greenroom switch --preview".into(), "what another switch depends on"),
            ],
            Standing::Failed | Standing::Interrupted if self.kind == RunKind::Rollback => vec![
                pair(format!("greenroom undo {run}"), "open the new production again, with everything in it"),
                pair(format!("greenroom resume {run}"), "go on, where the cause is mended"),
            ],
            Standing::Undone if self.kind == RunKind::Rollback => vec![
                pair(format!("greenroom run show {run}"), "every step and why it went back"),
                pair("greenroom rollback --preview".into(), "what another rollback would carry back"),
            ],
            Standing::Finished if self.kind == RunKind::Dress => vec![
                pair(format!("greenroom run show {run}"), "every step and what it found"),
                pair("greenroom prove BACKUP".into(), "that production can be restored from it; a switch asks for that"),
                pair("greenroom switch --preview".into(), "what the go-live depends on, and what is missing"),
            ],
            Standing::Finished if self.opened => vec![
                pair("greenroom verify".into(), "check the pilot again, at any time"),
                pair("greenroom open --to all".into(), "let everybody in, not only testers"),
                pair("greenroom rehearse".into(), "build the next one, with newer data or mended scripts"),
            ],
            Standing::Finished => vec![
                pair("greenroom open --to testers".into(), "let testers in"),
                pair(format!("greenroom run show {run}"), "every step and what it found"),
                pair(format!("greenroom undo {run}"), "the former state back"),
            ],
            Standing::Failed => vec![
                pair(format!("greenroom undo {run}"), "drop the generation; then mend and try again"),
                pair(format!("greenroom resume {run}"), "try the step again, where the cause lay outside the program"),
            ],
            Standing::Waiting => {
                let words = self.question.iter().flat_map(|q| &q.what.choices);
                let mut all: Vec<_> = words.map(|(word, means)| (format!("greenroom answer {word}"), means.clone())).collect();
                all.push(pair(format!("greenroom resume {run}"), "go on, once answered"));
                all
            }
            Standing::Running => vec![pair("greenroom status".into(), "look again")],
            Standing::Interrupted => vec![
                pair(format!("greenroom resume {run}"), "go on where it stopped"),
                pair(format!("greenroom undo {run}"), "drop the generation; the former state stays"),
            ],
            Standing::Undoing | Standing::UndoFailed => vec![pair(format!("greenroom undo {run}"), "go on with the undo")],
            Standing::Undone if self.kind == RunKind::Dress => vec![pair("greenroom dress".into(), "begin anew")],
            Standing::Undone => vec![pair("greenroom rehearse".into(), "begin anew")],
        }
    }

    /// What stands now after a switch, or in the midst of one.
    fn production(&self) -> String {
        let (name, generation) = (&self.pilot, &self.generation);
        let aside = self.former.as_ref().map_or_else(String::new, |f| format!("; the former production is `{f}`, fenced and unchanged"));
        let was = match self.elsewhere {
            true => "production".to_owned(),
            false => format!("production `{name}`"),
        };
        let stays = "what was production stays where it was, fenced";
        match self.standing {
            Standing::Finished if self.elsewhere => {
                format!("users work in the new production `{name}`; {stays}. Let every program, and `[source]`, name the new one")
            }
            Standing::Finished => format!("users work in the new production `{name}`{aside}"),
            Standing::Undone => format!("{was} is what it was, and open as it was"),
            Standing::Undoing | Standing::UndoFailed => format!("{was} is not wholly given back yet"),
            _ if self.promoted => format!("users are about to be let into the new production `{name}`{aside}"),
            _ if self.swapped && self.elsewhere => {
                format!("the new production stands under the name `{name}`, and users are not let in yet; {stays}")
            }
            _ if self.swapped => format!("the new production stands under the name `{name}`, and users are not let in yet{aside}"),
            _ if self.fences => "production is fenced: nobody can work; what is to take its place is being made".to_owned(),
            _ if self.copied => {
                format!("people work in production as ever; `{generation}` is a sealed copy of it that is to take its place")
            }
            _ => "people work in production as ever; nothing is copied yet".to_owned(),
        }
    }

    /// What stands now after a rollback, or in the midst of one.
    fn rolled_back(&self) -> String {
        let name = &self.pilot;
        let aside = self.former.as_ref().map_or_else(String::new, |f| format!("; what was the new one is `{f}`, fenced"));
        match self.standing {
            Standing::Finished => format!("users work in the former production `{name}` again, with what they wrote since{aside}"),
            Standing::Undone => format!("the new production `{name}` is open as it was"),
            Standing::Undoing | Standing::UndoFailed => format!("the new production `{name}` is not wholly given back yet"),
            _ if self.promoted => format!("users are about to be let into the former production `{name}` again{aside}"),
            _ => format!("production is fenced: nobody can work; `{name}` is being taken back to its former version"),
        }
    }

    /// What stands now, in a sentence.
    pub fn stands(&self) -> String {
        if let Some(raw) = &self.restores {
            return match self.standing {
                Standing::Finished => format!("the raw copy `{raw}` stands in the quarantine, if no later run has dropped it"),
                Standing::Undone => format!("the raw copy `{raw}` is gone"),
                Standing::Running => format!("restoring the raw copy `{raw}`"),
                _ => format!("the raw copy `{raw}` is half restored; everything else is untouched"),
            };
        }
        if self.kind == RunKind::Switch {
            return self.production();
        }
        if self.kind == RunKind::Rollback {
            return self.rolled_back();
        }
        if self.kind == RunKind::Dress {
            let generation = &self.generation;
            return match self.standing {
                Standing::Finished => {
                    "the go-live was tried out with production's own rows and went well; what was built for it is dropped, the pilot is untouched".into()
                }
                Standing::Undone => "what was built with production's own rows is gone; the pilot is untouched".into(),
                Standing::Running => format!("building `{generation}` with production's own rows"),
                _ => format!(
                    "the source and the pilot are untouched; `{generation}` stands sealed on the target with production's own rows until the run goes \
                     on or is undone"
                ),
            };
        }
        match self.standing {
            Standing::Finished => format!("the new generation stands under the name `{}`", self.pilot),
            Standing::Undone => format!("`{}` is what it was before the run", self.pilot),
            _ if self.former.is_some() => {
                format!("`{}` is the new generation already; `greenroom undo` restores the former one", self.pilot)
            }
            Standing::Undoing | Standing::UndoFailed => format!("the former state of `{}` is not wholly restored yet", self.pilot),
            Standing::Running => format!("building the generation `{}`", self.generation),
            Standing::Waiting | Standing::Interrupted => format!(
                "the source and what stands under the name `{}` are untouched; the generation `{}` is half built",
                self.pilot, self.generation
            ),
            _ => format!(
                "the source and what stands under the name `{}` are untouched; the generation `{}` is kept for looking",
                self.pilot, self.generation
            ),
        }
    }
}

/// Next steps, aligned.
pub fn next(list: &[(String, String)]) -> String {
    let rows: Vec<Vec<String>> = list.iter().map(|(command, why)| vec![command.clone(), why.clone()]).collect();
    format!("{}{}", heading("Next"), table(&[("", Align::Left), ("", Align::Left)], &rows))
}

/// A failure with its details.
pub fn failure(title: &str, f: &Failure) -> String {
    let code = if f.code.starts_with("GR") { format!("[{}]", f.code) } else { String::new() };
    let mut out = format!("{}: {}\n", paint(BAD, format!("failed{code}")), title);
    out.push_str(&format!("  {}\n", f.message));
    for line in &f.details {
        out.push_str(&format!("    {line}\n"));
    }
    if let Some(hint) = &f.hint {
        out.push_str(&format!("{}: {hint}\n", paint(HINT, "hint")));
    }
    out
}

/// A question with its choices.
pub fn question(title: &str, q: &Question) -> String {
    let mut out = format!("{}: {title}\n\n", paint(WARN, "a person is needed"));
    for line in q.text.lines() {
        out.push_str(&format!("  {line}\n"));
    }
    let rows: Vec<Vec<String>> = q.choices.iter().map(|(w, means)| vec![w.clone(), means.clone()]).collect();
    out.push_str(&format!("\n{}", table(&[("answer", Align::Left), ("means", Align::Left)], &rows)));
    out
}

/// The end of a run: what happened, verdicts, times, what next.
pub fn report(r: &RunReport) -> String {
    let mut out = format!("{} {}: {}\n", paint(HEAD, "Run"), r.run, r.word());
    out.push_str(&format!("  {}\n", r.stands()));
    if !r.verdicts.is_empty() && r.standing != Standing::Undone {
        out.push_str(&heading("Verified"));
        for d in &r.verdicts {
            out.push_str(&format!("  {}\n", verdict::line(&d.verdict)));
            for line in &d.verdict.not_compared {
                out.push_str(&format!("    {} {line}\n", paint(DIM, "not compared:")));
            }
        }
    }
    if matches!(r.standing, Standing::Finished | Standing::Failed | Standing::Interrupted) {
        out.push_str(&times(r));
    }
    if let Some(f) = r.failed.as_ref().filter(|_| r.standing == Standing::Failed) {
        out.push('\n');
        out.push_str(&failure(&f.title, &f.what));
    }
    if let Some(f) = r.undo_failure.as_ref().filter(|_| r.standing == Standing::UndoFailed) {
        out.push('\n');
        out.push_str(&failure("restoring the former state", f));
    }
    if let Some(q) = r.question.as_ref().filter(|_| r.standing == Standing::Waiting) {
        out.push('\n');
        out.push_str(&question(&q.title, &q.what));
    }
    out.push_str(&next(&r.next()));
    out
}

/// How long the steps took, beside what was expected; many small copies are one line.
fn times(r: &RunReport) -> String {
    const SHOWN: usize = 10;
    let mut rows = Vec::new();
    let (mut total, mut expected, mut known) = (0u64, 0u64, true);
    let finished = |s: &StepLine| match &s.state {
        StepState::Finished { outcome } => Some(outcome.clone()),
        _ => None,
    };
    let of_table = |s: &&StepLine| StepKey(s.key.clone()).table().is_some();
    let mut copies: Vec<&StepLine> = r.steps.iter().filter(of_table).collect();
    copies.sort_by_key(|s| std::cmp::Reverse(finished(s).map_or(0, |o| o.millis)));
    let small: Vec<&str> = copies.iter().skip(SHOWN).map(|s| s.key.as_str()).collect();
    let mut rest = (0usize, 0u64, 0u64, 0u64);
    for s in &r.steps {
        let Some(outcome) = finished(s) else { continue };
        total += outcome.millis;
        match s.expected_millis {
            Some(e) => expected += e,
            None => known = false,
        }
        if small.contains(&s.key.as_str()) {
            rest = (rest.0 + 1, rest.1 + outcome.rows.unwrap_or(0), rest.2 + outcome.bytes.unwrap_or(0), rest.3 + outcome.millis);
            continue;
        }
        rows.push(vec![
            s.title.clone(),
            outcome.rows.map(words::thousands).unwrap_or_default(),
            outcome.bytes.filter(|b| *b > 0).map(size).unwrap_or_default(),
            words::millis(outcome.millis),
            s.expected_millis.map(words::millis).unwrap_or_default(),
        ]);
    }
    if rows.is_empty() {
        return String::new();
    }
    if rest.0 > 0 {
        let verb = if small.iter().any(|key| key.starts_with("read:")) { "read" } else { "copy" };
        let title = format!("{verb} {} more tables", rest.0);
        rows.push(vec![title, words::thousands(rest.1), size(rest.2), words::millis(rest.3), String::new()]);
    }
    let all = if known { words::millis(expected) } else { String::new() };
    rows.push(vec!["work in all".into(), String::new(), String::new(), words::millis(total), all]);
    let columns =
        [("step", Align::Left), ("rows", Align::Right), ("bytes", Align::Right), ("took", Align::Right), ("expected", Align::Right)];
    format!("{}{}", heading("Times"), table(&columns, &rows))
}

/// Every step with state and time, and every verdict in full.
pub fn details(r: &RunReport) -> String {
    let mut out = format!("{} {}: {}\n", paint(HEAD, "Run"), r.run, r.word());
    out.push_str(&format!("  began {}, last event {}\n", words::exactly(r.started), words::exactly(r.last)));
    out.push_str(&format!("  plan {}, generation `{}`, pilot `{}`\n", r.plan.short(), r.generation, r.pilot));
    out.push_str(&heading("Steps"));
    let mut rows = Vec::new();
    for s in &r.steps {
        let (state, time, moved) = match &s.state {
            StepState::Pending => ("pending", String::new(), String::new()),
            StepState::Started => ("begun", String::new(), String::new()),
            StepState::Stale => ("to be compared again", String::new(), String::new()),
            StepState::Failed { .. } => ("failed", String::new(), String::new()),
            StepState::Waiting { .. } => ("waiting", String::new(), String::new()),
            StepState::Answered { .. } => ("answered", String::new(), String::new()),
            StepState::Finished { outcome } => {
                ("done", words::millis(outcome.millis), outcome.rows.map(words::thousands).unwrap_or_default())
            }
        };
        rows.push(vec![s.title.clone(), state.into(), moved, time, s.key.clone()]);
    }
    let columns = [("step", Align::Left), ("state", Align::Left), ("rows", Align::Right), ("took", Align::Right), ("key", Align::Left)];
    out.push_str(&table(&columns, &rows));
    let noted: Vec<&StepLine> =
        r.steps.iter().filter(|s| matches!(&s.state, StepState::Finished { outcome } if !outcome.notes.is_empty())).collect();
    // The notes of verifications are their verdicts, shown below.
    for s in noted.iter().filter(|s| !s.key.starts_with("verify") && !s.key.starts_with("safety")) {
        out.push_str(&heading(&s.title));
        if let StepState::Finished { outcome } = &s.state {
            outcome.notes.iter().for_each(|n| out.push_str(&format!("  {n}\n")));
        }
    }
    for d in &r.verdicts {
        out.push_str(&format!("\n{} {}", paint(DIM, words::exactly(d.at)), verdict::full(&d.verdict)));
    }
    if let Some(f) = &r.failed {
        out.push_str(&format!("\n{}", failure(&f.title, &f.what)));
    }
    if let Some(q) = &r.question {
        out.push_str(&format!("\n{}", question(&q.title, &q.what)));
    }
    out.push_str(&next(&r.next()));
    out
}
