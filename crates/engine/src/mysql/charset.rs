//! Character sets of columns: which travel as their own bytes, and how those become text for masks.

use crate::error::{EngineError, ErrorKind, Result};
use std::borrow::Cow;

/// How a text column's bytes are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charset {
    /// utf8mb4, utf8mb3 and ascii: the bytes are UTF-8.
    Utf8,
    /// latin1, which is Windows-1252 on these servers.
    Latin1,
    /// Any other: the server converts to and from utf8mb4.
    Converted,
}

/// What Windows-1252 has from 0x80 to 0x9f; the five bytes that it leaves free are the control characters of the same number.
const WINDOWS: [char; 32] = [
    '\u{20ac}', '\u{81}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}', '\u{2021}', '\u{2c6}', '\u{2030}', '\u{160}',
    '\u{2039}', '\u{152}', '\u{8d}', '\u{17d}', '\u{8f}', '\u{90}', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{2022}', '\u{2013}',
    '\u{2014}', '\u{2dc}', '\u{2122}', '\u{161}', '\u{203a}', '\u{153}', '\u{9d}', '\u{17e}', '\u{178}',
];

impl Charset {
    /// Of the server's name.
    pub(crate) fn of(name: &str) -> Charset {
        match name {
            "utf8mb4" | "utf8mb3" | "utf8" | "ascii" => Charset::Utf8,
            "latin1" => Charset::Latin1,
            _ => Charset::Converted,
        }
    }

    /// Bytes as text.
    pub(crate) fn decode<'a>(self, bytes: &'a [u8]) -> Result<Cow<'a, str>> {
        match self {
            Charset::Utf8 | Charset::Converted => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| {
                EngineError::new(ErrorKind::Data, "decode a value", "a text is not valid in its character set")
                    .hint("set the column to null or clear, or repair the rows")
            }),
            Charset::Latin1 if bytes.is_ascii() => Ok(Cow::Borrowed(std::str::from_utf8(bytes).expect("ASCII is UTF-8"))),
            Charset::Latin1 => Ok(bytes
                .iter()
                .map(|b| match b {
                    0x80..=0x9f => WINDOWS[usize::from(*b - 0x80)],
                    b => char::from(*b),
                })
                .collect()),
        }
    }

    /// Text as bytes.
    pub(crate) fn encode<'a>(self, text: &'a str) -> Result<Cow<'a, [u8]>> {
        if self != Charset::Latin1 || text.is_ascii() {
            return Ok(Cow::Borrowed(text.as_bytes()));
        }
        text.chars()
            .map(|c| match u32::from(c) {
                0x00..=0x7f | 0xa0..=0xff => u8::try_from(u32::from(c)).ok(),
                _ => WINDOWS.iter().position(|w| *w == c).and_then(|at| u8::try_from(at + 0x80).ok()),
            })
            .collect::<Option<Vec<u8>>>()
            .map(Cow::Owned)
            .ok_or_else(|| {
                EngineError::new(ErrorKind::Data, "encode a value", "a character does not exist in the column's character set, latin1")
                    .hint("choose a mask that keeps to plain letters, or `clear` the column")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_latin1_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        let text = Charset::Latin1.decode(&all).unwrap().into_owned();
        assert_eq!(Charset::Latin1.encode(&text).unwrap().as_ref(), all);
        assert_eq!(Charset::Latin1.decode(b"\x80").unwrap(), "€");
        assert!(Charset::Latin1.encode("漢").is_err());
        let e = Charset::Utf8.decode(b"ann\xff").unwrap_err();
        assert!(!format!("{e:?}").contains("ann"));
    }
}
