//! Packs as written, made into [`Pack`]s. A later layer's pack of the same name replaces an earlier one; one without rules switches it off.

use super::decisions::{decision, plain};
use super::file::File;
use super::layers::{MAIN, Read};
use super::raw::{At, RawDecision, RawPack, RawRule, TreatmentWord};
use super::text::only_comments;
use crate::columns::{Decision, Treatment};
use crate::finding::Finding;
use crate::program::{Pack, PackAction, PackRule};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Merges the packs of all layers: in order of layers, then of names.
pub(super) fn merge(layers: &[Read<'_>], findings: &mut Vec<Finding>) -> Vec<Pack> {
    let mut merged: BTreeMap<String, (usize, Pack)> = BTreeMap::new();
    for (number, layer) in layers.iter().enumerate() {
        for (name, raw) in &layer.packs {
            let path = format!("packs/{name}.toml");
            let text = layer.layer.files.get(&path).map_or("", String::as_str);
            let file = File { layer: &layer.layer.name, own: layer.own, path: &path, text };
            let before = findings.len();
            let pack = pack(name, raw, file, findings);
            let replaced = merged.insert(name.clone(), (number, pack));
            let silent = findings.len() == before && !only_comments(text, "#");
            if raw.rule.is_empty() && replaced.is_none() && silent && layer.layer.files.contains_key(MAIN) {
                let finding = Finding::note("GR0120", format!("the pack `{name}` has no rules")).at(file.place(0..0));
                findings.push(finding.hint("add a `[[rule]]`, or remove the file"));
            }
        }
    }
    let mut packs: Vec<(usize, Pack)> = merged.into_values().collect();
    packs.sort_by_key(|(number, _)| *number);
    packs.into_iter().map(|(_, pack)| pack).collect()
}

fn pack(name: &str, raw: &RawPack, file: File<'_>, findings: &mut Vec<Finding>) -> Pack {
    let head = raw.pack.as_ref();
    let mut ids = BTreeSet::new();
    let mut rules = Vec::new();
    for rule in &raw.rule {
        if !ids.insert(&rule.id.value) {
            let finding = Finding::error("GR0121", format!("the id `{}` is used a second time in this pack", rule.id.value));
            findings.push(finding.at(file.place(rule.id.span.clone())).hint("give every rule an id of its own"));
        }
        rules.extend(one(rule, file, findings));
    }
    let on_request = raw.on_request.as_ref();
    let reopen: crate::program::Reopen = head.and_then(|h| h.reopen.as_ref()).map(|r| r.value).unwrap_or_default();
    if let Some(at) = on_request {
        let mut refuse = |message: &str, hint: &str| {
            findings.push(Finding::error("GR0120", message).at(file.place(at.span.clone())).hint(hint));
        };
        if reopen != crate::program::Reopen::OnRequest {
            refuse("`[on_request]` in a pack that is never reopened", "write `reopen = \"on request\"` under `[pack]`, or remove it");
        }
        if at.value.open.is_empty() || at.value.close.is_empty() {
            refuse("`[on_request]` lacks `open` or `close`", "what is switched on has to be switched off again: give statements for both");
        }
    }
    Pack {
        open: on_request.map(|r| r.value.open.clone()).unwrap_or_default(),
        close: on_request.map(|r| r.value.close.clone()).unwrap_or_default(),
        name: name.to_owned(),
        title: head.and_then(|h| h.title.as_ref()).map_or_else(|| name.to_owned(), |t| t.value.clone()),
        reopen,
        rules,
    }
}

fn one(raw: &RawRule, file: File<'_>, findings: &mut Vec<Finding>) -> Option<PackRule> {
    let id = &raw.id.value;
    let before = findings.len();
    let action = action(raw, file, findings);
    let mut refuse = |message: String, hint: &str, span: &Range<usize>| {
        findings.push(Finding::error("GR0120", message).at(file.place(span.clone())).hint(hint));
    };
    if id.trim().is_empty() {
        refuse("a rule's `id` is empty".to_owned(), "name the rule after what it does", &raw.id.span);
    }
    let condition = raw.when.as_ref().or(raw.unless.as_ref());
    match &action {
        Some(PackAction::Statement { .. }) => {
            if let Some(at) = condition {
                refuse(
                    format!("the statement of rule `{id}` takes no `when` or `unless`"),
                    "write the condition into the statement",
                    &at.span,
                );
            }
            if raw.assert.is_none() {
                refuse(
                    format!("the statement of rule `{id}` has no `assert`"),
                    "write a query that returns rows if the statement did not do its work",
                    &raw.id.span,
                );
            }
        }
        Some(PackAction::Delete) if condition.is_none() => {
            refuse(format!("rule `{id}` deletes without a condition"), "add `when`, or write `empty = true`", &raw.id.span);
        }
        _ => {}
    }
    if raw.table.as_ref().is_none_or(|t| t.value.is_empty()) && raw.statement.is_none() {
        refuse(format!("rule `{id}` names no `table`"), "add `table = \"…\"`", &raw.id.span);
    }
    for (key, value) in [("when", &raw.when), ("unless", &raw.unless), ("assert", &raw.assert), ("assert_after", &raw.assert_after)] {
        if let Some(at) = value.as_ref().filter(|v| v.value.trim().is_empty()) {
            refuse(format!("`{key}` of rule `{id}` is empty"), "write SQL, or remove the key", &at.span);
        }
    }
    if findings.len() > before && action.is_none() {
        return None;
    }
    let text = |v: &Option<At<String>>| v.as_ref().map(|at| at.value.clone());
    Some(PackRule {
        id: id.clone(),
        table: text(&raw.table),
        action: action?,
        when: text(&raw.when),
        unless: text(&raw.unless),
        assert: text(&raw.assert),
        assert_after: text(&raw.assert_after),
        shape: raw.shape.as_ref().map(|s| s.value).unwrap_or_default(),
        origin: file.origin(raw.id.span.clone()),
    })
}

fn action(raw: &RawRule, file: File<'_>, findings: &mut Vec<Finding>) -> Option<PackAction> {
    let id = &raw.id;
    let mut chosen = Vec::new();
    for (value, action, key) in [(&raw.empty, PackAction::Empty, "empty"), (&raw.delete, PackAction::Delete, "delete")] {
        match value {
            Some(at) if at.value => chosen.push(action),
            Some(at) => findings.push(
                Finding::error("GR0120", format!("`{key} = false` of rule `{}` does nothing", id.value))
                    .at(file.place(at.span.clone()))
                    .hint("remove the line, or the whole rule"),
            ),
            None => {}
        }
    }
    if let Some(at) = &raw.blank {
        not_empty(at.value.is_empty(), "blank", &at.span, file, findings);
        chosen.push(PackAction::Blank { columns: at.value.clone() });
    }
    if let Some(at) = &raw.set {
        not_empty(at.value.is_empty(), "set", &at.span, file, findings);
        chosen.push(PackAction::Set { values: at.value.clone() });
    }
    if let Some(columns) = &raw.mask {
        not_empty(columns.is_empty(), "mask", &id.span, file, findings);
        let columns = columns.iter().filter_map(|(column, raw)| Some((column.value.clone(), masked(raw, column, file, findings)?)));
        chosen.push(PackAction::Mask { columns: columns.collect() });
    }
    if let Some(at) = &raw.statement {
        not_empty(at.value.trim().is_empty(), "statement", &at.span, file, findings);
        chosen.push(PackAction::Statement { sql: at.value.clone() });
    }
    if chosen.len() == 1 {
        return chosen.pop();
    }
    let message = match chosen.len() {
        0 => format!("rule `{}` does nothing", id.value),
        n => format!("rule `{}` does {n} things at once", id.value),
    };
    let finding = Finding::error("GR0120", message).at(file.place(id.span.clone()));
    findings.push(finding.hint("write exactly one of `empty`, `delete`, `blank`, `set`, `mask`, `statement`"));
    None
}

fn not_empty(empty: bool, key: &str, span: &Range<usize>, file: File<'_>, findings: &mut Vec<Finding>) {
    if empty {
        let finding = Finding::error("GR0120", format!("`{key}` names nothing")).at(file.place(span.clone()));
        findings.push(finding.hint("say which columns, or what to run"));
    }
}

/// A decision within a pack: it removes something, and its conditions are those of the rule.
fn masked(raw: &RawDecision, column: &At<String>, file: File<'_>, findings: &mut Vec<Finding>) -> Option<Decision> {
    if matches!(raw, RawDecision::Word(TreatmentWord::Keep)) {
        refuse_keep(column, file, findings);
        return Some(plain(Treatment::Keep, file.origin(column.span.clone())));
    }
    let decision = decision(raw, column, file, findings)?;
    if decision.treatment == Treatment::Keep {
        refuse_keep(column, file, findings);
    }
    if decision.when.is_some() || decision.unless.is_some() || decision.after_upgrade {
        let message = format!("the decision about column `{}` has conditions of its own within a rule", column.value);
        let finding = Finding::error("GR0120", message).at(file.place(column.span.clone()));
        findings.push(finding.hint("write `when` and `unless` at the rule, and `after_upgrade` in columns.toml"));
    }
    Some(decision)
}

fn refuse_keep(column: &At<String>, file: File<'_>, findings: &mut Vec<Finding>) {
    let finding = Finding::error("GR0120", format!("a pack cannot decide to keep column `{}`", column.value));
    findings
        .push(finding.at(file.place(column.span.clone())).hint("packs remove; exempt rows with `unless`, keep columns in columns.toml"));
}
