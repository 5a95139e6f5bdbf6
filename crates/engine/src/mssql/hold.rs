//! Holding one moment (P3). Owns the sessions and the locks under which their snapshots begin; does not own the reading (`copy`).
//!
//! A snapshot of SQL Server belongs to one session and begins with its first read. So all tables are locked for reading, every session begins
//! and reads, and the locks are let go: no writer could come in between, and all see one moment. A database that nobody can write (read-only, or
//! a database snapshot) needs none of it. Where snapshots are switched off the run is refused: switching them on changes production, and holding
//! the locks until the rows are copied would stop it.
//!
//! Schema changes and TRUNCATE do not wait behind a snapshot; the server ends a read that meets one (error 3961), and the copy starts again.
//! Babelfish knows no locks of tables, and its schema changes are seen by older snapshots: a session that touches every table keeps them waiting,
//! and sessions begin again until PostgreSQL names the same snapshot to all of them.

use super::connect::{Purpose, Server, Session, Variety, number, said, text};
use super::copy::MsReader;
use super::error::{Doing, mapped};
use super::inspect::Picture;
use super::{carry, ddl, inspect, query, ranges, sql};
use crate::carry::{GuardedChange, SpelledChange};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{CellSource, Disturbance, Held, RangeSpec, Reader, SchemaScript};
use async_trait::async_trait;
use greenroom_model::carry::Cell;
use greenroom_model::catalog::{Catalog, TableName};
use greenroom_model::plan::TableCopy;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Most readers that a source is asked to bear.
pub(crate) const MOST_READERS: u32 = 4;

/// Longest wait for the locks under which the snapshots begin, in milliseconds; while we wait, writers wait behind us.
const LOCK_WAIT: u32 = 5000;

/// Attempts at snapshots that are alike.
const ATTEMPTS: u32 = 200;

/// Sessions of the held snapshot that nobody reads with at the moment.
#[derive(Clone, Default)]
pub(crate) struct Pool(Arc<Mutex<Vec<Session>>>);

impl Pool {
    pub(crate) fn put(&self, session: Session) {
        if let Ok(mut idle) = self.0.lock() {
            idle.push(session);
        }
    }

    fn take(&self) -> Option<Session> {
        self.0.lock().ok()?.pop()
    }
}

/// How a database is held to one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Nobody can write.
    Still,
    /// Snapshots that begin together.
    Together,
    /// Snapshots that begin again until all are the same.
    Alike,
    /// Snapshots are switched off.
    Off,
}

/// How the session's database can be held.
pub(crate) async fn way(session: &mut Session) -> Result<Way> {
    if session.variety == Variety::Babelfish {
        return Ok(Way::Alike);
    }
    let query = "select is_read_only, source_database_id, snapshot_isolation_state_desc from sys.databases where database_id = db_id()";
    let rows = session.rows(query).await.doing("look at the source's snapshots")?;
    Ok(match rows.first() {
        Some(row) if said(row, 0) == "1" || text(row, 1).is_some() => Way::Still,
        Some(row) if said(row, 2) == "ON" => Way::Together,
        _ => Way::Off,
    })
}

/// A held snapshot.
pub(crate) struct MsHeld {
    /// Answers queries inside the snapshot.
    holder: Session,
    /// Outside of the snapshot: catalogs, sequences, who waits.
    monitor: Session,
    pool: Pool,
    /// Keeps schema changes waiting, on Babelfish.
    keeper: Option<Session>,
    picture: Picture,
    script: SchemaScript,
}

const BEGIN: &str = "set transaction isolation level snapshot; begin transaction";

/// Statements that read no more than needed for a lock of the table.
fn touch(tables: &[TableName], hint: &str) -> String {
    let one = |t: &TableName| format!("set @one = (select top (1) 1 from {}{hint})", sql::table(t));
    let all: Vec<String> = tables.iter().map(one).collect();
    format!("declare @one int; {}", all.join("; "))
}

fn locked(e: &tiberius::error::Error, doing: &str) -> EngineError {
    let e = mapped(e, doing);
    match e.native_code.as_deref() {
        Some("1222") => e.hint("a long statement or a lock of somebody else is in the way; try again when it is over"),
        Some("208") => e.hint("the schema changed since the plan was made; run `greenroom plan` again"),
        _ => e,
    }
}

/// Begins all snapshots at one moment.
pub(crate) async fn hold(server: &Server, database: &str, tables: &[TableName]) -> Result<MsHeld> {
    let doing = "hold a snapshot of the source";
    let mut holder = server.open(Some(database), Purpose::Catalog).await?;
    let (mut readers, mut keeper) = (Vec::new(), None);
    let way = way(&mut holder).await?;
    match way {
        Way::Off => {
            return Err(EngineError::unsupported(doing, "snapshot isolation is switched off in the source").hint(format!(
                "let an administrator run `alter database {} set allow_snapshot_isolation on` (it changes production: row versions are kept in \
                 tempdb), or name a database snapshot, a read-only copy or a restored backup as the source",
                sql::ident(database)
            )));
        }
        Way::Alike => {
            let mut session = server.open(Some(database), Purpose::Catalog).await?;
            session.run("set transaction isolation level read committed; begin transaction").await.doing(doing)?;
            if !tables.is_empty() {
                session.run(&touch(tables, "")).await.map_err(|e| locked(&e, doing))?;
            }
            keeper = Some(session);
        }
        Way::Still | Way::Together => {}
    }
    for _ in 0..MOST_READERS {
        readers.push(server.open(Some(database), Purpose::Catalog).await?);
    }
    let mut locker = None;
    if way == Way::Together {
        let mut session = server.open(Some(database), Purpose::Catalog).await?;
        session.run(&format!("set lock_timeout {LOCK_WAIT}; begin transaction")).await.doing(doing)?;
        if !tables.is_empty() {
            session.run(&touch(tables, " with (tablock, holdlock)")).await.map_err(|e| locked(&e, "lock the source for a moment"))?;
        }
        locker = Some(session);
    }
    if way != Way::Still {
        let mut all: Vec<&mut Session> = std::iter::once(&mut holder).chain(&mut readers).collect();
        begin(&mut all, tables, way).await?;
    }
    if let Some(mut locker) = locker {
        locker.run("commit").await.doing(doing)?;
        locker.close().await;
    }
    let pool = Pool::default();
    readers.into_iter().for_each(|r| pool.put(r));
    // Catalogs are no part of snapshots: they are read as they are now. A read of a table that changed since fails.
    let mut monitor = server.open(Some(database), Purpose::Catalog).await?;
    let picture = inspect::picture(&mut monitor).await?;
    let script = ddl::script(&mut monitor, &picture).await?;
    Ok(MsHeld { holder, monitor, pool, keeper, picture, script })
}

/// Begins a snapshot in every session; with its first read it stands.
async fn begin(sessions: &mut [&mut Session], tables: &[TableName], way: Way) -> Result<()> {
    let doing = "begin the readers' snapshots";
    let first = match tables.first() {
        Some(table) => touch(std::slice::from_ref(table), ""),
        None => "declare @n int; set @n = (select count(*) from sys.objects)".to_owned(),
    };
    for _ in 0..ATTEMPTS {
        let mut seen = BTreeSet::new();
        for session in sessions.iter_mut() {
            session.run(BEGIN).await.doing(doing)?;
            session.run(&first).await.doing(doing)?;
            if way == Way::Alike {
                let snapshot = session.value("select cast(pg_current_snapshot() as varchar(8000))").await.doing(doing)?;
                seen.insert(snapshot.unwrap_or_default());
            }
        }
        if seen.len() < 2 {
            return Ok(());
        }
        for session in sessions.iter_mut() {
            session.run("rollback").await.doing(doing)?;
        }
    }
    Err(EngineError::new(ErrorKind::Transient, doing, format!("transactions ended between the readers' first reads {ATTEMPTS} times"))
        .hint("try again when the source is less busy"))
}

impl MsHeld {
    /// Somebody's schema change that waits behind us.
    async fn waiting(&mut self) -> Result<Option<Disturbance>> {
        if self.keeper.is_none() {
            return Ok(None);
        }
        let query = "select top 1 w.pid, cast(c.relname as varchar(128)), datediff(second, w.waitstart, sysdatetimeoffset()) \
                     from pg_locks w join pg_class c on c.oid = w.relation where w.granted = 0 and w.mode = 'AccessExclusiveLock'";
        let Ok(rows) = self.monitor.rows(query).await else { return Ok(None) };
        Ok(rows.first().map(|row| Disturbance::SchemaChangeWaits {
            who: format!("session {}", said(row, 0)),
            table: said(row, 1),
            seconds: number(row, 2),
        }))
    }
}

#[async_trait]
impl CellSource for MsHeld {
    async fn cell_reader(&mut self) -> Result<Box<dyn Reader>> {
        self.reader().await
    }

    async fn picking(&mut self, table: &TableName, keys: &[Vec<(String, Cell)>]) -> Result<String> {
        let columns: Vec<String> = keys.first().into_iter().flatten().map(|(name, _)| name.clone()).collect();
        crate::carry::picking(&carry::MsSpell::of(&mut self.monitor, table, &columns).await?, keys)
    }

    async fn spelled(&mut self, changes: &[GuardedChange]) -> Result<Vec<SpelledChange>> {
        carry::spelled(&mut self.monitor, changes).await
    }
}

#[async_trait]
impl Held for MsHeld {
    async fn inspect(&mut self) -> Result<Catalog> {
        Ok(self.picture.catalog.clone())
    }

    async fn schema(&mut self, _scratch: &Path) -> Result<SchemaScript> {
        Ok(self.script.clone())
    }

    async fn ranges(&mut self, copy: &TableCopy, rows: u64) -> Result<Vec<RangeSpec>> {
        let estimate = match self.picture.catalog.table(&copy.table).map_or(0, |t| t.estimated_rows) {
            // Babelfish estimates nothing.
            0 => ranges::count(&mut self.holder, &copy.table).await?,
            estimate => estimate,
        };
        ranges::cut(&mut self.holder, copy, rows, estimate).await
    }

    async fn reader(&mut self) -> Result<Box<dyn Reader>> {
        match self.pool.take() {
            Some(session) => Ok(Box::new(MsReader::of_snapshot(session, self.pool.clone()))),
            None => Err(EngineError::unsupported(
                "open another reader",
                format!("a snapshot has {MOST_READERS} readers: they must begin together, and all are in use"),
            )),
        }
    }

    async fn query_value(&mut self, sql: &str) -> Result<Option<String>> {
        let answer = query::within(&mut self.holder, sql, 1, "run a query inside the snapshot").await;
        if answer.is_err() && self.keeper.is_some() && self.holder.value("select @@trancount").await.ok().flatten().as_deref() != Some("1")
        {
            // An error ends a transaction of Babelfish, and with it this session's share of the snapshot; a reader's takes its place.
            if let Some(other) = self.pool.take() {
                std::mem::replace(&mut self.holder, other).close().await;
            }
        }
        Ok(answer?.first)
    }

    async fn sequences(&mut self) -> Result<Vec<(String, String)>> {
        inspect::sequences(&mut self.monitor).await
    }

    async fn disturbed(&mut self) -> Result<Option<Disturbance>> {
        if self.holder.run("declare @still int").await.is_err() {
            return Ok(Some(Disturbance::SnapshotLost));
        }
        self.waiting().await
    }

    async fn release(self: Box<Self>) -> Result<()> {
        let MsHeld { mut holder, monitor, pool, keeper, .. } = *self;
        let ended = holder.run("if @@trancount > 0 commit").await;
        holder.close().await;
        monitor.close().await;
        if let Some(keeper) = keeper {
            keeper.close().await;
        }
        while let Some(session) = pool.take() {
            session.close().await;
        }
        ended.doing("release the snapshot").map_err(|e| EngineError { kind: ErrorKind::Lost, ..e })
    }
}
