//! A journal in memory, for crash tests: the same rules, and a cut before or after any append.

use super::{Actor, AppendError, Journal, Lease, ReplayError, commitment, seal};
use greenroom_engine::fake::Cuts;
use greenroom_model::hash::Hash;
use greenroom_model::run::{Body, Event, RunId, check_chain};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Events and who wrote them.
#[derive(Default)]
struct Inner {
    events: Vec<Event>,
    epochs: BTreeMap<RunId, u64>,
    actors: BTreeMap<Hash, Actor>,
}

/// A journal that outlives the "process" that holds it: clones share their events.
#[derive(Clone, Default)]
pub struct MemoryJournal {
    inner: Arc<Mutex<Inner>>,
    cuts: Cuts,
}

impl MemoryJournal {
    /// An empty journal whose appends are cut by `cuts`.
    pub fn new(cuts: Cuts) -> MemoryJournal {
        MemoryJournal { inner: Arc::default(), cuts }
    }

    /// The same events under other cuts: the next "process".
    pub fn reopen(&self, cuts: Cuts) -> MemoryJournal {
        MemoryJournal { inner: self.inner.clone(), cuts }
    }
}

impl Journal for MemoryJournal {
    fn append(&mut self, lease: Option<&Lease>, actor: Option<&Actor>, body: Body) -> Result<Event, AppendError> {
        let dead = |_| AppendError::Storage("killed".into());
        self.cuts.pass("append").map_err(dead)?;
        let mut inner = self.inner.lock().expect("no thread panics while it holds the journal");
        if let Some(l) = lease {
            let latest = inner.epochs.get(&l.run).copied().unwrap_or(0);
            let taking = matches!(body, Body::LeaseTaken { .. });
            if (taking && l.epoch <= latest) || (!taking && l.epoch != latest) {
                return Err(AppendError::LeaseLost { run: l.run.clone(), ours: l.epoch, theirs: latest });
            }
            inner.epochs.insert(l.run.clone(), l.epoch);
        }
        let mut personal = Vec::new();
        if let Some(a) = actor {
            let c = commitment(b"salt", &a.os_user);
            inner.actors.insert(c, a.clone());
            personal.push(c);
        }
        let seq = inner.events.len() as u64 + 1;
        let at = jiff::Timestamp::from_second(i64::try_from(seq).unwrap_or(0)).unwrap_or_default();
        let prev = inner.events.last().map_or(Hash::ZERO, |e| e.hash);
        let (event, _, _) = seal(seq, lease, at, personal, prev, body);
        inner.events.push(event.clone());
        drop(inner);
        self.cuts.pass("appended").map_err(dead)?;
        Ok(event)
    }

    fn replay(&self) -> Result<Vec<Event>, ReplayError> {
        let inner = self.inner.lock().expect("no thread panics while it holds the journal");
        check_chain(&inner.events)?;
        Ok(inner.events.clone())
    }

    fn actors(&self) -> Result<BTreeMap<Hash, Actor>, ReplayError> {
        Ok(self.inner.lock().expect("no thread panics while it holds the journal").actors.clone())
    }
}
