//! What a server has to have, as `process.toml` writes it.

use super::super::requirements::Requirement;
use super::deed::RawDeed;
use super::raw::RawProcess;
use super::{Reader, entries, text};
use crate::program::file::File;
use crate::program::raw::At;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Something that a server has to have.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRequirement {
    /// What people call it.
    pub(super) title: Option<At<String>>,
    /// What shows whether it is so: a probe.
    pub(super) needs: Option<At<RawDeed>>,
}

impl Reader<'_> {
    /// The list.
    pub(super) fn requirements(&mut self, raws: &[(File<'_>, RawProcess)]) -> BTreeMap<String, Requirement> {
        let mut read = BTreeMap::new();
        for (id, (file, at, r)) in entries(raws, |r| &r.requirement) {
            let Some(needs) = &r.needs else {
                let hint = "write `needs = { disk = { free = \"200 GB\" } }`, or another probe";
                self.wrong(file.place(at.span.clone()), format!("the requirement `{id}` lacks `needs`"), hint);
                continue;
            };
            if let Some(needs) = self.probe(file, needs, None) {
                read.insert(id.clone(), Requirement { title: text(&r.title, &id), needs });
            }
        }
        read
    }

    /// Ids of requirements that a gate names.
    pub(super) fn requirements_gate(
        &mut self,
        file: &File<'_>,
        names: Option<&At<Vec<String>>>,
        known: &BTreeSet<&str>,
    ) -> BTreeSet<String> {
        let mut chosen = BTreeSet::new();
        if let Some(names) = names {
            for name in &names.value {
                let at = At { value: name.clone(), span: names.span.clone() };
                chosen.extend(self.named(file, Some(&at), known, "requirement", file.place(names.span.clone())));
            }
        }
        chosen
    }
}
