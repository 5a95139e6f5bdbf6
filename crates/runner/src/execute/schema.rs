//! Steps: the schema before and after the rows, and settling what depends on rows.

use super::{Execution, StepError, failure};
use greenroom_engine::{AccessKind, SchemaPart, SchemaScript};
use greenroom_model::plan::RunKind;
use greenroom_model::program::{LargeObjects, OwnerSettings};
use greenroom_model::run::Outcome;

/// Where the list of owners and grants that were not carried is kept.
pub(super) const NOT_CARRIED: &str = "not-carried.json";

/// The fact of a dress rehearsal that counts owners and rights which a switch could not carry.
pub(crate) const RIGHTS_LOST: &str = "rights_not_carried";

/// Bytes of a large object moved at a time.
const PIECE: u32 = 1 << 20;

impl Execution {
    pub(super) async fn schema_before(&mut self, unknown: bool) -> Result<Outcome, StepError> {
        let scratch = self.setup.scratch.clone();
        let held = self.held.as_mut().expect("the driver holds the snapshot before steps that need it");
        let script = held.schema(&scratch).await?;
        if unknown {
            // Nothing of value is in it yet: a generation with half a schema is made anew.
            if let Some(inside) = self.inside.take() {
                inside.leave().await?;
            }
            // A half-made one is empty already, and creating completes it.
            let standing = self.target.look(&self.plan.names.generation).await?;
            if standing.is_some_and(|s| s.marker.is_some()) {
                self.target.drop_marked(&self.plan.names.generation, &self.plan.names.nonce).await?;
            }
            self.create().await?;
        }
        self.generation().await?.schema(SchemaPart::Pre, &script).await?;
        self.keep("schema.json", &script)?;
        let mut outcome = Outcome::default();
        if let Some(hash) = script.hash {
            outcome.facts.insert("schema".into(), hash.to_string());
        }
        for (name, how) in &script.disabled {
            outcome.notes.push(format!("{name}: {how}"));
        }
        self.schema = Some(script);
        Ok(outcome)
    }

    /// The schema's script, as this or an earlier process got it from the source.
    pub(super) fn schema_script(&mut self) -> Result<SchemaScript, StepError> {
        if self.schema.is_none() {
            self.schema = self.kept("schema.json")?;
        }
        self.schema.clone().ok_or_else(|| {
            let mut f = failure("GR0711", "the run's folder has lost `schema.json`, the source's schema");
            f.hint = Some("`greenroom undo` and start again".into());
            f.into()
        })
    }

    pub(super) async fn schema_after(&mut self) -> Result<Outcome, StepError> {
        let script = self.schema_script()?;
        self.generation().await?.schema(SchemaPart::Post, &script).await?;
        Ok(Outcome::default())
    }

    pub(super) async fn settle(&mut self) -> Result<Outcome, StepError> {
        let facts = self.facts()?;
        self.generation().await?.settle(&facts.sequences).await?;
        self.give_rights().await
    }

    /// Owners and grants as the source's schema has them, as far as the program keeps them; a switch keeps all.
    pub(super) async fn give_rights(&mut self) -> Result<Outcome, StepError> {
        let mut script = self.schema_script()?;
        if self.plan.kind.is_unmasked() && self.target.capabilities().await?.grants_let_in {
            script.access.retain(|s| s.kind != AccessKind::Grant);
        }
        let owners = match self.plan.kind {
            // People work in it under their own names.
            RunKind::Switch | RunKind::Dress => OwnerSettings { keep_owners: true, keep_grants: true, map: Default::default() },
            _ => self.setup.program.owners.clone(),
        };
        let lost = self.generation().await?.access(&script, &owners).await?;
        self.keep(NOT_CARRIED, &lost)?;
        if self.plan.kind == RunKind::Switch && !lost.is_empty() {
            let mut f = failure("GR0766", format!("{} owners and rights of production cannot be carried", lost.len()));
            f.hint = Some("let Greenroom's login be a member of the roles that are named, then `greenroom resume`".into());
            f.details = lost.into_iter().map(|(what, why)| format!("{what}: {why}")).collect();
            return Err(f.into());
        }
        let notes = lost.iter().map(|(what, why)| format!("not carried: {what}: {why}")).collect();
        let mut outcome = Outcome { notes, ..Outcome::default() };
        if self.plan.kind == RunKind::Dress {
            outcome.facts.insert(RIGHTS_LOST.into(), lost.len().to_string());
        }
        Ok(outcome)
    }

    pub(super) async fn large_objects(&mut self, what: LargeObjects) -> Result<Outcome, StepError> {
        self.generation().await?;
        let setup = self.setup.clone();
        let (Some(held), Some(inside)) = (self.held.as_mut(), self.inside.as_mut()) else {
            return Err(failure("GR0710", "the snapshot is not held").into());
        };
        let (mut count, mut bytes, mut after) = (0u64, 0u64, None);
        loop {
            super::facts::watch(held.as_mut(), &setup).await?;
            let objects = held.large_objects(after).await?;
            let Some(last) = objects.last() else { break };
            after = Some(last.id);
            for o in &objects {
                count += 1;
                // Writing nothing creates the object, so that references to it stay valid.
                inside.put_large_object(o.id, 0, &[]).await?;
                let mut offset = 0u64;
                loop {
                    let piece = match what {
                        LargeObjects::Keep => held.large_object(o.id, offset, PIECE).await?,
                        LargeObjects::Clear => Vec::new(),
                    };
                    if piece.is_empty() {
                        break;
                    }
                    inside.put_large_object(o.id, offset, &piece).await?;
                    offset += piece.len() as u64;
                }
                bytes += offset;
            }
            if self.setup.cancel.is_cancelled() {
                return Err(StepError::Stopped);
            }
        }
        let mut outcome = Outcome { rows: Some(count), bytes: Some(bytes), ..Outcome::default() };
        if what == LargeObjects::Keep {
            outcome.notes.push("contents of large objects are copied but not compared".into());
        }
        Ok(outcome)
    }
}
