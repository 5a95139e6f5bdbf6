//! The lock on the target's server that one process at a time holds for a pilot, and ending what dead ones left behind (P30).

use super::RunError;
use crate::ports::Engines;
use greenroom_engine::{ServerLock, Target};

/// A target whose server lock for the pilot's name is ours.
pub struct Locked {
    pub(super) target: Box<dyn Target>,
    pub(super) lock: Box<dyn ServerLock>,
}

impl Locked {
    /// Takes the lock. `dead` names processes that worked on this pilot and are gone: what is left of their sessions, which may hold the lock
    /// or stand in the way of a rename, is ended first, on both sides.
    ///
    /// # Errors
    /// When the target cannot be reached, or another process holds the lock.
    pub async fn take(engines: &dyn Engines, pilot: &str, dead: &[String]) -> Result<Locked, RunError> {
        let mut target = engines.target().await?;
        if !dead.is_empty() {
            target.end_sessions_of(dead).await?;
            // A source that cannot be reached now is not needed by every step that is left.
            if let Ok(mut source) = engines.source().await {
                source.end_sessions_of(dead).await?;
            }
        }
        match target.lock(pilot).await? {
            Some(lock) => Ok(Locked { target, lock }),
            None => Err(RunError::Busy(pilot.to_owned())),
        }
    }
}
