//! Made-up people: names and gender. Owns the person that an identity stands for, so that first name, last name, e-mail and user name of
//! one identity belong together; does not own mail addresses (`mail`).

use super::args::Args;
use super::carrier::{Carrier, Input, Promise, TextMask};
use super::draw::{Draw, Prf};
use super::words::{FEMALE, LAST, MALE, longest};
use super::{DomainKey, Mask};
use crate::catalog::Family;

/// A made-up person.
pub(super) struct Person {
    pub(super) female: bool,
    pub(super) first: &'static str,
    pub(super) last: &'static str,
}

/// Finds the person for an identity; equal domain keys find equal people.
pub(super) struct People(Prf);

impl People {
    pub(super) fn new(key: &DomainKey) -> People {
        People(Prf::new(key, "person"))
    }

    /// The person; at a later attempt one with other names, but of the same gender.
    pub(super) fn find(&self, identity: &[u8], attempt: u32) -> Person {
        let mut draw: Draw<'_> = self.0.draw(identity, 0);
        let female = draw.byte() & 1 == 0;
        let shift = usize::try_from(attempt).expect("attempts are few");
        let names: &[&'static str] = if female { &FEMALE } else { &MALE };
        let mut pick = |list: &[&'static str]| list[(draw.index(list.len()) + shift) % list.len()];
        Person { female, first: pick(names), last: pick(&LAST) }
    }
}

fn longest_first() -> usize {
    longest(&FEMALE).max(longest(&MALE))
}

enum Part {
    First,
    Last,
    Full(Vec<Piece>),
}

enum Piece {
    First,
    Last,
    Literal(String),
}

struct Name {
    people: People,
    part: Part,
}

impl TextMask for Name {
    fn write(&self, input: &Input<'_>, out: &mut String) -> Result<(), &'static str> {
        let person = self.people.find(input.identity, input.attempt);
        match &self.part {
            Part::First => out.push_str(person.first),
            Part::Last => out.push_str(person.last),
            Part::Full(pieces) => {
                for piece in pieces {
                    out.push_str(match piece {
                        Piece::First => person.first,
                        Piece::Last => person.last,
                        Piece::Literal(text) => text,
                    });
                }
            }
        }
        Ok(())
    }
}

/// `first_name`.
pub(super) fn first_name(args: &mut Args<'_>) -> Box<dyn Mask> {
    let mask = Name { people: People::new(args.key), part: Part::First };
    Carrier::boxed(args, mask, Promise::lossy(Some(longest_first())).by_identity())
}

/// `last_name`.
pub(super) fn last_name(args: &mut Args<'_>) -> Box<dyn Mask> {
    let mask = Name { people: People::new(args.key), part: Part::Last };
    Carrier::boxed(args, mask, Promise::lossy(Some(longest(&LAST))).by_identity())
}

/// `full_name`.
pub(super) fn full_name(args: &mut Args<'_>) -> Box<dyn Mask> {
    let order = args.choice("order", &["first_last", "last_first"]);
    let usual = if order == "first_last" { "{first} {last}" } else { "{last} {first}" };
    let pieces = pieces(args.text("format").unwrap_or(usual));
    if !pieces.iter().any(|p| matches!(p, Piece::First | Piece::Last)) {
        args.bad("format", "must hold `{first}` or `{last}`");
    }
    let length = |p: &Piece| match p {
        Piece::First => longest_first(),
        Piece::Last => longest(&LAST),
        Piece::Literal(text) => text.chars().count(),
    };
    let total = pieces.iter().map(length).sum();
    let mask = Name { people: People::new(args.key), part: Part::Full(pieces) };
    Carrier::boxed(args, mask, Promise::lossy(Some(total)).by_identity())
}

fn pieces(format: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = format;
    while !rest.is_empty() {
        let next = [rest.find("{first}").map(|at| (at, 7)), rest.find("{last}").map(|at| (at, 6))].into_iter().flatten().min();
        let (at, length) = next.unwrap_or((rest.len(), 0));
        if at > 0 {
            pieces.push(Piece::Literal(rest[..at].to_owned()));
        }
        match length {
            7 => pieces.push(Piece::First),
            6 => pieces.push(Piece::Last),
            _ => {}
        }
        rest = &rest[at + length..];
    }
    pieces
}

struct Gender {
    people: People,
    female: String,
    male: String,
    digits: bool,
}

impl TextMask for Gender {
    fn write(&self, input: &Input<'_>, out: &mut String) -> Result<(), &'static str> {
        let female = self.people.find(input.identity, 0).female;
        out.push_str(if female { &self.female } else { &self.male });
        Ok(())
    }

    fn keeps_digits(&self) -> bool {
        self.digits
    }

    fn has_choice(&self) -> bool {
        false
    }
}

/// `gender`.
pub(super) fn gender(args: &mut Args<'_>) -> Box<dyn Mask> {
    let number = args.column.family == Family::Integer;
    let usual = if number { ["2", "1"] } else { ["F", "M"] };
    let mut word = |name: &str, usual: &str| match args.raw(name) {
        Some(serde_json::Value::Number(n)) => n.to_string(),
        _ => args.text(name).unwrap_or(usual).to_owned(),
    };
    let (female, male) = (word("female", usual[0]), word("male", usual[1]));
    for (name, text) in [("female", &female), ("male", &male)] {
        args.must_fit(text, "give shorter words by `female` and `male`");
        if number && !matches!(text.parse::<i64>(), Ok(0..=9)) {
            args.bad(name, "must be a digit on a column of whole numbers");
        }
    }
    let total = female.chars().count().max(male.chars().count());
    let digits = [&female, &male].iter().all(|t| matches!(t.parse::<i64>(), Ok(0..=9)));
    let mask = Gender { people: People::new(args.key), female, male, digits };
    Carrier::boxed(args, mask, Promise::lossy(Some(total)).by_identity())
}
