//! Series of document numbers: reading a number out of a value, and what is missing or double when two databases are compared. Numbers are row values: reports hold them, what is
//! said of a report for the record holds counts only.
//!
//! The number is the digits at a value's end; what stands between the series' prefix and them names the group, so that each year's or branch's numbers go by themselves.

use crate::program::NumberColumn;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Numbers from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// First.
    pub from: u64,
    /// Last.
    pub to: u64,
}

impl Span {
    fn len(self) -> u64 {
        (self.to - self.from).saturating_add(1)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from == self.to { write!(f, "{}", self.from) } else { write!(f, "{}-{}", self.from, self.to) }
    }
}

/// How many numbers spans hold.
fn held(spans: &[Span]) -> u64 {
    spans.iter().fold(0, |n, s| n.saturating_add(s.len()))
}

/// The numbers of one series in one database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbers {
    /// In ascending order, each as often as it stands there, by what names the group.
    groups: BTreeMap<String, Vec<u64>>,
    /// Values that end in no number.
    pub unread: u64,
}

impl Numbers {
    /// Of these values and their groups' names; documents without a number yet (NULL) have none.
    pub fn of<V: AsRef<str>>(form: &NumberColumn, values: impl IntoIterator<Item = (Option<V>, Option<V>)>) -> Numbers {
        let mut numbers = Numbers::default();
        for (value, group) in values {
            let Some(value) = value else { continue };
            numbers.add(form, value.as_ref(), group.as_ref().map_or("", AsRef::as_ref));
        }
        numbers.sort();
        numbers
    }

    /// Adds a value; [`Numbers::sort`] comes after the last.
    pub fn add(&mut self, form: &NumberColumn, value: &str, group: &str) {
        let Some(value) = value.trim().strip_prefix(form.prefix.as_str()) else { return };
        // Whole numbers in columns of fractions.
        let value = match value.split_once('.') {
            Some((whole, zeros)) if !whole.is_empty() && whole.bytes().all(|b| b.is_ascii_digit()) && zeros.bytes().all(|b| b == b'0') => {
                whole
            }
            _ => value,
        };
        let digits = value.bytes().rev().take_while(u8::is_ascii_digit).count();
        let (words, number) = value.split_at(value.len() - digits);
        let Ok(number) = number.parse() else {
            self.unread += 1;
            return;
        };
        let name = match group {
            "" => words.to_owned(),
            group => format!("{group}/{words}"),
        };
        self.groups.entry(name).or_default().push(number);
    }

    /// Puts the numbers in order.
    pub fn sort(&mut self) {
        self.groups.values_mut().for_each(|numbers| numbers.sort_unstable());
    }

    /// What this is once some numbers went and others came.
    pub fn changed(mut self, gone: &Numbers, come: &Numbers) -> Numbers {
        for (group, gone) in &gone.groups {
            let Some(numbers) = self.groups.get_mut(group) else { continue };
            let mut left = gone.iter().peekable();
            numbers.retain(|n| {
                while left.next_if(|g| **g < *n).is_some() {}
                left.next_if(|g| **g == *n).is_none()
            });
        }
        for (group, come) in &come.groups {
            self.groups.entry(group.clone()).or_default().extend(come);
        }
        self.groups.retain(|_, numbers| !numbers.is_empty());
        self.unread = self.unread.saturating_sub(gone.unread) + come.unread;
        self.sort();
        self
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.groups.values().map(|n| n.len() as u64).sum()
    }

    /// The highest of all.
    pub fn highest(&self) -> Option<u64> {
        self.groups.values().filter_map(|n| n.last()).max().copied()
    }

    /// The group and the last number of it, where there is one group only.
    pub fn only(&self) -> Option<(&str, u64)> {
        let mut groups = self.groups.iter();
        let (group, numbers) = groups.next().filter(|_| self.groups.len() == 1)?;
        Some((group, *numbers.last()?))
    }

    /// The highest number that was given in the group to which a next number belongs. One without words around it belongs to a series of one group; of several it says nothing.
    pub fn given_in(&self, group: &str) -> Option<u64> {
        match self.groups.get(group) {
            Some(numbers) => numbers.last().copied(),
            None if group.is_empty() && self.groups.len() == 1 => self.highest(),
            None => None,
        }
    }

    fn of_group(&self, group: &str) -> &[u64] {
        self.groups.get(group).map_or(&[], Vec::as_slice)
    }
}

/// What is the matter with one group of a series.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupReport {
    /// What names it; empty where values are numbers and nothing else.
    pub group: String,
    /// Numbers of documents that are not there, and should be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<Span>,
    /// Numbers that no document bears, between those that one does, and that were no gap before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Span>,
    /// Numbers that several documents bear, more than before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub twice: Vec<Span>,
}

impl GroupReport {
    fn is_quiet(&self) -> bool {
        self.lost.is_empty() && self.gaps.is_empty() && self.twice.is_empty()
    }
}

/// What was found out about one series.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesReport {
    /// Its name in the program.
    pub series: String,
    /// Documents with a number.
    pub count: u64,
    /// Values that hold no number.
    #[serde(default)]
    pub unread: u64,
    /// Groups with which something is the matter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupReport>,
    /// Why the series could not be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// The counter would give a number next that a document had already: that number, and the highest one given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<(u64, u64)>,
}

impl SeriesReport {
    /// Compares a series: `was` as it stood in production before, `due` what should be there now, `now` what is there. A gap that `was` has already is none.
    pub fn new(series: &str, was: &Numbers, due: &Numbers, now: &Numbers) -> SeriesReport {
        let names: BTreeSet<&String> = was.groups.keys().chain(due.groups.keys()).chain(now.groups.keys()).collect();
        let groups = names.into_iter().map(|name| group(name, was.of_group(name), due.of_group(name), now.of_group(name)));
        SeriesReport {
            series: series.to_owned(),
            count: now.count(),
            unread: now.unread,
            groups: groups.filter(|g| !g.is_quiet()).collect(),
            missing: None,
            behind: None,
        }
    }

    /// Notes where the counter goes on; `given` is the highest number that a document had anywhere.
    pub fn counter(&mut self, next: Option<u64>, given: Option<u64>) {
        self.behind = next.zip(given).filter(|(next, given)| next <= given);
    }

    fn sum(&self, of: fn(&GroupReport) -> &[Span]) -> u64 {
        self.groups.iter().fold(0, |n, g| n.saturating_add(held(of(g))))
    }

    /// Numbers of documents that are not there, and should be.
    pub fn lost(&self) -> u64 {
        self.sum(|g| &g.lost)
    }

    /// Numbers that no document bears.
    pub fn gaps(&self) -> u64 {
        self.sum(|g| &g.gaps)
    }

    /// Numbers that several documents bear.
    pub fn twice(&self) -> u64 {
        self.sum(|g| &g.twice)
    }

    /// What a person has to answer for, in counts: nothing here is a row's value.
    pub fn losses(&self) -> Vec<String> {
        let one = |n: u64, one: &str, more: &str| match n {
            0 => None,
            1 => Some(format!("document numbers `{}`: 1 {one}", self.series)),
            n => Some(format!("document numbers `{}`: {n} {more}", self.series)),
        };
        let behind = self.behind.map(|_| format!("document numbers `{}`: the counter stands behind numbers that were given", self.series));
        let missing = self.missing.as_ref().map(|why| format!("document numbers `{}` cannot be compared: {why}", self.series));
        one(self.lost(), "is lost: its document is not there", "are lost: their documents are not there")
            .into_iter()
            .chain(missing)
            .chain(one(self.twice(), "is there twice", "are there twice"))
            .chain(behind)
            .collect()
    }

    /// What else is worth saying, in counts.
    pub fn remarks(&self) -> Vec<String> {
        let gaps = match self.gaps() {
            0 => None,
            n => Some(format!("document numbers `{}`: {n} that no document bears any more, or ever did", self.series)),
        };
        let unread = (self.unread > 0).then(|| format!("document numbers `{}`: {} values hold no number", self.series, self.unread));
        gaps.into_iter().chain(unread).collect()
    }

    /// The numbers themselves, for people's eyes and the run's folder; never for the record.
    pub fn listed(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for g in &self.groups {
            let name = if g.group.is_empty() { self.series.clone() } else { format!("{} {}", self.series, g.group) };
            for (what, spans) in [("lost", &g.lost), ("twice", &g.twice), ("no document", &g.gaps)] {
                if !spans.is_empty() {
                    let spans: Vec<String> = spans.iter().map(Span::to_string).collect();
                    lines.push(format!("{name}: {what}: {}", spans.join(", ")));
                }
            }
        }
        if let Some((next, given)) = self.behind {
            lines.push(format!("{}: the counter gives {next} next, and {given} was given already", self.series));
        }
        lines
    }
}

fn group(name: &str, was: &[u64], due: &[u64], now: &[u64]) -> GroupReport {
    let (had, stand) = (spans(due), spans(now));
    let lost = without(&had, &stand);
    let all = [was, due, now];
    let low = all.iter().filter_map(|n| n.first()).min();
    let high = all.iter().filter_map(|n| n.last()).max();
    let gaps = match (low, high) {
        (Some(low), Some(high)) => {
            let missing = without(&[Span { from: *low, to: *high }], &stand);
            // What production lacked already between its own first and last number.
            let old = match (was.first(), was.last()) {
                (Some(first), Some(last)) => without(&[Span { from: *first, to: *last }], &spans(was)),
                _ => Vec::new(),
            };
            without(&without(&missing, &lost), &old)
        }
        _ => Vec::new(),
    };
    let before: BTreeMap<u64, usize> = doubles(was).collect();
    let more = doubles(now).filter(|(n, times)| *times > before.get(n).copied().unwrap_or(1)).map(|(n, _)| n);
    GroupReport { group: name.to_owned(), lost, gaps, twice: spans(&more.collect::<Vec<_>>()) }
}

/// Numbers that stand several times in a sorted list, and how often.
fn doubles(sorted: &[u64]) -> impl Iterator<Item = (u64, usize)> {
    sorted.chunk_by(|a, b| a == b).filter(|same| same.len() > 1).map(|same| (same[0], same.len()))
}

/// A sorted list as spans.
fn spans(sorted: &[u64]) -> Vec<Span> {
    let mut out: Vec<Span> = Vec::new();
    for n in sorted {
        match out.last_mut() {
            Some(last) if *n <= last.to.saturating_add(1) => last.to = *n,
            _ => out.push(Span { from: *n, to: *n }),
        }
    }
    out
}

/// What of these spans the other ones do not hold; both in order, and within each none touches another.
fn without(these: &[Span], others: &[Span]) -> Vec<Span> {
    let mut out = Vec::new();
    let mut at = 0;
    for span in these {
        let mut from = Some(span.from);
        while at < others.len() && others[at].to < span.from {
            at += 1;
        }
        let mut look = at;
        while let (Some(start), Some(other)) = (from, others.get(look).filter(|o| o.from <= span.to)) {
            if other.from > start {
                out.push(Span { from: start, to: other.from - 1 });
            }
            from = other.to.checked_add(1).filter(|n| *n <= span.to);
            look += 1;
        }
        if let Some(from) = from {
            out.push(Span { from, to: span.to });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn form(prefix: &str) -> NumberColumn {
        NumberColumn { table: "invoice".into(), column: "number".into(), prefix: prefix.into(), group: None, next: None }
    }

    fn numbers(values: &[&str]) -> Numbers {
        Numbers::of(&form(""), values.iter().map(|v| (Some(*v), None)))
    }

    #[test]
    fn the_number_is_at_the_end_and_the_rest_names_the_series() {
        let read = Numbers::of(
            &form("R"),
            [(Some("R2026-0007"), None), (Some("R2026-9"), Some("north")), (Some("X8"), None), (Some("R2026-draft"), None), (None, None)],
        );
        assert_eq!(read.groups, BTreeMap::from([("2026-".to_owned(), vec![7]), ("north/2026-".to_owned(), vec![9])]));
        assert_eq!(read.unread, 1);
        assert_eq!(numbers(&["17.00", "18", "019"]), numbers(&["17", "18", "19"]));
    }

    #[test]
    fn a_gap_that_was_there_before_is_none() {
        let was = numbers(&["1", "2", "4", "5", "6"]);
        let report = SeriesReport::new("invoice", &was, &was, &numbers(&["1", "2", "4", "6", "9", "9"]));
        assert_eq!(report.listed(), ["invoice: lost: 5", "invoice: twice: 9", "invoice: no document: 7-8"]);
        assert_eq!(
            report.losses(),
            ["document numbers `invoice`: 1 is lost: its document is not there", "document numbers `invoice`: 1 is there twice"]
        );
        assert!(report.remarks()[0].contains("2 that no document bears"));
        let quiet = SeriesReport::new("invoice", &was, &was, &was);
        assert!(quiet.losses().is_empty() && quiet.listed().is_empty());
    }

    #[test]
    fn what_users_deleted_is_no_loss_of_the_rollback() {
        // 4 went in the new production, 7 came and is carried back, 8 came and is given up.
        let (was, due, now) = (numbers(&["3", "4", "5"]), numbers(&["3", "5", "7", "8"]), numbers(&["3", "5", "7"]));
        let report = SeriesReport::new("i", &was, &due, &now);
        assert_eq!(report.listed(), ["i: lost: 8", "i: no document: 4, 6"]);
    }

    #[test]
    fn a_counter_that_starts_anew_is_held_against_its_own_group() {
        let all = numbers(&["2025-950", "2026-11", "2026-12"]);
        assert_eq!(numbers(&["2026-13"]).only(), Some(("2026-", 13)));
        assert_eq!(all.given_in("2026-"), Some(12));
        assert_eq!(all.given_in("2027-"), None);
        // Which of the years a bare 13 is of cannot be told.
        assert_eq!(all.given_in(""), None);
        assert_eq!(numbers(&["2026-11", "2026-12"]).given_in(""), Some(12));
    }

    #[test]
    fn a_counter_behind_what_was_given_is_told() {
        let mut report = SeriesReport::new("i", &numbers(&["7"]), &numbers(&["7"]), &numbers(&["7"]));
        report.counter(Some(8), Some(7));
        assert!(report.losses().is_empty());
        report.counter(Some(7), Some(7));
        assert_eq!(report.losses().len(), 1);
        assert!(report.losses().iter().all(|l| !l.contains('7')), "a number is a row's value: {:?}", report.losses());
    }

    proptest! {
        #[test]
        fn spans_hold_what_their_numbers_do(was in prop::collection::vec(0u64..40, 0..30), due in prop::collection::vec(0u64..40, 0..30), now in prop::collection::vec(0u64..40, 0..30)) {
            let of = |all: &[u64]| Numbers::of(&form(""), all.iter().map(|n| (Some(n.to_string()), None)));
            let report = SeriesReport::new("s", &of(&was), &of(&due), &of(&now));
            let each = |of: fn(&GroupReport) -> &Vec<Span>| -> BTreeSet<u64> {
                report.groups.iter().flat_map(|g| of(g).iter().flat_map(|s| s.from..=s.to)).collect()
            };
            let set = |all: &[u64]| all.iter().copied().collect::<BTreeSet<u64>>();
            let (w, d, n) = (set(&was), set(&due), set(&now));
            prop_assert_eq!(each(|g| &g.lost), d.difference(&n).copied().collect::<BTreeSet<_>>());
            let all: BTreeSet<u64> = w.iter().chain(&d).chain(&n).copied().collect();
            let gaps: BTreeSet<u64> = match (all.first(), all.last()) {
                (Some(low), Some(high)) => (*low..=*high)
                    .filter(|x| !n.contains(x) && !d.contains(x))
                    .filter(|x| !(w.first().is_some_and(|f| f < x) && w.last().is_some_and(|l| x < l) && !w.contains(x)))
                    .collect(),
                _ => BTreeSet::new(),
            };
            prop_assert_eq!(each(|g| &g.gaps), gaps);
            let times = |all: &[u64], x: u64| all.iter().filter(|y| **y == x).count();
            prop_assert_eq!(each(|g| &g.twice), n.iter().copied().filter(|x| times(&now, *x) > times(&was, *x).max(1)).collect::<BTreeSet<_>>());
        }

        #[test]
        fn numbers_that_go_and_come_are_counted_one_by_one(all in prop::collection::vec(0u64..20, 0..20), gone in prop::collection::vec(0u64..20, 0..10), come in prop::collection::vec(0u64..20, 0..10)) {
            let of = |all: &[u64]| Numbers::of(&form(""), all.iter().map(|n| (Some(n.to_string()), None)));
            let mut wanted = all.clone();
            for g in &gone {
                if let Some(at) = wanted.iter().position(|n| n == g) {
                    wanted.remove(at);
                }
            }
            wanted.extend(&come);
            prop_assert_eq!(of(&all).changed(&of(&gone), &of(&come)), of(&wanted));
        }
    }
}
