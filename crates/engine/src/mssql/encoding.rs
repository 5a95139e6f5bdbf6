//! Rows as bytes: every field with its length in front. The same form on both sides, so that the digest of what is sent is the digest of what is
//! read back.
//!
//! A row is the number of its fields (2 bytes, little endian) and the fields, each a length (4, little endian, [`NULL`] for NULL) and so many
//! bytes. Numbers, times and UUIDs are text with one spelling each; text is UTF-8; bytes are themselves. What the driver's values look like is
//! `wire`'s.

use super::moment;
use crate::batch::Encoding;
use crate::error::{EngineError, ErrorKind, Result};
use crate::spelling::{decimal, fitted, uuid, uuid_text};
use greenroom_model::carry::Cell;
use greenroom_model::mask::Value;
use std::borrow::Cow;
use std::io::Write;

/// How the fields of a column are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    /// Whole numbers.
    Integer,
    /// `0` or `1`.
    Bit,
    /// Decimals with so many digits behind the point.
    Decimal {
        /// Digits behind the point.
        scale: u32,
    },
    /// Single precision, the shortest text that gives the same bits.
    Real,
    /// Double precision, as [`Codec::Real`].
    Float,
    /// `2020-02-03`.
    Date,
    /// `04:05:06.0070000`, with the column's digits.
    Time {
        /// Digits behind the point.
        scale: u8,
    },
    /// `2020-02-03 04:05:06.007`: three digits, of which the server keeps 1/300 s.
    DateTime,
    /// `2020-02-03 04:05:00`.
    SmallDateTime,
    /// As [`Codec::DateTime`] with the column's digits.
    DateTime2 {
        /// Digits behind the point.
        scale: u8,
    },
    /// The moment in UTC and the offset in minutes: `2020-02-03 04:05:06.007 +60`.
    Offset {
        /// Digits behind the point.
        scale: u8,
    },
    /// Text; blanks at the end of `padded` columns are the server's.
    Text {
        /// The column has a fixed length.
        padded: bool,
        /// What characters it can hold.
        page: Page,
    },
    /// XML as text.
    Xml,
    /// Bytes, filled up with zeros to `width` where the column has a fixed one.
    Bytes {
        /// Bytes of a fixed-length column.
        width: Option<usize>,
    },
    /// UUIDs, as text.
    Guid,
    /// A `sql_variant` as its type and text (see `types`).
    Variant,
    /// What masks never see: serialised types of the CLR.
    Opaque,
}

/// The characters that a column of text can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// All of Unicode.
    Any,
    /// Those of a code page.
    Table(&'static encoding_rs::Encoding),
    /// Nobody knows which besides ASCII.
    Ascii,
}

impl Page {
    /// Of a collation's name, as <https://learn.microsoft.com/sql/relational-databases/collations/collation-and-unicode-support> groups them:
    /// the language in front, or the code page itself in the names that begin with `SQL_`.
    pub(crate) fn of(collation: &str) -> Page {
        let name = collation.to_ascii_lowercase();
        if name.contains("_utf8") {
            return Page::Any;
        }
        let languages: [(&[&str], &'static encoding_rs::Encoding); 11] = [
            (
                &[
                    "albanian",
                    "bosnian_latin",
                    "croatian",
                    "czech",
                    "hungarian",
                    "polish",
                    "romanian",
                    "serbian_latin",
                    "slovak",
                    "slovenian",
                ],
                encoding_rs::WINDOWS_1250,
            ),
            (
                &[
                    "bashkir",
                    "bosnian_cyrillic",
                    "cyrillic",
                    "kazakh",
                    "macedonian",
                    "mongolian",
                    "serbian_cyrillic",
                    "tatar",
                    "ukrainian",
                    "yakut",
                ],
                encoding_rs::WINDOWS_1251,
            ),
            (&["greek"], encoding_rs::WINDOWS_1253),
            (&["azeri_latin", "azeri_90_latin", "turkish", "turkmen", "uzbek_latin"], encoding_rs::WINDOWS_1254),
            (&["hebrew"], encoding_rs::WINDOWS_1255),
            (&["arabic", "persian", "urdu", "uighur", "dari", "pashto"], encoding_rs::WINDOWS_1256),
            (&["estonian", "latvian", "lithuanian"], encoding_rs::WINDOWS_1257),
            (&["vietnamese"], encoding_rs::WINDOWS_1258),
            (&["thai"], encoding_rs::WINDOWS_874),
            (&["japanese"], encoding_rs::SHIFT_JIS),
            (
                &[
                    "latin1_general",
                    "basque",
                    "breton",
                    "corsican",
                    "danish",
                    "finnish",
                    "french",
                    "frisian",
                    "german",
                    "icelandic",
                    "modern_spanish",
                    "norwegian",
                    "traditional_spanish",
                    "welsh",
                    "romansh",
                    "upper_sorbian",
                    "bbf_unicode_cp1_",
                    "bbf_unicode_general",
                    "bbf_unicode_cp1252",
                ],
                encoding_rs::WINDOWS_1252,
            ),
        ];
        let pages = [
            ("_cp1250_", encoding_rs::WINDOWS_1250),
            ("_cp1251_", encoding_rs::WINDOWS_1251),
            ("_cp1253_", encoding_rs::WINDOWS_1253),
            ("_cp1254_", encoding_rs::WINDOWS_1254),
            ("_cp1255_", encoding_rs::WINDOWS_1255),
            ("_cp1256_", encoding_rs::WINDOWS_1256),
            ("_cp1257_", encoding_rs::WINDOWS_1257),
            ("_cp1_", encoding_rs::WINDOWS_1252),
        ];
        if name.starts_with("sql_") {
            return pages.iter().find(|(part, _)| name.contains(part)).map_or(Page::Ascii, |(_, page)| Page::Table(page));
        }
        let found = languages.iter().find(|(names, _)| names.iter().any(|n| name.starts_with(n)));
        found.map_or(Page::Ascii, |(_, page)| Page::Table(page))
    }

    /// A mask's text with what the column cannot hold replaced.
    fn fitted(self, text: &str) -> Cow<'_, str> {
        match self {
            Page::Any => Cow::Borrowed(text),
            Page::Table(page) => fitted(text, |c| !page.encode(c.encode_utf8(&mut [0; 4])).2),
            Page::Ascii => fitted(text, |c| c.is_ascii()),
        }
    }
}

impl Codec {
    /// Digits of a second that the column keeps, where its type says so.
    pub(crate) fn digits(self) -> Option<u8> {
        match self {
            Codec::Time { scale } | Codec::DateTime2 { scale } | Codec::Offset { scale } => Some(scale),
            _ => None,
        }
    }
}

/// The length that stands for NULL.
pub(crate) const NULL: u32 = u32::MAX;

/// The encoding of one table's rows.
#[derive(Clone, Debug)]
pub(crate) struct MsEncoding {
    codecs: Vec<Codec>,
}

impl MsEncoding {
    /// An encoding of so many columns; conditions behind them are whole numbers.
    pub(crate) fn new(codecs: Vec<Codec>) -> MsEncoding {
        MsEncoding { codecs }
    }

    /// A column's codec.
    pub(crate) fn codec(&self, column: usize) -> Codec {
        self.codecs.get(column).copied().unwrap_or(Codec::Integer)
    }
}

fn malformed() -> EngineError {
    EngineError::new(ErrorKind::Data, "read encoded rows", "the bytes are not rows of this table")
}

fn take<'a>(data: &mut &'a [u8], bytes: usize) -> Result<&'a [u8]> {
    let (taken, rest) = data.split_at_checked(bytes).ok_or_else(malformed)?;
    *data = rest;
    Ok(taken)
}

impl Encoding for MsEncoding {
    fn next_row<'a>(&self, data: &mut &'a [u8], fields: &mut Vec<Option<&'a [u8]>>) -> Result<bool> {
        fields.clear();
        if data.is_empty() {
            return Ok(false);
        }
        let count = u16::from_le_bytes(take(data, 2)?.try_into().map_err(|_| malformed())?);
        for _ in 0..count {
            let length = u32::from_le_bytes(take(data, 4)?.try_into().map_err(|_| malformed())?);
            fields.push(match length {
                NULL => None,
                n => Some(take(data, usize::try_from(n).map_err(|_| malformed())?)?),
            });
        }
        Ok(true)
    }

    fn begin_row(&self, fields: usize, out: &mut Vec<u8>) {
        let count = u16::try_from(fields).expect("a table has at most 30,000 columns");
        out.extend_from_slice(&count.to_le_bytes());
    }

    fn put_field(&self, _first: bool, field: Option<&[u8]>, out: &mut Vec<u8>) {
        put(field, out);
    }

    fn end_row(&self, _out: &mut Vec<u8>) {}

    fn decode<'a>(&self, column: usize, field: &'a [u8]) -> Result<Value<'a>> {
        decode(self.codec(column), field)
    }

    fn encode(&self, column: usize, value: &Value<'_>, out: &mut Vec<u8>) -> Result<bool> {
        encode(self.codec(column), value, out)
    }

    fn cell(&self, _column: usize, field: Option<&[u8]>) -> Result<Cell> {
        Ok(field.map_or(Cell::NULL, Cell::new))
    }

    fn is_true(&self, field: Option<&[u8]>) -> bool {
        field.is_some_and(|f| f != b"0")
    }
}

/// Appends a field.
pub(crate) fn put(field: Option<&[u8]>, out: &mut Vec<u8>) {
    match field {
        None => out.extend_from_slice(&NULL.to_le_bytes()),
        Some(bytes) => {
            let length = u32::try_from(bytes.len()).expect("a value holds at most 2 GiB");
            out.extend_from_slice(&length.to_le_bytes());
            out.extend_from_slice(bytes);
        }
    }
}

fn plain(field: &[u8]) -> Result<&str> {
    std::str::from_utf8(field).map_err(|_| malformed())
}

fn decode(codec: Codec, field: &[u8]) -> Result<Value<'_>> {
    Ok(match codec {
        Codec::Integer => Value::Int(plain(field)?.parse().map_err(|_| malformed())?),
        Codec::Bit => Value::Bool(field == b"1"),
        Codec::Decimal { .. } => Value::Decimal(Cow::Borrowed(plain(field)?)),
        Codec::Real | Codec::Float => Value::Float(plain(field)?.parse().map_err(|_| malformed())?),
        Codec::Date => Value::Date(plain(field)?.parse().map_err(|_| malformed())?),
        Codec::DateTime | Codec::SmallDateTime | Codec::DateTime2 { .. } => {
            Value::Timestamp(plain(field)?.parse().map_err(|_| malformed())?)
        }
        Codec::Offset { .. } => {
            let (moment, _) = plain(field)?.rsplit_once(' ').ok_or_else(malformed)?;
            Value::Timestamp(moment.parse().map_err(|_| malformed())?)
        }
        Codec::Time { .. } | Codec::Text { .. } | Codec::Xml | Codec::Variant => Value::Text(Cow::Borrowed(plain(field)?)),
        Codec::Bytes { .. } | Codec::Opaque => Value::Bytes(Cow::Borrowed(field)),
        Codec::Guid => Value::Uuid(uuid(plain(field)?).ok_or_else(malformed)?),
    })
}

fn encode(codec: Codec, value: &Value<'_>, out: &mut Vec<u8>) -> Result<bool> {
    let unfit = || EngineError::new(ErrorKind::Data, "encode a value", "a mask's value does not fit the column's type");
    let text = match value {
        Value::Null => return Ok(false),
        Value::Bytes(bytes) => {
            out.extend_from_slice(bytes);
            if let Codec::Bytes { width: Some(width) } = codec {
                out.resize(out.len() + width.saturating_sub(bytes.len()), 0);
            }
            return Ok(true);
        }
        Value::Bool(b) => Cow::Borrowed(if *b { "1" } else { "0" }),
        Value::Int(n) => Cow::Owned(n.to_string()),
        Value::Float(x) => Cow::Owned(x.to_string()),
        Value::Decimal(t) | Value::Text(t) | Value::Json(t) | Value::Inet(t) => Cow::Borrowed(&**t),
        Value::Date(d) => Cow::Owned(d.to_string()),
        Value::Timestamp(t) => Cow::Owned(t.strftime("%Y-%m-%d %H:%M:%S%.9f").to_string()),
        Value::Uuid(u) => Cow::Owned(uuid_text(u)),
        Value::TextArray(_) => return Err(EngineError::new(ErrorKind::Data, "encode a value", "SQL Server has no arrays")),
    };
    // One spelling each, the one in which the server gives the value back.
    let _ = match codec {
        Codec::Integer => write!(out, "{}", text.parse::<i64>().map_err(|_| unfit())?),
        Codec::Bit => match &*text {
            "0" | "false" => write!(out, "0"),
            "1" | "true" => write!(out, "1"),
            _ => return Err(unfit()),
        },
        Codec::Decimal { scale } => write!(out, "{}", decimal(&text, scale).ok_or_else(unfit)?),
        Codec::Real => write!(out, "{}", text.parse::<f32>().map_err(|_| unfit())?),
        Codec::Float => write!(out, "{}", text.parse::<f64>().map_err(|_| unfit())?),
        Codec::Date => write!(out, "{}", text.get(..10).ok_or_else(unfit)?),
        Codec::DateTime => write!(out, "{}", moment::datetime(&text).ok_or_else(unfit)?),
        Codec::SmallDateTime => write!(out, "{}", moment::minutes(&text).ok_or_else(unfit)?),
        Codec::DateTime2 { scale } => write!(out, "{}", moment::digits(&text, scale).ok_or_else(unfit)?),
        // A mask knows the moment only.
        Codec::Offset { scale } => write!(out, "{} +0", moment::digits(&text, scale).ok_or_else(unfit)?),
        Codec::Time { scale } => write!(out, "{}", moment::fraction(&text, scale).ok_or_else(unfit)?),
        Codec::Text { padded, page } => {
            let text = page.fitted(&text);
            out.write_all(if padded { text.trim_end_matches(' ') } else { &text }.as_bytes())
        }
        Codec::Guid => write!(out, "{}", uuid_text(&uuid(&text).ok_or_else(unfit)?)),
        Codec::Xml | Codec::Variant | Codec::Bytes { .. } | Codec::Opaque => out.write_all(text.as_bytes()),
    };
    Ok(true)
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
        let moment = || Value::Timestamp(jiff::civil::date(1980, 2, 3).at(4, 5, 29, 998_700_000));
        for (codec, value, expected) in [
            (Codec::Integer, text("00123"), "123"),
            (Codec::Bit, Value::Bool(true), "1"),
            (Codec::Decimal { scale: 2 }, Value::Decimal("1.005".into()), "1.01"),
            (Codec::Real, Value::Float(0.1), "0.1"),
            (Codec::Date, Value::Date(jiff::civil::date(1980, 2, 3)), "1980-02-03"),
            (Codec::DateTime, moment(), "1980-02-03 04:05:30.000"),
            (Codec::SmallDateTime, moment(), "1980-02-03 04:05:00"),
            (Codec::DateTime2 { scale: 2 }, moment(), "1980-02-03 04:05:30.00"),
            (Codec::DateTime2 { scale: 0 }, Value::Date(jiff::civil::date(1980, 2, 3)), "1980-02-03 00:00:00"),
            (Codec::Offset { scale: 3 }, moment(), "1980-02-03 04:05:29.999 +0"),
            (Codec::Text { padded: true, page: Page::Any }, text("ab  "), "ab"),
            (Codec::Text { padded: false, page: Page::Any }, text("ab  "), "ab  "),
            (Codec::Text { padded: false, page: Page::of("SQL_Latin1_General_CP1_CI_AS") }, text("Łukasz Müller"), "Lukasz Müller"),
            (Codec::Text { padded: false, page: Page::of("Polish_CI_AS") }, text("Łukasz Müller"), "Łukasz Müller"),
            (Codec::Text { padded: false, page: Page::of("Latin1_General_100_CI_AS_SC_UTF8") }, text("Łukasz 猫"), "Łukasz 猫"),
            (Codec::Text { padded: false, page: Page::of("Klingon_BIN") }, text("Łukasz Müller"), "Lukasz Muller"),
            (Codec::Guid, Value::Uuid([0xab; 16]), "abababab-abab-abab-abab-abababababab"),
        ] {
            assert_eq!(encoded(codec, value), expected, "{codec:?}");
        }
        assert!(encode(Codec::Integer, &text("ann"), &mut Vec::new()).is_err());
        assert!(encode(Codec::Bit, &text("2"), &mut Vec::new()).is_err());
        assert_eq!(encoded(Codec::Bytes { width: Some(4) }, Value::Bytes(b"ab".as_slice().into())), "ab\0\0");
    }

    proptest! {
        #[test]
        fn rows_come_out_as_they_went_in(fields in prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..60)), 1..20)) {
            let e = MsEncoding::new(Vec::new());
            let mut out = Vec::new();
            e.begin_row(fields.len(), &mut out);
            for (i, f) in fields.iter().enumerate() {
                e.put_field(i == 0, f.as_deref(), &mut out);
            }
            e.end_row(&mut out);
            let (mut rest, mut read) = (&out[..], Vec::new());
            prop_assert!(e.next_row(&mut rest, &mut read).unwrap());
            let back: Vec<Option<Vec<u8>>> = read.iter().map(|f| f.map(<[u8]>::to_vec)).collect();
            prop_assert_eq!(back, fields);
            prop_assert!(!e.next_row(&mut rest, &mut read).unwrap());
        }
    }
}
