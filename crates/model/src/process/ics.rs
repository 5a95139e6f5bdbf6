//! Events as other calendars read them (RFC 5545): one text for files and for invitations. Owns lines, escapes and identities; what is put into the calendar is decided elsewhere
//! (`dates`, and whoever sends invitations).

use crate::hash::Hash;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

/// Octets of a line, without its end.
const WIDTH: usize = 75;

/// What is wanted of those who read it (RFC 5546).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// To be known; nobody answers.
    Publish,
    /// An invitation, or its update: the same uid with a higher sequence.
    Request,
    /// What was invited to does not take place.
    Cancel,
}

/// Somebody who invites or is invited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Their name.
    pub name: String,
    /// Mail address.
    pub mail: String,
}

/// Something that takes place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarEvent {
    /// By which calendars know it again: see [`uid`].
    pub uid: String,
    /// Higher each time that it changes.
    pub sequence: u32,
    /// When it was put on record or last changed; not when the text is written, so that the same state is the same text.
    pub stamp: Timestamp,
    /// Who invites.
    pub organizer: Option<Contact>,
    /// Who is invited; nobody with [`Method::Publish`].
    pub attendees: Vec<Contact>,
    /// When it begins.
    pub start: Timestamp,
    /// When it ends. Not later than `start`: a moment without length.
    pub end: Timestamp,
    /// In a few words.
    pub summary: String,
    /// In more; may have several lines.
    pub description: String,
    /// It does not take place.
    pub cancelled: bool,
}

/// A stable identity of what `of` names, such as `(program, "stage", id)`.
pub fn uid(of: &impl Serialize) -> String {
    let hex = Hash::of_json(of).to_string();
    format!("{}@greenroom", hex.get(..32).unwrap_or(&hex))
}

/// Writes events as one calendar. Times are in UTC, so that no reader needs to know our time zone's rules.
pub fn write(events: &[CalendarEvent], method: Method) -> String {
    let mut out = Lines::default();
    out.line("BEGIN:VCALENDAR");
    out.line("VERSION:2.0");
    out.line("PRODID:-//Greenroom//Greenroom//EN");
    out.line("CALSCALE:GREGORIAN");
    out.line(match method {
        Method::Publish => "METHOD:PUBLISH",
        Method::Request => "METHOD:REQUEST",
        Method::Cancel => "METHOD:CANCEL",
    });
    for event in events {
        out.line("BEGIN:VEVENT");
        out.line(&format!("UID:{}", escaped(&event.uid)));
        out.line(&format!("SEQUENCE:{}", event.sequence));
        out.line(&format!("DTSTAMP:{}", utc(event.stamp)));
        out.line(&format!("DTSTART:{}", utc(event.start)));
        if event.end > event.start {
            out.line(&format!("DTEND:{}", utc(event.end)));
        }
        out.line(&format!("SUMMARY:{}", escaped(&event.summary)));
        if !event.description.is_empty() {
            out.line(&format!("DESCRIPTION:{}", escaped(&event.description)));
        }
        if let Some(organizer) = &event.organizer {
            out.line(&format!("ORGANIZER;CN={}:mailto:{}", quoted(&organizer.name), address(&organizer.mail)));
        }
        for attendee in event.attendees.iter().filter(|_| method != Method::Publish) {
            let answer = if method == Method::Request { ";PARTSTAT=NEEDS-ACTION;RSVP=TRUE" } else { "" };
            let (name, mail) = (quoted(&attendee.name), address(&attendee.mail));
            out.line(&format!("ATTENDEE;ROLE=REQ-PARTICIPANT{answer};CN={name}:mailto:{mail}"));
        }
        let cancelled = event.cancelled || method == Method::Cancel;
        out.line(if cancelled { "STATUS:CANCELLED" } else { "STATUS:CONFIRMED" });
        out.line("END:VEVENT");
    }
    out.line("END:VCALENDAR");
    out.0
}

fn utc(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Text as a value: nothing in it ends the line or begins another value.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => out.push_str("\\n"),
            '\t' => out.push(' '),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// A name as a parameter, in quotes, which cannot stand within it.
fn quoted(name: &str) -> String {
    let inner: String = name.chars().filter(|c| !c.is_control()).map(|c| if c == '"' { '\'' } else { c }).collect();
    format!("\"{inner}\"")
}

/// An address without anything that could end the line or the address.
fn address(mail: &str) -> String {
    mail.chars().filter(|c| !c.is_control() && !c.is_whitespace() && !matches!(c, '"' | '<' | '>' | ';' | ',')).collect()
}

/// Lines, folded where they are too long, never within a character.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn line(&mut self, text: &str) {
        let mut used = 0;
        for c in text.chars() {
            if used + c.len_utf8() > WIDTH {
                self.0.push_str("\r\n ");
                used = 1;
            }
            self.0.push(c);
            used += c.len_utf8();
        }
        self.0.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ical_vcard::{Contentline, Parser};

    fn event() -> CalendarEvent {
        CalendarEvent {
            uid: uid(&("clinic", "stage", "migration")),
            sequence: 2,
            stamp: "2027-01-04T08:00:00Z".parse().unwrap(),
            organizer: Some(Contact { name: "Anna \"A\" Nowak".into(), mail: "anna@example.org".into() }),
            attendees: vec![Contact { name: "Jan; Kowalski, vendor".into(), mail: "jan@example.org\r\nX-EVIL:1".into() }],
            start: "2027-02-09T17:00:00Z".parse().unwrap(),
            end: "2027-02-09T19:45:00Z".parse().unwrap(),
            summary: "Migration; go-live, the whole of it".into(),
            description: "Zażółć gęślą jaźń ".repeat(12) + "\nsecond line \\ end\r\nEND:VEVENT",
            cancelled: false,
        }
    }

    fn parsed(text: &str) -> Vec<Contentline> {
        Parser::new(text.as_bytes()).collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn another_parser_reads_what_was_written() {
        let text = write(&[event()], Method::Request);
        assert!(text.split("\r\n").all(|l| l.len() <= WIDTH && !l.contains('\n')), "{text}");
        let lines = parsed(&text);
        let of = |name: &str| lines.iter().filter(|l| l.name() == name).map(|l| l.value().to_string()).collect::<Vec<_>>();
        assert_eq!(of("END"), ["VEVENT", "VCALENDAR"], "{text}");
        assert_eq!(of("DTSTART"), ["20270209T170000Z"]);
        assert_eq!(of("DTEND"), ["20270209T194500Z"]);
        assert_eq!(of("SUMMARY"), ["Migration\\; go-live\\, the whole of it"]);
        assert_eq!(of("DESCRIPTION"), ["Zażółć gęślą jaźń ".repeat(12) + "\\nsecond line \\\\ end\\nEND:VEVENT"]);
        assert_eq!(of("ATTENDEE"), ["mailto:jan@example.orgX-EVIL:1"]);
        assert_eq!(of("ORGANIZER"), ["mailto:anna@example.org"]);
        assert_eq!(of("STATUS"), ["CONFIRMED"]);
        assert_eq!(of("SEQUENCE"), ["2"]);
        assert!(of("X-EVIL").is_empty());
    }

    #[test]
    fn what_is_published_invites_nobody_and_what_is_cancelled_says_so() {
        let published = parsed(&write(&[event()], Method::Publish));
        assert!(published.iter().all(|l| l.name() != "ATTENDEE"));
        let cancelled = write(&[event()], Method::Cancel);
        assert!(cancelled.contains("METHOD:CANCEL\r\n") && cancelled.contains("STATUS:CANCELLED\r\n") && !cancelled.contains("RSVP"));
        let moment = CalendarEvent { end: event().start, ..event() };
        assert!(!write(&[moment], Method::Publish).contains("DTEND"));
    }

    #[test]
    fn a_uid_is_stable_and_its_own() {
        assert_eq!(uid(&("a", "stage", "x")), uid(&("a", "stage", "x")));
        assert_ne!(uid(&("a", "stage", "x")), uid(&("a", "stage", "y")));
    }
}
