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
];
const BETWEEN: &[&str] =
    &["OR", "REPLACE", "TEMP", "TEMPORARY", "UNLOGGED", "GLOBAL", "LOCAL", "UNIQUE", "RECURSIVE", "CONSTRAINT", "TRUSTED"];
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
];

/// A short label: keywords and the object's name, at most 80 characters, without literals.
pub fn label(engine: EngineKind, statement: &Statement) -> String {
    let sql = Sql::new(engine, &statement.sql);
    let verb = sql.word(0);
    let after = |words: &str, at: usize| with_name(words, &sql, at);
    match verb.as_str() {
        "CREATE" | "ALTER" | "DROP" | "COMMENT" => object(&sql, &verb),
        "INSERT" | "REPLACE" | "MERGE" => match position(&sql, "INTO", 4) {
            Some(i) => after(&format!("{verb} INTO"), i + 1),
            None => verb,
        },
        "DELETE" if sql.word(1) == "FROM" => after("DELETE FROM", 2),
        "UPDATE" if engine != EngineKind::Postgres && sql.word(1) == "OR" => after("UPDATE", 3),
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
    if let first @ ("MATERIALIZED" | "FOREIGN" | "VIRTUAL" | "EVENT") = sql.word(at).as_str() {
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
