//! The PostgreSQL binaries that tests start servers from. Starts none itself.

use std::fs;
use std::path::{Path, PathBuf};

const VARIABLE: &str = "GREENROOM_TEST_PG_BIN";
const PACKAGES: &str = "postgresql postgresql-contrib";

/// Finds the folder with the binaries, or installs them where we may. Without them the tests skip loudly.
///
/// # Errors
/// The environment names a folder that lacks them.
pub fn make_sure() -> Result<Option<PathBuf>, String> {
    if let Some(chosen) = std::env::var_os(VARIABLE).filter(|v| !v.is_empty()).map(PathBuf::from) {
        return match whole(&chosen) {
            true => Ok(Some(chosen)),
            false => Err(format!("{VARIABLE} is {}, which lacks `postgres`, `initdb` or `psql`", chosen.display())),
        };
    }
    if let Some(found) = find() {
        return Ok(Some(found));
    }
    println!("== PostgreSQL's server is not installed");
    if super::install(PACKAGES)?
        && let Some(found) = find()
    {
        return Ok(Some(found));
    }
    println!("   SKIPPING all tests on PostgreSQL. Install it: sudo apt-get install -y --no-install-recommends {PACKAGES}");
    println!("   or name the folder of `postgres`, `initdb` and `psql` in {VARIABLE}");
    Ok(None)
}

fn whole(folder: &Path) -> bool {
    ["postgres", "initdb", "psql"].iter().all(|name| folder.join(name).is_file())
}

/// The folder of `pg_config`, else the newest that Debian keeps.
fn find() -> Option<PathBuf> {
    let configured = crate::shell::output("pg_config --bindir").ok().map(|o| PathBuf::from(o.trim()));
    let entries = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<(u32, PathBuf)> =
        entries.filter_map(|e| Some((e.file_name().to_str()?.parse().ok()?, e.path().join("bin")))).collect();
    debian.sort();
    configured.into_iter().chain(debian.into_iter().rev().map(|(_, folder)| folder)).find(|f| whole(f))
}
