//! PostgreSQL: rows travel as COPY encodes them, the schema as pg_dump tells it, generations are databases.
//!
//! | file | owns |
//! |---|---|
//! | `connect`, `tls` | sessions, their settings and protection |
//! | `inspect` | the catalog: tables, objects, what reaches outside |
//! | `hold`, `ranges`, `copy` | the snapshot, its locks, cutting, reading |
//! | `query` | queries that people and programs wrote |
//! | `encoding`, `types` | row encodings and which type takes which |
//! | `load`, `own` | loading with progress, our own schema inside generations |
//! | `ddl`, `split`, `tool` | pg_dump, pg_restore and executing what they print |
//! | `target`, `marker`, `swap` | databases from outside |
//! | `fence` | shutting people out of production |
//! | `takeover` | sessions of dead processes |
//! | `generation`, `script`, `settle`, `large`, `access` | work inside a generation |
//! | `ground`, `dialect` | scratch databases and words for the contract's tests |

mod access;
mod back;
mod capture;
mod carry;
mod connect;
mod copy;
mod ddl;
mod dialect;
mod dump;
mod encoding;
mod error;
mod fence;
mod generation;
mod ground;
mod hold;
mod inspect;
mod large;
mod load;
mod marker;
mod own;
mod query;
mod ranges;
mod restore;
mod rights;
mod script;
mod settle;
mod split;
mod sql;
mod swap;
mod takeover;
mod target;
mod tls;
mod tool;
mod types;
mod whole;

use crate::error::Result;
use crate::fence::Fence;
use crate::seam::{Capabilities, Held, MissingRight, Source, Target};
use crate::secret::Secrets;
use async_trait::async_trait;
use connect::{Purpose, Server, Session};
use error::Doing;
use greenroom_model::catalog::{Catalog, Table, TableName};
use greenroom_model::program::Address;
use std::path::Path;
use tokio_postgres::SimpleQueryMessage;

/// Connects to a database as a source.
///
/// # Errors
/// When it cannot be reached or the login is refused.
pub async fn source(address: &Address, secrets: &dyn Secrets, base: &Path) -> Result<Box<dyn Source>> {
    let server = Server::resolve(address, secrets, base, None)?;
    let session = server.open(&server.database, Purpose::Catalog).await?;
    Ok(Box::new(PgSource { server, session }))
}

/// Connects to a production database, to fence it; `spared` are logins of ours besides the address's, which stay in.
///
/// # Errors
/// As [`source`].
pub(crate) async fn production(address: &Address, spared: &[String], secrets: &dyn Secrets, base: &Path) -> Result<Box<dyn Fence>> {
    let mut server = Server::resolve(address, secrets, base, None)?;
    server.application = connect::application("fence");
    let session = server.open(&server.database, Purpose::Catalog).await?;
    let mut ours = vec![session.login.clone()];
    ours.extend(spared.iter().filter(|login| **login != session.login).cloned());
    Ok(Box::new(fence::PgFence { server, session, ours }))
}

/// Connects to a server as a target.
///
/// # Errors
/// As [`source`].
pub async fn target(address: &Address, secrets: &dyn Secrets, base: &Path) -> Result<Box<dyn Target>> {
    let server = Server::resolve(address, secrets, base, Some("postgres"))?;
    let session = server.open(&server.database, Purpose::Catalog).await?;
    Ok(Box::new(target::PgTarget { server, session }))
}

/// Scratch databases for a contract test on the address's server.
///
/// # Errors
/// As [`source`].
pub(crate) async fn ground(address: &Address, secrets: &dyn Secrets, base: &Path, nonce: &str) -> Result<ground::PgGround> {
    let server = Server::resolve(address, secrets, base, Some("postgres"))?;
    server.open(&server.database, Purpose::Catalog).await?.close().await;
    Ok(ground::PgGround::new(server, nonce))
}

/// Most readers that a source is asked to bear.
const MOST_READERS: u32 = 4;

async fn capabilities(session: &Session, tools: bool) -> Result<Capabilities> {
    let tools = if tools {
        let tool = tool::find(session.version / 10_000).await?;
        vec![format!("pg_dump {}", tool.version), format!("pg_restore {}", tool.version)]
    } else {
        Vec::new()
    };
    Ok(Capabilities {
        transactional_ddl: true,
        rename_database: true,
        shared_snapshot: true,
        max_readers: MOST_READERS,
        atomic_swap: true,
        takes_production: true,
        grants_let_in: false,
        progress_with_rows: true,
        // TID range scans exist since version 14; before, each range would read the whole table.
        physical_ranges: session.version >= 140_000,
        tools,
    })
}

struct PgSource {
    server: Server,
    session: Session,
}

#[async_trait]
impl Source for PgSource {
    async fn capabilities(&mut self) -> Result<Capabilities> {
        capabilities(&self.session, true).await
    }

    async fn inspect(&mut self) -> Result<Catalog> {
        inspect::catalog(&self.session).await
    }

    async fn sample(&mut self, table: &Table, rows: u32) -> Result<Vec<Vec<Option<String>>>> {
        let doing = || format!("read a sample of {}", table.name);
        let columns: Vec<String> = table.columns.iter().map(|c| sql::ident(&c.name)).collect();
        // Blocks from all over a large table; small ones from their start.
        let spread = if table.estimated_bytes > 64 << 20 { " tablesample system (1)" } else { "" };
        let query = format!("select {} from only {}{spread} limit {rows}", columns.join(", "), sql::qualified(&table.name));
        let mut sample = Vec::new();
        for message in self.session.client.simple_query(&query).await.doing(doing())? {
            if let SimpleQueryMessage::Row(row) = message {
                sample.push((0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect());
            }
        }
        Ok(sample)
    }

    async fn query_value(&mut self, sql: &str) -> Result<Option<String>> {
        let session = self.server.open(&self.server.database, Purpose::Foreign).await?;
        let outcome = query::alone(&session, sql, 1, "run a query on the source").await;
        session.close().await;
        Ok(outcome?.first)
    }

    async fn missing_rights(&mut self, tables: &[TableName]) -> Result<Vec<MissingRight>> {
        rights::of_source(&self.session, tables).await
    }

    async fn identity(&mut self) -> Result<String> {
        let query = "select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()";
        let row = self.session.client.query_one(query, &[]).await.doing("identify the source")?;
        Ok(format!("{}/{}", target::server_id(&self.server, &self.session).await, row.get::<_, u32>(0)))
    }

    async fn introduce(&mut self, owner: &str) -> Result<()> {
        takeover::introduce(&mut self.server, &self.session, owner).await
    }

    async fn end_sessions_of(&mut self, owners: &[String]) -> Result<u32> {
        takeover::end_sessions_of(&self.session, owners).await
    }

    async fn hold(&mut self, tables: &[TableName]) -> Result<Box<dyn Held>> {
        Ok(Box::new(hold::hold(&self.server, tables).await?))
    }
}

pub(crate) fn settings() -> String {
    carry::SETTINGS.to_owned()
}
