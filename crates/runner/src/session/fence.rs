//! Production's fence on request: shown beforehand, raised, prolonged, lifted, watched. Owns whether that may be done now; how it is done is
//! `fencing`'s.

use super::error::refused;
use super::{Session, SessionError};
use crate::execute::{Ended, card_first};
use crate::fencing::{Aim, Fencing, card};
use crate::journal::{Actor, AppendError, Journal};
use greenroom_engine::fence::Fenced;
use greenroom_model::fence::{Doors, Fence, Stands};
use greenroom_model::plan::RunKind;
use greenroom_model::run::{Body, Phase, RunState};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// How long somebody who watches a fence looks away.
const PAUSE: Duration = Duration::from_secs(2);

/// What somebody who watches a fence is told.
pub enum Watching<'f> {
    /// It is lifted at its time.
    Until(&'f Fence),
    /// It should have been lifted and could not be; it is tried again.
    Failed(&'f SessionError),
}

/// What is known of production's fence.
#[derive(Clone, Debug, Serialize)]
pub struct FenceView {
    /// The fence that the journal knows.
    pub fence: Option<Fence>,
    /// Its time is over.
    pub overdue: bool,
    /// What the fence shut; without one, what one would shut now.
    pub doors: Doors,
    /// What the database says.
    pub now: Fenced,
    /// Where the card lies, once there is one.
    pub card: Option<PathBuf>,
}

impl Session {
    /// What journal and database say. Changes nothing.
    ///
    /// # Errors
    /// When production cannot be reached, or what a fence took away is lost.
    pub async fn fence(&self) -> Result<FenceView, SessionError> {
        let fence = self.whole_history()?.fence;
        let mut production = self.engines.production().await;
        let doors = match &fence {
            Some(fence) => self.doors_of(fence)?,
            None => production.as_mut().map_err(|e| e.clone())?.doors().await?,
        };
        let looked = match production {
            Ok(mut production) => production.look(&doors).await,
            Err(e) => Err(e),
        };
        let now = match (looked, self.switching()?) {
            // The former production stands aside, still fenced.
            (Err(_), Some(run)) if run.swapped() => {
                let open = self.engines.target().await?.aside_open(&run.plan.names.former, &doors).await?;
                Fenced { stands: Stands::Up, open, sessions: Vec::new() }
            }
            (now, _) => now?,
        };
        let overdue = fence.as_ref().is_some_and(|f| f.until <= self.clock.now());
        let card = fence.as_ref().map(|_| self.fencing().card_file());
        Ok(FenceView { fence, overdue, doors, now, card })
    }

    /// When a fence that is raised now must be lifted, unless somebody says otherwise.
    pub fn fence_until(&self) -> Timestamp {
        self.clock.now() + SignedDuration::from_mins(i64::from(self.program.fence.minutes))
    }

    /// Raises the fence, or goes on raising one that was cut off. `shown` gets the card before the first change.
    ///
    /// # Errors
    /// When something is in the way, with nothing changed; when it does not stand afterwards.
    pub async fn raise_fence(
        &self,
        until: Timestamp,
        reason: Option<&str>,
        shown: &mut (dyn FnMut(&str, &Doors) + Send),
    ) -> Result<FenceView, SessionError> {
        let _lock = self.fence_lock()?;
        if let Some(run) = self.switching()? {
            return Err(of_a_switch(&run));
        }
        let known = self.whole_history()?.fence;
        let mut journal = self.journal()?;
        let mut record = |actor: Option<&Actor>, body: Body| journal.append(None, actor, body).map(drop);
        self.fencing().raise(&mut record, known, Aim { until, reason, first: None, replaced: false, apart: false }, shown).await?;
        self.fence().await
    }

    /// Gives the fence another deadline.
    ///
    /// # Errors
    /// When there is none.
    pub async fn prolong_fence(&self, until: Timestamp) -> Result<FenceView, SessionError> {
        {
            let _lock = self.fence_lock()?;
            let fence = self.whole_history()?.fence.ok_or_else(no_fence)?;
            self.journal()?.append(None, Some(&self.actor), Body::FenceProlonged { until })?;
            let first = self.switching()?.and_then(|run| card_first(&run.plan));
            self.fencing().rewrite_card(&self.doors_of(&fence)?, until, first.as_deref())?;
        }
        self.fence().await
    }

    /// Opens production as it was, however far the fence got.
    ///
    /// # Errors
    /// When there is none; when it still stands afterwards; when it is a switch's, which has more to take back.
    pub async fn lift_fence(&self) -> Result<(), SessionError> {
        let _lock = self.fence_lock()?;
        let doors = match self.whole_history() {
            Ok(history) => {
                let fence = history.fence.ok_or_else(no_fence)?;
                if let Some(run) = self.switching()? {
                    return Err(of_a_switch(&run));
                }
                self.doors_of(&fence)?
            }
            // Production is given back also when the journal cannot be read.
            Err(e) => self.fencing().only_doors()?.ok_or(e)?,
        };
        self.give_back(&doors).await
    }

    /// The unfinished switch because of which production is shut.
    pub(super) fn switching(&self) -> Result<Option<RunState>, SessionError> {
        Ok(self.whole_history()?.runs.into_iter().find(RunState::fences))
    }

    /// Whether a switch is under way that has not let users in.
    fn switch_to_come(&self) -> Result<bool, SessionError> {
        let open = |r: &RunState| r.plan.kind == RunKind::Switch && matches!(r.phase, Phase::Running | Phase::Undoing) && !r.promoted();
        Ok(self.whole_history()?.runs.iter().any(open))
    }

    /// Puts on record that a person gave production back by hand: for when what the fence took away is lost, or names what is gone. The database is
    /// not asked.
    ///
    /// # Errors
    /// When there is no fence, or the journal refuses.
    pub fn lifted_by_hand(&self) -> Result<(), SessionError> {
        let _lock = self.fence_lock()?;
        let fence = self.whole_history()?.fence.ok_or_else(no_fence)?;
        // While a switch goes back this may be all that is left to say; before, it is `undo` that looks what was done by hand.
        if let Some(run) = self.switching()?.filter(|run| run.phase != Phase::Undoing) {
            return Err(of_a_switch(&run));
        }
        let mut journal = self.journal()?;
        journal.append(None, Some(&self.actor), Body::FenceLifting)?;
        journal.append(None, Some(&self.actor), Body::FenceLifted)?;
        Ok(self.fencing().put_aside(fence.doors, "lifted")?)
    }

    async fn give_back(&self, doors: &Doors) -> Result<(), SessionError> {
        let mut journal = self.journal();
        let mut record = |actor: Option<&Actor>, body: Body| match &mut journal {
            Ok(journal) => journal.append(None, actor, body).map(drop),
            Err(e) => Err(AppendError::Storage(e.to_string())),
        };
        Ok(self.fencing().give_back(&mut record, doors).await?)
    }

    /// What production is fenced with.
    pub(super) fn fencing(&self) -> Fencing {
        Fencing {
            program: self.program.name.clone(),
            folder: self.workspace.fence(),
            drain: Duration::from_secs(u64::from(self.program.fence.drain_seconds)),
            engines: self.engines.clone(),
            observer: self.observer.clone(),
            actor: self.actor.clone(),
        }
    }

    /// Waits until the fence's time is over and lifts it then, again and again until that succeeds; ends early when somebody else lifts it, or this
    /// process is told to stop. True when it was lifted here.
    ///
    /// # Errors
    /// When the journal cannot be read at the beginning.
    pub async fn watch_fence(&self, tell: &mut (dyn FnMut(Watching<'_>) + Send)) -> Result<bool, SessionError> {
        let mut fence = self.whole_history()?.fence;
        let mut told = None;
        loop {
            let Some(known) = &fence else {
                // A switch that has not come to its fence yet is waited for.
                if !self.switch_to_come()? {
                    return Ok(false);
                }
                tokio::select! {
                    () = tokio::time::sleep(PAUSE) => {}
                    () = self.cancel.cancelled() => return Ok(false),
                }
                fence = self.whole_history()?.fence;
                continue;
            };
            let left = known.until.duration_since(self.clock.now());
            let mut pause = Duration::try_from(left).unwrap_or_default().min(PAUSE);
            if left <= SignedDuration::ZERO {
                match self.lift_when_due().await {
                    Ok(lifted) => return Ok(lifted),
                    Err(e) => {
                        tell(Watching::Failed(&e));
                        pause = PAUSE;
                    }
                }
            } else if told != Some(known.until) {
                tell(Watching::Until(known));
                told = Some(known.until);
            }
            // Somebody may prolong or lift it meanwhile.
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.cancel.cancelled() => return Ok(false),
            }
            if let Ok(history) = self.whole_history() {
                fence = history.fence;
            }
        }
    }

    /// Lifts the fence if its time is over, asked again under the lock: somebody may have prolonged it this moment.
    async fn lift_when_due(&self) -> Result<bool, SessionError> {
        let _lock = self.fence_lock()?;
        let Some(fence) = self.whole_history()?.fence else { return Ok(false) };
        if fence.until > self.clock.now() {
            return Err(refused("GR0742", "the fence was prolonged", "it is lifted when that time is over"));
        }
        // Whoever drives a switch sees to its time; a switch that nobody drives goes back as a whole.
        if let Some(run) = self.switching()? {
            drop(_lock);
            if run.plan.profile != self.program.profile {
                let how = run.plan.profile.map_or_else(|| "without `--profile`".to_owned(), |p| format!("with `--profile {p}`"));
                return Err(refused(
                    "GR0745",
                    format!("the fence is the switch `{}`'s, of another pilot", run.id),
                    format!("watch it {how}"),
                ));
            }
            return match self.undo(Some(&run.id.0)).await? {
                (_, Ended::Undone) => Ok(true),
                (_, Ended::UndoFailed(f)) => Err(SessionError::Failed(Box::new(f))),
                _ => Err(of_a_switch(&run)),
            };
        }
        self.give_back(&self.doors_of(&fence)?).await?;
        Ok(true)
    }

    /// The card of the fence that stands.
    ///
    /// # Errors
    /// When there is none.
    pub fn fence_card(&self) -> Result<String, SessionError> {
        let known = self.whole_history().map(|history| history.fence);
        if let Ok(None) = known {
            return Err(no_fence());
        }
        match known {
            Ok(Some(fence)) if self.doors_of(&fence).is_ok() => {
                let first = self.switching()?.and_then(|run| card_first(&run.plan));
                Ok(card(&self.program.name, &self.doors_of(&fence)?, fence.until, first.as_deref()))
            }
            // The second copy, when the first or the journal is lost.
            _ => Ok(std::fs::read_to_string(self.fencing().card_file())?),
        }
    }

    fn fence_lock(&self) -> Result<crate::workspace::RunLock, SessionError> {
        let busy = || refused("GR0723", "another Greenroom is raising or lifting the fence", "wait for it, or stop it");
        self.workspace.lock("fence")?.ok_or_else(busy)
    }

    fn doors_of(&self, fence: &Fence) -> Result<Doors, SessionError> {
        Ok(self.fencing().doors_of(fence)?)
    }
}

fn no_fence() -> SessionError {
    refused("GR0742", "production is not fenced", "`greenroom fence` shows what journal and database say")
}

/// The fence is part of a switch, which is not over.
fn of_a_switch(run: &RunState) -> SessionError {
    let hint = format!(
        "`greenroom undo {0}` gives production back with everything that the switch has changed; `greenroom resume {0}` goes on",
        run.id
    );
    refused("GR0745", format!("the fence is the switch `{}`'s, which is not over", run.id), hint)
}
