//! Restore points: a backup counts once a restore from it was proven. The restored copy is read row by row and dropped; pilot and production are left
//! alone.

use super::{Session, SessionError};
use crate::execute::{Ended, build_masker};
use crate::journal::{Journal, RestorePoint};
use crate::ports::Notice;
use greenroom_engine::RangeSpec;
use greenroom_model::catalog::Catalog;
use greenroom_model::hash::Hash;
use greenroom_model::plan::{RawCopy, StepKey, tables};
use greenroom_model::run::{Body, RunId};
use greenroom_model::verify::TableDigest;

/// How proving ended.
#[derive(Clone, Debug)]
pub enum Proved {
    /// It was restored and read, and the copy is dropped again.
    Yes {
        /// What is on record.
        point: RestorePoint,
        /// What differs from production's schema as it is now; a switch asks for the same.
        differs: Vec<String>,
    },
    /// The restore ended otherwise.
    No(RunId, Ended),
}

impl Session {
    /// Restores a backup by a recorded plan, reads every row of the copy, puts the proof on record, and drops the copy.
    ///
    /// # Errors
    /// As [`Session::start`]; and when the copy cannot be read, in which case it is dropped all the same.
    pub async fn prove(&self, hash: Hash, plan: &greenroom_model::plan::Plan) -> Result<Proved, SessionError> {
        let began = self.clock.millis();
        let (id, ended) = self.start(hash, plan, false).await?;
        let (Ended::Finished, Some(raw)) = (&ended, &plan.raw) else { return Ok(Proved::No(id, ended)) };
        let read = self.read_copy(raw).await;
        let millis = self.clock.millis().saturating_sub(began);
        let (_, dropped) = self.undo(Some(&id.0)).await?;
        let (catalog, rows) = read?;
        let (source, tables) = (catalog.fingerprint(), catalog.tables.iter().filter(|t| t.is_copied()).count() as u64);
        let body = Body::RestoreProven { backup: raw.backup.clone(), source, tables, rows, millis };
        let event = self.journal()?.append(None, Some(&self.actor), body)?;
        if dropped != Ended::Undone {
            return Ok(Proved::No(id, dropped));
        }
        let now = self.engines.source().await?.inspect().await?;
        let (_, differs) = match now.fingerprint() == source {
            true => (Vec::new(), Vec::new()),
            false => crate::execute::differences(&catalog, &now, &[]),
        };
        let point = RestorePoint { backup: raw.backup.clone(), source, at: event.at, tables, rows, millis };
        Ok(Proved::Yes { point, differs })
    }

    /// Reads every row of every table of a raw copy; its schema, and how many there are.
    async fn read_copy(&self, raw: &RawCopy) -> Result<(Catalog, u64), SessionError> {
        let engines = self.engines_over(Some(raw));
        let mut source = engines.source().await?;
        let catalog = source.inspect().await?;
        let copies = tables::unmasked(&catalog);
        let names: Vec<_> = copies.iter().map(|c| c.table.clone()).collect();
        let mut held = source.hold(&names).await?;
        let mut reader = held.reader().await?;
        let keys = self.keys(&raw.nonce);
        let mut rows = 0;
        for copy in copies.iter().filter(|c| !c.empty) {
            let Some(table) = catalog.table(&copy.table) else { continue };
            let step = StepKey(format!("prove:{}", table.name.short(catalog.engine)));
            let title = format!("read {}", table.name.short(catalog.engine));
            self.observer.notice(Notice::StepBegins { step: step.clone(), title });
            // Every field of every row passes through the same gate as in a copy.
            let masker = build_masker(copy, table, reader.prepare(copy).await?, &keys)?;
            let mut digest = TableDigest::default();
            reader.begin(copy, &RangeSpec::whole()).await?;
            while let Some(batch) = reader.next().await? {
                let passed = masker.pass(batch, &mut digest)?;
                let bytes = passed.data().len() as u64;
                self.observer.notice(Notice::Rows { step: step.clone(), rows: passed.rows(), bytes });
            }
            rows += digest.rows;
            let outcome = greenroom_model::run::Outcome { rows: Some(digest.rows), ..Default::default() };
            self.observer.notice(Notice::StepEnds { step, outcome });
        }
        held.release().await?;
        Ok((catalog, rows))
    }
}
