//! `cargo xtask gen`: renders the reference documents from the binary; with `--check` says which have drifted instead.

use std::path::Path;
use std::process::Command;

/// Documents that the binary renders.
const DOCUMENTS: [&str; 4] = ["masks.md", "codes.md", "program.md", "cli.md"];

pub fn run(args: &[String]) -> Result<bool, String> {
    let check = args.iter().any(|a| a == "--check");
    let folder = if check { Path::new("target").join("reference") } else { Path::new("docs").to_owned() };
    std::fs::create_dir_all(&folder).map_err(|e| format!("could not create {}: {e}", folder.display()))?;
    let done = Command::new("cargo")
        .args(["run", "--quiet", "--package", "greenroom", "--", "reference"])
        .arg(&folder)
        .status()
        .map_err(|e| format!("could not run cargo: {e}"))?;
    if !done.success() {
        return Ok(false);
    }
    if !check {
        return Ok(true);
    }
    let mut same = true;
    for name in DOCUMENTS {
        let (now, kept) = (std::fs::read(folder.join(name)), std::fs::read(Path::new("docs").join(name)));
        if now.ok() != kept.ok() {
            println!("docs/{name} is not what the code says: run `cargo xtask gen`");
            same = false;
        }
    }
    Ok(same)
}
