//! Links by which somebody hands over a file once: making them, finding the one that a token belongs to, taking what comes by it. A token is made here, given out once and kept nowhere;
//! what is on record is its hash. Does not own the listener.

use super::artefact::NotKept;
use super::{Recorded, Session, SessionError};
use crate::artefacts::{ArtefactError, Sums};
use crate::planning;
use greenroom_engine::Room;
use greenroom_model::hash::Hash;
use greenroom_model::process::gates::{Refused, Sight};
use greenroom_model::process::links::{HandedOver, LinkLine};
use greenroom_model::process::{Proofs, Stored};
use jiff::Timestamp;
use serde::Serialize;
use std::io::Read;

/// Characters of a token, five bits each: 160 bits that nobody guesses.
const TOKEN: usize = 32;

/// A link that was made.
#[derive(Debug, Serialize)]
pub struct MadeLink {
    /// What the link ends with: shown to whoever makes it, and kept nowhere.
    #[serde(skip)]
    pub token: String,
    /// What was put on record.
    #[serde(flatten)]
    pub recorded: Recorded,
}

/// Why a file was not received by a link. Nothing is kept of it then, and a link that could be used can be used still.
#[derive(Debug)]
pub enum Unreceived {
    /// The link cannot be used, or cannot any more: used, expired, withdrawn, never made.
    Gone,
    /// The same artefact is being received this moment.
    Busy,
    /// There was nothing in it.
    Empty,
    /// It broke off.
    Torn,
    /// There is no room for it.
    Full(ArtefactError),
    /// Something is wrong here.
    Failed(SessionError),
}

/// Whether a text has the form of a token; one that has not belongs to no link.
fn is_token(text: &str) -> bool {
    text.len() == TOKEN && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'))
}

impl Session {
    /// Makes a link by which an artefact can be handed over once. `person`: who hands over what comes by it; `until` decides how long it can be used.
    ///
    /// # Errors
    /// GR0791 when it may not be made.
    pub fn make_link(
        &self,
        artefact: &str,
        person: Option<&str>,
        until: impl FnOnce(&Sight<'_>) -> Timestamp,
    ) -> Result<MadeLink, SessionError> {
        let token = self.random.name(TOKEN);
        let of = Hash::of(token.as_bytes());
        let recorded = self.decide_process(None, |sight, by| {
            let until = until(&sight);
            sight.make_link(artefact, of, until, person, by)
        })?;
        Ok(MadeLink { token, recorded })
    }

    /// Every link that was made.
    ///
    /// # Errors
    /// When there is no process, or the journal cannot be read.
    pub fn links(&self) -> Result<Vec<LinkLine>, SessionError> {
        self.judged(|sight| sight.links())
    }

    /// The link that ends with this token, where it can be used.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn open_link(&self, token: &str) -> Result<Option<LinkLine>, SessionError> {
        if !is_token(token) {
            return Ok(None);
        }
        // A link asks nothing of what runs have proved: whoever tries tokens costs little.
        let (state, proofs) = (self.process_state()?, Proofs::default());
        let sight = Sight { process: self.process()?, state: &state, proofs: &proofs, now: self.clock.now() };
        // Found by its hash, which says nothing to whoever measures how long that takes.
        Ok(sight.open_link(Hash::of(token.as_bytes())))
    }

    /// Why a file of so many bytes had better not come: the disk would be too full for what else is on it, the journal perhaps. None where there is room, or nobody knows.
    pub fn no_room_for(&self, bytes: u64) -> Option<String> {
        let found = rustix::fs::statvfs(self.workspace.artefacts()).ok()?;
        let total = |blocks: u64| Some(blocks.saturating_mul(found.f_frsize));
        let room = Room { free: total(found.f_bavail), total: total(found.f_blocks) };
        planning::shortage(room, bytes, self.program.copy.min_free_disk_percent)
    }

    /// Reads to its end what somebody hands over by a link, stores it encrypted, and puts it on record as received from whom the link was made for.
    ///
    /// # Errors
    /// See [`Unreceived`].
    pub fn receive_by_link(&self, token: &str, from: &mut dyn Read) -> Result<Recorded, Unreceived> {
        let began = self.clock.now();
        let Some(line) = self.open_link(token).map_err(Unreceived::Failed)? else { return Err(Unreceived::Gone) };
        let of = line.link.of;
        let no_more = || Refused { message: "the link cannot be used any more".into(), hint: String::new(), gates: Vec::new() };
        let record = |sums: Sums, stored: Option<Stored>| {
            let Sums { bytes, blake3, sha256 } = sums;
            let what = stored.map(|stored| HandedOver { bytes, blake3, sha256, stored });
            // Without recipients nothing would be stored: such a link is not open.
            let decide = |sight: Sight<'_>| what.clone().and_then(|w| sight.receive_by_link(of, began, w)).ok_or_else(no_more);
            self.patiently(|| self.put_on_record(None, decide))
        };
        self.keep(&line.link.artefact, from, record).map_err(|why| match why {
            NotKept::Empty => Unreceived::Empty,
            NotKept::Files(ArtefactError::Read(_)) => Unreceived::Torn,
            NotKept::Files(e) if e.is_full() => Unreceived::Full(e),
            NotKept::Files(e) => Unreceived::Failed(std::io::Error::other(e).into()),
            NotKept::Refused(SessionError::Refused { code: "GR0791", .. }) => Unreceived::Gone,
            NotKept::Refused(SessionError::Refused { code: "GR0723", .. }) => Unreceived::Busy,
            NotKept::Refused(e) => Unreceived::Failed(e),
        })
    }
}
