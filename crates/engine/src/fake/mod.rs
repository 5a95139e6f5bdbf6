//! An engine that is a map with declared atomicity, for exhaustive crash tests: every effect has a cut before and after it.
//!
//! Owns cuts and the simulated server ([`World`]) that outlives a simulated process. Does not imitate SQL: statements are recorded, and
//! fail if the world says so.

mod cuts;
mod encoding;
mod fence;
mod restore;
mod sessions;
mod world;
pub use cuts::Cuts;
pub use encoding::FakeEncoding;
pub use world::{Atomicity, Database, Inner, Rows, World};
