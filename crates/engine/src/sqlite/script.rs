//! The vendor's scripts: statement by statement, in one transaction with their record, or one by one where a script asks for that or holds a
//! VACUUM.
//!
//! The connection is set as the `sqlite3` shell sets it: foreign keys are not enforced unless the script says so. A script's own BEGIN and
//! COMMIT fall together with the one transaction around all of it; they hold where there is none. Whether a script may contain them is the
//! model's decision.

use super::error::failed;
use super::generation::together;
use super::tokens::{Token, tokens};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Applied, ScriptState};
use greenroom_model::hash::Hash;
use greenroom_model::upgrade::Statement;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, OptionalExtension};
use std::collections::BTreeMap;

/// How far a script got.
pub(super) fn state(c: &Connection, key: &str) -> Result<ScriptState> {
    let row: Option<(String, u32, bool)> = c
        .query_row("SELECT hash, done, complete FROM greenroom_script WHERE key = ?1", [key], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
        .optional()
        .map_err(|e| failed("read a script's state", &e))?;
    Ok(row.map_or_else(ScriptState::default, |(hash, done, complete)| ScriptState { hash: Hash::parse(&hash), done, complete }))
}

/// What a statement means to the transaction around the script.
enum Role {
    Ordinary,
    Empty,
    Begin,
    /// COMMIT, END.
    Commit,
    ForeignKeys(bool),
    /// Refuses a transaction.
    Vacuum,
}

fn role(sql: &str) -> Role {
    let all = tokens(sql);
    let Some(first) = all.first() else { return Role::Empty };
    if first.is("BEGIN") {
        return Role::Begin;
    }
    if ["COMMIT", "END"].iter().any(|w| first.is(w)) {
        return Role::Commit;
    }
    // With INTO it writes another file and stays an ordinary statement, which the authorizer refuses.
    if first.is("VACUUM") && !all.iter().any(|t| t.is("INTO")) {
        return Role::Vacuum;
    }
    if first.is("PRAGMA") && all.get(1).is_some_and(|t| t.is("foreign_keys")) {
        let value = all.get(3).map(|t: &Token<'_>| t.name().unwrap_or_else(|| t.text.to_owned()).to_ascii_lowercase());
        if let Some(value) = value {
            return Role::ForeignKeys(matches!(value.as_str(), "on" | "1" | "true" | "yes"));
        }
    }
    Role::Ordinary
}

fn number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

/// Runs a script from `skip` on, `apart` where it asks for no transaction around it.
pub(super) fn run(c: &Connection, key: &str, hash: &Hash, statements: &[Statement], skip: u32, apart: bool) -> Result<Applied> {
    let roles: Vec<Role> = statements.iter().map(|s| role(&s.sql)).collect();
    let result = if apart || roles.iter().any(|r| matches!(r, Role::Vacuum)) {
        one_by_one(c, key, hash, statements, &roles, skip)
    } else {
        as_one(c, key, hash, statements, &roles, skip)
    };
    if !c.is_autocommit() {
        let _ = c.execute_batch("ROLLBACK");
    }
    set_foreign_keys(c, false).map_err(wrong)?;
    result
}

fn wrong(e: rusqlite::Error) -> EngineError {
    failed("run a script", &e)
}

fn record(c: &Connection, key: &str, hash: &Hash, done: u32, all: usize) -> Result<()> {
    let complete = usize::try_from(done).is_ok_and(|d| d >= all);
    c.execute(
        "INSERT OR REPLACE INTO greenroom_script(key, hash, done, complete) VALUES(?1, ?2, ?3, ?4)",
        (key, hash.to_string(), done, complete),
    )
    .map(drop)
    .map_err(wrong)
}

fn as_one(c: &Connection, key: &str, hash: &Hash, statements: &[Statement], roles: &[Role], skip: u32) -> Result<Applied> {
    // PRAGMA foreign_keys does nothing inside a transaction, so what the script says before its first other statement is done here.
    let said = roles
        .iter()
        .take_while(|r| !matches!(r, Role::Ordinary))
        .filter_map(|r| if let Role::ForeignKeys(on) = r { Some(*on) } else { None })
        .last();
    set_foreign_keys(c, said == Some(true)).map_err(wrong)?;
    together(c, "run a script", || {
        let before = if said == Some(false) { violations(c).map_err(wrong)? } else { BTreeMap::new() };
        let mut applied = Applied::default();
        let rows = c.total_changes();
        for (i, (statement, role)) in statements.iter().zip(roles).enumerate().skip(skip as usize) {
            match role {
                Role::Ordinary | Role::Vacuum => guarded(c, &statement.sql).map_err(at(i, statement))?,
                Role::Begin | Role::Commit => {
                    applied.notices.push(format!("statement {}: the script already runs in one transaction", number(i)));
                }
                Role::ForeignKeys(_) | Role::Empty => {}
            }
            applied.statements += 1;
        }
        applied.rows = c.total_changes() - rows;
        if said == Some(false) {
            unharmed(&before, &violations(c).map_err(wrong)?)?;
        }
        record(c, key, hash, u32::try_from(statements.len()).unwrap_or(u32::MAX), statements.len())?;
        Ok(applied)
    })
}

/// Names the statement at fault.
fn at(index: usize, statement: &Statement) -> impl Fn(EngineError) -> EngineError {
    let place = (number(index), statement.line);
    move |mut e| {
        e.statement = Some(place);
        e
    }
}

fn one_by_one(c: &Connection, key: &str, hash: &Hash, statements: &[Statement], roles: &[Role], skip: u32) -> Result<Applied> {
    let last_begin = roles.iter().rposition(|r| matches!(r, Role::Begin));
    if let Some(i) = last_begin.filter(|i| !roles[*i..].iter().any(|r| matches!(r, Role::Commit))) {
        let e = EngineError::new(ErrorKind::Statement, "run a script", "the transaction that begins here is never committed");
        return Err(at(i, &statements[i])(e.hint("end it with `COMMIT`")));
    }
    set_foreign_keys(c, false).map_err(wrong)?;
    let mut applied = Applied::default();
    let rows = c.total_changes();
    let all = statements.len();
    if all == 0 {
        record(c, key, hash, 0, 0)?;
    }
    for (i, (statement, role)) in statements.iter().zip(roles).enumerate() {
        let done = || record(c, key, hash, number(i), all);
        if i < skip as usize {
            // What the statements that are done said about the connection went with theirs.
            if let Role::ForeignKeys(on) = role {
                set_foreign_keys(c, *on).map_err(wrong)?;
            }
            continue;
        }
        let block = !c.is_autocommit();
        let outcome = match role {
            Role::Begin if !block => c.execute_batch("BEGIN IMMEDIATE").map_err(wrong),
            Role::Commit if block => done().and_then(|()| c.execute_batch("COMMIT").map_err(wrong)),
            Role::Begin | Role::Empty | Role::ForeignKeys(_) if block => Ok(()),
            Role::ForeignKeys(on) => set_foreign_keys(c, *on).map_err(wrong).and_then(|()| done()),
            Role::Begin | Role::Commit | Role::Empty => done(),
            Role::Ordinary | Role::Vacuum if block => guarded(c, &statement.sql),
            // It opens a nameless file of its own, which the authorizer would refuse; effect first, record right after it.
            Role::Vacuum => vacuum(c, &statement.sql).map_err(wrong).and_then(|()| done()),
            Role::Ordinary => together(c, "run a script", || guarded(c, &statement.sql).and_then(|()| done())),
        };
        outcome.map_err(at(i, statement))?;
        applied.statements += 1;
    }
    applied.rows = c.total_changes() - rows;
    Ok(applied)
}

fn set_foreign_keys(c: &Connection, on: bool) -> rusqlite::Result<()> {
    c.pragma_update(None, "foreign_keys", on)
}

/// Executes one statement under the authorizer. Rows that it returns are read to their end and dropped.
fn guarded(c: &Connection, sql: &str) -> Result<()> {
    let doing = "run a script";
    c.authorizer(Some(allowed)).map_err(|e| failed(doing, &e))?;
    let result = execute(c, sql).map_err(|e| failed(doing, &e));
    c.authorizer(None::<fn(AuthContext<'_>) -> Authorization>).map_err(|e| failed(doing, &e))?;
    result
}

/// VACUUM attaches a nameless database to itself.
fn vacuum(c: &Connection, sql: &str) -> rusqlite::Result<()> {
    c.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 1)?;
    let result = execute(c, sql);
    c.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    result
}

fn execute(c: &Connection, sql: &str) -> rusqlite::Result<()> {
    let mut statement = c.prepare(sql)?;
    let mut rows = statement.raw_query();
    while rows.next()?.is_some() {}
    Ok(())
}

/// What a script may not do: reach other files, end our transaction, touch our records, or switch off what keeps the file whole.
fn allowed(context: AuthContext<'_>) -> Authorization {
    const PRAGMAS: [&str; 7] =
        ["journal_mode", "locking_mode", "temp_store", "temp_store_directory", "data_store_directory", "secure_delete", "query_only"];
    // What notes keys writes them down whoever touches a row.
    let noting = context.accessor.is_some_and(|trigger| trigger.starts_with(super::inspect::CAPTURE));
    let ours = |table: &str| super::inspect::is_ours(table) && !noting;
    let denied = match context.action {
        AuthAction::Attach { .. } | AuthAction::Detach { .. } | AuthAction::Transaction { .. } => true,
        AuthAction::Pragma { pragma_name, pragma_value } => {
            pragma_value.is_some() && PRAGMAS.iter().any(|p| p.eq_ignore_ascii_case(pragma_name))
        }
        AuthAction::Function { function_name } => {
            ["load_extension", "fts3_tokenizer"].iter().any(|f| f.eq_ignore_ascii_case(function_name))
        }
        AuthAction::Insert { table_name }
        | AuthAction::Delete { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::DropTable { table_name }
        | AuthAction::AlterTable { table_name, .. } => ours(table_name),
        _ => false,
    };
    if denied { Authorization::Deny } else { Authorization::Allow }
}

/// Rows by table whose foreign key points nowhere.
fn violations(c: &Connection) -> rusqlite::Result<BTreeMap<String, u64>> {
    let mut out = BTreeMap::new();
    let mut statement = c.prepare("PRAGMA foreign_key_check")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        *out.entry(row.get(0)?).or_insert(0) += 1;
    }
    Ok(out)
}

/// A script that switches foreign keys off must not leave more orphans than it found.
fn unharmed(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> Result<()> {
    for (table, count) in after {
        let new = count.saturating_sub(before.get(table).copied().unwrap_or(0));
        if new > 0 {
            return Err(EngineError::new(
                ErrorKind::Data,
                "check foreign keys after a script",
                format!("the script leaves {new} more rows of `{table}` whose foreign key points nowhere"),
            )
            .object(table)
            .hint("the script switches foreign keys off; see `PRAGMA foreign_key_check` on the generation"));
        }
    }
    Ok(())
}
