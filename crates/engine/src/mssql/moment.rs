//! Days and times of day: the numbers of the protocol and their text. Owns rounding as the server rounds; knows no columns.
//!
//! Format: MS-TDS 2.2.5.5.1.8 (`datetime` counts 1/300 s since midnight and days since 1900-01-01, `smalldatetime` minutes; the newer types count
//! days since 0001-01-01 and 10^-scale s since midnight).

use jiff::civil::{Date, DateTime, date};
use jiff::{RoundMode, ToSpan, Unit};

/// Days from 0001-01-01 to 1900-01-01.
const TO_1900: i32 = 693_595;

/// The date so many days after 0001-01-01.
pub(crate) fn day(days: u32) -> Option<Date> {
    date(1, 1, 1).checked_add(i64::from(days).days()).ok()
}

/// Days since 0001-01-01.
pub(crate) fn days(day: Date) -> Option<u32> {
    u32::try_from(date(1, 1, 1).until((Unit::Day, day)).ok()?.get_days()).ok()
}

/// The date so many days after 1900-01-01.
pub(crate) fn day_since_1900(days: i32) -> Option<Date> {
    day(u32::try_from(days.checked_add(TO_1900)?).ok()?)
}

/// Days since 1900-01-01.
pub(crate) fn days_since_1900(day: Date) -> Option<i32> {
    i32::try_from(days(day)?).ok()?.checked_sub(TO_1900)
}

/// `HH:MM:SS` with so many digits, from units of 10^-scale s since midnight.
pub(crate) fn clock(units: u64, scale: u8) -> String {
    let one = 10u64.pow(u32::from(scale));
    let (seconds, rest) = (units / one, units % one);
    let whole = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if scale == 0 { whole } else { format!("{whole}.{rest:0width$}", width = usize::from(scale)) }
}

/// Units of 10^-scale s since midnight, from `HH:MM:SS[.f…]` with at most so many digits.
pub(crate) fn units(clock: &str, scale: u8) -> Option<u64> {
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = whole.split(':').map(|p| p.parse::<u64>().ok());
    let (h, m, s) = (parts.next()??, parts.next()??, parts.next()??);
    let digits = format!("{fraction:0<width$}", width = usize::from(scale));
    let fraction = if scale == 0 { 0 } else { digits.get(..usize::from(scale))?.parse::<u64>().ok()? };
    (h < 24 && m < 60 && s < 60).then(|| ((h * 60 + m) * 60 + s) * 10u64.pow(u32::from(scale)) + fraction)
}

/// Milliseconds as `datetime` shows so many 1/300 s.
pub(crate) fn milliseconds(fragments: u32) -> u64 {
    (u64::from(fragments) * 10 + 1) / 3
}

/// 1/300 s from the milliseconds that `datetime` shows.
pub(crate) fn fragments(milliseconds: u64) -> Option<u32> {
    u32::try_from((milliseconds * 3 + 5) / 10).ok()
}

fn parsed(text: &str) -> Option<DateTime> {
    text.parse().ok()
}

/// A moment with exactly so many digits of a second, rounded half up.
pub(crate) fn digits(text: &str, scale: u8) -> Option<String> {
    let unit = 10i64.pow(9 - u32::from(scale));
    let rounding = jiff::civil::DateTimeRound::new().smallest(Unit::Nanosecond).mode(RoundMode::HalfExpand);
    let moment = parsed(text)?;
    let rounded = match unit {
        1_000_000_000 => moment.round(rounding.smallest(Unit::Second)),
        1_000_000 => moment.round(rounding.smallest(Unit::Millisecond)),
        1_000 => moment.round(rounding.smallest(Unit::Microsecond)),
        unit if unit > 1_000_000 => moment.round(rounding.smallest(Unit::Millisecond).increment(unit / 1_000_000)),
        unit if unit > 1_000 => moment.round(rounding.smallest(Unit::Microsecond).increment(unit / 1_000)),
        unit => moment.round(rounding.increment(unit)),
    }
    .ok()?;
    let clock = clock(u64::try_from(nanoseconds(rounded)).ok()? / 10u64.pow(9 - u32::from(scale)), scale);
    Some(format!("{} {clock}", rounded.date()))
}

fn nanoseconds(moment: DateTime) -> i64 {
    let seconds = (i64::from(moment.hour()) * 60 + i64::from(moment.minute())) * 60 + i64::from(moment.second());
    seconds * 1_000_000_000 + i64::from(moment.subsec_nanosecond())
}

/// A moment as `datetime` keeps it.
pub(crate) fn datetime(text: &str) -> Option<String> {
    let moment = parsed(text)?;
    // 1/300 s, rounded half up; the last half of the last one belongs to the next day.
    let fragments = (nanoseconds(moment) * 3 + 5_000_000) / 10_000_000;
    let (day, fragments) = if fragments >= 300 * 86_400 { (moment.date().tomorrow().ok()?, 0) } else { (moment.date(), fragments) };
    Some(format!("{day} {}", clock(milliseconds(u32::try_from(fragments).ok()?), 3)))
}

/// A moment as `smalldatetime` keeps it: to the minute, 29.998 s down and 29.999 s up.
pub(crate) fn minutes(text: &str) -> Option<String> {
    let moment = parsed(text)?;
    let up = nanoseconds(moment) % 60_000_000_000 >= 29_999_000_000;
    let whole = moment.with().second(0).subsec_nanosecond(0).build().ok()?;
    let whole = if up { whole.checked_add(1.minutes()).ok()? } else { whole };
    Some(format!("{} {:02}:{:02}:00", whole.date(), whole.hour(), whole.minute()))
}

/// A time of day with exactly so many digits, cut.
pub(crate) fn fraction(text: &str, scale: u8) -> Option<String> {
    Some(clock(units(text.trim(), scale)?, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_as_the_protocol_does() {
        assert_eq!(day(0), Some(date(1, 1, 1)));
        assert_eq!(day_since_1900(0), Some(date(1900, 1, 1)));
        assert_eq!(day_since_1900(-53_690), Some(date(1753, 1, 1)));
        for d in [date(1, 1, 1), date(1900, 1, 1), date(2024, 2, 29), date(9999, 12, 31)] {
            assert_eq!(day(days(d).unwrap()), Some(d));
            assert_eq!(day_since_1900(days_since_1900(d).unwrap()), Some(d));
        }
    }

    #[test]
    fn clocks_keep_their_digits() {
        assert_eq!(clock(863_999_999_999, 7), "23:59:59.9999999");
        assert_eq!(units("23:59:59.9999999", 7), Some(863_999_999_999));
        assert_eq!(clock(3661, 0), "01:01:01");
        assert_eq!(units("24:00:00", 0), None);
    }

    #[test]
    fn every_three_hundredth_of_a_second_has_a_text_of_its_own() {
        for f in 0..300 {
            assert_eq!(fragments(milliseconds(f)), Some(f));
        }
        assert_eq!((milliseconds(1), milliseconds(2), milliseconds(299)), (3, 7, 997));
    }

    #[test]
    fn moments_are_rounded_as_the_server_rounds() {
        assert_eq!(datetime("2020-12-31 23:59:59.999").unwrap(), "2021-01-01 00:00:00.000");
        assert_eq!(datetime("2020-12-31 23:59:59.998").unwrap(), "2020-12-31 23:59:59.997");
        assert_eq!(minutes("2020-12-31 23:59:30").unwrap(), "2021-01-01 00:00:00");
        assert_eq!(digits("2020-12-31 23:59:59.9999999", 3).unwrap(), "2021-01-01 00:00:00.000");
        assert_eq!(digits("2020-12-31 23:59:59.45", 1).unwrap(), "2020-12-31 23:59:59.5");
    }
}
