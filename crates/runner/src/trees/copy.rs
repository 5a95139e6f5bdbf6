//! One pass: whatever is new or changed is copied beside its place, read back, and put into its place by a rename. Killed at any moment, the
//! next pass goes on: what it finds at the new place with the source's content is taken as it is.

use super::attributes::{changed, keep, link_times, modified};
use super::manifest::{Entry, Manifest};
use super::walk::{Found, Walk, What};
use super::{Tree, TreeError, TreeReport, io, places};
use greenroom_model::hash::Hash;
use rustix::fs::{Mode, OFlags};
use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// What half a copy is called, beside its place.
const PART: &str = ".greenroom-part";

/// A file that changes while it is read is read again so often.
const ATTEMPTS: u32 = 3;

/// How a pass goes about what it finds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice {
    /// Files that have gone at the source are removed at the new place, if they are what was copied there.
    pub delete: bool,
    /// Files at the new place that nobody copied, or somebody changed, are replaced.
    pub overwrite: bool,
    /// Every file is read again, also where size and times say that nothing changed.
    pub thorough: bool,
}

struct Pass<'p> {
    from: PathBuf,
    to: PathBuf,
    choice: Choice,
    manifest: Manifest,
    report: TreeReport,
    /// Folders that got new names, to be made durable.
    touched: BTreeSet<PathBuf>,
    /// A folder that could not be made: nothing is written below what stands in its place, which may be a link.
    barred: Option<PathBuf>,
    tell: &'p mut dyn FnMut(u64),
}

/// Copies a tree. `tell` gets bytes as they are copied; `stop` is asked between files.
///
/// # Errors
/// When the places or the manifest cannot be used, or somebody stops it. What is wrong with single files is in the report.
pub fn copy(
    tree: &Tree,
    manifest: &Path,
    choice: Choice,
    tell: &mut dyn FnMut(u64),
    stop: &dyn Fn() -> bool,
) -> Result<TreeReport, TreeError> {
    let (from, to) = places(tree)?;
    fs::create_dir_all(&to).map_err(io("make", &to))?;
    let manifest = Manifest::open(manifest, &from, &to)?;
    let report = TreeReport { tree: tree.name.clone(), ..TreeReport::default() };
    let mut pass = Pass { from: from.clone(), to, choice, manifest, report, touched: BTreeSet::new(), barred: None, tell };
    let mut folders: Vec<(PathBuf, Metadata)> = Vec::new();
    let walk = Walk::new(&from, &tree.leave_out).map_err(|u| TreeError::Io { doing: "read", path: from.clone(), source: u.why })?;
    for found in walk {
        if stop() {
            pass.durable()?;
            pass.manifest.close()?;
            return Err(TreeError::Stopped);
        }
        match found {
            Ok(found) => pass.one(found, &mut folders)?,
            Err(unread) => pass.report.wrong(&unread.path, format!("cannot be read: {}", unread.why)),
        }
    }
    pass.gone()?;
    // What was put into a folder changed its times: they come last, the innermost first.
    for (path, meta) in folders.into_iter().rev() {
        let done = File::open(pass.from.join(&path)).and_then(|s| File::open(pass.to.join(&path)).and_then(|c| keep(&s, &meta, &c)));
        match done {
            Ok(lost) => lost.into_iter().for_each(|l| pass.report.note(l)),
            Err(e) => pass.report.wrong(&path, format!("the folder's attributes cannot be kept: {e}")),
        }
    }
    pass.durable()?;
    let hash = pass.manifest.close()?;
    Ok(TreeReport { manifest: Some(hash), ..pass.report })
}

impl Pass<'_> {
    fn one(&mut self, found: Found, folders: &mut Vec<(PathBuf, Metadata)>) -> Result<(), TreeError> {
        if self.barred.as_ref().is_some_and(|barred| found.path.starts_with(barred)) {
            self.report.wrong(&found.path, "the folder in which it is could not be made");
            return Ok(());
        }
        match &found.what {
            What::Folder => {
                self.report.folders += 1;
                match self.folder(&found) {
                    Ok(()) => folders.push((found.path, found.meta)),
                    Err(e) => {
                        self.report.wrong(&found.path, format!("the folder cannot be made: {e}"));
                        self.barred = Some(found.path);
                    }
                }
            }
            What::File => {
                self.report.files += 1;
                self.report.bytes += found.meta.len();
                if let Err(what) = self.file(&found)? {
                    self.report.wrong(&found.path, what);
                }
            }
            What::Link(to) => {
                self.report.links += 1;
                if let Err(e) = self.link(&found, to) {
                    self.report.wrong(&found.path, format!("the link cannot be made: {e}"));
                }
            }
            What::LinkOut(to) => {
                let what = format!("a link that leads out of the tree, to `{}`: neither it nor what it leads to is copied", to.display());
                self.report.wrong(&found.path, what);
            }
            What::Special => self.report.wrong(&found.path, "neither file, folder nor link: it is not copied"),
        }
        Ok(())
    }

    fn folder(&mut self, found: &Found) -> std::io::Result<()> {
        let to = self.to.join(&found.path);
        match to.symlink_metadata() {
            Ok(m) if m.is_dir() => return Ok(()),
            Ok(_) => return Err(std::io::Error::other("something else stands at the new place")),
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
        fs::create_dir(&to)?;
        // Its own mode comes last; until then nobody else looks in.
        fs::set_permissions(&to, fs::Permissions::from_mode(0o700))?;
        self.touch(&to);
        Ok(())
    }

    fn link(&mut self, found: &Found, points: &Path) -> std::io::Result<()> {
        let to = self.to.join(&found.path);
        match fs::read_link(&to) {
            Ok(there) if there == points => return Ok(()),
            Ok(_) if self.choice.overwrite => fs::remove_file(&to)?,
            Ok(_) => return Err(std::io::Error::other("another link stands at the new place")),
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(_) => return Err(std::io::Error::other("something else stands at the new place")),
        }
        symlink(points, &to)?;
        link_times(&found.meta, &to)?;
        self.touch(&to);
        Ok(())
    }

    fn touch(&mut self, path: &Path) {
        self.touched.extend(path.parent().map(Path::to_owned));
    }

    /// Brings one file to its place; what is wrong with it, in words.
    fn file(&mut self, found: &Found) -> Result<Result<(), String>, TreeError> {
        let path = &found.path;
        let known = self.manifest.get(path)?;
        let place = self.to.join(path);
        let there = match place.symlink_metadata() {
            Ok(m) => Some(m),
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => return Ok(Err(format!("the new place cannot be read: {e}"))),
        };
        let ours = matches!((&known, &there), (Some(k), Some(t)) if stands(k, t));
        let same =
            known.is_some_and(|k| (k.size, k.modified, k.changed) == (found.meta.len(), modified(&found.meta), changed(&found.meta)));
        if ours && same && !self.choice.thorough {
            self.manifest.seen(path)?;
            return Ok(Ok(()));
        }
        if ours && same && known.is_some_and(|k| [self.from.join(path), place.clone()].iter().all(|p| hash(p).is_ok_and(|h| h == k.hash))) {
            self.manifest.seen(path)?;
            return Ok(Ok(()));
        }
        if let Some(there) = there.filter(|_| !ours) {
            if !there.is_file() {
                return Ok(Err("something else than a file stands at the new place".to_owned()));
            }
            // From a pass that was killed, or put there by somebody: it may stay if it is the same.
            if there.len() == found.meta.len() && hash(&self.from.join(path)).ok().is_some_and(|h| hash(&place).is_ok_and(|t| t == h)) {
                let kept = reopen(&self.from.join(path)).and_then(|s| reopen(&place).and_then(|c| keep(&s, &found.meta, &c)));
                match kept.and_then(|lost| Ok((lost, hash(&place)?, place.symlink_metadata()?))) {
                    Ok((lost, hash, now)) => {
                        lost.into_iter().for_each(|l| self.report.note(l));
                        self.report.found += 1;
                        self.manifest.put(path, &entry(&found.meta, hash, &now))?;
                        return Ok(Ok(()));
                    }
                    Err(e) => return Ok(Err(format!("its attributes cannot be kept: {e}"))),
                }
            }
            if !self.choice.overwrite {
                let who = if known.is_some() {
                    "it was changed at the new place after it was copied"
                } else {
                    "another file stands at the new place"
                };
                return Ok(Err(format!("{who}; `--overwrite` replaces it")));
            }
        }
        match self.carry(path, &place) {
            Ok((meta, hash, now, lost)) => {
                lost.into_iter().for_each(|l| self.report.note(l));
                self.report.copied += 1;
                self.report.copied_bytes += meta.len();
                self.touch(&place);
                self.manifest.put(path, &entry(&meta, hash, &now))?;
                Ok(Ok(()))
            }
            Err(e) => {
                // Half a copy is worth nothing.
                let _ = fs::remove_file(part(&place));
                Ok(Err(format!("it cannot be copied: {e}")))
            }
        }
    }

    /// Copies a file beside its place, reads it back, and renames it.
    fn carry(&mut self, path: &Path, place: &Path) -> std::io::Result<(Metadata, Hash, Metadata, Vec<String>)> {
        let part = part(place);
        for _ in 0..ATTEMPTS {
            let mut source = reopen(&self.from.join(path))?;
            let before = source.metadata()?;
            match fs::remove_file(&part) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
                _ => {}
            }
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mut copy = File::from(rustix::fs::open(&part, flags, Mode::RUSR | Mode::WUSR)?);
            let mut hasher = blake3::Hasher::new();
            let mut buffer = vec![0u8; 1 << 20];
            loop {
                let read = source.read(&mut buffer)?;
                if read == 0 {
                    break;
                }
                hasher.update(&buffer[..read]);
                copy.write_all(&buffer[..read])?;
                (self.tell)(read as u64);
            }
            let after = source.metadata()?;
            if (modified(&before), before.len()) != (modified(&after), after.len()) {
                continue;
            }
            let content = Hash(*hasher.finalize().as_bytes());
            let lost = keep(&source, &after, &copy)?;
            copy.sync_all()?;
            drop(copy);
            if hash(&part)? != content {
                return Err(std::io::Error::other("what was written reads back otherwise"));
            }
            fs::rename(&part, place)?;
            return Ok((after, content, place.symlink_metadata()?, lost));
        }
        Err(std::io::Error::other("it kept changing while it was read; copy again when it rests"))
    }

    /// What earlier passes copied and is no longer at the source.
    fn gone(&mut self) -> Result<(), TreeError> {
        for (path, entry) in self.manifest.gone()? {
            let place = self.to.join(&path);
            // What could not be looked at is not gone.
            if self.from.join(&path).symlink_metadata().is_ok() {
                continue;
            }
            let there = place.symlink_metadata().ok();
            match there {
                None => self.manifest.forget(&path)?,
                Some(t) if self.choice.delete && stands(&entry, &t) => match fs::remove_file(&place) {
                    Ok(()) => {
                        self.report.removed += 1;
                        self.touch(&place);
                        self.manifest.forget(&path)?;
                    }
                    Err(e) => self.report.wrong(&path, format!("it has gone at the source and cannot be removed: {e}")),
                },
                Some(_) => {
                    let why = if self.choice.delete {
                        "was changed at the new place and is left"
                    } else {
                        "stands at the new place; `--delete` removes it"
                    };
                    self.report.wrong(&path, format!("it has gone at the source and {why}"));
                }
            }
        }
        Ok(())
    }

    /// Makes new names durable.
    fn durable(&mut self) -> Result<(), TreeError> {
        for folder in std::mem::take(&mut self.touched) {
            File::open(&folder).and_then(|f| f.sync_all()).map_err(io("write", &folder))?;
        }
        Ok(())
    }
}

/// A copy stands as it was written.
fn stands(known: &Entry, there: &Metadata) -> bool {
    there.is_file() && there.len() == known.size && (modified(there), changed(there), there.ino()) == known.copy
}

fn entry(source: &Metadata, hash: Hash, copy: &Metadata) -> Entry {
    Entry {
        size: source.len(),
        modified: modified(source),
        changed: changed(source),
        mode: source.mode() & 0o7777,
        hash,
        copy: (modified(copy), changed(copy), copy.ino()),
    }
}

fn part(place: &Path) -> PathBuf {
    let mut name = place.file_name().unwrap_or_default().to_owned();
    // A name may be as long as a file system takes; that of half a copy must not be longer.
    if name.len() > 200 {
        name = blake3::hash(name.as_encoded_bytes()).to_hex().as_str().into();
    }
    name.push(PART);
    place.with_file_name(name)
}

/// Opens a plain file for reading, never what a link leads to.
pub(super) fn reopen(path: &Path) -> std::io::Result<File> {
    let file = File::from(rustix::fs::open(path, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(std::io::Error::other("it is no plain file any more")) }
}

/// The hash of a file's content.
pub(super) fn hash(path: &Path) -> std::io::Result<Hash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(reopen(path)?)?;
    Ok(Hash(*hasher.finalize().as_bytes()))
}
