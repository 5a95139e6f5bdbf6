//! The process around the runs over the real binary: what is refused and why, what is on record, and that no switch begins without it.
// covers A9, B1, D1, D2, D3, D7, F3, F4

mod audit;
mod automated;
mod calendar;
mod changes;
mod evidence;
mod integrations;
mod links;
mod listeners;
mod notices;
mod proof;
mod requirements;
mod test_plan;

use crate::ground::{Ground, Sqlite};
use greenroom_testkit::proc::Ended;
use std::fs;

const PROCESS: &str = r#"
[process]
timezone = "Europe/Warsaw"
go_live = "migration"
waivers = ["decider"]
[party.clinic]
title = "Family clinic"
[party.vendor]
[person.anna]
name = "Anna Nowak"
party = "clinic"
roles = ["decider", "tester"]
login = "anna"
telephone = "+48 600 000 001"
[person.jan]
party = "vendor"
roles = ["technician"]
login = "jan"
[stage.readiness]
[stage.migration]
after = ["readiness"]
[gate.files-here]
stage = "readiness"
at = "exit"
kind = "artefacts"
names = ["backup", "key"]
[gate.prepared]
stage = "readiness"
at = "exit"
kind = "checklist"
items = ["server stands", "licences are there"]
roles = ["technician"]
[gate.four-weeks]
stage = "migration"
at = "entry"
kind = "wait"
since = "readiness"
at_least = "4 weeks"
[gate.tried]
stage = "migration"
at = "entry"
kind = "run"
what = "dress-rehearsal"
[gate.agreed]
stage = "migration"
at = "entry"
kind = "sign-off"
roles = ["decider"]
[task.move]
stage = "migration"
role = "technician"
minutes = 60
rate = 30000
[task.look]
stage = "migration"
role = "tester"
minutes = 20
after = ["move"]
point_of_no_return = true
[gate.done]
stage = "migration"
at = "exit"
kind = "tasks"
"#;

struct Scene {
    ground: Sqlite,
}

impl Scene {
    fn new() -> Scene {
        let ground = Sqlite::new();
        ground.fill("pragma journal_mode = wal; create table t (id integer primary key, n text); insert into t values (1, 'x')");
        let program = ground.folder().join("program");
        fs::create_dir_all(&program).unwrap();
        fs::write(
            program.join("greenroom.toml"),
            format!("{}[dress]\nunmasked = true\n[quarantine]\npath = \"quarantine\"\n", ground.databases()),
        )
        .unwrap();
        fs::write(program.join("columns.toml"), "[t]\nid = \"keep\"\nn = \"keep\"\n").unwrap();
        fs::write(program.join("process.toml"), PROCESS).unwrap();
        Scene { ground }
    }

    fn by(&self, login: &str, arguments: &[&str]) -> Ended {
        self.ground.greenroom().env("USER", login).args(arguments).finish()
    }

    fn done(&self, login: &str, arguments: &[&str]) -> String {
        let ended = self.by(login, arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        ended.stdout
    }

    /// Refused, with these words, and nothing is put on record.
    fn refused(&self, login: &str, arguments: &[&str], words: &str) {
        let before = self.events();
        let ended = self.by(login, arguments);
        assert!(ended.code == Some(1) && ended.stderr.contains("GR0791") && ended.stderr.contains(words), "{arguments:?}: {ended:?}");
        assert_eq!(self.events(), before, "{arguments:?}");
    }

    fn events(&self) -> usize {
        serde_json::from_str::<serde_json::Value>(&self.done("anna", &["record", "--json"])).unwrap().as_array().unwrap().len()
    }
}

#[test]
fn the_process_is_kept_and_a_switch_waits_for_it() {
    let s = Scene::new();
    s.done("anna", &["check", "--quiet"]);
    assert!(s.done("anna", &["stage"]).contains("you are Anna Nowak, as far as the login tells"));
    s.refused("mallory", &["stage", "enter", "readiness"], "nobody in process.toml has your login `mallory`");
    s.refused("jan", &["stage", "enter", "migration"], "comes after readiness");
    s.refused("jan", &["stage", "enter", "the night"], "there is no stage");
    s.done("jan", &["stage", "enter", "readiness"]);

    // What has to be there is counted and checked.
    s.refused("jan", &["stage", "leave", "readiness"], "not received: backup, key");
    let program = s.ground.folder().join("program");
    fs::write(program.join("in.bak"), "abc").unwrap();
    fs::write(program.join("empty.key"), "").unwrap();
    let received = s.done("anna", &["gate", "receive", "backup", "in.bak"]);
    // Of `abc`, as the standards of both print them.
    assert!(received.contains("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), "{received}");
    assert!(received.contains("6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"), "{received}");
    s.refused("anna", &["gate", "receive", "key", "empty.key"], "is empty");
    s.refused("anna", &["gate", "receive", "keys", "in.bak"], "no gate asks for an artefact");
    s.done("anna", &["gate", "receive", "key", "in.bak"]);
    s.refused("anna", &["gate", "tick", "prepared", "1"], "may not tick");
    s.refused("jan", &["gate", "tick", "prepared", "3"], "has no such item");
    s.done("jan", &["gate", "tick", "prepared", "1"]);
    s.done("jan", &["gate", "tick", "prepared", "licences are there"]);
    s.done("jan", &["stage", "leave", "readiness", "--comment", "all well"]);

    // Too early, not tried out, not agreed upon: each is said, and only who may waives.
    let why = s.by("anna", &["why", "four-weeks"]);
    assert!(why.code == Some(4) && why.stdout.contains("4 weeks must pass"), "{why:?}");
    s.refused("jan", &["stage", "enter", "migration"], "4 weeks must pass");
    s.refused("jan", &["gate", "waive", "four-weeks", "--reason", "we are in a hurry"], "may not waive");
    s.done("anna", &["gate", "waive", "four-weeks", "--reason", "the board knows"]);
    s.refused("jan", &["stage", "enter", "migration"], "no dress rehearsal");
    s.done("anna", &["dress", "--quiet"]);
    s.done("anna", &["gate", "ask", "agreed"]);
    s.refused("anna", &["gate", "sign", "agreed"], "asked for this approval, and cannot give it");
    s.refused("jan", &["gate", "sign", "agreed"], "may not sign");
    let preview = s.by("anna", &["switch", "--preview"]);
    assert!(
        preview.code == Some(4) && preview.stdout.contains("GR0792 the stage `migration`, in which the go-live is, was not entered"),
        "{preview:?}"
    );
    s.done("jan", &["gate", "ask", "agreed"]);
    s.done("anna", &["gate", "sign", "agreed", "--comment", "go"]);
    s.done("jan", &["stage", "enter", "migration"]);
    let preview = s.by("anna", &["switch", "--preview"]).stdout;
    assert!(preview.contains("ok  process") && !preview.contains("GR0792"), "{preview}");

    // The night.
    s.refused("anna", &["task", "start", "move"], "is not anna's");
    s.refused("anna", &["task", "start", "look"], "comes after move");
    s.done("jan", &["task", "start", "move"]);
    let night = s.done("anna", &["night"]);
    assert!(night.contains("move") && night.contains("last safe turn-back"), "{night}");
    s.refused("jan", &["stage", "leave", "migration"], "not done: look, move");
    s.done("jan", &["task", "done", "move"]);
    s.done("anna", &["night", "--html", "night.html"]);
    let page = fs::read_to_string(program.join("night.html")).unwrap();
    assert!(page.contains("tel:+48600000001") && page.contains("POINT OF NO RETURN"), "{page}");
    s.done("anna", &["task", "start", "look"]);
    s.done("anna", &["task", "done", "look"]);
    s.done("jan", &["stage", "leave", "migration"]);

    // Everything is on record; what people said in their own words is beside the chain, and one changed byte is found.
    let record = s.done("anna", &["record"]);
    assert!(record.contains("the board knows") && record.contains("stage left") && record.contains("anna"), "{record}");
    assert!(s.done("anna", &["record", "verify"]).contains("follow from one another"));
    let journal = rusqlite::Connection::open(program.join(".greenroom/journal.db")).unwrap();
    let chained: i64 = journal.query_row("select count(*) from event where body like '%the board knows%'", [], |r| r.get(0)).unwrap();
    assert_eq!(chained, 0, "somebody's own words are in the chain");
    journal.execute("delete from personal", []).unwrap();
    assert!(s.done("anna", &["record", "verify"]).contains("follow from one another"), "erasing people breaks nothing");
    let broken: i64 = journal.query_row("select seq from event where body like '%\"fact\":\"signed\"%'", [], |r| r.get(0)).unwrap();
    journal.execute("update event set body = replace(body, '\"approve\":true', '\"approve\":True') where seq = ?1", [broken]).unwrap();
    let verified = s.by("anna", &["record", "verify"]);
    assert!(verified.code == Some(1) && verified.stderr.contains(&format!("broken at event {broken}")), "{verified:?}");
}

#[test]
fn faults_of_the_file_are_shown_in_it() {
    let s = Scene::new();
    let file = s.ground.folder().join("program/process.toml");
    fs::write(&file, PROCESS.replace("since = \"readiness\"", "since = \"rediness\"")).unwrap();
    let checked = s.by("anna", &["check"]);
    assert!(
        checked.code == Some(1) && checked.stderr.contains("GR0130") && checked.stderr.contains("did you mean `readiness`?"),
        "{checked:?}"
    );
    // What has begun is gone on with, and production given back, all the same.
    let lifted = s.by("anna", &["fence"]);
    assert!(lifted.code == Some(0) && lifted.stderr.contains("GR0130"), "{lifted:?}");
    let begun = s.by("anna", &["rehearse"]);
    assert!(begun.code == Some(1), "{begun:?}");
    fs::remove_file(&file).unwrap();
    let none = s.by("anna", &["stage"]);
    assert!(none.code == Some(1) && none.stderr.contains("GR0790"), "{none:?}");
    s.done("anna", &["check", "--quiet"]);
}
