//! Sending notices: what is due goes out, one after another, each under a record of the intent before and of the outcome after.
//!
//! Owns the order of records and effects, and how a notice becomes a mail ([`mail`]) or a post ([`post`]). Who is told what is the model's; so is what is due. Does not own the lock that
//! keeps two senders apart: whoever calls [`send`] holds it.
//!
//! A sender that dies between effect and record leaves a notice of which nobody knows whether it arrived. It is sent again, with the same `Message-ID` and the same `webhook-id`:
//! a notice that was told twice can be recognised, one that was never told cannot.

mod deliver;
mod head;
pub mod mail;
pub mod post;
mod watermark;

pub use deliver::{Folder, Network, Transport, Undelivered};
pub use head::{Attached, Keys, Signer};
pub use watermark::{happened, keep};

use crate::journal::{Actor, AppendError, Journal, Projection, ReplayError};
use crate::ports::Clock;
use greenroom_model::hash::Hash;
use greenroom_model::process::notices::{Message, NoticeFact, NoticeId, Notices, Outbox, Refusal, Reminders, messages};
use greenroom_model::process::{Process, Proofs};
use greenroom_model::run::{Body, Event};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Something that travels.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// The notice.
    pub id: NoticeId,
    /// What travels.
    pub content: Content,
    /// The head of the record that travels with it: the text of a file.
    pub head: Option<String>,
}

/// What travels.
#[derive(Clone, Debug)]
pub enum Content {
    /// A mail.
    Mail(Box<lettre::Message>),
    /// A post to a webhook.
    Post(post::Post),
}

/// What sending needs.
pub struct Setup<'a> {
    /// The program's name.
    pub program: &'a str,
    /// What is written.
    pub process: &'a Process,
    /// What runs have proved.
    pub proofs: &'a Proofs,
    /// Who sends, as far as the operating system tells.
    pub actor: &'a Actor,
    /// What tells the time.
    pub clock: &'a dyn Clock,
    /// What carries it.
    pub transport: &'a dyn Transport,
    /// What signs heads of the record.
    pub signer: &'a dyn Signer,
    /// Nothing is begun after so many monotonic milliseconds of the clock, so that no command waits for long.
    pub until: Option<u64>,
}

/// A notice that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotSent {
    /// Which.
    pub id: NoticeId,
    /// Why.
    pub why: Refusal,
    /// What the other side said to it.
    pub said: Option<String>,
    /// Nobody tries again by itself.
    pub given_up: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sending {
    /// Sent.
    pub sent: Vec<NoticeId>,
    /// Not sent.
    pub failed: Vec<NotSent>,
    /// When the next one is to be tried; none where none is left.
    pub next: Option<Timestamp>,
}

/// Why sending broke off: the record could not be read or written. What is due stays due.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// It could not be read.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// It could not be written.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// Decides who is to be told of what was recorded since, puts that on record, and sends what is due.
///
/// # Errors
/// When the record cannot be read or written.
pub async fn send(journal: &mut dyn Journal, setup: &Setup<'_>) -> Result<Sending, SendError> {
    let Some(notices) = &setup.process.notices else { return Ok(Sending::default()) };
    let events = journal.replay()?;
    let mut sender =
        Sender { outbox: Projection::of(&events)?.outbox, journal, setup, notices, events: &events, sending: Sending::default() };
    if !sender.outbox.on {
        sender.note(None, NoticeFact::Begun)?;
    }
    let from = sender.outbox.upto;
    let all = happened(&events);
    if let Some(upto) = all.last().map(|h| h.seq).filter(|last| *last > from) {
        let new = messages(setup.program, setup.process, setup.proofs, &all, |seq| seq > from);
        sender.note(None, NoticeFact::Queued { upto, notices: new.into_iter().map(|m| m.id).collect() })?;
    }
    let reminders = Reminders { program: setup.program, process: setup.process, proofs: setup.proofs, happened: &all };
    let now = setup.clock.now();
    let (new, moot) = reminders.due(&sender.outbox, now);
    for id in moot {
        sender.note(None, NoticeFact::Moot { id })?;
    }
    if !new.is_empty() {
        sender.note(None, NoticeFact::Reminded { now, notices: new })?;
    }
    let due = sender.outbox.due(now);
    let wanted: BTreeSet<u64> = due.iter().filter(|id| id.mark.is_none()).map(|id| id.seq).collect();
    let texts = match wanted.is_empty() {
        true => Vec::new(),
        false => messages(setup.program, setup.process, setup.proofs, &all, |seq| wanted.contains(&seq)),
    };
    let mut texts: BTreeMap<NoticeId, Message> = texts.into_iter().map(|m| (m.id.clone(), m)).collect();
    for id in due {
        if setup.until.is_some_and(|until| setup.clock.millis() >= until) {
            break;
        }
        let message = match (&id.mark, sender.outbox.notices.get(&id)) {
            (Some(_), Some(delivery)) => reminders.text(&id, delivery, &sender.outbox),
            _ => texts.remove(&id),
        };
        sender.one(id, message.as_ref()).await?;
    }
    sender.sending.next = sender.outbox.next().into_iter().chain(reminders.next(&sender.outbox, now)).min();
    Ok(sender.sending)
}

/// One sender at work. Nobody else puts anything about notices on record meanwhile but that they have begun.
struct Sender<'a> {
    journal: &'a mut dyn Journal,
    setup: &'a Setup<'a>,
    notices: &'a Notices,
    events: &'a [Event],
    outbox: Outbox,
    sending: Sending,
}

impl Sender<'_> {
    fn note(&mut self, actor: Option<&Actor>, what: NoticeFact) -> Result<(), AppendError> {
        let event = self.journal.append(None, actor, Body::Notice { what: what.clone() })?;
        self.outbox.apply(event.seq, event.at, &what);
        Ok(())
    }

    async fn one(&mut self, id: NoticeId, message: Option<&Message>) -> Result<(), SendError> {
        self.note(None, NoticeFact::Trying { id: id.clone() })?;
        let decided = self.outbox.notices.get(&id).map_or(0, |d| d.decided);
        let gone = Undelivered { why: Refusal::Gone, said: None };
        // What a head names is read anew: somebody may have recorded something between our reading and the decision.
        let whole = if message.is_some_and(|m| m.head.is_some()) { self.journal.replay()? } else { Vec::new() };
        let head = |m: &Message| m.head.as_ref().map(|vouch| head::head(&whole, decided, vouch, self.setup.signer)).transpose();
        let parcel = message.ok_or(gone).and_then(|m| parcel(self.setup, self.notices, self.events, m, head(m)?));
        let delivered = match parcel {
            Ok(parcel) => self.setup.transport.deliver(&parcel, self.setup.clock.now()).await,
            Err(undelivered) => Err(undelivered),
        };
        match delivered {
            Ok(()) => {
                self.note(None, NoticeFact::Sent { id: id.clone() })?;
                self.sending.sent.push(id);
            }
            Err(Undelivered { why, said }) => {
                let tries = self.outbox.notices.get(&id).map_or(0, |d| d.tries);
                let given_up = why == Refusal::Gone || tries >= self.notices.tries;
                // What the other side said may name people: it is kept beside the chain.
                let actor = said.as_ref().map(|said| Actor { words: Some(said.clone()), ..self.setup.actor.clone() });
                self.note(actor.as_ref(), NoticeFact::Failed { id: id.clone(), why, given_up })?;
                self.sending.failed.push(NotSent { id, why, said, given_up });
            }
        }
        Ok(())
    }
}

/// The same for this notice of this record for ever, and for no other of any record.
fn identity(events: &[Event], id: &NoticeId) -> String {
    let record = events.first().map_or(Hash::ZERO, |e| e.hash);
    Hash::of_json(&("greenroom notice", record, id)).to_string()[..32].to_owned()
}

/// Makes what travels.
fn parcel(
    setup: &Setup<'_>,
    notices: &Notices,
    events: &[Event],
    message: &Message,
    head: Option<Attached>,
) -> Result<Parcel, Undelivered> {
    let refused = |why| Undelivered { why, said: None };
    let identity = identity(events, &message.id);
    let content = match &message.id.to {
        Some(person) => {
            let person = setup.process.persons.get(person).ok_or(refused(Refusal::Gone))?;
            let mail = mail::mail(setup.program, &notices.from, person, message, head.as_ref(), &identity, setup.clock.now());
            Content::Mail(Box::new(mail.map_err(refused)?))
        }
        None => {
            let hook = notices.rules.get(&message.id.rule).and_then(|r| r.webhook.as_ref()).ok_or(refused(Refusal::Gone))?;
            Content::Post(post::post(setup.program, hook, message, head.as_ref(), &identity))
        }
    };
    Ok(Parcel { id: message.id.clone(), content, head: head.map(|h| h.text) })
}
