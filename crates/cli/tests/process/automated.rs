//! Tasks that do something by themselves, and the runbook rehearsed, over the real binary: what is done, what is on record of it, and what is not.
// covers A10, B2, B6, F2

use super::Scene;
use super::listeners::{Closed, Pages, names};
use crate::ground::{Ground, Mssql, Mysql, Postgres, Sqlite};
use greenroom_testkit::files::assert_nowhere;
use greenroom_testkit::proc::wait_until;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

const PEOPLE: &str = r#"
[process]
go_live = "migration"
[party.vendor]
[person.jan]
party = "vendor"
roles = ["technician"]
login = "jan"
[person.ola]
party = "vendor"
roles = ["technician"]
login = "ola"
[stage.migration]
"#;

impl Scene {
    pub(super) fn with_process(text: &str) -> Scene {
        let s = Scene::new();
        fs::write(s.program().join("process.toml"), text).unwrap();
        s
    }

    pub(super) fn program(&self) -> PathBuf {
        self.ground.folder().join("program")
    }

    pub(super) fn script(&self, name: &str, text: &str) {
        let path = self.program().join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Ends with this code, and says this.
    pub(super) fn says(&self, login: &str, arguments: &[&str], code: i32, words: &str) -> String {
        let ended = self.by(login, arguments);
        assert!(ended.code == Some(code) && ended.stdout.contains(words), "{arguments:?}: {ended:?}");
        ended.stdout
    }

    pub(super) fn facts(&self) -> Vec<serde_json::Value> {
        let lines: serde_json::Value = serde_json::from_str(&self.done("jan", &["record", "--json"])).unwrap();
        lines.as_array().unwrap().iter().map(|l| l["what"].clone()).collect()
    }
}

/// A task of the stage that does something.
fn task(name: &str, does: &str) -> String {
    format!("[task.{name}]\nstage = \"migration\"\nrole = \"technician\"\nminutes = 10\ndoes = {does}\n")
}

#[test]
fn tasks_do_what_they_say_and_only_words_of_it_are_on_record() {
    let (pages, closed, names) = (Pages::new("all is well"), Closed::new(), names());
    let (at, port) = (pages.at, pages.at.port());
    let text = [
        PEOPLE.to_owned(),
        task("stop", r#"{ command = ["./stop.sh", "now"], env = { TOKEN = { env = "STOP_TOKEN" } } }"#),
        task("breaks", r#"{ command = ["./breaks.sh"] }"#),
        task("one", r#"{ sql = "one.sql", on = "source", expect = "1" }"#),
        task("none", r#"{ sql = "one.sql", on = "source", expect = "0" }"#),
        task("whose", r#"{ sql = "whose.sql", on = "source", expect = "y" }"#),
        task("too-early", r#"{ sql = "one.sql", on = "target", expect = "1" }"#),
        task("page", &format!(r#"{{ http = {{ url = "http://{at}/health?token=tok-secret-1", body_contains = "is well" }} }}"#)),
        task("gone", &format!(r#"{{ http = {{ url = "http://{at}/", expect = 404 }} }}"#)),
        task("silent", &format!(r#"{{ http = {{ url = "http://127.0.0.1:{}/" }} }}"#, closed.port)),
        task("name", &format!(r#"{{ dns = {{ name = "crm.example", expect = ["10.0.0.7"], server = "{names}" }} }}"#)),
        task("moved", &format!(r#"{{ dns = {{ name = "crm.example", expect = ["10.0.0.8"], server = "{names}" }} }}"#)),
        task("unknown", &format!(r#"{{ dns = {{ name = "crn.example", server = "{names}" }} }}"#)),
        task("own", r#"{ dns = { name = "localhost" } }"#),
        task("open", &format!(r#"{{ tcp = {{ host = "127.0.0.1", port = {port} }} }}"#)),
        task("shut", &format!(r#"{{ tcp = {{ host = "127.0.0.1", port = {}, expect = "closed" }} }}"#, closed.port)),
        task("not-shut", &format!(r#"{{ tcp = {{ host = "127.0.0.1", port = {port}, expect = "closed" }} }}"#)),
        task("breath", r#"{ wait = "1 second" }"#),
        task("papers", r#"{ copy = "papers" }"#),
        task("pilot", r#"{ run = "rehearse" }"#),
        task("seen", r#"{ sql = "none.sql", on = "pilot", expect = "no rows" }"#),
    ]
    .concat();
    let s = Scene::with_process(&text);
    s.script("stop.sh", "echo \"stopped $1 with $TOKEN and ${STRAY:-nothing else}\"; pwd");
    s.script("breaks.sh", "echo 'the service refuses' >&2; exit 3");
    fs::write(s.program().join("one.sql"), "-- how many\nselect count(*) from t;\n").unwrap();
    fs::write(s.program().join("whose.sql"), "select n || '-plain-value' from t").unwrap();
    fs::write(s.program().join("none.sql"), "select id from t where id > 1").unwrap();
    let main = s.program().join("greenroom.toml");
    fs::write(&main, fs::read_to_string(&main).unwrap() + "[files.papers]\nfrom = \"../old-papers\"\nto = \"../new-papers\"\n").unwrap();
    fs::create_dir(s.ground.folder().join("old-papers")).unwrap();
    fs::write(s.ground.folder().join("old-papers/a.txt"), "a").unwrap();
    s.done("jan", &["check", "--quiet"]);
    assert!(!s.by("jan", &["check"]).stderr.contains("GR0141"));
    s.refused("jan", &["task", "run", "one"], "the stage `migration` is not on");
    s.done("jan", &["stage", "enter", "migration"]);

    // A program: the secret reaches it and nothing else does; what it prints is kept without it.
    let stop =
        s.ground.greenroom().env("USER", "jan").env("STOP_TOKEN", "tok-secret-2").env("STRAY", "stray").args(["task", "run", "stop"]);
    let stopped = stop.finish();
    assert!(stopped.code == Some(0) && stopped.stdout.contains("`./stop.sh` ended well"), "{stopped:?}");
    let kept = stopped.stdout.lines().find_map(|l| l.trim().strip_prefix("what it gave out is in ")).unwrap();
    let kept = fs::read_to_string(kept).unwrap();
    assert!(kept.starts_with("stopped now with … and nothing else\n") && kept.contains("/program"), "{kept}");
    s.refused("jan", &["task", "run", "stop"], "`stop` is done");
    // Without its secret it is not begun for nothing: that is told.
    s.says("jan", &["task", "run", "breaks"], 4, "`./breaks.sh` ended with exit status: 3");
    s.says("jan", &["task"], 0, "breaks");

    s.says("jan", &["task", "run", "one"], 0, "`one.sql` gave 1, as expected");
    s.says("jan", &["task", "run", "none"], 4, "`one.sql` gave 1, not 0");
    s.says("jan", &["task", "run", "whose"], 4, "gave something else than y");
    s.says("jan", &["task", "run", "too-early"], 4, "no switch is finished");
    s.says("jan", &["task", "run", "page"], 0, &format!("http://{at}/health answered 200 with the text"));
    assert_eq!(pages.asked(), ["GET /health?token=tok-secret-1 HTTP/1.1"]);
    s.says("jan", &["task", "run", "gone"], 4, "answered 200, not 404");
    pages.answer(404);
    s.says("jan", &["task", "run", "gone"], 0, "answered 404");
    s.says("jan", &["task", "run", "silent"], 4, "was not fetched: nobody listens there");
    s.says("jan", &["task", "run", "name"], 0, &format!("crm.example is 10.0.0.7, says {names}"));
    s.says("jan", &["task", "run", "moved"], 4, "crm.example is 10.0.0.7, not 10.0.0.8");
    s.says("jan", &["task", "run", "unknown"], 4, "nobody knows crn.example");
    s.says("jan", &["task", "run", "own"], 0, "localhost is 1");
    s.says("jan", &["task", "run", "open"], 0, &format!("127.0.0.1:{port} is open"));
    s.says("jan", &["task", "run", "shut"], 0, "is closed: nobody listens there");
    s.says("jan", &["task", "run", "not-shut"], 4, "is open, and has to be closed");
    s.says("jan", &["task", "run", "breath"], 0, "1 s have passed");
    s.says("jan", &["task", "run", "papers"], 0, "1 of 1 files copied");
    assert_eq!(fs::read_to_string(s.ground.folder().join("new-papers/a.txt")).unwrap(), "a");

    // A run is started by a person, and nobody says that it is done before it is.
    s.says("jan", &["task", "run", "pilot"], 5, "start `greenroom rehearse`");
    s.refused("jan", &["task", "done", "pilot"], "no `greenroom rehearse` was begun since `pilot` was");
    s.says("jan", &["task", "run", "pilot"], 5, "no `greenroom rehearse` was begun");
    s.done("jan", &["rehearse", "--quiet"]);
    s.says("jan", &["task", "run", "pilot"], 0, "has ended well");
    s.says("jan", &["task", "run", "seen"], 0, "`none.sql` gave no rows");

    // What goes wrong may be done by a person instead, and that is on record as such.
    s.refused("jan", &["task", "done", "breaks", "--by-hand", "by telephone"], "is not under way");
    s.done("jan", &["task", "start", "breaks"]);
    s.refused("jan", &["task", "done", "breaks"], "is done when what it does has gone well");
    s.refused("ola", &["task", "done", "breaks", "--by-hand", "by telephone"], "jan does `breaks`");
    s.says("jan", &["task", "done", "breaks", "--by-hand", "by telephone"], 0, "is done, by hand");

    let facts = s.facts();
    let ran =
        |task: &str| facts.iter().rfind(|f| f["fact"] == "task_ran" && f["task"] == task).unwrap_or_else(|| panic!("{task}: {facts:#?}"));
    assert_eq!((ran("stop")["does"].as_str(), ran("stop")["good"].as_bool()), (Some("command"), Some(true)));
    assert!(ran("stop")["output"].is_string() && ran("one")["output"].is_null() && ran("page")["millis"].is_u64());
    assert_eq!(ran("page")["outcome"], format!("http://{at}/health answered 200 with the text that is expected"));
    s.done("jan", &["record", "verify"]);
    // Neither secrets nor what stands in rows is kept anywhere.
    assert_nowhere(&s.program().join(".greenroom"), &["tok-secret-1", "tok-secret-2", "-plain-value"]);
}

#[test]
fn what_was_cut_off_is_done_again_only_where_that_does_no_harm() {
    let text = [
        PEOPLE.to_owned(),
        task("slow", r#"{ command = ["./slow.sh"] }"#),
        task("harmless", r#"{ command = ["./slow.sh"], repeatable = true }"#),
        task("stuck", r#"{ command = ["./stuck.sh"], timeout = "1 second" }"#),
    ]
    .concat();
    let s = Scene::with_process(&text);
    // The first time it does not come to its end.
    s.script("slow.sh", "if test -e begun; then echo at last; else touch begun; exec sleep 60; fi");
    s.script("stuck.sh", "exec sleep 60");
    s.done("jan", &["stage", "enter", "migration"]);
    for (task, again) in [("slow", "--again"), ("harmless", "--quiet")] {
        let _ = fs::remove_file(s.program().join("begun"));
        let begun = s.program().join("begun");
        let cut = s.ground.greenroom().env("USER", "jan").args(["task", "run", task]);
        let ended = cut.kill_at_line(move |line| {
            line.contains("runs `./slow.sh`") && {
                wait_until("the program runs", PATIENCE, || begun.exists());
                true
            }
        });
        assert!(ended.signal.is_some(), "{ended:?}");
        assert!(s.done("jan", &["task"]).contains("now"), "begun, and not done");
        s.refused("ola", &["task", "run", task], &format!("jan does `{task}`"));
        if task == "slow" {
            s.refused("jan", &["task", "run", task], "nobody knows whether what it does ran to its end");
        }
        s.says("jan", &["task", "run", task, again], 0, "ended well");
    }
    s.says("jan", &["task", "run", "stuck"], 4, "did not end within 1 s and was stopped");
    let facts = s.facts();
    assert_eq!(facts.iter().filter(|f| f["fact"] == "task_tried_again").count(), 2, "{facts:#?}");
}

#[test]
fn the_runbook_is_rehearsed_apart_from_the_night_and_tells_how_long_it_takes() {
    let text = [
        PEOPLE,
        "[gate.rehearsed]\nstage = \"migration\"\nat = \"entry\"\nkind = \"runbook-rehearsed\"\n",
        &task("stop", r#"{ command = ["./stop.sh"], rehearsal = ["./stop.sh", "pilot"] }"#),
        &task("cut", r#"{ command = ["./stop.sh", "production"] }"#),
        &task("count", r#"{ sql = "one.sql", on = "target", expect = "1" }"#),
        "[task.call]\nstage = \"migration\"\nrole = \"technician\"\nminutes = 60\nafter = [\"stop\"]\n",
    ]
    .concat();
    let s = Scene::with_process(&text);
    s.script("stop.sh", "echo \"$1\" >> stopped");
    fs::write(s.program().join("one.sql"), "select count(*) from t").unwrap();
    s.done("jan", &["rehearse", "--quiet"]);
    s.refused("jan", &["stage", "enter", "migration"], "never rehearsed to the end: call, count, cut, stop");
    s.refused("jan", &["task", "--rehearsal", "start", "call"], "`call` comes after stop");
    s.says("jan", &["task", "run", "stop", "--as-rehearsal"], 0, "rehearsal 1 of `migration`: `stop` is done");
    assert_eq!(fs::read_to_string(s.program().join("stopped")).unwrap(), "pilot\n");
    s.refused("jan", &["task", "--rehearsal", "run", "cut"], "is meant for production");
    s.done("jan", &["task", "--rehearsal", "start", "cut"]);
    s.done("jan", &["task", "--rehearsal", "done", "cut", "--by-hand", "told, not done"]);
    // What will be asked of the new production is asked of the pilot.
    s.says("jan", &["task", "--rehearsal", "run", "count"], 0, "gave 1, as expected");
    s.done("jan", &["task", "--rehearsal", "start", "call"]);
    let night = s.done("jan", &["night", "--rehearsal"]);
    assert!(night.contains("REHEARSAL 1 of migration") && night.contains("3 done, 1 under way"), "{night}");
    s.refused("jan", &["stage", "enter", "migration"], "never rehearsed to the end: call");
    s.done("jan", &["task", "--rehearsal", "done", "call"]);

    // The night has a record of its own, and is projected from what the rehearsal took.
    let sheet: serde_json::Value = serde_json::from_str(&s.done("jan", &["night", "--json"])).unwrap();
    assert!(sheet["done"].as_array().unwrap().is_empty() && sheet["rehearsal"].is_null(), "{sheet:#}");
    let call = sheet["later"].as_array().unwrap().iter().find(|l| l["task"] == "call").unwrap();
    let rehearsed = call["rehearsed"].as_i64().unwrap();
    assert_eq!((call["minutes"].as_i64(), rehearsed < 60), (Some(60), true), "{sheet:#}");
    let ends = |l: &serde_json::Value| l["end"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let now: jiff::Timestamp = sheet["at"].as_str().unwrap().parse().unwrap();
    let stop = sheet["next"].as_array().unwrap().iter().find(|l| l["task"] == "stop").unwrap();
    let expected = jiff::SignedDuration::from_mins(rehearsed + stop["rehearsed"].as_i64().unwrap());
    assert_eq!(ends(call).duration_since(now), expected, "{sheet:#}");
    assert!(s.done("jan", &["night"]).contains("(10 min quoted, "));

    // Another one is begun by its first task, or on request.
    assert!(s.done("jan", &["task", "new-rehearsal", "migration"]).contains("rehearsal 2 of `migration` has begun"));
    s.says("jan", &["task", "--rehearsal", "run", "stop"], 0, "rehearsal 2");
    s.done("jan", &["stage", "enter", "migration"]);
    s.refused("jan", &["task", "--rehearsal", "start", "call"], "is on: what is done now is no rehearsal");
    s.says("jan", &["task", "run", "cut"], 0, "ended well");
    assert_eq!(fs::read_to_string(s.program().join("stopped")).unwrap(), "pilot\npilot\nproduction\n");
    assert!(s.done("jan", &["record"]).contains("rehearsed: task ran"));
}

#[test]
fn faults_of_what_tasks_do_are_shown_in_the_file() {
    for (does, words) in [
        (r#"{ command = ["./x"], wait = "1 minute" }"#, "`command` and `wait` are two things"),
        ("{ timeout = \"1 minute\" }", "nothing is said that is to be done"),
        (r#"{ wait = "soon" }"#, "`soon` is no length of time"),
        (r#"{ wait = "1 minute", on = "pilot" }"#, "`on` means nothing beside `wait`"),
        (r#"{ sql = "../x.sql", on = "pilot", expect = "1" }"#, "no file within the program's folder"),
        (r#"{ sql = "x.sql", on = "source", expect = "no rows" }"#, "cannot be told from NULL"),
        (r#"{ sql = "x.sql", on = "pilot" }"#, "lacks `on`, or one of `expect` and `at_least`"),
        (r#"{ sql = "x.sql", on = "pilot", at_least = "new" }"#, "`new` is no number or version"),
        (r#"{ disk = { free = "much" } }"#, "`much` is no size"),
        (r#"{ http = { url = "ftp://x" } }"#, "no address of a page"),
        (r#"{ http = { url = "https://anna:geheim-1@crm.example/" } }"#, "an address with a login in it"),
        (r#"{ dns = { name = "x", expect = ["ten"] } }"#, "`ten` is no address"),
        (r#"{ tcp = { host = "x" } }"#, "`tcp` lacks `host` or `port`"),
        (r#"{ command = [] }"#, "no program is named"),
    ] {
        let s = Scene::with_process(&[PEOPLE.to_owned(), task("x", does)].concat());
        let checked = s.by("jan", &["check"]);
        assert!(checked.code == Some(1) && checked.stderr.contains("GR0139") && checked.stderr.contains(words), "{does}: {checked:?}");
        assert!(checked.stderr.contains("process.toml:"), "{checked:?}");
    }
    let s = Scene::with_process(&[PEOPLE.to_owned(), task("x", r#"{ command = ["./x"], env = { TOKEN = "geheim-2" } }"#)].concat());
    let checked = s.by("jan", &["check"]);
    assert!(checked.code == Some(1) && checked.stderr.contains("GR0111") && !checked.stderr.contains("geheim-2"), "{checked:?}");
}

#[test]
fn whoever_presses_ctrl_c_stops_what_is_done_and_that_is_on_record() {
    let text = [PEOPLE.to_owned(), task("breath", r#"{ wait = "2 hours" }"#), task("long", r#"{ command = ["./long.sh"] }"#)].concat();
    let s = Scene::with_process(&text);
    s.script("long.sh", "sleep 600 & echo $! > part; mv part pid; wait");
    s.done("jan", &["stage", "enter", "migration"]);
    for task in ["breath", "long"] {
        let mut running = Command::new(env!("CARGO_BIN_EXE_greenroom"))
            .args(["-C", s.program().to_str().unwrap(), "task", "run", task])
            .env("USER", "jan")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(running.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert!(line.contains(&format!("`{task}` ")), "{line}");
        let pid = s.program().join("pid");
        if task == "long" {
            wait_until("the program has started something", PATIENCE, || pid.exists());
        }
        let asked = Command::new("kill").args(["-INT", &running.id().to_string()]).status().unwrap();
        assert!(asked.success());
        let ended = running.wait_with_output().unwrap();
        let told = String::from_utf8(ended.stdout).unwrap();
        assert!(ended.status.code() == Some(4) && told.contains("stopped by a person"), "{:?} {told}", ended.status);
        if task == "long" {
            let pid = fs::read_to_string(pid).unwrap();
            // One that ended and that nobody asked for its end counts as gone.
            wait_until("what the program started is gone", PATIENCE, || {
                let state = Command::new("ps").args(["-o", "stat=", "-p", pid.trim()]).output().unwrap();
                let state = String::from_utf8(state.stdout).unwrap();
                state.trim().is_empty() || state.trim().starts_with('Z')
            });
        }
    }
    let failed =
        s.facts().iter().filter(|f| f["fact"] == "task_ran" && f["outcome"] == "stopped by a person" && f["good"] == false).count();
    assert_eq!(failed, 2);
    s.says("jan", &["task"], 0, "breath");
    // It can be begun again.
    s.done("jan", &["task", "start", "long"]);
}

#[test]
fn certificates_are_those_that_the_machine_trusts() {
    let folder = greenroom_testkit::files::folder();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let config = "[req]\ndistinguished_name = dn\nx509_extensions = ext\nprompt = no\n[dn]\nCN = localhost\n[ext]\n\
        subjectAltName = DNS:localhost, IP:127.0.0.1\nbasicConstraints = critical, CA:FALSE\n";
    fs::write(folder.path().join("conf"), config).unwrap();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-config"])
        .arg(folder.path().join("conf"))
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&cert)
        .output();
    if !made.as_ref().is_ok_and(|m| m.status.success()) {
        greenroom_testkit::skip!("no openssl that makes a certificate: {made:?}");
    }
    let mut server = Command::new("openssl")
        .args(["s_server", "-accept", "127.0.0.1:0", "-www", "-cert"])
        .arg(&cert)
        .arg("-key")
        .arg(&key)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It tells on which port it listens.
    let mut said = BufReader::new(server.stdout.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("ACCEPT") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "the server did not start");
    }
    let port = line.trim().rsplit_once(':').unwrap().1.to_owned();
    let s = Scene::with_process(
        &[PEOPLE.to_owned(), task("page", &format!(r#"{{ http = {{ url = "https://localhost:{port}/" }} }}"#))].concat(),
    );
    s.done("jan", &["stage", "enter", "migration"]);
    let run =
        |file: &std::path::Path| s.ground.greenroom().env("USER", "jan").env("SSL_CERT_FILE", file).args(["task", "run", "page"]).finish();
    // Another certificate is trusted, this one is not.
    let other = folder.path().join("other.pem");
    let again = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-config"])
        .arg(folder.path().join("conf"))
        .args(["-keyout", "/dev/null", "-out"])
        .arg(&other)
        .output()
        .unwrap();
    assert!(again.status.success(), "{again:?}");
    let refused = run(&other);
    assert!(refused.code == Some(4) && refused.stdout.contains("its certificate or TLS is not believed"), "{refused:?}");
    let believed = run(&cert);
    assert!(believed.code == Some(0) && believed.stdout.contains(&format!("https://localhost:{port}/ answered 200")), "{believed:?}");
    server.kill().unwrap();
    server.wait().unwrap();
}

/// Queries on production and on the pilot, on whichever engine.
fn asks(ground: &dyn Ground) {
    ground.fill("create table client (id integer primary key, n varchar(40));\ninsert into client values (1, 'Ann Real');\ninsert into client values (2, 'Bob Real');");
    let program = ground.folder().join("program");
    fs::create_dir_all(&program).unwrap();
    let text = [
        PEOPLE.to_owned(),
        task("two", r#"{ sql = "two.sql", on = "source", expect = "2" }"#),
        task("there", r#"{ sql = "two.sql", on = "pilot", expect = "2" }"#),
        task("real", r#"{ sql = "real.sql", on = "pilot", expect = "no rows" }"#),
        task("all", r#"{ sql = "all.sql", on = "pilot", expect = "no rows" }"#),
        task("wrong", r#"{ sql = "wrong.sql", on = "source", expect = "1" }"#),
        task("writes", r#"{ sql = "writes.sql", on = "pilot", expect = "1" }"#),
        "[requirement.room]\nneeds = { disk = { free = \"1 MB\" } }\n".to_owned(),
    ];
    fs::write(program.join("greenroom.toml"), ground.databases()).unwrap();
    fs::write(program.join("columns.toml"), "[client]\nid = \"keep\"\nn = { mask = \"full_name\", identity = \"id\" }\n").unwrap();
    fs::write(program.join("process.toml"), text.concat()).unwrap();
    for (file, sql) in [
        ("two.sql", "select count(*) from client;\n"),
        ("real.sql", "select id from client where n like '%Real'"),
        ("all.sql", "select n from client"),
        ("wrong.sql", "select n from client where n > no_such_column"),
        ("writes.sql", "delete from client"),
    ] {
        fs::write(program.join(file), sql).unwrap();
    }
    let run = |arguments: &[&str], code: i32| {
        let ended = ground.greenroom().env("USER", "jan").args(arguments).finish();
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
        assert!(!ended.stdout.contains("Real"), "{ended:?}");
        ended.stdout
    };
    run(&["rehearse", "--quiet"], 0);
    run(&["stage", "enter", "migration"], 0);
    for (task, code, words) in [
        ("two", 0, "gave 2, as expected"),
        ("there", 0, "gave 2, as expected"),
        ("real", 0, "gave no rows"),
        ("all", 4, "gave 2 rows"),
        ("wrong", 4, "could not be asked"),
        ("writes", 4, "could not be asked"),
    ] {
        let said = run(&["task", "run", task], code);
        assert!(said.contains(words), "{task}: {said}");
    }
    assert_eq!(ground.query("pilot", "select count(*) from client").unwrap(), "2");
    // Where a server does not tell how much room it has, that is what is said.
    let room = ground.greenroom().env("USER", "jan").args(["requirements", "check"]).finish();
    assert!(room.stdout.contains(" free, 1 MB needed") || room.stdout.contains("the server does not tell"), "{room:?}");
}

#[test]
fn queries_are_asked_on_sqlite() {
    asks(&Sqlite::new());
}

#[test]
fn queries_are_asked_on_postgres() {
    let server = greenroom_testkit::postgres!();
    asks(&Postgres::new(server, "tasks"));
}

#[test]
fn queries_are_asked_on_mariadb() {
    let server = greenroom_testkit::mariadb!();
    asks(&Mysql::new(server, "tasks"));
}

#[test]
fn queries_are_asked_on_what_speaks_tds() {
    let server = greenroom_testkit::tds::Server::at(&greenroom_testkit::mssql!());
    asks(&Mssql::new(&server, "tasks"));
}
