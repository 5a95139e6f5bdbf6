//! Days, hours and lengths of time as `process.toml` writes them.

use super::super::calendar::DAYS;
use super::super::{Calendar, Lapse};
use super::Reader;
use super::raw::{RawProcess, RawSettings};
use crate::program::file::File;
use crate::program::raw::At;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;

impl Reader<'_> {
    pub(super) fn days(&mut self, file: &File<'_>, at: &At<Vec<String>>) -> BTreeSet<i8> {
        let mut days = BTreeSet::new();
        for word in &at.value {
            match DAYS.iter().position(|d| d == word) {
                Some(n) => drop(days.insert(i8::try_from(n).unwrap_or(0))),
                None => self.wrong(file.place(at.span.clone()), format!("`{word}` is no day"), format!("days are {}", DAYS.join(", "))),
            }
        }
        days
    }

    pub(super) fn calendar(&mut self, raws: &[(File<'_>, RawProcess)]) -> Option<Calendar> {
        fn last<'r, T>(
            raws: &'r [(File<'r>, RawProcess)],
            get: impl Fn(&'r RawSettings) -> Option<&'r At<T>>,
        ) -> Option<(&'r File<'r>, &'r At<T>)> {
            raws.iter().rev().find_map(|(file, r)| Some((file, get(r.process.as_ref()?)?)))
        }
        let zone = last(raws, |s| s.timezone.as_ref());
        let name = zone.map_or("UTC", |(_, at)| at.value.as_str());
        let tz = match TimeZone::get(name) {
            Ok(tz) => tz,
            Err(_) => {
                if let Some((file, at)) = zone {
                    self.wrong(
                        file.place(at.span.clone()),
                        format!("there is no time zone `{name}`"),
                        "write it as in `Europe/Warsaw`; `UTC` by default",
                    );
                }
                return None;
            }
        };
        let weekdays = last(raws, |s| s.weekdays.as_ref()).map_or_else(|| (0..5).collect(), |(file, at)| self.days(file, at));
        let mut holidays = BTreeSet::new();
        if let Some((file, at)) = last(raws, |s| s.holidays.as_ref()) {
            for day in &at.value {
                match day.parse::<Date>() {
                    Ok(day) => drop(holidays.insert(day)),
                    Err(_) => self.wrong(file.place(at.span.clone()), format!("`{day}` is no day"), "write days as `2026-12-25`"),
                }
            }
        }
        let hours = self.hours(last(raws, |s| s.hours.as_ref()));
        let mut calendar = Calendar { zone: name.to_owned(), weekdays, holidays, hours, blackouts: Vec::new(), tz };
        self.away(raws, &mut calendar);
        Some(calendar)
    }

    pub(super) fn lapse(&mut self, file: &File<'_>, at: Option<&At<String>>) -> Option<Lapse> {
        let at = at?;
        Lapse::parse(&at.value)
            .map_err(|hint| self.wrong(file.place(at.span.clone()), format!("`{}` is no length of time", at.value), hint))
            .ok()
    }
}
