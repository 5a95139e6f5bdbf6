//! Column decisions: what happens to every column, who approved what, and how that fits a schema.
//!
//! Owns decisions, detection of personal data, proposals, drift and coverage. Does not own the masks themselves (`mask`) nor the files
//! they are written in (`program`).

mod coverage;
mod detect;
mod drift;
mod kinds;
pub mod names;
mod propose;
mod quasi;
mod reached;
mod validators;
mod words;

#[cfg(test)]
mod tests;

pub use coverage::{check, check_since, new_columns, undecided};
pub use detect::{Confidence, Detected, PersonalKind, Samples, detect, detect_column};
pub use drift::retyped;
pub use propose::{Proposal, TableProposal, propose};
pub use quasi::quasi;
pub use reached::{not_reached, reached};

use crate::mask::MaskRule;
use crate::program::Origin;
use serde::{Deserialize, Serialize};

/// What happens to a column's values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Treatment {
    /// Copied as it is.
    Keep,
    /// NULL in every row.
    Null,
    /// Empty: `''`, no bytes, `{}`.
    Clear,
    /// The column's default.
    Default,
    /// A mask.
    Mask {
        /// Which mask and its parameters.
        rule: MaskRule,
        /// Domain of the pseudonyms; by default the mask's name with the referenced column of a foreign key, or the column itself.
        domain: Option<String>,
        /// Column of the same table that identifies the person or thing, so that first name, last name and e-mail of a row belong together.
        identity: Option<String>,
    },
}

/// A decision about one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// What happens.
    pub treatment: Treatment,
    /// Why.
    pub reason: Option<String>,
    /// Id of the person who approved keeping what was detected as personal.
    pub approved_by: Option<String>,
    /// Rows it applies to; in other rows the value is kept. Unknown counts as true.
    pub when: Option<String>,
    /// Rows exempt from it; unknown counts as not exempt.
    pub unless: Option<String>,
    /// The column exists only after the upgrade.
    pub after_upgrade: bool,
    /// For columns that the upgrade creates: the columns (`table.column`) its values come from.
    pub derived_from: Vec<String>,
    /// Where it was written.
    pub origin: Origin,
}
