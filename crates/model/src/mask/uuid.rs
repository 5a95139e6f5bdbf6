//! UUIDs as such, as text and as sixteen bytes.

use super::args::Args;
use super::carrier::{Promise, wrong_type};
use super::draw::Prf;
use super::{Mask, MaskError, MaskTraits, Value};
use crate::catalog::Family;
use std::borrow::Cow;

struct Uuid {
    prf: Prf,
    traits: MaskTraits,
}

impl Uuid {
    /// 122 keyed bits in the shape of a random UUID (RFC 9562, version 4).
    fn make(&self, key: &[u8]) -> [u8; 16] {
        let mut bytes: [u8; 16] = self.prf.draw(key, 0).bytes();
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        bytes
    }

    fn text(&self, text: &str) -> String {
        let shape = Shape::of(text);
        let new = match &shape {
            // The same input as a UUID column of another table gives the same output.
            Some(shape) => self.make(&shape.bytes),
            None => self.make(text.as_bytes()),
        };
        let mut out = String::with_capacity(36);
        for (i, b) in new.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) && shape.as_ref().is_none_or(|s| s.dashes) {
                out.push('-');
            }
            let digits = [b >> 4, b & 15].map(|n| char::from_digit(u32::from(n), 16).unwrap_or('0'));
            out.extend(digits);
        }
        if shape.is_some_and(|s| s.upper) {
            out.make_ascii_uppercase();
        }
        out
    }
}

/// A UUID's usual spellings: with or without dashes, all lower or all upper case. Anything else is taken as mere text, so that different
/// texts get different outputs.
struct Shape {
    bytes: [u8; 16],
    dashes: bool,
    upper: bool,
}

impl Shape {
    fn of(text: &str) -> Option<Shape> {
        let dashes = match text.len() {
            32 => false,
            36 if [8, 13, 18, 23].iter().all(|at| text.as_bytes()[*at] == b'-') => true,
            _ => return None,
        };
        let (lower, upper) = (text.bytes().any(|b| b.is_ascii_lowercase()), text.bytes().any(|b| b.is_ascii_uppercase()));
        let mut digits = text.bytes().enumerate().filter(|(i, _)| !(dashes && matches!(i, 8 | 13 | 18 | 23))).map(|(_, b)| b);
        let mut bytes = [0u8; 16];
        for byte in &mut bytes {
            let mut nibble = || digits.next().and_then(|b| char::from(b).to_digit(16)).and_then(|n| u8::try_from(n).ok());
            *byte = nibble()? << 4 | nibble()?;
        }
        (!(lower && upper)).then_some(Shape { bytes, dashes, upper })
    }
}

impl Mask for Uuid {
    fn traits(&self) -> &MaskTraits {
        &self.traits
    }

    fn apply<'v>(&self, _: &[u8], value: Value<'v>) -> Result<Value<'v>, MaskError> {
        Ok(match value {
            Value::Null => Value::Null,
            Value::Uuid(bytes) => Value::Uuid(self.make(&bytes)),
            Value::Text(t) if t.trim().is_empty() => Value::Text(t),
            Value::Text(t) => Value::Text(Cow::Owned(self.text(&t))),
            Value::Bytes(b) if b.is_empty() => Value::Bytes(b),
            Value::Bytes(b) => Value::Bytes(Cow::Owned(self.make(&b).to_vec())),
            other => return Err(wrong_type("uuid", &other)),
        })
    }
}

/// `uuid`.
pub(super) fn uuid(args: &mut Args<'_>) -> Box<dyn Mask> {
    let length = if matches!(args.column.family, Family::Bytes | Family::Uuid) { 16 } else { 36 };
    // A text column for UUIDs without dashes has no room for those with.
    let needed = if length == 36 && args.limit() == Some(32) { 32 } else { length };
    if args.limit().is_some_and(|limit| limit < needed) {
        args.too_short(needed, "use `hash` or `token` with a `length` that fits");
    }
    let mut traits = Promise::bits(122, length).traits(args.limit());
    // Text keeps its case, so spellings of one UUID in both cases stay equal but for it.
    traits.case_proof = length == 16;
    if needed == 32 {
        return Box::new(Plain(Uuid { prf: Prf::new(args.key, "uuid"), traits }));
    }
    Box::new(Uuid { prf: Prf::new(args.key, "uuid"), traits })
}

/// On a text column of 32 characters dashes are always left out.
struct Plain(Uuid);

impl Mask for Plain {
    fn traits(&self) -> &MaskTraits {
        self.0.traits()
    }

    fn apply<'v>(&self, identity: &[u8], value: Value<'v>) -> Result<Value<'v>, MaskError> {
        Ok(match self.0.apply(identity, value)? {
            Value::Text(t) if t.len() == 36 => Value::Text(Cow::Owned(t.replace('-', ""))),
            other => other,
        })
    }
}
