//! What every simulated computer of these tests does alike: a program, a run's beginning, one process over a run, the search for raw values.

use greenroom_engine::fake::Rows;
use greenroom_model::catalog::{EngineKind, TableName};
use greenroom_model::plan::Plan;
use greenroom_model::program::{Layer, Program, parse};
use greenroom_model::run::{Body, Phase, RunId, RunState};
use greenroom_runner::execute::{CarrySetup, Ended, Execution, RunError, RunLog, Setup};
use greenroom_runner::fencing::Fencing;
use greenroom_runner::journal::{Actor, Journal, Lease, MemoryJournal};
use greenroom_runner::ports::{Engines, Silent, SystemClock};
use greenroom_runner::workspace::RunKeys;
use greenroom_runner::workspace::Workspace;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What a process was started for.
#[derive(Clone, Copy, PartialEq)]
pub enum Act {
    Start,
    Resume,
    Undo,
}

pub fn actor() -> Actor {
    Actor { os_user: "tester".into(), words: None }
}

pub fn keys(nonce: &str) -> RunKeys {
    RunKeys::derive(&[1; 32], "crash", nonce, false)
}

/// A program over the fake engine.
pub fn program<'a>(files: impl IntoIterator<Item = (&'a str, String)>) -> Program {
    let files = files.into_iter().map(|(n, t)| (n.to_owned(), t)).collect();
    let (program, findings) = parse(&[Layer { name: "program".into(), files, opaque: BTreeMap::new() }]);
    let mut program = program.unwrap_or_else(|| panic!("{findings:?}"));
    program.source.engine = EngineKind::Fake;
    program.target.engine = EngineKind::Fake;
    program
}

/// Runs what one process does, to its end or its death.
pub fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
}

/// Puts a run on record.
pub fn start(journal: &mut MemoryJournal, id: &str, plan: Plan) -> Result<RunState, RunError> {
    let hash = plan.hash();
    journal.append(None, None, Body::PlanRecorded { hash, plan: Box::new(plan.clone()), found: None })?;
    let id = RunId(id.into());
    let event = journal.append(Some(&Lease { run: id.clone(), epoch: 0 }), Some(&actor()), Body::RunStarted { plan: hash })?;
    Ok(RunState::begin(id, hash, plan, &event))
}

/// One process over a run.
pub struct Process<'a> {
    pub disk: &'a Path,
    pub program: &'a Program,
    pub engines: Arc<dyn Engines>,
    pub carry: CarrySetup,
}

impl Process<'_> {
    pub async fn drive(self, journal: MemoryJournal, state: RunState) -> Result<Ended, RunError> {
        self.begin(journal, state).await?.drive(true).await
    }

    pub async fn undo(self, journal: MemoryJournal, state: RunState) -> Result<Ended, RunError> {
        if state.phase == Phase::Undone {
            return Ok(Ended::Undone);
        }
        let undoing = state.phase == Phase::Undoing;
        let mut execution = self.begin(journal, state).await?;
        if !undoing && let Some(refused) = execution.undo_all(&actor()).await? {
            return Ok(Ended::UndoFailed(refused));
        }
        execution.drive(true).await
    }

    async fn begin(self, journal: MemoryJournal, state: RunState) -> Result<Execution, RunError> {
        let scratch = self.disk.join("scratch").join(&state.id.0);
        std::fs::create_dir_all(&scratch).unwrap();
        let folder = self.disk.join("fence");
        std::fs::create_dir_all(&folder).unwrap();
        let fencing = Fencing {
            program: "crash".into(),
            folder,
            drain: Duration::ZERO,
            engines: self.engines.clone(),
            observer: Arc::new(Silent),
            actor: actor(),
        };
        let setup = Setup {
            program: self.program.clone(),
            folder: self.disk.to_owned(),
            engines: self.engines,
            keys: keys("nonce"),
            workspace: Workspace::open(self.disk).unwrap(),
            scratch,
            clock: Arc::new(SystemClock::default()),
            observer: Arc::new(Silent),
            cancel: CancellationToken::new(),
            by_hand: false,
            windows: None,
            planned: None,
            carry: self.carry,
            fencing,
        };
        Execution::begin(setup, RunLog::take(Box::new(journal), state, "process")?).await
    }
}

fn is_raw(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    text.contains("Realname") || text.contains("@bank.com")
}

/// No raw value in any table of a database.
pub fn check_rows(tables: &BTreeMap<TableName, Rows>, name: &str, what: &str) {
    for row in tables.values().flat_map(|rows| rows.values()) {
        assert!(!is_raw(row), "{what}: a raw value is in `{name}`");
    }
}

/// No raw value in any file of the run.
pub fn check_disk(dir: &Path, what: &str) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => check_disk(&path, what),
            false => assert!(!is_raw(&std::fs::read(&path).unwrap()), "{what}: a raw value is in {}", path.display()),
        }
    }
}
