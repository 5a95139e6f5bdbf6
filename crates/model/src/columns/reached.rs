//! A program in a version of the product that production reached by the same upgrade as the pilot: its decisions were written for the former
//! version and, with `after_upgrade`, for this one. Owns what of a program counts before and after; does not own how it is found out that
//! production has been upgraded (`runner::session`).

use super::names::{find_table, listed, place};
use super::{Decision, Treatment};
use crate::catalog::Catalog;
use crate::finding::Finding;
use crate::program::{PackAction, PackRule, Program, Shape};

/// Names spelled out in one message.
const SHOWN: usize = 12;

/// The program as it holds for production before the upgrade: without the pack rules that say they are for the new version, and name what only
/// that has.
pub fn not_reached(program: &Program, now: &Catalog) -> Program {
    let mut here = program.clone();
    here.packs.iter_mut().for_each(|p| p.rules.retain(|r| r.shape != Shape::After || fits(r, now)));
    here
}

/// Whether everything that a rule names is there. What statements name cannot be told.
fn fits(rule: &PackRule, catalog: &Catalog) -> bool {
    let Some(written) = &rule.table else { return true };
    let columns: Vec<&String> = match &rule.action {
        PackAction::Blank { columns } => columns.iter().collect(),
        PackAction::Set { values } => values.keys().collect(),
        PackAction::Mask { columns } => columns.keys().collect(),
        PackAction::Empty | PackAction::Delete | PackAction::Statement { .. } => Vec::new(),
    };
    find_table(catalog, written).is_some_and(|t| columns.into_iter().all(|c| t.column(c).is_some()))
}

/// The program as it holds for production after the upgrade, and what is to be said about it. `former` is production's schema before, `now` the one
/// it has.
///
/// Decisions with `after_upgrade` are about production's own values now; those for columns of the former version are left out and counted. A
/// column that is kept, and that no pack changes, although its values come from what is masked elsewhere is an error: on the pilots they were made from masked values,
/// in production they are raw.
pub fn reached(program: &Program, former: &Catalog, now: &Catalog) -> (Program, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut here = program.clone();
    here.packs.iter_mut().for_each(|p| p.rules.retain(|r| r.shape != Shape::Before || fits(r, now)));
    let mut gone: Vec<String> = Vec::new();
    let left = |written: &str| find_table(now, written).is_none() && find_table(former, written).is_some();
    here.columns.retain(|written, columns| {
        let (then, table) = (find_table(former, written), find_table(now, written));
        columns.retain(|column, d| {
            let was = then.is_some_and(|t| t.column(column).is_some());
            let is = table.is_some_and(|t| t.column(column).is_some());
            if was && !is && d.origin.is_own() {
                gone.push(format!("{written}.{column}"));
            }
            is || !was
        });
        !columns.is_empty()
    });
    here.kinds.retain(|k| !left(&k.table));
    here.left_out.retain(|written, _| !left(written));
    let rules: Vec<PackRule> = here.packs.iter().flat_map(|p| p.rules.iter().cloned()).collect();
    for (written, columns) in &mut here.columns {
        let Some(table) = find_table(now, written) else { continue };
        for (column, decision) in columns.iter_mut().filter(|(c, d)| d.after_upgrade && table.column(c).is_some()) {
            let neutral = rules.iter().any(|r| always(r) && changes(r, written, column));
            if let Some(from) = raw_origin(program, decision).filter(|_| !neutral) {
                let message =
                    format!("`{written}.{column}` is kept, but production has it now, and `{from}`, which it is made from, is not kept");
                let hint = "decide what happens to production's own values of it (a mask, `null`, `clear`), or let somebody answer for it: \
                            `approved_by = \"their id\"`";
                findings.push(Finding::error("GR0215", message).at(place(&decision.origin)).hint(hint));
            }
            decision.after_upgrade = false;
        }
    }
    if !gone.is_empty() {
        let names: Vec<&str> = gone.iter().map(String::as_str).collect();
        let message = format!("decisions for columns that went with the upgrade: {}", listed(&names, SHOWN));
        findings.push(Finding::note("GR0216", message).hint("remove them from columns.toml once nothing has the former version any more"));
    }
    (here, findings)
}

/// The column that a kept one is made from and that is not kept itself, unless somebody answers for it. One that nobody decided about counts too.
fn raw_origin<'d>(program: &Program, decision: &'d Decision) -> Option<&'d str> {
    let answered = decision.approved_by.as_deref().is_some_and(|a| !a.trim().is_empty());
    if decision.treatment != Treatment::Keep || answered {
        return None;
    }
    decision.derived_from.iter().map(String::as_str).find(|written| !is_kept(program, written))
}

fn is_kept(program: &Program, written: &str) -> bool {
    let rules = || program.packs.iter().flat_map(|p| &p.rules);
    written.match_indices('.').any(|(at, _)| {
        let (table, column) = (&written[..at], &written[at + 1..]);
        let decision = program.columns.get(table).and_then(|columns| columns.get(column));
        decision.is_some_and(|d| d.treatment == Treatment::Keep) && !rules().any(|r| changes(r, table, column))
    })
}

/// Whether a rule is about every row.
fn always(rule: &PackRule) -> bool {
    let masked = |columns: &std::collections::BTreeMap<String, Decision>| columns.values().all(|d| d.when.is_none() && d.unless.is_none());
    let whole = if let PackAction::Mask { columns } = &rule.action { masked(columns) } else { true };
    whole && rule.when.is_none() && rule.unless.is_none()
}

fn changes(rule: &PackRule, table: &str, column: &str) -> bool {
    rule.table.as_deref() == Some(table)
        && match &rule.action {
            PackAction::Blank { columns } => columns.iter().any(|c| c == column),
            PackAction::Set { values } => values.contains_key(column),
            PackAction::Mask { columns } => columns.contains_key(column),
            PackAction::Empty | PackAction::Delete | PackAction::Statement { .. } => false,
        }
}
