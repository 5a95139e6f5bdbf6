//! The vendor's scripts: statement by statement, in one transaction with their record.
//!
//! The connection is set as the `sqlite3` shell sets it: foreign keys are not enforced unless the script says so. A script's own BEGIN and
//! COMMIT fall together with the one transaction around all of it. Whether a script may contain them is the model's decision.

use super::error::failed;
use super::generation::together;
use super::tokens::{Token, tokens};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Applied, ScriptState};
use greenroom_model::hash::Hash;
use greenroom_model::upgrade::Statement;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
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
    /// BEGIN, COMMIT, END: already so.
    Boundary,
    ForeignKeys(bool),
}

fn role(sql: &str) -> Role {
    let all = tokens(sql);
    let Some(first) = all.first() else { return Role::Empty };
    if ["BEGIN", "COMMIT", "END"].iter().any(|w| first.is(w)) {
        return Role::Boundary;
    }
    if first.is("PRAGMA") && all.get(1).is_some_and(|t| t.is("foreign_keys")) {
        let value = all.get(3).map(|t: &Token<'_>| t.name().unwrap_or_else(|| t.text.to_owned()).to_ascii_lowercase());
        if let Some(value) = value {
            return Role::ForeignKeys(matches!(value.as_str(), "on" | "1" | "true" | "yes"));
        }
    }
    Role::Ordinary
}

/// Runs a script from `skip` on.
pub(super) fn run(c: &Connection, key: &str, hash: &Hash, statements: &[Statement], skip: u32) -> Result<Applied> {
    let doing = "run a script";
    let wrong = |e: rusqlite::Error| failed(doing, &e);
    // PRAGMA foreign_keys does nothing inside a transaction, so what the script says before its first other statement is done here.
    let roles: Vec<Role> = statements.iter().map(|s| role(&s.sql)).collect();
    let said = roles
        .iter()
        .take_while(|r| !matches!(r, Role::Ordinary))
        .filter_map(|r| if let Role::ForeignKeys(on) = r { Some(*on) } else { None })
        .last();
    set_foreign_keys(c, said == Some(true)).map_err(wrong)?;
    let result = together(c, doing, || {
        let before = if said == Some(false) { violations(c).map_err(wrong)? } else { BTreeMap::new() };
        let mut applied = Applied::default();
        let rows = c.total_changes();
        for (i, (statement, role)) in statements.iter().zip(&roles).enumerate().skip(skip as usize) {
            let number = u32::try_from(i + 1).unwrap_or(u32::MAX);
            match role {
                Role::Ordinary => guarded(c, &statement.sql).map_err(|mut e| {
                    e.statement = Some((number, statement.line));
                    e
                })?,
                Role::Boundary => applied.notices.push(format!("statement {number}: the script already runs in one transaction")),
                Role::ForeignKeys(_) | Role::Empty => {}
            }
            applied.statements += 1;
        }
        applied.rows = c.total_changes() - rows;
        if said == Some(false) {
            unharmed(&before, &violations(c).map_err(wrong)?)?;
        }
        c.execute(
            "INSERT OR REPLACE INTO greenroom_script(key, hash, done, complete) VALUES(?1, ?2, ?3, 1)",
            (key, hash.to_string(), u32::try_from(statements.len()).unwrap_or(u32::MAX)),
        )
        .map_err(wrong)?;
        Ok(applied)
    });
    set_foreign_keys(c, false).map_err(wrong)?;
    result
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
    let ours = |name: &str| super::inspect::OURS.iter().any(|o| o.eq_ignore_ascii_case(name));
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
