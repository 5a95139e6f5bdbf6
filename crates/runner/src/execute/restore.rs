//! Steps: a backup becomes a raw copy in the quarantine, and a raw copy goes. Owns that a half-restored one is never taken for whole.

use super::{Execution, StepError, failure, failure_of};
use crate::ports::Notice;
use greenroom_engine::{ErrorKind, Marker, MarkerState, backup};
use greenroom_model::plan::{RawCopy, RunKind};
use greenroom_model::run::Outcome;
use std::path::PathBuf;
use std::sync::Arc;

/// The marker that a raw copy bears once it is whole.
pub(crate) fn raw_marker(program: &str, raw: &RawCopy) -> Marker {
    Marker { program: program.to_owned(), generation: raw.number, nonce: raw.nonce.clone(), state: MarkerState::Raw }
}

impl Execution {
    fn raw(&self) -> Result<RawCopy, StepError> {
        self.plan.raw.clone().ok_or_else(|| failure("GR0733", "the plan names no raw copy").into())
    }

    /// Restores the backup. What an earlier attempt left half restored is dropped first: nothing in it can be gone on with.
    pub(super) async fn restore(&mut self) -> Result<Outcome, StepError> {
        let raw = self.raw()?;
        let marker = raw_marker(&self.plan.program, &raw);
        let mut quarantine = self.setup.engines.quarantine().await?;
        let standing = quarantine.look(&raw.name).await?;
        if let Some(s) = standing.filter(|s| s.marker.as_ref() == Some(&marker)) {
            // Whole: only its outcome was not written any more.
            return Ok(Outcome { facts: [("engine_id".to_owned(), s.engine_id)].into(), ..Outcome::default() });
        }
        quarantine.clear_raw(&raw.name, &marker).await?;
        let path = PathBuf::from(&raw.backup.path);
        let found = tokio::task::spawn_blocking(move || backup::recognise(&path)).await;
        let found = found.map_err(|e| failure("GR0710", format!("the backup could not be read: {e}")))?;
        let found = found.map_err(|e| unusable(&e))?;
        if found.hash != raw.backup.hash {
            let mut f = failure("GR0734", format!("`{}` is not the backup that this run was planned for", raw.backup.path));
            f.hint = Some("put the file back, or `greenroom undo` this run and try the new file".into());
            return Err(f.into());
        }
        let step = self.performing.clone();
        let observer = self.setup.observer.clone();
        let tell: backup::Tell = Arc::new(move |bytes| {
            if let Some(step) = step.clone() {
                observer.notice(Notice::Rows { step, rows: 0, bytes });
            }
        });
        let cancel = self.setup.cancel.clone();
        let restored = tokio::select! {
            done = quarantine.restore(&raw.name, &marker, &found, tell) => done.map_err(|e| unusable(&e))?,
            // What stands half restored goes when the run is gone on with or undone.
            () = cancel.cancelled() => return Err(StepError::Stopped),
        };
        let mut outcome = Outcome { bytes: Some(found.bytes), ..Outcome::default() };
        outcome.facts.insert("engine_id".into(), restored.engine_id);
        outcome.facts.insert("backup".into(), raw.backup.hash.to_string());
        outcome.facts.insert("until".into(), raw.until.to_string());
        if restored.statements > 0 {
            outcome.facts.insert("statements".into(), restored.statements.to_string());
        }
        outcome.facts.extend(restored.of.map(|of| ("of".to_owned(), of)));
        outcome.notes = restored.notes.into_iter().map(|(what, why)| format!("{what}: {why}")).collect();
        Ok(outcome)
    }

    /// Drops the raw copy, whole or half restored; nothing to do when it is gone.
    pub(super) async fn drop_raw(&mut self) -> Result<Outcome, StepError> {
        if let Some(held) = self.held.take() {
            held.release().await?;
        }
        let raw = self.raw()?;
        let marker = raw_marker(&self.plan.program, &raw);
        self.setup.engines.quarantine().await?.clear_raw(&raw.name, &marker).await?;
        Ok(Outcome::default())
    }

    /// The same as a part of an undo.
    pub(super) async fn undo_raw(&mut self) -> Result<(), StepError> {
        self.drop_raw().await?;
        if self.plan.kind == RunKind::Restore {
            // Nothing was kept in it; a folder that stays is untidy, no danger.
            let _ = std::fs::remove_dir_all(&self.setup.scratch);
        }
        Ok(())
    }
}

/// A failure whose cause is the backup itself says so.
fn unusable(e: &greenroom_engine::EngineError) -> StepError {
    let mut f = failure_of(e);
    if e.kind == ErrorKind::Unusable {
        f.code = "GR0732".into();
    }
    StepError::Failed(f)
}
