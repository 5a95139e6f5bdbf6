//! Our own objects inside a generation: schema `greenroom` with the marker, progress and script records. All but the marker are dropped when the
//! generation is done; the schema is left out of every inspection.

use super::connect::{Session, number, said, truth};
use super::error::Doing;
use super::sql::literal;
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Marker, RangeDone, ScriptState};
use greenroom_model::catalog::TableName;
use greenroom_model::hash::Hash;
use greenroom_model::plan::TableCopy;
use greenroom_model::verify::TableDigest;
use std::collections::BTreeSet;

/// Tables that are dropped before a generation goes on stage.
const PROGRESS: &[&str] = &["range_done", "statement_done", "script"];

/// Batches that create our objects; repeatable. A schema is made by a batch of its own.
pub(crate) const CREATE: &[&str] = &[
    "if schema_id(N'greenroom') is null exec(N'create schema greenroom')",
    "if object_id(N'greenroom.marker') is null create table greenroom.marker (one int not null primary key, marker nvarchar(max) not null)",
    "if object_id(N'greenroom.range_done') is null create table greenroom.range_done (table_schema nvarchar(128) not null, table_name nvarchar(128) \
     not null, ordinal bigint not null, span nvarchar(max) not null, row_count bigint not null, digest varchar(32) not null, bytes bigint not null, \
     primary key (table_schema, table_name, ordinal))",
    "if object_id(N'greenroom.statement_done') is null create table greenroom.statement_done (hash varchar(64) not null primary key)",
    "if object_id(N'greenroom.script') is null create table greenroom.script (script nvarchar(255) not null primary key, hash varchar(64) not null, \
     done bigint not null, complete bit not null)",
];

/// The table by which scratch databases of a contract test are known.
pub(crate) const SCRATCH: &str = "greenroom.scratch";

/// Writes the marker.
pub(crate) fn write_marker(marker: &Marker) -> String {
    let text = serde_json::to_string(marker).expect("a marker serialises to JSON");
    format!(
        "set xact_abort on; begin transaction; delete from greenroom.marker; insert into greenroom.marker (one, marker) values (1, {}); commit",
        literal(&text)
    )
}

/// The marker of the session's database, if it bears one.
pub(crate) async fn marker(session: &mut Session) -> Result<Option<Marker>> {
    let doing = "look for the marker of a database";
    if session.value("select object_id(N'greenroom.marker')").await.doing(doing)?.is_none() {
        return Ok(None);
    }
    let found = session.value("select marker from greenroom.marker where one = 1").await.doing(doing)?;
    Ok(found.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Hashes of schema statements that are done.
pub(crate) async fn statements_done(session: &mut Session) -> Result<BTreeSet<String>> {
    let rows = session.rows("select hash from greenroom.statement_done").await.doing("read the schema's progress")?;
    Ok(rows.iter().map(|row| said(row, 0)).collect())
}

/// The statement that records a schema statement as done; `hash` is hexadecimal.
pub(crate) fn record_statement(hash: &str) -> String {
    format!(
        "insert into greenroom.statement_done (hash) select '{hash}' where not exists (select 1 from greenroom.statement_done where hash = '{hash}')"
    )
}

/// The statement that records a range.
pub(crate) fn record_range(done: &RangeDone) -> String {
    let span = serde_json::to_string(&done.range).expect("a range serialises to JSON");
    format!(
        "insert into greenroom.range_done (table_schema, table_name, ordinal, span, row_count, digest, bytes) values ({}, {}, {}, {}, {}, '{:032x}', {})",
        literal(&done.table.schema),
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
    let query = "select table_schema, table_name, span, row_count, digest, bytes from greenroom.range_done order by 1, 2, ordinal";
    let broken = || EngineError::new(ErrorKind::Data, doing, "a record of a range is damaged");
    let rows = session.rows(query).await.doing(doing)?;
    rows.iter()
        .map(|row| {
            let range = serde_json::from_str(&said(row, 2)).map_err(|_| broken())?;
            let sum = u128::from_str_radix(&said(row, 4), 16).map_err(|_| broken())?;
            let digest = TableDigest { rows: number(row, 3), sum };
            Ok(RangeDone { table: TableName::new(said(row, 0), said(row, 1)), range, digest, bytes: number(row, 5) })
        })
        .collect()
}

/// The statement that removes records of a table, or of one of its ranges.
pub(crate) fn forget(copy: &TableCopy, ordinal: Option<u32>) -> String {
    let one = ordinal.map_or_else(String::new, |n| format!(" and ordinal = {n}"));
    format!(
        "delete from greenroom.range_done where table_schema = {} and table_name = {}{one}",
        literal(&copy.table.schema),
        literal(&copy.table.name)
    )
}

/// How far a script got.
pub(crate) async fn script_state(session: &mut Session, key: &str) -> Result<ScriptState> {
    let doing = "read a script's progress";
    let query = format!("select hash, done, complete from greenroom.script where script = {}", literal(key));
    let rows = session.rows(&query).await.doing(doing)?;
    let Some(row) = rows.first() else { return Ok(ScriptState::default()) };
    let done = u32::try_from(number(row, 1)).map_err(|_| EngineError::new(ErrorKind::Data, doing, "a script's record is damaged"))?;
    Ok(ScriptState { hash: Hash::parse(&said(row, 0)), done, complete: truth(row, 2) })
}

/// The statements that record a script's progress.
pub(crate) fn record_script(key: &str, hash: &Hash, done: u32, complete: bool) -> String {
    let (key, complete) = (literal(key), u8::from(complete));
    format!(
        "delete from greenroom.script where script = {key}; insert into greenroom.script (script, hash, done, complete) values ({key}, '{hash}', {done}, {complete})"
    )
}

/// The batch that removes everything of ours but the marker.
pub(crate) fn tidy() -> String {
    let drops: Vec<String> = PROGRESS.iter().map(|t| format!("drop table if exists greenroom.{t}")).collect();
    drops.join("; ")
}
