//! `[carry]` and `[references]`: merged over layers, mistakes with their place.

use super::{SMALL, good, layer, render};
use crate::carry::{ConflictKind, Take};
use crate::program::parse;

const FULL: &str = r#"
[references]
"invoice.status" = "status.code"
[carry]
fresh = ["status.color"]
[carry.moved]
"status_text.label" = "status.label"
plan_v2 = "plan"
[[carry.rule]]
table = "main.status"
column = "label"
kind = "both_changed"
take = "pilot"
reason = "texts are ours"
[[carry.rule]]
take = "ask"
"#;

#[test]
fn what_is_written_is_understood() {
    let program = good(&[layer("program", &[("greenroom.toml", &format!("{SMALL}{FULL}"))])]);
    let carry = &program.carry;
    assert_eq!(carry.references["invoice.status"].other, "status.code");
    assert_eq!((carry.moved["status_text.label"].other.as_str(), carry.moved["plan_v2"].other.as_str()), ("status.label", "plan"));
    assert!(carry.fresh.contains_key("status.color"));
    let rule = &carry.rules[0];
    assert_eq!((rule.table.as_deref(), rule.column.as_deref()), (Some("status"), Some("label")));
    assert_eq!((rule.kind, rule.take, carry.rules[1].take), (Some(ConflictKind::BothChanged), Take::Pilot, Take::Ask));
}

#[test]
fn the_programs_rules_come_before_the_kits_and_its_entries_replace_theirs() {
    let kit = layer("kit-5", &[("greenroom.toml", FULL)]);
    let own = format!("{SMALL}[references]\n'invoice.status' = 'state.code'\n[[carry.rule]]\ntake = 'production'\n");
    let carry = good(&[kit, layer("program", &[("greenroom.toml", &own)])]).carry;
    assert_eq!(carry.references["invoice.status"].other, "state.code");
    assert_eq!(carry.rules.iter().map(|r| r.take).collect::<Vec<_>>(), [Take::Production, Take::Pilot, Take::Ask]);
    assert_eq!((carry.rules[0].origin.layer.as_str(), carry.rules[1].origin.layer.as_str()), ("program", "kit-5"));
}

#[test]
fn a_program_that_says_nothing_of_it_keeps_its_hash() {
    let program = good(&[layer("program", &[("greenroom.toml", SMALL)])]);
    assert!(program.carry.is_empty());
    assert!(serde_json::to_value(&program).unwrap().get("carry").is_none());
}

#[test]
fn mistakes_are_reported_where_they_stand() {
    let text = format!(
        "{SMALL}{}",
        r#"
[references]
status = "status.code"
[carry]
fresh = ["color", "a.b"]
moved = { "a.b" = "c.d", x = "" }
[[carry.rule]]
kind = "tainted"
take = "pilot"
[[carry.rule]]
take = "null"
[[carry.rule]]
column = "x"
take = "ask"
[[carry.rule]]
kind = "referenced"
take = "pilot"
[[carry.rule]]
kind = "both_change"
take = "mine"
[[carry.rule]]
table = "t"
"#
    );
    let layers = [layer("program", &[("greenroom.toml", &text)])];
    let (program, findings) = parse(&layers);
    assert!(program.is_none());
    for f in &findings {
        assert!(crate::finding::explain(f.code).is_some(), "{} is not registered", f.code);
    }
    insta::assert_snapshot!(render(&layers, &findings));
}
