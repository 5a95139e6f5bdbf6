//! `[carry]` and `[references]`, merged over the layers: entries by their left side, a later layer's rules before an earlier one's. What the
//! names mean for a schema is checked in `carry`.

use super::decisions::table_key;
use super::layers::{MAIN, Read};
use super::raw::{At, RawCarryRule};
use crate::carry::{ConflictKind, Take};
use crate::catalog::EngineKind;
use crate::finding::Finding;
use crate::program::{CarryRule, CarrySettings, Link};
use std::collections::BTreeMap;

/// Merges `[carry]` and `[references]`.
pub(super) fn merge(layers: &[Read<'_>], engine: Option<EngineKind>, findings: &mut Vec<Finding>) -> CarrySettings {
    let mut merged = CarrySettings::default();
    for layer in layers {
        let main = &layer.main;
        merged.references.extend(pairs(&main.references, true, layer, findings));
        let Some(carry) = &main.carry else { continue };
        merged.moved.extend(pairs(&carry.moved, false, layer, findings));
        for at in carry.fresh.iter().flat_map(|f| &f.value) {
            if column_name(&at.value) {
                merged.fresh.insert(at.value.clone(), layer.file(MAIN).origin(at.span.clone()));
            } else {
                findings.push(no_column(layer, at, "carry.fresh"));
            }
        }
        let rules: Vec<CarryRule> = carry.rule.iter().filter_map(|raw| rule(raw, engine, layer, findings)).collect();
        merged.rules.splice(0..0, rules);
    }
    let both: Vec<String> = merged.fresh.keys().filter(|c| merged.moved.contains_key(*c)).cloned().collect();
    for column in both {
        let origin = &merged.fresh[&column];
        let finding = Finding::error("GR0128", format!("`{column}` is both `fresh` and `moved`"));
        let place = crate::columns::names::place(origin);
        findings.push(finding.at(place).hint("leave one: `moved` where the upgrade copies its values, `fresh` where it makes them up"));
    }
    merged
}

/// The entries of one map; those that name no column are reported where columns are meant.
fn pairs(map: &BTreeMap<At<String>, At<String>>, columns: bool, layer: &Read<'_>, findings: &mut Vec<Finding>) -> BTreeMap<String, Link> {
    let mut out = BTreeMap::new();
    for (to, from) in map {
        let bad = [to, from].into_iter().find(|at| at.value.trim().is_empty() || (columns && !column_name(&at.value)));
        if let Some(at) = bad {
            findings.push(no_column(layer, at, if columns { "references" } else { "carry.moved" }));
            continue;
        }
        out.insert(to.value.clone(), Link { other: from.value.clone(), origin: layer.file(MAIN).origin(to.span.clone()) });
    }
    out
}

/// Whether a text has the form `table.column`.
fn column_name(text: &str) -> bool {
    text.split_once('.').is_some_and(|(table, column)| !table.trim().is_empty() && !column.trim().is_empty())
}

fn no_column(layer: &Read<'_>, at: &At<String>, section: &str) -> Finding {
    let finding =
        Finding::error("GR0128", format!("`{section}` names a column as `table.column`")).at(layer.file(MAIN).place(at.span.clone()));
    finding.hint("write the table, a dot and the column; tables of other schemas as `schema.table.column`")
}

fn rule(raw: &RawCarryRule, engine: Option<EngineKind>, layer: &Read<'_>, findings: &mut Vec<Finding>) -> Option<CarryRule> {
    let file = layer.file(MAIN);
    let kind = raw.kind.as_ref().map(|k| k.value);
    let wrong = |message: &str, hint: &str, span: &std::ops::Range<usize>| {
        Finding::error("GR0129", message).at(file.place(span.clone())).hint(hint)
    };
    let finding = match (&raw.table, &raw.column, kind, raw.take.value) {
        (None, Some(column), ..) => Some(wrong("a rule about a column names its table too", "add `table = \"…\"`", &column.span)),
        (.., Some(kind), take) if take != Take::Ask && !kind.takes(take) => {
            let why = match kind {
                ConflictKind::Tainted => "what was masked or neutralised is taken from the pilot by a person's decision only",
                _ => "this kind of conflict cannot be resolved so",
            };
            Some(wrong(why, "write `take = \"production\"` or `take = \"ask\"`", &raw.take.span))
        }
        (.., None, Take::Null) => Some(wrong("`null` resolves `missing_parent` only", "add `kind = \"missing_parent\"`", &raw.take.span)),
        _ => None,
    };
    if let Some(finding) = finding {
        findings.push(finding);
        return None;
    }
    Some(CarryRule {
        table: raw.table.as_ref().map(|t| table_key(&t.value, engine)),
        column: raw.column.as_ref().map(|c| c.value.clone()),
        kind,
        take: raw.take.value,
        reason: raw.reason.as_ref().map(|r| r.value.clone()),
        origin: file.origin(raw.take.span.clone()),
    })
}
