//! One running server: started on a free port and a socket of its own, ended with the value or the process. Does not know the databases.

use super::database::Database;
use super::{Binaries, template};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Two cores shared with a whole build may take this long to start a server.
const PATIENCE: Duration = Duration::from_secs(60);

/// Nobody minds losing a test's data, so nothing is flushed.
const SETTINGS: &[&str] = &[
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-buffer-pool-size=48M",
    "--innodb-fast-shutdown=2",
    "--skip-innodb-doublewrite",
    "--skip-log-bin",
    "--skip-name-resolve",
    "--max-connections=120",
    "--character-set-server=utf8mb4",
    "--performance-schema=off",
    "--default-time-zone=+00:00",
    "--event-scheduler=on",
];

/// A running server. Dropping it ends the server and removes its folder.
#[derive(Debug)]
pub struct Server {
    binaries: Binaries,
    folder: PathBuf,
    port: u16,
    watch: Child,
    databases: AtomicU32,
}

impl Server {
    /// Starts a server with arguments beyond the usual ones. Others take [`shared`](super::shared).
    ///
    /// # Panics
    /// When it does not start, with the end of its log.
    pub fn start(binaries: &Binaries, arguments: &[&str]) -> Server {
        let mut last = String::new();
        // Another process may take the port between our finding it free and the server's taking it.
        for _ in 0..5 {
            match Server::attempt(binaries, arguments) {
                Ok(server) => return server,
                Err(log) if log.contains("Address already in use") => last = log,
                Err(log) => panic!("MariaDB did not start:\n{log}"),
            }
        }
        panic!("MariaDB found no free port in five attempts:\n{last}");
    }

    fn attempt(binaries: &Binaries, arguments: &[&str]) -> Result<Server, String> {
        // A socket's path may have 107 bytes, which folders for temporary files have exceeded.
        let parent = Some(std::env::temp_dir()).filter(|p| p.as_os_str().len() < 60).unwrap_or_else(|| PathBuf::from("/tmp"));
        let folder =
            tempfile::Builder::new().prefix("greenroom-my-").tempdir_in(parent).unwrap_or_else(|e| panic!("make the server's folder: {e}"));
        // From here on the watching shell removes it.
        let folder = folder.keep();
        let data = folder.join("data");
        template::copy(binaries, &data);
        let port = free_port();
        let mut watch = Command::new("sh");
        watch.args(["-c", include_str!("watch.sh"), "watch"]).arg(&folder);
        watch.arg(binaries.server()).args(["--no-defaults", "--bind-address=127.0.0.1", template::LOG]).args(SETTINGS);
        watch.arg(format!("--datadir={}", data.display())).arg(format!("--socket={}", folder.join("socket").display()));
        watch.arg(format!("--pid-file={}", folder.join("pid").display())).arg(format!("--tmpdir={}", folder.display()));
        watch.arg(format!("--port={port}")).args(template::user()).args(arguments);
        watch.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir(&folder);
        // A group of its own: a runner that kills a test's group must not end the shell before it has ended the server.
        std::os::unix::process::CommandExt::process_group(&mut watch, 0);
        let watch = watch.spawn().unwrap_or_else(|e| panic!("start `sh`: {e}"));
        let server = Server { binaries: binaries.clone(), folder, port, watch, databases: AtomicU32::new(0) };
        server.wait_until_ready()?;
        Ok(server)
    }

    fn wait_until_ready(&self) -> Result<(), String> {
        let began = Instant::now();
        loop {
            if self.log().contains("ready for connections") && self.maintenance().try_run("select 1").is_ok() {
                return Ok(());
            }
            if self.folder.join("ended").exists() || began.elapsed() > PATIENCE {
                return Err(self.log());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the server has logged so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.join("log")).unwrap_or_default()).into_owned()
    }

    /// The socket, to be given as the host; `root` needs no password through it.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// The server's data folder, for byte searches.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The database `mysql`, for what concerns the whole server.
    pub fn maintenance(&self) -> Database {
        self.existing("mysql")
    }

    /// A database that is there already, such as a generation that the test's subject made.
    pub fn existing(&self, name: &str) -> Database {
        Database::new(self.binaries.clone(), self.socket(), self.port, name.to_owned())
    }

    /// A fresh, empty database whose name begins with `hint`. It stays until the server ends.
    pub fn database(&self, hint: &str) -> Database {
        let n = self.databases.fetch_add(1, Ordering::Relaxed);
        let short: String = hint.chars().take(12).collect();
        let database = self.existing(&format!("{short}_{n}"));
        self.maintenance().run(&format!("create database `{}` character set utf8mb4", database.name().replace('`', "``")));
        database
    }

    /// The folder of the server.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.watch.stdin.take());
        // The shell ends the server and removes the folder.
        drop(self.watch.wait());
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap_or_else(|e| panic!("find a free port: {e}"));
    listener.local_addr().unwrap_or_else(|e| panic!("find a free port: {e}")).port()
}
