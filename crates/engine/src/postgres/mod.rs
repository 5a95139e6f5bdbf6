//! Placeholder: filled in next.

use crate::error::{EngineError, Result};
use crate::seam::{Source, Target};
use crate::secret::Secrets;
use greenroom_model::program::Address;
use std::path::Path;

/// Connects to a database as a source.
///
/// # Errors
/// When it cannot be reached or the login is refused.
pub async fn source(address: &Address, secrets: &dyn Secrets, base: &Path) -> Result<Box<dyn Source>> {
    let _ = (address, secrets, base);
    Err(EngineError::unsupported("open the source", "not built yet"))
}

/// Connects to a server as a target.
///
/// # Errors
/// As [`source`].
pub async fn target(address: &Address, secrets: &dyn Secrets, base: &Path) -> Result<Box<dyn Target>> {
    let _ = (address, secrets, base);
    Err(EngineError::unsupported("open the target", "not built yet"))
}
