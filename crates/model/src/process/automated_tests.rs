//! Tasks that do something by themselves, integrations and rehearsals: what may be at which moment, and random orders of calls against rules told in other words.

use super::deed::{Doing, Outcome, RanRun};
use super::gates::{Refused, Sight};
use super::integrations::End;
use super::*;
use crate::finding::Finding;
use crate::plan::RunKind;
use crate::program::{Layer, PROGRAM_LAYER};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

const CLINIC: &str = r#"
[process]
timezone = "Europe/Warsaw"
holidays = ["2027-01-06"]
forbidden_integrations = ["fax"]
allowed_integrations = { payment-gateway = ["paywell"] }
[party.clinic]
[party.lab]
[person.anna]
party = "clinic"
roles = ["decider"]
login = "anna"
substitute = "ola"
[person.ola]
party = "clinic"
login = "ola"
[person.jan]
party = "lab"
login = "jan"
[stage.night]
[gate.rehearsed]
stage = "night"
at = "entry"
kind = "runbook-rehearsed"
[task.stop]
stage = "night"
role = "decider"
minutes = 30
does = { command = ["./stop.sh"] }
[task.switch]
stage = "night"
role = "decider"
minutes = 60
after = ["stop"]
does = { run = "switch" }
[task.look]
stage = "night"
role = "decider"
minutes = 45
after = ["switch"]
[integration.lab]
owner = "lab"
old = "https://lab.example"
new = "https://lab2.example"
[integration.brand]
owner = "anna"
business_day_after = true
after = ["lab"]
"#;

fn read_from(text: &str) -> (Option<Process>, Vec<Finding>) {
    read(&[Layer { name: PROGRAM_LAYER.into(), files: [(PROCESS.to_owned(), text.to_owned())].into(), opaque: Default::default() }])
}

struct Scene {
    process: Process,
    state: State,
    proofs: Proofs,
    now: Timestamp,
}

impl Scene {
    fn new(now: &str) -> Scene {
        let (process, findings) = read_from(CLINIC);
        assert!(findings.is_empty(), "{findings:#?}");
        Scene { process: process.unwrap(), state: State::default(), proofs: Proofs::default(), now: now.parse().unwrap() }
    }

    fn sight(&self) -> Sight<'_> {
        Sight { process: &self.process, state: &self.state, proofs: &self.proofs, now: self.now }
    }

    fn record(&mut self, by: &str, fact: Result<Fact, Refused>) -> Fact {
        let fact = fact.unwrap();
        // What is on record is read back as it was.
        let kept = serde_json::to_string(&fact).unwrap();
        assert_eq!(serde_json::from_str::<Fact>(&kept).unwrap(), fact);
        self.state.apply(self.now, by, &fact);
        fact
    }

    fn went_live(&mut self, at: &str) {
        self.proofs.hold.push(Proof::GoLive);
        self.proofs.went_live = Some(at.parse().unwrap());
    }
}

fn outcome(good: bool) -> Outcome {
    Outcome { good, words: "seen".into(), millis: 5, output: None }
}

fn words(of: Result<Fact, Refused>) -> String {
    of.unwrap_err().message
}

#[test]
fn brands_come_back_on_the_next_business_day_and_not_before() {
    // A Tuesday evening; Wednesday the 6th is a holiday.
    let mut s = Scene::new("2027-01-05T23:30:00Z");
    assert!(words(s.sight().reconnect("lab", Some("jan"), None, false)).contains("is not finished"));
    s.went_live("2027-01-05T22:30:00Z");
    assert!(words(s.sight().reconnect("lab", Some("anna"), None, false)).contains("is not anna's"));
    assert!(
        words(s.sight().reconnect("lab", Some("jan"), Some(&outcome(false)), false)).contains("the probe of the new side of `lab` failed")
    );
    // At 23:30 there it is not midnight yet; a day later is a holiday.
    assert!(words(s.sight().reconnect("brand", Some("ola"), None, true)).contains("not before Thu 2027-01-07 00:00"));
    s.now = "2027-01-06T22:59:59Z".parse().unwrap();
    assert!(words(s.sight().reconnect("brand", Some("ola"), None, true)).contains("not before"));
    s.now = "2027-01-06T23:00:00Z".parse().unwrap();
    assert!(words(s.sight().reconnect("brand", Some("ola"), None, true)).contains("comes after lab"));
    let fact = s.sight().reconnect("lab", Some("jan"), Some(&outcome(false)), true);
    let Fact::IntegrationTurned { despite, .. } = s.record("jan", fact) else { panic!() };
    assert_eq!(despite.as_deref(), Some("seen"));
    let fact = s.sight().reconnect("brand", Some("ola"), Some(&outcome(true)), true);
    let Fact::IntegrationTurned { despite: None, .. } = s.record("ola", fact) else { panic!("nothing was wrong") };
}

#[test]
fn what_may_not_be_is_said() {
    for (more, why) in [
        ("[integration.fax]", Some("`fax` is forbidden")),
        ("[integration.x]\nkind = \"Fax\"", Some("`fax` is forbidden")),
        ("[integration.x]\nkind = \"payment-gateway\"\nproduct = \"PayWell\"", None),
        ("[integration.x]\nkind = \"payment-gateway\"\nproduct = \"paybad\"", Some("`paybad` is none of those allowed")),
        ("[integration.x]\nkind = \"payment-gateway\"", Some("it names no product")),
        ("[integration.x]\nkind = \"sms\"", None),
    ] {
        let (process, findings) = read_from(&format!("{CLINIC}{more}"));
        assert!(process.is_some(), "it forbids nothing by itself");
        match why {
            None => assert!(findings.is_empty(), "{findings:#?}"),
            Some(why) => assert!(findings.iter().any(|f| f.code == "GR0140" && f.message.contains(why)), "{findings:#?}"),
        }
    }
}

#[test]
fn a_task_that_waits_for_a_run_is_done_when_one_that_began_later_has_ended_well() {
    let mut s = Scene::new("2027-01-05T20:00:00Z");
    let run = |kind, id: &str, started: &str, finished: Option<&str>| RanRun {
        id: id.into(),
        kind,
        started: started.parse().unwrap(),
        finished: finished.map(|f| f.parse().unwrap()),
    };
    // An older one proves nothing.
    s.proofs.runs.push(run(RunKind::Switch, "old", "2027-01-01T20:00:00Z", Some("2027-01-01T21:00:00Z")));
    s.state.apply(s.now, "anna", &Fact::StageEntered { stage: "night".into(), despite: Vec::new() });
    s.record("anna", s.sight().start_task("stop", Some("anna")));
    assert!(words(s.sight().end_task("stop", Some("anna"), true)).contains("is done when what it does has gone well"));
    assert!(words(s.sight().run_task("stop", Some("anna"), false, false)).contains("nobody knows whether"));
    s.record("anna", s.sight().run_task("stop", Some("anna"), true, false));
    s.record("anna", s.sight().ran_task("stop", &outcome(true)));
    s.record("anna", s.sight().start_task("switch", Some("anna")));
    assert!(words(s.sight().end_task("switch", Some("anna"), true)).contains("no `greenroom switch` was begun"));
    s.proofs.runs.push(run(RunKind::Dress, "d", "2027-01-05T21:00:00Z", Some("2027-01-05T21:30:00Z")));
    s.proofs.runs.push(run(RunKind::Switch, "s", "2027-01-05T21:00:00Z", None));
    assert!(words(s.sight().end_task("switch", Some("anna"), true)).contains("`s` was begun and has not ended well"));
    s.proofs.runs[2].finished = Some("2027-01-05T22:00:00Z".parse().unwrap());
    s.record("anna", s.sight().end_task("switch", Some("anna"), true));
    // A person's own task does nothing by itself.
    assert!(words(s.sight().run_task("look", Some("anna"), false, false)).contains("does nothing by itself"));
    assert!(words(s.sight().done_by_hand("look", Some("anna"))).contains("does nothing by itself"));
}

#[test]
fn a_rehearsal_waits_for_a_dress_rehearsal_and_its_times_are_projected() {
    let mut s = Scene::new("2027-01-05T20:00:00Z");
    for (task, minutes) in [("stop", 10), ("switch", 20), ("look", 0)] {
        s.record("anna", s.sight().in_rehearsal(task, |s| s.start_task(task, Some("anna"))));
        if task == "switch" {
            assert!(
                words(s.sight().in_rehearsal(task, |s| s.end_task(task, Some("anna"), true))).contains("no `greenroom dress` was begun")
            );
            s.proofs.runs.push(RanRun { id: "d".into(), kind: RunKind::Dress, started: s.now, finished: Some(s.now) });
        }
        s.now += SignedDuration::from_mins(minutes);
        if task == "stop" {
            s.record("anna", s.sight().in_rehearsal(task, |s| s.done_by_hand(task, Some("anna"))));
        } else {
            s.record("anna", s.sight().in_rehearsal(task, |s| s.end_task(task, Some("anna"), true)));
        }
    }
    assert_eq!(s.state.tasks, Default::default(), "the night has not begun");
    let sheet = runbook::sheet(&s.sight(), "night");
    assert_eq!(sheet.end, Some(s.now + SignedDuration::from_mins(30)), "as rehearsed, not as quoted: 135");
    let fact = s.sight().enter("night");
    s.record("anna", fact);
    assert!(words(s.sight().begin_rehearsal("night")).contains("no rehearsal"));
}

/// Something that somebody tries.
#[derive(Clone, Debug)]
enum Try {
    Pass(u32),
    Live,
    Off(usize, usize),
    OnAgain(usize, usize),
    Probe(usize, bool, bool),
    Reconnect(usize, usize, Option<bool>, bool),
    Rehearse(usize, u8),
    Earnest(usize, u8),
    Enter,
}

fn tries() -> impl Strategy<Value = Try> {
    prop_oneof![
        3 => (1u32..60 * 24 * 2).prop_map(Try::Pass),
        1 => Just(Try::Live),
        2 => (0usize..2, 0usize..3).prop_map(|(i, p)| Try::Off(i, p)),
        1 => (0usize..2, 0usize..3).prop_map(|(i, p)| Try::OnAgain(i, p)),
        2 => (0usize..2, any::<bool>(), any::<bool>()).prop_map(|(i, e, g)| Try::Probe(i, e, g)),
        5 => (0usize..2, 0usize..3, any::<Option<bool>>(), any::<bool>()).prop_map(|(i, p, g, d)| Try::Reconnect(i, p, g, d)),
        6 => (0usize..3, 0u8..4).prop_map(|(t, w)| Try::Rehearse(t, w)),
        6 => (0usize..3, 0u8..4).prop_map(|(t, w)| Try::Earnest(t, w)),
        2 => Just(Try::Enter),
    ]
}

fn step(sight: &Sight<'_>, task: &str, way: u8) -> Result<Fact, Refused> {
    match way {
        0 => sight.start_task(task, Some("anna")),
        1 => sight.end_task(task, Some("anna"), true),
        2 => sight.ran_task(task, &outcome(true)),
        _ => sight.done_by_hand(task, Some("anna")),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_order_of_calls_connects_too_early_or_takes_a_rehearsal_for_the_night(attempts in proptest::collection::vec(tries(), 1..160), start in 0i64..400) {
        const INTEGRATIONS: [&str; 2] = ["lab", "brand"];
        const PERSONS: [&str; 3] = ["anna", "ola", "jan"];
        const TASKS: [&str; 3] = ["stop", "switch", "look"];
        let mut s = Scene::new("2026-03-01T07:00:00Z");
        s.now += SignedDuration::from_hours(7 * start);
        let (mut back, mut rehearsed) = (BTreeSet::new(), BTreeSet::new());
        for attempt in attempts {
            let (by, fact) = match attempt {
                Try::Pass(minutes) => { s.now += SignedDuration::from_mins(i64::from(minutes)); continue }
                Try::Live => {
                    if s.proofs.went_live.is_none() {
                        s.proofs.hold.push(Proof::GoLive);
                        s.proofs.went_live = Some(s.now);
                        s.proofs.runs.push(RanRun { id: "s".into(), kind: RunKind::Switch, started: s.now, finished: Some(s.now) });
                        s.proofs.runs.push(RanRun { id: "d".into(), kind: RunKind::Dress, started: s.now, finished: Some(s.now) });
                    }
                    continue
                }
                Try::Off(i, p) => (PERSONS[p], s.sight().integration_off(INTEGRATIONS[i], Some(PERSONS[p]))),
                Try::OnAgain(i, p) => (PERSONS[p], s.sight().integration_on_again(INTEGRATIONS[i], Some(PERSONS[p]))),
                Try::Probe(i, new, good) => {
                    let end = if new { End::New } else { End::Old };
                    ("anna", s.sight().integration_probed(INTEGRATIONS[i], Some("anna"), end, &outcome(good)))
                }
                Try::Reconnect(i, p, good, despite) => {
                    let probe = good.map(outcome);
                    (PERSONS[p], s.sight().reconnect(INTEGRATIONS[i], Some(PERSONS[p]), probe.as_ref(), despite))
                }
                Try::Rehearse(t, way) => ("anna", s.sight().in_rehearsal(TASKS[t], |sight| step(&sight, TASKS[t], way))),
                Try::Earnest(t, way) => ("anna", step(&s.sight(), TASKS[t], way)),
                Try::Enter => ("anna", s.sight().enter("night")),
            };
            let Ok(fact) = fact else { continue };
            let before = s.state.tasks.clone();
            s.state.apply(s.now, by, &fact);
            match &fact {
                Fact::IntegrationTurned { integration, end: End::New, on: true, .. } => {
                    let live = s.proofs.went_live.expect("the go-live is finished");
                    prop_assert_eq!(by == "jan", integration == "lab");
                    if integration == "brand" {
                        prop_assert!(back.contains("lab"));
                        let zone = jiff::tz::TimeZone::get("Europe/Warsaw").unwrap();
                        let (then, now) = (live.to_zoned(zone.clone()).date(), s.now.to_zoned(zone).date());
                        // Some day after the go-live's, up to today, is one on which people work.
                        let worked = then.series(jiff::Span::new().days(1)).skip(1).take_while(|d| *d <= now)
                            .any(|d| d.weekday().to_monday_zero_offset() < 5 && d.to_string() != "2027-01-06");
                        prop_assert!(worked, "{} {}", then, now);
                    }
                    back.insert(integration.clone());
                }
                Fact::Rehearsed { what, .. } => {
                    prop_assert_eq!(&before, &s.state.tasks);
                    prop_assert!(!s.state.stage("night").is_on());
                    if let Fact::TaskDone { task } | Fact::TaskRan { task, .. } | Fact::TaskDoneByHand { task } = what.as_ref() {
                        rehearsed.insert(task.clone());
                    }
                }
                Fact::StageEntered { .. } => prop_assert_eq!(rehearsed.len(), 3),
                Fact::TaskStarted { .. } | Fact::TaskDone { .. } | Fact::TaskRan { .. } | Fact::TaskDoneByHand { .. } => {
                    prop_assert!(s.state.stage("night").is_on());
                }
                _ => {}
            }
        }
    }
}

#[test]
fn placeholders_of_a_probe_are_those_of_its_side() {
    let text = format!(
        "{CLINIC}[integration.crm]\nold = \"https://old.example:8443/\"\nnew = \"https://new.example\"\nprobe = {{ http = {{ url = \"{{address}}/up\" }} }}\n\
        [integration.db]\nold = \"10.0.0.1:5432\"\nprobe = {{ tcp = {{ host = \"{{host}}\", port = 5432 }} }}\n"
    );
    let (process, findings) = read_from(&text);
    assert!(findings.is_empty(), "{findings:#?}");
    let process = process.unwrap();
    let doing = |id: &str, end| process.integrations[id].probe(end).unwrap().doing.clone();
    let Doing::Http { url, status: 200, .. } = doing("crm", End::Old) else { panic!() };
    assert_eq!(url, "https://old.example:8443/up");
    let Doing::Http { url, .. } = doing("crm", End::New) else { panic!() };
    assert_eq!(url, "https://new.example/up");
    // Without an address of its own the new side has the old one's.
    assert_eq!(doing("db", End::New), Doing::Tcp { host: "10.0.0.1".into(), port: 5432, open: true });
    assert!(process.integrations["crm"].moves() && !process.integrations["db"].moves());
}
