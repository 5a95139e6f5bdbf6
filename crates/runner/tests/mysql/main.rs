//! Whole rehearsals on a real MariaDB server, as the command line would drive them: masked, neutralised, upgraded, verified, opened, undone;
//! killed midway and resumed. And Chinook, as it is shipped.
#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::print_stdout, reason = "tests")]

mod chinook;
#[path = "../postgres/crash.rs"]
mod crash;
mod every_kind;
mod rehearsal;
mod scene;
mod trial;
