//! Senders that die anywhere: every notice arrives, and none of them arrives as two.
#![allow(clippy::unwrap_used, reason = "tests")]

use async_trait::async_trait;
use greenroom_engine::fake::Cuts;
use greenroom_model::process::keys::KeySignature;
use greenroom_model::process::notices::{NoticeFact, Refusal, Stands};
use greenroom_model::process::{Fact, Process, Proofs, read};
use greenroom_model::program::{Layer, SecretRef};
use greenroom_model::run::Body;
use greenroom_runner::journal::{Actor, Journal, MemoryJournal, Projection};
use greenroom_runner::notices::{Content, Parcel, SendError, Sending, Setup, Signer, Transport, Undelivered, keep, send};
use greenroom_runner::ports::Clock;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::Mutex;

const PROCESS: &str = r#"
[party.clinic]
[person.anna]
name = "Anna"
party = "clinic"
roles = ["technician"]
mail = "anna@clinic.example"
[person.jan]
party = "clinic"
roles = ["technician"]
mail = "jan@clinic.example"
[stage.night]
[task.move]
stage = "night"
role = "technician"
"#;

const RULES: &str = "[notices]\nfrom = \"greenroom@clinic.example\"\nfolder = \"outbox\"\ntries = 3\n[notice.turns]\non = [\"task-ready\"]\nto = [\"concerned\"]\nwebhook = \"https://hooks.example/\"\nsecret = { env = \"S\" }\n";

fn process(text: &str) -> Process {
    let layer = Layer { name: "program".into(), files: [("process.toml".to_owned(), text.to_owned())].into(), opaque: BTreeMap::new() };
    let (process, findings) = read(&[layer]);
    process.unwrap_or_else(|| panic!("{findings:?}"))
}

/// A clock that is put forward by hand.
struct Hand(Mutex<SignedDuration>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        // The journal in memory counts seconds from then.
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1) + *self.0.lock().unwrap()
    }
    fn millis(&self) -> u64 {
        0
    }
}

/// A mail server and a webhook that outlive the sender, and may be away.
#[derive(Default)]
struct World {
    /// How often each identity arrived, with the notice it was.
    arrived: Mutex<BTreeMap<String, (String, u32)>>,
    away: Mutex<bool>,
}

struct Wire<'a> {
    world: &'a World,
    cuts: Cuts,
}

#[async_trait]
impl Transport for Wire<'_> {
    async fn deliver(&self, parcel: &Parcel, _: Timestamp) -> Result<(), Undelivered> {
        let lost = |_| Undelivered { why: Refusal::Unreachable, said: None };
        self.cuts.pass("deliver").map_err(lost)?;
        if *self.world.away.lock().unwrap() {
            return Err(Undelivered { why: Refusal::Answered { code: 451 }, said: Some("anna@clinic.example: try later".into()) });
        }
        let identity = match &parcel.content {
            Content::Mail(mail) => {
                let text = String::from_utf8(mail.formatted()).unwrap();
                text.lines().find_map(|l| l.strip_prefix("Message-ID: ")).unwrap().to_owned()
            }
            Content::Post(post) => post.id.clone(),
        };
        let mut arrived = self.world.arrived.lock().unwrap();
        let entry = arrived.entry(identity).or_insert((parcel.id.to_string(), 0));
        assert_eq!(entry.0, parcel.id.to_string(), "two notices with one identity");
        entry.1 += 1;
        drop(arrived);
        self.cuts.pass("delivered").map_err(lost)
    }
}

/// No key is there.
struct NoKey;

impl Signer for NoKey {
    fn sign(&self, file: &str, _: Option<&SecretRef>, _: &str) -> Result<KeySignature, String> {
        Err(format!("{file} cannot be read"))
    }
}

fn actor() -> Actor {
    Actor { os_user: "anna".into(), words: None }
}

/// One process that sends, until its end or its death.
fn run(journal: &MemoryJournal, process: &Process, world: &World, clock: &Hand, cuts: &Cuts) -> Result<Sending, SendError> {
    let (proofs, actor, wire) = (Proofs::default(), actor(), Wire { world, cuts: cuts.clone() });
    let (signer, transport) = (NoKey, &wire);
    let setup = Setup { program: "clinic", process, proofs: &proofs, actor: &actor, clock, transport, signer: &signer, until: None };
    let mut journal = journal.reopen(cuts.clone());
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(send(&mut journal, &setup))
}

fn record(journal: &MemoryJournal, process: &Process, fact: Fact) -> u64 {
    let mut journal = journal.reopen(Cuts::never());
    let on = Projection::of(&journal.replay().unwrap()).unwrap().outbox.on;
    keep(&mut journal, process, on).unwrap();
    journal.append(None, Some(&actor()), Body::Process { by: Some("anna".into()), fact }).unwrap().seq
}

fn entered() -> Fact {
    Fact::StageEntered { stage: "night".into(), despite: vec![] }
}

fn outbox(journal: &MemoryJournal) -> greenroom_model::process::notices::Outbox {
    Projection::of(&journal.replay().unwrap()).unwrap().outbox
}

#[test]
fn a_sender_killed_between_any_two_steps_loses_nothing_and_doubles_nothing() {
    let p = process(&format!("{PROCESS}{RULES}"));
    let clock = Hand(Mutex::default());
    let mut twice = 0;
    let mut steps = 0;
    for cut in 0.. {
        let (journal, world) = (MemoryJournal::default(), World::default());
        record(&journal, &p, entered());
        let cuts = Cuts::at(cut);
        let first = run(&journal, &p, &world, &clock, &cuts);
        assert_eq!(first.is_err(), cuts.is_dead(), "cut {cut}");
        // What was on its way when the sender died is known to be unknown.
        let unknown = outbox(&journal).count(Stands::Unknown);
        assert!(unknown <= 1 && (unknown == 0 || cuts.is_dead()), "cut {cut}");
        run(&journal, &p, &world, &clock, &Cuts::never()).unwrap();
        let again = run(&journal, &p, &world, &clock, &Cuts::never()).unwrap();
        assert_eq!(again, Sending::default(), "cut {cut}: something is sent a third time");
        let arrived = world.arrived.lock().unwrap();
        let mut notices: Vec<&str> = arrived.values().map(|(id, _)| id.as_str()).collect();
        notices.sort_unstable();
        assert_eq!(notices, ["2/turns", "2/turns/anna", "2/turns/jan"], "cut {cut}");
        // Only what was on its way can come twice, under its one identity.
        let doubled: Vec<u32> = arrived.values().map(|(_, n)| *n).filter(|n| *n > 1).collect();
        assert!(doubled.is_empty() || (doubled == [2] && unknown == 1), "cut {cut}: {arrived:?}");
        twice += doubled.len();
        let sent = outbox(&journal);
        assert_eq!((sent.count(Stands::Sent), sent.notices.len()), (3, 3), "cut {cut}");
        if !cuts.is_dead() {
            steps = cuts.passed();
            break;
        }
    }
    // Seven records with a cut before and after each, three deliveries likewise; after each delivery there are two moments at which it cannot be known.
    assert_eq!((steps, twice), (20, 6));
}

#[test]
fn what_is_not_taken_is_tried_again_later_and_given_up_in_the_end() {
    let p = process(&format!("{PROCESS}{RULES}"));
    let (journal, world, clock) = (MemoryJournal::default(), World::default(), Hand(Mutex::default()));
    record(&journal, &p, entered());
    *world.away.lock().unwrap() = true;
    let first = run(&journal, &p, &world, &clock, &Cuts::never()).unwrap();
    assert!(first.sent.is_empty() && first.failed.iter().all(|f| !f.given_up && f.why == Refusal::Answered { code: 451 }), "{first:?}");
    // Not before the pause is over: records of this journal are seconds after its beginning.
    *clock.0.lock().unwrap() = SignedDuration::from_hours(-1) + SignedDuration::from_secs(30);
    assert!(run(&journal, &p, &world, &clock, &Cuts::never()).unwrap().failed.is_empty());
    *clock.0.lock().unwrap() = SignedDuration::from_hours(1);
    assert_eq!(run(&journal, &p, &world, &clock, &Cuts::never()).unwrap().failed.len(), 3);
    let last = run(&journal, &p, &world, &clock, &Cuts::never()).unwrap();
    assert!(last.failed.len() == 3 && last.failed.iter().all(|f| f.given_up) && last.next.is_none(), "{last:?}");
    *world.away.lock().unwrap() = false;
    *clock.0.lock().unwrap() = SignedDuration::from_hours(1000);
    assert_eq!(run(&journal, &p, &world, &clock, &Cuts::never()).unwrap(), Sending::default());
    // A person wants it.
    let id = outbox(&journal).notices.keys().next().unwrap().clone();
    journal.reopen(Cuts::never()).append(None, None, Body::Notice { what: NoticeFact::Again { id: id.clone() } }).unwrap();
    assert_eq!(run(&journal, &p, &world, &clock, &Cuts::never()).unwrap().sent, [id]);
    // What the server said names somebody: it is beside the chain, and not in it.
    let events = serde_json::to_string(&journal.replay().unwrap()).unwrap();
    assert!(!events.contains("clinic.example") && !events.contains("try later"), "{events}");
    assert!(journal.actors().unwrap().values().any(|a| a.words.as_deref().is_some_and(|w| w.contains("try later"))));
}

#[test]
fn nobody_is_told_of_what_was_recorded_before_notices_were_written_or_while_they_were_not() {
    let (mute, loud) = (process(PROCESS), process(&format!("{PROCESS}{RULES}")));
    let (journal, world, clock) = (MemoryJournal::default(), World::default(), Hand(Mutex::default()));
    let never = Cuts::never();
    record(&journal, &mute, entered());
    assert_eq!(run(&journal, &loud, &world, &clock, &never).unwrap(), Sending::default());
    let failed = Fact::TaskFailed { task: "move".into() };
    // Recorded, and the sender begins only later, or by another command: told all the same.
    let second = record(&journal, &loud, failed.clone());
    assert_eq!(run(&journal, &loud, &world, &clock, &never).unwrap().sent.len(), 3);
    assert!(outbox(&journal).notices.keys().all(|id| id.seq == second));
    record(&journal, &mute, failed.clone());
    assert!(!outbox(&journal).on);
    let fourth = record(&journal, &loud, failed);
    let sent = run(&journal, &loud, &world, &clock, &never).unwrap().sent;
    assert!(sent.len() == 3 && sent.iter().all(|id| id.seq == fourth), "{sent:?}");
}

#[test]
fn a_rule_that_is_taken_out_or_a_person_without_address_is_seen_and_keeps_nobody_else() {
    let text = format!("{PROCESS}{RULES}").replace("mail = \"jan@clinic.example\"\n", "");
    let (journal, world, clock) = (MemoryJournal::default(), World::default(), Hand(Mutex::default()));
    record(&journal, &process(&text), entered());
    let sending = run(&journal, &process(&text), &world, &clock, &Cuts::never()).unwrap();
    assert_eq!(sending.sent.len(), 2);
    assert!(sending.failed.len() == 1 && sending.failed[0].why == Refusal::NoAddress && !sending.failed[0].given_up, "{sending:?}");
    *clock.0.lock().unwrap() = SignedDuration::from_hours(1);
    let without = process(&text.replace("on = [\"task-ready\"]", "on = [\"asked\"]"));
    let sending = run(&journal, &without, &world, &clock, &Cuts::never()).unwrap();
    assert!(sending.failed.len() == 1 && sending.failed[0].why == Refusal::Gone && sending.failed[0].given_up, "{sending:?}");
}
