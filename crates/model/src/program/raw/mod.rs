//! The files' shape as written, before anything is merged or judged. These types are both what is parsed (serde) and what the JSON schema
//! for editors and for the structural check is made from (schemars), so that neither can drift from the other.
//!
//! Doc comments of fields are shown to people by their editors.

mod back;
mod carry;
mod columns;
mod greenroom;
mod pack;

pub use back::{RawInverse, RawNumbers, RawRollback};
pub use carry::{RawCarry, RawCarryRule};
pub use columns::{RawColumns, RawDecision, RawDecisionTable, TreatmentWord};
pub use greenroom::{RawAddress, RawGreenroom, RawKind, RawKinds, RawPilots, RawQuarantine};
pub use pack::{RawPack, RawRule};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

/// A value and its byte span in the file; compared by value alone.
#[derive(Clone, Debug)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Range<usize>,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<At<T>, D::Error> {
        let spanned = toml::Spanned::<T>::deserialize(d)?;
        Ok(At { span: spanned.span(), value: spanned.into_inner() })
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &At<T>) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for At<T> {}

impl<T: PartialOrd> PartialOrd for At<T> {
    fn partial_cmp(&self, other: &At<T>) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<T: Ord> Ord for At<T> {
    fn cmp(&self, other: &At<T>) -> Ordering {
        self.value.cmp(&other.value)
    }
}
