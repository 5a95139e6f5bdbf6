//! What a person can do with a program: check, plan, run, resume, undo, answer, verify, open, seal, drop, look.
//!
//! Owns wiring: files, workspace, journal, engines, locks. Command line and console both go through here. Does not own wording. One file for
//! each group of what can be done.

mod artefact;
mod audit;
mod carry;
mod cases;
mod changes;
mod databases;
mod dates;
mod downtime;
mod drive;
mod engines;
mod error;
mod export;
mod fence;
mod functions;
mod integrations;
mod leftovers;
mod links;
mod notices;
mod pilot;
mod plans;
mod process;
mod production;
mod project;
mod proof;
mod prove;
mod raw;
mod requirements;
mod retire;
mod rollback;
mod switch;
mod tasks;
mod trees;
mod version;

pub use artefact::Opened;
pub use audit::{FindingShown, Said};
pub use carry::Dressed;
pub use cases::Trial;
pub use changes::{Changes, NoteLine, ROW_DIGITS, RowCounts, RowLine, SchemaLine, TableChanges};
pub use databases::{Elsewhere, Known};
pub use downtime::DowntimeNow;
pub use engines::RealEngines;
pub use error::SessionError;
pub(crate) use error::refused;
pub use fence::{FenceView, Watching};
pub use functions::Function;
pub use integrations::{EndLine, IntegrationLine, PilotLine, Probing};
pub use leftovers::Leftover;
pub use links::{MadeLink, Unreceived};
pub use notices::NoticeLine;
pub use process::Recorded;
pub use production::ForProduction;
pub use project::{Project, read, read_for};
pub use proof::{Erase, Erased, SignWith};
pub use prove::Proved;
pub use requirements::{Checked, RequirementLine};
pub use retire::drop_former;
pub use rollback::{Revocable, RollbackPreview};
pub use switch::{Guard, SwitchPreview};
pub use tasks::{TaskEnd, TaskRun};
pub use trees::KnownTree;

use crate::journal::{Actor, Journal, Projection, SqliteJournal};
use crate::ports::{Clock, Engines, Observer, Random, SystemClock, SystemRandom};
use crate::secrets::{LocalSecrets, Prompt};
use crate::workspace::{RunKeys, Workspace};
use greenroom_engine::secret::Secrets;
use greenroom_model::hash::Hash;
use greenroom_model::program::Program;
use greenroom_model::run::{Body, Event};
use secrecy::ExposeSecret;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// A program at work in its workspace.
pub struct Session {
    /// The program's folder.
    pub folder: PathBuf,
    /// The program.
    pub program: Program,
    workspace: Workspace,
    root_key: [u8; 32],
    engines: Arc<dyn Engines>,
    secrets: Arc<dyn Secrets>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    observer: Arc<dyn Observer>,
    actor: Actor,
    /// Its times and people are made up.
    simulated: bool,
    /// Set when something is recorded of which people may be told.
    told: Arc<std::sync::atomic::AtomicBool>,
    /// What `process.toml` says, where there is one.
    process: Option<greenroom_model::process::Process>,
    /// What was found in the program's files.
    in_files: Vec<greenroom_model::finding::Noticed>,
    /// What the journal said when it was last replayed, and up to which event: a command asks several times.
    seen: std::sync::Mutex<Option<((i64, String), Projection)>>,
    /// This process, in the journal's leases and in the names of its sessions on servers.
    owner: String,
    /// Stops what is being done at the next safe point.
    pub cancel: CancellationToken,
}

impl Session {
    /// Opens a program's workspace, making it at first use.
    ///
    /// # Errors
    /// When the workspace or the mask key cannot be used.
    pub fn open(folder: PathBuf, program: Program, prompt: Prompt, observer: Arc<dyn Observer>) -> Result<Session, SessionError> {
        let secrets: Arc<dyn Secrets> = Arc::new(LocalSecrets::new(&folder, prompt));
        let (clock, random): (Arc<dyn Clock>, Arc<dyn Random>) = (Arc::new(SystemClock::default()), Arc::new(SystemRandom));
        let owner = random.name(16);
        let (from, to) = (program.source.clone(), program.target.clone());
        let engines = RealEngines::new(from, to, secrets.clone(), folder.clone(), owner.clone());
        let engines = Arc::new(engines.with_quarantine(program.quarantine.clone()).with_production(program.fence.address.clone()));
        let workspace = Workspace::open(&folder)?;
        let root_key = match &program.masks.key {
            // A key of the program's own gives the same pseudonyms on every machine that has it.
            Some(reference) => {
                *blake3::hash(secrets.resolve(reference).map_err(SessionError::Secret)?.expose_secret().as_bytes()).as_bytes()
            }
            None => workspace.root_key(random.as_ref())?,
        };
        let os_user = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|n| std::env::var(n).ok()).unwrap_or_else(|| "unknown".into());
        let actor = Actor { os_user, words: None };
        let cancel = CancellationToken::new();
        Ok(Session {
            folder,
            program,
            workspace,
            root_key,
            engines,
            secrets,
            clock,
            random,
            observer,
            actor,
            simulated: false,
            told: Arc::default(),
            process: None,
            in_files: Vec::new(),
            seen: std::sync::Mutex::default(),
            owner,
            cancel,
        })
    }

    /// The same session at another time, with somebody else: for demos. The record of the workspace says from its first event on that it is simulated.
    pub fn simulated(mut self, clock: Arc<dyn Clock>, login: &str) -> Session {
        (self.simulated, self.clock) = (true, clock);
        self.actor = Actor { os_user: login.to_owned(), words: None };
        self
    }

    /// The connections.
    pub fn engines(&self) -> Arc<dyn Engines> {
        self.engines.clone()
    }

    fn journal(&self) -> Result<SqliteJournal, SessionError> {
        let path = self.workspace.journal();
        let fresh = !path.exists();
        let mut journal = SqliteJournal::open(&path, self.clock.clone(), self.random.clone())?;
        if fresh {
            let (program, tool) = (self.program.name.clone(), env!("CARGO_PKG_VERSION").to_owned());
            journal.append(None, None, Body::WorkspaceCreated { program, tool, simulated: self.simulated })?;
        }
        Ok(journal)
    }

    /// Everything the journal says about this pilot.
    ///
    /// # Errors
    /// When it cannot be read or trusted.
    pub fn history(&self) -> Result<Projection, SessionError> {
        Ok(self.whole_history()?.of_pilot(self.program.profile.as_deref()))
    }

    /// Everything the journal says, about every pilot of the program.
    pub(super) fn whole_history(&self) -> Result<Projection, SessionError> {
        let journal = self.journal()?;
        let tip = journal.tip()?;
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let (Some((at, projection)), Some(tip)) = (seen.as_ref(), &tip)
            && at == tip
        {
            return Ok(projection.clone());
        }
        let events = journal.replay()?;
        let projection = Projection::of(&events)?;
        *seen = events.last().and_then(|e| Some(((i64::try_from(e.seq).ok()?, e.hash.to_string()), projection.clone())));
        Ok(projection)
    }

    /// The journal's events, and who acted where that is still known.
    ///
    /// # Errors
    /// As [`Session::history`].
    pub fn events(&self) -> Result<Vec<Event>, SessionError> {
        Ok(self.journal()?.replay()?)
    }

    /// Who acted, by commitment.
    ///
    /// # Errors
    /// As [`Session::history`].
    pub fn actors(&self) -> Result<BTreeMap<Hash, Actor>, SessionError> {
        Ok(self.journal()?.actors()?)
    }

    /// The keys of a generation; for previews and checks any nonce will do.
    pub fn keys(&self, nonce: &str) -> RunKeys {
        RunKeys::derive(&self.root_key, &self.program.name, nonce, self.program.masks.stable)
    }
}
