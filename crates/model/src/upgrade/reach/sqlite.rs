//! SQLite's statements that reach outside their file, and those that refuse a transaction.

use super::{Outside, Sql, refused};
use crate::finding::Severity;

const FILES: &str = "it reads or writes files beside the generation";

pub(super) fn outside(sql: &Sql<'_>) -> Option<Outside> {
    match sql.word(0).as_str() {
        "ATTACH" => return refused("ATTACH", FILES),
        "DETACH" => return refused("DETACH", FILES),
        "VACUUM" if sql.has_word("INTO") => return refused("VACUUM INTO", FILES),
        "PRAGMA" => return pragma(sql),
        "CREATE" if sql.starts(&["CREATE", "VIRTUAL", "TABLE"]) => {
            let module = sql.tokens.iter().position(|t| t.is_word(sql.text, "using")).and_then(|i| sql.name(i + 1));
            if let Some(module @ ("csv" | "zipfile" | "fsdir" | "vsv")) = module.as_deref() {
                return refused(format!("virtual table using {module}"), FILES);
            }
        }
        _ => {}
    }
    sql.calls().find_map(|(_, name)| {
        let reaching = ["load_extension", "readfile", "writefile", "edit", "fsdir", "zipfile", "fts3_tokenizer"];
        reaching.contains(&name.as_str()).then(|| refused(format!("{name}()"), FILES)).flatten()
    })
}

/// The pragma's name, and whether a value is given.
fn pragma_name(sql: &Sql<'_>) -> Option<(String, bool)> {
    let at = if sql.symbol(2, ".") { 3 } else { 1 };
    Some((sql.name(at)?, sql.symbol(at + 1, "=") || sql.symbol(at + 1, "(")))
}

fn pragma(sql: &Sql<'_>) -> Option<Outside> {
    let (name, sets) = pragma_name(sql)?;
    if !sets {
        return None;
    }
    match name.as_str() {
        "journal_mode" | "locking_mode" => {
            refused(format!("PRAGMA {name}"), "it changes how the file is locked and written, which the seal and the swap depend on")
        }
        "writable_schema" | "schema_version" => {
            refused(format!("PRAGMA {name}"), "it allows the schema to be broken in ways that no check sees")
        }
        "temp_store_directory" | "data_store_directory" => refused(format!("PRAGMA {name}"), FILES),
        "key" | "rekey" | "hexkey" | "hexrekey" => refused(format!("PRAGMA {name}"), "it changes the file's encryption"),
        "foreign_keys" => Some(Outside {
            what: "PRAGMA foreign_keys".into(),
            why: "it holds for the connection and does nothing inside a transaction; foreign keys are checked after the upgrade anyway",
            severity: Severity::Note,
            below: 0,
        }),
        _ => None,
    }
}

pub(super) fn needs_no_transaction(sql: &Sql<'_>) -> bool {
    match sql.word(0).as_str() {
        "VACUUM" | "DETACH" => true,
        "PRAGMA" => {
            pragma_name(sql).is_some_and(|(name, sets)| sets && matches!(name.as_str(), "foreign_keys" | "journal_mode" | "synchronous"))
        }
        _ => false,
    }
}
