//! `greenroom demo`: a first rehearsal on a made-up clinic, and the plays of the six templates, without a server.
//!
//! Owns the demo's folder, files and the story of the first rehearsal. Does not own what a run does (`runner::session`) nor the templates. The kit in
//! `files/kit` is also an example of a kit (F5).

mod desk;
mod files;
mod folder;
mod play;
mod production;
mod story;
#[cfg(test)]
mod tests;
mod watch;

use crate::templates::Template;
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
    /// Something in a play did not go as it is written.
    #[error("line {line} of the play, `{text}`: {ended}")]
    Play {
        /// The line's number.
        line: usize,
        /// The line.
        text: String,
        /// What happened.
        ended: String,
    },
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
            DemoError::OffScript { .. } | DemoError::Play { .. } => {
                Some("this is a defect of Greenroom; `greenroom run show` in the demo's program tells more")
            }
            _ => None,
        }
    }
}

/// Where the story is told: shared with the observer of runs, which writes from other threads.
pub type Out = Arc<Mutex<dyn Write + Send>>;

/// Builds the demo in `folder` (an earlier demo there is built anew) and tells the story of a first rehearsal, or plays a template.
///
/// # Errors
/// See [`DemoError`]; what stands in the folder then is left for looking.
pub async fn run(template: Option<Template>, folder: PathBuf, out: Out) -> Result<(), DemoError> {
    let place = folder::Place::take(folder)?;
    match template {
        None => story::tell(&place, production::CLINIC, &out).await,
        Some(template) => play::tell(&place, template, production::CLINIC, &out).await,
    }
}
