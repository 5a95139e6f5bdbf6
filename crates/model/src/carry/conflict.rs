//! Conflicts: what pilot and production did to the same thing, what may be taken, and who says so. Owns ids, rules and recorded decisions; does
//! not own how conflicts are found (`compare`, `closure`).

use super::cell::{CarryKey, Cell, Key};
use crate::catalog::TableName;
use crate::hash::Hash;
use crate::program::CarryRule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Take {
    /// What the pilot has.
    Pilot,
    /// What production has: the new generation stays as it is.
    Production,
    /// The reference becomes NULL.
    Null,
    /// Nothing before a person decided.
    Ask,
}

/// Why something cannot be carried over without a word from somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConflictKind {
    /// Pilot and production changed the same value, differently.
    BothChanged,
    /// Both inserted a row with the same key, and the rows differ.
    SameKey,
    /// The pilot deleted a row that production changed.
    DeletedOnPilot,
    /// Production deleted a row that the pilot changed.
    DeletedInProduction,
    /// On one side the row is no configuration any more: the condition that chose it does not hold.
    Left,
    /// A person edited a value that was masked, emptied or neutralised, or that comes from such a one.
    Tainted,
    /// The row cannot be inserted: a column that does not travel takes neither NULL nor a default.
    NoValue,
    /// The row refers to one that will not be there.
    MissingParent,
    /// The pilot deleted or renumbered a row to which rows of the new generation refer.
    Referenced,
    /// Another row has the value already, in columns of which no two rows may be equal.
    Occupied,
    /// On its way into unmasked data: the value also stands in a column that was masked or neutralised on the pilot, or is an address under
    /// `.invalid`. It may come from there.
    Planted,
}

impl ConflictKind {
    /// Whether a rule may resolve conflicts of this kind so.
    pub fn takes(self, take: Take) -> bool {
        match self {
            ConflictKind::BothChanged | ConflictKind::SameKey | ConflictKind::DeletedOnPilot | ConflictKind::DeletedInProduction => {
                matches!(take, Take::Pilot | Take::Production)
            }
            ConflictKind::MissingParent => matches!(take, Take::Production | Take::Null),
            ConflictKind::Left
            | ConflictKind::Tainted
            | ConflictKind::NoValue
            | ConflictKind::Referenced
            | ConflictKind::Occupied
            | ConflictKind::Planted => take == Take::Production,
        }
    }

    fn word(self) -> &'static str {
        match self {
            ConflictKind::BothChanged => "both_changed",
            ConflictKind::SameKey => "same_key",
            ConflictKind::DeletedOnPilot => "deleted_on_pilot",
            ConflictKind::DeletedInProduction => "deleted_in_production",
            ConflictKind::Left => "left",
            ConflictKind::Tainted => "tainted",
            ConflictKind::NoValue => "no_value",
            ConflictKind::MissingParent => "missing_parent",
            ConflictKind::Referenced => "referenced",
            ConflictKind::Occupied => "occupied",
            ConflictKind::Planted => "planted",
        }
    }
}

/// Names a conflict without a value in it. `place` stays the same as long as it is about the same thing; `seen` changes with any of the three
/// states that were compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConflictId {
    /// Table, row, column and kind.
    pub place: Hash,
    /// The same with base, pilot and new generation.
    pub seen: Hash,
}

/// A person's recorded decision. It counts while [`ConflictId::seen`] is what they saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// What about.
    pub id: ConflictId,
    /// What is taken.
    pub take: Take,
}

/// Who resolved a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by", content = "rule")]
pub enum By {
    /// The program: index into its rules.
    Rule(usize),
    /// A person.
    Person,
}

/// One conflict, with the values that a person must see to decide (redacted in `Debug`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// See [`ConflictId`].
    pub id: ConflictId,
    /// Why.
    pub kind: ConflictKind,
    /// The row's key.
    pub key: Key,
    /// The column, where it is about one value; for references the referring columns, joined by commas.
    pub column: Option<String>,
    /// In the base: one value or the row; none where there was no row.
    pub base: Option<Vec<Cell>>,
    /// On the pilot.
    pub pilot: Option<Vec<Cell>>,
    /// In the new generation.
    pub new: Option<Vec<Cell>>,
    /// What may be taken.
    pub choices: Vec<Take>,
    /// What is taken and by whose word; none: a person is asked, and the new generation stays as it is until then.
    pub taken: Option<(Take, By)>,
    /// A person decided once, but on something else than what is there now.
    pub stale: bool,
}

/// What a conflict is about, before it has an id.
pub(super) struct About<'a> {
    pub kind: ConflictKind,
    pub key: &'a [Cell],
    pub column: Option<String>,
    pub base: Option<&'a [Cell]>,
    pub pilot: Option<&'a [Cell]>,
    pub new: Option<&'a [Cell]>,
    /// What a person may take; a rule is held to [`ConflictKind::takes`] besides.
    pub choices: &'a [Take],
}

/// Who has a word in conflicts.
#[derive(Clone, Debug)]
pub struct Words<'a> {
    /// The program's rules.
    pub rules: &'a [CarryRule],
    /// Decisions by place.
    decided: BTreeMap<Hash, Decided>,
    key: &'a CarryKey,
}

impl<'a> Words<'a> {
    /// Brings rules and decisions together; of several decisions about the same place the last counts.
    pub fn new(rules: &'a [CarryRule], decided: &[Decided], key: &'a CarryKey) -> Words<'a> {
        Words { rules, decided: decided.iter().map(|d| (d.id.place, *d)).collect(), key }
    }

    /// Gives a conflict its id and looks whether somebody has resolved it.
    pub(super) fn settle(&self, table: &TableName, short: &str, about: About<'_>) -> Conflict {
        let column = about.column.as_deref().unwrap_or("");
        let words = [table.schema.as_str(), table.name.as_str(), column, about.kind.word()];
        let place = self.key.hash(&words, &[Some(about.key)]);
        let seen = self.key.hash(&words, &[Some(about.key), about.base, about.pilot, about.new]);
        let person = self.decided.get(&place).filter(|d| about.choices.contains(&d.take));
        let current = person.filter(|d| d.id.seen == seen);
        let by_rule = || {
            let fits = |r: &CarryRule| {
                r.table.as_deref().is_none_or(|t| t == short || t == table.to_string())
                    && (r.column.is_none() || r.column == about.column)
                    && r.kind.is_none_or(|k| k == about.kind)
                    && (r.take == Take::Ask || (about.kind.takes(r.take) && about.choices.contains(&r.take)))
            };
            let (at, rule) = self.rules.iter().enumerate().find(|(_, r)| fits(r))?;
            (rule.take != Take::Ask).then_some((rule.take, By::Rule(at)))
        };
        let taken = current.map(|d| (d.take, By::Person)).or_else(by_rule);
        let owned = |cells: Option<&[Cell]>| cells.map(<[Cell]>::to_vec);
        Conflict {
            id: ConflictId { place, seen },
            kind: about.kind,
            key: about.key.to_vec(),
            base: owned(about.base),
            pilot: owned(about.pilot),
            new: owned(about.new),
            choices: about.choices.to_vec(),
            stale: person.is_some() && current.is_none() && taken.is_none(),
            taken,
            column: about.column,
        }
    }
}
