//! `greenroom requirements`.

use super::Done;
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::render::automated::{checked, requirements};
use clap::{Args, Subcommand};
use greenroom_runner::session::{Checked, RequirementLine};
use serde::Serialize;

/// Show what the new server has to have, and check it: a pass or fail for each, on record
///
/// The list is written in `process.toml` as `[requirement.NAME]`: versions, room on disks, settings, who can be reached.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  greenroom requirements\n  greenroom requirements check\n  greenroom requirements check disk engine")]
pub struct RequirementsArgs {
    #[command(subcommand)]
    command: Option<RequirementsCommand>,
}

#[derive(Subcommand, Debug)]
enum RequirementsCommand {
    /// Look whether they are met, and put that on record
    Check {
        /// Which; all by default
        names: Vec<String>,
    },
}

#[derive(Serialize)]
struct List {
    requirements: Vec<RequirementLine>,
}

#[derive(Serialize)]
struct Results {
    checked: Vec<Checked>,
}

pub async fn cmd_requirements(app: &App, args: RequirementsArgs) -> Done {
    let session = app.session()?;
    let process = session.process()?;
    let Some(RequirementsCommand::Check { names }) = args.command else {
        app.result(&List { requirements: session.requirements()? }, |l| requirements(&l.requirements, process))?;
        return Ok(Exit::Ok);
    };
    if process.requirements.is_empty() {
        return Err(CliError::missing("process.toml names no requirements", "write a section `[requirement.disk]` with `needs`"));
    }
    super::files::stoppable(&session);
    let names: Vec<String> = if names.is_empty() { process.requirements.keys().cloned().collect() } else { names };
    let mut all = Vec::new();
    for name in names {
        if session.cancel.is_cancelled() {
            break;
        }
        all.push(session.check_requirement(&name, |what| app.say(format!("`{name}`: {what}"))).await?);
    }
    let good = all.iter().all(|c| c.outcome.good);
    app.result(&Results { checked: all }, |r| checked(&r.checked))?;
    Ok(if good { Exit::Ok } else { Exit::Negative })
}
