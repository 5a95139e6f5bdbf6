//! The test plan: what testers try on the pilot, how each case came out on which generation, and whether that still says something about the pilot that stands.
//!
//! Owns outcomes and when they are stale. A case that names its tables stays tested as long as the upgrade and these tables' treatment are the same; one that names none, as long as the
//! generation is. Does not own what testers saw: notes and files stay beside the record.

use super::gates::{Refused, Sight, Standing};
use super::state::Mark;
use super::{Fact, Process};
use crate::hash::Hash;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Something that a tester tries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Case {
    /// What is tried.
    pub title: String,
    /// The stage that it belongs to.
    pub stage: String,
    /// Who tries it: a role.
    pub role: String,
    /// Whose it is, where several parties have people with the role.
    pub party: Option<String>,
    /// What a person does and has to see, in words.
    pub steps: Option<String>,
    /// Where in the application.
    pub area: Option<String>,
    /// Tables that it is about; without any it is about everything.
    pub tables: BTreeSet<String>,
}

/// How a case came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As it should.
    Passed,
    /// Not as it should.
    Failed,
    /// It could not be tried.
    Blocked,
}

impl Outcome {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Failed => "failed",
            Outcome::Blocked => "blocked",
        }
    }
}

/// A pilot that can be, or was, tested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tested {
    /// The run that made it.
    pub run: String,
    /// Its generation.
    pub generation: u32,
    /// Hash of the upgrade, of how configuration was carried over, and of the engine's version.
    pub recipe: Hash,
    /// How the tables were made that cases name: hash of columns, their types and what was decided about them, by the names that a program writes.
    pub tables: BTreeMap<String, Hash>,
}

impl Tested {
    /// How a table was made; one that is not copied (the upgrade makes it, for example) has no hash of its own.
    fn table(&self, name: &str) -> Hash {
        self.tables.get(name).copied().unwrap_or(Hash::ZERO)
    }
}

/// A file that a tester attached. It stays where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its bytes.
    pub bytes: u64,
    /// BLAKE3 of its content.
    pub blake3: Hash,
}

/// What was last said of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CaseState {
    /// How it came out.
    pub outcome: Outcome,
    /// Who says so.
    pub by: String,
    /// When.
    pub at: Mark,
    /// On which pilot.
    pub on: Tested,
    /// Files.
    pub attached: Vec<Attachment>,
}

/// A case as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CaseLine {
    /// Its id.
    pub case: String,
    /// What is tried.
    pub title: String,
    /// The stage.
    pub stage: String,
    /// `passed`, `failed`, `blocked`, `again` (it passed, on another pilot than the one that stands) or `open`.
    pub stands: &'static str,
    /// Why it has to be tried again.
    pub why: Option<String>,
    /// Who may try it: ids of persons.
    pub testers: Vec<String>,
    /// What was last said of it.
    pub last: Option<CaseState>,
}

impl Process {
    /// The cases of a stage.
    pub fn cases_of<'p>(&'p self, stage: &'p str) -> impl Iterator<Item = (&'p String, &'p Case)> {
        self.cases.iter().filter(move |(_, c)| c.stage == stage)
    }
}

impl Sight<'_> {
    /// Who may try a case.
    pub fn testers(&self, case: &Case) -> Vec<String> {
        let of_party = |id: &String| case.party.as_ref().is_none_or(|p| self.process.persons.get(id).is_some_and(|x| x.party == *p));
        self.with_roles(&[case.role.clone()].into()).into_iter().filter(of_party).collect()
    }

    /// Why what was said of a case says nothing about the pilot that stands; none where it does.
    fn stale(&self, case: &Case, on: &Tested) -> Option<String> {
        let Some(now) = &self.proofs.pilot else { return Some("no pilot stands".into()) };
        if case.tables.is_empty() {
            let other = on.generation != now.generation || on.recipe != now.recipe;
            return other.then(|| format!("generation {} was tested, {} stands", on.generation, now.generation));
        }
        if on.recipe != now.recipe {
            return Some(format!("the upgrade or the engine is another one since generation {}", on.generation));
        }
        let other: Vec<&str> =
            case.tables.iter().filter(|t| !on.tables.contains_key(*t) || on.table(t) != now.table(t)).map(String::as_str).collect();
        (!other.is_empty()).then(|| format!("made in another way since generation {}: {}", on.generation, other.join(", ")))
    }

    /// How a case stands.
    pub fn case(&self, id: &str, case: &Case) -> CaseLine {
        let last = self.state.cases.get(id).cloned();
        let why = last.as_ref().and_then(|l| self.stale(case, &l.on));
        let stands = match (&last, &why) {
            (None, _) => "open",
            (Some(l), Some(_)) if l.outcome == Outcome::Passed => "again",
            (Some(l), _) => l.outcome.word(),
        };
        let (title, stage) = (case.title.clone(), case.stage.clone());
        CaseLine { case: id.to_owned(), title, stage, stands, why, testers: self.testers(case), last }
    }

    /// How a gate stands that asks for cases: those that it names, or all of its stage. What was said before `since` was about another try.
    pub(super) fn test_plan(&self, stage: &str, named: &BTreeSet<String>, since: u64, base: Standing) -> Standing {
        let wanted = self.process.cases.iter().filter(|(id, c)| if named.is_empty() { c.stage == stage } else { named.contains(*id) });
        let (mut open, mut turn, mut all): (BTreeMap<&str, Vec<String>>, BTreeSet<String>, usize) = Default::default();
        for (id, case) in wanted {
            all += 1;
            let line = self.case(id, case);
            let said = line.last.as_ref().is_some_and(|l| l.at.number > since);
            let word = if said { line.stands } else { "open" };
            if word == "passed" {
                continue;
            }
            let shown = line.why.filter(|_| word == "again").map_or_else(|| id.clone(), |why| format!("{id} ({why})"));
            open.entry(word).or_default().push(shown);
            turn.extend(line.testers);
        }
        if open.is_empty() {
            return Standing { met: true, why: format!("all {all} cases passed"), ..base };
        }
        let words = [("failed", "failed"), ("blocked", "blocked"), ("again", "to be tested again"), ("open", "not tested")];
        let said: Vec<String> = words.iter().filter_map(|(key, word)| Some(format!("{word}: {}", open.get(key)?.join(", ")))).collect();
        Standing { turn: turn.into_iter().collect(), why: said.join("; "), ..base }
    }

    /// Puts on record how a case came out on the pilot that stands.
    ///
    /// # Errors
    /// When there is no such case, its stage is not on, no pilot stands, or the person may not.
    pub fn judge(&self, id: &str, by: Option<&str>, outcome: Outcome, attached: Vec<Attachment>) -> Result<Fact, Refused> {
        let no = |message: String, hint: String| Err(Refused { message, hint, gates: Vec::new() });
        let Some(case) = self.process.cases.get(id) else {
            let near = crate::program::text::nearest(id, self.process.cases.keys().map(String::as_str));
            let hint = near.map_or("`greenroom test-plan` lists them".to_owned(), |n| format!("did you mean `{n}`?"));
            return no(format!("there is no case `{id}`"), hint);
        };
        let testers = self.testers(case);
        if !by.is_some_and(|by| testers.iter().any(|t| t == by)) {
            let who = by.unwrap_or("nobody who is known");
            return no(
                format!("`{id}` is not {who}'s: it is for the role `{}`", case.role),
                format!("those who may: {}", testers.join(", ")),
            );
        }
        if !self.state.stage(&case.stage).is_on() {
            return no(format!("the stage `{}` is not on", case.stage), format!("`greenroom stage enter {}`", case.stage));
        }
        let Some(pilot) = &self.proofs.pilot else {
            return no(format!("no pilot stands on which `{id}` could be tried"), "`greenroom rehearse` makes one".into());
        };
        let tables = case.tables.iter().map(|t| (t.clone(), pilot.table(t))).collect();
        Ok(Fact::CaseJudged { case: id.to_owned(), outcome, on: Tested { tables, ..pilot.clone() }, attached })
    }
}

impl CaseState {
    /// As a fact says it.
    pub(super) fn new(at: (u64, Timestamp), by: &str, outcome: Outcome, on: &Tested, attached: &[Attachment]) -> CaseState {
        let mark = Mark { number: at.0, at: at.1 };
        CaseState { outcome, by: by.to_owned(), at: mark, on: on.clone(), attached: attached.to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{Proofs, Side, State, read};
    use crate::program::{Layer, PROGRAM_LAYER};

    const PLAN: &str = r#"
[party.clinic]
[party.vendor]
[person.anna]
party = "clinic"
roles = ["tester"]
[person.jan]
party = "vendor"
roles = ["tester"]
[stage.test]
[gate.tried]
stage = "test"
at = "exit"
kind = "test-plan"
[case.invoice]
title = "an invoice prints"
stage = "test"
role = "tester"
party = "clinic"
tables = ["invoice", "made.by-upgrade"]
[case.everything]
stage = "test"
role = "tester"
"#;

    fn process(text: &str) -> Result<Process, Vec<String>> {
        let layer =
            Layer { name: PROGRAM_LAYER.into(), files: [("process.toml".to_owned(), text.to_owned())].into(), opaque: Default::default() };
        let (process, findings) = read(&[layer]);
        process.ok_or_else(|| findings.into_iter().map(|f| f.message).collect())
    }

    fn pilot(generation: u32, upgrade: &str, invoice: &str) -> Tested {
        let tables = [("invoice", invoice), ("other", "x")].map(|(t, how)| (t.to_owned(), Hash::of_json(&how))).into();
        Tested { run: format!("rehearsal-{generation}"), generation, recipe: Hash::of_json(&upgrade), tables }
    }

    struct World {
        process: Process,
        state: State,
        proofs: Proofs,
    }

    impl World {
        fn sight(&self) -> Sight<'_> {
            Sight { process: &self.process, state: &self.state, proofs: &self.proofs, now: Timestamp::UNIX_EPOCH }
        }
        fn judge(&mut self, by: &str, case: &str, outcome: Outcome) {
            let fact = self.sight().judge(case, Some(by), outcome, vec![]).unwrap();
            self.state.apply(Timestamp::UNIX_EPOCH, by, &fact);
        }
        fn refused(&self, by: Option<&str>, case: &str, words: &str) {
            let refused = self.sight().judge(case, by, Outcome::Passed, vec![]).unwrap_err();
            assert!(format!("{} {}", refused.message, refused.hint).contains(words), "{refused:?}");
        }
        fn why(&self) -> (bool, String, Vec<String>) {
            let s = self.sight().standing("tried");
            (s.met, s.why, s.turn)
        }
        fn enter(&mut self) {
            let fact = self.sight().enter("test").unwrap();
            self.state.apply(Timestamp::UNIX_EPOCH, "anna", &fact);
        }
    }

    #[test]
    fn outcomes_hold_as_long_as_what_was_tested_is_the_same() {
        let mut w = World { process: process(PLAN).unwrap(), state: State::default(), proofs: Proofs::default() };
        w.refused(Some("anna"), "invoice", "the stage `test` is not on");
        w.enter();
        w.refused(Some("anna"), "invoice", "no pilot stands");
        w.proofs.pilot = Some(pilot(1, "9.4", "a"));
        w.refused(Some("jan"), "invoice", "those who may: anna");
        w.refused(None, "invoice", "nobody who is known");
        w.refused(Some("anna"), "invoce", "did you mean `invoice`?");
        assert_eq!(w.why(), (false, "not tested: everything, invoice".into(), vec!["anna".into(), "jan".into()]));
        w.judge("anna", "invoice", Outcome::Failed);
        w.judge("jan", "everything", Outcome::Passed);
        assert_eq!(w.why(), (false, "failed: invoice".into(), vec!["anna".into()]));
        w.judge("anna", "invoice", Outcome::Passed);
        assert!(w.why().0);
        let shown = w.sight().content("tried");

        // Another generation: what names its tables holds, what names none does not.
        w.proofs.pilot = Some(pilot(2, "9.4", "a"));
        assert_eq!(
            w.why(),
            (false, "to be tested again: everything (generation 1 was tested, 2 stands)".into(), vec!["anna".into(), "jan".into()])
        );
        assert_ne!(w.sight().content("tried"), shown, "whoever approved of it approved of something else");
        w.judge("anna", "everything", Outcome::Passed);
        assert!(w.why().0);
        // Another treatment of its table, and of another one.
        w.proofs.pilot = Some(pilot(2, "9.4", "b"));
        assert!(w.why().1.contains("invoice (made in another way since generation 1: invoice)"), "{:?}", w.why());
        let mut other = pilot(2, "9.4", "a");
        other.tables.insert("other".into(), Hash::ZERO);
        w.proofs.pilot = Some(other);
        assert!(w.why().0, "{:?}", w.why());
        // A table that came about, another upgrade, another list of tables, no pilot.
        let mut more = pilot(2, "9.4", "a");
        more.tables.insert("made.by-upgrade".into(), Hash::of_json(&1));
        w.proofs.pilot = Some(more);
        assert!(w.why().1.contains("made.by-upgrade"), "{:?}", w.why());
        w.proofs.pilot = Some(pilot(2, "9.5", "a"));
        assert!(w.why().1.contains("the upgrade or the engine is another one"), "{:?}", w.why());
        w.proofs.pilot = Some(pilot(2, "9.4", "a"));
        w.process.cases.get_mut("invoice").unwrap().tables.insert("other".into());
        assert!(w.why().1.contains("since generation 1: other"), "{:?}", w.why());
        w.proofs.pilot = None;
        assert!(w.why().1.contains("no pilot stands"), "{:?}", w.why());
    }

    #[test]
    fn another_try_of_the_stage_is_tested_anew() {
        let mut w = World { process: process(PLAN).unwrap(), state: State::default(), proofs: Proofs::default() };
        w.proofs.pilot = Some(pilot(1, "9.4", "a"));
        w.enter();
        w.judge("anna", "invoice", Outcome::Passed);
        w.judge("anna", "everything", Outcome::Passed);
        assert!(w.sight().unmet("test", Side::Exit).0.is_empty());
        let bad = w.sight().leave("test", false).unwrap();
        w.state.apply(Timestamp::UNIX_EPOCH, "anna", &bad);
        w.enter();
        assert_eq!(w.why().1, "not tested: everything, invoice");
    }

    #[test]
    fn a_gate_without_cases_is_a_fault_of_the_file() {
        let wrong = |text: &str, words: &str| {
            let messages = process(text).unwrap_err();
            assert!(messages.iter().any(|m| m.contains(words)), "{messages:?}");
        };
        let none = PLAN.split("[case.invoice]").next().unwrap();
        wrong(none, "the stage `test` has no cases");
        wrong(&PLAN.replace("kind = \"test-plan\"", "kind = \"test-plan\"\ncases = [\"invoices\"]"), "there is no case `invoices`");
        wrong(&PLAN.replace("kind = \"test-plan\"", "kind = \"tasks\"\ncases = [\"invoice\"]"), "means nothing for a gate of this kind");
        wrong(&PLAN.replacen("role = \"tester\"\nparty", "role = \"testers\"\nparty", 1), "nobody has the role `testers`");
    }
}
