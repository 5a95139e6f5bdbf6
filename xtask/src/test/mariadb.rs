//! The MariaDB programs that tests start servers from. Starts none itself, and touches no service of the system.

use std::path::{Path, PathBuf};

const VARIABLE: &str = "GREENROOM_TEST_MARIADB_BIN";
const PACKAGES: &str = "mariadb-server";
const USUAL: &[&str] = &["/usr/sbin", "/usr/bin", "/usr/local/bin", "/usr/local/sbin", "/usr/local/mysql/bin"];

/// Finds the server, or installs it where we may. Without it the tests skip loudly.
///
/// # Errors
/// The environment names a folder without it.
pub fn make_sure() -> Result<(), String> {
    if let Some(chosen) = std::env::var_os(VARIABLE).filter(|v| !v.is_empty()).map(PathBuf::from) {
        let named = chosen.join("mariadbd").is_file();
        return if named { Ok(()) } else { Err(format!("{VARIABLE} is {}, which lacks `mariadbd`", chosen.display())) };
    }
    if found() {
        return Ok(());
    }
    println!("== MariaDB's server is not installed");
    if super::install(PACKAGES)? && found() {
        return Ok(());
    }
    println!("   SKIPPING all tests on MariaDB. Install it: sudo apt-get install -y --no-install-recommends {PACKAGES}");
    println!("   or name the folder of `mariadbd` in {VARIABLE}");
    Ok(())
}

fn found() -> bool {
    let in_any = |name: &str| USUAL.iter().any(|folder| Path::new(folder).join(name).is_file());
    ["mariadbd", "mariadb-install-db", "mariadb"].into_iter().all(in_any)
}
