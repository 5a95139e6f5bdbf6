//! Queries that people and programs wrote: one statement each, read-only, counted no further than needed.
//!
//! They run through a cursor that is declared by the extended protocol. That takes exactly one statement, so that nothing behind a `;` can
//! end the read-only transaction, and a cursor takes nothing but a query.

use super::connect::Session;
use super::error::Doing;
use crate::error::Result;
use crate::seam::QueryOutcome;
use tokio_postgres::SimpleQueryMessage;

/// Runs a query inside the session's open, read-only transaction; counts up to `most` rows.
pub(crate) async fn within(session: &Session, sql: &str, most: u64, doing: &str) -> Result<QueryOutcome> {
    let cursor = format!("declare greenroom_query no scroll cursor for {}", sql.trim().trim_end_matches(';'));
    session.client.execute(&cursor, &[]).await.doing(doing)?;
    let mut outcome = QueryOutcome::default();
    for message in session.client.simple_query(&format!("fetch {most} from greenroom_query")).await.doing(doing)? {
        if let SimpleQueryMessage::Row(row) = message {
            if outcome.rows == 0 {
                outcome.first = (!row.is_empty()).then(|| row.get(0).map(str::to_owned)).flatten();
            }
            outcome.rows += 1;
        }
    }
    Ok(outcome)
}

/// As [`within`], in a transaction of its own that ends with the session.
pub(crate) async fn alone(session: &Session, sql: &str, most: u64, doing: &str) -> Result<QueryOutcome> {
    session.client.batch_execute("begin read only").await.doing(doing)?;
    within(session, sql, most, doing).await
}
