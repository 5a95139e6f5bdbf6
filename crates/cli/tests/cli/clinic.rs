//! A small, ugly database and a way to run `greenroom` on it; output is made repeatable by filters for what differs between runs.

use regex::Regex;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const SCHEMA: &str = r#"
PRAGMA journal_mode = wal;
CREATE TABLE settings(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO settings VALUES('version', '5.1.3');
CREATE TABLE client(id INTEGER PRIMARY KEY, first_name TEXT, last_name TEXT NOT NULL, email TEXT UNIQUE, status TEXT);
CREATE TABLE "Order"(id INTEGER PRIMARY KEY AUTOINCREMENT, "select" TEXT, total NUMERIC(10,2), client_id INT REFERENCES client(id));
CREATE TABLE mail_queue(id INTEGER PRIMARY KEY, recipient TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
  INSERT INTO client SELECT i, 'Zdzisława', 'Grzęda' || i, 'zdzislawa' || i || '@klinika-raw.example.org', 'active' FROM n;
INSERT INTO "Order"("select", total, client_id) SELECT 'x', id, id FROM client;
INSERT INTO mail_queue SELECT id, email FROM client;
"#;

/// A program's folder beside its source.
pub struct Clinic {
    dir: TempDir,
}

impl Clinic {
    /// The database, and no program yet.
    pub fn bare() -> Clinic {
        let dir = tempfile::tempdir().unwrap();
        let c = Clinic { dir };
        c.sql(SCHEMA);
        c
    }

    /// The database and a program in which everything is decided.
    pub fn ready() -> Clinic {
        let c = Clinic::bare();
        c.decide();
        c
    }

    /// Writes a program for the database as it is; what is not proposed is kept.
    pub fn decide(&self) {
        self.run(&["init", "--engine", "sqlite", "--source", "prod.db"]);
        self.edit("columns.toml", |t| {
            let lines = t.lines().map(|l| match l.strip_prefix("# ").and_then(|l| l.split_once("= ?")) {
                Some((column, _)) if !l.contains('`') => format!("{column} = \"keep\""),
                _ => l.to_owned(),
            });
            lines.collect::<Vec<_>>().join("\n") + "\n"
        });
    }

    pub fn sql(&self, sql: &str) {
        rusqlite::Connection::open(self.dir.path().join("prod.db")).unwrap().execute_batch(sql).unwrap();
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join("clinic").join(file)
    }

    pub fn write(&self, file: &str, text: &str) {
        fs::write(self.path(file), text).unwrap();
    }

    pub fn edit(&self, file: &str, change: impl FnOnce(String) -> String) {
        let text = fs::read_to_string(self.path(file)).unwrap();
        let new = change(text.clone());
        assert_ne!(text, new, "the edit changes nothing");
        self.write(file, &new);
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut c = Command::new(env!("CARGO_BIN_EXE_greenroom"));
        c.current_dir(self.dir.path()).args(["-C", "clinic"]).args(arguments).env("NO_COLOR", "1").env("TZ", "UTC").env("USER", "ann");
        c
    }

    /// Runs a command: exit code, standard output, standard error.
    pub fn raw(&self, arguments: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        (status.code().unwrap_or(-1), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
    }

    /// Runs a command and renders everything it did, repeatably.
    pub fn run(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.raw(arguments);
        let part = |name: &str, text: &str| if text.is_empty() { String::new() } else { format!("--- {name}\n{text}") };
        self.filter(&format!("exit {code}\n{}{}", part("out", &out), part("err", &err)))
    }

    fn filter(&self, text: &str) -> String {
        let folder = fs::canonicalize(self.dir.path()).unwrap();
        let mut text = text.replace(folder.to_str().unwrap(), "[DIR]");
        for (pattern, with) in [
            (r"\.prod-pilot\.db\.(gr\d+|former)\.[a-z2-7]{10}", ".prod-pilot.db.$1.[NONCE]"),
            (r"\b[0-9a-f]{64}\b", "[HASH]"),
            (r"(plan|Plan|--plan|schema) [0-9a-f]{8}\b", "$1 [HASH]"),
            (r"\(now `[0-9a-f]{8}`, pinned `[0-9a-f]{8}`\)", "(now `[HASH]`, pinned `[HASH]`)"),
            (r", [0-9a-f]{8}\)", ", [HASH])"),
            (r"(\d+/\d+)  [0-9a-f]{8}", "$1  [HASH]"),
            (r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", "[TIME]"),
            // Columns are as wide as the longest time.
            (r" {2,}bytes\b", "  bytes"),
            (r" {2,}took\b", "  took"),
            (r" *\b\d+(\.\d)? (ms|s)\b", " [TIME]"),
            (r" *\b\d+(\.\d)? (B|KiB|MiB)\b", " [SIZE]"),
            (r"(just now|in 4[78] hours)", "[AGE]"),
        ] {
            text = Regex::new(pattern).unwrap().replace_all(&text, with).into_owned();
        }
        text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }

    /// Whether bytes occur in any file under the program's folder.
    pub fn holds(&self, needle: &str) -> bool {
        fn walk(dir: &Path, needle: &[u8]) -> bool {
            fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).any(|p| match p.is_dir() {
                true => walk(&p, needle),
                false => fs::read(&p).unwrap().windows(needle.len()).any(|w| w == needle),
            })
        }
        walk(&self.dir.path().join("clinic"), needle.as_bytes())
    }
}
