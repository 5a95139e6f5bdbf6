//! Queries that people and programs wrote: one that only reads, counted no further than needed.
//!
//! T-SQL needs no `;` between statements and has no read-only transactions, so a query is looked at word by word: it begins with `SELECT` or
//! `WITH`, and nothing in it is a keyword of a statement that could change something. Keywords cannot be names unless they stand in brackets.

use super::connect::{Purpose, Server, Session, text};
use super::error::Doing;
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::QueryOutcome;
use futures_util::TryStreamExt;
use greenroom_model::catalog::EngineKind;
use greenroom_model::upgrade::only_reads;
use tiberius::QueryItem;

/// Runs a query; counts up to `most` rows.
pub(crate) async fn within(session: &mut Session, sql: &str, most: u64, doing: &str) -> Result<QueryOutcome> {
    if let Err(word) = only_reads(EngineKind::Mssql, sql) {
        return Err(EngineError::new(ErrorKind::Statement, doing, "it is no query that only reads")
            .object(word)
            .hint("write one `SELECT`, and names that are keywords in brackets"));
    }
    let mut outcome = QueryOutcome::default();
    let mut ended = false;
    let mut stream = session.client.simple_query(sql).await.doing(doing)?;
    while let Some(item) = stream.try_next().await.doing(doing)? {
        let QueryItem::Row(row) = item else { continue };
        if ended {
            continue;
        }
        if outcome.rows == 0 {
            outcome.first = text(&row, 0);
        }
        outcome.rows += 1;
        // What is left is read and thrown away, so that the session stays of use.
        ended = outcome.rows >= most;
    }
    Ok(outcome)
}

/// As [`within`], in a session of its own.
pub(crate) async fn alone(server: &Server, database: &str, sql: &str, most: u64, doing: &str) -> Result<QueryOutcome> {
    let mut session = server.open(Some(database), Purpose::Catalog).await?;
    let outcome = within(&mut session, sql, most, doing).await;
    session.close().await;
    outcome
}
