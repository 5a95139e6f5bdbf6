//! The register of integrations over the real binary: probes, switching off, and connecting again only after the go-live, on its day.
// covers A6, A10, B5, B6, D6

use super::Scene;
use super::listeners::Pages;
use crate::ground::Ground;
use greenroom_testkit::files::assert_nowhere;
use std::fs;

const PEOPLE: &str = r#"
[process]
timezone = "Europe/Warsaw"
weekdays = [@days@]
forbidden_integrations = ["fax"]
allowed_integrations = { payment-gateway = ["paywell"] }
[party.clinic]
[party.lab]
[person.anna]
name = "Anna Nowak"
party = "clinic"
roles = ["decider"]
login = "anna"
[person.jan]
party = "lab"
login = "jan"
[stage.migration]
[stage.after]
after = ["migration"]
[task.count]
stage = "after"
role = "decider"
does = { sql = "count.sql", on = "target", expect = "1" }
[gate.allowed]
stage = "migration"
at = "entry"
kind = "integrations"
state = "allowed"
[gate.off]
stage = "migration"
at = "entry"
kind = "integrations"
state = "off"
names = ["lab"]
[gate.back]
stage = "after"
at = "exit"
kind = "integrations"
state = "on"
"#;

fn register(lab: &Pages, sms: &Pages, product: &str) -> String {
    format!(
        r#"
[integration.lab]
title = "laboratory orders"
owner = "lab"
old = "http://{0}/old?key=tok-secret-3"
new = "http://{0}/new"
probe = {{ http = {{ url = "{{address}}/health" }} }}
probe_old = {{ tcp = {{ host = "{{host}}", port = {1} }} }}
[integration.sms]
kind = "brand"
old = "http://{2}"
probe = {{ http = {{ url = "{{address}}/ping", body_contains = "pong" }} }}
after = ["lab"]
business_day_after = true
[integration.pay]
kind = "payment-gateway"
product = "{product}"
"#,
        lab.at,
        lab.at.port(),
        sms.at
    )
}

#[test]
fn integrations_are_looked_at_switched_off_and_connected_again_after_the_go_live() {
    let (lab, sms) = (Pages::new("pong"), Pages::new("pong"));
    // The only day of the week on which people work is some days ahead.
    let ahead = jiff::Zoned::now().checked_add(jiff::Span::new().days(3)).unwrap();
    let workday = format!("\"{}\"", ahead.strftime("%a").to_string().to_lowercase());
    let text = |days: &str, product: &str| [PEOPLE.replace("@days@", days), register(&lab, &sms, product)].concat();
    let s = Scene::with_process(&text(&workday, "cheap-pay"));

    // What may not be is said before anything is touched, and a gate stands before it.
    let checked = s.by("anna", &["check"]);
    assert!(
        checked.code == Some(0) && checked.stderr.contains("GR0140") && checked.stderr.contains("`cheap-pay` is none of those allowed"),
        "{checked:?}"
    );
    s.refused("anna", &["stage", "enter", "migration"], "pay: `cheap-pay` is none of those allowed of the kind `payment-gateway`: paywell");
    fs::write(s.program().join("process.toml"), text(&workday, "PayWell")).unwrap();
    s.refused("anna", &["stage", "enter", "migration"], "lab: the old side is on");

    // The register shows what moves and whom to tell, without tokens.
    let listed = s.says("anna", &["integrations"], 0, "its address changes:");
    assert!(listed.contains("becomes") && listed.contains("tell jan") && !listed.contains("tok-secret-3"), "{listed}");
    s.says("anna", &["integrations", "probe", "lab", "--side", "old"], 0, &format!("127.0.0.1:{} is open", lab.at.port()));
    lab.answer(503);
    s.says("anna", &["integrations", "probe", "--all", "--side", "new"], 4, "answered 503, not 200");
    let none = s.by("anna", &["integrations", "probe", "pay"]);
    assert!(none.code == Some(1) && none.stderr.contains("`pay` has no probe there"), "{none:?}");
    s.refused("anna", &["integrations", "probe", "lap"], "there is no integration `lap`");
    // Whoever is not known does not even look.
    let asked = (lab.asked().len(), sms.asked().len());
    s.refused("mallory", &["integrations", "probe", "--all"], "nobody in process.toml has your login `mallory`");
    assert_eq!((lab.asked().len(), sms.asked().len()), asked);

    // Switched off by who may; while it answers still, the gate is not met.
    s.refused("anna", &["integrations", "off", "lab"], "`lab` is not anna's to switch");
    s.done("jan", &["integrations", "off", "lab", "--comment", "spoken with their desk"]);
    s.refused("jan", &["integrations", "off", "lab"], "is off already");
    s.done("jan", &["integrations", "probe", "lab", "--side", "old"]);
    s.refused("anna", &["stage", "enter", "migration"], "lab: the old side answers still");
    s.done("jan", &["integrations", "on-again", "lab"]);
    s.done("jan", &["integrations", "off", "lab"]);
    s.done("anna", &["stage", "enter", "migration"]);

    // Not before the go-live is finished.
    s.refused("jan", &["integrations", "reconnect", "lab"], "and that is not finished");
    s.go_live();
    s.done("anna", &["stage", "leave", "migration"]);
    s.done("anna", &["stage", "enter", "after"]);
    s.refused("anna", &["stage", "leave", "after"], "lab: not connected again");
    // What has taken production's place can be asked.
    fs::write(s.program().join("count.sql"), "select count(*) from t").unwrap();
    s.says("anna", &["task", "run", "count"], 0, "gave 1, as expected");

    // Not while it does not answer, unless somebody says why; partners' on the next business day, not before.
    let failing = s.by("jan", &["integrations", "reconnect", "lab"]);
    assert!(failing.code == Some(1) && failing.stderr.contains("answered 503, not 200"), "{failing:?}");
    s.says("jan", &["integrations", "reconnect", "lab", "--despite", "their own fault, known"], 0, "although its probe failed");
    s.refused("anna", &["stage", "leave", "after"], "pay: not connected again");
    s.refused("anna", &["stage", "leave", "after"], "sms: not connected again");
    s.refused("anna", &["integrations", "reconnect", "sms"], "on the next business day after the go-live: not before");
    s.says("anna", &["integrations"], 0, "sms: connected again from ");
    s.done("anna", &["integrations", "reconnect", "pay"]);
    let facts = s.facts();
    let turned: Vec<(&str, bool)> = facts
        .iter()
        .filter(|f| f["fact"] == "integration_turned" && f["end"] == "new")
        .map(|f| (f["integration"].as_str().unwrap(), f["despite"].is_string()))
        .collect();
    assert_eq!(turned, [("lab", true), ("pay", false)], "{facts:#?}");
    // Once it answers, looking again is enough for the gate; the reason stays on record.
    assert!(s.done("anna", &["record"]).contains("their own fault, known"));
    s.done("jan", &["record", "verify"]);
    assert_nowhere(&s.program().join(".greenroom"), &["tok-secret-3"]);
}

#[test]
fn faults_of_the_register_are_shown_in_it() {
    let (lab, sms) = (Pages::new(""), Pages::new(""));
    let good = [PEOPLE.replace("@days@", "\"mon\""), register(&lab, &sms, "paywell")].concat();
    for (was, becomes, words) in [
        ("owner = \"lab\"", "owner = \"lap\"", "`lap` is no person, role or party"),
        ("after = [\"lab\"]", "after = [\"sms\"]", "in a circle"),
        ("names = [\"lab\"]", "names = [\"lap\"]", "there is no integration `lap`"),
        ("state = \"on\"", "", "lacks `state`"),
        ("probe_old = { tcp = {", "probe_old = { wait = \"1 minute\", tcp = {", "are two things"),
        ("probe_old = {", "probe_old = { wait = \"1 minute\" }\nprobe_new = {", "`wait` is no probe"),
        ("business_day_after = true", "on_pilot = \"maybe\"", "maybe"),
    ] {
        let s = Scene::with_process(&good.replacen(was, becomes, 1));
        let checked = s.by("anna", &["check"]);
        assert!(checked.code == Some(1) && checked.stderr.contains(words), "{words}: {checked:?}");
    }
}

impl Scene {
    /// A small production goes live.
    pub(super) fn go_live(&self) {
        let backup = self.program().join("production.db");
        let production = rusqlite::Connection::open(self.ground.folder().join("source.db")).unwrap();
        production.execute("vacuum into ?1", [backup.to_str().unwrap()]).unwrap();
        drop(production);
        self.done("anna", &["dress", "--quiet"]);
        self.done("anna", &["prove", backup.to_str().unwrap(), "--yes", "--quiet"]);
        let begun = self.by("anna", &["switch", "--now", "--yes", "--quiet"]);
        assert_eq!(begun.code, Some(5), "{begun:?}");
        self.done("anna", &["answer", "accept", "--quiet"]);
        self.done("anna", &["resume", "--quiet"]);
    }
}
