//! Calendar files (RFC 5545) as others write them: which days and hours their events take. Every fault has its line. Lines and parameters are `ical_vcard`'s, what repeats is
//! `recur`'s; what an event means for the process is `dates`'.

use super::super::away::Period;
use super::super::recur::{Ending, HORIZON, Rule};
use crate::finding::{Finding, Place};
use crate::program::file::File;
use ical_vcard::{Contentline, Parser};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use std::collections::BTreeMap;
use std::ops::Range;

/// Bytes of a calendar file at most.
const MOST_BYTES: usize = 8 << 20;
/// What happened before is of no interest.
const BEGIN: Date = Date::constant(2000, 1, 1);
/// Characters of a title that are shown.
const TITLE: usize = 120;
/// Times that one file's events take place, at most.
const MOST_TIMES: usize = 200_000;

/// When an event takes place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Whole days; the last is none of them.
    Days(Date, Date),
    /// Hours.
    Hours(Period),
}

/// An event, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Occurrence {
    pub(super) title: String,
    pub(super) when: When,
}

/// A line with its place.
struct Property {
    line: Contentline,
    span: Range<usize>,
}

impl Property {
    fn param(&self, name: &str) -> Option<&str> {
        let param = self.line.params().iter().find(|p| p.name().eq_ignore_ascii_case(name))?;
        param.values().first().map(AsRef::as_ref)
    }
}

#[derive(Default)]
struct Event {
    span: Range<usize>,
    properties: Vec<Property>,
}

impl Event {
    fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Property> {
        self.properties.iter().filter(move |p| p.line.name().eq_ignore_ascii_case(name))
    }

    fn one(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|p| p.line.name().eq_ignore_ascii_case(name))
    }

    fn uid(&self) -> &str {
        self.one("UID").map_or("", |p| p.line.value())
    }
}

/// A day, or a moment as clocks of a zone show it.
#[derive(Clone, Debug)]
enum Value {
    Day(Date),
    Moment(DateTime, TimeZone),
}

impl Value {
    fn at(&self) -> DateTime {
        match self {
            Value::Day(day) => day.to_datetime(Time::midnight()),
            Value::Moment(at, _) => *at,
        }
    }

    /// As clocks of another zone show it.
    fn in_zone(&self, zone: Option<&TimeZone>) -> DateTime {
        match (self, zone) {
            (Value::Moment(at, own), Some(zone)) if own != zone => {
                own.to_zoned(*at).map_or(*at, |z| z.with_time_zone(zone.clone()).datetime())
            }
            _ => self.at(),
        }
    }
}

/// Reads a file; `zone` is that of times without one.
pub(super) struct Ics<'a> {
    pub(super) file: File<'a>,
    pub(super) zone: &'a TimeZone,
    pub(super) findings: &'a mut Vec<Finding>,
}

impl Ics<'_> {
    fn wrong(&mut self, code: &'static str, span: Range<usize>, message: impl Into<String>, hint: impl Into<String>) {
        let place: Place = self.file.place(span);
        self.findings.push(Finding::error(code, message).at(place).hint(hint));
    }

    fn doubtful(&mut self, span: Range<usize>, message: impl Into<String>, hint: impl Into<String>) {
        let place: Place = self.file.place(span);
        self.findings.push(Finding::warning("GR0133", message).at(place).hint(hint));
    }

    /// Every time that an event of the file takes place.
    pub(super) fn read(&mut self) -> Vec<Occurrence> {
        if self.file.text.len() > MOST_BYTES {
            self.wrong("GR0131", 0..0, "this calendar file is larger than 8 MiB", "export the events only that are needed");
            return Vec::new();
        }
        let events = self.events();
        if events.is_empty() && self.findings.iter().all(|f| f.code != "GR0131") {
            self.doubtful(0..0, "this calendar file has no event in it", "export it anew, or remove it");
        }
        // Single times of what repeats that were moved or changed stand as events of their own.
        let mut moved: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for event in &events {
            if let Some(p) = event.one("RECURRENCE-ID") {
                if p.param("RANGE").is_some() {
                    let hint = "export the calendar from a program that writes the changed part as a series of its own";
                    self.wrong("GR0132", p.span.clone(), "a change to all later times of a series is not understood", hint);
                } else if let Some(value) = self.value(p, p.line.value()) {
                    moved.entry(event.uid().to_owned()).or_default().push(value);
                }
            }
        }
        let mut found = Vec::new();
        for event in &events {
            let none = Vec::new();
            let other = if event.one("RECURRENCE-ID").is_none() { moved.get(event.uid()).unwrap_or(&none) } else { &none };
            self.times(event, other, &mut found);
            if found.len() > MOST_TIMES {
                self.wrong(
                    "GR0132",
                    event.span.clone(),
                    "the events of this file take place too often",
                    "leave out what is no holiday and no blackout",
                );
                break;
            }
        }
        found
    }

    /// The events, and whether all that is opened is closed again.
    fn events(&mut self) -> Vec<Event> {
        let mut open: Vec<(String, Range<usize>)> = Vec::new();
        let (mut events, mut event, mut begun) = (Vec::new(), Event::default(), false);
        for span in lines(self.file.text) {
            let raw = self.file.text.get(span.clone()).unwrap_or("");
            let parsed = Parser::new(raw.as_bytes()).max_line_length(usize::MAX).next();
            let line = match parsed {
                None => continue,
                Some(Ok(line)) => line,
                Some(Err(_)) => {
                    self.wrong(
                        "GR0131",
                        span,
                        "this is no line of a calendar file",
                        "a line is `NAME:VALUE`; one that goes on begins with a space. Export the file anew",
                    );
                    return events;
                }
            };
            let word = line.value().to_ascii_uppercase();
            match line.name().to_ascii_uppercase().as_str() {
                "BEGIN" => {
                    if open.is_empty() && word != "VCALENDAR" {
                        break;
                    }
                    begun = true;
                    if open.len() == 1 && word == "VEVENT" {
                        event = Event { span: span.clone(), properties: Vec::new() };
                    }
                    open.push((word, span));
                }
                "END" => match open.pop() {
                    Some((name, _)) if name == word => {
                        if open.len() == 1 && word == "VEVENT" {
                            events.push(std::mem::take(&mut event));
                        }
                    }
                    other => {
                        let message = match other {
                            Some((name, _)) => format!("`{word}` ends here, and `{name}` does not before"),
                            None => format!("`{word}` ends here, and was never begun"),
                        };
                        self.wrong("GR0131", span, message, "export the file anew");
                        return events;
                    }
                },
                _ if open.is_empty() => break,
                _ if open.len() == 2 && open.last().is_some_and(|(name, _)| name == "VEVENT") => {
                    event.properties.push(Property { line, span })
                }
                _ => {}
            }
        }
        if let Some((name, span)) = open.pop() {
            self.wrong(
                "GR0131",
                span,
                format!("`{name}` begins here and does not end: the file is broken off"),
                "was it sent whole? Export it anew",
            );
        } else if !begun {
            self.wrong("GR0131", 0..0, "this is no calendar file", "one begins with `BEGIN:VCALENDAR` (RFC 5545)");
        }
        events
    }

    /// A day or moment out of a property; a finding where it is none.
    fn value(&mut self, p: &Property, text: &str) -> Option<Value> {
        let text = text.trim();
        let read = match text.len() {
            8 => Date::strptime("%Y%m%d", text).ok().map(Value::Day),
            15 | 16 => {
                let (civil, utc) = match text.strip_suffix(['Z', 'z']) {
                    Some(civil) => (civil, true),
                    None => (text, false),
                };
                match (DateTime::strptime("%Y%m%dT%H%M%S", civil).ok(), utc) {
                    (Some(at), true) => Some(Value::Moment(at, TimeZone::UTC)),
                    (Some(at), false) => Some(Value::Moment(at, self.zone_of(p)?)),
                    (None, _) => None,
                }
            }
            _ => None,
        };
        if read.is_none() {
            self.wrong(
                "GR0131",
                p.span.clone(),
                format!("`{text}` is neither a day nor a moment"),
                "days are written `20261224`, moments `20261224T180000`",
            );
        }
        read
    }

    fn zone_of(&mut self, p: &Property) -> Option<TimeZone> {
        let Some(name) = p.param("TZID") else { return Some(self.zone.clone()) };
        // Some programs put their own name in front: `/example.org/Europe/Warsaw`.
        let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty()).collect();
        let known = (0..parts.len()).find_map(|skip| TimeZone::get(&parts[skip..].join("/")).ok());
        if known.is_none() {
            let hint = "name it as in `TZID=Europe/Warsaw`; names such as `Central European Standard Time` are one vendor's own";
            self.wrong("GR0131", p.span.clone(), format!("there is no time zone `{name}`"), hint);
        }
        known
    }

    /// All days and moments of properties with lists in them.
    fn values(&mut self, event: &Event, name: &str) -> Option<Vec<Value>> {
        let mut all = Vec::new();
        for p in event.all(name) {
            if p.param("VALUE").is_some_and(|v| v.eq_ignore_ascii_case("PERIOD")) {
                self.wrong("GR0132", p.span.clone(), "periods in lists are not understood", "write single days or moments");
                return None;
            }
            for one in p.line.value().split(',') {
                all.push(self.value(p, one)?);
            }
        }
        Some(all)
    }

    /// How long an event takes, from its begin.
    fn length(&mut self, event: &Event, start: &Value) -> Option<Span> {
        let zone = if let Value::Moment(_, zone) = start { Some(zone) } else { None };
        if let Some(p) = event.one("DTEND") {
            let end = self.value(p, p.line.value())?;
            if matches!((start, &end), (Value::Day(_), Value::Moment(..)) | (Value::Moment(..), Value::Day(_))) {
                self.wrong("GR0131", p.span.clone(), "one of begin and end is a day, the other a moment", "write both alike");
                return None;
            }
            let end = end.in_zone(zone);
            if end < start.at() {
                self.wrong("GR0131", p.span.clone(), "this event ends before it begins", "correct `DTEND`");
                return None;
            }
            return start.at().until((jiff::Unit::Day, end)).ok();
        }
        if let Some(p) = event.one("DURATION") {
            let read = p.line.value().trim().parse::<Span>().ok().filter(|s| !s.is_negative() && s.get_months() == 0 && s.get_years() == 0);
            if read.is_none() {
                self.wrong(
                    "GR0131",
                    p.span.clone(),
                    format!("`{}` is no length of time", p.line.value()),
                    "write `PT2H30M`, `P1D` or `P2W`",
                );
            }
            return read;
        }
        Some(if zone.is_none() { Span::new().days(1) } else { Span::new() })
    }

    /// The times of an event, but for those that stand elsewhere as events of their own.
    fn times(&mut self, event: &Event, moved: &[Value], found: &mut Vec<Occurrence>) {
        if event.one("STATUS").is_some_and(|p| p.line.value().eq_ignore_ascii_case("CANCELLED")) {
            return;
        }
        let Some(p) = event.one("DTSTART") else {
            self.doubtful(event.span.clone(), "this event has no begin, and is left out", "give it a `DTSTART`");
            return;
        };
        let Some(start) = self.value(p, p.line.value()) else { return };
        let Some(length) = self.length(event, &start) else { return };
        let zone = if let Value::Moment(_, zone) = &start { Some(zone.clone()) } else { None };
        let (Some(left_out), Some(more)) = (self.values(event, "EXDATE"), self.values(event, "RDATE")) else { return };
        if let Some(p) = event.one("EXRULE") {
            self.wrong("GR0132", p.span.clone(), "rules for what is left out are not understood", "list the days with `EXDATE`");
            return;
        }
        let time = start.at().time();
        let mut begins: Vec<DateTime> = vec![start.at()];
        for p in event.all("RRULE") {
            let rule = match Rule::parse(p.line.value().trim()) {
                Ok(rule) => rule,
                Err(part) => {
                    let hint = "understood are FREQ=DAILY, WEEKLY, MONTHLY and YEARLY with INTERVAL, COUNT, UNTIL, BYDAY, BYMONTHDAY, BYMONTH, BYSETPOS and WKST; list the days with `RDATE` instead";
                    self.wrong("GR0132", p.span.clone(), format!("what repeats so is not understood: {part}"), hint);
                    return;
                }
            };
            let until = match (&rule.ending, &rule.until) {
                (Ending::Until, Some(text)) => match self.value(p, text) {
                    Some(Value::Day(day)) => day.to_datetime(Time::MAX),
                    Some(moment) => match zone.is_some() {
                        true => moment.in_zone(zone.as_ref()),
                        false => moment.at().date().to_datetime(Time::MAX),
                    },
                    None => return,
                },
                _ => HORIZON.to_datetime(Time::MAX),
            };
            begins.extend(rule.days(start.at().date()).map(|d| d.to_datetime(time)).take_while(|at| *at <= until));
        }
        begins.extend(more.iter().map(|v| match v {
            Value::Day(day) => day.to_datetime(time),
            moment => moment.in_zone(zone.as_ref()),
        }));
        begins.sort_unstable();
        begins.dedup();
        let skipped = |at: &DateTime| {
            left_out.iter().chain(moved).any(|v| match v {
                Value::Day(day) => *day == at.date(),
                moment if zone.is_none() => moment.at().date() == at.date(),
                moment => moment.in_zone(zone.as_ref()) == *at,
            })
        };
        let title = event.one("SUMMARY").map(|p| plain(p.line.value())).filter(|t| !t.is_empty()).unwrap_or_else(|| "an event".to_owned());
        for at in begins.into_iter().filter(|at| at.date() >= BEGIN && !skipped(at)) {
            let Ok(end) = at.checked_add(length) else { continue };
            let when = match &zone {
                None => When::Days(at.date(), end.date().max(at.date())),
                Some(zone) => {
                    let moment = |at: DateTime| zone.to_zoned(at).ok().map(|z| z.timestamp());
                    let (Some(from), Some(until)): (Option<Timestamp>, Option<Timestamp>) = (moment(at), moment(end)) else { continue };
                    When::Hours(Period { from, until })
                }
            };
            let empty = match &when {
                When::Days(from, until) => from == until,
                When::Hours(p) => p.from >= p.until,
            };
            if !empty {
                found.push(Occurrence { title: title.clone(), when });
            }
        }
    }
}

/// Text without its escapes, in one line.
fn plain(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n' | 'N') | None => out.push(' '),
                Some(c) => out.push(c),
            },
            (c, _) if c.is_control() => {}
            (c, _) => out.push(c),
        }
    }
    out.trim().chars().take(TITLE).collect()
}

/// Where the lines of a file stand, those that go on with what they go on in.
fn lines(text: &str) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let begin = at;
        at += line.len();
        let mark = if begin == 0 && line.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let end = begin + line.trim_end_matches(['\r', '\n']).len();
        match spans.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) => last.end = end,
            _ if end > begin + mark => spans.push(begin + mark..end),
            _ => {}
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::PROGRAM_LAYER;

    fn read(text: &str) -> (Vec<Occurrence>, Vec<(&'static str, usize)>) {
        let mut findings = Vec::new();
        let zone = TimeZone::get("Europe/Warsaw").unwrap();
        let file = File { layer: PROGRAM_LAYER, own: true, path: "x.ics", text };
        let found = Ics { file, zone: &zone, findings: &mut findings }.read();
        let line = |f: &Finding| text[..f.place.as_ref().unwrap().span.start].matches('\n').count() + 1;
        (found, findings.iter().map(|f| (f.code, line(f))).collect())
    }

    fn event(lines: &str) -> String {
        let body = lines.replace('\n', "\r\n");
        format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\n{body}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
    }

    fn shown(text: &str) -> Vec<String> {
        let (found, findings) = read(text);
        assert!(findings.is_empty(), "{findings:?}");
        let one = |o: Occurrence| match o.when {
            When::Days(from, until) => format!("{from}/{until} {}", o.title),
            When::Hours(p) => format!("{}/{} {}", p.from, p.until, o.title),
        };
        found.into_iter().map(one).collect()
    }

    #[test]
    fn days_and_hours_are_read_with_their_zones_and_folded_lines() {
        assert_eq!(
            shown(&event("DTSTART;VALUE=DATE:20261224\nSUMMARY:Wigilia\\, and \n  more")),
            ["2026-12-24/2026-12-25 Wigilia, and  more"]
        );
        assert_eq!(shown(&event("DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261227")), ["2026-12-25/2026-12-27 an event"]);
        assert_eq!(
            shown(&event("DTSTART;TZID=America/New_York:20270314T013000\nDURATION:PT1H\nSUMMARY:x")),
            ["2027-03-14T06:30:00Z/2027-03-14T07:30:00Z x"],
            "clocks there go from 2 to 3: what shows 2:30 does not exist, and is an hour later"
        );
        assert_eq!(
            shown(&event("DTSTART:20260701T100000\nDTEND:20260701T100000Z\nSUMMARY:x")),
            ["2026-07-01T08:00:00Z/2026-07-01T10:00:00Z x"]
        );
        assert_eq!(
            shown(&event("DTSTART;TZID=/mozilla.org/20070129_1/Europe/Warsaw:20260701T100000\nDURATION:P1D\nSUMMARY:x")),
            ["2026-07-01T08:00:00Z/2026-07-02T08:00:00Z x"]
        );
    }

    #[test]
    fn what_repeats_keeps_its_time_of_day_over_summer_time_and_leaves_out_what_it_says() {
        let text = event(
            "DTSTART;TZID=Europe/Warsaw:20261023T180000\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20261027T180000Z\nEXDATE;TZID=Europe/Warsaw:20261024T180000\nRDATE:20261029T180000\nSUMMARY:x",
        );
        assert_eq!(
            shown(&text),
            [
                "2026-10-23T16:00:00Z/2026-10-23T17:00:00Z x",
                "2026-10-25T17:00:00Z/2026-10-25T18:00:00Z x",
                "2026-10-26T17:00:00Z/2026-10-26T18:00:00Z x",
                "2026-10-27T17:00:00Z/2026-10-27T18:00:00Z x",
                "2026-10-29T17:00:00Z/2026-10-29T18:00:00Z x",
            ]
        );
        let moved = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nDTSTART;VALUE=DATE:20260105\nRRULE:FREQ=WEEKLY;COUNT=3\nSUMMARY:x\nEND:VEVENT\n\
                     BEGIN:VEVENT\nUID:a\nRECURRENCE-ID;VALUE=DATE:20260112\nDTSTART;VALUE=DATE:20260113\nSUMMARY:moved\nEND:VEVENT\n\
                     BEGIN:VEVENT\nUID:b\nSTATUS:CANCELLED\nDTSTART;VALUE=DATE:20260301\nEND:VEVENT\nEND:VCALENDAR\n";
        assert_eq!(shown(moved), ["2026-01-05/2026-01-06 x", "2026-01-19/2026-01-20 x", "2026-01-13/2026-01-14 moved"]);
    }

    #[test]
    fn faults_have_their_line() {
        for (text, expected) in [
            ("hello".to_owned(), ("GR0131", 1)),
            (String::new(), ("GR0131", 1)),
            (event("DTSTART;VALUE=DATE:2026-12-24"), ("GR0131", 5)),
            (event("DTSTART:20261224T250000"), ("GR0131", 5)),
            (event("DTSTART;TZID=Central European Standard Time:20261224T100000"), ("GR0131", 5)),
            (event("DTSTART:20261224T100000\nDTEND:20261224T090000"), ("GR0131", 6)),
            (event("DTSTART:20261224T100000\nDURATION:soon"), ("GR0131", 6)),
            (event("DTSTART:20261224T100000\nRRULE:FREQ=YEARLY;BYWEEKNO=3"), ("GR0132", 6)),
            (event("DTSTART:20261224T100000\nRRULE:FREQ=DAILY;UNTIL=never"), ("GR0131", 6)),
            (event("SUMMARY:no begin"), ("GR0133", 3)),
            (event("no line at all"), ("GR0131", 5)),
            (event("DTSTART:20261224T100000").replace("END:VEVENT", "END:VTODO"), ("GR0131", 6)),
            (event("DTSTART:20261224T100000").replace("END:VEVENT\r\nEND:VCALENDAR\r\n", ""), ("GR0131", 3)),
            ("BEGIN:VCALENDAR\nEND:VCALENDAR\n".to_owned(), ("GR0133", 1)),
        ] {
            assert_eq!(read(&text).1, [expected], "{text}");
        }
    }
}
