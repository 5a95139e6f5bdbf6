//! Changes of single rows (`crate::carry`). Owns literals and what is reserved for the pilot.

use super::connect::Session;
use super::encoding::Codec;
use super::error::Doing;
use super::types::{self, ColumnType};
use super::{script, sql, triggers};
use crate::carry::{self, GuardedChange, RowChange, Spell, SpelledChange, number, text, unfit};
use crate::error::{EngineError, Result};
use crate::seam::Applied;
use greenroom_model::carry::Cell;
use greenroom_model::catalog::TableName;
use greenroom_model::hash::Hash;
use std::collections::BTreeMap;

pub(crate) struct MySpell {
    table: TableName,
    columns: BTreeMap<String, ColumnType>,
}

impl MySpell {
    pub(crate) async fn of(session: &mut Session, table: &TableName) -> Result<MySpell> {
        Ok(MySpell { table: table.clone(), columns: types::of_table(session, table).await? })
    }
}

impl Spell for MySpell {
    fn table(&self) -> String {
        sql::ident(&self.table.name)
    }

    fn column(&self, name: &str) -> String {
        sql::ident(name)
    }

    fn literal(&self, column: &str, cell: &Cell) -> Result<String> {
        let ty = self.columns.get(column).ok_or_else(|| unfit(column))?;
        let bytes = cell.bytes().unwrap_or_default();
        Ok(match ty.codec() {
            Codec::Integer | Codec::Year | Codec::Decimal { .. } => number(column, cell)?.to_owned(),
            // Only with an exponent is a literal a double, and not a decimal of at most 65 digits.
            Codec::Float | Codec::Double => format!("{:e}", number(column, cell)?.parse::<f64>().map_err(|_| unfit(column))?),
            Codec::Date { .. } | Codec::DateTime { .. } | Codec::Time { .. } => sql::literal(text(column, cell)?),
            // As bytes, which no setting of the session changes on their way.
            Codec::Text { charset, .. } => ty.stored(&sql::hex(&charset.encode(text(column, cell)?)?)),
            Codec::Json | Codec::Uuid | Codec::Inet | Codec::Bytes | Codec::Opaque => ty.stored(&sql::hex(bytes)),
        })
    }

    fn exactly(&self, column: &str, reference: &str, cell: &Cell) -> Result<String> {
        let ty = self.columns.get(column).ok_or_else(|| unfit(column))?;
        let literal = self.literal(column, cell)?;
        Ok(match ty.codec() {
            Codec::Text { .. } | Codec::Json => format!("cast({} as binary) = cast({literal} as binary)", ty.selected(reference)),
            _ => format!("{reference} = {literal}"),
        })
    }

    fn one_of(&self, set: Option<&str>, condition: &str) -> String {
        match set {
            Some(set) => format!("update {} set {set} where {condition} limit 1", self.table()),
            None => format!("delete from {} where {condition} limit 1", self.table()),
        }
    }
}

/// Each with its record: these servers check every statement by itself. `session` loads, `records` stands beside it.
pub(crate) async fn changes(
    session: &mut Session,
    records: &mut Session,
    key: &str,
    hash: &Hash,
    changes: &[RowChange],
    skip: u32,
) -> Result<Applied> {
    let mut spells = BTreeMap::new();
    for table in carry::columns_of(changes).into_keys() {
        spells.insert(table.clone(), MySpell::of(session, &table).await?);
    }
    let statements = carry::statements(&spells, changes, 1)?;
    session.run("set session foreign_key_checks = 1").await.doing("carry rows over")?;
    for table in spells.keys() {
        triggers::suspend(session, table).await?;
    }
    let applied = script::run(session, records, key, hash, &statements, skip).await;
    triggers::restore(records).await?;
    applied
}

/// What a session must have set in which spelled changes mean what they say.
pub(crate) fn settings() -> String {
    format!("set names utf8mb4; set session time_zone = '+00:00', session sql_mode = '{}'", super::connect::LOADING)
}

pub(crate) async fn spelled(session: &mut Session, changes: &[GuardedChange]) -> Result<Vec<SpelledChange>> {
    let mut spells = BTreeMap::new();
    for table in carry::columns_of_guarded(changes).into_keys() {
        spells.insert(table.clone(), MySpell::of(session, &table).await?);
    }
    carry::spelled(&spells, changes, |_, _, statement| statement)
}

pub(crate) async fn highest(session: &mut Session, table: &TableName, column: &str, below: Option<i128>) -> Result<Option<i128>> {
    let below = below.map(|n| format!(" where {} < {n}", sql::ident(column))).unwrap_or_default();
    let query = format!("select max({}) from {}{below}", sql::ident(column), sql::ident(&table.name));
    let found = session.value(&query).await.doing(format!("read the highest {column} of {}", table.name))?;
    Ok(found.and_then(|n| n.parse().ok()))
}

pub(crate) async fn reserve(session: &mut Session, table: &TableName, column: &str, next: i128) -> Result<bool> {
    let doing = || format!("reserve a band of identities for {}.{column}", table.name);
    let columns = types::of_table(session, table).await?;
    if !columns.get(column).is_some_and(ColumnType::counts) {
        return Ok(false);
    }
    let next = u64::try_from(next).map_err(|_| EngineError::other(doing(), "the number is too large"))?;
    session.run(&format!("alter table {} auto_increment = {next}", sql::ident(&table.name))).await.doing(doing())?;
    Ok(true)
}
