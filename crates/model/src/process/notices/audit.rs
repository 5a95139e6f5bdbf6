//! What is said of audits: what was found, whose it is to mend, what is to be looked at again. In ids and days: what was said in words is beside the record.

use super::Topic;
use super::said::{Said, View, names, titled};
use crate::process::Fact;
use crate::process::audits::{Audit, FindingState};
use crate::process::words::{fill, one};

impl View<'_> {
    /// What is said of a fact about audits; nothing of others.
    pub(super) fn of_audits(&self, fact: &Fact) -> Option<Said> {
        let process = self.sight.process;
        let audit = |id: &str| process.audits.get(id);
        let (w, by) = (self.w, self.by());
        match fact {
            Fact::FindingFound { audit: id, finding, .. } => {
                let (written, state) = (audit(id)?, self.sight.state.finding(finding)?);
                Some(self.to_mend(id, written, state, w.found_says))
            }
            Fact::FindingVerified { finding, good: false } => {
                let (id, state) = self.sight.known_finding(finding).ok()?;
                Some(self.to_mend(id, audit(id)?, state, w.not_mended_says))
            }
            Fact::FindingMended { finding } => {
                let (id, state) = self.sight.known_finding(finding).ok()?;
                let written = audit(id)?;
                let able = self.sight.verifiers(state);
                let (title, names) = (titled(id, &written.title), names(process, &able));
                let with = [("by", by), ("finding", finding), ("title", &title), ("names", &names)];
                let lines = [w.mended_says, w.mended_turn, w.mended_then].map(|line| fill(line, &with)).into();
                let command = format!("greenroom audit verify {finding}");
                Some(self.audit_said(Topic::Mended, able, id, written, fill(w.mended, &with), lines, command))
            }
            Fact::AuditConcluded { audit: id, positive } => {
                let written = audit(id)?;
                let word = one(w.language.audited(), if *positive { "positive" } else { "negative" });
                let open = self.sight.audit_line(id, written).findings.iter().filter(|f| !f.stands.is_over()).count();
                let (title, stage) = (titled(id, &written.title), self.stage_title(&written.stage));
                let with = [("by", by), ("title", &title), ("word", word), ("audit", id), ("stage", &stage)];
                let mut lines = vec![fill(w.concluded_says, &with)];
                lines.push(match u64::try_from(open).unwrap_or(u64::MAX) {
                    0 => w.concluded_none_open.to_owned(),
                    n => format!("{}.", w.language.count(n, &w.concluded_open)),
                });
                if !positive {
                    lines.push(fill(w.concluded_anew, &with));
                }
                let (concerned, command) = (self.of_stage(&written.stage), format!("greenroom audit show {id}"));
                Some(self.audit_said(Topic::AuditConcluded, concerned, id, written, fill(w.concluded, &with), lines, command))
            }
            _ => None,
        }
    }

    /// That somebody has to mend something; `says`: what was seen.
    fn to_mend(&self, id: &str, written: &Audit, finding: &FindingState, says: &str) -> Said {
        let w = self.w;
        // What has no owner is everybody's who works on the stage.
        let owned = finding.owner.person.is_some() || finding.owner.role.is_some();
        let able = if owned { self.sight.menders(finding) } else { self.of_stage(&written.stage) };
        let (title, names) = (titled(id, &written.title), names(self.sight.process, &able));
        let day = finding.due.map(|day| w.language.day(day)).unwrap_or_default();
        let weight = one(w.language.audited(), finding.weight.word());
        let with = [
            ("by", self.by()),
            ("finding", &finding.id),
            ("title", &title),
            ("weight", weight),
            ("names", &names),
            ("day", &day),
            ("audit", id),
        ];
        let mut lines = vec![fill(says, &with), fill(w.whose_turn, &with)];
        lines.extend(finding.due.map(|_| fill(w.mend_until, &with)));
        lines.push(fill(w.mend_then, &with));
        let command = format!("greenroom audit mended {} --note \"…\"", finding.id);
        self.audit_said(Topic::Finding, able, id, written, fill(w.found, &with), lines, command)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of what is said, in their order")]
    fn audit_said(
        &self,
        topic: Topic,
        concerned: Vec<String>,
        id: &str,
        written: &Audit,
        subject: String,
        lines: Vec<String>,
        command: String,
    ) -> Said {
        let about = vec![("audit", id.to_owned()), ("stage", written.stage.clone())];
        Said { topic, concerned, subject, lines, command: Some(command), about, invite: None }
    }
}
