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
    /// Heads of the record that arrived.
    heads: Mutex<Vec<String>>,
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
        self.world.heads.lock().unwrap().extend(parcel.head.clone());
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

const REMINDED: &str = "[gate.go]\nstage = \"night\"\nat = \"entry\"\nkind = \"sign-off\"\nroles = [\"technician\"]\n[notices]\nfrom = \"greenroom@clinic.example\"\nfolder = \"outbox\"\n[notice.near]\non = [\"date-near\", \"overdue\"]\nbefore = [\"2 days\", \"1 day\"]\n";

/// The journal in memory begins at the epoch; so many days later.
fn day(n: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * n)
}

fn set(clock: &Hand, at: Timestamp) {
    *clock.0.lock().unwrap() = at.duration_since(Timestamp::UNIX_EPOCH) - SignedDuration::from_hours(1);
}

fn agreed(n: i64) -> Fact {
    Fact::DateAgreed { stage: "night".into(), at: day(n), despite: vec![] }
}

#[test]
fn a_reminder_survives_a_sender_killed_between_any_two_steps_and_is_told_once() {
    let p = process(&format!("{PROCESS}{REMINDED}"));
    let clock = Hand(Mutex::default());
    for cut in 0.. {
        let (journal, world) = (MemoryJournal::default(), World::default());
        record(&journal, &p, agreed(10));
        set(&clock, day(8));
        let cuts = Cuts::at(cut);
        let first = run(&journal, &p, &world, &clock, &cuts);
        assert_eq!(first.is_err(), cuts.is_dead(), "cut {cut}");
        // The next sender comes hours later, and tells what the dead one had decided to.
        set(&clock, day(8) + SignedDuration::from_hours(5));
        let second = run(&journal, &p, &world, &clock, &Cuts::never()).unwrap();
        assert_eq!(second.next, Some(day(9)), "cut {cut}");
        assert!(run(&journal, &p, &world, &clock, &Cuts::never()).unwrap().sent.is_empty(), "cut {cut}: told again");
        let arrived: Vec<(String, u32)> = world.arrived.lock().unwrap().values().cloned().collect();
        let mut ids: Vec<&str> = arrived.iter().map(|(id, _)| id.as_str()).collect();
        ids.sort_unstable();
        assert_eq!(ids, ["2/near/anna@before.2-days", "2/near/jan@before.2-days"], "cut {cut}");
        assert!(arrived.iter().map(|(_, n)| n - 1).sum::<u32>() <= u32::from(cuts.is_dead()), "cut {cut}: {arrived:?}");
        if !cuts.is_dead() {
            // Six records (nobody told of the date itself, who is reminded, two intents, two outcomes) and two deliveries, each with a cut before and after it.
            assert_eq!(cuts.passed(), 16);
            break;
        }
    }
}

#[test]
fn a_date_that_moves_while_its_reminder_waits_takes_that_back() {
    let p = process(&format!("{PROCESS}{REMINDED}"));
    let (journal, world, clock) = (MemoryJournal::default(), World::default(), Hand(Mutex::default()));
    let never = Cuts::never();
    record(&journal, &p, agreed(10));
    *world.away.lock().unwrap() = true;
    set(&clock, day(8));
    assert_eq!(run(&journal, &p, &world, &clock, &never).unwrap().failed.len(), 2);
    record(&journal, &p, agreed(20));
    *world.away.lock().unwrap() = false;
    set(&clock, day(9));
    let none = run(&journal, &p, &world, &clock, &never).unwrap();
    assert!(none.sent.is_empty() && none.failed.is_empty() && none.next == Some(day(18)), "{none:?}");
    assert_eq!(outbox(&journal).count(Stands::Moot), 2);
    set(&clock, day(18));
    assert_eq!(run(&journal, &p, &world, &clock, &never).unwrap().sent.len(), 2);
    // A week in which nobody ran: the day before is past as well, and what is told is that nothing began.
    set(&clock, day(27));
    let late = run(&journal, &p, &world, &clock, &never).unwrap().sent;
    assert!(late.len() == 2 && late.iter().all(|id| id.mark.as_deref() == Some("late")), "{late:?}");
}

#[test]
fn a_head_without_its_key_is_not_sent_and_the_same_head_goes_once_the_key_is_there() {
    let rules = "[notices]\nfrom = \"greenroom@clinic.example\"\nfolder = \"outbox\"\n[notice.heads]\non = [\"head\"]\nto = [\"jan\"]\n";
    let signed = process(&format!("{PROCESS}{rules}key = \"head_key\"\n"));
    let (journal, world, clock) = (MemoryJournal::default(), World::default(), Hand(Mutex::default()));
    record(&journal, &signed, entered());
    record(&journal, &signed, Fact::StageLeft { stage: "night".into(), good: true, despite: vec![] });
    let first = run(&journal, &signed, &world, &clock, &Cuts::never()).unwrap();
    assert!(first.sent.is_empty() && first.failed.len() == 1, "{first:?}");
    assert_eq!((first.failed[0].why, first.failed[0].said.as_deref()), (Refusal::NoKey, Some("head_key cannot be read")));
    assert!(world.arrived.lock().unwrap().is_empty(), "it went unsigned");
    // process.toml says that it may.
    let unsigned = process(&format!("{PROCESS}{rules}unsigned = true\n"));
    set(&clock, day(1));
    assert_eq!(run(&journal, &unsigned, &world, &clock, &Cuts::never()).unwrap().sent.len(), 1);
    let head = world.heads.lock().unwrap().clone();
    let head: greenroom_model::run::Head = serde_json::from_str(&head[0]).unwrap();
    let events = journal.replay().unwrap();
    // The event before the one as which it was decided, and not what a sender recorded since.
    assert_eq!((head.seq, head.signature.is_none()), (3, true));
    head.within(&events).unwrap();
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
