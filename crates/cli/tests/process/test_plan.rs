//! The test plan over the real binary: outcomes on a pilot, what makes them stale, the gate that asks for them, and the report.
// covers A8

use crate::ground::{Ground, Sqlite};
use greenroom_testkit::proc::Ended;
use std::fs;

const PROCESS: &str = r#"
[party.clinic]
[person.anna]
name = "Anna *Nowak*"
party = "clinic"
roles = ["tester"]
login = "anna"
[person.jan]
party = "clinic"
roles = ["technician"]
login = "jan"
mail = "jan@clinic.example"
[stage.acceptance]
[gate.tried]
stage = "acceptance"
at = "exit"
kind = "test-plan"
[case.labels]
title = "labels print"
stage = "acceptance"
role = "tester"
area = "laboratory"
steps = """
Print a label.
The barcode is whole."""
tables = ["label"]
[case.login]
stage = "acceptance"
role = "tester"
[task.repair]
stage = "acceptance"
role = "technician"
[notices]
from = "greenroom@clinic.example"
folder = "outbox"
[notice.tests]
on = ["case-failed"]
"#;

struct Scene {
    ground: Sqlite,
}

impl Scene {
    fn by(&self, login: &str, arguments: &[&str]) -> Ended {
        self.ground.greenroom().env("USER", login).args(arguments).finish()
    }

    fn done(&self, login: &str, arguments: &[&str]) -> String {
        let ended = self.by(login, arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        ended.stdout
    }

    fn why(&self) -> String {
        let ended = self.by("anna", &["why", "tried"]);
        assert!(matches!(ended.code, Some(0 | 4)), "{ended:?}");
        ended.stdout
    }
}

#[test]
fn cases_are_tried_and_tried_again_when_the_pilot_is_another_one() {
    let ground = Sqlite::new();
    ground.fill("pragma journal_mode = wal; create table label (id integer primary key, n text); create table other (id integer primary key, n text); insert into label values (1, 'x'); insert into other values (1, 'y')");
    let s = Scene { ground };
    let program = s.ground.folder().join("program");
    fs::create_dir_all(&program).unwrap();
    fs::write(program.join("greenroom.toml"), format!("{}[tables]\nother = \"configuration\"\n", s.ground.databases())).unwrap();
    let columns = "[label]\nid = \"keep\"\nn = \"keep\"\n[other]\nid = \"keep\"\nn = \"keep\"\n";
    fs::write(program.join("columns.toml"), columns).unwrap();
    fs::write(program.join("process.toml"), PROCESS).unwrap();
    s.done("anna", &["check", "--quiet"]);
    s.done("anna", &["stage", "enter", "acceptance"]);
    let none = s.by("anna", &["test-plan", "pass", "labels"]);
    assert!(none.code == Some(1) && none.stderr.contains("GR0791") && none.stderr.contains("no pilot stands"), "{none:?}");

    s.done("anna", &["rehearse", "--quiet"]);
    let foreign = s.by("jan", &["test-plan", "pass", "labels"]);
    assert!(foreign.code == Some(1) && foreign.stderr.contains("is not jan's"), "{foreign:?}");
    fs::write(program.join("label.png"), "abc").unwrap();
    let failed = s.done("anna", &["test-plan", "fail", "labels", "--note", "cut off | *half*", "--attach", "label.png"]);
    assert!(failed.contains("`labels` failed on generation 1"), "{failed}");
    s.done("anna", &["test-plan", "pass", "login"]);
    assert!(s.why().contains("failed: labels") && s.why().contains("Anna *Nowak*"), "{}", s.why());
    let left = s.by("anna", &["stage", "leave", "acceptance"]);
    assert!(left.code == Some(1) && left.stderr.contains("failed: labels"), "{left:?}");
    // Whoever works on the stage is told.
    assert!(fs::read_dir(program.join("outbox")).unwrap().any(|f| f.unwrap().file_name().to_string_lossy().ends_with("tests-jan.eml")));
    let shown = s.done("anna", &["test-plan", "show", "labels"]);
    // Of `abc`, as BLAKE3's own vectors print it.
    assert!(
        shown.contains("6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85") && shown.contains("The barcode is whole."),
        "{shown}"
    );
    assert!(shown.contains("cut off | *half*; label.png"), "{shown}");
    let journal = rusqlite::Connection::open(program.join(".greenroom/journal.db")).unwrap();
    let chained: i64 =
        journal.query_row("select count(*) from event where body like '%cut off%' or body like '%label.png%'", [], |r| r.get(0)).unwrap();
    assert_eq!(chained, 0, "somebody's own words are in the chain");

    // The next generation is made alike: what names its tables holds, once it passed.
    s.done("anna", &["test-plan", "pass", "labels"]);
    assert!(s.why().contains("all 2 cases passed"), "{}", s.why());
    s.done("anna", &["refresh", "--quiet"]);
    assert!(s.why().contains("to be tested again: login (generation 1 was tested, 2 stands)"), "{}", s.why());
    s.done("anna", &["test-plan", "pass", "login"]);
    // Its table is treated in another way.
    fs::write(program.join("columns.toml"), columns.replacen("n = \"keep\"", "n = \"null\"", 1)).unwrap();
    s.done("anna", &["refresh", "--quiet"]);
    let why = s.why();
    assert!(why.contains("labels (made in another way since generation 1: label)") && why.contains("login"), "{why}");
    let list = s.done("anna", &["test-plan"]);
    assert!(list.contains("to be tested again") && list.contains("0 of 2 passed"), "{list}");

    s.done("anna", &["test-plan", "block", "login", "--note", "no account"]);
    s.ground.write("pilot", "insert into other values (9, 'tried')");
    s.done("anna", &["test-plan", "export", "report.md"]);
    let report = fs::read_to_string(program.join("report.md")).unwrap();
    for words in [
        "The pilot that stands is generation 3",
        "2 cases: 0 passed, 0 failed, 1 blocked, 1 to be tested again, 0 not tested",
        "Anna \\*Nowak\\*",
        "cut off \\| \\*half\\*; label.png",
        "    Print a label.\n    The barcode is whole.\n",
        "no account",
        "## Configuration that people changed on the pilot",
        "| other | 1 |",
    ] {
        assert!(report.contains(words), "{words}: {report}");
    }
    let missing = s.by("anna", &["test-plan", "show", "nothing"]);
    assert!(missing.code == Some(1) && missing.stderr.contains("there is no case"), "{missing:?}");
}
