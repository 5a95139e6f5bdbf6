//! What may be put on record about audits.

use super::{Audit, Look, Stands, Verdict, Weight};
use crate::process::Fact;
use crate::process::gates::{Refused, Sight, known, refused};
use jiff::civil::Date;

impl<'a> Sight<'a> {
    /// An audit, for one of its auditors.
    fn for_auditor(&self, id: &str, by: Option<&str>) -> Result<&'a Audit, Refused> {
        let (audit, by) = (self.known_audit(id)?, known(by)?);
        let able = self.auditors(audit);
        match able.iter().any(|p| p == by) {
            true => Ok(audit),
            false => {
                refused(format!("`{id}` is not {by}'s: it is for the role `{}`", audit.role), format!("those who may: {}", able.join(", ")))
            }
        }
    }

    /// Puts on record how a point was seen: by its number, counted from 1, or by its words.
    ///
    /// # Errors
    /// When there is no such point, the audit is not on, it was concluded negative, or the person may not.
    pub fn look(&self, id: &str, point: &str, look: Look, by: Option<&str>) -> Result<Fact, Refused> {
        let audit = self.for_auditor(id, by)?;
        let number = point.parse::<usize>().ok().and_then(|n| audit.points.get(n.checked_sub(1)?));
        let number = number.or_else(|| audit.points.iter().find(|p| *p == point));
        // A point that came to the audit after its stage was over: what was concluded does not stand any more, and can be concluded again.
        let again = matches!(self.verdict(id, audit), Verdict::Stale(..)) && number.is_some_and(|p| self.looked(id, audit, p).is_none());
        if !self.state.stage(&audit.stage).is_on() && !again {
            return refused(format!("the stage `{}` is not on", audit.stage), format!("`greenroom stage enter {}`", audit.stage));
        }
        self.not_negative(id, audit)?;
        match number {
            Some(point) => Ok(Fact::AuditPoint { audit: id.to_owned(), point: point.clone(), look }),
            None => {
                let all: Vec<String> = audit.points.iter().enumerate().map(|(n, p)| format!("{} {p}", n + 1)).collect();
                refused(format!("`{id}` has no such point"), format!("its points: {}", all.join("; ")))
            }
        }
    }

    fn not_negative(&self, id: &str, audit: &'a Audit) -> Result<(), Refused> {
        match self.verdict(id, audit) {
            Verdict::Negative(c) => refused(
                format!("`{id}` was concluded negative by {} on {}", c.by, self.day(c.at.at)),
                format!("`greenroom stage leave {} --failed`; its next try begins the audit anew", audit.stage),
            ),
            _ => Ok(()),
        }
    }

    /// Puts a finding on record. `owner`: a person, or a role that somebody has.
    ///
    /// # Errors
    /// When the audit's stage was never entered, nobody is called so, the day is past, or the person may not.
    pub fn find(&self, id: &str, weight: Weight, owner: Option<&str>, due: Option<Date>, by: Option<&str>) -> Result<Fact, Refused> {
        let audit = self.for_auditor(id, by)?;
        if self.state.stage(&audit.stage).entered.is_none() {
            return refused(
                format!("the stage `{}` was never entered: nothing can have been found", audit.stage),
                format!("`greenroom stage enter {}`", audit.stage),
            );
        }
        let persons = &self.process.persons;
        let (owner, role) = match owner {
            None => (None, None),
            Some(o) if persons.contains_key(o) => (Some(o.to_owned()), None),
            Some(o) if persons.values().any(|p| p.roles.contains(o)) => (None, Some(o.to_owned())),
            Some(o) => {
                let roles: std::collections::BTreeSet<&str> = persons.values().flat_map(|p| &p.roles).map(String::as_str).collect();
                let all: Vec<&str> = persons.keys().map(String::as_str).chain(roles).collect();
                return refused(format!("`{o}` is nobody's id, and nobody's role"), format!("those of process.toml: {}", all.join(", ")));
            }
        };
        if let Some(day) = due.filter(|d| *d < self.process.calendar.local(self.now).date()) {
            return refused(format!("{day} is past"), "give a day to come with `--due`");
        }
        let finding = format!("{id}/{}", self.findings_of(id).count() + 1);
        Ok(Fact::FindingFound { audit: id.to_owned(), finding, weight, owner, role, due })
    }

    /// Says that a finding is mended.
    ///
    /// # Errors
    /// When it is not open, or the person is not its owner.
    pub fn mended(&self, id: &str, by: Option<&str>) -> Result<Fact, Refused> {
        let ((_, finding), by) = (self.known_finding(id)?, known(by)?);
        let able = self.menders(finding);
        if !able.iter().any(|p| p == by) {
            return refused(format!("`{id}` is not {by}'s to mend"), format!("those who may: {}", able.join(", ")));
        }
        match finding.stands {
            Stands::Open => Ok(Fact::FindingMended { finding: id.to_owned() }),
            stands => refused(format!("`{id}` is {}", stands.words()), "`greenroom audit` shows what is open"),
        }
    }

    /// Says that what was said to be mended is; or that it is not, so that it is open again.
    ///
    /// # Errors
    /// When nobody says that it is mended, the person does so themselves, or is no auditor of the finding's audit or of one that follows it.
    pub fn verify(&self, id: &str, good: bool, by: Option<&str>) -> Result<Fact, Refused> {
        let ((_, finding), by) = (self.known_finding(id)?, known(by)?);
        match (finding.stands, finding.menders.contains(by)) {
            (Stands::Mended, true) => {
                let able = self.verifiers(finding).join(", ");
                let hint = if able.is_empty() { "another auditor is needed".to_owned() } else { format!("those who may: {able}") };
                return refused(format!("{by} said that `{id}` is mended, and cannot verify it"), hint);
            }
            (Stands::Mended, _) => {}
            (Stands::Open, _) => {
                return refused(
                    format!("nobody says that `{id}` is mended"),
                    format!("`greenroom audit mended {id} --note …`, by its owner: {}", self.menders(finding).join(", ")),
                );
            }
            (stands, _) => return refused(format!("`{id}` is {}", stands.words()), "`greenroom audit` shows what is open"),
        }
        let able = self.verifiers(finding);
        match able.iter().any(|p| p == by) {
            true => Ok(Fact::FindingVerified { finding: id.to_owned(), good }),
            false => refused(format!("`{id}` is not {by}'s to verify"), format!("those who may: {}", able.join(", "))),
        }
    }

    /// Lets a finding stay as it is.
    ///
    /// # Errors
    /// When the person may not, or nothing is open of it.
    pub fn accept(&self, id: &str, by: Option<&str>) -> Result<Fact, Refused> {
        let ((_, finding), by) = (self.known_finding(id)?, known(by)?);
        self.may_waive(by, "accept a finding")?;
        match finding.stands.is_over() {
            true => refused(format!("`{id}` is {}", finding.stands.words()), "there is nothing to accept"),
            false => Ok(Fact::FindingAccepted { finding: id.to_owned() }),
        }
    }

    /// Concludes an audit. One whose stage has ended well is concluded again only where the conclusion is stale, and positive only.
    ///
    /// # Errors
    /// When the audit is not on, it was concluded already, the person may not; for a positive one, what was not looked at or is not mended.
    pub fn conclude(&self, id: &str, positive: bool, by: Option<&str>) -> Result<Fact, Refused> {
        let audit = self.for_auditor(id, by)?;
        let on = self.state.stage(&audit.stage).is_on();
        self.not_negative(id, audit)?;
        match self.verdict(id, audit) {
            Verdict::Positive(c) if positive || !on => {
                let message = format!("`{id}` was concluded positive by {} on {}, and that stands", c.by, self.day(c.at.at));
                return refused(message, "there is nothing to conclude; `greenroom audit find` puts on record what came to light since");
            }
            // A stage that ended well is not entered again: there would be no next try.
            Verdict::Stale(_, why) if !on && !positive => {
                let message = format!("the stage `{}` has ended well: `{id}` is not begun anew", audit.stage);
                return refused(message, format!("what it said does not stand any more ({why}), until it is concluded positive again"));
            }
            Verdict::Stale(..) => {}
            _ if !on => {
                return refused(format!("the stage `{}` is not on", audit.stage), format!("`greenroom stage enter {}`", audit.stage));
            }
            _ => {}
        }
        let lacking = self.lacking(id, audit);
        if positive && !lacking.is_empty() {
            return refused(
                format!("`{id}` cannot be concluded positive: {}", lacking.words()),
                format!("`greenroom audit show {id}` shows all of it; `greenroom audit conclude {id} negative` ends it otherwise"),
            );
        }
        Ok(Fact::AuditConcluded { audit: id.to_owned(), positive })
    }
}
