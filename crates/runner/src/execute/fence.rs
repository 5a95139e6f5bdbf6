//! The fence around the pilot while its configuration is carried over: nobody but Greenroom comes in from before it is read until it is swapped out.
//!
//! A fence outlives its process: what a killed run left is lifted by `resume` or `undo`. A run that rests (it failed, waits, was stopped) lifts
//! it, so that people can go on working; when it goes on, what was read must still be what stands there.

use super::swap::{FORMER, Former};
use super::{Execution, StepError, failure};
use greenroom_engine::Admission;
use greenroom_model::run::Failure;

impl Execution {
    /// Shuts people out of the pilot, whose admission is written down before.
    pub(super) async fn fence(&mut self) -> Result<(), StepError> {
        if self.fenced {
            return Ok(());
        }
        let Some(from) = self.plan.carry.clone() else { return Ok(()) };
        let former = self.former_pilot().await?;
        let nonce = former.standing.as_ref().and_then(|s| s.marker.as_ref()).map(|m| m.nonce.clone());
        if nonce != Some(from.nonce) {
            return Err(other_pilot(&self.plan.names.pilot).into());
        }
        let name = self.plan.names.pilot.clone();
        // From here on it must be lifted, also where the call below fails half way.
        self.fenced = true;
        self.target.admit(&name, &Admission::Sealed).await?;
        Ok(())
    }

    /// Lets people in again as before, whoever shut them out: this process, or one that was killed. Nothing to do where nobody is shut out, or the
    /// pilot was swapped out. A swap that failed half way has put the pilot aside: then `resume` or `undo` says who comes in.
    pub(super) async fn lift_fence(&mut self) -> Result<(), StepError> {
        let Some(from) = self.plan.carry.clone().filter(|_| !self.log.state().swapped()) else { return Ok(()) };
        let Some(Former { standing: Some(_), admission: Some(admission) }) = self.kept::<Former>(FORMER)? else { return Ok(()) };
        let name = self.plan.names.pilot.clone();
        let stands = self.target.look(&name).await?.and_then(|s| s.marker);
        if stands.is_none_or(|m| m.nonce != from.nonce) {
            return Ok(());
        }
        self.target.admit(&name, &admission).await?;
        // Who may come in is people's to say again: the next fence asks anew.
        self.forget(FORMER)?;
        self.fenced = false;
        Ok(())
    }
}

/// Another pilot stands there than the one that the plan was made for.
pub(super) fn other_pilot(name: &str) -> Failure {
    let mut f =
        failure("GR0822", format!("another pilot stands under the name `{name}` than the one whose configuration was to be carried over"));
    f.hint = Some("`greenroom undo` this run, then refresh again".into());
    f
}
