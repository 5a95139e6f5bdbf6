//! Running other programs: in the repository's folder, with their durations. Owns nothing else.

use std::io::{BufRead, BufReader, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The repository's folder.
pub fn root() -> PathBuf {
    // Cargo sets it for `cargo run`; the manifest's place at build time serves when the binary is called by itself.
    let own = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    own.parent().map_or_else(|| own.clone(), Path::to_owned)
}

/// A command in the repository's folder, written as in a shell without quotes.
pub fn command(line: &str) -> Command {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).current_dir(root());
    command
}

/// Does this command end well? Prints nothing.
pub fn works(line: &str) -> bool {
    command(line).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

/// What a command prints.
///
/// # Errors
/// It cannot be started or fails; with what it said.
pub fn output(line: &str) -> Result<String, String> {
    let output = command(line).stdin(Stdio::null()).output().map_err(|e| format!("run `{line}`: {e}"))?;
    match output.status.success() {
        true => String::from_utf8(output.stdout).map_err(|_| format!("`{line}` printed something that is not UTF-8")),
        false => Err(format!("`{line}` failed: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

/// Runs a command with its output shown, and says how long it took. True when it ended well.
///
/// # Errors
/// It cannot be started.
pub fn step(line: &str) -> Result<bool, String> {
    println!("== {line}");
    let began = Instant::now();
    let status = command(line).stdin(Stdio::null()).status().map_err(|e| format!("run `{line}`: {e}"))?;
    println!("   {} after {:.1} s", if status.success() { "ok" } else { "FAILED" }, began.elapsed().as_secs_f64());
    Ok(status.success())
}

/// Runs a command, shows its output and gives every line of it to `each`. True when it ended well.
///
/// # Errors
/// It cannot be started.
pub fn watched(command: &mut Command, mut each: impl FnMut(&str)) -> Result<bool, String> {
    let shown = format!("{:?}", command.get_program());
    // What both outputs say is told apart by nobody, so one pipe carries both, in order.
    let (reader, writer) = std::io::pipe().map_err(|e| format!("make a pipe: {e}"))?;
    let second = writer.try_clone().map_err(|e| format!("make a pipe: {e}"))?;
    let mut child = command.stdin(Stdio::null()).stdout(writer).stderr(second).spawn().map_err(|e| format!("run {shown}: {e}"))?;
    // Our own copies of the pipe's writing end live in the command until it is reconfigured; with them open, reading would never end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    for line in BufReader::new(reader).split(b'\n') {
        let line = line.map_err(|e| format!("read from {shown}: {e}"))?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        each(&plain(&line));
    }
    child.wait().map(|s| s.success()).map_err(|e| format!("wait for {shown}: {e}"))
}

/// Whether somebody looks at our output, so that colours are welcome.
pub fn colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// The line without the escape sequences of colours.
fn plain(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        out.push_str(before);
        rest = after.split_once(|c: char| c.is_ascii_alphabetic()).map_or("", |(_, tail)| tail);
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn colours_are_taken_off() {
        assert_eq!(plain("\u{1b}[32;1m  Summary\u{1b}[0m [1s] \u{1b}[1m16\u{1b}[0m passed"), "  Summary [1s] 16 passed");
    }
}
