//! `greenroom demo`: the main jobs on a made-up clinic, without a server: the way to a pilot, the go-live, the move to another server.
//!
//! Owns the demo's folder, files and stories. Does not own what a run does (`runner::session`). Carries out REQUIREMENTS.md E1–E4, E6 on
//! embedded SQLite; the kit in `files/kit` is also an example of a kit (F5).

mod desk;
mod files;
mod folder;
mod golive;
mod migration;
mod production;
mod story;
#[cfg(test)]
mod tests;
mod watch;

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

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
            DemoError::NotOurs { .. } => Some("give another folder: `greenroom demo --folder DIR`"),
            DemoError::OffScript { .. } => Some("this is a defect of Greenroom; `greenroom run show` in the demo's program tells more"),
            _ => None,
        }
    }
}

/// Where the story is told: shared with the observer of runs, which writes from other threads.
pub type Out = Arc<Mutex<dyn Write + Send>>;

/// What is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Story {
    /// A first rehearsal fails on data that nobody knew of; the program is mended, and the pilot stands
    #[default]
    PilotUpgrade,
    /// The upgrade goes live while people write: refused once and taken back, then accepted
    ProductionUpgrade,
    /// Database and documents move to another place while people write; programs are pointed there, and back when testers refuse
    ServerMigration,
}

/// Builds the demo in `folder` (an earlier demo there is built anew) and tells its story.
///
/// Returns the exit code: 0 when everything went as told.
///
/// # Errors
/// See [`DemoError`]; what stands in the folder then is left for looking.
pub async fn run(story: Story, folder: PathBuf, out: Out) -> Result<u8, DemoError> {
    let place = folder::Place::take(folder)?;
    match story {
        Story::PilotUpgrade => story::tell(&place, production::CLINIC, &out).await?,
        Story::ProductionUpgrade => golive::tell(&place, production::CLINIC, &out).await?,
        Story::ServerMigration => migration::tell(&place, production::CLINIC, &out).await?,
    }
    Ok(0)
}
