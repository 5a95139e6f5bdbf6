//! Attachments, pictures and documents: replaced by a fixed tiny valid file of the same type, recognised by its first bytes.

use super::args::Args;
use super::carrier::{Promise, wrong_type};
use super::{Mask, MaskError, MaskTraits, Value};
use std::borrow::Cow;

const PNG: &[u8] = include_bytes!("placeholder/blank.png");
const JPEG: &[u8] = include_bytes!("placeholder/blank.jpg");
const GIF: &[u8] = include_bytes!("placeholder/blank.gif");
const PDF: &[u8] = include_bytes!("placeholder/blank.pdf");
const ZIP: &[u8] = include_bytes!("placeholder/blank.zip");
const DOCX: &[u8] = include_bytes!("placeholder/blank.docx");
const XLSX: &[u8] = include_bytes!("placeholder/blank.xlsx");
const TEXT: &str = "placeholder\n";

/// How much of a ZIP file's start is searched for the folder that tells office documents from archives.
const LOOK: usize = 65_536;

struct File(MaskTraits);

/// The placeholder for a file's content. Unknown types get the text one: what they hold cannot be imitated.
fn placeholder(content: &[u8]) -> &'static [u8] {
    let holds = |name: &[u8]| content[..content.len().min(LOOK)].windows(name.len()).any(|w| w == name);
    match content {
        [0x89, b'P', b'N', b'G', ..] => PNG,
        [0xff, 0xd8, 0xff, ..] => JPEG,
        [b'G', b'I', b'F', b'8', ..] => GIF,
        [b'%', b'P', b'D', b'F', ..] => PDF,
        [b'P', b'K', 3, 4, ..] if holds(b"word/") => DOCX,
        [b'P', b'K', 3, 4, ..] if holds(b"xl/") => XLSX,
        [b'P', b'K', 3 | 5, 4 | 6, ..] => ZIP,
        _ => TEXT.as_bytes(),
    }
}

impl Mask for File {
    fn traits(&self) -> &MaskTraits {
        &self.0
    }

    fn apply<'v>(&self, _: &[u8], value: Value<'v>) -> Result<Value<'v>, MaskError> {
        Ok(match value {
            Value::Null => Value::Null,
            Value::Bytes(b) if b.is_empty() => Value::Bytes(b),
            Value::Bytes(b) => Value::Bytes(Cow::Borrowed(placeholder(&b))),
            Value::Text(t) if t.is_empty() => Value::Text(t),
            Value::Text(_) => Value::Text(Cow::Borrowed(TEXT)),
            other => return Err(wrong_type("file", &other)),
        })
    }
}

/// `file`.
pub(super) fn file(args: &mut Args<'_>) -> Box<dyn Mask> {
    let longest = [PNG, JPEG, GIF, PDF, ZIP, DOCX, XLSX].iter().map(|f| f.len()).max().unwrap_or(0);
    if args.limit().is_some_and(|limit| limit < longest) {
        args.too_short(longest, "use `null`, `empty` or `constant`");
    }
    Box::new(File(Promise::lossy(Some(longest)).traits(None)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_is_recognised_as_its_own_type() {
        for file in [PNG, JPEG, GIF, PDF, ZIP, DOCX, XLSX, TEXT.as_bytes()] {
            assert_eq!(placeholder(file), file);
        }
        assert_eq!(placeholder(b"hello"), TEXT.as_bytes());
        assert_eq!(placeholder(b"P"), TEXT.as_bytes());
    }
}
