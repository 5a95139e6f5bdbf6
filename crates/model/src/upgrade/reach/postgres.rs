//! PostgreSQL's statements that reach outside their database, and those that refuse a transaction block.

use super::{Outside, Sql, refused};
use crate::catalog::EngineKind;
use crate::finding::Severity;
use crate::upgrade::token::Kind;

const CLUSTER: &str = "it changes the whole server, production included if it runs there; dropping the generation does not undo it";
const FILES: &str = "it reads or writes files of the server, or runs programs there";
const OTHERS: &str = "it connects the database to another one, which may be production";
const SESSIONS: &str = "it affects other sessions or the server itself";

/// Functions and why they are refused; `dblink…` is matched by its beginning.
const FUNCTIONS: &[(&[&str], &str)] = &[
    (
        &[
            "pg_read_file",
            "pg_read_binary_file",
            "pg_ls_dir",
            "pg_stat_file",
            "pg_ls_logdir",
            "pg_ls_waldir",
            "pg_file_write",
            "pg_file_unlink",
            "pg_file_rename",
            "pg_file_sync",
            "lo_import",
            "lo_export",
        ],
        FILES,
    ),
    (
        &[
            "pg_reload_conf",
            "pg_rotate_logfile",
            "pg_terminate_backend",
            "pg_cancel_backend",
            "pg_switch_wal",
            "pg_promote",
            "pg_create_physical_replication_slot",
            "pg_create_logical_replication_slot",
            "pg_drop_replication_slot",
            "pg_create_restore_point",
        ],
        SESSIONS,
    ),
];

pub(super) fn outside(sql: &Sql<'_>) -> Option<Outside> {
    by_verb(sql).or_else(|| by_call(sql)).or_else(|| hidden(sql))
}

fn by_verb(sql: &Sql<'_>) -> Option<Outside> {
    let (verb, second, third) = (sql.word(0), sql.word(1), sql.word(2));
    match (verb.as_str(), second.as_str()) {
        ("ALTER", "SYSTEM") => return refused("ALTER SYSTEM", CLUSTER),
        ("CREATE" | "ALTER" | "DROP", "USER") if third == "MAPPING" => return refused(format!("{verb} USER MAPPING"), OTHERS),
        ("CREATE" | "ALTER" | "DROP", "DATABASE" | "ROLE" | "USER" | "GROUP" | "TABLESPACE") => {
            return refused(format!("{verb} {second}"), CLUSTER);
        }
        ("CREATE" | "ALTER" | "DROP", "SUBSCRIPTION" | "SERVER") => return refused(format!("{verb} {second}"), OTHERS),
        ("CREATE" | "ALTER", "FOREIGN") => return refused(format!("{verb} FOREIGN {third}"), OTHERS),
        ("IMPORT", "FOREIGN") => return refused("IMPORT FOREIGN SCHEMA", OTHERS),
        ("CREATE", "EXTENSION") => return extension(sql),
        ("COMMENT", "ON") if matches!(third.as_str(), "DATABASE" | "ROLE" | "TABLESPACE") => {
            return refused(format!("COMMENT ON {third}"), CLUSTER);
        }
        ("GRANT" | "REVOKE", _) => return grant(sql, &verb),
        ("SET" | "RESET", "SESSION") if third == "AUTHORIZATION" => return refused(format!("{verb} SESSION AUTHORIZATION"), SESSIONS),
        ("SET", "LOCAL") if third == "SESSION" && sql.word(3) == "AUTHORIZATION" => return refused("SET SESSION AUTHORIZATION", SESSIONS),
        ("LOAD" | "CHECKPOINT", _) => return refused(verb, SESSIONS),
        ("COPY", _) => return copy(sql),
        _ => {}
    }
    None
}

fn extension(sql: &Sql<'_>) -> Option<Outside> {
    let at = if sql.word(2) == "IF" { 5 } else { 2 };
    let name = sql.name(at)?;
    let reaching = [
        "dblink",
        "postgres_fdw",
        "file_fdw",
        "oracle_fdw",
        "mysql_fdw",
        "tds_fdw",
        "pg_cron",
        "adminpack",
        "http",
        "plperlu",
        "plpython3u",
        "pltclu",
    ];
    reaching.contains(&name.as_str()).then(|| Outside {
        what: format!("CREATE EXTENSION {name}"),
        why: "with this extension the database can reach other databases, files or the network",
        severity: Severity::Warning,
        below: 0,
    })
}

/// Memberships of roles, and rights on what belongs to the server.
fn grant(sql: &Sql<'_>, verb: &str) -> Option<Outside> {
    let Some(on) = sql.tokens.iter().position(|t| t.is_word(sql.text, "on")) else { return refused(format!("{verb} of a role"), CLUSTER) };
    let object = sql.word(on + 1);
    match object.as_str() {
        "DATABASE" | "TABLESPACE" | "PARAMETER" => refused(format!("{verb} ON {object}"), CLUSTER),
        "FOREIGN" => refused(format!("{verb} ON FOREIGN {}", sql.word(on + 2)), OTHERS),
        _ => None,
    }
}

/// `COPY … {TO | FROM} {PROGRAM … | 'file'}`, outside parentheses.
fn copy(sql: &Sql<'_>) -> Option<Outside> {
    let mut depth = 0usize;
    for (i, token) in sql.tokens.iter().enumerate() {
        if token.is_symbol(sql.text, "(") {
            depth += 1;
        } else if token.is_symbol(sql.text, ")") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && i > 0 && matches!(sql.word(i).as_str(), "TO" | "FROM") {
            let direction = sql.word(i);
            if sql.word(i + 1) == "PROGRAM" {
                return refused(format!("COPY … {direction} PROGRAM"), FILES);
            }
            if sql.tokens.get(i + 1).is_some_and(|t| t.kind == Kind::Text) {
                return refused(format!("COPY … {direction} a file of the server"), FILES);
            }
        }
    }
    None
}

fn by_call(sql: &Sql<'_>) -> Option<Outside> {
    sql.calls().find_map(|(schema, name)| {
        if name == "dblink" || name.starts_with("dblink_") {
            return refused(format!("{name}()"), OTHERS);
        }
        if schema.as_deref() == Some("cron") {
            return refused("cron functions", "it changes jobs that run outside the upgrade");
        }
        FUNCTIONS.iter().find(|(names, _)| names.contains(&name.as_str())).and_then(|(_, why)| refused(format!("{name}()"), why))
    })
}

/// The body of a `DO` block, without its quotes.
fn body<'s>(sql: &Sql<'s>) -> Option<&'s str> {
    if sql.word(0) != "DO" {
        return None;
    }
    let text: &'s str = sql.text;
    let raw = sql.tokens.iter().find(|t| t.kind == Kind::Text && t.of(text).starts_with('$'))?.of(text);
    let tag = raw[1..].find('$')? + 2;
    raw.get(tag..raw.len().checked_sub(tag)?)
}

/// The statements of a procedural body, cut at `;` and at the words that statements may follow.
fn inner<'s>(body: &'s str) -> Vec<Sql<'s>> {
    let whole = Sql::new(EngineKind::Postgres, body);
    let mut pieces = vec![Vec::new()];
    for token in &whole.tokens {
        let cuts = ["begin", "then", "else", "loop"].iter().any(|w| token.is_word(body, w)) || token.is_symbol(body, ";");
        if cuts {
            pieces.push(Vec::new());
        } else if let Some(piece) = pieces.last_mut() {
            piece.push(*token);
        }
    }
    pieces.into_iter().filter(|p| !p.is_empty()).map(|tokens| Sql { engine: EngineKind::Postgres, text: body, tokens }).collect()
}

/// What hides in a `DO` block: its plain statements are read, what it puts together is not.
fn hidden(sql: &Sql<'_>) -> Option<Outside> {
    if sql.word(0) != "DO" {
        return None;
    }
    let found = body(sql).and_then(|b| inner(b).iter().find_map(|s| by_verb(s).or_else(|| by_call(s))));
    found.map(|o| Outside { what: format!("{} in a DO block", o.what), ..o }).or_else(|| {
        Some(Outside {
            what: "DO block".into(),
            why: "what it puts together with `EXECUTE` and what the functions do that it calls cannot be seen before it runs",
            severity: Severity::Note,
            below: 0,
        })
    })
}

pub(super) fn needs_no_transaction(sql: &Sql<'_>) -> bool {
    let concurrently = sql.has_word("CONCURRENTLY");
    match (sql.word(0).as_str(), sql.word(1).as_str()) {
        ("CREATE", "INDEX" | "UNIQUE") | ("DROP", "INDEX") => concurrently,
        ("REINDEX", _) => concurrently || ["SCHEMA", "DATABASE", "SYSTEM"].iter().any(|w| sql.has_word(w)),
        ("ALTER", "TABLE") => concurrently && sql.has_word("DETACH"),
        ("ALTER", "TYPE") => (2..6).any(|i| sql.word(i) == "ADD" && sql.word(i + 1) == "VALUE"),
        ("ALTER", "DATABASE") => sql.has_word("TABLESPACE"),
        ("VACUUM", _) | ("ALTER", "SYSTEM") | ("CREATE" | "DROP", "DATABASE" | "TABLESPACE" | "SUBSCRIPTION") | ("DISCARD", "ALL") => true,
        ("CLUSTER", second) => sql.tokens.len() == 1 || (second == "VERBOSE" && sql.tokens.len() == 2),
        ("COMMIT" | "ROLLBACK", "PREPARED") => true,
        ("DO", _) => body(sql).is_some_and(|b| inner(b).iter().any(|s| matches!(s.word(0).as_str(), "COMMIT" | "ROLLBACK"))),
        _ => false,
    }
}
