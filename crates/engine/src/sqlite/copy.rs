//! Reading: source, held snapshot, reader. One connection holds the snapshot and reads everything; SQLite has no way to share one.
//!
//! In WAL mode writers go on meanwhile. In rollback-journal mode they wait until we let go; `Catalog::settings["journal_mode"]` tells the
//! planner which it is.

use super::connect::{beside, check_source, engine_id, no_database, read_only, stat};
use super::encoding::SqliteEncoding;
use super::error::failed;
use super::session::Session;
use super::{affinity::Affinity, carry, ddl, inspect, query, select};
use crate::batch::RawBatch;
use crate::carry::{GuardedChange, SpelledChange};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Capabilities, CellSource, Disturbance, Held, MissingRight, Prepared, RangeSpec, Reader, SchemaScript, Source};
use async_trait::async_trait;
use greenroom_model::carry::Cell;
use greenroom_model::catalog::{Catalog, Table, TableName};
use greenroom_model::plan::{FieldAction, TableCopy};
use rusqlite::Connection;
use rusqlite::types::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A database file that is read.
pub(super) struct SqliteSource {
    path: PathBuf,
    session: Session,
}

impl SqliteSource {
    /// Opens the file for reading only; `written` is its path as the program says it.
    pub async fn open(path: PathBuf, written: &str) -> Result<SqliteSource> {
        check_source(&path, written)?;
        let session = read_only(&path, "open the source").await.map_err(|e| no_database(e, written))?;
        Ok(SqliteSource { path, session })
    }
}

/// What SQLite can do, on either side.
pub(super) fn capabilities() -> Capabilities {
    Capabilities {
        transactional_ddl: true,
        rename_database: true,
        shared_snapshot: false,
        max_readers: 1,
        // The pilot's name changes in one rename; the former's name is linked before (see `swap`).
        atomic_swap: true,
        takes_production: true,
        grants_let_in: false,
        progress_with_rows: true,
        physical_ranges: false,
        tools: Vec::new(),
    }
}

#[async_trait]
impl Source for SqliteSource {
    async fn capabilities(&mut self) -> Result<Capabilities> {
        Ok(capabilities())
    }

    async fn inspect(&mut self) -> Result<Catalog> {
        self.session.run(|c| one_moment(c, inspect::catalog)).await
    }

    async fn sample(&mut self, table: &Table, rows: u32) -> Result<Vec<Vec<Option<String>>>> {
        let table = table.clone();
        self.session.run(move |c| query::sample(c, &table, rows)).await
    }

    async fn query_value(&mut self, sql: &str) -> Result<Option<String>> {
        let sql = sql.to_owned();
        self.session.run(move |c| query::value(c, &sql)).await
    }

    async fn missing_rights(&mut self, _tables: &[TableName]) -> Result<Vec<MissingRight>> {
        // Whoever can read the file can read every table. WAL needs its shared-memory file, which a reader may have to create.
        let mode = |c: &Connection| {
            c.query_row("PRAGMA journal_mode", [], |r| r.get::<_, String>(0)).map_err(|e| failed("read the journal mode", &e))
        };
        let wal = self.session.run(mode).await? == "wal";
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let writable = rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok();
        if wal && stat(&beside(&self.path, "-shm"))?.is_none() && !writable {
            return Ok(vec![MissingRight {
                what: format!("read `{}`, which is in WAL mode", self.path.display()),
                grant: format!("setfacl -m u:{}:rwx '{}'", rustix::process::geteuid().as_raw(), folder.display()),
            }]);
        }
        Ok(Vec::new())
    }

    async fn identity(&mut self) -> Result<String> {
        match stat(&self.path)? {
            Some(s) => Ok(engine_id(&s)),
            None => Err(EngineError::new(ErrorKind::Lost, "identify the source", "the file is no longer there")),
        }
    }

    async fn hold(&mut self, _tables: &[TableName]) -> Result<Box<dyn Held>> {
        let session = read_only(&self.path, "hold a snapshot of").await?;
        session
            .run(|c| {
                // BEGIN alone takes nothing; the first read fixes the snapshot, of all tables at once.
                c.execute_batch("BEGIN")
                    .and_then(|()| c.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())))
                    .map_err(|e| failed("hold a snapshot", &e))
            })
            .await?;
        Ok(Box::new(SqliteHeld { session: Arc::new(session), reading: Arc::new(AtomicBool::new(false)) }))
    }
}

/// Runs several reads as of one moment.
fn one_moment<T>(c: &Connection, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
    c.execute_batch("BEGIN").map_err(|e| failed("begin to read", &e))?;
    let result = f(c);
    let _ = c.execute_batch("ROLLBACK");
    result
}

struct SqliteHeld {
    session: Arc<Session>,
    reading: Arc<AtomicBool>,
}

#[async_trait]
impl CellSource for SqliteHeld {
    async fn cell_reader(&mut self) -> Result<Box<dyn Reader>> {
        self.reader().await
    }

    async fn picking(&mut self, table: &TableName, keys: &[Vec<(String, Cell)>]) -> Result<String> {
        let (table, keys) = (table.clone(), keys.to_vec());
        self.session.run(move |c| carry::picking(c, &table, &keys)).await
    }

    async fn spelled(&mut self, changes: &[GuardedChange]) -> Result<Vec<SpelledChange>> {
        let changes = changes.to_vec();
        self.session.run(move |c| carry::spelled(c, &changes)).await
    }
}

#[async_trait]
impl Held for SqliteHeld {
    async fn inspect(&mut self) -> Result<Catalog> {
        self.session.run(inspect::catalog).await
    }

    async fn schema(&mut self, _scratch: &Path) -> Result<SchemaScript> {
        self.session.run(ddl::script).await
    }

    async fn ranges(&mut self, copy: &TableCopy, rows: u64) -> Result<Vec<RangeSpec>> {
        let copy = copy.clone();
        self.session.run(move |c| select::ranges(c, &copy, rows)).await
    }

    async fn reader(&mut self) -> Result<Box<dyn Reader>> {
        if self.reading.swap(true, Ordering::SeqCst) {
            return Err(EngineError::unsupported("open another reader", "a snapshot of SQLite has one reader"));
        }
        Ok(Box::new(SqliteReader { session: Arc::clone(&self.session), as_stored: false, reading: Some(Arc::clone(&self.reading)) }))
    }

    async fn query_value(&mut self, sql: &str) -> Result<Option<String>> {
        let sql = sql.to_owned();
        self.session.run(move |c| query::value(c, &sql)).await
    }

    async fn sequences(&mut self) -> Result<Vec<(String, String)>> {
        self.session.run(ddl::sequences).await
    }

    async fn disturbed(&mut self) -> Result<Option<Disturbance>> {
        // Schema changes wait for us (rollback journal) or go on beside us (WAL); neither reaches into the snapshot.
        let alive = self.session.run(|c| Ok(!c.is_autocommit())).await;
        Ok(if matches!(alive, Ok(true)) { None } else { Some(Disturbance::SnapshotLost) })
    }

    async fn release(self: Box<Self>) -> Result<()> {
        self.session.close().await;
        Ok(())
    }
}

/// Reads rows over a session.
pub(super) struct SqliteReader {
    session: Arc<Session>,
    /// Read every column as it is stored, also those whose rules throw the value away: for reading a copy back.
    as_stored: bool,
    reading: Option<Arc<AtomicBool>>,
}

impl SqliteReader {
    /// A reader of what stands in a generation, on a session of its own.
    pub fn of_copy(session: Session) -> SqliteReader {
        SqliteReader { session: Arc::new(session), as_stored: true, reading: None }
    }
}

impl Drop for SqliteReader {
    fn drop(&mut self) {
        self.session.end_read();
        if let Some(reading) = &self.reading {
            reading.store(false, Ordering::SeqCst);
        }
    }
}

#[async_trait]
impl Reader for SqliteReader {
    async fn prepare(&mut self, copy: &TableCopy) -> Result<Prepared> {
        let (copy, constants) = (copy.clone(), !self.as_stored);
        self.session.run(move |c| prepare(c, &copy, constants)).await
    }

    async fn begin(&mut self, copy: &TableCopy, range: &RangeSpec) -> Result<()> {
        let sql = select::range_sql(copy, range, self.as_stored)?;
        self.session.begin_read(sql, format!("read rows of {}", copy.table.name)).await
    }

    async fn next(&mut self) -> Result<Option<RawBatch>> {
        self.session.next().await
    }
}

fn prepare(c: &Connection, copy: &TableCopy, evaluate: bool) -> Result<Prepared> {
    let doing = format!("prepare reading {}", copy.table.name);
    let strict: bool = c
        .query_row("SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND name = ?1 AND strict", [&copy.table.name], |r| {
            r.get(0)
        })
        .map_err(|e| failed(&doing, &e))?;
    let columns = copy.columns.iter().map(|column| (column.family, Affinity::of(&column.native_type, strict))).collect();
    let encoding = SqliteEncoding::new(columns)?;
    let mut constants = Vec::with_capacity(copy.columns.len());
    for (i, column) in copy.columns.iter().enumerate() {
        let mut of_column = Vec::with_capacity(column.rules.len());
        for rule in &column.rules {
            of_column.push(match &rule.action {
                FieldAction::Constant(sql) if evaluate => {
                    let value: Value = c
                        .query_row(&format!("SELECT ({sql}\n)"), [], |r| r.get(0))
                        .map_err(|e| failed(format!("evaluate the constant for {}.{}", copy.table.name, column.name), &e))?;
                    let mut out = Vec::new();
                    encoding.encode_stored(i, (&value).into(), &mut out)?.then_some(out)
                }
                _ => None,
            });
        }
        constants.push(of_column);
    }
    Ok(Prepared { encoding: Box::new(encoding), constants })
}
