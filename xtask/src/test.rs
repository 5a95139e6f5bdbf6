//! `cargo xtask test`: everything that must pass before a change goes in. Owns the surroundings of the tests (servers, environment), their
//! run, and the closing summary; the checks before are `check`'s.

mod mail;
mod mariadb;
mod postgres;
mod tally;

use crate::shell::{colours, command, root, step, watched, works};
use std::fs;
use tally::Tally;

/// See the module. One argument may be given: a filter for the names of tests.
pub fn run(args: &[String]) -> Result<bool, String> {
    let filter = match args {
        [] => None,
        [filter] if !filter.starts_with('-') => Some(filter.as_str()),
        _ => return Err("takes at most one filter and no flags; run `cargo nextest run` yourself for more".to_owned()),
    };
    let binaries = postgres::make_sure()?;
    mariadb::make_sure()?;
    mail::make_sure()?;
    let checked = match filter {
        Some(_) => {
            println!("== checks are left out because of the filter; run `cargo xtask check`");
            true
        }
        None => crate::check::run(&[])?,
    };
    let skips = root().join("target/skipped.log");
    fs::create_dir_all(root().join("target"))
        .and_then(|()| fs::write(&skips, ""))
        .map_err(|e| format!("empty {}: {e}", skips.display()))?;
    let mut tally = Tally::default();
    let mut passed = true;
    for line in commands(filter) {
        println!("== {line}");
        let mut tests = command(&line);
        tests.args(["--color", if colours() { "always" } else { "never" }]);
        tests.env("GREENROOM_SKIP_LOG", &skips);
        if let Some(binaries) = &binaries {
            tests.env("GREENROOM_TEST_PG_BIN", binaries);
        }
        passed &= watched(&mut tests, |line| tally.line(line))?;
    }
    tally.skips(&fs::read_to_string(&skips).map_err(|e| format!("read {}: {e}", skips.display()))?);
    print!("{tally}");
    if !checked {
        println!("the checks before the tests FAILED, see above");
    }
    // The exit codes decide; a tally of nothing means that we no longer understand the output, or that the filter fits no test.
    if tally.is_empty() {
        return Err("no test was run".to_owned());
    }
    Ok(checked && passed)
}

/// The folder of PostgreSQL's binaries, for other verbs.
///
/// # Errors
/// The environment names a folder that lacks them.
pub fn binaries() -> Result<Option<std::path::PathBuf>, String> {
    postgres::make_sure()
}

/// nextest where it is installed, since it runs the tests of all crates side by side and ends what hangs; it leaves out documentation tests.
fn commands(filter: Option<&str>) -> Vec<String> {
    let filter = filter.unwrap_or_default();
    if !works("cargo nextest --version") {
        println!("== cargo-nextest is not installed; using cargo test");
        return vec![format!("cargo test --workspace --no-fail-fast {filter}")];
    }
    let tests = format!("cargo nextest run --workspace --no-fail-fast --no-tests=pass {filter}");
    vec![tests, format!("cargo test --workspace --doc --no-fail-fast --quiet {filter}")]
}

/// Installs packages of Debian or Ubuntu. False when that is not possible here.
fn install(packages: &str) -> Result<bool, String> {
    if !works("apt-get --version") || crate::shell::output("id -u")?.trim() != "0" {
        return Ok(false);
    }
    Ok(step("apt-get -q update")?
        && step(&format!("env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends {packages}"))?)
}
