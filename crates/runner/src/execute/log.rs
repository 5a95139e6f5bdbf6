//! The log of one run: journal, lease and folded state together, shared by the workers of a copy.

use super::RunError;
use crate::journal::{Actor, AppendError, Journal, Lease, Projection, ReplayError};
use greenroom_model::fence::Fence;
use greenroom_model::hash::Hash;
use greenroom_model::run::{Body, RunState};
use std::sync::{Arc, Mutex};

struct Inner {
    journal: Box<dyn Journal>,
    lease: Lease,
    state: RunState,
}

/// Records events of one run and keeps its state folded. Clones share both.
#[derive(Clone)]
pub struct RunLog {
    inner: Arc<Mutex<Inner>>,
}

impl RunLog {
    /// Takes the run over under the next epoch. The caller holds the workspace's lock for the run.
    ///
    /// # Errors
    /// When the journal refuses.
    pub fn take(mut journal: Box<dyn Journal>, mut state: RunState, owner: &str) -> Result<RunLog, RunError> {
        let lease = Lease { run: state.id.clone(), epoch: state.epoch + 1 };
        let event = journal.append(Some(&lease), None, Body::LeaseTaken { owner: owner.to_owned() })?;
        state.apply(&event)?;
        Ok(RunLog { inner: Arc::new(Mutex::new(Inner { journal, lease, state })) })
    }

    /// Appends an event and folds it.
    ///
    /// # Errors
    /// When the journal refuses; the state is as before.
    pub fn record(&self, body: Body) -> Result<(), RunError> {
        self.record_by(None, body)
    }

    /// Appends a person's decision and folds it.
    ///
    /// # Errors
    /// As [`RunLog::record`].
    pub fn record_by(&self, actor: Option<&Actor>, body: Body) -> Result<(), RunError> {
        let mut inner = self.inner.lock().expect("no thread panics while it holds the log");
        let Inner { journal, lease, state } = &mut *inner;
        let event = journal.append(Some(lease), actor, body)?;
        Ok(state.apply(&event)?)
    }

    /// Appends an event that belongs to no run.
    ///
    /// # Errors
    /// When the journal refuses.
    pub fn beside(&self, actor: Option<&Actor>, body: Body) -> Result<(), AppendError> {
        let mut inner = self.inner.lock().expect("no thread panics while it holds the log");
        inner.journal.append(None, actor, body).map(drop)
    }

    /// The fence around production that the journal knows now.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn fence(&self) -> Result<Option<Fence>, ReplayError> {
        let inner = self.inner.lock().expect("no thread panics while it holds the log");
        Ok(Projection::of(&inner.journal.replay()?)?.fence)
    }

    /// Fences that stay though their switch is over, by the hash of their doors.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn kept_fences(&self) -> Result<Vec<Hash>, ReplayError> {
        let inner = self.inner.lock().expect("no thread panics while it holds the log");
        Ok(Projection::of(&inner.journal.replay()?)?.kept_fences)
    }

    /// The state now.
    pub fn state(&self) -> RunState {
        self.inner.lock().expect("no thread panics while it holds the log").state.clone()
    }
}
