//! The program around the runs: who takes part, which stages a go-live goes through, what has to be so at each of them, and who does what on the night.
//! Facts in, decisions out; no clock, no file, no network.
//!
//! Owns what `process.toml` says ([`read()`]), what was recorded ([`Fact`], [`State`]), whether a gate is met and why not ([`gates`]), what may be
//! recorded (`decisions`), and what remains to be done on the night ([`runbook`]). Does not own how databases are copied and switched (`plan`, `run`): what runs have proved comes in as [`Proofs`].

pub mod artefact;
pub mod audits;
#[cfg(test)]
mod automated_tests;
mod away;
mod calendar;
pub mod cases;
pub mod changes;
mod closing;
pub mod covered;
pub mod dates;
mod decisions;
pub mod deed;
mod fact;
pub mod findings;
pub mod gates;
pub mod ics;
pub mod integrations;
pub mod keys;
pub mod links;
#[cfg(test)]
mod links_tests;
pub mod notices;
#[cfg(test)]
mod order_tests;
#[cfg(test)]
mod proof_tests;
mod read;
mod recur;
pub mod rehearsal;
pub mod requirements;
pub mod runbook;
pub mod schedule;
mod state;
#[cfg(test)]
mod tests;

pub use artefact::{Artefact, Held, Stored};
pub use away::{Blackout, Period};
pub use calendar::{Calendar, Lapse, LapseUnit, Window};
pub use closing::{Closing, Windows};
pub use fact::Fact;
pub use read::{PROCESS, read, schema};
pub use state::{Asked, Mark, Signature, StageState, State, TaskState};

use crate::hash::Hash;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A company that takes part: client, vendor, partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Party {
    /// What people call it.
    pub title: String,
}

/// Somebody who takes part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Person {
    /// Their name.
    pub name: String,
    /// Whom they work for.
    pub party: String,
    /// What they may do.
    pub roles: BTreeSet<String>,
    /// Where they are reached on the night.
    pub telephone: Option<String>,
    /// Mail address.
    pub mail: Option<String>,
    /// The operating system's user by which the command line knows them: an indication, no signature.
    pub login: Option<String>,
    /// Who acts in their place.
    pub substitute: Option<String>,
    /// When they are away.
    pub leave: Vec<Period>,
    /// Public keys with which they sign: `ssh-ed25519 AAAA…`, without comments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
}

/// A part of the way, entered and left on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// What people call it.
    pub title: String,
    /// Stages that must have been left with a good result before.
    pub after: BTreeSet<String>,
    /// Ids of requirements that it meets: the record tells which were, and by which event.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<String>,
    /// Days of the week on which it had better begin, Monday is 0; all where it is empty. Left out then, as is a buffer of nothing, so that what was signed before there was such a
    /// thing stays the same.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub prefer: BTreeSet<i8>,
    /// Minutes that its date has to leave beside those of its tasks.
    #[serde(skip_serializing_if = "is_zero")]
    pub buffer: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// Whether a gate belongs to entering a stage, or to leaving it with a good result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Before the stage is entered.
    Entry,
    /// Before it is left with a good result.
    Exit,
}

/// What a gate that is not met leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Nobody passes.
    #[default]
    Require,
    /// Whoever passes is warned, and that is on record.
    Recommend,
}

/// What a run has to have proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// A dress rehearsal of the program as it is.
    DressRehearsal,
    /// One that tried out the way back, too.
    RehearsedRollback,
    /// A backup from which a restore was proven.
    RestorePoint,
    /// The pilot that stands was verified.
    VerifiedPilot,
    /// The go-live is finished: users work in the new production.
    GoLive,
}

/// What runs have proved so far, as the runner knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proofs {
    /// Those that hold now.
    pub hold: Vec<Proof>,
    /// When each was last proved.
    pub proved: BTreeMap<Proof, jiff::Timestamp>,
    /// Runs in the order of their begin.
    pub runs: Vec<deed::RanRun>,
    /// When the go-live was finished, where it holds.
    pub went_live: Option<jiff::Timestamp>,
    /// The pilot that stands.
    pub pilot: Option<cases::Tested>,
    /// What runs found, for those whose findings a gate asks for.
    pub reports: BTreeMap<findings::Reporter, findings::Report>,
    /// Hash of the program as it is, where a gate asks for what a check of it found.
    pub program: Option<Hash>,
}

/// What has to be so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Kind {
    /// Some time must have passed since something was recorded, and perhaps not too much.
    Wait {
        /// `STAGE` (left with a good result), `STAGE entered`, `task NAME` or `audit NAME` (concluded positive).
        since: Moment,
        /// The least time.
        at_least: Option<Lapse>,
        /// The most.
        at_most: Option<Lapse>,
    },
    /// The agreed date of the stage is far enough ahead of when it was agreed.
    LeadTime {
        /// How far.
        at_least: Lapse,
    },
    /// It is within certain hours of certain days, outside holidays where so said.
    Window(Window),
    /// So many persons with one of the roles approve of what was asked; one rejection is final until it is asked anew.
    SignOff {
        /// Who may.
        roles: BTreeSet<String>,
        /// How many.
        of: u32,
        /// With what.
        #[serde(skip_serializing_if = "keys::Asks::is_login")]
        signature: keys::Asks,
    },
    /// Every item is ticked by somebody with one of the roles; by anybody who is known, without roles.
    Checklist {
        /// What is ticked.
        items: Vec<String>,
        /// Who may.
        roles: BTreeSet<String>,
    },
    /// Files have been received.
    Artefacts {
        /// Their names.
        names: Vec<String>,
    },
    /// Every task of the stage is done.
    Tasks,
    /// A run has proved something.
    Run {
        /// What.
        what: Proof,
        /// No longer ago than this.
        #[serde(skip_serializing_if = "Option::is_none")]
        at_most: Option<Lapse>,
    },
    /// Integrations stand as they should.
    Integrations {
        /// How.
        state: integrations::IntegrationsWanted,
        /// Which; all of the register where none is named.
        names: BTreeSet<String>,
    },
    /// Every task of the stage was done once in a rehearsal.
    RunbookRehearsed,
    /// Requirements were looked at last with a good result.
    Requirements {
        /// Which; all where none is named.
        names: BTreeSet<String>,
    },
    /// Cases of the test plan passed, and still say something about the pilot that stands.
    TestPlan {
        /// Which; all of the stage without any.
        cases: BTreeSet<String>,
    },
    /// An audit was concluded positive in the latest try of its stage, and that stands.
    Audit {
        /// Which.
        audit: String,
    },
    /// Nothing heavier is open of what was found.
    Findings(findings::Asked),
}

/// A moment that is, or will be, on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// A stage was entered.
    Entered(String),
    /// A stage was left with a good result.
    Left(String),
    /// A task was done.
    Done(String),
    /// An audit was concluded positive, and that stands.
    Audited(String),
}

/// Something that has to be so when a stage is entered, or left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gate {
    /// What people call it.
    pub title: String,
    /// The stage.
    pub stage: String,
    /// See [`Side`].
    pub side: Side,
    /// See [`Level`].
    pub level: Level,
    /// See [`Kind`].
    #[serde(flatten)]
    pub kind: Kind,
    /// Ids of requirements that it meets: the record tells which were, and by which event.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<String>,
}

/// Something that somebody does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Task {
    /// What is done.
    pub title: String,
    /// The stage that it belongs to.
    pub stage: String,
    /// Who does it: a role.
    pub role: String,
    /// Whose it is, where several parties have people with the role.
    pub party: Option<String>,
    /// Minutes that were quoted for it.
    pub minutes: u32,
    /// What an hour of it costs, in hundredths of whatever was agreed; none where it is not charged.
    pub rate: Option<u64>,
    /// Tasks that must be done before.
    pub after: BTreeSet<String>,
    /// What a person does, in words.
    pub instruction: Option<String>,
    /// Exit gates of its stage that have to be met before it is begun: go, or no go. Signatures there are not about this task, nor about those after it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub gates: BTreeSet<String>,
    /// From here on there is no way back by itself.
    pub point_of_no_return: bool,
    /// Ids of requirements that it meets: the record tells which were, and by which event.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<String>,
    /// What it does by itself; none where a person does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub does: Option<deed::Deed>,
}

/// What `process.toml` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Process {
    /// See [`Calendar`].
    pub calendar: Calendar,
    /// The stages in which `greenroom switch` may begin.
    pub go_live: Vec<String>,
    /// Roles whose holders may waive a gate.
    pub waivers: BTreeSet<String>,
    /// By id.
    pub parties: BTreeMap<String, Party>,
    /// By id.
    pub persons: BTreeMap<String, Person>,
    /// By id.
    pub stages: BTreeMap<String, Stage>,
    /// Ids of stages, each after those that it comes after.
    pub order: Vec<String>,
    /// By id.
    pub gates: BTreeMap<String, Gate>,
    /// By id.
    pub tasks: BTreeMap<String, Task>,
    /// By id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub integrations: BTreeMap<String, integrations::Integration>,
    /// Which integrations may be.
    pub allowed: integrations::Allowed,
    /// What a server has to have, by id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub requirements: BTreeMap<String, requirements::Requirement>,
    /// By name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub artefacts: BTreeMap<String, Artefact>,
    /// Who is told of what; none where nobody is.
    pub notices: Option<notices::Notices>,
    /// The test plan, by id.
    pub cases: BTreeMap<String, cases::Case>,
    /// What links for handing over files begin with; those of this machine only without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload_url: Option<String>,
    /// By id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub audits: BTreeMap<String, audits::Audit>,
}

impl Process {
    /// The person whom the operating system calls so, if it is one.
    pub fn by_login(&self, login: &str) -> Option<&str> {
        self.persons.iter().find(|(_, p)| p.login.as_deref() == Some(login)).map(|(id, _)| id.as_str())
    }

    /// The gates of a stage's side, in order of their ids.
    pub fn gates_of<'p>(&'p self, stage: &'p str, side: Side) -> impl Iterator<Item = (&'p String, &'p Gate)> {
        self.gates.iter().filter(move |(_, g)| g.stage == stage && g.side == side)
    }

    /// The tasks of a stage.
    pub fn tasks_of<'p>(&'p self, stage: &'p str) -> impl Iterator<Item = (&'p String, &'p Task)> {
        self.tasks.iter().filter(move |(_, t)| t.stage == stage)
    }

    /// The stage of the go-live that is on; else the next one, else the last. None where the process names none.
    pub fn go_live_now(&self, state: &State) -> Option<&str> {
        let find = |fits: &dyn Fn(StageState) -> bool| self.go_live.iter().find(|s| fits(state.stage(s)));
        find(&|s| s.is_on()).or_else(|| find(&|s| !s.is_over())).or(self.go_live.last()).map(String::as_str)
    }

    /// Tasks that wait for a gate, by themselves or because they come after one that does.
    pub fn behind(&self, gate: &str) -> BTreeSet<&str> {
        let mut behind: BTreeSet<&str> = self.tasks.iter().filter(|(_, t)| t.gates.contains(gate)).map(|(id, _)| id.as_str()).collect();
        loop {
            let more = self.tasks.iter().filter(|(_, t)| t.after.iter().any(|a| behind.contains(a.as_str())));
            let all: BTreeSet<&str> = behind.iter().copied().chain(more.map(|(id, _)| id.as_str())).collect();
            if all.len() == behind.len() {
                return behind;
            }
            behind = all;
        }
    }

    /// Whether somebody has one of these roles, by themselves or in another's place. Without roles everybody who is known has.
    pub fn has_role(&self, person: &str, roles: &BTreeSet<String>) -> bool {
        let has = |p: &Person| roles.is_empty() || p.roles.iter().any(|r| roles.contains(r));
        let own = self.persons.get(person).is_some_and(has);
        own || self.persons.values().any(|p| p.substitute.as_deref() == Some(person) && has(p))
    }

    /// Hash of what is written: what people were shown when they signed.
    pub fn hash(&self) -> Hash {
        Hash::of_json(self)
    }
}
