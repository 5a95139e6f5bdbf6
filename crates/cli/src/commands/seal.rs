//! `greenroom seal`.

use super::Done;
use crate::app::App;
use crate::error::Exit;
use clap::Args;
use serde::Serialize;

/// Shut everybody but Greenroom out of the pilot
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  greenroom seal")]
pub struct SealArgs {}

#[derive(Serialize)]
struct Sealed {
    pilot: String,
}

pub async fn cmd_seal(app: &App, _: SealArgs) -> Done {
    let session = app.session()?;
    session.seal().await?;
    app.result(&Sealed { pilot: session.program.pilot.name.clone() }, |s| format!("`{}` is sealed\n", s.pilot))?;
    app.say("next: `greenroom open --to testers` lets people in again");
    Ok(Exit::Ok)
}
