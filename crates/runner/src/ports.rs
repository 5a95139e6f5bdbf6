//! What is passed in instead of being global: clock, randomness, observer of progress, engines. Owns the ports and their real forms.

use async_trait::async_trait;
use greenroom_engine::fence::Fence;
use greenroom_engine::{EngineError, Result as EngineResult, Source, Target};
use greenroom_model::plan::StepKey;
use greenroom_model::run::{Outcome, Verdict};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Wall clock, for people and retention.
    fn now(&self) -> jiff::Timestamp;
    /// Monotonic milliseconds since an arbitrary start, for durations.
    fn millis(&self) -> u64;
}

/// The machine's clock.
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        SystemClock { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }
    fn millis(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// A clock that runs as the machine's does, but from another moment, and can be set forward: what a demo has instead of months.
pub struct SimulatedClock {
    start: Instant,
    /// What it showed at `start`.
    from: Mutex<jiff::Timestamp>,
}

impl SimulatedClock {
    /// One that shows this now.
    pub fn at(now: jiff::Timestamp) -> SimulatedClock {
        SimulatedClock { start: Instant::now(), from: Mutex::new(now) }
    }

    /// Sets it forward; false where that would set it back.
    pub fn forward(&self, to: jiff::Timestamp) -> bool {
        let later = to >= self.now();
        if later {
            let mut from = self.from.lock().unwrap_or_else(PoisonError::into_inner);
            *from = to.checked_sub(jiff::SignedDuration::try_from(self.start.elapsed()).unwrap_or_default()).unwrap_or(to);
        }
        later
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> jiff::Timestamp {
        let from = *self.from.lock().unwrap_or_else(PoisonError::into_inner);
        from.checked_add(jiff::SignedDuration::try_from(self.start.elapsed()).unwrap_or_default()).unwrap_or(from)
    }
    fn millis(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Gives randomness.
pub trait Random: Send + Sync {
    /// Fills a buffer.
    fn fill(&self, bytes: &mut [u8]);

    /// A name part of so many characters from `[a-z2-7]`.
    fn name(&self, length: usize) -> String {
        let mut bytes = vec![0u8; length];
        self.fill(&mut bytes);
        bytes.iter().map(|b| char::from(b"abcdefghijklmnopqrstuvwxyz234567"[usize::from(b & 31)])).collect()
    }

    /// 32 key bytes.
    fn key(&self) -> [u8; 32] {
        let mut bytes = [0u8; 32];
        self.fill(&mut bytes);
        bytes
    }
}

/// The operating system's randomness.
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives randomness");
    }
}

/// Nothing raw goes where it was not declared.
pub(crate) fn no_quarantine() -> EngineError {
    EngineError::unsupported("reach the quarantine", "the program declares none").hint("write a `[quarantine]` section into greenroom.toml")
}

/// Connects to the databases of one program.
#[async_trait]
pub trait Engines: Send + Sync {
    /// A new session on the source.
    async fn source(&self) -> EngineResult<Box<dyn Source>>;
    /// A new session on the target.
    async fn target(&self) -> EngineResult<Box<dyn Target>>;
    /// A new session on production, with a login that may fence it.
    async fn production(&self) -> EngineResult<Box<dyn Fence>> {
        Err(EngineError::unsupported("fence production", "there is no connection for it"))
    }
    /// A new session on the quarantine, where backups are restored.
    async fn quarantine(&self) -> EngineResult<Box<dyn Target>> {
        Err(no_quarantine())
    }
    /// A new session on a database of the quarantine, read as a source.
    async fn raw(&self, name: &str) -> EngineResult<Box<dyn Source>> {
        let _ = name;
        Err(no_quarantine())
    }
}

/// What a run tells while it goes on. Free of row values.
#[derive(Clone, Debug)]
pub enum Notice {
    /// A step begins.
    StepBegins {
        /// Key.
        step: StepKey,
        /// Title.
        title: String,
    },
    /// Rows were copied, or read back to be compared and searched.
    Rows {
        /// The step.
        step: StepKey,
        /// Rows since the last notice.
        rows: u64,
        /// Bytes since the last notice.
        bytes: u64,
    },
    /// A step is done.
    StepEnds {
        /// Key.
        step: StepKey,
        /// Measurements.
        outcome: Outcome,
    },
    /// A verification ended.
    Verified(Verdict),
    /// Something worth a line.
    Line(String),
}

/// Listens to a run.
pub trait Observer: Send + Sync {
    /// Called often; must not block.
    fn notice(&self, notice: Notice);
}

/// Listens to nothing.
pub struct Silent;

impl Observer for Silent {
    fn notice(&self, _: Notice) {}
}
