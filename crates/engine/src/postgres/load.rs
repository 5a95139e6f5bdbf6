//! Loading rows into a generation: COPY in, with the range's record in the same transaction. Owns our progress table's rows; does not own
//! its schema (`own`).

use super::connect::Session;
use super::copy::names;
use super::encoding::{Format, binary};
use super::error::Doing;
use super::{sql, types};
use crate::batch::MaskedBatch;
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Loader, RangeDone, RangeSpec};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::SinkExt;
use greenroom_model::plan::TableCopy;
use std::pin::Pin;
use tokio_postgres::CopyInSink;

/// Loads ranges on a session of its own.
pub(crate) struct PgLoader {
    session: Session,
    sink: Option<(Pin<Box<CopyInSink<Bytes>>>, Format)>,
    /// Whether triggers and foreign keys are switched off for this session.
    replica: bool,
}

impl PgLoader {
    /// Readies a session. Replica mode needs a right that a plain owner does not have; without it, tables with triggers are refused when
    /// their turn comes (there are none before the post-data part of the schema).
    pub(crate) async fn new(session: Session) -> Result<PgLoader> {
        let replica = session.client.batch_execute("set session_replication_role = replica").await.is_ok();
        // A range's rows and its record are in the same write-ahead log: a crash of the server loses both or neither.
        session.client.batch_execute("set synchronous_commit = off").await.doing("prepare a loader")?;
        Ok(PgLoader { session, sink: None, replica })
    }

    async fn refuse_live_triggers(&self, copy: &TableCopy, oid: u32) -> Result<()> {
        if self.replica {
            return Ok(());
        }
        let doing = format!("load rows into {}", copy.table);
        let row = self
            .session
            .client
            .query_one("select count(*) from pg_catalog.pg_trigger where tgrelid = $1 and tgenabled <> 'D'", &[&oid])
            .await
            .doing(doing.clone())?;
        if row.get::<_, i64>(0) == 0 {
            return Ok(());
        }
        Err(EngineError::new(ErrorKind::Denied, doing, "the table has triggers or foreign keys that would fire")
            .hint(format!("grant set on parameter session_replication_role to {}", sql::ident(&self.session.login))))
    }
}

impl PgLoader {
    /// Removes the rows (as `t`) for which a condition holds, and executes `records` with it. Not TRUNCATE: that refuses tables which foreign
    /// keys point to.
    pub(crate) async fn remove(self, copy: &TableCopy, condition: &str, records: &str) -> Result<()> {
        let doing = "remove rows";
        let (oid, _) = types::of_table(&self.session, &copy.table).await?;
        self.refuse_live_triggers(copy, oid).await?;
        let statement = format!("begin; delete from only {} as t where {condition}; {records}; commit", sql::qualified(&copy.table));
        self.session.client.batch_execute(&statement).await.doing(doing)?;
        self.session.close().await;
        Ok(())
    }
}

#[async_trait]
impl Loader for PgLoader {
    async fn begin(&mut self, copy: &TableCopy, _range: &RangeSpec) -> Result<()> {
        let doing = || format!("load rows into {}", copy.table);
        if self.sink.is_some() {
            return Err(EngineError::other(doing(), "a range is being loaded already"));
        }
        let layout = types::layout(&self.session, &copy.table, &names(copy), 0).await?;
        self.refuse_live_triggers(copy, layout.oid).await?;
        self.session.client.batch_execute("begin").await.doing(doing())?;
        let statement = format!(
            "copy {} {} from stdin (format {})",
            sql::qualified(&copy.table),
            types::column_list(&layout.columns),
            layout.encoding.format.option()
        );
        let mut sink = Box::pin(self.session.client.copy_in::<_, Bytes>(&statement).await.doing(doing())?);
        let format = layout.encoding.format;
        if format == Format::Binary {
            sink.feed(Bytes::from_static(binary::HEADER)).await.doing(doing())?;
        }
        self.sink = Some((sink, format));
        Ok(())
    }

    async fn push(&mut self, batch: MaskedBatch) -> Result<()> {
        let Some((sink, _)) = &mut self.sink else { return Err(EngineError::other("load rows", "no range was begun")) };
        sink.send(batch.data().clone()).await.doing("load rows")
    }

    async fn commit(&mut self, done: &RangeDone) -> Result<()> {
        let doing = || format!("load rows into {}", done.table);
        let Some((mut sink, format)) = self.sink.take() else { return Err(EngineError::other(doing(), "no range was begun")) };
        if format == Format::Binary {
            sink.feed(Bytes::from_static(binary::TRAILER)).await.doing(doing())?;
        }
        let finished = sink.as_mut().finish().await.doing(doing());
        let rows = match finished {
            Ok(rows) => rows,
            Err(e) => {
                let _ = self.session.client.batch_execute("rollback").await;
                return Err(e);
            }
        };
        if rows != done.digest.rows {
            self.session.client.batch_execute("rollback").await.doing(doing())?;
            return Err(EngineError::new(
                ErrorKind::Data,
                doing(),
                format!("the server counted {rows} rows where {} were sent", done.digest.rows),
            ));
        }
        let ordinal = i64::from(done.range.ordinal);
        let range = serde_json::to_string(&done.range).expect("a range serialises to JSON");
        let sum = format!("{:032x}", done.digest.sum);
        let (rows, bytes) = (i64::try_from(rows).unwrap_or(i64::MAX), i64::try_from(done.bytes).unwrap_or(i64::MAX));
        let recorded = self
            .session
            .client
            .execute(
                "insert into greenroom.range_done (table_schema, table_name, ordinal, range, rows, sum, bytes) \
                 values ($1, $2, $3, $4, $5, $6, $7)",
                &[&done.table.schema, &done.table.name, &ordinal, &range, &rows, &sum, &bytes],
            )
            .await;
        if let Err(e) = recorded {
            let _ = self.session.client.batch_execute("rollback").await;
            let mut e = super::error::mapped(&e, format!("record a range of {} as done", done.table));
            if e.native_code.as_deref() == Some("23505") {
                e.kind = ErrorKind::Conflict;
                e.message = format!("range {ordinal} is loaded already");
            }
            return Err(e);
        }
        self.session.client.batch_execute("commit").await.doing(doing())
    }

    async fn discard(&mut self) -> Result<()> {
        // Dropping the sink makes the driver tell the server that the copy failed.
        self.sink = None;
        self.session.client.batch_execute("rollback").await.doing("give up a range")
    }
}
