//! Clients and what is kept about them.

use super::draw::Draw;
use super::people::{Person, address, phone};
use super::{Day, Size, WORKERS, notes};
use rusqlite::{Transaction, params};

/// Clients who came with the import of 2009.
const IMPORTED: i64 = 1_900;

/// Fills the tables about clients.
pub(super) fn all(tx: &Transaction<'_>, draw: &mut Draw, today: Day, size: Size) -> rusqlite::Result<()> {
    let mut client = tx.prepare(
        "INSERT INTO client (id, file_no, first_name, last_name, birth_date, gender, insurance_no, email, phone, street, postcode, city, \
         language, registered_on, origin, worker_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    )?;
    let mut kept = Kept::prepare(tx)?;
    let mut before: Option<Person> = None;
    let first_after_import = Day(14_245 + 360);
    for id in 1..=size.clients + size.twice {
        let person = Person::new(draw, id);
        let again = id - size.clients;
        let imported = again > 0 || id <= IMPORTED.min(size.clients / 4);
        let (file_no, registered) = if again > 0 {
            // The desk had opened these files already; the import wrote their numbers in its own way, and nobody ever looked (E1).
            let file = format!("f 2009-{:05} ", again * 7);
            (if again % 3 == 0 { file.trim().to_uppercase() } else { file }, Day(14_245 + draw.below(360)))
        } else if imported {
            (format!("F2009-{id:05}"), Day(14_245 + draw.below(360)))
        } else {
            let opened = Day(draw.between(first_after_import.0, today.0));
            (format!("F{}-{id:05}", &opened.date()[..4]), opened)
        };
        let (street, postcode, city) = address(draw);
        let born = (!imported || draw.percent(97)).then(|| Day(draw.between(-12_000, 17_000)).date());
        let gender = ["F", "M", "F", "M", "X"][usize::try_from(draw.below(5)).expect("below five")];
        let insurance = draw.percent(92).then(|| {
            format!("PL{:04}-{:02}{}{:05}", draw.below(10_000), id % 97, ["K", "L", "M"][usize::try_from(id % 3).expect("below three")], id)
        });
        let email = draw.percent(81).then_some(&person.email);
        let number = draw.percent(94).then_some(&person.phone);
        let language = draw.pick(&["en", "pl", "de", "uk", "tr"]);
        let origin = if again > 0 || (imported && id % 7 != 0) { "import-2009" } else { "desk" };
        let worker = draw.percent(90).then(|| draw.between(1, WORKERS));
        client.execute(params![
            id,
            file_no,
            person.first,
            person.last,
            born,
            gender,
            insurance,
            email,
            number,
            draw.percent(96).then_some(street),
            postcode,
            city,
            language,
            registered.date(),
            origin,
            worker
        ])?;
        let other = before.as_ref().unwrap_or(&person);
        kept.about(draw, id, &person, other, registered, today)?;
        before = Some(person);
    }
    Ok(())
}

/// Statements for what is kept about a client.
struct Kept<'t> {
    contact: rusqlite::Statement<'t>,
    case_file: rusqlite::Statement<'t>,
    appointment: rusqlite::Statement<'t>,
    note: rusqlite::Statement<'t>,
    attachment: rusqlite::Statement<'t>,
    rating: rusqlite::Statement<'t>,
    invoice: rusqlite::Statement<'t>,
    portal: rusqlite::Statement<'t>,
    ride: rusqlite::Statement<'t>,
    left_over: rusqlite::Statement<'t>,
    invoices: i64,
}

impl<'t> Kept<'t> {
    fn prepare(tx: &'t Transaction<'_>) -> rusqlite::Result<Kept<'t>> {
        Ok(Kept {
            contact: tx.prepare("INSERT INTO contact (client_id, full_name, relationship, phone) VALUES (?1, ?2, ?3, ?4)")?,
            case_file: tx.prepare("INSERT INTO case_file (client_id, programme_id, opened_on, closed_on) VALUES (?1, ?2, ?3, ?4)")?,
            appointment: tx
                .prepare("INSERT INTO appointment (client_id, worker_id, starts_at, minutes, state) VALUES (?1, ?2, ?3, ?4, ?5)")?,
            note: tx.prepare("INSERT INTO note (client_id, worker_id, written_at, body) VALUES (?1, ?2, ?3, ?4)")?,
            attachment: tx.prepare("INSERT INTO attachment (client_id, file_name, mime, content) VALUES (?1, ?2, ?3, ?4)")?,
            rating: tx.prepare("INSERT INTO rating (client_id, session, score) VALUES (?1, ?2, ?3)")?,
            invoice: tx.prepare("INSERT INTO invoice (number, client_id, issued_on, total, card_last_4) VALUES (?1, ?2, ?3, ?4, ?5)")?,
            portal: tx.prepare("INSERT INTO portal_account (client_id, login, password_hash) VALUES (?1, ?2, ?3)")?,
            ride: tx.prepare("INSERT INTO x_ride (client_id, driver_name, pick_up, ride_on) VALUES (?1, ?2, ?3, ?4)")?,
            left_over: tx.prepare("INSERT INTO x_import_2009 VALUES (?1, ?2, ?3)")?,
            invoices: 0,
        })
    }

    fn about(&mut self, draw: &mut Draw, id: i64, client: &Person, other: &Person, from: Day, today: Day) -> rusqlite::Result<()> {
        let whole = |p: &Person| format!("{} {}", p.first, p.last);
        let span = (today.0 - from.0).max(1);
        if draw.percent(60) {
            let relationship = draw.pick(&["mother", "husband", "sister", "neighbour", "guardian"]);
            self.contact.execute(params![id, whole(other), relationship, other.phone])?;
        }
        let closed = draw.percent(70).then(|| today.ago(draw.below(span)).date());
        self.case_file.execute(params![id, draw.between(1, 8), from.date(), closed])?;
        for session in 1..=draw.below(6) {
            let worker = draw.between(1, WORKERS);
            let day = today.ago(draw.between(-20, span));
            let state = if day.0 > today.0 { "planned" } else { *draw.pick(&["held", "held", "held", "missed", "cancelled"]) };
            self.appointment.execute(params![id, worker, day.at(draw), draw.pick(&[25, 50, 50, 80]), state])?;
            if draw.percent(60) {
                self.note.execute(params![id, worker, day.at(draw), notes::body(draw, client, other)])?;
            }
            if draw.percent(25) {
                let tenths = i32::try_from(draw.between(0, 400)).expect("small");
                self.rating.execute(params![id, session, f64::from(tenths) / 10.0])?;
            }
            if draw.percent(35) {
                self.invoices += 1;
                let number = format!("R{:06}", self.invoices);
                let quarters = i32::try_from(draw.between(40, 900)).expect("small");
                let card = draw.percent(30).then(|| format!("{:04}", draw.below(10_000)));
                self.invoice.execute(params![number, id, day.date(), f64::from(quarters) / 4.0, card])?;
            }
        }
        if draw.percent(3) {
            // A scan: the name stands in the file's name and inside of it.
            let mut scan = b"%PDF-1.4\n% consent form of ".to_vec();
            scan.extend(whole(client).bytes());
            scan.extend(draw.bytes(2_000));
            self.attachment.execute(params![id, format!("{} {}.pdf", client.last, client.first), "application/pdf", scan])?;
        }
        if draw.percent(8) {
            let hash = format!("$2b$12$portal{id:016}abcdefghijklmnopqrstuvwxyz01234", id = id);
            self.portal.execute(params![id, client.email, hash])?;
        }
        if draw.percent(4) {
            let (pick_up, ..) = address(draw);
            self.ride.execute(params![id, whole(other), pick_up, today.ago(draw.below(300)).date()])?;
        }
        if draw.percent(5) {
            self.left_over.execute(params![format!("{id}/09"), format!("{}, {}", client.last, client.first), phone(draw)])?;
        }
        Ok(())
    }
}
