//! The contract's scratch databases on a server of MariaDB or MySQL, and another application's hands on them. Their words are in `dialect`.
//!
//! Scratch is known by a table of ours inside it, made right after the database; names carry the test's nonce but prove nothing.

use super::connect::{Purpose, Server, Session, Variety, said};
use super::dialect::{MARIADB, MYSQL};
use super::error::{Doing, code};
use super::{MySource, names, own, sql, target};
use crate::contract::{Dialect, Ground};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Source, Target};
use async_trait::async_trait;
use greenroom_model::catalog::EngineKind;

/// Scratch databases with one nonce.
pub(crate) struct MyGround {
    server: Server,
    nonce: String,
    variety: Variety,
}

impl MyGround {
    /// On a server that answers.
    pub fn new(server: Server, nonce: &str, variety: Variety) -> MyGround {
        MyGround { server, nonce: nonce.to_owned(), variety }
    }

    fn prefix(&self) -> String {
        format!("greenroom_test_{}_", self.nonce)
    }

    async fn outside(&self) -> Result<Session> {
        self.server.open(None, Purpose::Catalog).await
    }
}

#[async_trait]
impl Ground for MyGround {
    fn engine(&self) -> EngineKind {
        EngineKind::Mysql
    }

    fn nonce(&self) -> &str {
        &self.nonce
    }

    fn dialect(&self) -> &'static Dialect {
        match self.variety {
            Variety::MariaDb => &MARIADB,
            Variety::MySql => &MYSQL,
        }
    }

    fn footprint(&self) -> String {
        format!(
            "creates databases named `{}…` on {}, and the registry of pilots `greenroom` unless it is there; works in them only, grants and \
             revokes rights on them to an account of the server's own, and drops each when its test has ended",
            self.prefix(),
            self.server.shown()
        )
    }

    fn name(&self, hint: &str) -> String {
        format!("{}{hint}", self.prefix())
    }

    async fn found(&self, name: &str) -> Result<()> {
        let doing = format!("make the scratch database `{name}`");
        let mut session = self.outside().await?;
        let database = sql::ident(name);
        session.run(&format!("create database {database} character set utf8mb4")).await.doing(doing.clone())?;
        let mark = format!("create table {database}.{} (nonce varchar(64) not null primary key)", own::SCRATCH);
        session.run(&mark).await.doing(doing.clone())?;
        let mark = format!("insert into {database}.{} values ({})", own::SCRATCH, sql::literal(&self.nonce));
        session.run(&mark).await.doing(doing)?;
        session.close().await;
        Ok(())
    }

    async fn run(&self, name: &str, statements: &[String]) -> Result<()> {
        let mut session = self.server.open(Some(name), Purpose::Foreign).await?;
        let doing = "write as another application";
        session.run("set session sql_mode = 'STRICT_ALL_TABLES,ALLOW_INVALID_DATES', session time_zone = '+00:00'").await.doing(doing)?;
        for statement in statements {
            session.run(statement).await.doing(doing)?;
        }
        session.close().await;
        Ok(())
    }

    async fn source(&self, name: &str) -> Result<Box<dyn Source>> {
        let session = self.server.open(Some(name), Purpose::Catalog).await?;
        Ok(Box::new(MySource { server: self.server.clone(), database: name.to_owned(), session }))
    }

    async fn target(&self) -> Result<Box<dyn Target>> {
        Ok(Box::new(target::MyTarget { server: self.server.clone(), session: self.outside().await? }))
    }

    async fn raze(&self, name: &str) -> Result<()> {
        let doing = format!("drop the scratch database `{name}`");
        let mut session = self.outside().await?;
        if !names::exists(&mut session, name).await? {
            return Ok(());
        }
        let mark = session.value(&format!("select nonce from {}.{}", sql::ident(name), own::SCRATCH)).await;
        let ours = match mark {
            Ok(nonce) => nonce.as_deref() == Some(&self.nonce),
            Err(e) if code(&e) == Some(1146) => false,
            Err(e) => return Err(e).doing(doing),
        };
        if !ours {
            return Err(EngineError::new(ErrorKind::Conflict, doing, "it does not bear this test's mark")
                .hint("look whose it is; its name says that this test meant to create it"));
        }
        super::swap::end_sessions(&mut session, &[name]).await?;
        session.run(&format!("drop database {}", sql::ident(name))).await.doing(doing)?;
        session.close().await;
        Ok(())
    }

    async fn standing(&self) -> Result<Vec<String>> {
        let mut session = self.outside().await?;
        let query = format!(
            "select schema_name from information_schema.schemata where left(schema_name, {}) = {} order by 1",
            self.prefix().len(),
            sql::literal(&self.prefix())
        );
        let rows = session.rows(&query).await.doing("look for scratch databases")?;
        session.close().await;
        Ok(rows.iter().map(|row| said(row, 0)).collect())
    }

    async fn close(&self) -> Result<()> {
        let mut session = self.outside().await?;
        names::remove_empty(&mut session).await?;
        session.close().await;
        Ok(())
    }
}
