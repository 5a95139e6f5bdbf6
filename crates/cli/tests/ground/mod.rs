//! Where a scenario is played: a folder with a program, and databases of one engine. Adding an engine is one more [`Ground`].

use greenroom_testkit::files::{self, TempDir};
use greenroom_testkit::pg::{Database, Server};
use greenroom_testkit::proc::Run;
use rusqlite::types::ValueRef;
use std::fs;
use std::path::{Path, PathBuf};

/// A mask key for scenarios that compare masked values.
const MASK_KEY: (&str, &str) = ("SCENARIO_MASK_KEY", "the key of scenarios, the same on every engine");

/// One engine's databases and the program beside them.
pub trait Ground {
    /// The engine's word in file names.
    fn engine(&self) -> &'static str;
    /// The folder above the program.
    fn folder(&self) -> &Path;
    /// `[source]` and `[pilot]` as TOML.
    fn databases(&self) -> String;
    /// Fills the source.
    fn fill(&self, sql: &str);
    /// Rows on lines, values between `|`, of `source` or `pilot`.
    fn query(&self, on: &str, sql: &str) -> Result<String, String>;
    /// Whether `source` or `pilot` is there.
    fn stands(&self, what: &str) -> bool;
    /// Folders and files in which what Greenroom made may lie, and nothing of the source.
    fn places(&self) -> Vec<PathBuf>;

    /// The binary, in the program's folder.
    fn greenroom(&self) -> Run {
        Run::new(env!("CARGO_BIN_EXE_greenroom"))
            .folder(&self.folder().join("program"))
            .env("TZ", "UTC")
            .env("USER", "ann")
            .env(MASK_KEY.0, MASK_KEY.1)
    }
}

/// Whether a scenario has sources by engine, and none for this one.
pub fn other_engines_have_their_own(scenario: &Path, engine: &str) -> bool {
    let own = format!("source.{engine}.sql");
    let names = fs::read_dir(scenario).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    names.filter(|n| n.starts_with("source.") && n != "source.sql").any(|n| n != own)
}

/// Copies files over the program: those of this engine under their plain names, those of others not at all.
pub fn put(ground: &dyn Ground, from: &Path) {
    put_below(ground, from, &ground.folder().join("program"));
}

fn put_below(ground: &dyn Ground, from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap_or_else(|e| panic!("{}: {e}", from.display())) {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            put_below(ground, &path, &to.join(name));
            continue;
        }
        let parts: Vec<&str> = name.split('.').collect();
        let of_engine = ["sqlite", "postgres"].iter().find(|e| parts.contains(e));
        if of_engine.is_some_and(|e| *e != ground.engine()) {
            continue;
        }
        let plain: Vec<&str> = parts.into_iter().filter(|p| of_engine != Some(p)).collect();
        let text = fs::read_to_string(&path).unwrap().replace("@databases@", &ground.databases());
        fs::write(to.join(plain.join(".")), text).unwrap();
    }
}

/// Files.
pub struct Sqlite {
    folder: TempDir,
}

impl Sqlite {
    pub fn new() -> Sqlite {
        Sqlite { folder: files::folder() }
    }

    fn file(&self, what: &str) -> PathBuf {
        self.folder.path().join(if what == "pilot" { "program/pilot.db" } else { "source.db" })
    }
}

impl Ground for Sqlite {
    fn engine(&self) -> &'static str {
        "sqlite"
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn databases(&self) -> String {
        "[program]\nname = \"scenario\"\n\n[source]\nengine = \"sqlite\"\npath = \"../source.db\"\n\n[pilot]\nname = \"pilot.db\"\n"
            .to_owned()
    }

    fn fill(&self, sql: &str) {
        rusqlite::Connection::open(self.file("source")).unwrap().execute_batch(&format!("PRAGMA foreign_keys = OFF; {sql}")).unwrap();
    }

    fn query(&self, on: &str, sql: &str) -> Result<String, String> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let c = rusqlite::Connection::open_with_flags(self.file(on), flags).map_err(|e| e.to_string())?;
        let mut statement = c.prepare(sql).map_err(|e| e.to_string())?;
        let width = statement.column_count();
        let mut rows = statement.query([]).map_err(|e| e.to_string())?;
        let mut lines = Vec::new();
        while let Some(row) = rows.next().map_err(|e| e.to_string())? {
            let value = |i: usize| match row.get_ref(i).unwrap() {
                ValueRef::Null => String::new(),
                ValueRef::Integer(n) => n.to_string(),
                ValueRef::Real(x) => x.to_string(),
                ValueRef::Text(t) | ValueRef::Blob(t) => String::from_utf8_lossy(t).into_owned(),
            };
            lines.push((0..width).map(value).collect::<Vec<_>>().join("|"));
        }
        Ok(lines.join("\n"))
    }

    fn stands(&self, what: &str) -> bool {
        self.file(what).exists()
    }

    fn places(&self) -> Vec<PathBuf> {
        vec![self.folder.path().join("program")]
    }
}

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
        if what == "pilot" { self.server.existing(&self.pilot) } else { self.source.clone() }
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
