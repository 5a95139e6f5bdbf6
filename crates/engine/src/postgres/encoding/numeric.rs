//! `numeric` between its binary form and plain decimal text. Owns rounding to a scale, as the server does it (half away from zero).
//!
//! Binary form (server's `numeric_send`): count of base-10000 digits, weight of the first, sign, display scale, digits.

use crate::error::{EngineError, ErrorKind, Result};

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;

fn bad(message: &str) -> EngineError {
    EngineError::new(ErrorKind::Data, "convert a numeric", message)
}

/// Plain text of the binary form.
pub(crate) fn from_binary(bytes: &[u8]) -> Result<String> {
    let word = |i: usize| -> Result<u16> {
        bytes.get(2 * i..2 * i + 2).map(|b| u16::from_be_bytes([b[0], b[1]])).ok_or_else(|| bad("the binary form is cut short"))
    };
    let (count, weight, sign, scale) = (usize::from(word(0)?), word(1)?.cast_signed(), word(2)?, usize::from(word(3)?));
    match sign {
        NAN => return Ok("NaN".to_owned()),
        INFINITY => return Ok("Infinity".to_owned()),
        NEGATIVE_INFINITY => return Ok("-Infinity".to_owned()),
        _ => {}
    }
    let digit = |place: i32| -> Result<u16> {
        // `place` counts base-10000 positions: 0 is the one just before the point.
        let index = i32::from(weight) - place;
        match usize::try_from(index) {
            Ok(i) if i < count => word(4 + i),
            _ => Ok(0),
        }
    };
    let mut out = String::with_capacity(count * 4 + scale + 3);
    if sign == NEGATIVE {
        out.push('-');
    }
    if weight < 0 {
        out.push('0');
    } else {
        for place in (0..=i32::from(weight)).rev() {
            let d = digit(place)?;
            if place == i32::from(weight) { out.push_str(&d.to_string()) } else { out.push_str(&format!("{d:04}")) }
        }
    }
    if scale > 0 {
        out.push('.');
        let point = out.len();
        let mut place = -1;
        while out.len() < point + scale {
            out.push_str(&format!("{:04}", digit(place)?));
            place -= 1;
        }
        out.truncate(point + scale);
    }
    Ok(out)
}

/// Plain text in canonical form, rounded to `limit`'s scale where the column has one: (precision, scale).
pub(crate) fn canonical(text: &str, limit: Option<(u32, i32)>) -> Result<String> {
    let text = text.trim();
    for name in ["NaN", "Infinity", "-Infinity"] {
        if text.eq_ignore_ascii_case(name) {
            return Ok(name.to_owned());
        }
    }
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    if whole.len() + fraction.len() == 0 || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return Err(bad("a value is no plain decimal number"));
    }
    let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|b| b - b'0').collect();
    let mut places = i32::try_from(fraction.len()).map_err(|_| bad("a number has too many digits"))?;
    if let Some((precision, scale)) = limit {
        while places < scale {
            digits.push(0);
            places += 1;
        }
        let mut carry = false;
        while places > scale {
            carry = digits.pop().is_some_and(|d| d >= 5);
            places -= 1;
        }
        let mut at = digits.len();
        while carry {
            if at == 0 {
                digits.insert(0, 1);
                break;
            }
            at -= 1;
            digits[at] = (digits[at] + 1) % 10;
            carry = digits[at] == 0;
        }
        let significant = digits.iter().skip_while(|d| **d == 0).count();
        if significant > precision as usize {
            return Err(bad("a number has more digits than its column allows"));
        }
        while places < 0 {
            digits.push(0);
            places += 1;
        }
    }
    let places = usize::try_from(places).map_err(|_| bad("a number has too many digits"))?;
    while digits.len() <= places {
        digits.insert(0, 0);
    }
    let point = digits.len() - places;
    let lead = digits[..point - 1].iter().take_while(|d| **d == 0).count();
    let mut out = String::with_capacity(digits.len() + 2);
    if negative && digits.iter().any(|d| *d != 0) {
        out.push('-');
    }
    out.extend(digits[lead..point].iter().map(|d| char::from(d + b'0')));
    if places > 0 {
        out.push('.');
        out.extend(digits[point..].iter().map(|d| char::from(d + b'0')));
    }
    Ok(out)
}

/// Appends the binary form of canonical text.
pub(crate) fn to_binary(text: &str, out: &mut Vec<u8>) -> Result<()> {
    let special = match text {
        "NaN" => Some(NAN),
        "Infinity" => Some(INFINITY),
        "-Infinity" => Some(NEGATIVE_INFINITY),
        _ => None,
    };
    let mut put = |words: &[u16]| out.extend(words.iter().flat_map(|w| w.to_be_bytes()));
    if let Some(sign) = special {
        // The server itself sends scale 32 with infinities, and takes any.
        put(&[0, 0, sign, if sign == NAN { 0 } else { 32 }]);
        return Ok(());
    }
    let (sign, unsigned) = text.strip_prefix('-').map_or((0, text), |rest| (NEGATIVE, rest));
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let scale = u16::try_from(fraction.len()).map_err(|_| bad("a number has too many digits"))?;
    let mut digits: Vec<u16> = Vec::new();
    let number = |group: &str| group.bytes().fold(0u16, |n, b| n * 10 + u16::from(b - b'0'));
    let first = whole.len() % 4;
    if first > 0 {
        digits.push(number(&whole[..first]));
    }
    for at in (first..whole.len()).step_by(4) {
        digits.push(number(&whole[at..at + 4]));
    }
    let mut weight = i16::try_from(digits.len()).map_err(|_| bad("a number has too many digits"))? - 1;
    for at in (0..fraction.len()).step_by(4) {
        let group = &fraction[at..fraction.len().min(at + 4)];
        let missing = u32::try_from(4 - group.len()).expect("a group has at most four digits");
        digits.push(number(group) * 10u16.pow(missing));
    }
    let lead = digits.iter().take_while(|d| **d == 0).count();
    digits.drain(..lead);
    weight -= i16::try_from(lead).map_err(|_| bad("a number has too many digits"))?;
    while digits.last() == Some(&0) {
        digits.pop();
    }
    if digits.is_empty() {
        weight = 0;
    }
    let count = u16::try_from(digits.len()).map_err(|_| bad("a number has too many digits"))?;
    put(&[count, weight.cast_unsigned(), sign, scale]);
    put(&digits);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rounding_is_half_away_from_zero_at_the_columns_scale() {
        assert_eq!(canonical("1.005", Some((10, 2))).unwrap(), "1.01");
        assert_eq!(canonical("-1.005", Some((10, 2))).unwrap(), "-1.01");
        assert_eq!(canonical("99.995", Some((5, 2))).unwrap(), "100.00");
        assert_eq!(canonical("9", Some((10, 3))).unwrap(), "9.000");
        assert_eq!(canonical("1250", Some((3, -2))).unwrap(), "1300");
        assert_eq!(canonical("-0.004", Some((5, 2))).unwrap(), "0.00");
        assert_eq!(canonical("007.50", None).unwrap(), "7.50");
        assert!(canonical("999.995", Some((5, 2))).is_err());
        assert!(canonical("1e5", None).is_err());
        assert!(canonical("", None).is_err());
    }

    #[test]
    fn special_numbers_survive() {
        for text in ["NaN", "Infinity", "-Infinity", "0", "0.00", "10000", "0.0001", "-12345678.90001"] {
            let mut binary = Vec::new();
            to_binary(text, &mut binary).unwrap();
            assert_eq!(from_binary(&binary).unwrap(), text);
        }
    }

    proptest! {
        #[test]
        fn binary_and_text_agree(text in "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,25})?") {
            let text = canonical(&text, None).unwrap();
            let mut binary = Vec::new();
            to_binary(&text, &mut binary).unwrap();
            prop_assert_eq!(from_binary(&binary).unwrap(), text);
        }
    }
}
