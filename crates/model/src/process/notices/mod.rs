//! Notices: who is told of what was recorded, in which words ([`messages`]), and how far each notice has come ([`Outbox`]).
//!
//! Owns what `[notices]` and `[notice.NAME]` mean, the decision who is told what, and the state of the outbox. Recipients are persons and addresses of `process.toml` and nobody
//! else: no database is asked for one. Does not own how a notice travels; ids of persons are all that is put on record about them.

mod audit;
mod decide;
mod outbox;
mod said;
#[cfg(test)]
mod tests;

pub use decide::{Invite, Message, messages};
pub use outbox::{Delivery, NoticeFact, Outbox, Refusal, Stands, pause};

use super::Fact;
use crate::program::SecretRef;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How often sending a notice is tried where `process.toml` does not say it.
pub const TRIES: u32 = 8;

/// What people can be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// A stage was entered.
    StageEntered,
    /// A stage was left, with a good result or a bad one.
    StageLeft,
    /// The date of a stage was agreed, has moved, or is off: with an entry for calendars.
    DateAgreed,
    /// Approval is asked for.
    Asked,
    /// Somebody approved.
    Signed,
    /// Somebody rejected.
    Rejected,
    /// A gate that was not met was let pass.
    Waived,
    /// A file was received.
    Received,
    /// A task can be begun: everything before it is done.
    TaskReady,
    /// A task was begun.
    TaskStarted,
    /// A task was done.
    TaskDone,
    /// A task could not be done.
    TaskFailed,
    /// Somebody else goes on with a task.
    HandedOver,
    /// A switch is finished: users work in the new production.
    GoLive,
    /// A case of the test plan failed, or could not be tried.
    CaseFailed,
    /// An audit found something that is to be mended, or saw that it is not mended yet.
    Finding,
    /// A finding is said to be mended: an auditor has to look.
    Mended,
    /// An audit was concluded.
    AuditConcluded,
}

impl Topic {
    /// As `process.toml` writes it.
    pub fn word(self) -> String {
        serde_json::to_value(self).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Whether it matters to whoever caused it, too: it is their turn next, or it is to be in their calendar.
    fn tells_who_did_it(self) -> bool {
        matches!(self, Topic::TaskReady | Topic::DateAgreed | Topic::GoLive)
    }
}

/// Who is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum To {
    /// Those whom it concerns: whose turn it is, or who waits for it.
    Concerned,
    /// A person.
    Person(String),
    /// Everybody of a party.
    Party(String),
    /// Everybody with a role, and whoever acts in their place.
    Role(String),
}

/// Where a notice is posted to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hook {
    /// The address: HTTPS, or plain HTTP to this very machine.
    pub url: String,
    /// Signs what is posted.
    pub secret: SecretRef,
}

/// A rule: who is told of what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Of what.
    pub on: BTreeSet<Topic>,
    /// Who is told by mail.
    pub to: BTreeSet<To>,
    /// Which other program is told.
    pub webhook: Option<Hook>,
}

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// It begins without, and nothing is said before TLS stands (port 587 by default).
    #[default]
    Starttls,
    /// TLS from the first byte on (port 465 by default).
    Implicit,
    /// None: for a mail server on this very machine (port 25 by default).
    None,
}

impl MailTls {
    /// The usual port.
    pub fn port(self) -> u16 {
        match self {
            MailTls::Starttls => 587,
            MailTls::Implicit => 465,
            MailTls::None => 25,
        }
    }
}

/// The mail server that takes notices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Smtp {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// See [`MailTls`].
    pub tls: MailTls,
    /// Who logs in; nobody does without.
    pub user: Option<String>,
    /// Where the password comes from.
    pub password: Option<SecretRef>,
}

/// What `process.toml` says about notices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notices {
    /// The sender's address.
    pub from: String,
    /// The mail server, where mails leave the machine.
    pub smtp: Option<Smtp>,
    /// A folder into which everything is written instead of being sent, relative to the program's.
    pub folder: Option<String>,
    /// How often sending one is tried.
    pub tries: u32,
    /// By id.
    pub rules: BTreeMap<String, Rule>,
}

/// What makes a notice the same one, whatever happens: the recorded event, the rule, and who is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NoticeId {
    /// The event's number.
    pub seq: u64,
    /// The rule's id.
    pub rule: String,
    /// The person's id; none for the rule's webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

impl std::fmt::Display for NoticeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Ids of process.toml have no `/`.
        write!(f, "{}/{}", self.seq, self.rule)?;
        self.to.as_ref().map_or(Ok(()), |to| write!(f, "/{to}"))
    }
}

/// Something on record that people may be told of.
#[derive(Clone, Copy, Debug)]
pub struct Happened<'a> {
    /// The event's number.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// By whom: a person's id, empty for nobody who is known.
    pub by: &'a str,
    /// What.
    pub what: What<'a>,
}

/// What happened.
#[derive(Clone, Copy, Debug)]
pub enum What<'a> {
    /// Something about the process.
    Fact(&'a Fact),
    /// A switch is finished.
    GoLive {
        /// The run.
        run: &'a str,
    },
}
