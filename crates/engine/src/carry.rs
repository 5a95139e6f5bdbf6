//! Changes of single rows, as they are carried over into a generation: what a change is, and the statement that makes it.
//!
//! Owns reading rows as cells, and the statements' form, which all engines share. Does not own which changes are made and in which order (`model::carry`), nor an engine's
//! literals and quoting: each engine implements [`Spell`].

use crate::error::{EngineError, Result};
use crate::seam::{RangeSpec, Reader};
use greenroom_model::carry::Cell;
use greenroom_model::catalog::TableName;
use greenroom_model::plan::TableCopy;
use greenroom_model::upgrade::Statement;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A row, by the values that tell it apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowKey {
    /// Column and value.
    pub cells: Vec<(String, Cell)>,
    /// The table has no key: all stored columns are given, and one of the rows that are equal to them is meant.
    pub whole: bool,
}

/// What is done to a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowAct {
    /// It is inserted with these values; columns that are not named take their defaults.
    Insert(Vec<(String, Cell)>),
    /// Its values are set.
    Update(RowKey, Vec<(String, Cell)>),
    /// It is deleted.
    Delete(RowKey),
}

/// One change. `Debug` shows no value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowChange {
    /// The table.
    pub table: TableName,
    /// What is done.
    pub act: RowAct,
}

impl RowChange {
    /// Columns that it names.
    fn columns(&self) -> impl Iterator<Item = &String> {
        let (key, values) = match &self.act {
            RowAct::Insert(values) => (&[][..], values.as_slice()),
            RowAct::Update(key, values) => (key.cells.as_slice(), values.as_slice()),
            RowAct::Delete(key) => (key.cells.as_slice(), &[][..]),
        };
        key.iter().chain(values).map(|(name, _)| name)
    }
}

/// A change that somebody else makes, later: only if the row is still what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardedChange {
    /// The change.
    pub change: RowChange,
    /// Columns and values that the row still has; none for one that is inserted, or that a change before it has guarded.
    pub expected: Option<RowKey>,
}

/// A change in the engine's words.
#[derive(Clone, PartialEq, Eq)]
pub struct SpelledChange {
    /// A query whose one value is the number of rows that are as they must be: at least one.
    pub count: Option<String>,
    /// The statement.
    pub statement: String,
}

/// Reads all rows that a copy chooses, as cells in its columns' order. For tables small enough to be held.
///
/// # Errors
/// When they cannot be read, or a value has no form in which it could be written again.
pub async fn read(reader: &mut dyn Reader, copy: &TableCopy) -> Result<Vec<Vec<Cell>>> {
    let mut rows = Vec::new();
    each(reader, copy, &mut |row| rows.push(row)).await?;
    Ok(rows)
}

/// The same row by row, for tables of any size.
///
/// # Errors
/// As [`read`].
pub async fn each(reader: &mut dyn Reader, copy: &TableCopy, row: &mut (dyn FnMut(Vec<Cell>) + Send)) -> Result<()> {
    let encoding = reader.prepare(copy).await?.encoding;
    reader.begin(copy, &RangeSpec::whole()).await?;
    while let Some(batch) = reader.next().await? {
        let (mut rest, mut fields) = (&batch.data[..], Vec::with_capacity(copy.columns.len()));
        while encoding.next_row(&mut rest, &mut fields)? {
            let cells = fields
                .iter()
                .take(copy.columns.len())
                .enumerate()
                .map(|(i, field)| encoding.cell(i, *field).map_err(|e| e.object(format!("column {}", copy.columns[i].name))));
            row(cells.collect::<Result<_>>().map_err(|e| e.while_doing(format!("read rows of {}", copy.table.name)))?);
        }
    }
    Ok(())
}

/// The columns that changes name, by table, each once.
pub(crate) fn columns_of(changes: &[RowChange]) -> BTreeMap<TableName, Vec<String>> {
    let mut all: BTreeMap<TableName, BTreeSet<String>> = BTreeMap::new();
    for change in changes {
        all.entry(change.table.clone()).or_default().extend(change.columns().cloned());
    }
    all.into_iter().map(|(table, columns)| (table, columns.into_iter().collect())).collect()
}

/// How an engine writes a table's values.
pub(crate) trait Spell: Send + Sync {
    /// The table's quoted name.
    fn table(&self) -> String;

    /// The same, for a look at a row that must stay as it is until the transaction ends.
    fn guarded(&self) -> String {
        self.table()
    }

    /// A column's quoted name.
    fn column(&self, name: &str) -> String;

    /// A value as a literal that the column stores exactly so. Never called with NULL.
    ///
    /// # Errors
    /// When the cell is no value of the column's type; names the column, never the value.
    fn literal(&self, column: &str, cell: &Cell) -> Result<String>;

    /// A condition on `reference` that only this very value fulfils, where `=` is content with less (case, blanks at the end). Never called
    /// with NULL.
    ///
    /// # Errors
    /// As [`Spell::literal`].
    fn exactly(&self, column: &str, reference: &str, cell: &Cell) -> Result<String> {
        Ok(format!("{reference} = {}", self.literal(column, cell)?))
    }

    /// An INSERT of one row.
    fn insert(&self, columns: &str, values: &str) -> String {
        format!("insert into {} ({columns}) values ({values})", self.table())
    }

    /// Deletes (or, with `set`, updates) one of the rows for which a condition is true.
    fn one_of(&self, set: Option<&str>, condition: &str) -> String;
}

fn assigned(spell: &dyn Spell, column: &str, cell: &Cell) -> Result<String> {
    if cell.is_null() { Ok("null".to_owned()) } else { spell.literal(column, cell) }
}

/// The condition for a row; `prefix` stands before its columns.
fn condition(spell: &dyn Spell, key: &RowKey, prefix: &str) -> Result<String> {
    let mut parts = Vec::with_capacity(key.cells.len());
    for (column, cell) in &key.cells {
        let reference = format!("{prefix}{}", spell.column(column));
        parts.push(match (cell.is_null(), key.whole) {
            (true, _) => format!("{reference} is null"),
            (false, true) => spell.exactly(column, &reference, cell)?,
            (false, false) => format!("{reference} = {}", spell.literal(column, cell)?),
        });
    }
    if parts.is_empty() {
        return Err(EngineError::other(format!("find a row of {}", spell.table()), "nothing tells it apart"));
    }
    Ok(parts.join(" and "))
}

/// The statement that makes a change.
fn statement(spell: &dyn Spell, act: &RowAct) -> Result<String> {
    let set = |values: &[(String, Cell)]| -> Result<String> {
        let parts: Result<Vec<String>> =
            values.iter().map(|(name, cell)| Ok(format!("{} = {}", spell.column(name), assigned(spell, name, cell)?))).collect();
        Ok(parts?.join(", "))
    };
    Ok(match act {
        RowAct::Insert(values) => {
            let columns: Vec<String> = values.iter().map(|(name, _)| spell.column(name)).collect();
            let cells: Result<Vec<String>> = values.iter().map(|(name, cell)| assigned(spell, name, cell)).collect();
            spell.insert(&columns.join(", "), &cells?.join(", "))
        }
        RowAct::Update(key, values) if key.whole => spell.one_of(Some(&set(values)?), &condition(spell, key, "")?),
        RowAct::Update(key, values) => format!("update {} set {} where {}", spell.table(), set(values)?, condition(spell, key, "")?),
        RowAct::Delete(key) if key.whole => spell.one_of(None, &condition(spell, key, "")?),
        RowAct::Delete(key) => format!("delete from {} where {}", spell.table(), condition(spell, key, "")?),
    })
}

/// The statements of changes, numbered as lines from `first` on.
pub(crate) fn statements<S: Spell>(spells: &BTreeMap<TableName, S>, changes: &[RowChange], first: u32) -> Result<Vec<Statement>> {
    let mut all = Vec::with_capacity(changes.len());
    for (line, change) in (first..).zip(changes) {
        let Some(spell) = spells.get(&change.table) else {
            return Err(EngineError::other("carry rows over", "a table's columns were not read").object(change.table.to_string()));
        };
        all.push(plain(statement(spell, &change.act)?, line));
    }
    Ok(all)
}

/// Guarded changes, by what the engine makes of each plain one.
pub(crate) fn spelled<S: Spell>(
    spells: &BTreeMap<TableName, S>,
    changes: &[GuardedChange],
    made: impl Fn(&S, &RowChange, String) -> String,
) -> Result<Vec<SpelledChange>> {
    let of = |guarded: &GuardedChange| {
        let change = &guarded.change;
        let Some(spell) = spells.get(&change.table) else {
            return Err(EngineError::other("write changes down", "a table's columns were not read").object(change.table.to_string()));
        };
        let count = match &guarded.expected {
            Some(row) => Some(format!("select count(*) from {} where {}", spell.guarded(), condition(spell, row, "")?)),
            None => None,
        };
        Ok(SpelledChange { count, statement: made(spell, change, statement(spell, &change.act)?) })
    };
    changes.iter().map(of).collect()
}

/// The columns that guarded changes name, by table, each once.
pub(crate) fn columns_of_guarded(changes: &[GuardedChange]) -> BTreeMap<TableName, Vec<String>> {
    let mut all: BTreeMap<TableName, BTreeSet<String>> = BTreeMap::new();
    for guarded in changes {
        let expected = guarded.expected.iter().flat_map(|row| row.cells.iter().map(|(name, _)| name));
        all.entry(guarded.change.table.clone()).or_default().extend(guarded.change.columns().chain(expected).cloned());
    }
    all.into_iter().map(|(table, columns)| (table, columns.into_iter().collect())).collect()
}

/// Rows that one statement names.
const TOGETHER: usize = 400;
/// Bytes after which a statement takes no more rows.
const LONG: usize = 256 * 1024;

/// The same with neighbours that do the same to rows of one table in one statement: for changes whose order does not matter among neighbours.
pub(crate) fn together<S: Spell>(spells: &BTreeMap<TableName, S>, changes: &[RowChange], first: u32) -> Result<Vec<Statement>> {
    let mut all = Vec::new();
    let mut at = 0;
    while let Some(change) = changes.get(at) {
        let Some(spell) = spells.get(&change.table) else {
            return Err(EngineError::other("bring rows", "a table's columns were not read").object(change.table.to_string()));
        };
        let alike = changes[at..].iter().take(TOGETHER).take_while(|c| c.table == change.table && same_form(&c.act, &change.act));
        let mut parts: Vec<String> = Vec::new();
        for c in alike {
            parts.push(part(spell, &c.act)?);
            if parts.iter().map(String::len).sum::<usize>() > LONG {
                break;
            }
        }
        let sql = match &change.act {
            RowAct::Insert(values) => {
                let columns: Vec<String> = values.iter().map(|(name, _)| spell.column(name)).collect();
                spell.insert(&columns.join(", "), &parts.join("), ("))
            }
            RowAct::Delete(_) if parts.len() > 1 => format!("delete from {} where {}", spell.table(), either(&parts, &change.act, spell)),
            act => statement(spell, act)?,
        };
        all.push(plain(sql, first + u32::try_from(at).unwrap_or(u32::MAX - first)));
        at += parts.len().max(1);
    }
    Ok(all)
}

/// Whether two changes can be in one statement: inserts of the same columns, deletions by the same key.
fn same_form(one: &RowAct, other: &RowAct) -> bool {
    let names = |cells: &[(String, Cell)]| cells.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    match (one, other) {
        (RowAct::Insert(a), RowAct::Insert(b)) => names(a) == names(b),
        (RowAct::Delete(a), RowAct::Delete(b)) => !a.whole && !b.whole && names(&a.cells) == names(&b.cells) && listable(a) == listable(b),
        _ => false,
    }
}

/// Whether the key is one value, which can stand in a list.
fn listable(key: &RowKey) -> bool {
    !key.whole && matches!(key.cells.as_slice(), [(_, cell)] if !cell.is_null())
}

/// What a statement says of one row.
fn part(spell: &dyn Spell, act: &RowAct) -> Result<String> {
    match act {
        RowAct::Insert(values) => {
            let cells: Result<Vec<String>> = values.iter().map(|(name, cell)| assigned(spell, name, cell)).collect();
            Ok(cells?.join(", "))
        }
        RowAct::Delete(key) if listable(key) => spell.literal(&key.cells[0].0, &key.cells[0].1),
        RowAct::Delete(key) => Ok(format!("({})", condition(spell, key, "")?)),
        RowAct::Update(..) => Ok(String::new()),
    }
}

fn either(parts: &[String], act: &RowAct, spell: &dyn Spell) -> String {
    match act {
        RowAct::Delete(key) if listable(key) => format!("{} in ({})", spell.column(&key.cells[0].0), parts.join(", ")),
        _ => parts.join(" or "),
    }
}

/// A statement of ours at a line.
pub(crate) fn plain(sql: String, line: u32) -> Statement {
    Statement { sql, line, copy_data: None }
}

/// A condition over `t` for rows that have one of these values in these columns.
pub(crate) fn picking(spell: &dyn Spell, keys: &[Vec<(String, Cell)>]) -> Result<String> {
    // A list is what engines look up in an index at once.
    if let Some([(column, _)]) = keys.first().map(Vec::as_slice)
        && keys.iter().all(|k| matches!(k.as_slice(), [(c, cell)] if c == column && !cell.is_null()))
    {
        let values: Result<Vec<String>> = keys.iter().map(|k| spell.literal(column, &k[0].1)).collect();
        return Ok(format!("t.{} in ({})", spell.column(column), values?.join(", ")));
    }
    let each = keys.iter().map(|cells| {
        let key = RowKey { cells: cells.clone(), whole: false };
        Ok(format!("({})", condition(spell, &key, "t.")?))
    });
    Ok(each.collect::<Result<Vec<String>>>()?.join(" or "))
}

/// A cell that is text.
pub(crate) fn text<'a>(column: &str, cell: &'a Cell) -> Result<&'a str> {
    std::str::from_utf8(cell.bytes().unwrap_or_default()).map_err(|_| unfit(column))
}

/// A number as it stands: nothing else may get into a statement unquoted.
pub(crate) fn number<'a>(column: &str, cell: &'a Cell) -> Result<&'a str> {
    let text = text(column, cell)?;
    let digits = text.bytes().any(|b| b.is_ascii_digit());
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    // Two signs in a row would begin a remark.
    if digits && plain && !text.contains("--") { Ok(text) } else { Err(unfit(column)) }
}

/// The cell is no value of its column.
pub(crate) fn unfit(column: &str) -> EngineError {
    EngineError::new(crate::error::ErrorKind::Data, "write a value into a statement", "it is no value of its column's type")
        .object(format!("column {column}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Plain;

    impl Spell for Plain {
        fn table(&self) -> String {
            "t".into()
        }
        fn column(&self, name: &str) -> String {
            name.to_owned()
        }
        fn literal(&self, column: &str, cell: &Cell) -> Result<String> {
            number(column, cell).map(str::to_owned)
        }
        fn one_of(&self, set: Option<&str>, condition: &str) -> String {
            format!("one {} where {condition}", set.unwrap_or("gone"))
        }
    }

    fn cells(all: &[(&str, Option<&str>)]) -> Vec<(String, Cell)> {
        all.iter().map(|(n, c)| ((*n).to_owned(), c.map_or(Cell::NULL, Cell::text))).collect()
    }

    #[test]
    fn changes_become_statements() {
        let key = |whole| RowKey { cells: cells(&[("a", Some("1")), ("b", None)]), whole };
        for (act, sql) in [
            (RowAct::Insert(cells(&[("a", Some("1")), ("b", None)])), "insert into t (a, b) values (1, null)"),
            (RowAct::Update(key(false), cells(&[("c", Some("-2.5"))])), "update t set c = -2.5 where a = 1 and b is null"),
            (RowAct::Delete(key(false)), "delete from t where a = 1 and b is null"),
            (RowAct::Delete(key(true)), "one gone where a = 1 and b is null"),
        ] {
            assert_eq!(statement(&Plain, &act).unwrap(), sql);
        }
        assert_eq!(picking(&Plain, &[cells(&[("a", Some("1"))]), cells(&[("a", None)])]).unwrap(), "(t.a = 1) or (t.a is null)");
    }

    #[test]
    fn what_is_no_number_gets_nowhere() {
        for bad in ["1; drop table t", "", "x", "1--2", "0x1F"] {
            let e = number("c", &Cell::text(bad)).unwrap_err();
            assert!(bad.is_empty() || !format!("{e:?}").contains(bad), "{bad}");
        }
    }
}
