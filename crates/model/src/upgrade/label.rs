//! Short labels of statements for plans and progress: `ALTER TABLE client`, `INSERT INTO consent`.
//!
//! Owns only the wording. A label holds known keywords and the name of the object, never a literal.

use super::Statement;
use super::reach::Sql;
use super::token::Kind;
use crate::catalog::EngineKind;

const OBJECTS: &[&str] = &[
    "TABLE",
    "INDEX",
    "VIEW",
    "TRIGGER",
    "FUNCTION",
    "PROCEDURE",
    "TYPE",
    "DOMAIN",
    "SEQUENCE",
    "SCHEMA",
    "EXTENSION",
    "RULE",
    "POLICY",
    "AGGREGATE",
    "COLLATION",
    "STATISTICS",
    "ROLE",
    "USER",
    "DATABASE",
    "PUBLICATION",
    "SUBSCRIPTION",
    "SERVER",
    "TABLESPACE",
    "LANGUAGE",
    "CONSTRAINT",
    "COLUMN",
    "PROC",
    "SYNONYM",
    "SCHEME",
    "CATALOG",
    "LOGIN",
    "ASSEMBLY",
];
const BETWEEN: &[&str] = &[
    "OR",
    "REPLACE",
    "ALTER",
    "TEMP",
    "TEMPORARY",
    "UNLOGGED",
    "GLOBAL",
    "LOCAL",
    "UNIQUE",
    "CLUSTERED",
    "NONCLUSTERED",
    "COLUMNSTORE",
    "RECURSIVE",
    "CONSTRAINT",
    "TRUSTED",
];
const BEFORE_NAME: &[&str] = &["CONCURRENTLY", "IF", "NOT", "EXISTS", "ONLY"];
const VERBS: &[&str] = &[
    "SELECT",
    "WITH",
    "VALUES",
    "CALL",
    "DO",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "END",
    "SAVEPOINT",
    "RELEASE",
    "START",
    "ABORT",
    "SET",
    "RESET",
    "GRANT",
    "REVOKE",
    "LOCK",
    "PRAGMA",
    "EXPLAIN",
    "NOTIFY",
    "LISTEN",
    "UNLISTEN",
    "DISCARD",
    "EXECUTE",
    "PREPARE",
    "DEALLOCATE",
    "ATTACH",
    "DETACH",
    "LOAD",
    "CHECKPOINT",
    "CREATE",
    "ALTER",
    "DROP",
    "COMMENT",
    "INSERT",
    "REPLACE",
    "UPDATE",
    "DELETE",
    "MERGE",
    "TRUNCATE",
    "COPY",
    "REINDEX",
    "VACUUM",
    "ANALYZE",
    "CLUSTER",
    "REFRESH",
    "IMPORT",
    "REASSIGN",
    "SECURITY",
    "EXEC",
    "DENY",
    "DBCC",
    "USE",
    "BULK",
    "BACKUP",
    "RESTORE",
    "DECLARE",
    "IF",
    "WHILE",
    "PRINT",
    "RAISERROR",
    "THROW",
    "WAITFOR",
    "SAVE",
];

/// A short label: keywords and the object's name, at most 80 characters, without literals. A batch (SQL Server) is called by the first of its
/// statements that does something, and by how many more do.
pub fn label(engine: EngineKind, statement: &Statement) -> String {
    let sql = Sql::new(engine, &statement.sql);
    if engine == EngineKind::Mssql { batch(&sql) } else { one(&sql) }
}

fn batch(sql: &Sql<'_>) -> String {
    let starts = super::batch::starts(sql);
    let deeds: Vec<usize> = starts.iter().copied().filter(|at| super::batch::is_deed(&sql.word(*at))).collect();
    let Some(first) = deeds.first().or(starts.first()) else { return "statement".into() };
    let called = one(&Sql { engine: sql.engine, text: sql.text, tokens: sql.tokens[*first..].to_vec() });
    match deeds.len().saturating_sub(1) {
        0 => called,
        more => {
            let more = format!(" and {more} more");
            format!("{}{more}", called.chars().take(80 - more.len()).collect::<String>())
        }
    }
}

fn one(sql: &Sql<'_>) -> String {
    let verb = sql.word(0);
    let after = |words: &str, at: usize| with_name(words, sql, at);
    let mssql = sql.engine == EngineKind::Mssql;
    match verb.as_str() {
        "CREATE" | "ALTER" | "DROP" | "COMMENT" => object(sql, &verb),
        "INSERT" | "REPLACE" | "MERGE" => match position(sql, "INTO", if mssql { 6 } else { 4 }) {
            Some(i) => after(&format!("{verb} INTO"), i + 1),
            None if mssql => after(&format!("{verb} INTO"), 1),
            None => verb,
        },
        "DELETE" if mssql => after("DELETE FROM", position(sql, "FROM", 6).map_or(1, |i| i + 1)),
        "EXEC" | "EXECUTE" if mssql => after("EXEC", if sql.symbol(2, "=") { 3 } else { 1 }),
        "SET" if mssql && !sql.word(1).starts_with('@') => format!("SET {}", sql.word(1)).trim_end().to_owned(),
        "DELETE" if sql.word(1) == "FROM" => after("DELETE FROM", 2),
        "UPDATE" if sql.engine != EngineKind::Postgres && sql.word(1) == "OR" => after("UPDATE", 3),
        "UPDATE" | "ANALYZE" | "CLUSTER" | "VACUUM" => after(&verb, 1),
        "COPY" if !sql.symbol(1, "(") => after("COPY", 1),
        "TRUNCATE" | "LOCK" => after(&verb, if sql.word(1) == "TABLE" { 2 } else { 1 }),
        "PRAGMA" => after("PRAGMA", 1),
        "REFRESH" => after("REFRESH MATERIALIZED VIEW", 3),
        "REINDEX" => match sql.word(1).as_str() {
            kind @ ("TABLE" | "INDEX" | "SCHEMA") => after(&format!("REINDEX {kind}"), 2),
            _ => verb,
        },
        _ if VERBS.contains(&verb.as_str()) => verb,
        _ => "statement".into(),
    }
}

fn position(sql: &Sql<'_>, word: &str, within: usize) -> Option<usize> {
    (1..within).find(|i| sql.word(*i) == word)
}

fn object(sql: &Sql<'_>, verb: &str) -> String {
    let mut at = if verb == "COMMENT" { 2 } else { 1 };
    let verb = if verb == "COMMENT" { "COMMENT ON" } else { verb };
    while BETWEEN.contains(&sql.word(at).as_str()) && !(sql.word(at) == "CONSTRAINT" && verb == "COMMENT ON") {
        at += 1;
    }
    let mut words = verb.to_owned();
    if let first @ ("MATERIALIZED" | "FOREIGN" | "VIRTUAL" | "EVENT" | "FULLTEXT" | "PARTITION") = sql.word(at).as_str() {
        words = format!("{words} {first}");
        at += 1;
    }
    let kind = sql.word(at);
    if !OBJECTS.contains(&kind.as_str()) {
        return words;
    }
    with_name(&format!("{words} {kind}"), sql, at + 1)
}

/// The words and the name that follows, if one does.
fn with_name(words: &str, sql: &Sql<'_>, mut at: usize) -> String {
    while BEFORE_NAME.contains(&sql.word(at).as_str()) {
        at += 1;
    }
    let mut name = String::new();
    while let Some(token) = sql.tokens.get(at).filter(|t| matches!(t.kind, Kind::Word | Kind::Quoted)) {
        // `CREATE INDEX ON t` names nothing
        if name.is_empty() && token.is_word(sql.text, "on") {
            break;
        }
        name.push_str(token.of(sql.text));
        if !sql.symbol(at + 1, ".") {
            break;
        }
        name.push('.');
        at += 2;
    }
    let whole = if name.is_empty() { words.to_owned() } else { format!("{words} {}", name.trim_end_matches('.')) };
    whole.chars().map(|c| if c.is_control() { ' ' } else { c }).take(80).collect()
}
