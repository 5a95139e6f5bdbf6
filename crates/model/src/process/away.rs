//! Times at which something is not to be, or somebody is not there: big events, blackouts out of calendar files, leave. Owns what overlaps; does not own how it is written (`read`).

use super::{Calendar, Level};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use serde::Serialize;

/// From a moment until another, which is no part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Period {
    /// Begin.
    pub from: Timestamp,
    /// End.
    pub until: Timestamp,
}

impl Period {
    /// Whether both have a moment in common.
    pub fn overlaps(&self, other: Period) -> bool {
        self.from < other.until && other.from < self.until
    }
}

/// A time in which no stage is to take place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Blackout {
    /// By which it is known: of the event, or of the calendar.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// Whether it forbids, or only warns.
    pub level: Level,
    /// When.
    pub when: Period,
}

/// One end of a period as people write it: a day, or a day and a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Day(Date),
    Moment(DateTime),
}

fn end(text: &str) -> Option<End> {
    let text = text.trim();
    match text.contains(['T', ':']) {
        true => text.parse().ok().map(End::Moment),
        false => text.parse().ok().map(End::Day),
    }
}

impl Calendar {
    /// A period as people write it: days are meant as a whole, the last one too. None where it is none, or ends before it begins.
    pub(super) fn period(&self, from: &str, until: Option<&str>) -> Option<Period> {
        let first = end(from)?;
        let last = match until {
            Some(text) => end(text)?,
            None => match first {
                End::Day(day) => End::Day(day),
                End::Moment(_) => return None,
            },
        };
        let begin = match first {
            End::Day(day) => self.moment(day.to_datetime(jiff::civil::Time::midnight()))?,
            End::Moment(at) => self.moment(at)?,
        };
        let end = match last {
            End::Day(day) => self.moment(day.tomorrow().ok()?.to_datetime(jiff::civil::Time::midnight()))?,
            End::Moment(at) => self.moment(at)?,
        };
        (begin < end).then_some(Period { from: begin, until: end })
    }

    /// A period written in one: `2026-12-20 to 2027-01-03`, or one day.
    pub(super) fn period_of(&self, text: &str) -> Option<Period> {
        match text.split_once(" to ") {
            Some((from, until)) => self.period(from, Some(until)),
            None => self.period(text, None),
        }
    }
}
