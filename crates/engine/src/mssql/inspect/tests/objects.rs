//! Everything that is no table: types, sequences, modules, positions, properties, options, rights, and what reaches outside.

use super::super::facts::Facts;
use super::super::modules::Modules;
use super::super::rows::{Behind, CheckRow, ColumnRow, IndexKind, IndexRow, TableRows};
use super::super::{Modes, modules, objects, outbound, positions, properties, rights, settings};
use super::{column, index, table};
use crate::seam::AccessKind;
use std::collections::BTreeSet;

#[test]
fn objects_before_tables_are_spelled() {
    let sequence = Facts::of(&[
        ("schema_name", "s"),
        ("object_name", "q"),
        ("type_name", "decimal"),
        ("precision", "18"),
        ("start_value", "5"),
        ("increment", "-1"),
        ("minimum_value", "0"),
        ("maximum_value", "99"),
        ("is_cycling", "1"),
        ("is_cached", "0"),
        ("cache_size", "0"),
    ]);
    assert_eq!(
        objects::sequence(&sequence).statements,
        ["CREATE SEQUENCE [s].[q] AS decimal(18, 0) START WITH 5 INCREMENT BY -1 MINVALUE 0 MAXVALUE 99 CYCLE NO CACHE"]
    );
    let alias = Facts::of(&[
        ("schema_name", "dbo"),
        ("object_name", "code"),
        ("base_name", "nvarchar"),
        ("max_length", "60"),
        ("is_nullable", "0"),
    ]);
    assert_eq!(objects::alias_type(&alias).statements, ["CREATE TYPE [dbo].[code] FROM nvarchar(30) NOT NULL"]);
    let bounds = [
        objects::bound(&Facts::of(&[("base", "datetime2"), ("bound", "2020-01-01T00:00:00")])),
        objects::bound(&Facts::of(&[("base", "int"), ("bound", "5")])),
        objects::bound(&Facts::of(&[("base", "nvarchar"), ("bound", "O'Neil")])),
        objects::bound(&Facts::of(&[("base", "")])),
    ];
    assert_eq!(bounds, ["N'2020-01-01T00:00:00'", "5", "N'O''Neil'", "NULL"]);
    let function = Facts::of(&[("object_name", "pf"), ("base_name", "datetime2"), ("scale", "3"), ("boundary_value_on_right", "1")]);
    assert_eq!(
        objects::partition_function(&function, &bounds[..1]).statements,
        ["CREATE PARTITION FUNCTION [pf](datetime2(3)) AS RANGE RIGHT FOR VALUES (N'2020-01-01T00:00:00')"]
    );
    let mut pairs = table(vec![
        column("a", "int", "4", &[("is_nullable", "0")]),
        column("b", "int", "4", &[("default_name", "DF__x__1"), ("default_value", "((0))")]),
    ]);
    pairs.indexes = vec![
        IndexRow { behind: Behind::PrimaryKey, unique: true, ..index("PK__x", IndexKind::Clustered, &["a"]) },
        index("ix", IndexKind::Nonclustered, &["b"]),
    ];
    pairs.checks = vec![CheckRow { name: "CK__x".into(), expression: "([a]>(0))".into(), trusted: true, ..CheckRow::default() }];
    assert_eq!(
        objects::table_type(&pairs),
        "CREATE TYPE [dbo].[t] AS TABLE (\n    [a] int NOT NULL,\n    [b] int NULL DEFAULT ((0)),\n    PRIMARY KEY CLUSTERED ([a]),\n    \
         INDEX [ix] NONCLUSTERED ([b]),\n    CHECK (([a]>(0)))\n)"
    );
}

#[test]
fn synonyms_that_reach_outside_are_not_made() {
    let to = |base: &str| {
        objects::synonym(&Facts::of(&[("schema_name", "dbo"), ("object_name", "sy"), ("base_object_name", base), ("own", "Shop")]))
            .map(|m| m.statements[0].clone())
    };
    assert_eq!(to("[s].[t]").as_deref(), Some("CREATE SYNONYM [dbo].[sy] FOR [s].[t]"));
    assert_eq!(to("[t]").as_deref(), Some("CREATE SYNONYM [dbo].[sy] FOR [t]"));
    // Its own database bears another name on the copy.
    assert_eq!(to("[shop].[s].[a]]b.c]").as_deref(), Some("CREATE SYNONYM [dbo].[sy] FOR [s].[a]]b.c]"));
    assert_eq!(to("[SHOP]..[t]").as_deref(), Some("CREATE SYNONYM [dbo].[sy] FOR [dbo].[t]"));
    assert_eq!(to("[crm].[dbo].[t]"), None);
    assert_eq!(to("[linked].[shop].[dbo].[t]"), None);
}

fn module(more: &[(&str, &str)]) -> Modules {
    let mut facts =
        vec![("schema_name", "dbo"), ("object_name", "m"), ("uses_ansi_nulls", "1"), ("uses_quoted_identifier", "1"), ("id", "3")];
    facts.extend(more);
    let mut all = Modules::default();
    modules::add(&mut all, &Facts::of(&facts)).unwrap();
    all
}

#[test]
fn modules_keep_text_settings_and_state() {
    let trigger = module(&[
        ("kind", "TR"),
        ("definition", "create trigger old on old_table after insert as print 1"),
        ("parent_schema", "dbo"),
        ("parent_name", "new table"),
        ("is_disabled", "1"),
    ]);
    let made = &trigger.made[0];
    assert_eq!(
        made.statements,
        ["CREATE TRIGGER [dbo].[m] ON [dbo].[new table] after insert as print 1", "DISABLE TRIGGER [dbo].[m] ON [dbo].[new table]"]
    );
    assert_eq!(
        modules::settriggerorder(made, "First", "INSERT"),
        "EXEC sp_settriggerorder @triggername = N'[dbo].[m]', @order = 'First', @stmttype = 'INSERT'"
    );
    let database = module(&[
        ("kind", "DT"),
        ("schema_name", ""),
        ("definition", "create trigger m on database for create_table as print 1"),
        ("is_disabled", "1"),
    ]);
    assert_eq!(
        database.made[0].statements,
        ["CREATE TRIGGER [m] ON database for create_table as print 1", "DISABLE TRIGGER [m] ON DATABASE"]
    );
    assert!(
        modules::settriggerorder(&database.made[0], "Last", "CREATE_TABLE")
            .ends_with("@stmttype = 'CREATE_TABLE', @namespace = 'DATABASE'")
    );
    let old = module(&[
        ("kind", "P "),
        ("definition", "create proc m as select \"x\""),
        ("uses_ansi_nulls", "0"),
        ("uses_quoted_identifier", "0"),
    ]);
    assert_eq!(old.made[0].modes, Modes { ansi_nulls_off: true, quoted_identifier_off: true, ansi_padding_off: false });
    assert!(old.made[0].object().definition.starts_with("-- quoted_identifier off\n-- ansi_nulls off\nCREATE PROCEDURE [dbo].[m] as"));
}

#[test]
fn modules_without_a_text_are_named_or_denied() {
    for (facts, word) in [
        (vec![("kind", "P"), ("is_encrypted", "1")], "encrypted"),
        (vec![("kind", "FS")], "assembl"),
        (vec![("kind", "X")], "extended"),
        (vec![("kind", "P"), ("definition", "create proc m as select 1"), ("uses_native_compilation", "1")], "natively"),
        (vec![("kind", "V"), ("definition", "")], "does not begin"),
    ] {
        let found = module(&facts);
        assert!(found.made.is_empty());
        assert!(found.not_carried[0].1.contains(word) && found.not_carried[0].0.contains("dbo.m"), "{:?}", found.not_carried);
    }
    let denied =
        modules::add(&mut Modules::default(), &Facts::of(&[("kind", "V"), ("schema_name", "dbo"), ("object_name", "v")])).unwrap_err();
    assert_eq!(denied.kind, crate::error::ErrorKind::Denied);
    assert!(denied.hint.unwrap().contains("VIEW DEFINITION"));
}

#[test]
fn positions_are_told_in_the_same_words_whether_used_or_not() {
    let identity = |last: Option<&str>, present: &str| {
        let mut facts = vec![("schema_name", "dbo"), ("object_name", "t"), ("seed", "1"), ("increment", "10"), ("present", present)];
        facts.extend(last.map(|l| ("last_value", l)));
        positions::identity(&Facts::of(&facts))
    };
    let used = identity(Some("41"), "41").unwrap();
    assert_eq!(
        used.1,
        "if (select last_value from sys.identity_columns where object_id = object_id('[dbo].[t]')) is null \
         dbcc checkident('[dbo].[t]', reseed, 51) with no_infomsgs else dbcc checkident('[dbo].[t]', reseed, 41) with no_infomsgs"
    );
    // The copy never had a row but was reseeded: the next value is what it was set to.
    assert_eq!(identity(None, "51").unwrap(), used);
    assert_eq!(identity(None, "1"), None);
    let sequence = |used: &str| {
        let facts = [("schema_name", "dbo"), ("object_name", "q"), ("present", "5"), ("used", used)];
        positions::sequence(&Facts::of(&facts)).unwrap().1
    };
    // A position cannot be set as given: the value is given once more.
    assert_eq!(sequence("1"), "alter sequence [dbo].[q] restart with 5; declare @given decimal(38, 0) = next value for [dbo].[q]");
    assert_eq!(sequence("0"), "alter sequence [dbo].[q] restart with 5");
}

#[test]
fn extended_properties_keep_their_level_and_type() {
    let carried: BTreeSet<String> = ["7".to_owned()].into();
    let of = |facts: &[(&str, &str)]| properties::property(&Facts::of(facts), &carried).map(|m| m.statements[0].clone());
    assert_eq!(
        of(&[
            ("class", "1"),
            ("id", "7"),
            ("object_kind", "U "),
            ("object_schema", "dbo"),
            ("object_name", "t"),
            ("minor_id", "2"),
            ("column_name", "c"),
            ("property", "MS_Description"),
            ("base", "nvarchar"),
            ("value", "it's")
        ])
        .unwrap(),
        "DECLARE @v nvarchar(3750) = N'it''s'; EXEC sp_addextendedproperty @name = N'MS_Description', @value = @v, @level0type = N'SCHEMA', \
         @level0name = N'dbo', @level1type = N'TABLE', @level1name = N't', @level2type = N'COLUMN', @level2name = N'c'"
    );
    assert_eq!(
        of(&[("class", "0"), ("property", "v"), ("base", "int"), ("value", "3")]).unwrap(),
        "DECLARE @v int = N'3'; EXEC sp_addextendedproperty @name = N'v', @value = @v"
    );
    assert!(
        of(&[
            ("class", "1"),
            ("id", "9"),
            ("object_kind", "D "),
            ("object_name", "df"),
            ("parent_id", "7"),
            ("parent_kind", "U "),
            ("parent_name", "t"),
            ("parent_schema", "dbo"),
            ("property", "p")
        ])
        .unwrap()
        .ends_with("@level1type = N'TABLE', @level1name = N't', @level2type = N'CONSTRAINT', @level2name = N'df'")
    );
    // Of something that is not made.
    assert_eq!(of(&[("class", "1"), ("id", "8"), ("object_kind", "P "), ("property", "p")]), None);
    assert_eq!(of(&[("class", "3"), ("schema_name", "greenroom"), ("property", "p")]), None);
}

#[test]
fn options_are_set_only_where_they_differ() {
    let (settings, statements) = settings::options(&Facts::of(&[
        ("collation", "Latin1_General_CI_AS"),
        ("compatibility_level", "130"),
        ("is_recursive_triggers_on", "1"),
        ("snapshot_isolation_state", "1"),
        ("is_read_committed_snapshot_on", "1"),
        ("containment_desc", "NONE"),
    ]));
    assert_eq!(settings["read_committed_snapshot"], "ON");
    assert_eq!(settings["compatibility_level"], "130");
    let texts: Vec<&str> = statements.iter().map(|m| m.statements[0].as_str()).collect();
    assert_eq!(
        texts[0],
        "IF EXISTS (SELECT 1 FROM sys.databases WHERE name = DB_NAME() AND compatibility_level <> 130) \
         EXEC(N'ALTER DATABASE CURRENT SET COMPATIBILITY_LEVEL = 130')"
    );
    assert!(
        texts[3].contains("is_read_committed_snapshot_on <> 1")
            && texts[3].ends_with("READ_COMMITTED_SNAPSHOT ON WITH ROLLBACK IMMEDIATE')")
    );
    let scoped =
        |name: &str, value: &str| settings::scoped(&Facts::of(&[("setting", name), ("value", value)])).map(|m| m.statements[0].clone());
    assert_eq!(
        scoped("LEGACY_CARDINALITY_ESTIMATION", "1").as_deref(),
        Some("ALTER DATABASE SCOPED CONFIGURATION SET LEGACY_CARDINALITY_ESTIMATION = ON")
    );
    assert_eq!(scoped("MAXDOP", "1").as_deref(), Some("ALTER DATABASE SCOPED CONFIGURATION SET MAXDOP = 1"));
}

#[test]
fn rights_have_gaps_for_those_who_hold_them() {
    let made = rights::permission(&Facts::of(&[
        ("class", "1"),
        ("permission", "SELECT"),
        ("state", "W"),
        ("grantee", "ann"),
        ("schema_name", "dbo"),
        ("object_name", "t"),
        ("column_name", "c"),
    ]))
    .unwrap();
    assert_eq!(
        (made.kind, made.roles, made.sql),
        (
            AccessKind::Grant,
            vec!["ann".to_owned()],
            vec!["GRANT SELECT ON OBJECT::[dbo].[t] ([c]) TO ".to_owned(), " WITH GRANT OPTION".to_owned()]
        )
    );
    let denied = rights::permission(&Facts::of(&[
        ("class", "3"),
        ("permission", "DELETE"),
        ("state", "D"),
        ("grantee", "public"),
        ("granted_schema", "s"),
    ]))
    .unwrap();
    assert_eq!((denied.roles.len(), denied.sql), (0, vec!["DENY DELETE ON SCHEMA::[s] TO public".to_owned()]));
    assert!(rights::principal(&Facts::of(&[("principal", "db_datareader"), ("kind", "R"), ("is_fixed_role", "1")])).is_none());
    let role = rights::principal(&Facts::of(&[("principal", "clerks"), ("kind", "R"), ("is_fixed_role", "0")])).unwrap();
    assert_eq!(role.sql, ["IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'clerks') CREATE ROLE [clerks]"]);
    let user = rights::principal(&Facts::of(&[
        ("principal", "ann"),
        ("kind", "S"),
        ("authentication_type", "1"),
        ("default_schema_name", "sales"),
    ]))
    .unwrap();
    assert_eq!(user.sql, ["ALTER USER ", " WITH DEFAULT_SCHEMA = [sales]"]);
    let without = rights::principal(&Facts::of(&[("principal", "robot"), ("kind", "S"), ("authentication_type", "0")])).unwrap();
    assert_eq!(without.sql, ["CREATE USER ", " WITHOUT LOGIN"]);
    let owners = rights::owner(&Facts::of(&[("what", "schema"), ("object_name", "s"), ("principal", "ann")]));
    assert_eq!(
        owners.iter().map(|s| s.sql[0].as_str()).collect::<Vec<_>>(),
        ["ALTER AUTHORIZATION ON SCHEMA::[s] TO ", "GRANT CONTROL ON SCHEMA::[s] TO "]
    );
}

#[test]
fn names_of_other_databases_are_found_in_texts() {
    let set = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<BTreeSet<String>>();
    let (others, schemas) = (set(&["crm", "shop"]), set(&["dbo", "sales"]));
    let reaches = |text: &str| outbound::reaches(text, "Shop", &others, &schemas);
    assert_eq!(reaches("create view v as select t.a, sales.t.b, dbo.t.c from dbo.t join sales.t on 1.5 = 2.5.1"), [] as [&str; 0]);
    assert_eq!(reaches("select * from CRM.dbo.t -- from archive.dbo.t"), ["CRM"]);
    assert_eq!(reaches("select * from [prod srv].[crm] . [dbo].[t] /* x.y.z */"), ["prod srv.crm"]);
    assert_eq!(reaches("exec crm..p"), ["crm"]);
    assert_eq!(reaches("exec('update ' + @x + ' archive.dbo.t set a = 1')"), ["archive"]);
    // On the copy this would still be production.
    assert_eq!(reaches("insert shop.dbo.log values (1)"), ["shop"]);
    assert_eq!(reaches("select * from openquery (linked, 'select 1')"), ["openquery"]);
    assert_eq!(reaches("exec msdb.dbo.sp_send_dbmail @profile_name = 'x'"), ["msdb", "sp_send_dbmail"]);
    assert_eq!(reaches("exec master..xp_cmdshell 'dir'"), ["master", "xp_cmdshell"]);
    assert_eq!(reaches("create table tempdb..#x (a int)"), [] as [&str; 0]);
    assert_eq!(reaches("bulk\n insert t from 'x'"), ["bulk insert"]);
}

#[test]
fn what_is_lost_of_a_table_is_said() {
    let mut t = table(vec![ColumnRow { bound: vec!["dbo.zero".into()], ..column("a", "int", "4", &[]) }]);
    t.indexes = vec![index("h", IndexKind::Unknown, &["a"])];
    let said: Vec<String> = outbound::of_table(&t).into_iter().map(|(what, _)| what).collect();
    assert_eq!(said, ["dbo.zero bound to dbo.t.a", "index h on dbo.t"]);
    assert_eq!(outbound::of_table(&TableRows { refused: Some("x".into()), ..t }), []);
}
