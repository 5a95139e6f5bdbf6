//! Where every column of the new shape comes from, and what of it must not travel: what was masked, emptied or neutralised on its way to the
//! pilot, and what the upgrade made from such. Taint is per column: a decision with a condition taints the column for every row.

use super::shape::{Into, OnPilot, ShapeInput};
use crate::catalog::{Catalog, Column, Family, Generation, Table, TableName};
use crate::columns::Treatment;
use crate::columns::names::{decisions_of, find_table, place};
use crate::finding::{Finding, Severity};
use crate::plan::tables::columns_of_statement;
use crate::plan::{CopyColumn, FieldAction, TableCopy};
use crate::program::{Origin, PackAction, Program};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Why a column's values never travel as configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Taint {
    /// Its own values were masked, emptied or neutralised.
    Decided,
    /// It comes from a column (`table.column`) of the source that was.
    From(String),
}

type ColumnName = (TableName, String);

/// Where former names are looked for.
pub(super) const NEW: &str = "the new version does not have";
const EITHER: &str = "neither the source nor the pilot has";

/// What the program says about where columns come from, resolved.
pub(super) struct Origins<'a> {
    input: ShapeInput<'a>,
    /// Former column by new one.
    moved: BTreeMap<ColumnName, (TableName, String)>,
    /// Former table by new one.
    renamed: BTreeMap<TableName, TableName>,
    fresh: BTreeSet<ColumnName>,
    changed: BTreeSet<ColumnName>,
}

/// The table and column that `table.column` means: the longest table name that fits.
pub(super) fn find_column<'c>(catalog: &'c Catalog, written: &str) -> Option<(&'c Table, String)> {
    let dots: Vec<usize> = written.match_indices('.').map(|(at, _)| at).collect();
    dots.into_iter().rev().find_map(|at| {
        let table = find_table(catalog, &written[..at])?;
        table.column(&written[at + 1..]).map(|c| (table, c.name.clone()))
    })
}

/// A name that does not exist. In a kit, which is written for more than one version of a product, it weighs less: what it fails to explain stops
/// as a column of unknown origin.
pub(super) fn unknown(origin: &Origin, section: &str, written: &str, which: &str) -> Finding {
    let message = format!("`{section}` names `{written}`, which {which}");
    let severity = if origin.is_own() { Severity::Error } else { Severity::Warning };
    let finding = Finding { severity, ..Finding::error("GR0803", message) };
    finding.at(place(origin)).hint("correct the name, or remove the line; `greenroom columns` lists tables and columns")
}

impl<'a> Origins<'a> {
    pub fn new(input: ShapeInput<'a>, findings: &mut Vec<Finding>) -> Origins<'a> {
        let mut origins =
            Origins { input, moved: BTreeMap::new(), renamed: BTreeMap::new(), fresh: BTreeSet::new(), changed: changed(input) };
        let carry = &input.program.carry;
        for (to, link) in &carry.moved {
            let former = |w: &str| [input.source, input.made_from, input.pilot].into_iter().find_map(|c| find_table(c, w));
            if let Some(table) = find_table(input.new, to) {
                match former(&link.other) {
                    Some(from) => drop(origins.renamed.insert(table.name.clone(), from.name.clone())),
                    // Production has been upgraded since: the table is its own origin.
                    None if input.source.table(&table.name).is_some() => {}
                    None => findings.push(unknown(&link.origin, "carry.moved", &link.other, EITHER)),
                }
                continue;
            }
            let from = [input.source, input.made_from, input.pilot].into_iter().find_map(|c| find_column(c, &link.other));
            match (find_column(input.new, to), from) {
                (Some((table, column)), Some((former, name))) => {
                    origins.moved.insert((table.name.clone(), column), (former.name.clone(), name));
                }
                (None, _) => findings.push(unknown(&link.origin, "carry.moved", to, NEW)),
                (Some(_), None) if find_column(input.source, to).is_some() => {}
                (_, None) => findings.push(unknown(&link.origin, "carry.moved", &link.other, EITHER)),
            }
        }
        for (written, origin) in &carry.fresh {
            match find_column(input.new, written) {
                Some((table, column)) => drop(origins.fresh.insert((table.name.clone(), column))),
                None => findings.push(unknown(origin, "carry.fresh", written, NEW)),
            }
        }
        origins
    }

    /// The columns of the former shape that a column comes from as it is: as declared, else the one of the same name.
    fn former(&self, catalog: &Catalog, table: &Table, column: &str) -> Option<ColumnName> {
        let exists = |(t, c): &ColumnName| catalog.table(t).is_some_and(|t| t.column(c).is_some());
        let declared = self.moved.get(&(table.name.clone(), column.to_owned())).cloned();
        let renamed = self.renamed.get(&table.name).map(|former| (former.clone(), column.to_owned()));
        declared.into_iter().chain(renamed).chain([(table.name.clone(), column.to_owned())]).find(exists)
    }

    /// Whether and why a column is tainted; none if it is not known where it comes from.
    pub fn taint(&self, table: &Table, column: &str, findings: &mut Vec<Finding>) -> Option<Option<Taint>> {
        let name = (table.name.clone(), column.to_owned());
        let decisions = decisions_of(self.input.program, self.input.new, table);
        let decision = decisions.get(column);
        // The source's own column, and that of the source from which the pilot was made: the pilot's values come from there.
        let catalogs = [self.input.source, self.input.made_from];
        let mut from: Vec<ColumnName> = catalogs.iter().filter_map(|c| self.former(c, table, column)).collect();
        // Where production has the column already, what it once was made of need not be there any more.
        let known = !from.is_empty();
        let mut lost = false;
        for written in decision.iter().flat_map(|d| &d.derived_from) {
            let found: Vec<ColumnName> =
                catalogs.iter().filter_map(|c| find_column(c, written)).map(|(t, c)| (t.name.clone(), c)).collect();
            if found.is_empty() && !known {
                lost = true;
                findings.extend(decision.map(|d| unknown(&d.origin, "derived_from", written, "the source does not have")));
            }
            from.extend(found);
        }
        if lost || (from.is_empty() && !self.fresh.contains(&name)) {
            return None;
        }
        if self.changed.contains(&name) || decision.is_some_and(|d| d.treatment != Treatment::Keep) {
            return Some(Some(Taint::Decided));
        }
        let show = |(t, c): &ColumnName| format!("{}.{c}", t.short(self.input.source.engine));
        Some(from.iter().find(|f| self.changed.contains(*f)).map(|f| Taint::From(show(f))))
    }

    /// The pilot's table that holds a new table's rows. All of its columns must come from one.
    pub fn table_on_pilot(&self, table: &Table, findings: &mut Vec<Finding>) -> Option<&'a Table> {
        let pilot = self.input.pilot;
        if let Some(same) = pilot.table(&table.name) {
            return Some(same);
        }
        let renamed = self.renamed.get(&table.name).and_then(|t| pilot.table(t));
        let of_columns = self.moved.iter().filter(|((t, _), _)| *t == table.name).filter_map(|(_, (t, _))| pilot.table(t));
        let from: BTreeMap<&TableName, &'a Table> = renamed.into_iter().chain(of_columns).map(|t| (&t.name, t)).collect();
        if from.len() > 1 {
            let short = table.name.short(pilot.engine);
            let names: Vec<String> = from.keys().map(|t| t.short(pilot.engine)).collect();
            let message = format!("rows of `{short}` come from several tables of the pilot: {}", crate::columns::names::listed(&names, 5));
            let hint = "bring the pilot to the new version first (`greenroom follow`), so that the rows can be compared as they are";
            findings.push(Finding::error("GR0804", message).hint(hint));
        }
        from.into_values().next()
    }

    /// Where on the pilot's table a column's values stand.
    pub fn column_on_pilot(&self, table: &Table, column: &str, pilot: Option<&Table>) -> OnPilot {
        let found = pilot.and_then(|pilot| {
            if pilot.name == table.name && pilot.column(column).is_some() {
                return Some(column.to_owned());
            }
            self.former(self.input.pilot, table, column).filter(|(t, _)| *t == pilot.name).map(|(_, c)| c)
        });
        found.map_or(OnPilot::Missing, OnPilot::Column)
    }

    /// Whether the program says where a former column went.
    pub fn moved_away(&self, table: &Table, column: &str) -> bool {
        self.moved.values().any(|(t, c)| *t == table.name && c == column)
    }
}

/// Columns of text on the pilot, by table, that hold what masks, packs and decisions wrote there: where configuration of people's own may have been
/// copied from.
///
/// That is every tainted column of every table, in the pilot's shape. `made_from` is production's schema when the pilot was made.
pub fn masked_columns(program: &Program, made_from: &Catalog, pilot: &Catalog, copies: &[TableCopy]) -> Vec<(TableName, Vec<String>)> {
    let input = ShapeInput { program, source: made_from, made_from, pilot, new: pilot, copies, renewed: &[], into: Into::Raw };
    let origins = Origins::new(input, &mut Vec::new());
    let mut all = Vec::new();
    for table in &pilot.tables {
        let masked = |c: &&Column| matches!(origins.taint(table, &c.name, &mut Vec::new()), Some(Some(_)));
        // What the database computes may be made of them: a full name of its parts.
        let made = table.columns.iter().any(|c| masked(&c));
        let meant = |c: &&Column| c.family == Family::Text && (masked(c) || (made && c.generated == Some(Generation::Computed)));
        let columns: Vec<String> = table.columns.iter().filter(meant).map(|c| c.name.clone()).collect();
        if !columns.is_empty() && table.is_copied() {
            all.push((table.name.clone(), columns));
        }
    }
    all
}

/// Columns of the source that do not keep their values on the pilot, or would not on the next one, and those that packs' statements name.
fn changed(input: ShapeInput<'_>) -> BTreeSet<ColumnName> {
    let mut changed = BTreeSet::new();
    for (copies, catalog) in [(input.copies, input.made_from), (input.renewed, input.source)] {
        for copy in copies {
            // Of a table that packs empty nothing came along; whoever fills it again on the pilot does so for the pilot.
            let key = catalog.table(&copy.table).map(|t| t.primary_key.as_slice()).unwrap_or_default();
            let changes = |c: &CopyColumn| c.rules.iter().any(|r| r.action != FieldAction::Keep);
            let touched = copy.columns.iter().filter(|c| if copy.empty { !key.contains(&c.name) } else { changes(c) });
            changed.extend(touched.map(|c| (copy.table.clone(), c.name.clone())));
        }
    }
    let rules = input.program.packs.iter().flat_map(|p| &p.rules);
    for rule in rules {
        let PackAction::Statement { sql } = &rule.action else { continue };
        for catalog in [input.source, input.made_from, input.new] {
            for table in &catalog.tables {
                let named = columns_of_statement(catalog.engine, sql, table);
                // What a statement looks rows up by is not what it changes.
                let columns = named.into_iter().filter(|c| !table.primary_key.iter().any(|k| k == c));
                changed.extend(columns.map(|c| (table.name.clone(), c.to_owned())));
            }
        }
    }
    changed
}
