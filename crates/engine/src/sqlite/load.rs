//! Loading: one transaction per range, with the record of the range in it.

use super::affinity::Borrowed;
use super::connect::quoted;
use super::encoding::{take_row, value_of};
use super::error::failed;
use super::select::table_sql;
use super::session::Session;
use crate::batch::MaskedBatch;
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Loader, RangeDone, RangeSpec};
use async_trait::async_trait;
use greenroom_model::plan::TableCopy;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tokio::sync::oneshot;

/// Loads ranges over a session of its own.
pub(super) struct SqliteLoader {
    session: Session,
    /// The open range: its INSERT and the number of columns.
    open: Option<Open>,
    /// The batch that is being inserted while the next one is masked.
    running: Option<oneshot::Receiver<Result<u64>>>,
    rows: u64,
}

struct Open {
    table: String,
    sql: String,
    width: usize,
}

impl SqliteLoader {
    /// On a writable session.
    pub async fn new(session: Session) -> Result<SqliteLoader> {
        session.run(|c| quiet(c).and_then(|()| ignore_checks(c, true).map_err(|e| failed("prepare a session for loading", &e)))).await?;
        Ok(SqliteLoader { session, open: None, running: None, rows: 0 })
    }

    async fn drain(&mut self) -> Result<()> {
        if let Some(running) = self.running.take() {
            self.rows += running.await.map_err(|_| EngineError::new(ErrorKind::Lost, "load rows", "the session is closed"))??;
        }
        Ok(())
    }
}

/// Triggers and foreign keys do not fire on this connection (P7).
pub(super) fn quiet(c: &Connection) -> Result<()> {
    c.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)
        .and_then(|_| c.execute_batch("PRAGMA foreign_keys=OFF"))
        .map_err(|e| failed("prepare a session for loading", &e))
}

/// Production holds rows that break its own CHECKs: added after the fact, or written with checks ignored. They are copied as they are, and
/// verification compares how many break each one here and there.
pub(super) fn ignore_checks(c: &Connection, ignore: bool) -> rusqlite::Result<()> {
    c.pragma_update(None, "ignore_check_constraints", ignore)
}

#[async_trait]
impl Loader for SqliteLoader {
    async fn begin(&mut self, copy: &TableCopy, _range: &RangeSpec) -> Result<()> {
        if self.open.is_some() {
            return Err(EngineError::other(format!("load rows of {}", copy.table.name), "another range is still open"));
        }
        let columns: Vec<String> = copy.columns.iter().map(|c| quoted(&c.name)).collect();
        let places = vec!["?"; columns.len()].join(", ");
        // ABORT overrides ON CONFLICT clauses of the table, which could drop rows without a word (P6).
        let sql = format!("INSERT OR ABORT INTO {}({}) VALUES({places})", table_sql(&copy.table), columns.join(", "));
        let doing = format!("begin loading {}", copy.table.name);
        self.session.run(move |c| c.execute_batch("BEGIN IMMEDIATE").map_err(|e| failed(doing, &e))).await?;
        self.rows = 0;
        self.open = Some(Open { table: copy.table.name.clone(), sql, width: columns.len() });
        Ok(())
    }

    async fn push(&mut self, batch: MaskedBatch) -> Result<()> {
        self.drain().await?;
        let Some(open) = &self.open else {
            return Err(EngineError::other("load rows", "no range is open"));
        };
        let (sql, doing, width) = (open.sql.clone(), format!("load rows of {}", open.table), open.width);
        self.running = Some(self.session.start(move |c| insert(c, &sql, width, &doing, batch.data()))?);
        Ok(())
    }

    async fn commit(&mut self, done: &RangeDone) -> Result<()> {
        self.drain().await?;
        let Some(open) = self.open.take() else {
            return Err(EngineError::other("commit a range", "no range is open"));
        };
        let doing = format!("commit a range of {}", open.table);
        if self.rows != done.digest.rows {
            self.open = Some(open);
            let why = format!("{} rows were sent but {} were inserted", done.digest.rows, self.rows);
            return Err(EngineError::new(ErrorKind::Data, doing, why));
        }
        let record = serde_json::to_string(done).map_err(|e| EngineError::other(&doing, e.to_string()))?;
        let (table, ordinal) = (done.table.name.clone(), done.range.ordinal);
        self.session
            .run(move |c| {
                c.execute("INSERT INTO greenroom_progress(table_name, ordinal, done) VALUES(?1, ?2, ?3)", (table, ordinal, record))
                    .and_then(|_| c.execute_batch("COMMIT"))
                    .map_err(|e| {
                        let _ = c.execute_batch("ROLLBACK");
                        failed(doing, &e)
                    })
            })
            .await
    }

    async fn discard(&mut self) -> Result<()> {
        // What the running batch says no longer matters.
        let _ = self.drain().await;
        self.open = None;
        self.session
            .run(|c| if c.is_autocommit() { Ok(()) } else { c.execute_batch("ROLLBACK").map_err(|e| failed("give up a range", &e)) })
            .await
    }
}

fn insert(c: &Connection, sql: &str, width: usize, doing: &str, data: &[u8]) -> Result<u64> {
    let wrong = |e: rusqlite::Error| failed(doing, &e);
    let mut statement = c.prepare_cached(sql).map_err(wrong)?;
    let (mut rest, mut fields, mut rows) = (data, Vec::with_capacity(width), 0u64);
    while take_row(&mut rest, &mut fields)? {
        if fields.len() != width {
            return Err(EngineError::other(doing, format!("a row has {} fields where the table takes {width}", fields.len())));
        }
        for (i, field) in fields.iter().enumerate() {
            statement.raw_bind_parameter(i + 1, Borrowed(value_of(*field)?)).map_err(wrong)?;
        }
        rows += statement.raw_execute().map_err(wrong).map(|n| n as u64)?;
    }
    // Otherwise the last row's values stay in memory with the cached statement.
    statement.clear_bindings();
    Ok(rows)
}
