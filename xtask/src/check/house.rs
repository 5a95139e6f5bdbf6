//! Rules of the house that no compiler checks: modules say what they own, files stay small, nobody's machine shows. Pure.

use super::{Report, Source};

/// More lines than this, and the file holds several ideas.
const TOO_LONG: usize = 800;
/// More lines than this, and it is time to look for them.
const LONG: usize = 600;
/// Folders of developers' machines. In parts, or this file would break its own rule.
const MACHINE: &[&str] = &[concat!("/", "work/"), concat!("/", "root/"), concat!("/tmp/", "wt")];

/// Checks all files.
pub fn check(sources: &[Source]) -> Report {
    let mut report = Report::default();
    for source in sources {
        let Some(text) = &source.text else { continue };
        if source.path.ends_with(".rs") {
            rust(&source.path, text, &mut report);
        }
        for (i, line) in text.lines().enumerate() {
            if let Some(folder) = MACHINE.iter().find(|f| names(line, f)) {
                report.errors.push(format!("{}:{}: names a folder of somebody's machine, `{folder}`", source.path, i + 1));
            }
        }
    }
    report
}

fn rust(path: &str, text: &str, report: &mut Report) {
    let lines = text.lines().count();
    if lines > TOO_LONG {
        report.errors.push(format!("{path}: {lines} lines, at most {TOO_LONG} are allowed; split it"));
    } else if lines > LONG {
        report.warnings.push(format!("{path}: {lines} lines; look for the second idea in it before it has {TOO_LONG}"));
    }
    if path.contains("/src/") && !text.starts_with("//!") {
        report.errors.push(format!("{path}: does not begin with `//!`, what the module owns and what it does not"));
    }
}

/// Does the line hold this as the beginning of an absolute path? `https://example.org/work/` does not.
fn names(line: &str, folder: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | '}' | ')' | '*' | '~');
    line.match_indices(folder).any(|(at, _)| !line[..at].ends_with(inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(path: &str, text: &str) -> Report {
        check(&[Source { path: path.to_owned(), text: Some(text.to_owned()) }])
    }

    #[test]
    fn modules_must_say_what_they_own() {
        assert_eq!(checked("crates/a/src/b.rs", "//! Owns b.\n").errors.len(), 0);
        assert_eq!(checked("crates/a/src/b.rs", "use std;\n").errors.len(), 1);
        assert_eq!(checked("crates/a/build.rs", "fn main() {}\n").errors.len(), 0);
    }

    #[test]
    fn long_files_are_warned_about_and_longer_ones_refused() {
        let of = |lines| checked("crates/a/src/b.rs", &"//! x\n".repeat(lines));
        assert_eq!((of(600), of(800).warnings.len(), of(801).errors.len()), (Report::default(), 1, 1));
    }

    #[test]
    fn folders_of_machines_are_found_and_addresses_are_not() {
        for bad in [format!("at {}x", MACHINE[0]), format!("\"{}y\"", MACHINE[1]), format!("cd {}/z", MACHINE[2])] {
            assert_eq!(checked("README.md", &bad).errors.len(), 1, "{bad}");
        }
        for good in ["https://example.org/work/", "a/root/b", "$HOME/homework/", "frame/work/"] {
            assert_eq!(checked("README.md", good), Report::default(), "{good}");
        }
    }
}
