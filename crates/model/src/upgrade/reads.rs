//! Whether a query only reads, for engines that have no read-only transactions to run it in. Owns the words that say otherwise.

use super::token::{Kind, Lexer, name_of};
use crate::catalog::EngineKind;

/// Keywords of T-SQL with which something is changed, started or left. All are reserved: as names they stand in brackets.
const CHANGING: &[&str] = &[
    "ALTER",
    "BACKUP",
    "BEGIN",
    "BREAK",
    "BULK",
    "CHECKPOINT",
    "CLOSE",
    "COMMIT",
    "CREATE",
    "DBCC",
    "DEALLOCATE",
    "DECLARE",
    "DELETE",
    "DENY",
    "DISABLE",
    "DROP",
    "DUMP",
    "ENABLE",
    "EXEC",
    "EXECUTE",
    "FETCH",
    "GOTO",
    "GRANT",
    "IF",
    "INSERT",
    "INTO",
    "KILL",
    "LOAD",
    "MERGE",
    "OPEN",
    "OPENDATASOURCE",
    "OPENQUERY",
    "OPENROWSET",
    "PRINT",
    "RAISERROR",
    "READTEXT",
    "RECONFIGURE",
    "RESTORE",
    "RETURN",
    "REVERT",
    "REVOKE",
    "ROLLBACK",
    "SAVE",
    "SET",
    "SETUSER",
    "SHUTDOWN",
    "THROW",
    "TRAN",
    "TRANSACTION",
    "TRUNCATE",
    "UPDATE",
    "UPDATETEXT",
    "USE",
    "WAITFOR",
    "WHILE",
    "WRITETEXT",
];

/// Looks whether a query of SQL Server is one `SELECT` that changes nothing. A procedure can only be called by a keyword or as a batch's first
/// word; functions cannot write. `NEXT VALUE FOR` moves a sequence.
///
/// # Errors
/// The word that stands in the way; empty when the query is none.
pub fn only_reads(engine: EngineKind, sql: &str) -> Result<(), String> {
    let mut lexer = Lexer::new(engine, sql);
    let mut first = true;
    let mut before = String::new();
    loop {
        let token = match lexer.next() {
            Ok(Some(token)) => token,
            Ok(None) => break,
            Err(open) => return Err(open.what.to_owned()),
        };
        if !token.matters() {
            continue;
        }
        if token.kind == Kind::Symbol && matches!(token.of(sql), "(" | ";") {
            before.clear();
            continue;
        }
        let word = if token.kind == Kind::Word { name_of(token, sql).unwrap_or_default().to_ascii_uppercase() } else { String::new() };
        if std::mem::replace(&mut first, false) && !matches!(word.as_str(), "SELECT" | "WITH") {
            return Err(word);
        }
        if CHANGING.contains(&word.as_str()) || (before == "NEXT" && word == "VALUE") {
            return Err(word);
        }
        before = word;
    }
    if first { Err(String::new()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_that_could_change_something_is_told_by_its_word() {
        let word = |sql: &str| only_reads(EngineKind::Mssql, sql);
        assert_eq!(word("select count(*) from dbo.t where note = 'delete from t'"), Ok(()));
        assert_eq!(word("with x as (select 1 as a) select a from x -- drop"), Ok(()));
        for (sql, expected) in [
            ("delete from t", "DELETE"),
            ("select 1 delete from t", "DELETE"),
            ("select * into u from t", "INTO"),
            ("with x as (select 1 a) update t set a = 1", "UPDATE"),
            ("select 1; exec sp_who", "EXEC"),
            ("sp_who", "SP_WHO"),
            ("select next value for s", "VALUE"),
            ("select * from openrowset('a', 'b', 'c')", "OPENROWSET"),
            ("", ""),
        ] {
            assert_eq!(word(sql), Err(expected.to_owned()), "{sql}");
        }
    }
}
