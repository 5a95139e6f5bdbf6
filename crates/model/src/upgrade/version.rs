//! Product versions and the rules of `when`: `>= 5.1, < 5.3`, `= 5.2`, `5.2.x`.
//!
//! Owns comparing versions as vendors write them. Does not own asking the database which version it has.

use std::cmp::Ordering;

/// Why a rule or a version cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// The rule is not of the language.
    #[error("`{rule}` is no version rule: {why}")]
    Rule {
        /// The rule as written in the program.
        rule: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The database gave something without a number at its start.
    #[error("what the version query returned is no version: it does not start with a number")]
    Version,
}

/// A version: numbers, then what follows them (`SP3`, `rc1`), compared part by part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    numbers: Vec<String>,
    suffix: Vec<String>,
}

/// Suffixes that come before the version itself.
const EARLIER: &[&str] = &["alpha", "beta", "dev", "a", "b", "m", "milestone", "nightly", "pre", "preview", "rc", "cr", "snapshot"];

impl Version {
    /// Reads `5.2`, `v5.2 SP3`, `2021.2`, `17.0.3-rc1`; build data behind `+` is ignored.
    pub fn parse(text: &str) -> Option<Version> {
        let text = text.trim();
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text).trim_start();
        let text = text.split('+').next().unwrap_or("");
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (numbers, suffix) = text.split_at(end);
        let mut numbers: Vec<String> = numbers.trim_end_matches('.').split('.').map(str::to_owned).collect();
        if numbers.iter().any(String::is_empty) {
            return None;
        }
        while numbers.len() > 1 && numbers.last().is_some_and(|n| n.bytes().all(|b| b == b'0')) {
            numbers.pop();
        }
        Some(Version { numbers, suffix: suffix_parts(suffix) })
    }

    fn rank(&self) -> u8 {
        match self.suffix.first() {
            None => 1,
            Some(word) if EARLIER.contains(&word.as_str()) => 0,
            Some(_) => 2,
        }
    }
}

/// Runs of digits and runs of letters, lower case; what stands between them only separates.
fn suffix_parts(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut former = None;
    for c in text.chars() {
        let class = if c.is_ascii_digit() { Some(true) } else { c.is_alphanumeric().then_some(false) };
        if let Some(class) = class {
            if former != Some(class) {
                parts.push(String::new());
            }
            let last = parts.last_mut().expect("a part was pushed when the class changed");
            last.extend(c.to_lowercase());
        }
        former = class;
    }
    parts
}

/// Compares two runs of digits of any length by value.
pub(crate) fn compare_digits(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Numbers by value, words by alphabet, numbers before words.
pub(crate) fn compare_part(a: &str, b: &str) -> Ordering {
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    match (digits(a), digits(b)) {
        (true, true) => compare_digits(a, b),
        (false, false) => a.cmp(b),
        (a_digits, _) => {
            if a_digits {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        }
    }
}

fn compare_lists(a: &[String], b: &[String]) -> Ordering {
    for (x, y) in a.iter().zip(b) {
        let order = compare_part(x, y);
        if order != Ordering::Equal {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

impl Ord for Version {
    fn cmp(&self, other: &Version) -> Ordering {
        compare_lists(&self.numbers, &other.numbers)
            .then_with(|| self.rank().cmp(&other.rank()))
            .then_with(|| compare_lists(&self.suffix, &other.suffix))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Version) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Whether a version satisfies every condition of a rule; conditions are separated by commas.
///
/// A condition is `>`, `>=`, `<`, `<=`, `=` or `!=` with a version (`=` may be left out), or a version whose last part is `x` or `*` and
/// stands for any. Missing parts count as 0; a suffix such as `SP3` comes after the plain version, `rc1` or `beta` before it.
///
/// # Errors
/// The rule is not of this language, or the version does not start with a number.
pub fn satisfied(rule: &str, version: &str) -> Result<bool, VersionError> {
    let conditions = rule.split(',').map(|c| condition(rule, c.trim())).collect::<Result<Vec<_>, _>>()?;
    let version = Version::parse(version).ok_or(VersionError::Version)?;
    Ok(conditions.iter().all(|c| c.holds(&version)))
}

/// Whether a rule can be understood.
///
/// # Errors
/// It cannot.
pub fn check_rule(rule: &str) -> Result<(), VersionError> {
    rule.split(',').try_for_each(|c| condition(rule, c.trim()).map(drop))
}

enum Condition {
    Compare(&'static str, Version),
    Any(Vec<String>),
}

impl Condition {
    fn holds(&self, version: &Version) -> bool {
        match self {
            Condition::Compare(operator, bound) => {
                let order = version.cmp(bound);
                match *operator {
                    ">=" => order.is_ge(),
                    "<=" => order.is_le(),
                    "!=" => order.is_ne(),
                    ">" => order.is_gt(),
                    "<" => order.is_lt(),
                    _ => order.is_eq(),
                }
            }
            Condition::Any(fixed) => {
                fixed.iter().enumerate().all(|(i, part)| compare_digits(part, version.numbers.get(i).map_or("0", String::as_str)).is_eq())
            }
        }
    }
}

fn condition(rule: &str, text: &str) -> Result<Condition, VersionError> {
    let wrong = |why| VersionError::Rule { rule: rule.to_owned(), why };
    let operator = [">=", "<=", "!=", "==", ">", "<", "="].into_iter().find(|o| text.starts_with(o));
    let operand = text[operator.map_or(0, str::len)..].trim();
    if operand.is_empty() {
        return Err(wrong("a condition has no version"));
    }
    if let Some(fixed) = operand.strip_suffix(".x").or_else(|| operand.strip_suffix(".X")).or_else(|| operand.strip_suffix(".*")) {
        let fixed: Vec<String> = fixed.split('.').map(str::to_owned).collect();
        if !matches!(operator, None | Some("=" | "==")) {
            return Err(wrong("`x` goes with `=` only"));
        }
        if fixed.iter().any(|p| p.is_empty() || !p.bytes().all(|b| b.is_ascii_digit())) {
            return Err(wrong("only numbers may stand before `x`"));
        }
        return Ok(Condition::Any(fixed));
    }
    if operand.contains(['<', '>', '=', '!', '|', '&', '^', '~']) {
        return Err(wrong("conditions are separated by commas, and the operators are `>`, `>=`, `<`, `<=`, `=` and `!=`"));
    }
    let version = Version::parse(operand).ok_or(wrong("a version starts with a number"))?;
    Ok(Condition::Compare(operator.unwrap_or("="), version))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn versions_are_compared_part_by_part_as_numbers() {
        let rising =
            ["5.1-beta2", "5.1-rc1", "5.1-rc10", "5.1", "5.1 SP1", "5.1 SP3", "5.1 SP10", "5.1.1", "5.2", "5.10", "17.0.3", "2021.2"];
        for pair in rising.windows(2) {
            assert!(Version::parse(pair[0]).unwrap() < Version::parse(pair[1]).unwrap(), "{pair:?}");
        }
        assert_eq!(Version::parse("v5.1.0").unwrap(), Version::parse("5.1").unwrap());
        assert_eq!(Version::parse("5.2SP3").unwrap(), Version::parse("5.2 sp3").unwrap());
    }

    #[test]
    fn rules_hold_where_they_say() {
        for (rule, version, holds) in [
            (">= 5.1, < 5.3", "5.1", true),
            (">= 5.1, < 5.3", "5.2 SP3", true),
            (">= 5.1, < 5.3", "5.3", false),
            (">= 5.1, < 5.3", "5.10", false),
            ("= 5.2", "5.2.0", true),
            ("5.2", "5.2.1", false),
            ("5.2.x", "5.2.17", true),
            ("5.2.*", "5.2", true),
            ("5.2.x", "5.20.1", false),
            ("!= 5.2, >5", "5.2", false),
            (">= 2021.2", "2022.1", true),
            ("< 17.0.3", "17.0.3-rc1", true),
        ] {
            assert_eq!(satisfied(rule, version), Ok(holds), "{rule} {version}");
        }
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for rule in ["", ">=", ">= 5.1,", "5.1 || 5.2", ">= 5.x", "abc", "~> 5", "x", "a.x", "5.1 < 6"] {
            assert!(matches!(satisfied(rule, "5"), Err(VersionError::Rule { .. })), "{rule}");
        }
        assert_eq!(satisfied(">= 5", "none"), Err(VersionError::Version));
    }

    proptest! {
        #[test]
        fn nothing_panics_and_order_is_antisymmetric(a in "\\PC{0,12}|[0-9.a-c -]{0,10}", b in "\\PC{0,12}|[0-9.a-c -]{0,10}") {
            let _ = satisfied(&a, &b);
            if let (Some(a), Some(b)) = (Version::parse(&a), Version::parse(&b)) {
                prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            }
        }
    }
}
