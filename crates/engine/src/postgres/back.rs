//! What carrying back after the go-live needs besides single changes: rows of a query in place of a table's, where a counter stands, and changes that are only tried.

use super::carry::{self, REPLICA, brings_freely};
use super::connect::Session;
use super::copy::Stream;
use super::encoding::field::Codec;
use super::encoding::{Format, PgEncoding};
use super::error::{Doing, mapped};
use super::sql;
use crate::batch::RawBatch;
use crate::carry::RowChange;
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Prepared, RangeSpec, Reader, Tried};
use async_trait::async_trait;
use greenroom_model::catalog::{Family, ForeignKey, Table, TableName};
use greenroom_model::plan::{CopyColumn, TableCopy};

/// Reads the rows of a query over a session that can only read.
pub(crate) struct QueryReader {
    session: Session,
    select: String,
    stream: Option<Stream>,
}

impl QueryReader {
    /// Over a session of its own.
    pub(crate) async fn new(session: Session, select: &str) -> Result<QueryReader> {
        let doing = "read rows by an inverse";
        session.client.batch_execute("set session characteristics as transaction read only").await.doing(doing)?;
        // One statement that returns rows, whatever stands in it: prepared, it is neither two nor one that ends the parenthesis around it.
        session.client.prepare(select).await.doing(doing)?;
        Ok(QueryReader { session, select: select.to_owned(), stream: None })
    }
}

/// An expression as a column of this type stores its value, but that nothing is cut off: what is too long is to be refused when it is carried back, not shortened.
fn stored(column: &CopyColumn, expression: &str) -> String {
    let native = &column.native_type;
    let length = native.strip_prefix("character(").and_then(|n| n.strip_suffix(')')).and_then(|n| n.parse::<u32>().ok());
    match length {
        // Blanks at the end count for nothing, and are there.
        Some(n) => format!(
            "({expression}::pg_catalog.text || pg_catalog.repeat(' ', {n} - pg_catalog.char_length({expression}::pg_catalog.text)))"
        ),
        None if column.family == Family::Text || native.starts_with("bit") => format!("{expression}::pg_catalog.text"),
        None => format!("{expression}::{}", without_length(native)),
    }
}

/// A type of arrays of texts without its elements' greatest length.
fn without_length(native: &str) -> String {
    match native.strip_prefix("character varying(").and_then(|rest| rest.split_once(')')) {
        Some((_, brackets)) => format!("character varying{brackets}"),
        None => native.to_owned(),
    }
}

/// The statement that reads a query's rows.
fn statement(copy: &TableCopy, select: &str) -> String {
    let names: Vec<String> = copy.columns.iter().map(|c| sql::ident(&c.name)).collect();
    let inner: Vec<String> =
        copy.columns.iter().zip(&names).map(|(c, name)| format!("{} as {name}", stored(c, &format!("q.{name}")))).collect();
    let filter = copy.filter.as_ref().map(|f| format!(" where ({f}\n)")).unwrap_or_default();
    let outer: Vec<String> = names.iter().map(|name| format!("t.{name}")).collect();
    // A line break behind what people wrote: it may end in a remark.
    format!(
        "copy (select {} from (select {} from ({select}\n) as q) as t{filter}) to stdout (format text)",
        outer.join(", "),
        inner.join(", ")
    )
}

#[async_trait]
impl Reader for QueryReader {
    async fn prepare(&mut self, copy: &TableCopy) -> Result<Prepared> {
        let width = copy.columns.len();
        let encoding = PgEncoding { format: Format::Text, columns: vec![Codec::Opaque; width], width };
        Ok(Prepared { encoding: Box::new(encoding), constants: vec![Vec::new(); width] })
    }

    async fn begin(&mut self, copy: &TableCopy, _range: &RangeSpec) -> Result<()> {
        self.stream = None;
        // Some functions write even so (large objects before version 16): what they did is given up.
        self.session.client.batch_execute("rollback; begin read only").await.doing("read rows by an inverse")?;
        let rows = self.session.client.copy_out(&statement(copy, &self.select)).await;
        self.stream = Some(Stream::text(rows.doing(format!("read rows of {} by its inverse", copy.table))?, copy.table.to_string()));
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<RawBatch>> {
        let Some(stream) = &mut self.stream else { return Ok(None) };
        let batch = stream.batch().await?;
        if batch.is_none() {
            self.stream = None;
        }
        Ok(batch.map(|data| RawBatch { data }))
    }
}

/// What the sequence gives next that belongs to a column, or that its default asks.
pub(crate) async fn next_number(session: &Session, table: &TableName, column: &str) -> Result<Option<i128>> {
    let doing = || format!("read where the counter of {table}.{column} stands");
    let query = "select n.nspname::text, s.relname::text from pg_catalog.pg_class t join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace \
         join pg_catalog.pg_attribute a on a.attrelid = t.oid and a.attname = $3::text and not a.attisdropped \
         left join pg_catalog.pg_attrdef f on f.adrelid = t.oid and f.adnum = a.attnum \
         join pg_catalog.pg_depend d on (d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass and d.objid = f.oid \
            and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass) \
            or (d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid = t.oid and d.refobjsubid = a.attnum and d.deptype in ('a', 'i')) \
         join pg_catalog.pg_class s on s.relkind = 'S' and s.oid in (d.refobjid, d.objid) \
         join pg_catalog.pg_namespace n on n.oid = s.relnamespace \
         where tn.nspname = $1::text and t.relname = $2::text order by d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass desc limit 1";
    let Some(row) = session.client.query_opt(query, &[&table.schema, &table.name, &column]).await.doing(doing())? else { return Ok(None) };
    let sequence = TableName::new(row.get::<_, String>(0), row.get::<_, String>(1));
    let query = format!(
        "select s.last_value, s.is_called, p.seqincrement from {} s, pg_catalog.pg_sequence p where p.seqrelid = {}::pg_catalog.regclass",
        sql::qualified(&sequence),
        sql::literal(&sql::qualified(&sequence))
    );
    let row = session.client.query_one(&query, &[]).await.doing(doing())?;
    let (last, called, step): (i64, bool, i64) = (row.get(0), row.get(1), row.get(2));
    Ok(Some(i128::from(last) + if called { i128::from(step) } else { 0 }))
}

/// Tries changes as `bring` makes them, each statement by itself so that all that are refused are known, and gives everything up.
pub(crate) async fn try_bring(session: &Session, changes: &[RowChange], keys: &[(Table, ForeignKey)]) -> Result<Tried> {
    let doing = "try changes";
    let freely = brings_freely(session).await?;
    let prepared = carry::prepared(session, changes, freely).await?;
    session.client.batch_execute("begin").await.doing(doing)?;
    let tried = within(session, &prepared, keys).await;
    session.client.batch_execute("rollback").await.doing(doing)?;
    tried
}

async fn within(session: &Session, prepared: &carry::Prepared, keys: &[(Table, ForeignKey)]) -> Result<Tried> {
    let doing = "try changes";
    for statement in &prepared.before {
        session.client.batch_execute(statement).await.doing(doing)?;
    }
    let mut tried = Tried::default();
    for statement in &prepared.changes {
        session.client.batch_execute("savepoint greenroom_try").await.doing(doing)?;
        let Err(e) = session.client.batch_execute(&statement.sql).await else {
            session.client.batch_execute("release savepoint greenroom_try").await.doing(doing)?;
            continue;
        };
        let e = mapped(&e, doing);
        if matches!(e.kind, ErrorKind::Lost | ErrorKind::Full) {
            return Err(e);
        }
        tried.refused.push((usize::try_from(statement.line).unwrap_or_default().saturating_sub(1), e));
        session.client.batch_execute("rollback to savepoint greenroom_try").await.doing(doing)?;
    }
    if !tried.refused.is_empty() {
        return Ok(tried);
    }
    if let Err(e) = session.client.batch_execute("set constraints all immediate").await {
        let e: EngineError = mapped(&e, doing);
        return if e.kind == ErrorKind::Lost { Err(e) } else { Ok(Tried { at_the_end: Some(e), ..tried }) };
    }
    for (table, key) in keys {
        tried.orphans.push(super::generation::orphans(session, table, key).await?);
    }
    Ok(tried)
}

/// What silences foreign keys, where that was asked for.
pub(crate) fn silence(freely: bool) -> &'static str {
    if freely { REPLICA } else { "set constraints all deferred" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(native_type: &str, family: Family) -> CopyColumn {
        CopyColumn { name: "c".into(), native_type: native_type.into(), family, rules: Vec::new() }
    }

    #[test]
    fn nothing_is_cut_off_on_the_way_back() {
        for (native, family, wanted) in [
            ("character varying(4)", Family::Text, "q.c::pg_catalog.text"),
            (
                "character(4)",
                Family::Text,
                "(q.c::pg_catalog.text || pg_catalog.repeat(' ', 4 - pg_catalog.char_length(q.c::pg_catalog.text)))",
            ),
            ("numeric(10,2)", Family::Decimal, "q.c::numeric(10,2)"),
            ("bit(3)", Family::Other, "q.c::pg_catalog.text"),
            ("character varying(4)[]", Family::TextArray, "q.c::character varying[]"),
            ("integer", Family::Integer, "q.c::integer"),
        ] {
            assert_eq!(stored(&column(native, family), "q.c"), wanted, "{native}");
        }
    }
}
