//! The driver's values and our fields. Owns both directions; what a field means is `encoding`'s.

use super::encoding::{Codec, put};
use super::moment;
use crate::error::{EngineError, ErrorKind, Result};
use std::borrow::Cow;
use std::io::Write;
use tiberius::numeric::Numeric;
use tiberius::time::{Date, DateTime, DateTime2, DateTimeOffset, SmallDateTime, Time};
use tiberius::{ColumnData, xml::XmlData};

fn mismatch() -> EngineError {
    EngineError::other("read rows", "the server sent a value of another type than the column's")
}

fn beyond() -> EngineError {
    EngineError::new(ErrorKind::Data, "read rows", "a date lies outside of the calendar")
}

/// A time of day with the digits of its column: Babelfish sends seven where its catalog says six.
fn clock(t: Time, scale: Option<u8>) -> String {
    let scale = scale.unwrap_or(t.scale());
    let power = |digits: u8| 10u64.pow(u32::from(digits));
    let units = t.increments() * power(scale.saturating_sub(t.scale())) / power(t.scale().saturating_sub(scale));
    moment::clock(units, scale)
}

/// A value of a time's type as text, with its column's digits where they are known; `None` is NULL.
pub(crate) fn spelled(data: &ColumnData<'_>, scale: Option<u8>) -> Result<Option<String>> {
    let later = |d: Date, t: Time| -> Result<String> { Ok(format!("{} {}", moment::day(d.days()).ok_or_else(beyond)?, clock(t, scale))) };
    Ok(match data {
        ColumnData::Date(Some(d)) => Some(moment::day(d.days()).ok_or_else(beyond)?.to_string()),
        ColumnData::Time(Some(t)) => Some(clock(*t, scale)),
        ColumnData::DateTime(Some(d)) => {
            let day = moment::day_since_1900(d.days()).ok_or_else(beyond)?;
            Some(format!("{day} {}", moment::clock(moment::milliseconds(d.seconds_fragments()), 3)))
        }
        ColumnData::SmallDateTime(Some(d)) => {
            let day = moment::day_since_1900(i32::from(d.days())).ok_or_else(beyond)?;
            // Minutes, whatever the driver calls them.
            Some(format!("{day} {}", moment::clock(u64::from(d.seconds_fragments()) * 60, 0)))
        }
        ColumnData::DateTime2(Some(d)) => Some(later(d.date(), d.time())?),
        ColumnData::DateTimeOffset(Some(d)) => Some(format!("{} {:+}", later(d.datetime2().date(), d.datetime2().time())?, d.offset())),
        ColumnData::Date(None)
        | ColumnData::Time(None)
        | ColumnData::DateTime(None)
        | ColumnData::SmallDateTime(None)
        | ColumnData::DateTime2(None)
        | ColumnData::DateTimeOffset(None) => None,
        _ => return Err(mismatch()),
    })
}

fn numeric(n: Numeric, scale: u32) -> Result<String> {
    let text = format!("{}{:0>width$}", if n.value() < 0 { "-" } else { "" }, n.value().unsigned_abs(), width = usize::from(n.scale()) + 1);
    let point = text.len() - usize::from(n.scale());
    let text = if n.scale() == 0 { text } else { format!("{}.{}", &text[..point], &text[point..]) };
    crate::spelling::decimal(&text, scale).ok_or_else(mismatch)
}

/// Appends a value as a field.
pub(crate) fn write(codec: Codec, data: &ColumnData<'_>, scratch: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<()> {
    scratch.clear();
    // Writing into a Vec cannot fail.
    let _ = match data {
        ColumnData::U8(Some(n)) => write!(scratch, "{n}"),
        ColumnData::I16(Some(n)) => write!(scratch, "{n}"),
        ColumnData::I32(Some(n)) => write!(scratch, "{n}"),
        ColumnData::I64(Some(n)) => write!(scratch, "{n}"),
        ColumnData::Bit(Some(b)) => write!(scratch, "{}", u8::from(*b)),
        ColumnData::F32(Some(x)) => write!(scratch, "{x}"),
        ColumnData::F64(Some(x)) => write!(scratch, "{x}"),
        ColumnData::Numeric(Some(n)) => match codec {
            Codec::Decimal { scale } => write!(scratch, "{}", numeric(*n, scale)?),
            _ => write!(scratch, "{}", numeric(*n, u32::from(n.scale()))?),
        },
        ColumnData::Guid(Some(u)) => write!(scratch, "{u}"),
        ColumnData::String(Some(text)) => {
            match codec {
                Codec::Decimal { scale } => {
                    put(Some(crate::spelling::decimal(text, scale).ok_or_else(mismatch)?.as_bytes()), out);
                }
                _ => put(Some(text.as_bytes()), out),
            }
            return Ok(());
        }
        ColumnData::Binary(Some(bytes)) => {
            put(Some(bytes), out);
            return Ok(());
        }
        ColumnData::Xml(Some(xml)) => scratch.write_all(xml.as_ref().as_ref().as_bytes()),
        ColumnData::U8(None)
        | ColumnData::I16(None)
        | ColumnData::I32(None)
        | ColumnData::I64(None)
        | ColumnData::Bit(None)
        | ColumnData::F32(None)
        | ColumnData::F64(None)
        | ColumnData::Numeric(None)
        | ColumnData::Guid(None)
        | ColumnData::String(None)
        | ColumnData::Binary(None)
        | ColumnData::Xml(None) => {
            put(None, out);
            return Ok(());
        }
        other => match spelled(other, codec.digits())? {
            Some(text) => scratch.write_all(text.as_bytes()),
            None => {
                put(None, out);
                return Ok(());
            }
        },
    };
    put(Some(scratch), out);
    Ok(())
}

/// The value that the driver's bulk load takes for a field of a column of system type `base`.
pub(crate) fn cell(codec: Codec, base: &str, field: Option<&[u8]>) -> Result<ColumnData<'static>> {
    let unfit = || EngineError::new(ErrorKind::Data, "load rows", "a field is no value of its column's type");
    let text = |bytes: &[u8]| -> Result<String> { String::from_utf8(bytes.to_vec()).map_err(|_| unfit()) };
    let plain = match field {
        Some(bytes) if !matches!(codec, Codec::Bytes { .. } | Codec::Opaque) => Some(std::str::from_utf8(bytes).map_err(|_| unfit())?),
        _ => None,
    };
    let later = |text: &str, scale: u8| -> Result<DateTime2> {
        let (day, clock) = text.split_once(' ').ok_or_else(unfit)?;
        let days = moment::days(day.parse().map_err(|_| unfit())?).ok_or_else(unfit)?;
        Ok(DateTime2::new(Date::new(days), Time::new(moment::units(clock, scale).ok_or_else(unfit)?, scale)))
    };
    Ok(match codec {
        Codec::Integer => match base {
            "tinyint" => ColumnData::U8(plain.map(|t| t.parse().map_err(|_| unfit())).transpose()?),
            "smallint" => ColumnData::I16(plain.map(|t| t.parse().map_err(|_| unfit())).transpose()?),
            "int" => ColumnData::I32(plain.map(|t| t.parse().map_err(|_| unfit())).transpose()?),
            _ => ColumnData::I64(plain.map(|t| t.parse().map_err(|_| unfit())).transpose()?),
        },
        Codec::Bit => ColumnData::Bit(plain.map(|t| t == "1")),
        Codec::Decimal { scale } => {
            let read = |t: &str| -> Result<Numeric> {
                let digits: String = t.chars().filter(|c| *c != '.').collect();
                Ok(Numeric::new_with_scale(digits.parse().map_err(|_| unfit())?, u8::try_from(scale).map_err(|_| unfit())?))
            };
            ColumnData::Numeric(plain.map(read).transpose()?)
        }
        Codec::Real => ColumnData::F32(plain.map(|t| t.parse().map_err(|_| unfit())).transpose()?),
        Codec::Float => ColumnData::F64(plain.map(|t| t.parse().map_err(|_| unfit())).transpose()?),
        Codec::Date => {
            let read = |t: &str| moment::days(t.parse().map_err(|_| unfit())?).map(Date::new).ok_or_else(unfit);
            ColumnData::Date(plain.map(read).transpose()?)
        }
        Codec::Time { scale } => {
            let read = |t: &str| moment::units(t, scale).map(|u| Time::new(u, scale)).ok_or_else(unfit);
            ColumnData::Time(plain.map(read).transpose()?)
        }
        Codec::DateTime => {
            let read = |t: &str| -> Result<DateTime> {
                let (day, clock) = t.split_once(' ').ok_or_else(unfit)?;
                let days = moment::days_since_1900(day.parse().map_err(|_| unfit())?).ok_or_else(unfit)?;
                let fragments = moment::units(clock, 3).and_then(moment::fragments).ok_or_else(unfit)?;
                Ok(DateTime::new(days, fragments))
            };
            ColumnData::DateTime(plain.map(read).transpose()?)
        }
        Codec::SmallDateTime => {
            let read = |t: &str| -> Result<SmallDateTime> {
                let (day, clock) = t.split_once(' ').ok_or_else(unfit)?;
                let days = moment::days_since_1900(day.parse().map_err(|_| unfit())?).ok_or_else(unfit)?;
                let minutes = moment::units(clock, 0).ok_or_else(unfit)? / 60;
                Ok(SmallDateTime::new(u16::try_from(days).map_err(|_| unfit())?, u16::try_from(minutes).map_err(|_| unfit())?))
            };
            ColumnData::SmallDateTime(plain.map(read).transpose()?)
        }
        Codec::DateTime2 { scale } => ColumnData::DateTime2(plain.map(|t| later(t, scale)).transpose()?),
        Codec::Offset { scale } => {
            let read = |t: &str| -> Result<DateTimeOffset> {
                let (moment, offset) = t.rsplit_once(' ').ok_or_else(unfit)?;
                Ok(DateTimeOffset::new(later(moment, scale)?, offset.parse().map_err(|_| unfit())?))
            };
            ColumnData::DateTimeOffset(plain.map(read).transpose()?)
        }
        Codec::Text { .. } | Codec::Variant => ColumnData::String(field.map(text).transpose()?.map(Cow::Owned)),
        Codec::Xml => ColumnData::Xml(field.map(text).transpose()?.map(|t| Cow::Owned(XmlData::new(t)))),
        Codec::Bytes { .. } | Codec::Opaque => ColumnData::Binary(field.map(|b| Cow::Owned(b.to_vec()))),
        Codec::Guid => {
            let read = |t: &str| crate::spelling::uuid(t).map(uuid::Uuid::from_bytes).ok_or_else(unfit);
            ColumnData::Guid(plain.map(read).transpose()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::encoding::Page;
    use super::*;
    use crate::batch::Encoding;

    /// What a field becomes on its way to the server and back.
    fn round(codec: Codec, base: &str, field: &str) -> String {
        let cell = cell(codec, base, Some(field.as_bytes())).unwrap();
        let (mut scratch, mut out) = (Vec::new(), 1u16.to_le_bytes().to_vec());
        write(codec, &cell, &mut scratch, &mut out).unwrap();
        let (mut rest, mut fields) = (&out[..], Vec::new());
        super::super::encoding::MsEncoding::new(vec![codec]).next_row(&mut rest, &mut fields).unwrap();
        String::from_utf8(fields[0].unwrap().to_vec()).unwrap()
    }

    #[test]
    fn fields_are_what_the_driver_was_given() {
        for (codec, base, field) in [
            (Codec::Integer, "tinyint", "255"),
            (Codec::Integer, "bigint", "-9223372036854775808"),
            (Codec::Bit, "bit", "1"),
            (Codec::Decimal { scale: 4 }, "money", "-922337203685477.5808"),
            (Codec::Decimal { scale: 38 }, "decimal", "0.00000000000000000000000000000000000001"),
            (Codec::Decimal { scale: 0 }, "decimal", "-99999999999999999999999999999999999999"),
            (Codec::Real, "real", "0.1"),
            (Codec::Float, "float", "0.1"),
            (Codec::Float, "float", "-0"),
            (Codec::Date, "date", "0001-01-01"),
            (Codec::Date, "date", "9999-12-31"),
            (Codec::Time { scale: 7 }, "time", "23:59:59.9999999"),
            (Codec::Time { scale: 0 }, "time", "00:00:00"),
            (Codec::DateTime, "datetime", "1753-01-01 00:00:00.003"),
            (Codec::DateTime, "datetime", "9999-12-31 23:59:59.997"),
            (Codec::SmallDateTime, "smalldatetime", "2079-06-06 23:59:00"),
            (Codec::DateTime2 { scale: 3 }, "datetime2", "0001-01-01 00:00:00.001"),
            (Codec::Offset { scale: 7 }, "datetimeoffset", "2020-02-29 23:30:00.0000001 -720"),
            (Codec::Offset { scale: 0 }, "datetimeoffset", "2020-02-29 23:30:00 +840"),
            (Codec::Text { padded: false, page: Page::Any }, "nvarchar", "ä😀 "),
            (Codec::Guid, "uniqueidentifier", "123e4567-e89b-12d3-a456-426655440000"),
            (Codec::Xml, "xml", "<a>1</a>"),
        ] {
            assert_eq!(round(codec, base, field), field, "{codec:?}");
        }
        assert!(cell(Codec::Integer, "tinyint", Some(b"256")).is_err());
        assert_eq!(cell(Codec::Bit, "bit", None).unwrap(), ColumnData::Bit(None));
    }

    #[test]
    fn times_have_their_columns_digits_whatever_the_server_sends() {
        let written = |scale| {
            let mut out = Vec::new();
            let sent = ColumnData::Time(Some(Time::new(146_450_070_000, 7)));
            write(Codec::Time { scale }, &sent, &mut Vec::new(), &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert!(written(6).ends_with("04:04:05.007000") && written(7).ends_with("04:04:05.0070000") && written(0).ends_with("04:04:05"));
    }
}
