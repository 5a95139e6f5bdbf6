//! Rules about tables' kinds. A later layer's rules of a table replace all rules of earlier layers for it.

use super::decisions::once_each;
use super::file::File;
use super::layers::{MAIN, Read};
use super::raw::{RawKind, RawKinds};
use crate::catalog::EngineKind;
use crate::finding::Finding;
use crate::program::{Kind, KindRule};
use std::collections::BTreeMap;
use std::ops::Range;

/// Merges the rules of all layers, by table.
pub(super) fn merge(layers: &[Read<'_>], engine: Option<EngineKind>, findings: &mut Vec<Finding>) -> Vec<KindRule> {
    let mut merged: BTreeMap<String, Vec<KindRule>> = BTreeMap::new();
    for layer in layers {
        let file = layer.file(MAIN);
        for (key, table, raw) in once_each(&layer.main.tables, engine, file, findings) {
            let rules = rules(&key, raw, table.span.clone(), file, findings);
            merged.insert(key, rules);
        }
    }
    merged.into_values().flatten().collect()
}

fn rules(table: &str, raw: &RawKinds, name: Range<usize>, file: File<'_>, findings: &mut Vec<Finding>) -> Vec<KindRule> {
    let several = match raw {
        RawKinds::Word(kind) => {
            return vec![KindRule { table: table.to_owned(), kind: *kind, condition: None, keep_days: None, origin: file.origin(name) }];
        }
        RawKinds::One(one) => std::slice::from_ref(one),
        RawKinds::Many(many) => many.as_slice(),
    };
    let mut whole = several.iter().filter(|r| r.condition.is_none());
    if let (Some(_), Some(second)) = (whole.next(), whole.next()) {
        let finding = Finding::error("GR0119", format!("two rules without `where` give table `{table}` a kind"));
        findings.push(finding.at(file.place(second.kind.span.clone())).hint("add a `where` to all but one"));
    }
    several.iter().map(|r| rule(table, r, file, findings)).collect()
}

fn rule(table: &str, raw: &RawKind, file: File<'_>, findings: &mut Vec<Finding>) -> KindRule {
    let mut refuse = |message: String, hint: &str, span: &Range<usize>| {
        findings.push(Finding::error("GR0119", message).at(file.place(span.clone())).hint(hint));
    };
    if let Some(at) = raw.condition.as_ref().filter(|c| c.value.trim().is_empty()) {
        refuse(format!("the `where` of table `{table}` is empty"), "write a condition in the engine's SQL, or leave `where` out", &at.span);
    }
    let retention = raw.column.as_ref().map(|c| &c.span).or(raw.days.as_ref().map(|d| &d.span));
    let mut keep_days = None;
    match (&raw.column, &raw.days, retention) {
        (_, _, Some(span)) if raw.kind.value != Kind::History => {
            refuse(
                format!("`column` and `days` of table `{table}` belong to `history`"),
                "write `kind = \"history\"` or remove them",
                span,
            );
        }
        (Some(column), Some(days), _) => keep_days = Some((column.value.clone(), days.value)),
        (_, _, Some(span)) => {
            refuse(format!("table `{table}` needs both `column` and `days`"), "write e.g. `column = \"created_at\", days = 90`", span);
        }
        (_, _, None) => {}
    }
    KindRule {
        table: table.to_owned(),
        kind: raw.kind.value,
        condition: raw.condition.as_ref().map(|c| c.value.clone()),
        keep_days,
        origin: file.origin(raw.kind.span.clone()),
    }
}
