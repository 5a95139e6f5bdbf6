//! Programs that run beside a switch, and what takes them back. Owns attempts; how a program is run is `upgrade`'s.

use super::upgrade::fill;
use super::{Execution, StepError, failure};
use greenroom_model::hash::Hash;
use greenroom_model::plan::PlannedHook;
use greenroom_model::run::Outcome;
use std::time::Duration;

/// Between attempts.
const PAUSE: Duration = Duration::from_secs(2);

impl Execution {
    /// Step: runs a program, as often as it may be tried.
    pub(super) async fn hook(&mut self, index: usize) -> Result<Outcome, StepError> {
        let plan = self.plan.clone();
        let Some(planned) = plan.production.as_ref().and_then(|p| p.hooks.get(index)) else {
            return Err(failure("GR0710", "the plan has no such hook").into());
        };
        let key = format!("hook:{}", planned.hook.name);
        let output = self.attempts(planned, &key, &planned.hook.command, planned.hash).await?;
        let mut outcome = Outcome::default();
        outcome.facts.insert("output".into(), Hash::of_json(&output).to_string());
        Ok(outcome)
    }

    /// Part of undo: takes back what ran, latest first. What has been taken back is taken back again after a crash.
    pub(super) async fn undo_hooks(&mut self) -> Result<(), StepError> {
        let state = self.log.state();
        for planned in state.hooks_to_undo() {
            let key = format!("hook:{}:undo", planned.hook.name);
            let command = planned.hook.undo.as_deref().unwrap_or_default();
            self.attempts(planned, &key, command, planned.undo_hash).await.map_err(|e| match e {
                StepError::Failed(mut f) => {
                    f.code = "GR0772".into();
                    f.message = format!("production is open again, and what takes `{}` back failed: {}", planned.hook.name, f.message);
                    StepError::Failed(f)
                }
                other => other,
            })?;
        }
        Ok(())
    }

    async fn attempts(
        &mut self,
        planned: &PlannedHook,
        key: &str,
        command: &[String],
        hash: Option<Hash>,
    ) -> Result<[String; 2], StepError> {
        let names = self.plan.names.clone();
        let fill = |word: &String| fill(word, &self.setup.program.target, &names.pilot).replace("{former}", &names.former);
        let filled: Vec<String> = command.iter().map(fill).collect();
        let mut left = planned.hook.retries;
        loop {
            let ran = self.run_program(key, &filled, &command.join(" "), hash, planned.hook.timeout_seconds).await;
            match ran {
                Err(StepError::Failed(f)) if left > 0 => {
                    left -= 1;
                    self.setup.observer.notice(crate::ports::Notice::Line(format!("{}; it is tried again", f.message)));
                    tokio::time::sleep(PAUSE).await;
                }
                ran => return ran,
            }
        }
    }
}
