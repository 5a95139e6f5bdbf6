//! `greenroom open`.

use super::Done;
use crate::app::App;
use crate::error::Exit;
use crate::render::verdict;
use clap::{Args, ValueEnum};
use greenroom_model::catalog::EngineKind;
use greenroom_model::program::Audience;
use greenroom_model::run::Verdict;
use serde::Serialize;

/// Let people into the pilot, after one more safety check
///
/// Testers first, then everybody. If the check fails, the pilot stays as it is.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  greenroom open --to testers\n  greenroom open --to all\n\nExit codes: 0 open, 4 not safe to open.")]
pub struct OpenArgs {
    /// Whom to let in
    #[arg(long)]
    to: To,
}

/// An audience on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum To {
    /// Those that the program names as testers
    Testers,
    /// Everybody meant to use it
    All,
}

#[derive(Serialize)]
struct Opened {
    pilot: String,
    /// What people connect to, where that is not the pilot's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<String>,
    to: Audience,
    verdict: Verdict,
}

pub async fn cmd_open(app: &App, args: OpenArgs) -> Done {
    let session = app.session()?;
    let to = match args.to {
        To::Testers => Audience::Testers,
        To::All => Audience::All,
    };
    let verdict = session.admit(to).await?;
    let pilot = session.program.pilot.name.clone();
    // Databases of some servers cannot be renamed: their pilots are reached under another name.
    let database = match session.program.target.engine {
        EngineKind::Mysql => session
            .databases()
            .await?
            .into_iter()
            .find(|k| k.role == "pilot" && k.name == session.program.pilot.name)
            .and_then(|k| k.standing?.database),
        _ => None,
    };
    app.result(&Opened { pilot, database, to, verdict }, |o| {
        let whom = if o.to == Audience::Testers { "testers" } else { "everybody" };
        let reached = o.database.as_ref().map(|d| format!("; people connect to the database `{d}`")).unwrap_or_default();
        format!("{}\n`{}` is open to {whom}{reached}\n", verdict::line(&o.verdict), o.pilot)
    })?;
    Ok(Exit::Ok)
}
