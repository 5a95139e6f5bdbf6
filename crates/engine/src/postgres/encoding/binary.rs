//! The binary COPY format: tuples of a 16-bit field count and fields with 32-bit lengths, all big-endian (PostgreSQL manual, COPY, "Binary
//! Format"). Owns the bytes of each decoded type's binary form.

use super::field::{Codec, Plain, bad};
use super::numeric;
use crate::error::Result;
use std::borrow::Cow;
use std::net::IpAddr;

/// Signature, flags and header extension length that open a stream.
pub(crate) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// Field count of -1 that closes a stream.
pub(crate) const TRAILER: &[u8] = &[0xff, 0xff];

fn cut() -> crate::error::EngineError {
    bad("a row of the binary COPY stream is cut short")
}

fn array<const N: usize>(b: &[u8]) -> Result<[u8; N]> {
    b.try_into().map_err(|_| bad("a field's binary form has an unexpected length"))
}

fn text(b: &[u8]) -> Result<&str> {
    std::str::from_utf8(b).map_err(|_| bad("text is not valid UTF-8"))
}

/// Takes a tuple off.
pub(crate) fn next_row<'a>(data: &mut &'a [u8], fields: &mut Vec<Option<&'a [u8]>>) -> Result<bool> {
    fields.clear();
    if data.is_empty() {
        return Ok(false);
    }
    let (count, mut rest) = data.split_first_chunk::<2>().ok_or_else(cut)?;
    let count = usize::try_from(i16::from_be_bytes(*count)).map_err(|_| bad("the binary COPY stream ends inside a batch"))?;
    for _ in 0..count {
        let (length, after) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
        rest = after;
        match usize::try_from(i32::from_be_bytes(*length)) {
            Err(_) => fields.push(None),
            Ok(length) => {
                let (field, after) = rest.split_at_checked(length).ok_or_else(cut)?;
                fields.push(Some(field));
                rest = after;
            }
        }
    }
    *data = rest;
    Ok(true)
}

/// Reads a field.
pub(crate) fn read<'a>(codec: &Codec, b: &'a [u8]) -> Result<Plain<'a>> {
    Ok(match codec {
        Codec::Text { .. } | Codec::Char { .. } | Codec::Name | Codec::Json => Plain::Text(Cow::Borrowed(text(b)?)),
        Codec::Jsonb => match b.split_first() {
            Some((1, rest)) => Plain::Text(Cow::Borrowed(text(rest)?)),
            _ => return Err(bad("jsonb of an unknown version")),
        },
        Codec::Int { bytes: 2 } => Plain::Int(i64::from(i16::from_be_bytes(array(b)?))),
        Codec::Int { bytes: 4 } => Plain::Int(i64::from(i32::from_be_bytes(array(b)?))),
        Codec::Int { .. } | Codec::Money => Plain::Int(i64::from_be_bytes(array(b)?)),
        Codec::Numeric { .. } => Plain::Text(Cow::Owned(numeric::from_binary(b)?)),
        Codec::Float { bytes: 4 } => Plain::Float(f64::from(f32::from_be_bytes(array(b)?))),
        Codec::Float { .. } => Plain::Float(f64::from_be_bytes(array(b)?)),
        Codec::Bool => Plain::Bool(array::<1>(b)?[0] != 0),
        Codec::Date => Plain::Days(i32::from_be_bytes(array(b)?)),
        Codec::Timestamp { .. } | Codec::Time { .. } => Plain::Micros(i64::from_be_bytes(array(b)?)),
        Codec::Uuid => Plain::Uuid(array(b)?),
        Codec::Bytes => Plain::Bytes(Cow::Borrowed(b)),
        Codec::Inet { .. } => match b {
            [_, bits, _, 4, ip @ ..] => Plain::Inet(IpAddr::from(array::<4>(ip)?), *bits),
            [_, bits, _, 16, ip @ ..] => Plain::Inet(IpAddr::from(array::<16>(ip)?), *bits),
            _ => return Err(bad("an address of an unknown family")),
        },
        Codec::TextArray { .. } => Plain::Array(read_array(b)?),
        Codec::Opaque => return Err(bad("this type can be kept or nulled, not masked")),
    })
}

/// Dimensions, NULL flag, element type; per dimension length and lower bound; then the elements as fields.
fn read_array(b: &[u8]) -> Result<Vec<Option<Cow<'_, str>>>> {
    let (head, mut rest) = b.split_first_chunk::<12>().ok_or_else(cut)?;
    match i32::from_be_bytes([head[0], head[1], head[2], head[3]]) {
        0 => return Ok(Vec::new()),
        1 => {}
        _ => return Err(bad("an array has several dimensions")),
    }
    let (bounds, after) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
    rest = after;
    let count = i32::from_be_bytes([bounds[0], bounds[1], bounds[2], bounds[3]]);
    let mut items = Vec::new();
    for _ in 0..count {
        let (length, after) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
        rest = after;
        items.push(match usize::try_from(i32::from_be_bytes(*length)) {
            Err(_) => None,
            Ok(length) => {
                let (item, after) = rest.split_at_checked(length).ok_or_else(cut)?;
                rest = after;
                Some(Cow::Borrowed(text(item)?))
            }
        });
    }
    Ok(items)
}

/// Appends a field without its length.
pub(crate) fn write(codec: &Codec, plain: &Plain<'_>, out: &mut Vec<u8>) -> Result<()> {
    match (codec, plain) {
        (Codec::Numeric { .. }, Plain::Text(t)) => numeric::to_binary(t, out)?,
        (Codec::Jsonb, Plain::Text(t)) => {
            out.push(1);
            out.extend_from_slice(t.as_bytes());
        }
        (_, Plain::Text(t)) => out.extend_from_slice(t.as_bytes()),
        (Codec::Int { bytes }, Plain::Int(i)) => out.extend_from_slice(&i.to_be_bytes()[8 - usize::from(*bytes)..]),
        (_, Plain::Int(i)) => out.extend_from_slice(&i.to_be_bytes()),
        #[expect(clippy::cast_possible_truncation, reason = "`fit` has already rounded to single precision")]
        (Codec::Float { bytes: 4 }, Plain::Float(x)) => out.extend_from_slice(&(*x as f32).to_be_bytes()),
        (_, Plain::Float(x)) => out.extend_from_slice(&x.to_be_bytes()),
        (_, Plain::Bool(b)) => out.push(u8::from(*b)),
        (_, Plain::Days(d)) => out.extend_from_slice(&d.to_be_bytes()),
        (_, Plain::Micros(m)) => out.extend_from_slice(&m.to_be_bytes()),
        (_, Plain::Uuid(u)) => out.extend_from_slice(u),
        (_, Plain::Bytes(b)) => out.extend_from_slice(b),
        (codec, Plain::Inet(ip, bits)) => {
            let network = u8::from(*codec == (Codec::Inet { network: true }));
            match ip {
                IpAddr::V4(ip) => {
                    out.extend_from_slice(&[2, *bits, network, 4]);
                    out.extend_from_slice(&ip.octets());
                }
                IpAddr::V6(ip) => {
                    out.extend_from_slice(&[3, *bits, network, 16]);
                    out.extend_from_slice(&ip.octets());
                }
            }
        }
        (Codec::TextArray { oid, .. }, Plain::Array(items)) => {
            let long = |n: usize| i32::try_from(n).map_err(|_| bad("an array is too large"));
            let put = |out: &mut Vec<u8>, n: i32| out.extend_from_slice(&n.to_be_bytes());
            put(out, i32::from(!items.is_empty()));
            put(out, i32::from(items.iter().any(Option::is_none)));
            out.extend_from_slice(&oid.to_be_bytes());
            if !items.is_empty() {
                put(out, long(items.len())?);
                put(out, 1);
            }
            for item in items {
                match item {
                    None => put(out, -1),
                    Some(t) => {
                        put(out, long(t.len())?);
                        out.extend_from_slice(t.as_bytes());
                    }
                }
            }
        }
        (_, Plain::Array(_)) => return Err(bad("the mask's value is of another type than the column")),
    }
    Ok(())
}
