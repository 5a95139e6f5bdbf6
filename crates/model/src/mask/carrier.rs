//! Carries masks that turn text into text over the value kinds they meet: padded text, numbers that hold digits, bytes that hold text.
//! Owns NULL, empty values, bounds, canonical form and "never the same by chance"; does not own what a mask writes.

use super::args::Args;
use super::{Mask, MaskError, MaskTraits, Uniqueness, Value};
use crate::catalog::Family;
use std::borrow::Cow;

/// How often another output is tried when one equals its input or does not fit a number's type.
const ATTEMPTS: u32 = 32;

/// What a text mask sees.
pub(super) struct Input<'a> {
    /// Canonical form of the row's identity.
    pub(super) identity: &'a [u8],
    /// Canonical form of the value: what keyed draws by value start from.
    pub(super) key: &'a [u8],
    /// The value as text, for its format.
    pub(super) text: &'a str,
    /// Above zero, an output other than the former is wanted.
    pub(super) attempt: u32,
}

/// A mask from text to text.
pub(super) trait TextMask: Send + Sync {
    /// Appends the output; the reason why not, without the value.
    fn write(&self, input: &Input<'_>, out: &mut String) -> Result<(), &'static str>;

    /// Whether digits become digits one for one, so that numbers stay numbers.
    fn keeps_digits(&self) -> bool {
        false
    }

    /// Whether another attempt may give another output.
    fn has_choice(&self) -> bool {
        true
    }
}

/// What a text mask promises, before the column's bound.
pub(super) struct Promise {
    pub(super) uniqueness: Uniqueness,
    /// Longest output in characters; `None` where it follows the input.
    pub(super) longest: Option<usize>,
    pub(super) case_proof: bool,
    pub(super) by_identity: bool,
}

impl Promise {
    /// Equal outputs are possible.
    pub(super) fn lossy(longest: Option<usize>) -> Promise {
        Promise { uniqueness: Uniqueness::Lossy, longest, case_proof: false, by_identity: false }
    }

    /// Lower-case outputs with `bits` keyed bits: distinct from 96 on.
    pub(super) fn bits(bits: usize, longest: usize) -> Promise {
        let distinct = bits >= 96;
        let uniqueness = if distinct { Uniqueness::Distinct } else { Uniqueness::Lossy };
        Promise { uniqueness, longest: Some(longest), case_proof: distinct, by_identity: false }
    }

    /// Follows the identity.
    pub(super) fn by_identity(mut self) -> Promise {
        self.by_identity = true;
        self
    }

    /// The traits, cut to the column's bound.
    pub(super) fn traits(self, limit: Option<usize>) -> MaskTraits {
        let longest = match (self.longest, limit) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, _) => a,
        };
        MaskTraits {
            uniqueness: self.uniqueness,
            max_output: longest.map(|n| u32::try_from(n).unwrap_or(u32::MAX)),
            case_proof: self.case_proof,
            may_null: false,
            by_identity: self.by_identity,
        }
    }
}

/// A [`TextMask`] on a column.
pub(super) struct Carrier<T> {
    name: String,
    mask: T,
    traits: MaskTraits,
    limit: Option<usize>,
    /// PostgreSQL's `character(n)` stores and gives back values padded to `n`.
    padded: bool,
    /// SQLite's numeric affinities turn text that reads as a number into one; outputs must not become such text.
    numeric: bool,
}

impl<T: TextMask + 'static> Carrier<T> {
    pub(super) fn boxed(args: &Args<'_>, mask: T, promise: Promise) -> Box<dyn Mask> {
        let limit = args.limit();
        let padded = args.column.family == Family::Text && args.column.native_type.starts_with("character(");
        Box::new(Carrier {
            name: args.rule.name.clone(),
            mask,
            traits: promise.traits(limit),
            limit,
            padded,
            numeric: matches!(args.column.family, Family::Integer | Family::Decimal),
        })
    }

    fn malformed(&self, why: &'static str) -> MaskError {
        MaskError::Malformed { mask: self.name.clone(), why }
    }

    fn once(&self, input: &Input<'_>, out: &mut String) -> Result<(), MaskError> {
        out.clear();
        self.mask.write(input, out).map_err(|why| self.malformed(why))?;
        if let Some(limit) = self.limit
            && out.len() > limit
            && let Some((at, _)) = out.char_indices().nth(limit)
        {
            out.truncate(at);
        }
        if self.traits.uniqueness != Uniqueness::Permutation {
            out.truncate(out.trim_end_matches(' ').len());
        }
        Ok(())
    }

    fn text(&self, identity: &[u8], key: &[u8], text: &str) -> Result<String, MaskError> {
        let mut out = String::with_capacity(48);
        for attempt in 0..ATTEMPTS {
            self.once(&Input { identity, key, text, attempt }, &mut out)?;
            if self.numeric && out.parse::<f64>().is_ok() {
                continue;
            }
            if out != text || !self.mask.has_choice() || !text.contains(char::is_alphanumeric) {
                break;
            }
        }
        Ok(out)
    }

    /// Digits of a number: no leading zero, and never past a width (16, 32, 64 bits) that the number itself fits.
    fn number(&self, identity: &[u8], text: &str) -> Result<String, MaskError> {
        let mut out = String::with_capacity(24);
        for attempt in 0..ATTEMPTS {
            self.once(&Input { identity, key: text.as_bytes(), text, attempt }, &mut out)?;
            let digits = out.trim_start_matches('-');
            let plain = !digits.starts_with('0') || digits.len() == 1 || digits.starts_with("0.");
            if plain && width(&out) <= width(text) && (out != text || !self.mask.has_choice()) {
                return Ok(out);
            }
        }
        // Not reached by keyed draws in practice; the lowest number of the same length always fits.
        let mut first = true;
        let lowest = |c: char| {
            if !c.is_ascii_digit() {
                c
            } else if std::mem::take(&mut first) {
                '1'
            } else {
                '0'
            }
        };
        Ok(text.chars().map(lowest).collect())
    }
}

/// The narrowest of the integer widths that holds a number, so that masks may stay within it.
fn width(text: &str) -> u8 {
    match text.parse::<i64>() {
        Ok(n) if i16::try_from(n).is_ok() => 16,
        Ok(n) if i32::try_from(n).is_ok() => 32,
        Ok(_) => 64,
        Err(_) => 128,
    }
}

impl<T: TextMask + 'static> Mask for Carrier<T> {
    fn traits(&self) -> &MaskTraits {
        &self.traits
    }

    fn apply<'v>(&self, identity: &[u8], value: Value<'v>) -> Result<Value<'v>, MaskError> {
        Ok(match value {
            Value::Null => Value::Null,
            Value::Text(text) => {
                let bare = if self.padded { text.trim_end_matches(' ') } else { &text };
                if bare.trim().is_empty() {
                    return Ok(Value::Text(text));
                }
                let mut out = self.text(identity, bare.as_bytes(), bare)?;
                if let (true, Some(limit)) = (self.padded, self.limit) {
                    let blanks = limit.saturating_sub(out.chars().count());
                    out.extend(std::iter::repeat_n(' ', blanks));
                }
                Value::Text(Cow::Owned(out))
            }
            Value::Bytes(bytes) if bytes.is_empty() => Value::Bytes(bytes),
            Value::Bytes(bytes) => {
                let out = self.text(identity, &bytes, &String::from_utf8_lossy(&bytes))?;
                Value::Bytes(Cow::Owned(out.into_bytes()))
            }
            Value::Int(n) if self.mask.keeps_digits() => {
                let out = self.number(identity, &n.to_string())?;
                Value::Int(out.parse().map_err(|_| self.malformed("the number is too long for its type"))?)
            }
            // `NaN` and `Infinity` have no digits to change.
            Value::Decimal(text) if text.ends_with(|c: char| c.is_ascii_alphabetic()) => Value::Decimal(text),
            Value::Decimal(text) if self.mask.keeps_digits() => Value::Decimal(Cow::Owned(self.number(identity, &text)?)),
            Value::Int(_) | Value::Float(_) | Value::Decimal(_) | Value::Bool(_) => {
                let mut key = Vec::with_capacity(24);
                value.canonical(&mut key);
                let text = String::from_utf8_lossy(&key).into_owned();
                Value::Text(Cow::Owned(self.text(identity, &key, &text)?))
            }
            other => return Err(wrong_type(&self.name, &other)),
        })
    }
}

/// The error for a value kind that a mask does not take.
pub(super) fn wrong_type(mask: &str, value: &Value<'_>) -> MaskError {
    let got = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Int(_) => "whole number",
        Value::Float(_) => "floating point",
        Value::Decimal(_) => "decimal",
        Value::Text(_) => "text",
        Value::Bytes(_) => "binary",
        Value::Date(_) => "date",
        Value::Timestamp(_) => "timestamp",
        Value::Uuid(_) => "UUID",
        Value::Json(_) => "JSON",
        Value::Inet(_) => "network address",
        Value::TextArray(_) => "text array",
    };
    MaskError::WrongType { mask: mask.to_owned(), got }
}
