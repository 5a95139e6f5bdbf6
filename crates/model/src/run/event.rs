//! The events of the journal. Their meaning never changes; new variants are added.

use crate::finding::Noticed;
use crate::hash::Hash;
use crate::plan::{Plan, StepKey};
use crate::program::Audience;
use crate::verify::TableDigest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Name of a run, unique within the workspace: `rehearsal-7`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub String);

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A recorded fact. `hash` covers the text of everything else in it, `prev` is the hash of the event before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// 1, 2, 3 …: the only order there is.
    pub seq: u64,
    /// The run it belongs to; workspace events have none.
    pub run: Option<RunId>,
    /// The lease's epoch under which it was written; 0 for workspace events.
    pub epoch: u64,
    /// Wall clock, for people; never used for order.
    pub at: jiff::Timestamp,
    /// Salted commitments to personal data kept outside the chain (who acted), so that it can be erased without breaking the chain (P33).
    pub personal: Vec<Hash>,
    /// Hash of the event before, [`Hash::ZERO`] for the first.
    pub prev: Hash,
    /// See [`event_hash`].
    pub hash: Hash,
    /// What happened.
    pub body: Body,
}

/// The hash of an event, over the texts as they are stored: a later Greenroom that knows more fields still checks old events.
/// Parts are length-prefixed, so that no two events have the same input.
pub fn event_hash(seq: u64, run: Option<&RunId>, epoch: u64, at: &str, personal: &str, prev: Hash, body: &str) -> Hash {
    let mut h = blake3::Hasher::new();
    h.update(b"greenroom event v1");
    for part in [seq.to_string().as_str(), run.map_or("", |r| &r.0), epoch.to_string().as_str(), at, personal, &prev.to_string(), body] {
        h.update(&(part.len() as u64).to_le_bytes());
        h.update(part.as_bytes());
    }
    Hash(*h.finalize().as_bytes())
}

/// How a step ended badly. Free of row values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A finding code such as `GR0601`, or the kind of the engine's error.
    pub code: String,
    /// What was attempted and what happened.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// Further lines: findings, one each.
    pub details: Vec<String>,
}

/// A measured outcome. What later steps, verification and predictions need.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Monotonic milliseconds.
    pub millis: u64,
    /// Rows moved, if the step moves rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Bytes moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Keyed digest of the table as loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<TableDigest>,
    /// Named facts: engine ids, hashes, counts. Never row values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
    /// What was noticed and is worth a person's eye.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// `copy`, `upgrade`, `safety-before`, `safety-after`, `on request`.
    pub what: String,
    /// All that was compared agreed.
    pub passed: bool,
    /// What was compared, in counted lines.
    pub compared: Vec<String>,
    /// What was not compared, and why.
    pub not_compared: Vec<String>,
    /// What differed: names and counts, never values.
    pub differences: Vec<String>,
    /// Fingerprint of the schema it was measured on.
    pub fingerprint: Hash,
}

/// What a person may choose when only a person can know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// What is asked.
    pub text: String,
    /// Choices: word and meaning.
    pub choices: Vec<(String, String)>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Body {
    /// The workspace was made.
    WorkspaceCreated {
        /// The program's name.
        program: String,
        /// Greenroom's version.
        tool: String,
        /// A simulated clock tells the time, and made-up people act: nothing here is evidence.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        simulated: bool,
    },
    /// A plan was made; nothing was executed.
    PlanRecorded {
        /// The plan's hash.
        hash: Hash,
        /// The plan.
        plan: Box<Plan>,
        /// What was found when it was made; not on record where nothing says it, as in plans of earlier versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        found: Option<Vec<Noticed>>,
    },
    /// A run of a recorded plan began.
    RunStarted {
        /// The plan's hash.
        plan: Hash,
    },
    /// A process took the run; the event's epoch is the new one.
    LeaseTaken {
        /// Random name of the process.
        owner: String,
    },
    /// A snapshot of the source is held; what was copied under an earlier one must be compared again.
    SnapshotHeld,
    /// Intent: written before the effect.
    StepStarted {
        /// Which.
        step: StepKey,
    },
    /// A range arrived. Progress only: truth is in the generation.
    RangeCopied {
        /// The copying step.
        step: StepKey,
        /// 0-based.
        ordinal: u32,
        /// Ranges of this table.
        of: u32,
        /// Rows loaded.
        rows: u64,
        /// Bytes loaded.
        bytes: u64,
    },
    /// Outcome: written after the effect.
    StepFinished {
        /// Which.
        step: StepKey,
        /// Measurements and facts.
        outcome: Outcome,
    },
    /// The step ended badly; what stood before stands.
    StepFailed {
        /// Which.
        step: StepKey,
        /// How.
        failure: Failure,
    },
    /// The run waits for a person; lease, locks and snapshot are let go.
    StepWaits {
        /// Which.
        step: StepKey,
        /// What is asked.
        question: Question,
    },
    /// A person answered.
    Answered {
        /// Which step.
        step: StepKey,
        /// The word they chose.
        choice: String,
    },
    /// A verification's result.
    Verified {
        /// See [`Verdict`].
        verdict: Verdict,
    },
    /// All steps are finished.
    RunFinished,
    /// Somebody asked for the former state.
    UndoStarted,
    /// Undo: intent of one part.
    UndoStepStarted {
        /// `swap back`, `admission`, `drop generation`.
        part: UndoPart,
    },
    /// Undo: outcome of one part.
    UndoStepFinished {
        /// Which.
        part: UndoPart,
    },
    /// A part of undo failed: a named resting state, retried by `undo` or `resume`.
    UndoFailed {
        /// Which.
        part: UndoPart,
        /// How.
        failure: Failure,
    },
    /// The former state stands again.
    RunUndone,
    /// A pilot was opened on request.
    Opened {
        /// The pilot's name.
        pilot: String,
        /// To whom.
        to: Audience,
    },
    /// A function of the pilot is about to be switched on again, for a test; its generation closes it again, or a person.
    FunctionOpened {
        /// The pack.
        pack: String,
        /// Nonce of the generation.
        nonce: String,
        /// Until when.
        until: jiff::Timestamp,
    },
    /// It is off again: the pack's assertions hold.
    FunctionClosed {
        /// The pack.
        pack: String,
        /// Nonce of the generation.
        nonce: String,
    },
    /// A pilot was sealed on request.
    Sealed {
        /// The pilot's name.
        pilot: String,
    },
    /// Somebody decided a conflict between pilot and production: for this refresh and later ones, as long as it is the same conflict.
    CarryDecided {
        /// What about, and what is taken; no value.
        decided: crate::carry::Decided,
    },
    /// Production's fence is about to go up; how it stood open is written down.
    FenceIntended {
        /// Of the doors that are shut.
        doors: Hash,
        /// When production must be given back.
        until: jiff::Timestamp,
        /// Why, in somebody's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The fence stands, and nobody else is in.
    FenceRaised,
    /// Its deadline is another now.
    FenceProlonged {
        /// When production must be given back.
        until: jiff::Timestamp,
    },
    /// The fence is about to be lifted.
    FenceLifting,
    /// Production is open as it was.
    FenceLifted,
    /// Another database has taken production's place: the fence around the former one stays, without a deadline.
    FenceKept,
    /// A backup was restored into the quarantine, and every row of the restored copy was read: a restore point.
    RestoreProven {
        /// The backup.
        backup: crate::plan::BackupFile,
        /// Fingerprint of the schema that the restored copy has.
        source: Hash,
        /// Tables that were read.
        tables: u64,
        /// Their rows.
        rows: u64,
        /// From the beginning of the restore until the last row was read.
        millis: u64,
    },
    /// A tree of files was copied, as far as it could be.
    FilesCopied {
        /// Its name in the program.
        tree: String,
        /// Files of the source.
        files: u64,
        /// Their bytes.
        bytes: u64,
        /// Hash of what was copied so far, file by file.
        manifest: Hash,
        /// Places at which something is not as it should be.
        wrong: u64,
    },
    /// A tree of files was compared with its copy.
    FilesVerified {
        /// Its name in the program.
        tree: String,
        /// Files of the source.
        files: u64,
        /// Their bytes.
        bytes: u64,
        /// Places that differ.
        wrong: u64,
    },
    /// A former production is kept longer than it would be.
    FormerKept {
        /// Identity of its database as the engine has it.
        engine_id: String,
        /// When its time is over.
        until: jiff::Timestamp,
        /// Why, in somebody's words.
        reason: String,
    },
    /// What users write is not noted any more: the switch cannot be taken back.
    CaptureEnded {
        /// The switch.
        switch: RunId,
    },
    /// Something about the process around the runs (`process.toml`).
    Process {
        /// The person by their id, as far as the command line could tell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// What.
        #[serde(flatten)]
        fact: crate::process::Fact,
    },
    /// Something about a notice to people: queued, tried, sent.
    Notice {
        /// What.
        #[serde(flatten)]
        what: crate::process::notices::NoticeFact,
    },
    /// A database is about to be dropped on request. A former production has no marker: its identity stands in the nonce's place.
    DropIntended {
        /// Name byte for byte.
        name: String,
        /// Nonce of its marker.
        nonce: String,
    },
    /// It is gone.
    Dropped {
        /// Name byte for byte.
        name: String,
        /// Nonce of its marker.
        nonce: String,
    },
}

/// Parts of an undo, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoPart {
    /// The former generation, or production, gets its name back.
    SwapBack,
    /// Production is opened again as it was.
    LiftFence,
    /// Production notes nothing any more.
    EndCapture,
    /// What takes back the programs that ran beside a switch is run, latest first.
    Hooks,
    /// Who could connect to the former pilot can again.
    Admission,
    /// The generation is dropped.
    DropGeneration,
    /// What upgrade scripts did outside the database is undone by the scripts that the program declares for it, latest first.
    Inverse,
    /// The raw copy in the quarantine is dropped, whole or half restored.
    DropRaw,
}
