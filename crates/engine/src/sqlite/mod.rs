//! SQLite: files, read over a held transaction and built as sealed files of our own.
//!
//! Owns everything that speaks to SQLite databases of customers. The row's way: `select` says what is read, `session` reads it on a thread of
//! its own, `encoding` is its form, `load` inserts it. Does not own masks (`model::mask`) nor the order of steps.

mod affinity;
mod back;
mod capture;
mod carry;
mod connect;
mod copy;
mod ddl;
mod dialect;
mod encoding;
mod error;
mod fence;
mod generation;
mod ground;
mod inspect;
mod load;
mod marker;
mod query;
mod restore;
mod script;
mod select;
mod session;
mod swap;
mod target;
mod tokens;
mod whole;

use crate::error::{EngineError, ErrorKind, Result};
use crate::fence::Fence;
use crate::seam::{Source, Target};
use greenroom_model::program::Address;
use std::path::Path;

/// Connects to a file as a source, read-only. The path is relative to `base`.
///
/// # Errors
/// When the file is missing, may not be read, is no SQLite database (or an encrypted one), or needs a repair by its own application first.
pub async fn source(address: &Address, base: &Path) -> Result<Box<dyn Source>> {
    let Some(path) = &address.path else {
        return Err(
            EngineError::new(ErrorKind::Conflict, "open the source", "the address has no `path`").hint("give `path` in greenroom.toml")
        );
    };
    Ok(Box::new(copy::SqliteSource::open(connect::resolve(base, path)?, path).await?))
}

/// Connects to a production file, to fence it.
///
/// # Errors
/// As [`source`]; and when the file may not be written.
pub(crate) async fn production(address: &Address, base: &Path) -> Result<Box<dyn Fence>> {
    let path = address.path.as_deref().unwrap_or("");
    Ok(Box::new(fence::SqliteFence::open(connect::resolve(base, path)?, path).await?))
}

/// Connects to the folder of pilots as a target: `address.path`, by default `base`. Names passed to its verbs are paths relative to `base`.
///
/// # Errors
/// When the folder is missing.
pub async fn target(address: &Address, base: &Path) -> Result<Box<dyn Target>> {
    let folder = connect::resolve(base, address.path.as_deref().unwrap_or(""))?;
    Ok(Box::new(target::SqliteTarget::open(base, folder)?))
}

/// A scratch folder for a contract test, in the address's folder.
///
/// # Errors
/// When the folder is missing or may not be written to.
pub(crate) async fn ground(address: &Address, base: &Path, nonce: &str) -> Result<ground::SqliteGround> {
    ground::SqliteGround::open(connect::resolve(base, address.path.as_deref().unwrap_or(""))?, nonce).await
}
