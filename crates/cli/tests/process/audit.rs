//! Audits over the real binary: what was looked at and found, who mends and who verifies, how that is concluded; and the gate that asks what Greenroom itself found.
// covers D3, F3

use crate::ground::{Ground, Sqlite};
use greenroom_testkit::proc::Ended;
use std::fs;
use std::path::PathBuf;

const PROCESS: &str = r#"
[process]
waivers = ["decider"]
[party.clinic]
[party.vendor]
[person.anna]
name = "Anna Nowak"
party = "clinic"
roles = ["decider"]
login = "anna"
[person.jan]
name = "Jan Kowalski"
party = "clinic"
roles = ["it"]
login = "jan"
mail = "jan@clinic.example"
[person.maria]
name = "Maria Zając"
party = "vendor"
roles = ["auditor"]
login = "maria"
mail = "maria@vendor.example"
[stage.audit]
[stage.live]
after = ["audit"]
[audit.first]
title = "The first audit"
stage = "audit"
role = "auditor"
points = ["the server", "the line"]
[gate.positive]
stage = "audit"
at = "exit"
kind = "audit"
audit = "first"
[gate.clean]
stage = "live"
at = "entry"
kind = "findings"
of = ["audits", "check", "rehearsal"]
[notices]
from = "greenroom@clinic.example"
folder = "outbox"
[notice.audits]
on = ["finding", "mended"]
"#;

struct Scene {
    ground: Sqlite,
    program: PathBuf,
}

impl Scene {
    fn new() -> Scene {
        let ground = Sqlite::new();
        ground.fill("pragma journal_mode = wal; create table t (id integer primary key, n text); insert into t values (1, 'x')");
        let program = ground.folder().join("program");
        fs::create_dir_all(&program).unwrap();
        fs::write(program.join("greenroom.toml"), ground.databases()).unwrap();
        fs::write(program.join("columns.toml"), "[t]\nid = \"keep\"\nn = \"keep\"\n").unwrap();
        fs::write(program.join("process.toml"), PROCESS).unwrap();
        Scene { ground, program }
    }

    fn by(&self, login: &str, arguments: &[&str]) -> Ended {
        self.ground.greenroom().env("USER", login).args(arguments).finish()
    }

    fn done(&self, login: &str, arguments: &[&str]) -> String {
        let ended = self.by(login, arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        ended.stdout
    }

    fn refused(&self, login: &str, arguments: &[&str], words: &str) {
        let ended = self.by(login, arguments);
        assert!(ended.code == Some(1) && ended.stderr.contains("GR0791") && ended.stderr.contains(words), "{arguments:?}: {ended:?}");
    }

    fn why(&self, gate: &str) -> String {
        let ended = self.by("anna", &["why", gate]);
        assert!(matches!(ended.code, Some(0 | 4)), "{ended:?}");
        ended.stdout
    }

    /// What was sent to somebody by the rule, all of it.
    fn told(&self, person: &str) -> String {
        let files = fs::read_dir(self.program.join("outbox")).unwrap().map(|f| f.unwrap().path());
        files.filter(|f| f.to_string_lossy().ends_with(&format!("audits-{person}.eml"))).map(|f| fs::read_to_string(f).unwrap()).collect()
    }

    fn recorded(&self, fact: &str) -> i64 {
        let journal = rusqlite::Connection::open(self.program.join(".greenroom/journal.db")).unwrap();
        journal.query_row("select count(*) from event where body like ?", [format!("%{fact}%")], |r| r.get(0)).unwrap()
    }
}

#[test]
fn an_audit_finds_is_mended_verified_and_concluded() {
    let s = Scene::new();
    assert!(s.done("anna", &["audit"]).contains("to come"));
    s.done("anna", &["stage", "enter", "audit"]);
    s.refused("jan", &["audit", "point", "first", "1", "good"], "is not jan's");
    s.done("maria", &["audit", "point", "first", "1", "good", "--note", "seen at the console"]);
    let find = ["audit", "find", "first", "--severity", "blocking", "--title", "no backup | *ever*", "--note", "nobody has the key"];
    let found = s.done("maria", &[&find[..], &["--owner", "jan", "--due", "2999-01-31"]].concat());
    assert!(found.contains("`first/1` of `first` is on record: blocking, for jan, until 2999-01-31"), "{found}");
    s.refused("maria", &["audit", "find", "first", "--severity", "minor", "--title", "one\ntwo"], "is one line of words");
    s.refused("maria", &["audit", "find", "first", "--severity", "minor", "--title", "x", "--owner", "nobody"], "nobody's role");
    s.refused("maria", &["audit", "conclude", "first", "positive"], "not looked at: the line; blocking: first/1 (open)");
    let unknown = s.by("maria", &["audit", "show", "frist"]);
    assert!(unknown.code == Some(1) && unknown.stderr.contains("did you mean `first`?"), "{unknown:?}");

    // Where things stand, with what people called it; whose it is is told without these words.
    let why = s.why("positive");
    assert!(why.contains("blocking: first/1 (open)") && why.contains("no backup | *ever*"), "{why}");
    let stage = s.done("anna", &["stage"]);
    assert!(stage.contains("Findings") && stage.contains("Jan Kowalski") && stage.contains("no backup | *ever*"), "{stage}");
    let status = s.by("anna", &["status"]).stdout;
    assert!(status.contains("1 finding of audits is open, 1 blocking: `greenroom audit`"), "{status}");
    let told = s.told("jan");
    assert!(told.contains("greenroom audit mended first/1") && told.contains("2999-01-31") && !told.contains("backup"), "{told}");

    s.refused("maria", &["audit", "mended", "first/1", "--note", "done"], "is not maria's to mend");
    s.done("jan", &["audit", "mended", "first/1", "--note", "restored on Tuesday"]);
    s.refused("jan", &["audit", "verify", "first/1"], "jan said that `first/1` is mended, and cannot verify it");
    assert!(s.told("maria").contains("greenroom audit verify first/1"), "{}", s.told("maria"));
    s.done("maria", &["audit", "reject", "first/1", "--note", "one table was lacking"]);
    assert!(s.told("jan").contains("it is not mended"), "{}", s.told("jan"));
    s.done("jan", &["audit", "mended", "first/1", "--note", "all of it now"]);
    s.done("maria", &["audit", "verify", "first/1"]);
    s.done("maria", &["audit", "point", "first", "the line", "not-applicable"]);
    s.refused("anna", &["stage", "leave", "audit"], "all is looked at");
    s.done("maria", &["audit", "conclude", "first", "positive", "--note", "all in order"]);
    let shown = s.done("anna", &["audit", "show", "first"]);
    for words in [
        "positive",
        "the server: seen at the console",
        "said to it: all in order",
        "not applicable",
        "found by Maria Zając",
        "nobody has the key",
        "rejected by Maria Zając",
        "one table was lacking",
        "all of it now",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let lines: serde_json::Value = serde_json::from_str(&s.done("anna", &["audit", "--json"])).unwrap();
    assert_eq!(lines[0]["stands"], "positive", "{lines}");
    assert_eq!(lines[0]["findings"][0]["stands"], "verified", "{lines}");

    // What comes to light later makes it stale; who may answers for it.
    s.done("maria", &["audit", "find", "first", "--severity", "minor", "--title", "labels are crooked"]);
    assert!(s.why("positive").contains("that is stale: found since: first/2"));
    s.refused("jan", &["audit", "accept", "first/2", "--reason", "who cares"], "may not accept a finding");
    s.done("anna", &["audit", "accept", "first/2", "--reason", "they are printed once a year"]);
    s.done("maria", &["audit", "conclude", "first", "positive"]);
    s.done("anna", &["stage", "leave", "audit"]);

    // People's own words are beside the chain, which stays whole without them; the evidence has none of them.
    for words in ["backup", "console", "nobody has the key", "Tuesday", "crooked", "once a year"] {
        assert_eq!(s.recorded(words), 0, "`{words}` is in the chain");
    }
    assert!(s.done("anna", &["record"]).contains("no backup | *ever*; nobody has the key"));
    for (lang, words) in
        [("en", ["Audits", "blocking: verified", "not applicable"]), ("pl", ["Audyty", "blokująca: usunięta", "nie dotyczy"])]
    {
        s.done("anna", &["evidence", "e.html", "--lang", lang]);
        let page = fs::read_to_string(s.program.join("e.html")).unwrap();
        words.iter().for_each(|w| assert!(page.contains(w), "{w}: {page}"));
        assert!(page.contains("The first audit") && page.contains("first/1") && !page.contains("ever*"), "{page}");
    }
    let journal = rusqlite::Connection::open(s.program.join(".greenroom/journal.db")).unwrap();
    journal.execute("delete from personal", []).unwrap();
    drop(journal);
    assert!(s.done("anna", &["record", "verify"]).contains("follow from one another"));
    assert!(s.done("anna", &["audit", "show", "first"]).contains("erased"));
}

#[test]
fn a_gate_asks_what_a_check_and_the_pilots_run_have_found() {
    let s = Scene::new();
    s.done("anna", &["stage", "enter", "audit"]);
    s.done("maria", &["audit", "point", "first", "1", "good"]);
    s.done("maria", &["audit", "point", "first", "2", "good"]);
    s.done("maria", &["audit", "conclude", "first", "positive"]);
    s.done("anna", &["stage", "leave", "audit"]);
    assert!(
        s.why("clean").contains("no check is on record: `greenroom check`; no pilot stands: `greenroom rehearse`"),
        "{}",
        s.why("clean")
    );
    // Whoever is not known checks, and nothing is put on record; nor by a look at the files only.
    s.done("mallory", &["check"]);
    s.done("anna", &["check", "--offline"]);
    assert_eq!(s.recorded("program_checked"), 0);
    s.done("anna", &["check"]);
    assert_eq!(s.recorded("program_checked"), 1);

    // A folder that nobody reads is worth a warning, of the check and of each plan.
    fs::create_dir_all(s.program.join("pilots/former")).unwrap();
    s.done("anna", &["rehearse", "--quiet"]);
    assert!(s.why("clean").contains("open: GR0125 of `rehearsal-1` (warning)"), "{}", s.why("clean"));
    s.done("anna", &["check"]);
    s.refused("anna", &["stage", "enter", "live"], "open: GR0125 of check (warning), GR0125 of `rehearsal-1` (warning)");
    fs::remove_dir_all(s.program.join("pilots")).unwrap();
    s.done("anna", &["check"]);
    assert!(!s.why("clean").contains("of check"), "{}", s.why("clean"));
    // What was checked is not this program any more.
    fs::write(s.program.join("columns.toml"), "[t]\nid = \"keep\"\nn = \"null\"\n").unwrap();
    assert!(s.why("clean").contains("the program is another one since it was checked"), "{}", s.why("clean"));
    s.done("anna", &["check"]);

    // The warning of the pilot's run is accepted by its code, with a reason that is handed over.
    let accepted = "of = [\"audits\", \"check\", \"rehearsal\"]\naccepted = { GR0125 = \"the former pilot's folder is gone\" }\n";
    fs::write(s.program.join("process.toml"), PROCESS.replace("of = [\"audits\", \"check\", \"rehearsal\"]\n", accepted)).unwrap();
    assert!(
        s.why("clean").contains("nothing above minor is open of audits, check, rehearsal; accepted by name: GR0125"),
        "{}",
        s.why("clean")
    );
    s.done("anna", &["stage", "enter", "live"]);
    s.done("anna", &["evidence", "e.html"]);
    let page = fs::read_to_string(s.program.join("e.html")).unwrap();
    assert!(page.contains("the former pilot's folder is gone") && page.contains("GR0125"), "{page}");

    // A pilot in which a mail could go out to somebody is an error, whatever was accepted.
    s.ground.write("pilot", "insert into t values (2, 'anna.nowak@gmail.com')");
    let verified = s.by("anna", &["verify"]);
    assert_ne!(verified.code, Some(0), "{verified:?}");
    assert!(s.why("clean").contains("open: GR0865 of `rehearsal-1` (error)"), "{}", s.why("clean"));
}
