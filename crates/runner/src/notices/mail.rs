//! A notice as a mail: plain text, for dates a part that calendars understand, for heads of the record a file.

use super::head::Attached;
use greenroom_model::process::Person;
use greenroom_model::process::ics::{self, CalendarEvent, Contact, Method};
use greenroom_model::process::notices::{Message, Refusal};
use jiff::Timestamp;
use lettre::Address;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};

/// Makes the mail. `identity`: what makes it this one for ever.
///
/// # Errors
/// When the person has no address, or one that is none.
pub fn mail(
    program: &str,
    from: &str,
    person: &Person,
    message: &Message,
    head: Option<&Attached>,
    identity: &str,
    now: Timestamp,
) -> Result<lettre::Message, Refusal> {
    let address = |text: &str| text.parse::<Address>().map_err(|_| Refusal::NoAddress);
    let sender = address(from)?;
    let receiver = address(person.mail.as_deref().unwrap_or_default())?;
    let named = |name: &str| Some(name.chars().filter(|c| !c.is_control()).collect::<String>());
    let raw = |name: &'static str, value: &str| HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned());
    let builder = lettre::Message::builder()
        .message_id(Some(format!("<{identity}@{}>", sender.domain())))
        .date(std::time::SystemTime::from(now))
        .to(Mailbox::new(named(&person.name), receiver.clone()))
        .subject(message.subject.clone())
        // No machine answers, and nobody's absence is told to it (RFC 3834).
        .raw_header(raw("Auto-Submitted", "auto-generated"))
        .raw_header(raw("X-Greenroom-Notice", identity))
        .from(Mailbox::new(named(&format!("Greenroom ({program})")), sender.clone()));
    let plain = SinglePart::plain(message.text.clone());
    let attached = head.map(|head| {
        Attachment::new(head.name.clone())
            .body(head.text.clone(), ContentType::parse("application/json").unwrap_or(ContentType::TEXT_PLAIN))
    });
    let Some(invite) = message.invites.first() else {
        let made = match attached {
            Some(file) => builder.multipart(MultiPart::mixed().singlepart(plain).singlepart(file)),
            None => builder.singlepart(plain),
        };
        return made.map_err(|_| Refusal::NoAddress);
    };
    let (method, word) = if invite.cancelled { (Method::Cancel, "CANCEL") } else { (Method::Request, "REQUEST") };
    let event = CalendarEvent {
        uid: invite.uid.clone(),
        sequence: invite.sequence,
        stamp: message.at,
        organizer: Some(Contact { name: format!("Greenroom ({program})"), mail: sender.to_string() }),
        attendees: vec![Contact { name: person.name.clone(), mail: receiver.to_string() }],
        start: invite.start,
        end: invite.end,
        summary: invite.summary.clone(),
        description: invite.description.clone(),
        cancelled: invite.cancelled,
    };
    let kind = ContentType::parse(&format!("text/calendar; charset=utf-8; method={word}")).map_err(|_| Refusal::NoAddress)?;
    let calendar = SinglePart::builder().header(kind).body(ics::write(&[event], method));
    let both = MultiPart::alternative().singlepart(plain).singlepart(calendar);
    let all = match attached {
        Some(file) => MultiPart::mixed().multipart(both).singlepart(file),
        None => both,
    };
    builder.multipart(all).map_err(|_| Refusal::NoAddress)
}
