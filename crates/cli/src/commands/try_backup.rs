//! `greenroom try`.

use super::{Done, drive};
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::progress::Progress;
use crate::render::run::{RunReport, failure};
use crate::render::words;
use clap::Args;
use greenroom_engine::backup::{Backup, Format};
use greenroom_model::plan::{Plan, RawCopy};
use greenroom_model::program::Layer;
use greenroom_model::run::{Phase, RunId};
use greenroom_runner::execute::Ended;
use greenroom_runner::planning::size;
use greenroom_runner::session::{Session, SessionError};
use std::path::PathBuf;
use std::sync::Arc;

/// Rehearse over a backup instead of the source: restore it, copy, mask, upgrade, verify
///
/// Restores the backup into the quarantine that the program declares (`[quarantine]` in greenroom.toml) as a sealed raw copy, then rehearses
/// over that copy as over any source. Production is not connected to. The raw copy is dropped at the end, or when the rehearsal cannot even
/// be planned; with `--keep-raw` it stands until its time is over. Backups: files of SQLite and text of `.dump`, archives and text of
/// pg_dump, text of mysqldump and mariadb-dump, SQL Server's own; what a file is, its content says.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  greenroom try /backup/clinic.dump
  greenroom try /backup/clinic.dump --keep-raw   keep the raw copy, to decide columns or to rehearse again
  greenroom columns --raw NAME                   decide the columns of what was restored
  greenroom try /backup/clinic.dump              the same backup again: a raw copy that stands is not restored anew

Ctrl-C stops at the next safe point, twice at once; `greenroom resume` goes on, `greenroom undo` goes back and drops what was restored.
Exit codes: 0 the pilot stands, 4 the backup does not restore, or a step or a check failed, 5 a person is asked, 1 anything else.")]
pub struct TryArgs {
    /// The backup: a file, or the folder that `pg_dump -Fd` writes
    backup: PathBuf,
    /// Keep the raw copy until its time is over, instead of dropping it at the end
    #[arg(long)]
    keep_raw: bool,
    /// Do not ask before raw data is restored
    #[arg(short, long)]
    yes: bool,
    /// Ask a person to run the upgrade's statements, instead of running them
    #[arg(long)]
    by_hand: bool,
}

pub async fn cmd_try(app: &App, args: TryArgs) -> Done {
    let progress = Arc::new(Progress::new(app));
    let (session, layers) = app.session_with(progress.clone())?;
    super::rehearse::nothing_open(&session.history()?)?;
    for gone in session.drop_expired().await? {
        app.say(format!(
            "dropped the {} `{}`, whose time was over",
            if gone.role == "former" { "former pilot" } else { gone.role.as_str() },
            gone.name
        ));
    }
    let backup = session.recognise(&args.backup).await?;
    let raw = match session.standing_copy(backup.hash).await? {
        Some(raw) => {
            app.say(format!("the raw copy `{}` of this very backup stands already, until {}", raw.name, words::when(raw.until)));
            RawCopy { keep: args.keep_raw || raw.keep, ..raw }
        }
        None => match restored(app, &session, &progress, &backup, &args).await? {
            Ok(raw) => raw,
            Err(exit) => return Ok(exit),
        },
    };
    rehearse_over(app, &session, &layers, &progress, raw, args.by_hand).await
}

/// Restores a backup; an exit code where that did not end with a raw copy.
async fn restored(
    app: &App,
    session: &Session,
    progress: &Progress,
    backup: &Backup,
    args: &TryArgs,
) -> Result<Result<RawCopy, Exit>, CliError> {
    let (hash, plan) = session.plan_restore(backup, args.keep_raw).await?;
    let Some(raw) = plan.raw.clone() else { return Err(CliError::Bug("a restore without a raw copy".into())) };
    let what = format!("`{}` ({}, {})", backup.path.display(), backup.format.words(), size(backup.bytes));
    let until = words::when(raw.until);
    let fate =
        if args.keep_raw { format!("kept until {until}") } else { format!("dropped at the end of the trial, on {until} at the latest") };
    app.say(format!("{what} becomes the raw copy `{}`: production's own values, sealed, {fate}", raw.name));
    app.confirm("restore it into the quarantine?", args.yes)?;
    // An archive is packed: how much it comes to is not known before.
    if !matches!(backup.format, Format::PgCustom | Format::PgTar | Format::PgDirectory) {
        progress.expect(&plan, None, None);
    }
    let (id, ended) = drive::attended(session, progress, session.start(hash, &plan, false)).await?;
    match ended {
        Ended::Finished => Ok(Ok(raw)),
        Ended::Failed(..) => Ok(Err(gave_up(app, session, progress, &id).await?)),
        other => Ok(Err(drive::conclude(app, session, progress, false, (id, other)).await?)),
    }
}

/// A backup that does not restore leaves nothing: the run is undone, and why it failed is the result.
pub async fn gave_up(app: &App, session: &Session, progress: &Progress, id: &RunId) -> Done {
    let (_, ended) = drive::attended(session, progress, session.undo(Some(&id.0))).await?;
    let report = RunReport::of(&session.find_run(Some(&id.0))?, false);
    app.result(&report, |r| {
        let why = r.failed.as_ref().map(|f| failure(&f.title, &f.what)).unwrap_or_default();
        match ended {
            Ended::Undone => format!("{why}nothing of it is left in the quarantine; what stood before stands\n"),
            _ => format!("{why}what was restored of it could not be dropped: `greenroom undo {id}` tries again\n"),
        }
    })?;
    Ok(Exit::Negative)
}

/// Rehearses over a raw copy. Where no plan can be made, the copy goes at once unless it is to be kept.
pub async fn rehearse_over(app: &App, session: &Session, layers: &[Layer], progress: &Progress, raw: RawCopy, by_hand: bool) -> Done {
    let planned = session.plan_over(&raw).await;
    let (hash, plan, findings) = match planned {
        Ok(planned) => planned,
        Err(e) => {
            let hint = if raw.keep {
                format!(
                    "the raw copy `{}` stands until {}: `greenroom columns --raw {}` reads it",
                    raw.name,
                    words::when(raw.until),
                    raw.name
                )
            } else {
                session.drop_database(&raw.name).await?;
                format!(
                    "the raw copy `{}` is dropped; with `--keep-raw` it stays, to decide columns with `greenroom columns --raw NAME`",
                    raw.name
                )
            };
            app.say(hint);
            return Err(match e {
                SessionError::Findings(findings) => CliError::Refused { findings, layers: layers.to_vec() },
                other => CliError::from(other),
            });
        }
    };
    app.show(&findings, layers);
    app.say(restore_time(session, &raw)?);
    app.say(super::rehearse::summary(&plan, &hash.short()));
    let history = session.history()?;
    let earlier = history.runs.iter().rev().find(|r| r.phase == Phase::Finished && r.plan.kind == plan.kind);
    progress.expect(&plan, earlier, None);
    let (id, ended) = drive::attended(session, progress, session.start(hash, &plan, by_hand)).await?;
    let fate = fate(&plan, &raw, &ended);
    let exit = drive::conclude(app, session, progress, by_hand, (id, ended)).await?;
    app.say(fate);
    Ok(exit)
}

/// How long restoring took: half of what a trial tells.
fn restore_time(session: &Session, raw: &RawCopy) -> Result<String, CliError> {
    let history = session.history()?;
    let run = history
        .runs
        .iter()
        .find(|r| r.plan.kind == greenroom_model::plan::RunKind::Restore && r.plan.raw.as_ref().is_some_and(|x| x.nonce == raw.nonce));
    let took = run.and_then(|r| r.outcome(&greenroom_model::plan::StepKey("restore".into()))).map(|o| words::millis(o.millis));
    let took = took.map(|t| format!("restored in {t}")).unwrap_or_default();
    Ok(format!("{took}: rehearsing over the raw copy `{}`; production is not connected to", raw.name))
}

fn fate(plan: &Plan, raw: &RawCopy, ended: &Ended) -> String {
    let drops = plan.raw.as_ref().is_some_and(|r| !r.keep);
    match ended {
        Ended::Finished if drops => format!("the raw copy `{}` is dropped", raw.name),
        _ if drops => format!(
            "the raw copy `{}` stands until the run is finished or undone, at the latest until {}",
            raw.name,
            words::when(raw.until)
        ),
        _ => format!("the raw copy `{}` stands until {}; `greenroom drop {}` drops it now", raw.name, words::when(raw.until), raw.name),
    }
}
