//! `columns.toml`: whole, as a difference to show, or as additions to a text that people have edited.

use super::ProposedColumn;
use super::toml_text::{comment, inline, key, string, table, value};
use crate::catalog::{EngineKind, TableName};
use crate::columns::{Decision, Treatment};
use crate::hash::Hash;
use std::collections::BTreeMap;
use toml::de::{DeTable, DeValue};

const HEAD: &str = "\
# What happens to every column. A column without a decision stops the run before the first row.
#   column = \"keep\"                        copied as it is; also \"null\", \"clear\" (empty), \"default\"
#   column = { mask = \"email\" }            replaced in flight; `greenroom mask list` shows all masks
#   column = { keep = true, approved_by = \"p.kowalska\", reason = \"…\" }   needed where a column looks personal
# Lines that begin with `# column = ?` are undecided: complete them and remove the `#`.
";

/// Renders a whole `columns.toml`, grouped by table, aligned, undecided columns commented out.
pub fn columns_toml(engine: EngineKind, schema: Hash, columns: &[ProposedColumn]) -> String {
    let mut out = format!(
        "{HEAD}\n# Fingerprint of the columns these decisions were made for; `greenroom columns` brings it up to date.\nschema = \"{schema}\"\n"
    );
    out.push_str(&sections(engine, columns));
    out
}

/// Renders what changed in the schema, to be shown to people: decisions to add, and columns that are gone.
pub fn difference(engine: EngineKind, added: &[ProposedColumn], gone: &[(TableName, String)]) -> String {
    let mut out = sections(engine, added).trim_start().to_owned();
    for (name, column) in gone {
        out.push_str(&format!("# gone: {}.{}\n", comment(&table(name, engine)), comment(column)));
    }
    out
}

/// Adds decisions to an existing `columns.toml` and pins the new fingerprint, leaving everything else as people wrote it. `None` if the
/// text is not TOML, writes a table to which columns are added in another form than `[table]`, or has a decision for such a column already.
pub fn add_columns(text: &str, engine: EngineKind, schema: Hash, added: &[ProposedColumn]) -> Option<String> {
    let root = DeTable::parse(text).ok()?;
    let root = root.get_ref();
    // Insertions by offset into the text, last first so that offsets stay true; `Some(end)` replaces up to there.
    let mut edits: Vec<(usize, Option<usize>, String)> = Vec::new();
    match root.get("schema") {
        Some(pinned) if matches!(pinned.get_ref(), DeValue::String(_)) => {
            edits.push((pinned.span().start, Some(pinned.span().end), format!("\"{schema}\"")));
        }
        Some(_) => return None,
        None => edits.push((if text.starts_with('\u{feff}') { 3 } else { 0 }, None, format!("schema = \"{schema}\"\n\n"))),
    }
    let mut fresh: Vec<ProposedColumn> = Vec::new();
    for (name, columns) in grouped(added) {
        let existing = root.iter().find(|(k, _)| {
            let written = k.get_ref().as_ref();
            written != "schema" && (written == name.short(engine) || written == name.to_string())
        });
        let Some((written, section)) = existing else {
            fresh.extend(columns.into_iter().cloned());
            continue;
        };
        let rows = section.get_ref().as_table()?;
        // A header: the name stands in brackets at the beginning of its line.
        let line_start = text[..written.span().start].rfind('\n').map_or(0, |i| i + 1);
        if text[line_start..written.span().start].trim() != "[" {
            return None;
        }
        // `[client.notes]` further down is a column of `client` too, but nothing can be added to `client` after it.
        let inline = rows.values().filter(|v| !(matches!(v.get_ref(), DeValue::Table(_)) && text[v.span()].starts_with('[')));
        let last = inline.map(|v| v.span().end).chain([written.span().end]).max()?;
        let mut at = last + text[last..].find('\n').unwrap_or(text.len() - last);
        // Undecided lines of an earlier proposal stay with their table.
        while let Some(next) = text.get(at + 1..).and_then(|rest| rest.lines().next()).filter(|l| l.starts_with('#') && l.contains("= ?")) {
            at += 1 + next.len();
        }
        edits.push((at, None, format!("\n{}", lines(&columns).trim_end())));
    }
    edits.sort_by_key(|e| std::cmp::Reverse(e.0));
    let mut out = text.to_owned();
    for (at, end, insertion) in edits {
        out.replace_range(at..end.unwrap_or(at), &insertion);
    }
    if !fresh.is_empty() {
        let gap = if out.ends_with('\n') { "" } else { "\n" };
        out.push_str(gap);
        out.push_str(&sections(engine, &fresh));
    }
    all_there(&out, engine, added).then_some(out)
}

/// Whether every decided column is in its table of the text, which guards against forms of TOML that were not foreseen above.
fn all_there(text: &str, engine: EngineKind, added: &[ProposedColumn]) -> bool {
    let Ok(root) = DeTable::parse(text) else { return false };
    let has = |table: &str, column: &str| {
        let section = root.get_ref().get(table).and_then(|s| s.get_ref().as_table());
        section.is_some_and(|s| s.contains_key(column))
    };
    let mut decided = added.iter().filter(|c| c.decision.is_some());
    decided.all(|c| has(&c.table.short(engine), &c.column) || has(&c.table.to_string(), &c.column))
}

fn grouped(columns: &[ProposedColumn]) -> BTreeMap<&TableName, Vec<&ProposedColumn>> {
    let mut tables: BTreeMap<&TableName, Vec<&ProposedColumn>> = BTreeMap::new();
    for column in columns {
        tables.entry(&column.table).or_default().push(column);
    }
    tables
}

fn sections(engine: EngineKind, columns: &[ProposedColumn]) -> String {
    let section = |(name, columns): (&TableName, Vec<&ProposedColumn>)| format!("\n[{}]\n{}", key(&table(name, engine)), lines(&columns));
    grouped(columns).into_iter().map(section).collect()
}

/// One line per column, equals signs and comments aligned.
fn lines(columns: &[&ProposedColumn]) -> String {
    let keys: Vec<String> = columns.iter().map(|c| key(&c.column)).collect();
    let wide = |texts: &mut dyn Iterator<Item = &String>, limit: usize| {
        texts.map(|t| t.chars().count()).filter(|n| *n <= limit).max().unwrap_or(0)
    };
    let values: Vec<String> = columns.iter().map(|c| c.decision.as_ref().map_or_else(|| "?".to_owned(), decision)).collect();
    let key_width = wide(&mut keys.iter(), 40);
    let value_width = wide(&mut values.iter(), 60);
    let mut out = String::new();
    for ((column, key), value) in columns.iter().zip(&keys).zip(&values) {
        let detected = column.detected.as_deref().map(|d| format!("{}; ", comment(d))).unwrap_or_default();
        let why = comment(&column.why);
        let line = match &column.decision {
            Some(_) if detected.is_empty() && why.is_empty() => format!("{key:key_width$} = {value}"),
            Some(_) => format!("{key:key_width$} = {value:value_width$}  # {detected}{why}"),
            None => format!("# {key:key_width$} = ?  # undecided: {detected}{why}"),
        };
        out.push_str(line.trim_end().trim_end_matches([';', ':']));
        out.push('\n');
    }
    out
}

/// A decision as columns.toml has it.
fn decision(d: &Decision) -> String {
    let mut entries: Vec<(&str, String)> = Vec::new();
    let word = match &d.treatment {
        Treatment::Keep => "keep",
        Treatment::Null => "null",
        Treatment::Clear => "clear",
        Treatment::Default => "default",
        Treatment::Mask { rule, domain, identity } => {
            entries.push(("mask", string(&rule.name)));
            if !rule.params.is_empty() {
                entries.push(("params", inline(rule.params.iter().map(|(k, v)| (k.as_str(), value(v))))));
            }
            entries.extend(domain.iter().map(|v| ("domain", string(v))));
            entries.extend(identity.iter().map(|v| ("identity", string(v))));
            ""
        }
    };
    if !word.is_empty() {
        entries.push((word, "true".to_owned()));
    }
    for (name, text) in [("reason", &d.reason), ("approved_by", &d.approved_by), ("when", &d.when), ("unless", &d.unless)] {
        entries.extend(text.iter().map(|v| (name, string(v))));
    }
    if d.after_upgrade {
        entries.push(("after_upgrade", "true".to_owned()));
    }
    if !d.derived_from.is_empty() {
        entries.push(("derived_from", format!("[{}]", d.derived_from.iter().map(|v| string(v)).collect::<Vec<_>>().join(", "))));
    }
    if entries.len() == 1 && !word.is_empty() { string(word) } else { inline(entries) }
}
