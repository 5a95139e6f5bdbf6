//! One database of a test's server: its address, and statements through the `mariadb` client. Does not own the server.

use super::Binaries;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A database; cheap to clone, useless once its server has ended.
#[derive(Clone, Debug)]
pub struct Database {
    binaries: Binaries,
    socket: PathBuf,
    port: u16,
    name: String,
}

impl Database {
    pub(super) fn new(binaries: Binaries, socket: PathBuf, port: u16, name: String) -> Database {
        Database { binaries, socket, port, name }
    }

    /// Its name, as it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The socket, which Greenroom takes as the host.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The client program, connected as an account of this machine that has no password, its streams piped.
    pub(crate) fn client(&self, user: &str) -> Command {
        let mut command = self.binaries.client();
        command.arg("--no-defaults").arg(format!("--user={user}"));
        command.args(["--batch", "--raw", "--skip-column-names", "--default-character-set=utf8mb4"]);
        command.arg(format!("--socket={}", self.socket.display())).arg(&self.name);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a script as the client would and returns what it prints: a line per row, columns separated by tabs.
    ///
    /// # Errors
    /// What the client says.
    pub fn try_run(&self, sql: &str) -> Result<String, String> {
        self.try_run_as("root", sql)
    }

    /// As [`Database::try_run`], as an account of this machine that has no password.
    ///
    /// # Errors
    /// What the client says.
    pub fn try_run_as(&self, user: &str, sql: &str) -> Result<String, String> {
        let mut client = self.client(user).spawn().unwrap_or_else(|e| panic!("start mariadb: {e}"));
        let mut stdin = client.stdin.take().expect("standard input is piped");
        let sql = sql.to_owned();
        // From a thread: the client may print before it has read everything, and would wait for us to read.
        let feed = std::thread::spawn(move || stdin.write_all(sql.as_bytes()));
        let output = client.wait_with_output().unwrap_or_else(|e| panic!("wait for mariadb: {e}"));
        // It stops reading at an error, so that a broken pipe is told by its status.
        drop(feed.join());
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    /// Runs a script that must succeed.
    #[track_caller]
    pub fn run(&self, sql: &str) {
        drop(self.query(sql));
    }

    /// Runs a script that must succeed and returns what it prints.
    #[track_caller]
    pub fn query(&self, sql: &str) -> String {
        match self.try_run(sql) {
            Ok(printed) => printed,
            Err(error) => panic!("statement on {:?} failed: {error}", self.name),
        }
    }
}
