//! Who gets which notice for which fact: what is written and what was recorded in, messages out.

use super::said::{Said, said};
use super::words::Words;
use super::{Happened, NoticeId, Rule, To, Topic, Vouch, What};
use crate::process::gates::Sight;
use crate::process::words::{Language, fill};
use crate::process::{Fact, Process, Proofs, State};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A date for somebody's calendar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Invite {
    /// The stage.
    pub stage: String,
    /// The same for all that is ever said about this stage's date.
    pub uid: String,
    /// Higher each time that something else is said about it.
    pub sequence: u32,
    /// The date is off.
    pub cancelled: bool,
    /// When it begins.
    pub start: Timestamp,
    /// When it is expected to be over.
    pub end: Timestamp,
    /// What it is called in the calendar.
    pub summary: String,
    /// More of it.
    pub description: String,
}

/// What somebody is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// What makes it this one.
    pub id: NoticeId,
    /// When that was recorded of which it tells.
    pub at: Timestamp,
    /// Of what, each once.
    pub topics: BTreeSet<Topic>,
    /// Stages, gates, tasks and persons that it is about, by what they are.
    pub about: BTreeSet<(&'static str, String)>,
    /// One line.
    pub subject: String,
    /// The text.
    pub text: String,
    /// For the calendar.
    pub invites: Vec<Invite>,
    /// The head of the record goes with it, and so it is vouched for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<Vouch>,
}

/// What was said of a stage's date.
#[derive(Default)]
pub(super) struct Dates {
    /// By stage: how often something was said of it, and the date that is in people's calendars.
    stages: BTreeMap<String, (u32, Option<Timestamp>)>,
}

impl Dates {
    /// The sequence number of what is said now, and the date that stood until now.
    fn say(&mut self, stage: &str, date: Option<Timestamp>) -> (u32, Option<Timestamp>) {
        let entry = self.stages.entry(stage.to_owned()).or_default();
        let was = *entry;
        *entry = (was.0 + 1, date);
        (entry.0, was.1)
    }

    /// What an event says of dates: the stage, its sequence number, the date before, the date now. None where it says nothing.
    fn of(&mut self, fact: &Fact) -> Option<(String, u32, Option<Timestamp>, Option<Timestamp>)> {
        match fact {
            Fact::DateAgreed { stage, at, .. } => {
                let (sequence, before) = self.say(stage, Some(*at));
                Some((stage.clone(), sequence, before, Some(*at)))
            }
            // Another try has a date of its own.
            Fact::StageLeft { stage, good: false, .. } | Fact::DateWithdrawn { stage }
                if self.stages.get(stage).is_some_and(|(_, date)| date.is_some()) =>
            {
                let (sequence, before) = self.say(stage, None);
                Some((stage.clone(), sequence, before, None))
            }
            _ => None,
        }
    }
}

/// The notices about the recorded events that are `wanted`, by number. `happened`: everything on record, in order; who is told depends on where all stood then.
/// `proofs`: what runs have proved, as the reader knows it.
pub fn messages(
    program: &str,
    process: &Process,
    proofs: &Proofs,
    happened: &[Happened<'_>],
    wanted: impl Fn(u64) -> bool,
) -> Vec<Message> {
    if process.notices.is_none() {
        return Vec::new();
    }
    let (mut state, mut dates, mut all) = (State::default(), Dates::default(), Vec::new());
    for h in happened {
        let mut date = None;
        if let What::Fact(fact) = h.what {
            date = dates.of(fact);
            state.apply(h.at, h.by, fact);
        }
        if !wanted(h.seq) {
            continue;
        }
        let sight = Sight { process, state: &state, proofs, now: h.at };
        let occasion = Occasion { seq: h.seq, at: h.at, by: h.by, mark: None };
        all.extend(tell(program, &sight, &occasion, |_| true, |language| said(program, &sight, h, date.clone(), language)));
    }
    all
}

/// At what people are told something.
pub(super) struct Occasion<'a> {
    /// The event that it is about.
    pub(super) seq: u64,
    /// When it was.
    pub(super) at: Timestamp,
    /// Whose doing: a person's id, or nobody's.
    pub(super) by: &'a str,
    /// What makes it another one than the event itself; see [`NoticeId::mark`].
    pub(super) mark: Option<String>,
}

/// Who is told what at an occasion, by those rules. `said`: what there is to say, in a language; the same things in the same order in each.
pub(super) fn tell(
    program: &str,
    sight: &Sight<'_>,
    occasion: &Occasion<'_>,
    by_rule: impl Fn(&String) -> bool,
    said: impl Fn(Language) -> Vec<Said>,
) -> Vec<Message> {
    let process = sight.process;
    let Some(notices) = &process.notices else { return Vec::new() };
    let mut texts: BTreeMap<Language, Vec<Said>> = BTreeMap::new();
    texts.insert(notices.language, said(notices.language));
    let mut all = Vec::new();
    // Nobody is told the same twice, whatever rules there are.
    let mut told: BTreeSet<(Option<String>, usize)> = BTreeSet::new();
    for (rule_id, rule) in notices.rules.iter().filter(|(id, _)| by_rule(id)) {
        let mut by_person: BTreeMap<Option<String>, Vec<usize>> = BTreeMap::new();
        for (n, s) in texts[&notices.language].iter().enumerate().filter(|(_, s)| rule.on.contains(&s.topic)) {
            for person in recipients(sight, &rule.to, s, occasion.by) {
                if told.insert((Some(person.clone()), n)) {
                    by_person.entry(Some(person)).or_default().push(n);
                }
            }
            if rule.webhook.is_some() {
                by_person.entry(None).or_default().push(n);
            }
        }
        for (to, which) in by_person {
            let language = process.language(to.as_deref());
            let texts = texts.entry(language).or_insert_with(|| said(language));
            let id = NoticeId { seq: occasion.seq, rule: rule_id.clone(), to, mark: occasion.mark.clone() };
            let parts: Vec<&Said> = which.iter().filter_map(|n| texts.get(*n)).collect();
            all.push(message(program, process, rule, id, occasion.at, &parts, Words::of(language)));
        }
    }
    all
}

/// Who is told by mail, in order.
fn recipients(sight: &Sight<'_>, to: &BTreeSet<To>, said: &Said, by: &str) -> BTreeSet<String> {
    let process = sight.process;
    let mut all = BTreeSet::new();
    for to in to {
        match to {
            To::Concerned => all.extend(said.concerned.iter().cloned()),
            To::Person(id) => all.extend([id.clone()]),
            To::Party(party) => all.extend(process.persons.iter().filter(|(_, p)| p.party == *party).map(|(id, _)| id.clone())),
            To::Role(role) => all.extend(sight.with_roles(&[role.clone()].into())),
        }
    }
    all.retain(|id| process.persons.contains_key(id) && (id != by || said.topic.tells_who_did_it()));
    all
}

fn message(program: &str, process: &Process, rule: &Rule, id: NoticeId, at: Timestamp, parts: &[&Said], w: &Words) -> Message {
    let more = if parts.len() > 1 { w.more(parts.len() - 1) } else { String::new() };
    let subject = format!("[{program}] {}{more}", parts.first().map_or("", |s| s.subject.as_str()));
    let mut text = String::new();
    let head = parts.iter().find(|s| s.topic == Topic::Head).map(|_| rule.vouch.clone().unwrap_or(Vouch::Nobody));
    for part in parts {
        part.lines.iter().for_each(|line| text.push_str(&format!("{line}\n")));
        if let Some(command) = &part.command {
            text.push_str(&format!("\n    {command}\n"));
        }
        match &head {
            Some(Vouch::Key { .. }) if part.topic == Topic::Head => text.push_str(&format!("\n{}\n", w.head_signed)),
            Some(Vouch::Nobody) if part.topic == Topic::Head => text.push_str(&format!("\n{}\n", w.head_unsigned)),
            _ => {}
        }
        text.push('\n');
    }
    let footer = if id.mark.is_some() { w.footer_reminder } else { w.footer };
    let (event, date) = (id.seq.to_string(), super::said::day(process, at, w.language));
    let with = [("program", program), ("event", &event), ("date", &date), ("zone", &process.calendar.zone), ("rule", &id.rule)];
    text.push_str(&format!("-- \n{}\n", fill(footer, &with)));
    Message {
        id,
        at,
        topics: parts.iter().map(|s| s.topic).collect(),
        about: parts.iter().flat_map(|s| s.about.iter().cloned()).collect(),
        subject: subject.replace(['\r', '\n'], " "),
        text,
        invites: parts.iter().filter_map(|s| s.invite.clone()).collect(),
        head,
    }
}
