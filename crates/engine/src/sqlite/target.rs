//! The folder where pilots live: creating, marking, admitting and dropping files. The swap has a file of its own.
//!
//! The seal is the file mode: 0600 from the first byte, at a name that nobody knows; `admit` opens it.

use super::connect::{Spill, beside, io, is_file, literal, open_read_only, open_writable, resolve, spill_folder, stat};
use super::copy::capabilities;
use super::error::failed;
use super::generation::SqliteGeneration;
use super::session::Session;
use super::{connect, fence, marker, restore, swap, whole};
use crate::backup::{Backup, Restored, Tell};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{
    Admission, Capabilities, Generation, Marker, MarkerState, MissingRight, Room, ServerLock, Standing, Swap, Target, clear_raw,
};
use async_trait::async_trait;
use greenroom_model::catalog::Catalog;
use greenroom_model::fence::Doors;
use rustix::fs::{Access, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Mode of a sealed file.
const SEALED: u32 = 0o600;

/// A folder of pilots.
pub(super) struct SqliteTarget {
    base: PathBuf,
    folder: PathBuf,
}

impl SqliteTarget {
    /// For names relative to `base`, in `folder`.
    pub fn open(base: &Path, folder: PathBuf) -> Result<SqliteTarget> {
        let base = resolve(base, "")?;
        match stat(&folder)? {
            Some(s) if rustix::fs::FileType::from_raw_mode(s.st_mode) == rustix::fs::FileType::Directory => {
                Ok(SqliteTarget { base, folder })
            }
            Some(_) => {
                Err(EngineError::new(ErrorKind::Conflict, "open the target", "it is not a folder").object(folder.display().to_string()))
            }
            None => Err(EngineError::new(ErrorKind::Conflict, "open the target", format!("there is no folder `{}`", folder.display()))
                .hint(format!("create it: `mkdir -p '{}'`", folder.display()))),
        }
    }

    pub(super) fn path(&self, name: &str) -> Result<PathBuf> {
        resolve(&self.base, name)
    }

    fn paths(&self, swap: &Swap) -> Result<swap::Paths> {
        Ok(swap::Paths {
            generation: self.path(&swap.generation)?,
            pilot: self.path(&swap.pilot)?,
            former: swap.former.as_deref().map(|f| self.path(f)).transpose()?,
        })
    }
}

impl SqliteTarget {
    /// Enters what bears our marker or, where an identity is given, the file that has it and bears none.
    async fn enter_as(&self, name: &str, former: Option<String>) -> Result<Box<dyn Generation>> {
        let path = self.path(name)?;
        let at = path.clone();
        let session = Session::open(move || {
            let doing = format!("enter `{}`", at.display());
            let refuse = |why: &str| Err(EngineError::new(ErrorKind::Conflict, doing.clone(), why));
            if let Some(wanted) = &former
                && stat(&at)?.map(|s| connect::engine_id(&s)).as_ref() != Some(wanted)
            {
                return refuse("it is not what was production");
            }
            let c = open_writable(&at, "enter")?;
            match (marker::read(&c)?, former.is_some()) {
                (Some(_), false) => {}
                // It may have come from an earlier switch itself.
                (None | Some(Marker { state: MarkerState::Promoted, .. }), true) => {
                    c.execute_batch(&format!("PRAGMA synchronous = FULL; {}", marker::SCRIPTS)).map_err(|e| failed(&doing, &e))?
                }
                (None, false) => return refuse("it does not bear Greenroom's marker"),
                (Some(_), true) => return refuse("it is not what was production"),
            }
            Ok(c)
        })
        .await?;
        let marked = session.run(|c| Ok(marker::read(c)?.is_some())).await?;
        let spill = Arc::new(Spill::beside(&path)?);
        let folder = spill.clone();
        session.run(move |c| folder.use_for(c)).await?;
        Ok(Box::new(SqliteGeneration::new(path, session, marked, spill)))
    }
}

/// Gives the file in production's place production's owner and mode, keeps its journal as production did, and lets programs write to it.
fn promote(path: &Path, former: &Path, besides: &[String]) -> Result<()> {
    let doing = format!("let users into `{}`", path.display());
    match marker::look(path)?.and_then(|s| s.marker) {
        Some(m) if m.state == MarkerState::Promoted => {}
        _ => return Err(EngineError::new(ErrorKind::Conflict, doing, "it is not what was to take production's place")),
    }
    let like = stat(former)?
        .ok_or_else(|| EngineError::new(ErrorKind::Lost, doing.clone(), format!("`{}` is gone", former.display())).hint("find it first"))?;
    let c = open_writable(path, "promote")?;
    for statement in besides {
        c.execute_batch(statement).map_err(|e| failed(&doing, &e))?;
    }
    let now = stat(path)?.ok_or_else(|| EngineError::new(ErrorKind::Lost, doing.clone(), "the file is gone"))?;
    let companions = [beside(path, "-wal"), beside(path, "-shm")];
    let files = || std::iter::once(path).chain(companions.iter().map(PathBuf::as_path)).filter(|p| p.exists());
    if (now.st_uid, now.st_gid) != (like.st_uid, like.st_gid) {
        let (user, group) = (rustix::fs::Uid::from_raw(like.st_uid), rustix::fs::Gid::from_raw(like.st_gid));
        for file in files() {
            rustix::fs::chown(file, Some(user), Some(group)).map_err(|e| {
                io(doing.clone(), e).hint(format!(
                    "as an administrator: `chown {}:{} '{}'`, then resume",
                    like.st_uid,
                    like.st_gid,
                    file.display()
                ))
            })?;
        }
    }
    for file in files() {
        let mode = like.st_mode & 0o777;
        if stat(file)?.is_some_and(|s| s.st_mode & 0o777 != mode) {
            rustix::fs::chmod(file, Mode::from_raw_mode(mode)).map_err(|e| io(doing.clone(), e))?;
        }
    }
    fence::open_all(&c)
}

/// Runs file work and short SQLite calls off the async runtime.
pub(super) async fn blocking<T: Send + 'static>(f: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(f).await.map_err(|e| EngineError::other("work on a file", e.to_string()))?
}

struct FileLock {
    // The lock goes with the descriptor, so with the process.
    _descriptor: OwnedFd,
}

impl ServerLock for FileLock {}

#[async_trait]
impl Target for SqliteTarget {
    async fn capabilities(&mut self) -> Result<Capabilities> {
        Ok(capabilities())
    }

    async fn missing_rights(&mut self) -> Result<Vec<MissingRight>> {
        if rustix::fs::access(&self.folder, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_ok() {
            return Ok(Vec::new());
        }
        Ok(vec![MissingRight {
            what: format!("create and rename files in `{}`", self.folder.display()),
            grant: format!("setfacl -m u:{}:rwx '{}'", rustix::process::geteuid().as_raw(), self.folder.display()),
        }])
    }

    async fn room(&mut self) -> Result<Room> {
        let s = rustix::fs::statvfs(&self.folder).map_err(|e| io("ask for free disk", e))?;
        Ok(Room { free: Some(s.f_bavail.saturating_mul(s.f_frsize)), total: Some(s.f_blocks.saturating_mul(s.f_frsize)) })
    }

    async fn lock(&mut self, pilot: &str) -> Result<Option<Box<dyn ServerLock>>> {
        let path = self.path(pilot)?;
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(".greenroom-lock");
        let path = path.with_file_name(name);
        let doing = || format!("take the lock `{}`", path.display());
        // The file stays: whoever removed it could let two processes lock two files of one name.
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let descriptor = rustix::fs::open(&path, flags, Mode::from_raw_mode(SEALED)).map_err(|e| io(doing(), e))?;
        match rustix::fs::flock(&descriptor, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Box::new(FileLock { _descriptor: descriptor }))),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(e) => Err(io(doing(), e)),
        }
    }

    async fn look(&mut self, name: &str) -> Result<Option<Standing>> {
        let path = self.path(name)?;
        blocking(move || marker::look(&path)).await
    }

    async fn create(&mut self, name: &str, marker: &Marker, like: &Catalog) -> Result<Standing> {
        let (path, marker, settings) = (self.path(name)?, marker.clone(), like.settings.clone());
        blocking(move || {
            match marker::look(&path)? {
                Some(s) if s.empty && s.marker.as_ref() == Some(&marker) => return Ok(s),
                _ => clear_half_made(&path, &marker.nonce)?,
            }
            create_file(&path)?;
            let doing = format!("create `{}`", path.display());
            let c = open_writable(&path, "create")?;
            let mut sql = String::new();
            // Page size, encoding and auto_vacuum hold only if they are set before the first page is written.
            for setting in ["page_size", "encoding", "auto_vacuum", "user_version", "application_id"] {
                if let Some(value) = settings.get(setting).filter(|v| !v.is_empty()) {
                    let value = if setting == "encoding" { literal(value) } else { number(setting, value)?.to_string() };
                    sql.push_str(&format!("PRAGMA {setting} = {value};\n"));
                }
            }
            // Not WAL: a build has one writer, and its file must be whole without companions when it is swapped.
            c.execute_batch(&format!("{sql}PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE; {}", marker::TABLES))
                .and_then(|()| marker::insert(&c, &marker))
                .and_then(|()| c.execute_batch("COMMIT"))
                .map_err(|e| failed(&doing, &e))?;
            drop(c);
            swap::sync_folder(&path)?;
            marker::look(&path)?.ok_or_else(|| EngineError::new(ErrorKind::Lost, doing, "the file is gone right after its creation"))
        })
        .await
    }

    async fn enter(&mut self, name: &str) -> Result<Box<dyn Generation>> {
        self.enter_as(name, None).await
    }

    async fn duplicate(&mut self, from: &str, to: &str, marker: &Marker) -> Result<()> {
        whole::copy(self.path(from)?, self.path(to)?, marker, None).await
    }

    async fn copy_whole(&mut self, production: &str, engine_id: &str, to: &str, marker: &Marker) -> Result<()> {
        whole::copy(self.path(production)?, self.path(to)?, marker, Some(engine_id.to_owned())).await
    }

    async fn enter_former(&mut self, name: &str, engine_id: &str) -> Result<Box<dyn Generation>> {
        self.enter_as(name, Some(engine_id.to_owned())).await
    }

    async fn mark(&mut self, name: &str, marker: &Marker) -> Result<()> {
        let (path, marker) = (self.path(name)?, marker.clone());
        blocking(move || {
            // A foreign file is not even opened for writing.
            match marker::look(&path)? {
                Some(Standing { marker: Some(m), .. }) if m.nonce == marker.nonce => {}
                _ => {
                    return Err(EngineError::new(
                        ErrorKind::Conflict,
                        format!("mark `{}`", path.display()),
                        "it does not bear this run's marker",
                    ));
                }
            }
            marker::rewrite(&open_writable(&path, "mark")?, &marker)
        })
        .await
    }

    async fn swap(&mut self, swap: &Swap) -> Result<()> {
        let paths = self.paths(swap)?;
        blocking(move || swap::swap(&paths, None)).await
    }

    async fn put_in_place(&mut self, swap: &Swap, production: &str) -> Result<()> {
        let (paths, production) = (self.paths(swap)?, production.to_owned());
        blocking(move || swap::swap(&paths, Some(&production))).await
    }

    async fn aside_open(&mut self, former: &str, doors: &Doors) -> Result<Vec<String>> {
        let (path, doors) = (self.path(former)?, doors.clone());
        blocking(move || {
            if stat(&path)?.is_none() {
                return Err(EngineError::new(ErrorKind::Lost, "look at the former production", format!("`{}` is gone", path.display())));
            }
            fence::aside_open(&open_read_only(&path, "look at the former production")?, &doors)
        })
        .await
    }

    async fn promote(&mut self, name: &str, former: Option<&str>, doors: &Doors) -> Result<()> {
        let path = self.path(name)?;
        // Where production stays where it is, it is what its doors were read of.
        let former = self.path(former.unwrap_or(&doors.database))?;
        let besides = doors.besides.clone();
        blocking(move || promote(&path, &former, &besides)).await
    }

    async fn admit(&mut self, name: &str, admission: &Admission) -> Result<()> {
        let path = self.path(name)?;
        let mode = match admission {
            Admission::Sealed => SEALED,
            Admission::Some { mode, .. } | Admission::Everybody { mode } => *mode & 0o666,
        };
        let doing = format!("change who may open `{}`", path.display());
        if stat(&path)?.is_none_or(|s| !is_file(&s)) {
            return Err(EngineError::new(ErrorKind::Conflict, doing, "there is no such file"));
        }
        let at = path.clone();
        match blocking(move || marker::look(&at)).await?.and_then(|s| s.marker) {
            None => return Err(EngineError::new(ErrorKind::Conflict, doing, "it does not bear Greenroom's marker")),
            Some(m) if m.state == MarkerState::Raw && *admission != Admission::Sealed => {
                return Err(EngineError::new(ErrorKind::Conflict, doing, "it is a raw copy, which is never opened"));
            }
            Some(_) => {}
        }
        for file in [path.clone(), beside(&path, "-wal"), beside(&path, "-shm"), beside(&path, "-journal")] {
            match rustix::fs::chmod(&file, Mode::from_raw_mode(mode)) {
                Err(Errno::NOENT) if file != path => {}
                other => other.map_err(|e| io(format!("set the mode of `{}`", file.display()), e))?,
            }
        }
        Ok(())
    }

    async fn admission(&mut self, name: &str) -> Result<Admission> {
        let path = self.path(name)?;
        let Some(s) = stat(&path)? else {
            return Err(EngineError::new(ErrorKind::Conflict, format!("see who may open `{}`", path.display()), "there is no such file"));
        };
        let mode = s.st_mode & 0o777;
        Ok(match mode {
            m if m & 0o077 == 0 => Admission::Sealed,
            m if m & 0o007 == 0 => Admission::Some { roles: Vec::new(), mode },
            _ => Admission::Everybody { mode },
        })
    }

    async fn drop_marked(&mut self, name: &str, nonce: &str) -> Result<()> {
        let (path, nonce) = (self.path(name)?, nonce.to_owned());
        blocking(move || {
            let refuse = |why: &str| Err(EngineError::new(ErrorKind::Conflict, format!("drop `{}`", path.display()), why));
            match marker::look(&path)? {
                None => return refuse("there is no such file"),
                Some(Standing { marker: None, .. }) => return refuse("it does not bear Greenroom's marker"),
                Some(Standing { marker: Some(m), .. }) if m.nonce != nonce => return refuse("it bears the marker of another run"),
                Some(Standing { marker: Some(m), .. }) if m.state == MarkerState::Promoted => {
                    return refuse("it was promoted to production");
                }
                Some(_) => {}
            }
            remove(&path, &format!("drop `{}`", path.display()))?;
            // Left by a process that was killed; SQLite's files in it have no names.
            let _ = std::fs::remove_dir(spill_folder(&path));
            Ok(())
        })
        .await
    }

    async fn drop_former(&mut self, name: &str, engine_id: &str) -> Result<bool> {
        let (path, engine_id) = (self.path(name)?, engine_id.to_owned());
        blocking(move || {
            let doing = format!("drop the former production `{}`", path.display());
            match stat(&path)? {
                None => return Ok(false),
                Some(s) if connect::engine_id(&s) == engine_id && is_file(&s) => {}
                Some(_) => return Err(EngineError::new(ErrorKind::Conflict, doing, "another database stands there")),
            }
            remove(&path, &doing)?;
            Ok(true)
        })
        .await
    }

    async fn restore(&mut self, name: &str, marker: &Marker, backup: &Backup, tell: Tell) -> Result<Restored> {
        restore::restore(self, name, marker, backup, tell).await
    }

    async fn clear_raw(&mut self, name: &str, marker: &Marker) -> Result<()> {
        restore::clear(&self.path(name)?, marker)?;
        clear_raw(self, name, marker).await
    }
}

/// Removes a database. It goes first: companions without it mean nothing, the database without its journal might be damaged.
fn remove(path: &Path, doing: &str) -> Result<()> {
    for file in [path.to_owned(), beside(path, "-journal"), beside(path, "-wal"), beside(path, "-shm")] {
        match rustix::fs::unlink(&file) {
            Err(Errno::NOENT) if file != path => {}
            other => other.map_err(|e| io(doing, e))?,
        }
    }
    swap::sync_folder(path)
}

/// Removes what an earlier attempt left that was killed before its marker stood; the name carries the nonce.
fn clear_half_made(path: &Path, nonce: &str) -> Result<()> {
    match marker::look(path)? {
        Some(s) if s.empty && s.marker.is_none() && path.to_string_lossy().contains(nonce) => {}
        _ => return Ok(()),
    }
    for suffix in ["-journal", "-wal", "-shm", ""] {
        match std::fs::remove_file(beside(path, suffix)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(EngineError::other(format!("remove the half-made `{}`", path.display()), e.to_string()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Creates the empty file: sealed from the first byte, whatever the umask, and never over something that stands.
pub(super) fn create_file(path: &Path) -> Result<()> {
    let doing = || format!("create `{}`", path.display());
    for suffix in ["", "-journal", "-wal", "-shm"] {
        let file = beside(path, suffix);
        if stat(&file)?.is_some() {
            return Err(EngineError::new(ErrorKind::Conflict, doing(), format!("`{}` stands there already", file.display())));
        }
    }
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    // No connection of ours can hold locks on a file that did not exist, so closing this descriptor is harmless.
    rustix::fs::open(path, flags, Mode::from_raw_mode(SEALED)).map_err(|e| io(doing(), e))?;
    rustix::fs::chmod(path, Mode::from_raw_mode(SEALED)).map_err(|e| io(doing(), e))
}

fn number(setting: &str, value: &str) -> Result<i64> {
    value.parse().map_err(|_| EngineError::other("create a generation", format!("the source's `{setting}` is not a number")))
}
