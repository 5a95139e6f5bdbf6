//! Programs over kits: what overrides what, and where it comes from.

use super::{SMALL, good, layer};
use crate::columns::Treatment;
use crate::program::Kind;

const KIT: &str = r#"
[program]
name = "kit"
version_query = "select 5"
[pilot]
keep_former_hours = 12
testers = ["vendor"]
[tables]
mail_queue = "queue"
status = [{ kind = "configuration", where = "a" }, { kind = "records" }]
[leave_out]
tmp = "vendor's"
scratch_pad = "vendor's"
[owners]
map = { a = "b", c = "d" }
"#;

#[test]
fn a_program_overrides_its_kit_key_by_key_and_origins_tell() {
    let kit = layer(
        "kit-clinic-5",
        &[
            ("greenroom.toml", KIT),
            ("columns.toml", "[client]\nid = 'keep'\nname = { mask = 'full_name', reason = 'kit' }\n"),
            ("packs/mail.toml", "[pack]\ntitle = 'kit mail'\n[[rule]]\nid = 'a'\ntable = 'q'\nempty = true\n"),
            ("packs/zeta.toml", "[[rule]]\nid = 'z'\ntable = 'q'\nempty = true\n"),
            ("verify/totals.sql", "select 1; select 2;"),
            ("verify/off.sql", "select 3"),
            ("upgrade/1.sql", "select 'kit'"),
            ("upgrade/2.sql", "select 'kit'"),
        ],
    );
    let own = format!("{SMALL}testers = ['ann']\n[tables]\n'main.status' = 'queue'\ntmp = 'records'\n[owners]\nmap = {{ a = 'x' }}\n");
    let program = layer(
        "program",
        &[
            ("greenroom.toml", &own),
            ("columns.toml", "\n['main.client']\nname = 'null'\nown = 'keep'\n"),
            ("packs/mail.toml", "[[rule]]\nid = 'own'\ntable = 'q'\nempty = true\n"),
            ("verify/totals.sql", "select 4"),
            ("verify/off.sql", "-- not for us"),
            ("upgrade/2.sql", "select 'own'"),
        ],
    );
    let layers = [kit, program];
    let p = good(&layers);
    assert_eq!(p.layers, ["kit-clinic-5", "program"]);
    assert_eq!((p.name.as_str(), p.version_query.as_deref()), ("clinic", Some("select 5")));
    assert_eq!((p.pilot.keep_former_hours, p.pilot.testers.as_slice()), (12, ["ann".to_owned()].as_slice()));
    let kinds: Vec<_> = p.kinds.iter().map(|k| (k.table.as_str(), k.kind)).collect();
    assert_eq!(kinds, [("mail_queue", Kind::Queue), ("status", Kind::Queue), ("tmp", Kind::Records)]);
    assert_eq!(p.left_out.keys().collect::<Vec<_>>(), ["scratch_pad"], "what the program uses is taken in again");
    assert_eq!(p.owners.map.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>(), ["a=x", "c=d"]);

    let client = &p.columns["client"];
    assert_eq!(client.keys().collect::<Vec<_>>(), ["id", "name", "own"]);
    assert_eq!((&client["name"].treatment, &client["name"].reason), (&Treatment::Null, &None), "replaced as a whole");
    assert_eq!(client["id"].origin.show(&layers), "kit-clinic-5: columns.toml:2");
    assert_eq!(client["name"].origin.show(&layers), "columns.toml:3");

    let packs: Vec<_> = p.packs.iter().map(|k| (k.name.as_str(), k.rules[0].id.as_str(), k.rules[0].origin.layer.as_str())).collect();
    assert_eq!(packs, [("zeta", "z", "kit-clinic-5"), ("mail", "own", "program")], "a replaced pack counts as the program's");
    assert_eq!(p.assertions.iter().map(|a| (a.name.as_str(), a.sql.as_str())).collect::<Vec<_>>(), [("totals", "select 4")]);
    let steps: Vec<_> = p.upgrade.iter().map(|s| (s.key.as_str(), s.origin.layer.as_str())).collect();
    assert_eq!(steps, [("1", "kit-clinic-5"), ("2", "program")]);
}

#[test]
fn a_kit_need_not_be_whole() {
    let p = good(&[layer("kit", &[("columns.toml", "[a]\nb = 'keep'\n")]), layer("program", &[("greenroom.toml", SMALL)])]);
    assert_eq!(p.columns.len(), 1);
}
