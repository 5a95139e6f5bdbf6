//! `greenroom resume`.

use super::{Done, drive, try_backup};
use crate::app::App;
use crate::progress::Progress;
use clap::Args;
use greenroom_model::plan::Action;
use greenroom_model::run::{Phase, StepState};
use greenroom_runner::execute::Ended;
use std::sync::Arc;

/// Go on with a run: after a crash, a failure, Ctrl-C or an answer
///
/// What is known to be done is not done again. After a restore that `greenroom try` began, its rehearsal follows. What was copied from an earlier snapshot is compared and copied again only where it differs.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  greenroom resume                     the latest run\n  greenroom resume rehearsal-7")]
pub struct ResumeArgs {
    /// The run; the latest one without it
    run: Option<String>,
    /// Ask a person to run the upgrade's statements, instead of running them
    #[arg(long)]
    by_hand: bool,
}

pub async fn cmd_resume(app: &App, args: ResumeArgs) -> Done {
    let progress = Arc::new(Progress::new(app));
    let (session, layers) = app.session_under_way(progress.clone())?;
    let history = session.history()?;
    let state = session.find_run(args.run.as_deref())?;
    let done = |s: &greenroom_model::plan::Step| matches!(state.steps.get(&s.key), Some(StepState::Finished { .. }));
    let copying = state.plan.steps.iter().any(|s| matches!(s.action, Action::CopyTable { .. }) && !done(s));
    if state.phase == Phase::Running && copying {
        let earlier = history.runs.iter().rev().find(|r| r.phase == Phase::Finished && r.plan.kind == state.plan.kind);
        progress.expect(&state.plan, earlier, Some(&state));
    }
    let ended = drive::attended(&session, &progress, session.resume(Some(&state.id.0), args.by_hand)).await?;
    // A restore is the first half of a trial.
    if matches!(ended.1, Ended::Finished)
        && let Some(raw) = session.left_to_rehearse(&state).await?
    {
        return try_backup::rehearse_over(app, &session, &layers, &progress, raw, args.by_hand).await;
    }
    drive::conclude(app, &session, &progress, args.by_hand, ended).await
}
