//! Initialised data folders, made once per machine and version and copied for each server, since `initdb` takes seconds and a copy does
//! not. Owns the user that servers run as; does not start any.

use super::Binaries;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Raise when the arguments of `initdb` change.
const EDITION: u32 = 1;

/// The user that servers run as: PostgreSQL refuses to be root.
#[derive(Clone, Copy, Debug)]
pub(super) struct Runner {
    own: u32,
    /// Only as root: user and group to change to.
    other: Option<(u32, u32)>,
}

impl Runner {
    /// Ourselves, or as root the user `postgres`, else `nobody`.
    pub fn choose() -> Runner {
        // A file of ours tells who we are without a system call that std lacks.
        let probe = crate::files::folder();
        let own = fs::metadata(probe.path()).unwrap_or_else(|e| panic!("look at our own folder: {e}")).uid();
        if own != 0 {
            return Runner { own, other: None };
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_else(|e| panic!("read /etc/passwd: {e}"));
        let other = ["postgres", "nobody"].iter().find_map(|name| {
            let fields: Vec<&str> = users.lines().find(|l| l.split(':').next() == Some(name))?.split(':').collect();
            Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
        });
        assert!(other.is_some(), "running as root, and /etc/passwd has neither `postgres` nor `nobody` to run PostgreSQL as");
        Runner { own, other }
    }

    /// Makes a command run as this user, in a folder that it can enter.
    pub fn applied_to<'c>(&self, command: &'c mut Command, folder: &Path) -> &'c mut Command {
        if let Some((user, group)) = self.other {
            command.uid(user).gid(group);
        }
        command.current_dir(folder)
    }

    /// Gives a folder to this user.
    pub fn take(&self, folder: &Path) {
        if let Some((user, group)) = self.other {
            chown(folder, Some(user), Some(group)).unwrap_or_else(|e| panic!("give {} to user {user}: {e}", folder.display()));
        }
    }
}

/// Puts a fresh data folder at `data`, below a folder that the runner owns.
pub(super) fn copy(binaries: &Binaries, runner: Runner, data: &Path) {
    let template = template(binaries, runner);
    let mut cp = Command::new("cp");
    run(runner.applied_to(cp.arg("-Rp").arg(&template).arg(data), Path::new("/")), "copy the data folder's template");
}

fn template(binaries: &Binaries, runner: Runner) -> PathBuf {
    let version: String = binaries.version().chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    let base = base(runner);
    let template = base.join(format!("{version}-{EDITION}"));
    if template.is_dir() {
        return template;
    }
    // Made aside and renamed: several processes may come here at once, and one that is killed must not leave half a template.
    let made =
        tempfile::Builder::new().prefix("new-").tempdir_in(&base).unwrap_or_else(|e| panic!("make a folder in {}: {e}", base.display()));
    runner.take(made.path());
    let mut initdb = binaries.command("initdb");
    initdb.args(["--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--auth=trust", "--no-sync", "-D"]).arg(made.path());
    run(runner.applied_to(&mut initdb, made.path()), "initialise a PostgreSQL data folder");
    let renamed = fs::rename(made.path(), &template);
    assert!(renamed.is_ok() || template.is_dir(), "rename the new template to {}: {renamed:?}", template.display());
    template
}

/// The folder that holds the templates, ours alone: a prepared one of somebody else's would run their code.
fn base(runner: Runner) -> PathBuf {
    let base = std::env::temp_dir().join(format!("greenroom-testkit-{}", runner.own));
    if fs::create_dir(&base).is_ok() {
        fs::set_permissions(&base, Permissions::from_mode(0o755)).unwrap_or_else(|e| panic!("set the mode of {}: {e}", base.display()));
    }
    let found = fs::symlink_metadata(&base).unwrap_or_else(|e| panic!("look at {}: {e}", base.display()));
    let ours = found.is_dir() && found.uid() == runner.own && found.mode() & 0o022 == 0;
    assert!(ours, "{} belongs to somebody else or is writable by others; remove it", base.display());
    base
}

fn run(command: &mut Command, attempted: &str) {
    let output = command.output().unwrap_or_else(|e| panic!("{attempted}: run {:?}: {e}", command.get_program()));
    assert!(output.status.success(), "{attempted}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
}
