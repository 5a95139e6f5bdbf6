//! Opening files, and what a path tells without opening them.
//!
//! Never open a database's file by other means than SQLite: closing any descriptor of a file drops all POSIX locks this process holds on it,
//! also those that keep a snapshot. So everything else here goes by path: `stat`, `access`, `chmod`.

use super::error::failed;
use super::session::Session;
use crate::error::{EngineError, ErrorKind, Result};
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};
use rustix::fs::{Access, FileType, Stat};
use rustix::io::Errno;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a statement waits for other programs' locks before it fails as transient.
const BUSY: Duration = Duration::from_secs(10);

/// The absolute form of a path below `base`. Absolute, since SQLite reads a relative name that begins with `file:` as a URI.
pub(super) fn resolve(base: &Path, path: &str) -> Result<PathBuf> {
    std::path::absolute(base.join(path)).map_err(|e| EngineError::other("find a file", e.to_string()).object(path))
}

/// `PATH-journal` and the like.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// What stands at a path; `None` when nothing does.
pub(super) fn stat(path: &Path) -> Result<Option<Stat>> {
    match rustix::fs::stat(path) {
        Ok(s) => Ok(Some(s)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(e) => Err(io(format!("look at `{}`", path.display()), e)),
    }
}

/// Whether it is a plain file.
pub(super) fn is_file(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

/// Identity of a file that survives renames.
pub(super) fn engine_id(stat: &Stat) -> String {
    format!("{}:{}", stat.st_dev, stat.st_ino)
}

/// An error of the file system.
pub(super) fn io(attempted: impl Into<String>, errno: Errno) -> EngineError {
    let kind = match errno {
        Errno::ACCESS | Errno::PERM | Errno::ROFS => ErrorKind::Denied,
        Errno::NOSPC | Errno::DQUOT => ErrorKind::Full,
        Errno::EXIST => ErrorKind::Conflict,
        _ => ErrorKind::Other,
    };
    EngineError::new(kind, attempted, std::io::Error::from(errno).to_string())
}

/// What makes a path unfit as a source, found without opening it.
pub(super) fn check_source(path: &Path) -> Result<()> {
    let attempted = || format!("open the source `{}`", path.display());
    let Some(stat) = stat(path)? else {
        return Err(EngineError::new(ErrorKind::Conflict, attempted(), "there is no such file").hint("check the path in greenroom.toml"));
    };
    if !is_file(&stat) {
        return Err(EngineError::new(ErrorKind::Data, attempted(), "it is not a file"));
    }
    if stat.st_size == 0 {
        return Err(EngineError::new(ErrorKind::Data, attempted(), "the file is empty; there is no database in it"));
    }
    if rustix::fs::access(path, Access::READ_OK).is_err() {
        return Err(EngineError::new(ErrorKind::Denied, attempted(), "the file may not be read").hint(format!(
            "let us read it: `setfacl -m u:{}:r '{}'`",
            rustix::process::geteuid().as_raw(),
            path.display()
        )));
    }
    check_footprint(path, &stat)
}

/// In WAL mode the first reader creates the shared-memory file. Created by somebody who is not the database's owner, it may shut the
/// application out of its own database, so that is refused.
fn check_footprint(path: &Path, stat: &Stat) -> Result<()> {
    let us = rustix::process::geteuid();
    if us.is_root() || us.as_raw() == stat.st_uid || self::stat(&beside(path, "-shm"))?.is_some() {
        return Ok(());
    }
    // Nobody uses the file in WAL mode now, so no lock of ours can stand on its WAL; bytes 18 and 19 are 2 in WAL mode.
    let mut header = [0u8; 20];
    let read = std::fs::File::open(path).and_then(|mut f| std::io::Read::read_exact(&mut f, &mut header));
    if read.is_ok() && header[18] == 2 {
        return Err(EngineError::new(
            ErrorKind::Denied,
            format!("open the source `{}`", path.display()),
            "it is in WAL mode and not in use, and reading it as another user than its owner would leave files behind that lock the application out",
        )
        .hint("run as the file's owner, or while the application has the database open"));
    }
    Ok(())
}

/// Opens a database for reading only.
pub(super) async fn read_only(path: &Path, doing: &'static str) -> Result<Session> {
    let path = path.to_owned();
    Session::open(move || open_read_only(&path, doing)).await
}

/// As [`read_only`], on this thread.
pub(super) fn open_read_only(path: &Path, doing: &str) -> Result<Connection> {
    let attempted = format!("{doing} `{}`", path.display());
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let c = Connection::open_with_flags(path, flags).map_err(|e| failed(&attempted, &e))?;
    settle_in(&c, &attempted)?;
    // The first read finds files that are no databases, are encrypted or need repair by a writer.
    c.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map_err(|e| failed(&attempted, &e))?;
    Ok(c)
}

/// Opens one of our generations for writing; the file must exist.
pub(super) fn open_writable(path: &Path, doing: &str) -> Result<Connection> {
    let attempted = format!("{doing} `{}`", path.display());
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let c = Connection::open_with_flags(path, flags).map_err(|e| failed(&attempted, &e))?;
    settle_in(&c, &attempted)?;
    // Bundled SQLite enforces foreign keys by default; loads and scripts start without (P7, P42).
    c.execute_batch("PRAGMA foreign_keys=OFF; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-16384; PRAGMA secure_delete=ON")
        .map_err(|e| failed(&attempted, &e))?;
    Ok(c)
}

/// What holds for every connection: nothing is spilled to temporary files, no other file is reached.
fn settle_in(c: &Connection, attempted: &str) -> Result<()> {
    c.busy_timeout(BUSY).map_err(|e| failed(attempted, &e))?;
    c.execute_batch("PRAGMA temp_store=MEMORY").map_err(|e| failed(attempted, &e))?;
    c.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0).map_err(|e| failed(attempted, &e))?;
    c.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Quotes a name.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quotes a text.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
