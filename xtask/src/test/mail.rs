//! The mail server that tests send notices to: Debian's `python3-aiosmtpd`. Starts none itself.

use crate::shell::works;

const PACKAGES: &str = "python3 python3-aiosmtpd";

/// Finds it, or installs it where we may. Without it the tests skip loudly.
///
/// # Errors
/// When the installation cannot be begun.
pub fn make_sure() -> Result<(), String> {
    if found() {
        return Ok(());
    }
    println!("== Python's mail server (aiosmtpd) is not installed");
    if super::install(PACKAGES)? && found() {
        return Ok(());
    }
    println!("   SKIPPING all tests that send mail. Install it: sudo apt-get install -y --no-install-recommends {PACKAGES}");
    Ok(())
}

fn found() -> bool {
    ["python3", "/usr/bin/python3"].iter().any(|python| works(&format!("{python} -m aiosmtpd --version")))
}
