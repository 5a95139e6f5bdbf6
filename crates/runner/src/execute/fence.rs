//! The fence around the pilot while its configuration is carried over: nobody but Greenroom comes in from before it is read until it is swapped out.
//!
//! A fence outlives its process: what a killed run left is lifted by `resume` or `undo`. A run that rests (it failed, waits, was stopped) lifts
//! it, so that people can go on working; when it goes on, what was read must still be what stands there.

use super::swap::{FORMER, Former, same};
use super::{Execution, StepError, failure};
use greenroom_engine::Admission;
use greenroom_model::plan::RunKind;
use greenroom_model::run::Failure;

/// Where a switch notes the pilot and who could connect to it: what it swaps is production.
const CARRIED: &str = "carried.json";

impl Execution {
    /// The name of the pilot whose configuration is carried over. A switch takes another name for what it builds.
    pub(super) fn carried_name(&self) -> String {
        match self.plan.kind {
            RunKind::Switch => self.setup.program.pilot.name.clone(),
            _ => self.plan.names.pilot.clone(),
        }
    }

    /// Where the pilot is noted that is shut while it is read.
    pub(super) fn note(&self) -> &'static str {
        if self.plan.kind == RunKind::Switch { CARRIED } else { FORMER }
    }

    /// The pilot that is carried over, noted at first with who could connect to it.
    async fn carried_pilot(&mut self) -> Result<Former, StepError> {
        if self.plan.kind != RunKind::Switch {
            return self.former_pilot().await;
        }
        let name = self.carried_name();
        let standing = self.target.look(&name).await?;
        let noted = self.kept::<Former>(CARRIED)?;
        if let (Some(Former { standing: Some(was), .. }), Some(is)) = (&noted, &standing)
            && same(was, is)
        {
            return Ok(noted.expect("it is just what was matched"));
        }
        self.refuse_foreign(standing.as_ref(), &name)?;
        let admission = match &standing {
            Some(_) => Some(self.target.admission(&name).await?),
            None => None,
        };
        let noted = Former { standing, admission };
        self.keep(CARRIED, &noted)?;
        Ok(noted)
    }

    /// Shuts people out of the pilot, whose admission is written down before.
    pub(super) async fn fence(&mut self) -> Result<(), StepError> {
        if self.fenced {
            return Ok(());
        }
        let Some(from) = self.plan.carry.clone() else { return Ok(()) };
        let former = self.carried_pilot().await?;
        let nonce = former.standing.as_ref().and_then(|s| s.marker.as_ref()).map(|m| m.nonce.clone());
        if nonce != Some(from.nonce) {
            return Err(other_pilot(&self.carried_name()).into());
        }
        let name = self.carried_name();
        // From here on it must be lifted, also where the call below fails half way.
        self.fenced = true;
        self.target.admit(&name, &Admission::Sealed).await?;
        Ok(())
    }

    /// Lets people in again as before, whoever shut them out: this process, or one that was killed. Nothing to do where nobody is shut out, or the
    /// pilot was swapped out. A swap that failed half way has put the pilot aside: then `resume` or `undo` says who comes in.
    pub(super) async fn lift_fence(&mut self) -> Result<(), StepError> {
        let swapped_out = self.plan.kind != RunKind::Switch && self.log.state().swapped();
        let Some(from) = self.plan.carry.clone().filter(|_| !swapped_out) else { return Ok(()) };
        let note = self.note();
        let Some(Former { standing: Some(_), admission: Some(admission) }) = self.kept::<Former>(note)? else { return Ok(()) };
        let name = self.carried_name();
        let stands = self.target.look(&name).await?.and_then(|s| s.marker);
        if stands.is_none_or(|m| m.nonce != from.nonce) {
            return Ok(());
        }
        self.target.admit(&name, &admission).await?;
        // Who may come in is people's to say again: the next fence asks anew.
        self.forget(note)?;
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
