//! The demo's folder: taken only if it is empty or an earlier demo's, held against a second demo at the same time, filled with files.

use super::DemoError;
use super::files::{File, MENDING, MORE_COLUMNS, TOUCHED};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The file that says whose the folder is.
const MARKER: &str = ".greenroom-demo";

/// What the demo makes below its folder, and removes before it makes it anew. Anything else there is left alone.
const PARTS: [&str; 5] = ["production", "new-server", "kit-clinic-5", "clinic", "in"];

/// The folder, ours until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    /// As the person wrote it, for commands that they can copy.
    pub shown: PathBuf,
    /// When it was taken.
    pub taken: Instant,
    _held: fs::File,
}

impl Place {
    /// Takes a folder and clears away an earlier demo.
    pub fn take(shown: PathBuf) -> Result<Place, DemoError> {
        let refuse = |why| Err(DemoError::NotOurs { folder: shown.clone(), why });
        let marker = shown.join(MARKER);
        if !marker.is_file() {
            match fs::read_dir(&shown).map(|mut entries| entries.next().is_none()) {
                Ok(true) => {}
                Ok(false) => return refuse("is not empty and was not made by `greenroom demo`"),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) if e.kind() == io::ErrorKind::NotADirectory => return refuse("is not a folder"),
                Err(e) => return Err(file(format!("look into {}", shown.display()))(e)),
            }
            fs::create_dir_all(&shown).map_err(file(format!("create {}", shown.display())))?;
        }
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&marker);
        let held = opened.map_err(file(format!("write {}", marker.display())))?;
        match flock(&held, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return refuse("is being used by another `greenroom demo`"),
            Err(e) => return Err(file(format!("hold {}", marker.display()))(e.into())),
        }
        for part in PARTS.map(|p| shown.join(p)) {
            match fs::remove_dir_all(&part) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    return Err(file(format!("remove {} of an earlier demo", part.display()))(e));
                }
                _ => {}
            }
        }
        for part in ["production", "clinic/pilot"].map(|p| shown.join(p)) {
            fs::create_dir_all(&part).map_err(file(format!("create {}", part.display())))?;
        }
        Ok(Place { shown, taken: Instant::now(), _held: held })
    }

    /// A path below the folder.
    pub fn path(&self, below: &str) -> PathBuf {
        self.shown.join(below)
    }

    /// Writes files below the folder.
    pub fn write(&self, files: &[File]) -> Result<(), DemoError> {
        files.iter().try_for_each(|(path, text)| write(&self.path(path), text))
    }

    /// Mends the program as the second rehearsal needs it.
    pub fn mend(&self) -> Result<(), DemoError> {
        self.write(MENDING)?;
        self.append("clinic/columns.toml", MORE_COLUMNS)?;
        self.change("clinic/greenroom.toml", TOUCHED)
    }

    /// Adds text to a file.
    pub fn append(&self, below: &str, text: &str) -> Result<(), DemoError> {
        let path = self.path(below);
        write(&path, &(read(&path)? + text))
    }

    /// Writes the one instead of the other.
    pub fn change(&self, below: &str, (was, becomes): (&str, &str)) -> Result<(), DemoError> {
        let path = self.path(below);
        write(&path, &read(&path)?.replace(was, becomes))
    }
}

fn read(path: &Path) -> Result<String, DemoError> {
    fs::read_to_string(path).map_err(file(format!("read {}", path.display())))
}

fn write(path: &Path, text: &str) -> Result<(), DemoError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).and_then(|()| fs::write(path, text)).map_err(file(format!("write {}", path.display())))
}

/// An error about a file.
pub(super) fn file(doing: String) -> impl FnOnce(io::Error) -> DemoError {
    move |source| DemoError::File { doing, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_the_demos_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("thesis.txt");
        fs::write(&own, "years of work").unwrap();
        assert!(matches!(Place::take(folder.path().to_owned()), Err(DemoError::NotOurs { .. })));
        assert!(matches!(Place::take(own.clone()), Err(DemoError::NotOurs { .. } | DemoError::File { .. })));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(own).unwrap(), "years of work");
    }

    #[test]
    fn a_demo_is_built_anew_but_never_by_two_at_once_and_other_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("new/demo");
        let first = Place::take(root.clone()).unwrap();
        first.write(super::super::files::PROGRAM).unwrap();
        fs::write(root.join("mine.txt"), "mine").unwrap();
        assert!(matches!(Place::take(root.clone()), Err(DemoError::NotOurs { .. })));
        drop(first);
        Place::take(root.clone()).unwrap();
        assert!(!root.join("clinic/greenroom.toml").exists() && root.join("clinic/pilot").is_dir());
        assert!(root.join("mine.txt").exists());
    }

    #[test]
    fn mending_changes_what_it_means_to_change() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::take(folder.path().to_owned()).unwrap();
        place.write(super::super::files::PROGRAM).unwrap();
        place.mend().unwrap();
        assert!(read(&place.path("clinic/greenroom.toml")).unwrap().contains("\"x_ride\"]"));
        assert!(read(&place.path("clinic/columns.toml")).unwrap().contains("[x_merged_client]"));
        assert!(place.path("clinic/upgrade/002a_merge_duplicates.sql").exists());
    }
}
