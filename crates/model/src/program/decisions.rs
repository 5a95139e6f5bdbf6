//! Column decisions as written, made into [`Decision`]s and merged per table and column. What they mean for a schema is checked in
//! `columns`.

use super::file::File;
use super::layers::{COLUMNS, MAIN, Read};
use super::raw::{At, RawDecision, RawDecisionTable, TreatmentWord};
use super::text::nearest;
use crate::catalog::EngineKind;
use crate::columns::{Decision, Treatment};
use crate::finding::Finding;
use crate::hash::Hash;
use crate::mask::{MaskRule, catalogue};
use crate::program::Origin;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Decisions by table and column.
pub(super) type Decisions = BTreeMap<String, BTreeMap<String, Decision>>;

/// Merges the decisions of all layers.
pub(super) fn merge(layers: &[Read<'_>], engine: Option<EngineKind>, findings: &mut Vec<Finding>) -> Decisions {
    let mut merged = Decisions::new();
    for layer in layers {
        let file = layer.file(COLUMNS);
        for (table, _, columns) in once_each(&layer.columns.tables, engine, file, findings) {
            for (column, raw) in columns {
                if let Some(decision) = decision(raw, column, file, findings) {
                    merged.entry(table.clone()).or_default().insert(column.value.clone(), decision);
                }
            }
        }
    }
    merged
}

/// The pinned fingerprint: the last layer's that has one.
pub(super) fn pinned(layers: &[Read<'_>], findings: &mut Vec<Finding>) -> Option<Hash> {
    let mut pinned = None;
    for layer in layers {
        let Some(at) = &layer.columns.schema else { continue };
        pinned = Hash::parse(&at.value);
        if pinned.is_none() {
            let place = layer.file(COLUMNS).place(at.span.clone());
            let finding = Finding::error("GR0126", "`schema` takes a fingerprint of 64 hexadecimal digits").at(place);
            findings
                .push(finding.hint("`greenroom columns` writes it; to name a table `schema`, write its schema too: `[\"main.schema\"]`"));
        }
    }
    pinned
}

/// A table's name as the program's maps key it: without the engine's default schema in front.
pub(super) fn table_key(written: &str, engine: Option<EngineKind>) -> String {
    let bare = engine.and_then(|e| written.strip_prefix(e.default_schema())?.strip_prefix('.'));
    bare.filter(|b| !b.is_empty()).unwrap_or(written).to_owned()
}

/// The entries of a map with the table's key; those that name a table a second time are reported.
pub(super) fn once_each<'r, V>(
    map: &'r BTreeMap<At<String>, V>,
    engine: Option<EngineKind>,
    file: File<'_>,
    findings: &mut Vec<Finding>,
) -> Vec<(String, &'r At<String>, &'r V)> {
    let mut seen = BTreeSet::new();
    let mut tables = Vec::new();
    for (table, value) in map {
        let key = table_key(&table.value, engine);
        if !seen.insert(key.clone()) {
            let finding = Finding::error("GR0118", format!("table `{key}` is named a second time, as `{}`", table.value));
            findings.push(finding.at(file.place(table.span.clone())).hint("bring both together under one name"));
        }
        tables.push((key, table, value));
    }
    tables
}

/// Makes one decision out of what is written for a column.
pub(super) fn decision(raw: &RawDecision, column: &At<String>, file: File<'_>, findings: &mut Vec<Finding>) -> Option<Decision> {
    let origin = file.origin(column.span.clone());
    match raw {
        RawDecision::Word(word) => Some(plain(treatment(*word), origin)),
        RawDecision::Table(table) => in_full(table, column, origin, file, findings),
    }
}

/// A decision that says nothing but what happens.
pub(super) fn plain(treatment: Treatment, origin: Origin) -> Decision {
    Decision {
        treatment,
        reason: None,
        approved_by: None,
        when: None,
        unless: None,
        after_upgrade: false,
        derived_from: Vec::new(),
        origin,
    }
}

fn treatment(word: TreatmentWord) -> Treatment {
    match word {
        TreatmentWord::Keep => Treatment::Keep,
        TreatmentWord::Null => Treatment::Null,
        TreatmentWord::Clear => Treatment::Clear,
        TreatmentWord::Default => Treatment::Default,
    }
}

fn in_full(raw: &RawDecisionTable, column: &At<String>, origin: Origin, file: File<'_>, findings: &mut Vec<Finding>) -> Option<Decision> {
    let name = &column.value;
    let mut refuse = |message: String, hint: &str, span: &Range<usize>| {
        findings.push(Finding::error("GR0116", message).at(file.place(span.clone())).hint(hint));
    };
    let words = [
        (&raw.keep, TreatmentWord::Keep, "keep"),
        (&raw.null, TreatmentWord::Null, "null"),
        (&raw.clear, TreatmentWord::Clear, "clear"),
        (&raw.default, TreatmentWord::Default, "default"),
    ];
    let mut chosen: Vec<Treatment> = Vec::new();
    for (value, word, shown) in words {
        match value {
            Some(at) if at.value => chosen.push(treatment(word)),
            Some(at) => refuse(format!("`{shown} = false` decides nothing for column `{name}`"), "say what happens instead", &at.span),
            None => {}
        }
    }
    if let Some(mask) = &raw.mask {
        let params = raw.params.as_ref().map(|p| p.value.clone()).unwrap_or_default();
        let rule = MaskRule { name: mask.value.clone(), params };
        let [domain, identity] = [&raw.domain, &raw.identity].map(|v| v.as_ref().map(|at| at.value.clone()));
        chosen.push(Treatment::Mask { rule, domain, identity });
    } else {
        let spans = [
            ("params", raw.params.as_ref().map(|v| &v.span)),
            ("domain", raw.domain.as_ref().map(|v| &v.span)),
            ("identity", raw.identity.as_ref().map(|v| &v.span)),
        ];
        for (key, span) in spans {
            if let Some(span) = span {
                refuse(format!("`{key}` of column `{name}` belongs to a mask, and there is none"), "name a `mask` or remove it", span);
            }
        }
    }
    let chosen = match chosen.len() {
        1 => chosen.pop(),
        0 => {
            refuse(
                format!("nothing is decided for column `{name}`"),
                "write `mask = \"…\"` or one of `keep`, `null`, `clear`, `default` `= true`",
                &column.span,
            );
            None
        }
        _ => {
            refuse(
                format!("column `{name}` has {} decisions at once", chosen.len()),
                "leave one of `mask`, `keep`, `null`, `clear`, `default`",
                &column.span,
            );
            None
        }
    };
    if let Some(at) = &raw.mask {
        known_mask(at, file, findings);
    }
    Some(Decision {
        reason: raw.reason.as_ref().map(|v| v.value.clone()),
        approved_by: raw.approved_by.as_ref().map(|v| v.value.clone()),
        when: raw.when.as_ref().map(|v| v.value.clone()),
        unless: raw.unless.as_ref().map(|v| v.value.clone()),
        after_upgrade: raw.after_upgrade.as_ref().is_some_and(|v| v.value),
        derived_from: raw.derived_from.as_ref().map(|v| v.value.clone()).unwrap_or_default(),
        ..plain(chosen?, origin)
    })
}

fn known_mask(mask: &At<String>, file: File<'_>, findings: &mut Vec<Finding>) {
    let all = catalogue();
    if all.is_empty() || all.iter().any(|m| m.name == mask.value) {
        return;
    }
    let finding = Finding::error("GR0117", format!("there is no mask `{}`", mask.value)).at(file.place(mask.span.clone()));
    findings.push(finding.hint(match nearest(&mask.value, all.iter().map(|m| m.name)) {
        Some(name) => format!("did you mean `{name}`?"),
        None => "`greenroom mask list` shows all masks".to_owned(),
    }));
}

/// Tables left out, by key of [`table_key`]; a later layer that gives the table a kind or decisions takes it in again.
pub(super) fn left_out(layers: &[Read<'_>], engine: Option<EngineKind>, findings: &mut Vec<Finding>) -> BTreeMap<String, String> {
    let mut out: BTreeMap<String, String> = BTreeMap::new();
    for layer in layers {
        let file = layer.file(MAIN);
        for table in layer.main.tables.keys().chain(layer.columns.tables.keys()) {
            out.remove(&table_key(&table.value, engine));
        }
        for (table, reason) in &layer.main.leave_out {
            let key = table_key(&table.value, engine);
            if layer.main.tables.keys().any(|t| table_key(&t.value, engine) == key) {
                let finding =
                    Finding::error("GR0127", format!("table `{key}` is left out and has a kind")).at(file.place(table.span.clone()));
                findings.push(finding.hint("remove it from `[leave_out]` or from `[tables]`"));
            }
            out.insert(key, reason.value.clone());
        }
    }
    out
}
