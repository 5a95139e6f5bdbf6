//! MariaDB and MySQL: rows travel as the lines of `LOAD DATA`, the schema as `SHOW CREATE` tells it, generations are databases.
//!
//! | file | owns |
//! |---|---|
//! | `connect` | sessions, their settings and protection |
//! | `inspect` | the catalog: tables, objects, what reaches outside |
//! | `hold`, `ranges`, `copy` | the snapshot, its locks, cutting, reading |
//! | `encoding`, `escape`, `charset`, `types` | row encoding and how each type travels |
//! | `load`, `triggers`, `own` | loading with progress, silent triggers, our own tables inside generations |
//! | `query` | queries that people and programs wrote |
//! | `ddl`, `access` | the schema's statements and definers, made harmless |
//! | `target`, `names`, `swap` | databases from outside, and which of them is called the pilot |
//! | `fence`, `apart`, `grants` | shutting people out of production, for good where it stays beside the new one, and the rights that they have in it |
//! | `generation`, `script` | work inside a generation |
//! | `restore` | dumps as raw copies |
//! | `ground`, `dialect` | scratch databases and words for the contract's tests |

mod access;
mod apart;
mod carry;
mod charset;
mod connect;
mod copy;
mod ddl;
mod dialect;
mod encoding;
mod error;
mod escape;
mod fence;
mod generation;
mod grants;
mod ground;
mod hold;
mod inspect;
mod load;
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
mod triggers;
mod types;

use crate::error::{EngineError, ErrorKind, Result};
use crate::fence::Fence;
use crate::seam::{Capabilities, Held, MissingRight, Source, Target};
use crate::secret::Secrets;
use async_trait::async_trait;
use connect::{Purpose, Server, Session, Variety, text};
use error::Doing;
use greenroom_model::catalog::{Catalog, Table, TableName};
use greenroom_model::program::Address;
use std::path::Path;

/// Connects to a database as a source.
///
/// # Errors
/// When it cannot be reached, the login is refused, or the server is older than MariaDB 10.6 or MySQL 8.0.
pub async fn source(address: &Address, secrets: &dyn Secrets, base: &Path) -> Result<Box<dyn Source>> {
    let server = Server::resolve(address, secrets, base)?;
    let Some(database) = server.database.clone() else {
        return Err(EngineError::new(ErrorKind::Statement, "connect", "the address names no database")
            .hint("add `database = \"…\"` to the source in greenroom.toml"));
    };
    let session = server.open(Some(&database), Purpose::Catalog).await?;
    Ok(Box::new(MySource { server, database, session }))
}

/// Connects to a production database, to fence it; `ours` are logins of ours besides the address's.
///
/// # Errors
/// As [`source`]; and on MySQL.
pub(crate) async fn production(address: &Address, ours: &[String], secrets: &dyn Secrets, base: &Path) -> Result<Box<dyn Fence>> {
    let server = Server::resolve(address, secrets, base)?;
    let database = server.database.clone().unwrap_or_default();
    let session = server.open(Some(&database), Purpose::Catalog).await?;
    Ok(Box::new(fence::MyFence::open(server, database, session, ours.to_vec()).await?))
}

/// Connects to a server as a target.
///
/// # Errors
/// As [`source`].
pub async fn target(address: &Address, secrets: &dyn Secrets, base: &Path) -> Result<Box<dyn Target>> {
    let server = Server::resolve(address, secrets, base)?;
    let session = server.open(None, Purpose::Catalog).await?;
    Ok(Box::new(target::MyTarget { server, session }))
}

/// Scratch databases for a contract test on the address's server.
///
/// # Errors
/// As [`source`].
pub(crate) async fn ground(address: &Address, secrets: &dyn Secrets, base: &Path, nonce: &str) -> Result<ground::MyGround> {
    let server = Server::resolve(address, secrets, base)?;
    let session = server.open(None, Purpose::Catalog).await?;
    let variety = session.variety;
    session.close().await;
    Ok(ground::MyGround::new(server, nonce, variety))
}

/// What these servers can do.
fn capabilities(variety: Variety) -> Capabilities {
    Capabilities {
        transactional_ddl: false,
        rename_database: false,
        shared_snapshot: true,
        max_readers: hold::MOST_READERS,
        // The registry's rows change in one transaction.
        atomic_swap: true,
        // MySQL is not fenced yet.
        takes_production: variety == Variety::MariaDb,
        grants_let_in: true,
        progress_with_rows: true,
        physical_ranges: false,
        tools: Vec::new(),
    }
}

struct MySource {
    server: Server,
    database: String,
    session: Session,
}

#[async_trait]
impl Source for MySource {
    async fn capabilities(&mut self) -> Result<Capabilities> {
        Ok(capabilities(self.session.variety))
    }

    async fn inspect(&mut self) -> Result<Catalog> {
        inspect::catalog(&mut self.session, &self.database).await
    }

    async fn sample(&mut self, table: &Table, rows: u32) -> Result<Vec<Vec<Option<String>>>> {
        let doing = || format!("read a sample of {}", table.name.name);
        let columns: Vec<String> = table.columns.iter().map(|c| sql::ident(&c.name)).collect();
        let query = format!("select {} from {} limit {rows}", columns.join(", "), sql::ident(&table.name.name));
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
        Ok(format!("{}/{}", target::server_id(&mut self.session).await?, self.database))
    }

    async fn hold(&mut self, tables: &[TableName]) -> Result<Box<dyn Held>> {
        Ok(Box::new(hold::hold(&self.server, &self.database, tables).await?))
    }
}

pub(crate) fn settings() -> String {
    carry::settings()
}
