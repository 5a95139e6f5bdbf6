//! Dates as such, as ISO text and as numbers since 1970. Owns which day replaces which; times of day pass unchanged.
//!
//! Years before 2 and from 9999 on are markers ("unknown", "for ever"), not dates of anybody, and stay.

use super::args::Args;
use super::carrier::{Promise, wrong_type};
use super::draw::Prf;
use super::{Mask, MaskError, MaskTraits, Value};
use crate::catalog::Family;
use jiff::Span;
use jiff::civil::Date;
use std::borrow::Cow;

enum Rule {
    /// Another day of the same year.
    SameYear,
    /// So many days to either side.
    Shift(usize),
}

struct Dates {
    name: &'static str,
    rule: Rule,
    prf: Prf,
    /// Units of a number per day; `None`: numbers are not dates.
    per_day: Option<i64>,
    null_if_invalid: bool,
    traits: MaskTraits,
}

impl Dates {
    fn day(&self, identity: &[u8], old: Date) -> Date {
        if old.year() >= 9999 || old.year() < 2 {
            return old;
        }
        let mut draw = self.prf.draw(identity, 0);
        match self.rule {
            Rule::SameYear => {
                let days = usize::try_from(old.days_in_year()).expect("a year has days");
                let at = |index: usize| {
                    let days = i64::try_from(index % days).expect("below 366");
                    old.first_of_year().saturating_add(Span::new().days(days))
                };
                let index = draw.index(days);
                if at(index) == old { at(index + 1) } else { at(index) }
            }
            Rule::Shift(most) => {
                let days = i64::try_from(1 + draw.index(most)).expect("the parameter is small");
                let days = if draw.byte() & 1 == 0 { days } else { -days };
                let new = old.saturating_add(Span::new().days(days));
                if (2..9999).contains(&new.year()) { new } else { old.saturating_sub(Span::new().days(days)) }
            }
        }
    }

    /// Rewrites the date at the start of `2001-02-03`, `2001-02-03T04:05:06.7Z`, `2001-02-03 04:05:06+01`; what follows stays as it is.
    fn text(&self, identity: &[u8], text: &str) -> Option<String> {
        let (date, time) = (text.get(..10)?, text.get(10..)?);
        let shape = |(i, b): (usize, u8)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() };
        let timely = |b: u8| b.is_ascii_digit() || b":.,+- Zz".contains(&b);
        let separated = time.is_empty() || time.starts_with(['T', 't', ' ']) && time.bytes().skip(1).all(timely) && time.len() <= 32;
        if !separated || !date.bytes().enumerate().all(shape) {
            return None;
        }
        let old: Date = date.parse().ok()?;
        Some(format!("{}{time}", self.day(identity, old)))
    }

    fn number(&self, identity: &[u8], n: i64, per_day: i64) -> Option<i64> {
        let epoch = jiff::civil::date(1970, 1, 1);
        let old = epoch.checked_add(Span::new().try_days(n.div_euclid(per_day)).ok()?).ok()?;
        let moved = self.day(identity, old).since(old).ok()?.get_days();
        n.checked_add(i64::from(moved) * per_day)
    }

    fn invalid<'v>(&self) -> Result<Value<'v>, MaskError> {
        if self.null_if_invalid {
            return Ok(Value::Null);
        }
        Err(MaskError::Malformed { mask: self.name.to_owned(), why: "not a date in ISO form (`YYYY-MM-DD`, with or without a time)" })
    }
}

impl Mask for Dates {
    fn traits(&self) -> &MaskTraits {
        &self.traits
    }

    fn apply<'v>(&self, identity: &[u8], value: Value<'v>) -> Result<Value<'v>, MaskError> {
        match (value, self.per_day) {
            (Value::Null, _) => Ok(Value::Null),
            (Value::Date(d), _) => Ok(Value::Date(self.day(identity, d))),
            (Value::Timestamp(t), _) => Ok(Value::Timestamp(self.day(identity, t.date()).to_datetime(t.time()))),
            (Value::Text(t), _) if t.trim().is_empty() => Ok(Value::Text(t)),
            (Value::Text(t), _) => self.text(identity, &t).map_or_else(|| self.invalid(), |t| Ok(Value::Text(Cow::Owned(t)))),
            (Value::Int(n), Some(per_day)) => self.number(identity, n, per_day).map_or_else(|| self.invalid(), |n| Ok(Value::Int(n))),
            (other, _) => Err(wrong_type(self.name, &other)),
        }
    }
}

fn dates(args: &mut Args<'_>, name: &'static str, rule: Rule) -> Box<dyn Mask> {
    let per_day = match args.choice("unit", &["none", "days", "seconds", "milliseconds"]) {
        "days" => Some(1),
        "seconds" => Some(86_400),
        "milliseconds" => Some(86_400_000),
        _ => None,
    };
    if args.column.family == Family::Integer && per_day.is_none() {
        args.bad("unit", "must say what the numbers of a column of whole numbers count: `days`, `seconds` or `milliseconds` since 1970");
    }
    let null_if_invalid = args.choice("on_invalid", &["error", "null"]) == "null";
    if null_if_invalid {
        args.must_be_nullable();
    }
    // Years have four digits on both sides, so text keeps its length.
    let mut traits = Promise::lossy(None).by_identity().traits(None);
    traits.may_null = null_if_invalid;
    Box::new(Dates { name, rule, prf: Prf::new(args.key, name), per_day, null_if_invalid, traits })
}

/// `birth_date`.
pub(super) fn birth_date(args: &mut Args<'_>) -> Box<dyn Mask> {
    dates(args, "birth_date", Rule::SameYear)
}

/// `date_shift`.
pub(super) fn date_shift(args: &mut Args<'_>) -> Box<dyn Mask> {
    let days = args.whole("days", 1..=3650).unwrap_or(30);
    dates(args, "date_shift", Rule::Shift(days))
}
