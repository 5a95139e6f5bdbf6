//! What names of pilots stand for on Babelfish, where a renamed database loses the texts of its procedures. SQL Server renames; there every name
//! stands for the database of that name (docs/design/0007).
//!
//! The registry is a table in a database `greenroom` on the target's server; the databases keep the names they were created with.

use super::connect::{Purpose, Server, Session, Variety, said};
use super::error::Doing;
use super::sql::literal;
use crate::error::Result;
use crate::registry;

/// The registry's database.
pub(crate) const REGISTRY: &str = "greenroom";

const TABLE: &str = "dbo.pilot_name";

/// Whether names are kept in a registry.
pub(crate) fn registered(variety: Variety) -> bool {
    variety == Variety::Babelfish
}

/// Whether a database exists.
pub(crate) async fn exists(session: &mut Session, database: &str) -> Result<bool> {
    let query = format!("select count(*) from sys.databases where name = {}", literal(database));
    Ok(session.value(&query).await.doing(format!("look for database `{database}`"))?.as_deref() != Some("0"))
}

/// Creates the registry where one is needed; repeatable.
pub(crate) async fn create(server: &Server, session: &mut Session) -> Result<()> {
    let doing = "create the registry of pilots";
    if !registered(session.variety) {
        return Ok(());
    }
    if !exists(session, REGISTRY).await? {
        session.run("create database greenroom").await.doing(doing)?;
    }
    let mut inside = server.open(Some(REGISTRY), Purpose::Catalog).await?;
    let table = "if object_id(N'dbo.pilot_name') is null create table dbo.pilot_name (name nvarchar(255) not null primary key, \
                 stands_for nvarchar(128) not null unique)";
    let made = inside.run(table).await.doing(doing);
    inside.close().await;
    made
}

/// Registered names: (name, database).
async fn all(server: &Server, session: &mut Session) -> Result<Vec<(String, String)>> {
    if !registered(session.variety) || !exists(session, REGISTRY).await? {
        return Ok(Vec::new());
    }
    let mut inside = server.open(Some(REGISTRY), Purpose::Catalog).await?;
    let found = inside.rows("select name, stands_for from dbo.pilot_name").await;
    inside.close().await;
    Ok(found.doing("read the registry of pilots")?.iter().map(|r| (said(r, 0), said(r, 1))).collect())
}

/// The database that a name stands for; `None` when there is none.
pub(crate) async fn resolve(server: &Server, session: &mut Session, name: &str) -> Result<Option<String>> {
    let Some(database) = registry::database(&all(server, session).await?, name) else { return Ok(None) };
    Ok(exists(session, &database).await?.then_some(database))
}

/// Lets names stand for databases, all at once.
pub(crate) async fn assign(server: &Server, names: &[(&str, &str)]) -> Result<()> {
    let statements: Vec<String> = names.iter().flat_map(|(name, database)| registry::assign(TABLE, name, database, literal)).collect();
    write(server, &statements).await
}

/// Forgets what a database was called.
pub(crate) async fn forget(server: &Server, session: &mut Session, database: &str) -> Result<()> {
    if !registered(session.variety) || !exists(session, REGISTRY).await? {
        return Ok(());
    }
    write(server, &[registry::forget(TABLE, database, literal)]).await
}

async fn write(server: &Server, statements: &[String]) -> Result<()> {
    let mut inside = server.open(Some(REGISTRY), Purpose::Catalog).await?;
    let batch = format!("begin transaction; {}; commit", statements.join("; "));
    let done = inside.run(&batch).await.doing("change the registry of pilots");
    inside.close().await;
    done
}

/// Removes the registry if it names nothing.
pub(crate) async fn remove_empty(server: &Server, session: &mut Session) -> Result<()> {
    if !registered(session.variety) || !exists(session, REGISTRY).await? || !all(server, session).await?.is_empty() {
        return Ok(());
    }
    let mut inside = server.open(Some(REGISTRY), Purpose::Catalog).await?;
    let others = inside
        .value("select count(*) from sys.objects where is_ms_shipped = 0 and type in ('U', 'V', 'P', 'FN') and name <> 'pilot_name'")
        .await;
    inside.close().await;
    // Whatever else lies in it is somebody's.
    if others.doing("look at the registry of pilots")?.as_deref() != Some("0") {
        return Ok(());
    }
    super::swap::drop_database(session, REGISTRY).await.doing("remove the registry of pilots")
}
