//! What is open of everything that was found: by audits, and by Greenroom itself when it checked the program or planned a run.
//!
//! Owns the gate that asks that nothing heavier is open. Does not own audits ([`super::audits`]), nor what is found and which codes there are (`crate::finding`); what runs and checks
//! found comes in as it is on record.

use super::audits::Weight;
use super::gates::{Sight, Standing};
use super::{Mark, State};
use crate::finding::{Noticed, Severity};
use crate::hash::Hash;
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};

/// Who reports findings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reporter {
    /// All audits.
    Audits,
    /// One audit.
    Audit(String),
    /// `greenroom check`.
    Check,
    /// The run that made the pilot that stands.
    Rehearsal,
    /// The latest dress rehearsal.
    DressRehearsal,
}

impl Reporter {
    /// Reads what a gate names: `audits`, `audit NAME`, `check`, `rehearsal`, `dress-rehearsal`.
    pub fn parse(text: &str) -> Option<Reporter> {
        Some(match text.trim() {
            "audits" => Reporter::Audits,
            "check" => Reporter::Check,
            "rehearsal" => Reporter::Rehearsal,
            "dress-rehearsal" => Reporter::DressRehearsal,
            other => Reporter::Audit(other.strip_prefix("audit ")?.trim().to_owned()),
        })
    }
}

impl std::fmt::Display for Reporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reporter::Audits => f.write_str("audits"),
            Reporter::Audit(name) => write!(f, "audit {name}"),
            Reporter::Check => f.write_str("check"),
            Reporter::Rehearsal => f.write_str("rehearsal"),
            Reporter::DressRehearsal => f.write_str("dress-rehearsal"),
        }
    }
}

impl Serialize for Reporter {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// What a gate asks of findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// Whose.
    pub of: BTreeSet<Reporter>,
    /// The heaviest that may be open; none at all without. Of Greenroom's own an error is blocking, a warning important, a note minor.
    pub at_most: Option<Weight>,
    /// Codes of Greenroom's own that are accepted, and why.
    pub accepted: BTreeMap<String, String>,
}

/// What a run found, as it is on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The run.
    pub run: String,
    /// What was found when it was planned, and last verified; none where that is not on record.
    pub found: Option<Vec<Noticed>>,
}

/// What `greenroom check` found last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckState {
    /// Hash of the program that was checked.
    pub of: Hash,
    /// What was found.
    pub found: Vec<Noticed>,
    /// When.
    pub at: Mark,
}

/// A finding that counts at a gate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Open {
    weight: Weight,
    what: String,
    /// The day that is over. No part of what somebody signs: that would be stale by waiting.
    #[serde(skip)]
    late: Option<jiff::civil::Date>,
}

impl std::fmt::Display for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)?;
        self.late.map_or(Ok(()), |day| write!(f, ", which was to be mended until {day}"))
    }
}

fn weight(severity: Severity) -> Weight {
    match severity {
        Severity::Error => Weight::Blocking,
        Severity::Warning => Weight::Important,
        Severity::Note => Weight::Minor,
    }
}

impl State {
    pub(super) fn program_checked(&mut self, at: Mark, of: Hash, found: &[Noticed]) {
        self.check = Some(CheckState { of, found: found.to_vec(), at });
    }
}

impl Sight<'_> {
    /// What is open that is too heavy; what is not on record; and whose turn it is.
    fn open_findings(&self, asked: &Asked) -> (Vec<Open>, Vec<String>, BTreeSet<String>) {
        let (mut open, mut lacking, mut turn) = (Vec::new(), Vec::new(), BTreeSet::new());
        let heavy = |w: Weight| asked.at_most.is_none_or(|most| w > most);
        for reporter in &asked.of {
            let own = match reporter {
                Reporter::Audits | Reporter::Audit(_) => {
                    let named = |id: &String| matches!(reporter, Reporter::Audits) || *reporter == Reporter::Audit(id.clone());
                    let lines = self.process.audits.iter().filter(|(id, _)| named(id)).map(|(id, a)| self.audit_line(id, a));
                    for f in lines.flat_map(|l| l.findings).filter(|f| !f.stands.is_over() && heavy(f.weight)) {
                        let what = format!("{} ({}, {})", f.id, f.weight.word(), f.stands.words());
                        open.push(Open { weight: f.weight, what, late: f.due.filter(|_| f.overdue) });
                        turn.extend(f.turn);
                    }
                    continue;
                }
                Reporter::Check => match &self.state.check {
                    None => Err("no check is on record: `greenroom check`".to_owned()),
                    Some(c) if self.proofs.program != Some(c.of) => {
                        Err(format!("the program is another one since it was checked on {}: `greenroom check`", self.day(c.at.at)))
                    }
                    Some(c) => Ok(("check".to_owned(), &c.found)),
                },
                Reporter::Rehearsal | Reporter::DressRehearsal => {
                    let (none, again) = match reporter {
                        Reporter::Rehearsal => ("no pilot stands", "greenroom rehearse"),
                        _ => ("no dress rehearsal of the program as it is", "greenroom dress"),
                    };
                    match self.proofs.reports.get(reporter) {
                        None => Err(format!("{none}: `{again}`")),
                        Some(Report { run, found: None }) => Err(format!("what `{run}` found is not on record: `{again}`")),
                        Some(Report { run, found: Some(found) }) => Ok((format!("`{run}`"), found)),
                    }
                }
            };
            match own {
                Err(why) => lacking.push(why),
                Ok((by, found)) => {
                    let mut codes: BTreeMap<(&str, Severity), usize> = BTreeMap::new();
                    for n in found.iter().filter(|n| heavy(weight(n.severity)) && !asked.accepted.contains_key(&n.code)) {
                        *codes.entry((&n.code, n.severity)).or_default() += 1;
                    }
                    open.extend(codes.into_iter().map(|((code, severity), times)| {
                        let word = match severity {
                            Severity::Error => "error",
                            Severity::Warning => "warning",
                            Severity::Note => "note",
                        };
                        let times = if times > 1 { format!(", {times} times") } else { String::new() };
                        Open { weight: weight(severity), what: format!("{code} of {by} ({word}{times})"), late: None }
                    }));
                }
            }
        }
        // The heaviest first; of the same weight as they were gathered.
        open.sort_by_key(|o| std::cmp::Reverse(o.weight));
        (open, lacking, turn)
    }

    /// How a gate stands that asks that nothing heavy is open.
    pub(super) fn findings_standing(&self, asked: &Asked, base: &Standing) -> Standing {
        let (open, lacking, turn) = self.open_findings(asked);
        let of = || asked.of.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        if open.is_empty() && lacking.is_empty() {
            let above = asked.at_most.map_or(String::new(), |w| format!(" above {}", w.word()));
            let codes: Vec<&str> = asked.accepted.keys().map(String::as_str).collect();
            let accepted = if codes.is_empty() { String::new() } else { format!("; accepted by name: {}", codes.join(", ")) };
            return Standing { met: true, why: format!("nothing{above} is open of {}{accepted}", of()), ..base.clone() };
        }
        let mut said = lacking;
        if !open.is_empty() {
            said.push(format!("open: {}", open.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")));
        }
        Standing { why: said.join("; "), turn: turn.into_iter().collect(), ..base.clone() }
    }

    /// What a signature beside gates that ask for findings is about: `plain`, and what is open at these gates.
    pub(super) fn with_findings<'g>(&self, gates: impl Iterator<Item = &'g Asked>, plain: Hash) -> Hash {
        let open: Vec<_> = gates.map(|asked| self.open_findings(asked)).map(|(open, lacking, _)| (open, lacking)).collect();
        if open.is_empty() { plain } else { Hash::of_json(&(plain, open)) }
    }
}

#[cfg(test)]
mod tests;
