//! Automated tasks: begun, performed, and what came of them put on record; in earnest, or in a rehearsal of the runbook. One process at a time performs a task. Does not own how
//! (`deeds`), nor when it may be (`model::process`).

use super::error::refused;
use super::process::not_allowed;
use super::{Recorded, Session, SessionError};
use crate::deeds::{self, Ground, lasting};
use crate::trees::{Choice, TreeReport};
use crate::workspace::write_whole;
use greenroom_model::hash::Hash;
use greenroom_model::plan::RunKind;
use greenroom_model::process::deed::{Deed, Doing, Outcome, RunWord};
use greenroom_model::process::gates::{Refused, Sight};
use greenroom_model::process::{Fact, TaskState};
use greenroom_model::run::Phase;
use jiff::Timestamp;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often it is tried to put an outcome on record while somebody else writes.
const TRIES: u32 = 120;
/// Between two of them.
const PAUSE: Duration = Duration::from_millis(250);

/// How an automated task stands after `greenroom task run`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskEnd {
    /// It has come to an end: well, or not.
    Ended {
        /// What came of it.
        outcome: Outcome,
        /// Where what it gave out is kept.
        output: Option<PathBuf>,
    },
    /// A person has to start a run, or that has not ended well yet.
    Waits {
        /// The command that starts it.
        command: String,
        /// What is missing.
        why: String,
    },
}

/// What `greenroom task run` came to.
#[derive(Clone, Debug, Serialize)]
pub struct TaskRun {
    /// The task.
    pub task: String,
    /// What was put on record last; nothing where a run is waited for still.
    pub recorded: Option<Recorded>,
    /// See [`TaskEnd`].
    pub end: TaskEnd,
}

impl Session {
    /// Decides about a task as [`Session::decide_process`] does, in earnest or within the rehearsal of its stage.
    ///
    /// # Errors
    /// As there.
    pub fn decide_task(
        &self,
        task: &str,
        in_rehearsal: bool,
        words: Option<&str>,
        decide: impl FnOnce(Sight<'_>, Option<&str>) -> Result<Fact, Refused>,
    ) -> Result<Recorded, SessionError> {
        self.decide_process(words, |sight, by| match in_rehearsal {
            true => sight.in_rehearsal(task, |sight| decide(sight, by)),
            false => decide(sight, by),
        })
    }

    /// Looks at a task, in earnest or in the rehearsal of its stage that is under way.
    fn look<T>(&self, task: &str, in_rehearsal: bool, look: impl FnOnce(Sight<'_>) -> T) -> Result<T, SessionError> {
        let stage = self.process()?.tasks.get(task).map(|t| t.stage.clone()).unwrap_or_default();
        self.judged(|sight| match in_rehearsal {
            true => sight.rehearsing(&stage, sight.rehearsal_number(&stage), look),
            false => look(sight),
        })
    }

    /// Performs an automated task and puts on record what came of it. `again`: doing it twice does no harm, somebody says. `tell` is told what is done, before.
    ///
    /// # Errors
    /// When it may not be begun, or another process performs it; what goes wrong in it is its outcome.
    pub async fn run_task(&self, task: &str, again: bool, in_rehearsal: bool, tell: impl FnOnce(&str)) -> Result<TaskRun, SessionError> {
        let deed = self.judged(|sight| sight.automated(task).map(|(_, deed)| deed.clone()))?.map_err(not_allowed)?;
        let busy = || refused("GR0723", format!("another Greenroom performs `{task}`"), "wait for it, or stop it");
        let _lock = self.workspace.lock(&format!("task.{task}"))?.ok_or_else(busy)?;
        if let Doing::Run { run } = &deed.doing {
            let run = if in_rehearsal { run.rehearsed() } else { *run };
            return self.await_run(task, run, in_rehearsal);
        }
        let begun = self.decide_task(task, in_rehearsal, None, |sight, by| sight.run_task(task, by, again, in_rehearsal))?;
        let state: TaskState = self.look(task, in_rehearsal, |sight| sight.state.task(task))?;
        tell(&deeds::told_before(&deed, in_rehearsal));
        let (outcome, output) = match &deed.doing {
            Doing::Copy { tree } => (self.copied(tree, deed.timeout_seconds), Vec::new()),
            _ => {
                let since = state.started.unwrap_or_else(|| self.clock.now());
                deeds::perform(&self.ground(in_rehearsal, since)?, &deed).await
            }
        };
        let output = self.keep_output(&format!("{}-{task}.out", begun.seq), &output)?;
        let recorded = self.record_soon(|| self.decide_task(task, in_rehearsal, None, |sight, _| sight.ran_task(task, &outcome))).await?;
        Ok(TaskRun { task: task.to_owned(), recorded: Some(recorded), end: TaskEnd::Ended { outcome, output } })
    }

    /// Begins a task that waits for a run, or ends it once that has ended well.
    fn await_run(&self, task: &str, run: RunWord, in_rehearsal: bool) -> Result<TaskRun, SessionError> {
        let command = format!("greenroom {}", run.word());
        let waits = |recorded, why| TaskRun { task: task.to_owned(), recorded, end: TaskEnd::Waits { command: command.clone(), why } };
        let under_way = |s: TaskState| s.started.is_some() && s.done.is_none();
        if !self.look(task, in_rehearsal, |sight| under_way(sight.state.task(task)))? {
            let begun = self.decide_task(task, in_rehearsal, None, |sight, by| sight.start_task(task, by))?;
            return Ok(waits(Some(begun), format!("`{command}` is to be started")));
        }
        let ended = self.look(task, in_rehearsal, |sight| {
            sight.awaited_run(task, run).map(|r| (r.id.clone(), r.finished.unwrap_or(r.started).duration_since(r.started)))
        })?;
        let (id, took) = match ended {
            Ok(ended) => ended,
            Err(why) => return Ok(waits(None, why)),
        };
        let recorded = self.decide_task(task, in_rehearsal, None, |sight, by| sight.end_task(task, by, true))?;
        let millis = u64::try_from(took.as_millis()).unwrap_or_default();
        let outcome = Outcome { good: true, words: format!("`{id}` has ended well"), millis, output: None };
        Ok(TaskRun { task: task.to_owned(), recorded: Some(recorded), end: TaskEnd::Ended { outcome, output: None } })
    }

    /// Puts something on record, waiting a while for others who do.
    pub(super) async fn record_soon(&self, record: impl Fn() -> Result<Recorded, SessionError>) -> Result<Recorded, SessionError> {
        let mut left = TRIES;
        loop {
            match record() {
                Err(SessionError::Refused { code: "GR0723", .. }) if left > 0 => left -= 1,
                ended => return ended,
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Keeps what something gave out, for its owner only; it is no part of the record.
    pub(super) fn keep_output(&self, name: &str, output: &[u8]) -> Result<Option<PathBuf>, SessionError> {
        if output.is_empty() {
            return Ok(None);
        }
        let path = self.workspace.task_output(name);
        write_whole(&path, output)?;
        Ok(Some(path))
    }

    /// What deeds are performed with.
    pub(super) fn ground(&self, in_rehearsal: bool, since: Timestamp) -> Result<Ground, SessionError> {
        let pilot = Ok(self.program.pilot.name.clone());
        let history = self.history()?;
        let taken_back =
            |run: &str| history.runs.iter().any(|r| r.phase == Phase::Finished && r.plan.rollback.as_ref().is_some_and(|b| b.run == run));
        let live = history.runs.iter().rev().find(|r| r.plan.kind == RunKind::Switch && r.phase == Phase::Finished && !taken_back(&r.id.0));
        let target = match (in_rehearsal, live) {
            (true, _) => pilot.clone(),
            (_, Some(run)) => Ok(run.plan.names.pilot.clone()),
            (_, None) => Err("nothing has taken production's place: no switch is finished".to_owned()),
        };
        Ok(Ground {
            folder: self.folder.clone(),
            engines: self.engines.clone(),
            secrets: self.secrets.clone(),
            clock: self.clock.clone(),
            cancel: self.cancel.clone(),
            pilot,
            target,
            in_rehearsal,
            since,
        })
    }

    /// Copies one of the program's trees; it stops between two files when its time is over.
    fn copied(&self, tree: &str, seconds: u64) -> Outcome {
        let began = self.clock.millis();
        let late = Arc::new(AtomicBool::new(false));
        let (cancel, is_late) = (self.cancel.clone(), late.clone());
        let alarm = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            is_late.store(true, Ordering::Relaxed);
            cancel.cancel();
        });
        let choice = Choice { delete: false, overwrite: false, thorough: false };
        let copied = tokio::task::block_in_place(|| self.copy_files(&[tree.to_owned()], choice, &mut |_, _| {}));
        alarm.abort();
        let (good, words, output): (bool, String, Option<Hash>) = match copied {
            Ok(reports) => {
                let all = |of: fn(&TreeReport) -> u64| reports.iter().map(of).sum::<u64>();
                let words = format!("{} of {} files copied, wrong at {} places", all(|r| r.copied), all(|r| r.files), all(|r| r.wrongs));
                (reports.iter().all(TreeReport::is_good), words, reports.iter().find_map(|r| r.manifest))
            }
            Err(_) if late.load(Ordering::Relaxed) => (false, format!("did not end within {} and was stopped", lasting(seconds)), None),
            Err(_) if self.cancel.is_cancelled() => (false, "stopped by a person".to_owned(), None),
            Err(e) => (false, e.to_string(), None),
        };
        Outcome { good, words, millis: self.clock.millis().saturating_sub(began), output }
    }
}

/// The deed of a probe, told before it is performed.
pub(super) fn told(deed: &Deed) -> String {
    deeds::told_before(deed, false)
}
