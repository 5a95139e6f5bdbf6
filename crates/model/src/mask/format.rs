//! Masks that keep a value's format and change its characters: digits, postcodes, phone numbers. Owns the ranges of telephone numbers
//! that nobody has; does not own numbers with check digits (`national`, `bank`).

use super::Mask;
use super::args::Args;
use super::carrier::{Carrier, Input, Promise, TextMask};
use super::draw::{Draw, Prf};

struct Same {
    prf: Prf,
    keep: usize,
    letters: bool,
}

impl TextMask for Same {
    fn write(&self, input: &Input<'_>, out: &mut String) -> Result<(), &'static str> {
        let mut draw = self.prf.draw(input.key, input.attempt);
        // At least the last letter or digit changes, however much the program wants kept.
        let last = input.text.rfind(char::is_alphanumeric).unwrap_or(0);
        let mut kept = 0;
        for (at, c) in input.text.char_indices() {
            if kept < self.keep && at < last {
                kept += usize::from(c.is_alphanumeric());
                out.push(c);
            } else if self.letters || c.is_numeric() {
                out.push(draw.like(c));
            } else {
                out.push(c);
            }
        }
        Ok(())
    }

    fn keeps_digits(&self) -> bool {
        true
    }
}

fn same(args: &mut Args<'_>, purpose: &str, letters: bool) -> Box<dyn Mask> {
    let keep = args.whole("keep", 0..=64).unwrap_or(0);
    let mask = Same { prf: Prf::new(args.key, purpose), keep, letters };
    Carrier::boxed(args, mask, Promise::lossy(None))
}

/// `digits`.
pub(super) fn digits(args: &mut Args<'_>) -> Box<dyn Mask> {
    let letters = args.choice("letters", &["replace", "keep"]) == "replace";
    same(args, "digits", letters)
}

/// `postcode`.
pub(super) fn postcode(args: &mut Args<'_>) -> Box<dyn Mask> {
    same(args, "postcode", true)
}

/// Words in a telephone number that tell nothing about a person.
const PHONE_WORDS: [&str; 12] = ["ext", "extn", "extension", "x", "tel", "phone", "fax", "mob", "mobile", "home", "work", "office"];

struct Phone {
    prf: Prf,
    keep: usize,
}

impl TextMask for Phone {
    fn write(&self, input: &Input<'_>, out: &mut String) -> Result<(), &'static str> {
        let text = input.text;
        let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(10)).filter_map(|d| u8::try_from(d).ok()).collect();
        let mut draw = self.prf.draw(input.key, input.attempt);
        let new = new_number(&digits, text.trim_start().starts_with('+'), self.keep, &mut draw);
        let mut next = new.into_iter();
        let mut word_start = 0;
        let mut at_word = false;
        for (at, c) in text.char_indices() {
            if c.is_alphabetic() {
                if !at_word {
                    word_start = at;
                    at_word = true;
                }
                let word = text[word_start..].split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
                let known = PHONE_WORDS.iter().any(|w| w.eq_ignore_ascii_case(word));
                out.push(if known { c } else { 'x' });
                continue;
            }
            at_word = false;
            if c.is_numeric() {
                out.push(if c.is_ascii_digit() { next.next().unwrap_or('0') } else { draw.digit() });
            } else {
                out.push(c);
            }
        }
        Ok(())
    }

    fn keeps_digits(&self) -> bool {
        true
    }
}

/// New digits, one for each old one. Numbers of the North American plan (555-01xx) and British ones (07700 900xxx) land in the ranges set
/// aside for fiction; other international numbers get a leading zero that no number has after its country code.
fn new_number(old: &[u8], plus: bool, keep: usize, draw: &mut Draw<'_>) -> Vec<char> {
    let keep = keep.min(old.len().saturating_sub(1));
    let mut new: Vec<char> = old.iter().map(|_| draw.digit()).collect();
    let put = |new: &mut Vec<char>, at: usize, digits: &str| {
        digits.chars().zip(new.iter_mut().skip(at)).for_each(|(d, slot)| *slot = d);
    };
    let prefix = if plus { 0 } else { usize::from(old.starts_with(&[0, 0])) * 2 };
    let international = (plus || prefix == 2) && old.len() > prefix + 5;
    let country = if international { prefix + country_code(&old[prefix..]) } else { 0 };
    // `1` and ten digits, with or without plus.
    let american = if international { old[prefix] == 1 } else { old.len() == 11 && old[0] == 1 };
    let national = if american { prefix + 1 } else { country };
    let rest = old.len() - national.min(old.len());
    if american && rest == 10 || !international && old.len() == 10 && (2..=9).contains(&old[0]) {
        let area = char::from(b'2' + u8::try_from(draw.index(8)).expect("below eight"));
        new[national] = area;
        put(&mut new, national + 3, "55501");
    } else if international && old[prefix..].starts_with(&[4, 4]) && rest == 10 {
        put(&mut new, national, "7700900");
    } else if international && !american {
        // Italian numbers do begin with a zero; none begins with a one.
        let italian = old[prefix..].starts_with(&[3, 9]);
        put(&mut new, national, if italian { "1" } else { "0" });
    } else if old.first() == Some(&0) {
        new[0] = '0';
    }
    for (slot, digit) in new.iter_mut().zip(old).take(national.max(keep).min(old.len().saturating_sub(1))) {
        *slot = char::from(b'0' + digit);
    }
    new
}

/// Length of the country code at the start (ITU-T E.164 assignments).
fn country_code(digits: &[u8]) -> usize {
    match digits {
        [1 | 7, ..] => 1,
        [2, 0 | 7, ..] | [3, 0..=4 | 6 | 9, ..] | [4, 0 | 1 | 3..=9, ..] | [5, 1..=8, ..] | [6, 0..=6, ..] => 2,
        [8, 1 | 2 | 4 | 6, ..] | [9, 0..=5 | 8, ..] => 2,
        _ => 3.min(digits.len()),
    }
}

/// `phone`.
pub(super) fn phone(args: &mut Args<'_>) -> Box<dyn Mask> {
    let keep = args.whole("keep", 0..=10).unwrap_or(0);
    let mask = Phone { prf: Prf::new(args.key, "phone"), keep };
    Carrier::boxed(args, mask, Promise::lossy(None))
}
