//! Notices over the real binary: mails in a real mail server and read by another parser, signed posts, a folder instead of both, and nobody told twice or out of a database.
// covers F4

use crate::ground::{Ground, Sqlite};
use greenroom_testkit::proc::Ended;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub(super) const PEOPLE: &str = r#"
[process]
timezone = "Europe/Warsaw"
[party.clinic]
[party.vendor]
[person.anna]
name = "Anna Żółć-Gęślą"
party = "clinic"
roles = ["decider"]
login = "anna"
mail = "anna@clinic.example"
[person.jan]
name = "Jan Kowalski"
party = "vendor"
roles = ["technician"]
login = "jan"
mail = "jan@vendor.example"
[stage.night]
title = "Noc przełączenia"
[gate.go]
stage = "night"
at = "exit"
kind = "sign-off"
roles = ["decider"]
[task.stop]
title = "zatrzymać usługi, żeby nikt nie pisał"
stage = "night"
role = "technician"
minutes = 15
[task.look]
stage = "night"
role = "decider"
minutes = 30
after = ["stop"]
"#;

pub(super) const RULES: &str = r#"
[notice.turns]
on = ["asked", "signed", "task-ready", "task-failed", "handed-over"]
[notice.dates]
on = ["date-agreed"]
to = ["clinic", "jan"]
"#;

pub(super) struct Scene {
    pub(super) ground: Sqlite,
    pub(super) env: Vec<(&'static str, String)>,
}

impl Scene {
    pub(super) fn new(notices: &str) -> Scene {
        let ground = Sqlite::new();
        ground.fill("pragma journal_mode = wal; create table patient (id integer primary key, mail text); insert into patient values (1, 'secret@patient.example')");
        let scene = Scene { ground, env: Vec::new() };
        fs::create_dir_all(scene.program()).unwrap();
        scene.write("greenroom.toml", &scene.ground.databases());
        scene.write("columns.toml", "[patient]\nid = \"keep\"\nmail = { mask = \"email\" }\n");
        scene.process(notices);
        scene
    }

    pub(super) fn program(&self) -> PathBuf {
        self.ground.folder().join("program")
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        fs::write(self.program().join(name), text).unwrap();
    }

    pub(super) fn process(&self, notices: &str) {
        self.write("process.toml", &format!("{PEOPLE}{notices}{RULES}"));
    }

    pub(super) fn by(&self, login: &str, arguments: &[&str]) -> Ended {
        let run = self.ground.greenroom().env("USER", login).without_env("HTTP_PROXY").without_env("HTTPS_PROXY").without_env("ALL_PROXY");
        let run = run.without_env("http_proxy").without_env("https_proxy").without_env("all_proxy");
        self.env.iter().fold(run, |run, (name, value)| run.env(name, value)).args(arguments).finish()
    }

    pub(super) fn done(&self, login: &str, arguments: &[&str]) -> Ended {
        let ended = self.by(login, arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        ended
    }

    /// How each notice stands.
    pub(super) fn stands(&self) -> Vec<(String, String)> {
        let all: Value = serde_json::from_str(&self.done("anna", &["notices", "--json"]).stdout).unwrap();
        let line = |l: &Value| {
            let to = l["id"]["to"].as_str().map(|to| format!("/{to}")).unwrap_or_default();
            (format!("{}{to}", l["id"]["rule"].as_str().unwrap()), l["stands"].as_str().unwrap().to_owned())
        };
        all.as_array().unwrap().iter().map(line).collect()
    }

    /// Nothing that names where people are reached is in the chain.
    pub(super) fn no_address_in_the_chain(&self) {
        let journal = rusqlite::Connection::open(self.program().join(".greenroom/journal.db")).unwrap();
        let chained: i64 = journal.query_row("select count(*) from event where body like '%.example%'", [], |r| r.get(0)).unwrap();
        assert_eq!(chained, 0);
    }
}

/// Python with the mail server's library: the one on the path, or Debian's.
pub(super) fn python() -> Option<&'static str> {
    let has = |p: &&str| Command::new(p).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status().is_ok_and(|s| s.success());
    ["python3", "/usr/bin/python3"].into_iter().find(has)
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/process/notices").join(name)
}

/// A mail server and a webhook that write down what they take.
pub(super) struct Sink {
    child: Child,
    python: &'static str,
    pub(super) folder: PathBuf,
    pub(super) mail: u16,
    pub(super) hook: u16,
}

impl Sink {
    pub(super) fn start(python: &'static str, folder: &Path, guarded: &[&str]) -> Sink {
        fs::create_dir_all(folder).unwrap();
        let mut command = Command::new(python);
        let mut child = command.arg(script("sink.py")).arg(folder).args(guarded).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ports: Vec<u16> = line.split_whitespace().map(|p| p.parse().unwrap()).collect();
        assert_eq!(ports.len(), 2, "the sink did not start: {line}");
        Sink { child, python, folder: folder.to_owned(), mail: ports[0], hook: ports[1] }
    }

    pub(super) fn taken(&self, secret: &str) -> (Vec<Value>, Vec<Value>) {
        parsed(self.python, &self.folder, secret)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        // It may have ended by itself, which the test has noticed then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Mails and posts as Python's parsers understand them.
pub(super) fn parsed(python: &str, folder: &Path, secret: &str) -> (Vec<Value>, Vec<Value>) {
    let out = Command::new(python).arg(script("read.py")).arg(folder).arg(secret).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let mut all: Value = serde_json::from_slice(&out.stdout).unwrap();
    let mut list = |what: &str| match all[what].take() {
        Value::Array(list) => list,
        other => panic!("{other}"),
    };
    (list("mails"), list("posts"))
}

/// The values of a calendar's property, read by another parser than the writer.
pub(super) fn calendar(mail: &Value, name: &str) -> Vec<String> {
    // Python gives text with its own line ends.
    let text = mail["calendar"].as_str().unwrap().replace("\r\n", "\n").replace('\n', "\r\n");
    let lines: Vec<_> = ical_vcard::Parser::new(text.as_bytes()).collect::<Result<_, _>>().unwrap();
    lines.iter().filter(|l| l.name() == name).map(|l| l.value().to_string()).collect()
}

/// Python with the mail server's library, or the test is skipped.
macro_rules! python_or_skip {
    () => {
        match python() {
            Some(python) => python,
            None => greenroom_testkit::skip!("no Python with aiosmtpd: sudo apt-get install -y --no-install-recommends python3-aiosmtpd"),
        }
    };
}
pub(super) use python_or_skip;

#[test]
fn mails_arrive_whole_and_once_whatever_happens_to_the_server() {
    let python = python_or_skip!();
    let s = Scene::new("");
    let folder = s.ground.folder().join("sink");
    let hook = |sink: &Sink| {
        format!(
            "[notice.hook]\non = [\"task-ready\"]\nwebhook = \"http://127.0.0.1:{}/in?a=b\"\nsecret = {{ env = \"HOOK\" }}\n",
            sink.hook
        )
    };
    let how = |sink: &Sink| {
        let smtp = format!("smtp = {{ host = \"127.0.0.1\", port = {}, tls = \"none\" }}", sink.mail);
        format!("[notices]\nfrom = \"greenroom@clinic.example\"\n{smtp}\n{}", hook(sink))
    };
    let s = Scene { env: vec![("HOOK", "geheim".into())], ..s };
    let sink = Sink::start(python, &folder, &[]);
    s.process(&how(&sink));
    s.done("anna", &["check", "--quiet"]);

    // A date, which moves: one entry of the calendar, said twice.
    let told = s.done("anna", &["stage", "date", "night", "2037-02-09T18:00"]);
    assert!(told.stderr.contains("told: ") && told.stderr.contains("/dates/anna"), "{told:?}");
    s.done("anna", &["stage", "date", "night", "2037-02-10T18:30"]);
    let (mails, _) = sink.taken("geheim");
    assert_eq!(mails.len(), 4, "{mails:?}");
    let to_anna: Vec<&Value> = mails.iter().filter(|m| m["to"][0][1] == "anna@clinic.example").collect();
    assert_eq!(to_anna.len(), 2);
    assert_eq!(to_anna[0]["to"][0][0], "Anna Żółć-Gęślą");
    assert_eq!(to_anna[0]["subject"], "[scenario] `night` is agreed for Mon 2037-02-09 18:00");
    assert_eq!(to_anna[1]["subject"], "[scenario] `night` has moved to Tue 2037-02-10 18:30");
    assert!(
        to_anna[1]["text"].as_str().unwrap().contains("Anna Żółć-Gęślą has put on record that `night` (Noc przełączenia) is to begin"),
        "{mails:?}"
    );
    let uids: BTreeSet<String> = mails.iter().flat_map(|m| calendar(m, "UID")).collect();
    assert_eq!(uids.len(), 1);
    assert_eq!((calendar(to_anna[0], "SEQUENCE"), calendar(to_anna[1], "SEQUENCE")), (vec!["1".into()], vec!["2".into()]));
    assert_eq!(calendar(to_anna[1], "DTSTART"), ["20370210T173000Z"], "18:30 in Warsaw");
    assert_eq!(calendar(to_anna[1], "DTEND"), ["20370210T181500Z"], "its tasks take 45 minutes");
    assert_eq!(calendar(to_anna[1], "ATTENDEE"), ["mailto:anna@clinic.example"]);
    assert!(mails.iter().all(|m| m["method"] == "REQUEST"
        && m["auto"] == "auto-generated"
        && m["type"] == "text/plain"
        && m["defects"] == serde_json::json!([])));
    assert!(
        mails.iter().all(|m| m["envelope"]["from"] == "greenroom@clinic.example" && m["envelope"]["to"].as_array().unwrap().len() == 1)
    );

    // The server is gone: the command does what it does, and says that nobody was told.
    drop(sink);
    let entered = s.done("anna", &["stage", "enter", "night"]);
    assert!(entered.stderr.contains("not told") && entered.stderr.contains("tried again later"), "{entered:?}");
    assert!(s.by("anna", &["status"]).stdout.contains("2 notices could not be sent and will be tried again"));
    assert_eq!(s.stands()[4..], [("hook".into(), "failed".into()), ("turns/jan".into(), "failed".into())]);
    // It is not tried at once again by everybody who types something.
    assert!(s.done("jan", &["notices", "send"]).stdout.starts_with("nothing is due; the next "));

    // Another one is there, and refuses at first.
    let sink = Sink::start(python, &s.ground.folder().join("sink-2"), &[]);
    s.process(&how(&sink));
    fs::write(sink.folder.join("refuse"), "").unwrap();
    let refused = s.by("jan", &["notices", "send", "--again"]);
    assert!(
        refused.code == Some(1) && refused.stdout.contains("the server answered 451") && refused.stdout.contains("try later"),
        "{refused:?}"
    );
    fs::remove_file(sink.folder.join("refuse")).unwrap();
    s.done("jan", &["notices", "send", "--again"]);
    assert!(s.stands().iter().all(|(_, stands)| stands == "sent"), "{:?}", s.stands());
    let (mails, posts) = sink.taken("geheim");
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0]["subject"], "[scenario] your turn: zatrzymać usługi, żeby nikt nie pisał");
    assert!(
        mails[0]["text"].as_str().unwrap().contains("    greenroom task start stop\r\n") && mails[0]["calendar"].is_null(),
        "{mails:?}"
    );
    assert_eq!(posts.len(), 1);
    assert!(posts[0]["genuine"] == true && posts[0]["path"] == "/in?a=b", "{posts:?}");
    assert_eq!(posts[0]["body"]["data"]["about"]["task"], serde_json::json!(["stop"]));
    // Another secret would not have done.
    assert_eq!(sink.taken("geheim?").1[0]["genuine"], false);

    // A bad end takes the date out of calendars again.
    s.done("anna", &["stage", "leave", "night", "--failed"]);
    let (mails, _) = sink.taken("geheim");
    let off: Vec<&Value> = mails.iter().filter(|m| m["method"] == "CANCEL").collect();
    assert_eq!(off.len(), 2, "{mails:?}");
    assert!(
        off.iter()
            .all(|m| calendar(m, "STATUS") == ["CANCELLED"] && calendar(m, "SEQUENCE") == ["3"] && uids.contains(&calendar(m, "UID")[0]))
    );

    // One mail for each notice, and each notice once.
    let (before, _) = parsed(python, &folder, "");
    let ids: Vec<String> = before.iter().chain(&mails).map(|m| m["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    assert_eq!(ids.len() + 1, s.stands().len());
    s.no_address_in_the_chain();
    assert!(s.done("anna", &["record", "verify"]).stdout.contains("follow from one another"));
}

#[test]
fn a_mail_server_that_wants_tls_and_a_login_gets_both() {
    let python = python_or_skip!();
    let s = Scene::new("");
    let (certificate, key) = (s.ground.folder().join("cert.pem"), s.ground.folder().join("key.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output();
    if !made.is_ok_and(|m| m.status.success()) {
        greenroom_testkit::skip!("no openssl to make a certificate with");
    }
    let guarded = [certificate.to_str().unwrap(), key.to_str().unwrap(), "greenroom", "geheim"];
    let sink = Sink::start(python, &s.ground.folder().join("sink"), &guarded);
    let how = |tls: &str| {
        let smtp =
            format!("host = \"localhost\", port = {}, tls = \"{tls}\", user = \"greenroom\", password = {{ env = \"MAIL\" }}", sink.mail);
        format!("[notices]\nfrom = \"greenroom@clinic.example\"\nsmtp = {{ {smtp} }}\n")
    };
    s.process(&how("starttls"));
    let trusted = ("SSL_CERT_FILE", certificate.to_str().unwrap().to_owned());
    // No secret; a wrong one; a certificate that nobody vouches for; and then all is right.
    let s = Scene { env: vec![trusted.clone()], ..s };
    let said = s.done("anna", &["stage", "enter", "night"]).stderr;
    assert!(said.contains("`MAIL` is not set"), "{said}");
    let s = Scene { env: vec![trusted.clone(), ("MAIL", "wrong".into())], ..s };
    let wrong = s.by("anna", &["notices", "send", "--again"]);
    assert!(wrong.code == Some(1) && wrong.stdout.contains("the server answered 535"), "{wrong:?}");
    let s = Scene { env: vec![("MAIL", "geheim".into())], ..s };
    let unknown = s.by("anna", &["notices", "send", "--again"]);
    assert!(unknown.code == Some(1) && unknown.stdout.contains("nobody answered, or the connection broke"), "{unknown:?}");
    assert!(sink.taken("").0.is_empty());
    let s = Scene { env: vec![trusted, ("MAIL", "geheim".into())], ..s };
    s.done("anna", &["notices", "send", "--again"]);
    let (mails, _) = sink.taken("");
    assert_eq!(mails.len(), 1);
    assert!(mails[0]["envelope"]["tls"] == true && mails[0]["envelope"]["login"] == true, "{mails:?}");
    // The password is nowhere on the disk.
    greenroom_testkit::files::assert_nowhere(&s.program(), &["geheim"]);
}

#[test]
fn a_folder_takes_everything_and_databases_name_nobody() {
    let s = Scene::new(
        "[notices]\nfrom = \"greenroom@clinic.example\"\nfolder = \"outbox\"\n[notice.hook]\non = [\"task-ready\"]\nwebhook = \"https://hooks.example/x\"\nsecret = { env = \"HOOK\" }\n",
    );
    s.done("anna", &["rehearse", "--quiet"]);
    s.done("anna", &["stage", "enter", "night"]);
    s.done("jan", &["task", "start", "stop"]);
    s.done("jan", &["task", "done", "stop"]);
    s.done("jan", &["gate", "ask", "go"]);
    let outbox = s.program().join("outbox");
    let mut files: Vec<String> = fs::read_dir(&outbox).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    let ends: Vec<&str> = files.iter().map(|f| f.split_once('-').unwrap().1).collect();
    assert_eq!(ends, ["hook-webhook.json", "turns-jan.eml", "hook-webhook.json", "turns-anna.eml", "turns-anna.eml"], "{files:?}");
    // Everybody who is told stands in process.toml; nobody out of production or the pilot does.
    let masked = s.ground.query("pilot", "select mail from patient").unwrap();
    assert!(masked.contains('@') && masked != "secret@patient.example", "{masked}");
    greenroom_testkit::files::assert_nowhere(&outbox, &["patient.example", masked.as_str()]);
    for file in files.iter().filter(|f| f.ends_with(".eml")) {
        let text = fs::read_to_string(outbox.join(file)).unwrap();
        let to = text.lines().find(|l| l.starts_with("To: ")).unwrap();
        assert!(to.contains("<anna@clinic.example>") || to.contains("<jan@vendor.example>"), "{to}");
    }
    // One sender at a time: the other one says so, and touches nothing.
    let lock = fs::OpenOptions::new().write(true).open(s.program().join(".greenroom/locks/notices.lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    let asked = s.done("jan", &["gate", "ask", "go"]);
    assert!(asked.stdout.contains("approval is asked") && !asked.stderr.contains("told"), "{asked:?}");
    assert!(s.done("anna", &["notices", "send"]).stderr.contains("another process is sending what is due"));
    let again = s.by("anna", &["notices", "send", "--again"]);
    assert!(again.code == Some(1) && again.stderr.contains("GR0836"), "{again:?}");
    assert_eq!(fs::read_dir(&outbox).unwrap().count(), 5);
    drop(lock);
    let told = s.done("jan", &["notices", "send"]).stdout;
    assert!(told.starts_with("told: ") && told.contains("/turns/anna"), "{told}");
    assert_eq!(fs::read_dir(&outbox).unwrap().count(), 6);
    // What is sent again is the same file.
    assert!(s.stands().iter().all(|(_, stands)| stands == "sent"));
    let shown = s.done("anna", &["notices"]).stdout;
    assert!(shown.contains("your approval is asked: `go`") && shown.contains("Jan Kowalski"), "{shown}");
    let id = shown.lines().find(|l| l.contains("your approval is asked")).unwrap().split_whitespace().next().unwrap().to_owned();
    let text = s.done("anna", &["notices", "show", &id]).stdout;
    assert!(text.contains("Jan Kowalski asks for approval at `go`") && text.contains("greenroom gate sign go"), "{text}");
    let none = s.by("anna", &["notices", "show", "1/turns/mallory"]);
    assert!(none.code == Some(1) && none.stderr.contains("GR0837"), "{none:?}");
    s.no_address_in_the_chain();

    // Without the section nobody is told, and what was recorded meanwhile stays untold.
    s.write("process.toml", PEOPLE);
    let mute = s.by("anna", &["notices"]);
    assert!(mute.code == Some(1) && mute.stderr.contains("GR0835"), "{mute:?}");
    assert!(!s.done("anna", &["gate", "sign", "go"]).stderr.contains("told"));
    s.process("[notices]\nfrom = \"greenroom@clinic.example\"\nfolder = \"outbox\"\n");
    assert_eq!(s.done("anna", &["notices", "send"]).stdout, "nothing is due\n");
}

#[test]
fn the_end_of_a_switch_is_told_once() {
    let s = Scene::new("[notices]\nfrom = \"greenroom@clinic.example\"\nfolder = \"outbox\"\n[notice.end]\non = [\"go-live\"]\n");
    let more = "[dress]\nunmasked = true\n[quarantine]\npath = \"quarantine\"\n[fence]\ndrain_seconds = 1\n[switch]\nminutes = 60\n";
    s.write("greenroom.toml", &format!("{}{more}", s.ground.databases()));
    s.done("anna", &["stage", "enter", "night"]);
    s.done("anna", &["rehearse", "--quiet"]);
    s.done("anna", &["dress", "--quiet"]);
    let backup = s.ground.folder().join("backup.db");
    let copy = format!("vacuum into '{}'", backup.display());
    rusqlite::Connection::open(s.ground.folder().join("source.db")).unwrap().execute(&copy, []).unwrap();
    s.done("anna", &["prove", backup.to_str().unwrap(), "--yes", "--quiet"]);
    let begun = s.by("anna", &["switch", "--now", "--yes", "--quiet"]);
    assert!(begun.code == Some(5), "testers are asked: {begun:?}");
    s.done("anna", &["answer", "accept", "--quiet"]);
    let told = |s: &Scene| s.stands().into_iter().filter(|(rule, _)| rule.starts_with("end")).collect::<Vec<_>>();
    assert!(told(&s).is_empty(), "it is not finished yet");
    let ended = s.done("anna", &["resume"]);
    assert!(ended.stderr.contains("/end/anna") && ended.stderr.contains("/end/jan"), "{ended:?}");
    assert_eq!(told(&s), [("end/anna".into(), "sent".into()), ("end/jan".into(), "sent".into())]);
    assert_eq!(s.done("anna", &["notices", "send"]).stdout, "nothing is due\n");
}
