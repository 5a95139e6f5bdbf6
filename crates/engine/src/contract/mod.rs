//! The contract of the engine seam: named tests that every engine must pass, on scratch databases of their own.
//!
//! Part of the product, so that anyone can prove an engine on a server of theirs (`greenroom engine-test`); the engines' own tests run the
//! same. Written against the seam's traits only. What differs between engines, such as a type's nasty values or the words for a trigger,
//! is data of a [`Ground`]; what an engine lacks is read from its [`Capabilities`](crate::Capabilities) and makes a test not applicable,
//! with the consequence. Does not own what only one engine promises: that is tested beside that engine.
//!
//! | file | owns |
//! |---|---|
//! | `ground` | what an engine gives: scratch databases, its words |
//! | `scene` | the databases of one test, and cleaning up behind it |
//! | `flow` | a copy as the runner makes it, and reading it back |
//! | `run` | running, time limits, the report |
//! | `tests` | the promises, by theme |

mod flow;
mod ground;
mod run;
mod scene;
mod tests;

pub use ground::{Dialect, Ground, Sample};
pub use run::{Ended, NextTest, Report, run};
pub use tests::all;

use crate::error::EngineError;
use scene::Scene;
use serde::Serialize;
use std::future::Future;
use std::pin::Pin;

/// What a test says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// The engine keeps the promise.
    Passed,
    /// It does not.
    Failed {
        /// What was seen instead; never a value.
        why: String,
    },
    /// The engine says itself that it cannot do this.
    NotApplicable {
        /// What is missing.
        lacks: String,
        /// What follows for its users.
        so: String,
    },
}

/// Why a test ended before its end.
#[derive(Debug)]
pub enum Stop {
    /// A promise is not kept.
    Broken(String),
    /// The engine lacks what the test is about.
    Lacking {
        /// What.
        what: String,
        /// What follows.
        so: String,
    },
}

impl From<EngineError> for Stop {
    fn from(e: EngineError) -> Stop {
        Stop::Broken(e.to_string())
    }
}

/// What a test's steps return.
pub type Step<T = ()> = Result<T, Stop>;

type Running = Pin<Box<dyn Future<Output = Step> + Send>>;

/// One promise and how it is tried.
#[derive(Clone, Copy)]
pub struct Test {
    /// What the seam promises it about.
    pub theme: &'static str,
    /// The promise as a sentence, with underscores.
    pub name: &'static str,
    act: fn(Scene) -> Running,
}

impl Test {
    /// The promise as a sentence.
    pub fn sentence(&self) -> String {
        self.name.replace('_', " ")
    }
}

/// Lists the tests of a theme.
macro_rules! promises {
    ($theme:literal: $($name:ident),+ $(,)?) => {
        pub(super) const PROMISES: &[$crate::contract::Test] = &[$(
            $crate::contract::Test { theme: $theme, name: stringify!($name), act: |scene| Box::pin($name(scene)) }
        ),+];
    };
}
use promises;

/// Ends the test as failed unless the condition holds.
macro_rules! promise {
    ($holds:expr, $($why:tt)+) => {
        if !$holds {
            return Err($crate::contract::Stop::Broken(format!($($why)+)));
        }
    };
}
use promise;
