//! Running the vendor's scripts inside a generation, with their records. Owns failures with their statement, and warnings without their text;
//! does not own how scripts are cut into statements (`model::upgrade`).
//!
//! These servers commit before and after every statement that changes the schema, so a script is not one transaction. Statements that change
//! rows commit together with their record. Of any other it is recorded first that it was begun: if it is cut there, nobody knows whether it took
//! effect, and that is said instead of running it twice.

use super::connect::Session;
use super::error::{Doing, mapped};
use super::own;
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::Applied;
use greenroom_model::catalog::EngineKind;
use greenroom_model::hash::Hash;
use greenroom_model::upgrade::{self, Statement, TransactionControl};

const ENGINE: EngineKind = EngineKind::Mysql;

/// What becomes of a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Manner {
    /// Changes rows: commits together with its record.
    Rows,
    /// Sets something for the session; done again when the script goes on in another one.
    Setting,
    /// Commits by itself, or may do so.
    Alone,
    /// `BEGIN`, `COMMIT`, `LOCK TABLES`: each statement is kept apart, and nobody else is in the generation.
    Skipped,
    Refused(&'static str),
}

fn manner(statement: &Statement) -> Manner {
    match upgrade::transaction_control(ENGINE, statement) {
        Some(TransactionControl::Begin | TransactionControl::Commit | TransactionControl::Characteristics) => return Manner::Skipped,
        Some(TransactionControl::Rollback | TransactionControl::Savepoint) => {
            return Manner::Refused("the script rolls back, and on this engine its statements are committed one by one");
        }
        Some(TransactionControl::TwoPhase) => return Manner::Refused("a prepared transaction would outlive the script"),
        None => {}
    }
    let label = upgrade::label(ENGINE, statement);
    let mut words = label.split_whitespace().map(str::to_ascii_uppercase);
    match words.next().as_deref() {
        Some("INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "SELECT" | "WITH" | "VALUES") => Manner::Rows,
        Some("SET") => Manner::Setting,
        Some("LOCK" | "UNLOCK") => Manner::Skipped,
        _ if statement.sql.trim_start().to_ascii_uppercase().starts_with("UNLOCK") => Manner::Skipped,
        _ => Manner::Alone,
    }
}

/// Runs statements from `skip` on; `records` is a session beside it, for what must be recorded before.
pub(crate) async fn run(
    session: &mut Session,
    records: &mut Session,
    key: &str,
    hash: &Hash,
    statements: &[Statement],
    skip: u32,
) -> Result<Applied> {
    let doing = || format!("run script `{key}`");
    let number = |i: usize| u32::try_from(i + 1).unwrap_or(u32::MAX);
    for (i, statement) in statements.iter().enumerate() {
        if let Manner::Refused(why) = manner(statement) {
            return Err(at(EngineError::new(ErrorKind::Statement, doing(), why), number(i), statement)
                .hint("declare it as a step of its own (a program or a person), with what undoes it"));
        }
    }
    let total = number(statements.len()).saturating_sub(1);
    let (state, begun) = own::script_state(records, key).await?;
    if begun > state.done
        && begun > skip
        && let Some(statement) = statements.get(skip as usize)
    {
        let e = EngineError::new(
            ErrorKind::Conflict,
            doing(),
            "greenroom was interrupted while this statement ran, and on this engine nobody can tell whether it took effect",
        );
        return Err(at(e, begun, statement).hint("`greenroom undo` drops the generation; then rehearse again"));
    }
    let mut applied = Applied::default();
    let mut warnings = 0u64;
    for (i, statement) in statements.iter().enumerate() {
        let (n, manner) = (number(i), manner(statement));
        if n <= skip {
            if manner == Manner::Setting {
                session.run(&statement.sql).await.map_err(|e| at(mapped(&e, doing()), n, statement))?;
            }
            continue;
        }
        let record = own::record_script(key, hash, n, n, n == total);
        match manner {
            Manner::Rows => {
                session.run("start transaction").await.doing(doing())?;
                let done = session.run(&statement.sql).await;
                if let Err(e) = done {
                    let failed = at(mapped(&e, doing()), n, statement);
                    let _ = session.run("rollback").await;
                    return Err(failed);
                }
                applied.rows += session.conn.affected_rows();
                warnings += u64::from(session.conn.get_warnings());
                session.run(&format!("{record}; commit")).await.doing(doing())?;
            }
            Manner::Alone => {
                records.run(&own::record_script(key, hash, n, n - 1, false)).await.doing(doing())?;
                if let Err(e) = session.run(&statement.sql).await {
                    let failed = mapped(&e, doing());
                    if failed.kind != ErrorKind::Lost {
                        // It failed, and the server undid what it had begun: it may be run again.
                        let _ = records.run(&own::record_script(key, hash, n - 1, n - 1, false)).await;
                    }
                    return Err(at(failed, n, statement));
                }
                applied.rows += session.conn.affected_rows();
                warnings += u64::from(session.conn.get_warnings());
                records.run(&record).await.doing(doing())?;
            }
            Manner::Setting => {
                session.run(&statement.sql).await.map_err(|e| at(mapped(&e, doing()), n, statement))?;
                records.run(&record).await.doing(doing())?;
            }
            Manner::Skipped | Manner::Refused(_) => records.run(&record).await.doing(doing())?,
        }
        applied.statements += 1;
    }
    if statements.is_empty() {
        records.run(&own::record_script(key, hash, 0, 0, true)).await.doing(doing())?;
    }
    if warnings > 0 {
        applied.notices.push(format!("{warnings} × warning"));
    }
    Ok(applied)
}

fn at(mut e: EngineError, number: u32, statement: &Statement) -> EngineError {
    e.statement = Some((number, statement.line));
    e
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_told_apart_by_what_they_need() {
        let manner = |sql: &str| manner(&Statement { sql: sql.to_owned(), line: 1, copy_data: None });
        assert_eq!(manner("START TRANSACTION"), Manner::Skipped);
        assert_eq!(manner("commit"), Manner::Skipped);
        assert_eq!(manner("LOCK TABLES a WRITE"), Manner::Skipped);
        assert_eq!(manner("unlock tables"), Manner::Skipped);
        assert_eq!(manner("/*!40101 SET NAMES utf8mb4 */"), Manner::Setting);
        assert_eq!(manner("insert into t values (1)"), Manner::Rows);
        assert_eq!(manner("alter table t add c int"), Manner::Alone);
        assert_eq!(manner("call p()"), Manner::Alone);
        assert!(matches!(manner("rollback"), Manner::Refused(_)));
        assert!(matches!(manner("xa prepare 'x'"), Manner::Refused(_)));
    }
}
