//! Retiring what was production: it is announced with a date, kept longer with a reason, and dropped only by name, by a person, once its time is over. It
//! bears no marker of ours: the journal and the engine's identity say which database it is.

use super::databases::{Elsewhere, FORMER_PRODUCTION, known, put_aside};
use super::error::refused;
use super::{Known, Session, SessionError};
use crate::journal::{Actor, Journal};
use greenroom_engine::Target;
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

    /// Drops a former production whose time is over, or `early`. `by_hand`: a person has dropped it, on a server that is not Greenroom's to change.
    ///
    /// # Errors
    /// When there is none of that name, its switch is not finished, or its time is not over; when it stands on another server, and nobody has dropped it there.
    pub async fn retire(&self, name: &str, early: bool, by_hand: bool) -> Result<Known, SessionError> {
        let _lock = self.lock()?;
        if let Some(gone) = self.gone_unrecorded(name).await? {
            return Ok(gone);
        }
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
        match (&k.elsewhere, by_hand) {
            (Some(Elsewhere { server, unseen: None }), true) => {
                let hint = format!("drop it there: `{}`", self.dropping(name));
                return Err(refused("GR0794", format!("`{name}` still stands on {server}"), hint));
            }
            (Some(Elsewhere { server, .. }), false) => {
                let hint = format!("drop it there: `{}`, then say so: `greenroom retire {name} --by-hand`", self.dropping(name));
                return Err(refused("GR0794", format!("`{name}` is on {server}, where Greenroom drops nothing"), hint));
            }
            (None, true) => {
                let hint = format!("`greenroom retire {name}` drops it");
                return Err(refused("GR0794", format!("`{name}` stands where Greenroom can drop it"), hint));
            }
            (Some(_), true) | (None, false) => {}
        }
        // Without it the switch cannot be taken back: what users write is not noted any more.
        if let Some(revocable) = self.revocable()?.filter(|r| r.switch == k.run) {
            let run = self.find_run(Some(&revocable.switch.0))?;
            self.end_capture_of(&run).await?;
        }
        let mut target = self.engines.target().await?;
        drop_former(&mut self.journal()?, target.as_mut(), Some(&self.actor), &k.name, &k.nonce).await?;
        Ok(k)
    }

    /// The statement by which a person drops a database.
    fn dropping(&self, name: &str) -> String {
        format!("DROP DATABASE {}", self.program.source.engine.quote(name))
    }

    /// A former production that a dead process dropped without having written that down: written down now.
    async fn gone_unrecorded(&self, name: &str) -> Result<Option<Known>, SessionError> {
        let history = self.whole_history()?;
        let Some((_, nonce, _)) = history.dropped.iter().rev().find(|(n, _, done)| n == name && !done) else { return Ok(None) };
        let Some(run) = history.runs.iter().find(|r| put_aside(r) == Some(nonce.as_str())) else { return Ok(None) };
        let mut target = self.engines.target().await?;
        if target.look(name).await?.is_some_and(|s| s.engine_id == *nonce) {
            return Ok(None);
        }
        drop_former(&mut self.journal()?, target.as_mut(), Some(&self.actor), name, nonce).await?;
        Ok(Some(known(name, FORMER_PRODUCTION, run, nonce, None)))
    }

    async fn former_production(&self, name: &str) -> Result<Known, SessionError> {
        let found = self.former_productions().await?.into_iter().find(|k| k.name == name);
        found.ok_or_else(|| {
            let hint = "`greenroom retire` lists what was production before a switch";
            refused("GR0503", format!("the journal knows no former production `{name}` that stands now"), hint)
        })
    }
}

/// Drops a former production on record: the intent first, the outcome afterwards. What does not stand on the target under this name with this identity is gone, or was
/// dropped by hand where the target does not reach: that is what is written down then, and nothing is touched. May be repeated after a process that died in the midst of it.
///
/// # Errors
/// When the target refuses, or the journal cannot be written.
pub async fn drop_former(
    journal: &mut dyn Journal,
    target: &mut dyn Target,
    actor: Option<&Actor>,
    name: &str,
    engine_id: &str,
) -> Result<(), SessionError> {
    let (name, nonce) = (name.to_owned(), engine_id.to_owned());
    journal.append(None, actor, Body::DropIntended { name: name.clone(), nonce: nonce.clone() })?;
    if target.look(&name).await?.is_some_and(|s| s.engine_id == nonce) {
        target.drop_former(&name, &nonce).await?;
    }
    journal.append(None, None, Body::Dropped { name, nonce })?;
    Ok(())
}
