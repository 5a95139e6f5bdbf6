//! What can be proved: signatures with keys, heads and files of the record for the other party, erasing people, artefacts that are stored encrypted.
// covers A5, D7, F3, P15, P33

use super::Scene;
use crate::ground::Ground;
use age::secrecy::ExposeSecret;
use greenroom_testkit::files::{find_bytes, tree};
use greenroom_testkit::proc::{Ended, Run};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program with keys of people and recipients of artefacts.
struct Room {
    scene: Scene,
    program: PathBuf,
    /// Identities of the backup and of its key.
    backup: age::x25519::Identity,
    key: age::x25519::Identity,
}

/// Makes a key with OpenSSH's own tool; false where that is not there.
fn keygen(folder: &Path, arguments: &[&str]) -> bool {
    let made = Command::new("ssh-keygen").current_dir(folder).args(arguments).stdin(Stdio::null()).output();
    match made {
        Ok(out) => {
            assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
            true
        }
        Err(_) => false,
    }
}

impl Room {
    /// None where there is no `ssh-keygen` to make keys.
    fn new() -> Option<Room> {
        let scene = Scene::new();
        let program = scene.ground.folder().join("program");
        for (file, passphrase) in [("anna", ""), ("locked", "open sesame"), ("stranger", "")] {
            if !keygen(&program, &["-q", "-t", "ed25519", "-N", passphrase, "-C", "a@b", "-f", file]) {
                return None;
            }
        }
        keygen(&program, &["-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", "old"]);
        let (backup, key) = (age::x25519::Identity::generate(), age::x25519::Identity::generate());
        let room = Room { scene, program, backup, key };
        fs::write(room.program.join("process.toml"), room.process()).unwrap();
        for (file, identity) in [("backup.id", &room.backup), ("key.id", &room.key)] {
            room.private(file, identity.to_string().expose_secret());
        }
        Some(room)
    }

    fn private(&self, file: &str, text: &str) {
        use std::os::unix::fs::OpenOptionsExt;
        let path = self.program.join(file);
        let mut file = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn public(&self, key: &str) -> String {
        fs::read_to_string(self.program.join(format!("{key}.pub"))).unwrap().trim().to_owned()
    }

    fn process(&self) -> String {
        format!(
            r#"
[party.clinic]
[party.vendor]
[person.anna]
party = "clinic"
roles = ["decider"]
login = "anna"
keys = ["{}", "{}"]
[person.jan]
party = "vendor"
login = "jan"
[person.ola]
party = "clinic"
roles = ["decider"]
login = "ola.of-the-desk"
[stage.go]
[gate.agreed]
stage = "go"
at = "entry"
kind = "sign-off"
roles = ["decider"]
signature = "key"
[gate.noted]
stage = "go"
at = "entry"
kind = "sign-off"
roles = ["decider"]
[gate.here]
stage = "go"
at = "entry"
kind = "artefacts"
names = ["backup", "key", "themes"]
[artefact.backup]
title = "Backup of the server"
party = "clinic"
recipients = ["{}"]
keep = "6 months"
[artefact.key]
recipients = ["{}"]
key_of = "backup"
"#,
            self.public("anna"),
            self.public("locked"),
            self.backup.to_public(),
            self.key.to_public()
        )
    }

    fn done(&self, login: &str, arguments: &[&str]) -> String {
        self.scene.done(login, arguments)
    }

    /// Refused with this code and these words.
    #[track_caller]
    fn refused(&self, login: &str, arguments: &[&str], code: &str, words: &str) -> Ended {
        let ended = self.scene.by(login, arguments);
        assert!(ended.code == Some(1) && ended.stderr.contains(code) && ended.stderr.contains(words), "{arguments:?}: {ended:?}");
        ended
    }

    fn artefacts(&self) -> Vec<String> {
        let mut all: Vec<String> = fs::read_dir(self.program.join(".greenroom/artefacts"))
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        all.sort();
        all
    }

    fn listed(&self) -> Vec<serde_json::Value> {
        serde_json::from_str(&self.done("anna", &["artefact", "list", "--json"])).unwrap()
    }

    fn db(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.program.join(".greenroom/journal.db")).unwrap()
    }
}

/// The binary in an empty folder of nobody's.
fn elsewhere(folder: &Path, arguments: &[&str]) -> Ended {
    Run::new(env!("CARGO_BIN_EXE_greenroom")).folder(folder).env("TZ", "UTC").env("USER", "nobody").args(arguments).finish()
}

#[test]
fn a_signature_with_a_key_is_told_from_a_login() {
    let Some(r) = Room::new() else { greenroom_testkit::skip!("no ssh-keygen") };
    r.done("jan", &["gate", "ask", "agreed"]);
    r.done("jan", &["gate", "ask", "noted"]);
    r.scene.refused("anna", &["gate", "sign", "agreed"], "asks for a signature with a key");
    r.scene.refused(
        "ola.of-the-desk",
        &["gate", "sign", "agreed", "--key", "anna"],
        "the key is none of ola's: in process.toml it is anna's",
    );
    r.scene.refused("anna", &["gate", "sign", "agreed", "--key", "stranger"], "in process.toml it is nobody's");
    r.refused("anna", &["gate", "sign", "agreed", "--key", "old"], "GR0796", "only ed25519 is taken");
    r.refused("anna", &["gate", "sign", "agreed", "--key", "anna.pub"], "GR0796", "anna.pub");
    let alone = r.scene.by("anna", &["gate", "sign", "agreed", "--key", "locked"]);
    assert!(alone.code == Some(1) && alone.stderr.contains("nobody could be asked"), "{alone:?}");
    let with = |passphrase: &str| {
        let run = r.scene.ground.greenroom().env("USER", "anna").env("THE_PASSPHRASE", passphrase);
        run.args(["gate", "sign", "agreed", "--key", "locked", "--password-env", "THE_PASSPHRASE"]).finish()
    };
    let wrong = with("open barley");
    assert!(wrong.code == Some(1) && wrong.stderr.contains("the passphrase does not open"), "{wrong:?}");
    let signed = with("open sesame");
    assert!(signed.code == Some(0) && signed.stdout.contains("signed with a key, SHA256:"), "{signed:?}");
    assert!(find_bytes(&r.program.join(".greenroom"), &["open sesame", "open barley"]).is_empty());

    // Made elsewhere by OpenSSH's own tool, over exactly what is printed.
    r.done("jan", &["gate", "ask", "agreed"]);
    let sign = |statement: &str, namespace: &str, key: &str| {
        fs::write(r.program.join("statement"), statement).unwrap();
        let _ = fs::remove_file(r.program.join("statement.sig"));
        keygen(&r.program, &["-q", "-Y", "sign", "-n", namespace, "-f", key, "statement"]);
    };
    let statement = r.done("anna", &["gate", "sign", "agreed", "--statement"]);
    let taken = ["gate", "sign", "agreed", "--signature", "statement.sig"];
    sign(&statement, "file", "anna");
    r.refused("anna", &taken, "GR0796", "it was made for `file`");
    sign(&r.done("anna", &["gate", "sign", "agreed", "--statement", "--reject"]), "greenroom", "anna");
    r.refused("anna", &taken, "GR0796", "over another text");
    sign(&statement, "greenroom", "stranger");
    r.scene.refused("anna", &taken, "nobody's");
    sign(&statement, "greenroom", "anna");
    r.done("anna", &taken);
    // One that was made for an earlier request is none for this.
    r.done("jan", &["gate", "ask", "agreed"]);
    r.refused("anna", &taken, "GR0796", "over another text");
    r.done("anna", &["gate", "sign", "agreed", "--key", "anna", "--comment", "go"]);
    r.done("anna", &["gate", "sign", "noted"]);

    // Told apart wherever it is shown.
    let gates = r.done("anna", &["gate"]);
    assert!(
        gates.contains("approved by anna (with a key)") && gates.contains("approved by anna (by login only: an indication)"),
        "{gates}"
    );
    assert!(r.done("anna", &["why", "agreed"]).contains("approved by anna (with a key)"));
    let record = r.done("anna", &["record"]);
    assert!(record.contains("signed with a key") && record.contains("signed by login only"), "{record}");
    let verified = r.done("anna", &["record", "verify"]);
    assert!(verified.contains("signed with a key, SHA256:") && verified.contains("a key of theirs"), "{verified}");
    assert!(verified.contains("`noted` approved by anna, by login only: an indication"), "{verified}");
    // A key that is somebody's no more.
    fs::write(r.program.join("process.toml"), r.process().replace(&r.public("anna"), &r.public("stranger"))).unwrap();
    let verified = r.done("anna", &["record", "verify"]);
    assert!(verified.contains("which is nobody's in process.toml now"), "{verified}");

    // Whoever signs a chain of their own making cannot sign for somebody else.
    let db = r.db();
    let (seq, body): (i64, String) = db
        .query_row("select seq, body from event where body like '%BEGIN SSH%' order by seq desc limit 1", [], |r| {
            Ok((r.get(0)?, r.get(1)?))
        })
        .unwrap();
    let (run, epoch, at, personal, prev): (Option<String>, i64, String, String, String) = db
        .query_row("select run, epoch, at, personal, prev from event where seq = ?1", [seq], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?))
        })
        .unwrap();
    assert!(run.is_none() && epoch == 0);
    let forged = body.replace("\"approve\":true", "\"approve\":false");
    assert_ne!(forged, body);
    db.execute("delete from event where seq > ?1", [seq]).unwrap();
    let hash = greenroom_model::run::event_hash(
        u64::try_from(seq).unwrap(),
        None,
        0,
        &at,
        &personal,
        greenroom_model::hash::Hash::parse(&prev).unwrap(),
        &forged,
    );
    db.execute("update event set body = ?1, hash = ?2 where seq = ?3", rusqlite::params![forged, hash.to_string(), seq]).unwrap();
    r.refused("anna", &["record", "verify"], "GR0724", &format!("broken at event {seq}: the signature of anna is not good"));
    r.refused("anna", &["gate"], "GR0724", "the signature of anna is not good");
}

#[test]
fn the_other_party_notices_that_the_record_was_rewritten() {
    let Some(r) = Room::new() else { greenroom_testkit::skip!("no ssh-keygen") };
    let away = tempfile::tempdir().unwrap();
    r.done("jan", &["gate", "ask", "agreed"]);
    r.done("anna", &["gate", "sign", "agreed", "--key", "anna", "--comment", "as we said on Monday"]);
    r.done("anna", &["record", "head", "--key", "anna", "--out", "head.json"]);
    r.done("jan", &["gate", "ask", "noted"]);
    let against = r.done("anna", &["record", "verify", "--against", "head.json", "--allowed", "anna"]);
    assert!(
        against.contains("contained: the head of") && against.contains("its signature is good") && against.contains("anna's"),
        "{against}"
    );
    r.refused(
        "anna",
        &["record", "verify", "--against", "head.json", "--allowed", &r.public("stranger")],
        "GR0796",
        "which is not a key of",
    );
    let nobody = r.scene.by("anna", &["record", "verify", "--against", "head.json", "--allowed", "jan"]);
    assert!(nobody.code == Some(1) && nobody.stderr.contains("`jan` has no keys"), "{nobody:?}");

    // With the binary alone, in an empty folder.
    r.done("anna", &["record", "export", "record.jsonl"]);
    r.done("anna", &["record", "export", "all.jsonl", "--with-personal"]);
    for file in ["head.json", "record.jsonl", "all.jsonl"] {
        fs::copy(r.program.join(file), away.path().join(file)).unwrap();
    }
    assert!(find_bytes(&away.path().join("record.jsonl"), &["as we said", "os_user"]).is_empty(), "people's words are in it");
    assert_eq!(find_bytes(&away.path().join("all.jsonl"), &["as we said"]).len(), 1);
    let public = r.public("anna");
    for file in ["record.jsonl", "all.jsonl"] {
        let ended = elsewhere(away.path(), &["record", "verify", "--file", file, "--against", "head.json", "--allowed", &public]);
        assert!(
            ended.code == Some(0) && ended.stdout.contains("contained") && ended.stdout.contains("`agreed` approved by anna"),
            "{ended:?}"
        );
    }
    assert!(tree(away.path()).iter().all(|p| !p.to_string_lossy().contains(".greenroom")), "a workspace was made");
    let text = fs::read_to_string(away.path().join("record.jsonl")).unwrap();
    let broken = |text: &str, words: &str| {
        fs::write(away.path().join("other.jsonl"), text).unwrap();
        let ended = elsewhere(away.path(), &["record", "verify", "--file", "other.jsonl"]);
        assert!(ended.code == Some(1) && ended.stderr.contains("GR0797") && ended.stderr.contains(words), "{ended:?}");
    };
    broken(&text.replacen("\\\"approve\\\":true", "\\\"approve\\\":false", 1), "broken at event 3");
    broken(&text.lines().take(3).map(|l| format!("{l}\n")).collect::<String>(), "announces");
    broken("hello\n", "in its first line");
    let changed = fs::read_to_string(away.path().join("head.json")).unwrap().replace("\"seq\": 3", "\"seq\": 2");
    fs::write(away.path().join("changed.json"), changed).unwrap();
    let ended = elsewhere(away.path(), &["record", "verify", "--file", "record.jsonl", "--against", "changed.json"]);
    assert!(ended.code == Some(1) && ended.stderr.contains("GR0796"), "{ended:?}");

    // Its administrator puts the record back to an earlier day, and lets another history follow that is whole in itself.
    r.db().execute("delete from event where seq > 2", []).unwrap();
    r.refused(
        "anna",
        &["record", "verify", "--against", "head.json"],
        "GR0797",
        "the record ends with event 2, and the head names event 3",
    );
    r.db().execute("delete from personal where commitment not in (select j.value from event, json_each(event.personal) j)", []).unwrap();
    r.done("jan", &["gate", "ask", "noted"]);
    r.done("jan", &["gate", "ask", "agreed"]);
    assert!(r.done("anna", &["record", "verify"]).contains("follow from one another"));
    r.refused("anna", &["record", "verify", "--against", "head.json"], "GR0797", "event 3 is not the one that the head names");
}

#[test]
fn what_is_erased_is_gone_from_the_file() {
    let Some(r) = Room::new() else { greenroom_testkit::skip!("no ssh-keygen") };
    let workspace = r.program.join(".greenroom");
    let (login, words) = ("ola.of-the-desk", "my doctor says Tuesday is impossible");
    r.done("jan", &["gate", "ask", "noted"]);
    r.done(login, &["gate", "sign", "noted", "--reject", "--comment", words]);
    r.done("jan", &["gate", "ask", "agreed"]);
    r.done(login, &["gate", "receive", "themes", "process.toml"]);
    r.done("anna", &["record", "head", "--key", "anna", "--out", "head.json"]);
    assert!(!find_bytes(&workspace, &[words]).is_empty() && !find_bytes(&workspace, &[login]).is_empty());
    r.refused("mallory", &["record", "erase", "--login", login, "--reason", "x"], "GR0791", "nobody in process.toml");
    r.refused(
        "anna",
        &["record", "erase", "--login", "ola", "--reason", "x"],
        "GR0799",
        "nothing stands beside the record of the login `ola`",
    );
    let usage = r.scene.by("anna", &["record", "erase", "--reason", "x"]);
    assert_eq!(usage.code, Some(2), "{usage:?}");
    let done = r.done("anna", &["record", "erase", "--login", login, "--reason", "she asked for it"]);
    assert!(done.contains("event 3, 5") && done.contains("on record as event 6"), "{done}");
    assert!(find_bytes(&workspace, &[words]).is_empty(), "what she said is still in {:?}", find_bytes(&workspace, &[words]));
    assert!(find_bytes(&workspace, &[login]).is_empty(), "her login is still in {:?}", find_bytes(&workspace, &[login]));
    let record = r.done("anna", &["record"]);
    assert!(record.contains("she asked for it") && record.contains("erased"), "{record}");
    let verified = r.done("anna", &["record", "verify", "--against", "head.json", "--allowed", "anna"]);
    assert!(verified.contains("erased, which is on record: event 3, 5") && verified.contains("contained"), "{verified}");
    r.refused("anna", &["record", "erase", "--event", "3", "--reason", "x"], "GR0799", "nothing stands beside event 3");
    // One event; and one's own login, which is not written down again.
    r.done("anna", &["record", "erase", "--event", "2", "--reason", "by mistake"]);
    let own = r.done("anna", &["record", "erase", "--login", "anna", "--reason", "I leave"]);
    assert!(own.contains("the reason is not kept"), "{own}");
    assert!(find_bytes(&workspace, &["\"os_user\":\"anna\"", "I leave", "she asked for it"]).is_empty());
    assert!(r.done("anna", &["record", "verify"]).contains("erased, which is on record: event 2, 3, 5, 6, 7"));
    // Without a word on record, that is said too; what was changed is an error.
    let (commitment, data): (String, String) =
        r.db().query_row("select commitment, data from personal", [], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
    assert!(data.contains("jan"), "{data}");
    r.db().execute("update personal set data = replace(data, 'jan', 'jon') where commitment = ?1", [&commitment]).unwrap();
    r.refused("anna", &["record", "verify"], "GR0724", "who acted, or what they said, was changed since");
    r.db().execute("delete from personal", []).unwrap();
    assert!(r.done("anna", &["record", "verify"]).contains("not there, and nobody says why: event 4"));
}

#[test]
fn artefacts_are_stored_for_their_recipients_only() {
    let Some(r) = Room::new() else { greenroom_testkit::skip!("no ssh-keygen") };
    let plain: Vec<u8> = (0..300_000u32).flat_map(|n| (n * 7).to_be_bytes()).collect();
    fs::write(r.program.join("in.bak"), &plain).unwrap();
    fs::write(r.program.join("in.key"), "the key that opens the backup").unwrap();
    r.scene.refused("anna", &["gate", "receive", "photos", "in.bak"], "no gate asks for an artefact `photos`");
    r.refused("anna", &["artefact", "open", "backup", "--identity", "backup.id", "--out", "x"], "GR0798", "not received yet");
    let first = r.done("anna", &["gate", "receive", "backup", "in.bak"]);
    assert!(first.contains("stored encrypted: backup."), "{first}");
    r.done("anna", &["gate", "receive", "key", "in.key"]);
    let left = r.done("anna", &["gate", "receive", "themes", "in.key"]);
    assert!(left.contains("not stored: `[artefact.themes]` names no recipients"), "{left}");
    assert_eq!(r.artefacts().len(), 2);
    assert!(find_bytes(&r.program.join(".greenroom/artefacts"), &[&plain[4000..4032], b"the key that opens".as_slice()]).is_empty());

    // Each key opens its own.
    r.refused("anna", &["artefact", "open", "backup", "--identity", "key.id", "--out", "x"], "GR0798", "encrypted to others");
    r.refused("anna", &["artefact", "open", "themes", "--identity", "key.id", "--out", "x"], "GR0798", "it was not stored");
    r.refused("anna", &["artefact", "open", "backup", "--identity", "backup.id", "--out", "in.key"], "GR0798", "could not be written");
    r.done("anna", &["artefact", "open", "backup", "--identity", "backup.id", "--out", "out.bak"]);
    assert!(fs::read(r.program.join("out.bak")).unwrap() == plain);
    assert!(r.done("anna", &["gate"]).contains("received: backup, key, themes"));

    // Received again: both are on record, the later one is opened.
    fs::write(r.program.join("in.bak"), "a later backup").unwrap();
    r.done("jan", &["gate", "receive", "backup", "in.bak"]);
    r.done("anna", &["artefact", "open", "backup", "--identity", "backup.id", "--out", "later.bak"]);
    assert_eq!(fs::read_to_string(r.program.join("later.bak")).unwrap(), "a later backup");
    let backups: Vec<_> =
        r.listed().into_iter().filter(|l| l["name"] == "backup").map(|l| (l["by"].clone(), l["superseded"].clone())).collect();
    assert_eq!(backups, [("anna".into(), true.into()), ("jan".into(), false.into())]);
    let table = r.done("anna", &["artefact"]);
    assert!(
        table.contains("stored, encrypted, superseded") && table.contains("left where it was") && table.contains("Backup of the server"),
        "{table}"
    );

    // What is stored is compared with the record.
    assert!(r.done("anna", &["artefact", "verify"]).contains("as it was stored"));
    let folder = r.program.join(".greenroom/artefacts");
    let latest = r.listed().into_iter().rfind(|l| l["name"] == "backup").unwrap()["stored"]["file"].as_str().unwrap().to_owned();
    let mut bytes = fs::read(folder.join(&latest)).unwrap();
    let middle = bytes.len() - 3;
    bytes[middle] ^= 4;
    fs::write(folder.join(&latest), &bytes).unwrap();
    fs::write(folder.join("backup.aaaaaaaa.age"), "from nowhere").unwrap();
    let wrong = r.scene.by("anna", &["artefact", "verify"]);
    assert!(
        wrong.code == Some(4) && wrong.stdout.contains("it is not what was stored") && wrong.stdout.contains("not on record"),
        "{wrong:?}"
    );
    r.refused("anna", &["artefact", "open", "backup", "--identity", "backup.id", "--out", "again.bak"], "GR0798", "it was changed since");
    assert!(!r.program.join("again.bak").exists());
    fs::remove_file(folder.join("backup.aaaaaaaa.age")).unwrap();
    bytes[middle] ^= 4;
    fs::write(folder.join(&latest), &bytes).unwrap();

    // Kept for six months; then removed, on record.
    assert!(r.done("anna", &["artefact", "expire"]).contains("nothing is stored whose time is over"));
    fs::write(r.program.join("process.toml"), r.process().replace("6 months", "0 hours")).unwrap();
    assert!(r.done("anna", &["artefact"]).contains("stored, its time is over"));
    assert!(r.done("anna", &["artefact", "expire"]).contains("is removed: its time is over"));
    assert!(r.artefacts().iter().all(|f| f.starts_with("key.")), "{:?}", r.artefacts());
    assert!(r.done("anna", &["record"]).matches("artefact removed").count() == 2);
    r.refused("anna", &["artefact", "open", "backup", "--identity", "backup.id", "--out", "again.bak"], "GR0798", "it was removed on");
    assert!(r.done("anna", &["artefact", "verify"]).contains("key"));
    // A process that died between record and removal left its file: the next one removes it.
    fs::write(folder.join(&latest), &bytes).unwrap();
    r.done("anna", &["artefact", "expire"]);
    assert!(!folder.join(&latest).exists());

    let shared = r.process().replace(&r.key.to_public().to_string(), &r.backup.to_public().to_string());
    fs::write(r.program.join("process.toml"), shared).unwrap();
    let checked = r.scene.by("anna", &["check"]);
    assert!(
        checked.code == Some(1) && checked.stderr.contains("GR0135") && checked.stderr.contains("to them it is plain text"),
        "{checked:?}"
    );
}

#[test]
fn a_process_that_dies_or_has_no_room_leaves_nothing_that_counts() {
    let Some(r) = Room::new() else { greenroom_testkit::skip!("no ssh-keygen") };
    r.done("anna", &["stage"]);
    let pipe = r.program.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().is_ok_and(|s| s.success()), "mkfifo");
    let mut receiving = Command::new(env!("CARGO_BIN_EXE_greenroom"))
        .current_dir(&r.program)
        .env("USER", "anna")
        .args(["gate", "receive", "backup", "pipe"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut sender = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    // A pipe holds far less than this: when it is written, most of it was read.
    let part = b"row of the clinic's backup ".repeat(160_000);
    sender.write_all(&part).unwrap();
    receiving.kill().unwrap();
    receiving.wait().unwrap();
    drop(sender);
    let half = r.artefacts();
    assert!(half.len() == 1 && half[0].ends_with(".part"), "{half:?}");
    assert!(find_bytes(&r.program.join(".greenroom"), &["of the clinic's backup"]).is_empty(), "plain text is on the disk");
    assert_eq!(r.scene.events(), 0);
    assert!(r.listed()[0]["event"].is_null() && r.done("anna", &["artefact", "verify"]).contains("nothing is stored"));

    // The disk is full, or as full as somebody may make it.
    fs::write(r.program.join("big.bak"), &part).unwrap();
    let full = Run::new("bash").folder(&r.program).env("USER", "anna");
    let limited = format!("trap '' XFSZ; ulimit -f 2048; exec '{}' gate receive backup big.bak", env!("CARGO_BIN_EXE_greenroom"));
    let full = full.args(["-c", &limited]).finish();
    assert!(full.code == Some(1) && full.stderr.contains("GR0798") && full.stderr.contains("no room left in"), "{full:?}");
    assert!(full.stderr.contains(".greenroom/artefacts"), "the place is named: {full:?}");
    assert_eq!((r.artefacts(), r.scene.events()), (Vec::new(), 0), "and the other half is swept away");
    r.done("anna", &["gate", "receive", "backup", "big.bak"]);
    r.done("anna", &["artefact", "open", "backup", "--identity", "backup.id", "--out", "out.bak"]);
    assert!(fs::read(r.program.join("out.bak")).unwrap() == part);
}
