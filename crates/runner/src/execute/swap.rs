//! Step: the generation takes the pilot's name; the former pilot is kept, sealed, under another.

use super::{Execution, StepError, failure};
use greenroom_engine::{Admission, Marker, MarkerState, Standing, Swap};
use greenroom_model::run::Outcome;
use serde::{Deserialize, Serialize};

/// What stood under the pilot's name before the swap; written down before anything is changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Former {
    /// The database, if there was one.
    pub standing: Option<Standing>,
    /// Who could connect to it.
    pub admission: Option<Admission>,
}

/// Where the kept [`Former`] is.
pub(crate) const FORMER: &str = "former.json";

impl Execution {
    pub(super) async fn swap(&mut self) -> Result<Outcome, StepError> {
        let names = self.plan.names.clone();
        let switch = self.plan.production.is_some();
        let former = match switch {
            true => self.former_production().await?,
            false => self.former_pilot().await?,
        };
        if let Some(s) = self.target.look(&names.generation).await?
            && s.marker.as_ref().is_some_and(|m| m.nonce == names.nonce)
        {
            // Nothing of ours but the marker goes on stage.
            self.generation().await?.tidy().await?;
            if let Some(inside) = self.inside.take() {
                inside.leave().await?;
            }
            let state = if switch { MarkerState::Promoted } else { MarkerState::Pilot };
            self.target.mark(&names.generation, &self.marker(state)).await?;
        }
        let swap = Swap {
            generation: names.generation.clone(),
            pilot: names.pilot.clone(),
            former: former.standing.as_ref().map(|_| names.former.clone()),
        };
        self.exchange(&swap).await?;
        // What was production is shut by its fence, and bears no marker of ours.
        if swap.former.is_some() && !switch {
            self.target.admit(&names.former, &Admission::Sealed).await?;
        }
        // Names prove nothing: ask what stands there now.
        let now = self.target.look(&names.pilot).await?;
        if now.as_ref().and_then(|s| s.marker.as_ref()).map(|m| &m.nonce) != Some(&names.nonce) {
            return Err(failure("GR0712", format!("after the swap another database stands under the name `{}`", names.pilot)).into());
        }
        let mut outcome = Outcome::default();
        if let Some(id) = now.map(|s| s.engine_id) {
            outcome.facts.insert("engine_id".into(), id);
        }
        if let Some(former) = &former.standing {
            outcome.facts.insert("former".into(), names.former);
            outcome.facts.insert("former_id".into(), former.engine_id.clone());
            if let Some(m) = &former.marker {
                outcome.facts.insert("former_nonce".into(), m.nonce.clone());
            }
        }
        Ok(outcome)
    }

    /// Exchanges names, of pilots or with production.
    pub(super) async fn exchange(&mut self, swap: &Swap) -> Result<(), StepError> {
        match &self.plan.production {
            Some(production) => self.target.put_in_place(swap, &production.engine_id).await?,
            None => self.target.swap(swap).await?,
        }
        Ok(())
    }

    /// What stood under the pilot's name before the swap, written down at first and held against what stands there now ever after: a note
    /// may be days old, and somebody else may have acted since.
    pub(super) async fn former_pilot(&mut self) -> Result<Former, StepError> {
        let names = self.plan.names.clone();
        let pilot = self.target.look(&names.pilot).await?;
        if let Some(former) = self.kept::<Former>(FORMER)? {
            let aside = self.target.look(&names.former).await?;
            let ours = pilot.as_ref().and_then(|s| s.marker.as_ref()).is_some_and(|m| m.nonce == names.nonce);
            let stands = match (&former.standing, &pilot) {
                (None, None) => true,
                (Some(f), Some(p)) if !ours => same(f, p),
                // Put aside already, whether the generation has taken its place or not yet.
                (Some(f), _) => aside.as_ref().is_some_and(|a| same(f, a)),
                (None, Some(_)) => ours,
            };
            if stands {
                return Ok(former);
            }
            // Nothing was renamed yet: what stands there now is what will be put aside, if it may be.
            if ours || aside.is_some() {
                return Err(not_the_former(&names.pilot).into());
            }
        }
        self.refuse_foreign(pilot.as_ref(), &names.pilot)?;
        let admission = match &pilot {
            Some(_) => Some(self.target.admission(&names.pilot).await?),
            None => None,
        };
        let former = Former { standing: pilot, admission };
        self.keep(FORMER, &former)?;
        Ok(former)
    }

    /// A database under the pilot's name must be one of this program's pilots.
    pub(super) fn refuse_foreign(&self, standing: Option<&Standing>, name: &str) -> Result<(), StepError> {
        match foreign(standing, &self.plan.program, name) {
            Some(f) => Err(f.into()),
            None => Ok(()),
        }
    }
}

/// Whether two looks saw the same database: the engine's identity and our marker's nonce. Engines use identities again (a file's inode).
pub(super) fn same(a: &Standing, b: &Standing) -> bool {
    let nonce = |s: &Standing| s.marker.as_ref().map(|m| m.nonce.clone());
    a.engine_id == b.engine_id && nonce(a) == nonce(b)
}

/// Somebody else acted on the pilot between the parts of a swap.
pub(super) fn not_the_former(pilot: &str) -> greenroom_model::run::Failure {
    let what = "the former pilot is not the database that this run found there when it began to swap";
    let mut f = failure("GR0725", format!("{what}: what stands under `{pilot}` and beside it is left alone"));
    f.hint = Some("look with `greenroom status` at what stands there and find out who replaced it before anything else".into());
    f
}

/// Why what stands under the pilot's name may not be replaced; `None` when it may.
pub(crate) fn foreign(standing: Option<&Standing>, program: &str, name: &str) -> Option<greenroom_model::run::Failure> {
    let found = match standing.map(|s| &s.marker) {
        None => return None,
        Some(Some(Marker { state: MarkerState::Promoted, .. })) => "it has been promoted to production",
        Some(Some(Marker { state: MarkerState::Raw, .. })) => "it is a raw copy",
        Some(Some(m)) if m.program == program => return None,
        Some(Some(_)) => "it belongs to another program",
        Some(None) => "it bears no marker of ours",
    };
    let mut f = failure("GR0503", format!("a database that must not be replaced stands under the pilot's name `{name}`: {found}"));
    f.hint = Some("choose another `[pilot] name`, or rename that database yourself".into());
    Some(f)
}
