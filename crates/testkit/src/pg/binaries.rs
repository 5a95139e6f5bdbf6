//! Where PostgreSQL's server binaries are. Does not start any.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Environment variable that names the folder with `postgres`, `initdb` and `psql`; `cargo xtask test` sets it.
pub const BIN: &str = "GREENROOM_TEST_PG_BIN";

/// The binaries of one version.
#[derive(Clone, Debug)]
pub struct Binaries {
    folder: PathBuf,
}

/// No server is installed.
#[derive(Clone, Debug)]
pub struct Missing;

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no PostgreSQL server found in {BIN}, `pg_config --bindir` and /usr/lib/postgresql/*/bin; install the package `postgresql`"
        )
    }
}

impl Binaries {
    /// The folder that the environment names, else that of `pg_config`, else the newest below `/usr/lib/postgresql`.
    ///
    /// # Errors
    /// No folder has them all.
    pub fn find() -> Result<Binaries, Missing> {
        if let Some(folder) = std::env::var_os(BIN).filter(|f| !f.is_empty()) {
            // Somebody chose: another version in its place would make the results mean something else.
            let chosen = Binaries::in_folder(Path::new(&folder));
            return Ok(chosen.unwrap_or_else(|| panic!("{BIN} is {}, which lacks `postgres`, `initdb` or `psql`", folder.display())));
        }
        let configured = Command::new("pg_config").arg("--bindir").output().ok();
        let configured = configured.and_then(|o| String::from_utf8(o.stdout).ok()).map(|o| PathBuf::from(o.trim()));
        configured.into_iter().chain(debian()).find_map(|f| Binaries::in_folder(&f)).ok_or(Missing)
    }

    /// Those of one folder, to run several versions side by side.
    pub fn in_folder(folder: &Path) -> Option<Binaries> {
        let whole = ["postgres", "initdb", "psql"].iter().all(|name| folder.join(name).is_file());
        whole.then(|| Binaries { folder: folder.to_owned() })
    }

    /// Path of one program, such as `pg_dump`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A command that no `PG…` variable of the surroundings steers.
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.program(name));
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_libpq(name)) {
            command.env_remove(name);
        }
        command
    }

    /// What `postgres --version` says.
    pub fn version(&self) -> String {
        let output = self.command("postgres").arg("--version").output().unwrap_or_else(|e| panic!("run `postgres --version`: {e}"));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

fn is_libpq(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"PG")
}

/// Debian keeps versions side by side; newest first.
fn debian() -> Vec<PathBuf> {
    let entries = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> =
        entries.filter_map(|e| Some((e.file_name().to_str()?.parse().ok()?, e.path().join("bin")))).collect();
    versions.sort();
    versions.into_iter().rev().map(|(_, folder)| folder).collect()
}
