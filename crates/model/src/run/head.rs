//! Heads: how far a record had come, in a few lines that are handed to somebody else. Whoever keeps one notices when the record is rewritten. Does not own signatures: a
//! head carries one, others check it.

use super::Event;
use crate::hash::Hash;
use crate::process::keys::{KeySignature, Origin};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How far a record had come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Version of its form: 1.
    pub greenroom_head: u32,
    /// The program's name when the workspace was made.
    pub program: String,
    /// Hash of the first event.
    pub workspace: Hash,
    /// Number of the latest event.
    pub seq: u64,
    /// Its hash, which covers every event before it.
    pub hash: Hash,
    /// When the head was written.
    pub at: Timestamp,
    /// Who vouches for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<KeySignature>,
}

/// Why a record is not the one that a head was made of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotContained {
    /// It began with something else.
    #[error("the head is of another record, which begins with another event")]
    Other,
    /// It is shorter.
    #[error(
        "the record ends with event {latest}, and the head names event {seq}: what came after was taken away, or the record was put back"
    )]
    Shorter {
        /// The head's event.
        seq: u64,
        /// The record's latest.
        latest: u64,
    },
    /// It says something else.
    #[error("event {seq} is not the one that the head names: it, or one before it, was rewritten since")]
    Rewritten {
        /// The head's event.
        seq: u64,
    },
}

/// From which record events are: none where there are none.
pub fn origin(events: &[Event]) -> Option<Origin> {
    let first = events.first()?;
    let program = match &first.body {
        super::Body::WorkspaceCreated { program, .. } => program.clone(),
        _ => String::new(),
    };
    Some(Origin { program, workspace: first.hash })
}

impl Head {
    /// The head of a record whose chain was checked; none where it is empty.
    pub fn of(events: &[Event], at: Timestamp) -> Option<Head> {
        let (origin, last) = (origin(events)?, events.last()?);
        let Origin { program, workspace } = origin;
        Some(Head { greenroom_head: 1, program, workspace, seq: last.seq, hash: last.hash, at, signature: None })
    }

    /// The text whose bytes are signed. Its form never changes.
    pub fn text(&self) -> String {
        format!(
            "greenroom head 1\nprogram: {}\nworkspace: {}\nevent: {}\nhash: {}\nat: {}\n",
            self.program, self.workspace, self.seq, self.hash, self.at
        )
    }

    /// Whether a record, whose chain was checked, contains what this head names.
    ///
    /// # Errors
    /// See [`NotContained`].
    pub fn within(&self, events: &[Event]) -> Result<(), NotContained> {
        let latest = events.last().map_or(0, |e| e.seq);
        if self.seq > latest {
            // Another record may be shorter, too; what it begins with tells more.
            return Err(match events.first() {
                Some(first) if first.hash != self.workspace => NotContained::Other,
                _ => NotContained::Shorter { seq: self.seq, latest },
            });
        }
        match events.iter().find(|e| e.seq == self.seq) {
            Some(e) if e.hash == self.hash && events.first().is_some_and(|f| f.hash == self.workspace) => Ok(()),
            _ if events.first().is_some_and(|f| f.hash != self.workspace) => Err(NotContained::Other),
            _ => Err(NotContained::Rewritten { seq: self.seq }),
        }
    }
}
