//! The test binary's PostgreSQL server, by the names that these tests use for it.

use greenroom_testkit::pg::Server;
use std::path::Path;
use std::process::Stdio;

/// A running server.
pub struct Pg {
    server: &'static Server,
    pub port: u16,
}

/// The server of this test binary, or `None` (said loudly) where PostgreSQL is not installed.
pub fn server() -> Option<Pg> {
    match greenroom_testkit::pg::shared() {
        Ok(server) => Some(Pg { server, port: server.port() }),
        Err(missing) => {
            greenroom_testkit::skip::record(&missing.to_string());
            None
        }
    }
}

impl Pg {
    /// Runs SQL with psql, stopping at the first error; returns unaligned tuples.
    pub fn try_sql(&self, database: &str, sql: &str) -> Result<String, String> {
        self.server.existing(database).try_run(sql)
    }

    /// The same as somebody else.
    pub fn try_sql_as(&self, user: &str, database: &str, sql: &str) -> Result<String, String> {
        let mut psql = self.server.existing(database).command("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql]).env("PGUSER", user).stdin(Stdio::null());
        let output = psql.output().unwrap();
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    pub fn sql(&self, database: &str, sql: &str) -> String {
        self.try_sql(database, sql).unwrap_or_else(|e| panic!("{e}"))
    }

    /// Creates a database of that name and fills it.
    pub fn database(&self, name: &str, sql: &str) {
        // Nobody can be connected to template0, so that tests that run beside each other do not disturb each other.
        self.sql("postgres", &format!("create database \"{name}\" template template0"));
        self.sql(name, sql);
    }

    pub fn socket(&self) -> &Path {
        self.server.socket()
    }
}
