//! Folders of upgrade scripts as vendors ship them, in one order.

use super::*;

fn run(files: &[(&str, &str)]) -> (Vec<String>, Vec<(&'static str, Severity)>) {
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| UpgradeFile { layer: "program", path, text: Some(text), hash: Hash::of(text.as_bytes()) })
        .collect();
    let (steps, findings) = collect(&files, EngineKind::Postgres, None);
    (steps.into_iter().map(|s| s.key).collect(), findings.into_iter().map(|f| (f.code, f.severity)).collect())
}

fn named(paths: &[&str]) -> (Vec<String>, Vec<(&'static str, Severity)>) {
    run(&paths.iter().map(|p| (*p, "select 1;")).collect::<Vec<_>>())
}

#[test]
fn numbers_and_version_folders_are_in_natural_order() {
    let (keys, findings) = named(&["5.10/001_a.sql", "5.2/10 add.sql", "5.2/9_b.sql", "5.2/003b_c.sql", "5.2/003_d.sql"]);
    assert_eq!(keys, ["5.2/003_d", "5.2/003b_c", "5.2/9_b", "5.2/10 add", "5.10/001_a"]);
    assert_eq!(findings, []);
    assert_eq!(named(&["update_10.sql", "update_9.sql"]).0, ["update_9", "update_10"]);
}

#[test]
fn unclear_order_is_an_error() {
    for paths in [
        &["1_a.sql", "01_b.sql"][..],
        &["a.sql", "b.sql"],
        &["1_a.sql", "b.sql"],
        &["1_a.sql", "x/1_b.sql"],
        &["V1__a.sql", "V1.0__b.sql"],
        &["V1__a.sql", "2_b.sql"],
    ] {
        assert!(named(paths).1.contains(&("GR0402", Severity::Error)), "{paths:?}");
    }
    assert_eq!(named(&["upgrade.sql"]).1, []);
}

#[test]
fn flyway_orders_by_version_and_runs_repeatables_last() {
    let (keys, findings) = named(&["R__views.sql", "V1.10__c.sql", "V1.2_3__b.sql", "sub/V1__a.sql", "U1__a.sql"]);
    assert_eq!(keys, ["sub/V1__a", "V1.2_3__b", "V1.10__c", "R__views"]);
    assert_eq!(findings, [("GR0401", Severity::Note)]);
}

#[test]
fn dbmate_runs_the_up_section_only() {
    let text = "-- migrate:up transaction:false\nselect 1;\n-- migrate:down\ndrop database x;\n";
    let file = UpgradeFile { layer: "program", path: "20240101120000_x.sql", text: Some(text), hash: Hash::ZERO };
    let (steps, findings) = collect(&[file], EngineKind::Postgres, None);
    assert_eq!(findings, []);
    let UpgradeAction::Script { text, .. } = &steps[0].action else { panic!("a script") };
    assert!(text.ends_with("select 1;\n") && !allows_transaction(text));
    assert_eq!(run(&[("1_x.sql", "-- +goose Up\nselect 1;\n-- +goose Down\nselect 2;")]).1, [("GR0406", Severity::Error)]);
}

#[test]
fn sqitch_follows_its_plan_and_its_reworked_changes() {
    let plan = "%syntax-version=1.0.0\nb 2024-01-01T00:00:00Z A <a@x.invalid> # n\n@v1 2024 A <a>\na [b] 2024 A\nb [b@v1] 2024 A\n";
    let (keys, findings) = run(&[
        ("sqitch.plan", plan),
        ("deploy/a.sql", "select 1"),
        ("deploy/b.sql", "select 2"),
        ("deploy/b@v1.sql", "select 3"),
        ("revert/a.sql", "x"),
    ]);
    assert_eq!(keys, ["deploy/b@v1", "deploy/a", "deploy/b"]);
    assert_eq!(findings, [("GR0401", Severity::Note)]);
    assert_eq!(run(&[("sqitch.plan", "gone 2024 A")]).1, [("GR0403", Severity::Error)]);
}

#[test]
fn steps_toml_gives_the_order_and_must_name_every_script() {
    let list = "[[step]]\nscript = 'b.sql'\nwhen = '>= 5.1'\n[[step]]\nprogram = ['./tool', '{database}']\ntimeout = '1h30m'\n[[step]]\nperson = 'Run the installer'\n[[step]]\nscript = 'a.sql'\n";
    let (keys, findings) = run(&[("steps.toml", list), ("a.sql", "select 1"), ("b.sql", "select 2"), ("tool", "#!"), ("README.md", "")]);
    assert_eq!(keys, ["b", "program/tool", "person/run-the-installer", "a"]);
    assert_eq!(findings, [("GR0401", Severity::Note)]);
    assert!(
        run(&[("steps.toml", list), ("a.sql", "select 1"), ("b.sql", "select 2"), ("tool", ""), ("c.sql", "select 3")])
            .1
            .contains(&("GR0404", Severity::Error))
    );
    for bad in [
        "[[step]]\nscript='x.sql'",
        "[[step]]\n",
        "[[step]]\nperson='x'\nwhen='~5'",
        "[[step]]\nprogram=['./no']",
        "nonsense",
        "[[step]]\nperson='x'\ntimeout='1d'",
    ] {
        assert!(run(&[("steps.toml", bad)]).1.contains(&("GR0404", Severity::Error)), "{bad}");
    }
}

#[test]
fn what_reaches_outside_is_refused_unless_declared() {
    assert_eq!(run(&[("1_a.sql", "create role x;")]).1, [("GR0409", Severity::Error)]);
    let listed = |more: &str| {
        let list = format!("[[step]]\nscript = '1_a.sql'\noutside = 'a login for the portal'\n{more}");
        run(&[("steps.toml", &list), ("1_a.sql", "create role x;"), ("undo/roles.sql", "drop role if exists x;")])
    };
    let (keys, findings) = listed("inverse = 'undo/roles.sql'");
    assert_eq!((keys, findings), (vec!["1_a".to_owned()], vec![("GR0409", Severity::Note)]), "the inverse is no step of the upgrade");
    assert!(listed("").1.contains(&("GR0404", Severity::Error)), "a word alone undoes nothing");
    assert!(listed("inverse = 'undo/nowhere.sql'").1.contains(&("GR0404", Severity::Error)));
    let list = "[[step]]\nscript = '1_a.sql'\noutside = 'x'\nno_inverse = 'every server has the role'\n";
    assert_eq!(run(&[("steps.toml", list), ("1_a.sql", "create role x;")]).1, [("GR0409", Severity::Note)]);
}

#[test]
fn bad_scripts_are_found_before_a_run() {
    assert_eq!(run(&[("1_a.sql", "-- nothing\n")]).1, [("GR0407", Severity::Warning)]);
    assert_eq!(run(&[("1_a.sql", "select 1;\n\\i x.sql\n")]).1, [("GR0408", Severity::Error)]);
    let file = UpgradeFile { layer: "kit", path: "1.sql", text: None, hash: Hash::ZERO };
    let (steps, findings) = collect(&[file], EngineKind::Sqlite, None);
    assert!(steps.is_empty() && findings[0].code == "GR0405");
}

#[test]
fn line_ends_and_byte_order_marks_do_not_change_the_checksum() {
    let hash = |text: &str| {
        let file = UpgradeFile { layer: "program", path: "1.sql", text: Some(text), hash: Hash::ZERO };
        match &collect(&[file], EngineKind::Sqlite, None).0[0].action {
            UpgradeAction::Script { hash, .. } => *hash,
            _ => panic!("a script"),
        }
    };
    assert_eq!(hash("\u{feff}select 1;\r\nselect 2;\r"), hash("select 1;\nselect 2;\n"));
    assert_ne!(hash("select 1;"), hash("select 2;"));
}

#[test]
fn every_code_is_registered() {
    for n in 401..=410 {
        assert!(crate::finding::explain(&format!("GR0{n}")).is_some(), "{n}");
    }
}

proptest::proptest! {
    #[test]
    fn any_folder_gives_steps_or_findings_without_panic(
        files in proptest::collection::btree_map(
            "(5\\.1/|5\\.10/|é/|deploy/)?(V1__|R__|U2_1__|00?1|V|é|[0-9]{1,3}[._-])?[a-zé._-]{0,3}(\\.sql|\\.up\\.sql|\\.down\\.sql|\\.md|)|steps\\.toml|sqitch\\.plan",
            "(select 1;\n|-- migrate:up\n|-- migrate:down\n|\\\\i x\n|create role é;\n|'|@v1\n|a\n|\u{feff}|é\r\n){0,5}", 0..8)
    ) {
        let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
        let (keys, findings) = run(&files);
        let broken_list = files.iter().any(|(p, _)| *p == "steps.toml") && !findings.is_empty();
        let scripts = files.iter().filter(|(p, _)| p.ends_with(".sql")).count();
        proptest::prop_assert!(broken_list || keys.len() + findings.len() >= scripts, "{files:?}");
    }
}

#[test]
fn a_script_of_sql_server_is_told_with_the_lines_within_its_batches() {
    let text = "USE [ProductDb]\nGO\nSET NOCOUNT ON\nEXEC sp_configure 'x', 1\nGO 2\nUSE [Other]\nGO\n";
    let file = UpgradeFile { layer: "program", path: "1.sql", text: Some(text), hash: Hash::ZERO };
    let of = |database| {
        let (_, findings) = collect(&[file], EngineKind::Mssql, database);
        findings.into_iter().map(|f| (f.code, f.severity, f.message)).collect::<Vec<_>>()
    };
    let found = of(Some("productdb"));
    assert_eq!(
        found.iter().map(|f| (f.0, f.1)).collect::<Vec<_>>(),
        [("GR0411", Severity::Note), ("GR0409", Severity::Error), ("GR0409", Severity::Error)]
    );
    assert!(found[0].2.contains("line 1:"), "{found:?}");
    assert!(found[1].2.contains("line 4: `sp_configure`"), "a batch that runs twice is told once: {found:?}");
    assert!(found[2].2.contains("line 6: `USE`"), "{found:?}");
    assert_eq!(of(None).iter().filter(|f| f.2.contains("`USE`:")).count(), 2);
}
