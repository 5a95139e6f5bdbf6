//! Escapes inside our lines. Owns no types of columns (`types`) and no rows (`encoding`).

use std::borrow::Cow;

/// Values of more bytes are given their room at once.
const LONG: usize = 256 * 1024;

/// Appends bytes so that `LOAD DATA` reads them back.
pub(crate) fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    if bytes.len() > LONG {
        // Growing by doubling would take twice the room, and three times while it moves.
        let escapes = bytes.iter().filter(|b| matches!(b, 0 | b'\t' | b'\n' | b'\\')).count();
        out.reserve_exact(bytes.len() + escapes + 1);
    }
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|b| matches!(b, 0 | b'\t' | b'\n' | b'\\')) {
        out.extend_from_slice(&rest[..at]);
        out.push(b'\\');
        out.push(match rest[at] {
            0 => b'0',
            b'\t' => b't',
            b'\n' => b'n',
            other => other,
        });
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// The bytes that an escaped field stands for.
pub(crate) fn unescape(field: &[u8]) -> Cow<'_, [u8]> {
    if !field.contains(&b'\\') {
        return Cow::Borrowed(field);
    }
    let mut out = Vec::with_capacity(field.len());
    let mut bytes = field.iter();
    while let Some(b) = bytes.next() {
        match b {
            b'\\' => match bytes.next() {
                Some(b'0') => out.push(0),
                Some(b't') => out.push(b'\t'),
                Some(b'n') => out.push(b'\n'),
                Some(other) => out.push(*other),
                None => {}
            },
            b => out.push(*b),
        }
    }
    Cow::Owned(out)
}
