//! Column affinity: what SQLite turns a value into when a column stores it (P40). Rules: <https://www.sqlite.org/datatype3.html> section 3.
//!
//! Plain cases are decided here; numbers in text and floats in text are handed to SQLite itself, whose conversions no other code repeats
//! exactly.

use super::error::failed;
use crate::error::Result;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, ToSql};
use std::sync::Mutex;

/// A column's affinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Affinity {
    /// Values stay as they are.
    Blob,
    /// Numbers become text.
    Text,
    /// Text that looks like a number becomes one; integral floats become integers.
    Numeric,
    /// As numeric.
    Integer,
    /// As numeric, and integers become floats.
    Real,
}

impl Affinity {
    /// The affinity of a declared type; `ANY` in a STRICT table has none.
    pub fn of(declared: &str, strict: bool) -> Affinity {
        let t = declared.to_ascii_uppercase();
        let has = |words: &[&str]| words.iter().any(|w| t.contains(w));
        match () {
            () if t.trim().is_empty() || (strict && t == "ANY") => Affinity::Blob,
            () if has(&["INT"]) => Affinity::Integer,
            () if has(&["CHAR", "CLOB", "TEXT"]) => Affinity::Text,
            () if has(&["BLOB"]) => Affinity::Blob,
            () if has(&["REAL", "FLOA", "DOUB"]) => Affinity::Real,
            () => Affinity::Numeric,
        }
    }
}

/// Applies affinities as SQLite does when it stores a value.
pub(super) struct Storing {
    /// A table in memory with a column of every affinity; conversions pass through it.
    table: Mutex<Connection>,
}

/// Binds a borrowed value.
pub(super) struct Borrowed<'a>(pub ValueRef<'a>);

impl ToSql for Borrowed<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.0))
    }
}

impl Storing {
    /// Opens the table in memory.
    pub fn new() -> Result<Storing> {
        let table = Connection::open_in_memory().map_err(|e| failed("open a database in memory", &e))?;
        table
            .execute_batch("CREATE TABLE s(b BLOB, t TEXT, n NUMERIC, i INTEGER, r REAL); INSERT INTO s DEFAULT VALUES")
            .map_err(|e| failed("open a database in memory", &e))?;
        Ok(Storing { table: Mutex::new(table) })
    }

    /// What a column of this affinity stores when it is given `value`, where that differs; `None` when it stores the value as it is.
    pub fn stored(&self, affinity: Affinity, value: ValueRef<'_>) -> Result<Option<Value>> {
        let convert = match (affinity, value) {
            // SQLite has no NaN.
            (_, ValueRef::Real(x)) if x.is_nan() => return Ok(Some(Value::Null)),
            (_, ValueRef::Real(x)) if x == 0.0 && x.is_sign_negative() => true,
            (_, ValueRef::Null | ValueRef::Blob(_)) | (Affinity::Blob, _) | (Affinity::Text, ValueRef::Text(_)) => false,
            (Affinity::Text, ValueRef::Integer(i)) => return Ok(Some(Value::Text(i.to_string()))),
            (Affinity::Text, ValueRef::Real(_)) => true,
            (Affinity::Real, ValueRef::Real(_)) | (Affinity::Numeric | Affinity::Integer, ValueRef::Integer(_)) => false,
            (_, ValueRef::Real(x)) => x.fract() == 0.0 && x.is_finite(),
            (Affinity::Real, ValueRef::Integer(_)) => true,
            (_, ValueRef::Text(t)) => may_be_number(t),
        };
        if convert { self.through_sqlite(affinity, value).map(Some) } else { Ok(None) }
    }

    fn through_sqlite(&self, affinity: Affinity, value: ValueRef<'_>) -> Result<Value> {
        let column = match affinity {
            Affinity::Blob => "b",
            Affinity::Text => "t",
            Affinity::Numeric => "n",
            Affinity::Integer => "i",
            Affinity::Real => "r",
        };
        let doing = "convert a value to its column's type";
        // A poisoned lock only means that another thread panicked between two statements that do not depend on each other.
        let table = self.table.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        table
            .prepare_cached(&format!("UPDATE s SET {column} = ?1"))
            .and_then(|mut s| s.execute([Borrowed(value)]))
            .map_err(|e| failed(doing, &e))?;
        table
            .prepare_cached(&format!("SELECT {column} FROM s"))
            .and_then(|mut s| s.query_row([], |r| r.get::<_, Value>(0)))
            .map_err(|e| failed(doing, &e))
    }
}

/// Cheap and generous: false only for text that SQLite surely keeps as text in a numeric column.
fn may_be_number(text: &[u8]) -> bool {
    let is_space = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r');
    match text.iter().find(|b| !is_space(b)) {
        Some(b) => (b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.')) && text.iter().any(u8::is_ascii_digit),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = Value> {
        let number_like = prop_oneof!["[ \t]?[+-]?[0-9]{0,20}[.]?[0-9]{0,20}([eE][+-]?[0-9]{1,3})?[ \n]?", "0x[0-9a-f]{1,4}", "\\PC{0,6}"];
        prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Integer),
            (-200_000i64..200_000).prop_map(|i| Value::Real(i as f64 / 4.0)),
            any::<f64>().prop_map(Value::Real),
            prop::sample::select(vec![f64::NAN, -0.0, f64::INFINITY, 9.3e18, -9.3e18, 9007199254740993.0, 1e15, 140737488355328.0])
                .prop_map(Value::Real),
            number_like.prop_map(Value::Text),
            prop::collection::vec(any::<u8>(), 0..4).prop_map(Value::Blob),
        ]
    }

    /// Equal to the bit: SQL's equality would let -0.0 pass for 0.0.
    fn bits(v: &Value) -> String {
        match v {
            Value::Real(x) => format!("real {:x}", x.to_bits()),
            other => format!("{other:?}"),
        }
    }

    proptest! {
        #[test]
        fn what_is_sent_is_what_a_column_stores(v in value(), declared in prop::sample::select(vec!["", "TEXT", "STRING", "INTEGER", "REAL", "BLOB", "VARCHAR(4)", "FLOAT", "BIGINT"])) {
            let sent = Storing::new().unwrap().stored(Affinity::of(declared, false), ValueRef::from(&v)).unwrap().unwrap_or(v.clone());
            let c = Connection::open_in_memory().unwrap();
            c.execute_batch(&format!("CREATE TABLE t(a {declared})")).unwrap();
            c.execute("INSERT INTO t VALUES(?1)", [&v]).unwrap();
            let stored: Value = c.query_row("SELECT a FROM t", [], |r| r.get(0)).unwrap();
            prop_assert_eq!(bits(&sent), bits(&stored));
            // Storing it once more changes nothing: so a copy of a copy reads the same.
            let again = Storing::new().unwrap().stored(Affinity::of(declared, false), ValueRef::from(&stored)).unwrap();
            prop_assert_eq!(bits(&again.unwrap_or(stored.clone())), bits(&stored));
        }
    }
}
