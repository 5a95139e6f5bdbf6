//! The rows of one configuration table on one side, as the caller hands them over. Owns how rows are told apart; does not own comparing them.

use super::cell::{Cell, Key};
use super::shape::{KeyForm, TableShape};
use std::collections::{BTreeMap, BTreeSet};

/// The configuration rows of one table in one database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Cells by key, in the order of the shape's columns.
    pub rows: BTreeMap<Key, Vec<Cell>>,
    /// Keys of rows that are there but are no configuration, where a condition chooses: only those that are configuration on another side need
    /// be named.
    pub outside: BTreeSet<Key>,
}

impl Side {
    /// Adds a row. `key` is what the engine tells rows apart by, or none to take the cells of the key's columns; a table without a key tells rows
    /// apart by all their cells, and equal rows by their number. On base and pilot, cells of columns that the pilot does not have are ignored.
    ///
    /// # Errors
    /// [`NotTheShape`] when the number of cells differs from the shape's, or the key is there already.
    pub fn push(&mut self, shape: &TableShape, key: Option<Key>, cells: Vec<Cell>) -> Result<(), NotTheShape> {
        if cells.len() != shape.columns.len() {
            return Err(NotTheShape);
        }
        let key = match (&shape.key, key) {
            (KeyForm::Columns(_), Some(key)) => key,
            (KeyForm::Columns(columns), None) => columns.iter().map(|c| cells[*c].clone()).collect(),
            (KeyForm::WholeRow, _) => {
                let numbered = |n: u32| {
                    let mut key: Key = cells.clone();
                    key.push(Cell::new(n.to_be_bytes()));
                    key
                };
                // The greatest number that an equal row has.
                let last = self.rows.range(numbered(0)..=numbered(u32::MAX)).next_back();
                let last = last.and_then(|(key, _)| Some(u32::from_be_bytes(key.last()?.bytes()?.try_into().ok()?)));
                numbered(last.map_or(Some(0), |n| n.checked_add(1)).ok_or(NotTheShape)?)
            }
        };
        match self.rows.insert(key, cells) {
            None => Ok(()),
            Some(_) => Err(NotTheShape),
        }
    }
}

/// The rows are not what the shape says: another number of cells, or a key that two rows have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a row does not have the shape that was announced, or its key is there twice")]
pub struct NotTheShape;
