//! `[[numbers]]` and `[rollback]` of `greenroom.toml` as written.

use super::At;
use schemars::JsonSchema;
use serde::Deserialize;

/// A series of document numbers: invoices, orders, receipts. What stands before a value's last digits belongs to the series' name, so that `R2026-00017` is number 17 of
/// `R2026-`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawNumbers {
    /// A word for it; `table.column` by default.
    pub name: Option<At<String>>,
    /// The table.
    pub table: Option<At<String>>,
    /// The column that holds the number.
    pub column: Option<At<String>>,
    /// Only values that begin so are numbers of the series.
    pub prefix: Option<At<String>>,
    /// A column with one series for each of its values: a branch, a year.
    pub group: Option<At<String>>,
    /// Query that returns the number that is given next, where the program keeps it in a table. A counter of the column's own (sequence, identity, AUTOINCREMENT) needs none.
    pub next: Option<At<String>>,
    /// Where the numbers stand in the new version, as far as that is somewhere else.
    pub after: Option<RawNumbersAfter>,
}

/// Where a series stands in the new version; what is not said is as before.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawNumbersAfter {
    /// The table.
    pub table: Option<At<String>>,
    /// The column that holds the number.
    pub column: Option<At<String>>,
    /// Only values that begin so are numbers of the series.
    pub prefix: Option<At<String>>,
    /// A column with one series for each of its values.
    pub group: Option<At<String>>,
    /// Query that returns the number that is given next.
    pub next: Option<At<String>>,
}

/// How rows are carried back after the go-live.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRollback {
    /// Tables of the former version that the upgrade changed, and the query that gives their rows back: `[[rollback.inverse]]`.
    #[serde(default)]
    pub inverse: Vec<RawInverse>,
}

/// How the new version's rows become rows of a table of the former version.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawInverse {
    /// The table of the former version.
    pub table: Option<At<String>>,
    /// A query over the new version that returns the table's rows, each of the former columns under its name. It is read only.
    pub select: Option<At<String>>,
    /// Tables of the new version that the rows are made of. Their keys hold the former key, column by column in its order; a row is carried back when one of them was touched. The table
    /// itself by default.
    pub touched_by: Option<At<Vec<String>>>,
    /// Every row is compared, whoever touched it, where no key of the new version says which row of the former one it belongs to. False by default.
    pub whole: Option<At<bool>>,
}
