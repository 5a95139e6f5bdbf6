//! Default domains of pseudonyms: columns that foreign keys link share one, named after the column at the root. Does not own keys.

use crate::catalog::{Catalog, Table, TableForm, TableName};
use crate::columns::names::lineage;
use std::collections::{BTreeMap, BTreeSet};

type ColumnName = (TableName, String);

/// Which columns foreign keys link, by table and column.
pub(super) struct Links {
    root: BTreeMap<ColumnName, ColumnName>,
}

impl Links {
    /// Follows every foreign key of the catalog, composite ones column by column, and partitions to their parents.
    pub fn of(catalog: &Catalog) -> Links {
        let mut neighbours: BTreeMap<ColumnName, BTreeSet<ColumnName>> = BTreeMap::new();
        let mut references: BTreeSet<ColumnName> = BTreeSet::new();
        let mut link = |from: ColumnName, to: ColumnName| {
            if from != to {
                references.insert(from.clone());
            }
            neighbours.entry(from.clone()).or_default().insert(to.clone());
            neighbours.entry(to).or_default().insert(from);
        };
        for table in &catalog.tables {
            for key in &table.foreign_keys {
                for (column, referenced) in key.columns.iter().zip(&key.referenced_columns) {
                    link((table.name.clone(), column.clone()), (key.references.clone(), referenced.clone()));
                }
            }
            if matches!(table.form, TableForm::Child { .. }) {
                for parent in lineage(catalog, table).into_iter().skip(1) {
                    for column in table.columns.iter().filter(|c| parent.column(&c.name).is_some()) {
                        link((table.name.clone(), column.name.clone()), (parent.name.clone(), column.name.clone()));
                    }
                }
            }
        }
        let mut root = BTreeMap::new();
        for start in neighbours.keys() {
            if root.contains_key(start) {
                continue;
            }
            let mut members = BTreeSet::from([start]);
            let mut todo = vec![start];
            while let Some(at) = todo.pop() {
                todo.extend(neighbours[at].iter().filter(|n| members.insert(n)));
            }
            // The root refers to nothing else; in a cycle, the first by name. Never "whichever came first": domains must not move.
            let chosen = members.iter().find(|m| !references.contains(**m)).or(members.first()).map(|m| (*m).clone());
            root.extend(members.iter().filter_map(|m| Some(((*m).clone(), chosen.clone()?))));
        }
        Links { root }
    }

    /// The domain of a mask on this column where the program names none: `<mask>:<table>.<column>` of the root column.
    pub fn default_domain(&self, catalog: &Catalog, mask: &str, table: &Table, column: &str) -> String {
        let own = (table.name.clone(), column.to_owned());
        let (table, column) = self.root.get(&own).unwrap_or(&own);
        format!("{mask}:{}.{column}", table.short(catalog.engine))
    }
}
