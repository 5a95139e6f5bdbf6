//! Noting which rows are touched (P26, P28): the database itself notes the key of every row that is inserted, changed or deleted, in the transaction that does it,
//! whoever writes. No value but the key is kept.
//!
//! Owns what is noted and how it is asked for. Each engine has a file `capture`. Does not own what is done with it (`runner`).

use greenroom_model::catalog::{Table, TableName};
use serde::{Deserialize, Serialize};

/// A table whose touched rows are to be noted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// 1, 2, 3 …: names of ours are made from it, since those of tables may be as long as names can be.
    pub number: u32,
    /// The table.
    pub table: TableName,
    /// Columns that tell its rows apart; none where it has no key, and nothing can be noted of it.
    pub key: Vec<String>,
    /// Other columns of which no two rows hold the same values.
    pub unique: Vec<Vec<String>>,
}

impl Capture {
    /// Of these tables, numbered.
    pub fn of<'t>(tables: impl IntoIterator<Item = &'t Table>) -> Vec<Capture> {
        use greenroom_model::carry::{also_unique, telling_apart};
        let one = |(number, t): (u32, &Table)| Capture { number, table: t.name.clone(), key: telling_apart(t), unique: also_unique(t) };
        (1..).zip(tables).map(one).collect()
    }
}

/// What is noted of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// The table.
    pub table: TableName,
    /// Columns that tell its rows apart; none where nothing is noted of it.
    pub key: Vec<String>,
    /// The table in which their values are noted, under the same names, some of them often.
    pub notes: TableName,
    /// All of its rows went at once: what is noted is not all.
    pub truncated: bool,
}
