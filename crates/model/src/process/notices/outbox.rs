//! How far each notice has come: the fold of what was recorded about it. A notice is queued once, tried under a record of the intent, and counted as sent only once that is on record.

use super::NoticeId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why a notice could not be sent, without anything that the other side said: that may name people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    /// The person has no mail address, or one that is none.
    NoAddress,
    /// The secret could not be had.
    NoSecret,
    /// Nobody answered, or the connection broke.
    Unreachable,
    /// The server answered with this code.
    Answered {
        /// Of SMTP or HTTP.
        code: u16,
    },
    /// The folder could not be written.
    Folder,
    /// The rule does not stand in `process.toml` any more, or gives no such notice.
    Gone,
    /// The key that signs heads of the record could not be had.
    NoKey,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::NoAddress => f.write_str("the person has no mail address that is one"),
            Refusal::NoSecret => f.write_str("the secret could not be had"),
            Refusal::Unreachable => f.write_str("nobody answered, or the connection broke"),
            Refusal::Answered { code } => write!(f, "the server answered {code}"),
            Refusal::Folder => f.write_str("the folder could not be written"),
            Refusal::Gone => f.write_str("process.toml does not ask for it any more"),
            Refusal::NoKey => f.write_str("the key that signs the head could not be used"),
        }
    }
}

/// What is put on record about notices. Names people by their ids in `process.toml`. Meanings never change; new variants are added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
pub enum NoticeFact {
    /// From here on people are told; of nothing before.
    Begun,
    /// From here on nobody is told, until it is begun again.
    Stopped,
    /// Who is to be told of what was recorded up to an event.
    Queued {
        /// The event; everything up to it is decided.
        upto: u64,
        /// The notices.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notices: Vec<NoticeId>,
    },
    /// Intent: written before it is sent.
    Trying {
        /// Which.
        id: NoticeId,
    },
    /// The other side has taken it.
    Sent {
        /// Which.
        id: NoticeId,
    },
    /// The other side has not taken it.
    Failed {
        /// Which.
        id: NoticeId,
        /// Why.
        why: Refusal,
        /// Nobody tries again by itself.
        given_up: bool,
    },
    /// A person wants it to be tried anew.
    Again {
        /// Which.
        id: NoticeId,
    },
    /// Of whom the time has come to be reminded.
    Reminded {
        /// The moment it was decided for.
        now: Timestamp,
        /// The notices.
        notices: Vec<NoticeId>,
    },
    /// What a reminder tells of is not so any more: it is not sent.
    Moot {
        /// Which.
        id: NoticeId,
    },
}

/// Where a notice stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stands {
    /// Not tried yet.
    #[default]
    Pending,
    /// It was tried, and nobody knows how that ended: the sender died.
    Unknown,
    /// Sent.
    Sent,
    /// Not sent; it will be tried again.
    Failed,
    /// Not sent; a person has to do something.
    GivenUp,
    /// Not sent, and not needed any more.
    Moot,
}

/// How far a notice has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// See [`Stands`].
    pub stands: Stands,
    /// How often it was tried.
    pub tries: u32,
    /// When it was last tried, or sent.
    pub last: Option<Timestamp>,
    /// Why it was not sent, the last time.
    pub why: Option<Refusal>,
    /// The event as which it was decided that it is to be sent.
    pub decided: u64,
    /// For which moment, where it is a reminder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reminds: Option<Timestamp>,
}

impl Delivery {
    /// When it is tried next: at once where it was never tried, or where nobody knows how that ended.
    pub fn next(&self) -> Option<Timestamp> {
        match self.stands {
            Stands::Pending | Stands::Unknown => Some(Timestamp::MIN),
            Stands::Failed => self.last.and_then(|at| at.checked_add(pause(self.tries)).ok()),
            Stands::Sent | Stands::GivenUp | Stands::Moot => None,
        }
    }
}

/// How long nobody tries after so many times in vain: a minute, then longer and longer, at most half a day.
pub fn pause(tries: u32) -> SignedDuration {
    const MOST: i64 = 12 * 60;
    let minutes = 4i64.saturating_pow(tries.saturating_sub(1)).min(MOST);
    SignedDuration::from_mins(minutes)
}

/// All notices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outbox {
    /// People are told of what is recorded.
    pub on: bool,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Up to which event it is decided who is told.
    pub upto: u64,
    /// In the order of what they tell of.
    pub notices: BTreeMap<NoticeId, Delivery>,
}

impl Outbox {
    /// Folds what was recorded. `seq`: the number of the event that says it.
    pub fn apply(&mut self, seq: u64, at: Timestamp, fact: &NoticeFact) {
        match fact {
            // Two who begin at once begin where the first one did.
            NoticeFact::Begun if !self.on => (self.on, self.since, self.upto) = (true, Some(at), self.upto.max(seq)),
            NoticeFact::Begun => {}
            NoticeFact::Stopped => self.on = false,
            NoticeFact::Queued { upto, notices } => {
                self.upto = self.upto.max(*upto);
                for id in notices {
                    self.notices.entry(id.clone()).or_insert(Delivery { decided: seq, ..Delivery::default() });
                }
            }
            NoticeFact::Reminded { now, notices } => {
                for id in notices {
                    self.notices.entry(id.clone()).or_insert(Delivery { decided: seq, reminds: Some(*now), ..Delivery::default() });
                }
            }
            NoticeFact::Moot { id } => {
                let d = self.notices.entry(id.clone()).or_default();
                (d.stands, d.last) = (Stands::Moot, Some(at));
            }
            NoticeFact::Trying { id } => {
                let d = self.notices.entry(id.clone()).or_default();
                (d.stands, d.tries, d.last) = (Stands::Unknown, d.tries + 1, Some(at));
            }
            NoticeFact::Sent { id } => {
                let d = self.notices.entry(id.clone()).or_default();
                (d.stands, d.last, d.why) = (Stands::Sent, Some(at), None);
            }
            NoticeFact::Failed { id, why, given_up } => {
                let d = self.notices.entry(id.clone()).or_default();
                (d.stands, d.last, d.why) = (if *given_up { Stands::GivenUp } else { Stands::Failed }, Some(at), Some(*why));
            }
            NoticeFact::Again { id } => {
                if let Some(d) = self.notices.get_mut(id).filter(|d| !matches!(d.stands, Stands::Sent | Stands::Moot)) {
                    (d.stands, d.tries) = (Stands::Pending, 0);
                }
            }
        }
    }

    /// What is to be sent now, in order.
    pub fn due(&self, now: Timestamp) -> Vec<NoticeId> {
        self.notices.iter().filter(|(_, d)| d.next().is_some_and(|next| next <= now)).map(|(id, _)| id.clone()).collect()
    }

    /// When the next one is to be sent; none where nothing is left to send.
    pub fn next(&self) -> Option<Timestamp> {
        self.notices.values().filter_map(Delivery::next).min()
    }

    /// Whether it is decided already who is reminded by a rule, of this. Reminders that were not sent because it became somebody else's turn do not count.
    pub(super) fn has_reminded(&self, id: &NoticeId) -> bool {
        let mut decided = self.notices.iter().filter(|(_, d)| d.stands != Stands::Moot);
        decided.any(|(n, _)| (n.seq, &n.rule, &n.mark) == (id.seq, &id.rule, &id.mark))
    }

    /// The event after which a rule last sent a head by itself, and when that was decided.
    pub(super) fn last_head(&self, rule: &str, mark: &str) -> Option<(u64, Timestamp)> {
        let heads = self.notices.iter().filter(|(n, _)| n.rule == rule && n.mark.as_deref() == Some(mark));
        heads.filter_map(|(n, d)| Some((n.seq, d.reminds?))).max()
    }

    /// How many stand so.
    pub fn count(&self, stands: Stands) -> usize {
        self.notices.values().filter(|d| d.stands == stands).count()
    }
}
