//! MariaDB: databases of the testkit's server. Generations keep the names they were made with, so that the pilot's is asked for.

use super::Ground;
use greenroom_testkit::files::{self, TempDir};
use greenroom_testkit::maria::{Database, Server};
use std::path::{Path, PathBuf};

/// Databases of a server.
pub struct Mysql {
    server: &'static Server,
    source: Database,
    folder: TempDir,
}

impl Mysql {
    pub fn new(server: &'static Server, name: &str) -> Mysql {
        // A folder of the server's bears the database's name as long as that is plain.
        Mysql { server, source: server.database(&name.replace('-', "_")), folder: files::folder() }
    }

    fn database(&self, what: &str) -> Option<Database> {
        match what {
            "source" => Some(self.source.clone()),
            role => self.told(role).map(|name| self.server.existing(&name)),
        }
    }
}

impl Ground for Mysql {
    fn engine(&self) -> &'static str {
        "mysql"
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn databases(&self) -> String {
        let (host, source) = (self.server.socket().display().to_string(), self.source.name());
        format!(
            "[program]\nname = \"scenario\"\n\n[source]\nengine = \"mysql\"\nhost = \"{host}\"\nuser = \"root\"\ndatabase = \"{source}\"\n\n\
             [pilot]\nname = \"{source}_pilot\"\n"
        )
    }

    fn fill(&self, sql: &str) {
        self.source.run(sql);
    }

    fn query(&self, on: &str, sql: &str) -> Result<String, String> {
        let database = self.database(on).ok_or_else(|| format!("there is no {on}"))?;
        let line = |line: &str| line.split('\t').map(|v| if v == "NULL" { "" } else { v }).collect::<Vec<_>>().join("|");
        Ok(database.try_run(sql)?.lines().map(line).collect::<Vec<_>>().join("\n"))
    }

    fn write(&self, on: &str, sql: &str) {
        self.database(on).unwrap().run(sql);
    }

    fn client(&self, on: &str, script: &str) -> Result<(), String> {
        self.database(on).unwrap().try_run(script).map(drop)
    }

    fn stands(&self, what: &str) -> bool {
        self.database(what).is_some_and(|d| d.try_run("select 1").is_ok())
    }

    fn places(&self) -> Vec<PathBuf> {
        let pilot = self.database("pilot").unwrap();
        // What is not written yet is in memory, and in logs that hold the source as well.
        pilot.run("flush tables");
        let data = self.server.data().join(pilot.name());
        assert!(data.is_dir(), "{} is no folder", data.display());
        vec![self.folder.path().join("program"), data]
    }
}
