//! Rows that refer to rows which are not carried. A reference that may be NULL becomes NULL where its row stays behind, and the finding
//! says so; one that may not is an error that shows the rule by which the referring rows stay behind as well. Does not own what masks do
//! to keys (`links`).

use super::Built;
use super::conditions::applies;
use crate::catalog::{Catalog, EngineKind, ForeignKey, Table, TableForm};
use crate::columns::names::{is_left_out, lineage};
use crate::finding::Finding;
use crate::plan::{FieldAction, FieldRule};
use crate::program::Program;

/// What travels of a referenced table.
enum Travels {
    All,
    Nothing,
    Where(String),
    /// Partitions with filters of their own.
    Mixed,
}

/// Checks every foreign key of every copied table, and makes dangling references NULL where they may be.
pub(super) fn references(program: &Program, catalog: &Catalog, built: &mut [Built<'_>], findings: &mut Vec<Finding>) {
    for at in 0..built.len() {
        let child = built[at].table;
        if built[at].copy.empty {
            continue;
        }
        for key in keys_of(catalog, child) {
            let Some(parent) = catalog.table(&key.references) else { continue };
            if is_left_out(program, catalog, parent) || matches!(parent.form, TableForm::Refused(_)) {
                findings.push(left_out(catalog, child, parent, key));
                continue;
            }
            let travels = travelling(catalog, built, parent);
            if let Some(f) = follow(catalog, &mut built[at], parent, key, &travels) {
                findings.push(f);
            }
        }
    }
}

/// A table's foreign keys, and those of the partitioned tables it is a part of.
pub(super) fn keys_of<'c>(catalog: &'c Catalog, table: &'c Table) -> Vec<&'c ForeignKey> {
    let mut keys: Vec<&ForeignKey> = table.foreign_keys.iter().collect();
    for parent in lineage(catalog, table).into_iter().skip(1).filter(|p| matches!(p.form, TableForm::Partitioned)) {
        for key in &parent.foreign_keys {
            if !keys.iter().any(|k| k.columns == key.columns && k.references == key.references) {
                keys.push(key);
            }
        }
    }
    keys
}

fn travelling(catalog: &Catalog, built: &[Built<'_>], parent: &Table) -> Travels {
    let holds_rows = |b: &&Built<'_>| match parent.form {
        TableForm::Partitioned => lineage(catalog, b.table).iter().any(|t| t.name == parent.name),
        _ => b.table.name == parent.name,
    };
    let mut states = built.iter().filter(holds_rows).map(|b| (b.copy.empty, b.copy.filter.as_deref()));
    let Some(first) = states.next() else { return Travels::All };
    if states.any(|other| other != first) {
        return Travels::Mixed;
    }
    match first {
        (true, _) => Travels::Nothing,
        (false, Some(filter)) => Travels::Where(filter.to_owned()),
        (false, None) => Travels::All,
    }
}

fn follow(catalog: &Catalog, child: &mut Built<'_>, parent: &Table, key: &ForeignKey, travels: &Travels) -> Option<Finding> {
    let engine = catalog.engine;
    let dangling = match travels {
        Travels::All => return None,
        Travels::Mixed => None,
        Travels::Nothing => Some(dangling(engine, child.table, parent, key, None)),
        Travels::Where(filter) => Some(dangling(engine, child.table, parent, key, Some(filter))),
    };
    let condition = dangling.as_deref().and_then(|sql| applies(engine, Some(sql), None));
    if condition.as_ref().is_some_and(|c| child.dropped.contains(c)) || key.columns.iter().any(|c| nulled(child, c, condition.as_deref())) {
        return None;
    }
    let (from, to) = (child.table.name.short(engine), parent.name.short(engine));
    let columns = key.columns.iter().map(|c| format!("{from}.{c}")).collect::<Vec<_>>().join("`, `");
    let nullable = clearable(child.table, key);
    if let (Some(condition), false) = (&condition, nullable.is_empty()) {
        for column in &nullable {
            let at = child.index(column)?;
            let when = child.condition(Some(condition.clone()));
            child.copy.columns[at].rules.insert(0, FieldRule { when, action: FieldAction::Null });
            child.places[at].insert(0, None);
        }
        let cleared = nullable.iter().map(|c| format!("{from}.{c}")).collect::<Vec<_>>().join("`, `");
        let message = format!("`{cleared}` becomes NULL in rows whose `{to}` is not carried (foreign key `{}`)", key.name);
        let hint = format!("to leave those rows of `{from}` behind instead, add to a pack: {}", rule_text(&from, dangling.as_deref()?));
        return Some(Finding::warning("GR0369", message).hint(hint));
    }
    let message =
        format!("rows of `{from}` would refer by `{columns}` to rows of `{to}` that are not carried (foreign key `{}`)", key.name);
    let circular =
        parent.name == child.table.name || matches!(travels, Travels::Where(f) if f.contains(&engine.quote(&child.table.name.name)));
    let hint = match &dangling {
        Some(sql) if !circular => format!("leave them behind too; in a pack: {}", rule_text(&from, sql)),
        Some(_) => format!("the tables refer to each other: let what empties `{to}` keep the rows that others refer to"),
        None => format!("give all partitions of `{to}` the same kind, or leave the referring rows behind with a rule of your own"),
    };
    Some(Finding::error("GR0368", message).hint(hint))
}

fn rule_text(table: &str, sql: &str) -> String {
    format!("`table = '{table}'`, `action = \"delete\"`, `when = '''{sql}'''`")
}

/// The rows of the child whose reference points to a row that is not carried, as SQL over the row `t`. The parent's filter speaks of its
/// own `t`, so it stays inside a query of its own.
fn dangling(engine: EngineKind, child: &Table, parent: &Table, key: &ForeignKey, filter: Option<&str>) -> String {
    let quote = |name: &str| engine.quote(name);
    let nullable = |c: &String| child.column(c).is_none_or(|c| c.nullable);
    let mut parts: Vec<String> =
        key.columns.iter().filter(|c| filter.is_none() || nullable(c)).map(|c| format!("t.{} is not null", quote(c))).collect();
    if let Some(filter) = filter {
        let selected = key.referenced_columns.iter().map(|c| format!("t.{}", quote(c))).collect::<Vec<_>>().join(", ");
        let pairs = key.referenced_columns.iter().zip(&key.columns);
        let equal = pairs.map(|(r, c)| format!("k.{} = t.{}", quote(r), quote(c))).collect::<Vec<_>>().join(" and ");
        let source = engine.quote_table(&parent.name);
        parts.push(format!("not exists (select 1 from (select {selected} from {source} t where {filter}) k where {equal})"));
    }
    parts.join(" and ")
}

/// Whether the column is NULL in every row for which the condition holds.
fn nulled(child: &Built<'_>, column: &str, condition: Option<&str>) -> bool {
    let Some(at) = child.index(column) else { return false };
    let rules = &child.copy.columns[at].rules;
    rules.iter().take_while(|r| r.action == FieldAction::Null).any(|r| match r.when {
        None => true,
        Some(w) => Some(child.copy.conditions[w].as_str()) == condition,
    })
}

/// Columns of the key to make NULL so that the reference no longer counts; none if it cannot be done.
fn clearable<'k>(child: &Table, key: &'k ForeignKey) -> Vec<&'k str> {
    let may = |c: &&String| child.column(c).is_some_and(|c| c.nullable) && !child.primary_key.contains(c);
    let nullable: Vec<&String> = key.columns.iter().filter(may).collect();
    if key.definition.to_lowercase().contains("match full") {
        return if nullable.len() == key.columns.len() { nullable.into_iter().map(String::as_str).collect() } else { Vec::new() };
    }
    // Any one column suffices: the one that fewest other keys use, and the last of these, since a tenant's number usually stands first.
    let uses = |c: &str| child.foreign_keys.iter().filter(|k| k.columns.iter().any(|o| o == c)).count();
    nullable.into_iter().rev().min_by_key(|c| uses(c)).map(|c| vec![c.as_str()]).unwrap_or_default()
}

fn left_out(catalog: &Catalog, child: &Table, parent: &Table, key: &ForeignKey) -> Finding {
    let (from, to) = (child.name.short(catalog.engine), parent.name.short(catalog.engine));
    Finding::error(
        "GR0370",
        format!("`{from}` refers to `{to}`, whose rows are left out or cannot be carried (foreign key `{}`)", key.name),
    )
    .hint(format!("leave `{from}` out as well, or give `{to}` the kind `scratch`: it then stays empty and references to it become NULL"))
}
