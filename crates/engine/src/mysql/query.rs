//! Queries that people and programs wrote: one statement each, read-only, counted no further than needed.
//!
//! They run as prepared statements: these take exactly one statement, so that nothing behind a `;` can end the read-only transaction. Only what
//! reads by its first word is let through: a procedure could end the transaction itself, and a query can write files.

use super::connect::{Purpose, Server, Session, text};
use super::error::Doing;
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::QueryOutcome;
use greenroom_model::catalog::EngineKind;
use greenroom_model::finding::Severity;
use greenroom_model::upgrade::{Statement, label, outside};
use mysql_async::prelude::Queryable;

/// Runs a query inside the session's open, read-only transaction; counts up to `most` rows.
pub(crate) async fn within(session: &mut Session, sql: &str, most: u64, doing: &str) -> Result<QueryOutcome> {
    let sql = sql.trim().trim_end_matches(';');
    let statement = Statement { sql: sql.to_owned(), line: 1, copy_data: None };
    let first = label(EngineKind::Mysql, &statement).split_whitespace().next().map(str::to_ascii_uppercase);
    let reads = matches!(first.as_deref(), Some("SELECT" | "WITH" | "VALUES")) || sql.starts_with('(');
    let files = outside(EngineKind::Mysql, &statement).filter(|o| o.severity == Severity::Error && o.what.contains("file"));
    if !reads || files.is_some() {
        return Err(
            EngineError::new(ErrorKind::Statement, doing, "it is no query that only reads").hint("write one `SELECT`, `WITH` or `VALUES`")
        );
    }
    let mut outcome = QueryOutcome::default();
    let mut rows = session.conn.exec_iter(sql, ()).await.doing(doing)?;
    while outcome.rows < most {
        let Some(row) = rows.next().await.doing(doing)? else { break };
        if outcome.rows == 0 {
            outcome.first = if row.is_empty() { None } else { text(&row, 0) };
        }
        outcome.rows += 1;
    }
    rows.drop_result().await.doing(doing)?;
    Ok(outcome)
}

/// As [`within`], in a session and a transaction of its own.
pub(crate) async fn alone(server: &Server, database: &str, sql: &str, most: u64, doing: &str) -> Result<QueryOutcome> {
    let mut session = server.open(Some(database), Purpose::Foreign).await?;
    session.run("start transaction read only").await.doing(doing)?;
    let outcome = within(&mut session, sql, most, doing).await;
    session.close().await;
    outcome
}
