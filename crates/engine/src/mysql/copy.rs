//! Reading rows over prepared statements, whose binary results keep floats exact (P5). Owns the select list and batches; does not own the
//! snapshot (`hold`) nor what happens to the rows (`batch::RowMasker`).
//!
//! The driver lends a connection to its result, so a task of its own reads and hands batches over; the session comes back with the last one.

use super::connect::Session;
use super::encoding::{MyEncoding, constant};
use super::error::{Doing, mapped};
use super::hold::Pool;
use super::{sql, types};
use crate::batch::RawBatch;
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Prepared, RangeSpec, Reader};
use async_trait::async_trait;
use bytes::Bytes;
use greenroom_model::plan::{FieldAction, TableCopy};
use mysql_async::Value;
use mysql_async::prelude::Queryable;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;

/// A batch is handed on when it holds this many bytes.
const BATCH: usize = 512 * 1024;

/// Rows wider than this, and those of tables whose rows are so wide on average ([`WIDE_TABLE`]), are read by one reader at a time, and none
/// ahead of its loader: such a row stands in memory several times while it is read, and readers must not multiply that.
const WIDE: usize = 1024 * 1024;

/// See [`WIDE`].
const WIDE_TABLE: u64 = 64 * 1024;

/// Whose turn it is to read wide rows, among the readers of one side. Held while a batch is read, never while a loader is waited for: loads
/// of one table wait for each other.
#[derive(Clone, Debug)]
pub(crate) struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Turns {
        Turns(Arc::new(Semaphore::new(1)))
    }
}

impl Turns {
    async fn take(&self) -> Option<OwnedSemaphorePermit> {
        // Nobody closes it.
        self.0.clone().acquire_owned().await.ok()
    }
}

/// A batch of wide rows, behind which nothing is read until it has been dropped.
struct Last {
    data: Vec<u8>,
    _pace: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Last {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

/// Reads rows on a session of its own.
pub(crate) struct MyReader {
    session: Option<Session>,
    running: Option<Running>,
    /// Where a session of a held snapshot goes back to.
    pool: Option<Pool>,
    turns: Turns,
    /// Read every column as it is stored, also those whose rules throw the value away: for reading a copy back.
    as_stored: bool,
}

struct Running {
    batches: mpsc::Receiver<Result<Bytes>>,
    task: JoinHandle<Session>,
}

impl MyReader {
    pub(crate) fn of_snapshot(session: Session, pool: Pool) -> MyReader {
        MyReader { session: Some(session), running: None, turns: pool.turns.clone(), pool: Some(pool), as_stored: false }
    }

    pub(crate) fn of_copy(session: Session, turns: Turns) -> MyReader {
        MyReader { session: Some(session), running: None, turns, pool: None, as_stored: true }
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

impl Drop for MyReader {
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
    items.extend(copy.conditions.iter().map(|c| format!("(({c}\n) is true)")));
    if items.is_empty() {
        items.push("null".to_owned());
    }
    let mut parts: Vec<String> = range_condition(copy, range)?.into_iter().collect();
    parts.extend(copy.filter.iter().map(|f| format!("({f}\n)")));
    if copy.empty {
        parts.push("false".to_owned());
    }
    let filter = if parts.is_empty() { String::new() } else { format!(" where {}", parts.join(" and ")) };
    Ok(format!("select {} from {} as t{filter}", items.join(", "), sql::ident(&copy.table.name)))
}

#[async_trait]
impl Reader for MyReader {
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
                        let rows = session.rows(&format!("select {}", ty.cast(expression))).await.doing(doing.clone())?;
                        let value = match rows.first().and_then(|r| r.as_ref(0)) {
                            Some(Value::Bytes(bytes)) => Some(bytes.as_slice()),
                            _ => None,
                        };
                        constant(ty.codec(), value).doing(doing)?
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
        let wide = types::average_width(session, &copy.table).await? > WIDE_TABLE;
        let Some(session) = self.session.take() else { return Ok(()) };
        let (sender, batches) = mpsc::channel(2);
        let doing = format!("read rows of {}", copy.table.name);
        let pouring = Pouring { query, encoding: layout.encoding, doing, to: sender, turns: self.turns.clone(), wide };
        let task = tokio::spawn(read(session, pouring));
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

/// What a reading task needs besides its session.
struct Pouring {
    query: String,
    encoding: MyEncoding,
    doing: String,
    to: mpsc::Sender<Result<Bytes>>,
    turns: Turns,
    /// Rows are wide; known from the table, or from a row before.
    wide: bool,
}

/// Reads a query to its end, or until nobody listens any more, and gives the session back.
async fn read(mut session: Session, mut pouring: Pouring) -> Session {
    let outcome = pouring.run(&mut session).await;
    if let Err(e) = outcome {
        let _ = pouring.to.send(Err(e)).await;
    }
    session
}

impl Pouring {
    async fn run(&mut self, session: &mut Session) -> Result<()> {
        let doing = &self.doing;
        let mut rows = session.conn.exec_iter(self.query.as_str(), ()).await.doing(doing)?;
        let mut batch: Vec<u8> = Vec::with_capacity(BATCH + BATCH / 8);
        let own = Turns::default();
        let (mut pace, mut turn) = (None, None);
        loop {
            if self.wide && turn.is_none() {
                pace = own.take().await;
                turn = self.turns.take().await;
            }
            let row = rows.next().await.map_err(|e| mapped(&e, doing))?;
            let ended = row.is_none();
            if let Some(row) = row {
                self.encoding.write_row(&row, &mut batch).map_err(|e| e.while_doing(doing))?;
            }
            if (ended || batch.len() >= BATCH) && !batch.is_empty() {
                self.wide |= batch.len() >= WIDE;
                let full = std::mem::replace(&mut batch, Vec::with_capacity(if ended { 0 } else { BATCH + BATCH / 8 }));
                let full = Bytes::from_owner(Last { data: full, _pace: pace.take() });
                turn = None;
                if self.to.send(Ok(full)).await.is_err() {
                    // Nobody listens; the rest is thrown away so that the session stays of use.
                    break;
                }
            }
            if ended {
                return Ok(());
            }
        }
        rows.drop_result().await.doing(doing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use greenroom_model::catalog::TableName;

    #[test]
    fn ranges_are_half_open_and_open_at_the_ends() {
        let copy = TableCopy {
            table: TableName::new("main", "t"),
            columns: Vec::new(),
            conditions: Vec::new(),
            filter: None,
            empty: false,
            range_key: Some("Id".to_owned()),
        };
        let range = |from: Option<&str>, to: Option<&str>| RangeSpec {
            ordinal: 0,
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
            physical: false,
        };
        assert_eq!(range_condition(&copy, &RangeSpec::whole()).unwrap(), None);
        assert_eq!(range_condition(&copy, &range(None, Some("7"))).unwrap().unwrap(), "t.`Id` < 7");
        assert_eq!(range_condition(&copy, &range(Some("7"), Some("9"))).unwrap().unwrap(), "t.`Id` >= 7 and t.`Id` < 9");
    }
}
