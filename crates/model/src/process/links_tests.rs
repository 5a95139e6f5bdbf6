//! Links: who may make one, that each takes one file, and what is left of one whose time is over.

use super::gates::{Refused, Sight};
use super::links::{HandedOver, LinkStands, base_address};
use super::*;
use crate::program::{Layer, PROGRAM_LAYER};
use jiff::{SignedDuration, Timestamp};

/// Of the age project's own examples.
const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

fn text() -> String {
    format!(
        r#"
[party.clinic]
[person.anna]
name = "Anna Nowak"
party = "clinic"
login = "anna"
[person.jan]
party = "clinic"
login = "jan"
[stage.ready]
title = "Everything is here"
[stage.go]
after = ["ready"]
[gate.here]
stage = "ready"
at = "exit"
kind = "artefacts"
names = ["backup", "themes"]
[artefact.backup]
title = "Backup of the server"
recipients = ["{RECIPIENT}"]
[artefact.notes]
recipients = ["{RECIPIENT}"]
[artefact.themes]
"#
    )
}

fn written(text: &str) -> (Option<Process>, Vec<crate::finding::Finding>) {
    read(&[Layer { name: PROGRAM_LAYER.to_owned(), files: [(PROCESS.to_owned(), text.to_owned())].into(), opaque: Default::default() }])
}

struct Scene {
    process: Process,
    state: State,
    proofs: Proofs,
    now: Timestamp,
    event: u64,
}

impl Scene {
    fn new() -> Scene {
        let (process, findings) = written(&text());
        assert!(findings.is_empty(), "{findings:#?}");
        let (state, proofs) = (State::default(), Proofs::default());
        Scene { process: process.unwrap(), state, proofs, now: "2027-01-31T08:00:00Z".parse().unwrap(), event: 10 }
    }

    fn sight(&self) -> Sight<'_> {
        Sight { process: &self.process, state: &self.state, proofs: &self.proofs, now: self.now }
    }

    fn record(&mut self, by: &str, fact: Fact) -> u64 {
        self.event += 3;
        self.state.apply_event(self.event, self.now, by, &fact);
        self.event
    }

    fn hours(&self, hours: i64) -> Timestamp {
        self.now + SignedDuration::from_hours(hours)
    }

    fn make(&self, artefact: &str, token: &str, person: Option<&str>) -> Result<Fact, Refused> {
        self.sight().make_link(artefact, Hash::of(token.as_bytes()), self.hours(2), person, Some("jan"))
    }

    /// Makes a link for Anna.
    fn made(&mut self, artefact: &str, token: &str) -> u64 {
        let fact = self.make(artefact, token, Some("anna")).unwrap();
        self.record("jan", fact)
    }

    fn hand_over(&self, token: &str, began: Timestamp) -> Option<(String, Fact)> {
        let stored = Stored { file: "backup.x.age".into(), bytes: 9, blake3: Hash::of(b"sealed"), sha256: "cd".into() };
        let what = HandedOver { bytes: 3, blake3: Hash::of(token.as_bytes()), sha256: "ab".into(), stored };
        self.sight().receive_by_link(Hash::of(token.as_bytes()), began, what)
    }

    fn stands(&self) -> Vec<(u64, LinkStands)> {
        self.sight().links().into_iter().map(|l| (l.link.id, l.stands)).collect()
    }
}

#[test]
fn a_link_takes_one_file_from_whom_it_was_made_for() {
    let mut s = Scene::new();
    let (first, second) = (s.made("backup", "one"), s.made("backup", "two"));
    assert_eq!(s.stands(), [(first, LinkStands::Open), (second, LinkStands::Open)]);
    let open = s.sight().open_link(Hash::of(b"one")).unwrap();
    assert_eq!(
        (open.title.as_str(), open.name.as_str(), open.stages.as_slice()),
        ("Backup of the server", "Anna Nowak", &["Everything is here".to_owned()][..])
    );
    assert!(s.sight().open_link(Hash::of(b"three")).is_none() && s.sight().open_link(open.link.of).is_some());
    // Two at once: the second finds it used.
    let (who, fact) = s.hand_over("one", s.now).unwrap();
    let again = s.hand_over("one", s.now);
    assert!(again.is_some(), "nobody has recorded the first yet");
    let received = s.record(&who, fact);
    assert_eq!(who, "anna", "not who made it");
    assert!(s.hand_over("one", s.now).is_none() && s.sight().open_link(Hash::of(b"one")).is_none());
    assert_eq!(s.stands(), [(first, LinkStands::Used), (second, LinkStands::Open)]);
    let held = s.state.held["backup"].last().unwrap();
    assert_eq!((held.event, held.by.as_str(), held.link), (received, "anna", Some(first)));
    assert_eq!(held.by_whom(), format!("anna ({received}, by link)"));
    assert_eq!(s.sight().links()[0].link.used, Some(received));
    assert!(s.sight().withdraw_link(first, Some("jan")).unwrap_err().message.contains("came by link"));
}

#[test]
fn what_began_in_time_counts_and_what_began_later_does_not() {
    let mut s = Scene::new();
    let link = s.made("backup", "one");
    let (began, until) = (s.hours(1), s.hours(2));
    s.now = s.hours(9);
    assert!(s.hand_over("one", until).is_none(), "the last moment is not in time");
    assert!(s.hand_over("one", began).is_some(), "it took long, which is no fault of who sends it");
    assert!(s.sight().open_link(Hash::of(b"one")).is_none());
    assert_eq!(s.stands(), [(link, LinkStands::Expired)]);
    assert!(s.sight().withdraw_link(link, Some("jan")).unwrap_err().message.contains("is over"));
    // A clock that was set back opens nothing that has not begun.
    assert!(s.hand_over("one", s.hours(5)).is_none());
}

#[test]
fn a_withdrawn_link_takes_nothing_even_of_what_is_under_way() {
    let mut s = Scene::new();
    let link = s.made("backup", "one");
    let began = s.now;
    assert!(s.sight().withdraw_link(link, None).is_err(), "nobody who is known");
    assert!(s.sight().withdraw_link(link + 1, Some("anna")).unwrap_err().message.contains("there is no link"));
    let fact = s.sight().withdraw_link(link, Some("anna")).unwrap();
    s.record("anna", fact);
    assert!(s.hand_over("one", began).is_none());
    assert_eq!(s.stands(), [(link, LinkStands::Withdrawn)]);
    assert!(s.sight().withdraw_link(link, Some("jan")).unwrap_err().message.contains("was withdrawn already"));
}

#[test]
fn links_that_would_lead_nowhere_are_refused() {
    let mut s = Scene::new();
    let refusal = |r: Result<Fact, Refused>, words: &str| {
        let refused = r.unwrap_err();
        assert!(refused.message.contains(words), "{refused:?}");
    };
    refusal(s.make("photos", "x", None), "no gate asks for an artefact");
    refusal(s.make("themes", "x", None), "would not be stored");
    refusal(s.make("backup", "x", Some("ola")), "no person `ola`");
    refusal(s.sight().make_link("backup", Hash::ZERO, s.now, None, Some("jan")), "is past");
    assert!(s.sight().make_link("backup", Hash::ZERO, s.hours(1), None, None).is_err(), "nobody who is known");
    let own = s.make("backup", "x", None).unwrap();
    assert!(matches!(&own, Fact::LinkMade { person, .. } if person == "jan"), "{own:?}");
    // The stage that asks for it is over, or process.toml has changed since: what was made is idle, and open again when that is mended.
    let (backup, notes) = (s.made("backup", "one"), s.made("notes", "two"));
    s.record("jan", Fact::StageEntered { stage: "ready".into(), despite: Vec::new() });
    let over = Fact::StageLeft { stage: "ready".into(), good: true, despite: Vec::new() };
    let mut ended = s.state.clone();
    ended.apply_event(99, s.now, "jan", &over);
    let before = std::mem::replace(&mut s.state, ended);
    refusal(s.make("backup", "x", None), "nobody waits for `backup` any more: ready ended well");
    assert_eq!(s.stands(), [(backup, LinkStands::Idle), (notes, LinkStands::Open)]);
    assert!(s.sight().links()[0].why.as_ref().is_some_and(|w| w.contains("ended well")));
    assert!(s.hand_over("one", s.now).is_none());
    assert!(s.sight().withdraw_link(backup, Some("jan")).is_ok());
    s.state = before;
    s.process.persons.remove("anna");
    assert_eq!(s.stands(), [(backup, LinkStands::Idle), (notes, LinkStands::Idle)]);
    assert!(s.hand_over("two", s.now).is_none());
}

#[test]
fn what_is_on_record_of_a_link_says_nothing_of_its_token() {
    let s = Scene::new();
    let token = "abcdefghijklmnop";
    let fact = serde_json::to_string(&s.make("backup", token, None).unwrap()).unwrap();
    assert!(!fact.contains(token) && fact.contains(&Hash::of(token.as_bytes()).to_string()), "{fact}");
    let read: Fact = serde_json::from_str(&fact).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), fact);
}

#[test]
fn links_begin_with_an_address_that_nobody_reads_on_the_way() {
    for (good, base) in [
        ("https://files.example.org", "https://files.example.org"),
        ("https://files.example.org:8443/in/", "https://files.example.org:8443/in"),
        ("http://127.0.0.1:8443/", "http://127.0.0.1:8443"),
        ("http://[::1]:8443", "http://[::1]:8443"),
        ("http://localhost", "http://localhost"),
    ] {
        assert_eq!(base_address(good), Ok(base.to_owned()));
    }
    for bad in [
        "files.example.org",
        "ftp://files.example.org",
        "https://",
        "https:///in",
        "https://:443",
        "https://files.example.org:https",
        "https://[::1",
        "http://files.example.org",
        "http://127.0.0.1.example.org",
        "https://anna:secret@files.example.org",
        "https://files.example.org/?to=",
        "https://files.example.org/#x",
        "https://files.example.org/a b",
        "https://files.example.org/\u{7}",
    ] {
        assert!(base_address(bad).is_err(), "{bad}");
    }
    let said = |url: &str| written(&format!("[process]\nupload_url = \"{url}\"\n{}", text()));
    assert_eq!(said("https://files.example.org/in/").0.unwrap().upload_url.as_deref(), Some("https://files.example.org/in"));
    let (process, findings) = said("http://files.example.org");
    assert!(process.is_none() && findings.iter().any(|f| f.code == "GR0862"), "{findings:?}");
    // A process that names none reads as it did: what was approved of stays approved.
    assert!(serde_json::to_value(written(&text()).0.unwrap()).unwrap().get("upload_url").is_none());
}
