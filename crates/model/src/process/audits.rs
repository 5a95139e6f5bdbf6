//! Audits: what is looked at, what was found, who mends it, who verifies that, and how an audit was concluded.
//!
//! Owns points, findings and conclusions, and when a conclusion says nothing any more. What is said in words of a finding stays beside the record: here it has an id, a weight, an owner,
//! a day. Does not own what Greenroom itself finds ([`super::findings`]).

use super::gates::{Refused, Sight, Standing, refused};
use super::{Fact, Mark, Process, State};
use crate::hash::Hash;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Somebody looks at something and says whether it is good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// What people call it.
    pub title: String,
    /// The stage that it belongs to.
    pub stage: String,
    /// Who looks: a role.
    pub role: String,
    /// Whose auditors, where several parties have people with the role.
    pub party: Option<String>,
    /// What is looked at.
    pub points: Vec<String>,
    /// The audit before it: what is still open of that has to be verified here.
    pub follows: Option<String>,
}

/// How a point was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Look {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// There is nothing to be looked at.
    NotApplicable,
}

impl Look {
    /// In a word or two.
    pub fn words(self) -> &'static str {
        match self {
            Look::Good => "good",
            Look::Bad => "bad",
            Look::NotApplicable => "not applicable",
        }
    }
}

/// How much a finding of an audit weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// Worth mending some time.
    Minor,
    /// To be mended.
    Important,
    /// Nothing goes on before it is mended: the audit cannot be positive.
    Blocking,
}

impl Weight {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Weight::Minor => "minor",
            Weight::Important => "important",
            Weight::Blocking => "blocking",
        }
    }
}

/// How far a finding has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stands {
    /// Nobody says that it is mended.
    Open,
    /// Somebody says so.
    Mended,
    /// An auditor has looked, and it is.
    Verified,
    /// It stays as it is: somebody answers for that.
    Accepted,
}

impl Stands {
    /// Nothing has to be done any more.
    pub fn is_over(self) -> bool {
        matches!(self, Stands::Verified | Stands::Accepted)
    }

    /// In a few words.
    pub fn words(self) -> &'static str {
        match self {
            Stands::Open => "open",
            Stands::Mended => "mended, not verified",
            Stands::Verified => "verified",
            Stands::Accepted => "accepted",
        }
    }
}

/// Who mends a finding: a person, or whoever has a role. Anybody who is known where it is neither.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Owner {
    /// The person.
    pub person: Option<String>,
    /// The role.
    pub role: Option<String>,
}

/// Something that an audit found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FindingState {
    /// `AUDIT/1`, `AUDIT/2`, …
    pub id: String,
    /// See [`Weight`].
    pub weight: Weight,
    /// See [`Owner`].
    pub owner: Owner,
    /// The day until which it is to be mended.
    pub due: Option<Date>,
    /// By whom and when it was found.
    pub found: (String, Mark),
    /// Number of the event.
    pub event: u64,
    /// By whom and when it was said to be mended, the last time.
    pub mended: Option<(String, Mark)>,
    /// Everybody who ever said so: none of them verifies it.
    pub menders: BTreeSet<String>,
    /// By whom and when it was verified or accepted; or, while it is open, by whom it was last seen not to be mended.
    pub judged: Option<(String, Mark)>,
    /// See [`Stands`].
    pub stands: Stands,
}

/// How an audit was concluded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Concluded {
    /// All is well.
    pub positive: bool,
    /// Who says so.
    pub by: String,
    /// When.
    pub at: Mark,
}

/// What was recorded of an audit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuditState {
    /// By point: how it was seen last, by whom and when.
    pub points: BTreeMap<String, (Look, String, Mark)>,
    /// In the order in which they were found.
    pub findings: Vec<FindingState>,
    /// The latest conclusion.
    pub concluded: Option<Concluded>,
}

impl Process {
    /// An audit and those before it, each following the next of the list.
    pub fn followed<'p>(&'p self, id: &'p str) -> Vec<&'p str> {
        let (mut all, mut next) = (Vec::new(), Some(id));
        while let Some(id) = next.filter(|id| !all.contains(id)) {
            all.push(id);
            next = self.audits.get(id).and_then(|a| a.follows.as_deref());
        }
        all
    }
}

impl State {
    /// A finding by its id.
    pub fn finding(&self, id: &str) -> Option<&FindingState> {
        let (audit, _) = id.rsplit_once('/')?;
        self.audits.get(audit)?.findings.iter().find(|f| f.id == id)
    }

    /// Folds a fact about audits.
    pub(super) fn audited(&mut self, mark: Mark, by: &str, fact: &Fact) {
        let who = || (by.to_owned(), mark);
        match fact {
            Fact::AuditPoint { audit, point, look } => {
                let (by, at) = who();
                self.audits.entry(audit.clone()).or_default().points.insert(point.clone(), (*look, by, at));
            }
            Fact::FindingFound { audit, finding, weight, owner, role, due } => {
                let owner = Owner { person: owner.clone(), role: role.clone() };
                let (event, found) = (self.event, who());
                let (mended, menders, judged, stands) = (None, BTreeSet::new(), None, Stands::Open);
                let (id, weight, due) = (finding.clone(), *weight, *due);
                let state = FindingState { id, weight, owner, due, found, event, mended, menders, judged, stands };
                self.audits.entry(audit.clone()).or_default().findings.push(state);
            }
            Fact::FindingMended { finding } => self.of_finding(finding, |f| {
                f.menders.insert(by.to_owned());
                (f.mended, f.stands) = (Some(who()), Stands::Mended);
            }),
            Fact::FindingVerified { finding, good } => {
                let stands = if *good { Stands::Verified } else { Stands::Open };
                self.of_finding(finding, |f| (f.judged, f.stands) = (Some(who()), stands));
            }
            Fact::FindingAccepted { finding } => self.of_finding(finding, |f| (f.judged, f.stands) = (Some(who()), Stands::Accepted)),
            Fact::AuditConcluded { audit, positive } => {
                let (by, at) = who();
                self.audits.entry(audit.clone()).or_default().concluded = Some(Concluded { positive: *positive, by, at });
            }
            _ => {}
        }
    }

    fn of_finding(&mut self, id: &str, change: impl FnOnce(&mut FindingState)) {
        let audit = id.rsplit_once('/').and_then(|(audit, _)| self.audits.get_mut(audit));
        if let Some(finding) = audit.and_then(|a| a.findings.iter_mut().find(|f| f.id == id)) {
            change(finding);
        }
    }
}

/// Where an audit stands in the latest try of its stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict<'s> {
    /// Its stage was never entered, or ended badly since.
    NotOn(&'static str),
    /// Nobody has concluded it yet.
    UnderWay,
    /// It was concluded positive, and something came to light since.
    Stale(&'s Concluded, String),
    /// It was concluded negative.
    Negative(&'s Concluded),
    /// It was concluded positive, and that stands.
    Positive(&'s Concluded),
}

/// What is in the way of a positive conclusion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Lacking<'s> {
    /// Points that nobody has looked at in this try.
    points: Vec<&'s str>,
    /// Blocking findings of this audit that are not verified or accepted.
    blocking: Vec<&'s FindingState>,
    /// Findings of the audits before it that are not.
    unverified: Vec<&'s FindingState>,
}

impl Lacking<'_> {
    fn is_empty(&self) -> bool {
        self.points.is_empty() && self.blocking.is_empty() && self.unverified.is_empty()
    }

    fn words(&self) -> String {
        let list = |all: &[&FindingState]| all.iter().map(|f| format!("{} ({})", f.id, f.stands.words())).collect::<Vec<_>>().join(", ");
        let mut said = Vec::new();
        if !self.points.is_empty() {
            said.push(format!("not looked at: {}", self.points.join("; ")));
        }
        if !self.blocking.is_empty() {
            said.push(format!("blocking: {}", list(&self.blocking)));
        }
        if !self.unverified.is_empty() {
            said.push(format!("to be verified of the audit before: {}", list(&self.unverified)));
        }
        said.join("; ")
    }
}

impl<'a> Sight<'a> {
    /// An audit.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn known_audit(&self, id: &str) -> Result<&'a Audit, Refused> {
        match self.process.audits.get(id) {
            Some(a) => Ok(a),
            None if self.process.audits.is_empty() => {
                refused("process.toml names no audits", "write a section `[audit.NAME]` with `stage`, `role` and `points`")
            }
            None => {
                let near = crate::program::text::nearest(id, self.process.audits.keys().map(String::as_str));
                let all = || self.process.audits.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                let hint = near.map_or_else(|| format!("those of process.toml: {}", all()), |n| format!("did you mean `{n}`?"));
                refused(format!("there is no audit `{id}`"), hint)
            }
        }
    }

    /// A finding with its audit.
    ///
    /// # Errors
    /// When nothing of the kind was found.
    pub fn known_finding(&self, id: &str) -> Result<(&'a str, &'a FindingState), Refused> {
        let audit = id.rsplit_once('/').and_then(|(audit, _)| self.process.audits.get_key_value(audit));
        match audit.zip(self.state.finding(id)) {
            Some(((audit, _), finding)) => Ok((audit, finding)),
            None => refused(format!("there is no finding `{id}`"), "`greenroom audit` lists them, `audit-1/2` for example"),
        }
    }

    /// Who may look for an audit.
    pub fn auditors(&self, audit: &Audit) -> Vec<String> {
        let of_party = |id: &String| audit.party.as_ref().is_none_or(|p| self.process.persons.get(id).is_some_and(|x| x.party == *p));
        self.with_roles(&[audit.role.clone()].into()).into_iter().filter(of_party).collect()
    }

    /// An audit of a stage that was begun and has no good end: the stage would not be entered again to end it.
    pub(super) fn unfinished_audit(&self, stage: &str) -> Option<(&'a str, &'static str)> {
        self.process.audits.iter().filter(|(_, audit)| audit.stage == stage).find_map(|(id, audit)| match self.verdict(id, audit) {
            Verdict::Negative(_) => Some((id.as_str(), "was concluded negative")),
            Verdict::UnderWay => Some((id.as_str(), "is not concluded")),
            _ => None,
        })
    }

    /// Who may say that a finding is mended: its owner, or whoever acts in their place; anybody who is known where nobody is left of them.
    pub fn menders(&self, finding: &FindingState) -> Vec<String> {
        let able = self.owners_of(finding);
        if able.is_empty() { self.with_roles(&BTreeSet::new()) } else { able }
    }

    fn owners_of(&self, finding: &FindingState) -> Vec<String> {
        if let Some(person) = &finding.owner.person {
            let substitute = self.process.persons.get(person).and_then(|p| p.substitute.clone());
            return [person.clone()].into_iter().chain(substitute).filter(|p| self.process.persons.contains_key(p)).collect();
        }
        self.with_roles(&finding.owner.role.iter().cloned().collect())
    }

    /// Whether a finding is not mended although its day is over.
    pub fn is_overdue(&self, finding: &FindingState) -> bool {
        finding.stands == Stands::Open && finding.due.is_some_and(|d| self.process.calendar.local(self.now).date() > d)
    }

    /// From which fact on points and conclusions of an audit count: none before its stage was entered for this try.
    fn audited_since(&self, audit: &Audit) -> u64 {
        self.state.stage(&audit.stage).entered.map_or(u64::MAX, |mark| mark.number)
    }

    fn audit_state(&self, id: &str) -> Option<&'a AuditState> {
        self.state.audits.get(id)
    }

    fn looked(&self, id: &str, audit: &Audit, point: &str) -> Option<&'a (Look, String, Mark)> {
        let since = self.audited_since(audit);
        self.audit_state(id)?.points.get(point).filter(|(_, _, at)| at.number > since)
    }

    fn findings_of(&self, id: &str) -> impl Iterator<Item = &'a FindingState> + use<'a> {
        self.audit_state(id).into_iter().flat_map(|a| &a.findings)
    }

    fn lacking(&self, id: &str, audit: &'a Audit) -> Lacking<'a> {
        let points = audit.points.iter().filter(|p| self.looked(id, audit, p).is_none()).map(String::as_str).collect();
        let open = |f: &&FindingState| !f.stands.is_over();
        let blocking = self.findings_of(id).filter(open).filter(|f| f.weight == Weight::Blocking).collect();
        let before = self.process.followed(id).into_iter().skip(1);
        let unverified = before.flat_map(|b| self.findings_of(b)).filter(open).collect();
        Lacking { points, blocking, unverified }
    }

    /// Where an audit stands.
    pub(super) fn verdict(&self, id: &str, audit: &'a Audit) -> Verdict<'a> {
        let stage = self.state.stage(&audit.stage);
        if stage.entered.is_none() {
            return Verdict::NotOn("was not entered yet");
        }
        if stage.left.is_some_and(|(_, good)| !good) {
            return Verdict::NotOn("ended badly: its next try begins the audit anew");
        }
        let since = self.audited_since(audit);
        let Some(concluded) = self.audit_state(id).and_then(|a| a.concluded.as_ref()).filter(|c| c.at.number > since) else {
            return Verdict::UnderWay;
        };
        if !concluded.positive {
            return Verdict::Negative(concluded);
        }
        let mut why = Vec::new();
        let new: Vec<&str> = self.findings_of(id).filter(|f| f.found.1.number > concluded.at.number).map(|f| f.id.as_str()).collect();
        if !new.is_empty() {
            why.push(format!("found since: {}", new.join(", ")));
        }
        let again = |p: &&String| self.looked(id, audit, p).is_some_and(|(_, _, at)| at.number > concluded.at.number);
        let again: Vec<&str> = audit.points.iter().filter(again).map(String::as_str).collect();
        if !again.is_empty() {
            why.push(format!("looked at since: {}", again.join("; ")));
        }
        let lacking = self.lacking(id, audit);
        if !lacking.is_empty() {
            why.push(lacking.words());
        }
        if why.is_empty() { Verdict::Positive(concluded) } else { Verdict::Stale(concluded, why.join("; ")) }
    }

    /// When an audit was concluded positive, where that stands.
    pub(super) fn positive(&self, id: &str) -> Option<Mark> {
        match self.verdict(id, self.process.audits.get(id)?) {
            Verdict::Positive(concluded) => Some(concluded.at),
            _ => None,
        }
    }

    /// How a gate stands that asks for a positive audit.
    pub(super) fn audit_standing(&self, id: &str, base: &Standing) -> Standing {
        let Some(audit) = self.process.audits.get(id) else {
            return Standing { why: format!("there is no audit `{id}`"), ..base.clone() };
        };
        let missing = |why: String, turn: BTreeSet<String>| Standing { why, turn: turn.into_iter().collect(), ..base.clone() };
        let auditors = || self.auditors(audit).into_iter().collect();
        match self.verdict(id, audit) {
            Verdict::NotOn(why) => missing(format!("the stage `{}`, which `{id}` belongs to, {why}", audit.stage), BTreeSet::new()),
            Verdict::UnderWay => {
                let lacking = self.lacking(id, audit);
                match lacking.is_empty() {
                    true => missing(format!("all is looked at: `greenroom audit conclude {id} positive`, or `negative`"), auditors()),
                    false => missing(lacking.words(), self.turn_of(id, audit, &lacking)),
                }
            }
            Verdict::Stale(c, why) => {
                let lacking = self.lacking(id, audit);
                let turn = if lacking.is_empty() { auditors() } else { self.turn_of(id, audit, &lacking) };
                missing(format!("concluded positive by {} on {}, and that is stale: {why}", c.by, self.day(c.at.at)), turn)
            }
            Verdict::Negative(c) => missing(
                format!(
                    "concluded negative by {} on {}: `greenroom stage leave {} --failed`; the next try of the stage begins it anew",
                    c.by,
                    self.day(c.at.at),
                    audit.stage
                ),
                BTreeSet::new(),
            ),
            Verdict::Positive(c) => {
                let bad = audit.points.iter().filter(|p| self.looked(id, audit, p).is_some_and(|(look, ..)| *look == Look::Bad)).count();
                let bad = if bad > 0 { format!(", {bad} of {} points bad", audit.points.len()) } else { String::new() };
                let open = self.findings_of(id).filter(|f| !f.stands.is_over()).count();
                let open = match open {
                    0 => String::new(),
                    1 => ", 1 finding open that does not block".to_owned(),
                    n => format!(", {n} findings open that do not block"),
                };
                let why = format!("concluded positive by {} on {}{bad}{open}", c.by, self.day(c.at.at));
                Standing { met: true, why, ..base.clone() }
            }
        }
    }

    /// Whose turn it is: auditors where something is to be looked at, owners where something is to be mended.
    fn turn_of(&self, id: &str, audit: &Audit, lacking: &Lacking<'_>) -> BTreeSet<String> {
        let findings = lacking.blocking.iter().chain(&lacking.unverified);
        let (mended, open): (Vec<_>, Vec<_>) = findings.partition(|f| f.stands == Stands::Mended);
        let mut turn: BTreeSet<String> = open.into_iter().flat_map(|f| self.menders(f)).collect();
        turn.extend(mended.into_iter().flat_map(|f| self.verifiers(f)));
        if !lacking.points.is_empty() {
            turn.extend(self.auditors(audit));
        }
        // Where nobody is left who could mend or verify, auditors have to know.
        if turn.is_empty() {
            self.process.followed(id).iter().flat_map(|a| self.process.audits.get(*a)).flat_map(|a| self.auditors(a)).collect()
        } else {
            turn
        }
    }

    /// Who may verify a finding: auditors of its audit and of those that follow it, but for whoever says that it is mended.
    pub fn verifiers(&self, finding: &FindingState) -> Vec<String> {
        let Some((own, _)) = finding.id.rsplit_once('/') else { return Vec::new() };
        let audits = self.process.audits.iter().filter(|(id, _)| self.process.followed(id).contains(&own));
        let all: BTreeSet<String> = audits.flat_map(|(_, a)| self.auditors(a)).collect();
        all.into_iter().filter(|p| !finding.menders.contains(p)).collect()
    }

    /// What a signature beside gates that ask for audits is about: `plain`, and how these audits and their findings stand.
    pub(super) fn with_audits<'g>(&self, gates: impl Iterator<Item = &'g str>, plain: Hash) -> Hash {
        let mut about = Vec::new();
        for id in gates.flat_map(|a| self.process.followed(a).into_iter().map(str::to_owned).collect::<Vec<_>>()) {
            let Some((id, audit)) = self.process.audits.get_key_value(&id) else { continue };
            let looks: Vec<_> = audit.points.iter().map(|p| self.looked(id, audit, p).map(|(look, ..)| *look)).collect();
            let findings: Vec<_> = self.findings_of(id).map(|f| (&f.id, f.weight, f.stands)).collect();
            let positive = match self.verdict(id, audit) {
                Verdict::Positive(_) => Some(true),
                Verdict::Negative(_) => Some(false),
                _ => None,
            };
            about.push(Hash::of_json(&(id, audit, looks, findings, positive)));
        }
        if about.is_empty() { plain } else { Hash::of_json(&(plain, about)) }
    }
}

mod decide;
mod lines;

pub use lines::{AuditLine, FindingLine, PointLine};

#[cfg(test)]
mod tests;
