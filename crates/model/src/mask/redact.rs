//! Free text: words replaced by dummy words of the same length, or only what looks like an address or a number.
//! Outputs never have more characters than their inputs.

use super::Mask;
use super::args::Args;
use super::carrier::{Carrier, Input, Promise, TextMask};
use super::draw::{Draw, Prf};
use super::words::LOREM;

/// Digits in a row, separators allowed, from which on they count as a number of somebody.
const LONG_RUN: usize = 6;

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Mode {
    Lorem,
    BlankWords,
    Patterns,
}

pub(super) struct Redact {
    prf: Prf,
    mode: Mode,
}

impl Redact {
    pub(super) fn new(prf: Prf, mode: Mode) -> Redact {
        Redact { prf, mode }
    }
}

impl TextMask for Redact {
    fn write(&self, input: &Input<'_>, out: &mut String) -> Result<(), &'static str> {
        let mut draw = self.prf.draw(input.key, input.attempt);
        out.reserve(input.text.len());
        match self.mode {
            Mode::BlankWords => out.extend(input.text.chars().map(|c| match c {
                c if c.is_numeric() => '0',
                c if c.is_alphanumeric() => 'x',
                c => harmless(c),
            })),
            Mode::Lorem => split(input.text, char::is_alphanumeric, |word, is_word| {
                if is_word { lorem(word, &mut draw, out) } else { out.extend(word.chars().map(harmless)) }
            }),
            Mode::Patterns => {
                let part = |c: char| !c.is_whitespace() && !"<>\"'()[]{},;|".contains(c);
                let mut pending = String::new();
                split(input.text, part, |word, is_word| match kind(word).filter(|_| is_word) {
                    Some(sign) => {
                        runs(&pending, &mut draw, out);
                        pending.clear();
                        out.push_str(sign);
                    }
                    None => pending.push_str(word),
                });
                runs(&pending, &mut draw, out);
            }
        }
        Ok(())
    }

    fn has_choice(&self) -> bool {
        self.mode == Mode::Lorem
    }
}

/// Without its `@` a mail address of dummy words is none: `nulla@sed.id` could be somebody's.
fn harmless(c: char) -> char {
    if matches!(c, '@' | '＠') { ' ' } else { c }
}

/// Walks over maximal stretches of characters that are (not) part of a word.
fn split<'t>(text: &'t str, part: impl Fn(char) -> bool, mut each: impl FnMut(&'t str, bool)) {
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = part(first);
        // Bytes are much quicker to walk over than characters, and most texts are ASCII for long stretches.
        let ascii = rest.bytes().position(|b| !b.is_ascii() || part(char::from(b)) != is_word);
        let end = match ascii {
            Some(at) if !rest.as_bytes()[at].is_ascii() => at + rest[at..].find(|c| part(c) != is_word).unwrap_or(rest.len() - at),
            Some(at) => at,
            None => rest.len(),
        };
        each(&rest[..end], is_word);
        rest = &rest[end..];
    }
}

/// A dummy word of as many characters: digits for digits, capitals for capitals at the start or throughout.
fn lorem(word: &str, draw: &mut Draw<'_>, out: &mut String) {
    let ascii = word.is_ascii();
    let has_digit = if ascii { word.bytes().any(|b| b.is_ascii_digit()) } else { word.contains(char::is_numeric) };
    if has_digit {
        out.extend(word.chars().map(|c| if c.is_alphanumeric() { draw.like(c) } else { c }));
        return;
    }
    let capital = word.starts_with(char::is_uppercase);
    let all = capital && word.chars().nth(1).is_some_and(char::is_uppercase);
    let start = out.len();
    let mut missing = if ascii { word.len() } else { word.chars().count() };
    while missing > 0 {
        let length = missing.min(LOREM.len() - 1);
        let dummy: &&str = draw.pick(&LOREM[length]);
        out.push_str(dummy);
        missing -= length;
    }
    let end = if all { out.len() } else { start + usize::from(capital) };
    out[start..end].make_ascii_uppercase();
}

/// What replaces a word that is a mail or web address; never longer than the shortest such word.
fn kind(word: &str) -> Option<&'static str> {
    let lower = word.to_ascii_lowercase();
    if let Some((local, domain)) = word.split_once('@')
        && !local.is_empty()
        && domain.len() >= 4
        && domain.contains('.')
    {
        return Some("[mail]");
    }
    let web = lower.contains("://") || lower.starts_with("www.");
    (web && word.chars().count() >= 5).then_some("[url]")
}

/// Copies text, with other digits in every long run: digits with single separators between them, letters touching them included.
fn runs(text: &str, draw: &mut Draw<'_>, out: &mut String) {
    let chars: Vec<char> = text.chars().collect();
    let separator = |c: char| matches!(c, ' ' | '-' | '.' | '/' | '(' | ')' | '+' | '\u{a0}');
    let mut at = 0;
    while at < chars.len() {
        if !chars[at].is_alphanumeric() {
            out.push(chars[at]);
            at += 1;
            continue;
        }
        // A run goes on over up to two separators when a piece with a digit follows.
        let piece = |from: usize| from + chars[from..].iter().take_while(|c| c.is_alphanumeric()).count();
        let has_digit = |from: usize, to: usize| chars[from..to].iter().any(|c| c.is_numeric());
        let mut end = piece(at);
        while has_digit(at, end) {
            let gap = chars[end..].iter().take(3).take_while(|c| separator(**c)).count();
            let next = end + gap;
            if gap == 0 || gap > 2 || next >= chars.len() || !has_digit(next, piece(next)) {
                break;
            }
            end = piece(next);
        }
        let digits = chars[at..end].iter().filter(|c| c.is_numeric()).count();
        if digits >= LONG_RUN {
            out.extend(chars[at..end].iter().map(|c| draw.like(*c)));
        } else {
            out.extend(&chars[at..end]);
        }
        at = end;
    }
}

/// `redact`.
pub(super) fn redact(args: &mut Args<'_>) -> Box<dyn Mask> {
    let mode = match args.choice("mode", &["lorem", "blank_words", "patterns"]) {
        "blank_words" => Mode::BlankWords,
        "patterns" => Mode::Patterns,
        _ => Mode::Lorem,
    };
    let mask = Redact::new(Prf::new(args.key, "redact"), mode);
    Carrier::boxed(args, mask, Promise::lossy(None))
}
