//! A whole go-live told in two languages: the same notices to the same people, and nothing of the one language in the other.

use super::tests::{at, parsed};
use super::*;
use crate::hash::Hash;
use crate::process::audits::Weight;
use crate::process::cases::{Outcome, Tested};
use crate::process::gates::Sight;
use crate::process::{Proofs, State};
use std::collections::BTreeSet;

const KLINIKA: &str = r#"
[process]
timezone = "Europe/Warsaw"
waivers = ["decydent"]
go_live = "noc"
[party.klinika]
[party.dostawca]
[person.anna]
name = "Anna Żółć"
party = "klinika"
roles = ["decydent"]
mail = "anna@klinika.example"
[person.jan]
name = "Jan Kowalski"
party = "dostawca"
roles = ["technik"]
mail = "jan@dostawca.example"
[person.ewa]
name = "Ewa Nowak"
party = "dostawca"
roles = ["technik"]
mail = "ewa@dostawca.example"
[stage.przygotowanie]
title = "Przygotowanie"
[stage.noc]
title = "Noc przełączenia"
after = ["przygotowanie"]
[gate.zgoda]
title = "Zgoda na noc"
stage = "noc"
at = "entry"
kind = "sign-off"
roles = ["decydent"]
[gate.kopia]
title = "Kopia od dostawcy"
stage = "noc"
at = "entry"
kind = "artefacts"
names = ["kopia"]
[gate.odpoczynek]
stage = "noc"
at = "entry"
kind = "wait"
since = "przygotowanie"
at_least = "2 days"
at_most = "15 days"
[gate.wieczorem]
stage = "noc"
at = "entry"
kind = "window"
from = "18:00"
until = "06:00"
level = "recommend"
[gate.koniec]
title = "Wszystko gotowe"
stage = "noc"
at = "exit"
kind = "tasks"
[task.zatrzymaj]
title = "Zatrzymać usługi"
stage = "noc"
role = "technik"
minutes = 22
instruction = "zatrzymać wszystko"
[task.przenies]
title = "Przenieść dane"
stage = "noc"
role = "technik"
minutes = 1
after = ["zatrzymaj"]
point_of_no_return = true
[task.obejrzyj]
title = "Obejrzeć"
stage = "noc"
role = "decydent"
minutes = 30
after = ["przenies"]
[case.wydruk]
title = "Wydruk faktury"
stage = "noc"
role = "technik"
[audit.przeglad]
title = "Serwer klinika"
stage = "przygotowanie"
role = "decydent"
points = ["dyski"]
"#;

const RULES: &str = r#"
[notice.wszystko]
on = ["stage-entered", "stage-left", "date-agreed", "asked", "signed", "rejected", "waived", "received", "task-ready", "task-started",
  "task-done", "task-failed", "handed-over", "go-live", "case-failed", "date-near", "due-near", "overdue", "wait-over", "head",
  "finding", "mended", "audit-concluded"]
to = ["anna", "jan"]
before = ["1 day"]
every = "1 week"
unsigned = true
"#;

fn scene(language: &str) -> Process {
    let how = format!("[notices]\nfrom = \"greenroom@klinika.example\"\nfolder = \"poczta\"\nlanguage = \"{language}\"\n");
    let (process, findings) = parsed(&format!("{KLINIKA}{how}{RULES}"));
    process.unwrap_or_else(|| panic!("{findings:?}"))
}

const DAY: i64 = 24 * 60;

/// Everything that is told of a go-live with a bad try, a rejection, a waiver, a date that moves and is taken back, and nobody in time.
fn told(p: &Process) -> Vec<Message> {
    let (proofs, go) = (Proofs::default(), "noc".to_owned());
    let (prepared, entered) =
        ("przygotowanie".to_owned(), |stage: &str| Fact::StageEntered { stage: stage.into(), despite: vec!["wieczorem".into()] });
    let date = |day: i64| Fact::DateAgreed { stage: "noc".into(), at: at(day * DAY), despite: Vec::new() };
    let task = |task: &str| task.to_owned();
    let on = Tested { run: "r".into(), generation: 3, recipe: Hash::ZERO, tables: Default::default() };
    let found = Fact::FindingFound {
        audit: "przeglad".into(),
        finding: "przeglad/1".into(),
        weight: Weight::Important,
        owner: Some("jan".into()),
        role: None,
        due: Some(jiff::civil::date(2027, 2, 28)),
    };
    let mut steps: Vec<(i64, &str, Option<Fact>)> = vec![
        (1, "anna", Some(entered("przygotowanie"))),
        (2, "jan", Some(Fact::StageLeft { stage: prepared.clone(), good: false, despite: vec![] })),
        (3, "anna", Some(entered("przygotowanie"))),
        (3, "anna", Some(found)),
        (3, "jan", Some(Fact::FindingMended { finding: "przeglad/1".into() })),
        (3, "anna", Some(Fact::FindingVerified { finding: "przeglad/1".into(), good: false })),
        (3, "anna", Some(Fact::AuditConcluded { audit: "przeglad".into(), positive: false })),
        (4, "jan", Some(Fact::StageLeft { stage: prepared, good: true, despite: vec![] })),
        (5, "anna", Some(date(10))),
        (6, "jan", Some(date(12))),
        (7, "jan", Some(Fact::DateWithdrawn { stage: go.clone() })),
        (8, "jan", Some(date(14))),
        (9, "jan", None),
        (21, "jan", Some(Fact::CaseJudged { case: "wydruk".into(), outcome: Outcome::Blocked, on, attached: vec![] })),
        (22, "anna", Some(Fact::Waived { gate: "zgoda".into() })),
        (
            13 * DAY + 10,
            "",
            Some(Fact::Received { name: "kopia".into(), bytes: 22, blake3: Hash::ZERO, sha256: "00".into(), stored: None, link: None }),
        ),
        (20 * DAY, "anna", Some(entered("noc"))),
        (20 * DAY + 1, "jan", Some(Fact::TaskStarted { task: task("zatrzymaj") })),
        (20 * DAY + 2, "jan", Some(Fact::TaskFailed { task: task("zatrzymaj") })),
        (20 * DAY + 3, "jan", Some(Fact::TaskStarted { task: task("zatrzymaj") })),
        (20 * DAY + 4, "ewa", Some(Fact::TaskHandedOver { task: task("zatrzymaj"), to: "jan".into() })),
        (20 * DAY + 5, "jan", Some(Fact::TaskDone { task: task("zatrzymaj") })),
        (20 * DAY + 6, "jan", Some(Fact::TaskStarted { task: task("przenies") })),
    ];
    // What is asked and answered has the hash of what stands then.
    let mut facts: Vec<(i64, &str, Fact)> = Vec::new();
    let mut state = State::default();
    for (minute, by, fact) in steps.drain(..) {
        let Some(fact) = fact else {
            let of = Sight { process: p, state: &state, proofs: &proofs, now: at(minute) }.content("zgoda");
            let answer = |approve| Fact::Signed { gate: "zgoda".into(), approve, of, key: None };
            for (by, fact) in [("jan", Fact::Asked { gate: "zgoda".into(), of }), ("anna", answer(true)), ("anna", answer(false))] {
                state.apply(at(minute), by, &fact);
                facts.push((minute, by, fact));
            }
            continue;
        };
        state.apply(at(minute), by, &fact);
        facts.push((minute, by, fact));
    }
    let mut happened: Vec<Happened<'_>> =
        (1..).zip(&facts).map(|(seq, (minute, by, fact))| Happened { seq, at: at(*minute), by, what: What::Fact(fact) }).collect();
    let last = happened.len() as u64;
    happened.push(Happened { seq: last + 1, at: at(20 * DAY + 60), by: "", what: What::GoLive { run: "s" } });
    let mut all = messages("klinika", p, &proofs, &happened, |_| true);
    // Reminders on some of the days, as a sender would decide them.
    let mut outbox = Outbox::default();
    outbox.apply(0, at(0), &NoticeFact::Begun);
    for minute in [3 * DAY, 8 * DAY, 13 * DAY, 14 * DAY + 20, 20 * DAY + 30, 29 * DAY] {
        let known: Vec<Happened<'_>> = happened.iter().filter(|h| h.at <= at(minute)).copied().collect();
        let reminders = Reminders { program: "klinika", process: p, proofs: &proofs, happened: &known };
        let (new, _) = reminders.due(&outbox, at(minute));
        outbox.apply(1000, at(minute), &NoticeFact::Reminded { now: at(minute), notices: new.clone() });
        all.extend(new.iter().map(|id| reminders.text(id, &outbox.notices[id], &outbox).unwrap()));
    }
    all
}

/// Words outside of commands, ids and people's names.
fn words(text: &str) -> BTreeSet<String> {
    let prose: String = text.lines().filter(|l| !l.starts_with("    ")).map(|l| format!("{l}\n")).collect();
    let outside: String = prose.split('`').step_by(2).collect();
    let (process, named) = (KLINIKA.to_lowercase(), |word: &str| word.chars().any(char::is_numeric));
    // Names and titles of the scene are the same in every language.
    let titles: BTreeSet<&str> = process
        .lines()
        .filter(|l| l.starts_with("title") || l.starts_with("name ="))
        .flat_map(|l| l.split(|c: char| !c.is_alphanumeric()))
        .collect();
    let all = outside.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    all.filter(|w| !w.is_empty() && !named(w) && !titles.contains(w.as_str())).collect()
}

#[test]
fn a_polish_notice_has_no_english_word_and_the_same_people_are_told_the_same() {
    let (english, polish) = (told(&scene("en")), told(&scene("pl")));
    let ids = |all: &[Message]| all.iter().map(|m| m.id.to_string()).collect::<Vec<_>>();
    assert_eq!(ids(&english), ids(&polish));
    let topics: BTreeSet<Topic> = polish.iter().flat_map(|m| m.topics.clone()).collect();
    let asked = scene("pl").notices.unwrap().rules["wszystko"].on.clone();
    assert_eq!(topics, asked, "the scene tells something of everything");
    let text = |m: &Message| {
        let invites: String = m.invites.iter().map(|i| format!("{}\n", i.description)).collect();
        format!("{}\n{}{invites}", m.subject, m.text)
    };
    let english_words: BTreeSet<String> = english.iter().flat_map(|m| words(&text(m))).collect();
    // Words of both languages, and what has no language: the zone, names of files and of people's ids in lists.
    let both = [
        "a",
        "by",
        "do",
        "go",
        "klinika",
        "program",
        "process",
        "toml",
        "europe",
        "warsaw",
        "sha",
        "to",
        "i",
        "o",
        "plan",
        "kopia",
        "wieczorem",
        "koniec",
        "przeglad",
    ];
    for m in &polish {
        let foreign: Vec<String> = words(&text(m)).intersection(&english_words).filter(|w| !both.contains(&w.as_str())).cloned().collect();
        assert!(foreign.is_empty(), "{foreign:?} in\n{}\n{}", m.subject, m.text);
        assert!(!text(m).contains(['{', '}']), "{}", m.text);
    }
    for m in &english {
        assert!(!text(m).contains(['{', '}']), "{}", m.text);
    }
    let find = |id: &str| polish.iter().find(|m| m.id.to_string() == id).unwrap_or_else(|| panic!("{id}: {:?}", ids(&polish)));
    assert_eq!(find("10/wszystko/anna").subject, "[klinika] nowy termin etapu `noc`: niedziela, 21 lutego 2027, 18:00");
    assert!(
        find("10/wszystko/anna")
            .text
            .contains("ma się rozpocząć w niedzielę 21 lutego 2027 o 18:00, a nie w piątek 19 lutego 2027 o 18:00. Kto: Jan Kowalski.")
    );
    assert!(find("4/wszystko/jan").text.contains("Do usunięcia do dnia: 28 lutego 2027."), "{}", find("4/wszystko/jan").text);
    assert!(find("7/wszystko/jan").text.contains("negatywny"), "{}", find("7/wszystko/jan").text);
    assert!(find("7/wszystko/jan").text.contains("1 uwaga jest otwarta."), "{}", find("7/wszystko/jan").text);
    assert!(find("12/wszystko/anna").text.contains("  - `zgoda` (Zgoda na noc): zatwierdzenie."), "{}", find("12/wszystko/anna").text);
    assert!(
        find("12/wszystko/anna").text.contains("odczekanie. Nie wcześniej niż w czwartek 11 lutego 2027 o 18:04."),
        "{}",
        find("12/wszystko/anna").text
    );
}

#[test]
fn everybody_is_told_in_their_own_language_and_the_rest_in_that_of_the_notices() {
    let text = KLINIKA.replace("name = \"Jan Kowalski\"", "name = \"Jan Kowalski\"\nlanguage = \"pl\"");
    let rule =
        "[notice.n]\non = [\"stage-entered\"]\nto = [\"jan\", \"ewa\"]\nwebhook = \"https://h.example/\"\nsecret = { env = \"S\" }\n";
    let (p, findings) = parsed(&format!("{text}[notices]\nfrom = \"g@k.example\"\nfolder = \"p\"\n{rule}"));
    let p = p.unwrap_or_else(|| panic!("{findings:?}"));
    let fact = Fact::StageEntered { stage: "noc".into(), despite: vec![] };
    let all = messages("klinika", &p, &Proofs::default(), &[Happened { seq: 1, at: at(1), by: "anna", what: What::Fact(&fact) }], |_| true);
    let subjects: Vec<(Option<&str>, &str)> = all.iter().map(|m| (m.id.to.as_deref(), m.subject.as_str())).collect();
    assert_eq!(
        subjects,
        [(None, "[klinika] `noc` has begun"), (Some("ewa"), "[klinika] `noc` has begun"), (Some("jan"), "[klinika] etap `noc` rozpoczęty")]
    );
    // A language that is none is found where it stands.
    let (_, findings) = parsed(&text.replace("\"pl\"", "\"xx\""));
    assert!(!findings.is_empty(), "{findings:?}");
}
