//! Walking a tree in a fixed order, parents first, without following links. Holds one folder's names at a time.

use std::ffi::OsString;
use std::fs::{Metadata, read_dir};
use std::io;
use std::path::{Component, Path, PathBuf};

/// What stands at a path, relative to the tree.
pub(super) struct Found {
    pub path: PathBuf,
    pub what: What,
    pub meta: Metadata,
}

pub(super) enum What {
    Folder,
    File,
    /// A link that stays within the tree, and where it points as written.
    Link(PathBuf),
    /// A link that leads out of the tree.
    LinkOut(PathBuf),
    /// A device, a pipe, a socket.
    Special,
}

/// A place that could not be read.
pub(super) struct Unread {
    pub path: PathBuf,
    pub why: io::Error,
}

pub(super) struct Walk<'t> {
    root: &'t Path,
    leave_out: &'t [String],
    /// Names still to be visited, in reverse.
    todo: Vec<PathBuf>,
}

impl<'t> Walk<'t> {
    pub fn new(root: &'t Path, leave_out: &'t [String]) -> Result<Walk<'t>, Unread> {
        let mut walk = Walk { root, leave_out, todo: Vec::new() };
        walk.enter(Path::new(""))?;
        Ok(walk)
    }

    fn enter(&mut self, folder: &Path) -> Result<(), Unread> {
        let unread = |why| Unread { path: folder.to_owned(), why };
        let mut names: Vec<OsString> = Vec::new();
        for entry in read_dir(self.root.join(folder)).map_err(unread)? {
            let name = entry.map_err(unread)?.file_name();
            let shown = name.to_string_lossy();
            if !self.leave_out.iter().any(|pattern| matches(pattern, &shown)) {
                names.push(name);
            }
        }
        names.sort_unstable_by(|a, b| b.cmp(a));
        self.todo.extend(names.into_iter().map(|name| folder.join(name)));
        Ok(())
    }

    fn look(&mut self, path: PathBuf) -> Result<Found, Unread> {
        let unread = |path: &Path, why| Unread { path: path.to_owned(), why };
        let meta = self.root.join(&path).symlink_metadata().map_err(|e| unread(&path, e))?;
        let what = if meta.is_dir() {
            self.enter(&path)?;
            What::Folder
        } else if meta.is_file() {
            What::File
        } else if meta.is_symlink() {
            let to = std::fs::read_link(self.root.join(&path)).map_err(|e| unread(&path, e))?;
            if stays(&path, &to) { What::Link(to) } else { What::LinkOut(to) }
        } else {
            What::Special
        };
        Ok(Found { path, what, meta })
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<Found, Unread>;

    fn next(&mut self) -> Option<Self::Item> {
        let path = self.todo.pop()?;
        Some(self.look(path))
    }
}

/// Whether a link at a path leads to somewhere within the tree, by its text: what it meets on its way is within the tree as well.
fn stays(at: &Path, to: &Path) -> bool {
    let mut depth = at.components().count().saturating_sub(1);
    for part in to.components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::ParentDir if depth == 0 => return false,
            Component::ParentDir => depth -= 1,
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    true
}

/// Whether a name is what a pattern says; `*` stands for any characters.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, rest)) => name.strip_prefix(head).is_some_and(|name| {
            // Every place at which the rest may begin.
            (0..=name.len()).filter(|at| name.is_char_boundary(*at)).any(|at| matches(rest, &name[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_lead_out_are_told_from_those_that_stay() {
        let stays = |at: &str, to: &str| stays(Path::new(at), Path::new(to));
        assert!(stays("a/b/link", "../c"));
        assert!(stays("link", "a/../b"));
        assert!(!stays("link", "../x"));
        assert!(!stays("a/link", "../../x"));
        assert!(!stays("a/link", "/etc/passwd"));
    }

    #[test]
    fn patterns_are_whole_names_with_stars() {
        for (pattern, name) in [("*.tmp", "a.tmp"), ("~*", "~lock"), ("a*b*c", "aXbYc"), ("*", ""), ("ä*", "äö"), ("x", "x")] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("*.tmp", "a.tmp2"), ("tmp", "a.tmp"), ("a*b*c", "aXc")] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}
