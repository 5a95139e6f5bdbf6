//! `cargo xtask`: what developers and CI run. Owns the verbs and their exit codes; depends on no crate of the product, so that it builds
//! in seconds and can judge a product that does not build.
//!
//! A new verb is a file with a `run` and a line in [`VERBS`].

// The output of this program is for people at a terminal or reading CI's log.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod check;
mod engines;
mod generate;
mod shell;
mod test;

use std::process::ExitCode;

/// A verb: its name, what it says of itself, and what it does with its arguments. True means that all is well.
type Verb = (&'static str, &'static str, fn(&[String]) -> Result<bool, String>);

const VERBS: &[Verb] = &[
    ("test", "[FILTER]  checks and all tests, with the servers they need; with a filter only the tests that match", test::run),
    ("check", "         format, lints, dependency arrows, house rules, licences and advisories", check::run),
    ("gen", "[--check] renders the reference documents from the code, or says which have drifted", generate::run),
    (
        "engines",
        "[--check | --gather FOLDER] runs the contract on every engine at hand and writes docs/engines.md's table, or says whether it has drifted",
        engines::run,
    ),
    (
        "bench",
        "postgres|mariadb [--rows N] [--binary PATH]  a rehearsal beside the engine's own dump and restore: time, ratio, peak memory",
        bench::run,
    ),
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let verb = args.first().and_then(|name| VERBS.iter().find(|(verb, _, _)| verb == name));
    let Some((name, _, run)) = verb else {
        println!("usage: cargo xtask VERB\n");
        VERBS.iter().for_each(|(name, about, _)| println!("  {name:<6} {about}"));
        return match args.first().map(String::as_str) {
            None | Some("help" | "--help" | "-h") => ExitCode::SUCCESS,
            Some(_) => ExitCode::from(2),
        };
    };
    match run(&args[1..]) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cargo xtask {name}: {error}");
            ExitCode::FAILURE
        }
    }
}
