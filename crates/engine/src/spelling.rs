//! How UUIDs and decimals are spelled as text, for the engines whose rows travel so, and text for columns whose character set is small. Owns no
//! types and no rows.

use greenroom_model::mask::plain_letter;
use std::borrow::Cow;

/// A mask's text without characters that a column cannot hold: the letter under the diacritic in their place, else `?`.
pub(crate) fn fitted<'t>(text: &'t str, fits: impl Fn(char) -> bool) -> Cow<'t, str> {
    if text.is_ascii() || text.chars().all(&fits) {
        return Cow::Borrowed(text);
    }
    text.chars().map(|c| if c.is_ascii() || fits(c) { c } else { plain_letter(c).unwrap_or('?') }).collect()
}

/// The bytes of a UUID, with dashes or without.
pub(crate) fn uuid(text: &str) -> Option<[u8; 16]> {
    let digits: Vec<u8> = text.bytes().filter(|b| *b != b'-').collect();
    let hex = std::str::from_utf8(&digits).ok().filter(|d| d.len() == 32)?;
    Some(u128::from_str_radix(hex, 16).ok()?.to_be_bytes())
}

/// A UUID with dashes, in lower case.
pub(crate) fn uuid_text(uuid: &[u8; 16]) -> String {
    let h = format!("{:032x}", u128::from_be_bytes(*uuid));
    format!("{}-{}-{}-{}-{}", &h[..8], &h[8..12], &h[12..16], &h[16..20], &h[20..])
}

/// A decimal with exactly so many digits behind the point, rounded half away from zero as servers do it.
pub(crate) fn decimal(text: &str, scale: u32) -> Option<String> {
    let scale = usize::try_from(scale).ok()?;
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if !(whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit())) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let mut all: Vec<u8> = whole.bytes().chain(fraction.bytes().chain(std::iter::repeat(b'0')).take(scale)).collect();
    if fraction.as_bytes().get(scale).is_some_and(|b| *b >= b'5') {
        let carried = all.iter_mut().rev().all(|b| {
            *b = if *b == b'9' { b'0' } else { *b + 1 };
            *b == b'0'
        });
        if carried {
            all.insert(0, b'1');
        }
    }
    let split = all.len() - scale;
    let whole = std::str::from_utf8(&all[..split]).ok()?.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = std::str::from_utf8(&all[split..]).ok()?;
    let zero = whole == "0" && fraction.bytes().all(|b| b == b'0');
    let sign = if zero { "" } else { sign };
    Some(if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}
