//! The pure domain of Greenroom: what a program says, what a schema is, what masks do, what a plan contains and how a run's state
//! follows from its events.
//!
//! Owns every decision that can be made from data alone. Does not own files, network, clock, randomness or threads: whatever needs one
//! of those receives its result as an argument, so that everything here can be tested in microseconds.

pub mod carry;
pub mod catalog;
pub mod columns;
pub mod fence;
pub mod finding;
pub mod hash;
pub mod mask;
pub mod numbers;
pub mod plan;
pub mod process;
pub mod program;
pub mod run;
pub mod upgrade;
pub mod verify;
