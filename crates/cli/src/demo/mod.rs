//! `greenroom demo`: the main job on a made-up clinic, without a server. A first rehearsal fails on data that nobody knew of, the program is
//! mended, the second passes.
//!
//! Owns the demo's folder, files and story. Does not own what a run does (`runner::session`). Carries out REQUIREMENTS.md E1–E4, E6 on
//! embedded SQLite; the kit in `files/kit` is also an example of a kit (F5).

mod files;
mod folder;
mod production;
mod story;
#[cfg(test)]
mod tests;
mod watch;

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Where the demo is built unless a folder is given.
pub const FOLDER: &str = "greenroom-demo";

/// Why the demo could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Something stands where the demo wants to be built.
    #[error("`{}` {why}", folder.display())]
    NotOurs {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file could not be written or read.
    #[error("could not {doing}: {source}")]
    File {
        /// What was attempted.
        doing: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The clinic's database could not be made or looked at.
    #[error("could not {doing}: {source}")]
    Database {
        /// What was attempted.
        doing: &'static str,
        /// Why not.
        source: rusqlite::Error,
    },
    /// The runner refused.
    #[error(transparent)]
    Session(#[from] greenroom_runner::session::SessionError),
    /// A run did not end as the story says.
    #[error("{what}: {ended}")]
    OffScript {
        /// What was expected.
        what: &'static str,
        /// What happened.
        ended: String,
    },
}

impl DemoError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            DemoError::NotOurs { .. } => Some("give another folder: `greenroom demo FOLDER`"),
            DemoError::OffScript { .. } => Some("this is a defect of Greenroom; `greenroom run show` in the demo's program tells more"),
            _ => None,
        }
    }
}

/// Where the story is told: shared with the observer of runs, which writes from other threads.
pub type Out = Arc<Mutex<dyn Write + Send>>;

/// Builds the demo in `folder` (by default [`FOLDER`] below the current one; an earlier demo there is built anew) and tells its story.
///
/// Returns the exit code: 0 when everything went as told.
///
/// # Errors
/// See [`DemoError`]; what stands in the folder then is left for looking.
pub async fn run(folder: Option<PathBuf>, out: Out) -> Result<u8, DemoError> {
    let shown = folder.unwrap_or_else(|| PathBuf::from(FOLDER));
    let place = folder::Place::take(shown)?;
    story::tell(&place, production::CLINIC, &out).await?;
    Ok(0)
}
