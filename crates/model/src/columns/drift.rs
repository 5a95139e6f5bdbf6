//! Where the schema has moved away from the one that the decisions were made for.
//!
//! Owns what drifted, as far as it can be told: the program pins a fingerprint, which cannot be read backwards, so what a column was is known
//! only where the schema of that fingerprint is at hand. Does not own coverage (`coverage`).

use super::names::find_table;
use crate::catalog::{Catalog, Column, Generation};
use crate::finding::Finding;
use crate::program::Program;

/// Retyped columns spelled out in one message.
const SHOWN: usize = 12;

/// Reports that the schema is not the pinned one, and what changed.
pub(super) fn drift(program: &Program, catalog: &Catalog, decided: Option<&Catalog>, undecided: usize, findings: &mut Vec<Finding>) {
    let now = catalog.columns_fingerprint();
    let Some(pinned) = program.pinned.filter(|p| *p != now) else { return };
    let gone: usize = program
        .columns
        .iter()
        .filter(|(_, columns)| columns.values().any(|d| !d.after_upgrade))
        .map(|(written, columns)| match find_table(catalog, written) {
            None => columns.len(),
            Some(t) => columns.iter().filter(|(c, d)| !d.after_upgrade && t.column(c).is_none()).count(),
        })
        .sum();
    let retyped = decided.filter(|d| d.columns_fingerprint() == pinned).map(|d| retyped(d, catalog));
    let mut what = Vec::new();
    if undecided > 0 {
        what.push(format!("columns without a decision: {undecided}"));
    }
    if gone > 0 {
        what.push(format!("decided on but no longer there: {gone}"));
    }
    match &retyped {
        Some(changes) if !changes.is_empty() => {
            let more = changes.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            what.push(format!("changed: {}{more}", changes[..changes.len().min(SHOWN)].join(", ")));
        }
        Some(_) if what.is_empty() => what.push("tables or columns came, went or were renamed that need no decision".to_owned()),
        None if what.is_empty() => what.push("a column changed its type, or whether it may be NULL".to_owned()),
        _ => {}
    }
    let message =
        format!("the schema is not the one that was decided on (now `{}`, pinned `{}`); {}", now.short(), pinned.short(), what.join("; "));
    let mut hint = "look at what changed, then pin the new fingerprint with `greenroom columns --write`".to_owned();
    if retyped.is_none() && undecided + gone == 0 {
        hint.push_str("; which columns changed their type is known only in a workspace that has seen the former schema");
    }
    findings.push(Finding::error("GR0204", message).hint(hint));
}

/// Columns that both schemas have and that changed their type, whether they may be NULL, or whether they are computed: one line each with the
/// old and the new form.
pub fn retyped(before: &Catalog, now: &Catalog) -> Vec<String> {
    let mut out = Vec::new();
    for table in &now.tables {
        let Some(old) = before.table(&table.name) else { continue };
        for column in &table.columns {
            let Some(was) = old.column(&column.name) else { continue };
            let (from, to) = (form(was), form(column));
            if from != to {
                out.push(format!("`{}.{}` from {from} to {to}", table.name.short(now.engine), column.name));
            }
        }
    }
    out
}

/// A column's type as the engine spells it, with what else the decisions rest on.
fn form(column: &Column) -> String {
    let native = if column.native_type.is_empty() { "no type".to_owned() } else { format!("`{}`", column.native_type) };
    let null = if column.nullable { "" } else { " not null" };
    let computed = if column.generated == Some(Generation::Computed) { ", computed" } else { "" };
    format!("{native}{null}{computed}")
}
