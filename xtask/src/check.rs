//! `cargo xtask check`: all that can be judged without running the product. Owns the list of checks; each is a file or a program of others.

mod arrows;
mod codes;
mod house;

use crate::shell::{output, root, step, works};
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

/// What a check has to say.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Each fails the check.
    pub errors: Vec<String>,
    /// Only shown.
    pub warnings: Vec<String>,
}

/// A file of the repository that git tracks or would track.
pub struct Source {
    /// Path from the repository's folder, with forward slashes.
    pub path: String,
    /// Content; none of files that are not UTF-8.
    pub text: Option<String>,
}

/// See the module. Takes no arguments.
pub fn run(args: &[String]) -> Result<bool, String> {
    if let Some(arg) = args.first() {
        return Err(format!("unexpected argument `{arg}`"));
    }
    let began = Instant::now();
    let mut skipped: Vec<&str> = Vec::new();
    let mut well = true;
    // The quick checks first: they fail in milliseconds.
    match sources()? {
        Some(sources) => {
            well &= show("house rules", &house::check(&sources));
            well &= show("finding codes", &codes::check(&sources));
        }
        None => skipped.push("house rules and finding codes: no git here, or no clone"),
    }
    println!("== the table of promises");
    well &= crate::engines::run(&["--check".to_owned()])?;
    well &= show("dependency arrows", &arrows::check(&output("cargo metadata --format-version 1 --no-deps")?)?);
    if has("cargo fmt", "rustfmt") {
        well &= step("cargo fmt --all --check")?;
    } else {
        skipped.push("formatting: no rustfmt; run `rustup component add rustfmt`");
    }
    if has("cargo clippy", "clippy") {
        well &= step("cargo clippy --quiet --workspace --all-targets -- -D warnings")?;
    } else {
        skipped.push("lints: no clippy; run `rustup component add clippy`");
    }
    if works("cargo deny --version") {
        well &= step("cargo deny --log-level warn check")?;
    } else {
        skipped.push("licences, advisories and bans: no cargo-deny; run `cargo install --locked cargo-deny`");
    }
    skipped.iter().for_each(|what| println!("SKIPPED {what}"));
    println!("== checks {} after {:.1} s", if well { "passed" } else { "FAILED" }, began.elapsed().as_secs_f64());
    Ok(well)
}

/// Is the cargo command there, or can rustup add it?
fn has(command: &str, component: &str) -> bool {
    let there = || works(&format!("{command} --version"));
    there() || (works(&format!("rustup component add {component}")) && there())
}

fn show(what: &str, report: &Report) -> bool {
    println!("== {what}");
    report.warnings.iter().for_each(|w| println!("   warning: {w}"));
    report.errors.iter().for_each(|e| println!("   error: {e}"));
    report.errors.is_empty()
}

/// Every file of the working tree that is not ignored; none when git cannot tell.
fn sources() -> Result<Option<Vec<Source>>, String> {
    let Ok(list) = output("git ls-files -z --cached --others --exclude-standard") else { return Ok(None) };
    let root = root();
    let mut sources = Vec::new();
    for path in list.split('\0').filter(|p| !p.is_empty()) {
        let full: PathBuf = root.join(path);
        // Deleted and not yet committed, or a folder that is a submodule.
        if !full.is_file() {
            continue;
        }
        let bytes = fs::read(&full).map_err(|e| format!("read {path}: {e}"))?;
        sources.push(Source { path: path.to_owned(), text: String::from_utf8(bytes).ok() });
    }
    Ok(Some(sources))
}
