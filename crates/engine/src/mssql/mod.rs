//! SQL Server, Azure SQL and Babelfish.

use crate::error::{EngineError, Result};
use crate::seam::{Source, Target};
use crate::secret::Secrets;
use greenroom_model::program::Address;
use std::path::Path;

/// Connects to a database as a source.
///
/// # Errors
/// Always, for now.
pub async fn source(_address: &Address, _secrets: &dyn Secrets, _base: &Path) -> Result<Box<dyn Source>> {
    Err(EngineError::unsupported("connect", "SQL Server is not supported yet"))
}

/// Connects to a server as a target.
///
/// # Errors
/// Always, for now.
pub async fn target(_address: &Address, _secrets: &dyn Secrets, _base: &Path) -> Result<Box<dyn Target>> {
    Err(EngineError::unsupported("connect", "SQL Server is not supported yet"))
}
