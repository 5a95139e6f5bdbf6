//! `greenroom refresh`.

use super::rehearse::{drop_expired, nothing_open, summary};
use super::{Done, drive, preview};
use crate::app::App;
use crate::error::CliError;
use crate::progress::Progress;
use clap::Args;
use greenroom_model::run::Phase;
use greenroom_runner::execute::Ended;
use std::path::PathBuf;
use std::sync::Arc;

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
    /// Show what would be carried over and ask, before it is
    #[arg(long)]
    preview: bool,
    /// With --preview: write it as a page, too
    #[arg(long, value_name = "FILE", requires = "preview")]
    html: Option<PathBuf>,
    /// Ask a person to run the upgrade's statements, instead of running them
    #[arg(long)]
    by_hand: bool,
}

pub async fn cmd_refresh(app: &App, args: RefreshArgs) -> Done {
    let progress = Arc::new(Progress::new(app));
    let (session, layers) = app.session_with(progress.clone())?;
    let history = session.history()?;
    nothing_open(&history)?;
    drop_expired(app, &session).await?;
    let (hash, plan, findings) = session.plan_refresh(args.preview).await.map_err(|e| CliError::from(e).with_layers(&layers))?;
    app.show(&findings, &layers);
    app.say(summary(&plan, &hash.short()));
    let kinds = history.runs.iter().rev().filter(|r| r.phase == Phase::Finished);
    progress.expect(&plan, kinds.clone().find(|r| r.plan.kind == plan.kind).or_else(|| kinds.clone().next()), None);
    let ended = drive::attended(&session, &progress, session.start(hash, &plan, args.by_hand)).await?;
    if matches!(ended.1, Ended::Waiting(..))
        && let Ok((_, shown)) = session.preview(Some(&ended.0.0))
    {
        app.say(crate::render::preview::text(&shown));
        if let Some(file) = &args.html {
            preview::write_html(file, &ended.0.0, &shown)?;
        }
    }
    drive::conclude(app, &session, &progress, args.by_hand, ended).await
}
