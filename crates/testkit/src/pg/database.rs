//! One database of a test's server: its addresses, and statements through psql. Does not own the server.

use super::Binaries;
use std::fmt::Write as _;
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

    /// The socket's folder, which clients take as the host.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The port, of the socket as well as of 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Key-value address through the socket, as `postgres`, without password.
    pub fn conninfo(&self) -> String {
        let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
        let (socket, name) = (quoted(&self.socket.display().to_string()), quoted(&self.name));
        format!("host={socket} port={} user=postgres dbname={name}", self.port)
    }

    /// URL through the socket, as `postgres`, without password.
    pub fn url(&self) -> String {
        let socket = percent(&self.socket.display().to_string());
        format!("postgresql://postgres@/{}?host={socket}&port={}", percent(&self.name), self.port)
    }

    /// URL through TCP, for a role made by [`Server::role`](super::Server::role).
    pub fn tcp_url(&self, user: &str, password: &str) -> String {
        format!("postgresql://{}:{}@127.0.0.1:{}/{}", percent(user), percent(password), self.port, percent(&self.name))
    }

    /// A program of the server's version, such as `pg_dump`, that connects to this database as `postgres`.
    pub fn command(&self, program: &str) -> Command {
        let mut command = self.binaries.command(program);
        command.env("PGHOST", &self.socket).env("PGPORT", self.port.to_string()).env("PGUSER", "postgres").env("PGDATABASE", &self.name);
        command
    }

    /// psql that stops at the first error and prints bare values.
    pub(crate) fn psql(&self) -> Command {
        let mut command = self.command("psql");
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-"]).env("PGCLIENTENCODING", "UTF8");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a script as psql would and returns what it prints: a line per row, columns separated by `|`.
    ///
    /// # Errors
    /// What psql says.
    pub fn try_run(&self, sql: &str) -> Result<String, String> {
        let mut psql = self.psql().spawn().unwrap_or_else(|e| panic!("start psql: {e}"));
        let mut stdin = psql.stdin.take().expect("standard input is piped");
        let sql = sql.to_owned();
        // From a thread: psql may print before it has read everything, and would wait for us to read.
        let feed = std::thread::spawn(move || stdin.write_all(sql.as_bytes()));
        let output = psql.wait_with_output().unwrap_or_else(|e| panic!("wait for psql: {e}"));
        // psql stops reading at an error, so that a broken pipe is told by its status.
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

fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => write!(out, "%{byte:02X}").expect("writing to a String cannot fail"),
        }
    }
    out
}
