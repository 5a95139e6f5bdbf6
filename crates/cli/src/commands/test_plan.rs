//! `greenroom test-plan`.

use super::Done;
use super::changes::whose;
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::render::changes::{note_line, plain, summary};
use crate::render::process::{at, person, recorded};
use crate::render::style::{BAD, DIM, GOOD, HEAD, WARN, paint};
use crate::render::table::{Align, table};
use crate::render::words;
use clap::{Args, Subcommand};
use greenroom_model::process::Process;
use greenroom_model::process::cases::{CaseLine, Outcome};
use greenroom_runner::session::{Changes, NoteLine, Session, Trial};
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;

/// Show the test plan with its outcomes, and put on record how a case came out
///
/// The cases are written in `process.toml`. An outcome is that of the pilot that stands; what was made in another way since is to be tested again.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  greenroom test-plan\n  greenroom test-plan show invoice-prints\n  greenroom test-plan pass invoice-prints\n  greenroom test-plan fail labels --note \"the barcode is cut off\" --attach label.png\n  greenroom test-plan export test-report.md"
)]
pub struct TestPlanArgs {
    #[command(subcommand)]
    command: Option<TestPlanCommand>,
    /// The cases of this stage only
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
}

#[derive(Subcommand, Debug)]
enum TestPlanCommand {
    /// Show a case: what is to be done, and every time that it was tried
    Show {
        /// The case
        case: String,
    },
    /// It came out as it should
    Pass(JudgeArgs),
    /// It did not
    Fail(JudgeArgs),
    /// It could not be tried
    Block(JudgeArgs),
    /// Write all cases with outcomes, testers and times, and which configuration people changed on the pilot, as Markdown
    Export {
        /// The file
        file: PathBuf,
        /// Ask no database for changed configuration
        #[arg(long)]
        no_configuration: bool,
    },
}

#[derive(Args, Debug)]
struct JudgeArgs {
    /// The case
    case: String,
    /// What was seen, kept outside the chain of the record
    #[arg(long, value_name = "WORDS")]
    note: Option<String>,
    /// A file of which size and digest are put on record; it stays where it is
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
}

/// A case in full.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    line: CaseLine,
    area: Option<String>,
    steps: Option<String>,
    trials: Vec<Trial>,
    /// Changes of configuration that were noted as made for it.
    changes: Vec<NoteLine>,
}

pub async fn cmd_test_plan(app: &App, args: TestPlanArgs) -> Done {
    let session = app.session()?;
    let process = session.process()?;
    let judge = |a: JudgeArgs, outcome| session.judge_case(&a.case, outcome, a.note.as_deref(), &a.attach);
    let done = match args.command {
        None => {
            let lines: Vec<CaseLine> =
                session.case_lines()?.into_iter().filter(|l| args.stage.as_ref().is_none_or(|s| l.stage == *s)).collect();
            // Only a reminder: a pilot that cannot be asked now is no reason to keep the test plan back.
            let nobodys = if app.json { 0 } else { session.changes_to_note().await.ok().flatten().map_or(0, |c| c.nobodys()) };
            app.result(&lines, |lines| [list(lines, process), reminder(nobodys)].concat())?;
            return Ok(Exit::Ok);
        }
        Some(TestPlanCommand::Show { case }) => {
            let shown = shown(&session, &case)?;
            app.result(&shown, |s| text(s, process))?;
            return Ok(Exit::Ok);
        }
        Some(TestPlanCommand::Export { file, no_configuration }) => {
            let page = page(&session, !no_configuration).await?;
            std::fs::write(&file, page).map_err(|source| CliError::Io { attempted: format!("write {}", file.display()), source })?;
            app.say(format!("written: {}", file.display()));
            return Ok(Exit::Ok);
        }
        Some(TestPlanCommand::Pass(a)) => judge(a, Outcome::Passed)?,
        Some(TestPlanCommand::Fail(a)) => judge(a, Outcome::Failed)?,
        Some(TestPlanCommand::Block(a)) => judge(a, Outcome::Blocked)?,
    };
    app.result(&done, |d| recorded(d, process))?;
    Ok(Exit::Ok)
}

fn shown(session: &Session, id: &str) -> Result<Shown, CliError> {
    let process = session.process()?;
    let none = || CliError::Missing { message: format!("there is no case `{id}`"), hint: "`greenroom test-plan` lists them".into() };
    let case = process.cases.get(id).ok_or_else(none)?;
    let line = session.judged(|sight| sight.case(id, case))?;
    let of_case = |n: &NoteLine| n.noted.note.case.as_deref() == Some(id);
    let changes = session.change_notes()?.into_iter().filter(of_case).collect();
    Ok(Shown { line, area: case.area.clone(), steps: case.steps.clone(), trials: session.trials(id)?, changes })
}

/// In words, how a case stands.
fn stands(l: &CaseLine) -> &'static str {
    match l.stands {
        "again" => "to be tested again",
        "open" => "not tested",
        other => other,
    }
}

fn list(lines: &[CaseLine], process: &Process) -> String {
    if lines.is_empty() {
        return "process.toml has no cases: `[case.NAME]`\n".to_owned();
    }
    let row = |l: &CaseLine| {
        let word = match l.stands {
            "passed" => paint(GOOD, stands(l)),
            "failed" | "blocked" => paint(BAD, stands(l)),
            _ => paint(WARN, stands(l)),
        };
        let last = l.last.as_ref();
        let on = last.map(|c| format!("generation {}", c.on.generation)).unwrap_or_default();
        let who = match last {
            Some(c) => person(process, &c.by),
            None => l.testers.iter().map(|t| person(process, t)).collect::<Vec<_>>().join(", "),
        };
        vec![l.case.clone(), word, on, who, l.title.clone()]
    };
    let left = |h| (h, Align::Left);
    let mut out = table(&[left("case"), left("stands"), left("on"), left("who"), left("what")], &lines.iter().map(row).collect::<Vec<_>>());
    for (case, why) in lines.iter().filter(|l| l.stands == "again").filter_map(|l| Some((&l.case, l.why.as_ref()?))) {
        out.push_str(&format!("{case}: {why}\n"));
    }
    let passed = lines.iter().filter(|l| l.stands == "passed").count();
    out.push_str(&paint(DIM, format!("{passed} of {} passed on the pilot that stands\n", lines.len())));
    out
}

fn reminder(nobodys: u64) -> String {
    match nobodys {
        0 => String::new(),
        n => {
            format!("{}\n", paint(WARN, format!("{} on the pilot nobody noted as theirs: `greenroom changes`", words::count(n, "change"))))
        }
    }
}

fn text(s: &Shown, process: &Process) -> String {
    let l = &s.line;
    let mut out = format!("{} {}: {}\n  {}\n", paint(HEAD, "Case"), l.case, stands(l), l.title);
    if let Some(why) = &l.why {
        let _ = writeln!(out, "  {why}");
    }
    if let Some(area) = &s.area {
        let _ = writeln!(out, "  where: {area}");
    }
    let testers: Vec<String> = l.testers.iter().map(|t| person(process, t)).collect();
    let _ = writeln!(out, "  who tries it: {}", testers.join(", "));
    for line in s.steps.iter().flat_map(|s| s.lines()) {
        let _ = writeln!(out, "    {line}");
    }
    for t in &s.trials {
        let by = t.by.as_deref().map_or("nobody who is known".to_owned(), |by| person(process, by));
        let words = t.words.as_ref().map(|w| format!(": {w}")).unwrap_or_default();
        let _ = writeln!(out, "  {} on generation {}, {by}, {}{words}", t.outcome.word(), t.generation, at(process, t.at));
        t.attached.iter().for_each(|a| out.push_str(&format!("    {} bytes, blake3 {}\n", a.bytes, a.blake3)));
    }
    for n in &s.changes {
        let words = n.words.as_ref().map(|w| format!(": {w}")).unwrap_or_default();
        let (who, when) = (person(process, &n.noted.by), at(process, n.noted.at.at));
        let _ = writeln!(out, "  changed for it, {who}, {when} (event {}){words}\n    {}", n.noted.event, summary(&n.noted.note));
    }
    out
}

async fn page(session: &Session, configuration: bool) -> Result<String, CliError> {
    let process = session.process()?;
    let (lines, pilot) = (session.case_lines()?, session.pilot_to_test()?);
    let mut out = format!("# Test plan of {}\n\n", plain(&session.program.name));
    let _ = match &pilot {
        Some(p) => writeln!(out, "The pilot that stands is generation {}, made by `{}`.\n", p.generation, p.run),
        None => writeln!(out, "No pilot stands.\n"),
    };
    let count = |word: &str| lines.iter().filter(|l| l.stands == word).count();
    let _ = writeln!(
        out,
        "{}: {} passed, {} failed, {} blocked, {} to be tested again, {} not tested. Times are those of {}. Who tested is known by their login.\n",
        words::count(lines.len() as u64, "case"),
        count("passed"),
        count("failed"),
        count("blocked"),
        count("again"),
        count("open"),
        process.calendar.zone
    );
    out.push_str("| case | stage | stands | generation | tester | when |\n|---|---|---|---|---|---|\n");
    for l in &lines {
        let last = l.last.as_ref().map_or([String::new(), String::new(), String::new()], |c| {
            [c.on.generation.to_string(), plain(&person(process, &c.by)), at(process, c.at.at)]
        });
        let _ = writeln!(out, "| {} | {} | {} | {} |", plain(&l.case), plain(&l.stage), stands(l), last.join(" | "));
    }
    for l in &lines {
        let s = shown(session, &l.case)?;
        let _ = writeln!(
            out,
            "\n## {}\n\n`{}`, {}{}",
            plain(&l.title),
            l.case,
            stands(l),
            l.why.as_ref().map(|w| format!(": {}", plain(w))).unwrap_or_default()
        );
        if let Some(steps) = &s.steps {
            out.push('\n');
            steps.lines().for_each(|line| out.push_str(&format!("    {line}\n")));
        }
        for t in &s.trials {
            let by = t.by.as_deref().map_or("nobody who is known".to_owned(), |by| plain(&person(process, by)));
            let words = t.words.as_ref().map(|w| format!(": {}", plain(w))).unwrap_or_default();
            let _ = write!(
                out,
                "\n- {} on generation {}, {by}, {} (event {}){words}",
                t.outcome.word(),
                t.generation,
                at(process, t.at),
                t.seq
            );
            t.attached.iter().for_each(|a| out.push_str(&format!("\n  - {} bytes, BLAKE3 `{}`", a.bytes, a.blake3)));
        }
        if !s.trials.is_empty() {
            out.push('\n');
        }
    }
    if configuration {
        out.push_str("\n## Configuration that people changed on the pilot\n\n");
        let changed = match pilot {
            Some(_) => Some(session.changes(false).await),
            None => None,
        };
        match changed {
            Some(Ok(c)) => configuration_part(&c, process, &mut out),
            // The report of the tests is worth having without it; why it is not there stands in it.
            Some(Err(e)) => out.push_str(&format!("It could not be read: {}.\n", plain(&CliError::from(e).report().message))),
            None => out.push_str("No pilot stands.\n"),
        }
    }
    Ok(out)
}

/// What people changed of configuration on the pilot, in numbers, with the notes on record.
fn configuration_part(c: &Changes, process: &Process, out: &mut String) {
    if c.is_empty() {
        out.push_str("None.\n");
    }
    if !c.tables.is_empty() {
        out.push_str("| table | rows | added | changed | deleted | nobody's |\n|---|---|---|---|---|---|\n");
    }
    for t in &c.tables {
        let n = t.counts;
        let _ = writeln!(out, "| {} | {} | {} | {} | {} | {} |", plain(&t.table), n.rows, n.inserted, n.changed, n.deleted, n.nobodys);
    }
    for s in &c.schema {
        let whose = s.noted.map_or_else(|| "nobody's".to_owned(), |event| whose(c, event, Some(process)));
        let _ = write!(out, "\n- {} {} {}, not carried: {}", s.change.kind, plain(&s.change.name), s.change.what.word(), plain(&whose));
    }
    for (what, why) in &c.not_compared {
        let _ = write!(out, "\n- {}, not compared: {}", plain(what), plain(why));
    }
    if c.nobodys() > 0 {
        let _ = write!(
            out,
            "\n\n**{} nobody noted as theirs:** `greenroom changes` lists them, `greenroom changes note` puts on record whose they are.",
            words::count(c.nobodys(), "change")
        );
    }
    if !c.notes.is_empty() {
        out.push_str("\n\nNoted:\n\n");
        c.notes.iter().for_each(|n| out.push_str(&note_line(n, Some(process))));
    }
    out.push_str("\nThe rows themselves: `greenroom changes export FILE`.\n");
}
