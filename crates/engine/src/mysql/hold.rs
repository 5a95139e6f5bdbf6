//! Holding one moment over many sessions (P1, P41): a short global read lock, under which every session starts its snapshot and touches every
//! table, so that schema changes and TRUNCATE wait until the rows are copied. Owns the sessions and the monitor; does not own the reading (`copy`).
//!
//! Where the right for the global lock is missing, all tables are locked for reading instead. Only InnoDB has snapshots: rows of other storage
//! engines are read as they are at that time, which the inspection says.

use super::connect::{Purpose, Server, Session, number, said};
use super::copy::{MyReader, Turns};
use super::error::{Doing, code, mapped};
use super::inspect::Picture;
use super::{carry, ddl, inspect, query, ranges, sql};
use crate::carry::{GuardedChange, SpelledChange};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{CellSource, Disturbance, Held, RangeSpec, Reader, SchemaScript};
use async_trait::async_trait;
use futures_util::future::try_join_all;
use greenroom_model::carry::Cell;
use greenroom_model::catalog::{Catalog, TableName};
use greenroom_model::plan::TableCopy;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Most readers that a source is asked to bear.
pub(crate) const MOST_READERS: u32 = 4;

/// Longest wait for the lock under which the snapshots begin, in seconds; while we wait, writers wait behind us.
const LOCK_WAIT: u32 = 5;

/// Sessions of the held snapshot that nobody reads with at the moment.
#[derive(Clone, Default)]
pub(crate) struct Pool {
    idle: Arc<Mutex<Vec<Session>>>,
    pub(crate) turns: Turns,
}

impl Pool {
    pub(crate) fn put(&self, session: Session) {
        if let Ok(mut idle) = self.idle.lock() {
            idle.push(session);
        }
    }

    fn take(&self) -> Option<Session> {
        self.idle.lock().ok()?.pop()
    }
}

/// A held snapshot.
pub(crate) struct MyHeld {
    server: Server,
    database: String,
    holder: Session,
    monitor: Session,
    pool: Pool,
    /// The schema when the snapshot was taken: schema changes are not part of snapshots on these servers.
    picture: Picture,
    script: SchemaScript,
}

/// The statements that begin a snapshot and touch every table: a metadata lock stays on each until the transaction ends.
fn begin(tables: &[TableName]) -> String {
    let mut all =
        String::from("set session transaction isolation level repeatable read; start transaction with consistent snapshot, read only");
    for table in tables {
        all.push_str(&format!("; do (select 1 from {} limit 0)", sql::ident(&table.name)));
    }
    all
}

/// Takes the lock, begins all snapshots, lets go of the lock.
pub(crate) async fn hold(server: &Server, database: &str, tables: &[TableName]) -> Result<MyHeld> {
    let doing = "hold a snapshot of the source";
    let monitor = server.open(Some(database), Purpose::Catalog).await?;
    let mut locker = server.open(Some(database), Purpose::Catalog).await?;
    let mut holder = server.open(Some(database), Purpose::Catalog).await?;
    let mut readers = Vec::new();
    for _ in 0..MOST_READERS {
        readers.push(server.open(Some(database), Purpose::Rows).await?);
    }
    lock(&mut locker, tables).await?;
    let statement = begin(tables);
    let all = std::iter::once(&mut holder).chain(&mut readers);
    let begun = try_join_all(all.map(|session| session.run(&statement))).await;
    let unlocked = locker.run("unlock tables").await;
    locker.close().await;
    begun.map_err(|e| {
        let e = mapped(&e, doing);
        match e.native_code.as_deref() {
            Some(c) if c.starts_with("1146") => e.hint("the schema changed since the plan was made; run `greenroom plan` again"),
            Some(c) if c.starts_with("1205") => {
                e.hint("a schema change or a lock of somebody else is in the way; try again when it is over")
            }
            _ => e,
        }
    })?;
    unlocked.doing(doing)?;
    let pool = Pool::default();
    readers.into_iter().for_each(|r| pool.put(r));
    let picture = inspect::picture(&mut holder, database).await?;
    let script = ddl::script(&mut holder, &picture).await?;
    Ok(MyHeld { server: server.clone(), database: database.to_owned(), holder, monitor, pool, picture, script })
}

async fn lock(locker: &mut Session, tables: &[TableName]) -> Result<()> {
    let doing = "lock the source for a moment";
    locker.run(&format!("set session lock_wait_timeout = {LOCK_WAIT}")).await.doing(doing)?;
    let waited = |e: &mysql_async::Error| {
        let e = mapped(e, doing);
        match e.native_code.as_deref() {
            Some(c) if c.starts_with("1205") => {
                e.hint("a long statement or a lock of somebody else is in the way; try again when it is over")
            }
            _ => e,
        }
    };
    match locker.run("flush tables with read lock").await {
        Ok(()) => return Ok(()),
        Err(e) if !matches!(code(&e), Some(1227 | 1044 | 1045 | 1142)) => return Err(waited(&e)),
        Err(_) => {}
    }
    if tables.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = tables.iter().map(|t| format!("{} read", sql::ident(&t.name))).collect();
    locker.run(&format!("lock tables {}", names.join(", "))).await.map_err(|e| match code(&e) {
        Some(1044 | 1142 | 1227) => EngineError::new(
            ErrorKind::Denied,
            doing,
            "neither all tables nor the whole server may be locked, so that several readers would not see one moment",
        )
        .hint("grant the login RELOAD on *.*, or LOCK TABLES on the database; the locks last as long as the snapshots take to begin"),
        _ => waited(&e),
    })
}

impl MyHeld {
    /// A session of somebody that waits to change one of our tables: the metadata locks of the snapshot are in its way.
    async fn waiting(&mut self) -> Result<Option<Disturbance>> {
        let query = format!(
            "select id, user, coalesce(time, 0), coalesce(info, '') from information_schema.processlist \
             where state like 'Waiting for table metadata lock%' and (db = {0} or info like concat('%', {0}, '%')) order by time desc limit 1",
            sql::literal(&self.database)
        );
        let rows = self.monitor.rows(&query).await.doing("watch the source's locks")?;
        Ok(rows.first().map(|row| {
            let who = format!("{}, connection {}", said(row, 1), number(row, 0));
            Disturbance::SchemaChangeWaits { who, table: table_of(&said(row, 3)), seconds: number(row, 2) }
        }))
    }
}

/// The table that a statement is about; the rest of the statement may hold values and is not shown.
fn table_of(statement: &str) -> String {
    let words: Vec<&str> = statement.split(|c: char| c.is_whitespace() || c == '(').filter(|w| !w.is_empty()).take(12).collect();
    let is = |w: &str, words: &[&str]| words.iter().any(|x| w.eq_ignore_ascii_case(x));
    let behind = |words_of: &[&str]| words.iter().position(|w| is(w, words_of)).map(|at| at + 1);
    let at = behind(&["table", "truncate"]).or_else(|| behind(&["on"])).unwrap_or(words.len());
    let name = words.get(at..).unwrap_or_default().iter().find(|w| !is(w, &["table", "if", "exists", "ignore", "online", "on", "not"]));
    name.map_or_else(|| "?".to_owned(), |n| n.trim_matches(|c| c == '`' || c == ';').to_owned())
}

#[async_trait]
impl CellSource for MyHeld {
    async fn cell_reader(&mut self) -> Result<Box<dyn Reader>> {
        self.reader().await
    }

    async fn picking(&mut self, table: &TableName, keys: &[Vec<(String, Cell)>]) -> Result<String> {
        crate::carry::picking(&carry::MySpell::of(&mut self.holder, table).await?, keys)
    }

    async fn spelled(&mut self, changes: &[GuardedChange]) -> Result<Vec<SpelledChange>> {
        carry::spelled(&mut self.holder, changes).await
    }
}

#[async_trait]
impl Held for MyHeld {
    async fn inspect(&mut self) -> Result<Catalog> {
        Ok(self.picture.catalog.clone())
    }

    async fn schema(&mut self, _scratch: &Path) -> Result<SchemaScript> {
        Ok(self.script.clone())
    }

    async fn ranges(&mut self, copy: &TableCopy, rows: u64) -> Result<Vec<RangeSpec>> {
        ranges::cut(&mut self.holder, copy, rows).await
    }

    async fn reader(&mut self) -> Result<Box<dyn Reader>> {
        match self.pool.take() {
            Some(session) => Ok(Box::new(MyReader::of_snapshot(session, self.pool.clone()))),
            None => Err(EngineError::unsupported(
                "open another reader",
                format!("a snapshot has {MOST_READERS} readers: they must begin together, and all are in use"),
            )),
        }
    }

    async fn query_value(&mut self, sql: &str) -> Result<Option<String>> {
        // A statement that fails does not end the transaction on these servers.
        Ok(query::within(&mut self.holder, sql, 1, "run a query inside the snapshot").await?.first)
    }

    async fn sequences(&mut self) -> Result<Vec<(String, String)>> {
        inspect::sequences(&mut self.holder).await
    }

    async fn disturbed(&mut self) -> Result<Option<Disturbance>> {
        // A statement that commits implicitly would end the snapshot as well as a lost connection.
        if !matches!(self.holder.value("select @@in_transaction").await, Ok(Some(t)) if t == "1")
            && self.holder.value("select 1").await.is_err()
        {
            return Ok(Some(Disturbance::SnapshotLost));
        }
        if self.monitor.run("do 1").await.is_err() {
            self.monitor = self.server.open(Some(&self.database), Purpose::Catalog).await?;
        }
        self.waiting().await
    }

    async fn release(self: Box<Self>) -> Result<()> {
        let MyHeld { mut holder, monitor, pool, .. } = *self;
        let ended = holder.run("commit").await;
        holder.close().await;
        monitor.close().await;
        while let Some(session) = pool.take() {
            session.close().await;
        }
        ended.doing("release the snapshot")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiting_statement_gives_its_table_and_nothing_else() {
        assert_eq!(table_of("ALTER TABLE `client` ADD COLUMN x INT DEFAULT 7"), "client");
        assert_eq!(table_of("truncate client"), "client");
        assert_eq!(table_of("TRUNCATE TABLE client;"), "client");
        assert_eq!(table_of("drop table if exists client"), "client");
        assert_eq!(table_of("create index i on client (email)"), "client");
        assert_eq!(table_of("optimize"), "?");
    }
}
