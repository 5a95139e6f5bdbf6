//! Shapes: taint through the upgrade, keys, references, and what stops.

use super::*;
use crate::catalog::{Catalog, EngineKind, Table};
use crate::columns::{Decision, Treatment};
use crate::mask::MaskKey;
use crate::plan::tables::resolve;
use crate::plan::tables::tests::{catalog, decision, kind, mask, origin, program, refers as foreign_key, table as schema_table, unique};
use crate::program::{Kind, Link, Pack, PackAction, PackRule, Program, Reopen, Shape};

const ENGINE: EngineKind = EngineKind::Sqlite;

fn status(columns: &[&str]) -> Table {
    schema_table(ENGINE, "status", &["id"], columns)
}

/// A program in which these tables are configuration, and these columns are not kept.
fn of(source: &Catalog, tables: &[&str], decided: &[(&str, &str, Decision)]) -> Program {
    let mut program = program(source, decided);
    program.kinds = tables.iter().map(|t| kind(t, Kind::Configuration, None, None)).collect();
    program
}

fn moved(program: &mut Program, to: &str, from: &str) {
    program.carry.moved.insert(to.to_owned(), Link { other: from.to_owned(), origin: origin() });
}

fn made(program: &Program, source: &Catalog, pilot: &Catalog, new: &Catalog, into: Into) -> (Shapes, Vec<String>) {
    let (copies, _) = resolve(program, source, &MaskKey::new([1; 32]));
    let (shapes, findings) =
        super::super::shapes(ShapeInput { program, source, made_from: source, pilot, new, copies: &copies, renewed: &copies, into });
    (shapes, findings.into_iter().map(|f| format!("{} {}", f.code, f.message)).collect())
}

fn tainted<'s>(shapes: &'s Shapes, table: &str) -> Vec<&'s str> {
    let shape = shapes.tables.iter().find(|t| t.short == table).unwrap();
    shape.columns.iter().filter(|c| c.tainted.is_some()).map(|c| c.name.as_str()).collect()
}

fn one(table: Table) -> Catalog {
    catalog(ENGINE, vec![table])
}

#[test]
fn what_was_masked_nulled_or_cleared_is_tainted_and_nothing_else() {
    let c = one(status(&["!id int", "label text", "mail text", "note text", "pin text", "active int"]));
    let decided = [
        ("status", "mail", mask("redact")),
        ("status", "note", decision(Treatment::Null)),
        ("status", "pin", Decision { when: Some("t.id > 5".into()), ..decision(Treatment::Clear) }),
    ];
    let (shapes, findings) = made(&of(&c, &["status"], &decided), &c, &c, &c, Into::Raw);
    assert_eq!(findings, Vec::<String>::new());
    assert_eq!(tainted(&shapes, "status"), ["mail", "note", "pin"]);
    assert_eq!(shapes.tables[0].key, KeyForm::Columns(vec![0]));
}

#[test]
fn masked_columns_are_those_that_masks_write_and_what_the_database_makes_of_them() {
    let mut person = schema_table(ENGINE, "person", &["id"], &["!id int", "first text", "full text", "born text", "code int", "note text"]);
    person.columns[2].generated = Some(crate::catalog::Generation::Computed);
    let mut plain = status(&["!id int", "label text", "both text"]);
    plain.columns[2].generated = Some(crate::catalog::Generation::Computed);
    let c = catalog(ENGINE, vec![person, plain]);
    let decided =
        [("person", "first", mask("redact")), ("person", "born", decision(Treatment::Null)), ("person", "note", decision(Treatment::Keep))];
    let p = of(&c, &["status"], &decided);
    let (copies, _) = resolve(&p, &c, &MaskKey::new([1; 32]));
    let found = masked_columns(&p, &c, &c, &copies);
    assert_eq!(found, [(TableName::new("main", "person"), vec!["first".to_owned(), "full".into(), "born".into()])]);
    // The upgrade renamed one, and made another of it.
    let pilot = one(schema_table(ENGINE, "person", &["id"], &["!id int", "given text", "greeting text", "note text"]));
    let made = Decision { derived_from: vec!["person.first".into()], ..decision(Treatment::Keep) };
    let mut p = of(&c, &["status"], &[&decided[..], &[("person", "greeting", made)]].concat());
    moved(&mut p, "person.given", "person.first");
    let found = masked_columns(&p, &c, &pilot, &copies);
    assert_eq!(found, [(TableName::new("main", "person"), vec!["given".to_owned(), "greeting".into()])]);
}

fn pack(rules: Vec<(Option<&str>, PackAction)>) -> Pack {
    let rule = |(table, action): (Option<&str>, PackAction)| PackRule {
        id: "r".into(),
        table: table.map(str::to_owned),
        action,
        when: None,
        unless: None,
        assert: None,
        assert_after: None,
        shape: Shape::Both,
        origin: origin(),
    };
    Pack {
        name: "mail".into(),
        title: "Mail".into(),
        reopen: Reopen::Never,
        rules: rules.into_iter().map(rule).collect(),
        open: Vec::new(),
        close: Vec::new(),
    }
}

#[test]
fn what_packs_set_and_what_their_statements_name_is_tainted() {
    let c = one(status(&["!id int", "label text", "active int", "url text", "host text"]));
    let mut p = of(&c, &["status"], &[]);
    let set = PackAction::Set { values: BTreeMap::from([("active".to_owned(), "0".to_owned())]) };
    let blank = PackAction::Blank { columns: vec!["host".into()] };
    let statement = PackAction::Statement { sql: "update Status set url = 'none' where id > 3".into() };
    p.packs = vec![pack(vec![(Some("status"), set), (Some("status"), blank), (None, statement)])];
    assert_eq!(tainted(&made(&p, &c, &c, &c, Into::Raw).0, "status"), ["active", "url", "host"]);
    let elsewhere = PackAction::Statement { sql: "update other set label = 1".into() };
    p.packs = vec![pack(vec![(None, elsewhere)])];
    assert!(tainted(&made(&p, &c, &c, &c, Into::Raw).0, "status").is_empty());
}

#[test]
fn an_upgrade_that_moves_a_neutralised_column_moves_its_taint() {
    let old = catalog(ENGINE, vec![status(&["!id int", "mail text"]), schema_table(ENGINE, "place", &["id"], &["!id int", "name text"])]);
    let new =
        catalog(ENGINE, vec![status(&["!id int"]), schema_table(ENGINE, "place", &["id"], &["!id int", "name text", "contact text"])]);
    let mut p = of(&old, &["status", "place"], &[("status", "mail", decision(Treatment::Null))]);
    let (_, findings) = made(&p, &old, &new, &new, Into::Pilot);
    assert_eq!(findings, ["GR0801 it is not known where the new version's columns of `place` come from: `contact`"]);
    moved(&mut p, "place.contact", "status.mail");
    let (shapes, findings) = made(&p, &old, &new, &new, Into::Pilot);
    assert_eq!((findings, tainted(&shapes, "place")), (Vec::new(), vec!["contact"]));
    assert_eq!(shapes.tables[0].columns[2].tainted, Some(Taint::From("status.mail".into())));
    assert_eq!(shapes.tables[0].columns[2].on_pilot, OnPilot::Column("contact".into()), "the pilot has the new shape already");
}

#[test]
fn a_new_column_is_fresh_or_made_of_others() {
    let old = one(status(&["!id int", "first text", "mail text"]));
    let new = one(status(&["!id int", "first text", "mail text", "color text", "shown text"]));
    let mut p = of(&old, &["status"], &[("status", "mail", mask("redact"))]);
    p.carry.fresh.insert("status.color".into(), origin());
    let made_of = |from: &str| Decision { after_upgrade: true, derived_from: vec![from.into()], ..decision(Treatment::Keep) };
    p.columns.get_mut("status").unwrap().insert("shown".into(), made_of("status.first"));
    let (shapes, findings) = made(&p, &old, &old, &new, Into::Pilot);
    assert_eq!((findings, tainted(&shapes, "status")), (Vec::new(), vec!["mail"]));
    assert_eq!(shapes.tables[0].columns[3].on_pilot, OnPilot::Missing);
    p.columns.get_mut("status").unwrap().insert("shown".into(), made_of("status.mail"));
    assert_eq!(tainted(&made(&p, &old, &old, &new, Into::Pilot).0, "status"), ["mail", "shown"]);
    p.columns.get_mut("status").unwrap().insert("shown".into(), made_of("status.nothing"));
    let (_, findings) = made(&p, &old, &old, &new, Into::Pilot);
    assert!(findings[0].starts_with("GR0803 `derived_from` names `status.nothing`"), "{findings:?}");
}

#[test]
fn a_table_that_the_upgrade_splits_is_followed_from_the_former_shape() {
    let old = one(status(&["!id int", "label text", "mail text"]));
    let text = schema_table(ENGINE, "status_text", &["status"], &["!status int", "label text", "mail text"]);
    let new = catalog(ENGINE, vec![status(&["!id int"]), text]);
    let mut p = of(&old, &["status", "status_text"], &[("status", "mail", mask("redact"))]);
    for (to, from) in [("status_text.status", "status.id"), ("status_text.label", "status.label"), ("status_text.mail", "status.mail")] {
        moved(&mut p, to, from);
    }
    let (shapes, findings) = made(&p, &old, &old, &new, Into::Pilot);
    assert_eq!(findings, Vec::<String>::new());
    let shape = &shapes.tables[1];
    assert_eq!(shape.pilot.as_ref().map(|t| t.name.as_str()), Some("status"));
    assert_eq!((&shape.columns[0].on_pilot, tainted(&shapes, "status_text")), (&OnPilot::Column("id".into()), vec!["mail"]));
    p.carry.moved.remove("status_text.status");
    p.carry.fresh.insert("status_text.status".into(), origin());
    let (_, findings) = made(&p, &old, &old, &new, Into::Pilot);
    assert_eq!(findings, ["GR0805 the key of `status_text` is not on the pilot: `status`"]);
}

#[test]
fn a_renamed_table_is_followed_and_a_dropped_column_is_named() {
    let old = one(status(&["!id int", "label text", "old text"]));
    let new = one(schema_table(ENGINE, "state", &["id"], &["!id int", "label bigtext"]));
    let mut p = of(&old, &["status", "state"], &[("status", "label", decision(Treatment::Null))]);
    moved(&mut p, "state", "status");
    let (shapes, findings) = made(&p, &old, &old, &new, Into::Pilot);
    assert_eq!(findings, ["GR0806 the new version has no place for the pilot's columns of `status`: `old`"]);
    assert_eq!((tainted(&shapes, "state"), shapes.tables[0].pilot.is_some()), (vec!["label"], true));
    moved(&mut p, "state.label", "nowhere.x");
    assert!(made(&p, &old, &old, &new, Into::Pilot).1[0].starts_with("GR0803"));
}

#[test]
fn rows_from_several_tables_of_the_pilot_are_refused() {
    let other = schema_table(ENGINE, "other", &["id"], &["!id int", "b text"]);
    let old = catalog(ENGINE, vec![status(&["!id int", "a text"]), other]);
    let new = one(schema_table(ENGINE, "both", &["id"], &["!id int", "a text", "b text"]));
    let mut p = of(&old, &["status", "other", "both"], &[]);
    for (to, from) in [("both.id", "status.id"), ("both.a", "status.a"), ("both.b", "other.b")] {
        moved(&mut p, to, from);
    }
    let (_, findings) = made(&p, &old, &old, &new, Into::Pilot);
    assert!(
        findings.contains(&"GR0804 rows of `both` come from several tables of the pilot: `other`, `status`".to_owned()),
        "{findings:?}"
    );
}

#[test]
fn a_masked_key_stops_unless_it_is_stable_between_pilots() {
    let c = one(status(&["!id int", "label text"]));
    let mut p = of(&c, &["status"], &[("status", "id", mask("permute"))]);
    for into in [Into::Pilot, Into::Raw] {
        assert!(made(&p, &c, &c, &c, into).1[0].starts_with("GR0802"));
    }
    p.masks.stable = true;
    let (shapes, findings) = made(&p, &c, &c, &c, Into::Pilot);
    assert_eq!((findings, tainted(&shapes, "status").len()), (Vec::new(), 0));
    assert!(made(&p, &c, &c, &c, Into::Raw).1[0].starts_with("GR0802"));
}

#[test]
fn without_a_primary_key_a_unique_one_does_and_without_any_whole_rows() {
    let bare = |columns: &[&str]| schema_table(ENGINE, "status", &[], columns);
    let c = one(unique(bare(&["a text", "!b text"]), &["b"]));
    assert_eq!(made(&of(&c, &["status"], &[]), &c, &c, &c, Into::Pilot).0.tables[0].key, KeyForm::Columns(vec![1]));
    let c = one(unique(bare(&["a text", "b text"]), &["b"]));
    let (shapes, findings) = made(&of(&c, &["status"], &[]), &c, &c, &c, Into::Pilot);
    assert_eq!((&shapes.tables[0].key, &shapes.tables[0].unique), (&KeyForm::WholeRow, &vec![vec![1]]));
    assert!(findings[0].starts_with("GR0808"));
    let (_, findings) = made(&of(&c, &["status"], &[("status", "a", mask("redact"))]), &c, &c, &c, Into::Pilot);
    assert!(findings[0].starts_with("GR0807"), "{findings:?}");
}

#[test]
fn references_are_foreign_keys_and_declared_ones_and_know_their_ends() {
    let rows = |name, columns: &[&str]| schema_table(ENGINE, name, &["id"], columns);
    let invoice = rows("invoice", &["!id int", "status int", "kind int"]);
    let tree = foreign_key(status(&["!id int", "up int", "client int"]), &["up"], "status", &["id"]);
    let c = catalog(ENGINE, vec![foreign_key(invoice, &["status"], "status", &["id"]), tree, rows("client", &["!id int"])]);
    let mut p = of(&c, &["status"], &[]);
    for (from, to) in [("status.client", "client.id"), ("invoice.kind", "status.id"), ("invoice.status", "client.id")] {
        p.carry.references.insert(from.to_owned(), Link { other: to.to_owned(), origin: origin() });
    }
    let (shapes, findings) = made(&p, &c, &c, &c, Into::Pilot);
    assert_eq!(findings, Vec::<String>::new());
    let shown: Vec<String> = shapes
        .references
        .iter()
        .map(|r| format!("{}.{} {} {} {} {}", r.from.name, r.columns[0], r.to.name, r.enforced, r.from_records, r.to_records))
        .collect();
    let wanted = [
        "invoice.status status true true false",
        "status.up status true false false",
        "invoice.kind status false true false",
        "status.client client false false true",
    ];
    assert_eq!(shown, wanted);
    p.carry.references.insert("invoice.no".into(), Link { other: "status.id".into(), origin: origin() });
    assert!(made(&p, &c, &c, &c, Into::Pilot).1[0].starts_with("GR0803 `references` names `invoice.no`"));
}

#[test]
fn a_condition_chooses_rows_and_both_kinds_may_refer() {
    let c = one(foreign_key(status(&["!id int", "up int", "own int"]), &["up"], "status", &["id"]));
    let mut p = of(&c, &[], &[]);
    p.kinds = vec![kind("status", Kind::Configuration, Some("t.own = 1"), None), kind("status", Kind::Records, None, None)];
    let (shapes, _) = made(&p, &c, &c, &c, Into::Pilot);
    let shape = &shapes.tables[0];
    assert!(shape.condition.as_deref().is_some_and(|sql| sql.contains("t.own = 1")), "{:?}", shape.condition);
    assert!(shapes.references[0].from_records && shapes.references[0].to_records);
    p.kinds = vec![kind("status", Kind::Records, Some("t.own = 1"), None)];
    assert!(made(&p, &c, &c, &c, Into::Pilot).0.tables.is_empty());
}

#[test]
fn what_a_kit_says_about_another_version_does_not_stop_and_an_upgraded_production_needs_no_origin() {
    let old = one(status(&["!id int", "label text"]));
    let new = one(status(&["!id int", "label text", "shown text"]));
    let mut p = of(&old, &["status"], &[]);
    moved(&mut p, "status.shown", "status.title");
    let kit = |p: &mut Program| p.carry.moved.values_mut().for_each(|l| l.origin.layer = "kit-5".into());
    let severities = |p: &Program, source: &Catalog| {
        let (copies, _) = resolve(p, source, &MaskKey::new([1; 32]));
        let input = ShapeInput {
            program: p,
            source,
            made_from: source,
            pilot: &new,
            new: &new,
            copies: &copies,
            renewed: &copies,
            into: Into::Pilot,
        };
        super::super::shapes(input).1.into_iter().map(|f| (f.code, f.severity)).collect::<Vec<_>>()
    };
    use crate::finding::Severity::{Error, Warning};
    assert_eq!(severities(&p, &old), [("GR0803", Error), ("GR0801", Error)]);
    kit(&mut p);
    assert_eq!(severities(&p, &old), [("GR0803", Warning), ("GR0801", Error)]);
    assert_eq!(severities(&p, &new), []);
}
