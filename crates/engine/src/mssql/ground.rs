//! The contract's scratch databases on a server that speaks TDS, and another application's hands on them. Their words are in `dialect`.
//!
//! Scratch is known by a table of ours inside it, made right after the database; names carry the test's nonce but prove nothing.

use super::connect::{Purpose, Server, Session, Variety, said};
use super::dialect::{BABELFISH, SOMEBODY, SQL_SERVER};
use super::error::Doing;
use super::{MsSource, names, own, sql, swap, target};
use crate::contract::{Dialect, Ground};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Source, Target};
use async_trait::async_trait;
use greenroom_model::catalog::EngineKind;

/// Scratch databases with one nonce.
pub(crate) struct MsGround {
    server: Server,
    nonce: String,
    variety: Variety,
}

impl MsGround {
    /// On a server that answers; makes the login that is let in.
    pub(crate) async fn new(server: Server, nonce: &str) -> Result<MsGround> {
        let mut session = server.open(None, Purpose::Catalog).await?;
        let variety = session.variety;
        // Nobody ever logs in with it: the server makes up the password and nobody learns it.
        let login = format!(
            "if suser_id(N'{SOMEBODY}') is null begin declare @make nvarchar(400); set @make = concat(N'create login {SOMEBODY} with password = \
             ''aA1!', newid(), N''''); exec(@make) end"
        );
        session.run(&login).await.doing(format!("create the login `{SOMEBODY}`"))?;
        session.close().await;
        Ok(MsGround { server, nonce: nonce.to_owned(), variety })
    }

    fn prefix(&self) -> String {
        format!("greenroom_test_{}_", self.nonce)
    }

    async fn outside(&self) -> Result<Session> {
        self.server.open(None, Purpose::Catalog).await
    }
}

#[async_trait]
impl Ground for MsGround {
    fn engine(&self) -> EngineKind {
        EngineKind::Mssql
    }

    fn nonce(&self) -> &str {
        &self.nonce
    }

    fn dialect(&self) -> &'static Dialect {
        match self.variety {
            Variety::SqlServer | Variety::Azure => &SQL_SERVER,
            Variety::Babelfish => &BABELFISH,
        }
    }

    fn footprint(&self) -> String {
        format!(
            "creates databases named `{}…` and the login `{SOMEBODY}` on {}; works in these databases only, and drops each when its test has ended",
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
        session.run(&format!("create database {}", sql::ident(name))).await.doing(doing.clone())?;
        if self.variety == Variety::SqlServer {
            session.run(&format!("alter database {} set allow_snapshot_isolation on", sql::ident(name))).await.doing(doing.clone())?;
        }
        session.close().await;
        let mut inside = self.server.open(Some(name), Purpose::Catalog).await?;
        for batch in [
            "create schema greenroom".to_owned(),
            format!("create table {} (nonce varchar(64) not null primary key)", own::SCRATCH),
            format!("insert into {} values ({})", own::SCRATCH, sql::literal(&self.nonce)),
        ] {
            inside.run(&batch).await.doing(doing.clone())?;
        }
        inside.close().await;
        Ok(())
    }

    async fn run(&self, name: &str, statements: &[String]) -> Result<()> {
        let mut session = self.server.open(Some(name), Purpose::Foreign).await?;
        for statement in statements {
            session.run(statement).await.doing("write as another application")?;
        }
        session.close().await;
        Ok(())
    }

    async fn source(&self, name: &str) -> Result<Box<dyn Source>> {
        let session = self.server.open(Some(name), Purpose::Catalog).await?;
        Ok(Box::new(MsSource { server: self.server.clone(), database: name.to_owned(), session }))
    }

    async fn target(&self) -> Result<Box<dyn Target>> {
        Ok(Box::new(target::MsTarget { server: self.server.clone(), session: self.outside().await? }))
    }

    async fn raze(&self, name: &str) -> Result<()> {
        let doing = format!("drop the scratch database `{name}`");
        let mut session = self.outside().await?;
        if !names::exists(&mut session, name).await? {
            return Ok(());
        }
        let mut inside = self.server.open(Some(name), Purpose::Catalog).await?;
        let there = inside.value(&format!("select object_id(N'{}')", own::SCRATCH)).await.doing(doing.clone())?.is_some();
        let mark = if there { inside.value(&format!("select nonce from {}", own::SCRATCH)).await.doing(doing.clone())? } else { None };
        inside.close().await;
        if mark.as_deref() != Some(&self.nonce) {
            return Err(EngineError::new(ErrorKind::Conflict, doing, "it does not bear this test's mark")
                .hint("look whose it is; its name says that this test meant to create it"));
        }
        swap::drop_database(&mut session, name).await?;
        session.close().await;
        Ok(())
    }

    async fn standing(&self) -> Result<Vec<String>> {
        let mut session = self.outside().await?;
        let query = format!(
            "select name from sys.databases where left(name, {}) = {} order by 1",
            self.prefix().len(),
            sql::literal(&self.prefix())
        );
        let rows = session.rows(&query).await.doing("look for scratch databases")?;
        session.close().await;
        Ok(rows.iter().map(|row| said(row, 0)).collect())
    }

    async fn close(&self) -> Result<()> {
        let mut session = self.outside().await?;
        names::remove_empty(&self.server, &mut session).await?;
        // Another test on this server may have dropped it already.
        let drop = format!("if suser_id(N'{SOMEBODY}') is not null drop login {SOMEBODY}");
        let dropped = session.run(&drop).await;
        session.close().await;
        dropped.doing(format!("drop the login `{SOMEBODY}`"))
    }
}
