//! A PostgreSQL server for one measurement: its own folder, its own port, gone at the end. Not flushed to disk: both sides that are
//! compared write the same, and a build machine's disk is nobody's server.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running server.
pub struct Server {
    pub folder: PathBuf,
    pub port: u16,
    binaries: PathBuf,
    postgres: Child,
}

impl Server {
    /// Makes a cluster and starts it.
    pub fn start(binaries: &Path) -> Result<Server, String> {
        let folder = std::env::temp_dir().join(format!("greenroom-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|e| format!("make {}: {e}", folder.display()))?;
        let root = crate::shell::output("id -u")?.trim() == "0";
        if root {
            crate::shell::output(&format!("chown postgres {}", folder.display()))?;
        }
        // initdb and postgres refuse to be root.
        let own = |program: &str| {
            let program = binaries.join(program);
            let mut command = Command::new(if root { Path::new("setpriv") } else { program.as_path() });
            if root {
                command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(&program);
            }
            command.current_dir(&folder).stdin(Stdio::null());
            command
        };
        let data = folder.join("data");
        let made =
            own("initdb").args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D"]).arg(&data).output();
        let made = made.map_err(|e| format!("run initdb: {e}"))?;
        if !made.status.success() {
            return Err(format!("initdb failed: {}", String::from_utf8_lossy(&made.stderr)));
        }
        let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|l| l.local_addr()).map_err(|e| format!("find a port: {e}"))?;
        let port = free.port();
        let settings = [
            format!("port={port}"),
            format!("unix_socket_directories={}", folder.display()),
            "listen_addresses=".into(),
            "fsync=off".into(),
            "shared_buffers=256MB".into(),
            "max_wal_size=4GB".into(),
        ];
        let mut command = own("postgres");
        command.arg("-D").arg(&data);
        settings.iter().for_each(|s| {
            command.args(["-c", s]);
        });
        let log = std::fs::File::create(folder.join("log")).map_err(|e| format!("make the server's log: {e}"))?;
        let postgres = command.stdout(Stdio::null()).stderr(log).spawn().map_err(|e| format!("run postgres: {e}"))?;
        let server = Server { folder, port, binaries: binaries.to_owned(), postgres };
        for _ in 0..300 {
            if server.psql("postgres", "select 1").is_ok() {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err(format!("the server did not start: {}", std::fs::read_to_string(server.folder.join("log")).unwrap_or_default()))
    }

    /// A client program that connects to this server.
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.binaries.join(name));
        command.env("PGHOST", &self.folder).env("PGPORT", self.port.to_string()).env("PGUSER", "postgres");
        command
    }

    /// Runs SQL and returns what it prints.
    pub fn psql(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut psql = self.program("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql]);
        let output = psql.output().map_err(|e| format!("run psql: {e}"))?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The child is `setpriv` turned into `postgres`: the same process. An interrupt is its fast shutdown.
        let asked = Command::new("kill").args(["-INT", &self.postgres.id().to_string()]).status();
        if !asked.is_ok_and(|s| s.success()) {
            drop(self.postgres.kill());
        }
        drop(self.postgres.wait());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}
