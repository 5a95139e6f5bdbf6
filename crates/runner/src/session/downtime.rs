//! How long nobody will be able to work, as things stand: for a switch that waits for its window, and copies in it what users have touched until then. Owns asking production; the
//! arithmetic is `model::plan`'s.

use super::{Session, SessionError};
use crate::execute::{StepError, noted};
use greenroom_model::plan::{Action, Downtime};
use greenroom_model::run::{Phase, RunState, StepState};
use serde::Serialize;

/// What is known of it now.
#[derive(Clone, Debug, Serialize)]
pub struct DowntimeNow {
    /// Rows whose keys production has noted since the copy began.
    pub touched: u64,
    /// What that takes.
    #[serde(flatten)]
    pub time: Downtime,
}

impl Session {
    /// What a switch would take if its window opened now; none where it does not wait for one, or does not go by what was touched.
    ///
    /// # Errors
    /// When production's notes cannot be read.
    pub async fn downtime_now(&self, run: &RunState) -> Result<Option<DowntimeNow>, SessionError> {
        let step = |wanted: fn(&Action) -> bool| run.plan.steps.iter().find(|s| wanted(&s.action));
        let window = step(|a| matches!(a, Action::Window)).and_then(|s| run.steps.get(&s.key));
        let waits = run.phase == Phase::Running && matches!(window, Some(StepState::Waiting { .. }));
        let Some(production) = run.plan.production.as_ref().filter(|_| waits && step(|a| matches!(a, Action::CopyTouched)).is_some())
        else {
            return Ok(None);
        };
        let mut target = self.engines.target().await?;
        let mut inside = target.enter_former(&run.plan.names.pilot, &production.engine_id).await?;
        let touched = noted(inside.as_mut()).await;
        inside.leave().await?;
        match touched {
            Ok(touched) => Ok(Some(DowntimeNow { touched, time: run.plan.downtime(Some(touched)) })),
            Err(StepError::Failed(f) | StepError::GoBack(f)) => Err(SessionError::Failed(Box::new(f))),
            Err(StepError::Dead(e)) => Err(e.into()),
            Err(StepError::Waits(_) | StepError::Stopped) => Ok(None),
        }
    }
}
