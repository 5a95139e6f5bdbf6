//! What every command works with: the program's folder, where results and messages go, how secrets are asked for. Does not own wording of
//! single commands.

use crate::error::{CliError, Exit};
use crate::render::{findings, style};
use clap::Args;
use greenroom_model::finding::{Finding, Severity, any_error};
use greenroom_model::process::Process;
use greenroom_model::program::{Layer, Program};
use greenroom_runner::ports::{Observer, Silent, SimulatedClock};
use greenroom_runner::secrets::Prompt;
use greenroom_runner::session::{self, Project, Session};
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Options of every command.
#[derive(Args, Clone, Debug)]
pub struct Global {
    /// Folder of the program
    #[arg(short = 'C', long = "program", value_name = "DIR", default_value = ".", global = true, help_heading = "Global options")]
    pub program: PathBuf,
    /// One of several pilots: the NAME of `[pilot.NAME]`
    #[arg(long, value_name = "NAME", global = true, help_heading = "Global options")]
    pub profile: Option<String>,
    /// Print the result as JSON on standard output
    #[arg(long, global = true, help_heading = "Global options")]
    pub json: bool,
    /// Say only results and errors
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub quiet: bool,
    /// No colours, whatever the terminal says (`NO_COLOR` does the same)
    #[arg(long, global = true, help_heading = "Global options")]
    pub no_color: bool,
}

/// Where a demo's commands are: at a simulated time, with a made-up person, and what they print is told by the demo.
#[derive(Clone)]
pub struct Simulation {
    /// What time it is.
    pub clock: Arc<SimulatedClock>,
    /// Who acts.
    pub login: String,
    /// What is printed.
    pub printed: Arc<Mutex<String>>,
}

impl Simulation {
    fn print(&self, text: &str) {
        self.printed.lock().unwrap_or_else(PoisonError::into_inner).push_str(&anstream::adapter::strip_str(text).to_string());
    }
}

/// One command's surroundings.
pub struct App {
    /// The program's folder as given.
    pub folder: PathBuf,
    /// One of several pilots.
    pub profile: Option<String>,
    /// Results as JSON.
    pub json: bool,
    /// Results and errors only.
    pub quiet: bool,
    /// A demo acts.
    pub simulation: Option<Simulation>,
    /// Something was put on record of which people may be told.
    told: Arc<AtomicBool>,
}

/// A program that can be worked with, and the texts its findings point into.
pub struct Opened {
    /// The program.
    pub program: Program,
    /// The process around its runs, where it has one.
    pub process: Option<Process>,
    /// Files by layer.
    pub layers: Vec<Layer>,
    /// Findings that forbid nothing.
    pub findings: Vec<Finding>,
    /// The program's folder, absolute.
    pub folder: PathBuf,
}

impl App {
    /// From the global options.
    pub fn new(global: &Global) -> App {
        if global.no_color {
            anstream::ColorChoice::Never.write_global();
        }
        let folder = global.program.clone();
        App { folder, profile: global.profile.clone(), json: global.json, quiet: global.quiet, simulation: None, told: Arc::default() }
    }

    /// The same, at another time and with somebody else.
    pub fn simulated(global: &Global, simulation: Simulation) -> App {
        App { simulation: Some(simulation), ..App::new(global) }
    }

    /// The same for the program of another folder.
    pub fn beside(&self, folder: PathBuf) -> App {
        App { folder, simulation: self.simulation.clone(), told: self.told.clone(), profile: self.profile.clone(), ..*self }
    }

    /// Whether something was put on record of which people may be told.
    pub fn has_told(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }

    /// A session of whoever acts, when they act.
    fn opened(&self, folder: PathBuf, program: Program, observer: Arc<dyn Observer>) -> Result<Session, CliError> {
        let session = Session::open(folder, program, Self::prompt(), observer)?.telling(self.told.clone());
        Ok(match &self.simulation {
            Some(s) => session.simulated(s.clock.clone(), &s.login),
            None => session,
        })
    }

    /// What is written on standard error.
    fn tell(&self, text: &str) {
        match &self.simulation {
            Some(s) => s.print(text),
            // Nobody can be told that nobody can be told.
            None => drop(anstream::stderr().lock().write_all(text.as_bytes())),
        }
    }

    /// Prints a command's result: as JSON, or as the text made from the same value.
    pub fn result<T: Serialize>(&self, value: &T, text: impl FnOnce(&T) -> String) -> Result<(), CliError> {
        let text = if self.json {
            let mut text = serde_json::to_string_pretty(value).map_err(|e| CliError::Bug(format!("a result is no JSON: {e}")))?;
            text.push('\n');
            text
        } else {
            text(value)
        };
        self.print(&text)
    }

    /// Prints text on standard output.
    pub fn print(&self, text: &str) -> Result<(), CliError> {
        if let Some(s) = &self.simulation {
            s.print(text);
            return Ok(());
        }
        let mut out = anstream::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            // Whoever reads has seen enough (`greenroom plan | head`).
            Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            Err(source) => Err(CliError::Io { attempted: "write to standard output".into(), source }),
            Ok(()) => Ok(()),
        }
    }

    /// Says something on standard error, unless it shall be quiet.
    pub fn say(&self, text: impl AsRef<str>) {
        if !self.quiet {
            self.tell(&format!("{}\n", text.as_ref()));
        }
    }

    /// Shows findings on standard error; in JSON they are part of the result instead.
    pub fn show(&self, list: &[Finding], layers: &[Layer]) {
        if !self.json && !list.is_empty() {
            let shown: Vec<Finding> = list.iter().filter(|f| !self.quiet || f.severity == Severity::Error).cloned().collect();
            self.tell(&findings::render(&shown, layers));
        }
    }

    /// Shows an error and gives its exit code.
    pub fn fail(&self, error: &CliError) -> ExitCode {
        let report = error.report();
        if self.json {
            let json = serde_json::json!({ "error": report });
            let _ = self.print(&format!("{json:#}\n"));
        } else {
            self.tell(&report.text(error.layers(), self.quiet));
        }
        report.exit.into()
    }

    /// Whether a person sits there who can be asked.
    pub fn can_ask(&self) -> bool {
        !self.json && self.simulation.is_none() && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Asks for a line; `None` at the end of input.
    pub fn ask(&self, question: &str) -> Result<Option<String>, CliError> {
        let io = |source| CliError::Io { attempted: "ask on the terminal".into(), source };
        let mut err = anstream::stderr().lock();
        write!(err, "{}{question}{} ", style::HEAD.render(), style::HEAD.render_reset()).and_then(|()| err.flush()).map_err(io)?;
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line).map_err(io)?;
        Ok((read > 0).then(|| line.trim().to_owned()))
    }

    /// Asks whether to go on; where nobody can be asked, the command itself is the answer.
    pub fn confirm(&self, question: &str, yes: bool) -> Result<(), CliError> {
        if yes || !self.can_ask() {
            return Ok(());
        }
        match self.ask(&format!("{question} [y/N]"))?.as_deref() {
            Some("y" | "Y" | "yes") => Ok(()),
            _ => Err(CliError::Declined),
        }
    }

    /// Asks for secrets on the terminal, unseen.
    pub fn prompt() -> Prompt {
        Box::new(|question| {
            if !std::io::stdin().is_terminal() {
                return None;
            }
            rpassword::prompt_password(question).ok().map(Into::into)
        })
    }

    /// Reads the program's files, whatever is in them.
    pub fn read(&self) -> Result<Project, CliError> {
        Ok(session::read_for(&self.folder, self.profile.as_deref())?)
    }

    /// Reads the program; findings that forbid understanding it are the error.
    pub fn open(&self) -> Result<Opened, CliError> {
        let project = self.read()?;
        match project.program {
            Some(program) if !any_error(&project.findings) => Ok(Opened {
                program,
                process: project.process,
                layers: project.loaded.layers,
                findings: project.findings,
                folder: project.loaded.folder,
            }),
            _ => Err(CliError::Program { findings: project.findings, layers: project.loaded.layers }),
        }
    }

    /// As [`App::session_with`], for what goes on with a run, takes it back or gives production back: a fault in `process.toml`, which stands in the way of nothing that
    /// has begun, is only shown.
    pub fn session_under_way(&self, observer: Arc<dyn Observer>) -> Result<(Session, Vec<Layer>), CliError> {
        let project = self.read()?;
        let Some(program) = project.program else {
            return Err(CliError::Program { findings: project.findings, layers: project.loaded.layers });
        };
        let faults: Vec<Finding> = project.findings.into_iter().filter(|f| f.severity == Severity::Error).collect();
        self.show(&faults, &project.loaded.layers);
        let session = self.opened(project.loaded.folder, program, observer)?;
        Ok((session.with_process(project.process), project.loaded.layers))
    }

    /// Reads the program and opens its workspace.
    pub fn session(&self) -> Result<Session, CliError> {
        self.session_with(Arc::new(Silent)).map(|(s, _)| s)
    }

    /// The same, with a listener and the files that findings point into.
    pub fn session_with(&self, observer: Arc<dyn Observer>) -> Result<(Session, Vec<Layer>), CliError> {
        let opened = self.open()?;
        let session = self.opened(opened.folder, opened.program, observer)?;
        Ok((session.with_process(opened.process).having_found(&opened.findings), opened.layers))
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}
