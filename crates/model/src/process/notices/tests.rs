//! Who is told what, in which order; dates that move; and an outbox that neither loses nor doubles whatever order things are recorded in.

use super::*;
use crate::finding::Finding;
use crate::process::{Process, Proofs, read};
use crate::program::{Layer, PROGRAM_LAYER};
use jiff::SignedDuration;
use proptest::prelude::*;

pub(super) const CLINIC: &str = r#"
[process]
timezone = "Europe/Warsaw"
[party.clinic]
[party.vendor]
[person.anna]
name = "Anna Żółć"
party = "clinic"
roles = ["decider"]
mail = "anna@clinic.example"
substitute = "ola"
[person.ola]
name = "Ola"
party = "clinic"
mail = "ola@clinic.example"
[person.jan]
name = "Jan Kowalski"
party = "vendor"
roles = ["technician"]
mail = "jan@vendor.example"
[stage.night]
title = "The night"
[gate.go]
stage = "night"
at = "entry"
kind = "sign-off"
roles = ["decider"]
[task.stop]
title = "stop the services"
stage = "night"
role = "technician"
minutes = 15
instruction = "systemctl stop clinic"
[task.move]
stage = "night"
role = "technician"
minutes = 60
after = ["stop"]
[task.look]
title = "look at it"
stage = "night"
role = "decider"
minutes = 30
after = ["move"]
"#;

pub(super) const HOW: &str = "[notices]\nfrom = \"greenroom@clinic.example\"\nfolder = \"outbox\"\n";

pub(super) fn parsed(text: &str) -> (Option<Process>, Vec<Finding>) {
    let layer =
        Layer { name: PROGRAM_LAYER.into(), files: [("process.toml".to_owned(), text.to_owned())].into(), opaque: Default::default() };
    read(&[layer])
}

pub(super) fn process(rules: &str) -> Process {
    let (process, findings) = parsed(&format!("{CLINIC}{HOW}{rules}"));
    process.unwrap_or_else(|| panic!("{findings:?}"))
}

pub(super) fn at(minute: i64) -> Timestamp {
    "2027-02-09T17:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minute)
}

/// Facts by whom, one a minute, as events 1, 2, 3 …
fn told(process: &Process, facts: &[(&str, Fact)]) -> Vec<Message> {
    let happened: Vec<Happened<'_>> = (1..)
        .zip(facts)
        .map(|(seq, (by, fact))| Happened { seq, at: at(i64::try_from(seq).unwrap()), by, what: What::Fact(fact) })
        .collect();
    messages("clinic", process, &Proofs::default(), &happened, |_| true)
}

fn ids(messages: &[Message]) -> Vec<String> {
    messages.iter().map(|m| m.id.to_string()).collect()
}

fn entered() -> Fact {
    Fact::StageEntered { stage: "night".into(), despite: vec![] }
}

pub(super) fn date(minute: i64) -> Fact {
    Fact::DateAgreed { stage: "night".into(), at: at(minute), despite: Vec::new() }
}

#[test]
fn whose_turn_it_is_is_told_with_the_command() {
    let p = process("[notice.turns]\non = [\"task-ready\", \"task-failed\", \"handed-over\", \"asked\"]\n");
    let all = told(
        &p,
        &[
            ("anna", entered()),
            ("jan", Fact::TaskStarted { task: "stop".into() }),
            ("jan", Fact::TaskDone { task: "stop".into() }),
            ("jan", Fact::TaskStarted { task: "move".into() }),
            ("jan", Fact::TaskFailed { task: "move".into() }),
            ("jan", Fact::TaskStarted { task: "move".into() }),
            ("jan", Fact::TaskDone { task: "move".into() }),
        ],
    );
    // Jan goes on by himself and is told all the same, also that what failed is his again; whoever waits for it is told that it failed; Ola acts in Anna's place.
    assert_eq!(ids(&all), ["1/turns/jan", "3/turns/jan", "5/turns/anna", "5/turns/jan", "5/turns/ola", "7/turns/anna", "7/turns/ola"]);
    let first = &all[0];
    assert_eq!(first.subject, "[clinic] your turn: stop the services");
    for words in
        ["Whose turn it is: Jan Kowalski", "15 minutes", "until Tue 2027-02-09 18:16", "systemctl stop clinic", "greenroom task start stop"]
    {
        assert!(first.text.contains(words), "{words}: {}", first.text);
    }
    assert!(all[2].text.contains("Jan Kowalski says so") && all[2].text.contains("Who waits for it: Anna Żółć, Ola"), "{}", all[2].text);
}

#[test]
fn what_is_asked_goes_to_whoever_may_sign_and_the_answer_to_whoever_asked() {
    let p = process("[notice.n]\non = [\"asked\", \"signed\", \"rejected\"]\n");
    let asked = Fact::Asked { gate: "go".into(), of: crate::hash::Hash::ZERO };
    let no = Fact::Signed { gate: "go".into(), approve: false, of: crate::hash::Hash::ZERO, key: None };
    let sight = |facts: &[(&str, Fact)]| told(&p, facts);
    // What was asked has another hash than what stands: it is nobody's turn to sign that.
    assert_eq!(ids(&sight(&[("jan", asked.clone())])), Vec::<String>::new());
    let state = crate::process::State::default();
    let of = crate::process::gates::Sight { process: &p, state: &state, proofs: &Proofs::default(), now: at(0) }.content("go");
    let asked = Fact::Asked { gate: "go".into(), of };
    let all = sight(&[("jan", asked), ("anna", no)]);
    assert_eq!(ids(&all), ["1/n/anna", "1/n/ola", "2/n/jan"]);
    assert!(all[0].text.contains("Jan Kowalski asks for approval") && all[0].text.contains("greenroom gate sign go"), "{}", all[0].text);
    assert!(all[2].subject.contains("rejected") && all[2].text.contains("final"), "{}", all[2].text);
}

#[test]
fn nobody_is_told_the_same_twice_or_what_they_did_themselves() {
    let p = process(
        "[notice.a]\non = [\"stage-entered\"]\nto = [\"clinic\"]\n[notice.b]\non = [\"stage-entered\", \"task-ready\"]\nto = [\"decider\", \"jan\"]\n",
    );
    let all = told(&p, &[("anna", entered())]);
    assert_eq!(ids(&all), ["1/a/ola", "1/b/anna", "1/b/jan", "1/b/ola"]);
    // Anna has entered it and is told of the task alone; Jan of both in one mail.
    assert_eq!(all[1].topics, [Topic::TaskReady].into());
    assert_eq!(all[2].topics, [Topic::StageEntered, Topic::TaskReady].into());
    assert_eq!(all[2].subject, "[clinic] `night` has begun (and 1 more)");
}

#[test]
fn a_date_moves_and_is_off_as_one_entry_of_the_calendar() {
    let p = process("[notice.d]\non = [\"date-agreed\"]\nto = [\"anna\"]\n");
    let bad = Fact::StageLeft { stage: "night".into(), good: false, despite: vec![] };
    let facts =
        [("anna", date(100)), ("jan", date(200)), ("anna", entered()), ("anna", bad.clone()), ("anna", date(900)), ("anna", entered())];
    let all = told(&p, &facts);
    let invites: Vec<&Invite> = all.iter().flat_map(|m| &m.invites).collect();
    assert_eq!(ids(&all), ["1/d/anna", "2/d/anna", "4/d/anna", "5/d/anna"]);
    assert_eq!(invites.iter().map(|i| (i.sequence, i.cancelled)).collect::<Vec<_>>(), [(1, false), (2, false), (3, true), (4, false)]);
    assert!(invites.iter().all(|i| i.uid == invites[0].uid));
    assert_eq!((invites[0].start, invites[0].end), (at(100), at(100 + 105)), "its tasks take 105 minutes one after another");
    assert_eq!((invites[2].start, invites[3].start), (at(200), at(900)));
    assert!(all[1].subject.contains("has moved to Tue 2027-02-09 21:20"), "{}", all[1].subject);
    // A stage that ended badly without a date takes none out of calendars.
    assert!(told(&p, &[("anna", entered()), ("anna", bad)]).is_empty());
}

#[test]
fn a_subject_is_one_line_and_a_webhook_is_told_beside_people() {
    let rules = "[notice.h]\non = [\"task-done\"]\nwebhook = \"https://hooks.example/x\"\nsecret = { env = \"S\" }\n";
    let p = process(rules);
    let all = told(&p, &[("jan", Fact::TaskDone { task: "stop".into() })]);
    assert_eq!(ids(&all), ["1/h"]);
    let both = process(&rules.replace("webhook", "to = [\"concerned\"]\nwebhook"));
    assert_eq!(ids(&told(&both, &[("anna", Fact::TaskDone { task: "move".into() })])), ["1/h", "1/h/ola"]);
    let (evil, findings) = parsed(
        &format!("{CLINIC}{HOW}[notice.t]\non = [\"task-ready\"]\n").replace("\"stop the services\"", "\"a\\r\\nBcc: x@y.example\""),
    );
    let evil = evil.unwrap_or_else(|| panic!("{findings:?}"));
    assert!(!told(&evil, &[("anna", entered())])[0].subject.contains(['\r', '\n']));
}

#[test]
fn what_cannot_be_is_found_in_the_file() {
    let wrong = |text: &str, code: &str, words: &str| {
        let (_, findings) = parsed(&format!("{CLINIC}{text}"));
        let hit = findings.iter().any(|f| f.code == code && f.message.contains(words));
        assert!(hit, "{text}: {findings:?}");
    };
    wrong("[notice.a]\non = [\"asked\"]\n", "GR0137", "nothing says how");
    wrong(&format!("{HOW}[notice.a]\non = [\"asked\"]\nto = [\"ann\"]\n"), "GR0137", "`ann` is no person, party or role");
    wrong(&format!("{HOW}[notice.a]\nto = [\"anna\"]\n"), "GR0137", "lacks `on`");
    wrong(
        &format!("{HOW}[notice.a]\non = [\"asked\"]\nwebhook = \"http://hooks.example/\"\nsecret = {{ env = \"S\" }}\n"),
        "GR0137",
        "cannot post",
    );
    wrong(&format!("{HOW}[notice.a]\non = [\"asked\"]\nwebhook = \"https://hooks.example/\"\n"), "GR0137", "lacks `secret`");
    wrong(
        &format!("{HOW}[notice.a]\non = [\"asked\"]\nwebhook = \"https://h.example/\"\nsecret = {{ prompt = true }}\n"),
        "GR0137",
        "nobody can be asked",
    );
    wrong("[notices]\nfrom = \"a@b.example\"\nsmtp = { host = \"mail.example\", tls = \"none\" }\n", "GR0137", "in clear");
    wrong("[notices]\nfrom = \"a@b.example\"\nsmtp = { host = \"mail.example\", password = \"geheim\" }\n", "GR0111", "in clear");
    wrong("[notices]\nfrom = \"nobody\"\nfolder = \"o\"\n", "GR0137", "no mail address");
    wrong("[notices]\nfrom = \"a@b.example\"\n[notice.a]\non = [\"asked\"]\n", "GR0137", "nothing about how mails are sent");
    let mute = CLINIC.replace("mail = \"jan@vendor.example\"\n", "");
    let (read, findings) = parsed(&format!("{mute}{HOW}[notice.a]\non = [\"asked\"]\nto = [\"jan\"]\n"));
    assert!(read.is_some() && findings.iter().any(|f| f.code == "GR0138"), "{findings:?}");
}

#[test]
fn pauses_grow_and_end() {
    let minutes: Vec<i64> = (1..8).map(|n| pause(n).as_secs() / 60).collect();
    assert_eq!(minutes, [1, 4, 16, 64, 256, 720, 720]);
}

proptest! {
    /// Whatever is recorded in whatever order, something sent is never due again, and nothing that was queued is forgotten.
    #[test]
    fn nothing_is_lost_and_what_is_sent_stays_sent(steps in proptest::collection::vec((0u8..6, 1u64..6, any::<bool>()), 0..60)) {
        let id = |seq| NoticeId { seq, rule: "r".into(), to: Some("anna".into()), mark: None };
        let (mut outbox, mut queued, mut sent) = (Outbox::default(), BTreeSet::new(), BTreeSet::new());
        for (n, (what, seq, flag)) in (1u64..).zip(steps) {
            let id = id(seq);
            let known = queued.contains(&id);
            // What a sender does: only what is due is tried, and only what was tried ends.
            let fact = match what {
                0 => NoticeFact::Begun,
                1 => NoticeFact::Queued { upto: n, notices: vec![id.clone()] },
                2 if known && !sent.contains(&id) => NoticeFact::Trying { id: id.clone() },
                3 if known && outbox.notices[&id].stands == Stands::Unknown => NoticeFact::Sent { id: id.clone() },
                4 if known && outbox.notices[&id].stands == Stands::Unknown => NoticeFact::Failed { id: id.clone(), why: Refusal::Unreachable, given_up: flag },
                5 if known => NoticeFact::Again { id: id.clone() },
                _ => continue,
            };
            if let NoticeFact::Queued { .. } = fact {
                queued.insert(id.clone());
            }
            if let NoticeFact::Sent { .. } = fact {
                sent.insert(id.clone());
            }
            outbox.apply(n, at(i64::try_from(n).unwrap()), &fact);
            let due = outbox.due(Timestamp::MAX);
            for id in &queued {
                let d = outbox.notices[id];
                prop_assert_eq!(sent.contains(id), d.stands == Stands::Sent);
                prop_assert_eq!(due.contains(id), !matches!(d.stands, Stands::Sent | Stands::GivenUp));
            }
        }
    }
}
