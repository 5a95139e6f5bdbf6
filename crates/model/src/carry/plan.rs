//! From compared tables to the plan: what is done, in which order, what is left for people. Owns putting the parts together and the findings
//! about the whole.

use super::closure::{self, Answers, Questions};
use super::compare::{BaseRow, Draft, Later, Report, compare};
use super::conflict::{Conflict, Words};
use super::order::{Operation, order};
use super::rows::Side;
use super::shape::{Into, Shapes, TableShape};
use crate::finding::Finding;
use crate::hash::Hash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Tables being compared.
#[derive(Debug)]
pub struct Carrying<'a> {
    shapes: &'a Shapes,
    words: Words<'a>,
    later: Later,
    /// By table; empty ones until they are given.
    drafts: Vec<Draft>,
    given: BTreeSet<usize>,
}

impl<'a> Carrying<'a> {
    /// Begins. Into raw data production's later changes are always kept, whatever `later` says: what stands on the pilot in their place may be
    /// neutralised.
    pub fn new(shapes: &'a Shapes, words: Words<'a>, later: Later) -> Carrying<'a> {
        let later = if shapes.into == Into::Raw { Later::Kept } else { later };
        Carrying { shapes, words, later, drafts: vec![Draft::default(); shapes.tables.len()], given: BTreeSet::new() }
    }

    /// Compares one table: `base` as kept when the generation was opened, `pilot` as it is now (both in the columns that [`super::OnPilot`] names), `new` in the
    /// new generation. Only the new generation's rows and what differs are held afterwards. A table that the pilot does not have is not compared,
    /// whatever its first two sides hold.
    ///
    /// # Panics
    /// When there is no such shape.
    pub fn table(&mut self, table: usize, base: &Side, pilot: &Side, new: Side) {
        let shape = &self.shapes.tables[table];
        let draft = match shape.pilot {
            Some(_) => compare(shape, base, pilot, new, self.later, &self.words),
            None => Draft { new: new.rows, ..Draft::default() },
        };
        self.drafts[table] = draft;
        self.given.insert(table);
    }

    /// Indices of tables that were not given yet.
    pub fn missing(&self) -> Vec<usize> {
        (0..self.shapes.tables.len()).filter(|t| !self.given.contains(t)).collect()
    }

    /// What has to be asked of the new generation (and of what was recorded of the base) before the plan is finished.
    pub fn questions(&self) -> Questions {
        closure::questions(self.shapes, &self.drafts)
    }

    /// Makes the plan. Tables that were not given count as empty, so that what refers to them stays behind.
    pub fn finish(self, answers: &Answers) -> CarryPlan {
        let mut drafts = self.drafts;
        closure::close(self.shapes, &mut drafts, answers, &self.words);
        let operations = order(self.shapes, &drafts);
        let table =
            |(shape, d): (&TableShape, Draft)| TablePlan { next_base: d.next_base(shape), conflicts: d.conflicts, reports: d.reports };
        let tables = self.shapes.tables.iter().zip(drafts).map(table).collect();
        CarryPlan { tables, operations }
    }
}

/// What is known about one table besides its operations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TablePlan {
    /// In the order of keys, those of references last.
    pub conflicts: Vec<Conflict>,
    /// Likewise.
    pub reports: Vec<Report>,
    /// What the generation's own configuration is compared with when it is carried over in its turn.
    pub next_base: Vec<BaseRow>,
}

/// What is carried over.
///
/// The operations are meant for one transaction: carried out in part, a comparison of what stands there would take the half-way state of a row
/// for production's. Each says the whole outcome for its row, so that doing all of them again from the first changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarryPlan {
    /// By index of the table's shape.
    pub tables: Vec<TablePlan>,
    /// In an order in which no foreign key and no unique key is violated on the way, but for those that are `deferred`.
    pub operations: Vec<Operation>,
}

impl CarryPlan {
    /// Conflicts that a person has to decide, with their table's index.
    pub fn open(&self) -> impl Iterator<Item = (usize, &Conflict)> {
        let all = self.tables.iter().enumerate().flat_map(|(at, t)| t.conflicts.iter().map(move |c| (at, c)));
        all.filter(|(_, c)| c.taken.is_none())
    }

    /// Whether nothing is left to decide.
    pub fn is_ready(&self) -> bool {
        self.open().next().is_none()
    }

    /// Hash of the whole, values included: for comparing what was previewed with what is done. Not for showing, since small plans could be guessed.
    pub fn hash(&self) -> Hash {
        Hash::of_json(self)
    }

    /// What stands in the way, in counts.
    pub fn findings(&self, shapes: &Shapes) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (table, shape) in self.tables.iter().zip(&shapes.tables) {
            let open = table.conflicts.iter().filter(|c| c.taken.is_none()).count();
            let stale = table.conflicts.iter().filter(|c| c.stale).count();
            if open > 0 {
                let plural = if open == 1 { "a conflict" } else { "conflicts" };
                let stale = if stale > 0 { format!(", {stale} of them decided before on other values") } else { String::new() };
                let message = format!("`{}` has {plural} between pilot and production that nobody has decided: {open}{stale}", shape.short);
                let hint = "decide them in the preview, or write a `[[carry.rule]]` into greenroom.toml";
                findings.push(Finding::error("GR0820", message).hint(hint));
            }
        }
        let mut deferred: Vec<&str> =
            self.operations.iter().filter(|o| o.deferred).map(|o| shapes.tables[o.table].short.as_str()).collect();
        deferred.dedup();
        deferred.sort_unstable();
        deferred.dedup();
        for short in deferred {
            let message = format!("changes of `{short}` wait for each other in a circle that no NULL can open");
            let hint = "constraints must be checked at the end: make them deferrable with the upgrade, or make one of the columns nullable";
            findings.push(Finding::warning("GR0821", message).hint(hint));
        }
        findings
    }
}
