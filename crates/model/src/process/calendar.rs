//! Days and hours: waits in calendar or business days and hours, windows of time, long weekends. Days are those of one time zone, so that four weeks are four weeks whatever
//! summer time does.

use super::away::Blackout;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, Zoned};
use serde::Serialize;
use std::collections::BTreeSet;

/// In what a lapse is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LapseUnit {
    /// Hours that pass.
    Hours,
    /// Days of the calendar, to the same time of day.
    Days,
    /// Days on which people work, to the same time of day.
    BusinessDays,
    /// Months of the calendar, to the same day or the month's last.
    Months,
    /// Until the next day on which people work begins.
    NextBusinessDay,
    /// Hours of the working day on days on which people work.
    BusinessHours,
}

/// A time that has to pass: `4 weeks`, `2 business days`, `36 hours`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Lapse {
    /// How many.
    pub count: u16,
    /// Of what.
    pub unit: LapseUnit,
}

impl Lapse {
    /// Reads `4 weeks`, `10 days`, `2 business days`, `36 hours`, `8 business hours`, `1 month`, `next business day`.
    ///
    /// # Errors
    /// What may be written, where this is something else.
    pub fn parse(text: &str) -> Result<Lapse, String> {
        if text.trim() == "next business day" {
            return Ok(Lapse { count: 1, unit: LapseUnit::NextBusinessDay });
        }
        let wrong =
            || "write `36 hours`, `8 business hours`, `10 days`, `2 business days`, `4 weeks`, `1 month` or `next business day`".to_owned();
        let (number, unit) = text.trim().split_once(' ').ok_or_else(wrong)?;
        let count: u16 = number.parse().map_err(|_| wrong())?;
        let (factor, unit) = match unit.trim().trim_end_matches('s') {
            "hour" => (1, LapseUnit::Hours),
            "day" => (1, LapseUnit::Days),
            "business day" => (1, LapseUnit::BusinessDays),
            "business hour" => (1, LapseUnit::BusinessHours),
            "week" => (7, LapseUnit::Days),
            "month" => (1, LapseUnit::Months),
            _ => return Err(wrong()),
        };
        let count = count.checked_mul(factor).filter(|n| *n <= 3660).ok_or_else(|| "at most ten years".to_owned())?;
        Ok(Lapse { count, unit })
    }
}

impl std::fmt::Display for Lapse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (count, one) = match self.unit {
            LapseUnit::Days if self.count > 0 && self.count.is_multiple_of(7) => (self.count / 7, "week"),
            LapseUnit::Days => (self.count, "day"),
            LapseUnit::Hours => (self.count, "hour"),
            LapseUnit::BusinessDays => (self.count, "business day"),
            LapseUnit::Months => (self.count, "month"),
            LapseUnit::NextBusinessDay => return f.write_str("the time until the next business day"),
            LapseUnit::BusinessHours => (self.count, "business hour"),
        };
        write!(f, "{count} {one}{}", if count == 1 { "" } else { "s" })
    }
}

/// Hours of certain days. One that ends earlier in the day than it begins goes on into the next day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Window {
    /// Days on which it begins.
    #[serde(serialize_with = "day_names")]
    pub days: BTreeSet<i8>,
    /// When it begins.
    pub from: Time,
    /// When it ends.
    pub until: Time,
    /// It does not begin on a holiday, nor on the day before one.
    pub away_from_holidays: bool,
    /// It does not begin in a long weekend, nor on the day before one. Left out where it is not so, so that what was signed before there was such a thing stays the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub away_from_long_weekends: bool,
}

/// Names of days as they are written.
pub(super) const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

fn day_names<S: serde::Serializer>(days: &BTreeSet<i8>, s: S) -> Result<S::Ok, S::Error> {
    s.collect_seq(days.iter().filter_map(|d| DAYS.get(usize::try_from(*d).unwrap_or(7))))
}

/// A day as it is kept: Monday is 0.
pub(super) fn number(day: Weekday) -> i8 {
    day.to_monday_zero_offset()
}

/// Whose days these are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Calendar {
    /// Name of the time zone: `Europe/Warsaw`.
    pub zone: String,
    /// Days on which people work, but for holidays.
    #[serde(serialize_with = "day_names")]
    pub weekdays: BTreeSet<i8>,
    /// Days on which they do not.
    pub holidays: BTreeSet<Date>,
    /// The working day, from and until.
    pub hours: (Time, Time),
    /// When nothing is to take place.
    pub blackouts: Vec<Blackout>,
    #[serde(skip)]
    pub(super) tz: TimeZone,
}

impl Calendar {
    /// A moment as people there read it.
    pub fn local(&self, at: Timestamp) -> Zoned {
        at.to_zoned(self.tz.clone())
    }

    /// The moment at which clocks there show this; one that summer time leaves out is an hour later, of two that show the same the earlier one.
    pub fn moment(&self, civil: jiff::civil::DateTime) -> Option<Timestamp> {
        self.tz.to_zoned(civil).ok().map(|z| z.timestamp())
    }

    /// Whether people work on a day.
    pub fn is_business(&self, day: Date) -> bool {
        self.weekdays.contains(&number(day.weekday())) && !self.holidays.contains(&day)
    }

    /// When so much time has passed since a moment. A time of day that summer time leaves out is an hour later that day.
    pub fn after(&self, since: Timestamp, lapse: Lapse) -> Timestamp {
        let from = self.local(since);
        let count = i64::from(lapse.count);
        if lapse.unit == LapseUnit::BusinessHours {
            return self.after_hours(since, SignedDuration::from_hours(count));
        }
        let span = match lapse.unit {
            LapseUnit::Hours | LapseUnit::BusinessHours => Span::new().hours(count),
            LapseUnit::Days => Span::new().days(count),
            LapseUnit::Months => Span::new().months(count),
            LapseUnit::NextBusinessDay => {
                let day = from.date().checked_add(Span::new().days(self.business_span(from.date(), 1)));
                return day.ok().and_then(|d| self.moment(d.at(0, 0, 0, 0))).unwrap_or(Timestamp::MAX);
            }
            LapseUnit::BusinessDays => Span::new().days(self.business_span(from.date(), lapse.count)),
        };
        from.checked_add(span).map_or(Timestamp::MAX, |z| z.timestamp())
    }

    /// The beginning of the first business day after the day of a moment; none within a year.
    pub fn next_business_day(&self, after: Timestamp) -> Option<Timestamp> {
        let from = self.local(after).date();
        let day = from.checked_add(Span::new().days(self.business_span(from, 1))).ok().filter(|day| self.is_business(*day))?;
        self.moment(day.at(0, 0, 0, 0))
    }

    /// Days of the calendar until so many business days have come. A year without any ends the search.
    fn business_span(&self, from: Date, count: u16) -> i64 {
        let (mut left, mut span, mut day, mut idle) = (count, 0, from, 0);
        while left > 0 && idle < 366 {
            let Ok(next) = day.tomorrow() else { break };
            day = next;
            span += 1;
            idle += 1;
            if self.is_business(day) {
                left -= 1;
                idle = 0;
            }
        }
        span
    }

    /// When so much of working days has passed. A year without any ends the search.
    fn after_hours(&self, since: Timestamp, mut left: SignedDuration) -> Timestamp {
        let (mut day, mut at, mut idle) = (self.local(since).date(), since, 0);
        while left > SignedDuration::ZERO && idle < 366 {
            idle += 1;
            if self.is_business(day)
                && let (Some(from), Some(until)) = (self.at(day, self.hours.0), self.at(day, self.hours.1))
                && from.max(at) < until
            {
                let begin = from.max(at);
                let rest = until.duration_since(begin);
                if left <= rest {
                    return begin + left;
                }
                (left, at, idle) = (left - rest, until, 0);
            }
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        if left > SignedDuration::ZERO { Timestamp::MAX } else { since }
    }

    /// The moment of a time of day.
    pub(super) fn at(&self, day: Date, time: Time) -> Option<Timestamp> {
        self.moment(day.to_datetime(time))
    }

    /// Whether a day belongs to three days or more in a row on which nobody works, a holiday among them. A single working day between such days counts as one of them: people take
    /// it off.
    pub fn is_long_weekend(&self, day: Date) -> bool {
        let free = |d: Date| !self.is_business(d);
        let near = |d: Date, by: i64| d.checked_add(Span::new().days(by)).ok();
        let free_near = |d: Date, by: i64| near(d, by).is_some_and(free);
        let off = |d: Date| {
            let bridge = free_near(d, -1) && free_near(d, 1);
            let holiday = |by| near(d, by).is_some_and(|n| self.holidays.contains(&n) && self.weekdays.contains(&number(n.weekday())));
            free(d) || (bridge && (holiday(-1) || holiday(1)))
        };
        if !off(day) {
            return false;
        }
        let run = |by: i64| (1..=60).map_while(|n| near(day, n * by).filter(|d| off(*d))).collect::<Vec<_>>();
        let days: Vec<Date> = run(-1).into_iter().chain([day]).chain(run(1)).collect();
        days.len() >= 3 && days.iter().any(|d| self.holidays.contains(d))
    }

    /// Whether a moment lies in a window, and if so, when that closes.
    pub fn within(&self, window: &Window, at: Timestamp) -> Option<Timestamp> {
        let today = self.local(at).date();
        [today.yesterday().ok(), Some(today)].into_iter().flatten().find_map(|day| {
            let (from, until) = self.opening(window, day)?;
            (from <= at && at < until).then_some(until)
        })
    }

    /// When a window opens next, at the earliest now; none within a year.
    pub fn next_window(&self, window: &Window, at: Timestamp) -> Option<Timestamp> {
        let mut day = self.local(at).date();
        for _ in 0..=366 {
            if let Some((from, _)) = self.opening(window, day).filter(|(from, _)| *from >= at) {
                return Some(from);
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    /// A window that begins on a day: from when until when.
    pub(super) fn opening(&self, window: &Window, day: Date) -> Option<(Timestamp, Timestamp)> {
        if self.shut_on(window, day).is_some() {
            return None;
        }
        let last = if window.until <= window.from { day.tomorrow().ok()? } else { day };
        Some((self.at(day, window.from)?, self.at(last, window.until)?))
    }

    /// Why a window does not begin on a day, where it does not.
    pub(super) fn shut_on(&self, window: &Window, day: Date) -> Option<String> {
        let tomorrow = day.tomorrow().ok();
        let holiday = |d: Option<Date>| d.is_some_and(|d| self.holidays.contains(&d));
        let long = |d: Option<Date>| d.is_some_and(|d| self.is_long_weekend(d));
        if !window.days.contains(&number(day.weekday())) {
            return Some(format!("no window begins on a {}", day.strftime("%A")));
        }
        if window.away_from_holidays && holiday(Some(day)) {
            return Some(format!("{day} is a holiday"));
        }
        if window.away_from_holidays && holiday(tomorrow) {
            return Some(format!("{day} is the day before a holiday"));
        }
        if window.away_from_long_weekends && long(Some(day)) {
            return Some(format!("{day} is part of a long weekend"));
        }
        if window.away_from_long_weekends && long(tomorrow) {
            return Some(format!("{day} is the day before a long weekend"));
        }
        None
    }
}
