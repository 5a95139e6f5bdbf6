//! The process for people: the board of stages, gates, the runbook, the sheet for the night. Owns words and layout; what stands how is the model's.

use super::schedule::misfits;
use crate::commands::night::Night;
use crate::commands::stage::{Board, StageLine};
use crate::error::CliError;
use crate::render::style::{BAD, DIM, GOOD, HEAD, WARN, heading, paint};
use crate::render::table::{Align, table};
use greenroom_model::process::gates::Standing;
use greenroom_model::process::runbook::{Line, Sheet};
use greenroom_model::process::{Fact, Process, Side};
use greenroom_runner::proof::ssh;
use greenroom_runner::session::{FindingShown, Recorded};
use jiff::Timestamp;
use jiff::civil::DateTime;
use std::collections::BTreeMap;

/// A moment in the process's time zone.
pub fn at(process: &Process, at: Timestamp) -> String {
    process.calendar.local(at).strftime("%a %Y-%m-%d %H:%M").to_string()
}

fn clock(process: &Process, at: Timestamp) -> String {
    process.calendar.local(at).strftime("%H:%M").to_string()
}

/// Reads `2027-02-09T18:00` as a moment of the process's time zone.
///
/// # Errors
/// When it is none.
pub fn moment(process: &Process, text: &str) -> Result<Timestamp, CliError> {
    let wrong = || CliError::Missing { message: format!("`{text}` is no day and time"), hint: "write it as `2027-02-09T18:00`".into() };
    let civil: DateTime = text.parse().map_err(|_| wrong())?;
    process.calendar.moment(civil).ok_or_else(wrong)
}

/// A person's name; the id of one who is not in `process.toml` any more.
pub fn person(process: &Process, id: &str) -> String {
    process.persons.get(id).map_or_else(|| id.to_owned(), |p| p.name.clone())
}

pub(super) fn people(process: &Process, ids: &[String]) -> String {
    ids.iter().map(|id| person(process, id)).collect::<Vec<_>>().join(", ")
}

/// What was put on record.
pub fn recorded(r: &Recorded, process: &Process) -> String {
    let mut out = match &r.fact {
        Fact::StageEntered { stage, despite } => format!("`{stage}` is entered{}\n", warned(despite)),
        Fact::StageLeft { stage, good: true, despite } => format!("`{stage}` has ended well{}\n", warned(despite)),
        Fact::StageLeft { stage, .. } => format!("`{stage}` has ended badly; it can be entered again\n"),
        Fact::DateAgreed { stage, at: date, despite } => {
            format!("the date of `{stage}` is agreed: {} ({}){}\n", at(process, *date), process.calendar.zone, warned(despite))
        }
        Fact::Asked { gate, of } => format!("approval is asked at `{gate}`, of what stands now ({})\n", of.short()),
        Fact::Signed { gate, approve: true, of, .. } => format!("`{gate}` is approved ({})\n", of.short()),
        Fact::Signed { gate, .. } => format!("`{gate}` is rejected\n"),
        Fact::Ticked { item, done: true, .. } => format!("ticked: {item}\n"),
        Fact::Ticked { item, .. } => format!("not ticked any more: {item}\n"),
        Fact::Received { name, bytes, blake3, sha256, stored, link } => {
            let came = link.map_or(String::new(), |id| format!(" by link {id}"));
            let plain = format!("`{name}` is received{came}: {bytes} bytes\n  blake3 {blake3}\n  sha256 {sha256}\n");
            match stored {
                Some(s) => {
                    format!("{plain}stored encrypted: {}, {} bytes\n  blake3 {}\n  sha256 {}\n", s.file, s.bytes, s.blake3, s.sha256)
                }
                None => format!("{plain}not stored: `[artefact.{name}]` names no recipients; the file stays where it is\n"),
            }
        }
        Fact::Waived { gate } => format!("`{gate}` is waived\n"),
        Fact::TaskStarted { task } => format!("`{task}` is under way\n"),
        Fact::TaskDone { task } => format!("`{task}` is done\n"),
        Fact::TaskFailed { task } => format!("`{task}` failed; it can be begun again\n"),
        Fact::TaskHandedOver { task, to } => format!("`{task}` is {to}'s now\n"),
        by_itself @ (Fact::TaskTriedAgain { .. }
        | Fact::TaskRan { .. }
        | Fact::TaskDoneByHand { .. }
        | Fact::RehearsalBegan { .. }
        | Fact::Rehearsed { .. }
        | Fact::IntegrationProbed { .. }
        | Fact::IntegrationTurned { .. }
        | Fact::RequirementChecked { .. }) => super::automated::fact(by_itself),
        Fact::ArtefactRemoved { name, received } => format!("`{name}` of event {received} is removed: its time is over\n"),
        Fact::Erased { events } => format!("erased beside {} events\n", events.len()),
        Fact::ChangesNoted { note } => format!("noted as yours: {}\n  digest {}\n", super::changes::summary(note), note.digest),
        Fact::CaseJudged { case, outcome, on, .. } => format!("`{case}` {} on generation {}\n", outcome.word(), on.generation),
        link @ (Fact::LinkMade { .. } | Fact::LinkWithdrawn { .. }) => crate::commands::links::fact(r.seq, link, process),
        audited @ (Fact::AuditPoint { .. }
        | Fact::FindingFound { .. }
        | Fact::FindingMended { .. }
        | Fact::FindingVerified { .. }
        | Fact::FindingAccepted { .. }
        | Fact::AuditConcluded { .. }
        | Fact::ProgramChecked { .. }) => super::audit::fact(audited),
    };
    let by = r.by.as_deref().unwrap_or("nobody who is known");
    let how = match &r.fact {
        Fact::Signed { key: Some(made), .. } => format!("signed with a key, {}", ssh::fingerprint(&made.key)),
        Fact::Signed { .. } => "by login only: an indication, no signature".to_owned(),
        Fact::Received { link: Some(_), .. } => "whose link it was".to_owned(),
        _ => "as far as the login tells".to_owned(),
    };
    out.push_str(&paint(DIM, format!("on record as event {}, by {by}, {how}", r.seq)));
    out.push('\n');
    out
}

fn warned(despite: &[String]) -> String {
    match despite.is_empty() {
        true => String::new(),
        false => format!(", although it is recommended otherwise ({}), which is on record", despite.join(", ")),
    }
}

/// The board of stages.
pub fn board(b: &Board, findings: &[FindingShown], process: &Process) -> String {
    let stands = |s: &StageLine| match s.stands {
        "over" => paint(GOOD, "over"),
        "on" => paint(WARN, "on"),
        "failed" => paint(BAD, "ended badly"),
        "next" => paint(HEAD, "next"),
        other => paint(DIM, other),
    };
    let when = |s: &StageLine| match (s.left, s.entered, s.date) {
        (Some(left), _, _) => at(process, left),
        (None, Some(entered), _) => format!("since {}", at(process, entered)),
        (None, None, Some(date)) => format!("agreed for {}", at(process, date)),
        _ => String::new(),
    };
    let rows: Vec<Vec<String>> = b.stages.iter().map(|s| vec![s.stage.clone(), stands(s), when(s), s.title.clone()]).collect();
    let left = |h| (h, Align::Left);
    let mut out = table(&[left("stage"), left("stands"), left("when"), left("title")], &rows);
    for s in b.stages.iter().filter(|s| !s.open.is_empty()) {
        let what = if s.stands == "on" { "before it can end well" } else { "before it can be entered" };
        out.push_str(&heading(&format!("{}: {what}", s.stage)));
        s.open.iter().for_each(|g| out.push_str(&open(g, process)));
    }
    if !findings.is_empty() {
        out.push_str(&heading("Findings"));
        out.push_str(&super::audit::findings(findings, process));
    }
    let moved: String = b.stages.iter().map(|s| misfits(&s.stage, &s.misfits)).collect();
    if !moved.is_empty() {
        out.push_str(&heading("Dates"));
        out.push_str(&moved);
    }
    let you = b.you.as_deref().map_or("nobody in process.toml has your login".to_owned(), |you| {
        format!("you are {}, as far as the login tells", person(process, you))
    });
    out.push_str(&format!("\n{}\n", paint(DIM, format!("times are those of {}; {you}", b.zone))));
    out
}

/// Where the process stands, in a few lines: stages that are on or come next, and what blocks them.
pub fn brief(b: &Board, process: &Process) -> String {
    const SHOWN: usize = 6;
    let over = b.stages.iter().filter(|s| s.stands == "over").count();
    let mut out = format!("  {over} of {} stages over\n", b.stages.len());
    for s in b.stages.iter().filter(|s| matches!(s.stands, "on" | "next" | "failed")) {
        let word = match s.stands {
            "on" => "is on",
            "failed" => "ended badly, and can be entered again",
            _ => "is next",
        };
        let blocked = s.open.iter().filter(|g| !g.recommended).count();
        let gates = match blocked {
            0 => "nothing blocks it".to_owned(),
            1 => "1 gate blocks it".to_owned(),
            n => format!("{n} gates block it"),
        };
        out.push_str(&format!("  `{}` {word}: {gates}\n", s.stage));
        s.open.iter().take(SHOWN).for_each(|g| out.push_str(&format!("  {}", open(g, process))));
        if s.open.len() > SHOWN {
            out.push_str(&format!("    and {} more: `greenroom stage`\n", s.open.len() - SHOWN));
        }
    }
    out.push_str(&super::audit::counted(&b.findings));
    b.stages.iter().for_each(|s| out.push_str(&misfits(&s.stage, &s.misfits)));
    out
}

fn open(g: &Standing, process: &Process) -> String {
    let word = if g.recommended { paint(WARN, "recommended") } else { paint(BAD, "required") };
    let turn = if g.turn.is_empty() {
        String::new()
    } else {
        format!("\n      {}", paint(DIM, format!("whose turn it is: {}", people(process, &g.turn))))
    };
    format!("  {}  {word}: {}{turn}\n", g.gate, g.why)
}

/// All gates.
pub fn gates(all: &[Standing], process: &Process) -> String {
    let row = |s: &Standing| {
        let gate = process.gates.get(&s.gate);
        let side = gate.map_or("", |g| if g.side == Side::Entry { "entry" } else { "exit" });
        let word = match (s.met, s.waived, s.recommended) {
            (true, true, _) => paint(WARN, "waived"),
            (true, ..) => paint(GOOD, "met"),
            (false, _, true) => paint(WARN, "not met"),
            _ => paint(BAD, "not met"),
        };
        vec![s.gate.clone(), format!("{} {side}", gate.map_or("", |g| g.stage.as_str())), word, s.why.clone()]
    };
    let left = |h| (h, Align::Left);
    table(&[left("gate"), left("of"), left("stands"), left("why")], &all.iter().map(row).collect::<Vec<_>>())
}

/// One gate, explained.
pub fn why(s: &Standing, process: &Process) -> String {
    let Some(gate) = process.gates.get(&s.gate) else { return format!("{}: {}\n", s.gate, s.why) };
    let side = if gate.side == Side::Entry { "entering" } else { "leaving" };
    let word = if s.met { paint(GOOD, if s.waived { "waived" } else { "met" }) } else { paint(BAD, "not met") };
    let mut out = format!(
        "{} {}: {word}\n  before {side} `{}`{}\n  {}\n",
        paint(HEAD, "Gate"),
        s.gate,
        gate.stage,
        if s.recommended { ", recommended" } else { "" },
        s.why
    );
    if gate.title != s.gate {
        out.push_str(&format!("  {}\n", gate.title));
    }
    if !s.turn.is_empty() {
        out.push_str(&format!("  whose turn it is: {}\n", people(process, &s.turn)));
    }
    if let Some(from) = s.not_before {
        out.push_str(&format!("  not before {}\n", at(process, from)));
    }
    if let Some(until) = s.until {
        out.push_str(&format!("  until {}\n", at(process, until)));
    }
    out
}

/// The runbook of stages.
pub fn sheet(sheets: &BTreeMap<String, Sheet>, process: &Process) -> String {
    if sheets.is_empty() {
        return "no stage with tasks is on or to come\n".to_owned();
    }
    let mut out = String::new();
    for (stage, s) in sheets {
        out.push_str(&heading(&format!("Tasks of {stage}")));
        let line = |l: &Line, word: String| {
            let rehearsed = l.rehearsed.map_or(String::new(), |m| format!(", {m} rehearsed"));
            let end = match l.took {
                Some(took) => format!("{} ({took} of {} min{rehearsed})", clock(process, l.end), l.minutes),
                None => format!("{} ({} min{rehearsed})", clock(process, l.end), l.minutes),
            };
            let mark = if l.point_of_no_return { " (point of no return)" } else { "" };
            let by_itself = l.does.map_or(String::new(), |does| format!(" [{does}]"));
            let what = format!("{}{by_itself}{mark}{}", l.title, if l.critical { " *" } else { "" });
            vec![l.task.clone(), word, people(process, &l.who), end, what]
        };
        let all = [(&s.done, "done"), (&s.now, "now"), (&s.next, "next"), (&s.later, "later")];
        let rows: Vec<Vec<String>> = all
            .iter()
            .flat_map(|(lines, word)| {
                lines.iter().map(|l| {
                    let word = match *word {
                        "done" => paint(GOOD, "done"),
                        "now" => paint(WARN, "now"),
                        "next" => paint(HEAD, "next"),
                        other => paint(DIM, other),
                    };
                    line(l, word)
                })
            })
            .collect();
        let left = |h| (h, Align::Left);
        out.push_str(&table(&[left("task"), left("stands"), left("whose"), left("ends"), left("what")], &rows));
        out.push_str(&ends(s, process));
        let time = |(who, (quoted, taken, cost)): (&String, &(u64, u64, u64))| {
            let cost = if *cost > 0 { format!(", {}.{:02} to be charged", cost / 100, cost % 100) } else { String::new() };
            format!("  {who}: {quoted} min quoted, {taken} min taken{cost}\n")
        };
        s.times.iter().for_each(|t| out.push_str(&time(t)));
    }
    out
}

fn ends(s: &Sheet, process: &Process) -> String {
    let mut out = String::new();
    if let Some(end) = s.end {
        out.push_str(&format!("  projected end {} (tasks with * decide over it)\n", at(process, end)));
    }
    if let Some(back) = s.turn_back {
        out.push_str(&format!("  last safe turn-back {}: the point of no return is expected to begin then\n", at(process, back)));
    }
    if let Some(window) = s.window {
        let late = if s.end.is_some_and(|end| end > window) { paint(BAD, ": the projected end comes after it") } else { String::new() };
        out.push_str(&format!("  the window closes {}{late}\n", at(process, window)));
    }
    out
}

/// The stage, and that this is a rehearsal of it.
fn stage(n: &Night) -> String {
    n.rehearsal.map_or_else(|| n.stage.clone(), |number| format!("REHEARSAL {number} of {}", n.stage))
}

/// What was quoted and what its rehearsal took: plan against actual.
fn beside(l: &Line) -> String {
    let took = l.took.map_or(String::new(), |took| format!(", took {took}"));
    l.rehearsed.map_or_else(
        || if took.is_empty() { String::new() } else { format!(" ({} min quoted{took})", l.minutes) },
        |r| format!(" ({} min quoted, {r} rehearsed{took})", l.minutes),
    )
}

/// The sheet for the night, on the screen.
pub fn night(n: &Night, process: &Process) -> String {
    let mut out = format!("{} {}, {}\n", paint(HEAD, stage(n)), n.program, at(process, n.now));
    let part = |title: &str, lines: &[Line]| {
        let mut text = heading(title);
        if lines.is_empty() {
            text.push_str("  nothing\n");
        }
        for l in lines {
            let mark = if l.point_of_no_return { "  POINT OF NO RETURN" } else { "" };
            text.push_str(&format!("  {}  {}  until {}{}{mark}\n", l.task, l.title, clock(process, l.end), beside(l)));
            for id in &l.who {
                let telephone = process.persons.get(id).and_then(|p| p.telephone.clone()).unwrap_or_else(|| "no telephone".into());
                text.push_str(&format!("      {}  {telephone}\n", person(process, id)));
            }
        }
        text
    };
    out.push_str(&part("Now", &n.sheet.now));
    out.push_str(&part("Next", &n.sheet.next));
    out.push_str(&heading("Time"));
    out.push_str(&ends(&n.sheet, process));
    if let Some(until) = n.fenced_until {
        out.push_str(&format!("  production is fenced; {} everything goes back by itself\n", at(process, until)));
    }
    if let Some(told) = &n.window_told {
        out.push_str(&format!("  {}\n", paint(WARN, told)));
    }
    if let Some(asks) = &n.asks {
        out.push_str(&format!("  a run asks: {asks}\n"));
    }
    let left = n.sheet.later.len();
    out.push_str(&format!("  {} done, {} under way or next, {left} later\n", n.sheet.done.len(), n.sheet.now.len() + n.sheet.next.len()));
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The sheet as a page without scripts, for telephones and paper.
pub fn night_page(n: &Night, process: &Process) -> String {
    let part = |title: &str, lines: &[Line]| {
        let item = |l: &Line| {
            let who = |id: &String| {
                let telephone = process.persons.get(id).and_then(|p| p.telephone.clone());
                let call =
                    telephone.map_or(String::new(), |t| format!(" <a href=\"tel:{}\">{}</a>", escaped(&t.replace(' ', "")), escaped(&t)));
                format!("<div class=who>{}{call}</div>", escaped(&person(process, id)))
            };
            let mark = if l.point_of_no_return { " <b>POINT OF NO RETURN</b>" } else { "" };
            format!(
                "<li><b>{}</b> until {}{}{mark}{}</li>",
                escaped(&l.title),
                clock(process, l.end),
                beside(l),
                l.who.iter().map(who).collect::<String>()
            )
        };
        let items: String = lines.iter().map(item).collect();
        format!("<h2>{title}</h2><ul>{}</ul>", if items.is_empty() { "<li>nothing</li>".to_owned() } else { items })
    };
    let fence =
        n.fenced_until.map_or(String::new(), |u| format!("  production is fenced; {} everything goes back by itself\n", at(process, u)));
    let told = n.window_told.as_ref().map_or(String::new(), |t| format!("  {t}\n"));
    let asks = n.asks.as_ref().map_or(String::new(), |a| format!("  a run asks: {a}\n"));
    let times = anstream::adapter::strip_str(&format!("{}{fence}{told}{asks}", ends(&n.sheet, process))).to_string();
    let times: String = times.lines().map(|l| format!("<p>{}</p>", escaped(l.trim()))).collect();
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width,initial-scale=1\"><title>{0}</title>\
         <style>body{{font:16px/1.4 system-ui,sans-serif;margin:1em auto;max-width:40em;padding:0 1em}}h1{{font-size:1.3em}}h2{{font-size:1.1em;border-bottom:1px solid}}\
         ul{{padding-left:1.1em}}li{{margin:.6em 0}}.who{{color:#333}}a{{color:inherit}}@media print{{a{{text-decoration:none}}}}</style>\
         <h1>{0}</h1><p>{1}, {2}</p>{3}{4}<h2>Time</h2>{times}{5}{6}</html>\n",
        escaped(&stage(n)),
        escaped(&n.program),
        at(process, n.now),
        part("Now", &n.sheet.now),
        part("Next", &n.sheet.next),
        part("Later", &n.sheet.later),
        part("Done", &n.sheet.done),
    )
}
