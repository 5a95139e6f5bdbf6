//! `greenroom undo`.

use super::{Done, drive};
use crate::app::App;
use crate::progress::Progress;
use clap::Args;
use greenroom_model::plan::RunKind;
use greenroom_model::run::{Phase, RunState};
use std::sync::Arc;

/// Restore what stood before a run
///
/// Drops the run's generation; if it stands under the pilot's name already, the former pilot gets its name back first.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  greenroom undo                       the latest run\n  greenroom undo rehearsal-7 --yes")]
pub struct UndoArgs {
    /// The run; the latest one without it
    run: Option<String>,
    /// Although its switch shares its window with others (`greenroom together`), which are not taken back by this
    #[arg(long)]
    alone: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub async fn cmd_undo(app: &App, args: UndoArgs) -> Done {
    let progress = Arc::new(Progress::new(app));
    let (session, _) = app.session_under_way(progress.clone())?;
    let state = session.find_run(args.run.as_deref())?;
    if state.phase != Phase::Undone {
        if !args.alone {
            super::together::not_alone(&state, "taken back")?;
        }
        app.confirm(&consequence(&state), args.yes)?;
    }
    let ended = drive::attended(&session, &progress, session.undo(Some(&state.id.0))).await?;
    drive::conclude(app, &session, &progress, false, ended).await
}

fn consequence(state: &RunState) -> String {
    let names = &state.plan.names;
    if state.plan.kind == RunKind::Switch {
        format!("undo `{}`: give production `{}` back as it was, and drop what was to take its place?", state.id, names.pilot)
    } else if state.plan.kind == RunKind::Rollback {
        format!("undo `{}`: open the new production `{}` again, with everything in it?", state.id, names.pilot)
    } else if state.swapped() {
        format!("undo `{}`: drop the pilot `{}` as it is now, and give the former one its name back?", state.id, names.pilot)
    } else {
        format!("undo `{}`: drop its generation `{}`? the pilot stays as it is", state.id, names.generation)
    }
}
