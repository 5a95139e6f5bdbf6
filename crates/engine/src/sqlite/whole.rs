//! A second file of one that stands, page by page (SQLite's backup API). Owns making it, and giving that up.
//!
//! It is made under another name beside the wanted one (see `restore`), and takes its name when it is whole and marked.

use super::connect::{engine_id, io, open_read_only, open_writable, stat};
use super::error::failed;
use super::restore::{clear, copying};
use super::target::{blocking, create_file};
use super::{fence, marker, swap};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Marker, MarkerState};
use rusqlite::backup::{Backup, StepResult};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Pages copied between two looks at whether the copy is still wanted.
const PAGES: i32 = 4096;

/// Whether somebody still waits for the copy. A thread cannot be stopped from outside; it must not publish what nobody waits for.
#[derive(Clone, Default)]
struct Wanted(Arc<Mutex<bool>>);

/// Gives the copy up when its waiter is gone.
struct Waiter(Wanted);

impl Drop for Waiter {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }
}

impl Wanted {
    fn or_give_up(&self) -> Result<std::sync::MutexGuard<'_, bool>> {
        let given_up = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *given_up {
            return Err(EngineError::new(ErrorKind::Cancelled, "copy the file", "nobody waits for it any more"));
        }
        Ok(given_up)
    }
}

/// Makes `to` of `from`, sealed and marked. `production`: the identity of the file where it is production's, which bears no marker of the copy's, and a fence.
pub(super) async fn copy(from: PathBuf, to: PathBuf, wanted: &Marker, production: Option<String>) -> Result<()> {
    let (wanted, still) = (wanted.clone(), Wanted::default());
    let _waiter = Waiter(still.clone());
    blocking(move || {
        if marker::look(&to)?.is_some_and(|s| s.marker.as_ref() == Some(&wanted)) {
            return Ok(());
        }
        let doing = format!("make a second copy of `{}`", from.display());
        if let Some(identity) = &production
            && stat(&from)?.map(|s| engine_id(&s)).as_ref() != Some(identity)
        {
            return Err(EngineError::new(ErrorKind::Conflict, doing, "it is not what is production"));
        }
        if stat(&to)?.is_some() {
            return Err(EngineError::new(ErrorKind::Conflict, doing, format!("`{}` stands there already", to.display())));
        }
        clear(&to, &wanted)?;
        let part = copying(&to);
        create_file(&part)?;
        let filled = fill(&from, &part, &wanted, production.is_some(), &still, &doing).and_then(|()| {
            let _not_given_up = still.or_give_up()?;
            rustix::fs::rename(&part, &to).map_err(|e| io(&doing, e))
        });
        if let Err(e) = filled {
            // What does not go now goes with the next attempt, or with undo.
            let _ = clear(&to, &wanted);
            return Err(e);
        }
        swap::sync_folder(&to)
    })
    .await
}

fn fill(from: &Path, part: &Path, wanted: &Marker, of_production: bool, still: &Wanted, doing: &str) -> Result<()> {
    let wrong = |e: rusqlite::Error| failed(doing, &e);
    let (source, mut copy) = (open_read_only(from, "read")?, open_writable(part, "fill")?);
    let backup = Backup::new(&source, &mut copy).map_err(wrong)?;
    loop {
        drop(still.or_give_up()?);
        match backup.step(PAGES).map_err(wrong)? {
            StepResult::Done => break,
            StepResult::More => {}
            _ => std::thread::sleep(Duration::from_millis(50)),
        }
    }
    drop(backup);
    // Without companions when names are exchanged; production's way of keeping its journal comes with its doors.
    copy.execute_batch("PRAGMA journal_mode = DELETE").map_err(wrong)?;
    if of_production {
        if marker::read(&copy)?.is_some_and(|m| m.state != MarkerState::Promoted) {
            return Err(EngineError::new(ErrorKind::Conflict, doing, "it is a copy that Greenroom made, not production"));
        }
        marker::claim(&copy, wanted).map_err(wrong)?;
        fence::open_all(&copy)?;
    }
    copy.close().map_err(|(_, e)| wrong(e))
}
