//! Our own tables inside a generation: the marker, progress and script records. A database of these servers has no schemas within, so that they
//! stand beside the source's tables, under names that begin with `greenroom_`, and are left out of every inspection.

use super::connect::{Session, number, said, text};
use super::error::{Doing, code};
use super::sql::{self, literal};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Marker, RangeDone, ScriptState};
use greenroom_model::catalog::TableName;
use greenroom_model::hash::Hash;
use greenroom_model::plan::TableCopy;
use greenroom_model::verify::TableDigest;
use std::collections::BTreeSet;

/// The table that says whose database it is.
pub(crate) const MARKER: &str = "greenroom_marker";

/// Tables that are dropped before a generation goes on stage.
pub(crate) const PROGRESS: &[&str] = &["greenroom_range_done", "greenroom_statement_done", "greenroom_script", "greenroom_trigger"];

/// The table by which scratch databases of a contract test are known.
pub(crate) const SCRATCH: &str = "greenroom_scratch";

/// Condition on a name: not one of ours.
pub(crate) fn not_ours(column: &str) -> String {
    let names: Vec<String> = PROGRESS.iter().chain([&MARKER, &SCRATCH]).map(|n| literal(n)).collect();
    format!("{column} not in ({})", names.join(", "))
}

/// Statements that create the progress tables; repeatable.
pub(crate) const CREATE: &[&str] = &[
    "create table if not exists greenroom_range_done (table_name varchar(64) character set utf8mb4 collate utf8mb4_bin not null, \
        ordinal bigint unsigned not null, span text character set utf8mb4 not null, row_count bigint unsigned not null, digest char(32) not null, \
        bytes bigint unsigned not null, primary key (table_name, ordinal)) engine=InnoDB",
    "create table if not exists greenroom_statement_done (hash char(64) character set ascii not null primary key) engine=InnoDB",
    "create table if not exists greenroom_script (script varchar(255) character set utf8mb4 collate utf8mb4_bin not null primary key, \
        hash char(64) character set ascii not null, begun bigint unsigned not null, done bigint unsigned not null, complete boolean not null) engine=InnoDB",
    "create table if not exists greenroom_trigger (place bigint unsigned not null auto_increment primary key, name varchar(64) character set utf8mb4 \
        collate utf8mb4_bin not null unique, mode text character set utf8mb4 not null, \
        collation varchar(64) not null, statement longtext character set utf8mb4 not null) engine=InnoDB",
];

/// Creates the marker's table; repeatable.
pub(crate) fn create_marker(database: &str) -> String {
    format!(
        "create table if not exists {}.{MARKER} (one tinyint not null primary key, marker text character set utf8mb4 not null) engine=InnoDB",
        sql::ident(database)
    )
}

/// Writes the marker.
pub(crate) fn write_marker(database: &str, marker: &Marker) -> String {
    let text = serde_json::to_string(marker).expect("a marker serialises to JSON");
    format!("replace into {}.{MARKER} (one, marker) values (1, {})", sql::ident(database), literal(&text))
}

/// The marker of a database, if it bears one.
pub(crate) async fn marker(session: &mut Session, database: &str) -> Result<Option<Marker>> {
    match session.value(&format!("select marker from {}.{MARKER} where one = 1", sql::ident(database))).await {
        Ok(found) => Ok(found.and_then(|text| serde_json::from_str(&text).ok())),
        // No such table, or one of somebody else's that looks otherwise, or none that we may read.
        Err(e) if matches!(code(&e), Some(1146 | 1054 | 1142 | 1044 | 1049)) => Ok(None),
        Err(e) => Err(e).doing(format!("look for the marker of `{database}`")),
    }
}

/// Whether a table's storage engine has transactions.
pub(crate) async fn transactional(session: &mut Session, table: &TableName) -> Result<bool> {
    let query = format!(
        "select e.transactions from information_schema.tables t join information_schema.engines e on e.engine = t.engine \
         where t.table_schema = database() and t.table_name = {}",
        literal(&table.name)
    );
    Ok(session.value(&query).await.doing(format!("look at the storage engine of {}", table.name))?.as_deref() == Some("YES"))
}

/// Hashes of schema statements that are done.
pub(crate) async fn statements_done(session: &mut Session) -> Result<BTreeSet<String>> {
    let rows = session.rows("select hash from greenroom_statement_done").await.doing("read the schema's progress")?;
    Ok(rows.iter().map(|row| said(row, 0)).collect())
}

/// The statement that records a schema statement as done; `hash` is hexadecimal.
pub(crate) fn record_statement(hash: &str) -> String {
    format!("insert ignore into greenroom_statement_done values ('{hash}')")
}

/// The statement that records a range.
pub(crate) fn record_range(done: &RangeDone) -> String {
    let span = serde_json::to_string(&done.range).expect("a range serialises to JSON");
    format!(
        "insert into greenroom_range_done (table_name, ordinal, span, row_count, digest, bytes) values ({}, {}, {}, {}, '{:032x}', {})",
        literal(&done.table.name),
        done.range.ordinal,
        literal(&span),
        done.digest.rows,
        done.digest.sum,
        done.bytes
    )
}

/// Finished ranges.
pub(crate) async fn ranges_done(session: &mut Session) -> Result<Vec<RangeDone>> {
    let doing = "read the copy's progress";
    let query = "select table_name, span, row_count, digest, bytes from greenroom_range_done order by 1, ordinal";
    let broken = || EngineError::new(ErrorKind::Data, doing, "a record of a range is damaged");
    let rows = session.rows(query).await.doing(doing)?;
    rows.iter()
        .map(|row| {
            let range = serde_json::from_str(&said(row, 1)).map_err(|_| broken())?;
            let sum = u128::from_str_radix(&said(row, 3), 16).map_err(|_| broken())?;
            Ok(RangeDone {
                table: TableName::new("main", said(row, 0)),
                range,
                digest: TableDigest { rows: number(row, 2), sum },
                bytes: number(row, 4),
            })
        })
        .collect()
}

/// The statement that removes records of a table, or of one of its ranges.
pub(crate) fn forget(copy: &TableCopy, ordinal: Option<u32>) -> String {
    let one = ordinal.map_or_else(String::new, |n| format!(" and ordinal = {n}"));
    format!("delete from greenroom_range_done where table_name = {}{one}", literal(&copy.table.name))
}

/// How far a script got, and the statement that was begun last.
pub(crate) async fn script_state(session: &mut Session, key: &str) -> Result<(ScriptState, u32)> {
    let doing = "read a script's progress";
    let query = format!("select hash, done, complete, begun from greenroom_script where script = {}", literal(key));
    let rows = session.rows(&query).await.doing(doing)?;
    let Some(row) = rows.first() else { return Ok((ScriptState::default(), 0)) };
    let small =
        |i: usize| u32::try_from(number(row, i)).map_err(|_| EngineError::new(ErrorKind::Data, doing, "a script's record is damaged"));
    let complete = text(row, 2).is_some_and(|t| t != "0");
    Ok((ScriptState { hash: Hash::parse(&said(row, 0)), done: small(1)?, complete }, small(3)?))
}

/// The statement that records a script's progress.
pub(crate) fn record_script(key: &str, hash: &Hash, begun: u32, done: u32, complete: bool) -> String {
    format!(
        "replace into greenroom_script (script, hash, begun, done, complete) values ({}, '{hash}', {begun}, {done}, {complete})",
        literal(key)
    )
}
