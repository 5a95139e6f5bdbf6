//! Backups: restoring one into the quarantine, and planning a rehearsal over the raw copy. Production is not connected to here.

use super::error::refused;
use super::{Session, SessionError};
use crate::execute::raw_marker;
use crate::journal::{Journal, Projection};
use crate::planning;
use crate::ports::Engines;
use crate::raw::OverRaw;
use greenroom_engine::backup::{self, Backup};
use greenroom_model::catalog::EngineKind;
use greenroom_model::finding::Finding;
use greenroom_model::hash::Hash;
use greenroom_model::plan::{Action, BackupFile, Plan, RawCopy, RunKind, restore};
use greenroom_model::run::{Body, Phase, RunState, StepState, UndoPart};
use std::path::Path;
use std::sync::Arc;

/// What an empty `[quarantine]` would look like for this engine.
fn declaration(engine: EngineKind) -> &'static str {
    match engine {
        EngineKind::Sqlite | EngineKind::Fake => {
            "write `[quarantine]` with `path = \"quarantine\"` into greenroom.toml: a folder for nothing but raw copies"
        }
        _ => "write `[quarantine]` into greenroom.toml; empty it means the target's server, `host`, `user` and `password` name another one",
    }
}

impl Session {
    /// Whether a file is production's own (SQLite).
    pub(super) fn is_production(&self, path: &std::path::Path) -> bool {
        use std::os::unix::fs::MetadataExt;
        let identity = |p: &std::path::Path| std::fs::metadata(p).ok().map(|m| (m.dev(), m.ino()));
        let own = self.program.source.path.as_ref().filter(|_| !self.program.source.engine.has_server()).map(|p| self.folder.join(p));
        own.and_then(|p| identity(&p)).is_some_and(|own| identity(path) == Some(own))
    }

    /// Says what a backup is, and whether this program can use it. Reads all of it, for its hash.
    ///
    /// # Errors
    /// When no quarantine is declared, or the file is nothing that can be restored for this program.
    pub async fn recognise(&self, path: &Path) -> Result<Backup, SessionError> {
        let engine = self.program.source.engine;
        if self.program.quarantine.is_none() {
            let message = "a restored backup is raw data, and the program declares no place for it";
            return Err(refused("GR0731", message, declaration(engine)));
        }
        let path = path.to_owned();
        let found = tokio::task::spawn_blocking(move || backup::recognise(&path)).await.map_err(std::io::Error::other)?;
        let found = found.map_err(|e| refused("GR0732", e.to_string(), e.hint.clone().unwrap_or_default()))?;
        let of = match found.format {
            // The text of a dump that names no tool may be anybody's; an engine that it is not for refuses its statements.
            backup::Format::Text => engine,
            other => other.engine().unwrap_or(engine),
        };
        if of != engine {
            let message = format!("`{}` is a {}, and the program is for {engine}", found.path.display(), found.format.words());
            return Err(refused("GR0732", message, "try it with a program whose `[source] engine` is that of the backup"));
        }
        Ok(found)
    }

    /// Plans restoring a backup, and records the plan: name, marker and expiry of the raw copy are on record before anything is made.
    ///
    /// # Errors
    /// When the quarantine cannot be reached, or has no room.
    pub async fn plan_restore(&self, backup: &Backup, keep: bool) -> Result<(Hash, Plan), SessionError> {
        if self.is_production(&backup.path) {
            let message = format!("`{}` is production itself, and no backup of it", backup.path.display());
            return Err(refused("GR0769", message, "back it up by the engine's own means: `sqlite3 production.db \".backup backup.db\"`"));
        }
        let Some(quarantine) = &self.program.quarantine else {
            let message = "a restored backup is raw data, and the program declares no place for it";
            return Err(refused("GR0731", message, declaration(self.program.source.engine)));
        };
        if let (EngineKind::Sqlite, Some(path)) = (quarantine.address.engine, &quarantine.address.path) {
            private_folder(&self.folder.join(path))?;
        }
        let mut target = self.engines.quarantine().await?;
        if let Some(short) = planning::shortage(target.room().await?, backup.bytes, self.program.copy.min_free_disk_percent) {
            let message = format!("the quarantine has {short}; the raw copy needs at least {}", planning::size(backup.bytes));
            let hint = "free room (`greenroom drop --expired` removes what is over), or name another `[quarantine]`";
            return Err(refused("GR0509", message, hint));
        }
        let mut journal = self.journal()?;
        let history = self.history()?;
        let number = history.generations + 1;
        let nonce = self.random.name(10);
        let until = self.clock.now().checked_add(jiff::SignedDuration::from_hours(24 * i64::from(quarantine.expires_days)));
        let raw = RawCopy {
            name: planning::raw_name(&self.program, number, &nonce),
            nonce,
            number,
            backup: BackupFile {
                path: backup.path.display().to_string(),
                format: backup.format.words().to_owned(),
                bytes: backup.bytes,
                hash: backup.hash,
            },
            until: until.map_err(std::io::Error::other)?,
            keep,
        };
        let plan = restore(&self.program, raw, env!("CARGO_PKG_VERSION"));
        let hash = plan.hash();
        journal.append(None, None, Body::PlanRecorded { hash, plan: Box::new(plan.clone()), found: None })?;
        Ok((hash, plan))
    }

    /// The whole raw copy of this very backup, if one stands.
    ///
    /// # Errors
    /// When the quarantine cannot be reached.
    pub async fn standing_copy(&self, backup: Hash) -> Result<Option<RawCopy>, SessionError> {
        for (raw, run) in raw_copies(&self.whole_history()?).into_iter().rev() {
            let whole = run.phase == Phase::Finished && raw.backup.hash == backup && raw.until > self.clock.now();
            if whole && self.is_whole(&raw).await? {
                return Ok(Some(raw));
            }
        }
        Ok(None)
    }

    /// A raw copy by its name.
    ///
    /// # Errors
    /// [`SessionError::Refused`] when there is none, or it is not whole.
    pub async fn raw_copy(&self, name: &str) -> Result<RawCopy, SessionError> {
        let found = raw_copies(&self.whole_history()?).into_iter().find(|(raw, _)| raw.name == name).map(|(raw, _)| raw);
        match found {
            Some(raw) if self.is_whole(&raw).await? => Ok(raw),
            _ => Err(refused(
                "GR0733",
                format!("no whole raw copy `{name}` stands in the quarantine"),
                "`greenroom status` lists those that stand; `greenroom try BACKUP --keep-raw` makes one",
            )),
        }
    }

    async fn is_whole(&self, raw: &RawCopy) -> Result<bool, SessionError> {
        let standing = self.engines.quarantine().await?.look(&raw.name).await?;
        Ok(standing.and_then(|s| s.marker) == Some(raw_marker(&self.program.name, raw)))
    }

    /// Makes and records the plan of a rehearsal over a raw copy.
    ///
    /// # Errors
    /// As [`Session::plan`].
    pub async fn plan_over(&self, raw: &RawCopy) -> Result<(Hash, Plan, Vec<Finding>), SessionError> {
        self.plan_from(Some(raw)).await
    }

    /// Connections whose source is the raw copy, or the source itself without one.
    pub fn engines_over(&self, raw: Option<&RawCopy>) -> Arc<dyn Engines> {
        match raw {
            Some(raw) => Arc::new(OverRaw::new(self.engines.clone(), &self.program.name, raw.clone())),
            None => self.engines.clone(),
        }
    }

    /// The raw copy that a finished restore made, when nothing has read it yet: what `resume` goes on with.
    ///
    /// # Errors
    /// When the journal or the quarantine cannot be read.
    pub async fn left_to_rehearse(&self, run: &RunState) -> Result<Option<RawCopy>, SessionError> {
        let Some(raw) = run.plan.raw.clone().filter(|_| run.plan.kind == RunKind::Restore) else { return Ok(None) };
        let history = self.whole_history()?;
        let read = history.runs.iter().any(|r| r.plan.kind != RunKind::Restore && of_copy(r, &raw));
        let known = raw_copies(&history).iter().any(|(r, run)| r.nonce == raw.nonce && run.phase == Phase::Finished);
        Ok(if !read && known && self.is_whole(&raw).await? { Some(raw) } else { None })
    }
}

/// Whether a run makes or reads this raw copy.
pub(super) fn of_copy(run: &RunState, raw: &RawCopy) -> bool {
    run.plan.raw.as_ref().is_some_and(|r| r.nonce == raw.nonce)
}

/// Raw copies that may stand, whole or half restored, with the run that made them: everything that the journal does not know to be gone.
pub(super) fn raw_copies(history: &Projection) -> Vec<(RawCopy, &RunState)> {
    let dropped = |raw: &RawCopy| {
        let by_hand = history.dropped.iter().any(|d| d.1 == raw.nonce && d.2);
        let by_run = |r: &&RunState| {
            r.outcome_of(|a| matches!(a, Action::DropRaw)).is_some() || r.undo.get(&UndoPart::DropRaw).copied().unwrap_or(false)
        };
        by_hand || history.runs.iter().filter(|r| of_copy(r, raw)).any(|r| by_run(&r))
    };
    let begun = |r: &RunState| r.plan.steps.iter().any(|s| r.steps.get(&s.key) != Some(&StepState::Pending));
    let made = history.runs.iter().filter(|r| r.plan.kind == RunKind::Restore && begun(r));
    made.filter_map(|r| r.plan.raw.clone().map(|raw| (raw, r))).filter(|(raw, _)| !dropped(raw)).collect()
}

/// Creates a folder that only its owner can enter; one that stands is left as it is.
fn private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    if folder.exists() {
        return Ok(());
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
