//! Proposed dates, and what speaks against others, as text.

use crate::render::style::{BAD, DIM, GOOD, HEAD, WARN, heading, paint};
use greenroom_model::process::Process;
use greenroom_model::process::schedule::{Objection, Proposal, Rejected, Slot, span};
use jiff::Timestamp;
use jiff::civil::Date;

fn at(process: &Process, at: Timestamp) -> String {
    process.calendar.local(at).strftime("%a %Y-%m-%d %H:%M").to_string()
}

/// Dates for a stage.
pub fn proposal(p: &Proposal, process: &Process) -> String {
    let title = process.stages.get(&p.stage).map_or("", |s| s.title.as_str());
    let named = if title == p.stage { String::new() } else { format!(" ({title})") };
    let takes = if p.minutes == 0 { String::new() } else { format!(", which takes {}", span(i64::from(p.minutes))) };
    let mut out = format!("{} `{}`{named}{takes}\n", paint(HEAD, "Dates for"), p.stage);
    for slot in &p.slots {
        out.push_str(&line(slot, process));
    }
    if p.slots.is_empty() {
        out.push_str(&format!("  {}\n", paint(BAD, "no date is possible")));
    }
    if !p.rejected.is_empty() {
        out.push_str(&heading("Why not"));
        for run in runs(&p.rejected) {
            let Some((first, last)) = run.first().zip(run.last()) else { continue };
            let days = if run.len() == 1 { day(first.day) } else { format!("{} to {}", day(first.day), day(last.day)) };
            let all = first.why.iter().filter(|o| run.iter().all(|r| r.why.contains(o)));
            let why: Vec<String> = all.map(|o| format!("{}: {}", o.about, o.why)).collect();
            out.push_str(&format!("  {days}: {}\n", why.join("; ")));
        }
    }
    if let Some(slot) = p.slots.first() {
        let date = process.calendar.local(slot.from).strftime("%Y-%m-%dT%H:%M");
        out.push_str(&format!(
            "\n{}\n",
            paint(
                DIM,
                format!("`greenroom stage date {} {date}` agrees upon the first; times are those of {}", p.stage, process.calendar.zone)
            )
        ));
    }
    out
}

fn line(slot: &Slot, process: &Process) -> String {
    let (from, until) = (process.calendar.local(slot.from), process.calendar.local(slot.until));
    let end = if slot.until == slot.from {
        String::new()
    } else if from.date() == until.date() {
        format!(" to {}", until.strftime("%H:%M"))
    } else {
        format!(" to {}", at(process, slot.until))
    };
    let mark = if slot.warnings.is_empty() { paint(GOOD, "ok") } else { paint(WARN, "--") };
    let mut out = format!("  {mark}  {}{end}\n", at(process, slot.from));
    for w in &slot.warnings {
        out.push_str(&format!("      {} {}: {}\n", paint(WARN, "recommended otherwise:"), w.about, w.why));
    }
    out
}

/// Days in a row for the same reason: the first that each has. A wait that is not over need not be told anew for each weekend in it.
fn runs(days: &[Rejected]) -> impl Iterator<Item = &[Rejected]> {
    days.chunk_by(|a, b| a.day.tomorrow().ok() == Some(b.day) && a.why.first() == b.why.first())
}

fn day(day: Date) -> String {
    day.strftime("%a %Y-%m-%d").to_string()
}

/// What speaks against a date that was agreed upon, in a line for each.
pub fn misfits(stage: &str, all: &[Objection]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let required = all.iter().any(|o| o.required);
    let word = if required { paint(BAD, "does not fit") } else { paint(WARN, "has something against it") };
    let mut out = format!("  the agreed date of `{stage}` {word}: `greenroom schedule {stage}`\n");
    for o in all {
        let word = if o.required { String::new() } else { format!(" ({})", paint(WARN, "recommended")) };
        out.push_str(&format!("    {}{word}: {}\n", o.about, o.why));
    }
    out
}
