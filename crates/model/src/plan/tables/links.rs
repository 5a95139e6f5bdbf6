//! Foreign keys, check constraints and partition keys against what happens to fields. Does not own uniqueness (`unique`) nor rows that
//! stay behind (`follow`).

use super::follow::keys_of;
use super::lex::mentions;
use super::{Built, placed};
use crate::catalog::{Catalog, TableForm};
use crate::columns::names::{lineage, listed};
use crate::finding::Finding;
use crate::mask::MaskTraits;
use crate::plan::FieldAction;

/// Check constraints that read changed columns, and partition keys.
pub(super) fn check_table(catalog: &Catalog, b: &Built<'_>, findings: &mut Vec<Finding>) {
    let table = b.table.name.short(catalog.engine);
    let changed: Vec<&str> = b.copy.columns.iter().filter(|c| !c.rules.is_empty()).map(|c| c.name.as_str()).collect();
    let touched = |sql: &str| -> Vec<&str> {
        let read = mentions(catalog.engine, sql, b.table);
        changed.iter().copied().filter(|c| read.contains(c)).collect()
    };
    for check in &b.table.checks {
        let columns = touched(&check.sql);
        if let Some(first) = columns.first() {
            let name = if check.name.is_empty() { "without a name" } else { &format!("`{}`", check.name) };
            let message = format!("check constraint {name} of `{table}` reads {}, which changes", listed(&columns, 5));
            let hint = format!("see that replacements satisfy `{}`", check.sql);
            findings.push(placed(Finding::warning("GR0354", message), b.place_of(first)).hint(hint));
        }
    }
    for parent in lineage(catalog, b.table).into_iter().skip(1).filter(|p| matches!(p.form, TableForm::Partitioned)) {
        for sql in parent.properties.iter().filter(|(k, _)| k.starts_with("partition")).map(|(_, v)| v) {
            if let Some(column) = touched(sql).first() {
                let named = format!("{}.{column}", parent.name.short(catalog.engine));
                let message = format!("`{named}` is part of the partition key and changes, so that rows would belong to other partitions");
                let hint = "keep the column: what decides about a row's partition cannot be masked";
                findings.push(placed(Finding::error("GR0355", message), b.place_of(column)).hint(hint));
            }
        }
    }
}

/// One rule as far as the two ends of a key are compared.
type Step<'b> = (Option<&'b str>, &'b FieldAction, Option<&'b MaskTraits>);

fn steps<'b>(b: &'b Built<'_>, column: &str) -> Vec<Step<'b>> {
    let Some(at) = b.index(column) else { return Vec::new() };
    let rules = b.copy.columns[at].rules.iter().zip(&b.traits[at]);
    rules.map(|(r, t)| (r.when.map(|w| b.copy.conditions[w].as_str()), &r.action, t.as_ref())).collect()
}

/// Both ends of every foreign key must change in the same way.
pub(super) fn check_references(catalog: &Catalog, built: &[Built<'_>], findings: &mut Vec<Finding>) {
    for child in built.iter().filter(|b| !b.copy.empty) {
        for key in keys_of(catalog, child.table) {
            let Some(parent) = catalog.table(&key.references) else { continue };
            let holds_rows = |b: &&Built<'_>| match parent.form {
                TableForm::Partitioned => lineage(catalog, b.table).iter().any(|t| t.name == parent.name),
                _ => b.table.name == parent.name,
            };
            for other in built.iter().filter(holds_rows).filter(|b| !b.copy.empty) {
                for (column, referenced) in key.columns.iter().zip(&key.referenced_columns) {
                    findings.extend(compare(catalog, child, column, other, referenced, &key.name));
                }
            }
        }
    }
}

fn compare(catalog: &Catalog, child: &Built<'_>, column: &str, parent: &Built<'_>, referenced: &str, key: &str) -> Option<Finding> {
    let own = child.table.name == parent.table.name && column == referenced;
    // A reference that becomes NULL needs no counterpart.
    let mut here: Vec<Step<'_>> = steps(child, column);
    let ends_in_null = here.last().is_some_and(|(when, action, _)| when.is_none() && **action == FieldAction::Null);
    here.retain(|(_, action, _)| **action != FieldAction::Null);
    let there = steps(parent, referenced);
    if own || (here.is_empty() && (there.is_empty() || ends_in_null)) {
        return None;
    }
    let (from, to) = (child.named(catalog, column), parent.named(catalog, referenced));
    let place = child.place_of(column).or_else(|| parent.place_of(referenced));
    let error = |why: &str| {
        let message = format!("`{from}` refers to `{to}` (foreign key `{key}`), but {why}");
        let hint = "give both columns the same decision, without condition: same mask, parameters and domain, no identity";
        Some(placed(Finding::error("GR0352", message), place.clone()).hint(hint))
    };
    if !here.is_empty() && here.iter().all(|(_, action, _)| matches!(action, FieldAction::Constant(_))) {
        let message = format!("`{from}` becomes a constant, which must exist as `{to}` on the copy (foreign key `{key}`)");
        return Some(placed(Finding::warning("GR0353", message), place).hint(format!("keep the row of `{to}` that it names")));
    }
    let ([(None, a, at)], [(None, b, bt)]) = (here.as_slice(), there.as_slice()) else {
        return error(match (here.is_empty(), there.is_empty()) {
            (true, false) => "only the referenced column changes",
            (false, true) => "only the referring column changes",
            _ => "what happens to them depends on conditions, so that they cannot be proved to change alike",
        });
    };
    let (
        FieldAction::Mask { rule, domain, identity },
        FieldAction::Mask { rule: rule_there, domain: domain_there, identity: identity_there },
    ) = (a, b)
    else {
        return if a == b { None } else { error("different things happen to them") };
    };
    if rule != rule_there {
        return error("their masks differ");
    }
    if domain != domain_there {
        return error("their domains differ, so that equal values get different replacements");
    }
    let (Some(at), Some(bt)) = (at, bt) else { return None };
    if (at.by_identity && identity.is_some()) || (bt.by_identity && identity_there.is_some()) {
        return error("replacements that follow from an identity differ between the two tables");
    }
    if at != bt {
        return error("the mask behaves differently on their types or lengths");
    }
    None
}
