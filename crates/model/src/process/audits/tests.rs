//! An audit from its first point to its conclusion, who may do what in it, and what makes a conclusion stale.

use super::{Look, Weight};
use crate::process::gates::{Refused, Sight};
use crate::process::tests::layers;
use crate::process::{Fact, Process, Proofs, Side, State, read};
use jiff::Timestamp;
use jiff::civil::date;

const AUDITS: &str = r#"
[process]
timezone = "Europe/Warsaw"
waivers = ["decider"]
[party.dealer]
[party.vendor]
[person.anna]
party = "dealer"
roles = ["decider"]
substitute = "ola"
[person.ola]
party = "dealer"
[person.piotr]
party = "dealer"
roles = ["it", "auditor"]
[person.maria]
party = "vendor"
roles = ["auditor"]
[person.ewa]
party = "vendor"
roles = ["auditor"]
[stage.one]
[stage.two]
after = ["one"]
[audit.one]
title = "Audit I"
stage = "one"
role = "auditor"
party = "vendor"
points = ["server", "line"]
[audit.two]
stage = "two"
role = "auditor"
party = "vendor"
follows = "one"
points = ["all is mended"]
[gate.one-positive]
stage = "one"
at = "exit"
kind = "audit"
audit = "one"
[gate.one-signed]
stage = "one"
at = "exit"
kind = "sign-off"
roles = ["decider"]
[gate.two-to-five]
stage = "two"
at = "entry"
kind = "wait"
since = "audit one"
at_least = "2 days"
at_most = "5 days"
[gate.two-positive]
stage = "two"
at = "exit"
kind = "audit"
audit = "two"
covers = ["D3"]
"#;

struct World {
    process: Process,
    state: State,
    proofs: Proofs,
    now: Timestamp,
}

impl World {
    fn new() -> World {
        let (process, findings) = read(&layers(AUDITS));
        assert!(findings.is_empty(), "{findings:#?}");
        let now = "2027-02-01T09:00:00Z".parse().unwrap();
        World { process: process.unwrap(), state: State::default(), proofs: Proofs::default(), now }
    }

    fn sight(&self) -> Sight<'_> {
        Sight { process: &self.process, state: &self.state, proofs: &self.proofs, now: self.now }
    }

    fn done(&mut self, by: &str, decide: impl FnOnce(Sight<'_>, Option<&str>) -> Result<Fact, Refused>) {
        let fact = decide(self.sight(), Some(by)).unwrap_or_else(|r| panic!("{r:?}"));
        self.state.apply(self.now, by, &fact);
    }

    fn refused(&self, by: &str, words: &str, decide: impl FnOnce(Sight<'_>, Option<&str>) -> Result<Fact, Refused>) {
        let refused = decide(self.sight(), Some(by)).unwrap_err();
        assert!(format!("{} {}", refused.message, refused.hint).contains(words), "{words}: {refused:?}");
    }

    fn look(&mut self, audit: &str, points: &[&str]) {
        points.iter().for_each(|p| self.done("maria", |s, by| s.look(audit, p, Look::Good, by)));
    }

    fn why(&self, gate: &str) -> (bool, String, Vec<String>) {
        let s = self.sight().standing(gate);
        (s.met, s.why, s.turn)
    }

    fn stands(&self, audit: &str) -> &'static str {
        self.sight().audit_line(audit, &self.process.audits[audit]).stands
    }
}

#[test]
fn an_audit_is_positive_once_all_was_looked_at_and_nothing_that_blocks_is_open() {
    let mut w = World::new();
    w.refused("maria", "the stage `one` is not on", |s, by| s.look("one", "1", Look::Good, by));
    w.refused("maria", "was never entered", |s, by| s.find("one", Weight::Minor, None, None, by));
    assert_eq!(w.stands("one"), "to come");
    w.done("anna", |s, _| s.enter("one"));
    assert_eq!(w.why("one-positive"), (false, "not looked at: server; line".into(), vec!["ewa".into(), "maria".into()]));
    // Of the other party, and of none.
    w.refused("piotr", "those who may: ewa, maria", |s, by| s.look("one", "1", Look::Good, by));
    w.refused("anna", "is not anna's", |s, by| s.conclude("one", true, by));
    w.refused("maria", "did you mean `one`?", |s, by| s.look("onne", "1", Look::Good, by));
    w.refused("maria", "its points: 1 server; 2 line", |s, by| s.look("one", "3", Look::Good, by));
    w.look("one", &["1", "line"]);
    assert!(w.why("one-positive").1.contains("audit conclude one positive"), "{:?}", w.why("one-positive"));

    w.refused("maria", "is nobody's id, and nobody's role", |s, by| s.find("one", Weight::Minor, Some("nobody"), None, by));
    w.refused("maria", "2027-01-31 is past", |s, by| s.find("one", Weight::Minor, None, Some(date(2027, 1, 31)), by));
    w.done("maria", |s, by| s.find("one", Weight::Blocking, Some("it"), Some(date(2027, 2, 2)), by));
    w.done("maria", |s, by| s.find("one", Weight::Important, Some("anna"), None, by));
    w.done("maria", |s, by| s.find("one", Weight::Minor, None, None, by));
    w.refused("maria", "blocking: one/1 (open)", |s, by| s.conclude("one", true, by));
    assert_eq!(w.why("one-positive").2, ["piotr"], "whose it is to mend");

    w.refused("maria", "nobody says that `one/1` is mended", |s, by| s.verify("one/1", true, by));
    w.refused("maria", "is not maria's to mend", |s, by| s.mended("one/1", by));
    w.refused("maria", "there is no finding `one/9`", |s, by| s.mended("one/9", by));
    w.done("piotr", |s, by| s.mended("one/1", by));
    w.refused("piotr", "`one/1` is mended, not verified", |s, by| s.mended("one/1", by));
    // He is an auditor, but of the other party, and it is he who mended it.
    w.refused("piotr", "cannot verify it", |s, by| s.verify("one/1", true, by));
    w.refused("anna", "those who may: ewa, maria", |s, by| s.verify("one/1", true, by));
    assert_eq!(w.why("one-positive").2, ["ewa", "maria"], "who looks again");
    w.done("ewa", |s, by| s.verify("one/1", false, by));
    w.refused("maria", "blocking: one/1 (open)", |s, by| s.conclude("one", true, by));
    w.done("piotr", |s, by| s.mended("one/1", by));
    w.done("ewa", |s, by| s.verify("one/1", true, by));
    // What is said to be mended by an auditor is verified by another one.
    w.done("maria", |s, by| s.mended("one/3", by));
    w.refused("maria", "cannot verify it", |s, by| s.verify("one/3", true, by));
    w.done("ewa", |s, by| s.verify("one/3", true, by));
    w.refused("ewa", "`one/3` is verified", |s, by| s.verify("one/3", true, by));
    w.done("maria", |s, by| s.conclude("one", true, by));
    let (met, why, _) = w.why("one-positive");
    assert!(met && why.contains("positive by maria") && why.contains("1 finding open that does not block"), "{why}");
    w.refused("maria", "and that stands", |s, by| s.conclude("one", true, by));

    // A substitute answers for a risk; others do not.
    w.refused("maria", "may not accept a finding", |s, by| s.accept("one/2", by));
    w.done("ola", |s, by| s.accept("one/2", by));
    w.refused("ola", "is accepted", |s, by| s.accept("one/2", by));
    w.refused("anna", "`one/2` is accepted", |s, by| s.mended("one/2", by));
}

#[test]
fn what_comes_to_light_makes_a_conclusion_stale_and_a_negative_one_begins_anew() {
    let mut w = World::new();
    w.done("anna", |s, _| s.enter("one"));
    w.look("one", &["1", "2"]);
    w.done("maria", |s, by| s.conclude("one", true, by));
    w.done("maria", |s, by| s.ask("one-signed", by));
    w.done("anna", |s, by| s.sign("one-signed", by, true));
    assert!(w.sight().unmet("one", Side::Exit).0.is_empty());
    // The signature is about the audit, too.
    w.done("maria", |s, by| s.find("one", Weight::Minor, Some("piotr"), Some(date(2027, 2, 3)), by));
    assert_eq!(w.stands("one"), "stale");
    assert!(w.why("one-positive").1.contains("that is stale: found since: one/1"), "{:?}", w.why("one-positive"));
    assert!(w.why("one-signed").1.contains("has changed since"));
    w.done("maria", |s, by| s.conclude("one", true, by));
    assert!(w.why("one-positive").0);
    w.done("maria", |s, by| s.look("one", "server", Look::Bad, by));
    assert!(w.why("one-positive").1.contains("looked at since: server"));
    w.done("maria", |s, by| s.conclude("one", false, by));
    assert!(w.why("one-positive").1.contains("`greenroom stage leave one --failed`"), "{:?}", w.why("one-positive"));
    // Nothing more is said in this try, but what is found is written down.
    w.refused("maria", "concluded negative by maria", |s, by| s.conclude("one", true, by));
    w.refused("maria", "concluded negative by maria", |s, by| s.look("one", "1", Look::Good, by));
    w.done("maria", |s, by| s.find("one", Weight::Important, Some("piotr"), None, by));
    w.done("anna", |s, _| s.leave("one", false));
    assert_eq!(w.stands("one"), "to come");
    w.done("anna", |s, _| s.enter("one"));
    assert!(w.why("one-positive").1.contains("not looked at: server; line"), "points again");
    assert_eq!(w.state.audits["one"].findings.len(), 2, "findings stay");
    w.now = "2027-02-03T22:59:59Z".parse().unwrap();
    assert!(!w.sight().is_overdue(w.state.finding("one/1").unwrap()));
    w.now = "2027-02-03T23:00:00Z".parse().unwrap();
    assert!(w.sight().is_overdue(w.state.finding("one/1").unwrap()), "the day is that of Warsaw");
}

#[test]
fn the_second_audit_verifies_what_the_first_has_found_and_waits_for_it() {
    let mut w = World::new();
    let wait = |w: &World| w.why("two-to-five").1;
    assert!(wait(&w).contains("not on record yet that the audit `one` was concluded positive"), "{}", wait(&w));
    w.done("anna", |s, _| s.enter("one"));
    w.look("one", &["1", "2"]);
    w.done("maria", |s, by| s.find("one", Weight::Important, Some("piotr"), None, by));
    w.done("maria", |s, by| s.conclude("one", true, by));
    assert!(wait(&w).contains("not before 2027-02-03 10:00"), "{}", wait(&w));
    w.now = "2027-02-02T09:00:00Z".parse().unwrap();
    w.done("maria", |s, by| s.ask("one-signed", by));
    w.done("anna", |s, by| s.sign("one-signed", by, true));
    w.done("anna", |s, _| s.leave("one", true));
    // Counted from the conclusion, not from the end of the stage.
    w.now = "2027-02-03T08:59:59Z".parse().unwrap();
    assert!(w.sight().enter("two").is_err());
    w.now = "2027-02-03T09:00:00Z".parse().unwrap();
    assert!(w.sight().enter("two").is_ok());

    // What comes to light now takes the conclusion back, and with it the wait; it is concluded again although the stage is over.
    w.done("maria", |s, by| s.find("one", Weight::Blocking, Some("piotr"), None, by));
    assert!(wait(&w).contains("not on record"), "{}", wait(&w));
    w.refused("maria", "blocking: one/2 (open)", |s, by| s.conclude("one", true, by));
    w.refused("maria", "is not begun anew", |s, by| s.conclude("one", false, by));
    w.done("piotr", |s, by| s.mended("one/2", by));
    w.done("maria", |s, by| s.verify("one/2", true, by));
    w.refused("maria", "the stage `one` is not on", |s, by| s.look("one", "1", Look::Good, by));
    w.done("maria", |s, by| s.conclude("one", true, by));
    w.refused("maria", "and that stands", |s, by| s.conclude("one", false, by));
    w.now = "2027-02-05T09:00:00Z".parse().unwrap();
    w.done("anna", |s, _| s.enter("two"));

    w.refused("maria", "to be verified of the audit before: one/1 (open)", |s, by| s.conclude("two", true, by));
    w.look("two", &["1"]);
    assert_eq!(w.why("two-positive"), (false, "to be verified of the audit before: one/1 (open)".into(), vec!["piotr".into()]));
    w.done("piotr", |s, by| s.mended("one/1", by));
    w.refused("maria", "one/1 (mended, not verified)", |s, by| s.conclude("two", true, by));
    w.done("ewa", |s, by| s.verify("one/1", true, by));
    w.done("maria", |s, by| s.conclude("two", true, by));
    assert!(w.why("two-positive").0);
    // Of the first audit, found after the second was concluded.
    w.done("maria", |s, by| s.find("one", Weight::Minor, Some("piotr"), None, by));
    assert!(w.why("two-positive").1.contains("stale: to be verified of the audit before: one/3 (open)"), "{:?}", w.why("two-positive"));
    w.done("anna", |s, by| s.accept("one/3", by));
    assert!(w.why("two-positive").0, "what stands in its way is gone");
    let concluded = Fact::AuditConcluded { audit: "two".into(), positive: true };
    let shown = crate::process::covered::covered(&w.process, [(7, &concluded)].into_iter());
    assert_eq!(shown["D3"][0].events, [7]);
}

#[test]
fn faults_of_audits_are_named() {
    for (was, becomes, words) in [
        ("follows = \"one\"", "follows = \"won\"", "there is no audit `won`"),
        ("follows = \"one\"", "follows = \"two\"", "in a circle"),
        ("points = [\"all is mended\"]", "points = []", "lacks `points`"),
        ("points = [\"server\", \"line\"]", "points = [\"server\", \"server\"]", "has the point `server` twice"),
        ("audit = \"one\"", "audit = \"onne\"", "there is no audit `onne`"),
        ("audit = \"one\"", "", "lacks `audit`"),
        ("since = \"audit one\"", "since = \"audit six\"", "there is no audit `six`"),
        ("role = \"auditor\"", "role = \"judge\"", "nobody has the role `judge`"),
        ("kind = \"sign-off\"", "of = [\"audits\"]\nkind = \"sign-off\"", "`of` is no number"),
        ("party = \"vendor\"\npoints", "party = \"vendors\"\npoints", "there is no party `vendors`"),
    ] {
        let (process, findings) = read(&layers(&AUDITS.replacen(was, becomes, 1)));
        assert!(process.is_none() && findings.iter().any(|f| f.message.contains(words)), "{words}: {findings:#?}");
    }
}
