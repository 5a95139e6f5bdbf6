//! SQLite: files beside the program.

use super::Ground;
use greenroom_testkit::files::{self, TempDir};
use rusqlite::types::ValueRef;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Files.
pub struct Sqlite {
    folder: TempDir,
}

impl Sqlite {
    pub fn new() -> Sqlite {
        Sqlite { folder: files::folder() }
    }

    fn file(&self, what: &str) -> PathBuf {
        self.folder.path().join(match what {
            "source" => "source.db".to_owned(),
            "pilot" => "program/pilot.db".to_owned(),
            role => format!("program/{}", self.told(role).unwrap_or_else(|| "nothing".to_owned())),
        })
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

    fn write(&self, on: &str, sql: &str) {
        let c = rusqlite::Connection::open(self.file(on)).unwrap();
        c.busy_timeout(Duration::from_secs(30)).unwrap();
        c.execute_batch(&format!("PRAGMA foreign_keys = ON; {sql}")).unwrap_or_else(|e| panic!("{e}: {sql}"));
    }

    fn client(&self, on: &str, script: &str) -> Result<(), String> {
        // What begins with a point is for the client itself: that it is to stop at the first error, which this one does anyway.
        let statements: String = script.lines().filter(|line| !line.starts_with('.')).map(|line| format!("{line}\n")).collect();
        let c = rusqlite::Connection::open(self.file(on)).map_err(|e| e.to_string())?;
        c.execute_batch(&statements).map_err(|e| e.to_string())
    }

    fn stands(&self, what: &str) -> bool {
        self.file(what).exists()
    }

    fn places(&self) -> Vec<PathBuf> {
        vec![self.folder.path().join("program")]
    }
}
