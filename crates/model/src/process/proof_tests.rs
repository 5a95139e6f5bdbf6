//! Signatures with keys and artefacts: what is written, what counts, what is kept and for how long.

use super::gates::Sight;
use super::keys::{KeySignature, Origin, key_line};
use super::*;
use crate::program::{Layer, PROGRAM_LAYER};
use jiff::Timestamp;

const ANNA: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1iQ3VsY9RuCm1f5hr1gT6XaW//dTeFg7NZv0I+f6hO";
const OLA: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";
/// Of the age project's own examples.
const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
const OTHER: &str = "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg";

fn text() -> String {
    format!(
        r#"
[party.clinic]
[person.anna]
party = "clinic"
roles = ["decider"]
login = "anna"
keys = ["{ANNA} anna@laptop"]
[person.ola]
party = "clinic"
roles = ["decider"]
login = "ola"
keys = ["{OLA}"]
[person.jan]
party = "clinic"
login = "jan"
[stage.go]
[gate.agreed]
stage = "go"
at = "entry"
kind = "sign-off"
roles = ["decider"]
signature = "key"
[gate.noted]
stage = "go"
at = "exit"
kind = "sign-off"
roles = ["decider"]
of = 2
[artefact.backup]
title = "Backup of the server"
party = "clinic"
recipients = ["{RECIPIENT}"]
keep = "1 month"
[artefact.key]
recipients = ["{OTHER}"]
key_of = "backup"
"#
    )
}

fn written(text: &str) -> (Option<Process>, Vec<crate::finding::Finding>) {
    read(&[Layer { name: PROGRAM_LAYER.to_owned(), files: [(PROCESS.to_owned(), text.to_owned())].into(), opaque: Default::default() }])
}

fn fault(from: &str, to: &str, code: &str, says: &str) {
    let all = text();
    assert!(all.contains(from), "{from}");
    let (process, findings) = written(&all.replace(from, to));
    assert!(process.is_none() && findings.iter().any(|f| f.code == code && f.message.contains(says)), "{to}: {findings:#?}");
}

struct Scene {
    process: Process,
    state: State,
    proofs: Proofs,
    now: Timestamp,
    event: u64,
    origin: Origin,
}

impl Scene {
    fn new() -> Scene {
        let (process, findings) = written(&text());
        assert!(findings.is_empty(), "{findings:#?}");
        Scene {
            process: process.unwrap(),
            state: State::default(),
            proofs: Proofs::default(),
            now: "2027-01-31T08:00:00Z".parse().unwrap(),
            event: 10,
            origin: Origin { program: "clinic".into(), workspace: Hash::of(b"first") },
        }
    }

    fn sight(&self) -> Sight<'_> {
        Sight { process: &self.process, state: &self.state, proofs: &self.proofs, now: self.now }
    }

    fn record(&mut self, by: &str, fact: Result<Fact, gates::Refused>) -> u64 {
        self.event += 3;
        self.state.apply_event(self.event, self.now, by, &fact.unwrap_or_else(|r| panic!("{r:?}")));
        self.event
    }

    fn made(key: &str) -> KeySignature {
        KeySignature { key: key.to_owned(), signature: "checked by whoever calls".to_owned() }
    }
}

#[test]
fn a_login_does_not_count_where_a_key_is_asked() {
    let mut s = Scene::new();
    let asked = s.record("jan", s.sight().ask("agreed", Some("jan")));
    let no = s.sight().sign("agreed", Some("anna"), true).unwrap_err();
    assert!(no.message.contains("with a key") && no.hint.contains("--key FILE"), "{no:?}");
    assert!(s.sight().sign("agreed", Some("anna"), false).is_err(), "nor does it reject");
    // What the record would have from elsewhere does not count either.
    let by_login = Fact::Signed { gate: "agreed".into(), approve: true, of: s.sight().content("agreed"), key: None };
    let mut forged = s.state.clone();
    forged.apply_event(99, s.now, "ola", &by_login);
    let standing = Sight { state: &forged, ..s.sight() }.standing("agreed");
    assert!(!standing.met && standing.why.contains("0 of 1 approved with a key"), "{standing:?}");

    let statement = s.sight().statement("agreed", Some("anna"), true, &s.origin).unwrap();
    let said = statement.text();
    for part in ["program: clinic\n", "gate: agreed\n", "person: anna\n", "decision: approve\n", &format!("asked: event {asked}\n")] {
        assert!(said.contains(part), "{said}");
    }
    assert!(said.contains(&format!("of: {}\n", s.sight().content("agreed"))) && said.contains(&s.origin.workspace.to_string()), "{said}");
    let sign = |s: &Scene, by: &str, approve: bool, key: &str, text: &str| {
        s.sight().sign_with_key("agreed", Some(by), approve, &s.origin, (Scene::made(key), text))
    };
    assert!(sign(&s, "anna", true, OLA, &said).unwrap_err().message.contains("it is ola's"), "somebody else's key");
    assert!(sign(&s, "anna", false, ANNA, &said).unwrap_err().message.contains("has changed since"), "an approval is no rejection");
    assert!(sign(&s, "ola", true, OLA, &said).is_err(), "nor another's approval");
    assert!(sign(&s, "jan", true, ANNA, &said).unwrap_err().message.contains("may not sign"));
    s.record("anna", sign(&s, "anna", true, ANNA, &said));
    let standing = s.sight().standing("agreed");
    assert!(standing.met && standing.why == "approved by anna (with a key)", "{standing:?}");
    assert!(sign(&s, "anna", true, ANNA, &said).unwrap_err().message.contains("signed already"));
    // Asked anew: what was signed for the first request is no answer to the second.
    s.record("jan", s.sight().ask("agreed", Some("jan")));
    assert!(sign(&s, "anna", true, ANNA, &said).unwrap_err().message.contains("has changed since"));
    assert!(!s.sight().standing("agreed").met);
}

#[test]
fn keys_and_logins_are_told_apart_where_both_count() {
    let mut s = Scene::new();
    s.record("jan", s.sight().ask("noted", Some("jan")));
    s.record("ola", s.sight().sign("noted", Some("ola"), true));
    let half = s.sight().standing("noted");
    assert!(!half.met && half.why.contains("1 of 2 approved: ola (by login only: an indication)"), "{half:?}");
    let text = s.sight().statement("noted", Some("anna"), true, &s.origin).unwrap().text();
    s.record("anna", s.sight().sign_with_key("noted", Some("anna"), true, &s.origin, (Scene::made(ANNA), &text)));
    let whole = s.sight().standing("noted");
    assert!(whole.met && whole.why == "approved by ola (by login only: an indication), anna (with a key)", "{whole:?}");
}

#[test]
fn facts_of_before_are_read_as_they_were_written() {
    let hash = Hash::of(b"x");
    let old = format!(r#"{{"fact":"signed","gate":"g","approve":true,"of":"{hash}"}}"#);
    let fact: Fact = serde_json::from_str(&old).unwrap();
    assert_eq!(fact, Fact::Signed { gate: "g".into(), approve: true, of: hash, key: None });
    assert_eq!(serde_json::to_string(&fact).unwrap(), old);
    let old = format!(r#"{{"fact":"received","name":"n","bytes":3,"blake3":"{hash}","sha256":"ab"}}"#);
    let fact: Fact = serde_json::from_str(&old).unwrap();
    assert_eq!(serde_json::to_string(&fact).unwrap(), old);
    // Nor does a gate that asks for no key read otherwise than it did: what was approved of stays approved.
    let s = Scene::new();
    let noted = serde_json::to_value(&s.process.gates["noted"]).unwrap();
    assert!(noted.get("signature").is_none() && noted["kind"] == "sign-off", "{noted}");
}

#[test]
fn only_whole_keys_of_the_one_kind_are_taken() {
    assert_eq!(key_line(&format!("  {ANNA}   anna@laptop of mine ")).unwrap(), ANNA);
    let cut: String = ANNA.chars().take(70).collect();
    for wrong in ["", "ssh-ed25519", &cut, &format!("{ANNA}A"), &ANNA.replace('+', "-"), &ANNA.replace("IJ1i", "IZ1i")] {
        assert!(key_line(wrong).is_err(), "{wrong}");
    }
    fault(&format!("{ANNA} anna@laptop"), "ssh-rsa AAAAB3NzaC1yc2E anna", "GR0134", "`ssh-rsa` is not `ssh-ed25519`");
    fault(&format!("{ANNA} anna@laptop"), "-----BEGIN OPENSSH PRIVATE KEY-----", "GR0134", "cannot be used");
    fault(OLA, ANNA, "GR0134", "is `anna`'s already");
    fault("signature = \"key\"", "signature = \"pen\"", "GR0108", "does not know the word");
    fault("roles = [\"decider\"]\nof = 2", "items = [\"x\"]\nsignature = \"key\"", "GR0130", "");
}

#[test]
fn a_backup_and_its_key_are_not_one_persons_to_read() {
    fault(OTHER, RECIPIENT, "GR0135", "reads `backup`, too");
    fault(&format!("[\"{OTHER}\"]"), &format!("[\"{OTHER}\", \"{}\"]", RECIPIENT.to_ascii_uppercase()), "GR0135", "reads `backup`, too");
    fault(OTHER, &OTHER.replace("lggy", "lggq"), "GR0136", "not whole");
    fault(OTHER, "anna@example.org", "GR0136", "not whole");
    fault("key_of = \"backup\"", "key_of = \"key\"", "GR0136", "could be the key of");
    fault("key_of = \"backup\"", "key_of = \"bakcup\"", "GR0136", "there is no artefact `bakcup`");
    fault("\"1 month\"", "\"a month\"", "GR0130", "no length of time");
    fault("[artefact.key]", "[artefact.\".key\"]", "GR0136", "no name of a file");
    fault("party = \"clinic\"\nrecipients", "party = \"vendor\"\nrecipients", "GR0130", "no party `vendor`");
}

#[test]
fn what_is_stored_is_kept_until_its_time_is_over() {
    let mut s = Scene::new();
    assert!(s.sight().expects("backup").is_ok() && s.sight().expects("photos").is_err());
    let received = |content: &[u8], stored: bool| {
        let stored = stored.then(|| Stored { file: "backup.x.age".into(), bytes: 9, blake3: Hash::of(b"sealed"), sha256: "cd".into() });
        Ok(Fact::Received { name: "backup".into(), bytes: 3, blake3: Hash::of(content), sha256: "ab".into(), stored, link: None })
    };
    let left = s.record("jan", received(b"zero", false));
    let first = s.record("jan", received(b"one", true));
    let refusal = s.sight().remove_artefact("backup", left, Some("jan")).unwrap_err();
    assert!(refusal.message.contains("nothing is stored"), "{refusal:?}");
    // A month after the 31st of January is the last day of February.
    s.now = "2027-02-28T07:59:59Z".parse().unwrap();
    assert!(s.sight().remove_artefact("backup", first, Some("jan")).unwrap_err().message.contains("is kept until 2027-02-28"));
    let second = s.record("jan", received(b"two", true));
    s.now = "2027-02-28T08:00:00Z".parse().unwrap();
    assert!(s.sight().remove_artefact("backup", first, None).is_err(), "nobody who is known");
    s.record("jan", s.sight().remove_artefact("backup", first, Some("jan")));
    assert!(s.sight().remove_artefact("backup", first, Some("jan")).is_err(), "once only");
    let lines = s.sight().artefacts();
    let seen: Vec<_> =
        lines.iter().map(|l| (l.name.as_str(), l.held.as_ref().map(|h| (h.event, h.removed.is_some())), l.superseded, l.over)).collect();
    assert_eq!(
        seen,
        [
            ("backup", Some((left, false)), true, true),
            ("backup", Some((first, true)), true, true),
            ("backup", Some((second, false)), false, false),
            ("key", None, false, false)
        ]
    );
}
