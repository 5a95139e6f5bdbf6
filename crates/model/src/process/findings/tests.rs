//! Nothing heavier is open: of audits, of a check, of what runs found; and what is not on record counts as nothing that is known.

use super::{Report, Reporter};
use crate::finding::{Noticed, Severity};
use crate::hash::Hash;
use crate::process::audits::Weight;
use crate::process::gates::Sight;
use crate::process::tests::layers;
use crate::process::{Fact, Process, Proofs, State, read};
use jiff::Timestamp;

const GATES: &str = r#"
[process]
waivers = ["decider"]
[party.clinic]
[person.anna]
party = "clinic"
roles = ["decider"]
[person.maria]
party = "clinic"
roles = ["auditor"]
[stage.one]
[stage.live]
after = ["one"]
[audit.one]
stage = "one"
role = "auditor"
points = ["server"]
[audit.other]
stage = "one"
role = "auditor"
points = ["line"]
[gate.trifles]
stage = "live"
at = "entry"
kind = "findings"
of = ["audits"]
[gate.one-only]
stage = "live"
at = "entry"
kind = "findings"
of = ["audit one"]
at_most = "none"
[gate.own]
stage = "live"
at = "entry"
kind = "findings"
of = ["check", "rehearsal", "dress-rehearsal"]
accepted = { GR0510 = "nobody writes at night" }
[gate.agreed]
stage = "live"
at = "entry"
kind = "sign-off"
roles = ["decider"]
"#;

fn noticed(code: &str, severity: Severity) -> Noticed {
    Noticed { code: code.into(), severity, message: "something".into() }
}

struct World {
    process: Process,
    state: State,
    proofs: Proofs,
}

impl World {
    fn new() -> World {
        let (process, findings) = read(&layers(GATES));
        assert!(findings.is_empty(), "{findings:#?}");
        World { process: process.unwrap(), state: State::default(), proofs: Proofs::default() }
    }

    fn sight(&self) -> Sight<'_> {
        Sight { process: &self.process, state: &self.state, proofs: &self.proofs, now: Timestamp::UNIX_EPOCH }
    }

    fn record(&mut self, by: &str, fact: Fact) {
        self.state.apply(Timestamp::UNIX_EPOCH, by, &fact);
    }

    fn why(&self, gate: &str) -> (bool, String) {
        let s = self.sight().standing(gate);
        (s.met, s.why)
    }

    fn find(&mut self, audit: &str, weight: Weight) {
        let fact = self.sight().find(audit, weight, Some("anna"), None, Some("maria")).unwrap();
        self.record("maria", fact);
    }

    fn report(&mut self, reporter: Reporter, found: Option<Vec<Noticed>>) {
        self.proofs.reports.insert(reporter, Report { run: "run-1".into(), found });
    }
}

#[test]
fn findings_of_audits_count_by_their_weight() {
    let mut w = World::new();
    w.record("anna", Fact::StageEntered { stage: "one".into(), despite: Vec::new() });
    assert_eq!(w.why("trifles"), (true, "nothing above minor is open of audits".into()));
    w.find("one", Weight::Minor);
    w.find("other", Weight::Important);
    w.find("other", Weight::Blocking);
    assert_eq!(w.why("trifles"), (false, "open: other/2 (blocking, open), other/1 (important, open)".into()));
    assert_eq!(w.sight().standing("trifles").turn, ["anna"]);
    // That its day is over is said, and makes no signature stale.
    let fact = w.sight().find("one", Weight::Blocking, Some("anna"), Some(jiff::civil::date(1970, 1, 2)), Some("maria")).unwrap();
    w.record("maria", fact);
    let later = Sight { now: "1970-01-03T00:00:00Z".parse().unwrap(), ..w.sight() };
    assert!(later.standing("trifles").why.contains("one/2 (blocking, open), which was to be mended until 1970-01-02"));
    assert_eq!(later.content("agreed"), w.sight().content("agreed"));
    w.record("anna", Fact::FindingAccepted { finding: "one/2".into() });
    assert_eq!(w.why("one-only"), (false, "open: one/1 (minor, open)".into()));
    assert_eq!(w.sight().findings_at("one-only").len(), 1);
    assert_eq!(w.sight().findings_at("trifles").len(), 3);
    let before = w.sight().content("agreed");
    for id in ["other/1", "other/2"] {
        w.record("anna", Fact::FindingMended { finding: id.into() });
        assert!(w.why("trifles").1.contains(&format!("{id} (")), "mended is not verified");
        w.record("maria", Fact::FindingVerified { finding: id.into(), good: true });
    }
    assert!(w.why("trifles").0);
    assert_ne!(w.sight().content("agreed"), before, "whoever approved of it approved of something else");
    w.record("anna", Fact::FindingAccepted { finding: "one/1".into() });
    assert_eq!(w.why("one-only"), (true, "nothing is open of audit one".into()));
}

#[test]
fn what_greenroom_found_counts_where_it_is_on_record_and_about_what_stands() {
    let mut w = World::new();
    let (one, other) = (Hash::of_json(&1), Hash::of_json(&2));
    w.proofs.program = Some(one);
    let why = w.why("own").1;
    assert!(why.contains("no check is on record") && why.contains("no pilot stands") && why.contains("no dress rehearsal"), "{why}");
    w.report(Reporter::Rehearsal, None);
    w.report(Reporter::DressRehearsal, Some(vec![]));
    assert!(w.why("own").1.contains("what `run-1` found is not on record"), "{:?}", w.why("own"));
    w.report(Reporter::Rehearsal, Some(vec![noticed("GR0510", Severity::Warning), noticed("GR0125", Severity::Note)]));
    w.record("anna", Fact::ProgramChecked { of: other, found: vec![] });
    assert!(w.why("own").1.contains("the program is another one since it was checked"), "{:?}", w.why("own"));
    w.record("anna", Fact::ProgramChecked { of: one, found: vec![] });
    let (met, why) = w.why("own");
    assert!(met && why.contains("accepted by name: GR0510"), "{why}");
    w.report(Reporter::DressRehearsal, Some(vec![noticed("GR0741", Severity::Warning), noticed("GR0741", Severity::Warning)]));
    w.record("anna", Fact::ProgramChecked { of: one, found: vec![noticed("GR0301", Severity::Error)] });
    assert_eq!(w.why("own"), (false, "open: GR0301 of check (error), GR0741 of `run-1` (warning, 2 times)".into()));
}

#[test]
fn faults_of_such_gates_are_named() {
    for (was, becomes, words) in [
        ("of = [\"audits\"]", "of = [\"auditors\"]", "`auditors` reports no findings"),
        ("of = [\"audits\"]", "of = []", "`of` names nobody"),
        ("of = [\"audits\"]", "of = 2", "lacks `of`"),
        ("of = [\"audit one\"]", "of = [\"audit won\"]", "there is no audit `won`"),
        ("at_most = \"none\"", "at_most = \"blocking\"", "`blocking` is no weight"),
        ("GR0510", "GR9999", "there is no code `GR9999`"),
        ("\"nobody writes at night\"", "\" \"", "nothing says why `GR0510` is accepted"),
        ("kind = \"sign-off\"", "accepted = { GR0510 = \"x\" }\nkind = \"sign-off\"", "`accepted` means nothing"),
    ] {
        let (process, findings) = read(&layers(&GATES.replacen(was, becomes, 1)));
        assert!(process.is_none() && findings.iter().any(|f| f.message.contains(words)), "{words}: {findings:#?}");
    }
}
