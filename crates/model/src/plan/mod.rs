//! Plans: immutable lists of steps, and the recipe they are made from. Owns what is planned and in which order; does not execute, and
//! does not know any engine's SQL beyond what the program itself wrote.

mod copy;
mod downtime;
mod planner;
pub mod tables;
pub use copy::*;
pub use downtime::Downtime;
pub use planner::{PlanInput, plan, restore, rollback, said_of_back};

use crate::catalog::EngineKind;
use crate::fence::Doors;
use crate::hash::Hash;
use crate::program::{Audience, Hook, LargeObjects, PackRule, Shape};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Key of a step: stable across plans of the same program, so that measured times of one run predict the next.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepKey(pub String);

impl StepKey {
    /// The table that the step with this key copies, or reads for comparison.
    pub fn table(&self) -> Option<&str> {
        self.0.strip_prefix("copy:").or_else(|| self.0.strip_prefix("read:"))
    }
}

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunKind {
    /// Masked copy, upgraded, verified, opened under the pilot's name.
    Rehearsal,
    /// A backup restored into the quarantine, for a rehearsal that reads it instead of the source.
    Restore,
    /// A rehearsal with the newest records, into which the configuration of the pilot that stands is carried over.
    Refresh,
    /// The go-live tried out: unmasked, upgraded, configuration carried over, verified, never opened, dropped at the end.
    Dress,
    /// The pilot made anew from a production that was upgraded, with its configuration.
    Follow,
    /// A refresh after which exported configuration is brought in.
    Import,
    /// The go-live: what was rehearsed takes production's place.
    Switch,
    /// What was production before a switch takes its place again, with what users have written since.
    Rollback,
}

impl RunKind {
    /// Whether the run makes a pilot that people use.
    pub fn makes_pilot(self) -> bool {
        matches!(self, RunKind::Rehearsal | RunKind::Refresh | RunKind::Follow | RunKind::Import)
    }

    /// Whether what the run makes holds production's values.
    pub fn is_unmasked(self) -> bool {
        matches!(self, RunKind::Restore | RunKind::Dress | RunKind::Switch)
    }
}

/// The pilot whose configuration is carried over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarryFrom {
    /// Nonce of its marker: another pilot under the same name is not this one.
    pub nonce: String,
    /// Number of its generation.
    pub number: u32,
}

impl fmt::Display for RunKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunKind::Rehearsal => f.write_str("rehearsal"),
            RunKind::Restore => f.write_str("restore"),
            RunKind::Refresh => f.write_str("refresh"),
            RunKind::Dress => f.write_str("dress"),
            RunKind::Follow => f.write_str("follow"),
            RunKind::Import => f.write_str("import"),
            RunKind::Switch => f.write_str("switch"),
            RunKind::Rollback => f.write_str("rollback"),
        }
    }
}

/// A backup, pinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFile {
    /// Where it lay, absolute.
    pub path: String,
    /// What it is, for people: `PostgreSQL archive (custom)`.
    pub format: String,
    /// Its bytes; of a folder those of all files in it.
    pub bytes: u64,
    /// Hash of its content.
    pub hash: Hash,
}

/// A raw copy: a backup restored into the quarantine. The one thing of ours that holds production's values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawCopy {
    /// Name byte for byte.
    pub name: String,
    /// Nonce of its marker.
    pub nonce: String,
    /// Number in its marker.
    pub number: u32,
    /// What it is made from.
    pub backup: BackupFile,
    /// When it is over and may be dropped, whatever became of the run that reads it.
    pub until: jiff::Timestamp,
    /// It outlives the run that reads it, until its time is over.
    pub keep: bool,
}

/// Production, as a switch was planned for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Production {
    /// Identity of its database as the engine has it: names prove nothing.
    pub engine_id: String,
    /// What it is called where it stands; empty in plans of versions that did not keep it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its server, as `host:port`; none where it is a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// It stands on the target under the name that the new database takes, and is put aside.
    pub on_target: bool,
    /// It stays on the very server that the new one stands on, under a name of its own, and accounts lead to both: it is shut for good by doors of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub apart: bool,
    /// The engine copies it whole, once it is shut.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
    /// Minutes from the fence on after which everything goes back by itself, unless users have been let in.
    pub minutes: u32,
    /// A person is asked once more just before users are let in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hold: bool,
    /// The window that it shares with other switches: a random word, the same for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub together: Option<String>,
    /// Programs beside the switch, pinned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<PlannedHook>,
}

/// The switch that is taken back, and the databases that it exchanged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollback {
    /// Its run.
    pub run: String,
    /// Nonce in the marker of what it put into production's place.
    pub nonce: String,
    /// How what was production stood open before the switch shut it.
    pub doors: Doors,
}

/// A program beside a switch, pinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedHook {
    /// What the program says of it.
    #[serde(flatten)]
    pub hook: Hook,
    /// Hash of the file that is run, where it lies in the program's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<Hash>,
    /// The same of what takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_hash: Option<Hash>,
}

/// Names of what the run creates; stored byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// Number of the generation within the workspace.
    pub number: u32,
    /// Random part, also in the marker inside the generation.
    pub nonce: String,
    /// The generation's name until the swap.
    pub generation: String,
    /// The name people use: the pilot's, or production's where a switch takes its place.
    pub pilot: String,
    /// What stands under that name now is called so after the swap.
    pub former: String,
}

/// Exported configuration, pinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportFrom {
    /// Keyed hash of what is in the files.
    pub hash: Hash,
    /// Tables as the files name them.
    pub tables: Vec<String>,
    /// Rows in them.
    pub rows: u64,
    /// Rows that the files say nobody changed are brought in like new ones.
    pub all: bool,
}

/// Production has been upgraded already, as a pilot was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// The run that upgraded the pilot.
    pub run: String,
    /// The upgrade steps that production has: key, and hash of what they do.
    pub steps: Vec<(String, Hash)>,
    /// Fingerprint of production's columns before.
    pub before: Hash,
}

impl Reached {
    /// Whether production has what a step does.
    pub fn has(&self, step: &PlannedUpgrade) -> bool {
        self.steps.iter().any(|(key, hash)| *key == step.key && *hash == step.hash())
    }
}

/// What a plan is made from, hashed apart so that later runs can ask for "the same upgrade" (P19).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// Decisions, kinds, packs.
    pub copy: Hash,
    /// Upgrade steps in order.
    pub upgrade: Hash,
    /// Rules of carrying configuration over.
    pub carry: Hash,
    /// What is carried back after the go-live and how, and the series of document numbers; zero where the program says nothing of either.
    #[serde(default = "nothing", skip_serializing_if = "is_nothing")]
    pub back: Hash,
    /// Structure of the source.
    pub source: Hash,
    /// Engine and version.
    pub engine: String,
    /// Greenroom's version.
    pub tool: String,
}

fn nothing() -> Hash {
    Hash::ZERO
}

fn is_nothing(hash: &Hash) -> bool {
    *hash == Hash::ZERO
}

impl Recipe {
    /// What a dress rehearsal of this recipe does not prove about another one: in words, empty where it proves it. What is copied is no part of it,
    /// since pilots are masked and a dress rehearsal is not.
    pub fn not_proved(&self, other: &Recipe) -> Vec<&'static str> {
        let parts = [
            (self.upgrade == other.upgrade, "the upgrade"),
            (self.carry == other.carry, "the rules of carrying configuration over"),
            (self.back == other.back, "document numbers or what is carried back"),
            (self.source == other.source, "production's schema"),
            (self.engine == other.engine, "the engine's version"),
            (self.tool == other.tool, "Greenroom's version"),
        ];
        parts.into_iter().filter(|(same, _)| !same).map(|(_, what)| what).collect()
    }
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    /// Compares the source inside the snapshot with what the plan was made for.
    CheckSource,
    /// Creates the sealed, marked, empty generation.
    CreateGeneration,
    /// Has the engine make the generation of production, whole, by its own means.
    CopyWhole,
    /// Copies what is new or changed in the program's trees of files, now that nobody writes any more.
    CopyFiles,
    /// Tables, types, functions.
    SchemaBefore,
    /// Copies one table; where the engine copies, reads it for comparison.
    CopyTable {
        /// Index into [`Plan::tables`].
        table: usize,
    },
    /// Large objects (PostgreSQL).
    LargeObjects {
        /// What happens to them.
        what: LargeObjects,
    },
    /// Reads what must come from the same snapshot: positions of sequences, values that assertions compare.
    SourceFacts,
    /// Indexes, constraints, triggers, views.
    SchemaAfter,
    /// Sequences, derived tables, statistics.
    Settle,
    /// Compares rows, digests, objects, sequences and foreign keys with the source.
    VerifyCopy,
    /// Statements of packs that switch functions off.
    Neutralise {
        /// Pack and rule of each statement, in order.
        rules: Vec<(String, PackRule)>,
    },
    /// Pack assertions and the residual scan.
    SafetyCheck {
        /// After the upgrade (second time) or before it.
        after_upgrade: bool,
    },
    /// One step of the vendor's upgrade.
    Upgrade {
        /// Index into [`Plan::upgrade`].
        index: usize,
    },
    /// Assertions, untouched tables by digest, decisions for new columns, schema fingerprint.
    VerifyUpgrade,
    /// Carries the pilot's configuration over (P20, P21).
    CarryOver {
        /// Shows what would be carried over and asks a person, also where nothing is left to decide.
        ask: bool,
    },
    /// Compares what was carried over.
    VerifyCarry,
    /// Compares the series of document numbers with production's.
    VerifyNumbers,
    /// Brings exported configuration in, after the pilot's own.
    Import {
        /// A person is asked before it is.
        ask: bool,
    },
    /// Compares once more what was brought in.
    VerifyImport,
    /// Keeps the generation's configuration as people find it, and reserves its identities, for later refreshes.
    SaveBase,
    /// The generation takes the pilot's name.
    Swap,
    /// Lets people in.
    Open {
        /// Whom.
        to: Audience,
    },
    /// Restores the backup into the quarantine, sealed and marked as raw.
    Restore,
    /// Drops the raw copy that the run read.
    DropRaw,
    /// Drops the generation that the run made: it was only to be tried.
    DropGeneration,
    /// Lets the snapshot go, so that every row is read once more under a new one: what a switch does when production is shut, tried out and timed.
    ReadAgain,
    /// Waits until a person says that the window has opened.
    Window,
    /// Shuts everybody out of production, which is read for the last time afterwards.
    Fence,
    /// Runs a program beside the switch.
    Hook {
        /// Index into [`Production::hooks`].
        index: usize,
    },
    /// Lets testers in, and waits for what they say.
    Accept,
    /// Waits for a person's word just before there is no way back.
    Hold,
    /// Lets users into the new production. From here on there is no way back but with what they have written since.
    Promote,
    /// Has the keys of rows noted that anybody touches in the new production, so that they can be carried back.
    Capture,
    /// Has production note which rows are touched, from before the copy on.
    CaptureSource,
    /// Brings the rows that were touched since the copy into it, now that production is shut.
    CopyTouched,
    /// Owners and rights as they are now, and what is derived from rows.
    SettleTouched,
    /// Compares the touched rows with production's.
    VerifyTouched,
    /// Removes what notes keys in production.
    EndCapture,
    /// Keeps a second copy in the former shape, which stands for the former production while a rollback is tried.
    KeepFormer,
    /// Writes into the tried generation as people might, and carries it back into the second copy.
    TryRollback,
    /// Gives the former production the rows that were touched in the new one since.
    CarryBack {
        /// A person is asked before anything is given up that cannot be carried.
        ask: bool,
    },
    /// Compares the touched rows of both.
    VerifyBack,
    /// Lets users into the former production again.
    Reopen,
}

/// What is done when a step was started and nothing is known about its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// Doing it again is harmless.
    Repeat,
    /// The database is asked what is true.
    Probe,
    /// A person chooses from listed options.
    AskOperator,
}

impl Action {
    /// How an unknown outcome is resolved; see [`Recovery`].
    pub fn recovery(&self, upgrade: &[PlannedUpgrade]) -> Recovery {
        match self {
            Action::CreateGeneration | Action::SchemaBefore | Action::Swap | Action::Restore => Recovery::Probe,
            Action::Upgrade { index } => match upgrade.get(*index).map(|u| &u.how) {
                Some(PlannedHow::Script { .. }) => Recovery::Probe,
                Some(PlannedHow::Person { .. }) => Recovery::Repeat,
                Some(PlannedHow::Program { .. }) | None => Recovery::AskOperator,
            },
            _ => Recovery::Repeat,
        }
    }

    /// Whether the step reads the source inside the held snapshot.
    pub fn needs_snapshot(&self) -> bool {
        matches!(
            self,
            Action::CheckSource | Action::SchemaBefore | Action::CopyTable { .. } | Action::LargeObjects { .. } | Action::SourceFacts
        )
    }

    /// Whether what the step did belongs to one snapshot and must be compared again under a new one.
    pub fn bound_to_snapshot(&self) -> bool {
        matches!(self, Action::CheckSource | Action::CopyTable { .. } | Action::LargeObjects { .. } | Action::SourceFacts)
    }

    /// Whether the step may be broken off in its midst when a switch has to go back: what it does is within the generation.
    pub fn is_within(&self) -> bool {
        let outside = matches!(self, Action::Window | Action::Fence | Action::Hook { .. } | Action::Swap | Action::Accept | Action::Hold);
        !outside && !matches!(self, Action::Capture | Action::CaptureSource | Action::EndCapture | Action::Promote | Action::Reopen)
    }
}

/// One step of the upgrade, pinned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedUpgrade {
    /// Key of the upgrade step in the program.
    pub key: String,
    /// What is done.
    pub how: PlannedHow,
    /// What undoes its effects outside the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inverse: Option<PlannedInverse>,
}

impl PlannedUpgrade {
    /// Hash of what the step does.
    pub fn hash(&self) -> Hash {
        Hash::of_json(&self.how)
    }
}

/// The script that undoes what another one did outside the database, pinned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedInverse {
    /// Path within `upgrade/`.
    pub file: String,
    /// Normalised checksum.
    pub hash: Hash,
    /// The statements with their lines.
    pub statements: Vec<crate::upgrade::Statement>,
}

/// How an upgrade step is carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum PlannedHow {
    /// Statements of a script.
    Script {
        /// Where it comes from, for messages: `layer: upgrade/file.sql`.
        file: String,
        /// Normalised checksum.
        hash: Hash,
        /// The statements with their lines.
        statements: Vec<crate::upgrade::Statement>,
        /// The script asks for no transaction around it (dbmate's `transaction:false`): its statements run one by one.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        apart: bool,
    },
    /// A program.
    Program {
        /// Command and arguments with placeholders.
        command: Vec<String>,
        /// Hash of the program's file, if it lies in the program's folder.
        hash: Option<Hash>,
        /// Seconds.
        timeout_seconds: u64,
    },
    /// A person.
    Person {
        /// What they are asked.
        instruction: String,
    },
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Stable key.
    pub key: StepKey,
    /// A few words for people.
    pub title: String,
    /// Steps that must be finished before.
    pub after: Vec<StepKey>,
    /// What is done.
    pub action: Action,
    /// What an unknown outcome leads to.
    pub recovery: Recovery,
}

/// What the run costs, needs and touches (P9), printed before anything happens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Footprint {
    /// Locks taken on the source and for how long.
    pub locks: Vec<String>,
    /// Sessions on each side and the load they cause.
    pub load: Vec<String>,
    /// Bytes read from the source.
    pub read_bytes: u64,
    /// Bytes needed on the target while the former generation still stands.
    pub target_bytes: u64,
    /// Objects created in production (none unless a line says so).
    pub created_in_source: Vec<String>,
    /// Statements that an administrator has to run first.
    pub grants: Vec<String>,
    /// Consequences of what the engine can or cannot do.
    pub consequences: Vec<String>,
    /// What will not be carried, with reasons.
    pub not_carried: Vec<(String, String)>,
    /// Upgrade steps left out by `when`, with the version that was read.
    pub skipped_upgrade: Vec<String>,
}

/// Expected duration of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// Milliseconds, from the latest run that finished this step, scaled by rows where both are known.
    pub millis: u64,
    /// Number of earlier runs that it was measured in.
    pub runs: u32,
    /// Rows that were touched then, for a step whose time goes by how many users touch meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub touched: Option<u64>,
}

/// An immutable plan. Its hash covers everything but itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What for.
    pub kind: RunKind,
    /// The program's name.
    pub program: String,
    /// Hash of the resolved program.
    pub program_hash: Hash,
    /// Which engine.
    pub engine: EngineKind,
    /// The product's version as the source told it.
    pub product_version: Option<String>,
    /// See [`Names`].
    pub names: Names,
    /// See [`Recipe`].
    pub recipe: Recipe,
    /// The copied tables.
    pub tables: Vec<TableCopy>,
    /// The upgrade.
    pub upgrade: Vec<PlannedUpgrade>,
    /// The steps, in an order that satisfies `after`.
    pub steps: Vec<Step>,
    /// See [`Footprint`].
    pub footprint: Footprint,
    /// Expected durations by step.
    pub expected: BTreeMap<StepKey, Expected>,
    /// The raw copy that the run makes (a restore) or reads instead of the source (a rehearsal over a backup).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<RawCopy>,
    /// The pilot whose configuration is carried over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carry: Option<CarryFrom>,
    /// See [`Reached`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<Reached>,
    /// Which of several pilots it is for; none for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Exported configuration that is brought in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<ImportFrom>,
    /// See [`Production`]; of a switch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub production: Option<Production>,
    /// See [`Rollback`]; of a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Rollback>,
}

impl Plan {
    /// The plan's hash.
    pub fn hash(&self) -> Hash {
        Hash::of_json(self)
    }

    /// The shape in which production's rows come: that after the upgrade once production has it, and nothing more is run.
    pub fn source_shape(&self) -> Shape {
        if self.reached.is_some() && self.upgrade.is_empty() { Shape::After } else { Shape::Before }
    }

    /// Whether the engine copies production, and not Greenroom row by row.
    pub fn copies_whole(&self) -> bool {
        self.steps.iter().any(|s| matches!(s.action, Action::CopyWhole))
    }

    /// Finds a step.
    pub fn step(&self, key: &StepKey) -> Option<&Step> {
        self.steps.iter().find(|s| s.key == *key)
    }

    /// Sum of the expected durations in milliseconds, if every step has one.
    pub fn expected_millis(&self) -> Option<u64> {
        self.steps.iter().map(|s| self.expected.get(&s.key).map(|e| e.millis)).sum()
    }
}
