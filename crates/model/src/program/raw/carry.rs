//! `[carry]` and `[references]` of `greenroom.toml` as written.

use super::At;
use crate::carry::{ConflictKind, Take};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// How the pilot's configuration is carried into the next generation.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCarry {
    /// Columns (`table.column`) of configuration that the upgrade creates and fills from no other column.
    pub fresh: Option<At<Vec<At<String>>>>,
    /// What the upgrade moves as it is, the new place first: `"status_text.label" = "status.label"`, or a whole table: `status_v2 = "status"`.
    #[serde(default)]
    pub moved: BTreeMap<At<String>, At<String>>,
    /// What is taken where pilot and production both changed something; the first rule that fits counts. Without a rule a person is asked.
    #[serde(default)]
    pub rule: Vec<RawCarryRule>,
}

/// What is taken in a conflict.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCarryRule {
    /// The table; any table without it.
    pub table: Option<At<String>>,
    /// The column; with it, only conflicts about single values of that column are meant.
    pub column: Option<At<String>>,
    /// `both_changed`, `same_key`, `deleted_on_pilot`, `deleted_in_production`, `left`, `tainted`, `no_value`, `missing_parent`, `referenced` or `occupied`; any without it.
    pub kind: Option<At<ConflictKind>>,
    /// `pilot`, `production`, `null` (for `missing_parent` only: the reference becomes NULL) or `ask`.
    pub take: At<Take>,
    /// Why.
    pub reason: Option<At<String>>,
}
