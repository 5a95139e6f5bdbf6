//! Programs of the customer's: run in the program's folder, with an environment that holds nothing but what every program needs. Owns finding them and their surroundings; what their
//! end means is the caller's.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;

/// Variables that are passed on.
const PASSED_ON: [&str; 5] = ["PATH", "LANG", "LC_ALL", "TZ", "HOME"];

/// The program that a word names: a file of the program's folder, or one that the machine knows.
pub(crate) fn named(folder: &Path, word: &str) -> PathBuf {
    let path = folder.join(word);
    if path.is_file() { path } else { word.into() }
}

/// A program that can be started; it ends when nobody waits for it any more.
pub(crate) fn clean(folder: &Path, program: &Path, arguments: &[String]) -> Command {
    let mut child = Command::new(program);
    child.args(arguments).env_clear().current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    for name in PASSED_ON {
        if let Some(value) = std::env::var_os(name) {
            child.env(name, value);
        }
    }
    child
}
