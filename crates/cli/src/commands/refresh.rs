//! `greenroom refresh`.

use super::rehearse::{Planned, Starting};
use super::{Done, drive, preview};
use crate::app::App;
use crate::error::CliError;
use clap::Args;
use greenroom_model::run::RunId;
use greenroom_runner::execute::Ended;
use greenroom_runner::session::Session;
use std::path::{Path, PathBuf};

/// Renew the pilot's data and keep its configuration
///
/// Builds the next generation from the newest records, upgrades it, and carries over what people configured on the present pilot since it was
/// opened. What both they and production changed is a conflict, which a rule of the program or a person decides. The pilot stays as it is until
/// the new one has passed every check; nobody comes into it from the moment its configuration is read until it is swapped out.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  greenroom refresh
  greenroom refresh --preview               stop before anything is carried over, and show it
  greenroom preview --html carry.html       what is carried over, to look at in a browser
  greenroom decide 3f2a pilot               one conflict
  greenroom decide all production           every conflict that is open
  greenroom answer go && greenroom resume   go on

Exit codes: 0 the pilot stands, 4 a step or a check failed, 5 a person is asked, 1 anything else.")]
pub struct RefreshArgs {
    #[command(flatten)]
    how: CarryArgs,
}

/// How configuration is carried over.
#[derive(Args, Debug)]
pub struct CarryArgs {
    /// Show what would be carried over and ask, before it is
    #[arg(long)]
    pub preview: bool,
    /// With --preview: write it as a page, too
    #[arg(long, value_name = "FILE", requires = "preview")]
    html: Option<PathBuf>,
    /// Ask a person to run the upgrade's statements, instead of running them
    #[arg(long)]
    by_hand: bool,
}

pub async fn cmd_refresh(app: &App, args: RefreshArgs) -> Done {
    let starting = Starting::new(app).await?;
    let planned = starting.session.plan_refresh(args.how.preview).await;
    carried(app, &starting, planned, &args.how).await
}

/// Drives a run that carries configuration over to its end, and shows what it asks about.
pub async fn carried(app: &App, starting: &Starting, planned: Planned, how: &CarryArgs) -> Done {
    let ended = starting.run(app, planned, how.by_hand).await?;
    shown(app, &starting.session, &ended, how.html.as_deref())?;
    drive::conclude(app, &starting.session, &starting.progress, how.by_hand, ended).await
}

/// Shows what a run that asks would carry over; writes it as a page, too.
fn shown(app: &App, session: &Session, (run, ended): &(RunId, Ended), html: Option<&Path>) -> Result<(), CliError> {
    if !matches!(ended, Ended::Waiting(..)) {
        return Ok(());
    }
    let Ok((_, shown)) = session.preview(Some(&run.0)) else { return Ok(()) };
    app.say(crate::render::preview::text(&shown));
    html.map_or(Ok(()), |file| preview::write_html(file, &run.0, &shown))
}
