//! Where files by links are handed over: what the pages and requests need of a session, so that they can be tried without one.

use greenroom_model::hash::Hash;
use greenroom_model::process::Fact;
use greenroom_runner::session::{Recorded, Session, SessionError, Unreceived};
use std::io::Read;

/// What somebody who holds a link is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The link's id.
    pub link: u64,
    /// The artefact's name.
    pub artefact: String,
    /// What people call it.
    pub title: String,
    /// What people call the stages for which it is needed.
    pub stages: Vec<String>,
    /// Who hands it over.
    pub person: String,
    /// The program that waits for it.
    pub program: String,
    /// Until when it has to begin to come: a moment with its time zone, in words.
    pub until: String,
}

/// What was received.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// Bytes of the file.
    pub bytes: u64,
    /// BLAKE3 of it.
    pub blake3: Hash,
    /// SHA-256 of it: hexadecimal digits.
    pub sha256: String,
    /// What was put on record.
    pub recorded: Recorded,
}

/// Takes files by links. Its methods block.
pub trait Desk: Send + Sync + 'static {
    /// The link that ends with this token, where it can be used.
    ///
    /// # Errors
    /// When that cannot be found out.
    fn offer(&self, token: &str) -> Result<Option<Offer>, SessionError>;

    /// Why there is no room for a file of so many bytes; none where there is.
    fn no_room_for(&self, bytes: u64) -> Option<String>;

    /// Reads a file to its end and keeps it, or nothing of it.
    ///
    /// # Errors
    /// See [`Unreceived`].
    fn receive(&self, token: &str, from: &mut dyn Read) -> Result<Receipt, Unreceived>;
}

impl Desk for Session {
    fn offer(&self, token: &str) -> Result<Option<Offer>, SessionError> {
        let calendar = &self.process()?.calendar;
        Ok(self.open_link(token)?.map(|line| Offer {
            link: line.link.id,
            artefact: line.link.artefact,
            title: line.title,
            stages: line.stages,
            person: line.name,
            program: self.program.name.clone(),
            until: format!("{} ({})", calendar.local(line.link.until).strftime("%a %Y-%m-%d %H:%M"), calendar.zone),
        }))
    }

    fn no_room_for(&self, bytes: u64) -> Option<String> {
        Session::no_room_for(self, bytes)
    }

    fn receive(&self, token: &str, from: &mut dyn Read) -> Result<Receipt, Unreceived> {
        let recorded = self.receive_by_link(token, from)?;
        match &recorded.fact {
            Fact::Received { bytes, blake3, sha256, .. } => {
                Ok(Receipt { bytes: *bytes, blake3: *blake3, sha256: sha256.clone(), recorded })
            }
            _ => Err(Unreceived::Gone),
        }
    }
}
