//! Placeholder: filled in next.

use crate::error::{EngineError, Result};
use crate::seam::{Source, Target};
use greenroom_model::program::Address;
use std::path::Path;

/// Connects to a file as a source, read-only.
///
/// # Errors
/// When the file is missing or is no SQLite database.
pub async fn source(address: &Address, base: &Path) -> Result<Box<dyn Source>> {
    let _ = (address, base);
    Err(EngineError::unsupported("open the source", "not built yet"))
}

/// Connects to the folder of the pilot's file as a target.
///
/// # Errors
/// When the folder is missing.
pub async fn target(address: &Address, base: &Path) -> Result<Box<dyn Target>> {
    let _ = (address, base);
    Err(EngineError::unsupported("open the target", "not built yet"))
}
