//! Programs that are understood, key by key.

use super::{SMALL, good, layer};
use crate::catalog::EngineKind;
use crate::columns::Treatment;
use crate::hash::Hash;
use crate::program::{Audience, Expect, Kind, PackAction, Reopen, SecretRef, Shape, Tls};

const FULL: &str = r#"
[program]
name = "clinic"
extends = "../kit-clinic-5"
version_query = "select value from settings where key = 'version'"

[source]
engine = "postgres"
host = "db.clinic.example"
database = "clinic"
user = "greenroom"
password = { env = "CLINIC_PW" }
tls = "require"

[pilot]
name = "clinic_pilot"
open_after = "testers"
testers = ["ann", "Bob B."]
users_mode = 0o664

[tables]
mail_queue = "queue"
audit_log = { kind = "history", column = "created_at", days = 90 }
"billing.status" = [{ kind = "configuration", where = "t.is_system = 1" }, { kind = "records" }]

[leave_out]
tmp_import = "left over from 2019"

[outbound]
srv_billing = "accepted: read-only"

[masks]
key = { file = "mask.key" }
stable = true

[copy]
workers = 4
large_objects = "clear"

[verify]
allowed_mail_domains = ["@Vendor.example"]
touched_tables = ["client"]

[owners]
keep_grants = true
map = { "old owner" = "new_owner" }
"#;

const COLUMNS: &str = r#"
schema = "0101010101010101010101010101010101010101010101010101010101010101"
[client]
id = "keep"
first_name = { mask = "first_name", identity = "id", domain = "client", reason = "name" }
notes = { mask = "redact", params = { mode = "lorem", from = 2020-01-31, list = [1, 2020-01-31] } }
photo = "null"
iban = { mask = "iban", unless = "t.is_test = 1" }
old_id = { keep = true, approved_by = "p.kowalska", reason = "printed on cards" }
consent_at = { keep = true, after_upgrade = true, derived_from = ["client.created_at"] }
["billing.client"]
"weird \"name\".with dots" = "clear"
"#;

const PACK: &str = r#"
[pack]
title = "Outgoing mail"
reopen = "on request"
[[rule]]
id = "queue"
table = "mail_queue"
empty = true
[[rule]]
id = "old accounts"
table = "account"
delete = true
when = "t.portal = 1"
[[rule]]
id = "password"
table = "settings"
blank = ["value"]
when = "t.key = 'smtp_password'"
[[rule]]
id = "sender"
table = "settings"
set = { value = "'nobody@example.invalid'" }
unless = "t.key <> 'sender'"
[[rule]]
id = "workers"
table = "worker"
mask = { phone = { mask = "phone" }, photo = "null" }
[[rule]]
id = "jobs"
statement = "update job set enabled = 0"
assert = "select 1 from job where enabled <> 0"
shape = "before"
"#;

const ASSERTIONS: &str = "\u{feff}-- Every invoice has a client; the name ';' is no end.
-- expect: no rows
select ';', $x$ ; $x$ from invoice i -- inner; comment
  left join client c on c.id = i.client where c.id is null;
/* the total ; stays */
-- expect: same as source
-- source: select sum(amount)
-- source:   from invoice_old
-- shape: after
select sum(amount) from invoice
";

#[test]
fn a_full_program_says_what_it_says() {
    let files = [("greenroom.toml", FULL), ("columns.toml", COLUMNS), ("packs/mail.toml", PACK), ("verify/totals.sql", ASSERTIONS)];
    let more = [("dictionaries/colours.txt", "red\r\n\n blue \n"), ("README.md", "hello")];
    let p = good(&[layer("program", &[&files[..], &more[..]].concat())]);

    assert_eq!((p.source.engine, p.source.tls, p.source.port), (EngineKind::Postgres, Some(Tls::Require), None));
    assert_eq!(p.target.host.as_deref(), Some("db.clinic.example"));
    assert_eq!((p.target.database.as_deref(), p.target.password.clone()), (None, Some(SecretRef::Env("CLINIC_PW".into()))));
    assert_eq!((p.pilot.open_after, p.pilot.modes, p.pilot.keep_former_hours), (Some(Audience::Testers), (0o660, 0o664), 48));
    let kinds: Vec<_> = p.kinds.iter().map(|k| (k.table.as_str(), k.kind, k.condition.is_some(), k.keep_days.clone())).collect();
    let history = ("audit_log", Kind::History, false, Some(("created_at".to_owned(), 90)));
    let status = [("billing.status", Kind::Configuration, true, None), ("billing.status", Kind::Records, false, None)];
    assert_eq!(kinds, [vec![history], status.to_vec(), vec![("mail_queue", Kind::Queue, false, None)]].concat());
    assert_eq!(p.pinned, Some(Hash([1; 32])));
    assert_eq!(p.left_out["tmp_import"], "left over from 2019");
    assert_eq!(p.owners.map["old owner"], "new_owner");
    assert_eq!(p.verify.allowed_mail_domains, ["vendor.example"]);
    assert_eq!(p.masks.dictionaries["colours"], ["red", "blue"]);

    let client = &p.columns["client"];
    let Treatment::Mask { rule, identity, domain } = &client["first_name"].treatment else { panic!("masked") };
    assert_eq!((rule.name.as_str(), identity.as_deref(), domain.as_deref()), ("first_name", Some("id"), Some("client")));
    let Treatment::Mask { rule, .. } = &client["notes"].treatment else { panic!("masked") };
    assert_eq!(serde_json::to_string(&rule.params).unwrap(), r#"{"from":"2020-01-31","list":[1,"2020-01-31"],"mode":"lorem"}"#);
    assert_eq!(client["old_id"].approved_by.as_deref(), Some("p.kowalska"));
    assert!(client["consent_at"].after_upgrade && client["consent_at"].derived_from == ["client.created_at"]);
    assert_eq!(p.columns["billing.client"]["weird \"name\".with dots"].treatment, Treatment::Clear);

    let pack = &p.packs[0];
    assert_eq!((pack.name.as_str(), pack.title.as_str(), pack.reopen), ("mail", "Outgoing mail", Reopen::OnRequest));
    assert_eq!(
        pack.rules.iter().map(|r| r.id.as_str()).collect::<Vec<_>>(),
        ["queue", "old accounts", "password", "sender", "workers", "jobs"]
    );
    assert_eq!((&pack.rules[0].action, &pack.rules[1].action), (&PackAction::Empty, &PackAction::Delete));
    assert_eq!(pack.rules[5].shape, Shape::Before);

    let [missing, sums] = p.assertions.as_slice() else { panic!("two assertions") };
    assert_eq!((missing.name.as_str(), &missing.expect, missing.shape), ("totals#1", &Expect::NoRows, Shape::Both));
    assert!(missing.sql.starts_with("select ';'") && missing.sql.ends_with("is null"), "{}", missing.sql);
    assert_eq!(sums.sql, "select sum(amount) from invoice");
    assert_eq!(sums.expect, Expect::SameAsSource { source_sql: Some("select sum(amount) from invoice_old".into()) });
    assert_eq!(sums.shape, Shape::After);
}

#[test]
fn a_target_on_another_server_never_gets_the_sources_password() {
    let text = FULL.replace("[pilot]", "[target]\nhost = 'test.example'\n[pilot]");
    let p = good(&[layer("program", &[("greenroom.toml", &text)])]);
    assert_eq!((p.target.host.as_deref(), p.target.password, p.target.user), (Some("test.example"), None, None));
}

#[test]
fn a_sqlite_target_is_the_pilots_folder() {
    assert_eq!(good(&[layer("program", &[("greenroom.toml", SMALL)])]).target.path.as_deref(), Some("pilot"));
    let here = SMALL.replace("pilot/clinic.db", "clinic.db");
    assert_eq!(good(&[layer("program", &[("greenroom.toml", &here)])]).target.path.as_deref(), Some("."));
}

#[test]
fn a_table_named_schema_is_written_with_its_schema() {
    let p = good(&[layer("program", &[("greenroom.toml", SMALL), ("columns.toml", "[\"main.schema\"]\nid = 'keep'")])]);
    assert_eq!(p.columns["schema"]["id"].treatment, Treatment::Keep);
}

#[test]
fn extends_is_found_even_in_a_file_with_mistakes() {
    assert_eq!(crate::program::extends(FULL).as_deref(), Some("../kit-clinic-5"));
    assert_eq!(crate::program::extends("[program]\nextends = '../kit'\n[source\n").as_deref(), Some("../kit"));
    assert_eq!(crate::program::extends("extends = 'x'"), None);
}

#[test]
fn the_schema_names_every_file_and_closes_every_table() {
    let schema = crate::program::schema();
    assert_eq!(
        schema.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["columns.toml", "greenroom.toml", "packs/*.toml", "process.toml", "upgrade/steps.toml"]
    );
    let parts = [
        ("greenroom.toml", ""),
        ("greenroom.toml", "/$defs/RawAddress"),
        ("packs/*.toml", "/$defs/RawRule"),
        ("process.toml", ""),
        ("process.toml", "/$defs/RawGate"),
        ("upgrade/steps.toml", "/$defs/Step"),
    ];
    for (file, pointer) in parts {
        let part = schema[file].pointer(pointer).unwrap();
        assert_eq!(part["additionalProperties"], false, "{file} {pointer}");
    }
    assert!(!schema.to_string().contains("fake"), "the engine of the tests is nobody's choice");
}
