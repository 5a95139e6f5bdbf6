//! Notices over the real binary: in two languages through a real mail server, a date that is taken back, heads of the record that go by themselves and are checked as they were received, the end of a wait.
// covers F3, F4, P33

use super::notices::{PEOPLE, RULES, Scene, Sink, calendar, parsed, python, python_or_skip};
use crate::ground::Ground;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

const FROM: &str = "[notices]\nfrom = \"greenroom@clinic.example\"\n";

/// Jan is told in Polish.
fn write(s: &Scene, how: &str) {
    let people = PEOPLE.replace("name = \"Jan Kowalski\"", "name = \"Jan Kowalski\"\nlanguage = \"pl\"");
    assert_ne!(people, PEOPLE);
    s.write("process.toml", &format!("{people}{how}{RULES}"));
}

fn to<'m>(mails: &'m [Value], who: &str) -> Vec<&'m Value> {
    mails.iter().filter(|m| m["to"][0][1].as_str().is_some_and(|a| a.starts_with(who))).collect()
}

fn text<'m>(mail: &'m Value, what: &str) -> &'m str {
    mail[what].as_str().unwrap()
}

#[test]
fn mails_are_in_the_language_of_their_reader_and_a_date_that_is_taken_back_leaves_calendars() {
    let python = python_or_skip!();
    let s = Scene::new("");
    let sink = Sink::start(python, &s.ground.folder().join("sink"), &[]);
    write(&s, &format!("{FROM}smtp = {{ host = \"127.0.0.1\", port = {}, tls = \"none\" }}\n", sink.mail));
    s.done("anna", &["check", "--quiet"]);
    s.done("anna", &["stage", "date", "night", "2037-02-10T18:30"]);
    let neither = s.by("anna", &["stage", "date", "night", "--withdraw"]);
    assert!(neither.code == Some(2) && neither.stderr.contains("--reason"), "{neither:?}");
    let back = s.done("anna", &["stage", "date", "night", "--withdraw", "--reason", "dostawca choruje"]);
    assert!(back.stdout.contains("the date of `night` is taken back"), "{back:?}");
    let again = s.by("anna", &["stage", "date", "night", "--withdraw", "--reason", "x"]);
    assert!(again.code == Some(1) && again.stderr.contains("no date is agreed for `night`"), "{again:?}");
    s.done("anna", &["stage", "date", "night", "2037-03-01T18:00"]);
    let (mails, _) = sink.taken("");
    assert_eq!(mails.len(), 6, "{mails:?}");
    let (anna, jan) = (to(&mails, "anna"), to(&mails, "jan"));
    let subjects = |all: &[&Value]| all.iter().map(|m| text(m, "subject").to_owned()).collect::<Vec<_>>();
    assert_eq!(
        subjects(&anna),
        [
            "[scenario] `night` is agreed for Tue 2037-02-10 18:30",
            "[scenario] `night` is off",
            "[scenario] `night` is agreed for Sun 2037-03-01 18:00"
        ]
    );
    assert_eq!(
        subjects(&jan),
        [
            "[scenario] termin etapu `night`: wtorek, 10 lutego 2037, 18:30",
            "[scenario] termin etapu `night` odwołany",
            "[scenario] termin etapu `night`: niedziela, 1 marca 2037, 18:00"
        ]
    );
    assert!(text(jan[0], "text").contains("ma się rozpocząć we wtorek 10 lutego 2037 o 18:30. Kto: Anna Żółć-Gęślą."), "{jan:?}");
    assert!(text(jan[1], "text").contains("Odwołano termin etapu `night` (Noc przełączenia): wtorek, 10 lutego 2037, 18:30."), "{jan:?}");
    // What travels is plain: letters of seven bits, lines that every server takes, nothing that a parser complains of.
    for m in &mails {
        assert!(m["seven_bit"] == true && m["longest"].as_u64().unwrap() <= 998 && m["defects"] == serde_json::json!([]), "{m}");
        assert!(["quoted-printable", "7bit", "base64"].contains(&text(m, "encoding")), "{m}");
    }
    // One entry of the calendar, in it, out of it, and in it again.
    for whose in [&anna, &jan] {
        assert_eq!(whose.iter().map(|m| text(m, "method")).collect::<Vec<_>>(), ["REQUEST", "CANCEL", "REQUEST"]);
        let numbers: Vec<String> = whose.iter().flat_map(|m| calendar(m, "SEQUENCE")).collect();
        assert_eq!(numbers, ["1", "2", "3"]);
        let uids: std::collections::BTreeSet<String> = whose.iter().flat_map(|m| calendar(m, "UID")).collect();
        assert_eq!(uids.len(), 1);
        assert_eq!(calendar(whose[1], "STATUS"), ["CANCELLED"]);
        assert_eq!(calendar(whose[1], "DTSTART"), ["20370210T173000Z"], "that of the date which is off");
    }
    read_by_another_parser(&s, jan[1]);
    // The reason is beside the chain, and the record tells who took it back.
    let exported = s.ground.folder().join("record.jsonl");
    s.done("anna", &["record", "export", exported.to_str().unwrap()]);
    assert!(!fs::read_to_string(&exported).unwrap().contains("choruje"));
    assert!(s.done("anna", &["record"]).stdout.contains("dostawca choruje"));
    s.no_address_in_the_chain();
}

/// A cancellation as Python's icalendar understands it.
fn read_by_another_parser(s: &Scene, mail: &Value) {
    let file = s.ground.folder().join("off.ics");
    fs::write(&file, text(mail, "calendar")).unwrap();
    let code = "import sys, icalendar\nc = icalendar.Calendar.from_ical(open(sys.argv[1], 'rb').read())\ne = c.walk('VEVENT')[0]\nprint(c['METHOD'], e['STATUS'], e['SEQUENCE'], e['ATTENDEE'], 'Odwo\\u0142ano' in str(e['DESCRIPTION']))";
    if !Command::new("/usr/bin/python3").args(["-c", "import icalendar"]).stderr(Stdio::null()).status().is_ok_and(|s| s.success()) {
        println!("skipped: no icalendar of /usr/bin/python3: apt install python3-icalendar");
        return;
    }
    let out = Command::new("/usr/bin/python3").args(["-c", code]).arg(&file).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&out.stdout).trim(), "CANCEL CANCELLED 2 mailto:jan@vendor.example True", "{out:?}");
}

/// Makes a key with OpenSSH's own tool; its public line. None where that is not there.
fn keygen(folder: &Path, name: &str, passphrase: &str) -> Option<String> {
    let arguments = ["-q", "-t", "ed25519", "-N", passphrase, "-C", "a@b", "-f", name];
    let made = Command::new("ssh-keygen").current_dir(folder).args(arguments).stdin(Stdio::null()).output().ok()?;
    assert!(made.status.success(), "{made:?}");
    let line = fs::read_to_string(folder.join(format!("{name}.pub"))).unwrap();
    Some(line.trim().to_owned())
}

#[test]
fn heads_go_by_themselves_signed_and_are_checked_as_they_were_received() {
    let python = python_or_skip!();
    let s = Scene::new("");
    let Some(public) = keygen(&s.program(), "head_key", "geheim") else {
        greenroom_testkit::skip!("no ssh-keygen: sudo apt-get install -y openssh-client");
    };
    let sink = Sink::start(python, &s.ground.folder().join("sink"), &[]);
    let how = format!(
        "{FROM}smtp = {{ host = \"127.0.0.1\", port = {}, tls = \"none\" }}\n[notice.heads]\non = [\"head\"]\nto = [\"vendor\"]\nkey = \"head_key\"\npassphrase = {{ env = \"HEAD\" }}\nwebhook = \"http://127.0.0.1:{}/head\"\nsecret = {{ env = \"HOOK\" }}\n",
        sink.mail, sink.hook
    );
    let people = |s: &Scene, how: &str| {
        let all = PEOPLE.replace("login = \"anna\"", &format!("login = \"anna\"\nkeys = [\"{public}\"]"));
        s.write("process.toml", &format!("{all}{how}"));
    };
    people(&s, &how);
    let secret = ("HOOK", "tajne".to_owned());
    let s = Scene { env: vec![secret.clone()], ..s };
    s.done("anna", &["stage", "enter", "night"]);
    // Without what opens the key nothing goes, and above all nothing unsigned.
    let left = s.done("anna", &["stage", "leave", "night", "--failed"]);
    assert!(left.stderr.contains("the key that signs the head could not be used"), "{left:?}");
    let (mails, posts) = sink.taken("tajne");
    assert!(mails.is_empty() && posts.is_empty(), "{mails:?} {posts:?}");
    let s = Scene { env: vec![secret, ("HEAD", "geheim".into())], ..s };
    // More is recorded before it goes: it is the head of when it was decided, all the same.
    s.done("anna", &["stage", "date", "night", "2037-02-10T18:30"]);
    s.done("anna", &["notices", "send", "--again"]);
    let (mails, posts) = sink.taken("tajne");
    assert_eq!((mails.len(), posts.len()), (1, 1), "{mails:?} {posts:?}");
    assert_eq!(mails[0]["to"][0][1], "jan@vendor.example");
    assert!(text(&mails[0], "text").contains("It is signed with a key") && mails[0]["seven_bit"] == true, "{mails:?}");
    let files = mails[0]["files"].as_array().unwrap();
    assert_eq!(files.len(), 1);
    let (name, kind, content) = (files[0][0].as_str().unwrap(), files[0][1].as_str().unwrap(), files[0][2].as_str().unwrap());
    assert!(name.starts_with("head-scenario-") && name.ends_with(".json") && kind == "application/json", "{files:?}");
    assert!(posts[0]["genuine"] == true && posts[0]["body"]["data"]["head"]["name"] == name, "{posts:?}");
    // As received by mail, and as received by post.
    let posted = posts[0]["body"]["data"]["head"]["text"].as_str().unwrap();
    assert_eq!(content.replace("\r\n", "\n"), posted);
    for (file, received) in [("mailed.json", content), ("posted.json", posted)] {
        let path = s.ground.folder().join(file);
        fs::write(&path, received).unwrap();
        let path = path.to_str().unwrap();
        let good = s.done("anna", &["record", "verify", "--against", path, "--allowed", "anna"]).stdout;
        assert!(good.contains("contained: ") && good.contains("anna's"), "{good}");
        // Over a file of the record that the other party has, too.
        let exported = s.ground.folder().join(format!("{file}.jsonl"));
        s.done("anna", &["record", "export", exported.to_str().unwrap()]);
        s.done("jan", &["record", "verify", "--file", exported.to_str().unwrap(), "--against", path, "--allowed", &public]);
        let changed = received.replacen("\"seq\": ", "\"seq\": 1", 1);
        assert_ne!(changed, received);
        let broken = s.ground.folder().join("broken.json");
        fs::write(&broken, changed).unwrap();
        let bad = s.by("anna", &["record", "verify", "--against", broken.to_str().unwrap()]);
        assert!(bad.code == Some(1) && bad.stderr.contains("GR0796"), "{bad:?}");
    }
    // The record that somebody else wrote anew is found by it.
    let other = Scene::new("");
    other.write("process.toml", PEOPLE);
    other.done("anna", &["stage", "enter", "night"]);
    let foreign = other.by("anna", &["record", "verify", "--against", s.ground.folder().join("mailed.json").to_str().unwrap()]);
    assert!(foreign.code == Some(1) && foreign.stderr.contains("GR0797"), "{foreign:?}");
    greenroom_testkit::files::assert_nowhere(&s.program().join(".greenroom"), &["geheim", "tajne"]);
    s.no_address_in_the_chain();

    // Into a folder, unsigned because process.toml says so, and a file beside the mail.
    people(
        &s,
        "[notices]\nfrom = \"greenroom@clinic.example\"\nfolder = \"outbox\"\n[notice.heads]\non = [\"head\"]\nto = [\"jan\"]\nunsigned = true\n",
    );
    s.done("anna", &["stage", "enter", "night"]);
    s.done("anna", &["stage", "leave", "night", "--failed"]);
    let outbox = s.program().join("outbox");
    let (mails, _) = parsed(python, &outbox, "");
    assert!(mails.len() == 1 && text(&mails[0], "text").contains("It is not signed, as process.toml says"), "{mails:?}");
    let file = fs::read_dir(&outbox).unwrap().map(|f| f.unwrap().path()).find(|f| f.to_string_lossy().ends_with(".head.json")).unwrap();
    assert_eq!(mails[0]["files"][0][2].as_str().unwrap().replace("\r\n", "\n"), fs::read_to_string(&file).unwrap());
    let said = s.done("anna", &["record", "verify", "--against", file.to_str().unwrap()]).stdout;
    assert!(said.contains("contained: ") && said.contains("it is not signed"), "{said}");
    let asked = s.by("anna", &["record", "verify", "--against", file.to_str().unwrap(), "--allowed", "anna"]);
    assert!(asked.code == Some(1) && asked.stderr.contains("GR0796"), "{asked:?}");
    // Nobody says which of the two.
    people(&s, "[notices]\nfrom = \"greenroom@clinic.example\"\nfolder = \"outbox\"\n[notice.heads]\non = [\"head\"]\nto = [\"jan\"]\n");
    let mute = s.by("anna", &["check", "--quiet"]);
    assert!(mute.code != Some(0) && format!("{mute:?}").contains("GR0838"), "{mute:?}");
}

#[test]
fn the_end_of_a_wait_is_told_once_and_shown_as_a_reminder() {
    let s = Scene::new("");
    let waits = "[stage.before]\n[gate.rest]\nstage = \"night\"\nat = \"entry\"\nkind = \"wait\"\nsince = \"before\"\nat_least = \"0 hours\"\n[gate.later]\nstage = \"night\"\nat = \"entry\"\nkind = \"wait\"\nsince = \"before\"\nat_least = \"3 days\"\n";
    let rules =
        "folder = \"outbox\"\n[notice.reminders]\non = [\"wait-over\", \"date-near\"]\nbefore = [\"5 business days\"]\nto = [\"jan\"]\n";
    write(&s, &format!("{FROM}{rules}{waits}"));
    s.done("anna", &["check", "--quiet"]);
    s.done("anna", &["stage", "enter", "before"]);
    let left = s.done("anna", &["stage", "leave", "before"]);
    assert!(left.stderr.contains("told: ") && left.stderr.contains("/reminders/jan@wait.rest"), "{left:?}");
    let sent = s.stands();
    assert_eq!(sent.iter().filter(|(rule, stands)| rule == "reminders/jan" && stands == "sent").count(), 1, "{sent:?}");
    let id = left.stderr.split('`').find(|w| w.contains("@wait.rest")).unwrap().split_whitespace().last().unwrap().to_owned();
    let shown = s.done("anna", &["notices", "show", &id]).stdout;
    assert!(shown.contains("koniec odczekania przed etapem `night`") && shown.contains("Odczekanie według warunku `rest`"), "{shown}");
    let file = fs::read_dir(s.program().join("outbox"))
        .unwrap()
        .map(|f| f.unwrap().file_name().into_string().unwrap())
        .find(|f| f.contains("wait.rest"));
    assert!(file.is_some_and(|f| f.ends_with("-reminders-jan-wait.rest.eml")));
    // The other wait ends later; nothing is told twice.
    let none = s.done("anna", &["notices", "send"]).stdout;
    assert!(none.starts_with("nothing is due; the next "), "{none}");
    assert!(s.done("anna", &["notices"]).stdout.contains("the next reminder is due "));
    assert_eq!(s.stands(), sent);
}
