//! A generation (or pilot) from within. Owns its sessions; the parts of the work have their own modules.

use super::connect::{Purpose, Server, Session};
use super::copy::{self, PgReader};
use super::error::Doing;
use super::load::PgLoader;
use super::{access, back, capture, carry, ddl, inspect, large, own, query, ranges, script, settle, sql};
use crate::capture::{Capture, Captured};
use crate::carry::{GuardedChange, RowChange, SpelledChange};
use crate::error::{EngineError, Result};
use crate::seam::{
    Admission, Applied, CellSource, Generation, Loader, QueryOutcome, RangeDone, RangeSpec, Reader, SchemaPart, SchemaScript, ScriptState,
    Tried,
};
use async_trait::async_trait;
use greenroom_model::carry::Cell;
use greenroom_model::catalog::{Catalog, ForeignKey, Table, TableName};
use greenroom_model::hash::Hash;
use greenroom_model::plan::TableCopy;
use greenroom_model::program::OwnerSettings;
use greenroom_model::upgrade::Statement;

/// Sessions that build indexes and check keys side by side.
const BUILDERS: usize = 2;

/// Counting an assertion's rows stops here.
const MOST_ROWS: u64 = 1000;

/// A generation from within.
pub(crate) struct PgGeneration {
    pub(crate) server: Server,
    pub(crate) database: String,
    pub(crate) session: Session,
    /// It is, or was, production: our records are made when they are needed.
    pub(crate) former: bool,
}

impl PgGeneration {
    async fn with_records(&self) -> Result<()> {
        if self.former {
            self.session.client.batch_execute(own::CREATE).await.doing("create the progress records")?;
        }
        Ok(())
    }

    async fn open(&self, purpose: Purpose) -> Result<Session> {
        self.server.open(&self.database, purpose).await
    }

    /// Removes rows and their records together, as a loader of its own kind: no trigger fires, no foreign key takes children along (P7).
    async fn remove(&self, copy: &TableCopy, condition: &str, records: &str, doing: &str) -> Result<()> {
        let loader = PgLoader::new(self.open(Purpose::Rows).await?).await?;
        loader.remove(copy, condition, records).await.doing(doing)
    }
}

/// Rows of a table whose foreign key points nowhere.
pub(super) async fn orphans(session: &Session, table: &Table, key: &ForeignKey) -> Result<u64> {
    let doing = format!("look for orphans of {} in {}", key.name, table.name);
    let pairs: Vec<(String, String)> =
        key.columns.iter().zip(&key.referenced_columns).map(|(a, b)| (sql::ident(a), sql::ident(b))).collect();
    let joined: Vec<String> = pairs.iter().map(|(a, b)| format!("p.{b} = c.{a}")).collect();
    let present: Vec<String> = pairs.iter().map(|(a, _)| format!("c.{a} is not null")).collect();
    let query = format!(
        "select count(*) from {} c where {} and not exists (select 1 from {} p where {})",
        sql::qualified(&table.name),
        present.join(" and "),
        sql::qualified(&key.references),
        joined.join(" and ")
    );
    let row = session.client.query_one(&query, &[]).await.doing(doing)?;
    Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or(0))
}

#[async_trait]
impl CellSource for PgGeneration {
    async fn cell_reader(&mut self) -> Result<Box<dyn Reader>> {
        Ok(Box::new(PgReader::of_text(self.open(Purpose::Rows).await?, None)))
    }

    async fn picking(&mut self, table: &TableName, keys: &[Vec<(String, Cell)>]) -> Result<String> {
        crate::carry::picking(&carry::PgSpell(table.clone()), keys)
    }

    async fn spelled(&mut self, changes: &[GuardedChange]) -> Result<Vec<SpelledChange>> {
        carry::spelled(changes)
    }
}

#[async_trait]
impl Generation for PgGeneration {
    async fn schema(&mut self, part: SchemaPart, script: &SchemaScript) -> Result<()> {
        let wanted = if part == SchemaPart::Pre { 1 } else { BUILDERS };
        let mut sessions = Vec::with_capacity(wanted);
        for _ in 0..wanted {
            sessions.push(self.open(Purpose::Catalog).await?);
        }
        ddl::apply(&sessions, part, script).await?;
        for session in sessions {
            session.close().await;
        }
        Ok(())
    }

    async fn loader(&mut self) -> Result<Box<dyn Loader>> {
        Ok(Box::new(PgLoader::new(self.open(Purpose::Rows).await?).await?))
    }

    async fn reader(&mut self) -> Result<Box<dyn Reader>> {
        Ok(Box::new(PgReader::new(self.open(Purpose::Rows).await?, None)))
    }

    async fn ranges(&mut self, copy: &TableCopy, rows: u64) -> Result<Vec<RangeSpec>> {
        // By position, which reads in the order of the disk; the key is for ranges that must be found again elsewhere.
        ranges::cut(&self.session, &TableCopy { range_key: None, ..copy.clone() }, rows).await
    }

    async fn ranges_done(&mut self) -> Result<Vec<RangeDone>> {
        own::ranges_done(&self.session).await
    }

    async fn forget_range(&mut self, copy: &TableCopy, range: &RangeSpec) -> Result<()> {
        let doing = format!("remove a range of {}", copy.table);
        if range.physical {
            return Err(EngineError::unsupported(
                doing,
                "a physical range cannot be found again on the copy; remove the whole table's rows",
            ));
        }
        let condition = copy::range_condition(copy, range)?.unwrap_or_else(|| "true".to_owned());
        self.remove(copy, &condition, &own::forget(copy, Some(range.ordinal)), &doing).await
    }

    async fn forget_table(&mut self, copy: &TableCopy) -> Result<()> {
        self.remove(copy, "true", &own::forget(copy, None), &format!("remove the rows of {}", copy.table)).await
    }

    async fn put_large_object(&mut self, id: u32, offset: u64, data: &[u8]) -> Result<()> {
        large::put(&self.session, id, offset, data).await
    }

    async fn settle(&mut self, sequences: &[(String, String)]) -> Result<()> {
        let session = self.open(Purpose::Foreign).await?;
        settle::settle(&self.session, &session, sequences).await?;
        session.close().await;
        Ok(())
    }

    async fn derive(&mut self) -> Result<()> {
        let session = self.open(Purpose::Foreign).await?;
        settle::derive(&self.session, &session).await?;
        session.close().await;
        Ok(())
    }

    async fn access(&mut self, script: &SchemaScript, owners: &OwnerSettings) -> Result<Vec<(String, String)>> {
        let session = self.open(Purpose::Catalog).await?;
        let lost = access::apply(&session, &script.access, owners).await;
        session.close().await;
        lost
    }

    async fn let_work(&mut self, admission: &Admission) -> Result<()> {
        access::let_work(&self.session, admission).await
    }

    async fn inspect(&mut self) -> Result<Catalog> {
        inspect::catalog(&self.session).await
    }

    async fn sequences(&mut self) -> Result<Vec<(String, String)>> {
        inspect::sequences(&self.session).await
    }

    fn sample_filter(&self, rows: u64, of: u64) -> String {
        format!("random() * {} < {rows}", of.max(1))
    }

    async fn orphans(&mut self, table: &Table, key: &ForeignKey) -> Result<u64> {
        orphans(&self.session, table, key).await
    }

    async fn query(&mut self, sql: &str) -> Result<QueryOutcome> {
        let session = self.open(Purpose::Foreign).await?;
        let outcome = query::alone(&session, sql, MOST_ROWS, "run a query").await;
        session.close().await;
        outcome
    }

    async fn script_state(&mut self, key: &str) -> Result<ScriptState> {
        own::script_state(&self.session, key).await
    }

    async fn script(&mut self, key: &str, hash: &Hash, statements: &[Statement], skip: u32) -> Result<Applied> {
        self.with_records().await?;
        let session = self.open(Purpose::Foreign).await?;
        let applied = script::run(&session, key, hash, statements, skip, false).await;
        session.close().await;
        applied
    }

    async fn script_apart(&mut self, key: &str, hash: &Hash, statements: &[Statement], skip: u32) -> Result<Applied> {
        let session = self.open(Purpose::Foreign).await?;
        let applied = script::run(&session, key, hash, statements, skip, true).await;
        session.close().await;
        applied
    }

    async fn carry(&mut self, key: &str, hash: &Hash, changes: &[RowChange], skip: u32) -> Result<Applied> {
        self.with_records().await?;
        // One transaction: nothing is ever half done.
        let _ = skip;
        // Names of objects in values are read as they were written: under the database's own search path.
        let session = self.open(Purpose::Rows).await?;
        let applied = carry::changes(&session, key, hash, changes).await;
        session.close().await;
        applied
    }

    async fn brings_freely(&mut self) -> Result<bool> {
        carry::brings_freely(&self.session).await
    }

    async fn bring(&mut self, key: &str, hash: &Hash, changes: &[RowChange]) -> Result<Applied> {
        self.with_records().await?;
        carry::bring(&self.session, key, hash, changes).await
    }

    async fn large_object_digests(&mut self) -> Result<Vec<(u32, String)>> {
        large::digests(&self.session).await
    }

    async fn large_object_piece(&mut self, id: u32, offset: u64, most: u32) -> Result<Vec<u8>> {
        large::piece(&self.session, id, offset, most).await
    }

    async fn large_object_rights(&mut self, id: u32) -> Result<Vec<String>> {
        large::rights(&self.session, id).await
    }

    async fn take_large_object(&mut self, id: u32, from: &mut dyn Generation) -> Result<()> {
        large::take(&self.session, id, from).await
    }

    async fn remove_large_object(&mut self, id: u32) -> Result<()> {
        large::remove(&self.session, id).await
    }

    async fn try_bring(&mut self, changes: &[RowChange], keys: &[(Table, ForeignKey)]) -> Result<Option<Tried>> {
        back::try_bring(&self.session, changes, keys).await.map(Some)
    }

    async fn query_reader(&mut self, select: &str) -> Result<Box<dyn Reader>> {
        Ok(Box::new(back::QueryReader::new(self.open(Purpose::Rows).await?, select).await?))
    }

    async fn next_number(&mut self, table: &TableName, column: &str) -> Result<Option<i128>> {
        back::next_number(&self.session, table, column).await
    }

    async fn advance(&mut self, positions: &[(String, String)]) -> Result<Vec<String>> {
        let mut failed = Vec::new();
        for (name, sql) in positions {
            match self.session.client.batch_execute(sql).await {
                Ok(()) => {}
                Err(e) if self.session.client.is_closed() => return Err(super::error::mapped(&e, format!("set sequence {name}"))),
                // Out of its bounds, for one.
                Err(_) => failed.push(name.clone()),
            }
        }
        Ok(failed)
    }

    async fn highest(&mut self, table: &TableName, column: &str, below: Option<i128>) -> Result<Option<i128>> {
        carry::highest(&self.session, table, column, below).await
    }

    async fn reserve(&mut self, table: &TableName, column: &str, next: i128) -> Result<bool> {
        carry::reserve(&self.session, table, column, next).await
    }

    async fn capture(&mut self, tables: &[Capture]) -> Result<()> {
        capture::capture(&self.session, tables).await
    }

    async fn captured(&mut self) -> Result<Vec<Captured>> {
        capture::captured(&self.session).await
    }

    async fn end_capture(&mut self) -> Result<()> {
        capture::end(&self.session).await
    }

    async fn tidy(&mut self) -> Result<()> {
        self.session.client.batch_execute("drop schema if exists greenroom cascade").await.doing("remove the progress records")
    }

    async fn leave(self: Box<Self>) -> Result<()> {
        self.session.close().await;
        Ok(())
    }
}
