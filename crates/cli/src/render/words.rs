//! Numbers, durations and times in words.

use greenroom_runner::session::Dressed;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// `1 row`, `12,345 rows`.
pub fn count(n: u64, one: &str) -> String {
    let many = match one {
        "query" => "queries".to_owned(),
        "entry" => "entries".to_owned(),
        _ => format!("{one}s"),
    };
    format!("{} {}", thousands(n), if n == 1 { one.to_owned() } else { many })
}

/// Digits in groups of three.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// A duration: `840 ms`, `12.3 s`, `4 min 07 s`, `2 h 05 min`.
pub fn millis(ms: u64) -> String {
    let s = ms / 1000;
    match s {
        0 => format!("{ms} ms"),
        1..60 => format!("{s}.{} s", ms % 1000 / 100),
        60..3600 => format!("{} min {:02} s", s / 60, s % 60),
        _ => format!("{} h {:02} min", s / 3600, s % 3600 / 60),
    }
}

/// What a dress rehearsal proves, or does not any more.
pub fn dressed(d: &Dressed, now: Timestamp) -> String {
    let what = format!("{} went well {}, in {}", d.run, age(d.at, now), millis(d.millis));
    match d.stale.as_slice() {
        [] => format!("{what}: with the same upgrade, carry-over and production schema"),
        stale => format!("{what}, and proves nothing any more, since this changed: {}; `greenroom dress` again", stale.join(", ")),
    }
}

/// How long ago something was, or how far ahead it is, in one unit.
pub fn age(then: Timestamp, now: Timestamp) -> String {
    let d: SignedDuration = now.duration_since(then);
    let ago = !d.is_negative();
    let s = d.abs().as_secs();
    let (n, unit) = match s {
        0..60 => return if ago { "just now".into() } else { "in a moment".into() },
        60..3600 => (s / 60, "minute"),
        3600..172_800 => (s / 3600, "hour"),
        _ => (s / 86_400, "day"),
    };
    let plural = if n == 1 { "" } else { "s" };
    if ago { format!("{n} {unit}{plural} ago") } else { format!("in {n} {unit}{plural}") }
}

/// Local date and time to the minute.
pub fn when(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// Local date and time to the second.
pub fn exactly(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Text cut to so many characters, with an ellipsis.
pub fn cut(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most { line } else { line.chars().take(most.saturating_sub(1)).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_use_the_unit_that_people_would() {
        let shown: Vec<String> = [0, 999, 1000, 61_000, 3_599_999, 7_500_000].into_iter().map(millis).collect();
        assert_eq!(shown, ["0 ms", "999 ms", "1.0 s", "1 min 01 s", "59 min 59 s", "2 h 05 min"]);
    }

    #[test]
    fn large_numbers_are_grouped_and_one_is_singular() {
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!((count(1, "row"), count(1000, "row")), ("1 row".into(), "1,000 rows".into()));
    }

    #[test]
    fn ages_look_both_ways() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let at = |s: i64| Timestamp::from_second(1_000_000 + s).unwrap();
        assert_eq!(age(at(-7200), now), "2 hours ago");
        assert_eq!(age(at(-60), now), "1 minute ago");
        assert_eq!(age(at(172_800), now), "in 2 days");
        assert_eq!(age(at(5), now), "in a moment");
    }

    #[test]
    fn cutting_keeps_whole_characters_and_one_line() {
        assert_eq!(cut("zażółć\n  gęślą jaźń", 10), "zażółć gę…");
        assert_eq!(cut("short", 10), "short");
    }
}
