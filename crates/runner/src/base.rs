//! The base of later carry-overs (P20): what a generation's configuration is compared with, keyed hashes that tell what became of its records
//! since it was opened, and the identities reserved for it. One private file for each generation, in the workspace.
//!
//! Configuration is compared with production's side of the time when the two were last brought together, so that what people configured stays
//! theirs over any number of carry-overs (docs/design/0011).
//!
//! Owns the file and its form. Does not own what goes into it nor what follows from it (`execute::base`, `model::carry`). It holds values of
//! configuration, as the generation itself does; it goes when the generation goes.

use crate::workspace::{read_json, write_json};
use greenroom_model::carry::{Band, Cell};
use greenroom_model::catalog::{Catalog, TableName};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// The configuration rows of one table that later ones are compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseTable {
    /// The table.
    pub table: TableName,
    /// Its columns.
    pub columns: Vec<String>,
    /// Cells in the columns' order.
    pub rows: Vec<Vec<Cell>>,
}

/// Records that configuration may refer to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseParents {
    /// The table.
    pub table: TableName,
    /// The referenced columns.
    pub columns: Vec<String>,
    /// Keyed hashes of their values, sorted.
    pub values: Vec<u64>,
}

/// The rows of a table of records, to find what people enter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseRecords {
    /// The table.
    pub table: TableName,
    /// The columns that were read.
    pub columns: Vec<String>,
    /// Which rows were, where some of the table's are configuration.
    pub filter: Option<String>,
    /// Keyed hashes of the rows, sorted.
    pub rows: Vec<u64>,
}

/// Identities that are reserved for the pilot's own rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseBand {
    /// The table.
    pub table: TableName,
    /// The column.
    pub column: String,
    /// The band.
    pub band: Band,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Base {
    /// Nonce of the generation.
    pub nonce: String,
    /// Its schema.
    pub catalog: Catalog,
    /// See [`BaseTable`].
    pub tables: Vec<BaseTable>,
    /// See [`BaseParents`].
    pub parents: Vec<BaseParents>,
    /// See [`BaseRecords`].
    pub records: Vec<BaseRecords>,
    /// Tables of records that are too large for hashes of single rows.
    pub not_counted: Vec<TableName>,
    /// See [`BaseBand`].
    pub bands: Vec<BaseBand>,
}

impl Base {
    /// Reads the file; `None` when it is not there.
    ///
    /// # Errors
    /// When it cannot be read, or is not what we wrote.
    pub fn open(path: &Path) -> io::Result<Option<Base>> {
        read_json(path)
    }

    /// Writes the file, whole or not at all, for its owner only.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        write_json(path, self)
    }
}
