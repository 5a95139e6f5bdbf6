//! What was done by itself, for people: automated tasks, rehearsals of the runbook, integrations and their probes. Owns words and layout.

use super::process::{at, people, person};
use super::style::{BAD, DIM, GOOD, HEAD, WARN, paint};
use super::table::{Align, table};
use greenroom_model::process::deed::Outcome;
use greenroom_model::process::integrations::{End, OnPilot};
use greenroom_model::process::{Fact, Process};
use greenroom_runner::session::{Checked, EndLine, IntegrationLine, PilotLine, Probing, RequirementLine, TaskEnd, TaskRun};

/// What was put on record, in a line.
pub fn fact(fact: &Fact) -> String {
    match fact {
        Fact::TaskStarted { task } => format!("`{task}` is under way\n"),
        Fact::TaskDone { task } => format!("`{task}` is done\n"),
        Fact::TaskFailed { task } => format!("`{task}` failed; it can be begun again\n"),
        Fact::TaskHandedOver { task, to } => format!("`{task}` is {to}'s now\n"),
        Fact::TaskTriedAgain { task } => format!("`{task}` is tried again\n"),
        Fact::TaskRan { task, good: true, .. } => format!("`{task}` is done\n"),
        Fact::TaskRan { task, .. } => format!("`{task}` failed; it can be begun again\n"),
        Fact::TaskDoneByHand { task } => format!("`{task}` is done, by hand\n"),
        Fact::RehearsalBegan { stage, number } => format!("rehearsal {number} of `{stage}` has begun\n"),
        Fact::Rehearsed { stage, number, what } => format!("rehearsal {number} of `{stage}`: {}", self::fact(what)),
        Fact::IntegrationProbed { integration, end, good, outcome, .. } => {
            format!("`{integration}`, {} side, {}: {outcome}\n", end.word(), if *good { "good" } else { "bad" })
        }
        Fact::IntegrationTurned { integration, end: End::New, on: true, despite } => {
            let despite = despite.as_ref().map_or(String::new(), |d| format!(", although its probe failed ({d}), which is on record"));
            format!("`{integration}` is connected again{despite}\n")
        }
        Fact::IntegrationTurned { integration, end, on, .. } => {
            format!("the {} side of `{integration}` is {}\n", end.word(), if *on { "on" } else { "off" })
        }
        Fact::RequirementChecked { requirement, good, outcome, .. } => {
            format!("`{requirement}` is {}: {outcome}\n", if *good { "met" } else { "not met" })
        }
        // Told where everything else is.
        _ => String::new(),
    }
}

fn outcome(o: &Outcome) -> String {
    let word = if o.good { paint(GOOD, "good") } else { paint(BAD, "bad") };
    format!("{word}: {} ({}.{:03} s)", o.words, o.millis / 1000, o.millis % 1000)
}

/// What `greenroom task run` came to.
pub fn task_run(r: &TaskRun, process: &Process) -> String {
    let on_record = r.recorded.as_ref().map_or(String::new(), |done| super::process::recorded(done, process));
    match &r.end {
        TaskEnd::Ended { outcome: o, output } => {
            let kept = output.as_ref().map_or(String::new(), |p| format!("  what it gave out is in {}\n", p.display()));
            format!("{}\n{kept}{on_record}", outcome(o))
        }
        TaskEnd::Waits { command, why } => {
            format!(
                "{on_record}`{}` waits: {why}\n  start `{command}`; when it has ended well, `greenroom task run {}` once more\n",
                r.task, r.task
            )
        }
    }
}

/// What probes saw.
pub fn probings(all: &[Probing]) -> String {
    let mut out = String::new();
    for p in all {
        let said = p.outcome.as_ref().map_or_else(|| paint(DIM, "no probe"), outcome);
        out.push_str(&format!("{} {}: {said}\n", paint(HEAD, &p.integration), p.end.word()));
    }
    out
}

/// How an integration stands on the pilot.
fn pilot(p: &PilotLine, process: &Process) -> String {
    let by = p.by.as_deref().map(|by| format!(" by {}", person(process, by))).unwrap_or_default();
    match p.until {
        Some(until) if p.overdue => paint(BAD, format!("on{by}, though its time was over {}", at(process, until))),
        Some(until) => paint(WARN, format!("on until {}{by}", at(process, until))),
        None if !p.pack_known => paint(BAD, format!("the program has no pack `{}`", p.pack)),
        None => format!("off by {}; {}", p.pack, p.may.word()),
    }
}

/// The register.
pub fn register(all: &[IntegrationLine], process: &Process) -> String {
    if all.is_empty() {
        return "process.toml names no integrations; `[integration.crm]` with `old`, `new` and `owner` names one\n".to_owned();
    }
    let stands = |on: bool| if on { paint(GOOD, "on") } else { paint(WARN, "off") };
    let looked = |e: &EndLine| match &e.probed {
        Some(p) => {
            let word = if p.good { paint(GOOD, "good") } else { paint(BAD, "bad") };
            format!("{word} {}", at(process, p.at.at))
        }
        None if e.has_probe => paint(DIM, "never looked at"),
        None => paint(DIM, "no probe"),
    };
    let row = |i: &IntegrationLine| {
        let pilot = match (i.on_pilot, &i.pilot) {
            (_, Some(p)) => pilot(p, process),
            (OnPilot::Off, None) => "off".to_owned(),
            (OnPilot::Test, None) => "test".to_owned(),
        };
        vec![
            i.integration.clone(),
            i.owner.clone().unwrap_or_default(),
            stands(i.old.on),
            looked(&i.old),
            stands(i.new.on),
            looked(&i.new),
            pilot,
        ]
    };
    let left = |h| (h, Align::Left);
    let mut out = table(
        &[left("integration"), left("owner"), left("old"), left("looked at"), left("new"), left("looked at"), left("pilot")],
        &all.iter().map(row).collect::<Vec<_>>(),
    );
    for i in all {
        let mut about: Vec<String> = Vec::new();
        if let Some(why) = &i.not_allowed {
            about.push(paint(BAD, format!("may not be: {why}")));
        }
        if i.moves {
            let (old, new) = (i.old.address.as_deref().unwrap_or("none"), i.new.address.as_deref().unwrap_or("none"));
            about.push(format!("{} {old} becomes {new}: tell {}", paint(WARN, "its address changes:"), people(process, &i.who)));
        }
        if let Some(p) = i.new.probed.as_ref().filter(|p| !p.good) {
            about.push(format!("new side: {}", p.outcome));
        }
        if let Some(p) = i.old.probed.as_ref().filter(|p| !p.good && i.old.on) {
            about.push(format!("old side: {}", p.outcome));
        }
        if !i.new.on && i.business_day_after {
            about.push(match i.reconnect_from {
                Some(from) => format!("connected again from {} on, not before", at(process, from)),
                None => "connected again on the next business day after the go-live, not before".into(),
            });
        }
        about.iter().for_each(|line| out.push_str(&format!("  {}: {line}\n", i.integration)));
    }
    out
}

/// The list of requirements.
pub fn requirements(all: &[RequirementLine], process: &Process) -> String {
    if all.is_empty() {
        return "process.toml names no requirements; `[requirement.disk]` with `needs` names one\n".to_owned();
    }
    let row = |r: &RequirementLine| {
        let (stands, when, seen) = match &r.checked {
            None => (paint(DIM, "never checked"), String::new(), String::new()),
            Some(p) => (if p.good { paint(GOOD, "met") } else { paint(BAD, "not met") }, at(process, p.at.at), p.outcome.clone()),
        };
        vec![r.requirement.clone(), r.title.clone(), stands, when, seen]
    };
    let left = |h| (h, Align::Left);
    table(&[left("requirement"), left("what"), left("stands"), left("checked"), left("seen")], &all.iter().map(row).collect::<Vec<_>>())
}

/// What looks at requirements found.
pub fn checked(all: &[Checked]) -> String {
    let line = |c: &Checked| {
        let word = if c.outcome.good { paint(GOOD, "pass") } else { paint(BAD, "FAIL") };
        format!("{word}  {}: {}\n", c.requirement, c.outcome.words)
    };
    let failed = all.iter().filter(|c| !c.outcome.good).count();
    format!("{}{} of {} requirements are met\n", all.iter().map(line).collect::<String>(), all.len() - failed, all.len())
}
