//! References from and to configuration, as foreign keys and as the program declares them (P21). Owns which there are; does not own what they
//! ask for (`closure`).

use super::shape::{ShapeInput, TableShape};
use super::taint::{NEW, find_column, unknown};
use crate::catalog::{EngineKind, TableName};
use crate::columns::names::is_left_out;
use crate::finding::Finding;
use serde::{Deserialize, Serialize};

/// A reference in the new shape; at least one end is configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The foreign key's name, or what the program wrote.
    pub name: String,
    /// Referring table.
    pub from: TableName,
    /// Referring columns.
    pub columns: Vec<String>,
    /// Referenced table.
    pub to: TableName,
    /// Referenced columns, as many.
    pub to_columns: Vec<String>,
    /// The database holds rows to it; otherwise the program declares it.
    pub enforced: bool,
    /// Index of the referring table among the shapes, if (some of) its rows are configuration.
    pub from_shape: Option<usize>,
    /// Index of the referenced one, likewise.
    pub to_shape: Option<usize>,
    /// Rows that are no configuration may refer.
    pub from_records: bool,
    /// Rows that are no configuration may be referred to.
    pub to_records: bool,
    /// A reference with a NULL in some columns and values in others counts as none (the SQL standard's `MATCH SIMPLE`).
    pub simple: bool,
}

/// All references from and to the tables with a shape.
pub(super) fn references(input: ShapeInput<'_>, shapes: &[TableShape], findings: &mut Vec<Finding>) -> Vec<Reference> {
    let index = |name: &TableName| shapes.iter().position(|s| s.table == *name);
    let records = |at: Option<usize>| at.is_none_or(|at: usize| shapes[at].condition.is_some());
    let mut out: Vec<Reference> = Vec::new();
    let mut add =
        |name: &str, from: &TableName, columns: &[String], to: &TableName, to_columns: &[String], enforced: bool, simple: bool| {
            let (from_shape, to_shape) = (index(from), index(to));
            let known = |at: Option<usize>, columns: &[String]| at.is_none_or(|at| columns.iter().all(|c| shapes[at].index(c).is_some()));
            let twice = out.iter().any(|r| r.from == *from && r.columns == columns && r.to == *to && r.to_columns == to_columns);
            if twice || (from_shape.is_none() && to_shape.is_none()) || !known(from_shape, columns) || !known(to_shape, to_columns) {
                return;
            }
            out.push(Reference {
                name: name.to_owned(),
                from: from.clone(),
                columns: columns.to_vec(),
                to: to.clone(),
                to_columns: to_columns.to_vec(),
                enforced,
                from_shape,
                to_shape,
                from_records: records(from_shape),
                to_records: records(to_shape),
                simple,
            });
        };
    for table in input.new.tables.iter().filter(|t| t.is_copied() && !is_left_out(input.program, input.new, t)) {
        for key in &table.foreign_keys {
            // SQLite, MariaDB and SQL Server know no `MATCH FULL`.
            let simple = input.new.engine != EngineKind::Postgres || !key.definition.to_lowercase().contains("match full");
            // Foreign keys of SQLite may name no columns: the primary key is meant.
            let primary = input.new.table(&key.references).map(|t| t.primary_key.clone()).unwrap_or_default();
            let to_columns = if key.referenced_columns.is_empty() { &primary } else { &key.referenced_columns };
            add(&key.name, &table.name, &key.columns, &key.references, to_columns, true, simple);
        }
    }
    for (written, link) in &input.program.carry.references {
        let ends = (find_column(input.new, written), find_column(input.new, &link.other));
        let missing = match &ends {
            (None, _) => written,
            (_, None) => &link.other,
            (Some((from, column)), Some((to, to_column))) => {
                let (from, to) = (from.name.clone(), to.name.clone());
                add(written, &from, std::slice::from_ref(column), &to, std::slice::from_ref(to_column), false, true);
                continue;
            }
        };
        findings.push(unknown(&link.origin, "references", missing, NEW));
    }
    out
}
