//! Running the vendor's scripts inside a generation, with their records. Owns transactions and failures with their line; does not own how scripts
//! are cut into batches (`model::upgrade`).
//!
//! A script is one transaction with its record: transactions that it begins and commits itself are nested in ours. One that ends ours, or says
//! that it is not to run in one, runs batch by batch. Settings (`SET ANSI_NULLS ON`) hold for the session, as they do for sqlcmd. What a
//! script prints the driver does not tell; of the rows that a batch changes, those of its last statement.

use super::connect::{Session, number};
use super::error::{Doing, line, mapped};
use super::own;
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::Applied;
use greenroom_model::catalog::EngineKind;
use greenroom_model::hash::Hash;
use greenroom_model::upgrade::{self, Statement};

const ENGINE: EngineKind = EngineKind::Mssql;

fn nth(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

/// An error with the batch and the line of the script where it arose.
fn at(e: &tiberius::error::Error, attempted: String, number: u32, statement: &Statement) -> EngineError {
    let mut mapped = mapped(e, attempted);
    let within = line(e).unwrap_or(1).saturating_sub(1);
    mapped.statement = Some((number, statement.line.saturating_add(within)));
    mapped
}

/// Whether a batch only sets something for the session.
fn sets(statement: &Statement) -> bool {
    upgrade::label(ENGINE, statement).to_ascii_uppercase().starts_with("SET ")
}

/// What the batch before left: rows that its last statement changed, and open transactions.
async fn left(session: &mut Session) -> Result<(u64, u64)> {
    let found = session.rows("select cast(@@rowcount as bigint), @@trancount").await.doing("look at the transaction")?;
    Ok(found.first().map_or((0, 0), |row| (number(row, 0), number(row, 1))))
}

async fn roll_back(session: &mut Session) {
    // The connection may be gone, which undoes as well.
    let _ = session.run("if @@trancount > 0 rollback transaction").await;
}

/// Runs batches from `skip` on, in one transaction with the record.
pub(crate) async fn whole(session: &mut Session, key: &str, hash: &Hash, statements: &[Statement], skip: u32) -> Result<Applied> {
    let done = whole_or_fail(session, key, hash, statements, skip).await;
    if done.is_err() {
        roll_back(session).await;
    }
    done
}

async fn whole_or_fail(session: &mut Session, key: &str, hash: &Hash, statements: &[Statement], skip: u32) -> Result<Applied> {
    let doing = || format!("run script `{key}`");
    let mut applied = Applied::default();
    session.run("begin transaction").await.doing(doing())?;
    for (i, statement) in statements.iter().enumerate() {
        let n = nth(i);
        if n <= skip && !sets(statement) {
            continue;
        }
        session.run(&statement.sql).await.map_err(|e| at(&e, doing(), n, statement))?;
        let (rows, open) = left(session).await?;
        if open == 0 {
            let mut e = EngineError::new(ErrorKind::Statement, doing(), "the script ended the transaction that it runs in")
                .hint("let every COMMIT have its BEGIN TRANSACTION; a script that rolls back runs with `transaction:false`");
            e.statement = Some((n, statement.line));
            return Err(e);
        }
        if n > skip {
            applied.statements += 1;
            applied.rows += rows;
        }
    }
    if left(session).await?.1 != 1 {
        return Err(EngineError::new(ErrorKind::Statement, doing(), "the script begins a transaction and does not end it"));
    }
    let total = nth(statements.len()).saturating_sub(1);
    session.run(&own::record_script(key, hash, total, true)).await.doing(doing())?;
    session.run("commit transaction").await.doing(doing())?;
    Ok(applied)
}

/// Runs batches from `skip` on one by one, each in a transaction with its record, or recorded right after it where it refuses one.
pub(crate) async fn apart(session: &mut Session, key: &str, hash: &Hash, statements: &[Statement], skip: u32) -> Result<Applied> {
    let doing = || format!("run script `{key}`");
    let mut applied = Applied::default();
    let total = nth(statements.len()).saturating_sub(1);
    for (i, statement) in statements.iter().enumerate() {
        let n = nth(i);
        if n <= skip {
            if sets(statement) {
                session.run(&statement.sql).await.map_err(|e| at(&e, doing(), n, statement))?;
            }
            continue;
        }
        let record = own::record_script(key, hash, n, n == total);
        let alone = upgrade::needs_no_transaction(ENGINE, statement);
        if !alone {
            session.run("begin transaction").await.doing(doing())?;
        }
        let ran = session.run(&statement.sql).await.map_err(|e| at(&e, doing(), n, statement));
        if let Err(e) = ran {
            roll_back(session).await;
            return Err(e);
        }
        applied.rows += left(session).await?.0;
        // A batch may have ended the transaction itself.
        let recorded = session.run(&format!("{record}; while @@trancount > 0 commit transaction")).await.doing(doing());
        if let Err(e) = recorded {
            roll_back(session).await;
            return Err(e);
        }
        applied.statements += 1;
    }
    if statements.is_empty() {
        session.run(&own::record_script(key, hash, 0, true)).await.doing(doing())?;
    }
    Ok(applied)
}

/// Runs statements beside all generations, in one transaction where they allow it.
pub(crate) async fn outside(session: &mut Session, statements: &[Statement]) -> Result<Applied> {
    let doing = || "undo what a script did outside its database".to_owned();
    let whole = !statements.iter().any(|s| upgrade::needs_no_transaction(ENGINE, s));
    if whole {
        session.run("begin transaction").await.doing(doing())?;
    }
    for (i, statement) in statements.iter().enumerate() {
        if let Err(e) = session.run(&statement.sql).await {
            let failed = at(&e, doing(), nth(i), statement);
            roll_back(session).await;
            return Err(failed);
        }
    }
    if whole {
        session.run("commit transaction").await.doing(doing())?;
    }
    Ok(Applied { statements: nth(statements.len()).saturating_sub(1), ..Applied::default() })
}
