//! Signing with keys, heads of the record, its file for others, erasing what stands beside it.

use super::error::refused;
use super::process::not_allowed;
use super::{Recorded, Session, SessionError};
use crate::journal::{Actor, ReplayError};
use crate::proof::{self, People, Signed, ssh};
use greenroom_model::hash::Hash;
use greenroom_model::process::Fact;
use greenroom_model::process::keys::{Origin, Statement};
use greenroom_model::run::{Beside, Body, Broken, Event, Head, origin, write_lines};
use secrecy::SecretString;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// With what somebody signs.
pub enum SignWith<'a> {
    /// A private key.
    Key(&'a Path),
    /// A signature that was made elsewhere over [`Session::statement`].
    Made(&'a Path),
}

/// What is to be erased.
#[derive(Clone, Debug)]
pub enum Erase {
    /// Every entry of this login.
    Login(String),
    /// That of one event.
    Event(u64),
}

/// What was erased.
#[derive(Clone, Debug, Serialize)]
pub struct Erased {
    /// The event as which that is on record.
    pub seq: u64,
    /// Numbers of the events whose entries are gone.
    pub events: Vec<u64>,
    /// Whether the words of the reason were kept: not where somebody erased their own login.
    pub reason_kept: bool,
}

impl Session {
    /// Which record this is.
    fn origin(&self) -> Result<Origin, SessionError> {
        origin(&self.events()?).ok_or_else(|| broken(1, "it is not there"))
    }

    /// What the person who acts would sign at a gate now.
    ///
    /// # Errors
    /// GR0791 when they may not.
    pub fn statement(&self, gate: &str, approve: bool) -> Result<Statement, SessionError> {
        let (origin, by) = (self.origin()?, self.person().map(str::to_owned));
        self.judged(|sight| sight.statement(gate, by.as_deref(), approve, &origin))?.map_err(not_allowed)
    }

    /// Approves or rejects with a key. `passphrase` is asked only for a key that has one.
    ///
    /// # Errors
    /// GR0791 when they may not, GR0796 when the signature cannot be made or is not good.
    pub fn sign_with(
        &self,
        gate: &str,
        approve: bool,
        words: Option<&str>,
        with: &SignWith<'_>,
        passphrase: impl FnOnce() -> Result<SecretString, SessionError>,
    ) -> Result<Recorded, SessionError> {
        let statement = self.statement(gate, approve)?;
        let text = statement.text();
        let made = match with {
            SignWith::Key(path) => ssh::sign(path, passphrase, &text)?,
            SignWith::Made(path) => ssh::take(path, &text)?,
        };
        self.decide_process(words, |sight, by| sight.sign_with_key(gate, by, approve, &statement.origin, (made, &text)))
    }

    /// How far the record has come, signed where a key is given.
    ///
    /// # Errors
    /// When the journal cannot be read, or GR0796.
    pub fn head(&self, key: Option<&Path>, passphrase: impl FnOnce() -> Result<SecretString, SessionError>) -> Result<Head, SessionError> {
        let mut head = Head::of(&self.events()?, self.clock.now()).ok_or_else(|| broken(1, "it is not there"))?;
        head.signature = key.map(|key| ssh::sign(key, passphrase, &head.text())).transpose()?;
        Ok(head)
    }

    /// The record as a file for others, checked before it is written. With or without what stands beside the chain.
    ///
    /// # Errors
    /// When the journal cannot be read or trusted.
    pub fn export_record(&self, with_personal: bool) -> Result<(String, u64), SessionError> {
        let journal = self.journal()?;
        let stored = journal.stored()?;
        let events = greenroom_model::run::decode_all(&stored).map_err(ReplayError::from)?;
        proof::signatures(&events).map_err(ReplayError::from)?;
        let mut beside: BTreeMap<i64, Vec<Beside>> = BTreeMap::new();
        if with_personal {
            let rows = journal.beside()?;
            proof::people(&events, &rows).map_err(ReplayError::from)?;
            let mut rows: BTreeMap<String, Beside> = rows
                .into_iter()
                .filter_map(|(c, salt, data)| Some((c.clone(), Beside { commitment: Hash::parse(&c)?, salt: proof::hex(&salt), data })))
                .collect();
            for e in &events {
                let of: Vec<Beside> = e.personal.iter().filter_map(|c| rows.remove(&c.to_string())).collect();
                if !of.is_empty() {
                    beside.insert(i64::try_from(e.seq).unwrap_or(i64::MAX), of);
                }
            }
        }
        Ok((write_lines(&stored, beside), stored.len() as u64))
    }

    /// Every signature, checked, and how what stands beside the chain is.
    ///
    /// # Errors
    /// The first event that does not fit.
    pub fn proved(&self, events: &[Event]) -> Result<(Vec<Signed>, People), SessionError> {
        let signed = proof::signatures(events).map_err(ReplayError::from)?;
        let people = proof::people(events, &self.journal()?.beside()?).map_err(ReplayError::from)?;
        Ok((signed, people))
    }

    /// Erases what stands beside the chain about somebody, for good, and puts on record that it was done.
    ///
    /// # Errors
    /// GR0791 when nobody known asks for it; GR0799 when there is nothing, or another process reads the file.
    pub fn erase(&self, what: &Erase, reason: &str) -> Result<Erased, SessionError> {
        let busy = || refused("GR0723", "somebody else is putting something on record this moment", "try again");
        let _lock = self.workspace.lock("process")?.ok_or_else(busy)?;
        let by = self.person().map(str::to_owned);
        if self.process.is_some() && by.is_none() {
            let message = format!("nobody in process.toml has your login `{}`", self.actor.os_user);
            return Err(refused("GR0791", message, "give a person `login = \"…\"`, the name by which the operating system knows you"));
        }
        let mut journal = self.journal()?;
        let events = self.events()?;
        let rows = journal.beside()?;
        let of: BTreeMap<String, u64> = events.iter().flat_map(|e| e.personal.iter().map(|c| (c.to_string(), e.seq))).collect();
        let wanted = |(c, _, data): &&(String, Vec<u8>, String)| match what {
            Erase::Event(seq) => of.get(c) == Some(seq),
            Erase::Login(login) => serde_json::from_str::<Actor>(data).is_ok_and(|a| a.os_user == *login),
        };
        let (mut entries, mut numbers) = (Vec::new(), BTreeSet::new());
        for (c, ..) in rows.iter().filter(wanted) {
            entries.extend(Hash::parse(c));
            numbers.extend(of.get(c));
        }
        let reading = || {
            refused(
                "GR0799",
                "what was erased still stands in the journal's file: another process is reading it",
                "run `greenroom record erase` again once nothing else uses the workspace",
            )
        };
        if entries.is_empty() {
            // An earlier try may have been cut off before the file was clean.
            if !journal.scrub()? {
                return Err(reading());
            }
            let message = match what {
                Erase::Login(login) => format!("nothing stands beside the record of the login `{login}`"),
                Erase::Event(seq) => format!("nothing stands beside event {seq}"),
            };
            return Err(refused("GR0799", message, "`greenroom record` shows what does"));
        }
        // Who erases themselves does not write themselves down again.
        let own = matches!(what, Erase::Login(login) if *login == self.actor.os_user);
        let actor = Actor { words: Some(reason.to_owned()), ..self.actor.clone() };
        let events: Vec<u64> = numbers.into_iter().collect();
        let body = Body::Process { by, fact: Fact::Erased { events: events.clone() } };
        let event = journal.erase(&entries, if own { None } else { Some(&actor) }, body)?;
        if !journal.scrub()? {
            return Err(reading());
        }
        Ok(Erased { seq: event.seq, events, reason_kept: !own })
    }
}

fn broken(seq: u64, why: &str) -> SessionError {
    ReplayError::from(Broken { seq, why: why.to_owned() }).into()
}
