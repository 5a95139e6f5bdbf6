//! From decisions, kinds and packs to one [`TableCopy`] per table, checked against the schema it is for.
//!
//! Owns which rows travel, what happens to each field, default domains, and the proof that masks keep unique indexes and foreign keys
//! intact. Does not own coverage and drift (`columns::check`, which callers run first), the masks themselves (`mask`), statements of
//! packs, nor the order of steps.

mod conditions;
mod domains;
mod expression;
mod fields;
mod follow;
mod keys;
pub(crate) mod lex;
mod links;
mod rows;
mod unique;

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod mssql_tests;
#[cfg(test)]
pub(crate) mod tests;

pub use conditions::applies;
pub use rows::{ConfigurationRows, configuration_rows};

use super::{CopyColumn, FieldAction, FieldRule, TableCopy};
use crate::catalog::{Catalog, Column, EngineKind, Family, Generation, Table};
use crate::columns::names::{is_left_out, place};
use crate::finding::{Finding, Place};
use crate::mask::{MaskKey, MaskRule, MaskTraits, compile};
use crate::program::{Origin, Program};
use domains::Links;

/// What a mask with these parameters promises on a column; the third argument is the domain.
pub type TraitsOf<'f> = dyn Fn(&MaskRule, &Column, &str) -> Result<MaskTraits, Vec<Finding>> + 'f;

/// Resolves the program for one schema: how every table's rows travel, and everything about it that cannot work.
///
/// Tables that hold no rows of their own (partitioned parents, foreign and rebuilt tables), refused ones and those left out have no entry.
/// Columns nobody decided on become NULL here, so that nothing leaks if a caller forgets `columns::check`, which reports them.
/// Named dictionaries are resolved: the `dictionary` mask's parameter `name` becomes `values`.
pub fn resolve(program: &Program, catalog: &Catalog, key: &MaskKey) -> (Vec<TableCopy>, Vec<Finding>) {
    resolve_with(program, catalog, &|rule, column, domain| Ok(compile(rule, column, &key.domain(domain))?.traits().clone()))
}

/// As [`resolve`], with the masks' promises from elsewhere.
pub fn resolve_with(program: &Program, catalog: &Catalog, traits_of: &TraitsOf<'_>) -> (Vec<TableCopy>, Vec<Finding>) {
    let mut findings = Vec::new();
    let links = Links::of(catalog);
    rows::check_packs(program, catalog, &mut findings);
    let mut built: Vec<Built<'_>> = Vec::new();
    for table in catalog.tables.iter().filter(|t| t.is_copied() && !is_left_out(program, catalog, t)) {
        let mut b = Built::new(table);
        let packs = rows::pack_rules_of(program, catalog, table);
        rows::resolve(program, catalog, &packs, &mut b, &mut findings);
        fields::resolve(&fields::Scope { program, catalog, links: &links }, &packs, &mut b, &mut findings);
        built.push(b);
    }
    follow::references(program, catalog, &mut built, &mut findings);
    for b in &mut built {
        b.compile(catalog, traits_of, &mut findings);
    }
    for b in built.iter().filter(|b| !b.copy.empty) {
        unique::check(catalog, b, &mut findings);
        links::check_table(catalog, b, &mut findings);
    }
    links::check_references(catalog, &built, &mut findings);
    // A rule written once for a partitioned table is reported once, not once per partition.
    let mut seen = Vec::new();
    findings.retain(|f| {
        let new = !seen.contains(f);
        if new {
            seen.push(f.clone());
        }
        new
    });
    (built.into_iter().map(|b| b.copy).collect(), findings)
}

/// Every table's rows as they are, those that pilots get without rows included: what a dress rehearsal reads.
pub fn unmasked(catalog: &Catalog) -> Vec<TableCopy> {
    catalog.tables.iter().filter(|t| t.is_copied()).map(|t| Built::new(t).copy).collect()
}

/// A table's copy while it is put together, with what the checks need to know beside it.
struct Built<'c> {
    table: &'c Table,
    copy: TableCopy,
    /// By column of the copy and rule: where it was written.
    places: Vec<Vec<Option<Place>>>,
    /// By column of the copy and rule: what the mask promises; `None` for other actions and for masks that do not compile.
    traits: Vec<Vec<Option<MaskTraits>>>,
    /// By column of the copy: a rule without condition was given, so that no later rule can apply.
    closed: Vec<bool>,
    /// Conditions (as resolved) under which rows are not carried.
    dropped: Vec<String>,
}

impl<'c> Built<'c> {
    fn new(table: &'c Table) -> Built<'c> {
        let columns: Vec<CopyColumn> = table
            .columns
            .iter()
            .filter(|c| c.generated != Some(Generation::Computed))
            .map(|c| CopyColumn { name: c.name.clone(), native_type: c.native_type.clone(), family: c.family, rules: Vec::new() })
            .collect();
        let places = vec![Vec::new(); columns.len()];
        let range_key = match table.primary_key.as_slice() {
            [one] => columns.iter().find(|c| c.name == *one).filter(|c| matches!(c.family, Family::Integer | Family::Uuid | Family::Bytes)),
            _ => None,
        };
        let range_key = range_key.map(|c| c.name.clone());
        let copy = TableCopy { table: table.name.clone(), columns, conditions: Vec::new(), filter: None, empty: false, range_key };
        let closed = vec![false; copy.columns.len()];
        Built { table, copy, places, traits: Vec::new(), closed, dropped: Vec::new() }
    }

    fn index(&self, column: &str) -> Option<usize> {
        self.copy.columns.iter().position(|c| c.name == column)
    }

    /// The index of a condition, added if it is new.
    fn condition(&mut self, sql: Option<String>) -> Option<usize> {
        let sql = sql?;
        let at = self.copy.conditions.iter().position(|c| *c == sql);
        Some(at.unwrap_or_else(|| {
            self.copy.conditions.push(sql);
            self.copy.conditions.len() - 1
        }))
    }

    /// Adds a rule behind those that the column has; without `origin` for rules that nobody wrote.
    fn push(&mut self, column: usize, when: Option<String>, action: FieldAction, origin: Option<&Origin>) {
        if self.closed[column] {
            return;
        }
        self.closed[column] = when.is_none();
        if when.is_none() && action == FieldAction::Keep {
            // What no rule matches is kept, and a column without rules is not even decoded.
            return;
        }
        let when = self.condition(when);
        self.copy.columns[column].rules.push(FieldRule { when, action });
        self.places[column].push(origin.map(place));
    }

    /// `table.column` as program files write it.
    fn named(&self, catalog: &Catalog, column: &str) -> String {
        format!("{}.{column}", self.table.name.short(catalog.engine))
    }

    fn compile(&mut self, catalog: &Catalog, traits_of: &TraitsOf<'_>, findings: &mut Vec<Finding>) {
        for (at, column) in self.copy.columns.iter().enumerate() {
            let described = self.table.column(&column.name).expect("the copy's columns come from the table");
            let mut of_rules = Vec::new();
            for (rule, place) in column.rules.iter().zip(&self.places[at]) {
                let FieldAction::Mask { rule, domain, .. } = &rule.action else {
                    of_rules.push(None);
                    continue;
                };
                let compiled = if described.family == Family::Other {
                    Err(vec![
                        Finding::error("GR0351", format!("type `{}` is not one that masks understand", described.native_type))
                            .hint("decide `null`, `clear`, `default` or `keep` for this column"),
                    ])
                } else {
                    traits_of(rule, described, domain)
                };
                match compiled {
                    Ok(traits) => of_rules.push(Some(traits)),
                    Err(wrong) => {
                        of_rules.push(None);
                        findings.extend(wrong.into_iter().map(|f| Finding {
                            message: format!("`{}`: {}", self.named(catalog, &column.name), f.message),
                            place: f.place.or_else(|| place.clone()),
                            ..f
                        }));
                    }
                }
            }
            self.traits.push(of_rules);
        }
    }

    /// The place of the first rule of a column, if it has any.
    fn place_of(&self, column: &str) -> Option<Place> {
        self.index(column).and_then(|at| self.places[at].first().cloned().flatten())
    }
}

/// Columns of a table that a statement names, if it names the table; all of them where the statement cannot be read.
pub(crate) fn columns_of_statement<'t>(engine: EngineKind, sql: &str, table: &'t Table) -> Vec<&'t str> {
    match lex::lex(engine, sql) {
        Ok(tokens) if tokens.iter().any(|t| t.names(&table.name.name)) => lex::mentions(engine, sql, table),
        Err(_) if sql.contains(&table.name.name) => table.columns.iter().map(|c| c.name.as_str()).collect(),
        _ => Vec::new(),
    }
}

/// Adds a place to a finding where there is one.
fn placed(finding: Finding, place: Option<Place>) -> Finding {
    match place {
        Some(p) => finding.at(p),
        None => finding,
    }
}

/// Whether the table may be read without a decision on each column, because none of its rows travel.
pub(crate) fn travels_empty(program: &Program, catalog: &Catalog, table: &Table) -> bool {
    let mut b = Built::new(table);
    let packs = rows::pack_rules_of(program, catalog, table);
    rows::resolve(program, catalog, &packs, &mut b, &mut Vec::new());
    b.copy.empty
}
