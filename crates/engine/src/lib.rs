//! The engine seam: coarse verbs over customers' databases, one module per engine with the same file names.
//!
//! Owns connections, SQL dialects, row encodings and what each engine can do. The only crate that names database drivers for customers'
//! databases. Does not own what is done in which order (`model::plan`), nor recording it (`runner`).

pub mod backup;
pub mod batch;
pub mod capture;
pub mod carry;
pub mod contract;
mod endpoint;
pub mod error;
pub mod fake;
pub mod fence;
pub mod mssql;
pub mod mysql;
pub mod position;
pub mod postgres;
mod registry;
pub mod seam;
pub mod secret;
mod shares;
mod spelling;
pub mod sqlite;

pub use error::{EngineError, ErrorKind, Result};
pub use seam::*;

use greenroom_model::catalog::EngineKind;
use greenroom_model::program::Address;
use std::path::Path;

/// What a session must have set in which [`SpelledChange`](carry::SpelledChange)s mean what they say: forms of dates, time zone, strictness. Statements,
/// each ended.
pub fn settings(engine: EngineKind) -> String {
    match engine {
        EngineKind::Postgres => format!("{}\n", postgres::settings()),
        EngineKind::Mysql => format!("{};\n", mysql::settings()),
        EngineKind::Mssql => format!("{};\n", mssql::settings()),
        EngineKind::Sqlite | EngineKind::Fake => String::new(),
    }
}

/// Connects to an address as a source. `base` is the program's folder, against which relative paths are read.
///
/// # Errors
/// When the database cannot be reached, or the engine cannot be reached by address ([`EngineKind::Fake`]).
pub async fn source(address: &Address, secrets: &dyn secret::Secrets, base: &Path) -> Result<Box<dyn Source>> {
    match address.engine {
        EngineKind::Sqlite => sqlite::source(address, base).await,
        EngineKind::Postgres => postgres::source(address, secrets, base).await,
        EngineKind::Mysql => mysql::source(address, secrets, base).await,
        EngineKind::Mssql => mssql::source(address, secrets, base).await,
        EngineKind::Fake => Err(EngineError::unsupported("connect", "the fake engine exists only inside tests")),
    }
}

/// Connects to an address as a target.
///
/// # Errors
/// As [`source`].
pub async fn target(address: &Address, secrets: &dyn secret::Secrets, base: &Path) -> Result<Box<dyn Target>> {
    match address.engine {
        EngineKind::Sqlite => sqlite::target(address, base).await,
        EngineKind::Postgres => postgres::target(address, secrets, base).await,
        EngineKind::Mysql => mysql::target(address, secrets, base).await,
        EngineKind::Mssql => mssql::target(address, secrets, base).await,
        EngineKind::Fake => Err(EngineError::unsupported("connect", "the fake engine exists only inside tests")),
    }
}

/// Connects to a source's database to fence it, with a login that may. `spared` are the other logins by which Greenroom works on that server: they
/// stay in, where the engine shuts out by login one by one.
///
/// # Errors
/// As [`source`]; and on engines that cannot be fenced.
pub async fn production(address: &Address, spared: &[String], secrets: &dyn secret::Secrets, base: &Path) -> Result<Box<dyn fence::Fence>> {
    match address.engine {
        EngineKind::Sqlite => sqlite::production(address, base).await,
        EngineKind::Postgres => postgres::production(address, spared, secrets, base).await,
        EngineKind::Mysql => mysql::production(address, spared, secrets, base).await,
        EngineKind::Mssql => {
            let hint = "take it out of use by `ALTER DATABASE … SET READ_ONLY WITH ROLLBACK AFTER 30 SECONDS` yourself";
            Err(EngineError::unsupported("fence production", "SQL Server is not fenced by Greenroom yet").hint(hint))
        }
        EngineKind::Fake => Err(EngineError::unsupported("connect", "the fake engine exists only inside tests")),
    }
}

/// The place where an engine's contract is tried: scratch databases on the address's server, or in its folder. `nonce` tells this test from
/// all others: at least 8 of `a-z` and `0-9`, never used before.
///
/// # Errors
/// As [`target`].
pub async fn ground(
    address: &Address,
    secrets: &dyn secret::Secrets,
    base: &Path,
    nonce: &str,
) -> Result<std::sync::Arc<dyn contract::Ground>> {
    match address.engine {
        EngineKind::Sqlite => Ok(std::sync::Arc::new(sqlite::ground(address, base, nonce).await?)),
        EngineKind::Postgres => Ok(std::sync::Arc::new(postgres::ground(address, secrets, base, nonce).await?)),
        EngineKind::Mysql => Ok(std::sync::Arc::new(mysql::ground(address, secrets, base, nonce).await?)),
        EngineKind::Mssql => Ok(std::sync::Arc::new(mssql::ground(address, secrets, base, nonce).await?)),
        EngineKind::Fake => Err(EngineError::unsupported("connect", "the fake engine exists only inside tests")),
    }
}
