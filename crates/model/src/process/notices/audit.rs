//! What is said of audits: what was found, whose it is to mend, what is to be looked at again. In ids and days: what was said in words is beside the record.

use super::Topic;
use super::said::{Said, View, names, titled};
use crate::process::Fact;
use crate::process::audits::{Audit, FindingState};

impl View<'_> {
    /// What is said of a fact about audits; nothing of others.
    pub(super) fn of_audits(&self, fact: &Fact) -> Option<Said> {
        let process = self.sight.process;
        let audit = |id: &str| process.audits.get(id);
        match fact {
            Fact::FindingFound { audit: id, finding, .. } => {
                let (written, state) = (audit(id)?, self.sight.state.finding(finding)?);
                let first =
                    format!("{} has found something in {}: `{finding}`, {}.", self.by(), titled(id, &written.title), state.weight.word());
                Some(self.to_mend(id, written, state, first))
            }
            Fact::FindingVerified { finding, good: false } => {
                let (id, state) = self.sight.known_finding(finding).ok()?;
                Some(self.to_mend(id, audit(id)?, state, format!("{} has looked at `{finding}` again: it is not mended.", self.by())))
            }
            Fact::FindingMended { finding } => {
                let (id, state) = self.sight.known_finding(finding).ok()?;
                let written = audit(id)?;
                let able = self.sight.verifiers(state);
                let lines = vec![
                    format!("{} says that `{finding}` of {} is mended.", self.by(), titled(id, &written.title)),
                    format!("Whose turn it is to look: {}.", names(process, &able)),
                    "What was done: `greenroom audit show`. If it is not mended, `greenroom audit reject` opens it again.".into(),
                ];
                let command = format!("greenroom audit verify {finding}");
                Some(self.audit_said(Topic::Mended, able, id, written, format!("mended, to be verified: {finding}"), lines, command))
            }
            Fact::AuditConcluded { audit: id, positive } => {
                let written = audit(id)?;
                let word = if *positive { "positive" } else { "negative" };
                let open = self.sight.audit_line(id, written).findings.iter().filter(|f| !f.stands.is_over()).count();
                let mut lines = vec![format!("{} has concluded {}: {word}.", self.by(), titled(id, &written.title))];
                lines.push(match open {
                    0 => "No finding of it is open.".into(),
                    1 => "1 finding of it is open.".into(),
                    n => format!("{n} findings of it are open."),
                });
                if !positive {
                    lines.push(format!("The next try of {} begins it anew.", self.stage_title(&written.stage)));
                }
                let concerned = self.of_stage(&written.stage);
                let (subject, command) = (format!("audit `{id}` is {word}"), format!("greenroom audit show {id}"));
                Some(self.audit_said(Topic::AuditConcluded, concerned, id, written, subject, lines, command))
            }
            _ => None,
        }
    }

    /// That somebody has to mend something.
    fn to_mend(&self, id: &str, written: &Audit, finding: &FindingState, first: String) -> Said {
        // What has no owner is everybody's who works on the stage.
        let owned = finding.owner.person.is_some() || finding.owner.role.is_some();
        let able = if owned { self.sight.menders(finding) } else { self.of_stage(&written.stage) };
        let mut lines = vec![first, format!("Whose turn it is: {}.", names(self.sight.process, &able))];
        lines.extend(finding.due.map(|day| format!("To be mended until {day}.")));
        lines.push(format!("What it is about: `greenroom audit show {id}`. Say that it is mended:"));
        let command = format!("greenroom audit mended {} --note \"…\"", finding.id);
        let subject = format!("to be mended: {} ({})", finding.id, finding.weight.word());
        self.audit_said(Topic::Finding, able, id, written, subject, lines, command)
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
