//! Noting which rows are touched (`crate::capture`): a function of ours for each table, called by a trigger, writes keys into our schema. It acts with
//! Greenroom's rights, so that nobody else needs any there, and fires always, also for sessions that replay replication.
//!
//! Row triggers stand on the tables that hold rows: rows that come through a partitioned table meet those of its partitions.

use super::connect::Session;
use super::error::{Doing, mapped};
use super::sql;
use crate::capture::{Capture, Captured};
use crate::error::{EngineError, ErrorKind, Result};
use greenroom_model::catalog::TableName;
use std::time::Duration;

/// The triggers' name.
pub(super) const TRIGGER: &str = "greenroom_capture";

const OWN: &str = "
    create schema if not exists greenroom;
    revoke all on schema greenroom from public;
    create table if not exists greenroom.captured (
        number int4 primary key, table_schema text not null, table_name text not null, key text not null, truncated bool not null default false);";

fn notes(number: u32) -> String {
    format!("changed_{number}")
}

/// The statements for one table. The table of notes gets its columns' types from the table itself.
fn statements(capture: &Capture) -> String {
    let (number, table) = (capture.number, sql::qualified(&capture.table));
    let notes = format!("greenroom.{}", notes(number));
    let key = serde_json::to_string(&capture.key).unwrap_or_default();
    let register = format!(
        "insert into greenroom.captured (number, table_schema, table_name, key) values ({number}, {}, {}, {}) on conflict (number) do nothing;",
        sql::literal(&capture.table.schema),
        sql::literal(&capture.table.name),
        sql::literal(&key)
    );
    if capture.key.is_empty() {
        return register;
    }
    let columns: Vec<String> = capture.key.iter().map(|c| sql::ident(c)).collect();
    let of = |row: &str| columns.iter().map(|c| format!("{row}.{c}")).collect::<Vec<_>>().join(", ");
    let body = format!(
        "begin \
         if tg_op = 'TRUNCATE' then update greenroom.captured set truncated = true where number = {number}; return null; end if; \
         if tg_op <> 'INSERT' then insert into {notes} values ({old}); end if; \
         if tg_op <> 'DELETE' then insert into {notes} values ({new}); end if; \
         return null; end",
        old = of("old"),
        new = of("new"),
    );
    // Whoever owns the table dumps the database, and with it what is noted.
    let grants = format!(
        "declare o text; begin select pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.relowner)) into o from pg_catalog.pg_class c \
         where c.oid = {}::pg_catalog.regclass; \
         execute 'grant usage on schema greenroom to ' || o; execute 'grant select on greenroom.captured, {notes} to ' || o; end",
        sql::literal(&table)
    );
    format!(
        "{register} \
         create table if not exists {notes} as select {list} from {table} with no data; \
         create or replace function greenroom.capture_{number}() returns trigger language plpgsql security definer \
            set search_path = pg_catalog as {body}; \
         revoke all on function greenroom.capture_{number}() from public; \
         drop trigger if exists {TRIGGER} on {table}; \
         create trigger {TRIGGER} after insert or update or delete on {table} for each row execute function greenroom.capture_{number}(); \
         drop trigger if exists {TRIGGER}_all on {table}; \
         create trigger {TRIGGER}_all after truncate on {table} for each statement execute function greenroom.capture_{number}(); \
         alter table {table} enable always trigger {TRIGGER}; alter table {table} enable always trigger {TRIGGER}_all; \
         do {grants};",
        list = columns.join(", "),
        body = sql::literal(&body),
        grants = sql::literal(&grants),
    )
}

/// Begins noting, table by table: each waits for the transactions that write into its table, and nobody waits long behind it. Repeatable: what was noted stays.
pub(super) async fn capture(session: &Session, tables: &[Capture]) -> Result<()> {
    let doing = "have the keys of touched rows noted";
    session.client.batch_execute(OWN).await.doing(doing)?;
    for capture in tables {
        patiently(session, doing, &statements(capture)).await.map_err(|e| {
            let e = e.object(capture.table.to_string());
            if e.kind == ErrorKind::Transient {
                return e.hint("somebody has been writing into the table in one transaction all the time; try again when that has ended");
            }
            e.hint("Greenroom's login must own the table, or be a member of the role that does")
        })?;
    }
    Ok(())
}

/// How often and how long locks on tables that people work with are asked for, and the pause in which those who waited behind go on.
const TRIES: u32 = 20;
const WAIT: &str = "set local lock_timeout = '2s'";
const PAUSE: Duration = Duration::from_millis(500);

/// Runs statements in a transaction of their own that gives way when somebody else holds a table for long.
async fn patiently(session: &Session, doing: &str, statements: &str) -> Result<()> {
    for left in (0..TRIES).rev() {
        let Err(e) = session.client.batch_execute(&format!("begin; {WAIT}; {statements}; commit")).await else { break };
        if !session.client.is_closed() {
            let _ = session.client.batch_execute("rollback").await;
        }
        let state = tokio_postgres::error::SqlState::LOCK_NOT_AVAILABLE;
        if e.code() != Some(&state) && e.code() != Some(&tokio_postgres::error::SqlState::T_R_DEADLOCK_DETECTED) {
            return Err(mapped(&e, doing));
        }
        if left == 0 {
            let mut e = mapped(&e, doing);
            e.kind = ErrorKind::Transient;
            return Err(e);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// What is noted; empty where nothing is.
pub(super) async fn captured(session: &Session) -> Result<Vec<Captured>> {
    let doing = "read of which tables keys are noted";
    let there = session.client.query_one("select pg_catalog.to_regclass('greenroom.captured') is not null", &[]).await.doing(doing)?;
    if !there.get::<_, bool>(0) {
        return Ok(Vec::new());
    }
    let rows = session
        .client
        .query(
            // A table that was made anew since has lost its triggers; one whose triggers somebody switched off for a while has them otherwise. What was
            // noted of it is not all.
            &format!(
                "select c.number, c.table_schema, c.table_name, c.key, c.truncated or (c.key <> '[]' and 2 > (select count(*) \
                 from pg_catalog.pg_trigger t join pg_catalog.pg_class r on r.oid = t.tgrelid join pg_catalog.pg_namespace n on n.oid = r.relnamespace \
                 where n.nspname = c.table_schema and r.relname = c.table_name and t.tgname in ('{TRIGGER}', '{TRIGGER}_all') and t.tgenabled = 'A')) \
                 from greenroom.captured c order by c.number"
            ),
            &[],
        )
        .await
        .doing(doing)?;
    let damaged = || EngineError::new(ErrorKind::Data, doing, "a record is not one that we wrote");
    rows.iter()
        .map(|row| {
            let number = u32::try_from(row.get::<_, i32>(0)).map_err(|_| damaged())?;
            Ok(Captured {
                table: TableName::new(row.get::<_, String>(1), row.get::<_, String>(2)),
                key: serde_json::from_str(row.get(3)).map_err(|_| damaged())?,
                notes: TableName::new("greenroom", notes(number)),
                truncated: row.get(4),
            })
        })
        .collect()
}

/// Ends it; nothing of it stays. Repeatable.
pub(super) async fn end(session: &Session) -> Result<()> {
    let doing = "end the noting of keys";
    let query = format!(
        "select n.nspname::text, c.relname::text, t.tgname::text from pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = t.tgrelid \
         join pg_catalog.pg_namespace n on n.oid = c.relnamespace join pg_catalog.pg_proc p on p.oid = t.tgfoid \
         where p.pronamespace = pg_catalog.to_regnamespace('greenroom') and t.tgname in ('{TRIGGER}', '{TRIGGER}_all')"
    );
    for row in session.client.query(&query, &[]).await.doing(doing)? {
        let table = TableName::new(row.get::<_, String>(0), row.get::<_, String>(1));
        patiently(session, doing, &format!("drop trigger if exists {} on {}", sql::ident(row.get(2)), sql::qualified(&table))).await?;
    }
    let mut statements = String::from("begin; ");
    // Other records of ours may stand in the schema: of a generation that is still being built.
    let query = "select 'function greenroom.' || pg_catalog.quote_ident(proname) || '()' from pg_catalog.pg_proc \
         where pronamespace = pg_catalog.to_regnamespace('greenroom') and proname ~ '^capture_[0-9]+$' \
         union all select 'table greenroom.' || pg_catalog.quote_ident(relname) from pg_catalog.pg_class \
         where relnamespace = pg_catalog.to_regnamespace('greenroom') and relkind = 'r' and relname ~ '^(changed_[0-9]+|captured)$'";
    for row in session.client.query(query, &[]).await.doing(doing)? {
        statements.push_str(&format!("drop {}; ", row.get::<_, String>(0)));
    }
    statements.push_str("commit");
    if let Err(e) = session.client.batch_execute(&statements).await.doing(doing) {
        let _ = session.client.batch_execute("rollback").await;
        return Err(e);
    }
    let empty = "select exists (select 1 from pg_catalog.pg_namespace n where n.nspname = 'greenroom' \
         and not exists (select 1 from pg_catalog.pg_class c where c.relnamespace = n.oid) \
         and not exists (select 1 from pg_catalog.pg_proc p where p.pronamespace = n.oid))";
    if session.client.query_one(empty, &[]).await.doing(doing)?.get::<_, bool>(0) {
        session.client.batch_execute("drop schema if exists greenroom").await.doing(doing)?;
    }
    Ok(())
}
