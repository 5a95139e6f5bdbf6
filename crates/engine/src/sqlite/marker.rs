//! The marker inside what we make, and the tables of progress beside it. Only the marker proves that a file is ours (P30).

use super::connect::{beside, engine_id, is_file, open_read_only, open_writable, stat};
use super::error::failed;
use super::inspect::OURS;
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Marker, MarkerState, Standing};
use rusqlite::{Connection, OptionalExtension};
use std::path::Path;

/// The records of scripts, for a file that bears no marker.
pub(super) const SCRIPTS: &str = "\
CREATE TABLE IF NOT EXISTS greenroom_script(key TEXT PRIMARY KEY, hash TEXT NOT NULL, done INTEGER NOT NULL, complete INTEGER NOT NULL)";

/// Our tables, made together with the file.
pub(super) const TABLES: &str = "\
CREATE TABLE greenroom_marker(program TEXT NOT NULL, generation INTEGER NOT NULL, nonce TEXT NOT NULL, state TEXT NOT NULL);
CREATE TABLE greenroom_progress(table_name TEXT NOT NULL, ordinal INTEGER NOT NULL, done TEXT NOT NULL, PRIMARY KEY(table_name, ordinal));
CREATE TABLE greenroom_script(key TEXT PRIMARY KEY, hash TEXT NOT NULL, done INTEGER NOT NULL, complete INTEGER NOT NULL);";

fn state_word(state: MarkerState) -> &'static str {
    match state {
        MarkerState::Building => "building",
        MarkerState::Pilot => "pilot",
        MarkerState::Promoted => "promoted",
        MarkerState::Raw => "raw",
    }
}

/// Writes the first marker.
pub(super) fn insert(c: &Connection, marker: &Marker) -> rusqlite::Result<()> {
    c.execute(
        "INSERT INTO greenroom_marker VALUES(?1, ?2, ?3, ?4)",
        (&marker.program, marker.generation, &marker.nonce, state_word(marker.state)),
    )
    .map(drop)
}

/// Makes a copy of production, or of a backup of it, ours: whatever of ours production held (the marker of the switch that it came from, records that a killed run left) goes.
pub(super) fn claim(c: &Connection, marker: &Marker) -> rusqlite::Result<()> {
    let gone = "DROP TABLE IF EXISTS greenroom_marker; DROP TABLE IF EXISTS greenroom_progress; DROP TABLE IF EXISTS greenroom_script";
    c.execute_batch(&format!("BEGIN IMMEDIATE; {gone}; {TABLES}")).and_then(|()| insert(c, marker)).and_then(|()| c.execute_batch("COMMIT"))
}

/// Rewrites the marker where its nonce is the same.
pub(super) fn rewrite(c: &Connection, marker: &Marker) -> Result<()> {
    let doing = "rewrite the marker";
    let rows = c
        .execute(
            "UPDATE greenroom_marker SET program = ?1, generation = ?2, state = ?4 WHERE nonce = ?3",
            (&marker.program, marker.generation, &marker.nonce, state_word(marker.state)),
        )
        .map_err(|e| failed(doing, &e))?;
    if rows == 1 { Ok(()) } else { Err(EngineError::new(ErrorKind::Conflict, doing, "the file bears another marker than this run's")) }
}

/// Reads the marker; `None` where there is none, or one of a shape that we never wrote.
pub(super) fn read(c: &Connection) -> Result<Option<Marker>> {
    let there: bool = c
        .query_row("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'greenroom_marker'", [], |r| r.get(0))
        .map_err(|e| failed("read the marker", &e))?;
    if !there {
        return Ok(None);
    }
    let row: rusqlite::Result<Option<(String, u32, String, String)>> = c
        .query_row("SELECT program, generation, nonce, state FROM greenroom_marker", [], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))
        })
        .optional();
    let (program, generation, nonce, state) = match row {
        Ok(Some(row)) => row,
        Ok(None) => return Ok(None),
        Err(e @ rusqlite::Error::SqliteFailure(..)) => return Err(failed("read the marker", &e)),
        Err(_) => return Ok(None),
    };
    let state =
        [MarkerState::Building, MarkerState::Pilot, MarkerState::Promoted, MarkerState::Raw].into_iter().find(|s| state_word(*s) == state);
    Ok(state.map(|state| Marker { program, generation, nonce, state }))
}

/// What stands at a path.
pub(super) fn look(path: &Path) -> Result<Option<Standing>> {
    let Some(found) = stat(path)? else { return Ok(None) };
    let size = |s: &rustix::fs::Stat| u64::try_from(s.st_size).unwrap_or(0);
    let wal = stat(&beside(path, "-wal"))?.as_ref().map_or(0, size);
    let foreign = Standing {
        engine_id: engine_id(&found),
        marker: None,
        empty: size(&found) == 0 && is_file(&found),
        bytes: size(&found) + wal,
        database: None,
    };
    if !is_file(&found) || foreign.empty {
        return Ok(Some(foreign));
    }
    let opened = match open_read_only(path, "look at") {
        // Our own build, killed in the midst of a transaction: the rollback is what any next opener does. Only for files that are ours to write.
        Err(e)
            if e.native_code.as_deref().is_some_and(|c| c.starts_with("SQLITE_READONLY_"))
                && found.st_uid == rustix::process::geteuid().as_raw() =>
        {
            open_writable(path, "look at")
        }
        other => other,
    };
    let c = match opened {
        Ok(c) => c,
        Err(e) if e.kind == ErrorKind::Data => return Ok(Some(foreign)),
        Err(e) => return Err(e),
    };
    let marker = read(&c)?;
    let tables: i64 = c
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT IN (?1, ?2, ?3)",
            OURS,
            |r| r.get(0),
        )
        .map_err(|e| failed("look at the schema", &e))?;
    Ok(Some(Standing { marker, empty: tables == 0, ..foreign }))
}
