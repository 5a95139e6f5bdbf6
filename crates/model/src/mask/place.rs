//! Streets and cities.

use super::Mask;
use super::args::Args;
use super::carrier::{Carrier, Input, Promise, TextMask};
use super::draw::Prf;
use super::words::{CITIES, STREETS, longest};
use std::fmt::Write;

struct Street(Prf);

impl TextMask for Street {
    fn write(&self, input: &Input<'_>, out: &mut String) -> Result<(), &'static str> {
        let mut draw = self.0.draw(input.key, input.attempt);
        let street = *draw.pick(&STREETS);
        let number = 1 + draw.index(180);
        let has_number = input.text.contains(char::is_numeric);
        // Writing into a String cannot fail.
        let _ = match input.text.starts_with(char::is_numeric) {
            true => write!(out, "{number} {street}"),
            false if has_number => write!(out, "{street} {number}"),
            false => write!(out, "{street}"),
        };
        Ok(())
    }
}

/// `street`.
pub(super) fn street(args: &mut Args<'_>) -> Box<dyn Mask> {
    let mask = Street(Prf::new(args.key, "street"));
    Carrier::boxed(args, mask, Promise::lossy(Some(longest(&STREETS) + 4)))
}

struct City(Prf);

impl TextMask for City {
    fn write(&self, input: &Input<'_>, out: &mut String) -> Result<(), &'static str> {
        let city: &&str = self.0.draw(input.key, input.attempt).pick(&CITIES);
        out.push_str(city);
        Ok(())
    }
}

/// `city`.
pub(super) fn city(args: &mut Args<'_>) -> Box<dyn Mask> {
    let mask = City(Prf::new(args.key, "city"));
    Carrier::boxed(args, mask, Promise::lossy(Some(longest(&CITIES))))
}
