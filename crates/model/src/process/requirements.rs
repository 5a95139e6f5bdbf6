//! What a server has to have before anything is touched: a list of probes with a pass or fail for each, on record. Owns decisions; looking is the runner's.

use super::deed::{Deed, Outcome};
use super::gates::{Refused, Sight, Standing, known, refused};
use super::integrations::Probed;
use super::{Fact, Mark, State};
use serde::Serialize;
use std::collections::BTreeSet;

/// Something that has to be so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Requirement {
    /// What people call it.
    pub title: String,
    /// What shows whether it is so.
    pub needs: Deed,
}

impl State {
    pub(super) fn checked(&mut self, mark: Mark, id: &str, good: bool, outcome: &str) {
        self.requirements.insert(id.to_owned(), Probed { at: mark, good, outcome: outcome.to_owned() });
    }
}

impl<'a> Sight<'a> {
    /// A requirement of the list.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn known_requirement(&self, id: &str) -> Result<&'a Requirement, Refused> {
        match self.process.requirements.get(id) {
            Some(r) => Ok(r),
            None if self.process.requirements.is_empty() => {
                refused("process.toml names no requirements", "write a section `[requirement.disk]` with `needs`")
            }
            None => {
                let all: Vec<&str> = self.process.requirements.keys().map(String::as_str).collect();
                refused(format!("there is no requirement `{id}`"), format!("those of process.toml: {}", all.join(", ")))
            }
        }
    }

    /// Puts on record whether something is as it has to be.
    ///
    /// # Errors
    /// When there is no such requirement, or nobody who is known asks.
    pub fn requirement_checked(&self, id: &str, by: Option<&str>, outcome: &Outcome) -> Result<Fact, Refused> {
        self.known_requirement(id)?;
        known(by)?;
        Ok(Fact::RequirementChecked {
            requirement: id.to_owned(),
            good: outcome.good,
            outcome: outcome.words.clone(),
            millis: outcome.millis,
        })
    }

    /// How a gate stands that asks for requirements to be met.
    pub(super) fn requirements_standing(&self, names: &BTreeSet<String>, base: &Standing) -> Standing {
        let chosen: Vec<&String> = self.process.requirements.keys().filter(|id| names.is_empty() || names.contains(*id)).collect();
        let open: Vec<String> = chosen
            .iter()
            .filter_map(|id| match self.state.requirements.get(*id) {
                None => Some(format!("{id}: never checked")),
                Some(p) if !p.good => Some(format!("{id}: {}", p.outcome)),
                Some(_) => None,
            })
            .collect();
        match open.is_empty() {
            true => Standing { met: true, why: format!("all {} requirements are met", chosen.len()), ..base.clone() },
            false => Standing { why: open.join("; "), ..base.clone() },
        }
    }
}
