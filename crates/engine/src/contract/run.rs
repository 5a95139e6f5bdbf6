//! Running the contract's tests one after another, each with a time limit, and proving at the end that nothing is left behind.

use super::ground::Ground;
use super::scene::{Names, Scene, clear};
use super::{Stop, Test, Verdict};
use greenroom_model::catalog::EngineKind;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Longest time for one test; a hang is a failure too.
const LIMIT: Duration = Duration::from_secs(900);

/// A test that has ended.
#[derive(Clone, Debug, Serialize)]
pub struct Ended {
    /// What it is about.
    pub theme: String,
    /// The promise as a sentence.
    pub test: String,
    /// What it says.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Wall-clock time in milliseconds.
    pub milliseconds: u64,
}

/// All tests of one run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Which engine.
    pub engine: EngineKind,
    /// The server's version, if it could be asked.
    pub version: Option<String>,
    /// Whether it ended before all tests had run, on request.
    pub stopped: bool,
    /// In the order in which they ran.
    pub tests: Vec<Ended>,
    /// Databases that could not be removed, with the reason.
    pub left_behind: Vec<String>,
}

impl Report {
    /// Whether every promise is kept, as far as it applies, and nothing is left behind.
    pub fn kept(&self) -> bool {
        self.left_behind.is_empty() && !self.tests.iter().any(|t| matches!(t.verdict, Verdict::Failed { .. }))
    }
}

/// What is told while the tests run.
pub enum NextTest<'a> {
    /// It begins: its number from 1, and of how many.
    Begins(usize, usize, &'a Test),
    /// It has ended.
    Ended {
        /// Its number from 1.
        number: usize,
        /// Of how many.
        of: usize,
        /// What it says.
        ended: &'a Ended,
    },
}

/// Runs tests and cleans up, whatever they say. Once `stop` is set, no further test begins.
pub async fn run(ground: Arc<dyn Ground>, tests: &[Test], stop: &AtomicBool, mut tell: impl FnMut(NextTest<'_>)) -> Report {
    let mut report = Report { engine: ground.engine(), version: None, stopped: false, tests: Vec::new(), left_behind: Vec::new() };
    let scene = Scene::new(ground.clone(), 0);
    report.version = version(&scene).await;
    clean(ground.as_ref(), &scene.names(), &mut report).await;
    for (i, test) in tests.iter().enumerate() {
        if stop.load(Ordering::SeqCst) {
            report.stopped = true;
            break;
        }
        tell(NextTest::Begins(i + 1, tests.len(), test));
        let began = Instant::now();
        let scene = Scene::new(ground.clone(), i + 1);
        let names = scene.names();
        // A task of its own, so that a panic in an engine ends this test and not the others.
        let mut task = tokio::spawn((test.act)(scene));
        let verdict = match tokio::time::timeout(LIMIT, &mut task).await {
            Ok(Ok(Ok(()))) => Verdict::Passed,
            Ok(Ok(Err(Stop::Broken(why)))) => Verdict::Failed { why },
            Ok(Ok(Err(Stop::Lacking { what, so }))) => Verdict::NotApplicable { lacks: what, so },
            Ok(Err(_)) => Verdict::Failed { why: "it panicked".to_owned() },
            Err(_) => {
                task.abort();
                Verdict::Failed { why: format!("it did not end within {} seconds", LIMIT.as_secs()) }
            }
        };
        clean(ground.as_ref(), &names, &mut report).await;
        let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let ended = Ended { theme: test.theme.to_owned(), test: test.sentence(), verdict, milliseconds };
        tell(NextTest::Ended { number: i + 1, of: tests.len(), ended: &ended });
        report.tests.push(ended);
    }
    match ground.standing().await {
        Ok(names) => report.left_behind.extend(names.into_iter().map(|n| format!("{n}: it still stands"))),
        Err(e) => report.left_behind.push(format!("whether anything still stands is unknown: {e}")),
    }
    if report.left_behind.is_empty()
        && let Err(e) = ground.close().await
    {
        report.left_behind.push(e.to_string());
    }
    report
}

/// Removes the databases of one test.
async fn clean(ground: &dyn Ground, names: &Names, report: &mut Report) {
    for name in names.take() {
        if let Err(why) = clear(ground, &name).await {
            report.left_behind.push(format!("{name}: {why}"));
        }
    }
}

/// What the server calls itself.
async fn version(scene: &Scene) -> Option<String> {
    let name = scene.found(&[]).await.ok()?;
    Some(scene.ground().source(&name).await.ok()?.inspect().await.ok()?.version)
}
