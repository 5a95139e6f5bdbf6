//! Notices of a program at work: sending what is due, showing how far each has come.

use super::error::refused;
use super::{Session, SessionError};
use crate::journal::{Actor, Journal, Projection};
use crate::notices::{self, Folder, Keys, Network, SendError, Sending, Setup, Transport};
use greenroom_model::hash::Hash;
use greenroom_model::process::notices::{Delivery, Message, NoticeFact, NoticeId, Notices, Outbox, Reminders, Stands, messages};
use greenroom_model::process::{Process, Proofs};
use greenroom_model::run::Body;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A notice as it stands.
#[derive(Clone, Debug, Serialize)]
pub struct NoticeLine {
    /// What makes it this one.
    pub id: NoticeId,
    /// How far it has come.
    #[serde(flatten)]
    pub delivery: Delivery,
    /// When it is tried next, where it is at all.
    pub next: Option<Timestamp>,
    /// Its subject, where `process.toml` still gives it.
    pub subject: Option<String>,
    /// What the other side said, the last time that it did not take it, where that was not erased.
    pub said: Option<String>,
}

impl Session {
    /// What `process.toml` says about notices.
    ///
    /// # Errors
    /// When it says nothing, or there is none.
    pub fn notices(&self) -> Result<&Notices, SessionError> {
        let none = || {
            let hint = "write `[notices]` and `[notice.NAME]`: docs/process/notices.md has an example";
            refused("GR0835", "process.toml says nothing about notices", hint)
        };
        self.process()?.notices.as_ref().ok_or_else(none)
    }

    /// Sends what is due. None when another process is sending this moment: it sends what is due here, too. `millis`: nothing is begun after so long.
    ///
    /// # Errors
    /// When there are no notices, or the record cannot be read or written.
    pub async fn send_notices(&self, millis: Option<u64>) -> Result<Option<Sending>, SessionError> {
        let notices = self.notices()?;
        let Some(_lock) = self.workspace.lock("notices")? else { return Ok(None) };
        let transport = self.transport(notices, self.whole_history()?.simulated);
        let proofs = self.proofs(&self.whole_history()?)?;
        let signer = Keys { folder: self.folder.clone(), secrets: self.secrets.clone() };
        let setup = Setup {
            program: &self.program.name,
            process: self.process()?,
            proofs: &proofs,
            actor: &self.actor,
            clock: self.clock.as_ref(),
            transport: transport.as_ref(),
            signer: &signer,
            until: millis.map(|m| self.clock.millis() + m),
        };
        let mut journal = self.journal()?;
        Ok(Some(notices::send(&mut journal, &setup).await?))
    }

    /// What carries notices: a folder where `process.toml` names one; nothing leaves the machine then.
    fn transport(&self, notices: &Notices, simulated: bool) -> Box<dyn Transport> {
        // Made-up people get no mail.
        let folder = notices.folder.clone().or_else(|| simulated.then(|| "outbox".into()));
        match &folder {
            Some(folder) => Box::new(Folder(self.folder.join(folder))),
            None => Box::new(Network { smtp: notices.smtp.clone(), secrets: self.secrets.clone() }),
        }
    }

    /// Tries anew what was given up, or waits for its pause to end: everything, or one notice. Gives how many those are.
    ///
    /// # Errors
    /// When somebody sends this moment, or there is no such notice.
    pub fn notices_again(&self, id: Option<&str>) -> Result<usize, SessionError> {
        self.notices()?;
        let busy = || refused("GR0836", "somebody else is sending notices this moment", "try again");
        let _lock = self.workspace.lock("notices")?.ok_or_else(busy)?;
        let outbox = self.whole_history()?.outbox;
        let open = |d: &Delivery| matches!(d.stands, Stands::Failed | Stands::GivenUp);
        let wanted: Vec<NoticeId> =
            outbox.notices.iter().filter(|(n, d)| open(d) && id.is_none_or(|id| n.to_string() == id)).map(|(n, _)| n.clone()).collect();
        if let (Some(id), true) = (id, wanted.is_empty()) {
            return Err(refused("GR0837", format!("no notice `{id}` is there that was not sent"), "`greenroom notices` lists them"));
        }
        let mut journal = self.journal()?;
        for id in &wanted {
            journal.append(None, Some(&self.actor), Body::Notice { what: NoticeFact::Again { id: id.clone() } })?;
        }
        Ok(wanted.len())
    }

    /// All notices, in the order of what they tell of.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn notice_lines(&self) -> Result<Vec<NoticeLine>, SessionError> {
        let events = self.events()?;
        let outbox = Projection::of(&events)?.outbox;
        let actors = self.actors()?;
        let mut said: BTreeMap<&NoticeId, String> = BTreeMap::new();
        for e in &events {
            if let Body::Notice { what: NoticeFact::Failed { id, .. } } = &e.body {
                let words = e.personal.iter().find_map(|h: &Hash| actors.get(h)).and_then(|a: &Actor| a.words.clone());
                words.map(|w| said.insert(id, w));
            }
        }
        let wanted: BTreeSet<u64> = outbox.notices.keys().filter(|id| id.mark.is_none()).map(|id| id.seq).collect();
        let mut texts = self.texts(&events, |seq| wanted.contains(&seq))?;
        texts.extend(self.reminders(&events, &outbox, |_| true)?);
        let subjects: BTreeMap<&NoticeId, &String> = texts.iter().map(|m| (&m.id, &m.subject)).collect();
        let line = |(id, delivery): (&NoticeId, &Delivery)| NoticeLine {
            id: id.clone(),
            delivery: *delivery,
            next: delivery.next().map(|at| at.max(Timestamp::UNIX_EPOCH)).filter(|at| *at > Timestamp::UNIX_EPOCH),
            subject: subjects.get(id).map(|s| (*s).clone()),
            said: said.get(id).cloned().filter(|_| delivery.stands != Stands::Sent),
        };
        Ok(outbox.notices.iter().map(line).collect())
    }

    /// The text of one notice.
    ///
    /// # Errors
    /// When there is none of this name, or `process.toml` does not give it any more.
    pub fn notice_text(&self, id: &str) -> Result<Message, SessionError> {
        let events = self.events()?;
        let seq = id.split('/').next().and_then(|seq| seq.parse::<u64>().ok());
        let found = match id.contains('@') {
            true => self.reminders(&events, &Projection::of(&events)?.outbox, |n| n.to_string() == id)?.into_iter().next(),
            false => self.texts(&events, |n| Some(n) == seq)?.into_iter().find(|m| m.id.to_string() == id),
        };
        found.ok_or_else(|| refused("GR0837", format!("process.toml gives no notice `{id}`"), "`greenroom notices` lists them"))
    }

    /// The texts of reminders, as they were decided.
    fn reminders(
        &self,
        events: &[greenroom_model::run::Event],
        outbox: &Outbox,
        wanted: impl Fn(&NoticeId) -> bool,
    ) -> Result<Vec<Message>, SessionError> {
        let marked: Vec<_> = outbox.notices.iter().filter(|(id, _)| id.mark.is_some() && wanted(id)).collect();
        if marked.is_empty() {
            return Ok(Vec::new());
        }
        let proofs: Proofs = self.proofs(&Projection::of(events)?)?;
        let happened = notices::happened(events);
        let reminders = Reminders { program: &self.program.name, process: self.process()?, proofs: &proofs, happened: &happened };
        Ok(marked.into_iter().filter_map(|(id, delivery)| reminders.text(id, delivery, outbox)).collect())
    }

    /// When somebody is to be told something next, as things stand.
    ///
    /// # Errors
    /// When there are no notices, or the journal cannot be read.
    pub fn next_notice(&self) -> Result<Option<Timestamp>, SessionError> {
        self.notices()?;
        let events = self.events()?;
        let history = Projection::of(&events)?;
        let (proofs, happened) = (self.proofs(&history)?, notices::happened(&events));
        let reminders = Reminders { program: &self.program.name, process: self.process()?, proofs: &proofs, happened: &happened };
        Ok(reminders.next(&history.outbox, self.clock.now()))
    }

    fn texts(&self, events: &[greenroom_model::run::Event], wanted: impl Fn(u64) -> bool) -> Result<Vec<Message>, SessionError> {
        let process: &Process = self.process()?;
        let proofs: Proofs = self.proofs(&Projection::of(events)?)?;
        Ok(messages(&self.program.name, process, &proofs, &notices::happened(events), wanted))
    }
}

impl From<SendError> for SessionError {
    fn from(e: SendError) -> SessionError {
        match e {
            SendError::Replay(e) => e.into(),
            SendError::Append(e) => e.into(),
        }
    }
}
