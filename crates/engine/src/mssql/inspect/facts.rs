//! Rows of catalog views by the names of their columns. Versions and varieties differ in which views and columns there are: what is not there
//! reads as NULL. Owns that tolerance; does not own what is asked.
//!
//! Whether a view is there is asked before it is read: an error inside a transaction would end the transaction that holds the snapshot.

use super::super::connect::{Session, Variety, text};
use super::super::error::Doing;
use super::super::sql;
use crate::error::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tiberius::Row;

/// A row of a catalog view.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    names: Arc<BTreeMap<String, usize>>,
    cells: Vec<Option<String>>,
}

impl Facts {
    /// From names and values, for tests without a server.
    #[cfg(test)]
    pub(crate) fn of(cells: &[(&str, &str)]) -> Facts {
        let names = cells.iter().enumerate().map(|(i, (name, _))| ((*name).to_owned(), i)).collect();
        Facts { names: Arc::new(names), cells: cells.iter().map(|(_, value)| Some((*value).to_owned())).collect() }
    }

    /// A column's value as text; `None` is NULL, or a column that is not there.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.names.get(name).and_then(|i| self.cells.get(*i)).and_then(Option::as_deref)
    }

    /// As [`Facts::text`], empty for NULL.
    pub(crate) fn said(&self, name: &str) -> String {
        self.text(name).unwrap_or_default().to_owned()
    }

    /// A bit.
    pub(crate) fn truth(&self, name: &str) -> bool {
        matches!(self.text(name), Some("1"))
    }

    /// A number; 0 for NULL.
    pub(crate) fn number(&self, name: &str) -> i64 {
        self.text(name).and_then(|t| t.parse().ok()).unwrap_or(0)
    }
}

/// All rows of a query, by name. Columns without a name cannot be reached.
pub(crate) async fn read(session: &mut Session, doing: &str, query: &str) -> Result<Vec<Facts>> {
    let rows = session.rows(query).await.doing(doing)?;
    let Some(first) = rows.first() else { return Ok(Vec::new()) };
    let names: BTreeMap<String, usize> = first.columns().iter().enumerate().map(|(i, c)| (c.name().to_lowercase(), i)).collect();
    let names = Arc::new(names);
    let cells = |row: &Row| (0..row.len()).map(|i| text(row, i)).collect();
    Ok(rows.iter().map(|row| Facts { names: Arc::clone(&names), cells: cells(row) }).collect())
}

/// Views that Babelfish has, but always empty, and partly of types that it cannot send.
const EMPTY_ON_BABELFISH: &[&str] = &["assemblies", "numbered_procedures", "plan_guides", "sequences", "stats", "synonyms", "xml_indexes"];

fn told(variety: Variety, view: &str) -> bool {
    variety != Variety::Babelfish || !EMPTY_ON_BABELFISH.contains(&view)
}

/// Which catalog views a server has, and with which columns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Views {
    columns: BTreeMap<String, BTreeSet<String>>,
}

/// Views that are not everywhere.
const ASKED: &[&str] = &[
    "allocation_units",
    "assemblies",
    "asymmetric_keys",
    "certificates",
    "change_tracking_tables",
    "check_constraints",
    "column_master_keys",
    "data_spaces",
    "database_audit_specifications",
    "database_permissions",
    "database_principals",
    "database_role_members",
    "database_scoped_configurations",
    "database_scoped_credentials",
    "databases",
    "extended_properties",
    "external_data_sources",
    "external_libraries",
    "fulltext_catalogs",
    "fulltext_indexes",
    "masked_columns",
    "numbered_procedures",
    "parameters",
    "partition_functions",
    "partition_parameters",
    "partition_range_values",
    "partition_schemes",
    "partitions",
    "plan_guides",
    "security_policies",
    "sequences",
    "service_queues",
    "services",
    "spatial_index_tessellations",
    "spatial_indexes",
    "sql_expression_dependencies",
    "stats",
    "symmetric_keys",
    "synonyms",
    "table_types",
    "trigger_events",
    "triggers",
    "xml_indexes",
    "xml_schema_collections",
];

/// Views whose columns differ between versions and are asked for one by one.
const SHAPES: &[&str] = &[
    "columns",
    "database_principals",
    "database_scoped_configurations",
    "databases",
    "index_columns",
    "indexes",
    "partitions",
    "sequences",
    "stats",
    "table_types",
    "tables",
    "trigger_events",
];

impl Views {
    /// Asks the server.
    pub(crate) async fn ask(session: &mut Session) -> Result<Views> {
        let doing = "look which catalog views the server has";
        let known: BTreeSet<&str> = ASKED.iter().chain(SHAPES).copied().filter(|name| told(session.variety, name)).collect();
        let known = known.iter().map(|name| format!("(N'{name}', object_id(N'sys.{name}'))")).collect::<Vec<_>>().join(", ");
        let query = format!("select v.name from (values {known}) v(name, id) where v.id is not null");
        let mut columns = BTreeMap::new();
        let names: Vec<String> = session.rows(&query).await.doing(doing)?.iter().filter_map(|row| text(row, 0)).collect();
        for name in names {
            let mut found = BTreeSet::new();
            if SHAPES.contains(&name.as_str()) {
                let mut stream = session.client.simple_query(format!("select top 0 * from sys.{name}")).await.doing(doing)?;
                found = stream.columns().await.doing(doing)?.unwrap_or_default().iter().map(|c| c.name().to_lowercase()).collect();
                stream.into_results().await.doing(doing)?;
            }
            columns.insert(name, found);
        }
        Ok(Views { columns })
    }

    /// Whether the server has a view.
    pub(crate) fn has(&self, view: &str) -> bool {
        self.columns.contains_key(view)
    }

    /// Whether it has this column.
    pub(crate) fn has_column(&self, view: &str, column: &str) -> bool {
        self.columns.get(view).is_some_and(|c| c.contains(column))
    }

    /// A select list of columns of a view under an alias; those that are not there are left out, so that they read as NULL.
    pub(crate) fn pick(&self, view: &str, alias: &str, columns: &[&str]) -> String {
        let there: Vec<String> = columns
            .iter()
            .filter(|c| self.has_column(view, c))
            .map(|c| format!("{alias}.{} as {}", sql::ident(c), sql::ident(c)))
            .collect();
        if there.is_empty() { format!("null as [nothing in {view}]") } else { there.join(", ") }
    }

    /// Reads a query when the server has the view it is about; nothing otherwise.
    pub(crate) async fn read(&self, session: &mut Session, view: &str, query: &str) -> Result<Vec<Facts>> {
        if !self.has(view) {
            return Ok(Vec::new());
        }
        read(session, &format!("read `sys.{view}`"), query).await
    }
}
