//! `greenroom verify`.

use super::Done;
use crate::app::App;
use crate::error::Exit;
use crate::render::verdict;
use clap::Args;

/// Verify the pilot as it is now
///
/// Assertions, packs and the scan for personal data that survived, on the pilot that stands now; recorded with its age.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  greenroom verify\n  greenroom verify --json\n\nExit codes: 0 passed, 4 failed.")]
pub struct VerifyArgs {}

pub async fn cmd_verify(app: &App, _: VerifyArgs) -> Done {
    let found = app.session()?.verify().await?;
    app.result(&found, verdict::full)?;
    Ok(if found.passed { Exit::Ok } else { Exit::Negative })
}
