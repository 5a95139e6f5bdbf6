//! Upgrade steps: the vendor's scripts and programs, their one order, their checksums, their statements.
//!
//! Owns ordering, checksums and splitting into statements as each engine's own tool would do it. Does not execute anything.

mod apart;
mod batch;
mod label;
mod order;
mod own;
mod psql;
mod reach;
mod reads;
mod split;
pub(crate) mod token;
mod version;

pub use apart::{Apart, runs_apart};
pub use label::label;
pub(crate) use order::steps_schema;
pub use order::{UpgradeFile, allows_transaction, collect};
pub use own::split_within;
pub use reach::{
    Outside, TransactionControl, databases_named, needs_no_transaction, outside, outsides, schemas_named, transaction_control,
};
pub use reads::only_reads;
pub use split::{SplitError, split};
pub use version::{VersionError, check_rule, satisfied};

use crate::hash::Hash;
use crate::program::Origin;
use serde::{Deserialize, Serialize};

/// One step of the vendor's upgrade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeStep {
    /// Stable key: the path within `upgrade/` without extension, e.g. `5.2/003_add_consent`.
    pub key: String,
    /// What is done.
    pub action: UpgradeAction,
    /// Only when the product's version satisfies this, e.g. `>= 5.1, < 5.3`.
    pub when: Option<String>,
    /// What undoes what the script does outside the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inverse: Option<Inverse>,
    /// Where it was written.
    pub origin: Origin,
}

/// A script that undoes what another one did outside the database (P17): dropping the generation does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inverse {
    /// Path within `upgrade/`.
    pub file: String,
    /// The text, line ends as in the file.
    pub text: String,
    /// Hash as of [`UpgradeAction::Script`].
    pub hash: Hash,
}

/// What an upgrade step does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum UpgradeAction {
    /// Runs a SQL script.
    Script {
        /// The text, line ends as in the file.
        text: String,
        /// Hash of the text with line ends normalised to LF and a byte-order mark removed.
        hash: Hash,
    },
    /// Runs a program (clean environment, output recorded).
    Program {
        /// Command and arguments; `{host}`, `{port}`, `{database}`, `{user}`, `{path}` are replaced.
        command: Vec<String>,
        /// Hash of the program file where it lies in the program's folder.
        hash: Option<Hash>,
        /// Seconds after which it is ended.
        timeout_seconds: u64,
    },
    /// A person does something outside, then says so.
    Person {
        /// What they are asked to do.
        instruction: String,
    },
}

/// One statement of a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The SQL from its first to its last token, without terminator; comments between are kept. A batch on SQL Server.
    pub sql: String,
    /// 1-based line where its first token stands.
    pub line: u32,
    /// Data lines of a `COPY … FROM stdin` (PostgreSQL), as they stand, without the `\.` line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_data: Option<String>,
}
