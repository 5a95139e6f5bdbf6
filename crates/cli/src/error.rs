//! What went wrong, as people and programs see it. This module alone decides heading, hints and exit code.

use crate::render::{findings, style};
use greenroom_engine::EngineError;
use greenroom_model::finding::{Finding, Severity, explain};
use greenroom_model::program::Layer;
use greenroom_model::run::Verdict;
use greenroom_runner::execute::{RunError, failure_of};
use greenroom_runner::journal::{AppendError, ReplayError};
use greenroom_runner::session::SessionError;
use serde::Serialize;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It worked.
    Ok,
    /// It did not.
    Error,
    /// It was asked for wrongly.
    Usage,
    /// It worked, and the answer is no: a verification, a safety check or a step of the run failed.
    Negative,
    /// A person has to act.
    Person,
    /// Stopped by a second Ctrl-C.
    Interrupted,
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Exit::Ok => 0,
            Exit::Error => 1,
            Exit::Usage => 2,
            Exit::Negative => 4,
            Exit::Person => 5,
            Exit::Interrupted => 130,
        }
    }
}

/// Why a command failed.
#[derive(Debug)]
pub enum CliError {
    /// The program's files cannot be understood.
    Program {
        /// What was found.
        findings: Vec<Finding>,
        /// The files.
        layers: Vec<Layer>,
    },
    /// Something forbids a run: the same as [`SessionError::Findings`], with the files.
    Refused {
        /// What was found.
        findings: Vec<Finding>,
        /// The files.
        layers: Vec<Layer>,
    },
    /// The session refused.
    Session(SessionError),
    /// The command line does not fit.
    Usage {
        /// What.
        message: String,
        /// What to do.
        hint: String,
    },
    /// Files or streams.
    Io {
        /// What was attempted.
        attempted: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Something is not there.
    Missing {
        /// What.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A person said no.
    Declined,
    /// Ctrl-C twice.
    Interrupted,
    /// A mistake in Greenroom itself.
    Bug(String),
}

impl CliError {
    /// [`CliError::Usage`].
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> CliError {
        CliError::Usage { message: message.into(), hint: hint.into() }
    }

    /// [`CliError::Missing`].
    pub fn missing(message: impl Into<String>, hint: impl Into<String>) -> CliError {
        CliError::Missing { message: message.into(), hint: hint.into() }
    }

    /// A closure that names what was attempted with a file.
    pub fn io(attempted: impl Into<String>) -> impl FnOnce(std::io::Error) -> CliError {
        let attempted = attempted.into();
        move |source| CliError::Io { attempted, source }
    }

    /// Gives findings of a session the files that they point into.
    pub fn with_layers(self, layers: &[Layer]) -> CliError {
        match self {
            CliError::Session(SessionError::Findings(findings)) => CliError::Refused { findings, layers: layers.to_vec() },
            other => other,
        }
    }

    /// The files that findings point into.
    pub fn layers(&self) -> &[Layer] {
        match self {
            CliError::Program { layers, .. } | CliError::Refused { layers, .. } => layers,
            _ => &[],
        }
    }

    /// What people and programs are told.
    pub fn report(&self) -> Report {
        match self {
            CliError::Program { findings, .. } => Report {
                findings: findings.clone(),
                ..Report::new(None, "the program has errors").hint("mend the places above; `greenroom explain CODE` tells more")
            },
            CliError::Refused { findings, .. } => of_findings(findings),
            CliError::Session(e) => of_session(e),
            CliError::Usage { message, hint } => Report { exit: Exit::Usage, ..Report::new(None, message).hint(hint) },
            CliError::Missing { message, hint } => Report::new(None, message).hint(hint),
            CliError::Io { attempted, source } => Report::new(None, format!("could not {attempted}")).cause(source),
            CliError::Declined => Report::new(None, "nothing was done"),
            CliError::Interrupted => Report {
                exit: Exit::Interrupted,
                ..Report::new(None, "stopped at once")
                    .hint("`greenroom resume` goes on, `greenroom undo` goes back; nothing that stood before is harmed")
            },
            CliError::Bug(what) => Report::new(None, what).hint("this is a mistake in Greenroom: please report it"),
        }
    }
}

impl From<SessionError> for CliError {
    fn from(e: SessionError) -> CliError {
        CliError::Session(e)
    }
}

impl From<EngineError> for CliError {
    fn from(e: EngineError) -> CliError {
        CliError::Session(SessionError::Engine(e))
    }
}

/// An error as it is shown; the same in text and JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Finding code, where there is one.
    pub code: Option<String>,
    /// What was attempted and what happened.
    pub message: String,
    /// What led to it, outermost first.
    pub causes: Vec<String>,
    /// Further lines about what happened.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    /// What to do next.
    pub hints: Vec<String>,
    /// Findings that belong to it.
    pub findings: Vec<Finding>,
    /// What a verification found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// How the process ends.
    #[serde(skip)]
    pub exit: Exit,
}

impl Report {
    fn new(code: Option<&str>, message: impl Into<String>) -> Report {
        Report {
            code: code.map(str::to_owned),
            message: message.into(),
            causes: Vec::new(),
            details: Vec::new(),
            hints: Vec::new(),
            findings: Vec::new(),
            verdict: None,
            exit: Exit::Error,
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Report {
        self.hints.push(hint.into());
        self
    }

    fn cause(mut self, cause: &impl ToString) -> Report {
        self.causes.push(cause.to_string());
        self
    }

    /// For people.
    pub fn text(&self, layers: &[Layer], quiet: bool) -> String {
        let mut out = String::new();
        let shown: Vec<Finding> = self.findings.iter().filter(|f| !quiet || f.severity == Severity::Error).cloned().collect();
        if !shown.is_empty() {
            out.push_str(&findings::render(&shown, layers));
        }
        if let Some(verdict) = &self.verdict {
            out.push_str(&crate::render::verdict::full(verdict));
        }
        let code = self.code.as_ref().map(|c| format!("[{c}]")).unwrap_or_default();
        out.push_str(&format!("{}: {}\n", style::paint(style::BAD, format!("error{code}")), self.message));
        for cause in &self.causes {
            out.push_str(&format!("  caused by: {cause}\n"));
        }
        for line in &self.details {
            out.push_str(&format!("  {line}\n"));
        }
        for hint in &self.hints {
            out.push_str(&format!("{}: {hint}\n", style::paint(style::HINT, "hint")));
        }
        out
    }
}

fn of_findings(findings: &[Finding]) -> Report {
    Report {
        findings: findings.to_vec(),
        ..Report::new(None, "the program cannot be run as it is")
            .hint("do what the findings above say, then `greenroom check` again; `greenroom explain CODE` tells more")
    }
}

fn of_engine(e: &EngineError) -> Report {
    let failure = failure_of(e);
    let mut report = Report::new(Some(&failure.code), failure.message);
    report.hints.extend(failure.hint);
    report
}

fn of_append(e: &AppendError) -> Report {
    match e {
        AppendError::LeaseLost { .. } => Report::new(Some("GR0723"), e.to_string()).hint("`greenroom status` shows where the run stands"),
        AppendError::Storage(_) => {
            Report::new(None, e.to_string()).hint("see that the disk has room and `.greenroom` can be written, then `greenroom resume`")
        }
    }
}

fn of_session(e: &SessionError) -> Report {
    match e {
        SessionError::Folder { folder, source } => Report::new(None, format!("could not read the program in {}", folder.display()))
            .cause(source)
            .hint("`-C DIR` names the program's folder; `greenroom init` writes a new program"),
        SessionError::Findings(findings) => of_findings(findings),
        SessionError::Secret(message) => Report::new(None, message),
        SessionError::Engine(e) | SessionError::Run(RunError::Engine(e)) => of_engine(e),
        SessionError::Replay(e) | SessionError::Run(RunError::Replay(e)) => match e {
            ReplayError::Storage(_) => Report::new(None, e.to_string()),
            ReplayError::Broken { .. } | ReplayError::Illegal(_) => Report::new(Some("GR0724"), e.to_string())
                .hint("put the journal back from a backup: Greenroom does not guess; the databases are untouched"),
        },
        SessionError::Append(e) | SessionError::Run(RunError::Journal(e)) => of_append(e),
        SessionError::Run(RunError::Busy(_)) => {
            Report::new(Some("GR0723"), e.to_string()).hint("wait for it; `greenroom status` shows how far it is")
        }
        SessionError::Run(RunError::Scratch { path, source }) => {
            Report::new(None, format!("could not use {} in the run's folder", path.display())).cause(source)
        }
        SessionError::Run(RunError::Fence(_)) => {
            Report::new(None, e.to_string()).hint("`greenroom resume` goes on with the run, `greenroom undo` goes back; both open it again")
        }
        SessionError::Run(RunError::Illegal(e)) => Report::new(Some("GR0724"), e.to_string()),
        SessionError::Workspace(source) => Report::new(None, "could not use the workspace `.greenroom`").cause(source),
        SessionError::Refused { code, message, hint } => Report::new(Some(code), message).hint(hint),
        SessionError::Failed(f) => {
            let report = Report { details: f.details.clone(), ..Report::new(Some(&f.code), f.message.clone()) };
            f.hint.iter().fold(report, |report, hint| report.hint(hint))
        }
        SessionError::Unsafe(verdict) => Report {
            exit: Exit::Negative,
            verdict: Some((**verdict).clone()),
            ..Report::new(Some("GR0602"), "the pilot is not safe to open: it stays sealed as it was")
                .hint(format!("decide what happens to what is named above, then `greenroom rehearse` again{}", more("GR0602")))
        },
    }
}

/// Where more can be read about a code.
pub fn more(code: &str) -> String {
    if explain(code).is_some() { format!("; `greenroom explain {code}` tells more") } else { String::new() }
}
