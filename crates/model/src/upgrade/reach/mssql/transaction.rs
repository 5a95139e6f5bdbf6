//! Batches that begin or end transactions, and statements that refuse one. Source: the manual's "Transact-SQL statements allowed in
//! transactions". Does not own what a batch does at run time: whether a transaction is open behind it the server's `@@TRANCOUNT` says.

use super::module_at;
use crate::upgrade::reach::{Sql, TransactionControl};

/// What a batch leaves behind: a transaction it began and did not end, or the end of one that it did not begin. What it begins and ends by
/// itself is its own affair, and so is what a routine does.
pub(in crate::upgrade::reach) fn control(sql: &Sql<'_>) -> Option<TransactionControl> {
    if module_at(sql).is_some() {
        return None;
    }
    let (mut begun, mut committed, mut rolled_back, mut saved, mut set) = (0u32, 0u32, 0u32, false, false);
    for at in 0..sql.tokens.len() {
        let next = sql.word(at + 1);
        let names = |word: &str| matches!(word, "TRAN" | "TRANSACTION");
        match sql.word(at).as_str() {
            "BEGIN" if next == "DISTRIBUTED" => return Some(TransactionControl::TwoPhase),
            "BEGIN" if names(&next) => begun += 1,
            "COMMIT" => committed += 1,
            // `WITH ROLLBACK IMMEDIATE` belongs to ALTER DATABASE.
            "ROLLBACK" if at == 0 || sql.word(at - 1) != "WITH" => rolled_back += 1,
            "SAVE" if names(&next) => saved = true,
            "SET" if next == "TRANSACTION" => set = true,
            _ => {}
        }
    }
    if begun > committed + rolled_back {
        Some(TransactionControl::Begin)
    } else if begun == 0 && committed > 0 {
        Some(TransactionControl::Commit)
    } else if begun == 0 && rolled_back > 0 && !saved {
        Some(TransactionControl::Rollback)
    } else if saved && begun == 0 {
        Some(TransactionControl::Savepoint)
    } else {
        set.then_some(TransactionControl::Characteristics)
    }
}

/// Whether some statement of the batch cannot run inside a transaction.
pub(in crate::upgrade::reach) fn needs_no_transaction(sql: &Sql<'_>) -> bool {
    if module_at(sql).is_some() {
        return false;
    }
    (0..sql.tokens.len()).any(|at| {
        if at > 0 && sql.symbol(at - 1, ".") {
            return false;
        }
        let (next, third) = (sql.word(at + 1), sql.word(at + 2));
        match sql.word(at).as_str() {
            "CREATE" | "ALTER" | "DROP" => match next.as_str() {
                "DATABASE" => !matches!(third.as_str(), "SCOPED" | "AUDIT" | "ENCRYPTION"),
                "FULLTEXT" => matches!(third.as_str(), "CATALOG" | "INDEX"),
                _ => false,
            },
            "BACKUP" | "RESTORE" | "RECONFIGURE" => true,
            "DBCC" => matches!(next.as_str(), "SHRINKDATABASE" | "SHRINKFILE"),
            "MEMORY_OPTIMIZED" | "RESUMABLE" => sql.symbol(at + 1, "=") && third == "ON",
            "SP_FULLTEXT_DATABASE" | "SP_FULLTEXT_TABLE" | "SP_FULLTEXT_COLUMN" | "SP_FULLTEXT_CATALOG" => true,
            _ => false,
        }
    })
}
