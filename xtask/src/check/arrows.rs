//! Which crate may depend on which, and which may name the drivers of customers' databases. Reads `cargo metadata`; pure.

use super::Report;
use serde_json::Value;

/// A crate and the crates of ours that it may depend on. The arrows point one way only, so that a piece can be understood, tested and
/// replaced without what stands on it.
const ARROWS: &[(&str, &[&str])] = &[
    ("greenroom-model", &[]),
    ("greenroom-engine", &["greenroom-model"]),
    ("greenroom-runner", &["greenroom-model", "greenroom-engine"]),
    ("greenroom-gateway", &["greenroom-model", "greenroom-engine", "greenroom-runner"]),
    ("greenroom-console", &["greenroom-model", "greenroom-engine", "greenroom-runner"]),
    ("greenroom", &["greenroom-model", "greenroom-engine", "greenroom-runner", "greenroom-gateway", "greenroom-console"]),
    ("greenroom-testkit", &["greenroom-model", "greenroom-engine"]),
    ("xtask", &[]),
];

/// Only ever a dev-dependency.
const TESTKIT: &str = "greenroom-testkit";

/// Drivers of customers' databases, which only the engine names; and the testkit, where no client program can be had (SQL Server). (SQLite is also the journal's file format, and so not among them.)
const DRIVERS: &[&str] = &["tokio-postgres", "postgres", "mysql_async", "mysql", "tiberius", "mssql-tds"];

/// What would give the model files, network, a clock, randomness or threads.
const NOT_IN_MODEL: &[&str] = &["tokio", "rusqlite", "rand", "getrandom", "reqwest", "hyper", "rustix", "libc", "rustls", "tempfile"];

/// Checks what `cargo metadata --no-deps` prints.
///
/// # Errors
/// The text is not what cargo prints.
pub fn check(metadata: &str) -> Result<Report, String> {
    let metadata: Value = serde_json::from_str(metadata).map_err(|e| format!("read what `cargo metadata` printed: {e}"))?;
    let packages = metadata["packages"].as_array().ok_or("`cargo metadata` lists no packages")?;
    let names: Vec<&str> = packages.iter().filter_map(|p| p["name"].as_str()).collect();
    let mut report = Report::default();
    for package in packages {
        let name = package["name"].as_str().ok_or("`cargo metadata` shows a package without a name")?;
        let Some((_, allowed)) = ARROWS.iter().find(|(n, _)| *n == name) else {
            report.errors.push(format!("{name}: unknown crate; say in xtask/src/check/arrows.rs what it may depend on"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let on = dependency["name"].as_str().unwrap_or_default();
            // `kind` is null for normal dependencies.
            let dev = dependency["kind"] == "dev";
            if let Some(why) = objection(name, on, dev, allowed, names.contains(&on)) {
                report.errors.push(format!("{name} depends on {on}: {why}"));
            }
        }
    }
    Ok(report)
}

fn objection(name: &str, on: &str, dev: bool, allowed: &[&str], ours: bool) -> Option<String> {
    if on == TESTKIT {
        return (!dev).then(|| "it may only be a dev-dependency".to_owned());
    }
    if ours && !allowed.contains(&on) {
        let may = if allowed.is_empty() { "none of ours".to_owned() } else { allowed.join(", ") };
        return Some(format!("it may depend on {may}"));
    }
    if dev {
        return None;
    }
    if DRIVERS.contains(&on) && name != "greenroom-engine" && (name, on) != (TESTKIT, "tiberius") {
        return Some("only greenroom-engine names the drivers of customers' databases".to_owned());
    }
    (name == "greenroom-model" && NOT_IN_MODEL.contains(&on))
        .then(|| "the model has no files, network, clock, randomness or threads".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(name: &str, dependencies: &[(&str, &str)]) -> usize {
        let list: Vec<Value> =
            dependencies.iter().map(|(on, kind)| serde_json::json!({ "name": on, "kind": (*kind != "normal").then_some(kind) })).collect();
        let others = ARROWS.iter().map(|(n, _)| serde_json::json!({ "name": n, "dependencies": [] })).filter(|p| p["name"] != name);
        let mut packages: Vec<Value> = others.collect();
        packages.push(serde_json::json!({ "name": name, "dependencies": list }));
        check(&serde_json::json!({ "packages": packages }).to_string()).unwrap().errors.len()
    }

    #[test]
    fn arrows_point_one_way() {
        assert_eq!(errors("greenroom-engine", &[("greenroom-model", "normal"), ("serde", "normal"), ("tokio-postgres", "normal")]), 0);
        assert_eq!(errors("greenroom-model", &[("greenroom-engine", "normal")]), 1);
        assert_eq!(errors("greenroom-model", &[("greenroom-engine", "dev")]), 1);
        assert_eq!(errors("greenroom-console", &[("greenroom-gateway", "normal")]), 1);
        assert_eq!(errors("xtask", &[("greenroom-model", "build")]), 1);
        assert_eq!(errors("greenroom-new", &[]), 1);
    }

    #[test]
    fn testkit_drivers_and_the_outside_world_have_their_places() {
        assert_eq!(errors("greenroom-runner", &[("greenroom-testkit", "dev"), ("tokio-postgres", "dev")]), 0);
        assert_eq!(errors("greenroom-testkit", &[("tiberius", "normal"), ("mysql_async", "normal")]), 1);
        assert_eq!(errors("greenroom-runner", &[("greenroom-testkit", "normal"), ("tokio-postgres", "normal")]), 2);
        assert_eq!(errors("greenroom-model", &[("tokio", "normal")]), 1);
    }
}
