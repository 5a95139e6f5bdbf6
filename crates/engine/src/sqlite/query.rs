//! Queries that people and programs wrote, read-only, and samples for detection.

use super::connect::quoted;
use super::error::failed;
use super::select::table_sql;
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::QueryOutcome;
use greenroom_model::catalog::{ForeignKey, Table};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Statement};

/// Longest text of a sampled value in bytes; detection needs no more.
const SAMPLED: usize = 4096;

/// The first value of a query as text; no row is `None`, as NULL is.
pub(super) fn value(c: &Connection, sql: &str) -> Result<Option<String>> {
    let doing = "run a query";
    let mut statement = read_only(c, sql, doing)?;
    let mut rows = statement.raw_query();
    match rows.next().map_err(|e| failed(doing, &e))? {
        Some(row) => Ok(text(row.get_ref(0).map_err(|e| failed(doing, &e))?, usize::MAX)),
        None => Ok(None),
    }
}

/// Runs an assertion.
pub(super) fn outcome(c: &Connection, sql: &str) -> Result<QueryOutcome> {
    let doing = "run an assertion";
    let mut statement = read_only(c, sql, doing)?;
    let mut rows = statement.raw_query();
    let mut out = QueryOutcome::default();
    while let Some(row) = rows.next().map_err(|e| failed(doing, &e))? {
        if out.rows == 0 {
            out.first = text(row.get_ref(0).map_err(|e| failed(doing, &e))?, usize::MAX);
        }
        out.rows += 1;
        if out.rows >= 1000 {
            break;
        }
    }
    Ok(out)
}

/// Whether it is one statement that only reads.
///
/// # Errors
/// When it is not, or the database does not understand it.
pub(super) fn only_reads(c: &Connection, sql: &str, doing: &str) -> Result<()> {
    read_only(c, sql, doing).map(drop)
}

fn read_only<'c>(c: &'c Connection, sql: &str, doing: &str) -> Result<Statement<'c>> {
    let statement = c.prepare(sql).map_err(|e| failed(doing, &e))?;
    let pragma = super::tokens::tokens(sql).first().is_some_and(|t| t.is("PRAGMA"));
    if !statement.readonly() || statement.column_count() == 0 {
        return Err(EngineError::new(
            ErrorKind::Statement,
            doing,
            "it is not a query; only statements that read and return rows are run here",
        ));
    }
    // Some PRAGMAs count as reading although they change the connection.
    if pragma && sql.contains('=') {
        return Err(EngineError::new(ErrorKind::Statement, doing, "it sets a PRAGMA; only statements that read are run here"));
    }
    Ok(statement)
}

/// Values of some rows, the oldest and the newest where the table has a rowid, since both ends of a history look different.
pub(super) fn sample(c: &Connection, table: &Table, rows: u32) -> Result<Vec<Vec<Option<String>>>> {
    let doing = format!("sample {}", table.name.name);
    let columns: Vec<String> = table.columns.iter().map(|c| format!("t.{}", quoted(&c.name))).collect();
    if columns.is_empty() {
        return Ok(Vec::new());
    }
    let from = format!("SELECT {} FROM {} AS t", columns.join(", "), table_sql(&table.name));
    let sql = match table.properties.get("rowid_column") {
        Some(key) => {
            let (key, table) = (quoted(key), table_sql(&table.name));
            let newest = rows / 2;
            format!(
                "{from} WHERE t.{key} IN (SELECT {key} FROM (SELECT {key} FROM {table} ORDER BY {key} LIMIT {}) \
                 UNION SELECT {key} FROM (SELECT {key} FROM {table} ORDER BY {key} DESC LIMIT {newest}))",
                rows - newest
            )
        }
        None => format!("{from} LIMIT {rows}"),
    };
    let mut statement = c.prepare(&sql).map_err(|e| failed(&doing, &e))?;
    let mut found = statement.raw_query();
    let mut out = Vec::new();
    while let Some(row) = found.next().map_err(|e| failed(&doing, &e))? {
        let values: rusqlite::Result<Vec<_>> = (0..columns.len()).map(|i| row.get_ref(i).map(|v| text(v, SAMPLED))).collect();
        out.push(values.map_err(|e| failed(&doing, &e))?);
    }
    Ok(out)
}

/// Rows whose foreign key points nowhere, found by an anti-join; keys with a NULL in them point at nothing by intent.
pub(super) fn orphans(c: &Connection, table: &Table, key: &ForeignKey) -> Result<u64> {
    let not_null: Vec<String> = key.columns.iter().map(|c| format!("t.{} IS NOT NULL", quoted(c))).collect();
    let equal: Vec<String> =
        key.columns.iter().zip(&key.referenced_columns).map(|(c, r)| format!("p.{} = t.{}", quoted(r), quoted(c))).collect();
    let doing = format!("look for orphans in {}", table.name.name);
    if equal.is_empty() || key.columns.len() != key.referenced_columns.len() {
        return Err(EngineError::new(ErrorKind::Data, doing, "the foreign key names other columns than its table has").object(&key.name));
    }
    let sql = format!(
        "SELECT count(*) FROM {} AS t WHERE {} AND NOT EXISTS (SELECT 1 FROM {} AS p WHERE {})",
        table_sql(&table.name),
        not_null.join(" AND "),
        table_sql(&key.references),
        equal.join(" AND ")
    );
    c.query_row(&sql, [], |r| r.get::<_, i64>(0)).map(i64::unsigned_abs).map_err(|e| failed(doing, &e).object(&key.name))
}

fn text(value: ValueRef<'_>, most: usize) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(i) => Some(i.to_string()),
        ValueRef::Real(x) => Some(x.to_string()),
        ValueRef::Text(b) | ValueRef::Blob(b) => {
            let b = &b[..b.len().min(most)];
            // A cut may fall into the middle of a character; that character is left out.
            match std::str::from_utf8(b) {
                Ok(t) => Some(t.to_owned()),
                Err(e) if e.error_len().is_none() => Some(String::from_utf8_lossy(&b[..e.valid_up_to()]).into_owned()),
                Err(_) => Some(b.iter().map(|b| format!("{b:02x}")).collect()),
            }
        }
    }
}
