//! Findings with file, line, span and hint. Lines that may hold secrets are cut by `program::excerpt`.

use super::style;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use greenroom_model::finding::{Finding, Severity};
use greenroom_model::program::{Layer, excerpt, line_col};

/// Renders findings, gravest first, then by place, with a count at the end.
pub fn render(findings: &[Finding], layers: &[Layer]) -> String {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|f| (std::cmp::Reverse(f.severity), f.place.as_ref().map(|p| (p.file.clone(), p.span.start)), f.code));
    let mut out = String::new();
    for f in &sorted {
        let secret = sorted.iter().any(|o| o.code == SECRET && same_line(o, f, layers));
        out.push_str(&one(f, layers, secret));
        out.push_str("\n\n");
    }
    if !findings.is_empty() {
        out.push_str(&format!("{}\n", count(findings)));
    }
    out
}

/// `2 errors, 1 warning`.
pub fn count(findings: &[Finding]) -> String {
    let part = |severity: Severity, one: &str, style: anstyle::Style| {
        let n = findings.iter().filter(|f| f.severity == severity).count();
        (n > 0).then(|| style::paint(style, super::words::count(n as u64, one)))
    };
    let parts = [
        part(Severity::Error, "error", style::BAD),
        part(Severity::Warning, "warning", style::WARN),
        part(Severity::Note, "note", style::DIM),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A secret written in clear: its line must never be repeated.
const SECRET: &str = "GR0111";

fn same_line(a: &Finding, b: &Finding, layers: &[Layer]) -> bool {
    let line = |f: &Finding| {
        let place = f.place.as_ref()?;
        Some((place.file.clone(), line_col(text_of(&place.file, layers)?, place.span.start).0))
    };
    line(a).is_some() && line(a) == line(b)
}

fn one(finding: &Finding, layers: &[Layer], secret: bool) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = level
        .primary_title(finding.message.as_str())
        .id(finding.code)
        .elements(std::iter::empty::<Snippet<'_, annotate_snippets::Annotation<'_>>>());
    let shown = finding.place.as_ref().map(|p| (p, text_of(&p.file, layers)));
    let line;
    match &shown {
        Some((place, Some(text))) if place.span.end > 0 => {
            let known = excerpt(text, place.span.start);
            line = match known.split_once('=') {
                Some((left, _)) if secret => format!("{left}= …"),
                None if secret => "…".to_owned(),
                _ => known,
            };
            let (number, column) = line_col(text, place.span.start);
            let start = byte_of(&line, column - 1);
            // Spans over several lines point at their first; a cut line at its end.
            let length = text.get(place.span.clone()).map_or(0, |t| t.lines().next().unwrap_or_default().len());
            let end = (start + length).min(line.len());
            let snippet = Snippet::source(line.as_str()).line_start(number).path(place.file.as_str());
            group = group.element(snippet.annotation(AnnotationKind::Primary.span(start..end.max(start))));
        }
        Some((place, _)) => group = group.element(annotate_snippets::Origin::path(place.file.as_str())),
        None => {}
    }
    match &finding.hint {
        Some(hint) if shown.is_some() => group = group.element(Level::HELP.with_name("hint").message(hint.as_str())),
        _ => {}
    }
    let mut out = Renderer::styled().render(&[group]).to_string();
    // Without a place there is no frame for the hint to stand in.
    if let (Some(hint), None) = (&finding.hint, &shown) {
        out.push_str(&format!("\n  {}: {hint}", style::paint(style::HINT, "hint")));
    }
    out
}

fn byte_of(line: &str, character: usize) -> usize {
    line.char_indices().nth(character).map_or(line.len(), |(i, _)| i)
}

/// The text of a finding's file: kits' files are prefixed with the kit's name.
fn text_of<'l>(file: &str, layers: &'l [Layer]) -> Option<&'l str> {
    let (program, kits) = layers.split_last()?;
    let in_kit = kits.iter().find_map(|k| k.files.get(file.strip_prefix(&k.name)?.strip_prefix('/')?));
    in_kit.or_else(|| program.files.get(file)).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use greenroom_model::finding::Place;

    #[test]
    fn a_secret_in_clear_is_pointed_at_but_not_repeated() {
        let text = "[source]\npasword = \"hunter2\"\n";
        let layers = [Layer { name: "program".into(), files: [("greenroom.toml".into(), text.into())].into(), ..Layer::default() }];
        let place = |span| Place { file: "greenroom.toml".into(), span };
        let found = [Finding::error(SECRET, "a secret").at(place(9..16)), Finding::error("GR0106", "unknown").at(place(19..28))];
        let shown = anstream::adapter::strip_str(&render(&found, &layers)).to_string();
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("2 | pasword = …"), "{shown}");
        assert!(shown.ends_with("2 errors\n"), "{shown}");
    }
}
