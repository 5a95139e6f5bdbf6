//! Changes of single rows (`crate::carry`). Owns literals, triggers kept silent meanwhile, and what is reserved for the pilot.

use super::connect::Session;
use super::error::Doing;
use super::{script, sql};
use crate::carry::{self, GuardedChange, RowChange, Spell, SpelledChange, text};
use crate::error::{EngineError, Result};
use crate::seam::Applied;
use greenroom_model::carry::Cell;
use greenroom_model::catalog::TableName;
use greenroom_model::hash::Hash;
use greenroom_model::upgrade::Statement;
use std::collections::BTreeMap;

pub(crate) struct PgSpell(pub(crate) TableName);

impl Spell for PgSpell {
    fn table(&self) -> String {
        sql::qualified(&self.0)
    }

    fn column(&self, name: &str) -> String {
        sql::ident(name)
    }

    fn literal(&self, column: &str, cell: &Cell) -> Result<String> {
        // Of no type of its own: the server reads it as the column's.
        Ok(sql::literal(text(column, cell)?))
    }

    fn exactly(&self, column: &str, reference: &str, cell: &Cell) -> Result<String> {
        // As text: not every type knows equality, and some take different values for equal.
        // Written as COPY writes it: a cast writes booleans out and drops blanks.
        Ok(format!("pg_catalog.format('%s', {reference}) = {} collate \"C\"", sql::literal(text(column, cell)?)))
    }

    fn insert(&self, columns: &str, values: &str) -> String {
        format!("insert into {} ({columns}) overriding system value values ({values})", self.table())
    }

    fn one_of(&self, set: Option<&str>, condition: &str) -> String {
        let one = format!("ctid = (select ctid from only {} where {condition} limit 1)", self.table());
        match set {
            Some(set) => format!("update only {} set {set} where {one}", self.table()),
            None => format!("delete from only {} where {one}", self.table()),
        }
    }
}

/// Statements that switch a table's triggers off and on again as they were.
async fn triggers(session: &Session, table: &TableName) -> Result<(Vec<String>, Vec<String>)> {
    let rows = session
        .client
        .query(
            "select t.tgname::text, t.tgenabled::text from pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = t.tgrelid \
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
             where n.nspname = $1::text and c.relname = $2::text and not t.tgisinternal and t.tgenabled <> 'D' order by 1",
            &[&table.schema, &table.name],
        )
        .await
        .doing(format!("look for triggers of {table}"))?;
    let (mut off, mut on) = (Vec::new(), Vec::new());
    for row in rows {
        let (name, mode): (String, String) = (row.get(0), row.get(1));
        let how = match mode.as_str() {
            "A" => "enable always trigger",
            "R" => "enable replica trigger",
            _ => "enable trigger",
        };
        off.push(format!("alter table {} disable trigger {}", sql::qualified(table), sql::ident(&name)));
        on.push(format!("alter table {} {how} {}", sql::qualified(table), sql::ident(&name)));
    }
    Ok((off, on))
}

/// In one transaction, constraints that can wait checked at its end.
pub(crate) async fn changes(session: &Session, key: &str, hash: &Hash, changes: &[RowChange]) -> Result<Applied> {
    run(session, key, hash, changes, "set constraints all deferred").await
}

/// Keeps foreign keys from acting, and checking, for the rest of a transaction. Triggers that fire always are switched off one by one.
pub(super) const REPLICA: &str = "set local session_replication_role = replica";

/// Whether this login may do that.
pub(crate) async fn brings_freely(session: &Session) -> Result<bool> {
    let may = session.client.batch_execute(&format!("begin; {REPLICA}")).await.is_ok();
    session.client.batch_execute("rollback").await.doing("ask what this login may do")?;
    Ok(may)
}

/// The same with foreign keys that neither act nor check, where this login may have it so.
pub(crate) async fn bring(session: &Session, key: &str, hash: &Hash, changes: &[RowChange]) -> Result<Applied> {
    match brings_freely(session).await? {
        // Rows go and come in heaps: nothing minds their order.
        true => run(session, key, hash, changes, REPLICA).await,
        false => self::changes(session, key, hash, changes).await,
    }
}

async fn run(session: &Session, key: &str, hash: &Hash, changes: &[RowChange], first: &str) -> Result<Applied> {
    let Prepared { before, changes, after } = prepared(session, changes, first == REPLICA).await?;
    let mut all: Vec<Statement> = before.into_iter().map(|s| carry::plain(s, 0)).collect();
    all.extend(changes);
    all.extend(after.into_iter().map(|s| carry::plain(s, 0)));
    script::run(session, key, hash, &all, 0, false).await
}

/// Changes as statements, and what stands around them.
pub(super) struct Prepared {
    pub(super) before: Vec<String>,
    /// The line is the number of the first change of each.
    pub(super) changes: Vec<Statement>,
    pub(super) after: Vec<String>,
}

/// `freely`: foreign keys are kept from acting and checking, and neighbours that do the same go together.
pub(super) async fn prepared(session: &Session, changes: &[RowChange], freely: bool) -> Result<Prepared> {
    let tables = carry::columns_of(changes).into_keys();
    let spells: BTreeMap<TableName, PgSpell> = tables.map(|t| (t.clone(), PgSpell(t))).collect();
    let (mut before, mut after) = (Vec::new(), vec!["set constraints all immediate".to_owned()]);
    for table in spells.keys() {
        let (off, on) = triggers(session, table).await?;
        before.extend(off);
        after.extend(on);
    }
    before.push(super::back::silence(freely).to_owned());
    let changes = if freely { carry::together(&spells, changes, 1)? } else { carry::statements(&spells, changes, 1)? };
    Ok(Prepared { before, changes, after })
}

/// What a session must have set in which spelled changes mean what they say.
pub(crate) const SETTINGS: &str = super::connect::CANONICAL;

pub(crate) fn spelled(changes: &[GuardedChange]) -> Result<Vec<SpelledChange>> {
    let tables = carry::columns_of_guarded(changes).into_keys();
    let spells: BTreeMap<TableName, PgSpell> = tables.map(|t| (t.clone(), PgSpell(t))).collect();
    carry::spelled(&spells, changes, |_, _, statement| statement)
}

pub(crate) async fn highest(session: &Session, table: &TableName, column: &str, below: Option<i128>) -> Result<Option<i128>> {
    let below = below.map(|n| format!(" where {} < {n}", sql::ident(column))).unwrap_or_default();
    let query = format!("select max({})::text from {}{below}", sql::ident(column), sql::qualified(table));
    let row = session.client.query_one(&query, &[]).await.doing(format!("read the highest {column} of {table}"))?;
    Ok(row.get::<_, Option<String>>(0).and_then(|n| n.parse().ok()))
}

/// Moves the sequence that belongs to the column.
pub(crate) async fn reserve(session: &Session, table: &TableName, column: &str, next: i128) -> Result<bool> {
    let doing = || format!("reserve a band of identities for {table}.{column}");
    let next = i64::try_from(next).map_err(|_| EngineError::other(doing(), "the number is too large"))?;
    let row = session
        .client
        .query_one("select pg_catalog.pg_get_serial_sequence($1::text, $2::text)", &[&sql::qualified(table), &column])
        .await
        .doing(doing())?;
    let Some(sequence) = row.get::<_, Option<String>>(0) else { return Ok(false) };
    let query = "select pg_catalog.setval($1::text::regclass, $2::int8, false)";
    session.client.query_one(query, &[&sequence, &next]).await.doing(doing())?;
    Ok(true)
}
