//! The schema as the server tells it: `information_schema` for what masks and checks need, `SHOW CREATE …` for the definitions. Our own tables
//! are left out, and so is the database's name: it differs between source and pilots.

mod objects;
pub(crate) mod outbound;
pub(crate) mod show;
mod tables;

use super::connect::{Session, said, text};
use super::error::Doing;
use super::{own, sql};
use crate::error::Result;
use greenroom_model::catalog::{Catalog, EngineKind};
use std::collections::BTreeMap;

pub(crate) use objects::Made;
pub(crate) use tables::{ShownTable, mended, ticked_keys};

/// The schema that every name is given.
pub(crate) const SCHEMA: &str = "main";

/// The schema at one moment: the neutral picture, and the texts from which it can be made again.
pub(crate) struct Picture {
    pub(crate) catalog: Catalog,
    pub(crate) tables: Vec<ShownTable>,
    pub(crate) made: Vec<Made>,
}

/// Reads the whole schema.
pub(crate) async fn picture(session: &mut Session, database: &str) -> Result<Picture> {
    let shown = tables::shown(session, database).await?;
    let made = objects::read(session, database).await?;
    let reach = outbound::read(session, &shown, &made).await?;
    let tables = tables::read(session, database, &shown).await?;
    let mut objects: Vec<_> = made.iter().map(Made::object).collect();
    objects.sort();
    let catalog = Catalog {
        engine: EngineKind::Mysql,
        version: session.version_text.clone(),
        tables,
        objects,
        settings: settings(session).await?,
        outbound: reach,
        not_carried: outbound::not_carried(&shown),
        large_objects: 0,
    };
    Ok(Picture { catalog, tables: shown, made })
}

/// As [`picture`], without the texts.
pub(crate) async fn catalog(session: &mut Session, database: &str) -> Result<Catalog> {
    Ok(picture(session, database).await?.catalog)
}

async fn settings(session: &mut Session) -> Result<BTreeMap<String, String>> {
    let query = "select default_character_set_name, default_collation_name from information_schema.schemata where schema_name = database()";
    let rows = session.rows(query).await.doing("read the database's settings")?;
    let mut settings = BTreeMap::new();
    if let Some(row) = rows.first() {
        settings.insert("character_set".to_owned(), said(row, 0));
        settings.insert("collation".to_owned(), said(row, 1));
    }
    Ok(settings)
}

/// Names of the tables that hold rows.
pub(crate) async fn table_names(session: &mut Session) -> Result<Vec<String>> {
    let query = format!(
        "select table_name from information_schema.tables where table_schema = database() and table_type in ('BASE TABLE', 'SYSTEM VERSIONED') \
         and {} order by 1",
        own::not_ours("table_name")
    );
    let rows = session.rows(&query).await.doing("list the tables")?;
    Ok(rows.iter().map(|r| said(r, 0)).collect())
}

/// Where AUTO_INCREMENT columns and sequences stand, as statements that bring the copy's to the same place.
pub(crate) async fn sequences(session: &mut Session) -> Result<Vec<(String, String)>> {
    let doing = "read the positions of AUTO_INCREMENT";
    let query = format!(
        "select table_name, table_type, auto_increment from information_schema.tables where table_schema = database() and {} order by 1",
        own::not_ours("table_name")
    );
    let mut positions = Vec::new();
    for row in session.rows(&query).await.doing(doing)? {
        let name = said(&row, 0);
        let quoted = sql::ident(&name);
        if said(&row, 1) == "SEQUENCE" {
            let next = session.value(&format!("select next_not_cached_value from {quoted}")).await.doing(doing)?.unwrap_or_default();
            positions.push((name, format!("do setval({quoted}, {next}, 0)")));
        } else if let Some(next) = text(&row, 2) {
            positions.push((name, format!("alter table {quoted} auto_increment = {next}")));
        }
    }
    Ok(positions)
}
