//! What repeats in calendar files (RFC 5545, `RRULE`): the days on which something takes place. Counts in days and leaves times and their zones to whoever asks.

use super::calendar::number;
use jiff::Span;
use jiff::civil::{Date, Weekday};

/// What repeats without an end is followed to here.
pub(super) const HORIZON: Date = Date::constant(2079, 12, 31);

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// When it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Never.
    Never,
    /// After so many times.
    Count(usize),
    /// By itself on a day or at a moment, which is compared by whoever knows the times.
    Until,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    frequency: Frequency,
    interval: i64,
    pub(super) ending: Ending,
    /// `UNTIL` as it was written.
    pub(super) until: Option<String>,
    days: Vec<(Option<i8>, Weekday)>,
    month_days: Vec<i8>,
    months: Vec<i8>,
    positions: Vec<i16>,
    week_begins: Weekday,
}

fn weekday(text: &str) -> Option<Weekday> {
    Some(match text {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return None,
    })
}

fn list<T>(value: &str, one: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    value.split(',').map(|v| one(v.trim())).collect()
}

fn between<T: std::str::FromStr + PartialOrd>(text: &str, least: T, most: T) -> Option<T> {
    text.trim_start_matches('+').parse::<T>().ok().filter(|n| *n >= least && *n <= most)
}

impl Rule {
    /// Reads the value of an `RRULE`.
    ///
    /// # Errors
    /// The part that is not understood.
    pub(super) fn parse(text: &str) -> Result<Rule, String> {
        let mut rule = Rule {
            frequency: Frequency::Daily,
            interval: 1,
            ending: Ending::Never,
            until: None,
            days: Vec::new(),
            month_days: Vec::new(),
            months: Vec::new(),
            positions: Vec::new(),
            week_begins: Weekday::Monday,
        };
        let mut frequent = false;
        for part in text.split(';').filter(|p| !p.is_empty()) {
            let wrong = || part.to_owned();
            let (key, value) = part.split_once('=').ok_or_else(wrong)?;
            let value = value.to_ascii_uppercase();
            match key.to_ascii_uppercase().as_str() {
                "FREQ" => {
                    frequent = true;
                    rule.frequency = match value.as_str() {
                        "DAILY" => Frequency::Daily,
                        "WEEKLY" => Frequency::Weekly,
                        "MONTHLY" => Frequency::Monthly,
                        "YEARLY" => Frequency::Yearly,
                        _ => return Err(wrong()),
                    };
                }
                "INTERVAL" => rule.interval = between(&value, 1, 10_000).ok_or_else(wrong)?,
                "COUNT" => rule.ending = Ending::Count(between(&value, 1, 1_000_000).ok_or_else(wrong)?),
                "UNTIL" => (rule.ending, rule.until) = (Ending::Until, Some(value)),
                "BYDAY" => {
                    let one = |v: &str| {
                        let (number, day) = v.split_at_checked(v.len().checked_sub(2)?)?;
                        let number = if number.is_empty() { None } else { Some(between(number, -53, 53).filter(|n: &i8| *n != 0)?) };
                        Some((number, weekday(day)?))
                    };
                    rule.days = list(&value, one).ok_or_else(wrong)?;
                }
                "BYMONTHDAY" => {
                    rule.month_days = list(&value, |v| between(v, -31, 31).filter(|n: &i8| *n != 0)).ok_or_else(wrong)?;
                }
                "BYMONTH" => rule.months = list(&value, |v| between(v, 1, 12)).ok_or_else(wrong)?,
                "BYSETPOS" => {
                    rule.positions = list(&value, |v| between(v, -366, 366).filter(|n: &i16| *n != 0)).ok_or_else(wrong)?;
                }
                "WKST" => rule.week_begins = weekday(&value).ok_or_else(wrong)?,
                _ => return Err(wrong()),
            }
        }
        let ordinals = rule.days.iter().any(|(n, _)| n.is_some());
        match rule.frequency {
            _ if !frequent => Err("FREQ is missing".to_owned()),
            Frequency::Daily | Frequency::Weekly if ordinals => Err("BYDAY with a number".to_owned()),
            Frequency::Weekly if !rule.month_days.is_empty() => Err("BYMONTHDAY in weeks".to_owned()),
            _ => Ok(rule),
        }
    }

    /// The days from the first on, in order; the first is always among them. At most to [`HORIZON`].
    pub(super) fn days(&self, first: Date) -> impl Iterator<Item = Date> + '_ {
        let most = if let Ending::Count(n) = self.ending { n } else { usize::MAX };
        let periods = (0i64..).map_while(move |n| self.period(first, n));
        let rest = periods.flat_map(move |days| self.chosen(days)).skip_while(move |day| *day <= first);
        std::iter::once(first).chain(rest.take_while(|day| *day <= HORIZON)).take(most)
    }

    fn chosen(&self, mut days: Vec<Date>) -> Vec<Date> {
        days.sort_unstable();
        days.dedup();
        if self.positions.is_empty() {
            return days;
        }
        let count = i64::try_from(days.len()).unwrap_or(0);
        let mut chosen: Vec<Date> = self
            .positions
            .iter()
            .map(|p| i64::from(*p))
            .filter_map(|p| usize::try_from(if p > 0 { p - 1 } else { count + p }).ok())
            .filter_map(|i| days.get(i).copied())
            .collect();
        chosen.sort_unstable();
        chosen.dedup();
        chosen
    }

    /// The days of the how manieth day, week, month or year after the first; none beyond the horizon.
    fn period(&self, first: Date, n: i64) -> Option<Vec<Date>> {
        let steps = n.checked_mul(self.interval)?;
        let month_fits = |d: &Date| self.months.is_empty() || self.months.contains(&d.month());
        let day_fits = |d: &Date| self.days.is_empty() || self.days.iter().any(|(_, w)| *w == d.weekday());
        let within = |d: &Date| *d <= HORIZON;
        match self.frequency {
            Frequency::Daily => {
                let day = first.checked_add(Span::new().try_days(steps).ok()?).ok().filter(within)?;
                let fits = month_fits(&day) && day_fits(&day) && (self.month_days.is_empty() || self.is_month_day(day));
                Some(if fits { vec![day] } else { Vec::new() })
            }
            Frequency::Weekly => {
                let back = (number(first.weekday()) - number(self.week_begins)).rem_euclid(7);
                let begin = first.checked_sub(Span::new().days(i64::from(back))).ok()?;
                let begin = begin.checked_add(Span::new().try_weeks(steps).ok()?).ok().filter(within)?;
                let week = (0..7).filter_map(|i| begin.checked_add(Span::new().days(i)).ok());
                let own = |d: &Date| if self.days.is_empty() { d.weekday() == first.weekday() } else { day_fits(d) };
                Some(week.filter(|d| own(d) && month_fits(d)).collect())
            }
            Frequency::Monthly => {
                let begin = first.first_of_month().checked_add(Span::new().try_months(steps).ok()?).ok().filter(within)?;
                Some(if month_fits(&begin) { self.of_month(begin, first) } else { Vec::new() })
            }
            Frequency::Yearly => {
                let year = i16::try_from(i64::from(first.year()).checked_add(steps)?).ok()?;
                let begin = Date::new(year, 1, 1).ok().filter(within)?;
                let days = if !self.days.is_empty() && self.months.is_empty() && self.month_days.is_empty() {
                    self.weekdays_within(begin, begin.last_of_year())
                } else {
                    let months: Vec<i8> = match (self.months.is_empty(), self.month_days.is_empty()) {
                        (false, _) => self.months.clone(),
                        (true, false) => (1..=12).collect(),
                        (true, true) => vec![first.month()],
                    };
                    months.into_iter().filter_map(|m| Date::new(year, m, 1).ok()).flat_map(|m| self.of_month(m, first)).collect()
                };
                Some(days)
            }
        }
    }

    fn is_month_day(&self, day: Date) -> bool {
        let back = day.day() - day.days_in_month() - 1;
        self.month_days.iter().any(|n| *n == day.day() || *n == back)
    }

    /// Those of a month, given by its first day.
    fn of_month(&self, begin: Date, first: Date) -> Vec<Date> {
        let last = begin.last_of_month();
        if !self.month_days.is_empty() {
            let days = begin.series(Span::new().days(1)).take_while(|d| *d <= last);
            return days
                .filter(|d| self.is_month_day(*d) && (self.days.is_empty() || self.days.iter().any(|(_, w)| *w == d.weekday())))
                .collect();
        }
        if !self.days.is_empty() {
            return self.weekdays_within(begin, last);
        }
        Date::new(begin.year(), begin.month(), first.day()).into_iter().collect()
    }

    /// Days of the week from a day to another: all of them, or the second, or the last.
    fn weekdays_within(&self, begin: Date, last: Date) -> Vec<Date> {
        let mut found = Vec::new();
        for (ordinal, weekday) in &self.days {
            let all: Vec<Date> = begin.series(Span::new().days(1)).take_while(|d| *d <= last).filter(|d| d.weekday() == *weekday).collect();
            match ordinal {
                None => found.extend(all),
                Some(n) => {
                    let at = if *n > 0 { usize::try_from(n - 1).ok() } else { all.len().checked_sub(usize::from(n.unsigned_abs())) };
                    found.extend(at.and_then(|i| all.get(i)));
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(rule: &str, first: &str, n: usize) -> Vec<String> {
        Rule::parse(rule).unwrap().days(first.parse().unwrap()).take(n).map(|d| d.to_string()).collect()
    }

    #[test]
    fn rules_of_the_standard_give_its_days() {
        // Out of RFC 5545, 3.8.5.3.
        assert_eq!(days("FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "1997-11-27", 3), ["1997-11-27", "1998-11-26", "1999-11-25"]);
        assert_eq!(days("FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", "1997-09-22", 9).len(), 6);
        assert_eq!(days("FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", "1997-09-22", 3), ["1997-09-22", "1997-10-20", "1997-11-17"]);
        assert_eq!(days("FREQ=MONTHLY;BYMONTHDAY=-3", "1997-09-28", 3), ["1997-09-28", "1997-10-29", "1997-11-28"]);
        assert_eq!(days("FREQ=YEARLY;INTERVAL=3;BYMONTHDAY=1;BYMONTH=1", "1997-01-01", 3), ["1997-01-01", "2000-01-01", "2003-01-01"]);
        assert_eq!(
            days("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "1997-08-05", 9),
            ["1997-08-05", "1997-08-10", "1997-08-19", "1997-08-24"]
        );
        assert_eq!(
            days("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "1997-08-05", 9),
            ["1997-08-05", "1997-08-17", "1997-08-19", "1997-08-31"]
        );
        assert_eq!(days("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "1998-02-13", 3), ["1998-02-13", "1998-03-13", "1998-11-13"]);
        assert_eq!(
            days("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2", "1997-09-29", 4),
            ["1997-09-29", "1997-10-30", "1997-11-27", "1997-12-30"]
        );
        assert_eq!(days("FREQ=YEARLY;BYDAY=20MO", "1997-05-19", 3), ["1997-05-19", "1998-05-18", "1999-05-17"]);
        assert_eq!(
            days("FREQ=DAILY;INTERVAL=10;COUNT=5", "1997-09-02", 9),
            ["1997-09-02", "1997-09-12", "1997-09-22", "1997-10-02", "1997-10-12"]
        );
    }

    #[test]
    fn a_leap_day_comes_in_leap_years_only_and_a_31st_in_long_months() {
        assert_eq!(days("FREQ=YEARLY", "2024-02-29", 3), ["2024-02-29", "2028-02-29", "2032-02-29"]);
        assert_eq!(days("FREQ=MONTHLY", "2026-01-31", 3), ["2026-01-31", "2026-03-31", "2026-05-31"]);
    }

    #[test]
    fn what_never_comes_ends_and_what_is_not_understood_is_said() {
        assert_eq!(days("FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", "2026-01-01", 5), ["2026-01-01"]);
        assert_eq!(days("FREQ=YEARLY", "2078-05-01", 5), ["2078-05-01", "2079-05-01"]);
        for (bad, part) in [
            ("FREQ=HOURLY", "FREQ=HOURLY"),
            ("FREQ=YEARLY;BYWEEKNO=20", "BYWEEKNO=20"),
            ("INTERVAL=2", "FREQ is missing"),
            ("FREQ=DAILY;COUNT=0", "COUNT=0"),
            ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY=0MO"),
            ("FREQ=WEEKLY;BYDAY=ą", "BYDAY=ą"),
            ("FREQ=DAILY;BYDAY", "BYDAY"),
        ] {
            assert_eq!(Rule::parse(bad).unwrap_err(), part);
        }
    }
}
