//! An initialised data folder, made once per machine and version and copied for each server, since initialising takes seconds.

use super::Binaries;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Raise when the arguments change.
const EDITION: u32 = 1;

/// Size of the redo log, the same when a folder is made and when it is used.
pub(super) const LOG: &str = "--innodb-log-file-size=8M";

/// The account that servers run as: our own. As root that must be said.
pub(super) fn user() -> Option<String> {
    let probe = crate::files::folder();
    let own = fs::metadata(probe.path()).unwrap_or_else(|e| panic!("look at our own folder: {e}")).uid();
    (own == 0).then(|| "--user=root".to_owned())
}

/// Puts a fresh data folder at `data`.
pub(super) fn copy(binaries: &Binaries, data: &Path) {
    let template = template(binaries);
    run(Command::new("cp").arg("-Rp").arg(&template).arg(data), "copy the data folder's template");
}

fn template(binaries: &Binaries) -> PathBuf {
    let version: String = binaries.version().chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    let version: String = version.chars().skip_while(|c| !c.is_ascii_digit()).take(40).collect();
    let base = base();
    let template = base.join(format!("mariadb-{version}-{EDITION}"));
    if template.is_dir() {
        return template;
    }
    // Made aside and renamed: several processes may come here at once, and one that is killed must not leave half a template.
    let made =
        tempfile::Builder::new().prefix("new-").tempdir_in(&base).unwrap_or_else(|e| panic!("make a folder in {}: {e}", base.display()));
    let mut install = Command::new(binaries.install());
    install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", LOG]).args(user());
    run(install.arg(format!("--datadir={}", made.path().display())), "initialise a MariaDB data folder");
    let renamed = fs::rename(made.path(), &template);
    assert!(renamed.is_ok() || template.is_dir(), "rename the new template to {}: {renamed:?}", template.display());
    template
}

/// The folder that holds the templates, ours alone: a prepared one of somebody else's would run their code.
fn base() -> PathBuf {
    let probe = crate::files::folder();
    let own = fs::metadata(probe.path()).unwrap_or_else(|e| panic!("look at our own folder: {e}")).uid();
    let base = std::env::temp_dir().join(format!("greenroom-testkit-{own}"));
    if fs::create_dir(&base).is_ok() {
        fs::set_permissions(&base, Permissions::from_mode(0o755)).unwrap_or_else(|e| panic!("set the mode of {}: {e}", base.display()));
    }
    let found = fs::symlink_metadata(&base).unwrap_or_else(|e| panic!("look at {}: {e}", base.display()));
    let ours = found.is_dir() && found.uid() == own && found.mode() & 0o022 == 0;
    assert!(ours, "{} belongs to somebody else or is writable by others; remove it", base.display());
    base
}

fn run(command: &mut Command, attempted: &str) {
    let output = command.output().unwrap_or_else(|e| panic!("{attempted}: run {:?}: {e}", command.get_program()));
    assert!(output.status.success(), "{attempted}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
}
