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
    for f in sorted {
        out.push_str(&one(f, layers));
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

fn one(finding: &Finding, layers: &[Layer]) -> String {
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
            line = excerpt(text, place.span.start);
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
    if let Some(hint) = &finding.hint {
        group = group.element(Level::HELP.with_name("hint").message(hint.as_str()));
    }
    Renderer::styled().render(&[group]).to_string()
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
