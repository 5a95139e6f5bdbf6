//! Random orders of facts that never get past a gate, and no audit that is positive past what it found.

use super::audits::{Look, Weight};
use super::tests::{DEALER, Scene, layers};
use super::*;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

/// Two audits at the dealer's: the second verifies what the first has found.
const AUDITS: &str = r#"
[audit.one]
stage = "audit-1"
role = "auditor"
points = ["line", "server"]
[audit.two]
stage = "audit-2"
role = "auditor"
follows = "one"
points = ["all is mended"]
[gate.one-positive]
stage = "audit-1"
at = "exit"
kind = "audit"
audit = "one"
[gate.two-positive]
stage = "audit-2"
at = "exit"
kind = "audit"
audit = "two"
[gate.since-one]
stage = "audit-2"
at = "entry"
kind = "wait"
since = "audit one"
at_least = "2 days"
[gate.nothing-open]
stage = "migration"
at = "entry"
kind = "findings"
of = ["audits"]
at_most = "minor"
"#;

/// Something that somebody tries.
#[derive(Clone, Debug)]
enum Try {
    Pass(u32),
    Enter(usize),
    Leave(usize, bool),
    Tick(usize, bool),
    Ask(usize, usize),
    Sign(usize, usize, bool),
    Waive(usize, usize),
    Agree(u32),
    Start(usize, usize),
    End(usize, usize, bool),
    Look(usize, usize, usize),
    Find(usize, usize, usize, usize),
    Mend(usize, usize, usize),
    Verify(usize, usize, usize, bool),
    Accept(usize, usize, usize),
    Conclude(usize, usize, bool),
}

/// Mostly the auditor.
fn auditor() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(1usize), 1 => 0usize..3]
}

/// What leads to an audit: none would be reached by chance often enough.
fn begun(audits: usize) -> Vec<Try> {
    let first = vec![Try::Enter(0), Try::Tick(0, true), Try::Tick(1, true), Try::Leave(0, true), Try::Pass(60 * 24 * 29), Try::Enter(1)];
    let second = vec![
        Try::Look(0, 0, 1),
        Try::Look(0, 1, 1),
        Try::Find(0, 1, 1, 1),
        Try::Conclude(0, 1, true),
        Try::Ask(0, 0),
        Try::Sign(0, 1, true),
        Try::Leave(1, true),
        Try::Pass(60 * 24 * 3),
        Try::Enter(2),
    ];
    [first, second].into_iter().take(audits).flatten().collect()
}

fn tries() -> impl Strategy<Value = Try> {
    prop_oneof![
        3 => (0u32..60 * 24 * 10).prop_map(Try::Pass),
        4 => (0usize..4).prop_map(Try::Enter),
        4 => (0usize..4, any::<bool>()).prop_map(|(s, g)| Try::Leave(s, g)),
        2 => (0usize..2, any::<bool>()).prop_map(|(i, d)| Try::Tick(i, d)),
        3 => (0usize..2, 0usize..3).prop_map(|(g, p)| Try::Ask(g, p)),
        4 => (0usize..2, 0usize..3, any::<bool>()).prop_map(|(g, p, a)| Try::Sign(g, p, a)),
        1 => (0usize..12, 0usize..3).prop_map(|(g, p)| Try::Waive(g, p)),
        1 => (1u32..60 * 24 * 60).prop_map(Try::Agree),
        3 => (0usize..4, 0usize..3).prop_map(|(t, p)| Try::Start(t, p)),
        3 => (0usize..4, 0usize..3, any::<bool>()).prop_map(|(t, p, g)| Try::End(t, p, g)),
        6 => (0usize..2, 0usize..2, auditor()).prop_map(|(a, n, p)| Try::Look(a, n, p)),
        4 => (0usize..2, 0usize..3, 0usize..4, auditor()).prop_map(|(a, w, o, p)| Try::Find(a, w, o, p)),
        6 => (0usize..2, 1usize..4, 0usize..3).prop_map(|(a, n, p)| Try::Mend(a, n, p)),
        5 => (0usize..2, 1usize..4, auditor(), any::<bool>()).prop_map(|(a, n, p, g)| Try::Verify(a, n, p, g)),
        1 => (0usize..2, 1usize..4, 0usize..3).prop_map(|(a, n, p)| Try::Accept(a, n, p)),
        6 => (0usize..2, auditor(), prop_oneof![4 => Just(true), 1 => Just(false)]).prop_map(|(a, p, g)| Try::Conclude(a, p, g)),
    ]
}

type Record = [(Timestamp, String, Fact)];

/// The finding that a fact is about.
fn of_finding(fact: &Fact) -> Option<&str> {
    match fact {
        Fact::FindingFound { finding, .. }
        | Fact::FindingMended { finding }
        | Fact::FindingVerified { finding, .. }
        | Fact::FindingAccepted { finding } => Some(finding),
        _ => None,
    }
}

/// Findings of an audit about which the last word is not that they are mended or accepted.
fn open(before: &Record, audit: &str, heavier: Weight) -> Vec<String> {
    let found = before.iter().filter_map(|(_, _, f)| match f {
        Fact::FindingFound { audit: a, finding, weight, .. } if a == audit && *weight >= heavier => Some(finding.clone()),
        _ => None,
    });
    let over = |id: &String| {
        let last = before.iter().rev().map(|(_, _, f)| f).find(|f| of_finding(f) == Some(id));
        matches!(last, Some(Fact::FindingVerified { good: true, .. } | Fact::FindingAccepted { .. }))
    };
    found.filter(|id| !over(id)).collect()
}

/// When an audit was concluded positive in the latest try of its stage, where nothing was found or looked at since.
fn positive(before: &Record, audit: &str, stage: &str) -> Option<Timestamp> {
    let told = before.iter().rev().find(|(_, _, f)| match f {
        Fact::StageEntered { stage: s, .. } | Fact::StageLeft { stage: s, good: false, .. } => s == stage,
        Fact::AuditConcluded { audit: a, .. } | Fact::FindingFound { audit: a, .. } | Fact::AuditPoint { audit: a, .. } => a == audit,
        _ => false,
    });
    told.and_then(|(at, _, f)| matches!(f, Fact::AuditConcluded { positive: true, .. }).then_some(*at))
}

/// What audits may put on record, judged from the list of facts alone.
fn lawful_audit(record: &Record) {
    let (at, by, fact) = record.last().unwrap();
    let before = &record[..record.len() - 1];
    let waived = |gate: &str| before.iter().any(|(_, _, f)| matches!(f, Fact::Waived { gate: g } if g == gate));
    let last = |id: &str| before.iter().rev().find(|(_, _, f)| of_finding(f) == Some(id)).unwrap();
    match fact {
        Fact::AuditConcluded { audit, positive: true } => {
            assert_eq!(by, "jan");
            let (stage, points) = if audit == "one" { ("audit-1", 2) } else { ("audit-2", 1) };
            let entered = before.iter().rposition(|(_, _, f)| matches!(f, Fact::StageEntered { stage: s, .. } if s == stage)).unwrap();
            let seen: std::collections::BTreeSet<&String> = before[entered..]
                .iter()
                .filter_map(|(_, _, f)| if let Fact::AuditPoint { audit: a, point, .. } = f { (a == audit).then_some(point) } else { None })
                .collect();
            assert_eq!(seen.len(), points, "`{audit}` is positive, and not all was looked at");
            assert!(open(before, audit, Weight::Blocking).is_empty(), "`{audit}` is positive, and something that blocks is open");
            assert!(audit == "one" || open(before, "one", Weight::Minor).is_empty(), "what the first audit found is not verified");
            let denied = |f: &Fact| matches!(f, Fact::AuditConcluded { audit: a, positive: false } if a == audit);
            assert!(!before[entered..].iter().any(|(_, _, f)| denied(f)), "a negative audit is begun anew in the next try only");
        }
        Fact::AuditConcluded { audit, positive: false } => {
            let stage = if audit == "one" { "audit-1" } else { "audit-2" };
            let last = before
                .iter()
                .rev()
                .map(|(_, _, f)| f)
                .find(|f| matches!(f, Fact::StageEntered { stage: s, .. } | Fact::StageLeft { stage: s, .. } if s == stage));
            assert!(by == "jan" && matches!(last, Some(Fact::StageEntered { .. })), "there is a next try of a stage that is on only");
        }
        Fact::AuditPoint { .. } | Fact::FindingFound { .. } => assert_eq!(by, "jan"),
        Fact::FindingMended { finding } => {
            let found = before.iter().find_map(|(_, _, f)| match f {
                Fact::FindingFound { finding: id, owner, role, .. } if id == finding => Some((owner.clone(), role.clone())),
                _ => None,
            });
            let able = match found.unwrap() {
                (Some(owner), _) if owner == "anna" => vec!["anna", "ola"],
                (Some(_), _) | (_, Some(_)) => vec!["jan"],
                _ => vec!["anna", "jan", "ola"],
            };
            assert!(able.contains(&by.as_str()), "{finding} is not {by}'s");
            assert!(!matches!(last(finding).2, Fact::FindingMended { .. }));
        }
        Fact::FindingVerified { finding, .. } => {
            let (_, mender, mended) = last(finding);
            assert!(matches!(mended, Fact::FindingMended { .. }) && mender != by && by == "jan", "{finding} is verified by {by}");
        }
        Fact::FindingAccepted { finding } => {
            assert!(["anna", "ola"].contains(&by.as_str()) && open(before, &finding[..3], Weight::Minor).contains(finding));
        }
        Fact::StageLeft { stage, good: true, .. } if stage == "audit-1" => {
            assert!(positive(before, "one", stage).is_some() || waived("one-positive"));
        }
        Fact::StageLeft { stage, good: true, .. } if stage == "audit-2" => {
            let verified = open(before, "one", Weight::Minor).is_empty();
            assert!((positive(before, "two", stage).is_some() && verified) || waived("two-positive"));
        }
        Fact::StageEntered { stage, .. } if stage == "audit-2" => {
            let waited = positive(before, "one", "audit-1").map(|concluded| at.duration_since(concluded));
            assert!(waited.is_some_and(|w| w >= SignedDuration::from_hours(47)) || waived("since-one"));
        }
        Fact::StageEntered { stage, .. } if stage == "migration" => {
            let heavy: Vec<String> = ["one", "two"].iter().flat_map(|a| open(before, a, Weight::Important)).collect();
            assert!(heavy.is_empty() || waived("nothing-open"), "{heavy:?}");
        }
        _ => {}
    }
}

fn audited() -> Process {
    let (process, findings) = read(&layers(&format!("{DEALER}{AUDITS}")));
    assert!(findings.is_empty(), "{findings:#?}");
    process.unwrap()
}

/// Whether the record allows what was just recorded, judged anew from the list of facts alone, in other words than the product's.
fn lawful(record: &Record) {
    let (at, by, fact) = record.last().unwrap();
    let before = &record[..record.len() - 1];
    let left_well = |stage: &str| {
        before
            .iter()
            .rev()
            .find(|(_, _, f)| matches!(f, Fact::StageLeft { stage: s, .. } | Fact::StageEntered { stage: s, .. } if s == stage))
            .and_then(|(at, _, f)| matches!(f, Fact::StageLeft { good: true, .. }).then_some(*at))
    };
    let waived = |gate: &str| {
        before.iter().any(|(_, who, f)| matches!(f, Fact::Waived { gate: g } if g == gate) && ["anna", "ola"].contains(&who.as_str()))
    };
    let days = |n: i64| SignedDuration::from_hours(24 * n - 1);
    match fact {
        Fact::StageEntered { stage, .. } => match stage.as_str() {
            "audit-1" => assert!(at.duration_since(left_well("readiness").unwrap()) >= days(28) || waived("four-weeks")),
            "audit-2" => {
                let waited = at.duration_since(left_well("audit-1").unwrap());
                assert!((waited >= days(2) && waited <= days(5) + SignedDuration::from_hours(2)) || waived("two-to-five-days"));
            }
            "migration" => {
                assert!(at.duration_since(left_well("audit-2").unwrap()) >= days(7) || waived("one-week"));
                let hour = at.to_zoned(jiff::tz::TimeZone::get("Europe/Warsaw").unwrap()).hour();
                assert!(!(6..18).contains(&hour) || waived("evening"));
                let approval = before.iter().rev().find_map(|(_, who, f)| match f {
                    Fact::Asked { gate, .. } if gate == "agreed" => Some(None),
                    Fact::Signed { gate, approve, .. } if gate == "agreed" => Some(Some((who.clone(), *approve))),
                    _ => None,
                });
                let asked = before.iter().rev().find(|(_, _, f)| matches!(f, Fact::Asked { gate, .. } if gate == "agreed"));
                let good = matches!((&approval, asked), (Some(Some((who, true))), Some((_, asker, _))) if who != asker && ["anna", "ola"].contains(&who.as_str()));
                assert!(good || waived("agreed"));
            }
            _ => {}
        },
        Fact::StageLeft { stage, good: true, .. } if stage == "migration" => {
            for task in ["stop", "move", "look", "open"] {
                let done = before.iter().rev().find_map(|(_, _, f)| match f {
                    Fact::TaskDone { task: t } if t == task => Some(true),
                    Fact::TaskStarted { task: t } | Fact::TaskFailed { task: t } if t == task => Some(false),
                    _ => None,
                });
                assert!(done == Some(true) || waived("all-done"), "{task} is not done");
            }
        }
        Fact::TaskStarted { task } if task == "open" => {
            assert!(before.iter().any(|(_, _, f)| matches!(f, Fact::TaskDone { task } if task == "look")));
            assert!(["anna", "ola"].contains(&by.as_str()));
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn no_order_of_calls_gets_past_a_gate_that_is_not_met(attempts in proptest::collection::vec(tries(), 1..260), start in 0i64..400, audits in 0usize..3) {
        const STAGES: [&str; 4] = ["readiness", "audit-1", "audit-2", "migration"];
        const PERSONS: [&str; 3] = ["anna", "jan", "ola"];
        const SIGNED: [&str; 2] = ["audit-1-signed", "agreed"];
        const GATES: [&str; 12] = [
            "four-weeks", "audit-1-signed", "two-to-five-days", "one-week", "evening", "agreed", "all-done", "prepared",
            "one-positive", "two-positive", "since-one", "nothing-open",
        ];
        const AUDIT: [&str; 2] = ["one", "two"];
        const OWNERS: [Option<&str>; 4] = [None, Some("anna"), Some("technician"), Some("jan")];
        const WEIGHTS: [Weight; 3] = [Weight::Minor, Weight::Important, Weight::Blocking];
        let finding = |audit: usize, n: usize| format!("{}/{n}", AUDIT[audit]);
        const TASKS: [&str; 4] = ["stop", "move", "look", "open"];
        let mut s = Scene::new("2026-09-01T07:00:00Z");
        s.process = audited();
        s.now += SignedDuration::from_hours(24 * start);
        let mut record = Vec::new();
        for attempt in begun(audits).into_iter().chain(attempts) {
            let (by, fact) = match attempt {
                Try::Pass(minutes) => { s.now += SignedDuration::from_mins(i64::from(minutes)); continue; }
                Try::Enter(stage) => ("jan", s.sight().enter(STAGES[stage])),
                Try::Leave(stage, good) => ("jan", s.sight().leave(STAGES[stage], good)),
                Try::Tick(item, done) => ("jan", s.sight().tick("prepared", ["server", "licences"][item], done, Some("jan"))),
                Try::Ask(gate, by) => (PERSONS[by], s.sight().ask(SIGNED[gate], Some(PERSONS[by]))),
                Try::Sign(gate, by, approve) => (PERSONS[by], s.sight().sign(SIGNED[gate], Some(PERSONS[by]), approve)),
                Try::Waive(gate, by) => (PERSONS[by], s.sight().waive(GATES[gate], Some(PERSONS[by]))),
                Try::Agree(minutes) => ("anna", s.sight().agree("migration", s.now + SignedDuration::from_mins(i64::from(minutes)))),
                Try::Start(task, by) => (PERSONS[by], s.sight().start_task(TASKS[task], Some(PERSONS[by]))),
                Try::End(task, by, good) => (PERSONS[by], s.sight().end_task(TASKS[task], Some(PERSONS[by]), good)),
                Try::Look(audit, n, by) => {
                    (PERSONS[by], s.sight().look(AUDIT[audit], ["1", "2"][n], [Look::Good, Look::Bad][n], Some(PERSONS[by])))
                }
                Try::Find(audit, w, o, by) => {
                    (PERSONS[by], s.sight().find(AUDIT[audit], WEIGHTS[w], OWNERS[o], None, Some(PERSONS[by])))
                }
                Try::Mend(audit, n, by) => (PERSONS[by], s.sight().mended(&finding(audit, n), Some(PERSONS[by]))),
                Try::Verify(audit, n, by, good) => (PERSONS[by], s.sight().verify(&finding(audit, n), good, Some(PERSONS[by]))),
                Try::Accept(audit, n, by) => (PERSONS[by], s.sight().accept(&finding(audit, n), Some(PERSONS[by]))),
                Try::Conclude(audit, by, good) => (PERSONS[by], s.sight().conclude(AUDIT[audit], good, Some(PERSONS[by]))),
            };
            let Ok(fact) = fact else { continue };
            s.state.apply(s.now, by, &fact);
            record.push((s.now, by.to_owned(), fact));
            lawful(&record);
            lawful_audit(&record);
        }
        let reached = ["audit-1", "audit-2"][..audits].iter().all(|a| record.iter().any(|(_, _, f)| matches!(f, Fact::StageEntered { stage, .. } if stage == a)));
        prop_assert!(reached, "what leads to an audit does not");
    }
}
