//! Where MariaDB's programs are. Does not start any.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Environment variable that names the folder with `mariadbd`, where it is not on the usual paths; `cargo xtask test` sets it.
pub const BIN: &str = "GREENROOM_TEST_MARIADB_BIN";

/// The programs of one version.
#[derive(Clone, Debug)]
pub struct Binaries {
    server: PathBuf,
    install: PathBuf,
    client: PathBuf,
}

/// No server is installed.
#[derive(Clone, Debug)]
pub struct Missing;

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no MariaDB server found in {BIN}, /usr/sbin and /usr/bin; install the package `mariadb-server`")
    }
}

impl Binaries {
    /// Those of the folder that the environment names, else those of the system.
    ///
    /// # Errors
    /// One of them is missing.
    pub fn find() -> Result<Binaries, Missing> {
        let chosen = std::env::var_os(BIN).filter(|f| !f.is_empty()).map(PathBuf::from);
        let usual = ["/usr/sbin", "/usr/bin", "/usr/local/bin", "/usr/local/sbin", "/usr/local/mysql/bin"].map(PathBuf::from);
        let folders: Vec<PathBuf> = chosen.into_iter().chain(usual).collect();
        let find = |name: &str| folders.iter().map(|f| f.join(name)).find(|p| p.is_file());
        let whole = || Some(Binaries { server: find("mariadbd")?, install: find("mariadb-install-db")?, client: find("mariadb")? });
        whole().ok_or(Missing)
    }

    pub(super) fn server(&self) -> &Path {
        &self.server
    }

    pub(super) fn install(&self) -> &Path {
        &self.install
    }

    pub(super) fn client(&self) -> Command {
        Command::new(&self.client)
    }

    /// What `mariadbd --version` says.
    pub fn version(&self) -> String {
        let output = Command::new(&self.server).arg("--version").output().unwrap_or_else(|e| panic!("run `mariadbd --version`: {e}"));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}
