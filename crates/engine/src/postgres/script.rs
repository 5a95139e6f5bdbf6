//! Running the vendor's scripts inside a generation, with their records. Owns transactions, failures with their line, and notices
//! without their text; does not own how scripts are cut into statements (`model::upgrade`).

use super::connect::Session;
use super::error::{Doing, mapped};
use super::own;
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::Applied;
use bytes::Bytes;
use futures_util::SinkExt;
use greenroom_model::catalog::EngineKind;
use greenroom_model::hash::Hash;
use greenroom_model::upgrade::{self, Statement, TransactionControl};
use std::collections::BTreeMap;
use tokio_postgres::SimpleQueryMessage;

/// What a statement does to the transaction around it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Manner {
    Usual,
    /// `BEGIN`: means nothing where the script runs in one transaction anyway.
    Begin,
    /// `COMMIT`: the same.
    Commit,
    /// Refuses to run inside a transaction.
    Alone,
    /// May end transactions by itself (`CALL`, `DO`): runs alone where the script asks for no transaction.
    Procedure,
    /// Holds for the session: said again when a script is gone on with.
    Setting,
    /// Would end the transaction that makes a failed script leave nothing. What reaches outside is for the program's check to refuse, since
    /// the program may declare it.
    Refused(&'static str),
}

fn manner(statement: &Statement) -> Manner {
    const ENGINE: EngineKind = EngineKind::Postgres;
    match upgrade::transaction_control(ENGINE, statement) {
        Some(TransactionControl::Begin) => Manner::Begin,
        Some(TransactionControl::Commit) => Manner::Commit,
        Some(TransactionControl::Rollback) => Manner::Refused("the script rolls back; greenroom runs it as a whole"),
        Some(TransactionControl::TwoPhase) => Manner::Refused("a prepared transaction would outlive the script"),
        Some(TransactionControl::Savepoint | TransactionControl::Characteristics) => Manner::Usual,
        None if upgrade::needs_no_transaction(ENGINE, statement) => Manner::Alone,
        None => match upgrade::label(ENGINE, statement).split_whitespace().next().map(str::to_ascii_uppercase).as_deref() {
            Some("CALL" | "DO") => Manner::Procedure,
            Some("SET" | "RESET") => Manner::Setting,
            _ => Manner::Usual,
        },
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

/// What a script may not hold, found before its first statement runs.
fn refuse(key: &str, statements: &[Statement], whole: bool) -> Result<()> {
    let refused = |i: usize, why: &str, hint: &str| {
        let mut e = EngineError::new(ErrorKind::Statement, format!("run script `{key}`"), why);
        e.statement = Some((number(i), statements[i].line));
        Err(e.hint(hint))
    };
    let mut open = None;
    for (i, statement) in statements.iter().enumerate() {
        match manner(statement) {
            Manner::Refused(why) => {
                return refused(i, why, "declare it as a step of its own (a program or a person), with what undoes it");
            }
            Manner::Begin => open = open.or(Some(i)),
            Manner::Commit => open = None,
            _ => {}
        }
    }
    match open {
        Some(i) if !whole => refused(i, "the transaction that begins here is never committed", "end it with `COMMIT`"),
        _ => Ok(()),
    }
}

/// Runs statements from `skip` on: in one transaction, unless the script is to run `apart` or holds a statement that refuses one. Then its own
/// `BEGIN` and `COMMIT` hold, and what stands outside them runs one by one.
pub(crate) async fn run(session: &Session, key: &str, hash: &Hash, statements: &[Statement], skip: u32, apart: bool) -> Result<Applied> {
    let doing = || format!("run script `{key}`");
    let whole = !apart && statements.iter().all(|s| manner(s) != Manner::Alone);
    refuse(key, statements, whole)?;
    let total = number(statements.len()).saturating_sub(1);
    let mut applied = Applied::default();
    session.take_notices();
    if whole {
        session.client.batch_execute("begin").await.doing(doing())?;
    } else {
        // What the statements that are done said about the session went with theirs.
        for statement in statements.iter().take(skip as usize).filter(|s| manner(s) == Manner::Setting) {
            session.client.batch_execute(&statement.sql).await.doing(doing())?;
        }
    }
    let mut block = false;
    for (i, statement) in statements.iter().enumerate().skip(skip as usize) {
        let record = own::record_script(key, hash, number(i), number(i) == total);
        let outcome = match manner(statement) {
            Manner::Begin | Manner::Commit if whole => Ok(0),
            Manner::Begin if block => Ok(0),
            Manner::Begin => {
                block = true;
                session.client.batch_execute("begin").await.map(|()| 0)
            }
            Manner::Commit if block => {
                block = false;
                session.client.batch_execute(&format!("{record}; commit")).await.map(|()| 0)
            }
            Manner::Commit => session.client.batch_execute(&record).await.map(|()| 0),
            _ if whole || block => execute(session, statement).await,
            Manner::Alone => alone(session, statement, &record).await,
            Manner::Procedure if apart => alone(session, statement, &record).await,
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

/// Runs statements beside all generations, without a record: in one transaction if all of them allow it.
pub(crate) async fn outside(session: &Session, statements: &[Statement]) -> Result<Applied> {
    let doing = "undo what a script did outside its database";
    refuse(doing, statements, true)?;
    let whole = statements.iter().all(|s| manner(s) != Manner::Alone);
    let mut applied = Applied::default();
    if whole {
        session.client.batch_execute("begin").await.doing(doing)?;
    }
    for (i, statement) in statements.iter().enumerate().filter(|(_, s)| !matches!(manner(s), Manner::Begin | Manner::Commit)) {
        match execute(session, statement).await {
            Ok(rows) => applied.rows += rows,
            Err(e) => return Err(failed(&e, doing, statement, number(i)).while_doing(doing)),
        }
        applied.statements += 1;
    }
    if whole {
        session.client.batch_execute("commit").await.doing(doing)?;
    }
    Ok(applied)
}

/// Effect first, record right after it: nothing can hold them together.
async fn alone(session: &Session, statement: &Statement, record: &str) -> std::result::Result<u64, tokio_postgres::Error> {
    let rows = execute(session, statement).await?;
    session.client.batch_execute(record).await?;
    Ok(rows)
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
    // The completion of a query counts rows that were read.
    let first = upgrade::label(EngineKind::Postgres, statement).split_whitespace().next().map(str::to_ascii_uppercase);
    let changes = !matches!(first.as_deref(), Some("SELECT" | "TABLE" | "VALUES" | "SHOW"));
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
        let manner = |sql: &str| manner(&Statement { sql: sql.to_owned(), line: 1, copy_data: None });
        assert_eq!(manner("-- note\nBEGIN"), Manner::Begin);
        assert_eq!(manner("commit"), Manner::Commit);
        assert_eq!(manner("call p()"), Manner::Procedure);
        assert_eq!(manner("SET search_path = a"), Manner::Setting);
        assert_eq!(manner("CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)"), Manner::Alone);
        assert_eq!(manner("/* x */ vacuum full t"), Manner::Alone);
        assert_eq!(manner("alter type mood add value 'ok'"), Manner::Alone);
        assert!(matches!(manner("prepare transaction 'x'"), Manner::Refused(_)));
        assert_eq!(manner("create role boss"), Manner::Usual);
        assert!(matches!(manner("ROLLBACK"), Manner::Refused(_)));
        assert_eq!(manner("ROLLBACK TO SAVEPOINT a"), Manner::Usual);
        assert_eq!(manner("set transaction isolation level serializable"), Manner::Usual);
        assert_eq!(manner("update t set a = 1"), Manner::Usual);
    }
}
