//! Files that are received: to whom they are encrypted, how long they are kept, where each stands. Does not own the files themselves.

use super::gates::{Refused, Sight, known, refused};
use super::{Fact, Kind, Lapse};
use crate::hash::Hash;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A file that is received: `[artefact.backup]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Artefact {
    /// What people call it.
    pub title: String,
    /// Who hands it over.
    pub party: Option<String>,
    /// Who can read what is stored: age recipients. Without any the file is not stored.
    pub recipients: Vec<String>,
    /// How long it is kept from when it was received.
    pub keep: Option<Lapse>,
    /// It is the key to this artefact.
    pub key_of: Option<String>,
}

/// What was stored of a file: never its plain content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// The file's name in the workspace's folder of artefacts.
    pub file: String,
    /// Its bytes.
    pub bytes: u64,
    /// BLAKE3 of its content.
    pub blake3: Hash,
    /// SHA-256 of its content: hexadecimal digits.
    pub sha256: String,
}

/// A file as it was received once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Number of the event.
    pub event: u64,
    /// When.
    pub at: Timestamp,
    /// Who put it on record.
    pub by: String,
    /// Bytes of the plain file.
    pub bytes: u64,
    /// BLAKE3 of the plain file.
    pub blake3: Hash,
    /// SHA-256 of the plain file.
    pub sha256: String,
    /// What was stored; none where it was left where it was.
    pub stored: Option<Stored>,
    /// When what was stored was removed.
    pub removed: Option<Timestamp>,
    /// The link by which it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<u64>,
}

/// An artefact as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Who hands it over.
    pub party: Option<String>,
    /// How it was received; none where it was not yet.
    #[serde(flatten)]
    pub held: Option<Held>,
    /// Received again since.
    pub superseded: bool,
    /// Days since it was received.
    pub days: Option<i64>,
    /// When its time is over.
    pub until: Option<Timestamp>,
    /// That is past.
    pub over: bool,
}

impl Sight<'_> {
    /// Names that gates ask for, and those that are described.
    fn names(&self) -> Vec<&String> {
        let asked = self.process.gates.values().filter_map(|g| if let Kind::Artefacts { names } = &g.kind { Some(names) } else { None });
        let mut names: Vec<&String> = asked.flatten().chain(self.process.artefacts.keys()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Whether an artefact of this name is expected: a gate asks for it, or it is described.
    ///
    /// # Errors
    /// When none is.
    pub fn expects(&self, name: &str) -> Result<(), Refused> {
        let names = self.names();
        if names.iter().any(|n| *n == name) {
            return Ok(());
        }
        let all: Vec<&str> = names.iter().map(|n| n.as_str()).collect();
        refused(format!("no gate asks for an artefact `{name}`"), format!("those of process.toml: {}", all.join(", ")))
    }

    /// When the time of what was received is over.
    pub fn kept_until(&self, name: &str, held: &Held) -> Option<Timestamp> {
        let keep = self.process.artefacts.get(name)?.keep?;
        Some(self.process.calendar.after(held.at, keep))
    }

    /// Every artefact: those that were received, each time, and those that are waited for.
    pub fn artefacts(&self) -> Vec<Line> {
        let mut names: Vec<String> = self.names().into_iter().cloned().collect();
        // What process.toml does not name any more may be stored still.
        names.extend(self.state.held.keys().cloned());
        names.sort();
        names.dedup();
        let mut lines = Vec::new();
        for name in names {
            let written = self.process.artefacts.get(&name);
            let line = |held: Option<&Held>, superseded: bool| {
                let until = held.and_then(|h| self.kept_until(&name, h));
                Line {
                    name: name.clone(),
                    title: written.map_or_else(|| name.clone(), |a| a.title.clone()),
                    party: written.and_then(|a| a.party.clone()),
                    held: held.cloned(),
                    superseded,
                    days: held.map(|h| self.now.duration_since(h.at).as_hours() / 24),
                    until,
                    over: until.is_some_and(|u| u <= self.now),
                }
            };
            match self.state.held.get(&name).map(Vec::as_slice) {
                None | Some([]) => lines.push(line(None, false)),
                Some(all) => lines.extend(all.iter().enumerate().map(|(i, h)| line(Some(h), i + 1 < all.len()))),
            }
        }
        lines
    }

    /// Removes what is stored of an artefact whose time is over. `event`: as what it was received.
    ///
    /// # Errors
    /// When nothing is stored, or it is kept still.
    pub fn remove_artefact(&self, name: &str, event: u64, by: Option<&str>) -> Result<Fact, Refused> {
        known(by)?;
        let held = self.state.held.get(name).and_then(|all| all.iter().find(|h| h.event == event));
        let Some(held) = held.filter(|h| h.stored.is_some() && h.removed.is_none()) else {
            return refused(format!("nothing is stored of `{name}` as event {event}"), "`greenroom artefact` lists what is");
        };
        match self.kept_until(name, held) {
            None => refused(
                format!("`{name}` is kept without an end"),
                format!("`[artefact.{name}]` takes `keep = \"6 months\"`: how long from when it was received"),
            ),
            Some(until) if until > self.now => {
                refused(format!("`{name}` is kept until {}", self.day(until)), "`greenroom artefact` shows until when each is")
            }
            Some(_) => Ok(Fact::ArtefactRemoved { name: name.to_owned(), received: event }),
        }
    }
}
