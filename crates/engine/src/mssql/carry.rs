//! Changes of single rows (`crate::carry`). Owns triggers kept silent meanwhile, identities given by hand, and what is reserved for the pilot.

use super::connect::{Session, said};
use super::encoding::Codec;
use super::error::Doing;
use super::inspect::reseed;
use super::load::value;
use super::types::{self, ColumnType};
use super::{script, sql};
use crate::carry::{self, GuardedChange, RowAct, RowChange, Spell, SpelledChange, unfit};
use crate::error::Result;
use crate::seam::Applied;
use greenroom_model::carry::Cell;
use greenroom_model::catalog::TableName;
use greenroom_model::hash::Hash;
use std::collections::BTreeMap;

pub(crate) struct MsSpell {
    table: TableName,
    columns: BTreeMap<String, ColumnType>,
}

impl MsSpell {
    pub(crate) async fn of(session: &mut Session, table: &TableName, columns: &[String]) -> Result<MsSpell> {
        let names: Vec<&str> = columns.iter().map(String::as_str).collect();
        let layout = types::layout(session, table, &names).await?;
        Ok(MsSpell { table: table.clone(), columns: layout.columns.into_iter().map(|c| (c.name.clone(), c)).collect() })
    }
}

impl Spell for MsSpell {
    fn table(&self) -> String {
        sql::table(&self.table)
    }

    fn guarded(&self) -> String {
        // Whatever the isolation level: nobody changes or adds such a row meanwhile.
        format!("{} with (updlock, holdlock)", self.table())
    }

    fn column(&self, name: &str) -> String {
        sql::ident(name)
    }

    fn literal(&self, column: &str, cell: &Cell) -> Result<String> {
        let ty = self.columns.get(column).ok_or_else(|| unfit(column))?;
        value(cell.bytes().unwrap_or_default(), ty)
    }

    fn exactly(&self, column: &str, reference: &str, cell: &Cell) -> Result<String> {
        let ty = self.columns.get(column).ok_or_else(|| unfit(column))?;
        match ty.codec() {
            // Neither case nor blanks at the end may make another row this one.
            Codec::Text { .. } | Codec::Xml | Codec::Variant => {
                let text = sql::literal(carry::text(column, cell)?);
                let bytes = |of: &str| format!("cast(cast({of} as nvarchar(max)) as varbinary(max))");
                Ok(format!("{} = {}", bytes(&ty.selected(reference)), bytes(&text)))
            }
            _ => Ok(format!("{reference} = {}", self.literal(column, cell)?)),
        }
    }

    fn one_of(&self, set: Option<&str>, condition: &str) -> String {
        match set {
            Some(set) => format!("update top (1) {} set {set} where {condition}", self.table()),
            None => format!("delete top (1) from {} where {condition}", self.table()),
        }
    }
}

/// In one transaction.
pub(crate) async fn changes(session: &mut Session, key: &str, hash: &Hash, changes: &[RowChange]) -> Result<Applied> {
    let mut spells = BTreeMap::new();
    for (table, columns) in carry::columns_of(changes) {
        spells.insert(table.clone(), MsSpell::of(session, &table, &columns).await?);
    }
    let mut all = Vec::new();
    let mut back = Vec::new();
    for table in spells.keys() {
        let (name, object) = (sql::table(table), sql::literal(&sql::table(table)));
        let query = format!("select name from sys.triggers where parent_id = object_id({object}) and is_disabled = 0");
        for row in session.rows(&query).await.doing(format!("look for triggers of {}", table.name))? {
            let trigger = sql::qualified(&table.schema, &said(&row, 0));
            all.push(carry::plain(format!("disable trigger {trigger} on {name}"), 0));
            back.push(carry::plain(format!("enable trigger {trigger} on {name}"), 0));
        }
    }
    let mut made = carry::statements(&spells, changes, 1)?;
    for (statement, change) in made.iter_mut().zip(changes) {
        statement.sql = with_identity(&spells[&change.table], change, std::mem::take(&mut statement.sql));
    }
    all.extend(made);
    all.extend(back);
    script::whole(session, key, hash, &all, 0).await
}

/// An insert that says the identity itself has to be allowed to.
fn with_identity(spell: &MsSpell, change: &RowChange, statement: String) -> String {
    let counts = |column: &String| spell.columns.get(column).is_some_and(|c| c.identity);
    match &change.act {
        RowAct::Insert(values) if values.iter().any(|(column, _)| counts(column)) => {
            let table = sql::table(&change.table);
            format!("set identity_insert {table} on; {statement}; set identity_insert {table} off")
        }
        _ => statement,
    }
}

/// What a session must have set in which spelled changes mean what they say.
pub(crate) const SETTINGS: &str = super::connect::OURS;

pub(crate) async fn spelled(session: &mut Session, changes: &[GuardedChange]) -> Result<Vec<SpelledChange>> {
    let mut spells = BTreeMap::new();
    for (table, columns) in carry::columns_of_guarded(changes) {
        spells.insert(table.clone(), MsSpell::of(session, &table, &columns).await?);
    }
    carry::spelled(&spells, changes, with_identity)
}

pub(crate) async fn highest(session: &mut Session, table: &TableName, column: &str, below: Option<i128>) -> Result<Option<i128>> {
    let below = below.map(|n| format!(" where {} < {n}", sql::ident(column))).unwrap_or_default();
    let query = format!("select cast(max({}) as varchar(41)) from {}{below}", sql::ident(column), sql::table(table));
    let found = session.value(&query).await.doing(format!("read the highest {column} of {}", table.name))?;
    Ok(found.and_then(|n| n.split('.').next().and_then(|n| n.parse().ok())))
}

pub(crate) async fn reserve(session: &mut Session, table: &TableName, column: &str, next: i128) -> Result<bool> {
    let doing = || format!("reserve a band of identities for {}.{column}", table.name);
    let layout = types::layout(session, table, &[column]).await?;
    if !layout.columns.iter().any(|c| c.identity) {
        return Ok(false);
    }
    let empty = format!("not exists (select 1 from {})", sql::table(table));
    // Where rows were and are gone, the first number of the band stays unused.
    session.run(&reseed(&table.schema, &table.name, &empty, next, 1)).await.doing(doing())?;
    Ok(true)
}
