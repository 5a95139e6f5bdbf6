//! Requirements: the list, looking whether each is met, and putting that on record. Does not own what is looked at (`deeds`).

use super::process::not_allowed;
use super::tasks::told;
use super::{Session, SessionError};
use crate::deeds;
use greenroom_model::process::deed::Outcome;
use greenroom_model::process::integrations::Probed;
use serde::Serialize;

/// A requirement as it stands.
#[derive(Clone, Debug, Serialize)]
pub struct RequirementLine {
    /// Its id.
    pub requirement: String,
    /// What people call it.
    pub title: String,
    /// What was seen last.
    pub checked: Option<Probed>,
}

/// What a look at a requirement found.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    /// The requirement.
    pub requirement: String,
    /// What was seen.
    pub outcome: Outcome,
}

impl Session {
    /// The list.
    ///
    /// # Errors
    /// When there is no process, or the journal cannot be read.
    pub fn requirements(&self) -> Result<Vec<RequirementLine>, SessionError> {
        let process = self.process()?;
        self.judged(|sight| {
            let line = |(id, r): (&String, &greenroom_model::process::requirements::Requirement)| RequirementLine {
                requirement: id.clone(),
                title: r.title.clone(),
                checked: sight.state.requirements.get(id).cloned(),
            };
            process.requirements.iter().map(line).collect()
        })
    }

    /// Looks whether a requirement is met and puts that on record. `tell` is told what is done, before.
    ///
    /// # Errors
    /// When there is no such requirement, or nobody who is known asks.
    pub async fn check_requirement(&self, id: &str, tell: impl FnOnce(&str)) -> Result<Checked, SessionError> {
        let requirement = self.judged(|sight| sight.known_requirement(id).cloned())?.map_err(not_allowed)?;
        self.somebody()?;
        tell(&told(&requirement.needs));
        let (outcome, output) = deeds::perform(&self.ground(false, self.clock.now())?, &requirement.needs).await;
        let recorded = self.record_soon(|| self.decide_process(None, |sight, by| sight.requirement_checked(id, by, &outcome))).await?;
        self.keep_output(&format!("{}-requirement-{id}.out", recorded.seq), &output)?;
        Ok(Checked { requirement: id.to_owned(), outcome })
    }
}
