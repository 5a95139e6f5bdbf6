//! A generation (or pilot) from within. Owns its sessions; the parts of the work have their own modules.

use super::connect::{Purpose, Server, Session};
use super::copy::{self, MyReader, Turns};
use super::error::Doing;
use super::load::MyLoader;
use super::{access, carry, ddl, inspect, own, query, script, sql, triggers};
use crate::carry::{GuardedChange, RowChange, SpelledChange};
use crate::error::{EngineError, Result};
use crate::seam::{
    Applied, CellSource, Generation, Loader, QueryOutcome, RangeDone, RangeSpec, Reader, SchemaPart, SchemaScript, ScriptState,
};
use async_trait::async_trait;
use greenroom_model::carry::Cell;
use greenroom_model::catalog::{Catalog, ForeignKey, Table, TableName};
use greenroom_model::hash::Hash;
use greenroom_model::plan::TableCopy;
use greenroom_model::program::OwnerSettings;
use greenroom_model::upgrade::Statement;

/// Counting an assertion's rows stops here.
const MOST_ROWS: u64 = 1000;

/// A generation from within.
pub(crate) struct MyGeneration {
    pub(crate) server: Server,
    pub(crate) database: String,
    pub(crate) session: Session,
    pub(crate) turns: Turns,
}

impl MyGeneration {
    async fn open(&self, purpose: Purpose) -> Result<Session> {
        self.server.open(Some(&self.database), purpose).await
    }

    /// Executes statements on a table in one transaction, without foreign keys and triggers.
    async fn together(&self, table: &TableName, statements: &[String], doing: String) -> Result<()> {
        let mut session = self.open(Purpose::Load).await?;
        triggers::suspend(&mut session, table).await?;
        let done = session.run(&format!("start transaction; {}; commit", statements.join("; "))).await.doing(doing);
        triggers::restore(&mut session).await?;
        session.close().await;
        done
    }
}

#[async_trait]
impl CellSource for MyGeneration {
    async fn cell_reader(&mut self) -> Result<Box<dyn Reader>> {
        self.reader().await
    }

    async fn picking(&mut self, table: &TableName, keys: &[Vec<(String, Cell)>]) -> Result<String> {
        crate::carry::picking(&carry::MySpell::of(&mut self.session, table).await?, keys)
    }

    async fn spelled(&mut self, changes: &[GuardedChange]) -> Result<Vec<SpelledChange>> {
        carry::spelled(&mut self.session, changes).await
    }
}

#[async_trait]
impl Generation for MyGeneration {
    async fn schema(&mut self, part: SchemaPart, script: &SchemaScript) -> Result<()> {
        let mut session = self.open(Purpose::Catalog).await?;
        triggers::restore(&mut session).await?;
        let done = ddl::apply(&mut session, part, script).await;
        session.close().await;
        done
    }

    async fn loader(&mut self) -> Result<Box<dyn Loader>> {
        Ok(Box::new(MyLoader::new(&self.server, &self.database).await?))
    }

    async fn reader(&mut self) -> Result<Box<dyn Reader>> {
        Ok(Box::new(MyReader::of_copy(self.open(Purpose::Rows).await?, self.turns.clone())))
    }

    async fn ranges_done(&mut self) -> Result<Vec<RangeDone>> {
        own::ranges_done(&mut self.session).await
    }

    async fn forget_range(&mut self, copy: &TableCopy, range: &RangeSpec) -> Result<()> {
        let doing = format!("remove a range of {}", copy.table.name);
        if range.physical {
            return Err(EngineError::unsupported(doing, "this engine has no physical ranges"));
        }
        let condition = copy::range_condition(copy, range)?.unwrap_or_else(|| "true".to_owned());
        let delete = format!("delete t from {} as t where {condition}", sql::ident(&copy.table.name));
        self.together(&copy.table, &[delete, own::forget(copy, Some(range.ordinal))], doing).await
    }

    async fn forget_table(&mut self, copy: &TableCopy) -> Result<()> {
        // Not TRUNCATE: that would commit by itself.
        let delete = format!("delete from {}", sql::ident(&copy.table.name));
        self.together(&copy.table, &[delete, own::forget(copy, None)], format!("remove the rows of {}", copy.table.name)).await
    }

    async fn settle(&mut self, sequences: &[(String, String)]) -> Result<()> {
        let mut session = self.open(Purpose::Catalog).await?;
        for (name, statement) in sequences {
            session.run(statement).await.doing(format!("set sequence {name}"))?;
        }
        for table in inspect::table_names(&mut session).await? {
            session.run(&format!("analyze table {}", sql::ident(&table))).await.doing("gather statistics")?;
        }
        session.close().await;
        Ok(())
    }

    async fn access(&mut self, script: &SchemaScript, owners: &OwnerSettings) -> Result<Vec<(String, String)>> {
        let mut session = self.open(Purpose::Catalog).await?;
        let lost = access::apply(&mut session, &script.access, owners).await;
        session.close().await;
        lost
    }

    async fn inspect(&mut self) -> Result<Catalog> {
        inspect::catalog(&mut self.session, &self.database).await
    }

    async fn sequences(&mut self) -> Result<Vec<(String, String)>> {
        inspect::sequences(&mut self.session).await
    }

    fn sample_filter(&self, rows: u64, of: u64) -> String {
        format!("rand() * {} < {rows}", of.max(1))
    }

    async fn orphans(&mut self, table: &Table, key: &ForeignKey) -> Result<u64> {
        let doing = format!("look for orphans of {} in {}", key.name, table.name.name);
        let pairs: Vec<(String, String)> =
            key.columns.iter().zip(&key.referenced_columns).map(|(a, b)| (sql::ident(a), sql::ident(b))).collect();
        let joined: Vec<String> = pairs.iter().map(|(a, b)| format!("p.{b} = c.{a}")).collect();
        let present: Vec<String> = pairs.iter().map(|(a, _)| format!("c.{a} is not null")).collect();
        let query = format!(
            "select count(*) from {} c where {} and not exists (select 1 from {} p where {})",
            sql::ident(&table.name.name),
            present.join(" and "),
            sql::ident(&key.references.name),
            joined.join(" and ")
        );
        Ok(self.session.value(&query).await.doing(doing)?.and_then(|n| n.parse().ok()).unwrap_or(0))
    }

    async fn query(&mut self, sql: &str) -> Result<QueryOutcome> {
        query::alone(&self.server, &self.database, sql, MOST_ROWS, "run a query").await
    }

    async fn script_state(&mut self, key: &str) -> Result<ScriptState> {
        Ok(own::script_state(&mut self.session, key).await?.0)
    }

    async fn script(&mut self, key: &str, hash: &Hash, statements: &[Statement], skip: u32) -> Result<Applied> {
        triggers::restore(&mut self.session).await?;
        let mut session = self.open(Purpose::Foreign).await?;
        let applied = script::run(&mut session, &mut self.session, key, hash, statements, skip).await;
        session.close().await;
        applied
    }

    async fn carry(&mut self, key: &str, hash: &Hash, changes: &[RowChange], skip: u32) -> Result<Applied> {
        triggers::restore(&mut self.session).await?;
        let mut session = self.open(Purpose::Load).await?;
        let applied = carry::changes(&mut session, &mut self.session, key, hash, changes, skip).await;
        session.close().await;
        applied
    }

    async fn highest(&mut self, table: &TableName, column: &str, below: Option<i128>) -> Result<Option<i128>> {
        carry::highest(&mut self.session, table, column, below).await
    }

    async fn reserve(&mut self, table: &TableName, column: &str, next: i128) -> Result<bool> {
        carry::reserve(&mut self.session, table, column, next).await
    }

    async fn tidy(&mut self) -> Result<()> {
        triggers::restore(&mut self.session).await?;
        self.session.run(&format!("drop table if exists {}", own::PROGRESS.join(", "))).await.doing("remove the progress records")
    }

    async fn leave(self: Box<Self>) -> Result<()> {
        self.session.close().await;
        Ok(())
    }
}
