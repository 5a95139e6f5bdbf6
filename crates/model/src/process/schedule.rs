//! When a stage can take place: which days and times satisfy everything that is known, and what speaks against the others. The same judgement holds a date that was agreed upon to what
//! has moved since. Owns nothing that is not about dates: whether people have signed and ticked is [`super::gates`]'.

#[cfg(test)]
mod tests;

use super::away::{Blackout, Period};
use super::gates::{Refused, Sight, Standing};
use super::{Gate, Kind, Lapse, Level, Moment, Side, Window};
use jiff::civil::Date;
use jiff::{SignedDuration, Span, Timestamp};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Days that are looked through, at most.
const MOST_DAYS: usize = 1100;
/// Days that are looked through where nobody says until when.
const DAYS: i64 = 365;
/// Begins that are no window's are proposed on quarters of an hour.
const QUARTER: i64 = 15 * 60;

/// What speaks against a date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Objection {
    /// What it is about: a gate's id, `event NAME`, `calendar NAME`, `leave`, `stages before`, `preferred days`, `working hours`, `past`.
    pub about: String,
    /// In a sentence.
    pub why: String,
    /// It forbids; others are warned of.
    pub required: bool,
}

/// A date that is possible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Slot {
    /// Begin.
    pub from: Timestamp,
    /// When everything that was quoted is done, and what was to spare is over.
    pub until: Timestamp,
    /// What is recommended otherwise.
    pub warnings: Vec<Objection>,
}

/// A day on which it is not possible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// The day; that on which the window begins.
    pub day: Date,
    /// Why.
    pub why: Vec<Objection>,
}

/// Dates for a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proposal {
    /// The stage.
    pub stage: String,
    /// Minutes that it takes: the longest way through its tasks, and what is to spare.
    pub minutes: u32,
    /// Those without a warning first, each in order of time.
    pub slots: Vec<Slot>,
    /// Days in between, in order.
    pub rejected: Vec<Rejected>,
}

/// A bound that a stage's begin has to keep.
struct Bound {
    about: String,
    required: bool,
    at: Timestamp,
    why: String,
}

/// People of whom so many have to be there.
struct Needed {
    about: String,
    required: bool,
    what: String,
    people: Vec<String>,
    of: usize,
}

/// Everything about a stage that dates are held against, gathered once.
struct Demands<'a> {
    sight: Sight<'a>,
    minutes: u32,
    not_before: Vec<Bound>,
    not_after: Vec<Bound>,
    lead: Vec<(String, bool, Lapse)>,
    windows: Vec<(String, bool, &'a Window)>,
    people: Vec<Needed>,
    blackouts: Vec<&'a Blackout>,
    prefer: BTreeSet<i8>,
}

impl<'a> Sight<'a> {
    /// Minutes that a stage takes: the longest way through its tasks as they were quoted, and what is to spare.
    pub fn minutes(&self, stage: &str) -> u32 {
        let spare = self.process.stages.get(stage).map_or(0, |s| s.buffer);
        self.longest(stage, &|_| true).saturating_add(spare)
    }

    /// The longest way through those tasks of a stage that are counted.
    pub(super) fn longest(&self, stage: &str, counted: &dyn Fn(&str) -> bool) -> u32 {
        let tasks: BTreeMap<&str, &super::Task> = self.process.tasks_of(stage).map(|(id, t)| (id.as_str(), t)).collect();
        let mut ends: BTreeMap<&str, u32> = BTreeMap::new();
        let mut left: BTreeSet<&str> = tasks.keys().copied().collect();
        // A circle is refused when the file is read.
        while let Some(id) = left.iter().copied().find(|id| tasks[id].after.iter().all(|a| !left.contains(a.as_str()))) {
            left.remove(id);
            let begin = tasks[id].after.iter().filter_map(|a| ends.get(a.as_str())).max().copied().unwrap_or(0);
            ends.insert(id, begin.saturating_add(if counted(id) { tasks[id].minutes } else { 0 }));
        }
        ends.values().max().copied().unwrap_or(0)
    }

    pub(super) fn is_waived(&self, id: &str, gate: &Gate) -> bool {
        self.state.waived.get(id).is_some_and(|(_, at)| at.number > self.since(gate))
    }

    /// When a stage can begin at the earliest, as far as that follows from stages before it and waits; what was agreed upon for them counts.
    fn earliest_begin(&self, stage: &str, known: &mut BTreeMap<String, Timestamp>) -> Timestamp {
        if let Some(at) = known.get(stage) {
            return *at;
        }
        // A stage that waits for itself in the end is not made later by that.
        known.insert(stage.to_owned(), self.now);
        let state = self.state.stage(stage);
        if state.is_on() || state.is_over() {
            return state.entered.map_or(self.now, |mark| mark.at);
        }
        let mut at = state.agreed.map_or(self.now, |(date, _)| date.max(self.now));
        for before in self.process.stages.get(stage).iter().flat_map(|s| s.after.iter()) {
            at = at.max(self.earliest_end(before, known));
        }
        for (id, gate) in self.process.gates_of(stage, Side::Entry).filter(|(_, g)| g.level == Level::Require) {
            if let Kind::Wait { since, at_least: Some(lapse), .. } = &gate.kind
                && !self.is_waived(id, gate)
            {
                at = at.max(self.process.calendar.after(self.earliest_moment(since, known), *lapse));
            }
        }
        known.insert(stage.to_owned(), at);
        at
    }

    fn earliest_end(&self, stage: &str, known: &mut BTreeMap<String, Timestamp>) -> Timestamp {
        match self.state.stage(stage) {
            s if s.is_over() => s.left.map_or(self.now, |(mark, _)| mark.at),
            s if s.is_on() => self.now,
            _ => later(self.earliest_begin(stage, known), self.minutes(stage)),
        }
    }

    fn earliest_moment(&self, moment: &Moment, known: &mut BTreeMap<String, Timestamp>) -> Timestamp {
        if let Some(mark) = self.mark(moment) {
            return mark.at;
        }
        match moment {
            Moment::Entered(stage) => self.earliest_begin(stage, known),
            Moment::Left(stage) => self.earliest_end(stage, known),
            // It is concluded within its stage; what is stale is concluded anew at the earliest now.
            Moment::Audited(audit) => match self.process.audits.get(audit).map(|a| a.stage.as_str()) {
                Some(stage) if self.state.stage(stage).is_over() => self.now,
                Some(stage) => self.earliest_begin(stage, known).max(self.now),
                None => self.now,
            },
            Moment::Done(task) => match self.process.tasks.get(task).map(|t| t.stage.as_str()) {
                Some(stage) if !self.state.stage(stage).is_on() => self.earliest_begin(stage, known),
                _ => self.now,
            },
        }
    }

    /// What speaks against a date of a stage that is, or was, agreed upon at a moment.
    pub fn objections(&self, stage: &str, at: Timestamp, agreed: Timestamp) -> Vec<Objection> {
        self.demands(stage).objections(at, agreed)
    }

    /// What speaks against the date that was agreed for a stage, as things stand now. Nothing where none was, or the stage has begun since.
    pub fn misfits(&self, stage: &str) -> Vec<Objection> {
        let state = self.state.stage(stage);
        let Some((date, agreed)) = state.agreed else { return Vec::new() };
        if state.is_on() || state.is_over() || state.left.is_some_and(|(mark, _)| mark.at >= agreed) {
            return Vec::new();
        }
        if date <= self.now {
            let why = format!("it was to begin on {}, and has not", self.day(date));
            return vec![Objection { about: "past".into(), why, required: false }];
        }
        self.objections(stage, date, agreed)
    }

    fn demands(&self, stage: &str) -> Demands<'a> {
        let sight = *self;
        let process = sight.process;
        let mut known = BTreeMap::new();
        let mut demands = Demands {
            sight,
            minutes: sight.minutes(stage),
            not_before: Vec::new(),
            not_after: Vec::new(),
            lead: Vec::new(),
            windows: Vec::new(),
            people: Vec::new(),
            blackouts: process.calendar.blackouts.iter().filter(|b| b.when.until > sight.now).collect(),
            prefer: process.stages.get(stage).map(|s| s.prefer.clone()).unwrap_or_default(),
        };
        let before = process.stages.get(stage).into_iter().flat_map(|s| &s.after).filter(|s| !sight.state.stage(s).is_over());
        for other in before {
            let at = sight.earliest_end(other, &mut known);
            let why = format!("it comes after `{other}`, which has not ended: not before {} at the earliest", sight.day(at));
            demands.not_before.push(Bound { about: "stages before".into(), required: true, at, why });
        }
        for (id, gate) in process.gates.iter().filter(|(id, g)| g.stage == stage && !sight.is_waived(id, g)) {
            let required = gate.level == Level::Require;
            match &gate.kind {
                Kind::SignOff { roles, of, .. } if !sight.standing(id).met => demands.people.push(Needed {
                    about: id.clone(),
                    required,
                    what: "who signs".into(),
                    people: sight.with_roles(roles),
                    of: usize::try_from(*of).unwrap_or(usize::MAX),
                }),
                _ if gate.side == Side::Exit => {}
                Kind::Wait { since, at_least, at_most } => {
                    let mark = sight.mark(since);
                    let began = sight.earliest_moment(since, &mut known);
                    let said = super::gates::said(since);
                    if let Some(lapse) = at_least {
                        let at = process.calendar.after(began, *lapse);
                        let why = match mark {
                            Some(_) => format!("{said} on {}, and {lapse} must pass: not before {}", sight.day(began), sight.day(at)),
                            None => format!(
                                "it is not on record yet that {said}, and {lapse} must pass after it: not before {} at the earliest",
                                sight.day(at)
                            ),
                        };
                        demands.not_before.push(Bound { about: id.clone(), required, at, why });
                    }
                    // What has not begun may begin later.
                    if let (Some(lapse), Some(_)) = (at_most, mark) {
                        let at = process.calendar.after(began, *lapse);
                        let why = format!("{said} on {}: the time for it ends on {}, {lapse} later", sight.day(began), sight.day(at));
                        demands.not_after.push(Bound { about: id.clone(), required, at, why });
                    }
                }
                Kind::LeadTime { at_least } => demands.lead.push((id.clone(), required, *at_least)),
                Kind::Window(window) => demands.windows.push((id.clone(), required, window)),
                _ => {}
            }
        }
        let mut tasks: BTreeMap<Vec<String>, Vec<&str>> = BTreeMap::new();
        for (id, task) in process.tasks_of(stage) {
            tasks.entry(sight.owners(task)).or_default().push(id);
        }
        for (people, tasks) in tasks.into_iter().filter(|(people, _)| !people.is_empty()) {
            let what = format!("who does {}", tasks.iter().map(|t| format!("`{t}`")).collect::<Vec<_>>().join(", "));
            demands.people.push(Needed { about: "leave".into(), required: true, what, people, of: 1 });
        }
        demands
    }

    /// Dates on which a stage can take place, from a day until another; without one, until so many are found that nothing speaks against, within a year.
    ///
    /// # Errors
    /// When there is no such stage, it has begun already, or the days are no span.
    pub fn propose(&self, stage: &str, from: Option<Date>, until: Option<Date>, count: usize) -> Result<Proposal, Refused> {
        self.known_stage(stage)?;
        let state = self.state.stage(stage);
        let refused = |message: String, hint: &str| Refused { message, hint: hint.into(), gates: Vec::new() };
        if state.is_on() || state.is_over() {
            return Err(refused(format!("`{stage}` has begun already"), "a date is proposed before"));
        }
        let today = self.process.calendar.local(self.now).date();
        let from = from.unwrap_or(today).max(today);
        let last = match until {
            Some(day) if day < from => return Err(refused(format!("{day} is before {from}"), "give a day to come with `--until`")),
            Some(day) => day,
            None => from.checked_add(Span::new().days(DAYS)).unwrap_or(Date::MAX),
        };
        let mut demands = self.demands(stage);
        // Those far behind the last day need not be looked at for each.
        let behind = self
            .process
            .calendar
            .at(last, jiff::civil::Time::midnight())
            .map_or(Timestamp::MAX, |at| later(at, demands.minutes.saturating_add(2 * 24 * 60)));
        demands.blackouts.retain(|b| b.when.from < behind);
        let (mut slots, mut rejected, mut clean) = (Vec::new(), Vec::new(), 0);
        // A window that began yesterday may be open still.
        if from == today
            && let Some(Ok(slot)) = today.yesterday().ok().filter(|_| !demands.windows.is_empty()).map(|d| demands.on(d))
        {
            clean += usize::from(slot.warnings.is_empty());
            slots.push(slot);
        }
        for day in from.series(Span::new().days(1)).take_while(|d| *d <= last).take(MOST_DAYS) {
            if until.is_none() && clean >= count {
                break;
            }
            match demands.on(day) {
                Ok(slot) => {
                    clean += usize::from(slot.warnings.is_empty());
                    slots.push(slot);
                }
                Err(why) => rejected.push(Rejected { day, why }),
            }
        }
        slots.sort_by_key(|s| (s.warnings.len(), s.from));
        slots.truncate(count);
        Ok(Proposal { stage: stage.to_owned(), minutes: demands.minutes, slots, rejected })
    }

    /// A date as it is agreed upon, with what it is agreed despite of.
    ///
    /// # Errors
    /// What forbids it.
    pub(super) fn fitting(&self, stage: &str, at: Timestamp) -> Result<Vec<String>, Refused> {
        let (required, recommended): (Vec<_>, Vec<_>) = self.objections(stage, at, self.now).into_iter().partition(|o| o.required);
        if required.is_empty() {
            return Ok(recommended.into_iter().map(|o| o.about).collect());
        }
        let gates = required.into_iter().map(|o| Standing { gate: o.about, why: o.why, ..Standing::default() }).collect();
        Err(Refused {
            message: format!("`{stage}` cannot take place on {}", self.day(at)),
            hint: format!("`greenroom schedule {stage}` proposes dates"),
            gates,
        })
    }
}

fn later(at: Timestamp, minutes: u32) -> Timestamp {
    at.checked_add(SignedDuration::from_mins(i64::from(minutes))).unwrap_or(Timestamp::MAX)
}

impl Demands<'_> {
    /// The best begin on a day, or what forbids its first.
    fn on(&self, day: Date) -> Result<Slot, Vec<Objection>> {
        let calendar = &self.sight.process.calendar;
        let demanded = self.windows.iter().any(|(_, required, _)| *required);
        let windows: Vec<&Window> = self.windows.iter().filter(|(_, required, _)| *required || !demanded).map(|(.., w)| *w).collect();
        let spans: Vec<(Timestamp, Timestamp)> = match windows.is_empty() {
            true => [calendar.at(day, calendar.hours.0).zip(calendar.at(day, calendar.hours.1))].into_iter().flatten().collect(),
            false => windows.iter().filter_map(|w| calendar.opening(w, day)).collect(),
        };
        let first = spans.iter().map(|(from, _)| *from).min();
        let Some(first) = first.or_else(|| calendar.at(day, windows.first().map_or(calendar.hours.0, |w| w.from))) else {
            return Err(Vec::new());
        };
        let edges = self.edges();
        let mut begins: Vec<Timestamp> = spans.iter().map(|(from, _)| *from).collect();
        begins.extend(edges.into_iter().filter(|at| spans.iter().any(|(from, until)| from < at && at < until)));
        begins.sort_unstable();
        begins.dedup();
        let slot = |from: Timestamp| {
            let against = self.objections(from, self.sight.now);
            let free = against.iter().all(|o| !o.required);
            free.then(|| Slot { from, until: later(from, self.minutes), warnings: against })
        };
        let best = begins.into_iter().filter_map(slot).min_by_key(|s| (s.warnings.len(), s.from));
        best.ok_or_else(|| self.objections(first, self.sight.now).into_iter().filter(|o| o.required).collect())
    }

    /// Moments from which on something does not speak against a begin any more.
    fn edges(&self) -> Vec<Timestamp> {
        let process = self.sight.process;
        let away = process.persons.values().flat_map(|p| &p.leave).map(|l| l.until);
        let all = self.blackouts.iter().map(|b| b.when.until).chain(away);
        let all = all.chain(self.not_before.iter().map(|b| b.at)).chain([self.sight.now + SignedDuration::from_secs(1)]);
        all.map(|at| {
            let over = at.as_second().rem_euclid(QUARTER);
            let whole = if over == 0 && at.subsec_nanosecond() == 0 { at.as_second() } else { at.as_second() - over + QUARTER };
            Timestamp::from_second(whole).unwrap_or(at)
        })
        .collect()
    }

    fn objections(&self, at: Timestamp, agreed: Timestamp) -> Vec<Objection> {
        let (sight, process) = (&self.sight, self.sight.process);
        let calendar = &process.calendar;
        let end = later(at, self.minutes);
        let whole = Period { from: at, until: end.max(later(at, 1)) };
        let mut out = Vec::new();
        let mut against = |about: &str, required: bool, why: String| out.push(Objection { about: about.to_owned(), why, required });
        if at <= sight.now {
            against("past", true, format!("{} is past", sight.day(at)));
        }
        for b in self.not_before.iter().filter(|b| at < b.at) {
            against(&b.about, b.required, b.why.clone());
        }
        for b in self.not_after.iter().filter(|b| at > b.at) {
            against(&b.about, b.required, b.why.clone());
        }
        for (id, required, lapse) in &self.lead {
            let from = calendar.after(agreed, *lapse);
            if at < from {
                let why = format!(
                    "{} lies less than {lapse} after {}, when it is agreed: not before {}",
                    sight.day(at),
                    sight.day(agreed),
                    sight.day(from)
                );
                against(id, *required, why);
            }
        }
        let mut day = calendar.local(at).date();
        for (id, required, window) in &self.windows {
            match calendar.within(window, at) {
                None => {
                    let said = calendar.shut_on(window, day);
                    let why = said.unwrap_or_else(|| {
                        format!("{} is outside the window, {} to {}", sight.day(at), hour(window.from), hour(window.until))
                    });
                    against(id, *required, why);
                }
                Some(close) => {
                    if calendar.opening(window, day).is_none_or(|(from, _)| at < from) {
                        day = day.yesterday().unwrap_or(day);
                    }
                    if end > close {
                        let left = close.duration_since(at).as_mins();
                        let why = format!("it takes {}, and the window closes {} later", span(i64::from(self.minutes)), span(left));
                        against(id, *required, why);
                    }
                }
            }
        }
        for b in self.blackouts.iter().filter(|b| b.when.overlaps(whole)) {
            let why = format!("{}: {} to {}", b.title, sight.day(b.when.from), sight.day(b.when.until));
            against(&b.id, b.level == Level::Require, why);
        }
        for needed in &self.people {
            let away = |id: &&String| process.persons.get(*id).and_then(|p| p.leave.iter().find(|l| l.overlaps(whole)));
            let there = needed.people.iter().filter(|id| away(id).is_none()).count();
            if there < needed.of {
                let said = |id: &String| away(&id).map(|l| format!("{id} is away until {}", sight.day(l.until)));
                let gone: Vec<String> = needed.people.iter().filter_map(said).collect();
                let few = if there == 0 { "nobody".to_owned() } else { format!("only {there} of {}", needed.of) };
                let gone = if gone.is_empty() { String::new() } else { format!(": {}", gone.join(", ")) };
                against(&needed.about, needed.required, format!("{few} {} is there{gone}", needed.what));
            }
        }
        if !self.prefer.is_empty() && !self.prefer.contains(&super::calendar::number(day.weekday())) {
            let wanted = self.prefer.iter().filter_map(|d| super::calendar::DAYS.get(usize::try_from(*d).ok()?).copied());
            against(
                "preferred days",
                false,
                format!("{} is none of the preferred days ({})", day.strftime("%A"), wanted.collect::<Vec<_>>().join(", ")),
            );
        }
        if self.windows.is_empty() {
            let (from, until) = calendar.hours;
            if !calendar.is_business(day) {
                let what = if calendar.holidays.contains(&day) { "a holiday".to_owned() } else { format!("a {}", day.strftime("%A")) };
                against("working hours", false, format!("{day} is {what}, on which nobody works"));
            } else if calendar.at(day, from).is_some_and(|f| at < f) || calendar.at(day, until).is_some_and(|u| end > u) {
                against(
                    "working hours",
                    false,
                    format!("{} to {} is not within the working day, {} to {}", sight.day(at), sight.day(end), hour(from), hour(until)),
                );
            }
        }
        out
    }
}

fn hour(time: jiff::civil::Time) -> String {
    time.strftime("%H:%M").to_string()
}

/// Minutes as people say them.
pub fn span(minutes: i64) -> String {
    match (minutes / 60, minutes % 60) {
        (0, m) => format!("{m} min"),
        (h, 0) => format!("{h} h"),
        (h, m) => format!("{h} h {m} min"),
    }
}
