//! Steps of a switch whose copy is prepared, indexed and verified before the window (P26): production notes which rows are touched from before the copy on; once it is shut, these
//! alone are brought into the copy, by their keys. Does not own how they are compared (`back`).

use super::back;
use super::{Execution, StepError, failure};
use greenroom_engine::Generation;
use greenroom_model::run::{Outcome, Verdict};

impl Execution {
    /// Production itself, entered for its notes.
    async fn production_inside(&mut self) -> Result<Box<dyn Generation>, StepError> {
        let production = self.production()?;
        let name = self.plan.names.pilot.clone();
        Ok(self.target.enter_former(&name, &production.engine_id).await?)
    }

    /// Step: from here on production notes which rows are touched. The snapshot is taken afterwards, so that nothing falls between.
    pub(super) async fn capture_source(&mut self) -> Result<Outcome, StepError> {
        let mut production = self.production_inside().await?;
        let noting = back::begin_noting(production.as_mut(), "they are compared whole in the window").await;
        production.leave().await?;
        noting
    }

    /// Step: nobody writes any more; what was touched since the copy is brought into it.
    pub(super) async fn copy_touched(&mut self) -> Result<Outcome, StepError> {
        let mut production = self.production_inside().await?;
        let now = production.inspect().await?;
        if now.fingerprint() != self.plan.recipe.source {
            let mut f = failure("GR0501", "production's schema was changed after it was copied");
            f.details = super::verify_copy::differences(&self.source_catalog()?, &now, &[]).1;
            f.hint = Some("`greenroom undo` gives production back; then switch again".into());
            return Err(f.into());
        }
        let inside = self.generation().await?;
        let compared = back::compare(inside.as_mut(), production.as_mut(), back::Ways::default()).await?;
        let stuck = back::apply(inside.as_mut(), &compared).await?;
        production.leave().await?;
        let counts = compared.account.counts();
        let rows = counts.inserted + counts.updated + counts.deleted;
        let mut outcome = Outcome { rows: Some(rows), ..Outcome::default() };
        outcome.notes.extend(stuck.into_iter().map(|name| format!("the counter {name} could not be set")));
        outcome
            .notes
            .push(format!("{} rows inserted, {} updated, {} deleted since the copy", counts.inserted, counts.updated, counts.deleted));
        Ok(outcome)
    }

    /// Step: owners and rights as they are now, and what is derived from rows.
    pub(super) async fn settle_touched(&mut self) -> Result<Outcome, StepError> {
        self.generation().await?.derive().await?;
        self.give_rights().await
    }

    /// Step: what was touched is the same in production and in the copy.
    pub(super) async fn verify_touched(&mut self) -> Result<Outcome, StepError> {
        let mut production = self.production_inside().await?;
        let compared = back::compare(self.generation().await?.as_mut(), production.as_mut(), back::Ways::default()).await;
        production.leave().await?;
        let compared = compared?;
        let touched: u64 = compared.account.tables.iter().filter_map(|t| t.touched).sum();
        let left = compared.account.tables.iter().filter(|t| t.counts != Default::default());
        let mut differences: Vec<String> = left.map(|t| format!("table {}: touched rows differ", t.of.short)).collect();
        differences.extend(compared.account.tables.iter().filter(|t| !t.whole).filter_map(back::BackTable::loss));
        differences.extend(compared.dangling);
        if !compared.counters.is_empty() {
            differences.push(format!("{} counters stand elsewhere", compared.counters.len()));
        }
        let verdict = Verdict {
            what: "touched rows".into(),
            passed: false,
            compared: vec![format!("{touched} rows that were touched since the copy, cell by cell; positions of all counters")],
            not_compared: vec!["rows that nobody touched: they were compared before the window".into()],
            differences,
            fingerprint: compared.fingerprint,
        };
        self.conclude(verdict, "GR0601", "the copy is not what production is")
    }

    /// Step, and part of undo: production notes nothing any more.
    pub(super) async fn end_capture(&mut self) -> Result<(), StepError> {
        let mut production = self.production_inside().await?;
        production.end_capture().await?;
        production.tidy().await?;
        Ok(production.leave().await?)
    }
}
