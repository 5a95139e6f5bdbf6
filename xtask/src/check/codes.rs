//! Finding codes: every code that the product uses has an explanation, and the other way round. Pure.

use super::{Report, Source};
use std::collections::{BTreeMap, BTreeSet};

const REGISTER: &str = "crates/model/src/finding/codes/";
/// Codes that are never given out, so that tests may ask for an unknown one.
const NEVER: &str = "GR99";

/// Compares the codes in the crates with the register.
pub fn check(sources: &[Source]) -> Report {
    let mut registered: BTreeMap<&str, &str> = BTreeMap::new();
    let mut used: BTreeMap<&str, &str> = BTreeMap::new();
    let mut report = Report::default();
    for source in sources.iter().filter(|s| s.path.starts_with("crates/") && s.path.ends_with(".rs")) {
        let text = source.text.as_deref().unwrap_or_default();
        if source.path.starts_with(REGISTER) {
            for code in registrations(text) {
                if let Some(other) = registered.insert(code, &source.path) {
                    report.errors.push(format!("{}: {code} is registered in {other} already", source.path));
                }
            }
        } else {
            for code in codes(text) {
                used.entry(code).or_insert(&source.path);
            }
        }
    }
    for (code, path) in used.iter().filter(|(code, _)| !registered.contains_key(*code) && !code.starts_with(NEVER)) {
        report.errors.push(format!("{path}: uses {code}, which {REGISTER} does not explain"));
    }
    let unused = registered.keys().filter(|code| !used.contains_key(*code));
    report.warnings.extend(unused.map(|code| format!("{code} is registered and nothing uses it")));
    report
}

/// The codes that a file of the register defines: those in quotes of their own. An explanation may mention others.
fn registrations(text: &str) -> BTreeSet<&str> {
    text.split('"').filter(|quoted| codes(quoted).first() == Some(quoted)).collect()
}

/// Everything that looks like a code: `GR` and four digits, not part of a longer word.
fn codes(text: &str) -> BTreeSet<&str> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !word(c)).filter(|w| w.len() == 6 && w.starts_with("GR") && w[2..].bytes().all(|b| b.is_ascii_digit())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: Some(text.to_owned()) }
    }

    #[test]
    fn codes_must_be_registered_once_and_be_used() {
        let sources = [
            source("crates/model/src/finding/codes/a.rs", "code: \"GR0101\", explain: \"like GR0102\"; code: \"GR0103\""),
            source("crates/model/src/finding/codes/b.rs", "code(\"GR0103\", …)"),
            source("crates/engine/src/x.rs", "\"GR0101\" `GR0104` GR9999 GR02xx XGR0105 GR01066"),
        ];
        let report = check(&sources);
        assert_eq!(report.errors.len(), 2, "{report:?}");
        assert!(report.errors[0].contains("GR0103 is registered in crates/model/src/finding/codes/a.rs"));
        assert!(report.errors[1].starts_with("crates/engine/src/x.rs: uses GR0104"));
        assert_eq!(report.warnings, ["GR0103 is registered and nothing uses it"]);
    }
}
