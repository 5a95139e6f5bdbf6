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

/// What makes a path unfit as a source, found without opening it. `written` is the path as the program says it.
pub(super) fn check_source(path: &Path, written: &str) -> Result<()> {
    let attempted = || format!("open the source `{written}`");
    let unusable = |why: String| {
        let hint = "correct the path; in greenroom.toml (`[source] path`) it is read relative to the program's folder";
        Err(EngineError::new(ErrorKind::Unusable, attempted(), why).hint(hint))
    };
    let Some(stat) = stat(path)? else {
        return match path.parent().map(self::stat).transpose()?.flatten() {
            None => unusable(format!("there is no `{}`, nor the folder that it would be in", path.display())),
            Some(_) => unusable(format!("there is no file `{}`", path.display())),
        };
    };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {}
        FileType::Directory => return unusable(format!("`{}` is a folder, not a file", path.display())),
        _ => return unusable(format!("`{}` is not a plain file", path.display())),
    }
    if stat.st_size == 0 {
        return unusable(format!("`{}` is empty: there is no database in it", path.display()));
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

/// Says of a file that SQLite does not take for a database that the address is at fault.
pub(super) fn no_database(mut e: EngineError, written: &str) -> EngineError {
    if e.native_code.as_deref() == Some("SQLITE_NOTADB") {
        e.kind = ErrorKind::Unusable;
        e.attempted = format!("open the source `{written}`");
    }
    e
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

/// Where a generation's connection sorts what is too much for its cache: a folder beside the file that only we can enter, gone with the
/// connection. SQLite removes the names of its temporary files as soon as it has opened them, so that a killed process leaves an empty folder.
pub(super) struct Spill(PathBuf);

impl Spill {
    /// Makes the folder, or takes over one that a killed process left.
    pub fn beside(generation: &Path) -> Result<Spill> {
        use std::os::unix::fs::DirBuilderExt;
        let folder = spill_folder(generation);
        match std::fs::DirBuilder::new().mode(0o700).create(&folder) {
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
                Err(EngineError::other(format!("create `{}` for sorting", folder.display()), e.to_string()))
            }
            _ => Ok(Spill(folder)),
        }
    }

    /// Sends what the connection sorts there. The engine keeps the folder's name for the whole process, which builds one generation at a time;
    /// connections to sources sort in memory and never come here.
    pub fn use_for(&self, c: &Connection) -> Result<()> {
        let folder = literal(&self.0.display().to_string());
        c.execute_batch(&format!("PRAGMA temp_store=FILE; PRAGMA temp_store_directory={folder}"))
            .map_err(|e| failed("choose where to sort", &e))
    }
}

impl Drop for Spill {
    fn drop(&mut self) {
        // An empty folder that stays is untidy, no danger.
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// See [`Spill`].
pub(super) fn spill_folder(generation: &Path) -> PathBuf {
    beside(generation, "-sorting")
}

/// What holds for every connection: nothing is spilled to temporary files (see [`Spill`] for generations), no other file is reached.
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
