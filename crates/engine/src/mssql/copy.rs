//! Reading rows. Owns the select list and batches; does not own the snapshot (`hold`) nor what happens to the rows (`batch::RowMasker`).
//!
//! The driver lends a connection to its result, so a task of its own reads and hands batches over; the session comes back with the last one.

use super::connect::Session;
use super::encoding::{Codec, MsEncoding};
use super::error::{Doing, mapped};
use super::hold::Pool;
use super::{sql, types, wire};
use crate::batch::{Encoding, RawBatch};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Prepared, RangeSpec, Reader};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt;
use greenroom_model::plan::{FieldAction, TableCopy};
use tiberius::QueryItem;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// A batch is handed on when it holds this many bytes.
const BATCH: usize = 512 * 1024;

/// Reads rows on a session of its own.
pub(crate) struct MsReader {
    session: Option<Session>,
    running: Option<Running>,
    /// Where a session of a held snapshot goes back to.
    pool: Option<Pool>,
    /// Read every column as it is stored, also those whose rules throw the value away: for reading a copy back.
    as_stored: bool,
}

struct Running {
    batches: mpsc::Receiver<Result<Bytes>>,
    task: JoinHandle<Session>,
}

impl MsReader {
    pub(crate) fn of_snapshot(session: Session, pool: Pool) -> MsReader {
        MsReader { session: Some(session), running: None, pool: Some(pool), as_stored: false }
    }

    pub(crate) fn of_copy(session: Session) -> MsReader {
        MsReader { session: Some(session), running: None, pool: None, as_stored: true }
    }

    fn session(&mut self) -> Result<&mut Session> {
        self.session.as_mut().ok_or_else(|| EngineError::new(ErrorKind::Lost, "read rows", "the reader's session is gone"))
    }

    /// Waits for the session of a read that has ended.
    async fn settle(&mut self) -> Result<()> {
        if let Some(Running { batches, task }) = self.running.take() {
            drop(batches);
            self.session = Some(task.await.map_err(|_| EngineError::new(ErrorKind::Lost, "read rows", "the reading task ended early"))?);
        }
        Ok(())
    }
}

impl Drop for MsReader {
    fn drop(&mut self) {
        match (self.session.take(), &self.pool) {
            (Some(session), Some(pool)) => pool.put(session),
            (None, _) => {
                if let Some(running) = &self.running {
                    running.task.abort();
                }
            }
            _ => {}
        }
    }
}

/// Names of a copy's columns.
pub(crate) fn names(copy: &TableCopy) -> Vec<&str> {
    copy.columns.iter().map(|c| c.name.as_str()).collect()
}

/// Condition of a range, over the table alias `t`.
pub(crate) fn range_condition(copy: &TableCopy, range: &RangeSpec) -> Result<Option<String>> {
    if range.from.is_none() && range.to.is_none() {
        return Ok(None);
    }
    let Some(key) = copy.range_key.as_ref().filter(|_| !range.physical) else {
        return Err(EngineError::other(format!("cut a range of {}", copy.table.name), "the table has no key to cut ranges by"));
    };
    let key = format!("t.{}", sql::ident(key));
    let mut parts = Vec::new();
    // Bounds are literals already (see `ranges`).
    parts.extend(range.from.iter().map(|from| format!("{key} >= {from}")));
    parts.extend(range.to.iter().map(|to| format!("{key} < {to}")));
    Ok(Some(parts.join(" and ")))
}

/// The statement that reads a range.
fn statement(copy: &TableCopy, range: &RangeSpec, columns: &[types::ColumnType], as_stored: bool) -> Result<String> {
    let mut items: Vec<String> = Vec::with_capacity(columns.len() + copy.conditions.len());
    for (column, ty) in copy.columns.iter().zip(columns) {
        // What is replaced in every row is not even read.
        let replaced = !as_stored
            && matches!(column.rules.first(), Some(rule) if rule.when.is_none()
                && matches!(rule.action, FieldAction::Null | FieldAction::Constant(_)));
        items.push(if replaced { "null".to_owned() } else { ty.selected(&format!("t.{}", sql::ident(&column.name))) });
    }
    items.extend(copy.conditions.iter().map(|c| format!("case when ({c}\n) then 1 else 0 end")));
    if items.is_empty() {
        items.push("null".to_owned());
    }
    let mut parts: Vec<String> = range_condition(copy, range)?.into_iter().collect();
    parts.extend(copy.filter.iter().map(|f| format!("({f}\n)")));
    if copy.empty {
        parts.push("1 = 0".to_owned());
    }
    let filter = if parts.is_empty() { String::new() } else { format!(" where {}", parts.join(" and ")) };
    Ok(format!("select {} from {} as t{filter}", items.join(", "), sql::table(&copy.table)))
}

#[async_trait]
impl Reader for MsReader {
    async fn prepare(&mut self, copy: &TableCopy) -> Result<Prepared> {
        self.settle().await?;
        let evaluate = !self.as_stored;
        let session = self.session()?;
        let layout = types::layout(session, &copy.table, &names(copy)).await?;
        let mut constants = Vec::with_capacity(copy.columns.len());
        for (column, ty) in copy.columns.iter().zip(&layout.columns) {
            let mut encoded = Vec::with_capacity(column.rules.len());
            for rule in &column.rules {
                encoded.push(match &rule.action {
                    FieldAction::Constant(expression) if evaluate => {
                        let doing = format!("evaluate the constant for {}.{}", copy.table.name, column.name);
                        constant(session, ty, expression).await.doing(doing)?
                    }
                    _ => None,
                });
            }
            constants.push(encoded);
        }
        Ok(Prepared { encoding: Box::new(layout.encoding), constants })
    }

    async fn begin(&mut self, copy: &TableCopy, range: &RangeSpec) -> Result<()> {
        self.settle().await?;
        let as_stored = self.as_stored;
        let session = self.session()?;
        let layout = types::layout(session, &copy.table, &names(copy)).await?;
        let query = statement(copy, range, &layout.columns, as_stored)?;
        let Some(session) = self.session.take() else { return Ok(()) };
        let (sender, batches) = mpsc::channel(2);
        let doing = format!("read rows of {}", copy.table.name);
        let task = tokio::spawn(read(session, query, layout.encoding, doing, sender));
        self.running = Some(Running { batches, task });
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<RawBatch>> {
        let Some(running) = &mut self.running else { return Ok(None) };
        match running.batches.recv().await {
            Some(Ok(data)) => Ok(Some(RawBatch { data })),
            Some(Err(e)) => {
                self.settle().await?;
                Err(e)
            }
            None => {
                self.settle().await?;
                Ok(None)
            }
        }
    }
}

/// Evaluates a constant of the program as a column's type and encodes it; `None` is NULL.
async fn constant(session: &mut Session, ty: &types::ColumnType, expression: &str) -> Result<Option<Vec<u8>>> {
    let doing = "evaluate a constant";
    let rows = session.rows(&format!("select {}", ty.cast(expression))).await.doing(doing)?;
    let Some((_, data)) = rows.first().and_then(|row| row.cells().next()) else { return Ok(None) };
    let (mut scratch, mut field) = (Vec::new(), 1u16.to_le_bytes().to_vec());
    wire::write(ty.codec(), data, &mut scratch, &mut field)?;
    let (mut rest, mut fields) = (&field[..], Vec::new());
    MsEncoding::new(vec![ty.codec()]).next_row(&mut rest, &mut fields)?;
    let mut value = fields.first().copied().flatten().map(<[u8]>::to_vec);
    if let (Codec::Bytes { width: Some(width) }, Some(bytes)) = (ty.codec(), &mut value) {
        bytes.resize(width.max(bytes.len()), 0);
    }
    Ok(value)
}

/// Reads a query to its end, or until nobody listens any more, and gives the session back.
async fn read(mut session: Session, query: String, encoding: MsEncoding, doing: String, to: mpsc::Sender<Result<Bytes>>) -> Session {
    let outcome = pour(&mut session, &query, &encoding, &doing, &to).await;
    if let Err(e) = outcome {
        let _ = to.send(Err(e)).await;
    }
    session
}

async fn pour(session: &mut Session, query: &str, encoding: &MsEncoding, doing: &str, to: &mpsc::Sender<Result<Bytes>>) -> Result<()> {
    let mut stream = session.client.simple_query(query).await.doing(doing)?;
    let mut batch: Vec<u8> = Vec::with_capacity(BATCH + BATCH / 8);
    let mut scratch = Vec::new();
    let mut heard = true;
    while let Some(item) = stream.try_next().await.map_err(|e| mapped(&e, doing))? {
        let QueryItem::Row(row) = item else { continue };
        // When nobody listens, the rest is thrown away so that the session stays of use.
        if !heard {
            continue;
        }
        encoding.begin_row(row.len(), &mut batch);
        for (i, (_, data)) in row.cells().enumerate() {
            wire::write(encoding.codec(i), data, &mut scratch, &mut batch).map_err(|e| e.while_doing(doing))?;
        }
        if batch.len() >= BATCH {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH + BATCH / 8));
            heard = to.send(Ok(Bytes::from(full))).await.is_ok();
        }
    }
    if heard && !batch.is_empty() {
        let _ = to.send(Ok(Bytes::from(batch))).await;
    }
    Ok(())
}
