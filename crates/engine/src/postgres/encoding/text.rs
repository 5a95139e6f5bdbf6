//! The text COPY format: tab-separated, backslash-escaped lines, `\N` for NULL (PostgreSQL manual, COPY, "Text Format"). Used for tables
//! with a type whose binary form lies or does not exist (P5). Owns unescaping, escaping and each decoded type's text form.

use super::field::{self, Codec, Plain, bad};
use crate::error::Result;
use std::borrow::Cow;

/// Takes a line off and splits it; `width` distinguishes a row of no columns from a row of one empty column.
pub(crate) fn next_row<'a>(width: usize, data: &mut &'a [u8], fields: &mut Vec<Option<&'a [u8]>>) -> Result<bool> {
    fields.clear();
    if data.is_empty() {
        return Ok(false);
    }
    // A newline inside a value is escaped, so that a plain one always ends the row.
    let end = data.iter().position(|b| *b == b'\n').ok_or_else(|| bad("a row of the text COPY stream is cut short"))?;
    let line = &data[..end];
    *data = &data[end + 1..];
    if width > 0 {
        fields.extend(line.split(|b| *b == b'\t').map(|f| (f != b"\\N").then_some(f)));
    }
    Ok(true)
}

/// Undoes the escapes.
pub(super) fn unescaped(b: &[u8]) -> Result<Cow<'_, str>> {
    if !b.contains(&b'\\') {
        return std::str::from_utf8(b).map(Cow::Borrowed).map_err(|_| bad("text is not valid UTF-8"));
    }
    let mut out = Vec::with_capacity(b.len());
    let mut rest = b.iter();
    while let Some(&c) = rest.next() {
        if c != b'\\' {
            out.push(c);
            continue;
        }
        out.push(match rest.next() {
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'v') => 11,
            Some(&c) => c,
            None => return Err(bad("a field of the text COPY stream ends in a backslash")),
        });
    }
    String::from_utf8(out).map(Cow::Owned).map_err(|_| bad("text is not valid UTF-8"))
}

/// Applies the escapes exactly as the server does, so that digests of both sides agree.
fn escape(text: &str, out: &mut Vec<u8>) {
    for b in text.bytes() {
        let escaped = match b {
            8 => b'b',
            12 => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            11 => b'v',
            b'\\' => b'\\',
            _ => {
                out.push(b);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', escaped]);
    }
}

/// Reads a field.
pub(crate) fn read<'a>(codec: &Codec, b: &'a [u8]) -> Result<Plain<'a>> {
    let text = unescaped(b)?;
    Ok(match codec {
        Codec::Text { .. } | Codec::Char { .. } | Codec::Name | Codec::Json | Codec::Jsonb | Codec::Numeric { .. } => Plain::Text(text),
        Codec::Int { .. } => Plain::Int(text.parse().map_err(|_| bad("a value is no whole number"))?),
        Codec::Money => {
            let digits: String = text.chars().filter(|c| c.is_ascii_digit()).collect();
            let cents: i64 = digits.parse().map_err(|_| bad("a value is no amount of money"))?;
            Plain::Int(if text.contains('-') { -cents } else { cents })
        }
        Codec::Float { .. } => Plain::Float(text.parse().map_err(|_| bad("a value is no number"))?),
        Codec::Bool => Plain::Bool(text == "t"),
        Codec::Date => field::parse_day(&text).map_or(Plain::Text(text), Plain::Days),
        Codec::Timestamp { .. } => field::parse_moment(&text).map_or(Plain::Text(text), Plain::Micros),
        Codec::Time { .. } => Plain::Micros(field::parse_clock(&text)?),
        Codec::Uuid => Plain::Uuid(field::parse_uuid(&text)?),
        Codec::Bytes => Plain::Bytes(Cow::Owned(bytes_of(&text)?)),
        Codec::Inet { .. } => field::parse_inet(&text)?,
        Codec::TextArray { .. } => Plain::Array(read_array(&text)?),
        Codec::Opaque => return Err(bad("this type can be kept or nulled, not masked")),
    })
}

fn bytes_of(text: &str) -> Result<Vec<u8>> {
    let hex = text.strip_prefix("\\x").filter(|h| h.len() % 2 == 0).ok_or_else(|| bad("bytes are not in hexadecimal form"))?;
    (0..hex.len())
        .step_by(2)
        .map(|i| hex.get(i..i + 2).and_then(|d| u8::from_str_radix(d, 16).ok()).ok_or_else(|| bad("bytes are not in hexadecimal form")))
        .collect()
}

/// Reads an array literal of one dimension.
fn read_array<'a>(text: &str) -> Result<Vec<Option<Cow<'a, str>>>> {
    let malformed = || bad("an array is not of one dimension");
    // `[2:4]={…}` where the lower bound is not 1.
    let literal = if text.starts_with('[') { text.split_once('=').ok_or_else(malformed)?.1 } else { text };
    let inner = literal.strip_prefix('{').and_then(|t| t.strip_suffix('}')).ok_or_else(malformed)?;
    let mut items = Vec::new();
    let mut chars = inner.chars().peekable();
    while chars.peek().is_some() {
        let mut item = String::new();
        let quoted = chars.next_if_eq(&'"').is_some();
        loop {
            match chars.next() {
                Some('\\') => item.push(chars.next().ok_or_else(malformed)?),
                Some('"') if quoted => {
                    if chars.next().is_some_and(|c| c != ',') {
                        return Err(malformed());
                    }
                    break;
                }
                Some('{') if !quoted => return Err(malformed()),
                Some(',') if !quoted => break,
                Some(c) => item.push(c),
                None if quoted => return Err(malformed()),
                None => break,
            }
        }
        items.push(if !quoted && item.eq_ignore_ascii_case("null") { None } else { Some(Cow::Owned(item)) });
    }
    Ok(items)
}

/// Writes an array literal as the server prints it.
fn array(items: &[Option<Cow<'_, str>>]) -> String {
    let mut out = String::from("{");
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        match item {
            None => out.push_str("NULL"),
            Some(t) => {
                let plain = !t.is_empty()
                    && !t.eq_ignore_ascii_case("null")
                    && !t.contains(['"', '\\', '{', '}', ',', ' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
                if plain {
                    out.push_str(t);
                } else {
                    out.push('"');
                    for c in t.chars() {
                        if matches!(c, '"' | '\\') {
                            out.push('\\');
                        }
                        out.push(c);
                    }
                    out.push('"');
                }
            }
        }
    }
    out.push('}');
    out
}

/// Appends a field, escaped.
pub(crate) fn write(codec: &Codec, plain: &Plain<'_>, out: &mut Vec<u8>) -> Result<()> {
    match plain {
        Plain::Text(t) => escape(t, out),
        Plain::Int(i) if *codec == Codec::Money => {
            let sign = if *i < 0 { "-" } else { "" };
            let cents = i.unsigned_abs();
            escape(&format!("{sign}${}.{:02}", grouped(cents / 100), cents % 100), out);
        }
        Plain::Int(i) => escape(&i.to_string(), out),
        Plain::Float(x) => escape(&float(*x, *codec == (Codec::Float { bytes: 4 })), out),
        Plain::Bool(b) => out.push(if *b { b't' } else { b'f' }),
        Plain::Days(i32::MAX) | Plain::Micros(i64::MAX) => out.extend_from_slice(b"infinity"),
        Plain::Days(i32::MIN) | Plain::Micros(i64::MIN) => out.extend_from_slice(b"-infinity"),
        Plain::Days(d) => {
            let (day, era) = dated(field::day(*d)?);
            escape(&format!("{day}{era}"), out);
        }
        Plain::Micros(m) => match codec {
            Codec::Time { .. } => escape(&field::clock(*m), out),
            codec => {
                let (day, era) = dated(field::moment(*m)?.date());
                let zone = if matches!(codec, Codec::Timestamp { zone: true, .. }) { "+00" } else { "" };
                escape(&format!("{day} {}{zone}{era}", field::clock(m.rem_euclid(86_400_000_000))), out);
            }
        },
        Plain::Uuid(u) => {
            let hex = format!("{:032x}", u128::from_be_bytes(*u));
            escape(&format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]), out);
        }
        Plain::Bytes(b) => {
            out.extend_from_slice(b"\\\\x");
            for b in b.iter() {
                out.extend_from_slice(format!("{b:02x}").as_bytes());
            }
        }
        Plain::Inet(ip, bits) => escape(&field::inet(codec, *ip, *bits), out),
        Plain::Array(items) => escape(&array(items), out),
    }
    Ok(())
}

/// Year, month and day as the server prints them: years before 1 AD counted backwards.
fn dated(d: jiff::civil::Date) -> (String, &'static str) {
    let (year, era) = if d.year() > 0 { (d.year(), "") } else { (1 - d.year(), " BC") };
    (format!("{year:04}-{:02}-{:02}", d.month(), d.day()), era)
}

fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// The text of a number as the server prints it: the shortest that lies strictly between the halfway points to its neighbours, the
/// closest of those, ties to the even digit; an exponent below -4 or from 15 (single precision: 6) on.
///
/// Rust's own shortest form differs: it also takes a halfway point that happens to round the right way.
fn float(x: f64, single: bool) -> String {
    if x.is_nan() {
        return "NaN".to_owned();
    }
    if x.is_infinite() {
        return if x > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() };
    }
    if x == 0.0 {
        return if x.is_sign_negative() { "-0".to_owned() } else { "0".to_owned() };
    }
    #[expect(clippy::cast_possible_truncation, reason = "a single-precision column's value, widened before")]
    let narrow = x as f32;
    let print = |digits: usize| if single { format!("{narrow:.digits$e}") } else { format!("{x:.digits$e}") };
    let same = |text: &str| if single { text.parse() == Ok(narrow) } else { text.parse() == Ok(x) };
    // 17 digits (9 for single precision) always suffice.
    let most = if single { 8 } else { 16 };
    let text = (0..most).map(print).find(|text| same(text) && strictly(text, &same)).unwrap_or_else(|| print(most));
    let (mantissa, exponent) = text.split_once('e').expect("Rust prints an exponent for `e`");
    let exponent: i32 = exponent.parse().expect("Rust prints a whole exponent");
    if !(-4..if single { 6 } else { 15 }).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let sign = if x < 0.0 { "-" } else { "" };
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    match usize::try_from(exponent) {
        Err(_) => format!("{sign}0.{}{digits}", "0".repeat(exponent.unsigned_abs() as usize - 1)),
        Ok(whole) if digits.len() <= whole + 1 => format!("{sign}{digits}{}", "0".repeat(whole + 1 - digits.len())),
        Ok(whole) => format!("{sign}{}.{}", &digits[..=whole], &digits[whole + 1..]),
    }
}

/// Whether a number stays the same when its text is moved a trifle away from zero and towards it; a halfway point does not.
fn strictly(text: &str, same: &dyn Fn(&str) -> bool) -> bool {
    let (mantissa, exponent) = text.split_once('e').expect("Rust prints an exponent for `e`");
    let point = if mantissa.contains('.') { "" } else { "." };
    let above = format!("{mantissa}{point}{}1e{exponent}", "0".repeat(40));
    let mut digits: Vec<u8> = mantissa.bytes().collect();
    for d in digits.iter_mut().rev() {
        match d {
            b'0' => *d = b'9',
            b'1'..=b'9' => {
                *d -= 1;
                break;
            }
            _ => {}
        }
    }
    let below = format!("{}{point}{}e{exponent}", String::from_utf8_lossy(&digits), "9".repeat(41));
    same(&above) && same(&below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn arrays_are_read_and_written_as_literals() {
        let items = read_array(r#"{a,"b c",NULL,"NULL","q\"\\",""}"#).unwrap();
        let seen: Vec<Option<&str>> = items.iter().map(|i| i.as_deref()).collect();
        assert_eq!(seen, [Some("a"), Some("b c"), None, Some("NULL"), Some("q\"\\"), Some("")]);
        assert_eq!(array(&items), r#"{a,"b c",NULL,"NULL","q\"\\",""}"#);
        assert!(read_array("{{a},{b}}").is_err());
        assert!(read_array("{}").unwrap().is_empty());
    }

    #[test]
    fn floats_are_laid_out_as_the_server_does() {
        for (x, wanted) in [
            (1e15, "1e+15"),
            (123456789012345.0, "123456789012345"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (-0.5, "-0.5"),
            (35428571428571432.0, "3.5428571428571432e+16"),
            (714_285_714_285_714.2, "714285714285714.2"),
            (100.0, "100"),
            (123.456, "123.456"),
            (-0.00012, "-0.00012"),
            (1e300, "1e+300"),
            (9007199254740992.0, "9.007199254740992e+15"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(float(x, false), wanted);
        }
        assert_eq!(float(f64::from(16_777_215f32), true), "1.6777215e+07");
    }

    proptest! {
        #[test]
        fn escaping_can_be_undone(text in "[^\\x00]{0,40}") {
            let mut line = Vec::new();
            escape(&text, &mut line);
            prop_assert!(!line.contains(&b'\t') && !line.contains(&b'\n'));
            prop_assert_eq!(unescaped(&line).unwrap(), text);
        }

        #[test]
        fn array_literals_can_be_undone(items in prop::collection::vec(prop::option::of("[^\\x00]{0,8}"), 0..5)) {
            let items: Vec<Option<Cow<'_, str>>> = items.into_iter().map(|i| i.map(Cow::Owned)).collect();
            prop_assert_eq!(read_array(&array(&items)).unwrap(), items);
        }
    }
}
