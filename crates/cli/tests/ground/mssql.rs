//! What speaks TDS: databases on the server that the environment names, dropped with the ground. SQL Server renames generations, Babelfish
//! keeps a registry, so that the pilot's name is asked for.

use super::Ground;
use greenroom_testkit::files::{self, TempDir};
use greenroom_testkit::tds::{Database, PASSWORD, Scratch, Server};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Databases of a server.
pub struct Mssql {
    source: Scratch,
    folder: TempDir,
}

impl Mssql {
    pub fn new(server: &Server, name: &str) -> Mssql {
        Mssql { source: server.scratch(name), folder: files::folder() }
    }

    fn database(&self, what: &str) -> Option<Database> {
        match what {
            "source" => Some(self.source.database()),
            role => self.told(role).map(|name| self.source.server().existing(&name)),
        }
    }
}

impl Ground for Mssql {
    fn engine(&self) -> &'static str {
        "mssql"
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn databases(&self) -> String {
        let (server, source) = (self.source.server(), self.source.name());
        let (host, port, login) = (server.host(), server.port(), server.login());
        let tls = if server.tls() { "require" } else { "disable" };
        format!(
            "[program]\nname = \"scenario\"\n\n[source]\nengine = \"mssql\"\nhost = \"{host}\"\nport = {port}\nuser = \"{login}\"\n\
             password = {{ env = \"{PASSWORD}\" }}\ntls = \"{tls}\"\ndatabase = \"{source}\"\n\n[pilot]\nname = \"{source}_pilot\"\n"
        )
    }

    fn fill(&self, sql: &str) {
        self.source.database().run(sql);
    }

    fn query(&self, on: &str, sql: &str) -> Result<String, String> {
        let database = self.database(on).ok_or_else(|| format!("there is no {on}"))?;
        Ok(database.try_run(sql)?.replace('\t', "|"))
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
        // The server's files cannot be had: the pilot's rows are searched instead. Babelfish takes a quote between brackets for two.
        let pilot = self.database("pilot").unwrap();
        let tables = "select '\"' + table_schema + '\".\"' + replace(cast(table_name as nvarchar(128)), '\"', '\"\"') + '\"' \
                      from information_schema.tables where table_type = 'BASE TABLE'";
        let tables = pilot.query(tables);
        let rows: Vec<String> = tables.lines().map(|table| pilot.query(&format!("select * from {table}"))).collect();
        assert!(rows.iter().any(|r| !r.is_empty()), "a pilot without rows proves nothing");
        let dumped = self.folder.path().join("pilot.txt");
        fs::write(&dumped, rows.join("\n")).unwrap();
        vec![self.folder.path().join("program"), dumped]
    }

    fn patience(&self) -> Duration {
        // Sessions of some servers take a second each to open.
        Duration::from_secs(300)
    }
}
