//! Step: the source inside the snapshot is what the plan was made for.

use super::{Execution, StepError, failure};
use greenroom_model::run::Outcome;

impl Execution {
    pub(super) async fn check_source(&mut self) -> Result<Outcome, StepError> {
        let held = self.held.as_mut().expect("the driver holds the snapshot before steps that need it");
        let catalog = held.inspect().await?;
        let found = catalog.fingerprint();
        if found != self.plan.recipe.source {
            let mut f = failure("GR0501", "the source's schema is not the one that the plan was made for");
            if let Some(before) = &self.setup.planned {
                f.details = super::verify_copy::differences(before, &catalog, &[]).1;
            }
            f.hint = Some("`greenroom columns` shows what is new; then `greenroom undo` this run and plan again".into());
            return Err(f.into());
        }
        if let Some(query) = &self.setup.program.version_query {
            let version = held.query_value(query).await?;
            if version != self.plan.product_version {
                let f = failure("GR0501", "the product's version in the source is not the one that the plan was made for");
                return Err(f.into());
            }
        }
        self.keep("catalog.json", &catalog)?;
        let mut outcome = Outcome::default();
        outcome.facts.insert("fingerprint".into(), found.to_string());
        self.catalog = Some(catalog);
        Ok(outcome)
    }
}
