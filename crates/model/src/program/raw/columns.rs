//! `columns.toml` as written: `schema = "<fingerprint>"`, then one TOML table per database table with a decision per column.

use super::At;
use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;

/// What happens to every column: `[table]`, then `column = "keep"` or `column = { mask = "email" }`.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(title = "columns.toml")]
pub struct RawColumns {
    /// Fingerprint of the columns that the decisions were made for; written by `greenroom columns`.
    pub schema: Option<At<String>>,
    /// Decisions by table and column. Tables of other schemas, and a table named `schema`, in quotes: `["billing.client"]`.
    #[schemars(flatten)]
    pub tables: BTreeMap<At<String>, BTreeMap<At<String>, RawDecision>>,
}

impl<'de> Deserialize<'de> for RawColumns {
    // By hand, because `flatten` loses the spans.
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<RawColumns, D::Error> {
        struct File;
        impl<'de> Visitor<'de> for File {
            type Value = RawColumns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("decisions by table")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawColumns, A::Error> {
                let mut file = RawColumns::default();
                while let Some(key) = map.next_key::<At<String>>()? {
                    if key.value == "schema" {
                        file.schema = Some(map.next_value()?);
                    } else {
                        file.tables.insert(key, map.next_value()?);
                    }
                }
                Ok(file)
            }
        }
        d.deserialize_map(File)
    }
}

/// Decisions that need no more than a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TreatmentWord {
    /// Copied as it is.
    Keep,
    /// NULL in every row.
    Null,
    /// Empty: `''`, no bytes, `{}`.
    Clear,
    /// The column's default.
    Default,
}

/// A decision about a column: a word, or a table that says more.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum RawDecision {
    /// A word.
    Word(TreatmentWord),
    /// A mask, or a word with reason, approval or condition.
    Table(Box<RawDecisionTable>),
}

impl<'de> Deserialize<'de> for RawDecision {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<RawDecision, D::Error> {
        struct Forms;
        impl<'de> Visitor<'de> for Forms {
            type Value = RawDecision;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decision")
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<RawDecision, E> {
                TreatmentWord::deserialize(StrDeserializer::new(word)).map(RawDecision::Word)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawDecision, A::Error> {
                RawDecisionTable::deserialize(MapAccessDeserializer::new(map)).map(|t| RawDecision::Table(Box::new(t)))
            }
        }
        d.deserialize_any(Forms)
    }
}

/// A decision in full. Exactly one of `mask`, `keep`, `null`, `clear`, `default`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawDecisionTable {
    /// Name of a mask, e.g. `email`; `greenroom mask list` shows all.
    pub mask: Option<At<String>>,
    /// Copied as it is.
    pub keep: Option<At<bool>>,
    /// NULL in every row.
    pub null: Option<At<bool>>,
    /// Empty: `''`, no bytes, `{}`.
    pub clear: Option<At<bool>>,
    /// The column's default.
    pub default: Option<At<bool>>,
    /// The mask's parameters, e.g. `{ mode = "lorem" }`.
    pub params: Option<At<BTreeMap<String, serde_json::Value>>>,
    /// Columns of the same domain share pseudonyms.
    pub domain: Option<At<String>>,
    /// Column of the same table that identifies the person or thing, so that the pseudonyms of a row belong together.
    pub identity: Option<At<String>>,
    /// Why.
    pub reason: Option<At<String>>,
    /// Id of the person who approved keeping what looks personal.
    pub approved_by: Option<At<String>>,
    /// Rows it applies to, in the engine's SQL (the row's alias is `t`); unknown counts as true.
    pub when: Option<At<String>>,
    /// Rows exempt from it; unknown counts as not exempt.
    pub unless: Option<At<String>>,
    /// The column exists only after the upgrade.
    pub after_upgrade: Option<At<bool>>,
    /// For columns that the upgrade creates: the columns (`table.column`) their values come from.
    pub derived_from: Option<At<Vec<String>>>,
}
