//! What is done with the pilot that stands: verify, let people in, seal.

use super::error::refused;
use super::{Session, SessionError};
use crate::execute::{self, RunLog, SafetyInput};
use crate::journal::Journal;
use greenroom_engine::{Admission, Standing, Target};
use greenroom_model::plan::Action;
use greenroom_model::program::{Audience, Shape};
use greenroom_model::run::{Body, Phase, RunState, Verdict};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Session {
    /// The run whose generation stands under the pilot's name now, by marker.
    pub(super) async fn pilot_run(&self, target: &mut dyn Target) -> Result<(RunState, Standing), SessionError> {
        let name = &self.program.pilot.name;
        let Some(standing) = target.look(name).await? else {
            return Err(refused("GR0722", format!("nothing stands under the pilot's name `{name}`"), "`greenroom rehearse` makes a pilot"));
        };
        let nonce = standing.marker.as_ref().map(|m| m.nonce.clone());
        let history = self.history()?;
        match history.runs.into_iter().find(|r| Some(&r.plan.names.nonce) == nonce.as_ref()) {
            Some(run) => Ok((run, standing)),
            None => Err(refused(
                "GR0503",
                format!("what stands under `{name}` was not made in this workspace"),
                "use the workspace that made it",
            )),
        }
    }

    /// Verifies the pilot as it is now: assertions, packs, residual scan. Recorded with its age.
    ///
    /// # Errors
    /// When there is no pilot of ours, or it cannot be read.
    pub async fn verify(&self) -> Result<Verdict, SessionError> {
        let _lock = self.lock()?;
        let mut target = self.engines.target().await?;
        let (run, _) = self.pilot_run(target.as_mut()).await?;
        let verdict = self.safety(target.as_mut(), &run, "on request").await?;
        let log = RunLog::take(Box::new(self.journal()?), run, &self.owner)?;
        log.record(Body::Verified { verdict: verdict.clone() })?;
        Ok(verdict)
    }

    async fn safety(&self, target: &mut dyn Target, run: &RunState, what: &str) -> Result<Verdict, SessionError> {
        let keys = self.keys(&run.plan.names.nonce);
        let mut inside = target.enter(&self.program.pilot.name).await?;
        let known = execute::Known::open(&self.workspace.scratch(&run.id)?)?;
        let search = Arc::new(execute::Search::new(known.as_ref(), &keys.values, &self.program.verify.allowed_mail_domains));
        let read = execute::ReadBack {
            key: keys.digests.clone(),
            search: Some(search.clone()),
            width: target.capabilities().await?.max_readers as usize,
            // People may be at work in it.
            range_rows: None,
            cancel: self.cancel.clone(),
            tell: Arc::new(|_, _| {}),
        };
        let scanned = BTreeMap::new();
        let mut input = SafetyInput {
            program: &self.program,
            plan: &run.plan,
            search,
            after_upgrade: true,
            scanned,
            read,
            reopened: self.reopened(&run.plan.names.nonce)?,
        };
        let mut verdict = execute::check_safety(inside.as_mut(), &mut input).await?;
        verdict.what = what.to_owned();
        let none = |_: &str| None;
        let failed = execute::run_assertions(inside.as_mut(), &self.program, Shape::After, &keys.values, &none, &mut verdict).await?;
        verdict.differences.extend(failed);
        let recorded =
            run.outcome_of(|a| matches!(a, Action::SafetyCheck { after_upgrade: true })).and_then(|o| o.facts.get("fingerprint"));
        match recorded {
            Some(f) if *f == verdict.fingerprint.to_string() => verdict.compared.push("the schema is as it was when the run ended".into()),
            Some(_) => verdict.not_compared.push("the schema has changed since the run ended".into()),
            None => {}
        }
        verdict.passed = verdict.differences.is_empty();
        inside.leave().await?;
        Ok(verdict)
    }

    /// Lets people into the pilot, after one more safety check.
    ///
    /// # Errors
    /// [`SessionError::Unsafe`] when the check fails.
    pub async fn admit(&self, to: Audience) -> Result<Verdict, SessionError> {
        let _lock = self.lock()?;
        let mut target = self.engines.target().await?;
        let (run, _) = self.pilot_run(target.as_mut()).await?;
        if run.phase != Phase::Finished {
            return Err(refused("GR0723", format!("the run `{}` is not finished", run.id), "`greenroom resume` first"));
        }
        let verdict = self.safety(target.as_mut(), &run, "before opening").await?;
        if !verdict.passed {
            return Err(SessionError::Unsafe(Box::new(verdict)));
        }
        let pilot = self.program.pilot.name.clone();
        // Letting in is repeatable: intent and outcome are one event, written first so that an opening is never off the record.
        self.journal()?.append(None, Some(&self.actor), Body::Opened { pilot: pilot.clone(), to })?;
        execute::admit(target.as_mut(), &pilot, &self.program, to).await?;
        Ok(verdict)
    }

    /// Shuts everybody but Greenroom out of the pilot.
    ///
    /// # Errors
    /// When there is no pilot of ours.
    pub async fn seal(&self) -> Result<(), SessionError> {
        let _lock = self.lock()?;
        let mut target = self.engines.target().await?;
        self.pilot_run(target.as_mut()).await?;
        let pilot = self.program.pilot.name.clone();
        target.admit(&pilot, &Admission::Sealed).await?;
        self.journal()?.append(None, Some(&self.actor), Body::Sealed { pilot })?;
        Ok(())
    }
}
