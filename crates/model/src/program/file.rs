//! One file of one layer, as places and origins refer to it.

use super::Origin;
use super::text::{floor_boundary, line_col};
use crate::finding::Place;
use crate::program::Layer;
use std::ops::Range;

/// A file that findings are about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct File<'a> {
    /// The layer's name.
    pub layer: &'a str,
    /// Whether the layer is the program itself and not a kit.
    pub own: bool,
    /// Path within the layer.
    pub path: &'a str,
    /// The text; empty for a file that is missing or no text.
    pub text: &'a str,
}

impl File<'_> {
    /// The place of a finding; spans are clamped to the text.
    pub fn place(&self, span: Range<usize>) -> Place {
        let file = if self.own { self.path.to_owned() } else { format!("{}/{}", self.layer, self.path) };
        let start = floor_boundary(self.text, span.start);
        Place { file, span: start..floor_boundary(self.text, span.end).max(start) }
    }

    /// Where a setting was written.
    pub fn origin(&self, span: Range<usize>) -> Origin {
        Origin { layer: self.layer.to_owned(), file: self.path.to_owned(), span: (span.start, span.end) }
    }
}

impl Origin {
    /// Renders as people read it: `columns.toml:12`, with the kit in front for what comes from one: `kit-clinic-5: columns.toml:12`.
    /// Without the file's text among the layers, the line is left out.
    pub fn show(&self, layers: &[Layer]) -> String {
        let own = layers.is_empty() || self.layer == super::PROGRAM_LAYER;
        let text = layers.iter().find(|l| l.name == self.layer).and_then(|l| l.files.get(&self.file));
        let mut shown = if own { self.file.clone() } else { format!("{}: {}", self.layer, self.file) };
        if let Some(text) = text {
            shown.push_str(&format!(":{}", line_col(text, self.span.0).0));
        }
        shown
    }
}
