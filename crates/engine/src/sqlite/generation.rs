//! A generation from within. Owns what happens in one file between its creation and its swap.

use super::connect::{Spill, open_read_only, open_writable};
use super::copy::SqliteReader;
use super::error::failed;
use super::load::{SqliteLoader, ignore_checks, quiet};
use super::select::{range_bounds, table_sql};
use super::session::Session;
use super::{back, capture, carry, ddl, inspect, query, script};
use crate::capture::{Capture, Captured};
use crate::carry::{GuardedChange, RowChange, SpelledChange};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{
    Applied, CellSource, Generation, Loader, QueryOutcome, RangeDone, RangeSpec, Reader, SchemaPart, SchemaScript, ScriptState, Tried,
};
use async_trait::async_trait;
use greenroom_model::carry::Cell;
use greenroom_model::catalog::{Catalog, ForeignKey, Table, TableName};
use greenroom_model::hash::Hash;
use greenroom_model::plan::TableCopy;
use greenroom_model::upgrade::Statement;
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::Arc;

/// One of our files, opened for work.
pub(super) struct SqliteGeneration {
    path: PathBuf,
    session: Session,
    /// It bears our marker; otherwise it is what was production.
    marked: bool,
    _spill: Arc<Spill>,
}

impl SqliteGeneration {
    /// Over an open session; loaders and readers open their own.
    pub fn new(path: PathBuf, session: Session, marked: bool, spill: Arc<Spill>) -> SqliteGeneration {
        SqliteGeneration { path, session, marked, _spill: spill }
    }

    /// A file that bears no marker has no records of ours until they are needed.
    async fn with_records(&self) -> Result<()> {
        if self.marked {
            return Ok(());
        }
        self.session.run(|c| c.execute_batch(super::marker::SCRIPTS).map_err(|e| failed("create the progress records", &e))).await
    }
}

/// Runs `f` in a transaction, undone when it fails.
pub(super) fn together<T>(c: &Connection, doing: &str, f: impl FnOnce() -> Result<T>) -> Result<T> {
    c.execute_batch("BEGIN IMMEDIATE").map_err(|e| failed(doing, &e))?;
    let result = f().and_then(|value| c.execute_batch("COMMIT").map(|()| value).map_err(|e| failed(doing, &e)));
    if result.is_err() && !c.is_autocommit() {
        let _ = c.execute_batch("ROLLBACK");
    }
    result
}

/// Removes rows and their records together, without firing triggers.
fn forget(c: &Connection, copy: &TableCopy, bounds: &[String], ordinal: Option<u32>) -> Result<()> {
    let doing = format!("remove rows of {}", copy.table.name);
    quiet(c)?;
    let filter = if bounds.is_empty() { String::new() } else { format!(" WHERE {}", bounds.join(" AND ")) };
    let result = together(c, &doing, || {
        c.execute(&format!("DELETE FROM {}{filter}", table_sql(&copy.table)), [])
            .and_then(|_| {
                c.execute(
                    "DELETE FROM greenroom_progress WHERE table_name = ?1 AND (?2 IS NULL OR ordinal = ?2)",
                    (&copy.table.name, ordinal),
                )
            })
            .map_err(|e| failed(&doing, &e))
    });
    // Scripts run on this session too, and there triggers fire.
    c.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, true).map_err(|e| failed(&doing, &e))?;
    result.map(drop)
}

fn settle(c: &Connection, sequences: &[(String, String)]) -> Result<()> {
    let doing = "settle the copy";
    quiet(c)?;
    let result = together(c, doing, || {
        for (name, sql) in sequences {
            c.execute_batch(sql).map_err(|e| failed("set an AUTOINCREMENT position", &e).object(name))?;
        }
        ddl::rebuild(c)?;
        c.execute_batch("ANALYZE").map_err(|e| failed("gather statistics", &e))
    });
    c.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, true).map_err(|e| failed(doing, &e))?;
    result?;
    // Rows that break a CHECK are counted and compared with the source later; here they would hide what is damaged.
    let verdict: rusqlite::Result<String> = ignore_checks(c, true).and_then(|()| c.query_row("PRAGMA quick_check(1)", [], |r| r.get(0)));
    ignore_checks(c, false).map_err(|e| failed("check the copy", &e))?;
    let verdict = verdict.map_err(|e| failed("check the copy", &e))?;
    if verdict == "ok" {
        return Ok(());
    }
    // Its words may hold row numbers, so they stay out.
    Err(EngineError::new(ErrorKind::Data, "check the copy", "SQLite's quick_check finds the file damaged or a constraint broken")
        .hint("run `PRAGMA quick_check` on the generation's file; if the disk is sound, report it"))
}

#[async_trait]
impl CellSource for SqliteGeneration {
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
impl Generation for SqliteGeneration {
    async fn schema(&mut self, part: SchemaPart, script: &SchemaScript) -> Result<()> {
        let statements = match part {
            SchemaPart::Pre => script.pre.clone(),
            SchemaPart::Post => script.post.clone(),
        };
        self.session.run(move |c| ddl::apply(c, &statements)).await
    }

    async fn loader(&mut self) -> Result<Box<dyn Loader>> {
        let path = self.path.clone();
        let session = Session::open(move || open_writable(&path, "load into")).await?;
        Ok(Box::new(SqliteLoader::new(session).await?))
    }

    async fn reader(&mut self) -> Result<Box<dyn Reader>> {
        let path = self.path.clone();
        let session = Session::open(move || open_read_only(&path, "read back")).await?;
        Ok(Box::new(SqliteReader::of_copy(session)))
    }

    async fn ranges_done(&mut self) -> Result<Vec<RangeDone>> {
        let doing = "read the progress";
        let records: Vec<String> = self
            .session
            .run(move |c| {
                c.prepare("SELECT done FROM greenroom_progress ORDER BY table_name, ordinal")
                    .and_then(|mut s| s.query_map([], |r| r.get(0))?.collect())
                    .map_err(|e| failed(doing, &e))
            })
            .await?;
        let read =
            |r: &String| serde_json::from_str(r).map_err(|_| EngineError::new(ErrorKind::Data, doing, "a record is not one that we wrote"));
        records.iter().map(read).collect()
    }

    async fn forget_range(&mut self, copy: &TableCopy, range: &RangeSpec) -> Result<()> {
        let (copy, ordinal, bounds) = (copy.clone(), range.ordinal, range_bounds(copy, range, "")?);
        self.session.run(move |c| forget(c, &copy, &bounds, Some(ordinal))).await
    }

    async fn forget_table(&mut self, copy: &TableCopy) -> Result<()> {
        let copy = copy.clone();
        self.session.run(move |c| forget(c, &copy, &[], None)).await
    }

    async fn settle(&mut self, sequences: &[(String, String)]) -> Result<()> {
        let sequences = sequences.to_vec();
        self.session.run(move |c| settle(c, &sequences)).await
    }

    async fn derive(&mut self) -> Result<()> {
        self.session.run(|c| together(c, "rebuild full-text indexes", || ddl::rebuild(c))).await
    }

    async fn inspect(&mut self) -> Result<Catalog> {
        self.session.run(inspect::catalog).await
    }

    async fn orphans(&mut self, table: &Table, key: &ForeignKey) -> Result<u64> {
        let (table, key) = (table.clone(), key.clone());
        self.session.run(move |c| query::orphans(c, &table, &key)).await
    }

    async fn sequences(&mut self) -> Result<Vec<(String, String)>> {
        self.session.run(ddl::sequences).await
    }

    fn sample_filter(&self, rows: u64, of: u64) -> String {
        // random() gives 64 bits; twenty of them are fine enough.
        let share = rows.saturating_mul(1 << 20) / of.max(1);
        format!("(random() & 1048575) < {share}")
    }

    async fn query(&mut self, sql: &str) -> Result<QueryOutcome> {
        let sql = sql.to_owned();
        self.session.run(move |c| query::outcome(c, &sql)).await
    }

    async fn script_state(&mut self, key: &str) -> Result<ScriptState> {
        let key = key.to_owned();
        self.session.run(move |c| script::state(c, &key)).await
    }

    async fn script(&mut self, key: &str, hash: &Hash, statements: &[Statement], skip: u32) -> Result<Applied> {
        self.with_records().await?;
        let (key, hash, statements) = (key.to_owned(), *hash, statements.to_vec());
        self.session.run(move |c| script::run(c, &key, &hash, &statements, skip, false)).await
    }

    async fn script_apart(&mut self, key: &str, hash: &Hash, statements: &[Statement], skip: u32) -> Result<Applied> {
        let (key, hash, statements) = (key.to_owned(), *hash, statements.to_vec());
        self.session.run(move |c| script::run(c, &key, &hash, &statements, skip, true)).await
    }

    async fn carry(&mut self, key: &str, hash: &Hash, changes: &[RowChange], _skip: u32) -> Result<Applied> {
        self.with_records().await?;
        let (key, hash, changes) = (key.to_owned(), *hash, changes.to_vec());
        self.session.run(move |c| carry::changes(c, &key, &hash, &changes)).await
    }

    async fn brings_freely(&mut self) -> Result<bool> {
        Ok(true)
    }

    async fn bring(&mut self, key: &str, hash: &Hash, changes: &[RowChange]) -> Result<Applied> {
        self.with_records().await?;
        let (key, hash, changes) = (key.to_owned(), *hash, changes.to_vec());
        self.session.run(move |c| carry::bring(c, &key, &hash, &changes)).await
    }

    async fn advance(&mut self, positions: &[(String, String)]) -> Result<Vec<String>> {
        let positions = positions.to_vec();
        self.session
            .run(move |c| Ok(positions.into_iter().filter(|(_, sql)| c.execute_batch(sql).is_err()).map(|(name, _)| name).collect()))
            .await
    }

    async fn try_bring(&mut self, changes: &[RowChange], keys: &[(Table, ForeignKey)]) -> Result<Option<Tried>> {
        let (changes, keys) = (changes.to_vec(), keys.to_vec());
        self.session.run(move |c| back::try_bring(c, &changes, &keys)).await.map(Some)
    }

    async fn query_reader(&mut self, select: &str) -> Result<Box<dyn Reader>> {
        back::query_reader(self.path.clone(), select).await
    }

    async fn next_number(&mut self, table: &TableName, column: &str) -> Result<Option<i128>> {
        let (table, column) = (table.clone(), column.to_owned());
        self.session.run(move |c| back::next_number(c, &table, &column)).await
    }

    async fn highest(&mut self, table: &TableName, column: &str, below: Option<i128>) -> Result<Option<i128>> {
        let (table, column) = (table.clone(), column.to_owned());
        self.session.run(move |c| carry::highest(c, &table, &column, below)).await
    }

    async fn reserve(&mut self, table: &TableName, column: &str, next: i128) -> Result<bool> {
        let (table, _) = (table.clone(), column);
        self.session.run(move |c| carry::reserve(c, &table, next)).await
    }

    async fn capture(&mut self, tables: &[Capture]) -> Result<()> {
        let tables = tables.to_vec();
        self.session.run(move |c| capture::capture(c, &tables)).await
    }

    async fn captured(&mut self) -> Result<Vec<Captured>> {
        self.session.run(capture::captured).await
    }

    async fn end_capture(&mut self) -> Result<()> {
        self.session.run(capture::end).await
    }

    async fn tidy(&mut self) -> Result<()> {
        let marked = self.marked;
        self.session
            .run(move |c| {
                let doing = "remove progress records";
                let sql = match marked {
                    true => "DELETE FROM greenroom_progress; DELETE FROM greenroom_script",
                    false => "DROP TABLE IF EXISTS greenroom_script",
                };
                together(c, doing, || c.execute_batch(sql).map_err(|e| failed(doing, &e)))
            })
            .await
    }

    async fn leave(self: Box<Self>) -> Result<()> {
        self.session.close().await;
        Ok(())
    }
}
