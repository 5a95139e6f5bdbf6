//! Statements of MariaDB and MySQL that reach outside their database.
//!
//! A database of these servers has no wall around it: every statement can name another one (`other.table`). Owns finding such names; what a
//! routine puts together with `PREPARE` cannot be seen and is reported as a note.

use super::{Outside, Sql, refused};
use crate::catalog::EngineKind;
use crate::finding::Severity;
use crate::upgrade::token::Kind;

const SERVER: &str = "it changes the whole server, production included if it runs there; dropping the generation does not undo it";
const FILES: &str = "it reads or writes files of the server";
const OTHERS: &str = "it reaches into another database, which may be production";
const RIGHTS: &str = "accounts and rights belong to the server, and who may use the pilot is for the program to say";
const SESSIONS: &str = "it affects other sessions or the server itself";

/// Databases of the server's own that may be read: they tell about the schema.
const TELLING: &[&str] = &["information_schema", "performance_schema"];

pub(super) fn outside(sql: &Sql<'_>) -> Option<Outside> {
    by_verb(sql).or_else(|| by_word(sql)).or_else(|| elsewhere(sql))
}

fn by_verb(sql: &Sql<'_>) -> Option<Outside> {
    let (verb, second, third) = (sql.word(0), sql.word(1), sql.word(2));
    match (verb.as_str(), second.as_str()) {
        ("USE", _) => refused("USE", OTHERS),
        ("CREATE", "OR") if third == "REPLACE" => object(sql, &verb, 3),
        ("CREATE" | "ALTER" | "DROP" | "RENAME", _) => object(sql, &verb, 1),
        ("GRANT" | "REVOKE", _) => refused(verb, RIGHTS),
        ("SET", "PASSWORD" | "ROLE") => refused(format!("SET {second}"), RIGHTS),
        ("SET", "DEFAULT") if third == "ROLE" => refused("SET DEFAULT ROLE", RIGHTS),
        ("SET", _) => setting(sql),
        ("FLUSH" | "RESET" | "KILL" | "SHUTDOWN" | "RESTART" | "PURGE" | "BINLOG" | "CLONE" | "BACKUP" | "XA", _) => {
            refused(verb, SESSIONS)
        }
        ("INSTALL" | "UNINSTALL", _) => refused(format!("{verb} {second}").trim_end().to_owned(), SERVER),
        ("CHANGE", "MASTER" | "REPLICATION") => refused(format!("CHANGE {second}"), SERVER),
        ("START" | "STOP", "SLAVE" | "REPLICA" | "ALL" | "GROUP_REPLICATION") => refused(format!("{verb} {second}"), SERVER),
        ("LOAD", "DATA" | "XML") => refused(format!("LOAD {second}"), FILES),
        ("PREPARE" | "EXECUTE", _) => {
            Some(Outside { what: verb, why: "what it puts together cannot be seen before it runs", severity: Severity::Note, below: 0 })
        }
        _ => None,
    }
}

/// `CREATE`, `ALTER`, `DROP`, `RENAME`: which kind of object, behind what may stand before it.
fn object(sql: &Sql<'_>, verb: &str, at: usize) -> Option<Outside> {
    let kind = sql.word(at);
    match kind.as_str() {
        "USER" | "ROLE" => refused(format!("{verb} {kind}"), RIGHTS),
        // Without a name it is about the database the statement runs in.
        "DATABASE" | "SCHEMA" if verb == "ALTER" && unnamed(sql, at + 1) => None,
        "DATABASE" | "SCHEMA" | "TABLESPACE" | "LOGFILE" | "RESOURCE" | "UNDO" | "INSTANCE" => refused(format!("{verb} {kind}"), SERVER),
        "SERVER" => refused(format!("{verb} SERVER"), OTHERS),
        "EVENT" if verb != "DROP" => Some(event(verb)),
        "DEFINER" if verb != "DROP" && sql.has_word("EVENT") && !sql.has_word("TRIGGER") && !sql.has_word("PROCEDURE") => Some(event(verb)),
        _ => None,
    }
}

fn event(verb: &str) -> Outside {
    Outside {
        what: format!("{verb} EVENT"),
        why: "an event acts by itself as long as the pilot stands; events of the source arrive disabled",
        severity: Severity::Warning,
        below: 0,
    }
}

fn unnamed(sql: &Sql<'_>, at: usize) -> bool {
    ["DEFAULT", "CHARACTER", "CHARSET", "COLLATE", "COMMENT", "ENCRYPTION", "READ"].contains(&sql.word(at).as_str())
}

/// `SET GLOBAL x`, `SET PERSIST x`, `SET @@global.x`, anywhere in the list.
fn setting(sql: &Sql<'_>) -> Option<Outside> {
    (1..sql.tokens.len()).find_map(|i| {
        let word = sql.word(i);
        let reaches = matches!(word.as_str(), "GLOBAL" | "PERSIST" | "PERSIST_ONLY");
        let begins = i == 1 || sql.symbol(i - 1, ",") || (i >= 2 && sql.symbol(i - 1, "@") && sql.symbol(i - 2, "@"));
        (reaches && begins).then(|| refused(format!("SET {word}"), SERVER)).flatten()
    })
}

fn by_word(sql: &Sql<'_>) -> Option<Outside> {
    let pair = |first: &str, second: &str| (0..sql.tokens.len()).any(|i| sql.word(i) == first && sql.word(i + 1) == second);
    if pair("INTO", "OUTFILE") || pair("INTO", "DUMPFILE") {
        return refused("SELECT … INTO a file of the server", FILES);
    }
    if sql.has_word("SONAME") {
        return refused("CREATE FUNCTION … SONAME", SERVER);
    }
    let engine = (0..sql.tokens.len())
        .filter(|i| sql.word(*i) == "ENGINE")
        .find_map(|i| sql.name(if sql.symbol(i + 1, "=") { i + 2 } else { i + 1 }));
    if let Some(engine @ ("federated" | "federatedx" | "connect" | "spider" | "s3")) = engine.as_deref() {
        return refused(format!("a table with ENGINE = {engine}"), OTHERS);
    }
    sql.calls().find_map(|(_, name)| (name == "load_file").then(|| refused("load_file()", FILES)).flatten())
}

fn elsewhere(sql: &Sql<'_>) -> Option<Outside> {
    let named = named(sql).into_iter().find(|n| !TELLING.contains(&n.to_ascii_lowercase().as_str()))?;
    refused(format!("a name in the database {named}"), OTHERS)
}

/// Databases that a statement, a view or the body of a routine names in front of tables, views or routines, spelled as written; each once.
/// What is put together at run time is not seen.
pub fn schemas_named(text: &str) -> Vec<String> {
    named(&Sql::new(EngineKind::Mysql, text))
}

/// Words behind which a table, view or routine is named.
const BEFORE_NAMES: &[&str] = &[
    "FROM",
    "JOIN",
    "STRAIGHT_JOIN",
    "INTO",
    "UPDATE",
    "TABLE",
    "TABLES",
    "REFERENCES",
    "VIEW",
    "TRIGGER",
    "PROCEDURE",
    "FUNCTION",
    "CALL",
    "EVENT",
    "SEQUENCE",
    "TRUNCATE",
    "OPTIMIZE",
    "REPLACE",
    "INSERT",
    "IGNORE",
    "HANDLER",
];

/// Words that end a list of names.
const CLAUSES: &[&str] = &[
    "SELECT",
    "SET",
    "WHERE",
    "GROUP",
    "ORDER",
    "HAVING",
    "VALUES",
    "VALUE",
    "ON",
    "USING",
    "LIMIT",
    "RETURN",
    "IF",
    "WHEN",
    "THEN",
    "ELSE",
    "CASE",
    "BEGIN",
    "DO",
    "DECLARE",
    "AS",
    "AND",
    "OR",
    "WINDOW",
    "PARTITION",
    "BY",
];

fn named(sql: &Sql<'_>) -> Vec<String> {
    let name = |i: usize| {
        sql.tokens.get(i).filter(|t| matches!(t.kind, Kind::Word | Kind::Quoted)).and_then(|t| crate::upgrade::token::name_of(*t, sql.text))
    };
    let mut found: Vec<String> = Vec::new();
    // Whether names of tables may follow here, one frame for each parenthesis; and whether the frame belongs to a call like `extract(… from …)`.
    let mut frames = vec![(false, false)];
    let create_on = sql.word(0) == "CREATE" && (0..8).any(|i| matches!(sql.word(i).as_str(), "INDEX" | "TRIGGER"));
    let create_like = sql.word(0) == "CREATE" && !sql.has_word("SELECT");
    let rename = matches!(sql.word(0).as_str(), "RENAME" | "ALTER");
    let mut first_on = create_on;
    let mut i = 0;
    while i < sql.tokens.len() {
        let word = sql.word(i);
        let qualified = i > 0 && sql.symbol(i - 1, ".");
        if sql.symbol(i, "(") {
            let call = i > 0 && matches!(sql.word(i - 1).as_str(), "EXTRACT" | "TRIM" | "SUBSTRING" | "SUBSTR" | "MID");
            let lists =
                frames.last().is_some_and(|f| f.0) && (i == 0 || name(i - 1).is_none() || BEFORE_NAMES.contains(&sql.word(i - 1).as_str()));
            frames.push((lists && !call, call));
        } else if sql.symbol(i, ")") {
            if frames.len() > 1 {
                frames.pop();
            }
        } else if sql.symbol(i, ";") {
            frames.truncate(1);
            frames[0] = (false, false);
        } else if !word.is_empty() && !qualified && !sql.symbol(i + 1, ".") {
            let in_call = frames.last().is_some_and(|f| f.1);
            let called = sql.symbol(i + 1, "(") && !matches!(word.as_str(), "FROM" | "JOIN" | "STRAIGHT_JOIN" | "TABLES");
            let assigned = word == "UPDATE" && i > 0 && sql.word(i - 1) == "KEY";
            let plain = BEFORE_NAMES.contains(&word.as_str()) && !called && !assigned;
            let opens = (plain && (!in_call || word != "FROM"))
                || (word == "ON" && std::mem::take(&mut first_on))
                || (word == "LIKE" && create_like)
                || (word == "TO" && rename);
            let kept = matches!(word.as_str(), "IF" | "NOT" | "EXISTS") || (word == "ON" && opens);
            if let Some(frame) = frames.last_mut() {
                if opens {
                    frame.0 = true;
                } else if CLAUSES.contains(&word.as_str()) && !kept {
                    frame.0 = false;
                }
            }
        }
        if !qualified && sql.symbol(i + 1, ".") && !(i > 0 && sql.symbol(i - 1, "@")) {
            let (Some(schema), Some(_)) = (name(i), name(i + 2).or_else(|| sql.symbol(i + 2, "*").then(String::new))) else {
                i += 1;
                continue;
            };
            let three = sql.symbol(i + 3, ".");
            let call = sql.symbol(i + 3, "(") && name(i + 2).is_some();
            let listed = frames.last().is_some_and(|f| f.0) && !sql.symbol(i + 2, "*");
            let row = matches!(schema.to_ascii_lowercase().as_str(), "new" | "old");
            if (three || call || listed) && !row {
                // Unquoted names keep their case here: whether it counts is the server's to say.
                let written = sql.tokens[i].of(sql.text);
                let schema = if sql.tokens[i].kind == Kind::Word { written.to_owned() } else { schema };
                if !found.contains(&schema) {
                    found.push(schema);
                }
            }
            i += if three { 5 } else { 3 };
            continue;
        }
        i += 1;
    }
    found
}
