//! Whole rehearsals on a server that speaks TDS (SQL Server, Babelfish), as the command line would drive them; killed midway and resumed or
//! undone. Without such a server every test says that it was skipped.
#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::print_stdout, reason = "tests")]

#[path = "../postgres/crash.rs"]
mod crash;
mod scene;
