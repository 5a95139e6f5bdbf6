//! Findings: one coded result of a check, with the place it is about. Owns the codes and their explanations; does not own rendering.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; changes nothing.
    Note,
    /// Odd; the run may go on.
    Warning,
    /// The run may not start.
    Error,
}

/// A place in one of the program's files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file, relative to the folder of the layer (program or kit) it belongs to; kits are prefixed with their name.
    pub file: String,
    /// Byte offsets into the file's text; empty when the whole file is meant.
    pub span: Range<usize>,
}

/// One coded result of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable code such as `GR0102`; `greenroom explain CODE` tells more.
    pub code: &'static str,
    /// Weight.
    pub severity: Severity,
    /// One sentence, lower case, no trailing period, literals in backticks; never a row's value.
    pub message: String,
    /// Where, if it is in a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What to do next, naming a command or an edit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Finding {
    /// An error with a code.
    pub fn error(code: &'static str, message: impl Into<String>) -> Finding {
        Finding { code, severity: Severity::Error, message: message.into(), place: None, hint: None }
    }

    /// A warning with a code.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Finding {
        Finding { severity: Severity::Warning, ..Finding::error(code, message) }
    }

    /// A note with a code.
    pub fn note(code: &'static str, message: impl Into<String>) -> Finding {
        Finding { severity: Severity::Note, ..Finding::error(code, message) }
    }

    /// Adds the place.
    pub fn at(mut self, place: Place) -> Finding {
        self.place = Some(place);
        self
    }

    /// Adds the hint.
    pub fn hint(mut self, hint: impl Into<String>) -> Finding {
        self.hint = Some(hint.into());
        self
    }
}

/// A finding as it is put on record: without its place, which is about the files of that day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noticed {
    /// See [`Finding::code`].
    pub code: String,
    /// Weight.
    pub severity: Severity,
    /// See [`Finding::message`].
    pub message: String,
}

impl From<&Finding> for Noticed {
    fn from(f: &Finding) -> Noticed {
        Noticed { code: f.code.to_owned(), severity: f.severity, message: f.message.clone() }
    }
}

/// True when at least one finding forbids a run.
pub fn any_error(findings: &[Finding]) -> bool {
    findings.iter().any(|f| f.severity == Severity::Error)
}

/// What a code means.
pub struct CodeInfo {
    /// The stable code.
    pub code: &'static str,
    /// A few words.
    pub title: &'static str,
    /// What it means, why it matters, what to do.
    pub explain: &'static str,
}

mod codes;
pub use codes::{codes, explain};
