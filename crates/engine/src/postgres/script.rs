//! Running the vendor's scripts inside a generation, with their records. Owns transactions, failures with their line, and notices
//! without their text; does not own how scripts are cut into statements (`model::upgrade`).

use super::connect::Session;
use super::error::{Doing, mapped};
use super::own;
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::Applied;
use bytes::Bytes;
use futures_util::SinkExt;
use greenroom_model::hash::Hash;
use greenroom_model::upgrade::Statement;
use std::collections::BTreeMap;
use tokio_postgres::SimpleQueryMessage;

/// What a statement does to the transaction around it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Manner {
    Usual,
    /// `BEGIN` and `COMMIT`: the script runs in one transaction anyway.
    Boundary,
    /// Refuses to run inside a transaction.
    Alone,
    /// Cannot be undone by us, or leaves the database.
    Refused(&'static str),
}

/// The first words of a statement, upper case, comments skipped.
fn first_words(sql: &str, most: usize) -> Vec<String> {
    let mut rest = sql;
    let mut words = Vec::new();
    while words.len() < most {
        rest = rest.trim_start();
        if rest.starts_with("--") {
            rest = rest.find('\n').map_or("", |i| &rest[i..]);
        } else if rest.starts_with("/*") {
            rest = rest.find("*/").map_or("", |i| &rest[i + 2..]);
        } else {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
            if end == 0 {
                break;
            }
            words.push(rest[..end].to_uppercase());
            rest = &rest[end..];
        }
    }
    words
}

fn manner(sql: &str) -> Manner {
    let words = first_words(sql, 4);
    let word = |i: usize| words.get(i).map_or("", String::as_str);
    match (word(0), word(1)) {
        ("BEGIN" | "END", _) | ("START", "TRANSACTION") => Manner::Boundary,
        ("COMMIT", second) if second != "PREPARED" => Manner::Boundary,
        ("ROLLBACK" | "ABORT", second) if second != "TO" && word(2) != "TO" => {
            Manner::Refused("the script rolls back; greenroom runs it as a whole")
        }
        ("PREPARE", "TRANSACTION") => Manner::Refused("a prepared transaction would outlive the script"),
        ("CREATE" | "ALTER" | "DROP", "DATABASE" | "ROLE" | "USER" | "GROUP" | "TABLESPACE") if word(2) != "MAPPING" => {
            Manner::Refused("it reaches outside the database")
        }
        ("ALTER", "SYSTEM") => Manner::Refused("it changes the whole server"),
        ("VACUUM" | "CLUSTER", _) => Manner::Alone,
        ("CREATE" | "DROP", "INDEX") if word(2) == "CONCURRENTLY" => Manner::Alone,
        ("CREATE", "UNIQUE") if word(3) == "CONCURRENTLY" => Manner::Alone,
        ("REINDEX", _) if words.iter().any(|w| matches!(w.as_str(), "CONCURRENTLY" | "DATABASE" | "SYSTEM")) => Manner::Alone,
        _ => Manner::Usual,
    }
}

/// Runs statements from `skip` on.
pub(crate) async fn run(session: &Session, key: &str, hash: &Hash, statements: &[Statement], skip: u32) -> Result<Applied> {
    let doing = || format!("run script `{key}`");
    let number = |i: usize| u32::try_from(i + 1).unwrap_or(u32::MAX);
    for (i, statement) in statements.iter().enumerate() {
        if let Manner::Refused(why) = manner(&statement.sql) {
            let mut e = EngineError::new(ErrorKind::Statement, doing(), why);
            e.statement = Some((number(i), statement.line));
            return Err(e.hint("declare it as a step of its own (a program or a person), with what undoes it"));
        }
    }
    let total = number(statements.len()).saturating_sub(1);
    let whole = statements.iter().all(|s| manner(&s.sql) != Manner::Alone);
    let mut applied = Applied::default();
    session.take_notices();
    if whole {
        session.client.batch_execute("begin").await.doing(doing())?;
    }
    for (i, statement) in statements.iter().enumerate().skip(skip as usize) {
        let manner = manner(&statement.sql);
        let last = number(i) == total;
        let record = own::record_script(key, hash, number(i), last);
        let outcome = match manner {
            Manner::Boundary => Ok(0),
            _ if whole => execute(session, statement).await,
            Manner::Alone => execute(session, statement).await,
            _ => in_transaction(session, statement, &record).await,
        };
        match outcome {
            Ok(rows) => {
                applied.rows += rows;
                applied.statements += 1;
            }
            Err(e) => {
                if !session.client.is_closed() {
                    let _ = session.client.batch_execute("rollback").await;
                }
                return Err(failed(&e, key, statement, number(i)));
            }
        }
        if !whole && matches!(manner, Manner::Alone | Manner::Boundary) {
            session.client.batch_execute(&record).await.doing(doing())?;
        }
    }
    if whole {
        // What is deferred fails here; then nothing of the script stays.
        let record = own::record_script(key, hash, total, true);
        if let Err(e) = session.client.batch_execute(&format!("set constraints all immediate; {record}; commit")).await {
            if !session.client.is_closed() {
                let _ = session.client.batch_execute("rollback").await;
            }
            let mut e = mapped(&e, doing());
            e.hint = Some("the failure came at the end: a deferred constraint does not hold".to_owned());
            return Err(e);
        }
    } else if statements.is_empty() {
        session.client.batch_execute(&own::record_script(key, hash, 0, true)).await.doing(doing())?;
    }
    applied.notices = notices(session);
    Ok(applied)
}

async fn in_transaction(session: &Session, statement: &Statement, record: &str) -> std::result::Result<u64, tokio_postgres::Error> {
    session.client.batch_execute("begin").await?;
    let rows = execute(session, statement).await?;
    session.client.batch_execute(&format!("{record}; commit")).await?;
    Ok(rows)
}

async fn execute(session: &Session, statement: &Statement) -> std::result::Result<u64, tokio_postgres::Error> {
    if let Some(data) = &statement.copy_data {
        let sink = session.client.copy_in::<_, Bytes>(statement.sql.as_str()).await?;
        let mut sink = Box::pin(sink);
        sink.send(Bytes::from(data.clone().into_bytes())).await?;
        return sink.as_mut().finish().await;
    }
    let mut rows = 0;
    let changes = !matches!(first_words(&statement.sql, 1).first().map(String::as_str), Some("SELECT" | "TABLE" | "VALUES" | "SHOW"));
    for message in session.client.simple_query(&statement.sql).await? {
        if let SimpleQueryMessage::CommandComplete(n) = message
            && changes
        {
            rows += n;
        }
    }
    Ok(rows)
}

fn failed(e: &tokio_postgres::Error, key: &str, statement: &Statement, number: u32) -> EngineError {
    use tokio_postgres::error::ErrorPosition;
    let mut error = mapped(e, format!("run script `{key}`"));
    // The server's position counts characters within the statement; it leads to the exact line of the file.
    let mut line = statement.line;
    if let Some(ErrorPosition::Original(position)) = e.as_db_error().and_then(|db| db.position()) {
        let before = statement.sql.trim_start().chars().take(*position as usize - usize::from(*position > 0));
        let lines = before.filter(|c| *c == '\n').count();
        let leading_comment = !statement.sql.trim_start().starts_with(|c: char| c.is_alphabetic() || c == '(');
        if !leading_comment {
            line += u32::try_from(lines).unwrap_or(0);
        }
    }
    error.statement = Some((number, line));
    error
}

/// Notices by severity and code with their number; their texts may quote rows.
fn notices(session: &Session) -> Vec<String> {
    let mut counted: BTreeMap<(String, String), u32> = BTreeMap::new();
    for notice in session.take_notices() {
        *counted.entry((notice.severity, notice.code)).or_default() += 1;
    }
    counted.into_iter().map(|((severity, code), n)| format!("{n} × {} {code}", severity.to_lowercase())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_told_apart_by_what_they_need() {
        assert_eq!(manner("-- note\nBEGIN"), Manner::Boundary);
        assert_eq!(manner("commit"), Manner::Boundary);
        assert_eq!(manner("CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)"), Manner::Alone);
        assert_eq!(manner("/* x */ vacuum full t"), Manner::Alone);
        assert!(matches!(manner("create role boss"), Manner::Refused(_)));
        assert!(matches!(manner("ROLLBACK"), Manner::Refused(_)));
        assert_eq!(manner("ROLLBACK TO SAVEPOINT a"), Manner::Usual);
        assert_eq!(manner("create user mapping for x server s"), Manner::Usual);
        assert_eq!(manner("update t set a = 1"), Manner::Usual);
    }
}
