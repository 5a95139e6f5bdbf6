//! Reading a generation back: keyed digests of tables, several at a time.

use super::masker::plain;
use super::{Execution, StepError};
use greenroom_engine::batch::RowMasker;
use greenroom_engine::{EngineError, RangeSpec, Reader};
use greenroom_model::catalog::TableName;
use greenroom_model::plan::TableCopy;
use greenroom_model::verify::{DigestKey, TableDigest};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

impl Execution {
    /// Digests of the tables as they stand in the generation.
    pub(crate) async fn digests(&mut self, copies: Vec<TableCopy>) -> Result<BTreeMap<TableName, TableDigest>, StepError> {
        let width = self.target.capabilities().await?.max_readers.max(1) as usize;
        let key = self.setup.keys.digests.clone();
        let cancel = self.setup.cancel.clone();
        let inside = self.generation().await?;
        let mut readers = Vec::new();
        for _ in 0..width.min(copies.len()) {
            readers.push(inside.reader().await?);
        }
        let queue = Arc::new(Mutex::new(copies));
        let mut tasks = tokio::task::JoinSet::new();
        for mut reader in readers {
            let (queue, key, cancel) = (queue.clone(), key.clone(), cancel.clone());
            tasks.spawn(async move {
                let mut done = Vec::new();
                loop {
                    let next = queue.lock().expect("no thread panics while it holds the queue").pop();
                    let Some(copy) = next else { return Ok(done) };
                    if cancel.is_cancelled() {
                        return Err(None);
                    }
                    let digest = digest(reader.as_mut(), &copy, &key).await.map_err(Some)?;
                    done.push((copy.table, digest));
                }
            });
        }
        let mut digests = BTreeMap::new();
        while let Some(joined) = tasks.join_next().await {
            match joined {
                Ok(Ok(done)) => digests.extend(done),
                Ok(Err(None)) => return Err(StepError::Stopped),
                Ok(Err(Some(e))) => return Err(EngineError::into(e)),
                Err(e) => return Err(super::failure("GR0710", format!("a reader died: {e}")).into()),
            }
        }
        Ok(digests)
    }
}

/// The digest of one table's rows, all columns as they are.
pub(crate) async fn digest(reader: &mut dyn Reader, copy: &TableCopy, key: &DigestKey) -> Result<TableDigest, EngineError> {
    let copy = plain(copy);
    let encoding = reader.prepare(&copy).await?.encoding;
    let columns = copy.columns.iter().map(|c| (c.name.clone(), Vec::new())).collect();
    let masker = RowMasker::new(copy.table.to_string(), columns, 0, encoding, key.clone());
    let mut digest = TableDigest::default();
    reader.begin(&copy, &RangeSpec::whole()).await?;
    while let Some(batch) = reader.next().await? {
        masker.pass(batch, &mut digest)?;
    }
    Ok(digest)
}
