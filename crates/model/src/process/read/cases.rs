//! Cases of the test plan as `process.toml` writes them.

use super::super::cases::Case;
use super::super::{Gate, Kind};
use super::{Entry, Reader, text, value};
use crate::program::file::File;
use crate::program::raw::At;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Something that a tester tries on the pilot.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCase {
    /// What is tried.
    pub(super) title: Option<At<String>>,
    /// The stage that it belongs to.
    pub(super) stage: Option<At<String>>,
    /// Who tries it: a role.
    pub(super) role: Option<At<String>>,
    /// Whose it is, where several parties have people with the role.
    pub(super) party: Option<At<String>>,
    /// What a person does and has to see, in words.
    pub(super) steps: Option<At<String>>,
    /// Where in the application.
    pub(super) area: Option<At<String>>,
    /// Tables that it is about, as the program's other files name them: it is tried again when one of them is made in another way, or the upgrade is another one. Without any it is
    /// tried again on each new generation.
    #[serde(default)]
    pub(super) tables: Vec<String>,
}

impl Reader<'_> {
    pub(super) fn cases(
        &mut self,
        raws: &BTreeMap<String, Entry<'_, RawCase>>,
        stages: &BTreeSet<&str>,
        parties: &BTreeSet<&str>,
        roles: &BTreeSet<String>,
    ) -> BTreeMap<String, Case> {
        let mut cases = BTreeMap::new();
        for (id, (file, at, c)) in raws {
            let place = || file.place(at.span.clone());
            let stage = self.named(file, c.stage.as_ref(), stages, "stage", place());
            let role = self.role(file, c.role.as_ref(), roles, place());
            let party = c.party.as_ref().and_then(|p| self.named(file, Some(p), parties, "party", place()));
            let case = Case {
                title: text(&c.title, id),
                stage: stage.unwrap_or_default(),
                role: role.unwrap_or_default(),
                party,
                steps: value(&c.steps),
                area: value(&c.area),
                tables: c.tables.iter().cloned().collect(),
            };
            cases.insert(id.clone(), case);
        }
        cases
    }

    /// What a gate asks of the test plan has to be there.
    pub(super) fn cases_of_gate(&mut self, file: &File<'_>, span: &Range<usize>, gate: &Gate, cases: &BTreeMap<String, Case>) {
        let Kind::TestPlan { cases: named } = &gate.kind else { return };
        for unknown in named.iter().filter(|c| !cases.contains_key(*c)) {
            let near = crate::program::text::nearest(unknown, cases.keys().map(String::as_str));
            let hint = near.map_or("write `[case.NAME]` for it".to_owned(), |n| format!("did you mean `{n}`?"));
            self.wrong(file.place(span.clone()), format!("there is no case `{unknown}`"), hint);
        }
        if named.is_empty() && cases.values().all(|c| c.stage != gate.stage) {
            let hint = format!("write `[case.NAME]` with `stage = \"{}\"`, or name cases of other stages in `cases`", gate.stage);
            self.wrong(file.place(span.clone()), format!("the stage `{}` has no cases that could pass", gate.stage), hint);
        }
    }
}
