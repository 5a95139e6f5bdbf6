//! The swap: the former pilot's name is linked to its file, then one rename puts the generation in the pilot's place.
//!
//! Link and rename instead of an exchange: the pilot's name points at a whole database at every instant, and which names share a file
//! tells how far a swap got, so that calling it again completes it after any crash. Without hard links (some network file systems) two
//! renames do it; between them nothing bears the pilot's name.
//!
//! Nobody may be in the midst of a transaction: both databases leave WAL mode, which fails while other handles remain, and are held
//! exclusively across the renames. A handle that stays open idle in rollback mode cannot write afterwards: SQLite notices that its file
//! was moved (SQLITE_READONLY_DBMOVED).

use super::connect::{beside, engine_id, io, open_writable, stat};
use super::error::failed;
use super::{fence, marker};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::MarkerState;
use rusqlite::Connection;
use rustix::fs::{CWD, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often and how long other handles are waited for.
const TRIES: u32 = 25;
const PAUSE: Duration = Duration::from_millis(200);

/// The three names.
pub(super) struct Paths {
    /// Where the finished generation stands.
    pub generation: PathBuf,
    /// The name people use.
    pub pilot: PathBuf,
    /// What the present pilot is called afterwards.
    pub former: Option<PathBuf>,
}

/// How far a swap got.
#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// A pilot stands; its former name is free.
    Untouched,
    /// The pilot stands under both of its names.
    Linked,
    /// The pilot's name is free: there never was one, or it was renamed away.
    Free,
    /// The generation stands under both of its names.
    Published,
    /// The generation's name is gone, the pilot's is there.
    Done,
}

/// Swaps, or completes a swap that was interrupted. `production`: one of the two is production, which has this identity.
pub(super) fn swap(paths: &Paths, production: Option<&str>) -> Result<()> {
    let doing = || format!("swap `{}` in as `{}`", paths.generation.display(), paths.pilot.display());
    let mut held = Vec::new();
    match stage(paths)? {
        Stage::Done => return sync_folder(&paths.pilot),
        Stage::Published => {
            rustix::fs::unlink(&paths.generation).map_err(|e| io(doing(), e))?;
            return sync_folder(&paths.pilot);
        }
        Stage::Free => held.push(alone(&paths.generation, production)?),
        Stage::Untouched | Stage::Linked => {
            held.push(alone(&paths.generation, production)?);
            held.push(alone(&paths.pilot, production)?);
        }
    }
    no_companions(paths)?;
    match (stage(paths)?, &paths.former) {
        (Stage::Free, _) => move_to_free(&paths.generation, &paths.pilot).map_err(|e| io(doing(), e))?,
        (Stage::Untouched, Some(former)) => match rustix::fs::link(&paths.pilot, former) {
            Ok(()) => {
                sync_folder(former)?;
                rustix::fs::rename(&paths.generation, &paths.pilot).map_err(|e| io(doing(), e))?;
            }
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK) => {
                move_to_free(&paths.pilot, former).map_err(|e| io(doing(), e))?;
                sync_folder(former)?;
                move_to_free(&paths.generation, &paths.pilot).map_err(|e| io(doing(), e))?;
            }
            Err(e) => return Err(io(doing(), e)),
        },
        (Stage::Linked, _) => rustix::fs::rename(&paths.generation, &paths.pilot).map_err(|e| io(doing(), e))?,
        _ => return Err(EngineError::new(ErrorKind::Conflict, doing(), "the files changed while they were being swapped")),
    }
    drop(held);
    sync_folder(&paths.pilot)?;
    sync_folder(&paths.generation)
}

fn stage(paths: &Paths) -> Result<Stage> {
    let id = |p: &Path| -> Result<Option<String>> { Ok(stat(p)?.map(|s| engine_id(&s))) };
    let (generation, pilot) = (id(&paths.generation)?, id(&paths.pilot)?);
    let former = paths.former.as_deref().map(id).transpose()?.flatten();
    let refuse = |why: String| {
        Err(EngineError::new(ErrorKind::Conflict, format!("swap `{}` in as `{}`", paths.generation.display(), paths.pilot.display()), why))
    };
    match (generation, pilot) {
        (None, None) => refuse("neither the generation nor the pilot is there".to_owned()),
        (None, Some(_)) => Ok(Stage::Done),
        (Some(_), None) => Ok(Stage::Free),
        (Some(g), Some(p)) if g == p => Ok(Stage::Published),
        (Some(_), Some(p)) => match (former, &paths.former) {
            (_, None) => refuse("the pilot's name is taken, and no name was given for what stands there".to_owned()),
            (None, Some(_)) => Ok(Stage::Untouched),
            (Some(f), _) if f == p => Ok(Stage::Linked),
            (Some(_), Some(name)) => refuse(format!("`{}` stands there already", name.display())),
        },
    }
}

/// Renames without ever replacing something.
fn move_to_free(from: &Path, to: &Path) -> std::result::Result<(), Errno> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // The file system does not know the flag: a link never replaces either, and a crash before the unlink is seen as `Published`.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => rustix::fs::link(from, to).and_then(|()| rustix::fs::unlink(from)),
        other => other,
    }
}

/// Takes a database out of WAL mode and holds it exclusively; fails while others use it.
fn alone(path: &Path, production: Option<&str>) -> Result<Connection> {
    let c = open_writable(path, "take exclusively")?;
    let doing = format!("take `{}` exclusively", path.display());
    // Somebody else's database is not moved, whatever its name (P30).
    let is_production = stat(path)?.is_some_and(|s| Some(engine_id(&s).as_str()) == production);
    match marker::read(&c)?.map(|m| m.state) {
        _ if is_production => {}
        // A file has no testers: nobody writes into it before users do.
        Some(MarkerState::Promoted) if production.is_some() => fence::shut_all(&c)?,
        Some(_) if production.is_some() => {
            return Err(EngineError::new(ErrorKind::Conflict, doing, "it is neither production nor what is to take its place"));
        }
        Some(MarkerState::Building | MarkerState::Pilot) => {}
        Some(MarkerState::Raw) => {
            return Err(EngineError::new(ErrorKind::Conflict, doing, "it is a raw copy, which never goes on stage"));
        }
        Some(MarkerState::Promoted) => return Err(EngineError::new(ErrorKind::Conflict, doing, "it has been promoted to production")),
        None => {
            return Err(EngineError::new(ErrorKind::Conflict, doing, "it does not bear Greenroom's marker")
                .hint("choose another name for the pilot, or move that file away"));
        }
    }
    c.busy_timeout(Duration::ZERO).map_err(|e| failed(&doing, &e))?;
    for tries in 1.. {
        // An idle handle would take the next journal under this name for its own file's.
        if production.is_some() && others_have_it_open(path) {
            if tries == TRIES {
                break;
            }
            std::thread::sleep(PAUSE);
            continue;
        }
        let result = c
            .query_row("PRAGMA journal_mode = DELETE", [], |r| r.get::<_, String>(0))
            .and_then(|mode| if mode == "delete" { c.execute_batch("BEGIN EXCLUSIVE").map(|()| true) } else { Ok(false) });
        match result.map_err(|e| failed(&doing, &e)) {
            Ok(true) => return Ok(c),
            Err(e) if e.kind != ErrorKind::Transient => return Err(e),
            _ if tries < TRIES => std::thread::sleep(PAUSE),
            _ => break,
        }
    }
    Err(EngineError::new(ErrorKind::Transient, doing, "another program has it open")
        .hint(format!("close the applications that use it (`fuser -v '{}'` lists them), then resume", path.display())))
}

/// Whether another process has the file open, as far as this one may see: all of them as root, else the same user's.
fn others_have_it_open(path: &Path) -> bool {
    let Ok(Some(file)) = stat(path) else { return false };
    let us = std::process::id().to_string();
    let numbered = |name: &std::ffi::OsString| name.to_str().is_some_and(|n| n != us && n.bytes().all(|b| b.is_ascii_digit()));
    let Ok(processes) = std::fs::read_dir("/proc") else { return false };
    let handles = processes.flatten().filter(|p| numbered(&p.file_name())).filter_map(|p| std::fs::read_dir(p.path().join("fd")).ok());
    // Following the link asks about the open file itself, whatever its name is by now.
    let same = |link: &Path| rustix::fs::stat(link).is_ok_and(|s| (s.st_dev, s.st_ino) == (file.st_dev, file.st_ino));
    handles.flat_map(|fds| fds.flatten()).any(|fd| same(&fd.path()))
}

/// A journal or WAL beside one of the names would be taken for that of the file that comes there.
fn no_companions(paths: &Paths) -> Result<()> {
    for path in [Some(&paths.generation), Some(&paths.pilot), paths.former.as_ref()].into_iter().flatten() {
        for suffix in ["-journal", "-wal"] {
            let file = beside(path, suffix);
            if stat(&file)?.is_some_and(|s| s.st_size > 0) {
                return Err(EngineError::new(
                    ErrorKind::Conflict,
                    format!("swap in `{}`", paths.pilot.display()),
                    format!("`{}` is left over from another database", file.display()),
                )
                .hint("find out whose it is; if nothing uses it, move it away, then resume"));
            }
        }
    }
    Ok(())
}

/// Makes names durable.
pub(super) fn sync_folder(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    rustix::fs::open(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .and_then(rustix::fs::fsync)
        .map_err(|e| io(format!("make the names in `{}` durable", folder.display()), e))
}
