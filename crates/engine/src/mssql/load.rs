//! Loading rows into a generation: the protocol's bulk load, or INSERT for what the driver's bulk load does not take, with the range's record in
//! the same transaction. Owns the proof that nothing was dropped on the way (P6); does not own our tables' schema (`own`).
//!
//! The driver lends a connection to its bulk load, so a task of its own feeds it; the session comes back at the end. Values of more than 64 KiB
//! are beyond what the driver's bulk load takes: such rows go by INSERT in between.

use super::connect::{Purpose, Server, Session, number};
use super::copy::names;
use super::encoding::Codec;
use super::error::{Doing, mapped};
use super::{guard, own, sql, types, wire};
use crate::batch::{Encoding, MaskedBatch};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Loader, RangeDone, RangeSpec};
use async_trait::async_trait;
use bytes::Bytes;
use greenroom_model::plan::TableCopy;
use tiberius::{SqlBulkCopyOption, TokenRow};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// An INSERT holds at most 1,000 rows, and about this many bytes.
const STATEMENT: usize = 256 * 1024;
const ROWS: usize = 1000;

/// Bytes of a value that certainly fit the driver's bulk load: it counts at most 65,535 of them, two for every character.
const MOST_IN_BULK: usize = 32_000;

/// Loads ranges on a session of its own.
pub(crate) struct MsLoader {
    server: Server,
    database: String,
    session: Option<Session>,
    range: Option<Range>,
}

struct Range {
    guard: guard::Guard,
    to: mpsc::Sender<Bytes>,
    task: JoinHandle<(Session, Result<u64>)>,
}

impl MsLoader {
    pub(crate) fn new(server: &Server, database: &str) -> MsLoader {
        MsLoader { server: server.clone(), database: database.to_owned(), session: None, range: None }
    }

    async fn session(&mut self) -> Result<&mut Session> {
        if self.session.is_none() {
            let mut session = self.server.open(Some(&self.database), Purpose::Catalog).await?;
            // Parallel loads into one table may wait for each other's locks; a bulk load tells its rows only where counts are on.
            session.run("set lock_timeout -1; set nocount off").await.doing("prepare a loader")?;
            self.session = Some(session);
        }
        Ok(self.session.as_mut().expect("opened just above"))
    }

    /// Ends the load and fetches the session back, with the rows that the server counted.
    async fn finish(&mut self) -> Result<u64> {
        let Some(Range { to, task, .. }) = self.range.take() else {
            return Err(EngineError::other("load rows", "no range was begun"));
        };
        drop(to);
        let (session, done) = task.await.map_err(|_| EngineError::new(ErrorKind::Lost, "load rows", "the loading task ended early"))?;
        self.session = Some(session);
        done
    }

    /// Undoes what the transaction did; a connection that is lost has undone it by itself.
    async fn undo(&mut self) {
        if let Some(session) = &mut self.session
            && session.run("if @@trancount > 0 rollback").await.is_err()
        {
            self.session = None;
        }
    }
}

#[async_trait]
impl Loader for MsLoader {
    async fn begin(&mut self, copy: &TableCopy, _range: &RangeSpec) -> Result<()> {
        let doing = || format!("load rows into {}", copy.table.name);
        if self.range.is_some() {
            return Err(EngineError::other(doing(), "a range is being loaded already"));
        }
        let session = self.session().await?;
        let layout = types::layout(session, &copy.table, &names(copy)).await?;
        let table = sql::table(&copy.table);
        session.run("begin transaction").await.doing(doing())?;
        let guard = guard::suspend(session, &copy.table).await?;
        let identity = layout.columns.iter().any(|c| c.identity);
        if identity {
            session.run(&format!("set identity_insert {table} on")).await.doing(doing())?;
        }
        let (to, from) = mpsc::channel::<Bytes>(2);
        let Some(session) = self.session.take() else { return Ok(()) };
        let task = tokio::spawn(feed(session, table, layout, from, doing()));
        self.range = Some(Range { guard, to, task });
        Ok(())
    }

    async fn push(&mut self, batch: MaskedBatch) -> Result<()> {
        let doing = "load rows";
        let Some(range) = &self.range else { return Err(EngineError::other(doing, "no range was begun")) };
        if range.to.send(batch.data().clone()).await.is_ok() {
            return Ok(());
        }
        // The load has ended before its rows did.
        let done = self.finish().await;
        self.undo().await;
        Err(done.err().unwrap_or_else(|| EngineError::other(doing, "the server stopped reading")))
    }

    async fn commit(&mut self, done: &RangeDone) -> Result<()> {
        let doing = || format!("load rows into {}", done.table.name);
        let guard = match &self.range {
            Some(range) => range.guard.clone(),
            None => return Err(EngineError::other(doing(), "no range was begun")),
        };
        let rows = match self.finish().await {
            Ok(rows) => rows,
            Err(e) => {
                self.undo().await;
                return Err(e.while_doing(doing()));
            }
        };
        if rows != done.digest.rows {
            self.undo().await;
            let message = format!("the server took {rows} rows where {} were sent", done.digest.rows);
            return Err(EngineError::new(ErrorKind::Data, doing(), message));
        }
        let Some(session) = &mut self.session else { return Err(EngineError::other(doing(), "the session is gone")) };
        let recorded = async {
            let identity = "select count(*) from sys.identity_columns where object_id = object_id";
            let counts = session.value(&format!("{identity}({})", sql::literal(&sql::table(&done.table)))).await.doing(doing())?;
            if counts.as_deref() != Some("0") {
                session.run(&format!("set identity_insert {} off", sql::table(&done.table))).await.doing(doing())?;
            }
            guard::restore(session, &done.table, &guard).await?;
            session.run(&own::record_range(done)).await.map_err(|e| {
                let mut mapped = mapped(&e, format!("record a range of {} as done", done.table.name));
                if mapped.kind == ErrorKind::Data {
                    mapped.kind = ErrorKind::Conflict;
                    mapped.message = format!("range {} is loaded already", done.range.ordinal);
                }
                mapped
            })?;
            session.run("commit").await.doing(doing())
        }
        .await;
        if recorded.is_err() {
            self.undo().await;
        }
        recorded
    }

    async fn discard(&mut self) -> Result<()> {
        if self.range.is_some() {
            // The load ends with the rows it has got; what it loaded goes with the transaction.
            let _ = self.finish().await;
        }
        self.undo().await;
        Ok(())
    }
}

/// Feeds a bulk load and gives the session back, with the rows that the server counted.
async fn feed(
    mut session: Session,
    table: String,
    layout: types::Layout,
    from: mpsc::Receiver<Bytes>,
    doing: String,
) -> (Session, Result<u64>) {
    let done = pour(&mut session, &table, &layout, from, &doing).await;
    (session, done)
}

/// Rows as they arrive, one batch held at a time.
struct Rows {
    from: mpsc::Receiver<Bytes>,
    batch: Bytes,
    at: usize,
}

impl Rows {
    /// Whether another row is there.
    async fn more(&mut self) -> bool {
        while self.at >= self.batch.len() {
            match self.from.recv().await {
                Some(batch) => (self.batch, self.at) = (batch, 0),
                None => return false,
            }
        }
        true
    }

    /// The next row's fields, and where the one behind it begins.
    fn peek<'a>(&'a self, layout: &types::Layout, fields: &mut Vec<Option<&'a [u8]>>) -> Result<usize> {
        let mut rest = &self.batch[self.at..];
        layout.encoding.next_row(&mut rest, fields)?;
        Ok(self.batch.len() - rest.len())
    }
}

/// Whether a row holds a value that the driver's bulk load does not take.
fn beyond_bulk(fields: &[Option<&[u8]>]) -> bool {
    fields.iter().flatten().any(|f| f.len() > MOST_IN_BULK)
}

async fn pour(session: &mut Session, table: &str, layout: &types::Layout, from: mpsc::Receiver<Bytes>, doing: &str) -> Result<u64> {
    let by_statement = layout.columns.is_empty() || layout.columns.iter().any(|c| c.needs_statement(session.variety));
    let quoted: Vec<String> = layout.columns.iter().map(|c| sql::ident(&c.name)).collect();
    let head = format!("insert into {table} ({}) values ", quoted.join(", "));
    let mut rows = Rows { from, batch: Bytes::new(), at: 0 };
    let mut counted = 0;
    while rows.more().await {
        let beyond = {
            let mut fields = Vec::new();
            rows.peek(layout, &mut fields)?;
            by_statement || beyond_bulk(&fields)
        };
        counted += if beyond {
            insert(session, &head, layout, &mut rows, by_statement, doing).await?
        } else {
            bulk(session, table, layout, &mut rows, doing).await?
        };
    }
    Ok(counted)
}

/// Inserts the next rows by one statement: the next one, or as many as a statement holds where all rows go so.
async fn insert(session: &mut Session, head: &str, layout: &types::Layout, rows: &mut Rows, all: bool, doing: &str) -> Result<u64> {
    let mut statement = head.to_owned();
    let mut count = 0;
    while statement.len() < STATEMENT && count < ROWS && rows.more().await {
        let mut fields = Vec::new();
        let next = rows.peek(layout, &mut fields)?;
        if !all && !beyond_bulk(&fields) {
            break;
        }
        if count > 0 {
            statement.push(',');
        }
        row(&fields, &layout.columns, &mut statement)?;
        (rows.at, count) = (next, count + 1);
    }
    statement.push_str("; select cast(@@rowcount as bigint)");
    let counted = session.rows(&statement).await.doing(doing)?;
    Ok(counted.first().map_or(0, |r| number(r, 0)))
}

/// Loads rows until one comes that the bulk load does not take, or none.
async fn bulk(session: &mut Session, table: &str, layout: &types::Layout, rows: &mut Rows, doing: &str) -> Result<u64> {
    let quoted: Vec<String> = layout.columns.iter().map(|c| sql::ident(&c.name)).collect();
    let columns: Vec<&str> = quoted.iter().map(String::as_str).collect();
    let options = SqlBulkCopyOption::KeepIdentity | SqlBulkCopyOption::KeepNulls;
    let codecs: Vec<Codec> = layout.columns.iter().map(types::ColumnType::codec).collect();
    let mut load = session.client.bulk_insert_with_options(table, &columns, options, &[]).await.doing(doing)?;
    let mut broken = None;
    while broken.is_none() && rows.more().await {
        let mut fields = Vec::with_capacity(columns.len());
        let next = rows.peek(layout, &mut fields)?;
        if beyond_bulk(&fields) {
            break;
        }
        let mut row = TokenRow::with_capacity(fields.len());
        for ((field, codec), column) in fields.iter().zip(&codecs).zip(&layout.columns) {
            match wire::cell(*codec, &column.base, *field) {
                Ok(cell) => row.push(cell),
                Err(e) => broken = Some(e.object(format!("column {}", column.name))),
            }
        }
        rows.at = next;
        if broken.is_none()
            && let Err(e) = load.send(row).await
        {
            let e = mapped(&e, doing);
            if e.kind == ErrorKind::Lost {
                return Err(e);
            }
            broken = Some(e);
        }
    }
    // A load must come to its end before the session is of use again, also one whose rows are thrown away.
    let counted = load.finalize().await.doing(doing);
    match broken {
        Some(e) => Err(e.while_doing(doing)),
        None => Ok(counted?.total()),
    }
}

/// One row of an INSERT.
fn row(fields: &[Option<&[u8]>], columns: &[types::ColumnType], out: &mut String) -> Result<()> {
    out.push('(');
    for (i, (field, column)) in fields.iter().zip(columns).enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        match field {
            None => out.push_str("null"),
            Some(field) => out.push_str(&value(field, column)?),
        }
    }
    out.push(')');
    Ok(())
}

/// A field as a literal.
pub(crate) fn value(field: &[u8], column: &types::ColumnType) -> Result<String> {
    let unfit = || {
        EngineError::new(ErrorKind::Data, "load rows", "a field is no value of its column's type").object(format!("column {}", column.name))
    };
    let text = || std::str::from_utf8(field).map_err(|_| unfit());
    Ok(match column.codec() {
        Codec::Bytes { .. } => sql::hex(field),
        Codec::Opaque => format!("cast({} as {})", sql::hex(field), column.base),
        Codec::Variant => types::variant_value(text()?).ok_or_else(unfit)?,
        Codec::Text { .. } | Codec::Xml => sql::literal(text()?),
        Codec::Real | Codec::Float => format!("cast('{}' as {})", text()?, column.base),
        Codec::Offset { scale } => {
            // The moment is UTC; the literal wants local time.
            let (moment, offset) = text()?.rsplit_once(' ').ok_or_else(unfit)?;
            let minutes: i32 = offset.parse().map_err(|_| unfit())?;
            format!("switchoffset(cast('{moment} +00:00' as datetimeoffset({scale})), {minutes})")
        }
        Codec::DateTime | Codec::SmallDateTime => format!("convert({}, '{}', 121)", column.base, text()?),
        Codec::DateTime2 { scale } => format!("cast('{}' as datetime2({scale}))", text()?),
        // Whole and decimal numbers, days, times of day, UUIDs.
        _ => format!("'{}'", text()?.replace('\'', "''")),
    })
}
