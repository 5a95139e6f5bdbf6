//! `greenroom plan`.

use super::{Done, check};
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::render::style::{DIM, HEAD, heading, paint};
use crate::render::table::{Align, table};
use crate::render::words;
use clap::Args;
use greenroom_model::finding::Finding;
use greenroom_model::hash::Hash;
use greenroom_model::plan::{Plan, PlannedHow, PlannedUpgrade, RunKind};
use greenroom_model::upgrade;
use greenroom_runner::planning::size;
use greenroom_runner::ports::{Clock, Silent, SystemClock};
use greenroom_runner::session::{Dressed, SessionError};
use serde::Serialize;
use std::sync::Arc;

/// Show what a rehearsal would do, to the last statement, and record it
///
/// The plan is immutable and hashed: `greenroom rehearse --plan HASH` carries out exactly this, or refuses when something changed.
/// Prints steps, upgrade statements in order, rights, locks, load, disk, what is not carried, and the time expected from earlier runs.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  greenroom plan
  greenroom plan --sql                    every statement of the upgrade in full
  greenroom plan --show 1a2b3c4d          a plan that was made earlier")]
pub struct PlanArgs {
    /// Print the upgrade's statements in full
    #[arg(long)]
    sql: bool,
    /// Show a recorded plan instead of making one; the first digits of its hash suffice
    #[arg(long, value_name = "HASH")]
    show: Option<String>,
}

#[derive(Serialize)]
struct Planned {
    hash: Hash,
    short: String,
    plan: Plan,
    findings: Vec<Finding>,
    /// The latest dress rehearsal, held against this plan's recipe.
    dressed: Option<Dressed>,
}

pub async fn cmd_plan(app: &App, args: PlanArgs) -> Done {
    let (session, layers) = app.session_with(Arc::new(Silent))?;
    let (hash, plan, findings) = match &args.show {
        Some(prefix) => {
            let (hash, plan) = session.find_plan(prefix)?;
            (hash, plan, Vec::new())
        }
        None => match session.plan().await {
            Ok(made) => made,
            Err(SessionError::Findings(findings)) => {
                // Whoever lacks rights needs the whole script, not a hint per right.
                if findings.iter().any(|f| f.code == "GR0505") && !app.json {
                    let (survey, _) = session.check().await?;
                    app.print(&check::grant_script(&check::grants(&survey)))?;
                }
                return Err(CliError::Refused { findings, layers });
            }
            Err(e) => return Err(e.into()),
        },
    };
    app.show(&findings, &layers);
    let dressed = session.dressed(Some(&plan.recipe))?;
    app.result(&Planned { hash, short: hash.short(), plan, findings, dressed }, |p| text(p, args.sql))?;
    Ok(Exit::Ok)
}

fn text(p: &Planned, sql: bool) -> String {
    let (plan, f) = (&p.plan, &p.plan.footprint);
    let version = plan.product_version.as_ref().map(|v| format!(", product version {v}")).unwrap_or_default();
    let mut out = format!("{} {} for `{}`: {} on {}{version}\n", paint(HEAD, "Plan"), p.short, plan.program, plan.kind, plan.engine);
    if let (RunKind::Restore, Some(raw)) = (plan.kind, &plan.raw) {
        out.push_str(&format!("  restores `{}` ({}) as the raw copy `{}`\n", raw.backup.path, raw.backup.format, raw.name));
        return format!("{out}  it is over on {}\n{}\nhash {}\n", words::exactly(raw.until), steps(plan), p.hash);
    }
    if plan.kind == RunKind::Dress {
        out.push_str(&format!(
            "  builds `{}` with production's own rows, tries the go-live out on it, and drops it\n",
            plan.names.generation
        ));
    } else if plan.kind == RunKind::Switch {
        out.push_str(&format!("  builds `{}`, which then takes production's name `{}`\n", plan.names.generation, plan.names.pilot));
    } else {
        out.push_str(&format!("  builds `{}`, which then takes the name `{}`\n", plan.names.generation, plan.names.pilot));
        out.push_str(&format!("  a present pilot is kept as `{}`\n", plan.names.former));
    }
    out.push_str(&steps(plan));
    out.push_str(&tables(plan));
    if !plan.upgrade.is_empty() || !f.skipped_upgrade.is_empty() {
        out.push_str(&heading("Upgrade"));
        plan.upgrade.iter().for_each(|u| out.push_str(&upgrade_step(plan, u, sql)));
        f.skipped_upgrade.iter().for_each(|s| out.push_str(&format!("  {}\n", paint(DIM, format!("left out: {s}")))));
    }
    match f.grants.is_empty() {
        true => out.push_str(&format!("{}  nothing is missing\n", heading("Rights"))),
        false => out.push_str(&check::grant_script(&f.grants)),
    }
    let mut lines = |title: &str, lines: &[String]| {
        if !lines.is_empty() {
            out.push_str(&heading(title));
            lines.iter().for_each(|l| out.push_str(&format!("  {l}\n")));
        }
    };
    lines("Locks on the source", &f.locks);
    lines("Load", &f.load);
    let disk = format!("about {} read, about {} needed on the target beside the present pilot", size(f.read_bytes), size(f.target_bytes));
    lines("Disk", &[disk]);
    let created = if f.created_in_source.is_empty() { vec!["nothing".to_owned()] } else { f.created_in_source.clone() };
    lines("Created in the source", &created);
    lines("Consequences", &f.consequences);
    let not_carried: Vec<String> = f.not_carried.iter().map(|(name, why)| format!("{name}: {why}")).collect();
    lines("Not carried", &not_carried);
    let time = match plan.expected_millis() {
        Some(ms) => format!("about {}, from the latest finished run", words::millis(ms)),
        None => "not known yet: no finished run has measured these steps".to_owned(),
    };
    lines("Expected time", &[time]);
    if let Some(d) = &p.dressed {
        lines("Dress rehearsal", &[words::dressed(d, SystemClock::default().now())]);
    }
    out.push_str(&format!("\nhash {}\n{}\n", p.hash, exactly(p)));
    out
}

/// What carries out exactly this plan.
fn exactly(p: &Planned) -> String {
    match p.plan.kind {
        RunKind::Rehearsal => format!("next: `greenroom rehearse --plan {}` does exactly this", p.short),
        kind => format!("recorded for a {kind}"),
    }
}

/// The steps, with what earlier runs took for them.
pub fn steps(plan: &Plan) -> String {
    let copies = plan.steps.iter().filter(|s| s.key.table().is_some()).count();
    let mut rows = Vec::new();
    let mut told = false;
    for s in &plan.steps {
        // Copies run side by side; the tables are listed below.
        let copy = s.key.table().is_some();
        if copy && std::mem::replace(&mut told, true) {
            continue;
        }
        let expected = |key: &greenroom_model::plan::StepKey| plan.expected.get(key).map(|e| e.millis);
        let (title, millis) = if copy {
            let all: Option<u64> = plan.steps.iter().filter(|s| s.key.table().is_some()).map(|s| expected(&s.key)).sum();
            let (verb, how) = match (plan.copies_whole(), plan.kind.is_unmasked()) {
                (true, _) => ("read", ", for comparison"),
                (false, true) => ("copy", ""),
                (false, false) => ("copy", ", masked in flight"),
            };
            (format!("{verb} {}{how}", words::count(copies as u64, "table")), all)
        } else {
            (s.title.clone(), expected(&s.key))
        };
        rows.push(vec![(rows.len() + 1).to_string(), title, millis.map(words::millis).unwrap_or_default()]);
    }
    let expected = if plan.expected.is_empty() { "" } else { "expected" };
    format!("{}{}", heading("Steps"), table(&[("", Align::Right), ("", Align::Left), (expected, Align::Right)], &rows))
}

/// How each table travels.
fn tables(plan: &Plan) -> String {
    let row = |t: &greenroom_model::plan::TableCopy| {
        let changed = t.columns.iter().filter(|c| !c.rules.is_empty()).count();
        let rows = match (&t.filter, t.empty) {
            (_, true) => "none: it arrives empty".to_owned(),
            (Some(condition), _) => format!("where {}", words::cut(condition, 60)),
            (None, _) => "all".to_owned(),
        };
        let changed = if t.empty { String::new() } else { format!("{changed} of {}", t.columns.len()) };
        vec![t.table.short(plan.engine), rows, changed]
    };
    let rows: Vec<Vec<String>> = plan.tables.iter().map(row).collect();
    format!("{}{}", heading("Tables"), table(&[("table", Align::Left), ("rows", Align::Left), ("columns changed", Align::Right)], &rows))
}

fn upgrade_step(plan: &Plan, u: &PlannedUpgrade, sql: bool) -> String {
    match &u.how {
        PlannedHow::Script { file, hash, statements, apart } => {
            let n = words::count(statements.len() as u64, "statement");
            let one_by_one = if upgrade::runs_apart(plan.engine, statements, *apart).is_some() { ", one by one" } else { "" };
            let mut out = format!("  {file} ({n}{one_by_one}, {})\n", hash.short());
            for s in statements {
                let shown = if sql { s.sql.lines().collect::<Vec<_>>().join("\n              ") } else { upgrade::label(plan.engine, s) };
                out.push_str(&format!("    {} {shown}\n", paint(DIM, format!("line {:>3}", s.line))));
            }
            if let Some(inverse) = &u.inverse {
                let n = words::count(inverse.statements.len() as u64, "statement");
                out.push_str(&format!("    undone by upgrade/{} ({n}, {})\n", inverse.file, inverse.hash.short()));
            }
            out
        }
        PlannedHow::Program { command, hash, timeout_seconds } => {
            let pinned = hash.map(|h| format!(", {}", h.short())).unwrap_or_default();
            format!("  {}: runs `{}` (at most {timeout_seconds} s{pinned})\n", u.key, command.join(" "))
        }
        PlannedHow::Person { instruction } => format!("  {}: a person: {}\n", u.key, words::cut(instruction, 100)),
    }
}
