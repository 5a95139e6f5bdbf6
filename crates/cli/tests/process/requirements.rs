//! Requirements of a server over the real binary: a pass or fail for each, on record, and a gate that asks for them.
// covers A6, B2

use super::Scene;
use super::listeners::{Closed, Pages};
use std::fs;

#[test]
fn a_server_is_checked_item_by_item_before_anything_is_touched() {
    let (pages, closed) = (Pages::new("up"), Closed::new());
    let text = format!(
        r#"
[process]
[party.clinic]
[person.anna]
party = "clinic"
login = "anna"
[person.jan]
party = "clinic"
login = "jan"
[stage.readiness]
[gate.server]
stage = "readiness"
at = "exit"
kind = "requirements"
[requirement.disk]
title = "room for two copies"
needs = {{ disk = {{ path = ".", free = "1 MB" }} }}
[requirement.engine]
needs = {{ sql = "version.sql", on = "source", at_least = "3.8.2" }}
[requirement.licences]
needs = {{ tcp = {{ host = "127.0.0.1", port = {} }} }}
[requirement.services]
needs = {{ command = ["./services.sh"] }}
[requirement.vast]
needs = {{ disk = {{ path = ".", free = "9000000 TB" }} }}
"#,
        closed.port
    );
    let s = Scene::with_process(&text);
    // What is missing is said when the program is checked.
    let checked = s.by("anna", &["check"]);
    assert!(
        checked.code == Some(0) && checked.stderr.contains("the requirement `engine` needs `version.sql`, which is not there"),
        "{checked:?}"
    );
    fs::write(s.program().join("version.sql"), "select 'SQLite ' || sqlite_version() || ' of today'").unwrap();
    fs::write(s.program().join("services.sh"), "#!/bin/sh\nexit 0\n").unwrap();
    let checked = s.by("anna", &["check"]);
    assert!(
        checked.stderr.contains("needs `./services.sh`, which cannot be run") && !checked.stderr.contains("version.sql"),
        "{checked:?}"
    );
    s.script("services.sh", "exit 0");

    s.done("anna", &["stage", "enter", "readiness"]);
    s.refused("anna", &["stage", "leave", "readiness"], "disk: never checked");
    let seen = s.says("anna", &["requirements", "check"], 4, "3 of 5 requirements are met");
    assert!(seen.contains("pass  engine: `version.sql` gave 3.") && seen.contains(", at least 3.8.2"), "{seen}");
    assert!(seen.contains("FAIL  licences:") && seen.contains("FAIL  vast:") && seen.contains("9000000 TB needed"), "{seen}");
    s.refused("anna", &["stage", "leave", "readiness"], "licences: 127.0.0.1:");
    s.refused("anna", &["requirements", "check", "memory"], "there is no requirement `memory`");

    // What was mended is checked again, and the gate is met.
    let mended =
        text.replace(&closed.port.to_string(), &pages.at.port().to_string()).replace("9000000 TB", "1 MB").replace("3.8.2", "4711");
    fs::write(s.program().join("process.toml"), &mended).unwrap();
    s.says("anna", &["requirements", "check", "licences", "vast"], 0, "2 of 2 requirements are met");
    s.says("anna", &["requirements", "check", "engine"], 4, ", less than 4711");
    s.refused("anna", &["stage", "leave", "readiness"], "engine: `version.sql` gave 3.");
    fs::write(s.program().join("process.toml"), mended.replace("4711", "3.8.2")).unwrap();
    s.says("anna", &["requirements", "check", "engine"], 0, "pass");
    s.says("anna", &["requirements"], 0, "room for two copies");
    s.done("anna", &["stage", "leave", "readiness"]);
    assert_eq!(s.facts().iter().filter(|f| f["fact"] == "requirement_checked").count(), 9);
    s.done("anna", &["record", "verify"]);
}
