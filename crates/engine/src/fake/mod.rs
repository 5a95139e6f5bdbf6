//! An engine that is a map with declared atomicity, for exhaustive crash tests: every effect has a cut before and after it.
//!
//! Owns cuts and the simulated server that outlives a simulated process.

mod cuts;
pub use cuts::Cuts;
