//! Runs of a program as users see it: arguments in, output and exit code out, and the sudden death of it (`kill -9`) at a moment that the
//! test chooses. Tests of the binary pass `env!("CARGO_BIN_EXE_greenroom")`, which only its own crate has.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// A run that has not started yet.
#[derive(Clone, Debug)]
pub struct Run {
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, Option<OsString>)>,
    folder: Option<PathBuf>,
    stdin: Vec<u8>,
    patience: Duration,
}

/// A run that has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it, 9 for a kill. Always none on Windows.
    pub signal: Option<i32>,
    /// Everything it printed as a result.
    pub stdout: String,
    /// Everything else it printed.
    pub stderr: String,
    /// From start to end.
    pub took: Duration,
}

enum When {
    Never,
    After(Duration),
    Line(Box<dyn Fn(&str) -> bool>),
}

impl Run {
    /// A run of this program, with nothing on standard input and without colours.
    pub fn new(program: impl Into<PathBuf>) -> Run {
        let env = vec![("NO_COLOR".into(), Some("1".into())), ("TERM".into(), Some("dumb".into()))];
        Run { program: program.into(), args: Vec::new(), env, folder: None, stdin: Vec::new(), patience: Duration::from_secs(120) }
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Run {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Run {
        self.args.extend(args.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Run {
        self.env.push((name.as_ref().to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// Takes an environment variable away.
    pub fn without_env(mut self, name: impl AsRef<OsStr>) -> Run {
        self.env.push((name.as_ref().to_owned(), None));
        self
    }

    /// Sets the folder it runs in.
    pub fn folder(mut self, folder: &Path) -> Run {
        self.folder = Some(folder.to_owned());
        self
    }

    /// Sets what it reads from standard input.
    pub fn stdin(mut self, text: impl AsRef<[u8]>) -> Run {
        self.stdin = text.as_ref().to_owned();
        self
    }

    /// Sets how long it may take before the test fails; two minutes unless told.
    pub fn patience(mut self, patience: Duration) -> Run {
        self.patience = patience;
        self
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it cannot be started, or takes longer than its patience; it is killed then.
    pub fn finish(self) -> Ended {
        self.carry_out(When::Never)
    }

    /// Runs it and kills it after a while. It may well have ended before: see [`Ended::signal`].
    pub fn kill_after(self, delay: Duration) -> Ended {
        self.carry_out(When::After(delay))
    }

    /// Runs it and kills it as soon as a line on either output satisfies the condition.
    pub fn kill_at_line(self, condition: impl Fn(&str) -> bool + 'static) -> Ended {
        self.carry_out(When::Line(Box::new(condition)))
    }

    fn spawn(&self) -> Child {
        let mut command = Command::new(&self.program);
        command.args(&self.args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command.spawn().unwrap_or_else(|e| panic!("start {}: {e}", self.program.display()))
    }

    fn carry_out(self, when: When) -> Ended {
        let began = Instant::now();
        let mut child = self.spawn();
        let mut stdin = child.stdin.take().expect("standard input is piped");
        let text = self.stdin.clone();
        // A program that does not read its input is no failure of the test.
        std::thread::spawn(move || drop(stdin.write_all(&text)));
        let (send, lines) = channel();
        follow(child.stdout.take().expect("standard output is piped"), false, send.clone());
        follow(child.stderr.take().expect("standard error is piped"), true, send);
        let mut said = (String::new(), String::new());
        let overtime = listen(&lines, &mut child, &when, began, self.patience, &mut said);
        let status = child.wait().unwrap_or_else(|e| panic!("wait for {}: {e}", self.program.display()));
        let (stdout, stderr) = said;
        assert!(!overtime, "{} took more than {:?}\nstdout:\n{stdout}\nstderr:\n{stderr}", self.program.display(), self.patience);
        #[cfg(unix)]
        let signal = std::os::unix::process::ExitStatusExt::signal(&status);
        #[cfg(not(unix))]
        let signal = None;
        Ended { code: status.code(), signal, stdout, stderr, took: began.elapsed() }
    }
}

/// Collects output until both pipes are closed, and kills when it is time. True when patience ran out.
fn listen(
    lines: &Receiver<(bool, String)>,
    child: &mut Child,
    when: &When,
    began: Instant,
    patience: Duration,
    said: &mut (String, String),
) -> bool {
    let limit = match when {
        When::After(delay) => (*delay).min(patience),
        _ => patience,
    };
    let mut killed = false;
    let mut overtime = false;
    loop {
        // Children that a killed program leaves behind may hold its pipes open; nobody waits for them.
        let left = if killed { Duration::from_millis(500) } else { limit.saturating_sub(began.elapsed()) };
        match lines.recv_timeout(left) {
            Ok((is_stderr, line)) => {
                let hit = !killed && matches!(when, When::Line(condition) if condition(line.trim_end_matches(['\n', '\r'])));
                if is_stderr {
                    said.1.push_str(&line)
                } else {
                    said.0.push_str(&line)
                }
                if hit {
                    killed = kill(child);
                }
            }
            Err(RecvTimeoutError::Disconnected) => return overtime,
            Err(RecvTimeoutError::Timeout) if killed => return overtime,
            Err(RecvTimeoutError::Timeout) => {
                overtime = began.elapsed() >= patience;
                killed = kill(child);
            }
        }
    }
}

fn kill(child: &mut Child) -> bool {
    child.kill().unwrap_or_else(|e| panic!("kill the program under test: {e}"));
    true
}

fn follow(pipe: impl Read + Send + 'static, is_stderr: bool, send: Sender<(bool, String)>) {
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            if send.send((is_stderr, String::from_utf8_lossy(&line).into_owned())).is_err() {
                return;
            }
            line.clear();
        }
    });
}

impl Ended {
    /// Fails the test, showing all output, unless the exit code is this.
    #[track_caller]
    pub fn expect_code(&self, code: i32) -> &Ended {
        let Ended { stdout, stderr, signal, .. } = self;
        assert_eq!(self.code, Some(code), "exit code (signal {signal:?})\nstdout:\n{stdout}\nstderr:\n{stderr}");
        self
    }
}

/// Waits until a condition holds, asking often; fails the test when it does not come true in time. Waiting for a state, not for a time, is
/// what keeps tests from failing on slow machines.
#[track_caller]
pub fn wait_until(what: &str, patience: Duration, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < patience, "waited {patience:?} in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn sh(script: &str) -> Run {
        Run::new("/bin/sh").args(["-c", script])
    }

    #[test]
    fn output_code_input_and_environment_arrive() {
        let ended = sh("cat; echo \"$WORD\"; echo bad >&2; exit 4").stdin("in\n").env("WORD", "käse").finish();
        ended.expect_code(4);
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("in\nkäse\n", "bad\n"));
    }

    #[test]
    fn a_kill_comes_at_the_line_and_not_before() {
        let ended = sh("echo one; echo two >&2; sleep 60; echo three").kill_at_line(|line| line == "two");
        assert_eq!((ended.code, ended.signal), (None, Some(9)));
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("one\n", "two\n"));
        assert!(ended.took < Duration::from_secs(30));
    }

    #[test]
    fn a_kill_comes_after_the_delay_unless_the_program_was_quicker() {
        assert_eq!(sh("exec sleep 60").kill_after(Duration::from_millis(50)).signal, Some(9));
        assert_eq!(sh("exit 0").kill_after(Duration::from_secs(60)).code, Some(0));
    }

    #[test]
    #[should_panic(expected = "took more than")]
    fn a_program_that_hangs_fails_the_test() {
        sh("exec sleep 60").patience(Duration::from_millis(50)).finish();
    }
}
