//! Databases of ours that the journal knows: what stands, what may go, dropping it. Journal and marker must both say that it is ours.

use super::error::refused;
use super::{Session, SessionError};
use crate::journal::Journal;
use greenroom_engine::{Admission, Standing};
use greenroom_model::plan::Action;
use greenroom_model::run::{Body, Phase, RunId, RunState};

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

impl Session {
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
