//! A process that is killed (SIGKILL) between what it did and what it wrote down, at every kind of step: another one finishes the run, or
//! undoes it (P32), on every server: what differs between them is in the scene. The process is this test binary itself, run again; it kills itself at the event it was told.

use crate::scene::{self, NEEDLES, Scene, rehearse};
use greenroom_model::carry::CarryKey;
use greenroom_model::hash::Hash;
use greenroom_model::run::{Body, Event, RunId, RunState};
use greenroom_runner::execute::{CarrySetup, Ended, Execution, RunLog, Setup};
use greenroom_runner::fencing::Fencing;
use greenroom_runner::journal::{Actor, AppendError, Journal, Lease, ReplayError, SqliteJournal};
use greenroom_runner::ports::{Silent, SystemClock, SystemRandom};
use greenroom_runner::session::{Session, SessionError};
use greenroom_runner::workspace::Workspace;
use greenroom_testkit::files;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Tells the child what to do: folder, `start` or `undo`, `before` or `after`, event.
const CHILD: &str = "GREENROOM_TEST_CHILD";

/// Tries every so-manieth cut only: for servers on which a session takes a second to open.
const EVERY: &str = "GREENROOM_TEST_CUTS";

const CLIENTS: u32 = 8;

/// A journal that kills its process before or after it has written an event.
struct Deadly {
    inner: SqliteJournal,
    before: bool,
    at: String,
}

impl Journal for Deadly {
    fn append(&mut self, lease: Option<&Lease>, actor: Option<&Actor>, body: Body) -> Result<Event, AppendError> {
        let hit = label(&body) == self.at;
        if hit && self.before {
            die();
        }
        let event = self.inner.append(lease, actor, body)?;
        if hit {
            die();
        }
        Ok(event)
    }

    fn replay(&self) -> Result<Vec<Event>, ReplayError> {
        self.inner.replay()
    }

    fn actors(&self) -> Result<BTreeMap<Hash, Actor>, ReplayError> {
        self.inner.actors()
    }
}

fn die() -> ! {
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).unwrap();
    unreachable!("nobody survives SIGKILL")
}

/// Kind of an event and the step it is about.
fn label(body: &Body) -> String {
    match body {
        Body::StepStarted { step } => format!("step started {step}"),
        Body::StepFinished { step, .. } => format!("step finished {step}"),
        Body::RangeCopied { step, .. } => format!("range copied {step}"),
        Body::Verified { verdict } => format!("verified {}", verdict.what),
        Body::UndoStepStarted { part } => format!("undo started {part:?}"),
        Body::UndoStepFinished { part } => format!("undo finished {part:?}"),
        Body::SnapshotHeld => "snapshot held".into(),
        Body::RunFinished => "run finished".into(),
        Body::LeaseTaken { .. } => "lease taken".into(),
        Body::UndoStarted => "undo started".into(),
        _ => "other".into(),
    }
}

/// The process that dies; does nothing when it is run as a test of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(orders) = std::env::var(CHILD) else { return };
    let [folder, act, when, at] = orders.splitn(4, '|').collect::<Vec<_>>().try_into().unwrap();
    let folder = Path::new(folder);
    let session = scene::open(folder, Arc::new(Silent));
    let workspace = Workspace::open(folder).unwrap();
    let _lock = workspace.lock("pilot").unwrap().unwrap();
    let inner = SqliteJournal::open(&workspace.journal(), Arc::new(SystemClock::default()), Arc::new(SystemRandom)).unwrap();
    let mut journal = Deadly { inner, before: when == "before", at: at.to_owned() };
    let actor = Actor { os_user: "tester".into(), words: None };
    let state = if act == "start" {
        let (hash, plan, _) = session.plan().await.unwrap();
        let id = RunId(format!("{}-{}", plan.kind, plan.names.number));
        let event = journal.append(Some(&Lease { run: id.clone(), epoch: 0 }), Some(&actor), Body::RunStarted { plan: hash }).unwrap();
        RunState::begin(id, hash, plan, &event)
    } else {
        session.find_run(None).unwrap()
    };
    let setup = Setup {
        program: session.program.clone(),
        folder: folder.to_owned(),
        engines: session.engines(),
        keys: session.keys(&state.plan.names.nonce),
        workspace: workspace.clone(),
        scratch: workspace.scratch(&state.id).unwrap(),
        clock: Arc::new(SystemClock::default()),
        observer: Arc::new(Silent),
        cancel: Default::default(),
        by_hand: false,
        windows: None,
        planned: None,
        carry: CarrySetup { key: CarryKey::new(&[2; 32]), decided: Vec::new(), bases: "/nowhere".into(), former: None, import: None },
        fencing: Fencing {
            program: session.program.name.clone(),
            folder: workspace.fence(),
            drain: Default::default(),
            engines: session.engines(),
            observer: Arc::new(Silent),
            actor: actor.clone(),
        },
    };
    let log = RunLog::take(Box::new(journal), state, "child").unwrap();
    let mut execution = Execution::begin(setup, log).await.unwrap();
    if act == "undo" {
        assert_eq!(execution.undo_all(&actor).await.unwrap(), None);
    }
    let ended = execution.drive(true).await.unwrap();
    panic!("nothing killed this process at `{at}`: {ended:?}");
}

/// Runs the child until it dies.
fn killed(folder: &Path, act: &str, when: &str, at: &str) {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "crash::child", "--nocapture", "--test-threads=1"]);
    child.env(CHILD, format!("{}|{act}|{when}|{at}", folder.display()));
    let output = child.output().unwrap();
    let signal = std::os::unix::process::ExitStatusExt::signal(&output.status);
    assert_eq!(signal, Some(9), "{act} {when} {at}: {}", String::from_utf8_lossy(&output.stdout));
}

/// Goes on or back. The dead process's sessions may take a moment to be noticed by the server.
async fn go(session: &Session, undo: bool) -> Ended {
    let began = Instant::now();
    loop {
        let ended = if undo { session.undo(None).await } else { session.resume(None, false).await };
        match ended {
            Ok((_, ended)) => return ended,
            Err(SessionError::Run(e)) if e.to_string().contains("working on the pilot") && began.elapsed() < Duration::from_secs(20) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(e) => panic!("{e}"),
        }
    }
}

/// A scene with a finished pilot, and the labels of its run's events, in order, each kind once.
async fn stage(name: &str) -> Option<(Scene, Vec<String>)> {
    let server = match scene::server() {
        Ok(server) => server,
        Err(missing) => {
            greenroom_testkit::skip::record(&missing.to_string());
            return None;
        }
    };
    let scene = Scene::new(server, name, CLIENTS);
    scene.configure(scene::OPEN, "[copy]\nworkers = 2");
    let session = scene.session();
    assert_eq!(rehearse(&session).await.1, Ended::Finished);
    let mut seen = BTreeSet::new();
    let events = session.events().unwrap();
    let labels = events.iter().filter(|e| e.run.is_some()).map(|e| label(&e.body));
    let labels = labels.filter(|l| l != "other" && l != "lease taken" && seen.insert(l.clone())).collect();
    Some((scene, labels))
}

/// Dies at each cut of a second rehearsal, then goes on or back, and always ends where it began: with the first pilot under its name.
async fn every_cut(scene: &Scene, cuts: &[(String, &str)]) {
    let session = scene.session();
    let (first, production) = (scene.identity(), scene.production_digest());
    let every = std::env::var(EVERY).map_or(1, |n| n.parse().unwrap());
    for (n, (at, when)) in cuts.iter().step_by(every).enumerate() {
        let what = format!("{when} `{at}`");
        println!("{what}");
        killed(scene.folder.path(), "start", when, at);
        assert!(!scene.identity().is_empty(), "{what}: nothing stands under the pilot's name");
        files::assert_nowhere(&scene.folder.path().join(".greenroom"), NEEDLES);
        if n % 2 == 0 {
            assert_eq!(go(&session, false).await, Ended::Finished, "{what}");
            scene.whole(CLIENTS);
            assert_eq!(scene.databases().len(), 2, "{what}: something is left over");
            assert_ne!(scene.identity(), first, "{what}");
            if n % 8 == 0 {
                scene.nothing_raw();
            }
        }
        assert_eq!(go(&session, true).await, Ended::Undone, "{what}");
        assert_eq!(scene.databases().len(), 1, "{what}: something is left over");
        assert_eq!(scene.identity(), first, "{what}: the first pilot must be back");
        assert_eq!(scene.production_digest(), production, "{what}: production was touched");
    }
}

/// Intent written and nothing done; everything done and nothing written; and what lies between two steps.
fn cuts(labels: &[String]) -> Vec<(String, &'static str)> {
    let done =
        |l: &&String| l.starts_with("step finished") || l.starts_with("range copied") || l.starts_with("verified") || *l == "run finished";
    let mut all: Vec<(String, &str)> =
        labels.iter().filter(|l| l.starts_with("step started") || *l == "snapshot held").map(|l| (l.clone(), "after")).collect();
    all.extend(labels.iter().filter(done).map(|l| (l.clone(), "before")));
    // Of the tables one stands for all.
    all.retain(|(l, _)| !l.contains("copy:") || l.ends_with("copy:visit"));
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_after_it_wrote_an_intent_is_made_good() {
    let Some((scene, labels)) = stage("intent").await else { return };
    let all: Vec<_> = cuts(&labels).into_iter().filter(|(_, when)| *when == "after").collect();
    assert!(all.len() >= 15, "{all:?}");
    every_cut(&scene, &all).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_before_it_wrote_an_outcome_is_made_good() {
    let Some((scene, labels)) = stage("outcome").await else { return };
    let all: Vec<_> = cuts(&labels).into_iter().filter(|(_, when)| *when == "before").collect();
    assert!(all.len() >= 18, "{all:?}");
    every_cut(&scene, &all).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_that_is_killed_is_finished_by_another() {
    let Some((scene, _)) = stage("undo").await else { return };
    let session = scene.session();
    for part in ["SwapBack", "Admission", "DropGeneration"] {
        for (when, at) in [("after", format!("undo started {part}")), ("before", format!("undo finished {part}"))] {
            assert_eq!(rehearse(&session).await.1, Ended::Finished);
            killed(scene.folder.path(), "undo", when, &at);
            assert!(!scene.identity().is_empty(), "{when} {at}");
            assert_eq!(go(&session, true).await, Ended::Undone, "{when} {at}");
            assert_eq!(scene.databases().len(), 1, "{when} {at}");
            scene.whole_again(CLIENTS);
        }
    }
}
