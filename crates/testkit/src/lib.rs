//! What tests need and the product must not: real servers, databases with planted secrets, writers that disturb, runs of the binary that
//! are killed.
//!
//! Only ever a dev-dependency. Failures panic with what was attempted, since the only reader is a person looking at a failed test.

// Everything here runs inside tests: printing reaches the person who runs them, and a panic is how a test fails.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used)]

pub mod files;
mod hosted;
pub mod maria;
pub mod pg;
pub mod proc;
pub mod recorder;
pub mod shop;
pub mod skip;
pub mod tds;
pub mod writer;
