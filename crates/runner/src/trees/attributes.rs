//! Attributes that a copy keeps: mode, owner, times and extended attributes (access lists among them). Owns reading and setting them; what
//! cannot be kept is said, not hidden.

use rustix::fs::{AtFlags, Timespec, Timestamps, XattrFlags};
use rustix::io::Errno;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// Nanoseconds since 1970 of a file's last change of content.
pub(super) fn modified(meta: &Metadata) -> i64 {
    meta.mtime().saturating_mul(1_000_000_000).saturating_add(meta.mtime_nsec())
}

/// Nanoseconds since 1970 of its last change of anything.
pub(super) fn changed(meta: &Metadata) -> i64 {
    meta.ctime().saturating_mul(1_000_000_000).saturating_add(meta.ctime_nsec())
}

fn times(meta: &Metadata) -> Timestamps {
    let at = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
    Timestamps { last_access: at(meta.atime(), meta.atime_nsec()), last_modification: at(meta.mtime(), meta.mtime_nsec()) }
}

/// Gives an open copy the attributes of the source; returns what could not be kept.
pub(super) fn keep(source: &File, from: &Metadata, copy: &File) -> io::Result<Vec<String>> {
    let mut lost = Vec::new();
    let now = copy.metadata()?;
    if (now.uid(), now.gid()) != (from.uid(), from.gid()) && std::os::unix::fs::fchown(copy, Some(from.uid()), Some(from.gid())).is_err() {
        lost.push("owners are not kept: only root may give files away".to_owned());
    }
    // After the owner: giving a file away takes its set-user-id bits.
    copy.set_permissions(std::fs::Permissions::from_mode(from.mode() & 0o7777))?;
    for name in names(source)? {
        let mut value = vec![0u8; 64 * 1024];
        let read = match rustix::fs::fgetxattr(source, &name, value.as_mut_slice()) {
            Ok(read) => read,
            Err(Errno::NODATA) => continue,
            Err(e) => return Err(e.into()),
        };
        value.truncate(read);
        if rustix::fs::fsetxattr(copy, &name, &value, XattrFlags::empty()).is_err() {
            lost.push(format!("the extended attribute `{name}` is not kept: the new place or our rights do not take it"));
        }
    }
    rustix::fs::futimens(copy, &times(from))?;
    Ok(lost)
}

/// Names of a file's extended attributes; none where the file system has none.
fn names(file: &File) -> io::Result<Vec<String>> {
    let mut list = vec![0u8; 64 * 1024];
    let read = match rustix::fs::flistxattr(file, list.as_mut_slice()) {
        Ok(read) => read,
        Err(Errno::NOTSUP | Errno::NOSYS) => return Ok(Vec::new()),
        Err(e) => return Err(e.into()),
    };
    list.truncate(read);
    let names = list.split(|b| *b == 0).filter(|n| !n.is_empty()).map(|n| String::from_utf8_lossy(n).into_owned());
    Ok(names.filter(|n| !n.starts_with("security.selinux")).collect())
}

/// Gives a link the times of the source's.
pub(super) fn link_times(from: &Metadata, copy: &Path) -> io::Result<()> {
    Ok(rustix::fs::utimensat(rustix::fs::CWD, copy, &times(from), AtFlags::SYMLINK_NOFOLLOW)?)
}
