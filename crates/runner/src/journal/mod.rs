//! The journal: one append-only, hash-chained event log per workspace. State is what its events say.
//!
//! Owns appending, replaying, leases' epochs and the erasable side table of personal data. Does not own the events' meaning
//! (`model::run`). `append` can fail and says so; nothing is ever updated or deleted except personal data on request.

mod beside;
mod memory;
mod sqlite;
pub use memory::MemoryJournal;
pub use sqlite::SqliteJournal;

use greenroom_model::fence::{Fence, Progress};
use greenroom_model::finding::Noticed;
use greenroom_model::hash::Hash;
use greenroom_model::plan::{BackupFile, Plan};
use greenroom_model::run::{Body, Broken, Event, IllegalEvent, RunId, RunState, event_hash};
use std::collections::{BTreeMap, BTreeSet};

/// The right to write events of one run: an epoch, superseded by the next takeover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The run.
    pub run: RunId,
    /// The epoch.
    pub epoch: u64,
}

/// Who acted, as far as the command line can tell. Kept outside the chain.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Actor {
    /// The operating system's user name: an indication, no signature.
    pub os_user: String,
    /// What they said in their own words: why a gate was waived, for example.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
}

/// Why an event could not be appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Another process has taken the run over.
    #[error("another process has taken `{run}` over (epoch {theirs} after our {ours})")]
    LeaseLost {
        /// The run.
        run: RunId,
        /// Ours.
        ours: u64,
        /// Theirs.
        theirs: u64,
    },
    /// The journal's file could not be written.
    #[error("the journal could not be written: {0}")]
    Storage(String),
}

/// Why the journal could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file could not be read.
    #[error("the journal could not be read: {0}")]
    Storage(String),
    /// The chain is broken: something was changed, removed or torn.
    #[error("the journal's chain is broken at event {seq}: {why}")]
    Broken {
        /// First event that does not fit.
        seq: u64,
        /// What does not fit.
        why: String,
    },
    /// Events contradict each other.
    #[error(transparent)]
    Illegal(#[from] IllegalEvent),
}

/// An append-only event log.
pub trait Journal: Send {
    /// Appends an event and makes it durable before it returns. With a lease the event belongs to its run and its epoch must be the
    /// run's latest. `LeaseTaken` is appended with the new lease.
    ///
    /// # Errors
    /// See [`AppendError`]; nothing was appended then.
    fn append(&mut self, lease: Option<&Lease>, actor: Option<&Actor>, body: Body) -> Result<Event, AppendError>;

    /// All events in order, the chain checked.
    ///
    /// # Errors
    /// See [`ReplayError`].
    fn replay(&self) -> Result<Vec<Event>, ReplayError>;

    /// Who acted, by commitment, as far as not erased.
    ///
    /// # Errors
    /// When the file cannot be read.
    fn actors(&self) -> Result<BTreeMap<Hash, Actor>, ReplayError>;
}

impl From<Broken> for ReplayError {
    fn from(b: Broken) -> ReplayError {
        ReplayError::Broken { seq: b.seq, why: b.why }
    }
}

/// Makes an event and its stored texts: (event, commitments, body).
pub(crate) fn seal(
    seq: u64,
    lease: Option<&Lease>,
    at: jiff::Timestamp,
    personal: Vec<Hash>,
    prev: Hash,
    body: Body,
) -> (Event, String, String) {
    let run = lease.map(|l| l.run.clone());
    let epoch = lease.map_or(0, |l| l.epoch);
    let personal_text = serde_json::to_string(&personal).expect("hashes serialise to JSON");
    let body_text = serde_json::to_string(&body).expect("events serialise to JSON");
    let hash = event_hash(seq, run.as_ref(), epoch, &at.to_string(), &personal_text, prev, &body_text);
    (Event { seq, run, epoch, at, personal, prev, hash, body }, personal_text, body_text)
}

/// The commitment to personal data: salted, so that it cannot be guessed once the data is erased.
pub(crate) fn commitment(salt: &[u8], data: &str) -> Hash {
    let mut h = blake3::Hasher::new();
    h.update(b"greenroom personal v1\0");
    h.update(salt);
    h.update(data.as_bytes());
    Hash(*h.finalize().as_bytes())
}

/// What is on record of a tree of files: when, and at how many places it was not as it should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct TreeState {
    /// The latest copy.
    pub copied: Option<(jiff::Timestamp, u64)>,
    /// The latest comparison.
    pub verified: Option<(jiff::Timestamp, u64)>,
}

/// A backup from which a restore was proven.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RestorePoint {
    /// The backup.
    pub backup: BackupFile,
    /// Fingerprint of the schema that its restored copy has.
    pub source: Hash,
    /// When it was proven.
    pub at: jiff::Timestamp,
    /// Tables that were read.
    pub tables: u64,
    /// Their rows.
    pub rows: u64,
    /// Milliseconds from the beginning of the restore until the last row was read.
    pub millis: u64,
}

/// Functions that are switched on again on a pilot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchedOn {
    /// Since when.
    pub since: jiff::Timestamp,
    /// Until when.
    pub until: jiff::Timestamp,
    /// By whom: commitments to what stands beside the chain.
    pub by: Vec<Hash>,
}

/// Everything that follows from a journal's events.
#[derive(Clone, Debug, Default)]
pub struct Projection {
    /// The program's name.
    pub program: Option<String>,
    /// Its times and people are made up.
    pub simulated: bool,
    /// Plans by hash.
    pub plans: BTreeMap<Hash, Plan>,
    /// What was found when plans were made, by their hash, where that is on record.
    pub found: BTreeMap<Hash, Vec<Noticed>>,
    /// Runs in order of their start.
    pub runs: Vec<RunState>,
    /// Names and nonces of databases that were dropped on request: (name, nonce, whether the drop is confirmed).
    pub dropped: Vec<(String, String, bool)>,
    /// Latest opening or sealing on request: (pilot, to whom; `None` is sealed).
    pub admissions: Vec<(jiff::Timestamp, String, Option<greenroom_model::program::Audience>)>,
    /// Functions of generations that are switched on again, by nonce and pack.
    pub functions: BTreeMap<(String, String), SwitchedOn>,
    /// Conflicts between pilot and production that somebody decided, in order.
    pub decided: Vec<greenroom_model::carry::Decided>,
    /// The fence around production that is not lifted.
    pub fence: Option<Fence>,
    /// Fences around former productions, by the hash of their doors: they stay.
    pub kept_fences: Vec<Hash>,
    /// Until when former productions are kept, by their identity, where somebody said so.
    pub formers_kept: BTreeMap<String, jiff::Timestamp>,
    /// Switches after which nothing is noted any more of what users write.
    pub captures_ended: BTreeSet<RunId>,
    /// Restore points in the order in which they were proven.
    pub restore_points: Vec<RestorePoint>,
    /// Trees of files by name: when each was last copied or compared, and whether everything was as it should be.
    pub files: BTreeMap<String, TreeState>,
    /// Where the process around the runs stands.
    pub process: greenroom_model::process::State,
    /// How far notices to people have come.
    pub outbox: greenroom_model::process::notices::Outbox,
    /// Events at which the wall clock went back.
    pub clock_jumps: Vec<u64>,
    /// Highest generation number ever planned.
    pub generations: u32,
}

impl Projection {
    /// Folds events.
    ///
    /// # Errors
    /// When events contradict each other.
    pub fn of(events: &[Event]) -> Result<Projection, ReplayError> {
        let mut p = Projection::default();
        let mut latest = None;
        for e in events {
            if latest.is_some_and(|l| e.at < l) {
                p.clock_jumps.push(e.seq);
            }
            latest = Some(e.at);
            p.apply(e)?;
        }
        Ok(p)
    }

    fn apply(&mut self, e: &Event) -> Result<(), ReplayError> {
        match &e.body {
            Body::WorkspaceCreated { program, simulated, .. } => {
                self.program = Some(program.clone());
                self.simulated = *simulated;
            }
            Body::PlanRecorded { hash, plan, found } => {
                self.generations = self.generations.max(plan.names.number);
                self.found.extend(found.clone().map(|found| (*hash, found)));
                self.plans.insert(*hash, (**plan).clone());
            }
            Body::RunStarted { plan: hash } => {
                let found = self.plans.get(hash).cloned();
                let (Some(plan), Some(run)) = (found, &e.run) else {
                    return Err(IllegalEvent { seq: e.seq, why: "a run of a plan that was never recorded".into() }.into());
                };
                if self.run(run).is_some() {
                    return Err(IllegalEvent { seq: e.seq, why: format!("`{run}` started twice") }.into());
                }
                self.runs.push(RunState::begin(run.clone(), *hash, plan, e));
            }
            Body::FunctionOpened { pack, nonce, until } => {
                let on = SwitchedOn { since: e.at, until: *until, by: e.personal.clone() };
                self.functions.insert((nonce.clone(), pack.clone()), on);
            }
            Body::FunctionClosed { pack, nonce } => drop(self.functions.remove(&(nonce.clone(), pack.clone()))),
            Body::Opened { pilot, to } => self.admissions.push((e.at, pilot.clone(), Some(*to))),
            Body::CarryDecided { decided } => self.decided.push(*decided),
            Body::Sealed { pilot } => self.admissions.push((e.at, pilot.clone(), None)),
            Body::FenceIntended { doors, until, reason } => {
                // The same doors may be shut again, long after: what was kept then is this one.
                self.kept_fences.retain(|kept| kept != doors);
                self.fence = Some(Fence { doors: *doors, since: e.at, until: *until, reason: reason.clone(), progress: Progress::Raising });
            }
            Body::FenceRaised | Body::FenceProlonged { .. } | Body::FenceLifting => {
                let Some(fence) = &mut self.fence else {
                    return Err(IllegalEvent { seq: e.seq, why: "a fence that was never begun".into() }.into());
                };
                match &e.body {
                    Body::FenceRaised => fence.progress = Progress::Raised,
                    Body::FenceProlonged { until } => fence.until = *until,
                    _ => fence.progress = Progress::Lifting,
                }
            }
            Body::FenceLifted => self.fence = None,
            // It has no deadline any more, and is nobody's to lift.
            Body::FenceKept => self.kept_fences.extend(self.fence.take().map(|f| f.doors)),
            Body::RestoreProven { backup, source, tables, rows, millis } => self.restore_points.push(RestorePoint {
                backup: backup.clone(),
                source: *source,
                at: e.at,
                tables: *tables,
                rows: *rows,
                millis: *millis,
            }),
            Body::FilesCopied { tree, wrong, .. } => self.files.entry(tree.clone()).or_default().copied = Some((e.at, *wrong)),
            Body::FilesVerified { tree, wrong, .. } => self.files.entry(tree.clone()).or_default().verified = Some((e.at, *wrong)),
            Body::Process { by, fact } => self.process.apply_event(e.seq, e.at, by.as_deref().unwrap_or_default(), fact),
            Body::Notice { what } => self.outbox.apply(e.seq, e.at, what),
            Body::CaptureEnded { switch } => drop(self.captures_ended.insert(switch.clone())),
            Body::FormerKept { engine_id, until, .. } => drop(self.formers_kept.insert(engine_id.clone(), *until)),
            Body::DropIntended { name, nonce } => self.dropped.push((name.clone(), nonce.clone(), false)),
            Body::Dropped { name: _, nonce } => {
                if let Some(d) = self.dropped.iter_mut().rev().find(|d| d.1 == *nonce) {
                    d.2 = true;
                }
            }
            _ => {
                let run = e.run.clone();
                match run.and_then(|r| self.runs.iter_mut().find(|s| s.id == r)) {
                    Some(state) => state.apply(e)?,
                    None => return Err(IllegalEvent { seq: e.seq, why: "it belongs to no run that was started".into() }.into()),
                }
            }
        }
        Ok(())
    }

    /// What is about one of several pilots. Numbers of generations, drops and decisions are everybody's: the last are bound to what was seen.
    pub fn of_pilot(mut self, profile: Option<&str>) -> Projection {
        self.plans.retain(|_, plan| plan.profile.as_deref() == profile);
        self.runs.retain(|run| run.plan.profile.as_deref() == profile);
        self
    }

    /// Finds a run.
    pub fn run(&self, id: &RunId) -> Option<&RunState> {
        self.runs.iter().find(|r| r.id == *id)
    }
}
