//! Dates as `process.toml` writes them beside gates and tasks: calendar files, big events, leave, the working day, preferred days.

use super::super::away::{Blackout, Period};
use super::super::{Calendar, Level};
use super::ics::{Ics, When};
use super::raw::{RawProcess, RawStage};
use super::{Reader, entries};
use crate::finding::Finding;
use crate::program::PROGRAM_LAYER;
use crate::program::file::File;
use crate::program::raw::At;
use jiff::civil::Time;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;

/// The working day, where nothing else is written.
const HOURS: (Time, Time) = (Time::constant(9, 0, 0, 0), Time::constant(17, 0, 0, 0));

/// What the events of a calendar file are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CalendarKind {
    /// Days on which nobody works. Events with hours are blackouts for those.
    #[default]
    Holidays,
    /// Times in which no stage is to take place.
    Blackout,
}

/// A calendar file: RFC 5545, as calendars and public bodies export it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCalendar {
    /// The file, `NAME.ics` in the program's folder or a kit's.
    pub(super) file: Option<At<String>>,
    /// `holidays` by default, or `blackout`.
    pub(super) kind: Option<At<CalendarKind>>,
    /// What a blackout does: `require` (no date lies in it) by default, or `recommend` (whoever agrees upon one is warned).
    pub(super) level: Option<At<Level>>,
}

/// Something big that is on elsewhere: a fair, an election, the end of a year's accounts.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEvent {
    /// What people call it.
    pub(super) title: Option<At<String>>,
    /// When it begins: a day, `2027-01-29`, or a moment, `2027-01-29T18:00`.
    pub(super) from: Option<At<String>>,
    /// When it ends; a day is meant as a whole. That of its begin by default.
    pub(super) until: Option<At<String>>,
    /// `require` (no date lies in it) by default, or `recommend` (whoever agrees upon one is warned).
    pub(super) level: Option<At<Level>>,
}

impl Reader<'_> {
    /// The working day.
    pub(super) fn hours(&mut self, at: Option<(&File<'_>, &At<String>)>) -> (Time, Time) {
        let Some((file, at)) = at else { return HOURS };
        let read = at.value.split_once('-').and_then(|(from, until)| Some((from.trim().parse().ok()?, until.trim().parse().ok()?)));
        match read {
            Some((from, until)) if from < until => (from, until),
            _ => {
                self.wrong(file.place(at.span.clone()), format!("`{}` is no working day", at.value), "write `08:00-16:00`, on one day");
                HOURS
            }
        }
    }

    /// Holidays and blackouts out of files and events, added to what the calendar has.
    pub(super) fn away(&mut self, raws: &[(File<'_>, RawProcess)], calendar: &mut Calendar) {
        for (id, (file, at, raw)) in entries(raws, |r| &r.calendar) {
            let Some(path) = &raw.file else {
                self.wrong(
                    file.place(at.span.clone()),
                    format!("the calendar `{id}` lacks `file`"),
                    "`file = \"holidays.ics\"`, in the program's folder",
                );
                continue;
            };
            let kind = raw.kind.as_ref().map(|k| k.value).unwrap_or_default();
            let level = raw.level.as_ref().map(|l| l.value).unwrap_or_default();
            let name = &path.value;
            let layers = self.layers;
            let fits = name.to_lowercase().ends_with(".ics") && !name.contains(['/', '\\']);
            let found = layers.iter().rev().find(|l| l.files.contains_key(name));
            let Some(layer) = found.filter(|_| fits) else {
                let place = file.place(path.span.clone());
                let hint = "put it into the program's folder, beside `process.toml`, and name it `NAME.ics`";
                self.findings.push(Finding::error("GR0131", format!("the calendar file `{name}` is not there")).at(place).hint(hint));
                continue;
            };
            let text = layer.files.get(name).map_or("", String::as_str);
            let ics = File { layer: &layer.name, own: layer.name == PROGRAM_LAYER, path: name, text };
            let zone = calendar.tz.clone();
            for o in (Ics { file: ics, zone: &zone, findings: self.findings }).read() {
                let when = match (kind, o.when) {
                    (CalendarKind::Holidays, When::Days(from, until)) => {
                        let days = from.series(jiff::Span::new().days(1)).take_while(|d| *d < until).take(366);
                        calendar.holidays.extend(days);
                        continue;
                    }
                    (_, When::Hours(period)) => period,
                    (CalendarKind::Blackout, When::Days(from, until)) => {
                        let at = |d: jiff::civil::Date| calendar.at(d, Time::midnight());
                        let (Some(from), Some(until)) = (at(from), at(until)) else { continue };
                        Period { from, until }
                    }
                };
                calendar.blackouts.push(Blackout { id: id.clone(), title: o.title, level, when });
            }
        }
        for (id, (file, at, raw)) in entries(raws, |r| &r.event) {
            let Some(from) = &raw.from else {
                self.wrong(file.place(at.span.clone()), format!("the event `{id}` lacks `from`"), "`from = \"2027-01-29\"`, and `until`");
                continue;
            };
            let until = raw.until.as_ref().map(|u| u.value.as_str());
            match calendar.period(&from.value, until) {
                Some(when) => {
                    let level = raw.level.as_ref().map(|l| l.value).unwrap_or_default();
                    calendar.blackouts.push(Blackout { title: super::text(&raw.title, &id), id, level, when });
                }
                None => {
                    let place = file.place(raw.until.as_ref().unwrap_or(from).span.clone());
                    let hint = "write days as `2027-01-29`, moments as `2027-01-29T18:00`; `until` is not before `from`";
                    self.wrong(place, format!("the event `{id}` has no time"), hint);
                }
            }
        }
        calendar.blackouts.sort_by(|a, b| (a.when, &a.id).cmp(&(b.when, &b.id)));
    }

    /// When somebody is away.
    pub(super) fn leave(&mut self, file: &File<'_>, all: &[At<String>], calendar: Option<&Calendar>) -> Vec<Period> {
        let Some(calendar) = calendar else { return Vec::new() };
        let mut read = Vec::new();
        for at in all {
            match calendar.period_of(&at.value) {
                Some(period) => read.push(period),
                None => self.wrong(
                    file.place(at.span.clone()),
                    format!("`{}` is no leave", at.value),
                    "write `2026-12-20 to 2027-01-03`, both days are meant; or one day",
                ),
            }
        }
        read.sort_unstable();
        read
    }

    /// Days on which a stage had better begin, and the minutes to spare.
    pub(super) fn wishes(&mut self, file: &File<'_>, s: &RawStage) -> (BTreeSet<i8>, u32) {
        let prefer = s.prefer.as_ref().map(|at| self.days(file, at)).unwrap_or_default();
        let minutes = |text: &str| {
            let (number, unit) = text.trim().split_once(' ')?;
            let factor = match unit.trim().trim_end_matches('s') {
                "minute" => 1,
                "hour" => 60,
                "day" => 24 * 60,
                _ => return None,
            };
            number.parse::<u32>().ok()?.checked_mul(factor).filter(|n| *n <= 366 * 24 * 60)
        };
        let buffer = s.buffer.as_ref().map_or(0, |at| {
            minutes(&at.value).unwrap_or_else(|| {
                self.wrong(
                    file.place(at.span.clone()),
                    format!("`{}` is no time to spare", at.value),
                    "write `90 minutes`, `2 hours` or `1 day`",
                );
                0
            })
        });
        (prefer, buffer)
    }
}
