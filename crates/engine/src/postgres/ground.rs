//! The contract's scratch databases on a PostgreSQL server, and another application's hands on them. Its words are in `dialect`.
//!
//! Scratch is known by its comment, written right after `CREATE DATABASE`; names carry the test's nonce but prove nothing.

use super::connect::{Purpose, Server, Session};
use super::dialect::DIALECT;
use super::error::Doing;
use super::{PgSource, sql, target};
use crate::contract::{Dialect, Ground};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Source, Target};
use async_trait::async_trait;
use greenroom_model::catalog::EngineKind;

/// Scratch databases with one nonce.
pub(crate) struct PgGround {
    server: Server,
    nonce: String,
}

impl PgGround {
    /// On a server that answers.
    pub fn new(server: Server, nonce: &str) -> PgGround {
        PgGround { server, nonce: nonce.to_owned() }
    }

    fn mark(&self) -> String {
        format!("greenroom engine-test scratch {}", self.nonce)
    }

    fn prefix(&self) -> String {
        format!("greenroom_test_{}_", self.nonce)
    }

    async fn maintenance(&self) -> Result<Session> {
        self.server.open(&self.server.database, Purpose::Catalog).await
    }
}

#[async_trait]
impl Ground for PgGround {
    fn engine(&self) -> EngineKind {
        EngineKind::Postgres
    }

    fn nonce(&self) -> &str {
        &self.nonce
    }

    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn footprint(&self) -> String {
        format!(
            "creates databases named `{}…` on {}, works in them only, and drops each when its test has ended; roles and other databases are \
             not touched",
            self.prefix(),
            self.server.shown()
        )
    }

    fn name(&self, hint: &str) -> String {
        format!("{}{hint}", self.prefix())
    }

    async fn found(&self, name: &str) -> Result<()> {
        let doing = format!("make the scratch database `{name}`");
        let session = self.maintenance().await?;
        let database = sql::ident(name);
        session.client.batch_execute(&format!("create database {database} template template0")).await.doing(doing.clone())?;
        session.client.batch_execute(&format!("comment on database {database} is {}", sql::literal(&self.mark()))).await.doing(doing)?;
        session.close().await;
        Ok(())
    }

    async fn run(&self, name: &str, statements: &[String]) -> Result<()> {
        let session = self.server.open(name, Purpose::Foreign).await?;
        for statement in statements {
            session.client.batch_execute(statement).await.doing("write as another application")?;
        }
        session.close().await;
        Ok(())
    }

    async fn source(&self, name: &str) -> Result<Box<dyn Source>> {
        let server = Server { database: name.to_owned(), ..self.server.clone() };
        let session = server.open(name, Purpose::Catalog).await?;
        Ok(Box::new(PgSource { server, session }))
    }

    async fn target(&self) -> Result<Box<dyn Target>> {
        Ok(Box::new(target::PgTarget { server: self.server.clone(), session: self.maintenance().await? }))
    }

    async fn raze(&self, name: &str) -> Result<()> {
        let doing = format!("drop the scratch database `{name}`");
        let session = self.maintenance().await?;
        let query = "select pg_catalog.shobj_description(oid, 'pg_database') from pg_catalog.pg_database where datname = $1::text";
        let Some(row) = session.client.query_opt(query, &[&name]).await.doing(doing.clone())? else { return Ok(()) };
        if row.get::<_, Option<String>>(0) != Some(self.mark()) {
            return Err(EngineError::new(ErrorKind::Conflict, doing, "it does not bear this test's mark")
                .hint("look whose it is; its name says that this test meant to create it"));
        }
        super::swap::end_sessions(&session, &[name]).await?;
        let force = if session.version >= 130_000 { " with (force)" } else { "" };
        session.client.batch_execute(&format!("drop database {}{force}", sql::ident(name))).await.doing(doing)?;
        session.close().await;
        Ok(())
    }

    async fn standing(&self) -> Result<Vec<String>> {
        let session = self.maintenance().await?;
        let query = "select datname::text from pg_catalog.pg_database where pg_catalog.starts_with(datname::text, $1::text) order by 1";
        let rows = session.client.query(query, &[&self.prefix()]).await.doing("look for scratch databases")?;
        session.close().await;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}
