//! Masks: deterministic, keyed replacements for values, with what each promises about types, length and uniqueness.
//!
//! Owns the catalogue, the keys' derivation and the promises. Does not own reading or writing an engine's row encoding (`engine`), nor
//! which column gets which mask (`columns`).

mod args;
mod bank;
mod carrier;
mod catalogue;
mod constant;
mod dates;
mod draw;
mod each;
mod feistel;
mod file;
mod format;
mod ip;
mod json;
mod mail;
mod national;
mod numbers;
mod opaque;
mod permute;
mod person;
mod place;
mod redact;
#[cfg(test)]
mod tests;
mod uuid;
mod words;

pub use words::plain_letter;

use crate::catalog::{Column, Family};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A field's value, decoded from an engine's encoding because a mask has to see it. Fields without a mask are never decoded.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// SQL NULL.
    Null,
    /// Truth value.
    Bool(bool),
    /// Whole number.
    Int(i64),
    /// Binary floating point.
    Float(f64),
    /// Exact decimal in plain notation, e.g. `-12.50`.
    Decimal(Cow<'a, str>),
    /// Characters.
    Text(Cow<'a, str>),
    /// Bytes.
    Bytes(Cow<'a, [u8]>),
    /// Calendar date.
    Date(jiff::civil::Date),
    /// Date and time as stored (UTC for types with a zone).
    Timestamp(jiff::civil::DateTime),
    /// UUID.
    Uuid([u8; 16]),
    /// JSON text.
    Json(Cow<'a, str>),
    /// IP address or network as text.
    Inet(Cow<'a, str>),
    /// One-dimensional text array.
    TextArray(Vec<Option<Cow<'a, str>>>),
}

impl Value<'_> {
    /// Appends the canonical bytes by which equal values in different tables and engines are recognised as the same person or thing:
    /// numbers, UUIDs and dates as their shortest usual text, text as it is. `12` the number and `12` the text are the same.
    pub fn canonical(&self, out: &mut Vec<u8>) {
        use std::io::Write;
        // Writing into a Vec cannot fail.
        let _ = match self {
            Value::Null => Ok(()),
            Value::Bool(b) => write!(out, "{b}"),
            Value::Int(i) => write!(out, "{i}"),
            Value::Float(x) => write!(out, "{x}"),
            Value::Decimal(t) | Value::Text(t) | Value::Json(t) | Value::Inet(t) => out.write_all(t.as_bytes()),
            Value::Bytes(b) => out.write_all(b),
            Value::Date(d) => write!(out, "{d}"),
            Value::Timestamp(t) => write!(out, "{t}"),
            Value::Uuid(u) => u.iter().try_for_each(|b| write!(out, "{b:02x}")),
            Value::TextArray(items) => items.iter().try_for_each(|i| write!(out, "{}\u{1f}", i.as_deref().unwrap_or(""))),
        };
    }
}

/// The key from which everything of one generation (or, with stable pseudonyms, of one program) is derived. Never shown or logged.
#[derive(Clone)]
pub struct MaskKey([u8; 32]);

impl MaskKey {
    /// Wraps key bytes.
    pub fn new(bytes: [u8; 32]) -> MaskKey {
        MaskKey(bytes)
    }

    /// Derives the key of one domain (P14). Equal domains share pseudonyms.
    pub fn domain(&self, domain: &str) -> DomainKey {
        let mut h = blake3::Hasher::new_keyed(&self.0);
        h.update(b"greenroom mask domain v1\0");
        h.update(domain.as_bytes());
        DomainKey(*h.finalize().as_bytes())
    }
}

impl std::fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MaskKey(…)")
    }
}

/// The key of one domain.
#[derive(Clone)]
pub struct DomainKey(pub(crate) [u8; 32]);

impl DomainKey {
    /// 32 pseudo-random bytes for an input; `purpose` separates uses (first name, last name, …) of the same input.
    pub fn bytes(&self, purpose: &str, input: &[u8]) -> [u8; 32] {
        let mut h = blake3::Hasher::new_keyed(&self.0);
        h.update(purpose.as_bytes());
        h.update(&[0]);
        h.update(input);
        *h.finalize().as_bytes()
    }
}

impl std::fmt::Debug for DomainKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DomainKey(…)")
    }
}

/// What a mask promises about different inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Uniqueness {
    /// Different inputs may give equal outputs.
    Lossy,
    /// Different inputs give different outputs, by at least 96 keyed bits in every output.
    Distinct,
    /// A permutation: different inputs give different outputs, always; kept values of other rows may still be hit.
    Permutation,
}

/// A mask's name and parameters as the program wrote them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaskRule {
    /// Name in the catalogue, e.g. `email`.
    pub name: String,
    /// Parameters, checked by the catalogue.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, serde_json::Value>,
}

/// What one mask, with these parameters on this column, promises.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MaskTraits {
    /// See [`Uniqueness`].
    pub uniqueness: Uniqueness,
    /// Longest output in characters (bytes for binary), `None` where it follows the input's length.
    pub max_output: Option<u32>,
    /// Whether outputs of equal-ignoring-case inputs stay different even when case is ignored; `true` for all-lower-case outputs that carry the key's bits.
    pub case_proof: bool,
    /// May turn a value into NULL.
    pub may_null: bool,
    /// Whether the output depends on the row's identity column rather than on the value alone.
    pub by_identity: bool,
}

/// A mask ready for use on one column.
pub trait Mask: Send + Sync {
    /// What it promises.
    fn traits(&self) -> &MaskTraits;

    /// Replaces a value. `identity` is the canonical form of the row's identity column, or of the value itself where none is set.
    /// NULL stays NULL unless the mask says otherwise; output is canonical for the column (P40).
    ///
    /// # Errors
    /// When the value cannot be masked (wrong type, malformed JSON); the error never quotes the value.
    fn apply<'v>(&self, identity: &[u8], value: Value<'v>) -> Result<Value<'v>, MaskError>;
}

/// Why a value could not be masked. Never contains the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MaskError {
    /// The value's type is not one the mask takes.
    #[error("mask `{mask}` cannot take a {got} value")]
    WrongType {
        /// The mask.
        mask: String,
        /// What came.
        got: &'static str,
    },
    /// The value could not be understood.
    #[error("mask `{mask}` found a value it does not understand: {why}")]
    Malformed {
        /// The mask.
        mask: String,
        /// Why, without the value.
        why: &'static str,
    },
}

/// A parameter that a mask takes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ParamInfo {
    /// Name.
    pub name: &'static str,
    /// What it does, default included.
    pub about: &'static str,
}

/// A mask of the catalogue, described for people and checks.
#[derive(Clone, Debug, Serialize)]
pub struct MaskInfo {
    /// Name.
    pub name: &'static str,
    /// One line.
    pub about: &'static str,
    /// Families it takes.
    pub families: &'static [Family],
    /// Parameters.
    pub params: &'static [ParamInfo],
    /// Example input and output (made-up).
    pub example: (&'static str, &'static str),
}

/// Every mask, in the order of the documentation.
pub fn catalogue() -> &'static [MaskInfo] {
    catalogue::infos()
}

/// Makes a mask for a column.
///
/// # Errors
/// Unknown mask, unknown or ill-typed parameter, family that the mask does not take, output that cannot fit: findings with codes GR03xx,
/// without a place (the caller knows it).
pub fn compile(rule: &MaskRule, column: &Column, key: &DomainKey) -> Result<Box<dyn Mask>, Vec<crate::finding::Finding>> {
    catalogue::compile(rule, column, key)
}

/// The catalogue and its promises as Markdown, from which docs/masks.md is made.
pub fn describe() -> String {
    catalogue::describe()
}
