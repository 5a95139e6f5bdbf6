//! The front desk of the demo's clinic: a program that goes on writing, whatever happens to its database. Owns what it was told is stored.

use super::DemoError;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The front desk: writes an entry at a time, opening the database by its name as its programs do.
pub(super) struct Desk {
    stop: Arc<AtomicBool>,
    /// When each entry was acknowledged, by number.
    written: Arc<Mutex<Vec<(u32, Instant)>>>,
    thread: Option<JoinHandle<()>>,
}

impl Desk {
    /// At a database whose name stays the same.
    pub fn open(path: PathBuf) -> Desk {
        Desk::wherever(move || Some(path.clone()))
    }

    /// At whatever database it is told to use at that moment.
    pub fn wherever(told_to: impl Fn() -> Option<PathBuf> + Send + 'static) -> Desk {
        let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (stopped, told) = (stop.clone(), written.clone());
        let work = move || {
            for n in 0.. {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                if told_to().is_some_and(|path| enter(&path, n).is_ok()) {
                    told.lock().unwrap_or_else(PoisonError::into_inner).push((n, Instant::now()));
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        };
        Desk { stop, written, thread: Some(std::thread::spawn(work)) }
    }

    pub fn entries(&self) -> Vec<(u32, Instant)> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The longest time since then during which nothing could be written, in milliseconds.
    pub fn longest_gap(&self, since: Instant) -> u64 {
        let at: Vec<Instant> = self.entries().into_iter().map(|(_, at)| at).filter(|at| *at >= since).collect();
        let gap = at.windows(2).map(|w| w[1] - w[0]).max().unwrap_or_default();
        u64::try_from(gap.as_millis()).unwrap_or(u64::MAX)
    }

    /// Waits until the desk works again.
    pub fn works(&self) -> Result<(), DemoError> {
        let (so_far, begin) = (self.entries().len(), Instant::now());
        while self.entries().len() <= so_far + 2 {
            if begin.elapsed() > Duration::from_secs(20) {
                return Err(DemoError::OffScript { what: "the front desk was to work again", ended: "it does not".into() });
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Entries that were acknowledged and are not in the database.
    pub fn missing(&self, path: &Path) -> Result<usize, DemoError> {
        let entries = self.entries();
        let c = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(look)?;
        let mut query = c.prepare("SELECT what FROM audit_log WHERE what LIKE 'desk entry %'").map_err(look)?;
        let found: rusqlite::Result<std::collections::BTreeSet<String>> = query.query_map([], |r| r.get(0)).map_err(look)?.collect();
        let found = found.map_err(look)?;
        Ok(entries.iter().filter(|(n, _)| !found.contains(&format!("desk entry {n}"))).count())
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.thread.take().map(JoinHandle::join));
    }
}

fn enter(path: &Path, n: u32) -> rusqlite::Result<()> {
    let c = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    c.busy_timeout(Duration::from_secs(2))?;
    c.execute("INSERT INTO audit_log (happened_at, what) VALUES (datetime('now'), 'desk entry ' || ?1)", [n]).map(drop)
}

pub(super) fn look(source: rusqlite::Error) -> DemoError {
    DemoError::Database { doing: "look into the database", source }
}
