//! National identity numbers. Owns check digits and the ranges that no person has; does not own bank numbers (`bank`).

use super::Mask;
use super::args::Args;
use super::carrier::{Carrier, Input, Promise, TextMask};
use super::draw::{Draw, Prf};

#[derive(Clone, Copy, PartialEq)]
enum Scheme {
    None,
    Pesel,
    Nip,
    Ssn,
    Luhn,
}

struct NationalId {
    prf: Prf,
    keep: usize,
    scheme: Scheme,
}

impl TextMask for NationalId {
    fn write(&self, input: &Input<'_>, out: &mut String) -> Result<(), &'static str> {
        let mut draw = self.prf.draw(input.key, input.attempt);
        let count = input.text.chars().filter(char::is_ascii_digit).count();
        let digits = self.scheme.digits(count, &mut draw);
        let mut next = digits.iter();
        // At least the last letter or digit changes. Kept characters are for ids without a scheme, which decides all its digits itself.
        let last = input.text.rfind(char::is_alphanumeric).unwrap_or(0);
        let mut kept = 0;
        for (at, c) in input.text.char_indices() {
            if kept < self.keep && at < last {
                kept += usize::from(c.is_alphanumeric());
                out.push(c);
            } else if c.is_ascii_digit() {
                out.push(next.next().map_or_else(|| draw.digit(), |d| char::from(b'0' + d)));
            } else {
                out.push(draw.like(c));
            }
        }
        Ok(())
    }

    fn keeps_digits(&self) -> bool {
        true
    }
}

fn random(count: usize, draw: &mut Draw<'_>) -> Vec<u8> {
    (0..count).map(|_| u8::try_from(draw.index(10)).expect("below ten")).collect()
}

fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(d, w)| u32::from(*d) * w).sum()
}

fn digit(n: u32) -> u8 {
    u8::try_from(n % 10).expect("below ten")
}

impl Scheme {
    /// New digits; none where the number has not the scheme's length (such numbers were never valid and just get other digits).
    fn digits(self, count: usize, draw: &mut Draw<'_>) -> Vec<u8> {
        let mut d = random(count, draw);
        match (self, count) {
            (Scheme::Pesel, 11) => {
                // Months 61 to 72 mean the years from 2200 on: a valid number that nobody has yet.
                let month = 61 + draw.index(12);
                let day = 1 + draw.index(28);
                for (at, n) in [(2, month / 10), (3, month % 10), (4, day / 10), (5, day % 10)] {
                    d[at] = u8::try_from(n).expect("below ten");
                }
                d[10] = digit(10 - weighted(&d[..10], &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10);
            }
            (Scheme::Nip, 10) => {
                // No tax office has the prefix 000. A remainder of ten is no digit: such numbers do not exist, the next one does.
                d[..3].fill(0);
                while weighted(&d[..9], &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == 10 {
                    d[8] = (d[8] + 1) % 10;
                }
                d[9] = digit(weighted(&d[..9], &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11);
            }
            // Area numbers from 900 on are never given to anybody.
            (Scheme::Ssn, 9) => d[0] = 9,
            (Scheme::Luhn, 2..) => {
                let last = count - 1;
                d[last] = luhn_digit(&d[..last]);
            }
            _ => {}
        }
        d
    }
}

/// The check digit that follows the digits (ISO/IEC 7812-1, annex B).
pub(super) fn luhn_digit(digits: &[u8]) -> u8 {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, d)| {
            let d = u32::from(*d) * if i % 2 == 0 { 2 } else { 1 };
            if d > 9 { d - 9 } else { d }
        })
        .sum();
    digit(10 - sum % 10)
}

/// `national_id`.
pub(super) fn national_id(args: &mut Args<'_>) -> Box<dyn Mask> {
    let scheme = match args.choice("scheme", &["none", "pesel", "nip", "ssn", "luhn"]) {
        "pesel" => Scheme::Pesel,
        "nip" => Scheme::Nip,
        "ssn" => Scheme::Ssn,
        "luhn" => Scheme::Luhn,
        _ => Scheme::None,
    };
    let keep = args.whole("keep", 0..=20).unwrap_or(0);
    if keep > 0 && scheme != Scheme::None {
        args.bad("keep", "goes with `scheme = \"none\"` only: a scheme decides all digits");
    }
    let mask = NationalId { prf: Prf::new(args.key, "national id"), keep, scheme };
    Carrier::boxed(args, mask, Promise::lossy(None))
}
