//! `packs/NAME.toml` as written.

use super::{At, RawDecision};
use crate::program::{Reopen, Shape};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A pack: an ordered set of neutralisations for one application module.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "packs/*.toml")]
pub struct RawPack {
    /// What the pack is about.
    pub pack: Option<RawPackHead>,
    /// The rules, in order.
    #[serde(default)]
    pub rule: Vec<RawRule>,
    /// What switches its functions on again on the pilot, and off.
    pub on_request: Option<At<RawOnRequest>>,
}

/// What `greenroom reopen` runs on the pilot.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawOnRequest {
    /// Statements that switch the functions on; mail and messages belong to a sink or an allow-list.
    #[serde(default)]
    pub open: Vec<String>,
    /// Statements that switch them off; the pack's assertions hold again after them.
    #[serde(default)]
    pub close: Vec<String>,
}

/// What the pack is about.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawPackHead {
    /// One line for people; the file's name by default.
    pub title: Option<At<String>>,
    /// Whether its functions may be switched on again on the pilot: `never` (the default) or `on request`.
    pub reopen: Option<At<Reopen>>,
}

/// One neutralisation. Exactly one of `empty`, `delete`, `blank`, `set`, `mask`, `statement`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRule {
    /// Unique within the pack.
    pub id: At<String>,
    /// The table; not needed for statements.
    pub table: Option<At<String>>,
    /// No rows are carried.
    pub empty: Option<At<bool>>,
    /// Rows for which `when` holds are not carried.
    pub delete: Option<At<bool>>,
    /// Columns that become NULL, or empty where they may not be NULL.
    pub blank: Option<At<Vec<String>>>,
    /// Columns that take constants, as SQL expressions: `{ active = "0", sender = "'nobody@example.invalid'" }`.
    pub set: Option<At<BTreeMap<String, String>>>,
    /// Columns that are masked, written as in columns.toml: `{ phone = { mask = "phone" } }`.
    pub mask: Option<BTreeMap<At<String>, RawDecision>>,
    /// A statement after the copy, idempotent; only for what is no secret and no personal data.
    pub statement: Option<At<String>>,
    /// Rows it applies to, in the engine's SQL (the row's alias is `t`, subqueries allowed); unknown counts as true.
    pub when: Option<At<String>>,
    /// Rows exempt from it; unknown counts as not exempt.
    pub unless: Option<At<String>>,
    /// Query that returns rows if the neutralisation does not hold; derived from the rule where not given.
    pub assert: Option<At<String>>,
    /// The same after the upgrade, where the shape differs.
    pub assert_after: Option<At<String>>,
    /// Which shapes of the database the rule is for: `before` or `after` the upgrade, or `both` (the default). Its assertion is asked in those, and
    /// only there must be what it names.
    pub shape: Option<At<Shape>>,
}
