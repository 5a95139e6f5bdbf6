//! Whole programs: good ones, bad ones with all their findings, and kits that are overridden.

mod back;
mod bad;
mod carry;
mod good;
mod kits;
mod properties;
mod quarantine;
mod written;

use crate::finding::{Finding, Severity};
use crate::program::{Layer, Program, line_col, parse};
use std::fmt::Write;

/// A layer from paths and texts.
pub(super) fn layer(name: &str, files: &[(&str, &str)]) -> Layer {
    Layer {
        name: name.to_owned(),
        files: files.iter().map(|(p, t)| ((*p).to_owned(), (*t).to_owned())).collect(),
        opaque: std::collections::BTreeMap::new(),
    }
}

/// The smallest program.
pub(super) const SMALL: &str = r#"
[program]
name = "clinic"
[source]
engine = "sqlite"
path = "production.db"
[pilot]
name = "pilot/clinic.db"
"#;

/// Parses and expects no finding at all.
pub(super) fn good(layers: &[Layer]) -> Program {
    let (program, findings) = parse(layers);
    assert!(findings.is_empty(), "{}", render(layers, &findings));
    program.expect("no findings, so there is a program")
}

/// Findings as text: place, code, message, hint.
pub(super) fn render(layers: &[Layer], findings: &[Finding]) -> String {
    let mut out = String::new();
    for f in findings {
        let place = f.place.as_ref().map_or_else(
            || "(no place)".to_owned(),
            |p| {
                let text = layers.iter().rev().find_map(|l| {
                    let path = p.file.strip_prefix(&format!("{}/", l.name)).unwrap_or(&p.file);
                    l.files.get(path)
                });
                let text = text.map_or("", String::as_str);
                let (line, column) = line_col(text, p.span.start);
                format!("{}:{line}:{column} `{}`", p.file, text[p.span.clone()].replace('\n', "⏎"))
            },
        );
        let severity = match f.severity {
            Severity::Error => "",
            Severity::Warning => " (warning)",
            Severity::Note => " (note)",
        };
        writeln!(out, "{} {place}{severity}\n    {}", f.code, f.message).expect("writing to a string");
        if let Some(hint) = &f.hint {
            writeln!(out, "    hint: {hint}").expect("writing to a string");
        }
    }
    out
}
