//! What a copy must never do in the clinic's name: modules, credentials, links, queues, logos (REQUIREMENTS.md E2–E4), and the workers.

use super::draw::Draw;
use super::people::Person;
use super::{Day, Size, WORKERS};
use rusqlite::{Transaction, params};

const GROUPS: &[(&str, i64)] = &[
    ("Admin Exec", 8),
    ("Clinical Worker", 58),
    ("Intake Mgmt", 12),
    ("Volunteer", 22),
    ("Reception", 11),
    ("System Admin", 4),
    ("External Admin", 3),
    ("ACSO", 2),
];

const MODULES: &[(&str, &str)] = &[
    ("sms", "Text messages"),
    ("client-delivery", "Delivery to clients"),
    ("worker-delivery", "Delivery to workers"),
    ("mail-server", "Mail server link"),
    ("action-triggers", "Action triggers"),
    ("rating", "Outcome rating"),
    ("cards", "Credit cards"),
    ("government", "Government reporting"),
    ("portal", "Client portal"),
    ("engage", "Client engagement"),
    ("ledger", "General ledger"),
    ("calendar", "Calendar"),
    ("billing", "Billing"),
];

/// Configuration and credentials. None of the secrets opens anything.
pub(super) fn configuration(tx: &Transaction<'_>, draw: &mut Draw) -> rusqlite::Result<()> {
    let settings =
        [("product.version", "5.1.4"), ("product.edition", "Clinic"), ("calendar.first_day", "monday"), ("billing.currency", "EUR")];
    for (key, value) in settings {
        tx.execute("INSERT INTO setting VALUES (?1, ?2)", params![key, value])?;
    }
    for (code, title) in MODULES {
        tx.execute("INSERT INTO module VALUES (?1, ?2, 1)", params![code, title])?;
    }
    for (at, (title, _)) in (1i64..).zip(GROUPS) {
        tx.execute("INSERT INTO user_group VALUES (?1, ?2)", params![at, title])?;
    }
    let logo = |draw: &mut Draw| [b"\x89PNG\r\n\x1a\n".to_vec(), draw.bytes(6_000)].concat();
    tx.execute("INSERT INTO agency VALUES (1, 'Riverside Family Clinic', 'Quayside 1', ?1)", [logo(draw)])?;
    for title in ["Invoice", "Reminder", "Statement"] {
        let footer = "Payable within 14 days.";
        tx.execute("INSERT INTO billing_document (title, footer, logo) VALUES (?1, ?2, ?3)", params![title, footer, logo(draw)])?;
    }
    for title in ["Counselling", "Family support", "Intake", "Group work", "Crisis line", "Parenting", "Mediation", "After-care"] {
        tx.execute("INSERT INTO programme (title, fee) VALUES (?1, ?2)", params![title, draw.between(0, 90)])?;
    }
    tx.execute_batch(
        "INSERT INTO mail_account VALUES (1, 'exchange.riverside.example', 'svc-clinic', 'Lighthouse-7-Kettle', 1);
         INSERT INTO rating_service VALUES (1, 'https://rating.outcomes.example/v2', 'riverside-clinic', 'ors_live_9f2c77d0b1a84e53', 1);
         INSERT INTO card_processor VALUES (1, 'production', 'RIVERSIDE-0041', 'sk_live_demo_51HxQ0kettle', 1);
         INSERT INTO card_processor VALUES (2, 'sandbox', 'RIVERSIDE-TEST', 'sk_test_demo_nothing', 1);
         INSERT INTO government_link VALUES (1, 'OUT-7731', x'308204a2302f0601', 1);
         INSERT INTO ledger_link VALUES (1, 'Riverside Ltd', 'ledger-sync', 'Granite-Otter-19', 1);
         INSERT INTO portal_product_key VALUES ('engage', 'ENG-7F3K-22QX-90LM'), ('portal', 'PTL-1C8D-55RT-31ZA');
         INSERT INTO action_trigger (title, event, url) VALUES
           ('Text message before an appointment', 'appointment.tomorrow', NULL),
           ('Tell the doctor about a missed session', 'appointment.missed', 'https://hooks.riverside.example/missed'),
           ('Birthday card', 'client.birthday', NULL);
         INSERT INTO notification (title, channel) VALUES ('New form in the portal', 'mail'), ('Session moved', 'sms'), ('Bill is ready', 'mail');
         INSERT INTO workflow (title, steps) VALUES
           ('Welcome', '[\"mail\",\"wait 2 days\",\"sms\"]'), ('Come back', '[\"mail\",\"wait 30 days\",\"mail\"]');",
    )
}

/// Workers in their groups.
pub(super) fn workers(tx: &Transaction<'_>, draw: &mut Draw, today: Day) -> rusqlite::Result<()> {
    let mut insert = tx.prepare(
        "INSERT INTO worker (id, group_id, login, first_name, last_name, email, sms_address, mobile, password_hash, active, last_seen) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    let groups = (1i64..).zip(GROUPS).flat_map(|(group, (_, members))| (0..*members).map(move |_| group));
    for (id, group) in (1..=WORKERS).zip(groups) {
        let person = Person::new(draw, id);
        let (name, _) = person.email.split_once('@').expect("an address has a domain");
        let (email, sms) = (format!("{name}@riverside.example"), format!("{name}@sms.example"));
        let hash = format!("$2b$12$worker{id:016}abcdefghijklmnopqrstuvwxyz01234");
        let seen = today.ago(draw.below(60)).at(draw);
        insert.execute(params![id, group, name, person.first, person.last, email, sms, person.phone, hash, draw.percent(93), seen])?;
    }
    Ok(())
}

/// What waits to be sent, and what went wrong.
pub(super) fn queues(tx: &Transaction<'_>, draw: &mut Draw, today: Day, size: Size) -> rusqlite::Result<()> {
    // A few hundred items, all of them with somebody's name and address in it.
    for round in 0..size.clients / 75 {
        let id = draw.between(1, size.clients);
        let due = today.ago(-draw.below(3)).at(draw);
        tx.prepare_cached(
            "INSERT INTO communication_queue (client_id, channel, recipient, body, due_at) \
             SELECT id, ?2, coalesce(?3, email, phone, 'post'), 'Dear ' || first_name || ' ' || last_name || ', see you tomorrow.', ?4 FROM client WHERE id = ?1",
        )?
        .execute(params![id, draw.pick(&["sms", "mail"]), Option::<String>::None, due])?;
        let worker = draw.between(1, WORKERS);
        if round % 3 == 0 {
            tx.prepare_cached(
                "INSERT INTO mail_server_queue (account_id, worker_id, subject, body) \
                 SELECT 1, ?2, 'Session with ' || last_name, 'Phone: ' || coalesce(phone, 'none') FROM client WHERE id = ?1",
            )?
            .execute(params![id, worker])?;
        }
        if round % 9 == 0 {
            tx.prepare_cached(
                "INSERT INTO mail_server_error (queue_id, message, failed_at) \
                 SELECT ?2, '550 no such mailbox: ' || coalesce(email, 'none'), ?3 FROM client WHERE id = ?1",
            )?
            .execute(params![id, round, today.at(draw)])?;
        }
        if round % 4 == 0 {
            tx.prepare_cached(
                "INSERT INTO action_trigger_queue (trigger_id, payload, queued_at) \
                 SELECT ?2, json_object('client', full_name, 'phone', phone), ?3 FROM client WHERE id = ?1",
            )?
            .execute(params![id, draw.between(1, 3), today.at(draw)])?;
        }
        if round % 5 == 0 {
            tx.prepare_cached(
                "INSERT INTO government_queue (client_id, record, state) \
                 SELECT id, json_object('name', full_name, 'born', birth_date, 'insurance', insurance_no), 'waiting' FROM client WHERE id = ?1",
            )?
            .execute([id])?;
        }
    }
    for at in 0..size.clients / 6 {
        let day = today.ago(draw.below(900));
        let what = ["opened a file", "printed a bill", "changed a session", "signed in"][usize::try_from(at % 4).expect("below four")];
        let worker = draw.percent(95).then(|| draw.between(1, WORKERS));
        tx.prepare_cached("INSERT INTO audit_log (happened_at, worker_id, what) VALUES (?1, ?2, ?3)")?.execute(params![
            day.at(draw),
            worker,
            what
        ])?;
    }
    Ok(())
}
