//! Audits and findings for people. Owns words and layout; what stands how is the model's.

use super::process::{at, people, person};
use super::style::{BAD, DIM, GOOD, HEAD, WARN, heading, paint};
use super::table::{Align, table};
use super::words;
use crate::commands::audit::Audited;
use greenroom_model::finding::Severity;
use greenroom_model::process::audits::{AuditLine, FindingLine, Look, Stands, Weight};
use greenroom_model::process::{Fact, Process};
use greenroom_runner::session::FindingShown;
use std::fmt::Write;

/// What was put on record, in a line.
pub fn fact(fact: &Fact) -> String {
    match fact {
        Fact::AuditPoint { point, look, .. } => format!("{}: {point}\n", look.words()),
        Fact::FindingFound { audit, finding, weight, owner, role, due } => {
            let role = role.as_ref().map(|r| format!("the role {r}"));
            let whose = owner.clone().or(role).map_or(String::new(), |o| format!(", for {o}"));
            let due = due.map_or(String::new(), |d| format!(", until {d}"));
            format!("`{finding}` of `{audit}` is on record: {}{whose}{due}\n", weight.word())
        }
        Fact::FindingMended { finding } => format!("`{finding}` is said to be mended; an auditor has to look\n"),
        Fact::FindingVerified { finding, good: true } => format!("`{finding}` is mended, and verified\n"),
        Fact::FindingVerified { finding, .. } => format!("`{finding}` is not mended: it is open again\n"),
        Fact::FindingAccepted { finding } => format!("`{finding}` is accepted: it stays as it is\n"),
        Fact::AuditConcluded { audit, positive: true } => format!("`{audit}` is concluded: positive\n"),
        Fact::AuditConcluded { audit, .. } => format!("`{audit}` is concluded: negative; the next try of its stage begins it anew\n"),
        Fact::ProgramChecked { found, .. } => {
            let count = |severity| found.iter().filter(|f| f.severity == severity).count() as u64;
            let (errors, warnings) = (words::count(count(Severity::Error), "error"), words::count(count(Severity::Warning), "warning"));
            format!("the program was checked: {errors}, {warnings}\n")
        }
        // Told where everything else is.
        _ => String::new(),
    }
}

fn stands(line: &FindingLine) -> String {
    let style = match line.stands {
        Stands::Open => BAD,
        Stands::Mended => WARN,
        Stands::Verified | Stands::Accepted => GOOD,
    };
    let late = if line.overdue { ", overdue" } else { "" };
    paint(style, format!("{}{late}", line.stands.words()))
}

/// Who mends a finding: a person's name, a role, or anybody.
fn owner(line: &FindingLine, process: &Process) -> String {
    match &line.owner {
        Some(owner) if process.persons.contains_key(owner) => person(process, owner),
        Some(role) => format!("the role {role}"),
        None => "anybody".to_owned(),
    }
}

/// Findings, one line each.
pub fn findings(all: &[FindingShown], process: &Process) -> String {
    if all.is_empty() {
        return String::new();
    }
    let row = |f: &FindingShown| {
        let whose = if f.line.stands == Stands::Mended { people(process, &f.line.turn) } else { owner(&f.line, process) };
        let due = f.line.due.map(|d| d.to_string()).unwrap_or_default();
        let title = f.title.clone().unwrap_or_else(|| paint(DIM, "erased"));
        vec![f.line.id.clone(), f.line.weight.word().to_owned(), stands(&f.line), whose, due, title]
    };
    let left = |h| (h, Align::Left);
    table(
        &[left("finding"), left("weight"), left("stands"), left("whose"), left("until"), left("what")],
        &all.iter().map(row).collect::<Vec<_>>(),
    )
}

/// How many findings are open, in a line; nothing where none is.
pub fn counted(open: &[FindingLine]) -> String {
    if open.is_empty() {
        return String::new();
    }
    let count = |fits: &dyn Fn(&FindingLine) -> bool| open.iter().filter(|f| fits(f)).count();
    let parts = [
        (count(&|f| f.weight == Weight::Blocking), "blocking"),
        (count(&|f| f.stands == Stands::Mended), "to be verified"),
        (count(&|f| f.overdue), "overdue"),
    ];
    let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let of_them = if parts.is_empty() { String::new() } else { format!(", {}", parts.join(", ")) };
    format!(
        "  {} of audits {} open{of_them}: `greenroom audit`\n",
        words::count(open.len() as u64, "finding"),
        if open.len() == 1 { "is" } else { "are" }
    )
}

fn concluded(l: &AuditLine) -> String {
    match l.stands {
        "positive" => paint(GOOD, l.stands),
        "negative" => paint(BAD, l.stands),
        "to come" => paint(DIM, l.stands),
        _ => paint(WARN, l.stands),
    }
}

/// All audits, and what is open.
pub fn list(lines: &[AuditLine], open: &[FindingShown], process: &Process) -> String {
    if lines.is_empty() {
        return "process.toml has no audits: `[audit.NAME]`\n".to_owned();
    }
    let row = |l: &AuditLine| {
        let looked = l.points.iter().filter(|p| p.look.is_some()).count();
        let found = l.findings.len();
        let left = l.findings.iter().filter(|f| !f.stands.is_over()).count();
        let who = l.by.as_ref().map_or_else(|| people(process, &l.auditors), |by| person(process, by));
        let found = if found == 0 { "none".to_owned() } else { format!("{left} of {found} open") };
        vec![l.audit.clone(), l.stage.clone(), concluded(l), format!("{looked} of {}", l.points.len()), found, who, l.title.clone()]
    };
    let left = |h| (h, Align::Left);
    let mut out = table(
        &[left("audit"), left("stage"), left("stands"), left("looked at"), left("findings"), left("who"), left("what")],
        &lines.iter().map(row).collect::<Vec<_>>(),
    );
    if !open.is_empty() {
        out.push_str(&heading("Open"));
        out.push_str(&findings(open, process));
    }
    out
}

/// One audit in full.
pub fn page(a: &Audited, process: &Process) -> String {
    let l = &a.line;
    let mut out = format!("{} {}: {}\n  {}\n  of the stage `{}`", paint(HEAD, "Audit"), l.audit, concluded(l), l.title, l.stage);
    let _ = match &l.follows {
        Some(before) => writeln!(out, ", after `{before}`, whose open findings are verified here"),
        None => writeln!(out),
    };
    let _ = writeln!(out, "  {}\n  who looks: {}", l.why, people(process, &l.auditors));
    if let Some(words) = &a.conclusion {
        let _ = writeln!(out, "  said to it: {words}");
    }
    out.push_str(&heading("Points"));
    let row = |p: &greenroom_model::process::audits::PointLine| {
        let word = match p.look {
            Some(look @ Look::Good) => paint(GOOD, look.words()),
            Some(look @ Look::Bad) => paint(BAD, look.words()),
            Some(look) => look.words().to_owned(),
            None => paint(DIM, "not looked at"),
        };
        let who = p.by.as_ref().map(|by| person(process, by)).unwrap_or_default();
        let said = a.notes.get(&p.point).map(|note| format!(": {note}")).unwrap_or_default();
        vec![p.number.to_string(), word, who, p.at.map(|t| at(process, t)).unwrap_or_default(), format!("{}{said}", p.point)]
    };
    let left = ("", Align::Left);
    out.push_str(&table(&[("", Align::Right), left, left, left, left], &l.points.iter().map(row).collect::<Vec<_>>()));
    if a.findings.is_empty() {
        return out;
    }
    out.push_str(&heading("Findings"));
    for f in &a.findings {
        let title = f.title.clone().unwrap_or_else(|| paint(DIM, "erased"));
        let _ = writeln!(out, "  {}  {}, {}: {title}", f.line.id, f.line.weight.word(), stands(&f.line));
        let whose = owner(&f.line, process);
        let due = f.line.due.map(|d| format!(", until {d}")).unwrap_or_default();
        let _ = writeln!(out, "      to be mended by {whose}{due}");
        for s in &f.said {
            let by = s.by.as_deref().map_or("nobody who is known".to_owned(), |by| person(process, by));
            let words = s.words.as_ref().map(|w| format!(": {w}")).unwrap_or_default();
            let _ = writeln!(out, "      {} by {by}, {} (event {}){words}", s.what, at(process, s.at), s.seq);
        }
    }
    out
}
