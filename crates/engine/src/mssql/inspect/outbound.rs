//! What reaches outside the database (P13), and what is known not to be carried (P8).

use super::super::connect::Session;
use super::Made;
use super::facts::{self, Views};
use super::rows::{IndexKind, TableRows};
use crate::error::Result;
use greenroom_model::catalog::Outbound;
use std::collections::BTreeSet;

/// How a synonym is kept from reaching outside.
pub(crate) const LEFT_OUT: &str = "left out";

/// How an external table is kept from reaching outside.
const NOT_MADE: &str = "not made on the copy";

/// Words that leave the database, in lower case. Coarse on purpose: a false alarm is accepted once in the program, a missed one writes to
/// production.
const REACHING: &[&str] = &[
    "openquery",
    "openrowset",
    "opendatasource",
    "xp_cmdshell",
    "sp_send_dbmail",
    "xp_sendmail",
    "sp_oacreate",
    "sp_oamethod",
    "xp_regwrite",
    "xp_dirtree",
    "sp_addlinkedserver",
    "sp_start_job",
    "sp_add_job",
    "sp_invoke_external_rest_endpoint",
    "sp_execute_external_script",
    "sp_execute_remote",
    "bulk insert",
    "send on conversation",
];

/// Databases that may be named: their contents are the server's own, and reading them changes nothing. `msdb` is none: it sends mail and runs
/// jobs.
const TELLING: &[&str] = &["tempdb"];

/// An external table.
pub(super) fn external(name: &str) -> Outbound {
    Outbound { kind: "external table".to_owned(), name: name.to_owned(), disabled_by: Some(NOT_MADE.to_owned()) }
}

/// The parts of a name of several parts, without quotes; empty where one is left out (`db..t`).
pub(super) fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = name.trim().chars().peekable();
    let mut closing: Option<char> = None;
    while let Some(c) = chars.next() {
        let last = parts.last_mut().expect("there is always one part");
        match closing {
            Some(end) if c == end => {
                if chars.peek() == Some(&end) {
                    last.push(end);
                    chars.next();
                } else {
                    closing = None;
                }
            }
            Some(_) => last.push(c),
            None => match c {
                '[' => closing = Some(']'),
                '"' => closing = Some('"'),
                '.' => parts.push(String::new()),
                c if c.is_whitespace() => {}
                c => last.push(c),
            },
        }
    }
    parts
}

/// Names before the last two parts of every name of three or four parts: databases, and linked servers. Names in strings count too, since
/// strings become statements; comments do not.
pub(super) fn elsewhere(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let code = without_comments(text);
    let chars: Vec<char> = code.chars().collect();
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '@' | '#' | '$');
    let mut i = 0;
    while i < chars.len() {
        if !(plain(chars[i]) || matches!(chars[i], '[' | '"')) || (i > 0 && plain(chars[i - 1])) {
            i += 1;
            continue;
        }
        let (mut parts, mut at) = (Vec::new(), i);
        while let Some((part, after)) = part(&chars, at) {
            parts.push(part);
            at = after;
            let mut look = at;
            while chars.get(look).is_some_and(|c| c.is_whitespace()) {
                look += 1;
            }
            if chars.get(look) != Some(&'.') {
                break;
            }
            at = look + 1;
            while chars.get(at).is_some_and(|c| c.is_whitespace() || *c == '.') {
                if chars[at] == '.' {
                    parts.push(String::new());
                }
                at += 1;
            }
        }
        // Numbers are no names, and a variable's methods are no tables.
        let name = parts.first().is_some_and(|p| !p.starts_with(|c: char| c.is_ascii_digit() || c == '@'));
        if parts.len() >= 3 && name {
            found.insert(parts[..parts.len() - 2].join("."));
        }
        i = at.max(i + 1);
    }
    found
}

/// A part of a name, quoted or not, and where it ends.
fn part(chars: &[char], at: usize) -> Option<(String, usize)> {
    let close = match chars.get(at)? {
        '[' => ']',
        '"' => '"',
        _ => {
            let end = chars[at..]
                .iter()
                .position(|c| !(c.is_alphanumeric() || matches!(c, '_' | '@' | '#' | '$')))
                .map_or(chars.len(), |n| at + n);
            return (end > at).then(|| (chars[at..end].iter().collect(), end));
        }
    };
    let mut name = String::new();
    let mut i = at + 1;
    loop {
        match *chars.get(i)? {
            c if c == close && chars.get(i + 1) == Some(&close) => {
                name.push(close);
                i += 2;
            }
            c if c == close => return Some((name, i + 1)),
            '\n' => return None,
            c => {
                name.push(c);
                i += 1;
            }
        }
    }
}

/// A text whose comments are blanks.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut string = false;
    while let Some(c) = rest.chars().next() {
        if !string && rest.starts_with("--") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
            continue;
        }
        if !string && rest.starts_with("/*") {
            let (mut depth, mut at) = (0usize, 0);
            while at < rest.len() {
                match rest.as_bytes().get(at..at + 2) {
                    Some(b"/*") => (depth, at) = (depth + 1, at + 2),
                    Some(b"*/") => (depth, at) = (depth - 1, at + 2),
                    _ => at += 1,
                }
                if depth == 0 {
                    break;
                }
            }
            out.push(' ');
            rest = rest.get(at..).unwrap_or_default();
            continue;
        }
        string ^= c == '\'';
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// What a module's text reaches: databases and servers, or a word that leaves the database. `others` are databases of the server, in lower
/// case: `a.b.c` may as well be a column of a table, so that a name of three parts counts when such a database is known, when it is the
/// database's own or when it can be no schema's.
pub(super) fn reaches(text: &str, own: &str, others: &BTreeSet<String>, schemas: &BTreeSet<String>) -> Vec<String> {
    let mut found = BTreeSet::new();
    for name in elsewhere(text) {
        let lower = name.to_lowercase();
        let telling = TELLING.contains(&lower.as_str()) || matches!(lower.as_str(), "inserted" | "deleted");
        let database = lower == own.to_lowercase() || others.contains(&lower);
        if !telling && (database || !schemas.contains(&lower)) {
            found.insert(name);
        }
    }
    let lower = without_comments(text).to_lowercase();
    let squeezed = lower.split_whitespace().collect::<Vec<_>>().join(" ");
    found.extend(REACHING.iter().filter(|word| squeezed.contains(**word)).map(|word| (*word).to_owned()));
    found.into_iter().collect()
}

/// Modules that reach outside. They are made all the same: what they say may be meant, and the program must say so.
pub(super) async fn of_modules(session: &mut Session, modules: &[Made]) -> Result<Vec<Outbound>> {
    let names = facts::read(session, "list the databases", "select d.name as n, db_name() as own from sys.databases d").await?;
    let own = names.first().map(|f| f.said("own")).unwrap_or_default();
    let others: BTreeSet<String> = names.iter().map(|f| f.said("n").to_lowercase()).collect();
    let schemas: BTreeSet<String> = facts::read(session, "list the schemas", "select s.name as n from sys.schemas s")
        .await?
        .iter()
        .map(|f| f.said("n").to_lowercase())
        .chain(["sys".to_owned(), "information_schema".to_owned()])
        .collect();
    let mut found = Vec::new();
    for m in modules {
        let text = m.statements.first().map_or("", String::as_str);
        let reached = reaches(text, &own, &others, &schemas);
        if !reached.is_empty() {
            let kind = format!("{} that may reach outside ({})", m.kind, reached.join(", "));
            found.push(Outbound { kind, name: m.name(), disabled_by: None });
        }
    }
    Ok(found)
}

/// Views of things that are not carried: the view, what names them, what they are called, and why.
const LEFT: &[(&str, &str, &str, &str)] = &[
    ("assemblies", "select a.name as n from sys.assemblies a where a.is_user_defined = 1", "assembly", "code of the CLR is not carried"),
    ("asymmetric_keys", "select k.name as n from sys.asymmetric_keys k", "asymmetric key", "keys cannot be read"),
    ("certificates", "select c.name as n from sys.certificates c", "certificate", "keys cannot be read"),
    ("symmetric_keys", "select k.name as n from sys.symmetric_keys k", "symmetric key", "keys cannot be read"),
    ("column_master_keys", "select k.name as n from sys.column_master_keys k", "column master key", "keys are kept elsewhere"),
    (
        "change_tracking_tables",
        "select object_name(t.object_id) as n from sys.change_tracking_tables t",
        "change tracking of table",
        "what changed before the copy means nothing to it",
    ),
    (
        "tables",
        "select t.name as n from sys.tables t where t.is_tracked_by_cdc = 1",
        "change data capture of table",
        "its history is production's",
    ),
    (
        "database_audit_specifications",
        "select s.name as n from sys.database_audit_specifications s",
        "audit specification",
        "audits belong to the server",
    ),
    ("database_scoped_credentials", "select c.name as n from sys.database_scoped_credentials c", "credential", "secrets cannot be read"),
    ("external_data_sources", "select s.name as n from sys.external_data_sources s", "external data source", "it reaches outside"),
    (
        "external_libraries",
        "select l.name as n from sys.external_libraries l",
        "external library",
        "code of other languages is not carried",
    ),
    ("fulltext_catalogs", "select c.name as n from sys.fulltext_catalogs c", "full-text catalog", "full-text search is not carried"),
    (
        "fulltext_indexes",
        "select object_name(i.object_id) as n from sys.fulltext_indexes i",
        "full-text index on",
        "full-text search is not carried: queries with CONTAINS and FREETEXT fail on the copy",
    ),
    (
        "numbered_procedures",
        "select distinct object_name(p.object_id) as n from sys.numbered_procedures p",
        "numbered procedures behind",
        "only the first of the number is carried",
    ),
    ("plan_guides", "select g.name as n from sys.plan_guides g", "plan guide", "it speaks of plans of the source's server"),
    (
        "security_policies",
        "select p.name as n from sys.security_policies p",
        "security policy",
        "rows are not hidden on the copy: the policy would hide them from Greenroom as well",
    ),
    (
        "service_queues",
        "select q.name as n from sys.service_queues q where q.is_ms_shipped = 0",
        "service broker queue",
        "conversations are not carried",
    ),
    (
        "services",
        "select s.name collate database_default as n from sys.services s where s.service_id > 65535",
        "service broker service",
        "conversations are not carried",
    ),
    (
        "stats",
        "select concat(count(*), ' of users') as n from sys.stats s join sys.objects o on o.object_id = s.object_id \
         where s.user_created = 1 and o.is_ms_shipped = 0 having count(*) > 0",
        "statistics",
        "the copy gathers its own",
    ),
    (
        "data_spaces",
        "select s.name as n from sys.data_spaces s where s.type = 'FG' and s.name <> N'PRIMARY'",
        "filegroup",
        "what lies in it lies in the copy's default filegroup",
    ),
    (
        "databases",
        "select 'TRUSTWORTHY' as n from sys.databases d where d.name = db_name() and d.is_trustworthy_on = 1",
        "option",
        "it lets the database act on the server",
    ),
    (
        "databases",
        "select 'DB_CHAINING' as n from sys.databases d where d.name = db_name() and d.is_db_chaining_on = 1",
        "option",
        "it lets the database reach others",
    ),
];

/// Names and reasons of what this engine does not carry.
pub(super) async fn not_carried(session: &mut Session, views: &Views, tables: &[TableRows]) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for (view, query, what, why) in LEFT {
        for f in views.read(session, view, query).await? {
            found.push((format!("{what} {}", f.said("n")), (*why).to_owned()));
        }
    }
    for t in tables {
        found.extend(of_table(t));
    }
    Ok(found)
}

/// What is lost of a table that is carried otherwise.
pub(super) fn of_table(t: &TableRows) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if !t.carried() {
        return found;
    }
    for c in &t.columns {
        for bound in &c.bound {
            let why = "a default or rule of the old kind (sp_bindefault, sp_bindrule)";
            found.push((format!("{bound} bound to {}.{}", t.shown(), c.ty.name), why.to_owned()));
        }
    }
    for i in t.indexes.iter().filter(|i| i.kind == IndexKind::Unknown) {
        found.push((format!("index {} on {}", i.name, t.shown()), "a kind of index that is not known".to_owned()));
    }
    found
}
