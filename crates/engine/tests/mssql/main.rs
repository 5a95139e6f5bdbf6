//! What speaks TDS, against a server that the environment names; without one every test here says that it was skipped.
#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod backup;
mod identity;
