//! One running server: started on a free port and a socket of its own, ended with the value or the process. Does not know the databases.

use super::database::Database;
use super::{Binaries, template};
use crate::hosted::{self, Hosted};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

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
    hosted: Hosted,
    databases: AtomicU32,
}

impl Server {
    /// Starts a server with arguments beyond the usual ones. Others take [`shared`](super::shared).
    ///
    /// # Panics
    /// When it does not start, with the end of its log.
    pub fn start(binaries: &Binaries, arguments: &[&str]) -> Server {
        hosted::attempts("MariaDB", || Server::attempt(binaries, arguments))
    }

    fn attempt(binaries: &Binaries, arguments: &[&str]) -> Result<Server, String> {
        let folder = hosted::folder("greenroom-my-");
        // From here on the watching shell removes it.
        let folder = folder.keep();
        let data = folder.join("data");
        template::copy(binaries, &data);
        let port = hosted::free_port();
        let mut watch = hosted::watched(&folder, "KILL");
        watch.arg(binaries.server()).args(["--no-defaults", "--bind-address=127.0.0.1", template::LOG]).args(SETTINGS);
        watch.arg(format!("--datadir={}", data.display())).arg(format!("--socket={}", folder.join("socket").display()));
        watch.arg(format!("--pid-file={}", folder.join("pid").display())).arg(format!("--tmpdir={}", folder.display()));
        watch.arg(format!("--port={port}")).args(template::user()).args(arguments);
        watch.current_dir(&folder);
        let hosted = Hosted::start(folder, port, &mut watch);
        let server = Server { binaries: binaries.clone(), hosted, databases: AtomicU32::new(0) };
        server.hosted.wait_until(|| server.log().contains("ready for connections") && server.maintenance().try_run("select 1").is_ok())?;
        Ok(server)
    }

    /// What the server has logged so far.
    pub fn log(&self) -> String {
        self.hosted.log()
    }

    /// The socket, to be given as the host; `root` needs no password through it.
    pub fn socket(&self) -> PathBuf {
        self.hosted.folder.join("socket")
    }

    /// The server's data folder, for byte searches.
    pub fn data(&self) -> PathBuf {
        self.hosted.folder.join("data")
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.hosted.port
    }

    /// The database `mysql`, for what concerns the whole server.
    pub fn maintenance(&self) -> Database {
        self.existing("mysql")
    }

    /// A database that is there already, such as a generation that the test's subject made.
    pub fn existing(&self, name: &str) -> Database {
        Database::new(self.binaries.clone(), self.socket(), self.hosted.port, name.to_owned())
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
        &self.hosted.folder
    }
}
