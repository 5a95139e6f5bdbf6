//! Payment cards and bank accounts. Owns their check digits and the prefixes that no bank has; does not own other numbers (`national`).

use super::Mask;
use super::args::Args;
use super::carrier::{Carrier, Input, Promise, TextMask};
use super::draw::Prf;
use super::national::luhn_digit;

struct Card {
    prf: Prf,
    prefix: Vec<u8>,
}

impl TextMask for Card {
    fn write(&self, input: &Input<'_>, out: &mut String) -> Result<(), &'static str> {
        let mut draw = self.prf.draw(input.key, input.attempt);
        let count = input.text.chars().filter(char::is_ascii_digit).count();
        let mut digits: Vec<u8> = (0..count).map(|_| u8::try_from(draw.index(10)).expect("below ten")).collect();
        // Shorter ones are remains of a number (last four digits and the like), without a check digit.
        if count >= 12 {
            digits[..self.prefix.len()].copy_from_slice(&self.prefix);
            digits[count - 1] = luhn_digit(&digits[..count - 1]);
        }
        let mut next = digits.into_iter();
        out.extend(input.text.chars().map(|c| match c {
            '0'..='9' => char::from(b'0' + next.next().unwrap_or(0)),
            c => draw.like(c),
        }));
        Ok(())
    }

    fn keeps_digits(&self) -> bool {
        true
    }
}

/// `card`.
pub(super) fn card(args: &mut Args<'_>) -> Box<dyn Mask> {
    let prefix = args.text("prefix").unwrap_or("999999");
    if prefix.is_empty() || prefix.len() > 8 || !prefix.bytes().all(|b| b.is_ascii_digit()) {
        args.bad("prefix", "must be one to eight digits");
    }
    let prefix = prefix.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').take(8).collect();
    let mask = Card { prf: Prf::new(args.key, "card"), prefix };
    Carrier::boxed(args, mask, Promise::lossy(None))
}

struct Iban {
    prf: Prf,
}

impl TextMask for Iban {
    fn write(&self, input: &Input<'_>, out: &mut String) -> Result<(), &'static str> {
        let mut draw = self.prf.draw(input.key, input.attempt);
        let compact: Vec<char> = input.text.chars().filter(|c| c.is_alphanumeric()).collect();
        let iban = (15..=34).contains(&compact.len())
            && compact.iter().all(char::is_ascii_alphanumeric)
            && compact[..2].iter().all(char::is_ascii_alphabetic)
            && compact[2..4].iter().all(char::is_ascii_digit);
        if !iban {
            out.extend(input.text.chars().map(|c| draw.like(c)));
            return Ok(());
        }
        let mut new = compact.clone();
        for (at, c) in new.iter_mut().enumerate().skip(4) {
            // The bank code stands first in every country; no bank has four zeros (or X).
            *c = match *c {
                c if at >= 8 => draw.like(c),
                '0'..='9' => '0',
                c if c.is_ascii_uppercase() => 'X',
                _ => 'x',
            };
        }
        let check = check_digits(&new);
        new[2] = char::from(b'0' + check / 10);
        new[3] = char::from(b'0' + check % 10);
        let mut next = new.into_iter();
        out.extend(input.text.chars().map(|c| if c.is_alphanumeric() { next.next().unwrap_or('0') } else { c }));
        Ok(())
    }
}

/// Check digits of an IBAN whose own are ignored (ISO 13616, ISO 7064 MOD 97-10).
fn check_digits(iban: &[char]) -> u8 {
    let moved = iban[4..].iter().chain(&iban[..2]).chain(&['0', '0']);
    let remainder = moved.fold(0u32, |rest, c| match c.to_digit(36) {
        Some(n) if n > 9 => (rest * 100 + n) % 97,
        Some(n) => (rest * 10 + n) % 97,
        None => rest,
    });
    u8::try_from(98 - remainder).expect("at most 98")
}

/// `iban`.
pub(super) fn iban(args: &mut Args<'_>) -> Box<dyn Mask> {
    let mask = Iban { prf: Prf::new(args.key, "iban") };
    Carrier::boxed(args, mask, Promise::lossy(None))
}
