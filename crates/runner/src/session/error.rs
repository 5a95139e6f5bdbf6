//! Why something could not be done. Owns the kinds of refusal; how they are worded for people is the surface's.

use crate::execute::RunError;
use crate::fencing::FenceError;
use crate::journal::{AppendError, ReplayError};
use greenroom_engine::EngineError;
use greenroom_model::finding::Finding;
use greenroom_model::run::{Failure, Verdict};
use std::path::PathBuf;

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The program's folder could not be read.
    #[error("could not read the program in {folder}: {source}")]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The program, or what it meets, forbids a run.
    #[error("the program cannot be run as it is")]
    Findings(Vec<Finding>),
    /// A secret is missing.
    #[error("{0}")]
    Secret(String),
    /// A database refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The journal could not be read.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The journal could not be written.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The run could not be driven.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The workspace could not be used.
    #[error("could not use the workspace: {0}")]
    Workspace(#[from] std::io::Error),
    /// Something is not as it has to be for this; code, what, and what to do.
    #[error("{message}")]
    Refused {
        /// `GR07xx`.
        code: &'static str,
        /// What is in the way.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A database holds something that stands in the way.
    #[error("{}", .0.message)]
    Failed(Box<Failure>),
    /// The pilot is not safe to open.
    #[error("the pilot is not safe to open")]
    Unsafe(Box<Verdict>),
}

/// A refusal with its code.
pub(crate) fn refused(code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> SessionError {
    SessionError::Refused { code, message: message.into(), hint: hint.into() }
}

impl From<FenceError> for SessionError {
    fn from(e: FenceError) -> SessionError {
        match e {
            FenceError::Failed(f) => SessionError::Failed(f),
            FenceError::Engine(e) => e.into(),
            FenceError::Append(e) => e.into(),
            FenceError::Files(e) => e.into(),
        }
    }
}
