//! What carrying back after the go-live needs besides single changes: rows of a query in place of a table's, where a counter stands, and changes that are only tried.

use super::affinity::Affinity;
use super::connect::quoted;
use super::encoding::SqliteEncoding;
use super::error::failed;
use super::load::quiet;
use super::session::Session;
use super::{carry, query};
use crate::batch::RawBatch;
use crate::carry::RowChange;
use crate::error::Result;
use crate::seam::{Prepared, RangeSpec, Reader, Tried};
use async_trait::async_trait;
use greenroom_model::catalog::{ForeignKey, Table, TableName};
use greenroom_model::plan::TableCopy;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension};

/// Reads the rows of a query over a session that can only read.
pub(super) struct QueryReader {
    pub session: Session,
    pub select: String,
}

impl Drop for QueryReader {
    fn drop(&mut self) {
        self.session.end_read();
    }
}

#[async_trait]
impl Reader for QueryReader {
    async fn prepare(&mut self, copy: &TableCopy) -> Result<Prepared> {
        // Values get the form in which a column of the declared type stores them: those of a query have none of their own.
        let columns = copy.columns.iter().map(|c| (c.family, Affinity::of(&c.native_type, false))).collect();
        let encoding = SqliteEncoding::new(columns)?.of_query();
        Ok(Prepared { encoding: Box::new(encoding), constants: vec![Vec::new(); copy.columns.len()] })
    }

    async fn begin(&mut self, copy: &TableCopy, _range: &RangeSpec) -> Result<()> {
        let fields: Vec<String> = copy.columns.iter().map(|c| format!("t.{}", quoted(&c.name))).collect();
        let filter = copy.filter.as_ref().map(|f| format!(" WHERE ({f}\n)")).unwrap_or_default();
        // A line break behind what people wrote: it may end in a remark.
        let sql = format!("SELECT {} FROM ({}\n) AS t{filter}", fields.join(", "), self.select);
        self.session.begin_read(Some(sql), format!("read rows of {} by its inverse", copy.table.name)).await
    }

    async fn next(&mut self) -> Result<Option<RawBatch>> {
        self.session.next().await
    }
}

/// What AUTOINCREMENT gives next; any other integer key follows the highest row.
pub(super) fn next_number(c: &Connection, table: &TableName, column: &str) -> Result<Option<i128>> {
    let doing = |e: rusqlite::Error| failed("read where a counter stands", &e).object(&table.name);
    let counting = "SELECT count(*) FROM pragma_table_xinfo(?1, 'main') WHERE name = ?2 AND pk = 1 AND upper(type) = 'INTEGER' \
         AND EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence')";
    if !c.query_row(counting, [table.name.as_str(), column], |r| r.get::<_, bool>(0)).map_err(doing)? {
        return Ok(None);
    }
    let last = c.query_row("SELECT max(seq) FROM sqlite_sequence WHERE name = ?1", [&table.name], |r| r.get::<_, Option<i64>>(0));
    Ok(last.optional().map_err(doing)?.flatten().map(|n| i128::from(n) + 1))
}

/// Tries changes as `bring` makes them, each statement by itself so that all that are refused are known, and gives everything up.
pub(super) fn try_bring(c: &Connection, changes: &[RowChange], keys: &[(Table, ForeignKey)]) -> Result<Tried> {
    let doing = "try changes";
    let statements = carry::heaps(c, changes)?;
    quiet(c)?;
    let tried = || -> Result<Tried> {
        c.execute_batch("BEGIN IMMEDIATE").map_err(|e| failed(doing, &e))?;
        let mut tried = Tried::default();
        for statement in &statements {
            c.execute_batch("SAVEPOINT greenroom_try").map_err(|e| failed(doing, &e))?;
            if let Err(e) = c.execute_batch(&statement.sql) {
                tried.refused.push((line(statement.line), failed(doing, &e)));
                c.execute_batch("ROLLBACK TO greenroom_try").map_err(|e| failed(doing, &e))?;
            }
            c.execute_batch("RELEASE greenroom_try").map_err(|e| failed(doing, &e))?;
        }
        if tried.refused.is_empty() {
            tried.orphans = keys.iter().map(|(table, key)| query::orphans(c, table, key)).collect::<Result<_>>()?;
        }
        Ok(tried)
    };
    let tried = tried();
    let ended = match c.is_autocommit() {
        true => Ok(()),
        false => c.execute_batch("ROLLBACK").map_err(|e| failed(doing, &e)),
    };
    c.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, true).map_err(|e| failed("let triggers fire again", &e))?;
    match (tried, ended) {
        (Ok(tried), Ok(())) => Ok(tried),
        (Err(e), _) | (_, Err(e)) => Err(e),
    }
}

/// Index of the change that a statement's line names.
fn line(line: u32) -> usize {
    usize::try_from(line).unwrap_or_default().saturating_sub(1)
}

/// Opens the reader of a query.
pub(super) async fn query_reader(path: std::path::PathBuf, select: &str) -> Result<Box<dyn Reader>> {
    let session = Session::open(move || super::connect::open_read_only(&path, "read back")).await?;
    let select = select.to_owned();
    session
        .run({
            let select = select.clone();
            // One statement that only reads, whatever stands in it.
            move |c| query::only_reads(c, &select, "read rows by an inverse")
        })
        .await?;
    Ok(Box::new(QueryReader { session, select }))
}
