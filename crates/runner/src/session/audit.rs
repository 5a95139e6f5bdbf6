//! Audits and findings at work: what people said of a finding, and what runs and checks found, for gates that ask for it.

use super::{Recorded, Session, SessionError};
use crate::journal::Projection;
use greenroom_model::finding::{Finding, Noticed, Severity};
use greenroom_model::hash::Hash;
use greenroom_model::plan::RunKind;
use greenroom_model::process::audits::FindingLine;
use greenroom_model::process::findings::{Report, Reporter};
use greenroom_model::process::gates::{Refused, Sight};
use greenroom_model::process::{Fact, Kind};
use greenroom_model::run::{Body, Phase, RunState};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What somebody did about a finding.
#[derive(Clone, Debug, Serialize)]
pub struct Said {
    /// The event's number.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The person.
    pub by: Option<String>,
    /// What: `found`, `mended`, `verified`, `rejected`, `accepted`.
    pub what: &'static str,
    /// What they said to it, where that was not erased.
    pub words: Option<String>,
}

/// A finding with what was said of it.
#[derive(Clone, Debug, Serialize)]
pub struct FindingShown {
    /// Where it stands.
    #[serde(flatten)]
    pub line: FindingLine,
    /// What it is, in words; none where they were erased.
    pub title: Option<String>,
    /// Everything that was done about it, in order.
    pub said: Vec<Said>,
}

/// A finding's title and what more was said of it, as they stand beside the chain: one line, and the rest.
fn titled(words: &str) -> (String, Option<String>) {
    match words.split_once('\n') {
        Some((title, note)) => (title.to_owned(), Some(note.to_owned())),
        None => (words.to_owned(), None),
    }
}

fn about(fact: &Fact) -> Option<(&String, &'static str)> {
    match fact {
        Fact::FindingFound { finding, .. } => Some((finding, "found")),
        Fact::FindingMended { finding } => Some((finding, "mended")),
        Fact::FindingVerified { finding, good } => Some((finding, if *good { "verified" } else { "rejected" })),
        Fact::FindingAccepted { finding } => Some((finding, "accepted")),
        _ => None,
    }
}

impl Session {
    /// The same session with what was found in the program's files: it goes on record with plans.
    pub fn having_found(mut self, findings: &[Finding]) -> Session {
        self.in_files = findings.iter().map(Noticed::from).collect();
        self
    }

    /// What goes on record with a plan.
    pub(super) fn noticed(&self, findings: &[Finding]) -> Vec<Noticed> {
        self.in_files.iter().cloned().chain(findings.iter().map(Noticed::from)).collect()
    }

    /// Findings with what people said of them.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn with_words(&self, lines: Vec<FindingLine>) -> Result<Vec<FindingShown>, SessionError> {
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        let (events, actors) = (self.events()?, self.actors()?);
        let mut said: BTreeMap<&str, Vec<Said>> = BTreeMap::new();
        let mut titles: BTreeMap<&str, String> = BTreeMap::new();
        for e in &events {
            let Body::Process { by, fact } = &e.body else { continue };
            let Some((finding, what)) = about(fact) else { continue };
            let mut words = e.personal.iter().find_map(|h| actors.get(h)).and_then(|a| a.words.clone());
            if what == "found"
                && let Some(all) = words.take()
            {
                let (title, note) = titled(&all);
                titles.insert(finding, title);
                words = note;
            }
            said.entry(finding).or_default().push(Said { seq: e.seq, at: e.at, by: by.clone(), what, words });
        }
        let shown = |line: FindingLine| {
            let (title, said) = (titles.remove(line.id.as_str()), said.remove(line.id.as_str()).unwrap_or_default());
            FindingShown { line, title, said }
        };
        Ok(lines.into_iter().map(shown).collect())
    }

    /// What was said to the points of an audit, and to its conclusion, each the last time, where it was not erased.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn audit_words(&self, wanted: &str) -> Result<(BTreeMap<String, String>, Option<String>), SessionError> {
        let (events, actors) = (self.events()?, self.actors()?);
        let (mut points, mut conclusion) = (BTreeMap::new(), None);
        for e in &events {
            let Body::Process { fact, .. } = &e.body else { continue };
            let words = || e.personal.iter().find_map(|h| actors.get(h)).and_then(|a| a.words.clone());
            match fact {
                Fact::AuditPoint { audit, point, .. } if audit == wanted => match words() {
                    Some(words) => drop(points.insert(point.clone(), words)),
                    None => drop(points.remove(point)),
                },
                Fact::AuditConcluded { audit, .. } if audit == wanted => conclusion = words(),
                _ => {}
            }
        }
        Ok((points, conclusion))
    }

    /// Puts a finding on record. Its title and the note stand beside the chain.
    ///
    /// # Errors
    /// GR0791 when `find` refuses it, or the title is no line of text.
    pub fn found(
        &self,
        title: &str,
        note: Option<&str>,
        find: impl FnOnce(Sight<'_>, Option<&str>) -> Result<Fact, Refused>,
    ) -> Result<Recorded, SessionError> {
        let title = title.trim();
        if title.is_empty() || title.contains(['\n', '\r']) {
            return Err(super::refused("GR0791", "the title of a finding is one line of words", "say more of it with `--note`"));
        }
        let words = note.map_or_else(|| title.to_owned(), |note| format!("{title}\n{note}"));
        self.decide_process(Some(&words), find)
    }

    /// Whose findings gates ask for.
    fn asked_reporters(&self) -> BTreeSet<&Reporter> {
        let gates = self.process.iter().flat_map(|p| p.gates.values());
        gates.flat_map(|g| if let Kind::Findings(asked) = &g.kind { Some(&asked.of) } else { None }.into_iter().flatten()).collect()
    }

    /// Puts on record what a check of the program found, where a gate asks for that. None where none does, or nobody of `process.toml` acts.
    ///
    /// # Errors
    /// When it cannot be put on record.
    pub fn checked(&self, findings: &[Finding]) -> Result<Option<Recorded>, SessionError> {
        if !self.asked_reporters().contains(&Reporter::Check) || self.person().is_none() {
            return Ok(None);
        }
        let (of, found) = (Hash::of_json(&self.program), findings.iter().map(Noticed::from).collect());
        self.decide_process(None, |_, _| Ok(Fact::ProgramChecked { of, found })).map(Some)
    }

    /// What runs found, as far as gates ask for it, and the hash of the program where they ask for a check of it.
    pub(super) fn reports(&self, history: &Projection) -> Result<(BTreeMap<Reporter, Report>, Option<Hash>), SessionError> {
        let (asked, mut reports) = (self.asked_reporters(), BTreeMap::new());
        // Another pilot's runs say nothing about this one.
        let ours = |r: &RunState| r.plan.profile == self.program.profile && r.phase == Phase::Finished;
        let latest = |fits: &dyn Fn(RunKind) -> bool| history.runs.iter().rev().find(|r| ours(r) && fits(r.plan.kind));
        let report = |run: &RunState| {
            let mut found = history.found.get(&run.plan_hash).cloned();
            // A pilot is verified again on request, after its run has ended well.
            if let (Some(found), Some((_, verdict))) = (&mut found, run.verdicts.last().filter(|(_, v)| !v.passed)) {
                let message = format!("the verification `{}` found {} differences", verdict.what, verdict.differences.len());
                found.push(Noticed { code: "GR0865".into(), severity: Severity::Error, message });
            }
            Report { run: run.id.0.clone(), found }
        };
        if asked.contains(&Reporter::Rehearsal)
            && let Some(run) = latest(&|kind| kind.makes_pilot())
        {
            reports.insert(Reporter::Rehearsal, report(run));
        }
        if asked.contains(&Reporter::DressRehearsal)
            && self.dressed(None)?.is_some_and(|d| d.stale.is_empty())
            && let Some(run) = latest(&|kind| kind == RunKind::Dress)
        {
            reports.insert(Reporter::DressRehearsal, report(run));
        }
        Ok((reports, asked.contains(&Reporter::Check).then(|| Hash::of_json(&self.program))))
    }
}
