//! The SQLite engine on real files.
#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod rows;
mod schema;
mod scripts;
mod source;
mod stage;
mod swap;
mod target;
