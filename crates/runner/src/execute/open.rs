//! Step: people are let in.

use super::{Execution, StepError};
use greenroom_engine::Admission;
use greenroom_model::program::{Audience, Pilot};
use greenroom_model::run::Outcome;

impl Execution {
    pub(super) async fn open(&mut self, to: Audience) -> Result<Outcome, StepError> {
        self.target.admit(&self.plan.names.pilot, &admission(&self.setup.program.pilot, to)).await?;
        Ok(Outcome::default())
    }
}

/// Who may connect when a pilot is open to an audience.
pub fn admission(pilot: &Pilot, to: Audience) -> Admission {
    match to {
        Audience::Testers => Admission::Some { roles: pilot.testers.clone(), mode: pilot.modes.0 },
        Audience::All if pilot.users.is_empty() => Admission::Everybody { mode: pilot.modes.1 },
        Audience::All => {
            let roles = pilot.testers.iter().chain(&pilot.users).cloned().collect();
            Admission::Some { roles, mode: pilot.modes.1 }
        }
    }
}
