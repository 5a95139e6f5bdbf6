//! `greenroom drop`.

use super::Done;
use crate::app::App;
use crate::error::{CliError, Exit};
use clap::Args;
use greenroom_runner::planning::size;
use greenroom_runner::session::Known;
use serde::Serialize;

/// Drop databases that Greenroom made: one by name, or former pilots and raw copies whose time is over
///
/// Only what the journal knows and what bears our marker inside is dropped; names alone prove nothing.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  greenroom drop --expired\n  greenroom drop clinic_pilot_former_x2k4j7a3bq")]
pub struct DropArgs {
    /// The database's name, as `greenroom status` shows it
    #[arg(required_unless_present = "expired", conflicts_with = "expired")]
    name: Option<String>,
    /// All former pilots and raw copies whose time is over
    #[arg(long)]
    expired: bool,
    /// Do not ask
    #[arg(short, long, conflicts_with = "expired")]
    yes: bool,
}

#[derive(Serialize)]
struct Dropped {
    dropped: Vec<Known>,
}

pub async fn cmd_drop(app: &App, args: DropArgs) -> Done {
    let session = app.session()?;
    let dropped = match &args.name {
        None => session.drop_expired().await?,
        Some(name) => {
            let known = session.databases().await?.into_iter().find(|k| k.name == *name);
            let question = match known.as_ref().map(|k| k.role.as_str()) {
                // Refused with its reason by the session.
                None => String::new(),
                Some("pilot") => format!("drop the pilot `{name}` that people use?"),
                Some(role) => format!("drop the {role} `{name}`? it cannot be brought back"),
            };
            if !question.is_empty() {
                app.confirm(&question, args.yes)?;
            }
            vec![session.drop_database(name).await.map_err(CliError::from)?]
        }
    };
    app.result(&Dropped { dropped }, |d| match d.dropped.as_slice() {
        [] => "nothing to drop: nothing's time is over\n".to_owned(),
        all => all
            .iter()
            .map(|k| {
                let bytes = k.standing.as_ref().map(|s| format!(" ({})", size(s.bytes))).unwrap_or_default();
                format!("dropped the {} `{}`{bytes}\n", k.role, k.name)
            })
            .collect(),
    })?;
    Ok(Exit::Ok)
}
