//! The schema as the server's catalog views tell it: rows (`rows`, `modules`, `objects`), the statements that make each again (`spell`), and the
//! neutral picture. Our own schema is left out. Does not own the order in which things are made (`ddl`).

mod babelfish;
mod facts;
mod header;
mod indexes;
#[cfg(test)]
mod live;
mod modules;
mod neutral;
mod objects;
mod order;
pub(crate) mod outbound;
mod positions;
mod properties;
pub(crate) mod rights;
pub(crate) mod rows;
mod settings;
pub(crate) mod spell;
mod tables;
#[cfg(test)]
mod tests;

use super::connect::{Session, Variety, said};
use super::error::Doing;
use crate::error::Result;
use facts::Views;
use greenroom_model::catalog::{Catalog, EngineKind, Object, TableName};
use rows::TableRows;
use std::collections::BTreeSet;

pub(crate) use positions::{reseed, sequences};

/// The schema of our own objects.
const OURS: &str = "greenroom";

/// Condition on the number of a schema: not ours.
fn not_ours(schema_id: &str) -> String {
    format!("schema_name({schema_id}) <> N'{OURS}'")
}

/// Settings under which something is made and which the server keeps with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Modes {
    pub(crate) ansi_nulls_off: bool,
    pub(crate) quoted_identifier_off: bool,
    pub(crate) ansi_padding_off: bool,
}

/// An object and how it is made again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Made {
    /// `schema`, `type`, `view` …
    pub(crate) kind: &'static str,
    /// Empty for what stands in no schema.
    pub(crate) schema: String,
    pub(crate) own: String,
    /// The server's number of it; empty where nothing refers to it.
    pub(crate) id: String,
    /// The number of the table or view that a trigger stands on.
    pub(crate) parent: String,
    pub(crate) modes: Modes,
    /// The first makes it, the others give it the state that it has. Each is a batch of its own.
    pub(crate) statements: Vec<String>,
    /// What is compared instead of them.
    pub(crate) compared: Option<String>,
}

impl Made {
    /// `schema.name`.
    pub(crate) fn name(&self) -> String {
        if self.schema.is_empty() { self.own.clone() } else { format!("{}.{}", self.schema, self.own) }
    }

    /// For the catalog.
    pub(crate) fn object(&self) -> Object {
        let mut definition = self.compared.clone().unwrap_or_else(|| self.statements.join("\nGO\n"));
        for (off, name) in [(self.modes.ansi_nulls_off, "ansi_nulls"), (self.modes.quoted_identifier_off, "quoted_identifier")] {
            if off {
                definition = format!("-- {name} off\n{definition}");
            }
        }
        Object { kind: self.kind.to_owned(), name: self.name(), definition }
    }
}

/// The schema at one moment: the neutral picture, and what it can be made from again.
pub(crate) struct Picture {
    pub(crate) catalog: Catalog,
    pub(crate) tables: Vec<TableRows>,
    /// Before tables: schemas, types, sequences, synonyms and the like, in an order in which they can be made.
    pub(crate) before: Vec<Made>,
    /// Functions, views, procedures and triggers, each after those that it names as far as that is known.
    pub(crate) modules: Vec<Made>,
    /// Extended properties.
    pub(crate) properties: Vec<Made>,
    /// Statements that set the database's options.
    pub(crate) options: Vec<Made>,
}

/// Reads the whole schema.
pub(crate) async fn picture(session: &mut Session) -> Result<Picture> {
    let views = Views::ask(session).await?;
    let (settings, options) = settings::read(session, &views).await?;
    let collation = settings.get("collation").cloned().unwrap_or_default();
    let mut tables = tables::read(session, &views, &collation).await?;
    let mut types = tables::types(session, &views, &collation).await?;
    let indexed = tables::indexed_views(session, &views).await?;
    let mut before = objects::read(session, &views).await?;
    let mut modules = modules::read(session, &views, &indexed).await?;
    if session.variety == Variety::Babelfish {
        babelfish::mend(session, &mut tables, &mut types, &mut before).await?;
    }
    let mut not_carried = std::mem::take(&mut modules.not_carried);
    objects::add_table_types(&mut before, &types, &mut not_carried);
    let left: BTreeSet<String> = tables.iter().filter(|t| !t.carried()).map(|t| t.id.clone()).collect();
    let modules = order::by_names(session, &views, modules.made, left, &mut not_carried).await?;
    let mut outbound = outbound::of_modules(session, &modules).await?;
    objects::add_synonyms(session, &views, &mut before, &mut outbound).await?;
    for t in tables.iter().filter(|t| t.foreign) {
        outbound.push(outbound::external(&t.shown()));
    }
    let carried: BTreeSet<String> = tables
        .iter()
        .filter(|t| t.carried())
        .map(|t| t.id.clone())
        .chain(modules.iter().chain(&before).filter(|m| !m.id.is_empty()).map(|m| m.id.clone()))
        .collect();
    let properties = properties::read(session, &views, &carried).await?;
    not_carried.extend(outbound::not_carried(session, &views, &tables).await?);
    let mut objects: Vec<Object> = before.iter().chain(&modules).chain(&properties).map(Made::object).collect();
    objects.sort();
    let catalog = Catalog {
        engine: EngineKind::Mssql,
        version: session.version_text.clone(),
        tables: tables.iter().map(|t| neutral::table(t, &collation)).collect(),
        objects,
        settings,
        outbound,
        not_carried,
        large_objects: 0,
    };
    Ok(Picture { catalog, tables, before, modules, properties, options })
}

/// As [`picture`], without what it can be made from.
pub(crate) async fn catalog(session: &mut Session) -> Result<Catalog> {
    Ok(picture(session).await?.catalog)
}

/// Names of the tables whose rows are here.
pub(crate) async fn table_names(session: &mut Session) -> Result<Vec<TableName>> {
    // Only from 2016 on some tables are external; on Babelfish none is.
    let query = format!(
        "select schema_name(t.schema_id), t.name from sys.tables t where t.is_ms_shipped = 0 and t.is_external = 0 and {} order by 1, 2",
        not_ours("t.schema_id")
    );
    let rows = session.rows(&query).await.doing("list the tables")?;
    Ok(rows.iter().map(|row| TableName::new(said(row, 0), said(row, 1))).collect())
}
