//! Engine errors: what was attempted, a portable kind, the engine's code and the object it is about. Row values never get in (P11):
//! constructors take only what an engine module has judged safe to show.

use std::fmt;

/// Result of an engine verb.
pub type Result<T> = std::result::Result<T, EngineError>;

/// What retry and message code decide by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// May pass by itself: lock timeout, serialisation failure, busy.
    Transient,
    /// Something that exists or changed stands in the way.
    Conflict,
    /// What the address names is not there, or is no database of this engine.
    Unusable,
    /// Rights are missing.
    Denied,
    /// This engine or version cannot do it.
    Unsupported,
    /// The connection or the server is gone.
    Lost,
    /// No room left.
    Full,
    /// The data contradicts a constraint, a type or an expectation.
    Data,
    /// The statement itself is wrong.
    Statement,
    /// Stopped on request.
    Cancelled,
    /// Anything else.
    Other,
}

/// An error of an engine verb.
#[derive(Clone, Debug)]
pub struct EngineError {
    /// See [`ErrorKind`].
    pub kind: ErrorKind,
    /// What was attempted, e.g. `copy rows of client`.
    pub attempted: String,
    /// What happened, in words that contain no row values.
    pub message: String,
    /// The engine's own code: SQLSTATE, SQLite's extended result code.
    pub native_code: Option<String>,
    /// Object names the engine gave: constraint, table, column.
    pub object: Option<String>,
    /// For scripts: 1-based number of the statement and its line in the file.
    pub statement: Option<(u32, u32)>,
    /// What to do next.
    pub hint: Option<String>,
}

impl EngineError {
    /// An error of any kind.
    pub fn new(kind: ErrorKind, attempted: impl Into<String>, message: impl Into<String>) -> EngineError {
        EngineError {
            kind,
            attempted: attempted.into(),
            message: message.into(),
            native_code: None,
            object: None,
            statement: None,
            hint: None,
        }
    }

    /// [`ErrorKind::Unsupported`].
    pub fn unsupported(attempted: impl Into<String>, message: impl Into<String>) -> EngineError {
        EngineError::new(ErrorKind::Unsupported, attempted, message)
    }

    /// [`ErrorKind::Other`].
    pub fn other(attempted: impl Into<String>, message: impl Into<String>) -> EngineError {
        EngineError::new(ErrorKind::Other, attempted, message)
    }

    /// Adds the engine's code.
    pub fn code(mut self, code: impl Into<String>) -> EngineError {
        self.native_code = Some(code.into());
        self
    }

    /// Adds object names.
    pub fn object(mut self, object: impl Into<String>) -> EngineError {
        self.object = Some(object.into());
        self
    }

    /// Adds what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> EngineError {
        self.hint = Some(hint.into());
        self
    }

    /// Says what was attempted, in place of what a lower layer said.
    pub fn while_doing(mut self, attempted: impl Into<String>) -> EngineError {
        self.attempted = attempted.into();
        self
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not {}", self.attempted)?;
        if let Some((number, line)) = self.statement {
            write!(f, " (statement {number}, line {line})")?;
        }
        write!(f, ": {}", self.message)?;
        match (&self.object, &self.native_code) {
            (Some(o), Some(c)) => write!(f, " [{o}; {c}]"),
            (Some(o), None) => write!(f, " [{o}]"),
            (None, Some(c)) => write!(f, " [{c}]"),
            (None, None) => Ok(()),
        }
    }
}

impl std::error::Error for EngineError {}
