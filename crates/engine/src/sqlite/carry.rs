//! Cells of rows as people read them, and changes of single rows (`crate::carry`). Owns literals and what is reserved for the pilot.
//!
//! A column of SQLite may hold any class of value, so a cell says the class: whole numbers are digits, floats have a point or an exponent,
//! bytes are `x'…'`, and text stands between quotes unless the column's affinity makes everything text.

use super::affinity::Affinity;
use super::connect::{literal, quoted};
use super::error::failed;
use super::load::quiet;
use super::script;
use super::select::table_sql;
use crate::carry::{self, GuardedChange, RowChange, Spell, SpelledChange, number, unfit};
use crate::error::Result;
use crate::seam::Applied;
use greenroom_model::carry::Cell;
use greenroom_model::catalog::TableName;
use greenroom_model::hash::Hash;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use std::collections::BTreeMap;
use std::fmt::Write;

fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(3 + bytes.len() * 2);
    out.push_str("x'");
    for b in bytes {
        // Writing into a String cannot fail.
        let _ = write!(out, "{b:02x}");
    }
    out.push('\'');
    out
}

/// A stored value as a cell.
pub(super) fn cell(affinity: Affinity, value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::NULL,
        ValueRef::Integer(i) => Cell::text(&i.to_string()),
        ValueRef::Real(x) if x.is_infinite() => Cell::text(if x > 0.0 { "9.0e999" } else { "-9.0e999" }),
        ValueRef::Real(x) => Cell::text(&format!("{x:?}")),
        ValueRef::Blob(b) => Cell::text(&hex(b)),
        ValueRef::Text(t) if affinity == Affinity::Text && !t.starts_with(b"'") && !t.starts_with(b"x'") => Cell::new(t),
        ValueRef::Text(t) => Cell::new([b"'", t, b"'"].concat()),
    }
}

fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(t) if !t.contains('\0') => literal(t),
        _ => format!("cast({} as text)", hex(bytes)),
    }
}

struct SqliteSpell {
    table: TableName,
    columns: BTreeMap<String, Affinity>,
}

impl SqliteSpell {
    fn of(c: &Connection, table: &TableName) -> rusqlite::Result<SqliteSpell> {
        let strict: bool =
            c.query_row("SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND name = ?1 AND strict", [&table.name], |r| {
                r.get(0)
            })?;
        let mut columns = c.prepare("SELECT name, type FROM pragma_table_xinfo(?1)")?;
        let read = |r: &rusqlite::Row<'_>| Ok((r.get(0)?, Affinity::of(&r.get::<_, String>(1)?, strict)));
        let columns = columns.query_map([&table.name], read)?.collect::<rusqlite::Result<_>>()?;
        Ok(SqliteSpell { table: table.clone(), columns })
    }
}

impl Spell for SqliteSpell {
    fn table(&self) -> String {
        table_sql(&self.table)
    }

    fn column(&self, name: &str) -> String {
        quoted(name)
    }

    fn literal(&self, column: &str, cell: &Cell) -> Result<String> {
        let bytes = cell.bytes().unwrap_or_default();
        if let Some(inner) = bytes.strip_prefix(b"'").and_then(|b| b.strip_suffix(b"'")) {
            return Ok(text(inner));
        }
        if let Some(digits) = bytes.strip_prefix(b"x'").and_then(|b| b.strip_suffix(b"'")) {
            let plain = digits.len() % 2 == 0 && digits.iter().all(u8::is_ascii_hexdigit);
            return if plain { Ok(format!("x'{}'", String::from_utf8_lossy(digits))) } else { Err(unfit(column)) };
        }
        match self.columns.get(column) {
            Some(Affinity::Text) => Ok(text(bytes)),
            Some(_) => number(column, cell).map(str::to_owned),
            None => Err(unfit(column)),
        }
    }

    fn exactly(&self, column: &str, reference: &str, cell: &Cell) -> Result<String> {
        // With the class of the value, and whatever the column's collation.
        Ok(format!("quote({reference}) = quote({})", self.literal(column, cell)?))
    }

    fn insert(&self, columns: &str, values: &str) -> String {
        // ABORT overrides ON CONFLICT clauses of the table, which could drop rows without a word (P6).
        format!("insert or abort into {} ({columns}) values ({values})", self.table())
    }

    fn one_of(&self, set: Option<&str>, condition: &str) -> String {
        let one = format!("rowid = (select rowid from {} where {condition} limit 1)", self.table());
        match set {
            Some(set) => format!("update or abort {} set {set} where {one}", self.table()),
            None => format!("delete from {} where {one}", self.table()),
        }
    }
}

fn spells(c: &Connection, tables: impl Iterator<Item = TableName>) -> Result<BTreeMap<TableName, SqliteSpell>> {
    tables.map(|t| SqliteSpell::of(c, &t).map(|s| (t, s)).map_err(|e| failed("read a table's columns", &e))).collect()
}

pub(super) fn picking(c: &Connection, table: &TableName, keys: &[Vec<(String, Cell)>]) -> Result<String> {
    let spell = SqliteSpell::of(c, table).map_err(|e| failed("read a table's columns", &e))?;
    carry::picking(&spell, keys)
}

pub(super) fn spelled(c: &Connection, changes: &[GuardedChange]) -> Result<Vec<SpelledChange>> {
    carry::spelled(&spells(c, carry::columns_of_guarded(changes).into_keys())?, changes, |_, _, statement| statement)
}

/// In one transaction, foreign keys checked at its end, no trigger firing.
pub(super) fn changes(c: &Connection, key: &str, hash: &Hash, changes: &[RowChange]) -> Result<Applied> {
    let mut statements = vec![carry::plain("PRAGMA foreign_keys = ON".into(), 0), carry::plain("PRAGMA defer_foreign_keys = ON".into(), 0)];
    statements.extend(carry::statements(&spells(c, carry::columns_of(changes).into_keys())?, changes, 1)?);
    quiet(c)?;
    let applied = script::run(c, key, hash, &statements, 0, false);
    c.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, true).map_err(|e| failed("let triggers fire again", &e))?;
    applied
}

/// The same with foreign keys off: what they would do to rows that nobody named is not done.
pub(super) fn bring(c: &Connection, key: &str, hash: &Hash, changes: &[RowChange]) -> Result<Applied> {
    let statements = heaps(c, changes)?;
    quiet(c)?;
    let applied = script::run(c, key, hash, &statements, 0, false);
    c.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, true).map_err(|e| failed("let triggers fire again", &e))?;
    applied
}

/// The statements of [`bring`].
pub(super) fn heaps(c: &Connection, changes: &[RowChange]) -> Result<Vec<greenroom_model::upgrade::Statement>> {
    carry::together(&spells(c, carry::columns_of(changes).into_keys())?, changes, 1)
}

pub(super) fn highest(c: &Connection, table: &TableName, column: &str, below: Option<i128>) -> Result<Option<i128>> {
    let below = below.map(|n| format!(" AND {} < {n}", quoted(column))).unwrap_or_default();
    let sql = format!("SELECT max({0}) FROM {1} WHERE typeof({0}) = 'integer'{below}", quoted(column), table_sql(table));
    let found: Option<i64> =
        c.query_row(&sql, [], |r| r.get(0)).map_err(|e| failed("read the highest identity", &e).object(&table.name))?;
    Ok(found.map(i128::from))
}

/// Only AUTOINCREMENT remembers where it goes on; any other integer key follows the highest row.
pub(super) fn reserve(c: &Connection, table: &TableName, next: i128) -> Result<bool> {
    let doing = |e: rusqlite::Error| failed("reserve a band of identities", &e).object(&table.name);
    let counts: bool = c.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_sequence'", [], |r| r.get(0)).map_err(doing)?;
    let own: Option<String> =
        c.query_row("SELECT max(sql) FROM sqlite_schema WHERE type = 'table' AND name = ?1", [&table.name], |r| r.get(0)).map_err(doing)?;
    let counting = own.is_some_and(|sql| super::tokens::tokens(&sql).iter().any(|t| t.is("AUTOINCREMENT")));
    let (true, true, Ok(last)) = (counts, counting, i64::try_from(next - 1)) else { return Ok(false) };
    let updated = c.execute("UPDATE sqlite_sequence SET seq = ?2 WHERE name = ?1", (&table.name, last)).map_err(doing)?;
    if updated == 0 {
        c.execute("INSERT INTO sqlite_sequence(name, seq) VALUES(?1, ?2)", (&table.name, last)).map_err(doing)?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_says_the_class_of_its_value() {
        let spell = SqliteSpell {
            table: TableName::new("main", "t"),
            columns: [("t".to_owned(), Affinity::Text), ("n".to_owned(), Affinity::Numeric)].into(),
        };
        for (affinity, column, value, shown, literal) in [
            (Affinity::Text, "t", ValueRef::Text(b"Ann's"), "Ann's", "'Ann''s'"),
            (Affinity::Text, "t", ValueRef::Text(b"12"), "12", "'12'"),
            (Affinity::Text, "t", ValueRef::Text(b"x'00'"), "'x'00''", "'x''00'''"),
            (Affinity::Text, "t", ValueRef::Blob(b"\0"), "x'00'", "x'00'"),
            (Affinity::Text, "t", ValueRef::Text(b"a\0b"), "a\0b", "cast(x'610062' as text)"),
            (Affinity::Numeric, "n", ValueRef::Text(b"2020-01-01"), "'2020-01-01'", "'2020-01-01'"),
            (Affinity::Numeric, "n", ValueRef::Integer(-12), "-12", "-12"),
            (Affinity::Numeric, "n", ValueRef::Real(3.0), "3.0", "3.0"),
            (Affinity::Numeric, "n", ValueRef::Real(f64::NEG_INFINITY), "-9.0e999", "-9.0e999"),
        ] {
            let made = cell(affinity, value);
            assert_eq!(made, Cell::text(shown));
            assert_eq!(spell.literal(column, &made).unwrap(), literal);
        }
        assert!(spell.literal("n", &Cell::text("1); drop table t; --")).is_err());
        assert!(spell.literal("t", &Cell::text("x'zz'")).is_err());
    }
}
