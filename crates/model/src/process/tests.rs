//! Waits across summer time and leap days, decisions at gates.

use super::gates::{Refused, Sight};
use super::*;
use crate::finding::Finding;
use crate::program::{Layer, PROGRAM_LAYER};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

/// The car dealer's way: readiness, two audits with waits, the migration within a window (REQUIREMENTS.md D1–D4, D7).
pub(super) const DEALER: &str = r#"
[process]
timezone = "Europe/Warsaw"
holidays = ["2027-01-01", "2027-01-06"]
go_live = "migration"
waivers = ["decider"]

[party.dealer]
title = "Car dealer"
[party.vendor]

[person.anna]
name = "Anna Nowak"
party = "dealer"
roles = ["decider", "tester"]
login = "anna"
substitute = "ola"
telephone = "+48 600 000 001"
[person.jan]
party = "vendor"
roles = ["auditor", "technician"]
login = "jan"
[person.ola]
party = "dealer"
login = "ola"

[stage.readiness]
[stage.audit-1]
after = ["readiness"]
[stage.audit-2]
after = ["audit-1"]
[stage.migration]
after = ["audit-2"]

[gate.prepared]
stage = "readiness"
at = "exit"
kind = "checklist"
items = ["server", "licences"]
roles = ["technician"]
[gate.four-weeks]
stage = "audit-1"
at = "entry"
kind = "wait"
since = "readiness"
at_least = "4 weeks"
[gate.audit-1-signed]
stage = "audit-1"
at = "exit"
kind = "sign-off"
roles = ["auditor"]
[gate.two-to-five-days]
stage = "audit-2"
at = "entry"
kind = "wait"
since = "audit-1"
at_least = "2 days"
at_most = "5 days"
[gate.one-week]
stage = "migration"
at = "entry"
kind = "wait"
since = "audit-2"
at_least = "1 week"
[gate.evening]
stage = "migration"
at = "entry"
kind = "window"
days = ["mon", "tue", "wed", "thu", "fri"]
from = "18:00"
until = "06:00"
away_from_holidays = true
[gate.early]
stage = "migration"
at = "entry"
kind = "lead-time"
at_least = "4 weeks"
level = "recommend"
[gate.agreed]
stage = "migration"
at = "entry"
kind = "sign-off"
roles = ["decider"]

[task.stop]
title = "stop services"
stage = "migration"
role = "technician"
minutes = 10
[task.move]
stage = "migration"
role = "technician"
minutes = 60
rate = 30000
after = ["stop"]
[task.look]
stage = "migration"
role = "tester"
minutes = 30
after = ["move"]
[task.open]
stage = "migration"
role = "decider"
minutes = 5
after = ["look"]
point_of_no_return = true
[gate.all-done]
stage = "migration"
at = "exit"
kind = "tasks"
"#;

pub(super) fn layers(text: &str) -> Vec<Layer> {
    vec![Layer { name: PROGRAM_LAYER.to_owned(), files: [(PROCESS.to_owned(), text.to_owned())].into(), opaque: Default::default() }]
}

fn dealer() -> Process {
    let (process, findings) = read(&layers(DEALER));
    assert!(findings.is_empty(), "{findings:#?}");
    process.unwrap()
}

fn faults(text: &str) -> Vec<Finding> {
    let (process, findings) = read(&layers(text));
    assert!(process.is_none() && !findings.is_empty(), "{text}");
    findings
}

/// A clock and what was recorded under it.
pub(super) struct Scene {
    pub(super) process: Process,
    pub(super) state: State,
    pub(super) proofs: Proofs,
    pub(super) now: Timestamp,
}

impl Scene {
    pub(super) fn new(now: &str) -> Scene {
        Scene { process: dealer(), state: State::default(), proofs: Proofs::default(), now: now.parse().unwrap() }
    }

    pub(super) fn sight(&self) -> Sight<'_> {
        Sight { process: &self.process, state: &self.state, proofs: &self.proofs, now: self.now }
    }

    fn record(&mut self, by: &str, fact: Result<Fact, Refused>) {
        let fact = fact.unwrap_or_else(|r| panic!("{r:?}"));
        self.state.apply(self.now, by, &fact);
    }

    fn at(&mut self, now: &str) {
        let now: Timestamp = now.parse().unwrap();
        assert!(now >= self.now);
        self.now = now;
    }

    /// Ready since a moment; the first audit can begin four weeks later.
    fn ready(&mut self) {
        self.record("jan", self.sight().enter("readiness"));
        for item in ["1", "licences"] {
            self.record("jan", self.sight().tick("prepared", item, true, Some("jan")));
        }
        self.record("jan", self.sight().leave("readiness", true));
    }
}

#[test]
fn the_dealers_way_is_read_and_walked_to_its_end() {
    let mut s = Scene::new("2026-10-01T08:00:00Z");
    s.ready();
    s.at("2026-10-20T08:00:00Z");
    let early = s.sight().enter("audit-1").unwrap_err();
    assert!(early.gates[0].why.contains("4 weeks must pass: not before 2026-10-29 10:00"), "{early:?}");
    // Summer time ended meanwhile: the same time of day there is an hour later here.
    s.at("2026-10-29T08:59:59Z");
    assert!(s.sight().enter("audit-1").is_err());
    s.at("2026-10-29T09:00:00Z");
    s.record("jan", s.sight().enter("audit-1"));
    // Nobody approves of what they asked for themselves.
    s.record("jan", s.sight().ask("audit-1-signed", Some("jan")));
    assert!(s.sight().sign("audit-1-signed", Some("jan"), true).unwrap_err().message.contains("cannot give it"));
    assert!(s.sight().sign("audit-1-signed", Some("anna"), true).unwrap_err().message.contains("may not sign"));
    assert!(s.sight().leave("audit-1", true).is_err());
    s.record("anna", s.sight().ask("audit-1-signed", Some("anna")));
    s.record("jan", s.sight().sign("audit-1-signed", Some("jan"), false));
    assert!(s.sight().standing("audit-1-signed").why.contains("rejected by jan"));
    s.record("jan", s.sight().leave("audit-1", false));
    assert!(s.sight().enter("audit-2").is_err(), "the audit was negative");
    // Once more; what was said to the first try counts no more.
    s.record("jan", s.sight().enter("audit-1"));
    assert!(s.sight().standing("audit-1-signed").why.contains("nobody has asked"));
    s.record("anna", s.sight().ask("audit-1-signed", Some("anna")));
    s.record("jan", s.sight().sign("audit-1-signed", Some("jan"), true));
    s.record("jan", s.sight().leave("audit-1", true));
    s.at("2026-11-04T08:00:00Z");
    assert!(s.sight().enter("audit-2").unwrap_err().gates[0].why.contains("more than 5 days ago"));
    // Who may waives, on record, and that is said.
    assert!(s.sight().waive("two-to-five-days", Some("jan")).is_err());
    s.record("anna", s.sight().waive("two-to-five-days", Some("anna")));
    assert!(s.sight().standing("two-to-five-days").waived);
    s.record("jan", s.sight().enter("audit-2"));
    s.record("jan", s.sight().leave("audit-2", true));
    s.record("anna", s.sight().agree("migration", "2026-11-13T17:30:00Z".parse().unwrap()));
    s.record("jan", s.sight().ask("agreed", Some("jan")));
    // A substitute signs in her place.
    s.record("ola", s.sight().sign("agreed", Some("ola"), true));
    s.at("2026-11-13T12:00:00Z");
    let shut = s.sight().enter("migration").unwrap_err();
    assert_eq!(shut.gates.len(), 1, "{shut:?}");
    assert_eq!(shut.gates[0].not_before, Some("2026-11-13T17:00:00Z".parse().unwrap()));
    let last = Sight { now: "2026-11-14T04:59:59Z".parse().unwrap(), ..s.sight() }.enter("migration");
    let Ok(Fact::StageEntered { despite, .. }) = last else { panic!("the window goes on into Saturday morning") };
    assert_eq!(despite, ["early"], "the lead time was only recommended");
    s.at("2026-11-13T17:00:00Z");
    s.record("jan", s.sight().enter("migration"));
    // The night.
    assert!(s.sight().start_task("move", Some("jan")).unwrap_err().message.contains("comes after stop"));
    assert!(s.sight().start_task("stop", Some("anna")).unwrap_err().message.contains("is not anna's"));
    let sheet = runbook::sheet(&s.sight(), "migration");
    assert_eq!(sheet.end, Some(s.now + SignedDuration::from_mins(105)));
    assert_eq!(sheet.turn_back, Some(s.now + SignedDuration::from_mins(100)));
    assert_eq!(sheet.next.iter().map(|l| l.task.as_str()).collect::<Vec<_>>(), ["stop"]);
    assert!(sheet.later.iter().all(|l| l.critical));
    for (task, by) in [("stop", "jan"), ("move", "jan"), ("look", "anna"), ("open", "anna")] {
        s.record(by, s.sight().start_task(task, Some(by)));
        s.now += SignedDuration::from_mins(20);
        if task == "look" {
            assert!(s.sight().end_task(task, Some("ola"), true).unwrap_err().message.contains("anna does"));
            s.record("anna", s.sight().hand_over(task, Some("anna"), "ola"));
            s.record("ola", s.sight().end_task(task, Some("ola"), true));
        } else {
            s.record(by, s.sight().end_task(task, Some(by), true));
        }
    }
    let sheet = runbook::sheet(&s.sight(), "migration");
    assert_eq!((sheet.end, sheet.done.len()), (None, 4));
    assert_eq!(sheet.times["technician"], (70, 40, 10000), "20 minutes of an hour's 300.00");
    s.record("anna", s.sight().leave("migration", true));
}

#[test]
fn a_signature_is_stale_once_what_was_asked_has_changed() {
    let mut s = Scene::new("2026-10-01T08:00:00Z");
    s.ready();
    s.at("2026-10-30T08:00:00Z");
    s.record("jan", s.sight().enter("audit-1"));
    s.record("anna", s.sight().ask("audit-1-signed", Some("anna")));
    s.record("jan", s.sight().sign("audit-1-signed", Some("jan"), true));
    assert!(s.sight().standing("audit-1-signed").met);
    let text = DEALER.replace(
        "[gate.audit-1-signed]\nstage = \"audit-1\"",
        "[gate.audit-1-signed]\ntitle = \"both auditors\"\nof = 2\nstage = \"audit-1\"",
    );
    s.process = read(&layers(&text)).0.unwrap();
    assert!(s.sight().standing("audit-1-signed").why.contains("has changed since"));
}

#[test]
fn windows_keep_away_from_holidays_and_days_before_them() {
    let calendar = dealer().calendar;
    let Kind::Window(window) = &dealer().gates["evening"].kind.clone() else { panic!() };
    let within = |at: &str| calendar.within(window, at.parse().unwrap()).is_some();
    assert!(within("2026-12-30T18:00:00Z"));
    assert!(!within("2026-12-31T18:00:00Z"), "the day before New Year");
    assert!(!within("2027-01-01T18:00:00Z"), "New Year");
    assert!(!within("2026-12-30T16:59:00Z") && within("2026-12-30T17:00:00Z"));
    assert_eq!(calendar.next_window(window, "2026-12-31T12:00:00Z".parse().unwrap()), Some("2027-01-04T17:00:00Z".parse().unwrap()));
}

#[test]
fn lapses_are_read_and_counted_over_weekends_leap_days_and_months() {
    let calendar = dealer().calendar;
    let after = |since: &str, lapse: &str| calendar.after(since.parse().unwrap(), Lapse::parse(lapse).unwrap()).to_string();
    assert_eq!(after("2028-02-28T12:00:00Z", "1 day"), "2028-02-29T12:00:00Z");
    assert_eq!(after("2028-01-31T12:00:00Z", "1 month"), "2028-02-29T12:00:00Z");
    assert_eq!(after("2026-12-31T12:00:00Z", "1 business day"), "2027-01-04T12:00:00Z", "New Year is a Friday");
    assert_eq!(after("2027-03-27T01:30:00Z", "1 day"), "2027-03-28T01:30:00Z", "02:30 is no time of that day");
    assert_eq!(after("2026-10-24T12:00:00Z", "36 hours"), "2026-10-26T00:00:00Z");
    for bad in ["4", "four weeks", "-1 day", "1 fortnight", "9999 weeks", "1 business week"] {
        assert!(Lapse::parse(bad).is_err(), "{bad}");
    }
    assert_eq!(Lapse::parse("4 weeks").unwrap().to_string(), "4 weeks");
    assert_eq!(Lapse::parse("1 business day").unwrap().to_string(), "1 business day");
}

#[test]
fn faults_are_named_with_their_place() {
    for (was, becomes, words) in [
        ("timezone = \"Europe/Warsaw\"", "timezone = \"Europe/Warszawa\"", "there is no time zone"),
        ("after = [\"readiness\"]", "after = [\"migration\"]", "in a circle"),
        ("since = \"readiness\"", "since = \"readines\"", "there is no stage `readines`"),
        ("at_least = \"1 week\"", "at_least = \"a week\"", "no length of time"),
        ("roles = [\"auditor\"]", "roles = [\"auditors\"]", "nobody has the role `auditors`"),
        ("from = \"18:00\"", "from = \"25:00\"", "no time of day"),
        ("kind = \"tasks\"", "kind = \"tasks\"\nitems = [\"x\"]", "means nothing for a gate of this kind"),
        ("after = [\"stop\"]", "after = [\"open\"]", "in a circle"),
        ("login = \"jan\"", "login = \"anna\"", "has the login of"),
        ("go_live = \"migration\"", "go_live = \"the night\"", "there is no stage"),
        ("kind = \"sign-off\"", "kind = \"signoff\"", "signoff"),
        ("holidays = [", "holidays = [\"Easter\", ", "is no day"),
    ] {
        let findings = faults(&DEALER.replacen(was, becomes, 1));
        let found = findings.iter().find(|f| f.message.contains(words)).unwrap_or_else(|| panic!("{words}: {findings:#?}"));
        assert!(found.place.as_ref().is_some_and(|p| p.file == PROCESS && p.span.end > p.span.start), "{found:#?}");
    }
    assert_eq!(read(&[]).0, None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_wait_of_days_ends_at_the_same_time_of_day(start in 0i64..60 * 24 * 366 * 5, days in 1u16..400) {
        let calendar = dealer().calendar;
        let since: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let since = since + SignedDuration::from_mins(start);
        let end = calendar.after(since, Lapse { count: days, unit: LapseUnit::Days });
        let (from, to) = (calendar.local(since), calendar.local(end));
        prop_assert_eq!(from.date().until((jiff::Unit::Day, to.date())).unwrap().get_days(), i32::from(days));
        let skipped = from.time() != to.time();
        // Only a time that summer time leaves out is moved, by its hour.
        prop_assert!(!skipped || (to.hour() == 3 && from.hour() == 2), "{} {}", from, to);
    }
}

#[test]
fn what_was_proved_goes_stale_where_a_gate_says_so() {
    let text = DEALER.to_owned()
        + "[gate.fresh]\nstage = \"migration\"\nat = \"entry\"\nkind = \"run\"\nwhat = \"verified-pilot\"\nat_most = \"3 days\"\n";
    let (process, findings) = read(&layers(&text));
    assert!(findings.is_empty(), "{findings:#?}");
    let (process, state) = (process.unwrap(), State::default());
    let verified = "2027-02-01T10:00:00Z".parse().unwrap();
    let mut proofs = Proofs { hold: vec![Proof::VerifiedPilot], proved: [(Proof::VerifiedPilot, verified)].into(), ..Proofs::default() };
    let standing =
        |proofs: &Proofs, now: &str| Sight { process: &process, state: &state, proofs, now: now.parse().unwrap() }.standing("fresh");
    let fresh = standing(&proofs, "2027-02-04T10:00:00Z");
    assert!(fresh.met && fresh.until == Some("2027-02-04T10:00:00Z".parse().unwrap()), "{fresh:?}");
    let stale = standing(&proofs, "2027-02-04T10:00:01Z");
    assert!(!stale.met && stale.why.contains("more than 3 days ago"), "{stale:?}");
    proofs.hold.clear();
    assert!(standing(&proofs, "2027-02-01T11:00:00Z").why.contains("no pilot stands that was verified"));
}

#[test]
fn tasks_of_a_try_that_ended_badly_are_done_again() {
    let (process, _) = read(&layers(DEALER));
    let process = process.unwrap();
    let (id, task) = process.tasks.iter().find(|(_, t)| t.after.is_empty()).unwrap();
    let mut state = State::default();
    let at = |n: i64| Timestamp::from_second(1_800_000_000 + n).unwrap();
    let enter = Fact::StageEntered { stage: task.stage.clone(), despite: Vec::new() };
    let who = process.persons.iter().find(|(_, p)| p.roles.contains(&task.role)).map(|(id, _)| id.clone()).unwrap();
    let facts = [
        enter.clone(),
        Fact::TaskStarted { task: id.clone() },
        Fact::TaskDone { task: id.clone() },
        Fact::StageLeft { stage: task.stage.clone(), good: false, despite: Vec::new() },
        enter,
    ];
    facts.iter().zip(0..).for_each(|(fact, n)| state.apply(at(n), &who, fact));
    let proofs = Proofs::default();
    let sight = Sight { process: &process, state: &state, proofs: &proofs, now: at(9) };
    assert!(sight.task(id).done.is_none() && state.task(id).done.is_some());
    assert!(runbook::sheet(&sight, &task.stage).done.is_empty());
    // What forbids it now, if anything, is not that it was done.
    let said = sight.start_task(id, Some(&who)).map_err(|r| r.message);
    assert!(said.as_ref().map_or_else(|m| !m.contains("is done"), |_| true), "{said:?}");
}
