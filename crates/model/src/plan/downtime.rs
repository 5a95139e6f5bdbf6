//! How long nobody will be able to work while production is switched, as far as earlier runs measured it. Owns the arithmetic; where the times come from is `runner::planning`'s.

use super::{Action, Expected, Plan, Step, StepKey};
use serde::Serialize;
use std::collections::BTreeMap;

/// Fewer touched rows than these say nothing about many: what a step takes by itself outweighs them.
const TELLING: u64 = 1000;

/// The time from the fence until users are let in, without the testers'.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Downtime {
    /// Milliseconds of the steps that were measured.
    pub millis: u64,
    /// Keys of the steps that were not.
    pub unknown: Vec<String>,
}

impl Plan {
    /// What a switch's plan expects. A dress rehearsal's copies are timed as they are read again. `touched`: rows that were touched since the copy, where that is known by now; what
    /// grows with them is reckoned from the rows of earlier runs, and not known where there were too few then.
    pub fn downtime(&self, touched: Option<u64>) -> Downtime {
        downtime(&self.steps, &self.expected, self.copies_whole(), touched)
    }
}

fn downtime(steps: &[Step], expected: &BTreeMap<StepKey, Expected>, whole: bool, touched: Option<u64>) -> Downtime {
    let mut time = Downtime::default();
    // All rows are read once more in the window.
    let all = !whole && steps.iter().all(|s| s.action != Action::CopyTouched);
    let mut fenced = false;
    for step in steps {
        fenced |= step.action == Action::Fence;
        let again = all && (step.key.table().is_some() || step.action == Action::CheckSource);
        // What a person takes is nobody's to predict.
        if !(fenced || again) || matches!(step.action, Action::Accept | Action::Hold) {
            continue;
        }
        match expected.get(&step.key).and_then(|e| with(e, touched)) {
            Some(millis) => time.millis += millis,
            None => time.unknown.push(step.key.0.clone()),
        }
    }
    time
}

fn with(e: &Expected, touched: Option<u64>) -> Option<u64> {
    match (e.touched, touched) {
        (Some(then), Some(now)) if then >= TELLING => {
            u64::try_from(u128::from(e.millis) * u128::from(now.max(TELLING)) / u128::from(then)).ok()
        }
        (Some(_), Some(now)) if now > TELLING => None,
        _ => Some(e.millis),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Recovery;

    fn steps() -> Vec<Step> {
        let all = [
            ("check-source", Action::CheckSource),
            ("copy:client", Action::CopyTable { table: 0 }),
            ("window", Action::Window),
            ("fence", Action::Fence),
            ("copy-touched", Action::CopyTouched),
            ("verify-touched", Action::VerifyTouched),
            ("swap", Action::Swap),
            ("accept", Action::Accept),
            ("promote", Action::Promote),
        ];
        all.map(|(key, action)| Step {
            key: StepKey(key.into()),
            title: String::new(),
            action,
            after: Vec::new(),
            recovery: Recovery::Repeat,
        })
        .into()
    }

    fn measured(touched: Option<u64>) -> BTreeMap<StepKey, Expected> {
        let grows = |s: &Step| matches!(s.action, Action::CopyTouched | Action::VerifyTouched);
        steps().iter().map(|s| (s.key.clone(), Expected { millis: 100, runs: 1, touched: touched.filter(|_| grows(s)) })).collect()
    }

    #[test]
    fn what_grows_with_touched_rows_is_reckoned_from_them() {
        let of = |then, now| downtime(&steps(), &measured(then), false, now);
        assert_eq!(of(Some(2000), Some(2000)).millis, 500);
        assert_eq!(of(Some(2000), Some(20_000)).millis, 500 + 2 * 900);
        assert_eq!(of(Some(2000), None).millis, 500);
        // Too few rows say nothing about many.
        assert_eq!(of(Some(10), Some(20_000)).unknown, ["copy-touched", "verify-touched"]);
        assert_eq!(of(Some(10), Some(900)), of(None, None));
    }

    #[test]
    fn testers_and_what_is_done_before_the_fence_do_not_count() {
        let mut expected = measured(None);
        for key in ["accept", "window", "copy:client", "check-source"] {
            expected.remove(&StepKey(key.into()));
        }
        assert_eq!(downtime(&steps(), &expected, false, None), Downtime { millis: 500, unknown: Vec::new() });
        // Where everything is read again, that counts, too.
        let again: Vec<Step> = steps().into_iter().filter(|s| !s.key.0.ends_with("touched")).collect();
        assert_eq!(downtime(&again, &expected, false, None).unknown, ["check-source", "copy:client"]);
        assert_eq!(downtime(&again, &expected, true, None).millis, 300);
    }
}
