//! Trees of files that belong to an application (reports, documents, themes): copied to their new place complete and unchanged, in passes.
//!
//! Owns walking, copying, comparing and the manifest that makes the second pass cheap. Does not own which trees there are (`model::program`) nor
//! recording what was done (`session`). Nothing is written outside the new place, no link is followed, and no file is replaced that this did
//! not write itself.

mod attributes;
mod copy;
mod manifest;
mod verify;
mod walk;

pub use copy::{Choice, copy};
pub use manifest::Manifest;
pub use verify::verify;

use greenroom_model::hash::Hash;
use greenroom_model::program::FileTree;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Most places that a report names; the others are counted.
const MOST_NAMED: usize = 100;

/// A tree whose paths are absolute.
#[derive(Clone, Debug)]
pub struct Tree {
    /// Its name in the program.
    pub name: String,
    /// Where it stands.
    pub from: PathBuf,
    /// Where it is copied to.
    pub to: PathBuf,
    /// Names that are left out; `*` stands for any characters.
    pub leave_out: Vec<String>,
}

impl Tree {
    /// A tree of a program in a folder.
    pub fn of(tree: &FileTree, folder: &Path) -> Tree {
        Tree { name: tree.name.clone(), from: folder.join(&tree.from), to: folder.join(&tree.to), leave_out: tree.leave_out.clone() }
    }
}

/// What a pass did, or a comparison saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TreeReport {
    /// The tree's name.
    pub tree: String,
    /// Files of the source.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Folders of the source.
    pub folders: u64,
    /// Links within the tree.
    pub links: u64,
    /// Files that were copied.
    pub copied: u64,
    /// Their bytes.
    pub copied_bytes: u64,
    /// Files that stood at the new place already, with the same content.
    pub found: u64,
    /// Files that have gone at the source since an earlier pass and were removed.
    pub removed: u64,
    /// What is not at the new place as it should be: path and what is wrong. The first of them.
    pub wrong: Vec<(String, String)>,
    /// How many there are.
    pub wrongs: u64,
    /// What is worth knowing and no fault.
    pub notes: Vec<String>,
    /// Hash over every path, kind, size, mode and content, in order.
    pub manifest: Option<Hash>,
}

impl TreeReport {
    fn wrong(&mut self, path: &Path, what: impl Into<String>) {
        self.wrongs += 1;
        if self.wrong.len() < MOST_NAMED {
            self.wrong.push((path.display().to_string(), what.into()));
        }
    }

    fn note(&mut self, what: String) {
        if !self.notes.contains(&what) && self.notes.len() < MOST_NAMED {
            self.notes.push(what);
        }
    }

    /// Everything is as it should be.
    pub fn is_good(&self) -> bool {
        self.wrongs == 0
    }
}

/// Why a tree could not be worked on at all.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// The two places are no pair: missing, one within the other, not a folder, or somebody else's.
    #[error("{0}")]
    Place(String),
    /// Something that concerns the whole tree could not be read or written.
    #[error("could not {doing} `{}`: {source}", path.display())]
    Io {
        /// What was attempted.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The manifest could not be read or written.
    #[error("could not use the manifest `{}`: {source}", path.display())]
    Manifest {
        /// Its file.
        path: PathBuf,
        /// Why not.
        source: rusqlite::Error,
    },
    /// Somebody asked to stop; what is done is kept.
    #[error("stopped")]
    Stopped,
}

fn io<'p>(doing: &'static str, path: &'p Path) -> impl FnOnce(std::io::Error) -> TreeError + 'p {
    move |source| TreeError::Io { doing, path: path.to_owned(), source }
}

/// The two places exist, or can, and neither lies within the other.
///
/// # Errors
/// [`TreeError::Place`] otherwise.
fn places(tree: &Tree) -> Result<(PathBuf, PathBuf), TreeError> {
    let from = tree
        .from
        .canonicalize()
        .map_err(|e| TreeError::Place(format!("`{}`, where the tree stands, cannot be read: {e}", tree.from.display())))?;
    if !from.is_dir() {
        return Err(TreeError::Place(format!("`{}` is no folder", tree.from.display())));
    }
    let above = tree.to.parent().unwrap_or(Path::new("/"));
    let above = above
        .canonicalize()
        .map_err(|e| TreeError::Place(format!("`{}`, in which the new place would be, cannot be read: {e}", above.display())))?;
    let to = above.join(tree.to.file_name().unwrap_or_default());
    match to.symlink_metadata() {
        Ok(m) if !m.is_dir() => return Err(TreeError::Place(format!("`{}`, the new place, is no folder", to.display()))),
        _ => {}
    }
    if to.starts_with(&from) || from.starts_with(&to) {
        return Err(TreeError::Place(format!("`{}` and `{}` lie within each other", from.display(), to.display())));
    }
    Ok((from, to))
}
