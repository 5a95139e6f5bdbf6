//! Reminders: each told once, of the date that stands, at its time; and what is said in another language is said in it whole.

use super::tests::{CLINIC, HOW, at, date, parsed, process};
use super::*;
use crate::process::gates::Sight;
use crate::process::{Proofs, State};

/// What is on record, and what was decided over it.
#[derive(Default)]
struct Record {
    facts: Vec<(u64, Timestamp, &'static str, Fact)>,
    outbox: Outbox,
    seq: u64,
}

impl Record {
    fn begun() -> Record {
        let mut record = Record::default();
        record.outbox.apply(0, at(0), &NoticeFact::Begun);
        record
    }

    fn fact(&mut self, minute: i64, by: &'static str, fact: Fact) {
        self.seq += 1;
        self.facts.push((self.seq, at(minute), by, fact));
    }

    fn happened(&self) -> Vec<Happened<'_>> {
        self.facts.iter().map(|(seq, at, by, fact)| Happened { seq: *seq, at: *at, by, what: What::Fact(fact) }).collect()
    }

    /// What a sender does at a moment: decides, records that, and sends. Gives what it sends.
    fn send(&mut self, p: &Process, now: Timestamp) -> Vec<Message> {
        let proofs = Proofs::default();
        let happened = self.happened();
        let reminders = Reminders { program: "clinic", process: p, proofs: &proofs, happened: &happened };
        let (new, moot) = reminders.due(&self.outbox, now);
        let mut outbox = self.outbox.clone();
        let mut seq = self.seq;
        for id in moot {
            seq += 1;
            outbox.apply(seq, now, &NoticeFact::Moot { id });
        }
        if !new.is_empty() {
            seq += 1;
            outbox.apply(seq, now, &NoticeFact::Reminded { now, notices: new });
        }
        let sent: Vec<Message> = outbox.due(now).iter().map(|id| reminders.text(id, &outbox.notices[id], &outbox).unwrap()).collect();
        for m in &sent {
            seq += 1;
            outbox.apply(seq, now, &NoticeFact::Sent { id: m.id.clone() });
        }
        drop(happened);
        (self.outbox, self.seq) = (outbox, seq);
        sent
    }

    fn ids(&mut self, p: &Process, now: Timestamp) -> Vec<String> {
        self.send(p, now).iter().map(|m| m.id.to_string()).collect()
    }
}

const DAY: i64 = 24 * 60;

const RULE: &str = "[notice.r]\non = [\"date-near\", \"due-near\", \"overdue\"]\nbefore = [\"5 business days\", \"1 day\"]\n";

/// A gate at the entry that Anna signs.
fn with_gate(rules: &str) -> Process {
    let text = format!("{CLINIC}{HOW}{rules}").replace("at = \"entry\"", "at = \"entry\"\ntitle = \"Go\"");
    parsed(&text).0.unwrap()
}

#[test]
fn a_date_is_told_before_it_as_often_as_the_rule_says_and_each_time_once() {
    let p = with_gate(RULE);
    let mut r = Record::begun();
    // at(0) is a Tuesday at 18:00 in Warsaw; the date is the Tuesday two weeks later.
    r.fact(1, "anna", date(14 * DAY));
    assert!(r.ids(&p, at(2)).is_empty(), "it was told just now");
    assert!(r.ids(&p, at(7 * DAY - 1)).is_empty());
    let first = r.send(&p, at(7 * DAY));
    let ids: Vec<String> = first.iter().map(|m| m.id.to_string()).collect();
    assert_eq!(ids, ["1/r/anna@before.5-business-days", "1/r/jan@before.5-business-days", "1/r/ola@before.5-business-days"]);
    // Who does something there is told of the date, and whoever has not signed in their place that it is due.
    assert_eq!(first[0].subject, "[clinic] reminder: `night` is agreed for Tue 2027-02-23 18:00 (and 1 more)");
    assert_eq!(first[0].topics, [Topic::DateNear, Topic::DueNear].into(), "nobody asked yet: it is due for those of the stage");
    assert!(
        first[1].text.contains("`night` (The night) is to begin on Tue 2027-02-23 18:00.")
            && first[1].text.contains("go: nobody has asked"),
        "{}",
        first[1].text
    );
    assert!(first[1].text.contains("It is about event 1 of its record."), "{}", first[1].text);
    assert!(r.ids(&p, at(7 * DAY)).is_empty() && r.ids(&p, at(12 * DAY)).is_empty(), "told a second time");
    assert_eq!(r.ids(&p, at(13 * DAY)).len(), 3);
    assert!(r.ids(&p, at(14 * DAY - 1)).is_empty());
    // It passes, and nothing begins.
    assert!(r.ids(&p, at(14 * DAY + 14)).is_empty());
    let late = r.send(&p, at(14 * DAY + 15));
    assert_eq!(late[0].id.to_string(), "1/r/anna@late");
    assert_eq!(late[0].subject, "[clinic] overdue: `night` has not begun");
    assert!(r.ids(&p, at(20 * DAY)).is_empty());
}

#[test]
fn of_what_passed_while_nobody_ran_only_the_latest_is_told_and_only_while_the_date_is_ahead() {
    let p = with_gate(RULE);
    let mut r = Record::begun();
    r.fact(1, "anna", date(14 * DAY));
    assert_eq!(r.ids(&p, at(14 * DAY - 60))[0], "1/r/anna@before.1-day");
    assert!(r.ids(&p, at(14 * DAY - 59)).is_empty(), "the earlier one is told late");
    let mut r = Record::begun();
    r.fact(1, "anna", date(14 * DAY));
    let all = r.ids(&p, at(15 * DAY));
    assert!(all.iter().all(|id| id.ends_with("@late")), "{all:?}");
    // A date that is agreed when the time for it has passed was told by its agreement.
    let mut r = Record::begun();
    r.fact(1, "anna", date(3 * DAY));
    assert!(r.ids(&p, at(5)).is_empty());
    assert_eq!(r.ids(&p, at(2 * DAY)).len(), 3);
}

#[test]
fn a_date_that_moves_has_reminders_of_its_own_and_the_old_ones_are_not_sent() {
    let p = with_gate(RULE);
    let mut r = Record::begun();
    r.fact(1, "anna", date(14 * DAY));
    r.fact(2, "anna", date(28 * DAY));
    assert!(r.ids(&p, at(7 * DAY)).is_empty() && r.ids(&p, at(13 * DAY)).is_empty() && r.ids(&p, at(15 * DAY)).is_empty());
    assert_eq!(r.ids(&p, at(21 * DAY))[0], "2/r/anna@before.5-business-days");
    // Taken back: nothing any more, not even that it is late.
    r.fact(21 * DAY + 1, "anna", Fact::DateWithdrawn { stage: "night".into() });
    assert!(r.ids(&p, at(27 * DAY)).is_empty() && r.ids(&p, at(40 * DAY)).is_empty());
    // Begun: neither.
    let mut r = Record::begun();
    r.fact(1, "anna", date(14 * DAY));
    r.fact(2, "anna", Fact::StageEntered { stage: "night".into(), despite: vec![] });
    assert!(r.ids(&p, at(13 * DAY)).is_empty() && r.ids(&p, at(16 * DAY)).is_empty());
}

#[test]
fn what_could_not_be_sent_in_time_is_not_sent_when_it_is_not_so_any_more() {
    let p = with_gate(RULE);
    let mut r = Record::begun();
    r.fact(1, "anna", date(14 * DAY));
    let proofs = Proofs::default();
    let now = at(7 * DAY);
    let happened = r.happened();
    let (new, _) = Reminders { program: "clinic", process: &p, proofs: &proofs, happened: &happened }.due(&r.outbox, now);
    drop(happened);
    r.seq += 1;
    r.outbox.apply(r.seq, now, &NoticeFact::Reminded { now, notices: new.clone() });
    // Decided, and its sender died: the same text is made again later.
    assert_eq!(r.outbox.due(now), new);
    r.fact(7 * DAY + 5, "anna", date(30 * DAY));
    assert!(r.ids(&p, at(7 * DAY + 6)).is_empty());
    assert_eq!(r.outbox.count(Stands::Moot), 3);
    assert!(r.outbox.next().is_none());
}

#[test]
fn whose_turn_it_is_at_a_gate_is_told_what_is_due_and_who_has_signed_is_not() {
    let p = with_gate("[notice.r]\non = [\"due-near\"]\nbefore = [\"1 day\"]\n");
    let mut r = Record::begun();
    r.fact(1, "anna", date(14 * DAY));
    let mut state = State::default();
    state.apply(at(1), "anna", &date(14 * DAY));
    let of = Sight { process: &p, state: &state, proofs: &Proofs::default(), now: at(1) }.content("go");
    r.fact(3, "jan", Fact::Asked { gate: "go".into(), of });
    let mut other = Record { facts: r.facts.clone(), outbox: r.outbox.clone(), seq: r.seq };
    let due = r.send(&p, at(13 * DAY));
    assert_eq!(due.iter().map(|m| m.id.to_string()).collect::<Vec<_>>(), ["1/r/anna@before.1-day", "1/r/ola@before.1-day"]);
    assert_eq!(due[0].subject, "[clinic] reminder: `go` is due by Tue 2027-02-23 18:00");
    assert!(due[0].text.contains("0 of 1 approved") && due[0].text.contains("Whose turn it is: Anna Żółć, Ola."), "{}", due[0].text);
    other.fact(5, "anna", Fact::Signed { gate: "go".into(), approve: true, of, key: None });
    assert!(other.ids(&p, at(13 * DAY)).is_empty(), "nothing is due");
}

#[test]
fn a_task_that_takes_longer_than_quoted_is_told_once_to_whoever_does_it_and_waits_for_it() {
    let p = process("[notice.r]\non = [\"overdue\"]\n");
    let mut r = Record::begun();
    r.fact(1, "anna", Fact::StageEntered { stage: "night".into(), despite: vec![] });
    r.fact(2, "jan", Fact::TaskStarted { task: "stop".into() });
    r.fact(3, "jan", Fact::TaskDone { task: "stop".into() });
    r.fact(4, "jan", Fact::TaskStarted { task: "move".into() });
    assert!(r.ids(&p, at(4 + 60 + 14)).is_empty());
    let late = r.send(&p, at(4 + 60 + 15));
    assert_eq!(late.iter().map(|m| m.id.to_string()).collect::<Vec<_>>(), ["4/r/anna@late", "4/r/jan@late", "4/r/ola@late"]);
    assert!(
        late[0].text.contains("was begun by Jan Kowalski") && late[0].text.contains("60 minutes, until Tue 2027-02-09 19:04"),
        "{}",
        late[0].text
    );
    r.fact(100, "jan", Fact::TaskFailed { task: "move".into() });
    assert!(r.ids(&p, at(200)).is_empty());
    // Another try is late by itself.
    r.fact(201, "jan", Fact::TaskStarted { task: "move".into() });
    assert_eq!(r.ids(&p, at(201 + 75)).len(), 3);
}

#[test]
fn the_end_of_a_wait_is_told_and_the_end_of_the_time_for_it_before() {
    let wait = "[stage.before]\n[gate.rest]\nstage = \"night\"\nat = \"entry\"\nkind = \"wait\"\nsince = \"before\"\nat_least = \"2 days\"\nat_most = \"5 days\"\n";
    let p = process(&format!("{wait}[notice.r]\non = [\"wait-over\", \"due-near\"]\nto = [\"anna\"]\nbefore = [\"1 day\"]\n"));
    let mut r = Record::begun();
    r.fact(1, "anna", Fact::StageEntered { stage: "before".into(), despite: vec![] });
    r.fact(2, "anna", Fact::StageLeft { stage: "before".into(), good: true, despite: vec![] });
    assert!(r.ids(&p, at(2 + 2 * DAY - 1)).is_empty());
    let over = r.send(&p, at(2 + 2 * DAY));
    assert_eq!(over[0].id.to_string(), "2/r/anna@wait.rest");
    assert!(
        over[0].subject.ends_with("the wait before `night` is over") && over[0].text.contains("since Thu 2027-02-11 18:02"),
        "{over:?}"
    );
    assert!(r.ids(&p, at(3 * DAY)).is_empty());
    let ends = r.send(&p, at(2 + 4 * DAY));
    assert_eq!(ends[0].id.to_string(), "2/r/anna@until.rest.1-day");
    assert!(ends[0].subject.contains("ends on Sun 2027-02-14 18:02"), "{ends:?}");
    assert!(r.ids(&p, at(6 * DAY)).is_empty());
}

#[test]
fn heads_go_at_ends_of_stages_and_as_often_as_the_rule_says_while_something_is_recorded() {
    let p = process("[notice.h]\non = [\"head\"]\nto = [\"jan\"]\nevery = \"1 week\"\nunsigned = true\n");
    let mut r = Record::begun();
    assert!(r.ids(&p, at(8 * DAY)).is_empty(), "nothing is on record");
    r.fact(8 * DAY, "anna", date(40 * DAY));
    let head = r.send(&p, at(9 * DAY));
    assert_eq!(head[0].id.to_string(), "1/h/jan@every");
    assert_eq!(head[0].head, Some(Vouch::Nobody));
    assert!(
        head[0].text.contains("greenroom record verify --against FILE") && head[0].text.contains("It is not signed"),
        "{}",
        head[0].text
    );
    r.fact(9 * DAY + 1, "anna", date(41 * DAY));
    assert!(r.ids(&p, at(15 * DAY)).is_empty(), "a week has not passed");
    assert_eq!(r.ids(&p, at(16 * DAY)).len(), 1);
    assert!(r.ids(&p, at(30 * DAY)).is_empty(), "nothing was recorded since");
    let left = Fact::StageLeft { stage: "night".into(), good: true, despite: vec![] };
    let happened = [Happened { seq: 7, at: at(5), by: "jan", what: What::Fact(&left) }];
    let all = messages("clinic", &p, &Proofs::default(), &happened, |_| true);
    assert_eq!(all.iter().map(|m| (m.id.to_string(), m.head.clone())).collect::<Vec<_>>(), [("7/h/jan".to_owned(), Some(Vouch::Nobody))]);
}

#[test]
fn what_is_next_is_known() {
    let p = with_gate(RULE);
    let mut r = Record::begun();
    r.fact(1, "anna", date(14 * DAY));
    let next = |r: &Record, now| {
        let (proofs, happened) = (Proofs::default(), r.happened());
        Reminders { program: "clinic", process: &p, proofs: &proofs, happened: &happened }.next(&r.outbox, now)
    };
    assert_eq!(next(&r, at(2)), Some(at(7 * DAY)));
    assert_eq!(next(&r, at(7 * DAY)), Some(at(13 * DAY)));
    assert_eq!(next(&r, at(13 * DAY)), Some(at(14 * DAY + 15)));
    assert_eq!(next(&r, at(20 * DAY)), None);
}

#[test]
fn lapses_are_counted_back_over_weekends_holidays_and_summer_time() {
    let text = CLINIC.replace("[process]\n", "[process]\nholidays = [\"2027-02-16\"]\n");
    let calendar = parsed(&text).0.unwrap().calendar;
    let back = |from: &str, lapse: &str| {
        let at = remind::before(&calendar, from.parse().unwrap(), Lapse::parse(lapse).unwrap());
        at.map(|at| calendar.local(at).strftime("%a %Y-%m-%d %H:%M").to_string())
    };
    assert_eq!(back("2027-02-23T17:00:00Z", "5 business days").as_deref(), Some("Mon 2027-02-15 18:00"), "Tuesday the 16th is a holiday");
    assert_eq!(back("2027-02-23T17:00:00Z", "1 business day").as_deref(), Some("Mon 2027-02-22 18:00"));
    assert_eq!(back("2027-02-22T17:00:00Z", "1 business day").as_deref(), Some("Fri 2027-02-19 18:00"));
    assert_eq!(back("2027-03-28T16:00:00Z", "1 day").as_deref(), Some("Sat 2027-03-27 18:00"), "the night has 23 hours");
    assert_eq!(back("2027-03-28T16:00:00Z", "24 hours").as_deref(), Some("Sat 2027-03-27 17:00"));
    assert_eq!(back("2027-03-31T16:00:00Z", "1 month").as_deref(), Some("Sun 2027-02-28 18:00"));
    assert_eq!(back("2027-03-31T16:00:00Z", "8 business hours"), None);
}

#[test]
fn rules_that_remind_of_nothing_or_send_heads_of_nobody_are_found() {
    let wrong = |rule: &str, code: &str, words: &str| {
        let (_, findings) = parsed(&format!("{CLINIC}{HOW}[notice.r]\n{rule}"));
        assert!(findings.iter().any(|f| f.code == code && f.message.contains(words)), "{rule}: {findings:?}");
    };
    wrong("on = [\"asked\"]\nbefore = [\"1 day\"]\n", "GR0137", "reminds of no date");
    wrong("on = [\"date-near\"]\nbefore = [\"soon\"]\n", "GR0137", "no time before a date");
    wrong("on = [\"date-near\"]\nbefore = [\"8 business hours\"]\n", "GR0137", "counted back");
    wrong("on = [\"asked\"]\nevery = \"1 week\"\n", "GR0137", "sends none");
    wrong("on = [\"head\"]\n", "GR0838", "who vouches");
    wrong("on = [\"head\"]\nkey = \"k\"\nunsigned = true\n", "GR0838", "signed with a key, and to go unsigned");
    wrong("on = [\"head\"]\nkey = \"k\"\npassphrase = { prompt = true }\n", "GR0137", "nobody can be asked");
    let (read, findings) = parsed(&format!("{CLINIC}{HOW}[notice.r]\non = [\"date-near\"]\n"));
    let read = read.unwrap_or_else(|| panic!("{findings:?}"));
    assert_eq!(read.notices.unwrap().rules["r"].before, [Lapse::parse("1 business day").unwrap()]);
}

#[test]
fn a_date_that_is_taken_back_takes_it_out_of_calendars_and_opens_what_depended_on_it() {
    let lead = "[gate.early]\nstage = \"night\"\nat = \"entry\"\nkind = \"lead-time\"\nat_least = \"1 week\"\n";
    let p = process(&format!("{lead}[notice.d]\non = [\"date-agreed\"]\nto = [\"jan\"]\n"));
    let mut state = State::default();
    let proofs = Proofs::default();
    state.apply(at(1), "anna", &date(14 * DAY));
    let sight = |state: &State| Sight { process: &p, state, proofs: &proofs, now: at(5) }.standing("early");
    assert!(sight(&state).met);
    let of = Sight { process: &p, state: &state, proofs: &proofs, now: at(5) }.content("go");
    let back = Sight { process: &p, state: &state, proofs: &proofs, now: at(5) }.withdraw("night").unwrap();
    state.apply(at(6), "anna", &back);
    assert!(!sight(&state).met && sight(&state).why.contains("no date is agreed"));
    assert_ne!(of, Sight { process: &p, state: &state, proofs: &proofs, now: at(7) }.content("go"), "what was signed is stale");
    let again = Sight { process: &p, state: &state, proofs: &proofs, now: at(7) }.withdraw("night").unwrap_err();
    assert!(again.message.contains("no date is agreed"), "{again:?}");
    // The file for other calendars says so, too.
    let exported =
        crate::process::dates::of_stage(&Sight { process: &p, state: &state, proofs: &proofs, now: at(7) }, "clinic", "night").unwrap();
    assert!(exported.cancelled && exported.sequence == 1 && exported.start == at(14 * DAY));
    let facts = [date(14 * DAY), back, date(20 * DAY)];
    let happened: Vec<Happened<'_>> = (1..)
        .zip(&facts)
        .map(|(seq, fact)| Happened { seq, at: at(i64::try_from(seq).unwrap()), by: "anna", what: What::Fact(fact) })
        .collect();
    let all = messages("clinic", &p, &proofs, &happened, |_| true);
    let invites: Vec<(u32, bool)> = all.iter().flat_map(|m| &m.invites).map(|i| (i.sequence, i.cancelled)).collect();
    assert_eq!(invites, [(1, false), (2, true), (3, false)]);
    assert!(
        all[1].text.contains("Anna Żółć has taken back the date of `night` (The night): Tue 2027-02-23 18:00 does not stand any more"),
        "{}",
        all[1].text
    );
    assert!(all[2].subject.contains("is agreed for"), "another one did not move: {}", all[2].subject);
}
