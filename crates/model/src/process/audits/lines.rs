//! Audits as they are shown: points, findings, and where each stands.

use super::{Audit, FindingState, Look, Stands, Verdict, Weight};
use crate::process::Kind;
use crate::process::findings::Reporter;
use crate::process::gates::Sight;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

/// A point of an audit as it stands in this try of its stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PointLine {
    /// Its number, counted from 1.
    pub number: usize,
    /// What is looked at.
    pub point: String,
    /// How it was seen.
    pub look: Option<Look>,
    /// By whom.
    pub by: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
}

/// A finding as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FindingLine {
    /// Its id.
    pub id: String,
    /// The audit.
    pub audit: String,
    /// See [`Weight`].
    pub weight: Weight,
    /// See [`Stands`].
    pub stands: Stands,
    /// The person or role that mends it.
    pub owner: Option<String>,
    /// The day until which it is to be mended.
    pub due: Option<Date>,
    /// That day is over.
    pub overdue: bool,
    /// Whose turn it is: who mends it while it is open, who verifies it then.
    pub turn: Vec<String>,
    /// Who found it.
    pub found_by: String,
    /// When.
    pub found_at: Timestamp,
    /// Number of the event.
    pub event: u64,
    /// Who says that it is mended.
    pub mended_by: Option<String>,
    /// When that was said.
    pub mended_at: Option<Timestamp>,
    /// Who verified or accepted it, or saw last that it was not mended.
    pub judged_by: Option<String>,
    /// When that was.
    pub judged_at: Option<Timestamp>,
}

/// An audit as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditLine {
    /// Its id.
    pub audit: String,
    /// What people call it.
    pub title: String,
    /// The stage.
    pub stage: String,
    /// The audit before it.
    pub follows: Option<String>,
    /// `to come`, `under way`, `positive`, `stale` or `negative`.
    pub stands: &'static str,
    /// Why it is met, or what is missing.
    pub why: String,
    /// Who looks: ids of persons.
    pub auditors: Vec<String>,
    /// Who concluded it, in this try.
    pub by: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
    /// What is looked at.
    pub points: Vec<PointLine>,
    /// What was found, in order.
    pub findings: Vec<FindingLine>,
}

impl<'a> Sight<'a> {
    /// How a finding stands.
    fn finding_line(&self, audit: &str, f: &FindingState) -> FindingLine {
        let turn = match f.stands {
            Stands::Open => self.menders(f),
            Stands::Mended => self.verifiers(f),
            Stands::Verified | Stands::Accepted => Vec::new(),
        };
        let (mended, judged) = (f.mended.clone(), f.judged.clone());
        FindingLine {
            id: f.id.clone(),
            audit: audit.to_owned(),
            weight: f.weight,
            stands: f.stands,
            owner: f.owner.person.clone().or_else(|| f.owner.role.clone()),
            due: f.due,
            overdue: self.is_overdue(f),
            turn,
            found_by: f.found.0.clone(),
            found_at: f.found.1.at,
            event: f.event,
            mended_by: mended.as_ref().map(|(by, _)| by.clone()),
            mended_at: mended.map(|(_, at)| at.at),
            judged_by: judged.as_ref().map(|(by, _)| by.clone()),
            judged_at: judged.map(|(_, at)| at.at),
        }
    }

    /// How an audit stands.
    pub fn audit_line(&self, id: &str, audit: &'a Audit) -> AuditLine {
        let (stands, concluded) = match self.verdict(id, audit) {
            Verdict::NotOn(_) => ("to come", None),
            Verdict::UnderWay => ("under way", None),
            Verdict::Stale(c, _) => ("stale", Some(c)),
            Verdict::Negative(c) => ("negative", Some(c)),
            Verdict::Positive(c) => ("positive", Some(c)),
        };
        let point = |(n, point): (usize, &String)| {
            let seen = self.looked(id, audit, point);
            PointLine {
                number: n + 1,
                point: point.clone(),
                look: seen.map(|(look, ..)| *look),
                by: seen.map(|(_, by, _)| by.clone()),
                at: seen.map(|(.., at)| at.at),
            }
        };
        AuditLine {
            audit: id.to_owned(),
            title: audit.title.clone(),
            stage: audit.stage.clone(),
            follows: audit.follows.clone(),
            stands,
            why: self.audit_standing(id, &Default::default()).why,
            auditors: self.auditors(audit),
            by: concluded.map(|c| c.by.clone()),
            at: concluded.map(|c| c.at.at),
            points: audit.points.iter().enumerate().map(point).collect(),
            findings: self.findings_of(id).map(|f| self.finding_line(id, f)).collect(),
        }
    }

    /// Open findings of audits that a gate is about.
    pub fn findings_at(&self, gate: &str) -> Vec<FindingLine> {
        let kind = self.process.gates.get(gate).map(|g| &g.kind);
        let about = |id: &str| match kind {
            Some(Kind::Audit { audit }) => self.process.followed(audit).contains(&id),
            Some(Kind::Findings(asked)) => asked.of.contains(&Reporter::Audits) || asked.of.contains(&Reporter::Audit(id.to_owned())),
            _ => false,
        };
        let audits = self.process.audits.iter().filter(|(id, _)| about(id));
        audits.flat_map(|(id, a)| self.audit_line(id, a).findings).filter(|f| !f.stands.is_over()).collect()
    }

    /// How every audit stands, in the order of the stages.
    pub fn audit_lines(&self) -> Vec<AuditLine> {
        let of = |stage: &'a String| self.process.audits.iter().filter(move |(_, a)| a.stage == *stage);
        self.process.order.iter().flat_map(of).map(|(id, a)| self.audit_line(id, a)).collect()
    }
}
