//! The statements within a batch of T-SQL, which need no semicolons between them. Owns finding where each begins, as far as labels need it;
//! verdicts look at every word instead (`reach`).

use super::reach::{Sql, module_at};

/// Statements that do something to the database. Others steer (`SET`, `IF`, `DECLARE`, `PRINT` …).
const DEEDS: &[&str] = &[
    "CREATE", "ALTER", "DROP", "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "EXEC", "EXECUTE", "GRANT", "DENY", "REVOKE", "SELECT",
    "DBCC", "BACKUP", "RESTORE", "USE", "BULK",
];

/// What steers.
const STEERING: &[&str] = &[
    "SET",
    "DECLARE",
    "IF",
    "WHILE",
    "PRINT",
    "RAISERROR",
    "THROW",
    "RETURN",
    "GOTO",
    "WAITFOR",
    "COMMIT",
    "ROLLBACK",
    "SAVE",
    "OPEN",
    "CLOSE",
    "FETCH",
    "DEALLOCATE",
    "KILL",
    "RECONFIGURE",
    "SHUTDOWN",
    "REVERT",
    "CHECKPOINT",
];

/// Kinds of objects behind `DROP`, where it begins a statement: in `ALTER TABLE … DROP` a column or constraint follows.
const DROPPED: &[&str] = &[
    "TABLE",
    "VIEW",
    "INDEX",
    "PROC",
    "PROCEDURE",
    "FUNCTION",
    "TRIGGER",
    "SCHEMA",
    "TYPE",
    "SYNONYM",
    "SEQUENCE",
    "STATISTICS",
    "USER",
    "ROLE",
    "DATABASE",
    "LOGIN",
];

/// Words of `SET` that no other statement has behind its own `SET`.
const OPTIONS: &[&str] = &["NOCOUNT", "XACT_ABORT", "IDENTITY_INSERT", "ANSI_NULLS", "QUOTED_IDENTIFIER", "ANSI_PADDING", "NOEXEC"];

/// Whether a statement does something to the database.
pub(super) fn is_deed(verb: &str) -> bool {
    DEEDS.contains(&verb)
}

/// Tokens at which statements begin. A batch that creates a routine, view or trigger is one statement.
pub(super) fn starts(sql: &Sql<'_>) -> Vec<usize> {
    if module_at(sql).is_some() {
        return vec![0];
    }
    let mut out = Vec::new();
    let mut depth = 0usize;
    // The statement being read, and whether its own `SET` or `SELECT` has come.
    let (mut verb, mut seen) = (String::new(), false);
    for at in 0..sql.tokens.len() {
        if sql.symbol(at, "(") {
            depth += 1;
        } else if sql.symbol(at, ")") {
            depth = depth.saturating_sub(1);
        } else if sql.symbol(at, ";") && depth == 0 {
            verb.clear();
        }
        let word = sql.word(at);
        if depth > 0 || word.is_empty() || (at > 0 && sql.symbol(at - 1, ".")) {
            continue;
        }
        let before = if at > 0 { sql.word(at - 1) } else { String::new() };
        let next = sql.word(at + 1);
        let within = |words: &[&str]| words.contains(&verb.as_str());
        let behind = |words: &[&str]| words.contains(&before.as_str());
        let rights = within(&["GRANT", "DENY", "REVOKE"]) && !DROPPED.contains(&next.as_str());
        let begins = match word.as_str() {
            "CREATE" => !rights,
            "ALTER" => !(rights || behind(&["OR"]) || (verb == "ALTER" && next == "COLUMN")),
            "DROP" => verb != "ALTER" || DROPPED.contains(&next.as_str()),
            "INSERT" | "UPDATE" | "DELETE" => !rights && !behind(&["ON", "THEN", "FOR", "BULK", "GRANT", "DENY", "REVOKE"]),
            "MERGE" => next != "JOIN",
            "BULK" => next == "INSERT",
            "SELECT" => {
                let joined = behind(&["UNION", "ALL", "EXCEPT", "INTERSECT", "FOR", "GRANT", "DENY", "REVOKE"]);
                !joined && !rights && (verb != "INSERT" || std::mem::replace(&mut seen, true))
            }
            "EXEC" | "EXECUTE" => !behind(&["WITH", "GRANT", "DENY", "REVOKE"]) && (verb != "INSERT" || std::mem::replace(&mut seen, true)),
            "SET" => {
                let own = within(&["UPDATE", "WITH"]) && !std::mem::replace(&mut seen, true);
                let altered = verb == "ALTER" && !OPTIONS.contains(&next.as_str()) && !next.starts_with('@');
                !own && !altered && verb != "MERGE" && !behind(&["DELETE", "UPDATE"])
            }
            "IF" => !(within(&["DROP", "CREATE"]) && (next == "EXISTS" || next == "NOT") && !behind(&["END", ""])),
            "ROLLBACK" => !behind(&["WITH"]),
            "USE" => !matches!(next.as_str(), "HINT" | "PLAN"),
            "BEGIN" => matches!(next.as_str(), "TRAN" | "TRANSACTION" | "DISTRIBUTED"),
            "WITH" => verb.is_empty(),
            "FETCH" => matches!(next.as_str(), "NEXT" | "FIRST" | "LAST" | "PRIOR" | "ABSOLUTE" | "RELATIVE" | "FROM") && verb != "SELECT",
            "OPEN" | "CLOSE" | "SAVE" | "GOTO" | "RETURN" => !behind(&["AS"]),
            other => is_deed(other) || STEERING.contains(&other),
        };
        if begins {
            // What follows the common table expressions is the statement.
            if verb == "WITH" {
                out.pop();
            }
            out.push(at);
            (verb, seen) = (word, false);
        } else if matches!(word.as_str(), "BEGIN" | "END" | "ELSE") {
            verb.clear();
        }
    }
    out
}
