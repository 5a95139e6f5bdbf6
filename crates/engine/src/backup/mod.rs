//! Backup files: what they are by their content, and reading dumps as text. Owns recognising; restoring is each engine's (`restore.rs` beside
//! its other files).
//!
//! A backup is foreign code and may be damaged: nothing here trusts its name, and what cannot be used is refused in plain words before anything
//! is made of it. Messages name the file, never what is in it.

pub(crate) mod feed;
mod recognise;
pub(crate) mod text;

pub use recognise::recognise;

use crate::error::{EngineError, ErrorKind};
use greenroom_model::catalog::EngineKind;
use greenroom_model::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a backup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A database file of SQLite.
    SqliteFile,
    /// Text of the sqlite3 shell's `.dump`.
    SqliteText,
    /// pg_dump -Fc.
    PgCustom,
    /// pg_dump -Ft.
    PgTar,
    /// pg_dump -Fd.
    PgDirectory,
    /// pg_dump's plain text.
    PgText,
    /// mysqldump or mariadb-dump.
    MysqlText,
    /// A native backup of SQL Server.
    MssqlBak,
    /// SQL text that does not say which tool wrote it.
    Text,
}

impl Format {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Format::SqliteFile => "SQLite database file",
            Format::SqliteText => "SQLite dump (text)",
            Format::PgCustom => "PostgreSQL archive (custom)",
            Format::PgTar => "PostgreSQL archive (tar)",
            Format::PgDirectory => "PostgreSQL archive (directory)",
            Format::PgText => "PostgreSQL dump (text)",
            Format::MysqlText => "MariaDB/MySQL dump (text)",
            Format::MssqlBak => "SQL Server backup",
            Format::Text => "SQL text",
        }
    }

    /// The engine that it is for; plain SQL text says nothing about that.
    pub fn engine(self) -> Option<EngineKind> {
        match self {
            Format::SqliteFile | Format::SqliteText => Some(EngineKind::Sqlite),
            Format::PgCustom | Format::PgTar | Format::PgDirectory | Format::PgText => Some(EngineKind::Postgres),
            Format::MysqlText => Some(EngineKind::Mysql),
            Format::MssqlBak => Some(EngineKind::Mssql),
            Format::Text => None,
        }
    }
}

/// A backup as it was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Absolute path.
    pub path: PathBuf,
    /// What it is.
    pub format: Format,
    /// Its bytes.
    pub bytes: u64,
    /// Hash of its content.
    pub hash: Hash,
}

/// Told of bytes of a backup as they are read.
pub type Tell = Arc<dyn Fn(u64) + Send + Sync>;

/// What a restore did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// The engine's identity of the database.
    pub engine_id: String,
    /// Statements executed, or 0 where none are.
    pub statements: u64,
    /// The database that the backup was made of, where it says so.
    pub of: Option<String>,
    /// What of the backup was left out or is worth knowing: what and why, each once.
    pub notes: Vec<(String, String)>,
}

impl Restored {
    /// Adds a note unless it is there.
    pub(crate) fn note(&mut self, what: impl Into<String>, why: impl Into<String>) {
        let note = (what.into(), why.into());
        if !self.notes.contains(&note) && self.notes.len() < 200 {
            self.notes.push(note);
        }
    }
}

/// A backup that cannot be used.
pub(crate) fn refused(path: &Path, why: impl Into<String>) -> EngineError {
    EngineError::new(ErrorKind::Unusable, format!("restore `{}`", path.display()), why)
}

/// Refuses a statement that reaches outside its database; whatever only deserves to be known becomes a note.
///
/// # Errors
/// [`ErrorKind::Unusable`], with the statement's line.
pub(crate) fn judge(
    engine: EngineKind,
    path: &Path,
    number: u64,
    statement: &text::Statement,
    restored: &mut Restored,
) -> Result<(), EngineError> {
    use greenroom_model::finding::Severity;
    let text = greenroom_model::upgrade::Statement { sql: statement.skeleton.clone(), line: statement.line, copy_data: None };
    let Some(found) = greenroom_model::upgrade::outside(engine, &text) else { return Ok(()) };
    if found.severity == Severity::Error {
        return Err(at(refused(path, format!("`{}` reaches outside the database: {}", found.what, found.why)), number, statement.line)
            .hint("a backup is foreign code and is restored only as far as it keeps to its own database: make the dump without it"));
    }
    restored.note(found.what, found.why);
    Ok(())
}

/// Adds where in the text it was.
pub(crate) fn at(mut e: EngineError, number: u64, line: u32) -> EngineError {
    e.statement = Some((u32::try_from(number).unwrap_or(u32::MAX), line));
    e
}

/// A text that ends in the midst of something.
pub(crate) fn cut_off(path: &Path) -> EngineError {
    refused(path, "it is cut off: its end is missing").hint("take the backup again, or copy the file again and compare sizes")
}
