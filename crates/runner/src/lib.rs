//! Performs runs: keeps the journal, makes plans from programs and databases, executes their steps, recovers and undoes.
//!
//! Owns all effects but those inside customers' databases (`engine`). Does not own decisions (`model`) nor what people see (`cli`).

pub mod artefacts;
pub mod base;
mod child;
pub mod deeds;
pub mod execute;
pub mod fencing;
pub mod files;
pub mod journal;
pub mod notices;
pub mod planning;
pub mod ports;
pub mod proof;
pub mod raw;
mod script;
pub mod secrets;
pub mod session;
pub mod trees;
pub mod workspace;
