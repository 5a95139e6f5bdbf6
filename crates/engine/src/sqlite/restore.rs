//! Restoring SQLite backups: a database file is copied and examined, the text of `.dump` is executed. Owns the raw copy's file until it is whole.
//!
//! A file is copied under another name beside the raw copy's and takes its name only when it is whole, examined and marked; that other name
//! carries the nonce that the journal wrote down before.

use super::connect::{beside, io, open_writable, stat};
use super::error::failed;
use super::target::{SqliteTarget, blocking, create_file};
use super::{marker, swap};
use crate::backup::text::{Piece, Reader};
use crate::backup::{Backup, Format, Restored, Tell, at, cut_off, judge, refused};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Marker, MarkerState, Target, nothing_alike};
use greenroom_model::catalog::EngineKind;
use rusqlite::Connection;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Bytes copied or read at a time.
const CHUNK: usize = 1 << 20;

/// Rows of a `.dump` are written in its own transaction; it needs no more than this of a cache.
const SETTINGS: &str = "PRAGMA synchronous = OFF; PRAGMA journal_mode = DELETE";

/// Restores a backup; see [`Target::restore`].
pub(super) async fn restore(target: &mut SqliteTarget, name: &str, marker: &Marker, backup: &Backup, tell: Tell) -> Result<Restored> {
    let path = target.path(name)?;
    own_folder(&path)?;
    let (wanted, from) = (marker.clone(), backup.clone());
    let mut restored = if backup.format == Format::SqliteFile {
        let to = path.clone();
        blocking(move || file(&from, &to, &wanted, &tell)).await?
    } else {
        let building = Marker { state: MarkerState::Building, ..marker.clone() };
        target.create(name, &building, &nothing_alike()).await?;
        let to = path.clone();
        blocking(move || text(&from, &to, &wanted, &tell)).await?
    };
    let standing = target.look(name).await?;
    restored.engine_id = standing.map(|s| s.engine_id).unwrap_or_default();
    Ok(restored)
}

/// Removes what a copy that was cut left beside the raw copy's name.
pub(super) fn clear(path: &Path, marker: &Marker) -> Result<()> {
    let part = copying(path);
    if !path.to_string_lossy().contains(&marker.nonce) {
        return Ok(());
    }
    for suffix in ["-journal", "-wal", "-shm", ""] {
        match std::fs::remove_file(beside(&part, suffix)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(EngineError::other(format!("remove the half-made `{}`", part.display()), e.kind().to_string()));
            }
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn copying(path: &Path) -> PathBuf {
    beside(path, "-copying")
}

/// The quarantine's folder belongs to its owner alone.
fn own_folder(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let doing = || format!("use `{}` as the quarantine", folder.display());
    let meta = std::fs::metadata(folder).map_err(|e| EngineError::other(doing(), e.kind().to_string()))?;
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(EngineError::new(ErrorKind::Denied, doing(), "others can look into it")
            .hint(format!("raw data goes where only its owner can look: `chmod 700 '{}'`, or name a new folder", folder.display())));
    }
    Ok(())
}

fn doing(backup: &Backup) -> String {
    format!("restore `{}`", backup.path.display())
}

/// An error of writing the copy, or of reading the backup.
fn disk(backup: &Backup, e: &std::io::Error) -> EngineError {
    let kind = match e.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorKind::Full,
        std::io::ErrorKind::PermissionDenied => ErrorKind::Denied,
        _ => ErrorKind::Other,
    };
    EngineError::new(kind, doing(backup), e.kind().to_string())
}

fn file(backup: &Backup, path: &Path, wanted: &Marker, tell: &Tell) -> Result<Restored> {
    at_rest(backup)?;
    let part = copying(path);
    create_file(&part)?;
    let copy = || -> std::io::Result<()> {
        let (mut from, mut to) = (File::open(&backup.path)?, std::fs::OpenOptions::new().write(true).open(&part)?);
        let mut buffer = vec![0u8; CHUNK];
        loop {
            let n = from.read(&mut buffer)?;
            if n == 0 {
                return to.sync_all();
            }
            to.write_all(&buffer[..n])?;
            tell(n as u64);
        }
    };
    copy().map_err(|e| disk(backup, &e))?;
    let c = open_writable(&part, "examine").map_err(|e| unreadable(backup, e))?;
    c.execute_batch("PRAGMA journal_mode = DELETE").map_err(|e| unreadable(backup, failed(doing(backup), &e)))?;
    examine(backup, &c)?;
    // Production that came from a switch bears the mark of that.
    if marker::read(&c)?.is_some_and(|m| m.state != MarkerState::Promoted) {
        return Err(refused(&backup.path, "it is a copy that Greenroom made, not a backup of production"));
    }
    marker::claim(&c, wanted).map_err(|e| failed(doing(backup), &e))?;
    c.close().map_err(|(_, e)| failed(doing(backup), &e))?;
    rustix::fs::rename(&part, path).map_err(|e| io(doing(backup), e))?;
    swap::sync_folder(path)?;
    Ok(Restored::default())
}

/// A file that is written to, or was when it was copied, is no backup: part of its rows is in the file beside it.
fn at_rest(backup: &Backup) -> Result<()> {
    for suffix in ["-wal", "-journal"] {
        let file = beside(&backup.path, suffix);
        if stat(&file)?.is_some_and(|s| s.st_size > 0) {
            return Err(refused(
                &backup.path,
                format!("`{}` lies beside it: the database is in use, or was when it was copied", file.display()),
            )
            .hint("make a backup that is one file: `sqlite3 production.db \".backup backup.db\"`"));
        }
    }
    Ok(())
}

fn unreadable(backup: &Backup, e: EngineError) -> EngineError {
    match e.native_code.as_deref() {
        Some(code) if code.starts_with("SQLITE_NOTADB") || code.starts_with("SQLITE_CORRUPT") => damaged(backup),
        _ => e,
    }
}

fn damaged(backup: &Backup) -> EngineError {
    refused(&backup.path, "it is damaged or cut off: SQLite's integrity check fails")
        .hint("take the backup again, or copy the file again and compare sizes")
}

fn examine(backup: &Backup, c: &Connection) -> Result<()> {
    let found: rusqlite::Result<String> = c.query_row("PRAGMA integrity_check(1)", [], |r| r.get(0));
    match found {
        Ok(word) if word == "ok" => Ok(()),
        // What it says names pages and indexes only, but also says nothing that helps.
        Ok(_) => Err(damaged(backup)),
        Err(e) => Err(unreadable(backup, failed(doing(backup), &e))),
    }
}

fn text(backup: &Backup, path: &Path, wanted: &Marker, tell: &Tell) -> Result<Restored> {
    let c = open_writable(path, "restore into")?;
    c.execute_batch(SETTINGS).map_err(|e| failed(doing(backup), &e))?;
    let mut from = File::open(&backup.path).map_err(|e| disk(backup, &e))?;
    let mut restored = Restored::default();
    let mut reader = Reader::new(EngineKind::Sqlite);
    let mut buffer = vec![0u8; CHUNK];
    let (mut number, mut ended) = (0u64, false);
    loop {
        while let Some(piece) = reader.next().map_err(|e| at(refused(&backup.path, e.message), number + 1, e.line))? {
            match piece {
                Piece::Statement(s) => {
                    number += 1;
                    execute(backup, &c, number, &s, &mut restored)?;
                }
                Piece::Command(_, _, line) => {
                    return Err(at(
                        refused(&backup.path, "a command of the sqlite3 shell stands in it, which no `.dump` holds"),
                        number,
                        line,
                    ));
                }
                Piece::Data(_) | Piece::DataEnd => {}
            }
        }
        if ended {
            break;
        }
        let n = from.read(&mut buffer).map_err(|e| disk(backup, &e))?;
        if n == 0 {
            reader.end();
            ended = true;
        } else {
            reader.push(&buffer[..n]);
            tell(n as u64);
        }
    }
    if reader.unfinished() {
        return Err(cut_off(&backup.path));
    }
    if !c.is_autocommit() {
        return Err(cut_off(&backup.path));
    }
    examine(backup, &c)?;
    c.execute_batch("PRAGMA synchronous = FULL; PRAGMA writable_schema = OFF; ANALYZE").map_err(|e| failed(doing(backup), &e))?;
    marker::rewrite(&c, wanted)?;
    c.close().map_err(|(_, e)| failed(doing(backup), &e))?;
    File::open(path).and_then(|f| f.sync_all()).map_err(|e| disk(backup, &e))?;
    restored.statements = number;
    Ok(restored)
}

fn execute(backup: &Backup, c: &Connection, number: u64, s: &crate::backup::text::Statement, restored: &mut Restored) -> Result<()> {
    let text = std::str::from_utf8(&s.sql).map_err(|_| at(refused(&backup.path, "a statement in it is not UTF-8"), number, s.line))?;
    if s.is(&["ROLLBACK"]) {
        // `.dump` ends so when it met an error.
        return Err(at(refused(&backup.path, "the dump itself failed: it ends with ROLLBACK"), number, s.line)
            .hint("the database that was dumped is damaged; see what `PRAGMA integrity_check` says there"));
    }
    // `.dump` writes virtual tables into the schema itself; the integrity check comes after it.
    let own = s.is(&["PRAGMA", "WRITABLE_SCHEMA"]) || s.is(&["PRAGMA", "FOREIGN_KEYS"]);
    if !own {
        judge(EngineKind::Sqlite, &backup.path, number, s, restored)?;
    }
    c.execute_batch(text).map_err(|e| at(failed(doing(backup), &e), number, s.line))
}
