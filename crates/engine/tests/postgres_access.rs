//! Owners and grants: what is carried, what is listed as lost, and that people can work in a pilot whose program keeps no grants.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{no_rules, pg, rehearse, source, target};
use greenroom_engine::{Admission, SchemaScript};
use greenroom_model::catalog::TableName;
use greenroom_model::program::OwnerSettings;

const SCHEMA: &str = r#"
    create schema "Billing"; alter schema "Billing" owner to acc_owner;
    create table "Billing"."Client" (id serial primary key, name text, pin text);
    alter table "Billing"."Client" owner to acc_owner;
    insert into "Billing"."Client" (name) values ('x');
    create domain "Billing".code as text; alter domain "Billing".code owner to acc_gone;
    create function "Billing".f(a int default 1) returns int language sql as 'select 1';
    revoke all on function "Billing".f from public; grant execute on function "Billing".f to acc_reader;
    grant usage on schema "Billing" to acc_reader, acc_gone;
    grant select (id, name), update (name) on "Billing"."Client" to acc_reader;
    grant select on "Billing"."Client" to acc_gone with grant option;
    grant usage on sequence "Billing"."Client_id_seq" to public;
    alter default privileges for role acc_owner in schema "Billing" grant select on tables to acc_reader;
    select lo_create(4711); grant select on large object 4711 to acc_reader;
"#;

async fn script(pg: &pg::Pg, database: &str) -> SchemaScript {
    let mut source = source(pg, database).await;
    let mut held = source.hold(&[TableName::new("Billing", "Client")]).await.unwrap();
    let script = held.schema(tempfile::tempdir().unwrap().path()).await.unwrap();
    held.release().await.unwrap();
    script
}

/// Roles belong to the whole server, so one test does everything.
#[tokio::test]
async fn owners_and_grants_are_carried_mapped_or_listed_as_the_program_says() {
    let Some(pg) = &pg::server() else { return };
    pg.sql("postgres", "create role acc_owner login; create role acc_reader login; create role acc_gone; create role \"Acc new\" login");
    pg.database("access", SCHEMA);
    let script = script(pg, "access").await;
    let back: SchemaScript = serde_json::from_str(&serde_json::to_string(&script).unwrap()).unwrap();
    assert_eq!(back, script);
    let (_, mut generation, _) = rehearse(pg, "access", "ac_1_a1", "a1", 10, &no_rules).await;
    // As if the target were another server, where the role is called otherwise or is not there.
    pg.sql("access", "drop owned by acc_gone; drop role acc_gone");

    let q = |sql: &str| pg.sql("ac_1_a1", sql);
    let lists = "select count(*) from pg_class where relacl is not null and relnamespace = '\"Billing\"'::regnamespace";
    let dropped = generation.access(&script, &OwnerSettings::default()).await.unwrap();
    let named: Vec<&str> = dropped.iter().map(|(what, _)| what.as_str()).collect();
    for expected in ["owner acc_owner", "grants to acc_reader", "grants to acc_gone", "grants to public", "default privileges of acc_owner"]
    {
        assert!(named.contains(&expected), "{expected} is not among {dropped:?}");
    }
    assert!(dropped.iter().all(|(_, why)| why.contains("is not set")), "{dropped:?}");
    assert_eq!(q(lists), "0");

    // Grants without owners: the former owner keeps its rights, and what the upgrade creates is granted as by the source's owner.
    let keep = OwnerSettings { keep_grants: true, ..OwnerSettings::default() };
    let lost = generation.access(&script, &keep).await.unwrap();
    assert!(lost.iter().any(|(what, why)| what == "grants to acc_gone" && why.contains("role `acc_gone` does not exist")), "{lost:?}");
    let as_role = |role: &str, sql: &str| pg.try_sql("ac_1_a1", &format!("set role \"{role}\"; {sql}"));
    assert!(as_role("acc_owner", "insert into \"Billing\".\"Client\" (name) values ('y')").is_ok());
    assert!(as_role("acc_reader", "select id, name from \"Billing\".\"Client\"").is_ok());
    assert!(as_role("acc_reader", "select pin from \"Billing\".\"Client\"").is_err());
    assert!(as_role("acc_reader", "select \"Billing\".f()").is_ok());
    assert!(as_role("Acc new", "select \"Billing\".f()").is_err(), "what was taken from PUBLIC stays taken");
    assert!(as_role("acc_reader", "select lo_get(4711)").is_ok());
    q("create table \"Billing\".later (a int)");
    assert!(as_role("acc_reader", "select * from \"Billing\".later").is_ok());

    // Owners, and a role that is called otherwise; applying it twice changes nothing.
    let keep = OwnerSettings { keep_owners: true, keep_grants: true, map: [("acc_gone".to_owned(), "Acc new".to_owned())].into() };
    for _ in 0..2 {
        let lost = generation.access(&script, &keep).await.unwrap();
        assert!(lost.is_empty(), "{lost:?}");
    }
    let owner = |sql: &str| q(&format!("select r.rolname from pg_roles r where r.oid = ({sql})"));
    assert_eq!(owner("select relowner from pg_class where oid = '\"Billing\".\"Client\"'::regclass"), "acc_owner");
    assert_eq!(owner("select relowner from pg_class where oid = '\"Billing\".\"Client_id_seq\"'::regclass"), "acc_owner");
    assert_eq!(owner("select nspowner from pg_namespace where nspname = 'Billing'"), "acc_owner");
    assert_eq!(owner("select typowner from pg_type where oid = '\"Billing\".code'::regtype"), "Acc new");
    assert_eq!(q("select has_table_privilege('Acc new', '\"Billing\".\"Client\"', 'select with grant option')"), "t");
}

#[tokio::test]
async fn people_who_are_let_in_can_work_and_those_shut_out_cannot_enter() {
    let Some(pg) = &pg::server() else { return };
    pg.sql("postgres", "create role work_tester login; create role work_other login");
    pg.database(
        "work",
        "create schema s; create table s.client (id serial primary key, name text); insert into s.client (name) values ('x');
         create view s.names as select name from s.client; select lo_create(77)",
    );
    let (_, mut generation, _) = rehearse(pg, "work", "wk_1_b1", "b1", 10, &no_rules).await;
    let mut target = target(pg).await;
    let tester = Admission::Some { roles: vec!["work_tester".into()], mode: 0 };
    for _ in 0..2 {
        generation.let_work(&tester).await.unwrap();
    }
    let as_tester = |sql: &str| pg.try_sql_as("work_tester", "wk_1_b1", sql);
    assert!(as_tester("select 1").is_err(), "rights inside do not open the door");
    target.admit("wk_1_b1", &tester).await.unwrap();
    assert_eq!(as_tester("insert into s.client (name) values ('y'); select count(*) from s.names").unwrap(), "2");
    pg.sql("wk_1_b1", "create table s.later (a int); create schema s2; create table s2.t (a int)");
    for sql in ["select * from s.later", "select * from s2.t", "delete from s.client where id = 2", "select lo_get(77)"] {
        assert!(as_tester(sql).is_ok(), "{sql}: {:?}", as_tester(sql));
    }
    assert!(as_tester("drop table s.client").is_err());
    assert!(as_tester("create table s.mine (a int)").is_err());
    assert!(pg.try_sql_as("work_other", "wk_1_b1", "select 1").is_err());
    target.admit("wk_1_b1", &Admission::Sealed).await.unwrap();
    assert!(as_tester("select 1").is_err());
    // Sealing ended our own session, too.
    let mut generation = target.enter("wk_1_b1").await.unwrap();
    generation.let_work(&Admission::Everybody { mode: 0 }).await.unwrap();
    target.admit("wk_1_b1", &Admission::Everybody { mode: 0 }).await.unwrap();
    assert_eq!(pg.try_sql_as("work_other", "wk_1_b1", "select count(*) from s.client").unwrap(), "1");

    let absent = Admission::Some { roles: vec!["no such role".into()], mode: 0 };
    let e = generation.let_work(&absent).await.unwrap_err();
    assert!(e.hint.as_deref().unwrap().contains("[pilot] testers"), "{e:?}");
}
