//! Skipping loudly: a test whose surroundings are missing says so where it runs, and again at the end of `cargo xtask test`. Owns the
//! record of skips; does not decide what may be skipped.

use std::fs::OpenOptions;
use std::io::Write;

/// Environment variable that names the file to which skips are appended, one a line: test, tab, reason.
pub const LOG: &str = "GREENROOM_SKIP_LOG";

/// Prints `skipped: <why>`, records it, and returns from the test.
///
/// ```no_run
/// if std::env::var_os("GREENROOM_TEST_MSSQL").is_none() {
///     greenroom_testkit::skip!("no SQL Server; set GREENROOM_TEST_MSSQL");
/// }
/// ```
#[macro_export]
macro_rules! skip {
    ($($why:tt)*) => {{
        $crate::skip::record(&format!($($why)*));
        return;
    }};
}

/// What [`skip!`] does before it returns.
pub fn record(why: &str) {
    let why = why.replace('\n', " ");
    println!("skipped: {why}");
    let Some(path) = std::env::var_os(LOG) else { return };
    let name = test_name();
    // One write of one line: tests of several processes append to the same file at once.
    let line = format!("{name}\t{why}\n");
    let written = OpenOptions::new().create(true).append(true).open(&path).and_then(|mut file| file.write_all(line.as_bytes()));
    written.unwrap_or_else(|e| panic!("append to the skip log {}: {e}", path.display()));
}

/// The running test. Both cargo test and nextest name the thread after the test, unless tests run one at a time on the main thread.
fn test_name() -> String {
    let thread = std::thread::current();
    match thread.name() {
        Some(name) if name != "main" => name.to_owned(),
        _ => std::env::var("NEXTEST_TEST_NAME").unwrap_or_else(|_| "unnamed test".to_owned()),
    }
}
