//! Programs that are written by us are understood by us.

use super::{layer, render};
use crate::catalog::{Catalog, Column, EngineKind, Family, Outbound, Table, TableForm, TableName};
use crate::columns::{Decision, Treatment};
use crate::finding::Severity;
use crate::hash::Hash;
use crate::mask::MaskRule;
use crate::program::write::{NewProgram, ProposedColumn, ProposedKind, add_columns, columns_toml, difference, new_program};
use crate::program::{Address, Kind, Layer, Origin, Program, SecretRef, parse};
use proptest::prelude::*;
use std::collections::BTreeMap;

const UGLY: [&str; 12] = [
    "client",
    "order",
    "sch.ema",
    "schema",
    "main.odd",
    "public.x",
    "with \"quotes\"",
    "it's",
    "żółć 漢字",
    "tab\tnew\nline",
    "",
    "back\\slash",
];

fn table(name: TableName) -> Table {
    let column = |name: &&str| Column {
        name: (*name).to_owned(),
        native_type: "TEXT".to_owned(),
        family: Family::Text,
        max_length: None,
        precision: None,
        nullable: true,
        default: None,
        generated: None,
        collation: None,
    };
    Table {
        form: if name.name == "it's" { TableForm::Refused("virtual\ntable".to_owned()) } else { TableForm::Ordinary },
        name,
        columns: UGLY.iter().map(column).collect(),
        primary_key: Vec::new(),
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        properties: BTreeMap::new(),
        estimated_rows: 0,
        estimated_bytes: 0,
    }
}

fn catalog(engine: EngineKind) -> Catalog {
    let schema = engine.default_schema();
    Catalog {
        engine,
        version: String::new(),
        tables: UGLY.iter().map(|n| table(TableName::new(schema, *n))).chain([table(TableName::new("billing", "client"))]).collect(),
        objects: Vec::new(),
        settings: BTreeMap::new(),
        outbound: vec![Outbound { kind: "foreign server".to_owned(), name: "srv \"x\"".to_owned(), disabled_by: None }],
        not_carried: Vec::new(),
        large_objects: 3,
    }
}

fn decided(treatment: Treatment) -> Decision {
    let origin = Origin { layer: String::new(), file: String::new(), span: (0, 0) };
    let none = None::<String>;
    let [reason, approved_by, when, unless] = [none.clone(), none.clone(), none.clone(), none];
    Decision { treatment, reason, approved_by, when, unless, after_upgrade: false, derived_from: Vec::new(), origin }
}

fn mask() -> Decision {
    let params = [("mode", serde_json::json!("a \"b\"")), ("odd key", serde_json::json!([1, 2.5, true, {"x": "y"}]))];
    let rule = MaskRule { name: "redact".to_owned(), params: params.into_iter().map(|(k, v)| (k.to_owned(), v)).collect() };
    let mut d = decided(Treatment::Mask { rule, domain: Some("d.x".to_owned()), identity: Some("it's".to_owned()) });
    d.reason = Some("two\nlines".to_owned());
    d.unless = Some("t.\"a\" = 'b\\'".to_owned());
    d.derived_from = vec!["client.x".to_owned()];
    d
}

/// Every third column undecided, the others plain or with everything there is.
fn proposals(catalog: &Catalog) -> Vec<ProposedColumn> {
    let mut all = Vec::new();
    for table in &catalog.tables {
        for (i, column) in table.columns.iter().enumerate() {
            let decision = match i % 3 {
                0 => Some(decided(Treatment::Keep)),
                1 => Some(mask()),
                _ => None,
            };
            let detected = (i == 2).then(|| "person's name".to_owned());
            all.push(ProposedColumn {
                table: table.name.clone(),
                column: column.name.clone(),
                decision,
                why: "sure\n: 98 %".to_owned(),
                detected,
            });
        }
    }
    all
}

fn input(catalog: &Catalog) -> NewProgram<'_> {
    let empty =
        Address { engine: catalog.engine, path: None, host: None, port: None, database: None, user: None, password: None, tls: None };
    let source = match catalog.engine {
        EngineKind::Postgres => Address {
            host: Some("db".to_owned()),
            port: Some(5433),
            database: Some("clinic \"x\"".to_owned()),
            password: Some(SecretRef::Prompt(true)),
            ..empty
        },
        _ => Address { path: Some("C:\\data\\production.db".to_owned()), ..empty },
    };
    let kinds = catalog.tables.iter().take(5).map(|t| ProposedKind {
        table: t.name.clone(),
        kind: Kind::History,
        keep_days: Some(("created \"at\"".to_owned(), 30)),
        why: "only grows".to_owned(),
    });
    NewProgram {
        name: "clinic".to_owned(),
        extends: None,
        source,
        target: None,
        pilot: "pilot.db".to_owned(),
        version_query: Some("select \"v\" from 's'".to_owned()),
        kinds: kinds.collect(),
        columns: proposals(catalog),
        catalog,
    }
}

fn read_back(files: &[(String, String)]) -> Program {
    let layers = [Layer { name: "program".to_owned(), files: files.iter().cloned().collect(), opaque: BTreeMap::new() }];
    let (program, findings) = parse(&layers);
    assert!(findings.iter().all(|f| f.severity == Severity::Note), "{}", render(&layers, &findings));
    program.expect("no errors")
}

fn without_origins(program: &Program) -> BTreeMap<String, BTreeMap<String, Decision>> {
    let mut columns = program.columns.clone();
    for decision in columns.values_mut().flat_map(|c| c.values_mut()) {
        decision.origin = Origin { layer: String::new(), file: String::new(), span: (0, 0) };
    }
    columns
}

#[test]
fn a_written_program_reads_back_as_what_was_proposed_whatever_the_names() {
    for engine in [EngineKind::Sqlite, EngineKind::Postgres] {
        let catalog = catalog(engine);
        let input = input(&catalog);
        let program = read_back(&new_program(&input));
        assert_eq!((program.source.clone(), program.pinned), (input.source.clone(), Some(catalog.columns_fingerprint())));
        assert_eq!((program.kinds.len(), program.kinds[0].keep_days.clone()), (5, Some(("created \"at\"".to_owned(), 30))));
        let mut expected: BTreeMap<String, BTreeMap<String, Decision>> = BTreeMap::new();
        for p in &input.columns {
            if let Some(d) = &p.decision {
                expected.entry(p.table.short(engine)).or_default().insert(p.column.clone(), d.clone());
            }
        }
        assert_eq!(without_origins(&program), expected);
    }
}

#[test]
fn a_new_program_looks_like_this() {
    let mut catalog = catalog(EngineKind::Sqlite);
    catalog.tables.truncate(2);
    let mut input = input(&catalog);
    input.columns.retain(|c| ["client", "order", "sch.ema", "it's", "żółć 漢字"].contains(&c.column.as_str()));
    let files = new_program(&input);
    let text: String = files.iter().map(|(path, text)| format!("===== {path}\n{text}")).collect();
    insta::assert_snapshot!(text);
}

#[test]
fn additions_leave_the_rest_of_a_file_as_people_wrote_it() {
    let old = "# ours\nschema = '0000000000000000000000000000000000000000000000000000000000000000' # pinned\n\n[client] # people\nid = 'keep'   # key\nname = { mask = 'full_name' }\n# note = ?  # undecided\n\n# about workers\n[worker]\nid = 'keep'";
    let added = |table: &str, column: &str, decision| ProposedColumn {
        table: TableName::new("main", table),
        column: column.to_owned(),
        decision,
        why: "new".to_owned(),
        detected: None,
    };
    let columns = [
        added("client", "e-mail 2", Some(mask())),
        added("client", "memo", None),
        added("worker", "sex", Some(decided(Treatment::Null))),
        added("schema", "id", Some(decided(Treatment::Keep))),
    ];
    let new = add_columns(old, EngineKind::Sqlite, Hash([7; 32]), &columns).expect("a file with headers");
    insta::assert_snapshot!(new);
    let program = read_back(&[("greenroom.toml".to_owned(), super::SMALL.to_owned()), ("columns.toml".to_owned(), new)]);
    assert_eq!(program.pinned, Some(Hash([7; 32])));
    let count = program.columns.iter().map(|(t, c)| (t.as_str(), c.len())).collect::<Vec<_>>();
    assert_eq!(count, [("client", 3), ("schema", 1), ("worker", 2)]);

    let nested = "[client]\r\nid = 'keep'\r\n# about notes\r\n[client.notes]\r\nmask = 'redact'\r\n";
    let new = add_columns(nested, EngineKind::Sqlite, Hash([7; 32]), &columns[..1]).expect("room before the nested table");
    assert!(new.contains("# new\n# about") || new.contains("# new\r\n# about"), "{new}");
    read_back(&[("greenroom.toml".to_owned(), super::SMALL.to_owned()), ("columns.toml".to_owned(), new)]);
    assert_eq!(
        add_columns("[client.notes]\nkeep = true", EngineKind::Sqlite, Hash([7; 32]), &columns),
        None,
        "would end up within `notes`"
    );
    assert_eq!(add_columns("client.id = 'keep'", EngineKind::Sqlite, Hash([7; 32]), &columns), None, "no section to add to");
    insta::assert_snapshot!(difference(EngineKind::Sqlite, &columns[1..3], &[(TableName::new("main", "client"), "fax".to_owned())]));
}

proptest! {
    #[test]
    fn any_names_survive_being_written(table in ".{1,12}", column in any::<String>(), why in any::<String>(), text in any::<String>()) {
        let name = TableName::new("main", table.clone());
        let mut d = decided(Treatment::Keep);
        d.reason = Some(text.clone());
        let proposed = ProposedColumn { table: name.clone(), column: column.clone(), decision: Some(d), why: why.clone(), detected: Some(why) };
        let undecided = ProposedColumn { decision: None, column: format!("{column}2"), ..proposed.clone() };
        let written = columns_toml(EngineKind::Sqlite, Hash([1; 32]), &[proposed.clone(), undecided.clone()]);
        let program = read_back(&[("greenroom.toml".to_owned(), super::SMALL.to_owned()), ("columns.toml".to_owned(), written.clone())]);
        prop_assert_eq!(program.columns[&table][&column].reason.as_deref(), Some(text.as_str()));
        prop_assert_eq!(program.columns[&table].len(), 1);

        let again = ProposedColumn { column: format!("{column}3"), ..proposed };
        let more = add_columns(&written, EngineKind::Sqlite, Hash([2; 32]), &[again]).expect("our own form");
        let program = read_back(&[("greenroom.toml".to_owned(), super::SMALL.to_owned()), ("columns.toml".to_owned(), more)]);
        prop_assert_eq!(program.columns[&table].len(), 2);
    }
}

#[test]
fn the_smallest_layer_is_text() {
    // The files that are written are all read, none is reported as foreign.
    let catalog = catalog(EngineKind::Sqlite);
    let files = new_program(&input(&catalog));
    let pairs: Vec<(&str, &str)> = files.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
    assert!(parse(&[layer("program", &pairs)]).1.iter().all(|f| f.code != "GR0125"));
}
