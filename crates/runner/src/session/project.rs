//! Reading a program from its folder.

use super::SessionError;
use crate::files::{self, Loaded};
use greenroom_model::finding::{Finding, any_error};
use greenroom_model::program::{Program, parse};
use std::path::Path;

/// A program read from its folder.
pub struct Project {
    /// Folder and layers, for showing places.
    pub loaded: Loaded,
    /// The program; `None` when findings forbid understanding it.
    pub program: Option<Program>,
    /// Findings in files.
    pub findings: Vec<Finding>,
}

/// Reads and parses a program's folder.
///
/// # Errors
/// When the folder cannot be read.
pub fn read(folder: &Path) -> Result<Project, SessionError> {
    let mut loaded = files::load(folder).map_err(|source| SessionError::Folder { folder: folder.to_owned(), source })?;
    let (program, more) = parse(&loaded.layers);
    let mut findings = std::mem::take(&mut loaded.findings);
    findings.extend(more);
    let program = if any_error(&findings) { None } else { program };
    Ok(Project { loaded, program, findings })
}
