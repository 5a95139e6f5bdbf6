//! Batches of T-SQL that reach outside their database.
//!
//! A batch holds many statements, with or without semicolons between them; what begins one is a reserved word, so every word is looked at.
//! Owns these verdicts and those on transactions. What a batch puts together at run time cannot be seen and is reported as a note, but for
//! `EXEC ('…')` and `sp_executesql N'…'` with a text that stands there whole: that is read like the batch.

mod names;
mod procedures;
mod transaction;

pub use names::databases_named;
pub(super) use transaction::{control, needs_no_transaction};

use super::{Outside, Sql};
use crate::catalog::EngineKind;
use crate::finding::Severity;
use crate::upgrade::token::Kind;
use names::{chain, elsewhere, is_name};

const SERVER: &str = "it changes the whole server, production included if it runs there; dropping the generation does not undo it";
const FILES: &str = "it reads or writes files of the server, or runs programs there";
const OTHERS: &str = "it reaches into another database or server, which may be production";
const USED: &str = "the script is to run in the generation; leave the statement out, unless it names the source's own database in `[source] database`, \
                    which is left out by itself";
const NAMED: &str = "the generation has a name of its own; `ALTER DATABASE CURRENT` means the database that the script runs in";
const STATE: &str = "it changes who can be in the database or whether it can be written, which the seal and the swap depend on";
const SESSIONS: &str = "it affects other sessions or the server itself";
const AGENT: &str = "it changes jobs that run outside the upgrade";
const CODE: &str = "code of its own runs in the server's process, and can reach files and networks";
const ADMITS: &str = "it lets an account into the database or widens what it may do; who may use the pilot is for the program to say";
const HIDDEN: &str = "what it puts together cannot be seen before it runs";

/// How deep texts within texts are read.
const DEEPEST: u32 = 4;

/// Whether a batch creates or alters a routine, view or trigger: these fill their batch, and the server stores it as it stands.
pub(crate) fn creates_module(text: &str) -> bool {
    module_at(&Sql::new(EngineKind::Mssql, text)).is_some()
}

/// The token that says what kind of module the batch creates.
pub(crate) fn module_at(sql: &Sql<'_>) -> Option<usize> {
    let at = match (sql.word(0).as_str(), sql.word(1).as_str(), sql.word(2).as_str()) {
        ("CREATE", "OR", "ALTER") => 3,
        ("CREATE" | "ALTER", ..) => 1,
        _ => return None,
    };
    matches!(sql.word(at).as_str(), "PROC" | "PROCEDURE" | "FUNCTION" | "VIEW" | "TRIGGER").then_some(at)
}

/// Everything in a batch that reaches outside, in its order; at most one note.
pub(super) fn outsides(sql: &Sql<'_>) -> Vec<Outside> {
    let mut found = read(sql, 0);
    found.sort_by_key(|(at, _)| *at);
    let mut noted = false;
    let mut out: Vec<Outside> = Vec::new();
    let (mut from, mut below) = (0, 0u32);
    for (at, mut verdict) in found {
        if verdict.severity == Severity::Note && std::mem::replace(&mut noted, true) {
            continue;
        }
        let start = sql.tokens.get(at).map_or(from, |t| t.start);
        let lines = sql.text[from..start].bytes().filter(|b| *b == b'\n').count();
        below = below.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        from = start;
        verdict.below = below;
        out.push(verdict);
    }
    out
}

type Found = Vec<(usize, Outside)>;

fn verdict(what: impl Into<String>, why: &'static str, severity: Severity) -> Option<Outside> {
    Some(Outside { what: what.into(), why, severity, below: 0 })
}

fn refused(what: impl Into<String>, why: &'static str) -> Option<Outside> {
    verdict(what, why, Severity::Error)
}

/// Verdicts with the tokens they stand at, in no order.
fn read(sql: &Sql<'_>, depth: u32) -> Found {
    let mut found: Found = Vec::new();
    let mut at = 0;
    while at < sql.tokens.len() {
        let qualified = at > 0 && sql.symbol(at - 1, ".");
        let word = if qualified { String::new() } else { sql.word(at) };
        let next = sql.word(at + 1);
        let mut end = at + 1;
        let one = match word.as_str() {
            "USE" if !matches!(next.as_str(), "HINT" | "PLAN") => refused("USE", USED),
            "CREATE" | "ALTER" | "DROP" => object(sql, &word, at),
            "GRANT" | "REVOKE" | "DENY" => {
                end = behind_rights(sql, at);
                rights(sql, &word, at, end)
            }
            "EXEC" | "EXECUTE" if at == 0 || sql.word(at - 1) != "WITH" => {
                found.extend(executed(sql, at, depth));
                None
            }
            "BACKUP" | "RESTORE" => refused(word, FILES),
            "DUMP" | "LOAD" if matches!(next.as_str(), "DATABASE" | "TRANSACTION" | "TRAN" | "LOG") => refused(word, FILES),
            "BULK" if next == "INSERT" => refused("BULK INSERT", FILES),
            "KILL" | "SHUTDOWN" | "SETUSER" => refused(word, SESSIONS),
            "RECONFIGURE" => refused(word, SERVER),
            "DBCC" => dbcc(sql, at),
            "BEGIN" if next == "DISTRIBUTED" => refused("BEGIN DISTRIBUTED TRANSACTION", OTHERS),
            "BEGIN" if matches!(next.as_str(), "DIALOG" | "CONVERSATION") => {
                verdict(format!("BEGIN {next}"), "messages may leave the database by the server's broker", Severity::Warning)
            }
            "ON" if next == "ALL" && sql.word(at + 2) == "SERVER" => refused("… ON ALL SERVER", SERVER),
            "SET" if matches!(next.as_str(), "NOEXEC" | "PARSEONLY" | "FMTONLY") && sql.word(at + 2) == "ON" => verdict(
                format!("SET {next} ON"),
                "from there on the server runs nothing and reports success; whether it comes to that is seen only when the script runs",
                Severity::Warning,
            ),
            // A batch may begin with the name of a procedure.
            _ if at == 0 && is_name(sql, 0) => called(sql, 0),
            _ => None,
        };
        found.extend(one.map(|o| (at, o)));
        at = end;
    }
    for name in elsewhere(sql) {
        // `OPENROWSET` and the like are told by that word.
        let what = match name.name.as_str() {
            "OPENROWSET" | "OPENDATASOURCE" => format!("{} (…)", name.name),
            other => format!("a name in {other}"),
        };
        found.extend(refused(what, OTHERS).map(|o| (name.at, o)));
    }
    found
}

/// `CREATE`, `ALTER`, `DROP`: which kind of object.
fn object(sql: &Sql<'_>, verb: &str, at: usize) -> Option<Outside> {
    let mut at = at + 1;
    if verb == "CREATE" && sql.word(at) == "OR" {
        at += 2;
    }
    let (kind, second) = (sql.word(at), sql.word(at + 1));
    let near = |first: &str, second: &str| (at..at + 12).any(|i| sql.word(i) == first && sql.word(i + 1) == second);
    let made = verb != "DROP";
    match (kind.as_str(), second.as_str()) {
        ("LOGIN" | "CREDENTIAL" | "ENDPOINT" | "CRYPTOGRAPHIC", _) => refused(format!("{verb} {kind}"), SERVER),
        ("SERVER", _) => refused(format!("{verb} SERVER {second}"), SERVER),
        ("SERVICE", "MASTER") => refused(format!("{verb} SERVICE MASTER KEY"), SERVER),
        ("AVAILABILITY" | "WORKLOAD", "GROUP") => refused(format!("{verb} {kind} GROUP"), SERVER),
        ("RESOURCE", "GOVERNOR" | "POOL") => refused(format!("{verb} RESOURCE {second}"), SERVER),
        ("EVENT", "SESSION" | "NOTIFICATION") if near("ON", "SERVER") => refused(format!("{verb} EVENT {second} ON SERVER"), SERVER),
        ("EXTERNAL", _) => refused(format!("{verb} EXTERNAL {second}"), OTHERS),
        ("ROUTE", _) | ("REMOTE", "SERVICE") if made => refused(format!("{verb} {kind}"), OTHERS),
        ("ASSEMBLY", _) if made => refused(format!("{verb} ASSEMBLY"), CODE),
        ("CERTIFICATE" | "ASYMMETRIC", _) if made && (near("FROM", "FILE") || near("FROM", "EXECUTABLE")) => {
            refused(format!("{verb} {kind} FROM FILE"), FILES)
        }
        ("AUTHORIZATION", "ON") if verb == "ALTER" && sql.word(at + 2) == "DATABASE" => {
            refused("ALTER AUTHORIZATION ON DATABASE", "the generation's owner is Greenroom's account, which needs to drop it")
        }
        ("USER", _) if made && !near("WITHOUT", "LOGIN") => verdict(format!("{verb} USER"), ADMITS, Severity::Warning),
        ("ROLE", _) if verb == "ALTER" && near("ADD", "MEMBER") => verdict("ALTER ROLE … ADD MEMBER", ADMITS, Severity::Warning),
        ("APPLICATION", "ROLE") if made => verdict(format!("{verb} APPLICATION ROLE"), ADMITS, Severity::Warning),
        ("DATABASE", _) => database(sql, verb, at + 1),
        _ => None,
    }
}

/// Options of a database that say who can be in it, where it stands, or what it may reach.
const STATES: &[&str] = &[
    "SINGLE_USER",
    "RESTRICTED_USER",
    "MULTI_USER",
    "OFFLINE",
    "ONLINE",
    "EMERGENCY",
    "READ_ONLY",
    "READ_WRITE",
    "HADR",
    "PARTNER",
    "WITNESS",
    "ENCRYPTION",
    "TRUSTWORTHY",
    "DB_CHAINING",
    "ENABLE_BROKER",
    "NEW_BROKER",
    "CONTAINMENT",
];

/// `… DATABASE`, from what follows that word.
fn database(sql: &Sql<'_>, verb: &str, at: usize) -> Option<Outside> {
    let (first, second) = (sql.word(at), sql.word(at + 1));
    match (verb, first.as_str(), second.as_str()) {
        (_, "SCOPED", "CREDENTIAL") if verb != "DROP" => refused(format!("{verb} DATABASE SCOPED CREDENTIAL"), OTHERS),
        (_, "SCOPED", _) => None,
        (_, "AUDIT", _) => refused(format!("{verb} DATABASE AUDIT SPECIFICATION"), SERVER),
        (_, "ENCRYPTION", "KEY") => refused(format!("{verb} DATABASE ENCRYPTION KEY"), SERVER),
        ("ALTER", "CURRENT", "SET") => {
            let mut depth = 0i32;
            for i in at + 2..sql.tokens.len() {
                depth += i32::from(sql.symbol(i, "(")) - i32::from(sql.symbol(i, ")"));
                let word = sql.word(i);
                let ends = matches!(word.as_str(), "ALTER" | "CREATE" | "DROP" | "EXEC" | "EXECUTE" | "IF" | "SET" | "SELECT" | "PRINT");
                if depth == 0 && (sql.symbol(i, ";") || ends) {
                    break;
                }
                if depth == 0 && STATES.contains(&word.as_str()) {
                    return refused(format!("ALTER DATABASE CURRENT SET {word}"), STATE);
                }
            }
            None
        }
        ("ALTER", "CURRENT", "MODIFY") if sql.word(at + 2) == "NAME" => refused("ALTER DATABASE CURRENT MODIFY NAME", STATE),
        ("ALTER", "CURRENT", "ADD" | "MODIFY" | "REMOVE") if matches!(sql.word(at + 2).as_str(), "FILE" | "LOG") => {
            refused(format!("ALTER DATABASE CURRENT {second} {}", sql.word(at + 2)), FILES)
        }
        ("ALTER", "CURRENT", _) => None,
        ("ALTER", ..) => refused("ALTER DATABASE with a name", NAMED),
        _ => refused(format!("{verb} DATABASE"), SERVER),
    }
}

/// Behind the rights that a `GRANT`, `REVOKE` or `DENY` lists: their words are no statements.
fn behind_rights(sql: &Sql<'_>, at: usize) -> usize {
    let end = (at + 1..sql.tokens.len()).find(|i| matches!(sql.word(*i).as_str(), "TO" | "FROM") || sql.symbol(*i, ";"));
    end.unwrap_or(at + 1)
}

fn rights(sql: &Sql<'_>, verb: &str, at: usize, end: usize) -> Option<Outside> {
    let any_database = |i: usize| sql.word(i) == "ANY" && matches!(sql.word(i + 1).as_str(), "DATABASE" | "DEFINITION" | "CREDENTIAL");
    // Rights before `ON`, and the class of what they are about behind it; names of objects may be anything.
    let on = (at + 1..end).find(|i| sql.word(*i) == "ON").unwrap_or(end);
    let server =
        |i: usize| matches!(sql.word(i).as_str(), "SERVER" | "LOGIN" | "ENDPOINT" | "AVAILABILITY" | "BULK" | "UNSAFE" | "SHUTDOWN");
    if (at + 1..on).any(|i| server(i) || any_database(i)) || (server(on + 1) && on + 1 < end && !sql.symbol(on + 2, ".")) {
        return refused(format!("{verb} of a right on the server"), SERVER);
    }
    let connect = verb == "GRANT" && sql.word(at + 1) == "CONNECT" && sql.word(at + 2) != "REPLICATION";
    if connect { verdict("GRANT CONNECT", ADMITS, Severity::Warning) } else { None }
}

/// What stands behind `EXEC`.
fn executed(sql: &Sql<'_>, at: usize, depth: u32) -> Found {
    let note = || verdict("dynamic SQL", HIDDEN, Severity::Note).map(|o| vec![(at, o)]).unwrap_or_default();
    let mut name = at + 1;
    if sql.word(name) == "AS" {
        let login = sql.word(name + 1) == "LOGIN";
        return if login { refused("EXECUTE AS LOGIN", SESSIONS).map(|o| vec![(at, o)]).unwrap_or_default() } else { Vec::new() };
    }
    if sql.symbol(name, "(") {
        let whole = sql.symbol(name + 2, ")");
        return if whole { text(sql, name + 1, at, depth).unwrap_or_else(note) } else { note() };
    }
    if sql.word(name).starts_with('@') && sql.symbol(name + 1, "=") {
        name += 2;
    }
    if sql.word(name).starts_with('@') {
        return note();
    }
    if !is_name(sql, name) {
        return Vec::new();
    }
    let (parts, mut argument) = chain(sql, name);
    let procedure = parts.last().copied().flatten().and_then(|i| sql.name(i)).unwrap_or_default();
    if procedure == "sp_executesql" {
        if sql.symbol(argument + 1, "=") {
            argument += 2;
        }
        let goes_on = sql.symbol(argument + 1, "+");
        return if goes_on { note() } else { text(sql, argument, at, depth).unwrap_or_else(note) };
    }
    if matches!(procedure.as_str(), "sp_msforeachtable" | "sp_execute") {
        return note();
    }
    called(sql, name).map(|o| vec![(at, o)]).unwrap_or_default()
}

/// A procedure that is called by the name at a token.
fn called(sql: &Sql<'_>, name: usize) -> Option<Outside> {
    let (parts, _) = chain(sql, name);
    let procedure = parts.last().copied().flatten().and_then(|i| sql.name(i))?;
    let (why, severity) = procedures::verdict(&procedure)?;
    verdict(procedure, why, severity)
}

/// Verdicts on the statements in a string, if there is one.
fn text(sql: &Sql<'_>, at: usize, shown_at: usize, depth: u32) -> Option<Found> {
    let token = sql.tokens.get(at).filter(|t| t.kind == Kind::Text && depth < DEEPEST)?;
    let inside = token.of(sql.text).trim_start_matches(['n', 'N']);
    let inside = inside.get(1..inside.len().checked_sub(1)?)?.replace("''", "'");
    let found = read(&Sql::new(EngineKind::Mssql, &inside), depth + 1);
    Some(found.into_iter().map(|(_, o)| (shown_at, Outside { what: format!("{} in dynamic SQL", o.what), ..o })).collect())
}

/// Commands of `DBCC` that stay within the database.
const INSIDE: &[&str] = &[
    "CHECKALLOC",
    "CHECKCATALOG",
    "CHECKCONSTRAINTS",
    "CHECKDB",
    "CHECKFILEGROUP",
    "CHECKIDENT",
    "CHECKTABLE",
    "CLEANTABLE",
    "DBREINDEX",
    "HELP",
    "INDEXDEFRAG",
    "INPUTBUFFER",
    "OPENTRAN",
    "SHOWCONTIG",
    "SHOW_STATISTICS",
    "SHRINKDATABASE",
    "SHRINKFILE",
    "UPDATEUSAGE",
    "USEROPTIONS",
];

/// Those whose first argument is a database, 0 being the one they run in.
const OF_DATABASE: &[&str] =
    &["CHECKALLOC", "CHECKCATALOG", "CHECKDB", "CLEANTABLE", "INDEXDEFRAG", "OPENTRAN", "SHRINKDATABASE", "UPDATEUSAGE"];

fn dbcc(sql: &Sql<'_>, at: usize) -> Option<Outside> {
    let command = sql.word(at + 1);
    if !INSIDE.contains(&command.as_str()) {
        return refused(format!("DBCC {command}").trim_end().to_owned(), SERVER);
    }
    let argument = sql.tokens.get(at + 3).filter(|_| sql.symbol(at + 2, "("))?;
    let of_database = OF_DATABASE.contains(&command.as_str());
    let other = match argument.kind {
        Kind::Number => false,
        Kind::Text if !of_database => {
            let inside = argument.of(sql.text).trim_start_matches(['n', 'N']).trim_matches('\'').replace("''", "'");
            !databases_named(&format!("drop table {inside}")).is_empty()
        }
        _ => of_database && !sql.symbol(at + 3, ")"),
    };
    if other { refused(format!("DBCC {command} of a database by its name"), OTHERS) } else { None }
}

#[cfg(test)]
mod tests;
