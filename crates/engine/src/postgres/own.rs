//! Our own objects inside a generation: schema `greenroom` with progress and script records, dropped when the generation is done.

use super::connect::Session;
use super::error::Doing;
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{RangeDone, ScriptState};
use greenroom_model::catalog::TableName;
use greenroom_model::hash::Hash;
use greenroom_model::plan::TableCopy;
use greenroom_model::verify::TableDigest;
use std::collections::BTreeSet;

/// Creates the schema; repeatable.
pub(crate) const CREATE: &str = "
    create schema if not exists greenroom;
    create table if not exists greenroom.range_done (
        table_schema text not null, table_name text not null, ordinal int8 not null, range text not null,
        rows int8 not null, sum text not null, bytes int8 not null, primary key (table_schema, table_name, ordinal));
    create table if not exists greenroom.statement_done (hash text primary key);
    create table if not exists greenroom.script (key text primary key, hash text not null, done int8 not null, complete bool not null);
    create table if not exists greenroom.left_unpopulated (view_schema text, view_name text, primary key (view_schema, view_name));
    revoke all on schema greenroom from public;";

/// Hashes of schema statements that are done.
pub(crate) async fn statements_done(session: &Session) -> Result<BTreeSet<String>> {
    let rows = session.client.query("select hash from greenroom.statement_done", &[]).await.doing("read the schema's progress")?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The statement that records a schema statement as done; `hash` is hexadecimal.
pub(crate) fn record_statement(hash: &str) -> String {
    format!("insert into greenroom.statement_done values ('{hash}')")
}

/// Finished ranges.
pub(crate) async fn ranges_done(session: &Session) -> Result<Vec<RangeDone>> {
    let doing = "read the copy's progress";
    let rows = session
        .client
        .query("select table_schema, table_name, range, rows, sum, bytes from greenroom.range_done order by 1, 2, ordinal", &[])
        .await
        .doing(doing)?;
    let broken = || EngineError::new(ErrorKind::Data, doing, "a record of a range is damaged");
    rows.iter()
        .map(|row| {
            let range = serde_json::from_str(row.get(2)).map_err(|_| broken())?;
            let rows = u64::try_from(row.get::<_, i64>(3)).map_err(|_| broken())?;
            let sum = u128::from_str_radix(row.get(4), 16).map_err(|_| broken())?;
            let bytes = u64::try_from(row.get::<_, i64>(5)).map_err(|_| broken())?;
            Ok(RangeDone {
                table: TableName::new(row.get::<_, String>(0), row.get::<_, String>(1)),
                range,
                digest: TableDigest { rows, sum },
                bytes,
            })
        })
        .collect()
}

/// The statement that removes records of a table, or of one of its ranges.
pub(crate) fn forget(copy: &TableCopy, ordinal: Option<u32>) -> String {
    let one = ordinal.map_or_else(String::new, |n| format!(" and ordinal = {n}"));
    format!(
        "delete from greenroom.range_done where table_schema = {} and table_name = {}{one}",
        super::sql::literal(&copy.table.schema),
        super::sql::literal(&copy.table.name)
    )
}

/// How far a script got.
pub(crate) async fn script_state(session: &Session, key: &str) -> Result<ScriptState> {
    let doing = "read a script's progress";
    let row = session.client.query_opt("select hash, done, complete from greenroom.script where key = $1", &[&key]).await.doing(doing)?;
    let Some(row) = row else { return Ok(ScriptState::default()) };
    let done = u32::try_from(row.get::<_, i64>(1)).map_err(|_| EngineError::new(ErrorKind::Data, doing, "a script's record is damaged"))?;
    Ok(ScriptState { hash: Hash::parse(row.get(0)), done, complete: row.get(2) })
}

/// The statement that records a script's progress.
pub(crate) fn record_script(key: &str, hash: &Hash, done: u32, complete: bool) -> String {
    format!(
        "insert into greenroom.script values ({}, '{hash}', {done}, {complete}) \
         on conflict (key) do update set hash = excluded.hash, done = excluded.done, complete = excluded.complete",
        super::sql::literal(key)
    )
}
