//! Rows as bytes: the lines of `LOAD DATA`, escaped so that every byte arrives. The same form on both sides, so that the digest of what is
//! sent is the digest of what is read back.
//!
//! Fields are separated by tabs, rows end with a line feed, NULL is `\N`; NUL, tab, line feed and backslash inside a field are escaped. Numbers
//! and times have one spelling each: floats are the shortest that gives the same bits, times carry their column's digits.

use super::charset::Charset;
use super::escape::{escape, unescape};
use crate::batch::Encoding;
use crate::error::{EngineError, ErrorKind, Result};
use crate::spelling::{decimal, uuid, uuid_text};
use greenroom_model::carry::Cell;
use greenroom_model::mask::Value;
use mysql_async::Value as Wire;
use std::borrow::Cow;
use std::io::Write;

/// How the fields of a column are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    /// Whole numbers.
    Integer,
    /// Years, four digits.
    Year,
    /// Decimals with so many digits behind the point.
    Decimal { scale: u32 },
    /// Single precision.
    Float,
    /// Double precision.
    Double,
    /// Days. A zero date is NULL to masks, and NULL from a mask is a zero date where NULL may not stand.
    Date { nullable: bool },
    /// Date and time, as [`Codec::Date`].
    DateTime { fraction: usize, nullable: bool },
    /// Time of day, or a span of time.
    Time { fraction: usize },
    /// Text; `padded` columns lose blanks at their end.
    Text { charset: Charset, padded: bool },
    /// JSON.
    Json,
    /// Bytes.
    Bytes,
    /// UUIDs, as text.
    Uuid,
    /// Addresses, as text.
    Inet,
    /// What masks never see: enum, set, bit, geometry.
    Opaque,
}

/// The encoding of one table's rows.
#[derive(Clone, Debug)]
pub(crate) struct MyEncoding {
    pub(crate) codecs: Vec<Codec>,
}

const NULL: &[u8] = b"\\N";

impl MyEncoding {
    pub(crate) fn new(codecs: Vec<Codec>) -> MyEncoding {
        MyEncoding { codecs }
    }

    /// Appends a row as the driver gives it; what stands behind the columns are conditions.
    pub(crate) fn write_row(&self, row: &mysql_async::Row, out: &mut Vec<u8>) -> Result<()> {
        for i in 0..row.len() {
            if i > 0 {
                out.push(b'\t');
            }
            let value = row.as_ref(i).ok_or_else(malformed)?;
            write_wire(self.codecs.get(i).copied().unwrap_or(Codec::Integer), value, out)?;
        }
        out.push(b'\n');
        Ok(())
    }

    fn codec(&self, column: usize) -> Result<Codec> {
        self.codecs.get(column).copied().ok_or_else(malformed)
    }
}

fn malformed() -> EngineError {
    EngineError::new(ErrorKind::Data, "read encoded rows", "the bytes are not rows of this table")
}

fn wire_mismatch() -> EngineError {
    EngineError::other("read rows", "the server sent a value of another type than the column's")
}

fn write_wire(codec: Codec, value: &Wire, out: &mut Vec<u8>) -> Result<()> {
    // Writing into a Vec cannot fail.
    let _ = match (codec, value) {
        (_, Wire::NULL) => out.write_all(NULL),
        (Codec::Year, Wire::Int(n)) => write!(out, "{n:04}"),
        (Codec::Year, Wire::UInt(n)) => write!(out, "{n:04}"),
        (_, Wire::Int(n)) => write!(out, "{n}"),
        (_, Wire::UInt(n)) => write!(out, "{n}"),
        (_, Wire::Float(x)) => write!(out, "{}", f64::from(*x)),
        (_, Wire::Double(x)) => write!(out, "{x}"),
        (Codec::Date { .. }, Wire::Date(y, m, d, ..)) => write!(out, "{y:04}-{m:02}-{d:02}"),
        (Codec::DateTime { fraction, .. }, Wire::Date(y, m, d, h, min, s, us)) => {
            write!(out, "{y:04}-{m:02}-{d:02} {h:02}:{min:02}:{s:02}").and_then(|()| write_fraction(*us, fraction, out))
        }
        (Codec::Time { fraction }, Wire::Time(negative, days, h, m, s, us)) => {
            let sign = if *negative { "-" } else { "" };
            write!(out, "{sign}{:02}:{m:02}:{s:02}", days * 24 + u32::from(*h)).and_then(|()| write_fraction(*us, fraction, out))
        }
        (_, Wire::Bytes(bytes)) => {
            escape(bytes, out);
            Ok(())
        }
        _ => return Err(wire_mismatch()),
    };
    Ok(())
}

fn write_fraction(micros: u32, digits: usize, out: &mut Vec<u8>) -> std::io::Result<()> {
    if digits == 0 {
        return Ok(());
    }
    let all = format!("{micros:06}");
    write!(out, ".{}", &all[..digits.min(6)])
}

impl Encoding for MyEncoding {
    fn next_row<'a>(&self, data: &mut &'a [u8], fields: &mut Vec<Option<&'a [u8]>>) -> Result<bool> {
        fields.clear();
        if data.is_empty() {
            return Ok(false);
        }
        // Line feeds and tabs inside of fields are escaped, so these two bytes only ever end something.
        let end = data.iter().position(|b| *b == b'\n').ok_or_else(malformed)?;
        let (row, rest) = (&data[..end], &data[end + 1..]);
        fields.extend(row.split(|b| *b == b'\t').map(|f| (f != NULL).then_some(f)));
        *data = rest;
        Ok(true)
    }

    fn begin_row(&self, _fields: usize, _out: &mut Vec<u8>) {}

    fn put_field(&self, first: bool, field: Option<&[u8]>, out: &mut Vec<u8>) {
        if !first {
            out.push(b'\t');
        }
        out.extend_from_slice(field.unwrap_or(NULL));
    }

    fn end_row(&self, out: &mut Vec<u8>) {
        out.push(b'\n');
    }

    fn decode<'a>(&self, column: usize, field: &'a [u8]) -> Result<Value<'a>> {
        decode(self.codec(column)?, field)
    }

    fn encode(&self, column: usize, value: &Value<'_>, out: &mut Vec<u8>) -> Result<bool> {
        encode(self.codec(column)?, value, out)
    }

    fn cell(&self, column: usize, field: Option<&[u8]>) -> Result<Cell> {
        let Some(field) = field else { return Ok(Cell::NULL) };
        match self.codec(column)? {
            Codec::Text { charset, .. } => {
                let (bytes, text) = (unescape(field), decoded(charset, field)?);
                if *charset.encode(&text)? == *bytes {
                    return Ok(Cell::text(&text));
                }
                // Two sequences of bytes for one character: only one of them could be written.
                Err(EngineError::new(ErrorKind::Data, "read a value", "a text does not come back the same from its character set"))
            }
            Codec::Json => Ok(Cell::text(&decoded(Charset::Utf8, field)?)),
            _ => Ok(Cell::new(&*unescape(field))),
        }
    }

    fn is_true(&self, field: Option<&[u8]>) -> bool {
        field.is_some_and(|f| f != b"0")
    }
}

fn plain(field: &[u8]) -> Result<&str> {
    std::str::from_utf8(field).map_err(|_| malformed())
}

fn decode(codec: Codec, field: &[u8]) -> Result<Value<'_>> {
    let zero = |text: &str| text.starts_with("0000") || text.get(5..7) == Some("00") || text.get(8..10) == Some("00");
    Ok(match codec {
        Codec::Integer | Codec::Year => {
            let text = plain(field)?;
            match text.parse() {
                Ok(n) => Value::Int(n),
                // Unsigned numbers beyond what a signed one holds.
                Err(_) => Value::Decimal(Cow::Borrowed(text)),
            }
        }
        Codec::Decimal { .. } => Value::Decimal(Cow::Borrowed(plain(field)?)),
        Codec::Float | Codec::Double => Value::Float(plain(field)?.parse().map_err(|_| malformed())?),
        Codec::Date { .. } => {
            let text = plain(field)?;
            if zero(text) {
                return Ok(Value::Null);
            }
            Value::Date(text.parse().map_err(|_| no_day())?)
        }
        Codec::DateTime { .. } => {
            let text = plain(field)?;
            if zero(text) {
                return Ok(Value::Null);
            }
            Value::Timestamp(text.parse().map_err(|_| no_day())?)
        }
        Codec::Time { .. } => Value::Text(Cow::Borrowed(plain(field)?)),
        Codec::Text { charset, .. } => Value::Text(decoded(charset, field)?),
        Codec::Json => Value::Json(decoded(Charset::Utf8, field)?),
        Codec::Inet => Value::Inet(Cow::Borrowed(plain(field)?)),
        Codec::Uuid => Value::Uuid(uuid(plain(field)?).ok_or_else(malformed)?),
        Codec::Bytes | Codec::Opaque => Value::Bytes(unescape(field)),
    })
}

fn no_day() -> EngineError {
    EngineError::new(ErrorKind::Data, "decode a value", "a date is no day of the calendar")
        .hint("repair the rows, or set the column to null, clear or default")
}

fn decoded(charset: Charset, field: &[u8]) -> Result<Cow<'_, str>> {
    match unescape(field) {
        Cow::Borrowed(bytes) => charset.decode(bytes),
        Cow::Owned(bytes) => charset.decode(&bytes).map(|text| Cow::Owned(text.into_owned())),
    }
}

fn encode(codec: Codec, value: &Value<'_>, out: &mut Vec<u8>) -> Result<bool> {
    let unfit = || EngineError::new(ErrorKind::Data, "encode a value", "a mask's value does not fit the column's type");
    let text = match value {
        Value::Null => {
            let zero: &[u8] = match codec {
                Codec::Date { nullable: false } => b"0000-00-00",
                Codec::DateTime { nullable: false, fraction } => {
                    let _ = out.write_all(b"0000-00-00 00:00:00").and_then(|()| write_fraction(0, fraction, out));
                    b""
                }
                _ => return Ok(false),
            };
            out.extend_from_slice(zero);
            return Ok(true);
        }
        Value::Bytes(bytes) => {
            escape(bytes, out);
            return Ok(true);
        }
        Value::Bool(b) => Cow::Borrowed(if *b { "1" } else { "0" }),
        Value::Int(n) => Cow::Owned(n.to_string()),
        Value::Float(x) => Cow::Owned(x.to_string()),
        Value::Decimal(t) | Value::Text(t) | Value::Json(t) | Value::Inet(t) => Cow::Borrowed(&**t),
        Value::Date(d) => Cow::Owned(d.to_string()),
        Value::Timestamp(t) => Cow::Owned(t.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string()),
        Value::Uuid(u) => Cow::Owned(uuid_text(u)),
        Value::TextArray(_) => return Err(EngineError::new(ErrorKind::Data, "encode a value", "these servers have no arrays")),
    };
    // One spelling each, the one in which the server gives the value back.
    let _ = match codec {
        Codec::Integer => write!(out, "{}", text.parse::<i128>().map_err(|_| unfit())?),
        Codec::Year => write!(out, "{:04}", text.parse::<u16>().map_err(|_| unfit())?),
        Codec::Decimal { scale } => write!(out, "{}", decimal(&text, scale).ok_or_else(unfit)?),
        // What a single-precision column keeps of the number.
        #[expect(clippy::cast_possible_truncation, reason = "the column rounds in the same way")]
        Codec::Float => write!(out, "{}", f64::from(text.parse::<f64>().map_err(|_| unfit())? as f32)),
        Codec::Double => write!(out, "{}", text.parse::<f64>().map_err(|_| unfit())?),
        Codec::Date { .. } => write!(out, "{}", text.get(..10).ok_or_else(unfit)?),
        Codec::DateTime { fraction, .. } => {
            let whole = if text.len() == 10 { Cow::Owned(format!("{text} 00:00:00")) } else { text };
            let (seconds, digits) = whole.split_once('.').unwrap_or((&whole, ""));
            let micros = format!("{digits:0<6}").get(..6).and_then(|d| d.parse().ok()).ok_or_else(unfit)?;
            write!(out, "{}", seconds.replacen('T', " ", 1)).and_then(|()| write_fraction(micros, fraction, out))
        }
        Codec::Text { charset, padded } => {
            let text = if padded { text.trim_end_matches(' ') } else { &text };
            escape(&charset.encode(&charset.fitted(text))?, out);
            Ok(())
        }
        Codec::Uuid => write!(out, "{}", uuid_text(&uuid(&text).ok_or_else(unfit)?)),
        Codec::Json | Codec::Bytes | Codec::Inet | Codec::Opaque | Codec::Time { .. } => {
            escape(text.as_bytes(), out);
            Ok(())
        }
    };
    Ok(true)
}

/// Encodes a constant that the server wrote as text of the column's type.
pub(crate) fn constant(codec: Codec, text: Option<&[u8]>) -> Result<Option<Vec<u8>>> {
    let Some(text) = text else { return Ok(None) };
    let mut out = Vec::new();
    match codec {
        Codec::Bytes | Codec::Opaque => escape(text, &mut out),
        _ => {
            let text = std::str::from_utf8(text).map_err(|_| malformed())?;
            encode(codec, &Value::Text(Cow::Borrowed(text)), &mut out)?;
        }
    }
    Ok(Some(out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(codec: Codec, value: Value<'_>) -> String {
        let mut out = Vec::new();
        assert!(encode(codec, &value, &mut out).unwrap());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_have_the_spelling_in_which_the_server_gives_them_back() {
        let text = |t: &'static str| Value::Text(t.into());
        let latin = Codec::Text { charset: Charset::Utf8, padded: true };
        for (codec, value, expected) in [
            (Codec::Integer, text("00123"), "123"),
            (Codec::Year, Value::Int(7), "0007"),
            (Codec::Decimal { scale: 2 }, Value::Decimal("1.005".into()), "1.01"),
            (Codec::Decimal { scale: 2 }, Value::Decimal("-0.001".into()), "0.00"),
            (Codec::Decimal { scale: 0 }, Value::Decimal("99.5".into()), "100"),
            (Codec::Decimal { scale: 3 }, Value::Int(-7), "-7.000"),
            (Codec::Float, Value::Float(0.1), "0.10000000149011612"),
            (
                Codec::DateTime { fraction: 3, nullable: true },
                Value::Timestamp(jiff::civil::date(1980, 2, 3).at(4, 5, 6, 7_000_000)),
                "1980-02-03 04:05:06.007",
            ),
            (Codec::DateTime { fraction: 0, nullable: true }, Value::Date(jiff::civil::date(1980, 2, 3)), "1980-02-03 00:00:00"),
            (Codec::Date { nullable: false }, Value::Null, "0000-00-00"),
            (latin, text("ab  "), "ab"),
            (Codec::Uuid, Value::Uuid([0xab; 16]), "abababab-abab-abab-abab-abababababab"),
        ] {
            assert_eq!(encoded(codec, value), expected, "{codec:?}");
        }
        assert!(encode(Codec::Integer, &text("ann"), &mut Vec::new()).is_err());
        assert!(!encode(Codec::Date { nullable: true }, &Value::Null, &mut Vec::new()).unwrap());
    }

    #[test]
    fn zero_dates_are_null_to_masks() {
        assert_eq!(decode(Codec::Date { nullable: false }, b"0000-00-00").unwrap(), Value::Null);
        assert_eq!(decode(Codec::Date { nullable: false }, b"2020-00-12").unwrap(), Value::Null);
        assert!(decode(Codec::Date { nullable: false }, b"2021-02-31").is_err());
        assert_eq!(decode(Codec::Integer, b"18446744073709551615").unwrap(), Value::Decimal("18446744073709551615".into()));
    }

    proptest! {
        #[test]
        fn rows_come_out_as_they_went_in(fields in prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..60)), 1..20)) {
            let e = MyEncoding::new(Vec::new());
            let mut out = Vec::new();
            e.begin_row(fields.len(), &mut out);
            for (i, f) in fields.iter().enumerate() {
                let escaped = f.as_ref().map(|f| { let mut o = Vec::new(); escape(f, &mut o); o });
                e.put_field(i == 0, escaped.as_deref(), &mut out);
            }
            e.end_row(&mut out);
            let (mut rest, mut read) = (&out[..], Vec::new());
            prop_assert!(e.next_row(&mut rest, &mut read).unwrap());
            let back: Vec<Option<Vec<u8>>> = read.iter().map(|f| f.map(|f| unescape(f).into_owned())).collect();
            prop_assert_eq!(back, fields);
            prop_assert!(!e.next_row(&mut rest, &mut read).unwrap());
        }
    }
}
