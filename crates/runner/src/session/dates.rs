//! Dates around the runs: the window that a switch has to keep. When that closes is the model's to say; the fence that falls then is `execute`'s.

use super::{Session, SessionError};
use greenroom_model::finding::Finding;
use greenroom_model::process::gates::Sight;
use greenroom_model::process::{Closing, Proofs, Windows};
use jiff::SignedDuration;

impl Session {
    /// The windows of the go-live's stage that a switch has to keep. None where the process has none, or names no such stage.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn go_live_windows(&self) -> Result<Option<Windows>, SessionError> {
        let Some(process) = &self.process else { return Ok(None) };
        let history = self.whole_history()?;
        let Some(stage) = process.go_live_now(&history.process) else { return Ok(None) };
        // Whether a window binds does not depend on what runs have proved.
        let sight = Sight { process, state: &history.process, proofs: &Proofs::default(), now: self.clock.now() };
        Ok(sight.windows(stage))
    }

    /// What the night has to know of the window of a stage: that it is closed, or that a switch has less time in it than `[switch] minutes` says.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn window_at_night(&self, stage: &str) -> Result<Option<String>, SessionError> {
        let Some(process) = &self.process else { return Ok(None) };
        let history = self.whole_history()?;
        let sight = Sight { process, state: &history.process, proofs: &Proofs::default(), now: self.clock.now() };
        let Some(windows) = sight.windows(stage).filter(|_| sight.state.stage(stage).is_on()) else { return Ok(None) };
        Ok(match windows.closing(sight.now) {
            Closing::Closed(next) => {
                let next = next.map_or_else(String::new, |n| format!("; it opens {}", windows.show(n)));
                Some(format!("the window is closed: nothing before the point of no return is begun any more{next}"))
            }
            Closing::At(close) if process.go_live.iter().any(|s| s == stage) && history.fence.is_none() => {
                let until = sight.now + SignedDuration::from_mins(i64::from(self.program.switch.minutes));
                (close < until).then(|| {
                    format!("a switch that shut people out now would go back by itself {}, when the window closes", windows.show(close))
                })
            }
            Closing::At(_) => None,
        })
    }

    /// What a switch that begins now is told about the window: when it closes, and that there is less time than `[switch] minutes` says.
    pub(super) fn window_told(&self) -> Result<(String, Option<Finding>), SessionError> {
        let now = self.clock.now();
        let Some(windows) = self.go_live_windows()? else { return Ok(Default::default()) };
        let Closing::At(close) = windows.closing(now) else { return Ok(Default::default()) };
        let told = format!("; the window closes {}, and everything goes back then at the latest", windows.show(close));
        let minutes = i64::from(self.program.switch.minutes);
        let left = close.duration_since(now);
        let short = (left < SignedDuration::from_mins(minutes)).then(|| {
            let message = format!(
                "the window closes {}, in {} minutes: less than the {minutes} of `[switch] minutes`",
                windows.show(close),
                left.as_mins()
            );
            Finding::warning("GR0793", message).hint("everything goes back when it closes, unless users are let in before")
        });
        Ok((told, short))
    }
}
