//! The binary from outside: what a person sees and what scripts get. Each test has a folder and a database of its own.
#![allow(clippy::unwrap_used, reason = "tests")]

mod bad_input;
mod clinic;
mod engine_test;
mod json;
mod look;
mod story;
mod try_backup;
