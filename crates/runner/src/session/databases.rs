//! Databases of ours that the journal knows: what stands, what may go, dropping it. Journal and marker must both say that it is ours.

use super::error::refused;
use super::raw::{of_copy, raw_copies};
use super::{Session, SessionError};
use crate::execute::raw_marker;
use crate::journal::{Journal, Projection};
use greenroom_engine::{Admission, Standing};
use greenroom_model::plan::{Action, RunKind};
use greenroom_model::run::{Body, Phase, RunId, RunState};
use jiff::SignedDuration;
use std::collections::BTreeSet;

/// The role of what a switch has put in production's place, or is about to.
pub(super) const PRODUCTION: &str = "production";
/// The role of what was production before a switch.
pub(super) const FORMER_PRODUCTION: &str = "former production";
/// The role of a whole raw copy.
const RAW: &str = "raw copy";
/// The role of what a dress rehearsal made.
pub(super) const UNMASKED: &str = "unmasked generation";

/// A database that the journal knows, and what stands there now.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Known {
    /// Name.
    pub name: String,
    /// `pilot`, `former`, `generation`, `unmasked generation`, `raw copy`, `half-restored raw copy`, `production`, `former production`.
    pub role: String,
    /// The run that made it, or that put it aside.
    pub run: RunId,
    /// Nonce of its marker; of a former production, which has none, its identity.
    pub nonce: String,
    /// What stands there; `None` when it is gone, or when the quarantine could not be asked about a raw copy.
    pub standing: Option<Standing>,
    /// Who may connect, for the pilot.
    pub admission: Option<Admission>,
    /// When it may be dropped, for former pilots and raw copies.
    pub until: Option<jiff::Timestamp>,
    /// Where a former production stands that is not on the target's server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<Elsewhere>,
    /// Which of several pilots it belongs to; none for the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

/// A former production on a server that Greenroom only reads.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Elsewhere {
    /// `host:port`, or the name that the program gives it.
    pub server: String,
    /// Why nobody could be asked whether it stands; none where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen: Option<String>,
}

impl Elsewhere {
    /// What to add where nobody could be asked: `; not seen now: …`.
    pub fn unsure(&self) -> String {
        self.unseen.as_ref().map(|why| format!("; not seen now: {why}")).unwrap_or_default()
    }
}

impl Session {
    /// Databases of ours that the journal knows, of every pilot, and what stands there now.
    ///
    /// # Errors
    /// When the target cannot be reached.
    pub async fn databases(&self) -> Result<Vec<Known>, SessionError> {
        let history = self.whole_history()?;
        let mut target = self.engines.target().await?;
        let gone = |nonce: &str| history.dropped.iter().any(|d| d.1 == nonce && d.2);
        let mut all: Vec<Known> = self.raw_standing(&history).await;
        for run in history.runs.iter().filter(|r| r.plan.kind != RunKind::Restore) {
            let names = &run.plan.names;
            if run.phase != Phase::Undone && !run.swapped() && !gone(&names.nonce) {
                let standing = target.look(&names.generation).await?.filter(|s| s.marker.as_ref().is_some_and(|m| m.nonce == names.nonce));
                if standing.is_some() {
                    let role = if run.plan.kind.is_unmasked() { UNMASKED } else { "generation" };
                    all.push(known(&names.generation, role, run, &names.nonce, standing));
                }
            }
            // The second copy of a dress rehearsal that tries a rollback.
            if run.phase != Phase::Undone && run.plan.steps.iter().any(|s| matches!(s.action, Action::KeepFormer)) && !gone(&names.nonce) {
                let standing = target.look(&names.former).await?.filter(|s| s.marker.as_ref().is_some_and(|m| m.nonce == names.nonce));
                if standing.is_some() {
                    all.push(known(&names.former, UNMASKED, run, &names.nonce, standing));
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
        for run in history.runs.iter().filter(|r| matches!(r.plan.kind, RunKind::Switch | RunKind::Rollback) && r.swapped()) {
            let facts = run.outcome_of(|a| matches!(a, Action::Swap)).map(|o| &o.facts);
            let Some((former, id)) = facts.and_then(|f| f.get("former")).zip(put_aside(run)) else { continue };
            // It bears no marker of ours: the engine's identity tells.
            if let Some(standing) = target.look(former).await?.filter(|s| s.engine_id == id) {
                let mut k = known(former, FORMER_PRODUCTION, run, id, Some(standing));
                k.until = self.kept_until(run, &history, id);
                all.push(k);
            }
        }
        for run in history.runs.iter().filter(|r| r.plan.kind == RunKind::Switch && r.phase == Phase::Finished) {
            all.extend(self.stayed(run, &history, target.as_mut()).await?);
        }
        // Also under names that the program does not know any more.
        let pilots: BTreeSet<&str> =
            history.runs.iter().map(|r| r.plan.names.pilot.as_str()).chain([self.program.pilot.name.as_str()]).collect();
        for name in pilots {
            let Some(standing) = target.look(name).await? else { continue };
            let nonce = standing.marker.as_ref().map(|m| m.nonce.clone());
            let Some(run) = history.runs.iter().find(|r| Some(&r.plan.names.nonce) == nonce.as_ref()) else { continue };
            let role = if run.plan.kind == RunKind::Switch { PRODUCTION } else { "pilot" };
            let mut k = known(name, role, run, &run.plan.names.nonce, Some(standing));
            k.admission = Some(target.admission(name).await?);
            all.push(k);
        }
        Ok(all)
    }

    /// What was production before a finished switch and was not put aside, since the new one took another place: shut for good, where it always was.
    async fn stayed(
        &self,
        run: &RunState,
        history: &Projection,
        target: &mut dyn greenroom_engine::Target,
    ) -> Result<Option<Known>, SessionError> {
        let Some(production) = run.plan.production.as_ref().filter(|p| !p.on_target) else { return Ok(None) };
        let id = &production.engine_id;
        if history.dropped.iter().any(|d| d.1 == *id && d.2) {
            return Ok(None);
        }
        let name = if production.name.is_empty() { self.program.source_name() } else { &production.name };
        let mut k = known(name, FORMER_PRODUCTION, run, id, None);
        k.until = self.kept_until(run, history, id);
        // The target's own server, or file system, holds it all the same.
        k.standing = target.look(name).await?.filter(|s| s.engine_id == *id);
        if k.standing.is_some() {
            return Ok(Some(k));
        }
        let asked = async { self.engines.source().await?.identity().await }.await;
        let unseen = match asked {
            Ok(there) if there == *id => None,
            Ok(_) => Some("`[source]` is another database now".to_owned()),
            Err(e) => Some(e.to_string()),
        };
        // A file that is gone is gone: there is no server that could hold it.
        if unseen.is_some() && production.server.is_none() && !self.program.source.engine.has_server() {
            return Ok(None);
        }
        let server = production.server.clone().unwrap_or_else(|| "production's server".to_owned());
        k.elsewhere = Some(Elsewhere { server, unseen });
        Ok(Some(k))
    }

    /// Until when a former production is kept.
    fn kept_until(&self, run: &RunState, history: &Projection, id: &str) -> Option<jiff::Timestamp> {
        let days = SignedDuration::from_hours(24 * i64::from(self.program.switch.keep_former_days));
        history.formers_kept.get(id).copied().or_else(|| run.last.checked_add(days).ok())
    }

    /// Raw copies that the journal knows. One that nobody could ask about is listed all the same: it must never be forgotten.
    async fn raw_standing(&self, history: &Projection) -> Vec<Known> {
        let mut all = Vec::new();
        for (raw, run) in raw_copies(history) {
            let seen = match self.engines.quarantine().await {
                Ok(mut quarantine) => quarantine.look(&raw.name).await.ok(),
                Err(_) => None,
            };
            let standing = seen.clone().flatten().filter(|s| s.marker.as_ref().is_none_or(|m| m.nonce == raw.nonce));
            let unfinished = run.phase != Phase::Finished;
            // Asked, and nothing is there: gone by other hands. What is half made may have no name of its own yet.
            if seen.is_some() && standing.is_none() && !unfinished {
                continue;
            }
            let role = if unfinished { "half-restored raw copy" } else { RAW };
            let mut k = known(&raw.name, role, run, &raw.nonce, standing);
            k.until = Some(raw.until);
            all.push(k);
        }
        all
    }

    /// Drops one database of ours. Journal and marker must both say that it is ours.
    ///
    /// # Errors
    /// When it is not known, or its marker is another.
    pub async fn drop_database(&self, name: &str) -> Result<Known, SessionError> {
        self.drop_one(name, false).await
    }

    /// `over`: its time is over, so that a run which still reads a raw copy does not keep it.
    async fn drop_one(&self, name: &str, over: bool) -> Result<Known, SessionError> {
        let _lock = self.lock()?;
        let Some(k) = self.databases().await?.into_iter().find(|k| k.name == name) else {
            return Err(refused(
                "GR0503",
                format!("the journal does not know a database `{name}` of ours that stands now"),
                "`greenroom status` lists those that it knows; others are not Greenroom's to drop",
            ));
        };
        if k.role == PRODUCTION {
            let hint = format!("`greenroom undo {}` puts the former production back, as long as users have not been let in", k.run);
            return Err(refused("GR0503", format!("`{name}` stands in production's place: it is nobody's to drop"), hint));
        }
        if k.role == FORMER_PRODUCTION {
            let hint = format!("`greenroom retire {name}` drops it when its time is over");
            return Err(refused("GR0503", format!("`{name}` was production until `{}`, and was not made by Greenroom", k.run), hint));
        }
        let _theirs = self.lock_of(k.profile.as_deref())?;
        let busy = self.whole_history()?.runs.iter().any(|r| r.id == k.run && matches!(r.phase, Phase::Running | Phase::Undoing));
        if busy && (k.role == "generation" || k.role == UNMASKED) {
            return Err(refused(
                "GR0723",
                format!("`{name}` belongs to the unfinished run `{}`", k.run),
                format!("`greenroom undo {}` drops it and closes the run", k.run),
            ));
        }
        let history = self.whole_history()?;
        let raw = raw_copies(&history).into_iter().find(|(raw, _)| raw.nonce == k.nonce).map(|(raw, _)| raw);
        if let Some(raw) = &raw {
            let unfinished = |r: &&RunState| of_copy(r, raw) && matches!(r.phase, Phase::Running | Phase::Undoing);
            let holds = |r: &&RunState| unfinished(r) && (!over || r.plan.kind == RunKind::Restore);
            if let Some(run) = history.runs.iter().find(holds) {
                let hint = format!("`greenroom undo {}` drops it, unless that run is to keep it", run.id);
                return Err(refused("GR0723", format!("`{name}` belongs to the unfinished run `{}`", run.id), hint));
            }
        }
        let mut journal = self.journal()?;
        journal.append(None, Some(&self.actor), Body::DropIntended { name: k.name.clone(), nonce: k.nonce.clone() })?;
        match &raw {
            Some(raw) => {
                let marker = raw_marker(&self.program.name, raw);
                self.engines.quarantine().await?.clear_raw(&raw.name, &marker).await?;
            }
            None => self.engines.target().await?.drop_marked(&k.name, &k.nonce).await?,
        }
        // What it was compared with goes with it.
        match std::fs::remove_file(self.base_of(&k.nonce)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e.into()),
            _ => {}
        }
        journal.append(None, None, Body::Dropped { name: k.name.clone(), nonce: k.nonce.clone() })?;
        Ok(k)
    }

    /// Drops former pilots and raw copies whose time is over.
    ///
    /// # Errors
    /// As [`Session::drop_database`].
    pub async fn drop_expired(&self) -> Result<Vec<Known>, SessionError> {
        let now = self.clock.now();
        // What was never restored to the end goes by undoing its run, which is its own pilot's to do.
        let ours = |k: &Known| k.role != FORMER_PRODUCTION && (k.role == RAW || k.role == "former" || k.profile == self.program.profile);
        let due: Vec<Known> = self.databases().await?.into_iter().filter(|k| k.until.is_some_and(|u| u <= now) && ours(k)).collect();
        let mut dropped = Vec::new();
        for k in due {
            // Another pilot at work keeps its own for now.
            match self.lock_of(k.profile.as_deref()) {
                Err(SessionError::Refused { .. }) => continue,
                free => drop(free?),
            }
            let undone = if k.role == RAW || k.role == "former" { None } else { Some(self.undo(Some(&k.run.0)).await?) };
            match undone {
                Some(_) => dropped.push(k),
                None => dropped.push(self.drop_one(&k.name, true).await?),
            }
        }
        Ok(dropped)
    }
}

/// Identity of the production that a switch, or a rollback, has put aside.
pub(super) fn put_aside(run: &RunState) -> Option<&str> {
    run.outcome_of(|a| matches!(a, Action::Swap))?.facts.get("former_id").map(String::as_str)
}

pub(super) fn known(name: &str, role: &str, run: &RunState, nonce: &str, standing: Option<Standing>) -> Known {
    Known {
        name: name.to_owned(),
        role: role.to_owned(),
        run: run.id.clone(),
        nonce: nonce.to_owned(),
        standing,
        admission: None,
        until: None,
        elsewhere: None,
        profile: run.plan.profile.clone(),
    }
}
