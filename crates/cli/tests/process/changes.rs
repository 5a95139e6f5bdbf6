//! What people changed on the pilot, over the real binary: told row by row, noted as somebody's without a value on record, and still theirs after a refresh.
// covers A8

use super::Scene;
use crate::ground::{Ground, Mysql, Postgres, Sqlite};
use greenroom_testkit::proc::Ended;
use serde_json::Value;
use std::fs;

const PROCESS: &str = r#"
[party.clinic]
[person.anna]
name = "Anna Nowak"
party = "clinic"
roles = ["tester"]
login = "anna"
[person.jan]
name = "Jan *Kot*"
party = "clinic"
roles = ["technician"]
login = "jan"
[stage.acceptance]
[case.labels]
stage = "acceptance"
role = "tester"
"#;

const TABLES: &str = "create table status (id integer not null primary key, name varchar(200), secret varchar(200));
create table pair (a integer not null, b varchar(20) not null, label varchar(4000), primary key (a, b));
create table log (what varchar(100));
create table going (id integer not null primary key, n varchar(10));
create table client (id integer not null primary key, code varchar(100));
insert into status values (1, 'Open', 'k1'), (2, 'Shut', 'k2'), (3, 'Lost', 'k3'), (4, 'Same', null);
insert into pair values (1, 'x,y', 'short'), (2, 'z', null);
insert into log values ('x'), ('y');
insert into going values (1, 'a'), (2, 'b');
insert into client values (1, 'a-7');";

const COLUMNS: &str = "[status]\nid = \"keep\"\nname = \"keep\"\nsecret = \"null\"\n[pair]\na = \"keep\"\nb = \"keep\"\nlabel = \"keep\"\n[log]\nwhat = \"keep\"\n\
                       [going]\nid = \"keep\"\nn = \"keep\"\n[client]\nid = \"keep\"\ncode = \"keep\"\n";

const KINDS: &str = "[tables]\nstatus = \"configuration\"\npair = \"configuration\"\nlog = \"configuration\"\ngoing = \"configuration\"\n";

/// Values that stand nowhere but on a terminal and in a file that somebody asked for.
const VALUES: &[&str] = &["Zażółć", "a ninth one", "hidden-7", "label printer of room 4", "x,y", "spoken with Ewa"];

struct Tested<'g> {
    ground: &'g dyn Ground,
}

impl Tested<'_> {
    fn by(&self, login: &str, arguments: &[&str]) -> Ended {
        self.ground.greenroom().env("USER", login).args(arguments).finish()
    }

    fn done(&self, login: &str, arguments: &[&str]) -> String {
        let ended = self.by(login, arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        ended.stdout
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.done("anna", &[arguments, &["--json"]].concat())).unwrap()
    }

    /// The changed rows of a table.
    fn rows(&self, table: &str) -> Vec<Value> {
        let all = self.json(&["changes", "--no-records"]);
        let found = all["tables"].as_array().unwrap().iter().find(|t| t["table"] == table);
        found.map(|t| t["rows"].as_array().unwrap().clone()).unwrap_or_default()
    }

    fn refused(&self, login: &str, arguments: &[&str], code: &str, words: &str) {
        let before = self.json(&["record"]).as_array().unwrap().len();
        let ended = self.by(login, arguments);
        assert!(ended.code == Some(1) && ended.stderr.contains(code) && ended.stderr.contains(words), "{arguments:?}: {ended:?}");
        assert_eq!(self.json(&["record"]).as_array().unwrap().len(), before, "{arguments:?}");
    }
}

fn has(text: &str, all: &[&str]) {
    all.iter().for_each(|words| assert!(text.contains(words), "{words}: {text}"));
}

fn program(ground: &dyn Ground) -> std::path::PathBuf {
    let program = ground.folder().join("program");
    fs::create_dir_all(&program).unwrap();
    fs::write(program.join("greenroom.toml"), format!("{}{KINDS}", ground.databases())).unwrap();
    fs::write(program.join("columns.toml"), COLUMNS).unwrap();
    fs::write(program.join("process.toml"), PROCESS).unwrap();
    program
}

fn play(ground: &dyn Ground) {
    let engine = ground.engine();
    ground.fill(if engine == "sqlite" { "pragma journal_mode = wal" } else { "select 1" });
    TABLES.split_inclusive(';').for_each(|sql| ground.fill(sql));
    let program = program(ground);
    let t = Tested { ground };
    let none = t.by("anna", &["changes"]);
    assert!(none.code == Some(1) && none.stderr.contains("GR0722"), "{none:?}");
    t.done("anna", &["rehearse", "--quiet"]);
    t.done("anna", &["open", "--to", "all", "--quiet"]);
    has(&t.done("anna", &["changes"]), &["nothing was changed since it was opened"]);

    // People at work.
    let long = "ab".repeat(1500);
    for sql in [
        "update status set name = 'Zażółć' where id = 1",
        "update status set secret = 'hidden-7' where id = 2",
        "delete from status where id = 3",
        "insert into status values (9, 'a ninth one', null)",
        &format!("update pair set label = '{long}' where a = 1"),
        "update pair set label = '' where a = 2",
        "insert into log values ('x')",
        "drop table going",
        "create index ix_status on status (name)",
        "create view v_status as select id from status",
        "update client set code = 'b-8 of records'",
    ] {
        ground.write("pilot", sql);
    }
    let told = t.done("anna", &["changes"]);
    has(
        &told,
        &[
            "4 rows: 1 added, 2 changed, 1 deleted; nobody's",
            "name: Open → Zażółć",
            "secret: (masked)",
            "not carried: only masked columns were changed",
            "1,x,y",
            "label: NULL → ",
            "values are cut after 60 characters",
            "index ix_status of status made: nobody's",
            "view",
            "going: it was dropped on the pilot, with 2 rows of configuration",
            "table going dropped",
            "client: 1 row entered or changed",
            "changes nobody's: `greenroom changes note",
        ],
    );
    assert!(!told.contains("hidden-7") && !told.contains(&long) && !told.contains("of records"), "{told}");
    assert_eq!(t.rows("pair")[0]["values"][0]["now"], long.as_str());
    assert_eq!(t.rows("pair")[1]["values"][0]["was"], Value::Null);
    assert!(!serde_json::to_string(&t.rows("status")).unwrap().contains("hidden-7"));
    let only = t.done("anna", &["changes", "--table", "log"]);
    assert!(only.contains("1 row: 1 added") && !only.contains("Zażółć") && !only.contains("v_status"), "{only}");
    let unknown = t.by("anna", &["changes", "--table", "client"]);
    assert!(unknown.code == Some(1) && unknown.stderr.contains("no table of configuration"), "{unknown:?}");

    // Whose they are.
    let words = "label printer of room 4";
    t.refused("mallory", &["changes", "note", "--words", words], "GR0791", "nobody in process.toml");
    t.refused("anna", &["changes", "note", "nothing", "--words", words], "GR0851", "without a table `nothing`");
    t.refused("anna", &["changes", "note", "status=77", "--words", words], "GR0851", "no changed row of `status`");
    t.refused("anna", &["changes", "note", "--case", "lables", "--words", words], "GR0791", "did you mean `labels`?");
    has(&t.done("anna", &["changes", "note", "status=9", "--words", words]), &["noted as yours: status: 1 added"]);
    t.refused("jan", &["changes", "note", "status=9", "--words", words], "GR0791", "nothing of what was named");
    let jan = t.done("jan", &["changes", "note", "status", "pair=1,x,y", "--case", "labels", "--words", "spoken with Ewa"]);
    has(&jan, &["status: 2 changed, 1 deleted (name, secret)", "index ix_status of status made", "pair: 1 changed (label)"]);
    let key = t.rows("log")[0]["id"]["place"].as_str().unwrap()[..8].to_owned();
    t.done("anna", &["changes", "note", &format!("log=#{key}"), "--words", "one more of these"]);
    let whose = |all: &[Value]| all.iter().map(|r| r["noted"].as_u64().is_some()).collect::<Vec<_>>();
    assert_eq!(whose(&t.rows("status")), [true, true, true, true]);
    assert_eq!(whose(&t.rows("pair")), [true, false]);
    let told = t.done("anna", &["changes"]);
    has(&told, &["Anna Nowak, event", "Jan *Kot*, event", "2 rows: 2 changed; 1 of them nobody's"]);
    let open = t.done("anna", &["changes", "--nobodys"]);
    assert!(open.contains("label: NULL") && !open.contains("Zażółć") && !open.contains("ix_status"), "{open}");
    let event = t.rows("status")[3]["noted"].to_string();
    let of_note = t.done("anna", &["changes", "--of", &event, "--no-records"]);
    assert!(of_note.contains("name: a ninth one") && !of_note.contains("Zażółć") && !of_note.contains("ix_status"), "{of_note}");
    let no_note = t.by("anna", &["changes", "--of", "1"]);
    assert!(no_note.code == Some(1) && no_note.stderr.contains("the event 1 is no note"), "{no_note:?}");
    has(&t.done("anna", &["test-plan"]), &["nobody noted as theirs: `greenroom changes`"]);
    has(&t.done("anna", &["test-plan", "show", "labels"]), &["changed for it, Jan *Kot*", "spoken with Ewa"]);

    // Numbers and names are in the chain, values and words are not; nor are they in what the workspace keeps of a note.
    let journal = rusqlite::Connection::open(program.join(".greenroom/journal.db")).unwrap();
    let bodies: Vec<String> =
        journal.prepare("select body from event").unwrap().query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect();
    let noted: Vec<&String> = bodies.iter().filter(|b| b.contains("changes_noted")).collect();
    assert!(noted.len() == 3 && noted[1].contains("\"secret\"") && noted[1].contains("\"case\":\"labels\""), "{noted:?}");
    let kept: Vec<_> = fs::read_dir(program.join(".greenroom/changes")).unwrap().map(|f| f.unwrap().path()).collect();
    assert_eq!(kept.len(), 3);
    let texts = kept.iter().map(|f| fs::read_to_string(f).unwrap());
    for text in noted.into_iter().cloned().chain(texts) {
        assert!(VALUES.iter().all(|v| !text.contains(v)), "{text}");
    }

    // Changed once more, it is nobody's until somebody says so.
    ground.write("pilot", "update status set name = 'newer one' where id = 9");
    has(&t.done("anna", &["changes"]), &["nobody's; before it was changed once more: Anna Nowak, event"]);
    t.done("anna", &["test-plan", "export", "report.md"]);
    has(
        &fs::read_to_string(program.join("report.md")).unwrap(),
        &["| status | 4 | 1 | 2 | 1 | 1 |", "nobody noted as theirs", "Jan \\*Kot\\*", "spoken with Ewa", "going, not compared"],
    );
    t.done("anna", &["evidence", "pack.html", "--lang", "pl"]);
    let page = fs::read_to_string(program.join("pack.html")).unwrap();
    has(&page, &["nikt nie opisał jako własnych", "<td>status</td><td>1</td>", "index ix_status of status"]);
    let pack = fs::read_to_string(program.join("pack.json")).unwrap();
    VALUES.iter().for_each(|v| assert!(!page.contains(v) && !pack.contains(v), "{v}: {page}{pack}"));
    t.done("anna", &["changes", "note", "--words", "all that is left"]);
    assert_eq!(t.done("anna", &["changes", "--nobodys", "--no-records"]).matches("nobody's").count(), 0);
    t.done("anna", &["changes", "export", "changes.md"]);
    has(&fs::read_to_string(program.join("changes.md")).unwrap(), &["newer one", "Jan \\*Kot\\*", "label printer of room 4"]);
    t.done("anna", &["changes", "export", "changes.json"]);
    let exported: Value = serde_json::from_str(&fs::read_to_string(program.join("changes.json")).unwrap()).unwrap();
    assert_eq!(exported["notes"].as_array().unwrap().len(), 4);
    has(&t.done("anna", &["changes", "notes"]), &["label printer of room 4", "for the case `labels`", "status: 1 added", "digest "]);

    // What was carried over into the next generation is theirs still.
    ground.write("pilot", "update status set secret = null where id = 2");
    t.done("anna", &["refresh", "--quiet"]);
    assert_eq!(t.json(&["changes"])["generation"], 2);
    assert_eq!(whose(&t.rows("status")), [true, true, true]);
    assert_eq!((whose(&t.rows("pair")), whose(&t.rows("log"))), (vec![true, true], vec![true]));
    // What tells which rows were meant is nobody's to change.
    for file in &kept {
        let mut rows: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        rows["salt"] = "0".repeat(64).into();
        fs::write(file, rows.to_string()).unwrap();
    }
    has(&t.done("anna", &["changes"]), &["is about is not known here any more"]);
    assert!(whose(&t.rows("status")).contains(&false));
}

#[test]
fn changes_are_told_and_noted_on_sqlite() {
    play(&Sqlite::new());
}

#[test]
fn changes_are_told_and_noted_on_postgres() {
    let server = greenroom_testkit::postgres!();
    play(&Postgres::new(server, "changes"));
}

#[test]
fn changes_are_told_and_noted_on_mariadb() {
    let server = greenroom_testkit::mariadb!();
    play(&Mysql::new(server, "changes"));
}

/// Very many rows, bytes that are no text, a row that left its condition, a pilot of a profile, a pilot that is gone.
#[test]
fn changes_of_odd_pilots_are_told() {
    let ground = Sqlite::new();
    ground.fill(
        "pragma journal_mode = wal; create table many (id integer primary key, kind text, b blob); insert into many values (1, 'own', x'00ff'), (2, 'own', null)",
    );
    let program = ground.folder().join("program");
    fs::create_dir_all(&program).unwrap();
    let text = format!(
        "{}[tables]\nmany = [{{ kind = \"configuration\", where = \"t.kind = 'own'\" }}, {{ kind = \"records\" }}]\n[pilot.training]\nname = \"training.db\"\n",
        ground.databases()
    );
    fs::write(program.join("greenroom.toml"), text).unwrap();
    fs::write(program.join("columns.toml"), "[many]\nid = \"keep\"\nkind = \"keep\"\nb = \"keep\"\n").unwrap();
    fs::write(program.join("process.toml"), PROCESS).unwrap();
    let t = Tested { ground: &ground };
    t.done("anna", &["rehearse", "--quiet"]);
    t.done("anna", &["--profile", "training", "rehearse", "--quiet"]);
    ground.write(
        "pilot",
        "with recursive n(i) as (select 100 union all select i + 1 from n where i < 3099) insert into many select i, 'own', x'fe00' from n;
         update many set kind = 'other' where id = 1",
    );
    let told = t.done("anna", &["changes"]);
    has(
        &told,
        &[
            "3,001 rows: 3,000 added, 1 deleted; nobody's",
            "b: x'fe00'",
            "… and 2,981 more: `--all` shows them",
            "it is no configuration any more",
        ],
    );
    assert!(told.lines().count() < 60, "{told}");
    let noted = t.done("anna", &["changes", "note", "--words", "imported list"]);
    has(&noted, &["many: 3,000 added, 1 deleted"]);
    has(&t.done("anna", &["changes"]), &["all of them noted"]);
    // The other pilot has changes of its own, and the note says nothing of them.
    let other = program.join("training.db");
    rusqlite::Connection::open(&other).unwrap().execute_batch("insert into many values (100, 'own', x'fe00')").unwrap();
    has(&t.done("anna", &["--profile", "training", "changes"]), &["1 row: 1 added; nobody's"]);
    // What makes its rows configuration is not there any more: said, and nothing else is stopped by it.
    rusqlite::Connection::open(&other).unwrap().execute_batch("alter table many drop column kind; create table mine (n)").unwrap();
    let altered = t.done("anna", &["--profile", "training", "changes"]);
    has(&altered, &["many: people altered it so that its rows cannot be compared any more", "column many.kind dropped", "table mine made"]);
    has(
        &t.done("anna", &["--profile", "training", "changes", "note", "mine", "--words", "a list of mine"]),
        &["noted as yours: table mine made"],
    );

    fs::remove_file(program.join("pilot.db")).unwrap();
    let gone = t.by("anna", &["changes"]);
    assert!(gone.code == Some(1) && gone.stderr.contains("GR0722"), "{gone:?}");
    t.done("anna", &["test-plan", "export", "report.md"]);
    has(&fs::read_to_string(program.join("report.md")).unwrap(), &["It could not be read"]);
    t.done("anna", &["evidence", "pack.html"]);
    has(&fs::read_to_string(program.join("pack.html")).unwrap(), &["could not be read. (GR0722)", "<td>many</td><td>3,000</td>"]);
}

const PILOT: &str = r#"
[process]
timezone = "Europe/Warsaw"
[party.clinic]
[person.anna]
name = "Anna Nowak"
party = "clinic"
login = "anna"
[stage.test]
[integration.sms]
title = "text messages"
old = "https://sms.example"
pack = "messages"
pilot = "on-request"
[integration.gateway]
pack = "messages"
pilot = "never"
[integration.lost]
pack = "massages"
"#;

const PACK: &str = "[pack]\ntitle = \"messages\"\nreopen = \"on request\"\n[[rule]]\nid = \"off\"\ntable = \"t\"\nset = { n = \"'off'\" }\n\
                    [on_request]\nopen = [\"update t set n = 'on'\"]\nclose = [\"update t set n = 'off'\"]\n";

/// An integration that a pack switches off on the pilot is on while the pack is open, and one that never may be keeps it shut.
// covers E5
#[test]
fn an_integration_is_on_on_the_pilot_until_a_time() {
    let s = Scene::with_process(PILOT);
    fs::create_dir_all(s.program().join("packs")).unwrap();
    fs::write(s.program().join("packs/messages.toml"), PACK).unwrap();
    let checked = s.by("anna", &["check"]);
    assert!(checked.code == Some(0) && checked.stderr.contains("`lost` needs the pack `massages`"), "{checked:?}");
    s.done("anna", &["rehearse", "--quiet"]);
    let listed = s.done("anna", &["integrations"]);
    has(&listed, &["off by messages; on request", "off by messages; never", "the program has no pack `massages`"]);

    let until = jiff::Zoned::now().checked_add(jiff::Span::new().days(30)).unwrap().strftime("%Y-%m-%dT12:00").to_string();
    let open = ["reopen", "messages", "--until", &until, "--reason", "a test of text messages"];
    let refused = s.by("anna", &open);
    assert!(
        refused.code == Some(1) && refused.stderr.contains("GR0852") && refused.stderr.contains("never on on a pilot: gateway"),
        "{refused:?}"
    );
    assert_eq!(s.ground.query("pilot", "select n from t").unwrap().trim(), "off");
    let allowed = PILOT.replace("\"never\"", "\"on-request\"");
    fs::write(s.program().join("process.toml"), &allowed).unwrap();
    has(&s.done("anna", &open), &["with it are on: gateway, sms"]);
    assert_eq!(s.ground.query("pilot", "select n from t").unwrap().trim(), "on");
    let day = &until[..10];
    has(&s.done("anna", &["integrations"]), &[&format!("{day} 12:00 by Anna Nowak"), "on until "]);
    has(&s.done("anna", &["reopen"]), &["gateway, sms", "by Anna Nowak"]);
    has(&s.done("anna", &["status"]), &["`messages` is on again with gateway, sms by Anna Nowak until"]);
    let json: Value = serde_json::from_str(&s.done("anna", &["integrations", "--json"])).unwrap();
    let sms = json["integrations"].as_array().unwrap().iter().find(|i| i["integration"] == "sms").unwrap();
    assert_eq!(
        (&sms["pilot"]["by"], &sms["pilot"]["overdue"], &sms["pilot"]["may"]),
        (&"anna".into(), &false.into(), &"on-request".into())
    );
    s.done("anna", &["reopen", "messages", "--close"]);
    has(&s.done("anna", &["integrations"]), &["off by messages; on request"]);
    assert!(!s.done("anna", &["status"]).contains("is on again"));

    // Without a pack nobody knows what switches it off.
    fs::write(s.program().join("process.toml"), allowed.replacen("pack = \"messages\"\n", "", 1)).unwrap();
    let wrong = s.by("anna", &["check"]);
    assert!(wrong.code == Some(1) && wrong.stderr.contains("nobody knows what switches `sms` off on the pilot"), "{wrong:?}");
}
