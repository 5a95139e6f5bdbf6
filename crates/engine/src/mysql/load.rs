//! Loading rows into a generation: `LOAD DATA LOCAL` out of memory, or INSERT where the server has that switched off, with the range's record
//! in the same transaction. Owns the proof that nothing was dropped or bent on the way (P6); does not own our tables' schema (`own`).

use super::connect::{Purpose, Server, Session};
use super::copy::names;
use super::encoding::Codec;
use super::error::{Doing, mapped};
use super::escape::unescape;
use super::{own, sql, triggers, types};
use crate::batch::{Encoding, MaskedBatch};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Loader, RangeDone, RangeSpec};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use greenroom_model::plan::TableCopy;
use mysql_async::prelude::Queryable;
use std::io;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Rows of one INSERT, and pieces of a stream, hold about this many bytes.
const STATEMENT: usize = 512 * 1024;

/// Loads ranges on a session of its own.
pub(crate) struct MyLoader {
    server: Server,
    database: String,
    session: Option<Session>,
    local: bool,
    range: Option<Range>,
}

struct Range {
    /// Rows and warnings that the server has counted so far.
    rows: u64,
    warnings: u64,
    way: Way,
}

/// Rows and warnings that a statement ended with.
type Counted = std::result::Result<(u64, u64), mysql_async::Error>;

enum Way {
    /// A `LOAD DATA LOCAL` that is running and is fed.
    Stream { to: mpsc::Sender<io::Result<Bytes>>, task: JoinHandle<(Session, Counted)> },
    /// Statements, built from each batch.
    Insert { head: String, layout: types::Layout },
}

impl MyLoader {
    pub(crate) async fn new(server: &Server, database: &str) -> Result<MyLoader> {
        let mut session = server.open(Some(database), Purpose::Load).await?;
        let local = session.value("select @@global.local_infile").await.doing("prepare a loader")?.as_deref() == Some("1");
        // Parallel loads into one table wait for each other's AUTO_INCREMENT lock; a server's crash loses rows and record together.
        session.run("set session innodb_lock_wait_timeout = 100000").await.doing("prepare a loader")?;
        Ok(MyLoader { server: server.clone(), database: database.to_owned(), session: Some(session), local, range: None })
    }

    async fn session(&mut self) -> Result<&mut Session> {
        if self.session.is_none() {
            let mut session = self.server.open(Some(&self.database), Purpose::Load).await?;
            session.run("set session innodb_lock_wait_timeout = 100000").await.doing("prepare a loader")?;
            self.session = Some(session);
        }
        Ok(self.session.as_mut().expect("opened just above"))
    }

    /// Ends the stream and fetches the session back.
    async fn finish_stream(&mut self) -> Result<Counted> {
        let Some(Range { way: Way::Stream { to, task }, rows, warnings }) = self.range.take() else {
            return Err(EngineError::other("load rows", "no range was begun"));
        };
        drop(to);
        let (session, done) = task.await.map_err(|_| EngineError::new(ErrorKind::Lost, "load rows", "the loading task ended early"))?;
        self.session = Some(session);
        Ok(done.map(|(r, w)| (rows + r, warnings + w)))
    }
}

/// The first warning of the statement before: its number and object, never its text.
async fn first_warning(session: &mut Session) -> Option<EngineError> {
    let rows = session.rows("show warnings limit 1").await.ok()?;
    let row = rows.first()?;
    let code = u16::try_from(super::connect::number(row, 1)).ok()?;
    let server = mysql_async::ServerError { code, message: super::connect::said(row, 2), state: "01000".to_owned() };
    Some(mapped(&mysql_async::Error::Server(server), "load rows"))
}

#[async_trait]
impl Loader for MyLoader {
    async fn begin(&mut self, copy: &TableCopy, range: &RangeSpec) -> Result<()> {
        let doing = || format!("load rows into {}", copy.table.name);
        if self.range.is_some() {
            return Err(EngineError::other(doing(), "a range is being loaded already"));
        }
        let local = self.local;
        let session = self.session().await?;
        let layout = types::layout(session, &copy.table, &names(copy)).await?;
        triggers::suspend(session, &copy.table).await?;
        let whole = range.from.is_none() && range.to.is_none();
        if whole && !own::transactional(session, &copy.table).await? {
            // Rows of a load that was cut are still there: such a storage engine cannot take them back.
            session.run(&format!("delete from {}", sql::ident(&copy.table.name))).await.doing(doing())?;
        }
        session.run("start transaction").await.doing(doing())?;
        if !local {
            let columns: Vec<String> = layout.columns.iter().map(|c| sql::ident(&c.name)).collect();
            let head = format!("insert into {} ({}) values ", sql::ident(&copy.table.name), columns.join(", "));
            self.range = Some(Range { rows: 0, warnings: 0, way: Way::Insert { head, layout } });
            return Ok(());
        }
        let statement = statement(copy, &layout.columns);
        let (to, from) = mpsc::channel::<io::Result<Bytes>>(2);
        let Some(mut session) = self.session.take() else { return Ok(()) };
        session.conn.set_infile_handler(async move {
            let stream = futures_util::stream::unfold(from, |mut from| async move { from.recv().await.map(|bytes| (bytes, from)) });
            Ok(stream.boxed())
        });
        let task = tokio::spawn(async move {
            let done = session.run(&statement).await;
            let counted = (session.conn.affected_rows(), u64::from(session.conn.get_warnings()));
            (session, done.map(|()| counted))
        });
        self.range = Some(Range { rows: 0, warnings: 0, way: Way::Stream { to, task } });
        Ok(())
    }

    async fn push(&mut self, batch: MaskedBatch) -> Result<()> {
        let doing = "load rows";
        let Some(range) = &mut self.range else { return Err(EngineError::other(doing, "no range was begun")) };
        match &mut range.way {
            Way::Stream { to, .. } => {
                let mut rest = batch.data().clone();
                let mut reads = true;
                // In pieces: the driver copies what it is given, and keeps room for as much.
                while reads && !rest.is_empty() {
                    reads = to.send(Ok(rest.split_to(rest.len().min(STATEMENT)))).await.is_ok();
                }
                if reads {
                    return Ok(());
                }
                drop(batch);
                // The statement has ended before its rows did.
                let done = self.finish_stream().await?;
                let e = match done {
                    Err(e) => mapped(&e, doing),
                    Ok(_) => EngineError::other(doing, "the server stopped reading"),
                };
                if let Some(session) = &mut self.session {
                    let _ = session.run("rollback").await;
                }
                Err(e)
            }
            Way::Insert { head, layout } => {
                let Some(session) = &mut self.session else { return Err(EngineError::other(doing, "the session is gone")) };
                let mut rest = &batch.data()[..];
                let mut fields = Vec::new();
                while !rest.is_empty() {
                    let mut sql = head.clone().into_bytes();
                    let mut first = true;
                    while sql.len() < STATEMENT && layout.encoding.next_row(&mut rest, &mut fields)? {
                        if !std::mem::replace(&mut first, false) {
                            sql.push(b',');
                        }
                        row(&fields, &layout.columns, &mut sql);
                    }
                    session.conn.query_drop(sql).await.doing(doing)?;
                    range.rows += session.conn.affected_rows();
                    range.warnings += u64::from(session.conn.get_warnings());
                }
                Ok(())
            }
        }
    }

    async fn commit(&mut self, done: &RangeDone) -> Result<()> {
        let doing = || format!("load rows into {}", done.table.name);
        let counted = match &self.range {
            None => return Err(EngineError::other(doing(), "no range was begun")),
            Some(Range { way: Way::Insert { .. }, rows, warnings }) => {
                let counted = (*rows, *warnings);
                self.range = None;
                Ok(counted)
            }
            Some(_) => self.finish_stream().await?,
        };
        let Some(session) = &mut self.session else { return Err(EngineError::other(doing(), "the session is gone")) };
        let (rows, warnings) = match counted {
            Ok(counted) => counted,
            Err(e) => {
                let _ = session.run("rollback").await;
                return Err(mapped(&e, doing()));
            }
        };
        if rows != done.digest.rows || warnings > 0 {
            let warned = if warnings > 0 { first_warning(session).await } else { None };
            session.run("rollback").await.doing(doing())?;
            let mut e = EngineError::new(
                ErrorKind::Data,
                doing(),
                format!("the server took {rows} rows with {warnings} warnings where {} were sent", done.digest.rows),
            );
            if let Some(w) = warned {
                e.message = format!("{}; the first warning: {}", e.message, w.message);
                (e.object, e.native_code) = (w.object, w.native_code);
            }
            return Err(e);
        }
        if let Err(e) = session.run(&own::record_range(done)).await {
            let _ = session.run("rollback").await;
            let mut mapped = mapped(&e, format!("record a range of {} as done", done.table.name));
            if super::error::code(&e) == Some(1062) {
                mapped.kind = ErrorKind::Conflict;
                mapped.message = format!("range {} is loaded already", done.range.ordinal);
            }
            return Err(mapped);
        }
        session.run("commit").await.doing(doing())?;
        triggers::restore(session).await
    }

    async fn discard(&mut self) -> Result<()> {
        if matches!(&self.range, Some(Range { way: Way::Stream { .. }, .. })) {
            // The statement ends with the rows it has got; what it loaded goes with the transaction.
            let _ = self.finish_stream().await?;
        }
        self.range = None;
        match &mut self.session {
            Some(session) => {
                session.run("rollback").await.doing("give up a range")?;
                triggers::restore(session).await
            }
            None => Ok(()),
        }
    }
}

/// Reads our lines. The character set is binary, so that bytes arrive as they are; what takes no binary strings goes through a variable.
fn statement(copy: &TableCopy, columns: &[types::ColumnType]) -> String {
    let mut targets = Vec::with_capacity(columns.len());
    let mut sets = Vec::new();
    let expressions = columns.iter().any(types::ColumnType::needs_expression);
    for (i, column) in columns.iter().enumerate() {
        let name = sql::ident(&column.name);
        // A SET clause makes MariaDB forget that a counting column was given, and number its 0 anew, unless the clause gives it.
        if column.needs_expression() || (expressions && column.counts()) {
            let variable = format!("@greenroom_{i}");
            sets.push(format!("{name} = {}", column.stored(&variable)));
            targets.push(variable);
        } else {
            targets.push(name);
        }
    }
    let set = if sets.is_empty() { String::new() } else { format!(" set {}", sets.join(", ")) };
    format!(
        "load data local infile 'greenroom' into table {} character set binary fields terminated by '\\t' enclosed by '' escaped by '\\\\' \
         lines terminated by '\\n' ({}){set}",
        sql::ident(&copy.table.name),
        targets.join(", ")
    )
}

/// One row of an INSERT.
fn row(fields: &[Option<&[u8]>], columns: &[types::ColumnType], out: &mut Vec<u8>) {
    out.push(b'(');
    for (i, (field, column)) in fields.iter().zip(columns).enumerate() {
        if i > 0 {
            out.push(b',');
        }
        let value = match field {
            None => "null".to_owned(),
            Some(field) => {
                let bytes = unescape(field);
                match column.codec() {
                    Codec::Text { .. } | Codec::Json | Codec::Bytes | Codec::Opaque | Codec::Inet | Codec::Uuid => {
                        column.stored(&sql::hex(&bytes))
                    }
                    // Numbers and times are ASCII.
                    _ => sql::literal(&String::from_utf8_lossy(&bytes)),
                }
            }
        };
        out.extend_from_slice(value.as_bytes());
    }
    out.push(b')');
}
