//! SQL Server, Azure SQL and Babelfish: rows travel by the protocol's bulk load, the schema is written from the catalog views, generations are
//! databases.
//!
//! | file | owns |
//! |---|---|
//! | `connect` | sessions, their settings and protection |
//! | `inspect` | the catalog: tables, objects, what reaches outside |
//! | `hold`, `ranges`, `copy` | the snapshot, its locks, cutting, reading |
//! | `encoding`, `moment`, `wire`, `types` | row encoding, days and times, the driver's values, how each type travels |
//! | `load`, `guard`, `own` | loading with progress, silent triggers and constraints, our own tables inside generations |
//! | `query` | queries that people and programs wrote |
//! | `ddl`, `access` | the schema's statements, users and permissions |
//! | `target`, `names`, `swap` | databases from outside, and which of them is called the pilot |
//! | `generation`, `script` | work inside a generation |
//! | `ground`, `dialect` | scratch databases and words for the contract's tests |

mod access;
mod carry;
mod connect;
mod copy;
mod ddl;
mod dialect;
mod encoding;
mod error;
mod generation;
mod ground;
mod guard;
mod hold;
mod inspect;
mod load;
mod moment;
mod names;
mod own;
mod query;
mod ranges;
mod restore;
mod rights;
mod script;
mod sql;
mod swap;
mod target;
mod types;
mod wire;

use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Capabilities, Held, MissingRight, Source, Target};
use crate::secret::Secrets;
use async_trait::async_trait;
use connect::{Purpose, Server, Session, Variety, application, text};
use error::Doing;
use greenroom_model::catalog::{Catalog, Table, TableName};
use greenroom_model::program::Address;
use std::path::Path;

/// Connects to a database as a source.
///
/// # Errors
/// When it cannot be reached, the login is refused, or the server is older than SQL Server 2016.
pub async fn source(address: &Address, secrets: &dyn Secrets, base: &Path) -> Result<Box<dyn Source>> {
    let server = Server::resolve(address, secrets, base)?;
    let Some(database) = server.database.clone() else {
        return Err(EngineError::new(ErrorKind::Statement, "connect", "the address names no database")
            .hint("add `database = \"…\"` to the source in greenroom.toml"));
    };
    let session = server.open(Some(&database), Purpose::Catalog).await?;
    Ok(Box::new(MsSource { server, database, session }))
}

/// Connects to a server as a target.
///
/// # Errors
/// As [`source`].
pub async fn target(address: &Address, secrets: &dyn Secrets, base: &Path) -> Result<Box<dyn Target>> {
    let server = Server::resolve(address, secrets, base)?;
    let session = server.open(None, Purpose::Catalog).await?;
    Ok(Box::new(target::MsTarget { server, session }))
}

/// Scratch databases for a contract test on the address's server.
///
/// # Errors
/// As [`source`], and when the login may create none.
pub(crate) async fn ground(address: &Address, secrets: &dyn Secrets, base: &Path, nonce: &str) -> Result<ground::MsGround> {
    ground::MsGround::new(Server::resolve(address, secrets, base)?, nonce).await
}

/// What a variety can do.
fn capabilities(variety: Variety) -> Capabilities {
    Capabilities {
        transactional_ddl: true,
        rename_database: !names::registered(variety),
        shared_snapshot: true,
        max_readers: hold::MOST_READERS,
        // Two renames; the registry's rows change in one transaction.
        atomic_swap: names::registered(variety),
        takes_production: false,
        grants_let_in: false,
        progress_with_rows: true,
        physical_ranges: false,
        tools: Vec::new(),
    }
}

struct MsSource {
    server: Server,
    database: String,
    session: Session,
}

#[async_trait]
impl Source for MsSource {
    async fn capabilities(&mut self) -> Result<Capabilities> {
        Ok(capabilities(self.session.variety))
    }

    async fn inspect(&mut self) -> Result<Catalog> {
        inspect::catalog(&mut self.session).await
    }

    async fn sample(&mut self, table: &Table, rows: u32) -> Result<Vec<Vec<Option<String>>>> {
        let doing = || format!("read a sample of {}", table.name.name);
        let columns: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
        let layout = types::layout(&mut self.session, &table.name, &columns).await?;
        let selected: Vec<String> = layout.columns.iter().map(|c| c.selected(&sql::ident(&c.name))).collect();
        let query = format!("select top ({rows}) {} from {}", selected.join(", "), sql::table(&table.name));
        let found = self.session.rows(&query).await.doing(doing())?;
        Ok(found.iter().map(|row| (0..row.len()).map(|i| text(row, i)).collect()).collect())
    }

    async fn query_value(&mut self, sql: &str) -> Result<Option<String>> {
        Ok(query::alone(&self.server, &self.database, sql, 1, "run a query on the source").await?.first)
    }

    async fn missing_rights(&mut self, _tables: &[TableName]) -> Result<Vec<MissingRight>> {
        rights::of_source(&mut self.session, &self.database).await
    }

    async fn identity(&mut self) -> Result<String> {
        Ok(target::identity(&mut self.session, &self.database).await?.unwrap_or_default())
    }

    async fn introduce(&mut self, owner: &str) -> Result<()> {
        self.server.application = application(owner);
        self.session = self.server.open(Some(&self.database), Purpose::Catalog).await?;
        Ok(())
    }

    async fn end_sessions_of(&mut self, owners: &[String]) -> Result<u32> {
        target::end_sessions_of(&mut self.session, owners).await
    }

    async fn hold(&mut self, tables: &[TableName]) -> Result<Box<dyn Held>> {
        Ok(Box::new(hold::hold(&self.server, &self.database, tables).await?))
    }
}

pub(crate) fn settings() -> String {
    carry::SETTINGS.to_owned()
}
