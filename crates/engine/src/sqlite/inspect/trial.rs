//! A trial of the schema in an empty database in memory: what our SQLite cannot create (functions, collations, tokenizers that only the
//! application registers) is found before anything is copied, by name.

use super::{Entry, wrong};
use crate::error::Result;
use crate::sqlite::connect::quoted;
use greenroom_model::catalog::TableForm;
use rusqlite::Connection;
use std::collections::BTreeMap;

/// What the trial found.
#[derive(Debug, Default)]
pub(in crate::sqlite) struct Trial {
    /// Tables that cannot be created, and why.
    pub refused: BTreeMap<String, String>,
    /// Indexes that cannot be created, and why; they are left out of the copy.
    pub left_out: BTreeMap<String, String>,
    /// Views and triggers that are carried but cannot run without the application's functions.
    pub notes: Vec<(String, String)>,
}

impl Trial {
    /// Creates everything once and compiles what views and triggers say.
    pub fn run(entries: &[Entry]) -> Result<Trial> {
        let doing = "try the schema in memory";
        let c = Connection::open_in_memory().map_err(wrong(doing))?;
        c.execute_batch("PRAGMA foreign_keys=OFF").map_err(wrong(doing))?;
        let mut out = Trial::default();
        for kind in ["table", "index", "view", "trigger"] {
            for e in entries.iter().filter(|e| e.kind == kind) {
                if matches!(e.form(), TableForm::Refused(_)) || out.refused.contains_key(&e.table) {
                    continue;
                }
                if let Err(error) = c.execute_batch(&e.sql) {
                    out.note_failure(e, &words(&error));
                }
            }
        }
        for e in entries.iter().filter(|e| e.kind == "view") {
            if let Some(function) = missing_function(&c, &format!("SELECT * FROM {}", quoted(&e.name))) {
                out.notes.push((format!("view {}", e.name), runs_not(&function)));
            }
        }
        let mut seen: Vec<&str> = Vec::new();
        for e in entries.iter().filter(|e| e.kind == "trigger") {
            if !seen.contains(&e.table.as_str()) {
                seen.push(&e.table);
                if let Some(function) = fires_missing_function(&c, &e.table) {
                    out.notes.push((format!("triggers of {}", e.table), runs_not(&function)));
                }
            }
        }
        Ok(out)
    }

    fn note_failure(&mut self, e: &Entry, why: &str) {
        match e.kind.as_str() {
            "table" => {
                self.refused.insert(e.name.clone(), format!("it needs something that only the application provides: {why}"));
            }
            "index" => {
                self.left_out.insert(e.name.clone(), format!("it needs something that only the application provides: {why}"));
            }
            _ => self.notes.push((format!("{} {}", e.kind, e.name), format!("SQLite does not accept it any more: {why}"))),
        }
    }
}

/// The words of a compile error; they speak of the schema only.
fn words(error: &rusqlite::Error) -> String {
    crate::sqlite::error::failed("", error).message
}

fn runs_not(function: &str) -> String {
    format!(
        "carried, but it calls the function `{function}`, which only the application has; statements that use it fail during the upgrade"
    )
}

fn missing_function(c: &Connection, sql: &str) -> Option<String> {
    let error = c.prepare(sql).err()?;
    words(&error).strip_prefix("no such function: ").map(str::to_owned)
}

fn fires_missing_function(c: &Connection, table: &str) -> Option<String> {
    let name = quoted(table);
    let mut columns = Vec::new();
    if let Ok(mut s) = c.prepare("SELECT name FROM pragma_table_xinfo(?1, 'main') WHERE hidden = 0")
        && let Ok(rows) = s.query_map([table], |r| r.get::<_, String>(0))
    {
        columns.extend(rows.flatten().map(|n| format!("{0} = {0}", quoted(&n))));
    }
    [format!("INSERT INTO {name} DEFAULT VALUES"), format!("UPDATE {name} SET {}", columns.join(", ")), format!("DELETE FROM {name}")]
        .iter()
        .find_map(|sql| missing_function(c, sql))
}
