//! Values that do not depend on the input, or only pick from a list: null, empty, constant, dictionary.

use super::args::Args;
use super::carrier::{Carrier, Input, Promise, TextMask, wrong_type};
use super::draw::Prf;
use super::{Mask, MaskError, MaskTraits, Value};
use crate::catalog::Family;
use crate::finding::Finding;
use serde_json::Value as Json;
use std::borrow::Cow;

struct Null(MaskTraits);

impl Mask for Null {
    fn traits(&self) -> &MaskTraits {
        &self.0
    }

    fn apply<'v>(&self, _: &[u8], _: Value<'v>) -> Result<Value<'v>, MaskError> {
        Ok(Value::Null)
    }
}

/// `null`.
pub(super) fn null(args: &mut Args<'_>) -> Box<dyn Mask> {
    args.must_be_nullable();
    let mut traits = Promise::lossy(Some(0)).traits(None);
    traits.may_null = true;
    Box::new(Null(traits))
}

struct Empty(MaskTraits);

impl Mask for Empty {
    fn traits(&self) -> &MaskTraits {
        &self.0
    }

    fn apply<'v>(&self, _: &[u8], value: Value<'v>) -> Result<Value<'v>, MaskError> {
        Ok(match value {
            Value::Null => Value::Null,
            Value::Text(_) => Value::Text(Cow::Borrowed("")),
            Value::Bytes(_) => Value::Bytes(Cow::Borrowed(&[])),
            Value::TextArray(_) => Value::TextArray(Vec::new()),
            Value::Json(t) => Value::Json(Cow::Borrowed(if t.trim_start().starts_with('[') { "[]" } else { "{}" })),
            // Columns without a type hold numbers beside text.
            Value::Int(_) => Value::Int(0),
            Value::Float(_) => Value::Float(0.0),
            other => return Err(wrong_type("empty", &other)),
        })
    }
}

/// `empty`.
pub(super) fn empty(args: &mut Args<'_>) -> Box<dyn Mask> {
    let longest = if args.column.family == Family::Json { 2 } else { 0 };
    Box::new(Empty(Promise::lossy(Some(longest)).traits(None)))
}

struct Constant {
    value: Value<'static>,
    traits: MaskTraits,
}

impl Mask for Constant {
    fn traits(&self) -> &MaskTraits {
        &self.traits
    }

    fn apply<'v>(&self, _: &[u8], value: Value<'v>) -> Result<Value<'v>, MaskError> {
        Ok(if value == Value::Null { Value::Null } else { self.value.clone() })
    }
}

/// `constant`.
pub(super) fn constant(args: &mut Args<'_>) -> Box<dyn Mask> {
    let Some(raw) = args.raw("value") else {
        args.bad("value", "is missing");
        return Box::new(Constant { value: Value::Null, traits: Promise::lossy(None).traits(None) });
    };
    let (value, length) = match typed(raw, args.column.family, args.column.precision) {
        Some(found) => found,
        None => {
            args.bad("value", &format!("is no value for a column of type `{}`", args.column.native_type));
            (Value::Null, 0)
        }
    };
    if let Value::Text(t) = &value {
        args.must_fit(t, "give a shorter `value`");
    }
    Box::new(Constant { value, traits: Promise::lossy(Some(length)).traits(args.limit()) })
}

fn plain(raw: &Json) -> Option<String> {
    match raw {
        Json::String(t) => Some(t.clone()),
        Json::Number(n) => Some(n.to_string()),
        Json::Bool(b) => Some(b.to_string()),
        _ => None,
    }
}

/// The parameter as a value of the family, with its length in characters.
fn typed(raw: &Json, family: Family, precision: Option<(u32, i32)>) -> Option<(Value<'static>, usize)> {
    let value = match (family, raw) {
        (Family::Any, Json::Number(n)) => n.as_i64().map(Value::Int).or_else(|| n.as_f64().map(Value::Float))?,
        (Family::Text | Family::Any, _) => Value::Text(Cow::Owned(plain(raw)?.trim_end_matches(' ').to_owned())),
        (Family::Integer, _) => Value::Int(plain(raw)?.parse().ok()?),
        (Family::Float, _) => Value::Float(plain(raw)?.parse().ok()?),
        (Family::Boolean, Json::Bool(b)) => Value::Bool(*b),
        (Family::Decimal, _) => Value::Decimal(Cow::Owned(scaled(&plain(raw)?, precision)?)),
        (Family::Date, Json::String(t)) => Value::Date(t.parse().ok()?),
        (Family::Timestamp, Json::String(t)) => Value::Timestamp(t.parse().ok()?),
        (Family::Json, Json::String(t)) => {
            serde_json::from_str::<Json>(t).ok()?;
            Value::Json(Cow::Owned(t.clone()))
        }
        (Family::Json, _) => Value::Json(Cow::Owned(raw.to_string())),
        _ => return None,
    };
    let mut text = Vec::new();
    value.canonical(&mut text);
    let length = String::from_utf8_lossy(&text).chars().count();
    Some((value, length))
}

/// A plain decimal with exactly the column's scale; `None` if it needs more digits than the column has.
fn scaled(text: &str, precision: Option<(u32, i32)>) -> Option<String> {
    let bare = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = bare.split_once('.').unwrap_or((bare, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let Some((digits, scale)) = precision else { return Some(text.to_owned()) };
    let (digits, scale) = (usize::try_from(digits).ok()?, usize::try_from(scale).ok()?);
    if fraction.len() > scale || whole.trim_start_matches('0').len() + scale > digits {
        return None;
    }
    let minus = if bare.len() < text.len() { "-" } else { "" };
    Some(if scale == 0 { format!("{minus}{whole}") } else { format!("{minus}{whole}.{fraction:0<scale$}") })
}

struct Dictionary {
    prf: Prf,
    words: Vec<String>,
}

impl TextMask for Dictionary {
    fn write(&self, input: &Input<'_>, out: &mut String) -> Result<(), &'static str> {
        let shift = usize::try_from(input.attempt).expect("attempts are few");
        let index = self.prf.draw(input.key, 0).index(self.words.len());
        out.push_str(&self.words[(index + shift) % self.words.len()]);
        Ok(())
    }

    fn has_choice(&self) -> bool {
        self.words.len() > 1
    }
}

/// A list of whole numbers on a column of whole numbers.
struct Numbers {
    dictionary: Dictionary,
    numbers: Vec<i64>,
    traits: MaskTraits,
}

impl Mask for Numbers {
    fn traits(&self) -> &MaskTraits {
        &self.traits
    }

    fn apply<'v>(&self, _: &[u8], value: Value<'v>) -> Result<Value<'v>, MaskError> {
        let Value::Int(old) = value else {
            return if value == Value::Null { Ok(Value::Null) } else { Err(wrong_type("dictionary", &value)) };
        };
        let index = self.dictionary.prf.draw(old.to_string().as_bytes(), 0).index(self.numbers.len());
        let new = self.numbers[index];
        Ok(Value::Int(if new == old { self.numbers[(index + 1) % self.numbers.len()] } else { new }))
    }
}

/// `dictionary`.
pub(super) fn dictionary(args: &mut Args<'_>) -> Box<dyn Mask> {
    let words: Vec<String> = match args.raw("values") {
        Some(Json::Array(items)) => items.iter().filter_map(plain).map(|w| w.trim_end_matches(' ').to_owned()).collect(),
        Some(_) => {
            args.bad("values", "must be an array");
            vec![String::new()]
        }
        None => Vec::new(),
    };
    if words.is_empty() {
        let message = "mask `dictionary` has no values to choose from";
        let hint = "give `values = [\"…\", …]`, or `name` of a dictionary under `[masks.dictionaries]` that has entries";
        args.findings.push(Finding::error("GR0309", message).hint(hint));
        return Box::new(Empty(Promise::lossy(None).traits(None)));
    }
    let length = words.iter().map(|w| w.chars().count()).max().unwrap_or(0);
    if let Some(longest) = words.iter().max_by_key(|w| w.chars().count()) {
        args.must_fit(longest, "take the long entries out of the dictionary");
    }
    let dictionary = Dictionary { prf: Prf::new(args.key, "dictionary"), words };
    if args.column.family != Family::Integer {
        return Carrier::boxed(args, dictionary, Promise::lossy(Some(length)));
    }
    let numbers: Vec<i64> = dictionary.words.iter().filter_map(|w| w.parse().ok()).collect();
    if numbers.len() < dictionary.words.len() {
        args.bad("values", "must be whole numbers on a column of whole numbers");
    }
    let traits = Promise::lossy(Some(length)).traits(None);
    Box::new(Numbers { dictionary, numbers, traits })
}
