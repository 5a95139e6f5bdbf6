//! Colours. Streams strip them where they are not wanted (`NO_COLOR`, pipes).

use anstyle::{AnsiColor, Style};

/// Headings and questions.
pub const HEAD: Style = Style::new().bold();
/// What is good.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// What is bad.
pub const BAD: Style = AnsiColor::BrightRed.on_default().bold();
/// What wants attention.
pub const WARN: Style = AnsiColor::Yellow.on_default();
/// What to do next.
pub const HINT: Style = AnsiColor::BrightCyan.on_default().bold();
/// What matters less.
pub const DIM: Style = Style::new().dimmed();

/// Text in a style.
pub fn paint(style: Style, text: impl AsRef<str>) -> String {
    format!("{}{}{}", style.render(), text.as_ref(), style.render_reset())
}

/// A heading with an empty line before it.
pub fn heading(text: &str) -> String {
    format!("\n{}\n", paint(HEAD, text))
}
