//! Audits as `process.toml` writes them, and gates that ask for them or for findings.

use super::super::audits::{Audit, Weight};
use super::super::findings::{Asked, Reporter};
use super::super::{Gate, Kind, Moment};
use super::raw::RawGate;
use super::{Entry, Reader, text};
use crate::finding::{Place, explain};
use crate::program::file::File;
use crate::program::raw::At;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Somebody looks at something and says whether it is good: `[audit.audit-1]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAudit {
    /// What people call it.
    pub(super) title: Option<At<String>>,
    /// The stage that it belongs to.
    pub(super) stage: Option<At<String>>,
    /// Who looks: a role.
    pub(super) role: Option<At<String>>,
    /// Whose auditors, where several parties have people with the role.
    pub(super) party: Option<At<String>>,
    /// What is looked at: `["configuration of the server", "acceptance of the line"]`.
    pub(super) points: Option<At<Vec<String>>>,
    /// The audit before it: each finding that is still open there has to be verified here.
    pub(super) follows: Option<At<String>>,
}

/// `sign-off`: how many; `findings`: whose.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Of {
    /// How many have to approve.
    Count(u32),
    /// Whose findings.
    Reporters(Vec<String>),
}

impl Reader<'_> {
    pub(super) fn audits(
        &mut self,
        raws: &BTreeMap<String, Entry<'_, RawAudit>>,
        stages: &BTreeSet<&str>,
        parties: &BTreeSet<&str>,
        roles: &BTreeSet<String>,
    ) -> BTreeMap<String, Audit> {
        let mut audits = BTreeMap::new();
        let ids: BTreeSet<&str> = raws.keys().map(String::as_str).collect();
        for (id, (file, at, a)) in raws {
            let place = || file.place(at.span.clone());
            let stage = self.named(file, a.stage.as_ref(), stages, "stage", place());
            let role = self.role(file, a.role.as_ref(), roles, place());
            let party = a.party.as_ref().and_then(|p| self.named(file, Some(p), parties, "party", place()));
            let follows = a.follows.as_ref().and_then(|f| self.named(file, Some(f), &ids, "audit", file.place(f.span.clone())));
            let points: Vec<String> = a.points.as_ref().map(|p| p.value.clone()).unwrap_or_default();
            let twice = points.iter().enumerate().find(|(n, p)| points.iter().take(*n).any(|o| o == *p));
            if points.is_empty() || points.iter().any(|p| p.trim().is_empty()) {
                let hint = "what is looked at: `points = [\"configuration of the server\"]`";
                self.wrong(place(), format!("the audit `{id}` lacks `points`, or one of them is empty"), hint);
            } else if let Some((_, point)) = twice {
                let span = a.points.as_ref().map_or(at.span.clone(), |p| p.span.clone());
                self.wrong(file.place(span), format!("`{id}` has the point `{point}` twice"), "remove one of them");
            }
            let (stage, role) = (stage.unwrap_or_default(), role.unwrap_or_default());
            audits.insert(id.clone(), Audit { title: text(&a.title, id), stage, role, party, points, follows });
        }
        let follows: BTreeMap<&str, BTreeSet<String>> =
            audits.iter().map(|(id, a): (&String, &Audit)| (id.as_str(), a.follows.iter().cloned().collect())).collect();
        let follows: BTreeMap<&str, &BTreeSet<String>> = follows.iter().map(|(id, f)| (*id, f)).collect();
        let place_of = |id: &str| raws.get(id).map(|(file, at, _)| file.place(at.span.clone()));
        self.in_order(&follows, "audits", &place_of);
        audits
    }

    /// What a gate of the kind `findings` says.
    pub(super) fn findings_gate(&mut self, id: &str, file: &File<'_>, place: Place, g: &RawGate) -> Option<Kind> {
        let Some(At { value: Of::Reporters(words), span }) = &g.of else {
            let hint = "whose: `of = [\"audits\", \"check\", \"rehearsal\", \"dress-rehearsal\", \"audit NAME\"]`";
            self.wrong(place, format!("the gate `{id}` lacks `of`"), hint);
            return None;
        };
        let mut of = BTreeSet::new();
        for word in words {
            match Reporter::parse(word) {
                Some(reporter) => drop(of.insert(reporter)),
                None => {
                    let hint = "`audits`, `audit NAME`, `check`, `rehearsal`, `dress-rehearsal`";
                    self.wrong(file.place(span.clone()), format!("`{word}` reports no findings"), hint);
                }
            }
        }
        if words.is_empty() {
            self.wrong(file.place(span.clone()), "`of` names nobody", "`of = [\"audits\"]`, for example");
        }
        let at_most = match g.at_most.as_ref().map(|a| (a.value.as_str(), a)) {
            Some(("none", _)) => None,
            None | Some(("minor", _)) => Some(Weight::Minor),
            Some(("important", _)) => Some(Weight::Important),
            Some((other, at)) => {
                let hint = "the heaviest that may be open: `none`, `minor` (also a note), `important` (also a warning)";
                self.wrong(file.place(at.span.clone()), format!("`{other}` is no weight"), hint);
                None
            }
        };
        let mut accepted = BTreeMap::new();
        for (code, why) in g.accepted.iter().flatten() {
            if explain(&code.value).is_none_or(|c| c.code != code.value) {
                let hint = "`greenroom explain` lists all codes; findings of audits are accepted with `greenroom audit accept`";
                self.wrong(file.place(code.span.clone()), format!("there is no code `{}`", code.value), hint);
            }
            if why.value.trim().is_empty() {
                let hint = format!("write why: `accepted = {{ {} = \"…\" }}`", code.value);
                self.wrong(file.place(why.span.clone()), format!("nothing says why `{}` is accepted", code.value), hint);
            }
            accepted.insert(code.value.clone(), why.value.clone());
        }
        Some(Kind::Findings(Asked { of, at_most, accepted }))
    }

    /// Audits that a gate names have to be there.
    pub(super) fn audits_of_gate(
        &mut self,
        file: &File<'_>,
        at: &At<String>,
        raw: &RawGate,
        gate: &Gate,
        audits: &BTreeMap<String, Audit>,
    ) {
        let ids: BTreeSet<&str> = audits.keys().map(String::as_str).collect();
        let of = |span: Option<&std::ops::Range<usize>>| span.cloned().unwrap_or(at.span.clone());
        let mut named = |name: &str, span: std::ops::Range<usize>| {
            let place = file.place(span.clone());
            self.named(file, Some(&At { value: name.to_owned(), span }), &ids, "audit", place);
        };
        match &gate.kind {
            Kind::Audit { audit } => named(audit, of(raw.audit.as_ref().map(|a| &a.span))),
            Kind::Wait { since: Moment::Audited(audit), .. } => named(audit, of(raw.since.as_ref().map(|a| &a.span))),
            Kind::Findings(asked) => {
                for reporter in &asked.of {
                    if let Reporter::Audit(audit) = reporter {
                        named(audit, of(raw.of.as_ref().map(|a| &a.span)));
                    }
                }
            }
            _ => {}
        }
    }
}
