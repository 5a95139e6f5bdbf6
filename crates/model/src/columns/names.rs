//! Names as program files write them against names as the engine stores them: exact resolution, suggestions, and which decisions a
//! partition takes over from its parent. Does not own reporting.

use super::Decision;
use crate::catalog::{Catalog, EngineKind, Table, TableForm, TableName};
use crate::finding::Place;
use crate::program::{Origin, Program};
use std::collections::{BTreeMap, BTreeSet};

/// Layer name of the program itself, as opposed to a kit's.
pub(crate) use crate::program::PROGRAM_LAYER;

/// Finds the table that a program file means by `written`: the default schema's table of exactly that name, else `schema.table`.
pub fn find_table<'c>(catalog: &'c Catalog, written: &str) -> Option<&'c Table> {
    candidates(catalog.engine, written).find_map(|name| catalog.table(&name))
}

fn candidates(engine: EngineKind, written: &str) -> impl Iterator<Item = TableName> + '_ {
    // A name may itself contain dots, so every split is tried; the bare name goes first because that is how the default schema is written.
    let bare = std::iter::once(TableName::new(engine.default_schema(), written));
    bare.chain(written.match_indices('.').map(|(at, _)| TableName::new(&written[..at], &written[at + 1..])))
}

/// The nearest existing table name (as program files would write it), if one is near enough to be what was meant.
pub fn suggest_table(catalog: &Catalog, written: &str) -> Option<String> {
    let names: Vec<String> = catalog.tables.iter().map(|t| t.name.short(catalog.engine)).collect();
    nearest(written, names.iter().map(String::as_str)).map(str::to_owned)
}

/// The nearest existing column name of a table.
pub fn suggest_column<'t>(table: &'t Table, written: &str) -> Option<&'t str> {
    nearest(written, table.columns.iter().map(|c| c.name.as_str()))
}

/// The nearest of `names`: one that differs only in case, else the one with the fewest edits, at most a third of the name's length.
pub(crate) fn nearest<'n>(written: &str, names: impl Iterator<Item = &'n str> + Clone) -> Option<&'n str> {
    let lower = written.to_lowercase();
    if let Some(same) = names.clone().find(|n| n.to_lowercase() == lower) {
        return Some(same);
    }
    let allowed = (written.chars().count() / 3).clamp(1, 3);
    names.map(|n| (edits(&lower, &n.to_lowercase()), n)).filter(|(d, _)| *d <= allowed).min().map(|(_, n)| n)
}

/// Levenshtein's edit distance in characters.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// The place that an origin points to.
pub(crate) fn place(origin: &Origin) -> Place {
    let file = if origin.layer == PROGRAM_LAYER { origin.file.clone() } else { format!("{}/{}", origin.layer, origin.file) };
    Place { file, span: origin.span.0..origin.span.1 }
}

/// The table and, for partitions and inheritance children, everything it descends from, nearest first. Cycles end the walk.
pub(crate) fn lineage<'c>(catalog: &'c Catalog, table: &'c Table) -> Vec<&'c Table> {
    let mut seen: BTreeSet<&TableName> = BTreeSet::from([&table.name]);
    let mut line = vec![table];
    let mut at = 0;
    while let Some(t) = line.get(at).copied() {
        if let TableForm::Child { of } = &t.form {
            line.extend(of.iter().filter_map(|p| catalog.table(p)).filter(|p| seen.insert(&p.name)));
        }
        // A middle level of partitioning is `Partitioned` itself and does not name its parent; the walk ends there.
        at += 1;
    }
    line
}

/// Whether a program file that writes `written` means this table. As [`find_table`], but cheap where it does not.
pub(crate) fn means(catalog: &Catalog, written: &str, table: &TableName) -> bool {
    let qualified = || written.strip_suffix(table.name.as_str()).and_then(|w| w.strip_suffix('.')) == Some(table.schema.as_str());
    (written == table.name || qualified()) && find_table(catalog, written).is_some_and(|t| t.name == *table)
}

/// Decision by column for one table: its own, and what its ancestors say about columns that it does not decide on itself.
pub fn decisions_of<'p>(program: &'p Program, catalog: &Catalog, table: &Table) -> BTreeMap<&'p str, &'p Decision> {
    let mut out = BTreeMap::new();
    for ancestor in lineage(catalog, table) {
        for written in [ancestor.name.name.clone(), ancestor.name.to_string()] {
            // Schemas have thousands of tables: look names up instead of resolving everything that is written.
            let Some(columns) = program.columns.get(&written).filter(|_| means(catalog, &written, &ancestor.name)) else { continue };
            for (column, decision) in columns {
                out.entry(column.as_str()).or_insert(decision);
            }
        }
    }
    out
}

/// Whether the program leaves the table (or an ancestor of it) out entirely.
pub fn is_left_out(program: &Program, catalog: &Catalog, table: &Table) -> bool {
    let line = lineage(catalog, table);
    program.left_out.keys().any(|w| line.iter().any(|t| means(catalog, w, &t.name)))
}

/// `a`, `b` and 3 more: names for a message, at most `most` of them spelled out.
pub(crate) fn listed<S: AsRef<str>>(names: &[S], most: usize) -> String {
    let shown: Vec<String> = names.iter().take(most).map(|n| format!("`{}`", n.as_ref())).collect();
    match names.len().saturating_sub(most) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_in_case_is_suggested_before_a_nearer_spelling() {
        assert_eq!(nearest("clients", ["client", "CLIENTS"].into_iter()), Some("CLIENTS"));
        assert_eq!(nearest("cleint", ["client", "other"].into_iter()), Some("client"));
        assert_eq!(nearest("abc", ["xyz"].into_iter()), None);
        assert_eq!(nearest("żółć", ["ŻÓŁĆ"].into_iter()), Some("ŻÓŁĆ"));
    }

    #[test]
    fn a_bare_name_is_the_default_schemas_and_dots_may_belong_to_names() {
        use crate::plan::tables::tests::{catalog, table};
        let pg = EngineKind::Postgres;
        let mut other = table(pg, "b", &[], &["x int"]);
        other.name.schema = "a".into();
        let c = catalog(pg, vec![table(pg, "b", &[], &["x int"]), table(pg, "c.d", &[], &["x int"]), other]);
        let found = |w: &str| find_table(&c, w).map(|t| t.name.to_string());
        assert_eq!(found("b").as_deref(), Some("public.b"));
        assert_eq!(found("public.b").as_deref(), Some("public.b"));
        assert_eq!(found("a.b").as_deref(), Some("a.b"));
        assert_eq!(found("c.d").as_deref(), Some("public.c.d"));
        assert_eq!((found("B"), found("c")), (None, None));
        for t in &c.tables {
            for w in ["b", "public.b", "a.b", "c.d", "public.c.d", "B"] {
                assert_eq!(means(&c, w, &t.name), find_table(&c, w).is_some_and(|f| f.name == t.name), "{w}");
            }
        }
    }

    #[test]
    fn edit_distance_counts_insertions_deletions_and_substitutions() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("abc", ""), 3);
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(listed(&["a", "b", "c"], 2), "`a`, `b` and 1 more");
        assert_eq!(listed(&["a"], 2), "`a`");
    }
}
