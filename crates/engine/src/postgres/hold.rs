//! Holding one snapshot over many sessions: locks first, then the snapshot (P1, P41). Owns the holding session, the monitor and which
//! process ids are ours; does not own the reading (`copy`).

use super::connect::{Purpose, Server, Session};
use super::copy::PgReader;
use super::error::Doing;
use super::{carry, ddl, inspect, large, query, ranges, sql};
use crate::carry::{GuardedChange, SpelledChange};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{CellSource, Disturbance, Held, LargeObject, RangeSpec, Reader, SchemaScript};
use async_trait::async_trait;
use greenroom_model::carry::Cell;
use greenroom_model::catalog::{Catalog, TableName};
use greenroom_model::plan::TableCopy;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Longest wait for a lock on a source's table, before anything was read.
const LOCK_WAIT: &str = "10s";

/// Process ids of our sessions on the source.
#[derive(Clone, Default)]
pub(crate) struct Pids(Arc<Mutex<BTreeSet<i32>>>);

/// One listed process id; unlists itself when dropped.
pub(crate) struct Listed(Pids, i32);

impl Pids {
    fn list(&self, pid: i32) -> Listed {
        if let Ok(mut pids) = self.0.lock() {
            pids.insert(pid);
        }
        Listed(self.clone(), pid)
    }

    fn all(&self) -> Vec<i32> {
        self.0.lock().map(|p| p.iter().copied().collect()).unwrap_or_default()
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        if let Ok(mut pids) = self.0.0.lock() {
            pids.remove(&self.1);
        }
    }
}

/// A held snapshot.
pub(crate) struct PgHeld {
    server: Server,
    holder: Session,
    monitor: Session,
    snapshot: String,
    lock: Option<String>,
    pids: Pids,
    _listed: Listed,
}

/// The statement that locks tables against schema changes and TRUNCATE; nothing else is kept out.
fn lock_statement(tables: &[TableName]) -> Option<String> {
    if tables.is_empty() {
        return None;
    }
    let names: Vec<String> = tables.iter().map(|t| format!("only {}", sql::qualified(t))).collect();
    Some(format!("lock table {} in access share mode", names.join(", ")))
}

async fn lock(session: &Session, statement: Option<&str>) -> Result<()> {
    let Some(statement) = statement else { return Ok(()) };
    let doing = "lock the source's tables against schema changes";
    session.client.batch_execute(&format!("set local lock_timeout = '{LOCK_WAIT}'")).await.doing(doing)?;
    session.client.batch_execute(statement).await.map_err(|e| {
        let e = super::error::mapped(&e, doing);
        match e.native_code.as_deref() {
            Some("55P03") => e.hint("a schema change, VACUUM FULL or a lock of somebody else is in the way; try again when it is over"),
            Some("53200") => e.hint("raise max_locks_per_transaction on the source's server, or leave tables out"),
            Some("42P01") => e.hint("the schema changed since the plan was made; run `greenroom plan` again"),
            _ => e,
        }
    })?;
    session.client.batch_execute("set local lock_timeout = 0").await.doing(doing)
}

/// Takes the locks, then the snapshot.
pub(crate) async fn hold(server: &Server, tables: &[TableName]) -> Result<PgHeld> {
    let doing = "hold a snapshot of the source";
    let holder = server.open(&server.database, Purpose::Catalog).await?;
    let monitor = server.open(&server.database, Purpose::Catalog).await?;
    let statement = lock_statement(tables);
    holder.client.batch_execute("begin isolation level repeatable read read only").await.doing(doing)?;
    lock(&holder, statement.as_deref()).await?;
    let snapshot = holder.client.query_one("select pg_catalog.pg_export_snapshot()", &[]).await.doing(doing)?.get(0);
    let pids = Pids::default();
    let listed = pids.list(holder.pid);
    Ok(PgHeld { server: server.clone(), holder, monitor, snapshot, lock: statement, pids, _listed: listed })
}

impl PgHeld {
    /// Another session on the same snapshot: it locks first, since a schema change may already be queued behind the holder.
    async fn join(&self, purpose: Purpose) -> Result<Session> {
        let doing = "join the held snapshot";
        let session = self.server.open(&self.server.database, purpose).await?;
        session.client.batch_execute("begin isolation level repeatable read read only").await.doing(doing)?;
        lock(&session, self.lock.as_deref()).await?;
        session.client.batch_execute(&format!("set transaction snapshot {}", sql::literal(&self.snapshot))).await.map_err(|e| {
            let mut e = super::error::mapped(&e, doing);
            if e.native_code.as_deref() == Some("22023") {
                e.kind = ErrorKind::Lost;
                e.message = "the snapshot is no longer held".to_owned();
            }
            e
        })?;
        Ok(session)
    }

    async fn waiting(&self) -> Result<Option<Disturbance>> {
        let since = if self.monitor.version >= 140_000 { "coalesce(l.waitstart, a.query_start)" } else { "a.query_start" };
        // Only what waits for our own locks counts; whoever waits behind such a session in turn is not our doing alone.
        let query = format!(
            "select coalesce(a.usename::text, '?'), coalesce(a.application_name, ''), l.pid, \
                    coalesce(n.nspname || '.' || c.relname, '?'), \
                    coalesce(extract(epoch from clock_timestamp() - {since}), 0)::float8 \
             from pg_catalog.pg_locks l \
             left join pg_catalog.pg_stat_activity a on a.pid = l.pid \
             left join pg_catalog.pg_class c on c.oid = l.relation left join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
             where not l.granted and l.locktype = 'relation' and l.pid <> all($1) and pg_catalog.pg_blocking_pids(l.pid) && $1 \
             order by 5 desc limit 1"
        );
        let rows = self.monitor.client.query(&query, &[&self.pids.all()]).await.doing("watch the source's locks")?;
        Ok(rows.first().map(|row| {
            let (user, application, pid): (String, String, i32) = (row.get(0), row.get(1), row.get(2));
            let application = if application.is_empty() { String::new() } else { format!(" ({application})") };
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds since the wait began, floored at 0")]
            let seconds = row.get::<_, f64>(4).max(0.0) as u64;
            Disturbance::SchemaChangeWaits { who: format!("{user}{application}, pid {pid}"), table: row.get(3), seconds }
        }))
    }
}

#[async_trait]
impl CellSource for PgHeld {
    async fn cell_reader(&mut self) -> Result<Box<dyn Reader>> {
        let session = self.join(Purpose::Rows).await?;
        let listed = self.pids.list(session.pid);
        Ok(Box::new(PgReader::of_text(session, Some(listed))))
    }

    async fn picking(&mut self, table: &TableName, keys: &[Vec<(String, Cell)>]) -> Result<String> {
        crate::carry::picking(&carry::PgSpell(table.clone()), keys)
    }

    async fn spelled(&mut self, changes: &[GuardedChange]) -> Result<Vec<SpelledChange>> {
        carry::spelled(changes)
    }
}

#[async_trait]
impl Held for PgHeld {
    async fn inspect(&mut self) -> Result<Catalog> {
        inspect::catalog(&self.holder).await
    }

    async fn schema(&mut self, scratch: &Path) -> Result<SchemaScript> {
        let catalog = inspect::catalog(&self.holder).await?;
        ddl::dump(&self.server, &self.holder, &self.snapshot, &catalog, scratch).await
    }

    async fn ranges(&mut self, copy: &TableCopy, rows: u64) -> Result<Vec<RangeSpec>> {
        ranges::cut(&self.holder, copy, rows).await
    }

    async fn reader(&mut self) -> Result<Box<dyn Reader>> {
        let session = self.join(Purpose::Rows).await?;
        let listed = self.pids.list(session.pid);
        Ok(Box::new(PgReader::new(session, Some(listed))))
    }

    async fn query_value(&mut self, sql: &str) -> Result<Option<String>> {
        // In a session of its own: a query that fails would abort the holder's transaction and with it the snapshot.
        let session = self.join(Purpose::Foreign).await?;
        let _listed = self.pids.list(session.pid);
        let outcome = query::within(&session, sql, 1, "run a query inside the snapshot").await;
        session.close().await;
        Ok(outcome?.first)
    }

    async fn sequences(&mut self) -> Result<Vec<(String, String)>> {
        inspect::sequences(&self.holder).await
    }

    async fn large_objects(&mut self, after: Option<u32>) -> Result<Vec<LargeObject>> {
        large::list(&self.holder, after).await
    }

    async fn large_object(&mut self, id: u32, offset: u64, most: u32) -> Result<Vec<u8>> {
        large::piece(&self.holder, id, offset, most).await
    }

    async fn disturbed(&mut self) -> Result<Option<Disturbance>> {
        if self.holder.client.is_closed() || self.holder.client.simple_query("select 1").await.is_err() {
            return Ok(Some(Disturbance::SnapshotLost));
        }
        if self.monitor.client.is_closed() {
            self.monitor = self.server.open(&self.server.database, Purpose::Catalog).await?;
        }
        self.waiting().await
    }

    async fn release(self: Box<Self>) -> Result<()> {
        let PgHeld { holder, monitor, .. } = *self;
        let ended = holder.client.batch_execute("commit").await;
        holder.close().await;
        monitor.close().await;
        ended.map_err(|e| EngineError::new(ErrorKind::Lost, "release the snapshot", e.to_string()))
    }
}
