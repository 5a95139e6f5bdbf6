//! What names of pilots stand for. These servers cannot rename a database, so the name of a pilot is a row in a small registry of ours, the
//! database `greenroom` on the target's server; the databases keep the names they were created with (docs/design/0007).
//!
//! Every name that the runner passes is resolved here: a registered one to its database, any other to the database of that very name, unless
//! that database is registered under another name and so is no longer called by its own.

use super::connect::{Session, said};
use super::error::{Doing, code};
use super::sql::literal;
use crate::error::Result;
use crate::registry;

/// The registry's database.
pub(crate) const REGISTRY: &str = "greenroom";

const TABLE: &str = "greenroom.pilot_name";

/// Creates the registry; repeatable.
pub(crate) async fn create(session: &mut Session) -> Result<()> {
    let doing = "create the registry of pilots";
    session.run("create database if not exists greenroom character set utf8mb4 collate utf8mb4_bin").await.doing(doing)?;
    session
        .run("create table if not exists greenroom.pilot_name (name varchar(255) not null primary key, stands_for varchar(64) not null unique) engine=InnoDB")
        .await
        .doing(doing)
}

/// Registered names: (name, database).
async fn registered(session: &mut Session) -> Result<Vec<(String, String)>> {
    match session.rows("select name, stands_for from greenroom.pilot_name").await {
        Ok(rows) => Ok(rows.iter().map(|r| (said(r, 0), said(r, 1))).collect()),
        // Without a registry no name was ever exchanged. Whether there is one is not ours to see before we have made it.
        Err(e) if matches!(code(&e), Some(1146 | 1049 | 1044 | 1142)) => Ok(Vec::new()),
        Err(e) => Err(e).doing("read the registry of pilots"),
    }
}

/// Whether a database exists.
pub(crate) async fn exists(session: &mut Session, database: &str) -> Result<bool> {
    let query = format!("select count(*) from information_schema.schemata where schema_name = {}", literal(database));
    Ok(session.value(&query).await.doing(format!("look for database `{database}`"))?.as_deref() != Some("0"))
}

/// What the database of a name is called, whether it exists or not.
pub(crate) async fn called(session: &mut Session, name: &str) -> Result<String> {
    let registered = registered(session).await?;
    Ok(registered.iter().find(|(n, _)| n == name).map_or_else(|| name.to_owned(), |(_, database)| database.clone()))
}

/// The database that a name stands for; `None` when there is none.
pub(crate) async fn resolve(session: &mut Session, name: &str) -> Result<Option<String>> {
    let Some(database) = registry::database(&registered(session).await?, name) else { return Ok(None) };
    Ok(exists(session, &database).await?.then_some(database))
}

/// The statements that let `name` stand for `database`, whatever either was registered as before.
pub(crate) fn assign(name: &str, database: &str) -> Vec<String> {
    registry::assign(TABLE, name, database, literal)
}

/// The statement that forgets what a database was called.
pub(crate) fn forget(database: &str) -> String {
    registry::forget(TABLE, database, literal)
}

/// Removes the registry if it names nothing.
pub(crate) async fn remove_empty(session: &mut Session) -> Result<()> {
    let doing = "remove the registry of pilots";
    if !exists(session, REGISTRY).await? || !registered(session).await?.is_empty() {
        return Ok(());
    }
    session.run("drop table if exists greenroom.pilot_name").await.doing(doing)?;
    let others = session.value("select count(*) from information_schema.tables where table_schema = 'greenroom'").await.doing(doing)?;
    if others.as_deref() == Some("0") { session.run("drop database greenroom").await.doing(doing) } else { Ok(()) }
}
