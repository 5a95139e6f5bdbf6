//! Permutation of keys: numbers stay numbers of as many digits, letters stay letters, everything else stays where it is. A bijection, so
//! unique columns stay unique; the number and its text spelling go to the same. Does not own the network itself (`feistel`).
//!
//! Numbers are permuted within bands that end at powers of ten and at the limits of 16, 32 and 64 bits, whatever the column's own width:
//! a key and the foreign keys that refer to it may differ in width and must still agree.

use super::args::Args;
use super::carrier::{Promise, wrong_type};
use super::draw::Prf;
use super::feistel::{Feistel, LARGEST};
use super::{Mask, MaskError, MaskTraits, Uniqueness, Value};
use crate::catalog::Family;
use std::borrow::Cow;

const LIMITS: [u128; 3] = [i16::MAX as u128, i32::MAX as u128, i64::MAX as u128];

struct Permute {
    feistel: Feistel,
    traits: MaskTraits,
}

/// Permutes within one band. Zero is its own band among negative numbers, so that no number turns into `-0`.
fn number(feistel: &Feistel, negative: bool, x: u128) -> u128 {
    if negative && x == 0 {
        return 0;
    }
    let digits = x.checked_ilog10().unwrap_or(0);
    let mut low = if digits == 0 { u128::from(negative) } else { 10u128.pow(digits) };
    let mut high = 10u128.pow(digits + 1) - 1;
    for limit in LIMITS {
        let limit = limit + u128::from(negative);
        if x <= limit {
            high = high.min(limit);
        } else {
            low = low.max(limit + 1);
        }
    }
    low + feistel.permute(u64::from(digits) << 1 | u64::from(negative), high - low + 1, x - low)
}

fn integer(feistel: &Feistel, n: i64) -> i64 {
    let out = i128::try_from(number(feistel, n < 0, u128::from(n.unsigned_abs()))).expect("a number of 64 bits");
    i64::try_from(if n < 0 { -out } else { out }).expect("bands end at the limits of 64 bits")
}

/// Permutes the ASCII letters and digits of a text; `None` if it has none.
fn text(feistel: &Feistel, text: &str) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let at: Vec<usize> = (0..bytes.len()).filter(|i| bytes[*i].is_ascii_alphanumeric()).collect();
    let letters = at.iter().any(|i| bytes[*i].is_ascii_alphabetic());
    let negative = text.starts_with('-');
    let mut rest = at.as_slice();
    let mut tweak = 1u64 << 32;
    if !letters {
        // Leading zeros stay, what follows is a number: `0012` and `12` go to the same digits.
        let zeros = rest.iter().take(rest.len().saturating_sub(1)).take_while(|i| bytes[**i] == b'0').count();
        let (digits, others) = rest[zeros..].split_at((rest.len() - zeros).min(38));
        let x = digits.iter().fold(0u128, |x, i| x * 10 + u128::from(bytes[*i] - b'0'));
        tweak ^= low_bits(x);
        let mut y = number(feistel, negative, x);
        for i in digits.iter().rev() {
            bytes[*i] = b'0' + u8::try_from(y % 10).expect("below ten");
            y /= 10;
        }
        rest = others;
    }
    let mut chunk = 1u64;
    while !rest.is_empty() {
        let (mut n, mut x, mut length) = (1u128, 0u128, 0);
        for i in rest {
            let radix = radix(bytes[*i]);
            if n > LARGEST / radix {
                break;
            }
            n *= radix;
            x = x * radix + digit(bytes[*i]);
            length += 1;
        }
        let (here, others) = rest.split_at(length);
        let mut y = feistel.permute(tweak ^ chunk << 40, n, x);
        for i in here.iter().rev() {
            let radix = radix(bytes[*i]);
            bytes[*i] = with_digit(bytes[*i], u8::try_from(y % radix).expect("below 26"));
            y /= radix;
        }
        // Later parts depend on the earlier ones, or long keys with a common end would share that end's image.
        tweak ^= low_bits(x).rotate_left(17);
        chunk += 1;
        rest = others;
    }
    if at.is_empty() {
        return None;
    }
    Some(String::from_utf8(bytes).expect("ASCII was replaced by ASCII"))
}

fn low_bits(x: u128) -> u64 {
    u64::try_from(x & u128::from(u64::MAX)).expect("masked to 64 bits")
}

fn radix(b: u8) -> u128 {
    if b.is_ascii_digit() { 10 } else { 26 }
}

// Letters count without their case, so that texts that differ in case only keep doing so.
fn digit(b: u8) -> u128 {
    u128::from(if b.is_ascii_digit() { b - b'0' } else { b.to_ascii_lowercase() - b'a' })
}

fn with_digit(old: u8, d: u8) -> u8 {
    match old {
        b if b.is_ascii_digit() => b'0' + d,
        b if b.is_ascii_uppercase() => b'A' + d,
        _ => b'a' + d,
    }
}

impl Permute {
    fn text(&self, t: &str) -> Result<String, MaskError> {
        if let Ok(n) = t.parse::<i64>()
            && n.to_string() == t
        {
            return Ok(integer(&self.feistel, n).to_string());
        }
        let why = "a key without ASCII letters or digits cannot be permuted";
        text(&self.feistel, t).ok_or(MaskError::Malformed { mask: "permute".to_owned(), why })
    }
}

impl Mask for Permute {
    fn traits(&self) -> &MaskTraits {
        &self.traits
    }

    fn apply<'v>(&self, _: &[u8], value: Value<'v>) -> Result<Value<'v>, MaskError> {
        Ok(match value {
            Value::Null => Value::Null,
            Value::Int(n) => Value::Int(integer(&self.feistel, n)),
            Value::Text(t) if t.trim().is_empty() => Value::Text(t),
            Value::Text(t) => Value::Text(Cow::Owned(self.text(&t)?)),
            Value::Decimal(t) if t.bytes().any(|b| b.is_ascii_alphabetic()) => Value::Decimal(t),
            Value::Decimal(t) => Value::Decimal(Cow::Owned(self.text(&t)?)),
            other => return Err(wrong_type("permute", &other)),
        })
    }
}

/// `permute`.
pub(super) fn permute(args: &mut Args<'_>) -> Box<dyn Mask> {
    let mut traits = Promise::lossy(None).traits(None);
    traits.uniqueness = Uniqueness::Permutation;
    // Numbers have no case.
    traits.case_proof = matches!(args.column.family, Family::Integer | Family::Decimal);
    Box::new(Permute { feistel: Feistel::new(&Prf::new(args.key, "permute")), traits })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::cast_possible_truncation, reason = "small numbers")]
    use super::*;
    use crate::mask::MaskKey;
    use std::collections::BTreeSet;

    fn feistel() -> Feistel {
        Feistel::new(&Prf::new(&MaskKey::new([9; 32]).domain("d"), "permute"))
    }

    #[test]
    fn whole_numbers_of_sixteen_bits_are_permuted_exactly_and_keep_sign_and_length() {
        let f = feistel();
        let out: BTreeSet<i64> = (i64::from(i16::MIN)..=i64::from(i16::MAX)).map(|n| integer(&f, n)).collect();
        assert!(out.iter().copied().eq(i64::from(i16::MIN)..=i64::from(i16::MAX)));
        assert!((-4000..4000).all(|n| integer(&f, n).to_string().len() == n.to_string().len()));
    }

    #[test]
    fn numbers_at_the_limits_of_their_types_stay_within() {
        let f = feistel();
        for n in [i64::from(i32::MAX), i64::from(i32::MIN), 2_000_000_000, -2_000_000_000] {
            assert!(i32::try_from(integer(&f, n)).is_ok());
        }
        for n in [i64::MAX, i64::MIN, i64::MIN + 1] {
            assert_eq!(integer(&f, n).to_string().len(), n.to_string().len());
        }
    }

    #[test]
    fn all_short_texts_of_a_shape_are_permuted_exactly() {
        let f = feistel();
        let three: Vec<String> = (0..1000).map(|n| format!("{n:03}")).collect();
        let shapes: [Vec<String>; 4] = [
            three.clone(),
            three.iter().map(|t| format!("-{}.{}", &t[..1], &t[1..])).collect(),
            (0..2600u32).map(|n| format!("{}é{:02}", char::from(b'a' + (n % 26) as u8), n / 26)).collect(),
            (0..676u16).map(|n| format!("{}-{}", char::from(b'A' + (n / 26) as u8), char::from(b'a' + (n % 26) as u8))).collect(),
        ];
        for shape in shapes {
            let all: BTreeSet<String> = shape.iter().cloned().collect();
            let mask = Permute { feistel: feistel(), traits: Promise::lossy(None).traits(None) };
            let out: BTreeSet<String> = shape.iter().map(|t| mask.text(t).unwrap()).collect();
            assert_eq!(out, all);
        }
        assert_eq!(text(&f, "…"), None);
    }

    #[test]
    fn number_and_text_and_zero_padded_text_agree() {
        let mask = Permute { feistel: feistel(), traits: Promise::lossy(None).traits(None) };
        let number = integer(&mask.feistel, 4711).to_string();
        assert_eq!(mask.text("4711").unwrap(), number);
        assert_eq!(mask.text("0004711").unwrap(), format!("000{number}"));
    }

    #[test]
    fn long_keys_stay_different() {
        let f = feistel();
        let out: BTreeSet<String> = (0..2000).map(|n| text(&f, &format!("{n:060}{n:030}Abc")).unwrap()).collect();
        assert_eq!(out.len(), 2000);
        let out: BTreeSet<String> = (0..2000).map(|n| text(&f, &format!("9{n:050}{n:030}")).unwrap()).collect();
        assert_eq!(out.len(), 2000);
    }
}
