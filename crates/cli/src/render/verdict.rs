//! Verdicts: what was compared, what was not, what differs.

use super::style::{BAD, DIM, GOOD, paint};
use greenroom_model::run::Verdict;

/// What a verification is called.
pub fn name(verdict: &Verdict) -> &str {
    match verdict.what.as_str() {
        "copy" => "the copy",
        "upgrade" => "the upgrade",
        "safety-before" => "safety before the upgrade",
        "safety-after" => "safety before the swap",
        "before opening" => "safety before opening",
        other => other,
    }
}

/// `passed` or `failed`, coloured.
pub fn mark(verdict: &Verdict) -> String {
    if verdict.passed { paint(GOOD, "passed") } else { paint(BAD, "failed") }
}

/// One line.
pub fn line(verdict: &Verdict) -> String {
    let open = match verdict.not_compared.len() {
        0 => String::new(),
        n => paint(DIM, format!(" ({n} not compared)")),
    };
    let differences = match verdict.differences.len() {
        0 => String::new(),
        n => format!(", {}", super::words::count(n as u64, "difference")),
    };
    format!("{}: {}{differences}{open}", name(verdict), mark(verdict))
}

/// Everything.
pub fn full(verdict: &Verdict) -> String {
    let mut out = format!("{}: {}\n", name(verdict), mark(verdict));
    for line in &verdict.differences {
        out.push_str(&format!("  {} {line}\n", paint(BAD, "differs")));
    }
    for line in &verdict.compared {
        out.push_str(&format!("  {} {line}\n", paint(GOOD, "compared")));
    }
    for line in &verdict.not_compared {
        out.push_str(&format!("  {} {line}\n", paint(DIM, "not compared")));
    }
    out.push_str(&paint(DIM, format!("  measured on schema {}\n", verdict.fingerprint.short())));
    out
}
