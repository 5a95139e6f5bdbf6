//! What a person can do with a program: check, plan, run, resume, undo, answer, verify, open, seal, drop, look.
//!
//! Owns wiring: files, workspace, journal, engines, locks. Command line and console both go through here. Does not own wording.

use crate::execute::{self, Ended, Execution, Locked, RunError, RunLog, SafetyInput, Setup};
use crate::files::{self, Loaded};
use crate::journal::{Actor, AppendError, Journal, Projection, ReplayError, SqliteJournal};
use crate::planning::{self, Checked, Survey};
use crate::ports::{Clock, Engines, Observer, Random, SystemClock, SystemRandom};
use crate::secrets::{LocalSecrets, Prompt};
use crate::workspace::{RunKeys, RunLock, Workspace};
use async_trait::async_trait;
use greenroom_engine::secret::Secrets;
use greenroom_engine::{Admission, EngineError, Source, Standing, Target};
use greenroom_model::catalog::Catalog;
use greenroom_model::finding::{Finding, any_error};
use greenroom_model::hash::Hash;
use greenroom_model::plan::{Action, Plan};
use greenroom_model::program::{Address, Audience, Program, Shape, parse};
use greenroom_model::run::{Body, Event, Phase, RunId, RunState, Verdict};
use secrecy::ExposeSecret;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The program's folder could not be read.
    #[error("could not read the program in {folder}: {source}")]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The program, or what it meets, forbids a run.
    #[error("the program cannot be run as it is")]
    Findings(Vec<Finding>),
    /// A secret is missing.
    #[error("{0}")]
    Secret(String),
    /// A database refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The journal could not be read.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The journal could not be written.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The run could not be driven.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The workspace could not be used.
    #[error("could not use the workspace: {0}")]
    Workspace(#[from] std::io::Error),
    /// Something is not as it has to be for this; code, what, and what to do.
    #[error("{message}")]
    Refused {
        /// `GR07xx`.
        code: &'static str,
        /// What is in the way.
        message: String,
        /// What to do.
        hint: String,
    },
    /// The pilot is not safe to open.
    #[error("the pilot is not safe to open")]
    Unsafe(Box<Verdict>),
}

fn refused(code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> SessionError {
    SessionError::Refused { code, message: message.into(), hint: hint.into() }
}

/// A program read from its folder.
pub struct Project {
    /// Folder and layers, for showing places.
    pub loaded: Loaded,
    /// The program; `None` when findings forbid understanding it.
    pub program: Option<Program>,
    /// Findings in files.
    pub findings: Vec<Finding>,
}

/// Reads and parses a program's folder.
///
/// # Errors
/// When the folder cannot be read.
pub fn read(folder: &Path) -> Result<Project, SessionError> {
    let mut loaded = files::load(folder).map_err(|source| SessionError::Folder { folder: folder.to_owned(), source })?;
    let (program, more) = parse(&loaded.layers);
    let mut findings = std::mem::take(&mut loaded.findings);
    findings.extend(more);
    let program = if any_error(&findings) { None } else { program };
    Ok(Project { loaded, program, findings })
}

/// Connections to the databases a program names.
pub struct RealEngines {
    source: Address,
    target: Address,
    secrets: Arc<dyn Secrets>,
    folder: PathBuf,
    owner: String,
}

impl RealEngines {
    /// Engines for two addresses; paths are read against `folder`. Sessions bear `owner`, so that another process can end them when this one
    /// has died.
    pub fn new(source: Address, target: Address, secrets: Arc<dyn Secrets>, folder: PathBuf, owner: String) -> RealEngines {
        RealEngines { source, target, secrets, folder, owner }
    }
}

#[async_trait]
impl Engines for RealEngines {
    async fn source(&self) -> greenroom_engine::Result<Box<dyn Source>> {
        let mut source = greenroom_engine::source(&self.source, self.secrets.as_ref(), &self.folder).await?;
        source.introduce(&self.owner).await?;
        Ok(source)
    }
    async fn target(&self) -> greenroom_engine::Result<Box<dyn Target>> {
        let mut target = greenroom_engine::target(&self.target, self.secrets.as_ref(), &self.folder).await?;
        target.introduce(&self.owner).await?;
        Ok(target)
    }
}

/// A database that the journal knows, and what stands there now.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Known {
    /// Name.
    pub name: String,
    /// `pilot`, `former`, `generation`.
    pub role: String,
    /// The run that made it, or that put it aside.
    pub run: RunId,
    /// Nonce of its marker.
    pub nonce: String,
    /// What stands there; `None` when it is gone.
    pub standing: Option<Standing>,
    /// Who may connect, for the pilot.
    pub admission: Option<Admission>,
    /// When it may be dropped, for former pilots.
    pub until: Option<jiff::Timestamp>,
}

/// A program at work in its workspace.
pub struct Session {
    /// The program's folder.
    pub folder: PathBuf,
    /// The program.
    pub program: Program,
    workspace: Workspace,
    root_key: [u8; 32],
    engines: Arc<dyn Engines>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    observer: Arc<dyn Observer>,
    actor: Actor,
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
        let engines = Arc::new(RealEngines::new(from, to, secrets.clone(), folder.clone(), owner.clone()));
        let workspace = Workspace::open(&folder)?;
        let root_key = match &program.masks.key {
            // A key of the program's own gives the same pseudonyms on every machine that has it.
            Some(reference) => {
                *blake3::hash(secrets.resolve(reference).map_err(SessionError::Secret)?.expose_secret().as_bytes()).as_bytes()
            }
            None => workspace.root_key(random.as_ref())?,
        };
        let os_user = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|n| std::env::var(n).ok()).unwrap_or_else(|| "unknown".into());
        let actor = Actor { os_user };
        let cancel = CancellationToken::new();
        Ok(Session { folder, program, workspace, root_key, engines, clock, random, observer, actor, owner, cancel })
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
            journal.append(None, None, Body::WorkspaceCreated { program, tool })?;
        }
        Ok(journal)
    }

    /// Everything the journal says.
    ///
    /// # Errors
    /// When it cannot be read or trusted.
    pub fn history(&self) -> Result<Projection, SessionError> {
        Ok(Projection::of(&self.events()?)?)
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

    /// Asks source and target what they are and checks the program against them.
    ///
    /// # Errors
    /// When one cannot be reached.
    pub async fn check(&self) -> Result<(Survey, Checked), SessionError> {
        let mut survey = planning::survey(&self.program, self.engines.as_ref()).await?;
        survey.decided = self.decided_schema(&survey.catalog);
        let checked = planning::check(&self.program, &survey, &self.keys("check"));
        Ok((survey, checked))
    }

    /// The schema that the column decisions were made for, if this workspace has seen it; `now` is remembered if it is the one.
    pub fn decided_schema(&self, now: &Catalog) -> Option<Catalog> {
        let pinned = self.program.pinned?;
        if pinned == now.columns_fingerprint() {
            // Only for telling what drifted later: without it a finding says less.
            let _ = self.workspace.remember_schema(now);
            return None;
        }
        self.workspace.seen_schema(pinned)
    }

    /// Remembers a schema that decisions were just made for.
    pub fn remember_schema(&self, catalog: &Catalog) {
        // As above.
        let _ = self.workspace.remember_schema(catalog);
    }

    /// Makes a plan and records it. Nothing is executed.
    ///
    /// # Errors
    /// [`SessionError::Findings`] when something forbids a run.
    pub async fn plan(&self) -> Result<(Hash, Plan, Vec<Finding>), SessionError> {
        let (survey, checked) = self.check().await?;
        if any_error(&checked.findings) {
            return Err(SessionError::Findings(checked.findings));
        }
        let findings = checked.findings.clone();
        let mut journal = self.journal()?;
        let history = Projection::of(&journal.replay()?)?;
        let names = planning::names(&self.program, &history, self.random.as_ref());
        let plan = planning::make(&self.program, &survey, checked, &history, names, env!("CARGO_PKG_VERSION"));
        let hash = plan.hash();
        // Only for telling what drifted: a plan without it runs just as well.
        std::fs::write(self.workspace.planned_schema(hash), serde_json::to_vec(&survey.catalog).map_err(std::io::Error::from)?)?;
        journal.append(None, None, Body::PlanRecorded { hash, plan: Box::new(plan.clone()) })?;
        Ok((hash, plan, findings))
    }

    /// Finds a recorded plan by the first digits of its hash.
    ///
    /// # Errors
    /// When there is none, or several.
    pub fn find_plan(&self, prefix: &str) -> Result<(Hash, Plan), SessionError> {
        let history = self.history()?;
        let mut found = history.plans.into_iter().filter(|(h, _)| h.to_string().starts_with(prefix));
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one),
            (None, _) => Err(refused("GR0722", format!("no plan begins with `{prefix}`"), "`greenroom plan` makes one")),
            (Some(_), Some(_)) => Err(refused("GR0722", format!("several plans begin with `{prefix}`"), "give more digits")),
        }
    }

    /// Finds a run by its name, or the latest one.
    ///
    /// # Errors
    /// When there is none.
    pub fn find_run(&self, name: Option<&str>) -> Result<RunState, SessionError> {
        let history = self.history()?;
        let found = match name {
            Some(name) => history.runs.iter().find(|r| r.id.0 == name),
            None => history.runs.last(),
        };
        found.cloned().ok_or_else(|| match name {
            Some(name) => refused("GR0722", format!("there is no run `{name}`"), "`greenroom runs` lists them"),
            None => refused("GR0722", "there is no run yet", "`greenroom rehearse` starts one"),
        })
    }

    /// Whether another process of this machine works on the pilot now.
    ///
    /// # Errors
    /// When the lock cannot be looked at.
    pub fn busy(&self) -> Result<bool, SessionError> {
        Ok(self.workspace.lock("pilot")?.is_none())
    }

    fn lock(&self) -> Result<RunLock, SessionError> {
        self.workspace.lock("pilot")?.ok_or_else(|| {
            refused(
                "GR0723",
                format!("another Greenroom is working on the pilot `{}`", self.program.pilot.name),
                "wait for it, or stop it; `greenroom status` shows how far it is",
            )
        })
    }

    /// Starts a run of a recorded plan and drives it.
    ///
    /// # Errors
    /// See [`SessionError`]; a failed step is no error but [`Ended::Failed`].
    pub async fn start(&self, hash: Hash, plan: &Plan, by_hand: bool) -> Result<(RunId, Ended), SessionError> {
        let _lock = self.lock()?;
        self.same_program(plan)?;
        let mut journal = self.journal()?;
        let history = Projection::of(&journal.replay()?)?;
        if let Some(open) = history.runs.iter().find(|r| matches!(r.phase, Phase::Running | Phase::Undoing)) {
            return Err(refused(
                "GR0723",
                format!("the run `{}` is neither finished nor undone", open.id),
                format!("`greenroom resume {0}` goes on, `greenroom undo {0}` goes back", open.id),
            ));
        }
        let id = RunId(format!("{}-{}", plan.kind, plan.names.number));
        if history.run(&id).is_some() {
            return Err(refused("GR0722", format!("the plan has been run already, as `{id}`"), "`greenroom plan` makes a new one"));
        }
        let locked = self.server_lock().await?;
        let lease = crate::journal::Lease { run: id.clone(), epoch: 0 };
        let event = journal.append(Some(&lease), Some(&self.actor), Body::RunStarted { plan: hash })?;
        let state = RunState::begin(id.clone(), hash, plan.clone(), &event);
        let mut execution = self.execution(journal, state, by_hand, locked)?;
        Ok((id, execution.drive(false).await?))
    }

    /// Goes on with a run: after a crash, a failure, an interruption or an answer.
    ///
    /// # Errors
    /// As [`Session::start`].
    pub async fn resume(&self, name: Option<&str>, by_hand: bool) -> Result<(RunId, Ended), SessionError> {
        let _lock = self.lock()?;
        let state = self.find_run(name)?;
        let id = state.id.clone();
        match state.phase {
            Phase::Finished => return Ok((id, Ended::Finished)),
            Phase::Undone => return Ok((id, Ended::Undone)),
            Phase::Running => self.same_program(&state.plan)?,
            Phase::Undoing => {}
        }
        let locked = self.server_lock().await?;
        let mut execution = self.execution(self.journal()?, state, by_hand, locked)?;
        Ok((id, execution.drive(true).await?))
    }

    /// Restores what stood before a run.
    ///
    /// # Errors
    /// As [`Session::start`].
    pub async fn undo(&self, name: Option<&str>) -> Result<(RunId, Ended), SessionError> {
        let _lock = self.lock()?;
        let state = self.find_run(name)?;
        let id = state.id.clone();
        if state.phase == Phase::Undone {
            return Ok((id, Ended::Undone));
        }
        let undoing = state.phase == Phase::Undoing;
        let locked = self.server_lock().await?;
        let mut execution = self.execution(self.journal()?, state, false, locked)?;
        if !undoing && let Some(f) = execution.undo_all(&self.actor).await? {
            let code = if f.code == "GR0715" { "GR0715" } else { "GR0714" };
            return Err(refused(code, f.message, f.hint.unwrap_or_default()));
        }
        Ok((id, execution.drive(true).await?))
    }

    /// Answers what a run asks.
    ///
    /// # Errors
    /// When it asks nothing, or the word is none of its choices.
    pub fn answer(&self, name: Option<&str>, choice: &str) -> Result<RunId, SessionError> {
        let _lock = self.lock()?;
        let state = self.find_run(name)?;
        let waiting = state.steps.iter().find_map(|(k, s)| match s {
            greenroom_model::run::StepState::Waiting { question } => Some((k.clone(), question.clone())),
            _ => None,
        });
        let Some((step, question)) = waiting else {
            return Err(refused("GR0722", format!("the run `{}` waits for nobody", state.id), "`greenroom status` shows where it stands"));
        };
        if !question.choices.iter().any(|(word, _)| word == choice) {
            let words: Vec<String> = question.choices.iter().map(|(w, _)| format!("`{w}`")).collect();
            return Err(refused("GR0722", format!("`{choice}` is no answer to what is asked"), format!("answer {}", words.join(" or "))));
        }
        let id = state.id.clone();
        let log = RunLog::take(Box::new(self.journal()?), state, &self.owner)?;
        log.record_by(Some(&self.actor), Body::Answered { step, choice: choice.to_owned() })?;
        Ok(id)
    }

    /// Takes the target server's lock. Every other process that took a lease in this workspace is dead, since the workspace's lock is ours:
    /// what is left of its sessions is ended first.
    async fn server_lock(&self) -> Result<Locked, SessionError> {
        let leases = self.events()?.into_iter().filter_map(|e| match e.body {
            Body::LeaseTaken { owner } if owner != self.owner => Some(owner),
            _ => None,
        });
        let mut dead: Vec<String> = leases.collect();
        dead.dedup();
        Ok(Locked::take(self.engines.as_ref(), &self.program.pilot.name, &dead).await?)
    }

    fn execution(&self, journal: SqliteJournal, state: RunState, by_hand: bool, locked: Locked) -> Result<Execution, SessionError> {
        let plan = &state.plan;
        let setup = Setup {
            program: self.program.clone(),
            folder: self.folder.clone(),
            engines: self.engines.clone(),
            keys: self.keys(&plan.names.nonce),
            scratch: self.workspace.scratch(&state.id)?,
            clock: self.clock.clone(),
            observer: self.observer.clone(),
            cancel: self.cancel.clone(),
            by_hand,
            planned: std::fs::read(self.workspace.planned_schema(state.plan_hash)).ok().and_then(|b| serde_json::from_slice(&b).ok()),
        };
        let log = RunLog::take(Box::new(journal), state, &self.owner)?;
        Ok(Execution::begin_locked(setup, log, locked))
    }

    fn same_program(&self, plan: &Plan) -> Result<(), SessionError> {
        if plan.program_hash == self.program.hash() {
            return Ok(());
        }
        Err(refused(
            "GR0721",
            "the program was edited after this plan was made",
            "put the files back, or `greenroom undo` the run and plan again",
        ))
    }

    /// The run whose generation stands under the pilot's name now, by marker.
    async fn pilot_run(&self, target: &mut dyn Target) -> Result<(RunState, Standing), SessionError> {
        let name = &self.program.pilot.name;
        let Some(standing) = target.look(name).await? else {
            return Err(refused("GR0722", format!("nothing stands under the pilot's name `{name}`"), "`greenroom rehearse` makes a pilot"));
        };
        let nonce = standing.marker.as_ref().map(|m| m.nonce.clone());
        let history = self.history()?;
        match history.runs.into_iter().find(|r| Some(&r.plan.names.nonce) == nonce.as_ref()) {
            Some(run) => Ok((run, standing)),
            None => Err(refused(
                "GR0503",
                format!("what stands under `{name}` was not made in this workspace"),
                "use the workspace that made it",
            )),
        }
    }

    /// Verifies the pilot as it is now: assertions, packs, residual scan. Recorded with its age.
    ///
    /// # Errors
    /// When there is no pilot of ours, or it cannot be read.
    pub async fn verify(&self) -> Result<Verdict, SessionError> {
        let _lock = self.lock()?;
        let mut target = self.engines.target().await?;
        let (run, _) = self.pilot_run(target.as_mut()).await?;
        let verdict = self.safety(target.as_mut(), &run, "on request").await?;
        let log = RunLog::take(Box::new(self.journal()?), run, &self.owner)?;
        log.record(Body::Verified { verdict: verdict.clone() })?;
        Ok(verdict)
    }

    async fn safety(&self, target: &mut dyn Target, run: &RunState, what: &str) -> Result<Verdict, SessionError> {
        let keys = self.keys(&run.plan.names.nonce);
        let mut inside = target.enter(&self.program.pilot.name).await?;
        let known = execute::Known::open(&self.workspace.scratch(&run.id)?)?;
        let search = Arc::new(execute::Search::new(known.as_ref(), &keys.values, &self.program.verify.allowed_mail_domains));
        let read = execute::ReadBack {
            key: keys.digests.clone(),
            search: Some(search.clone()),
            width: target.capabilities().await?.max_readers as usize,
            // People may be at work in it.
            range_rows: None,
            cancel: self.cancel.clone(),
            tell: Arc::new(|_, _| {}),
        };
        let scanned = BTreeMap::new();
        let mut input = SafetyInput { program: &self.program, plan: &run.plan, search, after_upgrade: true, scanned, read };
        let mut verdict = execute::check_safety(inside.as_mut(), &mut input).await?;
        verdict.what = what.to_owned();
        let none = |_: &str| None;
        let failed = execute::run_assertions(inside.as_mut(), &self.program, Shape::After, &keys.values, &none, &mut verdict).await?;
        verdict.differences.extend(failed);
        let recorded =
            run.outcome_of(|a| matches!(a, Action::SafetyCheck { after_upgrade: true })).and_then(|o| o.facts.get("fingerprint"));
        match recorded {
            Some(f) if *f == verdict.fingerprint.to_string() => verdict.compared.push("the schema is as it was when the run ended".into()),
            Some(_) => verdict.not_compared.push("the schema has changed since the run ended".into()),
            None => {}
        }
        verdict.passed = verdict.differences.is_empty();
        inside.leave().await?;
        Ok(verdict)
    }

    /// Lets people into the pilot, after one more safety check.
    ///
    /// # Errors
    /// [`SessionError::Unsafe`] when the check fails.
    pub async fn admit(&self, to: Audience) -> Result<Verdict, SessionError> {
        let _lock = self.lock()?;
        let mut target = self.engines.target().await?;
        let (run, _) = self.pilot_run(target.as_mut()).await?;
        if run.phase != Phase::Finished {
            return Err(refused("GR0723", format!("the run `{}` is not finished", run.id), "`greenroom resume` first"));
        }
        let verdict = self.safety(target.as_mut(), &run, "before opening").await?;
        if !verdict.passed {
            return Err(SessionError::Unsafe(Box::new(verdict)));
        }
        let pilot = self.program.pilot.name.clone();
        // Letting in is repeatable: intent and outcome are one event, written first so that an opening is never off the record.
        self.journal()?.append(None, Some(&self.actor), Body::Opened { pilot: pilot.clone(), to })?;
        execute::admit(target.as_mut(), &pilot, &self.program, to).await?;
        Ok(verdict)
    }

    /// Shuts everybody but Greenroom out of the pilot.
    ///
    /// # Errors
    /// When there is no pilot of ours.
    pub async fn seal(&self) -> Result<(), SessionError> {
        let _lock = self.lock()?;
        let mut target = self.engines.target().await?;
        self.pilot_run(target.as_mut()).await?;
        let pilot = self.program.pilot.name.clone();
        target.admit(&pilot, &Admission::Sealed).await?;
        self.journal()?.append(None, Some(&self.actor), Body::Sealed { pilot })?;
        Ok(())
    }

    /// Databases of ours that the journal knows, and what stands there now.
    ///
    /// # Errors
    /// When the target cannot be reached.
    pub async fn databases(&self) -> Result<Vec<Known>, SessionError> {
        let history = self.history()?;
        let mut target = self.engines.target().await?;
        let gone = |nonce: &str| history.dropped.iter().any(|d| d.1 == nonce && d.2);
        let mut all: Vec<Known> = Vec::new();
        for run in &history.runs {
            let names = &run.plan.names;
            if run.phase != Phase::Undone && !run.swapped() && !gone(&names.nonce) {
                let standing = target.look(&names.generation).await?.filter(|s| s.marker.as_ref().is_some_and(|m| m.nonce == names.nonce));
                if standing.is_some() {
                    all.push(known(&names.generation, "generation", run, &names.nonce, standing));
                }
            }
            let swap = run.outcome_of(|a| matches!(a, Action::Swap)).filter(|_| run.swapped());
            if let Some((former, nonce)) = swap.and_then(|o| Some((o.facts.get("former")?, o.facts.get("former_nonce")?)))
                && !gone(nonce)
            {
                let standing = target.look(former).await?.filter(|s| s.marker.as_ref().is_some_and(|m| m.nonce == *nonce));
                let mut k = known(former, "former", run, nonce, standing);
                let hours = i64::from(self.program.pilot.keep_former_hours);
                k.until = run.last.checked_add(jiff::SignedDuration::from_hours(hours)).ok();
                if k.standing.is_some() {
                    all.push(k);
                }
            }
        }
        if let Ok((run, standing)) = self.pilot_run(target.as_mut()).await {
            let mut k = known(&self.program.pilot.name, "pilot", &run, &run.plan.names.nonce, Some(standing));
            k.admission = Some(target.admission(&self.program.pilot.name).await?);
            all.push(k);
        }
        Ok(all)
    }

    /// Drops one database of ours. Journal and marker must both say that it is ours.
    ///
    /// # Errors
    /// When it is not known, or its marker is another.
    pub async fn drop_database(&self, name: &str) -> Result<Known, SessionError> {
        let _lock = self.lock()?;
        let Some(k) = self.databases().await?.into_iter().find(|k| k.name == name) else {
            return Err(refused(
                "GR0503",
                format!("the journal does not know a database `{name}` of ours that stands now"),
                "`greenroom status` lists those that it knows; others are not Greenroom's to drop",
            ));
        };
        let busy = self.history()?.runs.iter().any(|r| r.id == k.run && matches!(r.phase, Phase::Running | Phase::Undoing));
        if busy && k.role == "generation" {
            return Err(refused(
                "GR0723",
                format!("`{name}` belongs to the unfinished run `{}`", k.run),
                format!("`greenroom undo {}` drops it and closes the run", k.run),
            ));
        }
        let mut journal = self.journal()?;
        journal.append(None, Some(&self.actor), Body::DropIntended { name: k.name.clone(), nonce: k.nonce.clone() })?;
        self.engines.target().await?.drop_marked(&k.name, &k.nonce).await?;
        journal.append(None, None, Body::Dropped { name: k.name.clone(), nonce: k.nonce.clone() })?;
        Ok(k)
    }

    /// Drops former pilots whose time is over.
    ///
    /// # Errors
    /// As [`Session::drop_database`].
    pub async fn drop_expired(&self) -> Result<Vec<Known>, SessionError> {
        let now = self.clock.now();
        let due: Vec<Known> = self.databases().await?.into_iter().filter(|k| k.until.is_some_and(|u| u <= now)).collect();
        let mut dropped = Vec::new();
        for k in due {
            dropped.push(self.drop_database(&k.name).await?);
        }
        Ok(dropped)
    }
}

fn known(name: &str, role: &str, run: &RunState, nonce: &str, standing: Option<Standing>) -> Known {
    Known {
        name: name.to_owned(),
        role: role.to_owned(),
        run: run.id.clone(),
        nonce: nonce.to_owned(),
        standing,
        admission: None,
        until: None,
    }
}
