//! `greenroom prove`.

use super::{Done, drive, try_backup};
use crate::app::App;
use crate::error::Exit;
use crate::progress::Progress;
use crate::render::words;
use clap::Args;
use greenroom_runner::execute::Ended;
use greenroom_runner::journal::RestorePoint;
use greenroom_runner::planning::size;
use greenroom_runner::session::Proved;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

/// Prove that production can be restored from a backup: a restore point for the switch
///
/// Restores the backup into the quarantine, reads every row of the restored copy, puts on record how long that took, and drops the copy. Pilot and
/// production are left alone; the backup stays where it is, and is looked for there when the switch begins.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  greenroom prove /backup/clinic-friday.dump\n\nExit codes: 0 proven, 4 it cannot be restored or read, 1 anything else."
)]
pub struct ProveArgs {
    /// The backup: a file or folder as `greenroom try` takes it
    backup: PathBuf,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    point: RestorePoint,
    /// What differs from production's schema now.
    differs: Vec<String>,
}

pub async fn cmd_prove(app: &App, args: ProveArgs) -> Done {
    let progress = Arc::new(Progress::new(app));
    let (session, _) = app.session_with(progress.clone())?;
    super::rehearse::nothing_open(&session.history()?)?;
    let backup = session.recognise(&args.backup).await?;
    let (hash, plan) = session.plan_restore(&backup, false).await?;
    let what = format!("`{}` ({}, {})", backup.path.display(), backup.format.words(), size(backup.bytes));
    app.say(format!("{what} is restored into the quarantine, sealed, read, and dropped"));
    app.confirm("restore it into the quarantine?", args.yes)?;
    let proved = session.prove(hash, &plan).await;
    progress.clear();
    match proved? {
        Proved::Yes { point, differs } => {
            app.result(&Shown { point, differs }, text)?;
            Ok(Exit::Ok)
        }
        Proved::No(id, Ended::Failed(..)) => try_backup::gave_up(app, &session, &progress, &id).await,
        Proved::No(id, other) => drive::conclude(app, &session, &progress, false, (id, other)).await,
    }
}

fn text(s: &Shown) -> String {
    let (p, tables, rows) = (&s.point, words::count(s.point.tables, "table"), words::count(s.point.rows, "row"));
    let mut out = format!(
        "proven: `{}` restores; {tables} and {rows} of the restored copy were read, all in {}\n",
        p.backup.path,
        words::millis(p.millis)
    );
    if !s.differs.is_empty() {
        out.push_str("it is no restore point for a switch now, since production's schema is another than the backup's:\n");
        s.differs.iter().for_each(|d| out.push_str(&format!("  {d}\n")));
    }
    out
}
