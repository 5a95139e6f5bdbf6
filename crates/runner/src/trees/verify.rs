//! Comparing both places anew: every file of both is read, whatever the manifest says.

use super::attributes::modified;
use super::copy::hash;
use super::walk::{Walk, What};
use super::{Tree, TreeError, TreeReport, places};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Compares the tree with its copy.
///
/// # Errors
/// As [`super::copy`].
pub fn verify(tree: &Tree, tell: &mut dyn FnMut(u64), stop: &dyn Fn() -> bool) -> Result<TreeReport, TreeError> {
    let (from, to) = places(tree)?;
    let mut report = TreeReport { tree: tree.name.clone(), ..TreeReport::default() };
    let unread = |path: &Path| {
        let path = path.to_owned();
        move |u: super::walk::Unread| TreeError::Io { doing: "read", path, source: u.why }
    };
    for found in Walk::new(&from, &tree.leave_out).map_err(unread(&from))? {
        if stop() {
            return Err(TreeError::Stopped);
        }
        let found = match found {
            Ok(found) => found,
            Err(u) => {
                report.wrong(&u.path, format!("cannot be read: {}", u.why));
                continue;
            }
        };
        let (here, there) = (from.join(&found.path), to.join(&found.path));
        let copy = there.symlink_metadata();
        match (&found.what, copy) {
            (What::LinkOut(_) | What::Special, _) => {
                report.wrong(&found.path, "it is not copied: a link that leads out, or neither file nor folder")
            }
            (_, Err(_)) => report.wrong(&found.path, "it is not at the new place"),
            (What::Folder, Ok(m)) => {
                report.folders += 1;
                if !m.is_dir() {
                    report.wrong(&found.path, "it is no folder at the new place");
                } else if mode(&m) != mode(&found.meta) {
                    report.wrong(&found.path, "its mode is another at the new place");
                }
            }
            (What::Link(points), Ok(_)) => {
                report.links += 1;
                if std::fs::read_link(&there).ok().as_ref() != Some(points) {
                    report.wrong(&found.path, "it is no such link at the new place");
                }
            }
            (What::File, Ok(m)) => {
                report.files += 1;
                report.bytes += found.meta.len();
                if m.len() != found.meta.len() || !m.is_file() {
                    report.wrong(&found.path, "its size is another at the new place");
                    continue;
                }
                match (hash(&here), hash(&there)) {
                    (Ok(a), Ok(b)) if a == b && mode(&m) == mode(&found.meta) && modified(&m) == modified(&found.meta) => {}
                    (Ok(a), Ok(b)) if a == b => report.wrong(&found.path, "its mode or time is another at the new place"),
                    (Ok(_), Ok(_)) => report.wrong(&found.path, "its content is another at the new place"),
                    (Err(e), _) | (_, Err(e)) => report.wrong(&found.path, format!("cannot be read: {e}")),
                }
                tell(found.meta.len());
            }
        }
    }
    for found in Walk::new(&to, &tree.leave_out).map_err(unread(&to))? {
        match found {
            Ok(found) if from.join(&found.path).symlink_metadata().is_err() => report.wrong(&found.path, "it is at the new place only"),
            Ok(_) => {}
            Err(u) => report.wrong(&u.path, format!("cannot be read at the new place: {}", u.why)),
        }
    }
    Ok(report)
}

fn mode(meta: &Metadata) -> u32 {
    meta.mode() & 0o7777
}
