//! Retiring what was production: it is announced with a date, kept longer with a reason, and dropped only by name, by a person, once its time is over. It
//! bears no marker of ours: the journal and the engine's identity say which database it is.

use super::databases::FORMER_PRODUCTION;
use super::error::refused;
use super::{Known, Session, SessionError};
use crate::journal::Journal;
use greenroom_model::run::{Body, Phase, RunState};
use jiff::Timestamp;

impl Session {
    /// What was production before a switch and still stands.
    ///
    /// # Errors
    /// When the target cannot be reached.
    pub async fn former_productions(&self) -> Result<Vec<Known>, SessionError> {
        Ok(self.databases().await?.into_iter().filter(|k| k.role == FORMER_PRODUCTION).collect())
    }

    /// Keeps a former production until another time.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn keep_former(&self, name: &str, until: Timestamp, reason: &str) -> Result<Known, SessionError> {
        let k = self.former_production(name).await?;
        let body = Body::FormerKept { engine_id: k.nonce.clone(), until, reason: reason.to_owned() };
        self.journal()?.append(None, Some(&self.actor), body)?;
        Ok(Known { until: Some(until), ..k })
    }

    /// Drops a former production whose time is over, or `early`.
    ///
    /// # Errors
    /// When there is none of that name, its switch is not finished, or its time is not over.
    pub async fn retire(&self, name: &str, early: bool) -> Result<Known, SessionError> {
        let _lock = self.lock()?;
        let k = self.former_production(name).await?;
        let finished = |r: &RunState| r.id == k.run && r.phase == Phase::Finished;
        if !self.whole_history()?.runs.iter().any(finished) {
            let hint = format!("`greenroom resume {0}` or `greenroom undo {0}` first", k.run);
            return Err(refused("GR0723", format!("the switch `{}` is not finished: `{name}` is the way back", k.run), hint));
        }
        let back = |r: &&RunState| {
            r.plan.rollback.as_ref().is_some_and(|b| b.run == k.run.0) && matches!(r.phase, Phase::Running | Phase::Undoing)
        };
        if let Some(open) = self.whole_history()?.runs.iter().find(back) {
            let hint = format!("`greenroom resume {0}` or `greenroom undo {0}` first", open.id);
            return Err(refused("GR0723", format!("the rollback `{}` is going back to `{name}`", open.id), hint));
        }
        if let Some(until) = k.until.filter(|until| *until > self.clock.now() && !early) {
            let hint = "wait, or say `--early`: it cannot be brought back";
            return Err(refused("GR0773", format!("`{name}` is kept until {until}"), hint));
        }
        // Without it the switch cannot be taken back: what users write is not noted any more.
        if let Some(revocable) = self.revocable()?.filter(|r| r.switch == k.run) {
            let run = self.find_run(Some(&revocable.switch.0))?;
            self.end_capture_of(&run).await?;
        }
        let mut journal = self.journal()?;
        let (dropped, nonce) = (k.name.clone(), k.nonce.clone());
        journal.append(None, Some(&self.actor), Body::DropIntended { name: dropped.clone(), nonce: nonce.clone() })?;
        self.engines.target().await?.drop_former(&dropped, &nonce).await?;
        journal.append(None, None, Body::Dropped { name: dropped, nonce })?;
        Ok(k)
    }

    async fn former_production(&self, name: &str) -> Result<Known, SessionError> {
        let found = self.former_productions().await?.into_iter().find(|k| k.name == name);
        found.ok_or_else(|| {
            let hint = "`greenroom retire` lists what was production before a switch";
            refused("GR0503", format!("the journal knows no former production `{name}` that stands now"), hint)
        })
    }
}
