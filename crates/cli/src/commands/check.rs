//! `greenroom check`.

use super::Done;
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::render::style::{GOOD, heading, paint};
use crate::render::words;
use clap::Args;
use greenroom_model::finding::{Finding, any_error};
use greenroom_runner::planning::Survey;
use greenroom_runner::ports::Silent;
use greenroom_runner::session::Session;
use serde::Serialize;
use std::sync::Arc;

/// Check the program, and whether it fits the databases
///
/// Reads the program's files, asks source and target what they are and what they allow, and reports everything at once. Changes nothing in them. Where a gate of `process.toml`
/// asks for what a check found, that goes on record.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  greenroom check\n  greenroom check --offline      only the files, without connecting\n  greenroom check --json"
)]
pub struct CheckArgs {
    /// Look at the files only; connect to nothing
    #[arg(long)]
    offline: bool,
    /// Look at this raw copy in the quarantine instead of the source; `greenroom status` lists them
    #[arg(long, value_name = "NAME", conflicts_with = "offline")]
    raw: Option<String>,
}

#[derive(Serialize)]
struct Checked {
    program: String,
    databases: bool,
    tables: Option<usize>,
    upgrade: Option<usize>,
    findings: Vec<Finding>,
    grants: Vec<String>,
}

pub async fn cmd_check(app: &App, args: CheckArgs) -> Done {
    let opened = app.open()?;
    let name = opened.program.name.clone();
    let mut findings = opened.findings.clone();
    if args.offline {
        app.show(&findings, &opened.layers);
        let steps = opened.program.upgrade.len();
        let checked = Checked { program: name, databases: false, tables: None, upgrade: Some(steps), findings, grants: Vec::new() };
        app.result(&checked, |c| {
            let steps = words::count(steps as u64, "upgrade step");
            format!("{}: the files of `{}` can be understood ({steps}); the databases were not asked\n", paint(GOOD, "ok"), c.program)
        })?;
        return Ok(Exit::Ok);
    }
    let (session, layers) = app.session_with(Arc::new(Silent))?;
    let (survey, checked) = match &args.raw {
        Some(name) => session.check_raw(&session.raw_copy(name).await?).await,
        None => session.check().await,
    }
    .map_err(|e| CliError::from(e).with_layers(&layers))?;
    findings.extend(checked.findings);
    if args.raw.is_none() {
        on_record(app, &session, &findings);
    }
    let grants = grants(&survey);
    if any_error(&findings) {
        if !app.json {
            app.print(&grant_script(&grants))?;
        }
        return Err(CliError::Refused { findings, layers });
    }
    app.show(&findings, &layers);
    let (tables, upgrade) = (Some(checked.tables.len()), Some(checked.upgrade.len()));
    app.result(&Checked { program: name, databases: true, tables, upgrade, findings, grants }, |c| {
        let tables = words::count(c.tables.unwrap_or(0) as u64, "table");
        let steps = words::count(c.upgrade.unwrap_or(0) as u64, "upgrade step");
        format!("{}: `{}` can be rehearsed: {tables}, every column decided, {steps}\n", paint(GOOD, "ok"), c.program)
    })?;
    app.say("next: `greenroom plan` shows what would happen, `greenroom rehearse` does it");
    Ok(Exit::Ok)
}

/// A gate of `process.toml` may ask for what a check found: then that goes on record.
fn on_record(app: &App, session: &Session, findings: &[Finding]) {
    match session.checked(findings) {
        Ok(None) => {}
        Ok(Some(recorded)) => app.say(format!("on record as event {}: a gate asks for it", recorded.seq)),
        // What was found is said all the same.
        Err(e) => app.say(format!("not on record, although a gate asks for it: {}", CliError::from(e).report().message)),
    }
}

/// The statements that give what is missing, each once.
pub fn grants(survey: &Survey) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for right in survey.source_rights.iter().chain(&survey.target_rights) {
        if !all.contains(&right.grant) {
            all.push(right.grant.clone());
        }
    }
    all
}

/// A script that an administrator can run as it is.
pub fn grant_script(grants: &[String]) -> String {
    if grants.is_empty() {
        return String::new();
    }
    let mut out = heading("Rights: let an administrator run");
    for grant in grants {
        out.push_str(&format!("  {};\n", grant.trim().trim_end_matches(';')));
    }
    out
}
