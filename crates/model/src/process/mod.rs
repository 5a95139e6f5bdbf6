//! The program around the runs: who takes part, which stages a go-live goes through, what has to be so at each of them, and who does what on the night.
//! Facts in, decisions out; no clock, no file, no network.
//!
//! Owns what `process.toml` says ([`read()`]), what was recorded ([`Fact`], [`State`]), whether a gate is met and why not ([`gates`]), and what remains to be done on the night
//! ([`runbook`]). Does not own how databases are copied and switched (`plan`, `run`): what runs have proved comes in as [`Proofs`].

mod calendar;
pub mod cases;
mod fact;
pub mod gates;
pub mod ics;
pub mod notices;
mod read;
pub mod runbook;
mod state;
#[cfg(test)]
mod tests;

pub use calendar::{Calendar, Lapse, LapseUnit, Window};
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
}

/// A part of the way, entered and left on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// What people call it.
    pub title: String,
    /// Stages that must have been left with a good result before.
    pub after: BTreeSet<String>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize, schemars::JsonSchema)]
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
    /// The pilot that stands.
    pub pilot: Option<cases::Tested>,
}

/// What has to be so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Kind {
    /// Some time must have passed since something was recorded, and perhaps not too much.
    Wait {
        /// `STAGE` (left with a good result), `STAGE entered` or `task NAME`.
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
    },
    /// Cases of the test plan passed, and still say something about the pilot that stands.
    TestPlan {
        /// Which; all of the stage without any.
        cases: BTreeSet<String>,
    },
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
    /// From here on there is no way back by itself.
    pub point_of_no_return: bool,
}

/// What `process.toml` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Process {
    /// See [`Calendar`].
    pub calendar: Calendar,
    /// The stage in which `greenroom switch` may begin.
    pub go_live: Option<String>,
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
    /// Who is told of what; none where nobody is.
    pub notices: Option<notices::Notices>,
    /// The test plan, by id.
    pub cases: BTreeMap<String, cases::Case>,
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
