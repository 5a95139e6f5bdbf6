//! What people are told without anything being recorded: a date is near, something is overdue, a wait is over, a head of the record is to go again.
//!
//! Decided from what is written, what is on record and a moment that is passed in. The decision is recorded with that moment ([`NoticeFact::Reminded`](super::NoticeFact)), so that the text is the same whenever
//! it is made again. A reminder belongs to the event that it is about (the agreement of a date, the begin of a task): when the date moves, there is another event, and other reminders. Of several
//! whose time passed while nobody ran only the latest is told, and only while what it is about is still ahead.

use super::decide::{Occasion, tell};
use super::said::{Said, View, names};
use super::words::Words;
use super::{Delivery, Happened, Message, NoticeId, Outbox, Rule, Topic, What};
use crate::process::gates::{Sight, Standing};
use crate::process::words::{Language, fill};
use crate::process::{Calendar, Fact, Kind, Lapse, LapseUnit, Process, Proofs, Side, State};
use jiff::{SignedDuration, Span, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How long nobody is told that something is late: a stage that begins, or a task that is done, some minutes after its time.
const GRACE: SignedDuration = SignedDuration::from_mins(15);

/// The mark of heads that go by themselves.
const EVERY: &str = "every";

/// Everything that is needed to know who is to be reminded.
pub struct Reminders<'a> {
    /// The program's name.
    pub program: &'a str,
    /// What is written.
    pub process: &'a Process,
    /// What runs have proved.
    pub proofs: &'a Proofs,
    /// Everything on record, in order.
    pub happened: &'a [Happened<'a>],
}

/// What a reminder is about.
#[derive(Clone, Debug)]
enum About {
    /// The date of a stage is near.
    Near { stage: String, date: Timestamp },
    /// The time for entering a stage ends.
    TimeEnds { stage: String, gate: String, until: Timestamp },
    /// A stage has not begun.
    LateStage { stage: String, date: Timestamp },
    /// A task takes longer than was quoted.
    LateTask { task: String, started: Timestamp },
    /// A wait is over.
    WaitOver { stage: String, gate: String },
    /// A head of the record is to go.
    Head,
}

/// A reminder that is, was or will be due, as things stand.
#[derive(Clone, Debug)]
struct Moment {
    seq: u64,
    mark: String,
    /// Of those of a series only the latest that has come is told.
    series: String,
    at: Timestamp,
    about: About,
}

/// Reminders that have come, by event and mark, with the rules that tell them.
type Come<'r> = BTreeMap<(u64, String), (Moment, BTreeSet<&'r String>)>;

/// What is on record, and which event said it.
#[derive(Default)]
struct Known {
    state: State,
    /// Numbers of events, by number of the fact.
    facts: Vec<u64>,
    /// By stage: the event that agreed upon its date.
    dates: BTreeMap<String, u64>,
    /// By task: the event that began it.
    tasks: BTreeMap<String, u64>,
    last: u64,
}

impl Known {
    fn of(happened: &[Happened<'_>], before: u64) -> Known {
        let mut known = Known::default();
        for h in happened.iter().take_while(|h| h.seq < before) {
            known.last = h.seq;
            let What::Fact(fact) = h.what else { continue };
            known.facts.push(h.seq);
            known.state.apply(h.at, h.by, fact);
            match fact {
                Fact::DateAgreed { stage, .. } => drop(known.dates.insert(stage.clone(), h.seq)),
                Fact::TaskStarted { task } => drop(known.tasks.insert(task.clone(), h.seq)),
                _ => {}
            }
        }
        known
    }

    /// The event of a fact, by the fact's number.
    fn event(&self, fact: u64) -> u64 {
        usize::try_from(fact).ok().and_then(|n| self.facts.get(n.checked_sub(1)?)).copied().unwrap_or(0)
    }
}

impl Rule {
    fn reminds(&self) -> bool {
        self.on.iter().any(|t| matches!(t, Topic::DateNear | Topic::DueNear | Topic::Overdue | Topic::WaitOver)) || self.every.is_some()
    }
}

impl Reminders<'_> {
    /// Whether anybody is reminded of anything at all.
    fn any(&self) -> bool {
        self.process.notices.as_ref().is_some_and(|n| n.rules.values().any(Rule::reminds))
    }

    /// Everything that stands at a moment, in order, whether it was sent already or not.
    fn standing(&self, outbox: &Outbox, now: Timestamp) -> Vec<Message> {
        let known = Known::of(self.happened, u64::MAX);
        let come = self.come(&known, outbox, outbox.since.unwrap_or(now), now);
        come.values().flat_map(|(m, rules)| self.told(&known, m, now, &|id| rules.contains(id))).collect()
    }

    /// What has come since a moment, by event and mark, with the rules that tell it.
    fn come(&self, known: &Known, outbox: &Outbox, since: Timestamp, now: Timestamp) -> Come<'_> {
        let mut come = Come::new();
        for (id, rule) in self.rules() {
            let mut latest: BTreeMap<(u64, String), Moment> = BTreeMap::new();
            for m in self.moments(known, rule, (id, outbox), now).into_iter().filter(|m| since <= m.at && m.at <= now) {
                let key = (m.seq, m.series.clone());
                if latest.get(&key).is_none_or(|l| l.at < m.at) {
                    latest.insert(key, m);
                }
            }
            for m in latest.into_values() {
                come.entry((m.seq, m.mark.clone())).or_insert_with(|| (m, BTreeSet::new())).1.insert(id);
            }
        }
        come
    }

    fn rules(&self) -> impl Iterator<Item = (&String, &Rule)> {
        self.process.notices.iter().flat_map(|n| &n.rules).filter(|(_, rule)| rule.reminds())
    }

    /// Who is to be reminded now and was not decided to be before; and what was decided and is not so any more.
    pub fn due(&self, outbox: &Outbox, now: Timestamp) -> (Vec<NoticeId>, Vec<NoticeId>) {
        let open = |(_, d): &(&NoticeId, &Delivery)| d.next().is_some();
        let waiting: Vec<&NoticeId> = outbox.notices.iter().filter(open).map(|(id, _)| id).filter(|id| id.mark.is_some()).collect();
        if !self.any() && waiting.is_empty() {
            return Default::default();
        }
        let stands: BTreeSet<NoticeId> = self.standing(outbox, now).into_iter().map(|m| m.id).collect();
        let new = stands.iter().filter(|id| !outbox.notices.contains_key(*id) && !outbox.has_reminded(id)).cloned().collect();
        // A head is one at any time.
        let moot = |id: &&&NoticeId| id.mark.as_deref() != Some(EVERY) && !stands.contains(**id);
        let moot = waiting.iter().filter(moot).map(|id| (*id).clone()).collect();
        (new, moot)
    }

    /// The text of a reminder, as it was decided. None where `process.toml` does not give it any more.
    pub fn text(&self, id: &NoticeId, delivery: &Delivery, outbox: &Outbox) -> Option<Message> {
        let (mark, now) = (id.mark.as_ref()?, delivery.reminds?);
        let known = Known::of(self.happened, delivery.decided);
        let (found, rules) = match mark.as_str() {
            EVERY => {
                let head = Moment { seq: id.seq, mark: mark.clone(), series: EVERY.into(), at: now, about: About::Head };
                (head, BTreeSet::from([&id.rule]))
            }
            // What was decided then stays what it was, also where people are told anew from another moment on.
            _ => self.come(&known, outbox, Timestamp::MIN, now).remove(&(id.seq, mark.clone()))?,
        };
        self.told(&known, &found, now, &|rule| rules.contains(rule)).into_iter().find(|m| m.id == *id)
    }

    /// When the next one is due, as things stand; none where nothing is to come.
    pub fn next(&self, outbox: &Outbox, now: Timestamp) -> Option<Timestamp> {
        if !self.any() {
            return None;
        }
        let known = Known::of(self.happened, u64::MAX);
        let since = outbox.since.unwrap_or(now);
        let all = self.rules().flat_map(|(id, rule)| self.moments(&known, rule, (id, outbox), now));
        all.map(|m| m.at).filter(|at| *at > now && *at >= since).min()
    }

    fn told(&self, known: &Known, m: &Moment, now: Timestamp, by_rule: &dyn Fn(&String) -> bool) -> Vec<Message> {
        let sight = Sight { process: self.process, state: &known.state, proofs: self.proofs, now };
        let occasion = Occasion { seq: m.seq, at: now, by: "", mark: Some(m.mark.clone()) };
        tell(self.program, &sight, &occasion, by_rule, |language| said(&sight, &m.about, now, language))
    }

    /// All reminders of a rule that there are as things stand: those whose time has come, and those to come.
    fn moments(&self, known: &Known, rule: &Rule, (rule_id, outbox): (&str, &Outbox), now: Timestamp) -> Vec<Moment> {
        let (process, calendar) = (self.process, &self.process.calendar);
        let sight = Sight { process, state: &known.state, proofs: self.proofs, now };
        let on = |topic| rule.on.contains(&topic);
        let mut all = Vec::new();
        let leads = |until: Timestamp, from: Timestamp| {
            let lead = move |lapse: &Lapse| Some((*lapse, before(calendar, until, *lapse)?));
            rule.before.iter().filter_map(lead).filter(move |(_, at)| *at > from && until > now).collect::<Vec<_>>()
        };
        for stage in process.order.iter() {
            let state = known.state.stage(stage);
            if state.is_on() || state.is_over() {
                continue;
            }
            // Another try has a date of its own.
            let agreed = state.agreed.filter(|(_, agreed)| state.left.is_none_or(|(left, _)| left.at < *agreed));
            if let (Some((date, agreed)), Some(seq)) = (agreed, known.dates.get(stage).copied()) {
                if on(Topic::DateNear) || on(Topic::DueNear) {
                    for (lapse, at) in leads(date, agreed) {
                        let about = About::Near { stage: stage.clone(), date };
                        all.push(Moment { seq, mark: format!("before.{}", slug(lapse)), series: "before".into(), at, about });
                    }
                }
                if on(Topic::Overdue) {
                    let about = About::LateStage { stage: stage.clone(), date };
                    all.push(Moment { seq, mark: "late".into(), series: "late".into(), at: later(date, GRACE), about });
                }
            }
            for (id, gate) in process.gates_of(stage, Side::Entry).filter(|(id, g)| !sight.is_waived(id, g)) {
                let Kind::Wait { since, at_least, at_most } = &gate.kind else { continue };
                let Some(began) = sight.mark(since) else { continue };
                let seq = known.event(began.number);
                if let (Some(lapse), true) = (at_least, on(Topic::WaitOver)) {
                    let (at, about) = (calendar.after(began.at, *lapse), About::WaitOver { stage: stage.clone(), gate: id.clone() });
                    all.push(Moment { seq, mark: format!("wait.{id}"), series: format!("wait.{id}"), at, about });
                }
                if let (Some(lapse), true) = (at_most, on(Topic::DueNear)) {
                    let until = calendar.after(began.at, *lapse);
                    for (lapse, at) in leads(until, began.at) {
                        let about = About::TimeEnds { stage: stage.clone(), gate: id.clone(), until };
                        all.push(Moment { seq, mark: format!("until.{id}.{}", slug(lapse)), series: format!("until.{id}"), at, about });
                    }
                }
            }
        }
        for (id, task) in process.tasks.iter().filter(|(_, t)| on(Topic::Overdue) && t.minutes > 0 && known.state.stage(&t.stage).is_on()) {
            let now = sight.task(id);
            if let (Some(started), None, Some(seq)) = (now.started, now.done, known.tasks.get(id).copied()) {
                let (at, about) = (later(ends(started, task.minutes), GRACE), About::LateTask { task: id.clone(), started });
                all.push(Moment { seq, mark: "late".into(), series: "late".into(), at, about });
            }
        }
        if let Some(every) = rule.every {
            let (seq, last) = outbox.last_head(rule_id, EVERY).unwrap_or((0, outbox.since.unwrap_or(now)));
            // Where nothing was recorded since, the other party has what there is.
            if known.last > seq {
                let at = calendar.after(last, every);
                all.push(Moment { seq: known.last, mark: EVERY.into(), series: EVERY.into(), at, about: About::Head });
            }
        }
        all
    }
}

/// So long after; the end of time where there is none.
fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn ends(from: Timestamp, minutes: u32) -> Timestamp {
    later(from, SignedDuration::from_mins(i64::from(minutes)))
}

/// A lapse as part of a name: `5-business-days`.
fn slug(lapse: Lapse) -> String {
    lapse.to_string().replace(' ', "-")
}

/// The moment so long before another one. None for a lapse that cannot be counted backwards.
pub(in crate::process) fn before(calendar: &Calendar, until: Timestamp, lapse: Lapse) -> Option<Timestamp> {
    let at = calendar.local(until);
    let count = i64::from(lapse.count);
    let span = match lapse.unit {
        LapseUnit::Hours => Span::new().hours(count),
        LapseUnit::Days => Span::new().days(count),
        LapseUnit::Months => Span::new().months(count),
        LapseUnit::BusinessDays => {
            let (mut left, mut day, mut idle) = (count, at.date(), 0);
            while left > 0 && idle < 366 {
                day = day.yesterday().ok()?;
                idle += 1;
                if calendar.is_business(day) {
                    (left, idle) = (left - 1, 0);
                }
            }
            return calendar.moment(day.to_datetime(at.time()));
        }
        LapseUnit::NextBusinessDay | LapseUnit::BusinessHours => return None,
    };
    Some(at.checked_sub(span).ok()?.timestamp())
}

/// Everything that is said of a reminder, in the same order in every language.
fn said(sight: &Sight<'_>, about: &About, now: Timestamp, language: Language) -> Vec<Said> {
    let view = View { sight, by: "", at: now, w: Words::of(language) };
    match about {
        About::Near { stage, date } => {
            let mut all = vec![view.near(stage, *date)];
            // What has to be so on that day, as far as it is known now.
            let then = Sight { now: *date, ..*sight };
            let (required, recommended) = then.unmet(stage, Side::Entry);
            all.extend(required.iter().chain(&recommended).filter_map(|s| view.due(stage, s, *date)));
            all
        }
        About::TimeEnds { stage, gate, until } => vec![view.time_ends(stage, gate, *until)],
        About::LateStage { stage, date } => vec![view.late_stage(stage, *date)],
        About::LateTask { task, started } => view.late_task(task, *started).into_iter().collect(),
        About::WaitOver { stage, gate } => vec![view.wait_over(stage, gate)],
        About::Head => vec![view.head()],
    }
}

impl View<'_> {
    fn near(&self, stage: &str, date: Timestamp) -> Said {
        let (w, title, day, on) = (self.w, self.stage_title(stage), self.day(date), self.on(date));
        let with = [("stage", stage), ("title", title.as_str()), ("date", &day), ("on", &on)];
        let mut lines = vec![fill(w.near_says, &with)];
        let then = Sight { now: date, ..*self.sight };
        let open = View { sight: &then, ..*self }.open(stage, Side::Entry);
        lines.push(if open.is_empty() { w.nothing_before_entry } else { w.before_entry }.into());
        lines.extend(open);
        Said {
            topic: Topic::DateNear,
            concerned: self.of_stage(stage),
            subject: fill(w.near, &with),
            lines,
            command: Some("greenroom stage".into()),
            about: vec![("stage", stage.to_owned())],
            invite: None,
        }
    }

    /// A gate that somebody has to see to; not one that time alone sees to.
    fn due(&self, stage: &str, standing: &Standing, date: Timestamp) -> Option<Said> {
        let gate = &standing.gate;
        if matches!(self.sight.process.gates.get(gate)?.kind, Kind::Wait { .. } | Kind::LeadTime { .. } | Kind::Window(_)) {
            return None;
        }
        let w = self.w;
        let (title, stage_title, day, on, kind) =
            (self.gate_title(gate), self.stage_title(stage), self.day(date), self.on(date), self.kind(gate));
        let with = [
            ("gate", gate.as_str()),
            ("title", &title),
            ("stage", &stage_title),
            ("date", &day),
            ("on", &on),
            ("why", &standing.why),
            ("kind", &kind),
        ];
        let mut lines = vec![fill(w.due_says, &with)];
        if !standing.turn.is_empty() {
            lines.push(fill(w.whose_turn, &[("names", &names(self.sight.process, &standing.turn))]));
        }
        Some(Said {
            topic: Topic::DueNear,
            concerned: if standing.turn.is_empty() { self.of_stage(stage) } else { standing.turn.clone() },
            subject: fill(w.due, &with),
            lines,
            command: Some(format!("greenroom why {gate}")),
            about: vec![("gate", gate.clone()), ("stage", stage.to_owned())],
            invite: None,
        })
    }

    fn time_ends(&self, stage: &str, gate: &str, until: Timestamp) -> Said {
        let w = self.w;
        let (title, stage_title, on) = (self.gate_title(gate), self.stage_title(stage), self.on(until));
        let subject = fill(w.time_ends, &[("stage", stage), ("on", &on)]);
        let mut lines = vec![fill(w.time_ends_says, &[("stage", &stage_title), ("title", &title), ("on", &on)])];
        let open = self.open(stage, Side::Entry);
        if !open.is_empty() {
            lines.push(w.before_entry.into());
            lines.extend(open);
        }
        self.about_stage(Topic::DueNear, stage, subject, lines, "greenroom stage".into())
    }

    fn late_stage(&self, stage: &str, date: Timestamp) -> Said {
        let w = self.w;
        let mut lines = vec![fill(w.late_stage_says, &[("title", &self.stage_title(stage)), ("on", &self.on(date))])];
        let open = self.open(stage, Side::Entry);
        if !open.is_empty() {
            lines.push(w.before_entry.into());
            lines.extend(open);
        }
        lines.push(w.late_stage_then.into());
        self.about_stage(Topic::Overdue, stage, fill(w.late_stage, &[("stage", stage)]), lines, "greenroom stage".into())
    }

    fn late_task(&self, task: &str, started: Timestamp) -> Option<Said> {
        let (process, w) = (self.sight.process, self.w);
        let written = process.tasks.get(task)?;
        let by = self.sight.task(task).by;
        let end = ends(started, written.minutes);
        let (whose, title, minutes) = (by.clone().into_iter().collect::<Vec<_>>(), self.task_title(task), w.minutes(written.minutes));
        let whose_name = names(process, &whose);
        let (on, day) = (self.on(started), self.day(end));
        let with = [
            ("title", title.as_str()),
            ("by", if whose_name.is_empty() { w.somebody } else { &whose_name }),
            ("on", &on),
            ("minutes", &minutes),
            ("date", &day),
        ];
        let waiting = self.waiting(task);
        let mut lines = vec![fill(w.late_task_says, &with)];
        if !waiting.is_empty() {
            lines.push(fill(w.who_waits, &[("names", &names(process, &waiting))]));
        }
        if written.point_of_no_return {
            lines.push(w.no_return.into());
        }
        let mut concerned: Vec<String> = whose.into_iter().chain(waiting).collect();
        concerned.sort();
        concerned.dedup();
        Some(Said {
            topic: Topic::Overdue,
            concerned,
            subject: fill(w.late_task, &[("task", task)]),
            lines,
            command: Some("greenroom task".into()),
            about: vec![("task", task.to_owned()), ("stage", written.stage.clone())],
            invite: None,
        })
    }

    fn wait_over(&self, stage: &str, gate: &str) -> Said {
        let w = self.w;
        let since = match self.sight.process.gates.get(gate).map(|g| &g.kind) {
            Some(Kind::Wait { since, at_least: Some(lapse), .. }) => {
                self.sight.mark(since).map_or(self.at, |m| self.sight.process.calendar.after(m.at, *lapse))
            }
            _ => self.at,
        };
        let with = [("title", self.gate_title(gate)), ("stage", self.stage_title(stage)), ("date", self.day(since))];
        let mut lines = vec![fill(w.wait_over_says, &with.each_ref().map(|(place, value)| (*place, value.as_str())))];
        let open = self.open(stage, Side::Entry);
        lines.push(if open.is_empty() { fill(w.wait_over_free, &[("stage", stage)]) } else { w.before_entry.into() });
        lines.extend(open);
        self.about_stage(Topic::WaitOver, stage, fill(w.wait_over, &[("stage", stage)]), lines, "greenroom stage".into())
    }

    fn about_stage(&self, topic: Topic, stage: &str, subject: String, lines: Vec<String>, command: String) -> Said {
        Said {
            topic,
            concerned: self.of_stage(stage),
            subject,
            lines,
            command: Some(command),
            about: vec![("stage", stage.to_owned())],
            invite: None,
        }
    }
}
