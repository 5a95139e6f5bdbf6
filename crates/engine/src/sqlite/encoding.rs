//! SQLite's rows as bytes. The same form on both sides, so that the digest of what is sent is the digest of what is read back.
//!
//! A row is the number of its fields (two bytes, little-endian), then its fields. A field is a varint, 0 for NULL, else one more than the
//! length of what follows: a storage class (1 integer, 2 real, 3 text, 4 blob) and its bytes; numbers are 8 bytes, little-endian. Text is
//! carried as it is, also where it is not valid UTF-8.

use super::affinity::{Affinity, Storing};
use crate::batch::Encoding;
use crate::error::{EngineError, ErrorKind, Result};
use greenroom_model::carry::Cell;
use greenroom_model::catalog::Family;
use greenroom_model::mask::Value;
use rusqlite::types::{Value as Stored, ValueRef};
use std::borrow::Cow;

const INTEGER: u8 = 1;
const REAL: u8 = 2;
const TEXT: u8 = 3;
const BLOB: u8 = 4;

/// The encoding of one table's rows.
pub(super) struct SqliteEncoding {
    columns: Vec<(Family, Affinity)>,
    storing: Storing,
    /// Fields come from a query: a cell is what the column would store.
    as_stored: bool,
}

impl SqliteEncoding {
    /// For columns of these families and affinities.
    pub fn new(columns: Vec<(Family, Affinity)>) -> Result<SqliteEncoding> {
        Ok(SqliteEncoding { columns, storing: Storing::new()?, as_stored: false })
    }

    /// The same for the rows of a query: cells are what columns would store.
    pub fn of_query(self) -> SqliteEncoding {
        SqliteEncoding { as_stored: true, ..self }
    }

    /// Encodes what the column stores when it is given `value`; false is NULL.
    pub fn encode_stored(&self, column: usize, value: ValueRef<'_>, out: &mut Vec<u8>) -> Result<bool> {
        let Some((_, affinity)) = self.columns.get(column) else {
            return Err(malformed());
        };
        match self.storing.stored(*affinity, value)? {
            Some(stored) => Ok(put_value(ValueRef::from(&stored), out)),
            None => Ok(put_value(value, out)),
        }
    }
}

/// Appends a row as it stands in the statement.
pub(super) fn write_row(row: &rusqlite::Row<'_>, width: usize, out: &mut Vec<u8>) -> rusqlite::Result<()> {
    begin(width, out);
    for i in 0..width {
        match row.get_ref(i)? {
            ValueRef::Null => out.push(0),
            ValueRef::Integer(v) => put_short(INTEGER, v.to_le_bytes(), out),
            ValueRef::Real(v) => put_short(REAL, v.to_le_bytes(), out),
            ValueRef::Text(v) => put_long(TEXT, v, out),
            ValueRef::Blob(v) => put_long(BLOB, v, out),
        }
    }
    Ok(())
}

/// A field's value, for binding.
pub(super) fn value_of(field: Option<&[u8]>) -> Result<ValueRef<'_>> {
    let Some(field) = field else { return Ok(ValueRef::Null) };
    let (class, bytes) = field.split_first().ok_or_else(malformed)?;
    let number = || <[u8; 8]>::try_from(bytes).map_err(|_| malformed());
    Ok(match *class {
        INTEGER => ValueRef::Integer(i64::from_le_bytes(number()?)),
        REAL => ValueRef::Real(f64::from_le_bytes(number()?)),
        TEXT => ValueRef::Text(bytes),
        BLOB => ValueRef::Blob(bytes),
        _ => return Err(malformed()),
    })
}

/// Takes the next row off `data`; false at the end.
pub(super) fn take_row<'a>(data: &mut &'a [u8], fields: &mut Vec<Option<&'a [u8]>>) -> Result<bool> {
    fields.clear();
    if data.is_empty() {
        return Ok(false);
    }
    let (count, mut rest) = data.split_first_chunk::<2>().ok_or_else(malformed)?;
    for _ in 0..u16::from_le_bytes(*count) {
        let length = take_varint(&mut rest)?;
        if length == 0 {
            fields.push(None);
            continue;
        }
        let (field, after) = rest.split_at_checked(length - 1).ok_or_else(malformed)?;
        fields.push(Some(field));
        rest = after;
    }
    *data = rest;
    Ok(true)
}

fn begin(fields: usize, out: &mut Vec<u8>) {
    // SQLite's own ceiling is 32,767 columns.
    let count = u16::try_from(fields).expect("SQLite results have at most 32,767 columns");
    out.extend_from_slice(&count.to_le_bytes());
}

fn put_short(class: u8, bytes: [u8; 8], out: &mut Vec<u8>) {
    out.push(10);
    out.push(class);
    out.extend_from_slice(&bytes);
}

fn put_long(class: u8, bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(bytes.len() + 2, out);
    out.push(class);
    out.extend_from_slice(bytes);
}

/// Appends class and bytes without the length; false for NULL.
fn put_value(value: ValueRef<'_>, out: &mut Vec<u8>) -> bool {
    let (class, bytes): (u8, &[u8]) = match &value {
        ValueRef::Null => return false,
        ValueRef::Integer(v) => (INTEGER, &v.to_le_bytes()),
        ValueRef::Real(v) => (REAL, &v.to_le_bytes()),
        ValueRef::Text(v) => (TEXT, v),
        ValueRef::Blob(v) => (BLOB, v),
    };
    out.push(class);
    out.extend_from_slice(bytes);
    true
}

fn put_varint(mut n: usize, out: &mut Vec<u8>) {
    loop {
        let low = u8::try_from(n & 0x7f).expect("seven bits fit a byte");
        n >>= 7;
        if n == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

fn take_varint(data: &mut &[u8]) -> Result<usize> {
    let mut n = 0usize;
    for shift in (0..usize::BITS).step_by(7) {
        let (byte, rest) = data.split_first().ok_or_else(malformed)?;
        *data = rest;
        n |= usize::from(byte & 0x7f).checked_shl(shift).ok_or_else(malformed)?;
        if byte & 0x80 == 0 {
            return Ok(n);
        }
    }
    Err(malformed())
}

fn malformed() -> EngineError {
    EngineError::new(ErrorKind::Data, "read encoded rows", "the bytes are not rows of this table")
}

impl Encoding for SqliteEncoding {
    fn next_row<'a>(&self, data: &mut &'a [u8], fields: &mut Vec<Option<&'a [u8]>>) -> Result<bool> {
        take_row(data, fields)
    }

    fn begin_row(&self, fields: usize, out: &mut Vec<u8>) {
        begin(fields, out);
    }

    fn put_field(&self, _first: bool, field: Option<&[u8]>, out: &mut Vec<u8>) {
        match field {
            None => out.push(0),
            Some(bytes) => {
                put_varint(bytes.len() + 1, out);
                out.extend_from_slice(bytes);
            }
        }
    }

    fn end_row(&self, _out: &mut Vec<u8>) {}

    fn decode<'a>(&self, column: usize, field: &'a [u8]) -> Result<Value<'a>> {
        let family = self.columns.get(column).ok_or_else(malformed)?.0;
        Ok(match value_of(Some(field))? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(i) => Value::Int(i),
            ValueRef::Real(x) => Value::Float(x),
            ValueRef::Blob(b) => Value::Bytes(Cow::Borrowed(b)),
            ValueRef::Text(t) => {
                let text = std::str::from_utf8(t).map_err(|_| {
                    EngineError::new(ErrorKind::Data, "decode a value", "a text is not valid UTF-8").hint(
                        "set the column to null or clear, or repair the rows: SELECT rowid FROM the table WHERE hex(the column) shows them",
                    )
                })?;
                if family == Family::Json { Value::Json(Cow::Borrowed(text)) } else { Value::Text(Cow::Borrowed(text)) }
            }
        })
    }

    fn encode(&self, column: usize, value: &Value<'_>, out: &mut Vec<u8>) -> Result<bool> {
        let made;
        let value = match value {
            Value::Null => return Ok(false),
            Value::Bool(b) => ValueRef::Integer(i64::from(*b)),
            Value::Int(i) => ValueRef::Integer(*i),
            Value::Float(x) => ValueRef::Real(*x),
            Value::Decimal(t) | Value::Text(t) | Value::Json(t) | Value::Inet(t) => ValueRef::Text(t.as_bytes()),
            Value::Bytes(b) => ValueRef::Blob(b),
            // SQLite's own date functions write these forms.
            Value::Date(d) => {
                made = Stored::Text(d.to_string());
                ValueRef::from(&made)
            }
            Value::Timestamp(t) => {
                made = Stored::Text(t.to_string().replacen('T', " ", 1));
                ValueRef::from(&made)
            }
            Value::Uuid(u) => {
                made = Stored::Text(uuid_text(u));
                ValueRef::from(&made)
            }
            Value::TextArray(_) => {
                return Err(EngineError::new(ErrorKind::Data, "encode a value", "SQLite has no arrays"));
            }
        };
        self.encode_stored(column, value, out)
    }

    fn cell(&self, column: usize, field: Option<&[u8]>) -> Result<Cell> {
        let affinity = self.columns.get(column).ok_or_else(malformed)?.1;
        let value = value_of(field)?;
        if self.as_stored
            && let Some(stored) = self.storing.stored(affinity, value)?
        {
            return Ok(super::carry::cell(affinity, ValueRef::from(&stored)));
        }
        Ok(super::carry::cell(affinity, value))
    }

    fn is_true(&self, field: Option<&[u8]>) -> bool {
        match value_of(field) {
            Ok(ValueRef::Integer(i)) => i != 0,
            Ok(ValueRef::Real(x)) => x != 0.0,
            _ => false,
        }
    }
}

fn uuid_text(uuid: &[u8; 16]) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(36);
    for (i, byte) in uuid.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        let _ = write!(out, "{byte:02x}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoding(family: Family, declared: &str) -> SqliteEncoding {
        SqliteEncoding::new(vec![(family, Affinity::of(declared, false))]).unwrap()
    }

    #[test]
    fn masks_values_are_stored_in_the_forms_that_sqlite_itself_writes() {
        for (declared, value, expected) in [
            ("DATE", Value::Date(jiff::civil::date(1980, 2, 3)), ValueRef::Text(b"1980-02-03")),
            ("DATETIME", Value::Timestamp(jiff::civil::date(1980, 2, 3).at(4, 5, 6, 0)), ValueRef::Text(b"1980-02-03 04:05:06")),
            ("UUID", Value::Uuid([0xab; 16]), ValueRef::Text(b"abababab-abab-abab-abab-abababababab")),
            ("BOOLEAN", Value::Bool(true), ValueRef::Integer(1)),
            ("DECIMAL(9,2)", Value::Decimal("12.50".into()), ValueRef::Real(12.5)),
            ("INTEGER", Value::Text("00123".into()), ValueRef::Integer(123)),
            ("TEXT", Value::Int(12), ValueRef::Text(b"12")),
            ("REAL", Value::Int(3), ValueRef::Real(3.0)),
            ("BLOB", Value::Text("00123".into()), ValueRef::Text(b"00123")),
        ] {
            let mut out = Vec::new();
            assert!(encoding(Family::Any, declared).encode(0, &value, &mut out).unwrap());
            assert_eq!(value_of(Some(&out)).unwrap(), expected, "{declared}");
        }
        let mut out = Vec::new();
        assert!(!encoding(Family::Float, "REAL").encode(0, &Value::Float(f64::NAN), &mut out).unwrap());
        assert!(encoding(Family::Text, "TEXT").encode(0, &Value::TextArray(vec![]), &mut out).is_err());
        assert!(out.is_empty());
    }

    #[test]
    fn text_that_is_no_utf8_is_refused_without_quoting_it() {
        let e = encoding(Family::Text, "TEXT").decode(0, &[TEXT, b'a', b'n', b'n', 0xff]).unwrap_err();
        assert_eq!(e.kind, ErrorKind::Data);
        assert!(!format!("{e:?}").contains("ann"));
        assert_eq!(encoding(Family::Json, "JSON").decode(0, &[TEXT, b'{', b'}']).unwrap(), Value::Json("{}".into()));
    }

    proptest! {
        #[test]
        fn rows_come_out_as_they_went_in(fields in prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 1..300)), 0..40)) {
            let e = encoding(Family::Any, "");
            let mut out = Vec::new();
            e.begin_row(fields.len(), &mut out);
            for (i, f) in fields.iter().enumerate() {
                e.put_field(i == 0, f.as_deref(), &mut out);
            }
            e.end_row(&mut out);
            let (mut rest, mut read) = (&out[..], Vec::new());
            prop_assert!(e.next_row(&mut rest, &mut read).unwrap());
            prop_assert_eq!(read, fields.iter().map(Option::as_deref).collect::<Vec<_>>());
            prop_assert!(!e.next_row(&mut rest, &mut Vec::new()).unwrap());
        }

        #[test]
        fn bytes_that_are_no_rows_are_errors_not_panics(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let (mut rest, mut read) = (&bytes[..], Vec::new());
            while let Ok(true) = take_row(&mut rest, &mut read) {
                for f in &read {
                    let _ = value_of(*f);
                }
            }
        }
    }
}
