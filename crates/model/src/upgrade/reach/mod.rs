//! What a statement would do beyond the database and the transaction it runs in (P17).
//!
//! Owns these verdicts, made on tokens, so that comments, strings and quoted names do not fool them. Does not own refusing: the check of a
//! program and the plan do. What is put together at run time (`EXECUTE`, functions called) cannot be seen and is reported as a note.

mod mssql;
mod mysql;
mod postgres;
mod sqlite;

pub use mssql::databases_named;
pub(crate) use mssql::{creates_module, module_at};
pub use mysql::schemas_named;

use super::Statement;
use super::token::{Kind, Token, name_of, significant};
use crate::catalog::EngineKind;
use crate::finding::Severity;

/// A statement reaches outside the database, or may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// What it does, e.g. `CREATE ROLE`; never a literal.
    pub what: String,
    /// Why that matters.
    pub why: &'static str,
    /// Error: refused unless declared. Warning and note: to be shown.
    pub severity: Severity,
    /// Lines below the statement's first one where it stands: a batch of SQL Server is many statements.
    pub below: u32,
}

/// A statement that begins, ends or divides a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionControl {
    /// `BEGIN`, `START TRANSACTION`.
    Begin,
    /// `COMMIT`, `END`.
    Commit,
    /// `ROLLBACK`, `ABORT`.
    Rollback,
    /// `SAVEPOINT`, `RELEASE`, `ROLLBACK TO`.
    Savepoint,
    /// `PREPARE TRANSACTION`, `COMMIT PREPARED`, `ROLLBACK PREPARED`.
    TwoPhase,
    /// `SET TRANSACTION`.
    Characteristics,
}

/// Whether and how a statement reaches outside its database: the worst of [`outsides`].
pub fn outside(engine: EngineKind, statement: &Statement) -> Option<Outside> {
    // The first of the worst ones.
    outsides(engine, statement).into_iter().rev().max_by_key(|o| o.severity)
}

/// All ways in which a statement reaches outside its database, in its order: several where a statement is a batch (SQL Server).
pub fn outsides(engine: EngineKind, statement: &Statement) -> Vec<Outside> {
    let sql = Sql::new(engine, &statement.sql);
    let one = match engine {
        EngineKind::Postgres => postgres::outside(&sql),
        EngineKind::Mysql => mysql::outside(&sql),
        EngineKind::Mssql => return mssql::outsides(&sql),
        EngineKind::Sqlite | EngineKind::Fake => sqlite::outside(&sql),
    };
    one.into_iter().collect()
}

/// Whether a statement steers the transaction. Of a batch of SQL Server: whether it leaves one open that it began, or ends one that it did not
/// begin, as far as its text shows.
pub fn transaction_control(engine: EngineKind, statement: &Statement) -> Option<TransactionControl> {
    let sql = Sql::new(engine, &statement.sql);
    if engine == EngineKind::Mssql {
        return mssql::control(&sql);
    }
    let (postgres, mysql) = (engine == EngineKind::Postgres, engine == EngineKind::Mysql);
    if sql.starts(&["PREPARE", "TRANSACTION"]) || sql.starts(&["COMMIT", "PREPARED"]) || sql.starts(&["ROLLBACK", "PREPARED"]) {
        return postgres.then_some(TransactionControl::TwoPhase);
    }
    Some(match sql.word(0).as_str() {
        "XA" if mysql => TransactionControl::TwoPhase,
        "END" if mysql => return None,
        "BEGIN" => TransactionControl::Begin,
        "START" if (postgres || mysql) && sql.word(1) == "TRANSACTION" => TransactionControl::Begin,
        "COMMIT" | "END" => TransactionControl::Commit,
        "ABORT" if postgres => TransactionControl::Rollback,
        "ROLLBACK" if (1..4).any(|i| sql.word(i) == "TO") => TransactionControl::Savepoint,
        "ROLLBACK" => TransactionControl::Rollback,
        "SAVEPOINT" | "RELEASE" => TransactionControl::Savepoint,
        "SET" if (postgres || mysql) && (sql.word(1) == "TRANSACTION" || sql.starts(&["SET", "LOCAL", "TRANSACTION"])) => {
            TransactionControl::Characteristics
        }
        _ => return None,
    })
}

/// Whether a statement cannot run, or does nothing, inside a transaction block.
///
/// `ALTER TYPE … ADD VALUE` counts: PostgreSQL refused it before 12, and refuses to use the new value in the same transaction since.
pub fn needs_no_transaction(engine: EngineKind, statement: &Statement) -> bool {
    let sql = Sql::new(engine, &statement.sql);
    match engine {
        EngineKind::Postgres => postgres::needs_no_transaction(&sql),
        // Statements that change the schema commit what came before them, wherever they stand.
        EngineKind::Mysql => false,
        EngineKind::Mssql => mssql::needs_no_transaction(&sql),
        EngineKind::Sqlite | EngineKind::Fake => sqlite::needs_no_transaction(&sql),
    }
}

/// A statement's tokens that count.
pub(crate) struct Sql<'t> {
    pub engine: EngineKind,
    pub text: &'t str,
    pub tokens: Vec<Token>,
}

impl<'t> Sql<'t> {
    pub fn new(engine: EngineKind, text: &'t str) -> Sql<'t> {
        Sql { engine, text, tokens: significant(engine, text) }
    }

    /// The unquoted word at an index in upper case; empty when there is none.
    pub fn word(&self, index: usize) -> String {
        self.tokens.get(index).filter(|t| t.kind == Kind::Word).map_or_else(String::new, |t| t.of(self.text).to_ascii_uppercase())
    }

    pub fn starts(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(i, w)| self.word(i) == *w)
    }

    pub fn has_word(&self, word: &str) -> bool {
        self.tokens.iter().any(|t| t.is_word(self.text, word))
    }

    pub fn symbol(&self, index: usize, symbol: &str) -> bool {
        self.tokens.get(index).is_some_and(|t| t.is_symbol(self.text, symbol))
    }

    /// The name at an index: an identifier, quoted or not; in others than PostgreSQL in lower case, as they ignore it.
    pub fn name(&self, index: usize) -> Option<String> {
        let name = name_of(*self.tokens.get(index)?, self.text)?;
        Some(if self.engine == EngineKind::Postgres { name } else { name.to_ascii_lowercase() })
    }

    /// Names of what looks like calls, `schema.` in front where written. Names behind `FUNCTION`, `INTO`, `TABLE` and the like are no calls.
    pub fn calls(&self) -> impl Iterator<Item = (Option<String>, String)> + '_ {
        (0..self.tokens.len()).filter(|i| self.symbol(i + 1, "(")).filter_map(|i| {
            let name = self.name(i)?;
            let qualified = i >= 2 && self.symbol(i - 1, ".");
            let first = if qualified { i - 2 } else { i };
            let before = if first == 0 { String::new() } else { self.word(first - 1) };
            let declared = ["FUNCTION", "PROCEDURE", "ROUTINE", "AGGREGATE", "INTO", "TABLE", "REFERENCES", "EXISTS", "VIEW"];
            (!declared.contains(&before.as_str())).then(|| (qualified.then(|| self.name(i - 2)).flatten(), name))
        })
    }
}

pub(super) fn refused(what: impl Into<String>, why: &'static str) -> Option<Outside> {
    Some(Outside { what: what.into(), why, severity: Severity::Error, below: 0 })
}

#[cfg(test)]
mod tests;
