//! Step: people are let in.

use super::{Execution, StepError};
use greenroom_engine::{Admission, EngineError, Target};
use greenroom_model::program::{Audience, Pilot, Program};
use greenroom_model::run::Outcome;

impl Execution {
    pub(super) async fn open(&mut self, to: Audience) -> Result<Outcome, StepError> {
        let name = self.plan.names.pilot.clone();
        let setup = self.setup.clone();
        admit(self.target.as_mut(), &name, &setup.program, to).await?;
        Ok(Outcome::default())
    }
}

/// Lets people in. Where no grants are carried they get the rights to work with every table first: a pilot must be of use to whom it is
/// opened; with `keep_grants` the source's grants say what they may do.
pub(crate) async fn admit(target: &mut dyn Target, name: &str, program: &Program, to: Audience) -> Result<(), EngineError> {
    let admission = admission(&program.pilot, to);
    if !program.owners.keep_grants {
        let mut inside = target.enter(name).await?;
        let granted = inside.let_work(&admission).await;
        inside.leave().await?;
        granted?;
    }
    target.admit(name, &admission).await
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
