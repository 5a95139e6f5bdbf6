//! Whether a script can run in one transaction, so that a failure leaves nothing of it.
//!
//! Owns the answer that the plan prints. How the statements are then run is the engine's.

use super::{Statement, label, needs_no_transaction};
use crate::catalog::EngineKind;
use std::fmt;

/// Why a script's statements run one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Apart {
    /// The script asks for it (dbmate's `transaction:false`).
    Asked,
    /// This statement refuses to run inside a transaction.
    Refuses {
        /// Its line.
        line: u32,
        /// Its label.
        label: String,
    },
}

impl fmt::Display for Apart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Apart::Asked => write!(f, "it asks for it with `transaction:false`"),
            Apart::Refuses { line, label } => write!(f, "`{label}` in line {line} refuses a transaction"),
        }
    }
}

/// Why the script does not run in one transaction; `None` when it does. `asked` is what the script itself says.
pub fn runs_apart(engine: EngineKind, statements: &[Statement], asked: bool) -> Option<Apart> {
    if asked {
        return Some(Apart::Asked);
    }
    let refuses = |s: &&Statement| {
        needs_no_transaction(engine, s)
            // SQLite's pragmas do nothing inside a transaction; greenroom does what they mean around it.
            && (engine == EngineKind::Postgres || !label(engine, s).starts_with("PRAGMA"))
    };
    statements.iter().find(refuses).map(|s| Apart::Refuses { line: s.line, label: label(engine, s) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(engine: EngineKind, sql: &str, asked: bool) -> Option<String> {
        runs_apart(engine, &crate::upgrade::split(engine, sql).unwrap(), asked).map(|a| a.to_string())
    }

    #[test]
    fn scripts_run_in_one_transaction_unless_they_ask_or_cannot() {
        let pg = EngineKind::Postgres;
        assert_eq!(apart(pg, "create table t (a int);", false), None);
        assert_eq!(apart(pg, "create table t (a int);", true).unwrap(), "it asks for it with `transaction:false`");
        let concurrent = "create table t (a int);\n\ncreate index concurrently i on t (a);";
        assert_eq!(apart(pg, concurrent, false).unwrap(), "`CREATE INDEX i` in line 3 refuses a transaction");
        assert_eq!(apart(EngineKind::Sqlite, "pragma foreign_keys = off; drop table t;", false), None);
        assert!(apart(EngineKind::Sqlite, "drop table t; vacuum;", false).unwrap().contains("line 1"));
    }
}
