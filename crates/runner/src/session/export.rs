//! The pilot's configuration as files. Nothing is changed in any database.

use super::error::refused;
use super::{Session, SessionError};
use crate::base::Base;
use crate::execute::{Exported, Selection, StepError, read_export};

impl Session {
    /// Reads what people configured on the pilot, as it may leave it. What was masked, emptied or neutralised stays, and rows with values that may
    /// come from there are named instead.
    ///
    /// # Errors
    /// When there is no pilot of ours with a base, a table is no configuration, or something cannot be read.
    pub async fn export(&self, selection: &Selection) -> Result<Exported, SessionError> {
        let from = self.carry_from().await?;
        let base =
            Base::open(&self.base_of(&from.nonce))?.ok_or_else(|| refused("GR0824", "the pilot's base is gone", "rehearse again"))?;
        let (_, former) = self.former(&from)?;
        let mut target = self.engines.target().await?;
        let mut pilot = target.enter(&self.program.pilot.name).await?;
        let exported = read_export(pilot.as_mut(), &self.program, &former, &base, selection).await;
        pilot.leave().await?;
        exported.map_err(|e| match e {
            StepError::Failed(f) | StepError::GoBack(f) => SessionError::Failed(Box::new(f)),
            StepError::Dead(e) => e.into(),
            StepError::Waits(_) | StepError::Stopped => refused("GR0709", "stopped", "export again"),
        })
    }
}
