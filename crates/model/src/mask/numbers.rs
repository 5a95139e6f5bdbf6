//! Amounts: noise and rounding. Owns exact decimal arithmetic on their text; does not own numbers that are names (`format`, `permute`).

use super::args::Args;
use super::carrier::{Promise, wrong_type};
use super::draw::Prf;
use super::{Mask, MaskError, MaskTraits, Value};
use crate::catalog::Family;
use std::borrow::Cow;

/// Noise is drawn in steps of one millionth of the value.
const UNIT: i128 = 1_000_000;
/// Digits that take part in decimal arithmetic; further ones pass. With `UNIT` they fit 128 bits.
const DIGITS: usize = 30;

enum Rule {
    /// Up to so many millionths to either side.
    Noise(Prf, u64),
    /// To a multiple.
    Round(i64),
}

struct Numbers {
    name: &'static str,
    rule: Rule,
    /// Smallest and largest whole number of the column's type.
    bounds: (i64, i64),
    precision: Option<(u32, i32)>,
    /// SQLite's integer and numeric affinity store `3.0` as `3`.
    whole_as_int: bool,
    single: bool,
    traits: MaskTraits,
}

impl Numbers {
    /// The new value of `n` units.
    fn change(&self, key: &[u8], n: i128, one: i128) -> i128 {
        match &self.rule {
            Rule::Noise(prf, most) => {
                let millionths = self.millionths(prf, *most, key);
                let moved = n + n * millionths / UNIT;
                // Small numbers move by one unit at least, large ones never to themselves; nothing changes its sign.
                if moved == n && n.abs() > 1 { n + millionths.signum() } else { moved }
            }
            Rule::Round(step) => {
                let step = i128::from(*step) * one;
                (n + n.signum() * step / 2) / step * step
            }
        }
    }

    fn millionths(&self, prf: &Prf, most: u64, key: &[u8]) -> i128 {
        let mut draw = prf.draw(key, 0);
        let size = i128::from(1 + draw.below(most));
        if draw.byte() & 1 == 0 { size } else { -size }
    }

    fn int(&self, n: i64) -> i64 {
        let new = self.change(n.to_string().as_bytes(), i128::from(n), 1);
        let (low, high) = if (self.bounds.0..=self.bounds.1).contains(&n) { self.bounds } else { (i64::MIN, i64::MAX) };
        // Beyond the type's range the value moves to the other side instead.
        let inside = |x: i128| i64::try_from(x).ok().filter(|x| (low..=high).contains(x));
        match &self.rule {
            Rule::Noise(..) => inside(new).or_else(|| inside(2 * i128::from(n) - new)).unwrap_or(0),
            Rule::Round(step) => {
                let step = i128::from(*step);
                inside(new).or_else(|| inside(new - new.signum() * step)).unwrap_or(0)
            }
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "noise and rounding of floating point lose precision anyway"
    )]
    fn float(&self, x: f64) -> f64 {
        if !x.is_finite() || x == 0.0 {
            return x;
        }
        let mut new = match &self.rule {
            Rule::Noise(prf, most) => x + x * (self.millionths(prf, *most, x.to_string().as_bytes()) as f64 / UNIT as f64),
            Rule::Round(step) => (x / *step as f64).round() * *step as f64,
        };
        if let Some((_, scale)) = self.precision.filter(|(_, scale)| (0..=12).contains(scale)) {
            let unit = 10f64.powi(scale);
            new = (new * unit).round() / unit;
        }
        if self.single {
            new = f64::from(new as f32);
        }
        if new.is_finite() { new } else { x }
    }

    /// Changes a number in plain decimal notation; `None` if it is none.
    fn decimal(&self, text: &str) -> Option<String> {
        let (sign, bare) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let (whole, fraction) = bare.split_once('.').unwrap_or((bare, ""));
        let plain = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !plain(whole) || !plain(fraction) || bare.ends_with('.') {
            return None;
        }
        let scale = match self.precision {
            Some((_, scale)) => usize::try_from(scale).unwrap_or(0),
            None => fraction.len(),
        };
        let mut digits = format!("{whole}{fraction:0<scale$}");
        digits.truncate(whole.len() + scale);
        let digits = digits.trim_start_matches('0');
        if digits.is_empty() {
            return Some(plain_decimal("0", scale, 1));
        }
        let (head, tail) = digits.split_at(digits.len().min(DIGITS));
        let n: i128 = head.parse().ok()?;
        // `one` in units of the last digit of the head; rounding of numbers too long for that leaves them as they are.
        let shown = scale.saturating_sub(tail.len());
        let one = 10i128.checked_pow(u32::try_from(shown).ok()?)?;
        if matches!(self.rule, Rule::Round(_)) && (shown > 18 || !tail.is_empty()) {
            return Some(text.to_owned());
        }
        let new = self.change(text.as_bytes(), sign * n, one);
        let fits = |x: i128| {
            self.precision.is_none_or(|(p, _)| x.abs().to_string().len() + tail.len() <= usize::try_from(p).unwrap_or(usize::MAX))
        };
        let new = match &self.rule {
            _ if fits(new) => new,
            Rule::Noise(..) => 2 * sign * n - new,
            Rule::Round(step) => new - new.signum() * i128::from(*step) * one,
        };
        Some(plain_decimal(&format!("{}{tail}", new.abs()), scale, new.signum()))
    }
}

/// Puts the point before the last `scale` digits; zero has no sign.
fn plain_decimal(digits: &str, scale: usize, sign: i128) -> String {
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    let minus = if sign < 0 && padded.bytes().any(|b| b != b'0') { "-" } else { "" };
    if scale == 0 { format!("{minus}{whole}") } else { format!("{minus}{whole}.{fraction}") }
}

impl Mask for Numbers {
    fn traits(&self) -> &MaskTraits {
        &self.traits
    }

    fn apply<'v>(&self, _: &[u8], value: Value<'v>) -> Result<Value<'v>, MaskError> {
        let malformed = || MaskError::Malformed { mask: self.name.to_owned(), why: "not a number in plain decimal notation" };
        Ok(match value {
            Value::Null => Value::Null,
            Value::Int(n) => Value::Int(self.int(n)),
            Value::Float(x) => {
                let new = self.float(x);
                // 2^53: beyond it floating point does not hold every whole number.
                if self.whole_as_int && new.fract() == 0.0 && new.abs() < 9_007_199_254_740_992.0 {
                    return Ok(Value::Int(format!("{new:.0}").parse().unwrap_or(0)));
                }
                Value::Float(new)
            }
            // `NaN` and `Infinity` of PostgreSQL's numeric say nothing about anybody.
            Value::Decimal(t) if t.ends_with(|c: char| c.is_ascii_alphabetic()) => Value::Decimal(t),
            Value::Decimal(t) => Value::Decimal(Cow::Owned(self.decimal(&t).ok_or_else(malformed)?)),
            Value::Text(t) if t.trim().is_empty() => Value::Text(t),
            Value::Text(t) => Value::Text(Cow::Owned(self.decimal(&t).ok_or_else(malformed)?)),
            other => return Err(wrong_type(self.name, &other)),
        })
    }
}

fn numbers(args: &Args<'_>, name: &'static str, rule: Rule) -> Box<dyn Mask> {
    let native = args.column.native_type.as_str();
    let bounds = match native {
        "smallint" => (i64::from(i16::MIN), i64::from(i16::MAX)),
        "integer" => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    Box::new(Numbers {
        name,
        rule,
        bounds,
        precision: args.column.precision,
        whole_as_int: matches!(args.column.family, Family::Integer | Family::Decimal),
        single: native == "real" || native == "float4",
        traits: Promise::lossy(None).traits(None),
    })
}

/// `noise`.
pub(super) fn noise(args: &mut Args<'_>) -> Box<dyn Mask> {
    let percent = args.raw("percent").map_or(Some(10.0), serde_json::Value::as_f64);
    let percent = percent.filter(|p| (0.0001..=100.0).contains(p)).unwrap_or_else(|| {
        args.bad("percent", "must be a number from 0.0001 to 100");
        10.0
    });
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to lie between 1 and a million")]
    let most = (percent * 10_000.0).round() as u64;
    // At exactly the whole value an amount could vanish; one millionth less keeps every sign.
    let rule = Rule::Noise(Prf::new(args.key, "noise"), most.clamp(1, 999_999));
    numbers(args, "noise", rule)
}

/// `round`.
pub(super) fn round(args: &mut Args<'_>) -> Box<dyn Mask> {
    let step = args.whole("to", 1..=1_000_000_000).unwrap_or(10);
    numbers(args, "round", Rule::Round(i64::try_from(step).expect("at most 10^9")))
}
