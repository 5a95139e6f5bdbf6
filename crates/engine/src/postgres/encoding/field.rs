//! One field between a mask's [`Value`] and the plain form both COPY formats are written from. Owns what fits a column and how it is made
//! canonical (P40): padding, rounding, lengths. Does not own bytes on the wire (`binary`, `text`).

use super::{jsonb, numeric};
use crate::error::{EngineError, ErrorKind, Result};
use greenroom_model::mask::Value;
use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, date, time};
use std::borrow::Cow;
use std::net::IpAddr;

/// How a column's fields are to be read, from its base type and modifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    Text {
        most: Option<u32>,
    },
    /// Blank-padded `character(n)`.
    Char {
        width: u32,
    },
    /// Identifier of at most 63 bytes.
    Name,
    Int {
        bytes: u8,
    },
    Numeric {
        limit: Option<(u32, i32)>,
    },
    Money,
    Float {
        bytes: u8,
    },
    Bool,
    Date,
    /// `places` are digits after the second.
    Timestamp {
        zone: bool,
        places: u32,
    },
    Time {
        places: u32,
    },
    Uuid,
    Bytes,
    Json,
    Jsonb,
    Inet {
        network: bool,
    },
    TextArray {
        element: Box<Codec>,
        oid: u32,
    },
    /// Never decoded.
    Opaque,
}

/// A field in plain form.
#[derive(Debug, PartialEq)]
pub(crate) enum Plain<'a> {
    Text(Cow<'a, str>),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// Days since 2000-01-01.
    Days(i32),
    /// Microseconds since 2000-01-01, or since midnight.
    Micros(i64),
    Uuid([u8; 16]),
    Bytes(Cow<'a, [u8]>),
    Inet(IpAddr, u8),
    Array(Vec<Option<Cow<'a, str>>>),
}

const EPOCH: Date = date(2000, 1, 1);

pub(crate) fn bad(message: impl Into<String>) -> EngineError {
    EngineError::new(ErrorKind::Data, "convert a field", message)
}

/// What a mask sees.
pub(crate) fn value<'a>(codec: &Codec, plain: Plain<'a>) -> Result<Value<'a>> {
    Ok(match (codec, plain) {
        (Codec::Char { .. }, Plain::Text(Cow::Borrowed(t))) => Value::Text(Cow::Borrowed(t.trim_end_matches(' '))),
        (Codec::Char { .. }, Plain::Text(Cow::Owned(t))) => Value::Text(Cow::Owned(t.trim_end_matches(' ').to_owned())),
        (Codec::Numeric { .. }, Plain::Text(t)) => Value::Decimal(t),
        (Codec::Json | Codec::Jsonb, Plain::Text(t)) => Value::Json(t),
        (_, Plain::Text(t)) => Value::Text(t),
        (Codec::Money, Plain::Int(cents)) => {
            let sign = if cents < 0 { "-" } else { "" };
            let cents = cents.unsigned_abs();
            Value::Decimal(Cow::Owned(format!("{sign}{}.{:02}", cents / 100, cents % 100)))
        }
        (_, Plain::Int(i)) => Value::Int(i),
        (_, Plain::Float(x)) => Value::Float(x),
        (_, Plain::Bool(b)) => Value::Bool(b),
        (_, Plain::Days(i32::MAX)) | (Codec::Timestamp { .. }, Plain::Micros(i64::MAX)) => Value::Text("infinity".into()),
        (_, Plain::Days(i32::MIN)) | (Codec::Timestamp { .. }, Plain::Micros(i64::MIN)) => Value::Text("-infinity".into()),
        (_, Plain::Days(days)) => {
            let since = SignedDuration::from_hours(24 * i64::from(days));
            Value::Date(EPOCH.checked_add(since).map_err(|_| bad("a date lies outside the years that masks know"))?)
        }
        (Codec::Time { .. }, Plain::Micros(micros)) => Value::Text(Cow::Owned(clock(micros))),
        (_, Plain::Micros(micros)) => Value::Timestamp(moment(micros)?),
        (_, Plain::Uuid(u)) => Value::Uuid(u),
        (_, Plain::Bytes(b)) => Value::Bytes(b),
        (codec, Plain::Inet(ip, bits)) => Value::Inet(Cow::Owned(inet(codec, ip, bits))),
        (_, Plain::Array(items)) => Value::TextArray(items),
    })
}

/// The date and time of microseconds since 2000-01-01.
pub(crate) fn moment(micros: i64) -> Result<DateTime> {
    DateTime::from_parts(EPOCH, time(0, 0, 0, 0))
        .checked_add(SignedDuration::from_micros(micros))
        .map_err(|_| bad("a time stamp lies outside the years that masks know"))
}

/// The date of days since 2000-01-01.
pub(crate) fn day(days: i32) -> Result<Date> {
    EPOCH.checked_add(SignedDuration::from_hours(24 * i64::from(days))).map_err(|_| bad("a date lies outside the years that masks know"))
}

/// `HH:MM:SS[.ffffff]`, trailing zeros cut.
pub(crate) fn clock(micros: i64) -> String {
    let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if rest != 0 {
        text.push_str(format!(".{rest:06}").trim_end_matches('0'));
    }
    text
}

/// Text of an address; the mask is left out where it says nothing, except for networks.
pub(crate) fn inet(codec: &Codec, ip: IpAddr, bits: u8) -> String {
    let full = if ip.is_ipv4() { 32 } else { 128 };
    if bits == full && *codec != (Codec::Inet { network: true }) { ip.to_string() } else { format!("{ip}/{bits}") }
}

/// Reads `address[/bits]`.
pub(crate) fn parse_inet<'a>(text: &str) -> Result<Plain<'a>> {
    let (ip, bits) = text.split_once('/').map_or((text, None), |(ip, bits)| (ip, Some(bits)));
    let ip: IpAddr = ip.parse().map_err(|_| bad("a value is no IP address"))?;
    let full = if ip.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Ok(full), str::parse).map_err(|_| bad("a value is no IP network"))?;
    if bits > full { Err(bad("a value is no IP network")) } else { Ok(Plain::Inet(ip, bits)) }
}

/// Reads `HH:MM[:SS[.ffffff]]`.
pub(crate) fn parse_clock(text: &str) -> Result<i64> {
    if text.starts_with("24:00") {
        return Ok(86_400_000_000);
    }
    let t: jiff::civil::Time = text.parse().map_err(|_| bad("a value is no time of day"))?;
    let seconds = i64::from(t.hour()) * 3600 + i64::from(t.minute()) * 60 + i64::from(t.second());
    Ok(seconds * 1_000_000 + i64::from(t.subsec_nanosecond()) / 1000)
}

/// Microseconds since 2000-01-01.
pub(crate) fn micros(t: DateTime) -> i64 {
    let since = t.duration_since(DateTime::from_parts(EPOCH, time(0, 0, 0, 0)));
    let nanos = since.as_nanos();
    let rounded = if nanos >= 0 { (nanos + 500) / 1000 } else { (nanos - 500) / 1000 };
    i64::try_from(rounded).expect("jiff's years fit 64 bits of microseconds")
}

/// Days since 2000-01-01.
pub(crate) fn days(d: Date) -> i32 {
    i32::try_from(d.duration_since(EPOCH).as_hours() / 24).expect("jiff's years fit 32 bits of days")
}

/// Rounds to a number of places after the second, half away from zero.
fn rounded(micros: i64, places: u32) -> i64 {
    let unit = 10i64.pow(6 - places.min(6));
    let half = unit / 2;
    if micros >= 0 { micros.saturating_add(half) / unit * unit } else { micros.saturating_sub(half) / unit * unit }
}

/// Makes a mask's value fit a column, canonically. `None` is NULL.
pub(crate) fn fit<'a>(codec: &Codec, value: &'a Value<'_>) -> Result<Option<Plain<'a>>> {
    let plain = match (codec, value) {
        (_, Value::Null) => return Ok(None),
        (Codec::Text { .. } | Codec::Char { .. } | Codec::Name, v) => Plain::Text(characters(codec, text_of(v)?)?),
        (Codec::Int { bytes }, Value::Int(i)) => whole(*bytes, *i)?,
        (Codec::Int { bytes }, Value::Text(t) | Value::Decimal(t)) => {
            whole(*bytes, t.trim().parse().map_err(|_| bad("a value is no whole number"))?)?
        }
        (Codec::Numeric { limit }, v @ (Value::Decimal(_) | Value::Text(_) | Value::Int(_) | Value::Float(_))) => {
            Plain::Text(Cow::Owned(numeric::canonical(&text_of(v)?, *limit)?))
        }
        (Codec::Money, v @ (Value::Decimal(_) | Value::Text(_) | Value::Int(_))) => {
            let text = numeric::canonical(&text_of(v)?, Some((19, 2)))?;
            Plain::Int(text.replace('.', "").parse().map_err(|_| bad("an amount is out of range"))?)
        }
        (Codec::Float { bytes: 4 }, v) => {
            #[expect(clippy::cast_possible_truncation, reason = "the column itself holds single precision; the server rounds likewise")]
            let single = number(v)? as f32;
            Plain::Float(f64::from(single))
        }
        (Codec::Float { .. }, v) => Plain::Float(number(v)?),
        (Codec::Bool, Value::Bool(b)) => Plain::Bool(*b),
        (Codec::Bool, Value::Int(i)) => Plain::Bool(*i != 0),
        (Codec::Date, Value::Date(d)) => Plain::Days(days(*d)),
        (Codec::Date, Value::Timestamp(t)) => Plain::Days(days(t.date())),
        (Codec::Date, Value::Text(t)) => Plain::Days(parse_day(t)?),
        (Codec::Timestamp { places, .. }, Value::Timestamp(t)) => Plain::Micros(rounded(micros(*t), *places)),
        (Codec::Timestamp { .. }, Value::Date(d)) => Plain::Micros(micros(DateTime::from_parts(*d, time(0, 0, 0, 0)))),
        (Codec::Timestamp { places, .. }, Value::Text(t)) => Plain::Micros(match parse_moment(t)? {
            forever @ (i64::MAX | i64::MIN) => forever,
            micros => rounded(micros, *places),
        }),
        (Codec::Time { places }, Value::Text(t)) => Plain::Micros(rounded(parse_clock(t)?, *places)),
        (Codec::Time { places }, Value::Timestamp(t)) => Plain::Micros(rounded(micros(*t).rem_euclid(86_400_000_000), *places)),
        (Codec::Uuid, Value::Uuid(u)) => Plain::Uuid(*u),
        (Codec::Uuid, Value::Text(t)) => Plain::Uuid(parse_uuid(t)?),
        (Codec::Bytes, Value::Bytes(b)) => Plain::Bytes(Cow::Borrowed(b)),
        (Codec::Bytes, Value::Text(t)) => Plain::Bytes(Cow::Borrowed(t.as_bytes())),
        (Codec::Json, Value::Json(t) | Value::Text(t)) => {
            serde_json::from_str::<serde::de::IgnoredAny>(t).map_err(|_| bad("a value is no JSON document"))?;
            Plain::Text(Cow::Borrowed(t))
        }
        (Codec::Jsonb, Value::Json(t) | Value::Text(t)) => Plain::Text(Cow::Owned(jsonb::canonical(t)?)),
        (Codec::Inet { network }, Value::Inet(t) | Value::Text(t)) => match parse_inet(t)? {
            Plain::Inet(ip, bits) if *network => Plain::Inet(network_of(ip, bits), bits),
            plain => plain,
        },
        (Codec::TextArray { element, .. }, Value::TextArray(items)) => Plain::Array(
            items.iter().map(|item| item.as_deref().map(|t| characters(element, Cow::Borrowed(t))).transpose()).collect::<Result<_>>()?,
        ),
        (Codec::Opaque, _) => return Err(bad("this type can be kept or nulled, not masked")),
        _ => return Err(bad("the mask's value is of another type than the column")),
    };
    Ok(Some(plain))
}

fn network_of(ip: IpAddr, bits: u8) -> IpAddr {
    match ip {
        IpAddr::V4(v4) => IpAddr::from((u32::from(v4) & u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0)).to_be_bytes()),
        IpAddr::V6(v6) => IpAddr::from((u128::from(v6) & u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0)).to_be_bytes()),
    }
}

fn whole<'a>(bytes: u8, i: i64) -> Result<Plain<'a>> {
    let fits = match bytes {
        2 => i16::try_from(i).is_ok(),
        4 => i32::try_from(i).is_ok(),
        _ => true,
    };
    if fits { Ok(Plain::Int(i)) } else { Err(bad("a number is out of the column's range")) }
}

fn number(v: &Value<'_>) -> Result<f64> {
    match v {
        Value::Float(x) => Ok(*x),
        v => text_of(v)?.trim().parse().map_err(|_| bad("a value is no number")),
    }
}

fn text_of<'a>(v: &'a Value<'_>) -> Result<Cow<'a, str>> {
    Ok(match v {
        Value::Text(t) | Value::Decimal(t) | Value::Json(t) | Value::Inet(t) => Cow::Borrowed(t),
        Value::Int(i) => Cow::Owned(i.to_string()),
        Value::Float(x) => Cow::Owned(x.to_string()),
        Value::Bool(b) => Cow::Owned(b.to_string()),
        Value::Date(d) => Cow::Owned(d.to_string()),
        Value::Timestamp(t) => Cow::Owned(t.to_string()),
        Value::Null | Value::Bytes(_) | Value::Uuid(_) | Value::TextArray(_) => {
            return Err(bad("the mask's value is of another type than the column"));
        }
    })
}

/// Checks length and pads; NUL cannot be stored in text.
fn characters<'a>(codec: &Codec, text: Cow<'a, str>) -> Result<Cow<'a, str>> {
    if text.contains('\0') {
        return Err(bad("text with the character U+0000 cannot be stored"));
    }
    match codec {
        Codec::Text { most: Some(most) } if text.chars().count() > *most as usize => {
            Err(bad(format!("a masked value is longer than the column's {most} characters")))
        }
        Codec::Char { width } => {
            let trimmed = text.trim_end_matches(' ');
            let length = trimmed.chars().count();
            let width = *width as usize;
            if length > width {
                return Err(bad(format!("a masked value is longer than the column's {width} characters")));
            }
            Ok(Cow::Owned(format!("{trimmed}{}", " ".repeat(width - length))))
        }
        Codec::Name if text.len() > 63 => Err(bad("a masked value is longer than the column's 63 bytes")),
        _ => Ok(text),
    }
}

pub(crate) fn parse_uuid(text: &str) -> Result<[u8; 16]> {
    let digits: String = text.chars().filter(|c| !matches!(c, '-' | '{' | '}')).collect();
    let n = u128::from_str_radix(&digits, 16).map_err(|_| bad("a value is no UUID"))?;
    if digits.len() == 32 { Ok(n.to_be_bytes()) } else { Err(bad("a value is no UUID")) }
}

pub(crate) fn parse_day(text: &str) -> Result<i32> {
    match text {
        "infinity" => Ok(i32::MAX),
        "-infinity" => Ok(i32::MIN),
        _ => match text.strip_suffix(" BC") {
            Some(before) => calendar_day(before, true),
            None => calendar_day(text, false),
        }
        .map(days)
        .ok_or_else(|| bad("a value is no date that masks know")),
    }
}

/// Reads `YYYY-MM-DD`; the year before 1 AD is 1 BC.
fn calendar_day(text: &str, before_christ: bool) -> Option<Date> {
    let mut parts = text.splitn(3, '-');
    let year: i16 = parts.next()?.parse().ok()?;
    let (month, day) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Date::new(if before_christ { 1 - year } else { year }, month, day).ok()
}

pub(crate) fn parse_moment(text: &str) -> Result<i64> {
    match text {
        "infinity" => Ok(i64::MAX),
        "-infinity" => Ok(i64::MIN),
        _ => {
            let (rest, era) = text.strip_suffix(" BC").map_or((text, ""), |rest| (rest, " BC"));
            let (day, clock) = rest.split_once([' ', 'T']).ok_or_else(|| bad("a value is no time stamp that masks know"))?;
            let days = i64::from(parse_day(&format!("{day}{era}"))?);
            Ok(days * 86_400_000_000 + parse_clock(clock.trim_end_matches("+00"))?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_mask_returns_is_made_what_the_server_would_store() {
        let text = |codec: &Codec, v: Value<'_>| match fit(codec, &v) {
            Ok(Some(Plain::Text(t))) => Ok(t.into_owned()),
            Ok(other) => panic!("{other:?}"),
            Err(e) => Err(e.message),
        };
        assert_eq!(text(&Codec::Char { width: 5 }, Value::Text("ab ".into())).unwrap(), "ab   ");
        assert_eq!(text(&Codec::Numeric { limit: Some((6, 2)) }, Value::Decimal("1.005".into())).unwrap(), "1.01");
        let long = text(&Codec::Text { most: Some(3) }, Value::Text("secret".into())).unwrap_err();
        assert!(!long.contains("secret"));
        let stamp = Value::Timestamp(date(2024, 2, 29).at(1, 2, 3, 456_700_000));
        let plain = fit(&Codec::Timestamp { zone: false, places: 1 }, &stamp).unwrap().unwrap();
        assert_eq!(plain, Plain::Micros(micros(date(2024, 2, 29).at(1, 2, 3, 500_000_000))));
        assert!(fit(&Codec::Int { bytes: 2 }, &Value::Int(40_000)).is_err());
        assert!(fit(&Codec::Text { most: None }, &Value::Text("a\0b".into())).is_err());
    }

    #[test]
    fn infinite_dates_pass_as_words() {
        assert_eq!(value(&Codec::Date, Plain::Days(i32::MAX)).unwrap(), Value::Text("infinity".into()));
        assert_eq!(fit(&Codec::Date, &Value::Text("-infinity".into())).unwrap(), Some(Plain::Days(i32::MIN)));
    }

    #[test]
    fn days_before_christ_are_read_as_the_server_writes_them() {
        assert_eq!(parse_day("0044-03-15 BC").unwrap(), days(date(-43, 3, 15)));
        assert_eq!(parse_day("2024-02-29").unwrap(), days(date(2024, 2, 29)));
        assert_eq!(parse_moment("0001-01-01 00:00:01.5+00 BC").unwrap(), micros(date(0, 1, 1).at(0, 0, 1, 500_000_000)));
        assert!(parse_day("12024-01-01").and(parse_day("2023-02-29")).is_err());
    }

    #[test]
    fn networks_lose_their_host_bits() {
        for (given, address, bits) in [("10.1.2.3/8", "10.0.0.0", 8), ("10.1.2.3/0", "0.0.0.0", 0), ("2001:db8::1/32", "2001:db8::", 32)] {
            let value = Value::Inet(given.into());
            let plain = fit(&Codec::Inet { network: true }, &value).unwrap().unwrap();
            assert_eq!(plain, Plain::Inet(address.parse().unwrap(), bits));
        }
    }
}
