//! PostgreSQL: databases of the testkit's server, the pilot under its own name.

use super::Ground;
use greenroom_testkit::files::{self, TempDir};
use greenroom_testkit::pg::{Database, Server};
use std::fs;
use std::path::{Path, PathBuf};

/// Databases of a server.
pub struct Postgres {
    server: &'static Server,
    source: Database,
    pilot: String,
    folder: TempDir,
}

impl Postgres {
    pub fn new(server: &'static Server, name: &str) -> Postgres {
        let source = server.database(name);
        let pilot = format!("{}_pilot", source.name());
        Postgres { server, source, pilot, folder: files::folder() }
    }

    fn database(&self, what: &str) -> Database {
        match what {
            "source" => self.source.clone(),
            "pilot" => self.server.existing(&self.pilot),
            role => self.server.existing(&self.told(role).unwrap_or_else(|| "nothing".to_owned())),
        }
    }
}

impl Ground for Postgres {
    fn engine(&self) -> &'static str {
        "postgres"
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn databases(&self) -> String {
        format!(
            "[program]\nname = \"scenario\"\n\n[source]\nengine = \"postgres\"\nhost = \"{}\"\nport = {}\nuser = \"postgres\"\ndatabase = \"{}\"\n\n[pilot]\nname = \"{}\"\n",
            self.server.socket().display(),
            self.server.port(),
            self.source.name(),
            self.pilot
        )
    }

    fn fill(&self, sql: &str) {
        self.source.run(sql);
    }

    fn query(&self, on: &str, sql: &str) -> Result<String, String> {
        self.database(on).try_run(sql)
    }

    fn write(&self, on: &str, sql: &str) {
        self.database(on).run(sql);
    }

    fn client(&self, on: &str, script: &str) -> Result<(), String> {
        self.database(on).try_run(script).map(drop)
    }

    fn stands(&self, what: &str) -> bool {
        self.database(what).try_run("select 1").is_ok()
    }

    fn places(&self) -> Vec<PathBuf> {
        // The server's own files hold the source as well: there only what was dumped from the pilot can be searched.
        let dumped = self.folder.path().join("pilot.sql");
        let dump = self.database("pilot").command("pg_dump").arg("--inserts").output().unwrap();
        assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
        fs::write(&dumped, dump.stdout).unwrap();
        vec![self.folder.path().join("program"), dumped]
    }
}
