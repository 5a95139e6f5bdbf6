//! Character sets of columns: which travel as their own bytes, and how those become text for masks.

use crate::error::{EngineError, ErrorKind, Result};
use crate::spelling::fitted;
use encoding_rs::Encoding;
use std::borrow::Cow;

/// How a text column's bytes are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charset {
    /// utf8mb4, utf8mb3 and ascii: the bytes are UTF-8.
    Utf8,
    /// latin1, which is Windows-1252 on these servers.
    Latin1,
    /// utf16, utf16le and ucs2, which has no pairs: the server's bytes, decoded here.
    Sixteen {
        /// The lower byte stands first.
        little: bool,
        /// Characters beyond the first plane.
        pairs: bool,
    },
    /// One of the tables that the web's standard keeps: the server's bytes, decoded here. Converting them would change bytes that have no
    /// character, or one of several.
    Table(&'static Encoding),
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
            "ucs2" => Charset::Sixteen { little: false, pairs: false },
            "utf16" => Charset::Sixteen { little: false, pairs: true },
            "utf16le" => Charset::Sixteen { little: true, pairs: true },
            "latin2" => Charset::Table(encoding_rs::ISO_8859_2),
            "latin5" => Charset::Table(encoding_rs::WINDOWS_1254),
            "latin7" => Charset::Table(encoding_rs::ISO_8859_13),
            "cp1250" => Charset::Table(encoding_rs::WINDOWS_1250),
            "cp1251" => Charset::Table(encoding_rs::WINDOWS_1251),
            "cp1256" => Charset::Table(encoding_rs::WINDOWS_1256),
            "cp1257" => Charset::Table(encoding_rs::WINDOWS_1257),
            "cp866" => Charset::Table(encoding_rs::IBM866),
            "greek" => Charset::Table(encoding_rs::ISO_8859_7),
            "hebrew" => Charset::Table(encoding_rs::ISO_8859_8),
            "koi8r" => Charset::Table(encoding_rs::KOI8_R),
            "koi8u" => Charset::Table(encoding_rs::KOI8_U),
            "tis620" => Charset::Table(encoding_rs::WINDOWS_874),
            "sjis" | "cp932" => Charset::Table(encoding_rs::SHIFT_JIS),
            "ujis" | "eucjpms" => Charset::Table(encoding_rs::EUC_JP),
            "gbk" | "gb2312" => Charset::Table(encoding_rs::GBK),
            "big5" => Charset::Table(encoding_rs::BIG5),
            "euckr" => Charset::Table(encoding_rs::EUC_KR),
            _ => Charset::Converted,
        }
    }

    /// Bytes as text.
    pub(crate) fn decode<'a>(self, bytes: &'a [u8]) -> Result<Cow<'a, str>> {
        let invalid = || {
            EngineError::new(ErrorKind::Data, "decode a value", "a text is not valid in its character set")
                .hint("set the column to null or clear, or repair the rows")
        };
        match self {
            Charset::Utf8 | Charset::Converted => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| invalid()),
            Charset::Table(table) => table.decode_without_bom_handling_and_without_replacement(bytes).ok_or_else(invalid),
            Charset::Sixteen { little, .. } => {
                let units = bytes.chunks(2).map(|two| match *two {
                    [a, b] if little => Ok(u16::from_le_bytes([a, b])),
                    [a, b] => Ok(u16::from_be_bytes([a, b])),
                    _ => Err(invalid()),
                });
                let units: Vec<u16> = units.collect::<Result<_>>()?;
                String::from_utf16(&units).map(Cow::Owned).map_err(|_| invalid())
            }
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

    /// A mask's text with what the character set lacks replaced.
    pub(crate) fn fitted(self, text: &str) -> Cow<'_, str> {
        match self {
            Charset::Utf8 | Charset::Converted => Cow::Borrowed(text),
            _ => fitted(text, |c| self.encode(c.encode_utf8(&mut [0; 4])).is_ok()),
        }
    }

    /// Text as bytes.
    pub(crate) fn encode<'a>(self, text: &'a str) -> Result<Cow<'a, [u8]>> {
        let absent = || {
            EngineError::new(ErrorKind::Data, "encode a value", "a character does not exist in the column's character set")
                .hint("choose a mask that keeps to plain letters, or `clear` the column")
        };
        match self {
            Charset::Utf8 | Charset::Converted => Ok(Cow::Borrowed(text.as_bytes())),
            Charset::Latin1 if text.is_ascii() => Ok(Cow::Borrowed(text.as_bytes())),
            Charset::Latin1 => text
                .chars()
                .map(|c| match u32::from(c) {
                    0x00..=0x7f | 0xa0..=0xff => u8::try_from(u32::from(c)).ok(),
                    _ => WINDOWS.iter().position(|w| *w == c).and_then(|at| u8::try_from(at + 0x80).ok()),
                })
                .collect::<Option<Vec<u8>>>()
                .map(Cow::Owned)
                .ok_or_else(absent),
            Charset::Table(table) => match table.encode(text) {
                (bytes, _, false) => Ok(bytes),
                _ => Err(absent()),
            },
            Charset::Sixteen { pairs: false, .. } if text.chars().any(|c| u32::from(c) > 0xffff) => Err(absent()),
            Charset::Sixteen { little, .. } => {
                Ok(text.encode_utf16().flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_set_lacks_is_replaced_by_what_is_under_the_diacritic() {
        assert_eq!(Charset::Latin1.fitted("Łukasz Müller 猫"), "Lukasz Müller ?");
        assert_eq!(Charset::of("cp1250").fitted("Łukasz Müller"), "Łukasz Müller");
        assert_eq!(Charset::of("greek").fitted("ŻÓŁĆ"), "ZOLC");
    }

    #[test]
    fn bytes_come_back_as_they_were() {
        let all: Vec<u8> = (0..=255).collect();
        let text = Charset::Latin1.decode(&all).unwrap().into_owned();
        assert_eq!(Charset::Latin1.encode(&text).unwrap().as_ref(), all);
        assert_eq!(Charset::Latin1.decode(b"\x80").unwrap(), "€");
        assert!(Charset::Latin1.encode("漢").is_err());
        for name in ["cp1250", "cp1251", "latin2", "koi8r", "cp866"] {
            let text = Charset::of(name).decode(&all).unwrap().into_owned();
            assert_eq!(Charset::of(name).encode(&text).unwrap().as_ref(), all, "{name}");
        }
        for (name, text, bytes) in [
            ("cp1250", "Łódź", &b"\xa3\xf3d\x9f"[..]),
            ("latin2", "Łódź", b"\xa3\xf3d\xbc"),
            ("ucs2", "aβ", b"\0a\x03\xb2"),
            ("utf16", "😀", b"\xd8\x3d\xde\0"),
            ("utf16le", "😀", b"\x3d\xd8\0\xde"),
            ("cp932", "表", b"\x95\\"),
        ] {
            assert_eq!(Charset::of(name).encode(text).unwrap().as_ref(), bytes, "{name}");
            assert_eq!(Charset::of(name).decode(bytes).unwrap(), text, "{name}");
        }
        assert!(Charset::of("ucs2").encode("😀").is_err() && Charset::of("utf16").decode(b"abc").is_err());
        assert!(Charset::of("latin2").encode("漢").is_err());
        let e = Charset::Utf8.decode(b"ann\xff").unwrap_err();
        assert!(!format!("{e:?}").contains("ann"));
    }
}
