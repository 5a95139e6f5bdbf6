//! Step: the sealed, marked, empty generation.

use super::{Execution, StepError, failure};
use greenroom_engine::{Marker, MarkerState, SchemaScript};
use greenroom_model::run::Outcome;

impl Execution {
    /// The marker this run's generation bears until the swap.
    pub(super) fn marker(&self, state: MarkerState) -> Marker {
        let names = &self.plan.names;
        Marker { program: self.plan.program.clone(), generation: names.number, nonce: names.nonce.clone(), state }
    }

    /// What the generation is marked as while it is made. One with production's values is marked as raw, so that no engine opens or swaps it.
    pub(super) fn making(&self) -> MarkerState {
        if self.plan.kind.is_unmasked() { MarkerState::Raw } else { MarkerState::Building }
    }

    /// Has the engine make the generation of production, which nobody writes to any more. Nothing is left out or switched off.
    pub(super) async fn copy_whole(&mut self) -> Result<Outcome, StepError> {
        let (names, production) = (self.plan.names.clone(), self.production()?);
        self.target
            .copy_whole(self.setup.program.source_name(), &production.engine_id, &names.generation, &self.marker(self.making()))
            .await?;
        self.keep("schema.json", &SchemaScript::default())?;
        let made = self.target.look(&names.generation).await?;
        let mut outcome = Outcome { bytes: made.as_ref().map(|s| s.bytes), ..Outcome::default() };
        outcome.facts.extend(made.map(|s| ("engine_id".to_owned(), s.engine_id)));
        if self.source_catalog()?.large_objects > 0 {
            outcome.notes.push("contents of large objects are copied but not compared".into());
        }
        Ok(outcome)
    }

    /// Where databases are not renamed, one that takes production's place bears its name from the first moment on.
    async fn call(&mut self) -> Result<(), StepError> {
        if self.plan.production.is_some() && !self.target.capabilities().await?.rename_database {
            let names = self.plan.names.clone();
            self.target.call(&names.generation, &names.pilot).await?;
        }
        Ok(())
    }

    /// Creates the generation, or finds the one that an earlier attempt created. Its name carries the nonce that the journal wrote down
    /// before, so nothing else can stand there; the engine completes a half-made one.
    pub(super) async fn create(&mut self) -> Result<Outcome, StepError> {
        let name = self.plan.names.generation.clone();
        let marker = self.marker(self.making());
        let standing = match self.target.look(&name).await? {
            Some(s) if !s.empty || s.marker.as_ref().is_some_and(|m| *m != marker) => {
                let mut f = failure("GR0503", format!("something that is not ours stands under the name `{name}`"));
                f.hint = Some("rename it or plan again: a new plan takes a new name".into());
                return Err(f.into());
            }
            _ => {
                let like = self.source_catalog()?;
                self.call().await?;
                self.target.create(&name, &marker, &like).await?
            }
        };
        let mut outcome = Outcome::default();
        outcome.facts.insert("engine_id".into(), standing.engine_id);
        Ok(outcome)
    }
}
