//! Names that lead into another database or to a linked server: three- and four-part names where T-SQL means an object by them.
//!
//! Owns finding them. `dbo.client.name` in a list of columns has three parts as well, so that where a name stands decides. What is put
//! together at run time is not seen.

use crate::catalog::EngineKind;
use crate::upgrade::reach::Sql;
use crate::upgrade::token::{Kind, name_of};

/// A name that leads elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Elsewhere {
    /// Token where it stands.
    pub at: usize,
    /// Database, or `server.database`, as written; `OPENROWSET` and the like where a connection is written out.
    pub name: String,
}

/// Databases and linked servers that a batch, or the text of a routine, view or trigger, names in front of objects, as they are written; each
/// once. A linked server is told as `server.database`, or `server` alone; a connection written out (`OPENROWSET`, `OPENDATASOURCE`) by that word.
/// Temporary tables (`tempdb..#t`) and what the server tells about itself (`master.sys.…`, `master..spt_values`) are not among them. For the
/// target of a synonym ask `create synonym s for <target>`.
pub fn databases_named(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for found in elsewhere(&Sql::new(EngineKind::Mssql, text)) {
        if !names.contains(&found.name) {
            names.push(found.name);
        }
    }
    names
}

/// Words behind which an object is named.
const OPENERS: &[&str] = &[
    "FROM",
    "JOIN",
    "APPLY",
    "INTO",
    "UPDATE",
    "INSERT",
    "DELETE",
    "MERGE",
    "USING",
    "TABLE",
    "REFERENCES",
    "VIEW",
    "TRIGGER",
    "PROCEDURE",
    "PROC",
    "FUNCTION",
    "EXEC",
    "EXECUTE",
    "SEQUENCE",
    "TYPE",
    "SYNONYM",
    "IDENTITY_INSERT",
];

/// Words that may stand between an opener and its name.
const BETWEEN: &[&str] = &["IF", "NOT", "EXISTS", "STATISTICS"];

/// Words that end a list of names.
const CLAUSES: &[&str] = &[
    "SELECT",
    "SET",
    "WHERE",
    "GROUP",
    "ORDER",
    "HAVING",
    "VALUES",
    "OPTION",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "FOR",
    "RETURN",
    "IF",
    "WHILE",
    "BEGIN",
    "END",
    "ELSE",
    "DECLARE",
    "PRINT",
    "RAISERROR",
    "OUTPUT",
    "INTO",
    "EXEC",
    "EXECUTE",
    "CREATE",
    "ALTER",
    "INSERT",
    "UPDATE",
    "DELETE",
    "MERGE",
];

/// Methods of XML and of the server's own CLR types, which are called on columns: `dbo.client.data.value(…)`.
fn is_method(name: &str) -> bool {
    let known = [
        "value",
        "query",
        "exist",
        "modify",
        "nodes",
        "tostring",
        "parse",
        "getancestor",
        "getdescendant",
        "getlevel",
        "getreparentedvalue",
        "isdescendantof",
        "makevalid",
        "reduce",
        "filter",
        "bufferwithtolerance",
        "envelopeangle",
        "astextzm",
        "asgml",
    ];
    known.contains(&name) || name.starts_with("st")
}

/// A dotted name: the token of each part (none for what is left out, as in `a..b`), and the token behind it.
pub(super) fn chain(sql: &Sql<'_>, start: usize) -> (Vec<Option<usize>>, usize) {
    let mut parts = vec![Some(start)];
    let mut at = start + 1;
    while sql.symbol(at, ".") {
        if is_name(sql, at + 1) {
            parts.push(Some(at + 1));
            at += 2;
        } else {
            parts.push(None);
            at += 1;
        }
    }
    (parts, at)
}

pub(super) fn is_name(sql: &Sql<'_>, at: usize) -> bool {
    sql.tokens.get(at).is_some_and(|t| matches!(t.kind, Kind::Word | Kind::Quoted))
}

/// The name as it is written, without its quotes.
fn written(sql: &Sql<'_>, at: usize) -> String {
    let token = sql.tokens[at];
    if token.kind == Kind::Quoted { name_of(token, sql.text).unwrap_or_default() } else { token.of(sql.text).to_owned() }
}

/// Where reading stands.
struct Reader<'s, 't> {
    sql: &'s Sql<'t>,
    /// Whether a comma at this depth leads to another name, by parenthesis.
    lists: Vec<bool>,
    /// An object may be named here.
    opened: bool,
    /// `CREATE INDEX … ON`, `CREATE TRIGGER … ON`: the next `ON` opens.
    on_opens: bool,
    /// `CREATE SYNONYM … FOR`.
    for_opens: bool,
    found: Vec<Elsewhere>,
}

pub(super) fn elsewhere(sql: &Sql<'_>) -> Vec<Elsewhere> {
    // A batch may begin with the name of a procedure.
    let mut reader = Reader { sql, lists: vec![false], opened: true, on_opens: false, for_opens: false, found: Vec::new() };
    let mut at = 0;
    while at < sql.tokens.len() {
        at = reader.step(at);
    }
    reader.found
}

impl Reader<'_, '_> {
    fn list(&mut self, lists: bool) {
        if let Some(last) = self.lists.last_mut() {
            *last = lists;
        }
    }

    /// Reads what stands at a token; says where reading goes on.
    fn step(&mut self, at: usize) -> usize {
        let sql = self.sql;
        if is_name(sql, at) {
            let (parts, next) = chain(sql, at);
            if parts.len() > 1 {
                self.judge(&parts, next);
                self.opened = false;
                return next;
            }
            return self.word(at);
        }
        let symbol = sql.tokens[at].of(sql.text);
        match symbol {
            "(" => {
                // Of what opens names, only these may be followed by names in parentheses: joins, or values that stand where a table would.
                let before = if at > 0 { sql.word(at - 1) } else { String::new() };
                let joins =
                    self.opened && (at > 0 && (matches!(before.as_str(), "FROM" | "JOIN" | "APPLY" | "USING") || before.is_empty()));
                self.lists.push(joins);
                self.opened = joins;
            }
            ")" => {
                if self.lists.len() > 1 {
                    self.lists.pop();
                }
                self.opened = false;
            }
            "," => self.opened = self.lists.last().copied().unwrap_or(false),
            ";" => {
                self.lists = vec![false];
                // What follows may be the name of a procedure only at the start of a batch.
                (self.opened, self.on_opens, self.for_opens) = (false, false, false);
            }
            // `OBJECT::dbo.client`
            ":" => self.opened = at >= 2 && sql.symbol(at - 1, ":") && matches!(sql.word(at - 2).as_str(), "OBJECT" | "TYPE"),
            // `EXEC @result = name`
            "=" => {
                let assigned = at >= 2 && sql.word(at - 1).starts_with('@') && matches!(sql.word(at - 2).as_str(), "EXEC" | "EXECUTE");
                self.opened = assigned;
            }
            _ => self.opened = false,
        }
        at + 1
    }

    /// A word, or a name of one part.
    fn word(&mut self, at: usize) -> usize {
        let sql = self.sql;
        let word = sql.word(at);
        let before = if at > 0 { sql.word(at - 1) } else { String::new() };
        if self.opened && word == "TOP" {
            return self.behind_top(at + 1);
        }
        if self.opened && at > 0 && BETWEEN.contains(&word.as_str()) {
            return at + 1;
        }
        if matches!(word.as_str(), "INDEX" | "TRIGGER" | "STATISTICS") {
            let near = at.saturating_sub(5)..at;
            self.on_opens = near.into_iter().any(|i| matches!(sql.word(i).as_str(), "CREATE" | "ALTER" | "DROP" | "ENABLE" | "DISABLE"));
        }
        self.for_opens |= word == "SYNONYM" && before == "CREATE";
        let opens = match word.as_str() {
            "ON" => std::mem::take(&mut self.on_opens),
            "FOR" => before == "VALUE" || std::mem::take(&mut self.for_opens),
            // `IS DISTINCT FROM` compares.
            "FROM" => before != "DISTINCT",
            other => OPENERS.contains(&other),
        };
        if matches!(word.as_str(), "SELECT" | "FROM") {
            self.on_opens = false;
        }
        if opens && (word == "FROM" || before == "DROP") {
            self.list(true);
        } else if CLAUSES.contains(&word.as_str()) {
            self.list(false);
        }
        self.opened = opens;
        let called = sql.symbol(at + 1, "(");
        match word.as_str() {
            "OPENROWSET" | "OPENDATASOURCE" if called => self.found.push(Elsewhere { at, name: word }),
            "OPENQUERY" if called && is_name(sql, at + 2) => self.found.push(Elsewhere { at, name: written(sql, at + 2) }),
            // `EXEC ('…') AT server`
            "AT" if at > 0 && sql.symbol(at - 1, ")") && is_name(sql, at + 1) && sql.word(at + 1) != "TIME" => {
                self.found.push(Elsewhere { at: at + 1, name: written(sql, at + 1) });
            }
            _ => {}
        }
        at + 1
    }

    /// Behind `TOP (5)` or `TOP 5 PERCENT`, with an object still to be named.
    fn behind_top(&self, mut at: usize) -> usize {
        let sql = self.sql;
        if sql.symbol(at, "(") {
            let mut depth = 0usize;
            while at < sql.tokens.len() {
                depth = if sql.symbol(at, "(") { depth + 1 } else { depth - usize::from(sql.symbol(at, ")")) };
                at += 1;
                if depth == 0 {
                    break;
                }
            }
        } else {
            at += 1;
        }
        if sql.word(at) == "PERCENT" { at + 1 } else { at }
    }

    /// Whether a name of several parts leads elsewhere.
    fn judge(&mut self, parts: &[Option<usize>], next: usize) {
        let sql = self.sql;
        let Some(first) = parts[0] else { return };
        if sql.word(first).starts_with('@') {
            return;
        }
        let lower = |part: Option<usize>| part.and_then(|at| sql.name(at)).unwrap_or_default();
        let last = lower(parts[parts.len() - 1]);
        let called = sql.symbol(next, "(");
        if called && is_method(&last) {
            return;
        }
        // `a..b`: what stands before the gap is a database, or a server before a database that is left out as well.
        let gap = parts[..parts.len() - 1].iter().position(Option::is_none);
        let database = match (gap, self.opened) {
            (Some(gap), _) => gap - 1,
            (None, true) if parts.len() >= 3 => parts.len().min(4) - 3,
            (None, false) if parts.len() == 3 && called => 0,
            _ => return,
        };
        let name = lower(parts[database]);
        if database == 0 {
            let schema = lower(parts[1]);
            let told = schema == "sys" || (matches!(schema.as_str(), "" | "dbo") && (last == "spt_values" || last.starts_with("sys")));
            let executed = first > 0 && matches!(sql.word(first - 1).as_str(), "EXEC" | "EXECUTE");
            if (name == "tempdb" && last.starts_with('#')) || (name == "master" && told && self.opened && first > 0 && !executed) {
                return;
            }
        }
        let shown: Vec<String> = parts[..=database].iter().flatten().map(|at| written(sql, *at)).collect();
        self.found.push(Elsewhere { at: first, name: shown.join(".") });
    }
}
