//! Cuts: the n-th effect of a simulated process is its last.

use crate::error::{EngineError, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts passages and dies at one of them; dead stays dead. Clones share the count.
#[derive(Clone, Debug)]
pub struct Cuts {
    passed: Arc<AtomicU64>,
    at: u64,
}

impl Default for Cuts {
    fn default() -> Self {
        Cuts::never()
    }
}

impl Cuts {
    /// A process that is not killed.
    pub fn never() -> Cuts {
        Cuts::at(u64::MAX)
    }

    /// A process that dies at its n-th passage (0-based) and does nothing afterwards.
    pub fn at(n: u64) -> Cuts {
        Cuts { passed: Arc::default(), at: n }
    }

    /// Passes, unless this is where the process dies or it is dead already.
    ///
    /// # Errors
    /// An error of kind `Cancelled` from the cut on.
    pub fn pass(&self, what: &str) -> Result<()> {
        let n = self.passed.fetch_add(1, Ordering::SeqCst);
        if n >= self.at {
            return Err(EngineError::new(crate::error::ErrorKind::Cancelled, what, "the simulated process was killed"));
        }
        Ok(())
    }

    /// How many passages there were.
    pub fn passed(&self) -> u64 {
        self.passed.load(Ordering::SeqCst)
    }

    /// Whether the process died.
    pub fn is_dead(&self) -> bool {
        self.passed() > self.at
    }
}
