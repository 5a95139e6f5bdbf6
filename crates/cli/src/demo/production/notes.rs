//! What people write into notes: names, numbers and addresses of everybody concerned (the reason why notes are masked as a whole).

use super::draw::Draw;
use super::people::Person;

/// One note about a client; `other` is somebody who is mentioned.
pub(super) fn body(draw: &mut Draw, client: &Person, other: &Person) -> String {
    let Person { first, last, email, phone } = client;
    match draw.below(10) {
        0 => format!("Called {first} {last} at {phone}, no answer. Left a message with {} {}.", other.first, other.last),
        1 => format!("{first} asked to be written to at {email} and not to be called in the mornings."),
        2 => format!("Session went well. {first} {last} is sleeping better; the sister ({}) will drive next time.", other.first),
        3 => format!("Referred by Dr. {} ({}). Papers are in the second folder.", other.last, other.phone),
        4 => format!("Nie przyszła. {last} {first} prosi o nowy termin, tel. {phone}."),
        5 => "Plan agreed: two sessions a month, review after the summer.".to_owned(),
        6 => format!("Emergency contact changed to {} {}, {}.", other.first, other.last, other.phone),
        7 => format!("Frau {last} hat abgesagt und bittet um Rückruf ({phone})."),
        8 => format!("Sent the form to {email}; the copy for {} {} goes by post.", other.first, other.last),
        _ => "No change since the last session. Next appointment as usual.".to_owned(),
    }
}
