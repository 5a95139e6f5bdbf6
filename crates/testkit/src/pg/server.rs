//! One running server: started on a free port and a socket of its own, ended with the value or the process. Does not know the databases.

use super::Binaries;
use super::database::Database;
use super::template::{self, Runner};
use crate::hosted::{self, Hosted};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Nobody minds losing a test's data, so nothing is flushed. Prepared transactions and logical decoding are on so that tests of both need
/// no server of their own.
const SETTINGS: &[(&str, &str)] = &[
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("shared_buffers", "32MB"),
    ("max_connections", "60"),
    ("max_prepared_transactions", "10"),
    ("wal_level", "logical"),
    ("password_encryption", "scram-sha-256"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
];

/// The socket trusts everybody who can reach it (the folder is the server's own); TCP wants a password.
const ACCESS: &str = "local all all trust\nlocal replication all trust\nhost all all 127.0.0.1/32 scram-sha-256\n";

/// A running server. Dropping it ends the server and removes its folder.
#[derive(Debug)]
pub struct Server {
    binaries: Binaries,
    hosted: Hosted,
    databases: AtomicU32,
}

impl Server {
    /// Starts a server with settings beyond the usual ones, for tests that need to disturb it or that measure. Others take
    /// [`shared`](super::shared).
    ///
    /// # Panics
    /// When it does not start, with the end of its log.
    pub fn start(binaries: &Binaries, settings: &[(&str, &str)]) -> Server {
        hosted::attempts("PostgreSQL", || Server::attempt(binaries, settings))
    }

    fn attempt(binaries: &Binaries, settings: &[(&str, &str)]) -> Result<Server, String> {
        let runner = Runner::choose();
        let folder = hosted::folder("greenroom-pg-");
        runner.take(folder.path());
        // From here on the watching shell removes it.
        let folder = folder.keep();
        let data = folder.join("data");
        template::copy(binaries, runner, &data);
        let port = hosted::free_port();
        configure(&data, &folder, port, settings);
        let mut watch = hosted::watched(&folder, "QUIT");
        watch.arg(binaries.program("postgres")).arg("-D").arg(&data);
        // PostgreSQL's immediate shutdown is SIGQUIT.
        watch.env("LC_ALL", "C.UTF-8");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"PG")) {
            watch.env_remove(name);
        }
        runner.applied_to(&mut watch, &folder);
        let hosted = Hosted::start(folder, port, &mut watch);
        let server = Server { binaries: binaries.clone(), hosted, databases: AtomicU32::new(0) };
        // The last line of this file is the postmaster's state, PostgreSQL 10 and later.
        let state = || fs::read_to_string(server.data().join("postmaster.pid")).unwrap_or_default();
        server.hosted.wait_until(|| state().lines().nth(7).is_some_and(|s| s.trim() == "ready"))?;
        Ok(server)
    }

    /// What the server has logged so far.
    pub fn log(&self) -> String {
        self.hosted.log()
    }

    /// The programs that fit this server.
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// The folder of the socket, to be given as the host; connections through it need no password.
    pub fn socket(&self) -> &Path {
        &self.hosted.folder
    }

    /// The server's data folder, for byte searches. Issue `checkpoint` first, or pages may still be in memory only.
    pub fn data(&self) -> PathBuf {
        self.hosted.folder.join("data")
    }

    /// The port, of the socket as well as of 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.hosted.port
    }

    /// The database `postgres`, for what concerns the whole server.
    pub fn maintenance(&self) -> Database {
        self.existing("postgres")
    }

    /// A database that is there already, such as a pilot that the test's subject made.
    pub fn existing(&self, name: &str) -> Database {
        Database::new(self.binaries.clone(), self.hosted.folder.clone(), self.hosted.port, name.to_owned())
    }

    /// A fresh, empty database whose name begins with `hint`. It stays until the server ends.
    pub fn database(&self, hint: &str) -> Database {
        let n = self.databases.fetch_add(1, Ordering::Relaxed);
        let short: String = hint.chars().take(12).collect();
        // At most 48 bytes of hint: names end at 63.
        let database = self.existing(&format!("{short}_{n}"));
        let quoted = database.name().replace('"', "\"\"");
        // Nobody can be connected to template0, so that parallel creations do not disturb each other.
        self.maintenance().run(&format!("create database \"{quoted}\" template template0"));
        database
    }

    /// A role that may log in through TCP with a password. `attributes` such as `createdb` may be empty.
    pub fn role(&self, name: &str, password: &str, attributes: &str) {
        let (name, password) = (name.replace('"', "\"\""), password.replace('\'', "''"));
        self.maintenance().run(&format!("create role \"{name}\" login password '{password}' {attributes}"));
    }
}

fn configure(data: &Path, socket: &Path, port: u16, settings: &[(&str, &str)]) {
    let (port, socket) = (port.to_string(), socket.display().to_string());
    let own = [("port", port.as_str()), ("unix_socket_directories", &socket), ("listen_addresses", "127.0.0.1")];
    let lines = own.iter().chain(SETTINGS).chain(settings).map(|(name, value)| format!("{name} = '{}'\n", value.replace('\'', "''")));
    // PostgreSQL takes the last line of a setting, so that the test's own win.
    let written = fs::write(data.join("postgresql.auto.conf"), lines.collect::<String>());
    written.and_then(|()| fs::write(data.join("pg_hba.conf"), ACCESS)).unwrap_or_else(|e| panic!("configure {}: {e}", data.display()));
}
