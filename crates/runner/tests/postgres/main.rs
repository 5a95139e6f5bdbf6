//! Whole rehearsals on a real PostgreSQL server, as the command line would drive them: masked, neutralised, upgraded, verified, opened,
//! undone; refused where they must be; disturbed midway and resumed.
#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::print_stdout, reason = "tests")]

mod crash;
mod rehearsal;
mod scene;
mod trial;
mod trouble;
