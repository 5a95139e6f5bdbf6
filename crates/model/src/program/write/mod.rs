//! Writes commented programs and additions to `columns.toml`. Owns the text; proposals come from `columns`, files are written by the caller.

mod columns;
mod program;
mod toml_text;

pub use columns::{add_columns, columns_toml, difference};
pub use program::new_program;
pub(crate) use toml_text::key as toml_key;

use crate::catalog::{Catalog, TableName};
use crate::columns::Decision;
use crate::program::{Address, Kind};

/// What a new program is written from.
#[derive(Clone, Debug)]
pub struct NewProgram<'a> {
    /// The program's name, `[a-z0-9_-]{1,32}`.
    pub name: String,
    /// Folder of a kit, relative to the program's folder.
    pub extends: Option<String>,
    /// Production.
    pub source: Address,
    /// PostgreSQL: where pilots live, unless on the source's server.
    pub target: Option<Address>,
    /// The pilot's database name (PostgreSQL) or file (SQLite).
    pub pilot: String,
    /// Query that returns the product's version.
    pub version_query: Option<String>,
    /// The source's schema.
    pub catalog: &'a Catalog,
    /// Kinds other than `records`, as far as they are proposed.
    pub kinds: Vec<ProposedKind>,
    /// Every column that needs a decision.
    pub columns: Vec<ProposedColumn>,
}

/// A proposed kind of a whole table.
#[derive(Clone, Debug)]
pub struct ProposedKind {
    /// The table.
    pub table: TableName,
    /// The kind.
    pub kind: Kind,
    /// History: column and days.
    pub keep_days: Option<(String, u32)>,
    /// Why, in a few words.
    pub why: String,
}

/// A proposed decision about a column.
#[derive(Clone, Debug)]
pub struct ProposedColumn {
    /// The table.
    pub table: TableName,
    /// The column.
    pub column: String,
    /// The decision; written as undecided without one, so that the check stops at the column.
    pub decision: Option<Decision>,
    /// Why, with the confidence, in a few words; never a row's value.
    pub why: String,
    /// What the column seems to hold, if it looks personal.
    pub detected: Option<String>,
}
