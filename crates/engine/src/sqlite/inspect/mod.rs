//! Reads a database's schema into the neutral picture. Works on any connection, also inside a held transaction.
//!
//! Owns what counts as a table and what becomes of virtual ones. Does not own the script that makes the copy (`ddl`).

mod sizes;
mod table;
mod text;
mod trial;
mod types;

use super::error::failed;
use crate::error::{EngineError, Result};
use greenroom_model::catalog::{Catalog, EngineKind, Object, Table, TableForm};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};
pub(super) use trial::Trial;

/// Tables that Greenroom keeps inside what it makes; left out of every inspection.
pub(super) const OURS: [&str; 3] = ["greenroom_marker", "greenroom_progress", "greenroom_script"];

/// What the names of our triggers on a fenced production begin with; left out of every inspection.
pub(super) const FENCE: &str = "greenroom_fence_";

/// How names of triggers begin that note keys.
pub(super) const CAPTURE: &str = "greenroom_capture_";

/// The table that says of which tables keys are noted.
pub(super) const CAPTURED: &str = "greenroom_captured";

/// How names of tables begin in which keys are noted.
pub(super) const NOTES: &str = "greenroom_changed_";

/// Whether a table is one of ours.
pub(super) fn is_ours(table: &str) -> bool {
    OURS.iter().any(|o| o.eq_ignore_ascii_case(table)) || table == CAPTURED || table.starts_with(NOTES)
}

const FTS5_SHADOWS: [&str; 5] = ["_data", "_idx", "_content", "_docsize", "_config"];

/// One row of `sqlite_schema` that is neither SQLite's nor ours nor a virtual table's shadow, in the order of creation.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// `table`, `index`, `view` or `trigger`.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Table (or view) it belongs to.
    pub table: String,
    /// The statement, byte for byte.
    pub sql: String,
}

impl Entry {
    /// Module and arguments, if it is a virtual table.
    pub fn module(&self) -> Option<(String, Vec<String>)> {
        let words = super::tokens::tokens(&self.sql);
        (self.kind == "table" && words.get(1).is_some_and(|t| t.is("VIRTUAL"))).then(|| text::module(&self.sql))
    }

    /// What sort of table its statement makes.
    pub fn form(&self) -> TableForm {
        let Some((module, arguments)) = self.module() else { return TableForm::Ordinary };
        if !module.eq_ignore_ascii_case("fts5") {
            return TableForm::Refused(format!("it is a virtual table of the module `{module}`, which Greenroom does not copy"));
        }
        match text::fts5_option(&arguments, "content").as_deref() {
            None => TableForm::Ordinary,
            Some("") => {
                TableForm::Refused("it is a full-text index without content, so there are no rows to copy or to build it from".to_owned())
            }
            Some(_) => TableForm::Rebuilt("full-text index, rebuilt from the table that holds its content".to_owned()),
        }
    }
}

pub(super) fn wrong(doing: &str) -> impl Fn(rusqlite::Error) -> EngineError + '_ {
    move |e| failed(doing, &e)
}

/// The schema's entries in the order of creation.
pub(super) fn entries(c: &Connection) -> Result<Vec<Entry>> {
    let doing = "read the schema";
    let mut all = Vec::new();
    let mut query = c
        .prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid")
        .map_err(wrong(doing))?;
    let rows =
        query.query_map([], |r| Ok(Entry { kind: r.get(0)?, name: r.get(1)?, table: r.get(2)?, sql: r.get(3)? })).map_err(wrong(doing))?;
    for row in rows {
        all.push(row.map_err(wrong(doing))?);
    }
    let mut hidden: BTreeSet<String> = BTreeSet::new();
    let mut shadows = c.prepare("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'").map_err(wrong(doing))?;
    for name in shadows.query_map([], |r| r.get::<_, String>(0)).map_err(wrong(doing))? {
        hidden.insert(name.map_err(wrong(doing))?);
    }
    for entry in &all {
        if entry.module().is_some_and(|(m, _)| m.eq_ignore_ascii_case("fts5")) {
            hidden.extend(FTS5_SHADOWS.map(|s| format!("{}{s}", entry.name)));
        }
    }
    let beside = |e: &Entry| e.kind == "trigger" && (e.name.starts_with(FENCE) || e.name.starts_with(CAPTURE));
    all.retain(|e| !hidden.contains(&e.table) && !is_ours(&e.table) && !beside(e));
    Ok(all)
}

/// The whole picture.
pub(super) fn catalog(c: &Connection) -> Result<Catalog> {
    let doing = "read the schema";
    let entries = entries(c)?;
    let trial = Trial::run(&entries)?;
    let names: Vec<&str> = entries.iter().filter(|e| e.kind == "table").map(|e| e.name.as_str()).collect();
    let mut tables = Vec::new();
    for entry in entries.iter().filter(|e| e.kind == "table") {
        let mut form = entry.form();
        if let (TableForm::Ordinary | TableForm::Rebuilt(_), Some(why)) = (&form, trial.refused.get(&entry.name)) {
            form = TableForm::Refused(why.clone());
        }
        tables.push(table::table(c, entry, form, &names)?);
    }
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    sizes::estimate(c, &mut tables)?;
    let mut objects: Vec<Object> = entries
        .iter()
        .filter(|e| e.kind == "view" || e.kind == "trigger")
        .map(|e| Object { kind: e.kind.clone(), name: e.name.clone(), definition: e.sql.clone() })
        .collect();
    objects.sort();
    let settings = settings(c)?;
    let not_carried = not_carried(&tables, &trial, &settings, full_text_settings(c, &tables));
    let version = c.query_row("SELECT sqlite_version()", [], |r| r.get(0)).map_err(wrong(doing))?;
    Ok(Catalog {
        engine: EngineKind::Sqlite,
        version,
        tables,
        objects,
        settings,
        // A database file reaches outside only through ATTACH and extensions, which are properties of connections.
        outbound: Vec::new(),
        not_carried,
        large_objects: 0,
    })
}

fn settings(c: &Connection) -> Result<BTreeMap<String, String>> {
    let doing = "read the database's settings";
    ["user_version", "application_id", "encoding", "page_size", "auto_vacuum", "journal_mode"]
        .into_iter()
        .map(|name| {
            let value = c.query_row(&format!("PRAGMA {name}"), [], |r| r.get::<_, rusqlite::types::Value>(0)).map_err(wrong(doing))?;
            let text = match value {
                rusqlite::types::Value::Integer(i) => i.to_string(),
                rusqlite::types::Value::Text(t) => t,
                _ => String::new(),
            };
            Ok((name.to_owned(), text))
        })
        .collect()
}

fn not_carried(
    tables: &[Table],
    trial: &Trial,
    settings: &BTreeMap<String, String>,
    full_text: Vec<(String, String)>,
) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    for t in tables {
        if let TableForm::Refused(why) = &t.form {
            out.push((format!("table {}", t.name.name), why.clone()));
        }
    }
    out.extend(trial.left_out.iter().map(|(index, why)| (format!("index {index}"), why.clone())));
    out.extend(trial.notes.iter().cloned());
    out.extend(full_text);
    let implicit = tables.iter().filter(|t| t.form == TableForm::Ordinary).any(|t| {
        !t.properties.contains_key("without_rowid") && !t.properties.contains_key("rowid_column") && !t.properties.contains_key("module")
    });
    if implicit {
        out.push((
            "implicit rowids".to_owned(),
            "tables without an INTEGER PRIMARY KEY get new ones, as VACUUM would give them".to_owned(),
        ));
    }
    if settings.get("journal_mode").is_some_and(|m| m == "wal") {
        out.push(("journal mode WAL".to_owned(), "the copy stands in rollback mode until an application sets WAL".to_owned()));
    }
    out
}

/// Settings of full-text tables (ranking, merging) live in a shadow table.
fn full_text_settings(c: &Connection, tables: &[Table]) -> Vec<(String, String)> {
    let fts5 = tables.iter().filter(|t| t.properties.get("module").is_some_and(|m| m.eq_ignore_ascii_case("fts5")));
    fts5.filter(|t| {
        let shadow = super::connect::quoted(&format!("{}_config", t.name.name));
        c.query_row(&format!("SELECT count(*) FROM {shadow} WHERE k <> 'version'"), [], |r| r.get::<_, i64>(0)).is_ok_and(|n| n > 0)
    })
    .map(|t| (format!("full-text settings of {}", t.name.name), "ranking and merge settings return to their defaults".to_owned()))
    .collect()
}
