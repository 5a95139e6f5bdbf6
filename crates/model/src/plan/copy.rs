//! How one table's rows travel: which columns, what happens to each field, which rows. Made by the planner, obeyed by the engines.

use crate::catalog::{Family, TableName};
use crate::mask::MaskRule;
use serde::{Deserialize, Serialize};

/// What is done to one field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldAction {
    /// Passes undecoded.
    Keep,
    /// Becomes NULL.
    Null,
    /// Becomes a constant: an SQL expression without references to the row, evaluated once by the engine, cast to the column's type.
    Constant(String),
    /// Goes through a mask.
    Mask {
        /// Which.
        rule: MaskRule,
        /// Domain whose key is used.
        domain: String,
        /// Index (in [`TableCopy::columns`]) of the column that identifies the row's person or thing.
        identity: Option<usize>,
    },
}

/// One field's treatment under a condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldRule {
    /// Index into [`TableCopy::conditions`]; the rule applies to rows for which it is true. `None`: to all rows.
    pub when: Option<usize>,
    /// What happens.
    pub action: FieldAction,
}

/// One column of a copied table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CopyColumn {
    /// Name.
    pub name: String,
    /// The engine's own spelling of the type.
    pub native_type: String,
    /// Family.
    pub family: Family,
    /// The first rule whose condition holds is applied; none or no match: the value passes undecoded.
    pub rules: Vec<FieldRule>,
}

/// How one table's rows travel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableCopy {
    /// The table, same name on both sides.
    pub table: TableName,
    /// Columns in the table's order, computed ones left out.
    pub columns: Vec<CopyColumn>,
    /// Boolean SQL expressions over the row (aliased `t`), never NULL, evaluated by the source inside its snapshot.
    pub conditions: Vec<String>,
    /// Rows are read only where this SQL expression is true; all rows without it.
    pub filter: Option<String>,
    /// Read no rows at all.
    pub empty: bool,
    /// Column by which ranges are cut (integer, uuid or binary primary key of one column); the engine may use its physical order without one.
    pub range_key: Option<String>,
}

impl TableCopy {
    /// Whether any field of any row is looked at or changed.
    pub fn changes_fields(&self) -> bool {
        self.columns.iter().any(|c| !c.rules.is_empty())
    }
}
