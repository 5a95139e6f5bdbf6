//! Audits in the evidence pack: how each was concluded, what was looked at, what was found and what came of it. What findings are in words is people's own, and no part of it.

use super::{Page, Words, escaped, row, table};
use greenroom_model::process::audits::{AuditLine, FindingLine};
use jiff::Timestamp;

/// A word as it is written.
fn word<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

impl Page<'_> {
    /// Who, and when; nothing where nobody did.
    fn who_when(&self, by: Option<&String>, at: Option<Timestamp>) -> String {
        by.map_or(String::new(), |by| format!("{}, {}", self.person(by), self.maybe(at)))
    }

    pub(super) fn audits(&self) -> String {
        let (w, audits) = (self.w, &self.pack.audits);
        if audits.is_empty() && self.pack.accepted.is_empty() {
            return String::new();
        }
        let said = |w: &'static Words, word: &str| Words::one(w.audited, word).to_owned();
        let line = |a: &AuditLine| row([a.title.as_str(), &self.stage(&a.stage), &said(w, a.stands), &self.who_when(a.by.as_ref(), a.at)]);
        let concluded: Vec<String> = audits.iter().map(line).collect();
        let points = audits.iter().flat_map(|a| a.points.iter().map(move |p| (a, p)));
        let points: Vec<String> = points
            .map(|(a, p)| {
                let look = p.look.map(|l| word(&l)).unwrap_or_default();
                row([a.title.as_str(), &p.point, &said(w, &look), &self.who_when(p.by.as_ref(), p.at)])
            })
            .collect();
        let finding = |f: &FindingLine| {
            let stands = format!("{}: {}", said(w, &word(&f.weight)), said(w, &word(&f.stands)));
            let owner = f.owner.as_deref().map_or(String::new(), |o| self.person(o));
            let until = f.due.map_or(String::new(), |d| d.to_string());
            let found = self.who_when(Some(&f.found_by), Some(f.found_at));
            let (mended, judged) = (self.who_when(f.mended_by.as_ref(), f.mended_at), self.who_when(f.judged_by.as_ref(), f.judged_at));
            row([f.id.as_str(), &stands, &owner, &until, &found, &mended, &judged])
        };
        let findings: Vec<String> = audits.iter().flat_map(|a| &a.findings).map(finding).collect();
        let accepted: Vec<String> = self.pack.accepted.iter().map(|(gate, code, why)| row([self.gate(gate).as_str(), code, why])).collect();
        let mut out = String::new();
        if !audits.is_empty() {
            out.push_str(&format!(
                "<h2>{}</h2>{}<p></p>{}<p></p>{}",
                escaped(w.audits),
                table(&[w.audit, w.stage, w.stands, w.who], &concluded, w.none),
                table(&[w.audit, w.point, w.seen, w.who], &points, w.none),
                table(&[w.finding, w.weight, w.who, w.until, w.found, w.mended, w.judged], &findings, w.none)
            ));
        }
        if !accepted.is_empty() {
            out.push_str(&format!("<h2>{}</h2>{}", escaped(w.accepted), table(&[w.gate, w.code_of, w.why], &accepted, w.none)));
        }
        out
    }
}
