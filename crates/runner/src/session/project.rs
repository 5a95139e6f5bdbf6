//! Reading a program from its folder.

use super::SessionError;
use crate::files::{self, Loaded};
use greenroom_model::finding::{Finding, any_error};
use greenroom_model::process::{self, Process};
use greenroom_model::program::{Program, parse_for};
use std::path::Path;

/// A program read from its folder.
pub struct Project {
    /// Folder and layers, for showing places.
    pub loaded: Loaded,
    /// The program; `None` when findings forbid understanding it.
    pub program: Option<Program>,
    /// The process around its runs, where it has one.
    pub process: Option<Process>,
    /// Findings in files.
    pub findings: Vec<Finding>,
}

/// Reads and parses a program's folder.
///
/// # Errors
/// When the folder cannot be read.
pub fn read(folder: &Path) -> Result<Project, SessionError> {
    read_for(folder, None)
}

/// The same for one of several pilots.
///
/// # Errors
/// As [`read`].
pub fn read_for(folder: &Path, pilot: Option<&str>) -> Result<Project, SessionError> {
    let unreadable = |source| SessionError::Folder { folder: folder.to_owned(), source };
    let mut loaded = files::load(folder, pilot).map_err(unreadable)?;
    let (program, more) = parse_for(&loaded.layers, pilot);
    let mut findings = std::mem::take(&mut loaded.findings);
    findings.extend(more);
    for name in files::pilot_folders(&loaded.folder).map_err(unreadable)? {
        if program.as_ref().is_some_and(|p| !p.pilots.contains(&name)) {
            let message = format!("`pilots/{name}` is not read: the program has no pilot `{name}`");
            findings.push(Finding::warning("GR0125", message).hint(format!("write a section `[pilot.{name}]`, or remove the folder")));
        }
    }
    // What is wrong with the process around the runs keeps nobody from understanding the program.
    let program = if any_error(&findings) { None } else { program };
    let (process, more) = process::read(&loaded.layers);
    findings.extend(more);
    if let Some(process) = &process {
        findings.extend(crate::deeds::lacking(&loaded.folder, program.as_ref(), process));
    }
    Ok(Project { loaded, program, process, findings })
}
