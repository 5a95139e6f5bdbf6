//! Running pg_dump and pg_restore: which of the installed ones, with a clean environment, the password in a file that only we can read.

use super::connect::Server;
use super::tls;
use crate::endpoint::Place;
use crate::error::{EngineError, ErrorKind, Result};
use greenroom_model::program::Tls;
use secrecy::ExposeSecret;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// An installed tool.
#[derive(Clone, Debug)]
pub(crate) struct Tool {
    pub(crate) folder: PathBuf,
    pub(crate) major: i32,
    /// `15.18`.
    pub(crate) version: String,
}

/// Folders that may hold PostgreSQL's client programs.
fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for root in ["/usr/lib/postgresql", "/usr/local/lib/postgresql", "/opt/homebrew/opt"] {
        if let Ok(entries) = std::fs::read_dir(root) {
            folders.extend(entries.flatten().map(|e| e.path().join("bin")));
        }
    }
    if let Ok(entries) = std::fs::read_dir("/usr") {
        // Red Hat's packages: /usr/pgsql-16/bin.
        folders.extend(entries.flatten().filter(|e| e.file_name().to_string_lossy().starts_with("pgsql-")).map(|e| e.path().join("bin")));
    }
    folders.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    folders
}

/// The newest pg_dump that is installed, whose pg_restore reads the archives of all older ones.
pub(crate) async fn newest() -> Result<Tool> {
    installed().await.into_iter().max_by_key(|t| t.major).ok_or_else(|| {
        EngineError::unsupported("find pg_restore", "pg_restore was not found on this machine")
            .hint("install PostgreSQL's client programs (Debian: postgresql-client)")
    })
}

/// Finds a pg_dump that can read a server of this major version: the same version if there is one, else the next newer.
pub(crate) async fn find(server_major: i32) -> Result<Tool> {
    let found = installed().await;
    let newest = found.iter().map(|t| t.major).max();
    found.into_iter().filter(|t| t.major >= server_major).min_by_key(|t| t.major).ok_or_else(|| {
        let message = match newest {
            Some(newest) => format!("the server has version {server_major}, but the newest pg_dump found here has version {newest}"),
            None => "pg_dump was not found on this machine".to_owned(),
        };
        EngineError::unsupported("find pg_dump", message).hint(format!(
            "install PostgreSQL's client programs of version {server_major} or newer (Debian: postgresql-client-{server_major})"
        ))
    })
}

/// Every installation that is found.
async fn installed() -> Vec<Tool> {
    let mut found: Vec<Tool> = Vec::new();
    let mut seen = Vec::new();
    for folder in folders() {
        let program = folder.join("pg_dump");
        if !program.is_file() || seen.contains(&folder) {
            continue;
        }
        seen.push(folder.clone());
        let mut command = Command::new(&program);
        clean(&mut command);
        let Ok(output) = command.arg("--version").output().await else { continue };
        let text = String::from_utf8_lossy(&output.stdout);
        // `pg_dump (PostgreSQL) 15.18 (Debian …)`
        let Some(version) = text.split_whitespace().nth(2) else { continue };
        let major = version.split(|c: char| !c.is_ascii_digit()).next().and_then(|m| m.parse().ok());
        if let Some(major) = major {
            found.push(Tool { folder, major, version: version.to_owned() });
        }
    }
    found
}

fn clean(command: &mut Command) {
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").kill_on_drop(true).stdin(std::process::Stdio::null());
}

/// A folder of one tool run, readable by its owner only; removed with everything in it when dropped.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    /// Makes the folder inside the run's own.
    pub(crate) fn new(parent: &Path) -> Result<Scratch> {
        use std::os::unix::fs::DirBuilderExt;
        let doing = |e: std::io::Error| EngineError::other("make a scratch folder", e.kind().to_string());
        std::fs::create_dir_all(parent).map_err(doing)?;
        for number in 0..1000u32 {
            let folder = parent.join(format!("schema-{}-{number}", std::process::id()));
            match std::fs::DirBuilder::new().mode(0o700).create(&folder) {
                Ok(()) => return Ok(Scratch(folder)),
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(doing(e)),
            }
        }
        Err(EngineError::other("make a scratch folder", "too many are left over from earlier runs"))
    }

    /// Writes a file that only its owner can read.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        use std::os::unix::fs::OpenOptionsExt;
        let path = self.0.join(name);
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|e| EngineError::other("write a scratch file", e.kind().to_string()))?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Tool {
    /// A command without any connection.
    pub(crate) fn command(&self, program: &str, scratch: &Scratch) -> Command {
        let mut command = Command::new(self.folder.join(program));
        clean(&mut command);
        command.env("HOME", &scratch.0).current_dir(&scratch.0);
        command
    }

    /// A command that connects to a server's database; nothing secret is on its command line.
    pub(crate) fn connected(&self, program: &str, server: &Server, login: &str, scratch: &Scratch) -> Result<Command> {
        let mut command = self.command(program, scratch);
        let host: OsString = match &server.endpoint.place {
            Place::Socket(folder) => folder.as_os_str().to_owned(),
            Place::Host(host) => host.into(),
        };
        command
            .env("PGHOST", host)
            .env("PGPORT", server.endpoint.port.to_string())
            .env("PGUSER", login)
            .env("PGDATABASE", &server.database)
            .env("PGAPPNAME", &server.application)
            .env("PGCONNECT_TIMEOUT", "20");
        let mode = match (&server.endpoint.place, server.endpoint.tls) {
            (Place::Socket(_), _) | (_, Tls::Disable) => "disable",
            (_, Tls::Require) => "require",
            (_, Tls::Verify) => {
                command.env("PGSSLROOTCERT", scratch.write("roots.pem", &tls::native_pem()?)?);
                "verify-full"
            }
        };
        command.env("PGSSLMODE", mode);
        if let Some(password) = &server.endpoint.password {
            let escaped = password.expose_secret().replace('\\', "\\\\").replace(':', "\\:");
            command.env("PGPASSFILE", scratch.write("pgpass", &format!("*:*:*:*:{escaped}\n"))?);
        }
        Ok(command)
    }
}

/// Runs a tool and returns what it printed; of its complaints only the first line that names an error is kept.
pub(crate) async fn run(mut command: Command, doing: &str) -> Result<Vec<u8>> {
    let output = command.output().await.map_err(|e| EngineError::other(doing, format!("the program did not start: {}", e.kind())))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let complaints = String::from_utf8_lossy(&output.stderr);
    let line = complaints.lines().find(|l| l.contains("error:")).unwrap_or("the program failed without saying why");
    let line = line.split_once("error:").map_or(line, |(_, what)| what).trim();
    let kind = if line.contains("permission denied") {
        ErrorKind::Denied
    } else if line.contains("server closed the connection") || line.contains("connection to server") {
        ErrorKind::Lost
    } else if line.contains("lock timeout") {
        ErrorKind::Transient
    } else {
        ErrorKind::Other
    };
    Err(EngineError::new(kind, doing, line.to_owned()))
}
