//! `cargo xtask engines`: runs the contract on every engine that can be had here and writes what it said into docs/engines.md.
//!
//! What a run said is kept in docs/contract.json, by engine with its version, so that a run without a server of some engine leaves that engine's
//! column as it was last proven. `--gather FOLDER` takes reports that runs elsewhere wrote (with `GREENROOM_CONTRACT_OUT`). `--check` says whether the document is what the kept runs say.

use crate::shell::{command, root};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const BEGIN: &str = "<!-- contract: written by `cargo xtask engines` -->";
const END: &str = "<!-- /contract -->";

/// Columns, in order, with how a report of theirs is known: the engine and a word of its version.
const COLUMNS: &[(&str, &str, &str)] = &[
    ("SQLite", "sqlite", ""),
    ("PostgreSQL", "postgres", ""),
    ("MariaDB", "mysql", "MariaDB"),
    ("MySQL", "mysql", ""),
    ("Babelfish", "mssql", "Babelfish"),
    ("SQL Server", "mssql", ""),
];

pub fn run(args: &[String]) -> Result<bool, String> {
    let kept = root().join("docs/contract.json");
    let document = root().join("docs/engines.md");
    let mut results = read(&kept)?;
    let check = args.iter().any(|a| a == "--check");
    let mut well = true;
    let gathered = args.iter().position(|a| a == "--gather").and_then(|at| args.get(at + 1));
    if let Some(folder) = gathered {
        gather(Path::new(folder), &mut results)?;
        keep(&kept, &results)?;
    } else if !check {
        let folder = root().join("target/contract");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|e| format!("create {}: {e}", folder.display()))?;
        let mut tests = command("cargo test -p greenroom-engine --test contract");
        tests.env("GREENROOM_CONTRACT_OUT", &folder);
        if let Some(binaries) = crate::test::binaries()? {
            tests.env("GREENROOM_TEST_PG_BIN", binaries);
        }
        let passed = tests.status().map_err(|e| format!("run the contract: {e}"))?.success();
        gather(&folder, &mut results)?;
        keep(&kept, &results)?;
        well = passed;
        if !passed {
            println!("a promise is broken, or a test could not run; the table says which");
        }
    }
    let before = fs::read_to_string(&document).map_err(|e| format!("read {}: {e}", document.display()))?;
    let (head, rest) = before.split_once(BEGIN).ok_or("docs/engines.md has no place for the table")?;
    let (_, tail) = rest.split_once(END).ok_or("docs/engines.md has no end for the table")?;
    let after = format!("{head}{BEGIN}\n{}{END}{tail}", table(&results));
    if check {
        if after != before {
            println!("docs/engines.md is not what docs/contract.json says: run `cargo xtask engines`");
        }
        return Ok(after == before);
    }
    fs::write(&document, after).map_err(|e| format!("write {}: {e}", document.display()))?;
    Ok(well)
}

fn keep(path: &Path, results: &Map<String, Value>) -> Result<(), String> {
    let text = serde_json::to_string_pretty(results).map_err(|e| e.to_string())? + "\n";
    fs::write(path, text).map_err(|e| format!("write {}: {e}", path.display()))
}

fn read(path: &Path) -> Result<Map<String, Value>, String> {
    match fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text).map_err(|e| format!("read {}: {e}", path.display())),
        Err(_) => Ok(Map::new()),
    }
}

/// Puts the reports of this run in the place of those engines' former ones.
fn gather(folder: &Path, results: &mut Map<String, Value>) -> Result<(), String> {
    let mut fresh: BTreeMap<String, Value> = BTreeMap::new();
    let entries = fs::read_dir(folder).map_err(|e| format!("read {}: {e}", folder.display()))?;
    let mut files: Vec<_> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
    files.sort();
    for file in files {
        let text = fs::read_to_string(&file).map_err(|e| format!("read {}: {e}", file.display()))?;
        let report: Value = serde_json::from_str(&text).map_err(|e| format!("read {}: {e}", file.display()))?;
        let (engine, version) = (report["engine"].as_str().unwrap_or(""), report["version"].as_str().unwrap_or(""));
        let Some((column, ..)) = COLUMNS.iter().find(|(_, e, word)| *e == engine && version.contains(word)) else { continue };
        let entry = fresh.entry((*column).to_owned()).or_insert_with(|| json!({ "version": version, "promises": {} }));
        for test in report["tests"].as_array().into_iter().flatten() {
            let name = format!("{}: {}", test["theme"].as_str().unwrap_or(""), test["test"].as_str().unwrap_or(""));
            let said = match test["verdict"].as_str() {
                Some("passed") => "kept".to_owned(),
                Some("not_applicable") => {
                    format!("does not apply ({}): {}", test["lacks"].as_str().unwrap_or("?"), test["so"].as_str().unwrap_or("?"))
                }
                _ => format!("broken: {}", test["why"].as_str().unwrap_or("?")),
            };
            entry["promises"][name] = Value::String(said);
        }
    }
    results.extend(fresh);
    Ok(())
}

fn table(results: &Map<String, Value>) -> String {
    let columns: Vec<&str> = COLUMNS.iter().map(|(name, ..)| *name).collect();
    let mut promises: Vec<&str> = Vec::new();
    for (_, engine) in results {
        for name in engine["promises"].as_object().into_iter().flat_map(Map::keys) {
            if !promises.contains(&name.as_str()) {
                promises.push(name);
            }
        }
    }
    promises.sort_unstable();
    let mut out = String::from("\nRun on: ");
    let runs: Vec<String> = columns
        .iter()
        .map(|c| results.get(*c).map_or_else(|| format!("{c}: never run"), |r| format!("{c}: {}", r["version"].as_str().unwrap_or("?"))))
        .collect();
    out.push_str(&runs.join("; "));
    out.push_str(&format!(".\n\n| promise | {} |\n|---|{}\n", columns.join(" | "), "---|".repeat(columns.len())));
    let mut notes: Vec<String> = Vec::new();
    for promise in promises {
        let cells: Vec<String> = columns
            .iter()
            .map(|c| match results.get(*c).and_then(|r| r["promises"][promise].as_str()) {
                None => "–".to_owned(),
                Some("kept") => "✓".to_owned(),
                Some(other) => {
                    let at = notes.iter().position(|n| n == other).unwrap_or_else(|| {
                        notes.push(other.to_owned());
                        notes.len() - 1
                    });
                    format!("{} {}", if other.starts_with("broken") { "✗" } else { "·" }, at + 1)
                }
            })
            .collect();
        out.push_str(&format!("| {promise} | {} |\n", cells.join(" | ")));
    }
    out.push_str("\n✓ kept, – never run, · does not apply, ✗ broken.\n");
    for (i, note) in notes.iter().enumerate() {
        out.push_str(&format!("{}. {note}\n", i + 1));
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_was_run_and_what_was_not() {
        let results = json!({
            "SQLite": { "version": "3.50", "promises": { "lock: one holds it": "kept", "snapshot: several share": "does not apply (shared): one reader" } },
            "Babelfish": { "version": "Babelfish 4", "promises": { "lock: one holds it": "broken: two held it" } },
        });
        let text = table(results.as_object().unwrap());
        assert!(text.contains("| lock: one holds it | ✓ | – | – | – | ✗ 1 | – |"), "{text}");
        assert!(text.contains("| snapshot: several share | · 2 | – | – | – | – | – |"), "{text}");
        assert!(text.contains("1. broken: two held it\n2. does not apply (shared): one reader\n"), "{text}");
        assert!(text.contains("SQL Server: never run"));
    }
}
