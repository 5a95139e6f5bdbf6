//! What was copied: per path its kind, size, times and content, and how the copy stood when it was written. A file of SQLite, since trees have
//! millions of files. Losing its latest entries costs reading those files again, never a wrong copy.

use super::TreeError;
use greenroom_model::hash::Hash;
use rusqlite::{Connection, OptionalExtension, params};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const SCHEMA: &str = "
PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS place (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), from_path BLOB NOT NULL, to_path BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS entry (
  path BLOB PRIMARY KEY, size INTEGER NOT NULL, modified INTEGER NOT NULL, changed INTEGER NOT NULL, mode INTEGER NOT NULL, hash BLOB NOT NULL,
  copy_modified INTEGER NOT NULL, copy_changed INTEGER NOT NULL, copy_inode INTEGER NOT NULL, pass INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// One file, as it was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Bytes.
    pub size: u64,
    /// Nanoseconds.
    pub modified: i64,
    /// Nanoseconds; attributes that change move it, too.
    pub changed: i64,
    pub mode: u32,
    pub hash: Hash,
    /// How the copy stood: nanoseconds, nanoseconds, inode.
    pub copy: (i64, i64, u64),
}

/// The manifest of one tree.
pub struct Manifest {
    path: PathBuf,
    file: Connection,
    pass: i64,
    uncommitted: u32,
}

/// Entries that are committed together.
const TOGETHER: u32 = 256;

fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

impl Manifest {
    /// Opens or makes it, for a pass over these two places. One that was made for others is refused.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(path: &Path, from: &Path, to: &Path) -> Result<Manifest, TreeError> {
        let failed = |source| TreeError::Manifest { path: path.to_owned(), source };
        let file = Connection::open(path).map_err(failed)?;
        file.execute_batch(SCHEMA).map_err(failed)?;
        let bytes = |p: &Path| p.as_os_str().as_bytes().to_vec();
        let known: Option<(Vec<u8>, Vec<u8>)> =
            file.query_row("SELECT from_path, to_path FROM place", [], |r| Ok((r.get(0)?, r.get(1)?))).optional().map_err(failed)?;
        match known {
            Some(known) if known != (bytes(from), bytes(to)) => {
                let was = |b: &[u8]| Path::new(OsStr::from_bytes(b)).display().to_string();
                return Err(TreeError::Place(format!(
                    "the tree of this name was copied from `{}` to `{}` before; give another one another name",
                    was(&known.0),
                    was(&known.1)
                )));
            }
            Some(_) => {}
            None => drop(file.execute("INSERT INTO place VALUES (1, ?1, ?2)", (bytes(from), bytes(to))).map_err(failed)?),
        }
        let pass: i64 = file.query_row("SELECT coalesce(max(pass), 0) + 1 FROM entry", [], |r| r.get(0)).map_err(failed)?;
        file.execute_batch("BEGIN").map_err(failed)?;
        Ok(Manifest { path: path.to_owned(), file, pass, uncommitted: 0 })
    }

    /// Opens it to be read.
    ///
    /// # Errors
    /// When it cannot be.
    pub fn open_to_read(path: &Path) -> Result<Manifest, TreeError> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
        let file = Connection::open_with_flags(path, flags).map_err(|source| TreeError::Manifest { path: path.to_owned(), source })?;
        Ok(Manifest { path: path.to_owned(), file, pass: 0, uncommitted: 0 })
    }

    fn failed(&self) -> impl Fn(rusqlite::Error) -> TreeError + use<> {
        let path = self.path.clone();
        move |source| TreeError::Manifest { path: path.clone(), source }
    }

    pub(super) fn get(&self, path: &Path) -> Result<Option<Entry>, TreeError> {
        let mut query = self
            .file
            .prepare_cached(
                "SELECT size, modified, changed, mode, hash, copy_modified, copy_changed, copy_inode FROM entry WHERE path = ?1",
            )
            .map_err(self.failed())?;
        let entry = |r: &rusqlite::Row<'_>| {
            Ok(Entry {
                size: r.get::<_, i64>(0)?.unsigned_abs(),
                modified: r.get(1)?,
                changed: r.get(2)?,
                mode: r.get(3)?,
                hash: Hash(r.get::<_, [u8; 32]>(4)?),
                copy: (r.get(5)?, r.get(6)?, r.get::<_, i64>(7)?.unsigned_abs()),
            })
        };
        query.query_row([path.as_os_str().as_bytes()], entry).optional().map_err(self.failed())
    }

    /// Writes an entry of this pass. What it says of the copy must be on disk, or be found wanting by the next pass.
    pub(super) fn put(&mut self, path: &Path, e: &Entry) -> Result<(), TreeError> {
        self.file
            .prepare_cached("INSERT OR REPLACE INTO entry VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")
            .and_then(|mut s| {
                let (modified, changed, inode) = e.copy;
                s.execute(params![
                    path.as_os_str().as_bytes(),
                    number(e.size),
                    e.modified,
                    e.changed,
                    e.mode,
                    e.hash.0,
                    modified,
                    changed,
                    number(inode),
                    self.pass
                ])
            })
            .map_err(self.failed())?;
        self.together()
    }

    /// Says that a file is still there, unchanged.
    pub(super) fn seen(&mut self, path: &Path) -> Result<(), TreeError> {
        let sql = "UPDATE entry SET pass = ?2 WHERE path = ?1";
        self.file
            .prepare_cached(sql)
            .and_then(|mut s| s.execute(params![path.as_os_str().as_bytes(), self.pass]))
            .map_err(self.failed())?;
        self.together()
    }

    fn together(&mut self) -> Result<(), TreeError> {
        self.uncommitted += 1;
        if self.uncommitted < TOGETHER {
            return Ok(());
        }
        self.uncommitted = 0;
        self.file.execute_batch("COMMIT; BEGIN").map_err(self.failed())
    }

    /// Files that earlier passes copied and this one did not see.
    pub(super) fn gone(&self) -> Result<Vec<(PathBuf, Entry)>, TreeError> {
        let mut query = self.file.prepare("SELECT path FROM entry WHERE pass < ?1 ORDER BY path").map_err(self.failed())?;
        let paths = query.query_map([self.pass], |r| r.get::<_, Vec<u8>>(0)).and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>);
        let mut all = Vec::new();
        for path in paths.map_err(self.failed())? {
            let path = PathBuf::from(OsStr::from_bytes(&path));
            if let Some(entry) = self.get(&path)? {
                all.push((path, entry));
            }
        }
        Ok(all)
    }

    pub(super) fn forget(&mut self, path: &Path) -> Result<(), TreeError> {
        self.file.execute("DELETE FROM entry WHERE path = ?1", [path.as_os_str().as_bytes()]).map_err(self.failed())?;
        self.together()
    }

    /// Commits what was written, and says what the manifest holds: a hash over every file in order.
    pub(super) fn close(self) -> Result<Hash, TreeError> {
        let failed = self.failed();
        self.file.execute_batch("COMMIT").map_err(&failed)?;
        let mut hash = blake3::Hasher::new();
        let mut query = self.file.prepare("SELECT path, size, mode, hash FROM entry ORDER BY path").map_err(&failed)?;
        let mut rows = query.query([]).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            let take = || -> rusqlite::Result<(Vec<u8>, i64, u32, [u8; 32])> { Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)) };
            let (path, size, mode, content) = take().map_err(&failed)?;
            hash.update(&(path.len() as u64).to_le_bytes()).update(&path);
            hash.update(&size.to_le_bytes()).update(&mode.to_le_bytes()).update(&content);
        }
        Ok(Hash(*hash.finalize().as_bytes()))
    }

    /// Calls with each file's path and content, in order: what `b3sum --check` reads.
    ///
    /// # Errors
    /// When the manifest cannot be read.
    pub fn each(&self, mut file: impl FnMut(&Path, &Hash)) -> Result<(), TreeError> {
        let mut query = self.file.prepare("SELECT path, hash FROM entry ORDER BY path").map_err(self.failed())?;
        let mut rows = query.query([]).map_err(self.failed())?;
        while let Some(row) = rows.next().map_err(self.failed())? {
            let take = || -> rusqlite::Result<(Vec<u8>, [u8; 32])> { Ok((row.get(0)?, row.get(1)?)) };
            let (path, hash) = take().map_err(self.failed())?;
            file(Path::new(OsStr::from_bytes(&path)), &Hash(hash));
        }
        Ok(())
    }
}
