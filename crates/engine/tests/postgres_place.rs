//! What only PostgreSQL has at the place where databases stand: roles at the door, sessions that are ended, statements that refuse
//! transactions, errors that quote. What every engine promises is in the contract (`contract.rs`).

mod common;

use common::{copy_table, marker, no_rules, pg, rehearse, source, table_copy, target};
use greenroom_engine::capture::Capture;
use greenroom_engine::{Admission, Disturbance, ErrorKind, MarkerState, RangeSpec, Swap};
use greenroom_model::catalog::TableName;
use greenroom_model::hash::Hash;
use greenroom_model::upgrade::Statement;
use std::time::Duration;

fn statement(sql: &str, line: u32) -> Statement {
    Statement { sql: sql.to_owned(), line, copy_data: None }
}

#[tokio::test]
async fn a_killed_connection_is_lost() {
    let Some(pg) = &pg::server() else { return };
    pg.database(
        "killed",
        "create table t (a int primary key, b text); insert into t select g, repeat('x', 1000) from generate_series(1, 50000) g",
    );
    let mut source = source(pg, "killed").await;
    let name = TableName::new("public", "t");
    let mut held = source.hold(std::slice::from_ref(&name)).await.unwrap();
    let catalog = held.inspect().await.unwrap();
    let copy = table_copy(catalog.table(&name).unwrap(), &no_rules);
    let mut reader = held.reader().await.unwrap();
    reader.begin(&copy, &RangeSpec::whole()).await.unwrap();
    reader.next().await.unwrap();
    pg.sql(
        "postgres",
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'killed' and application_name = 'greenroom'",
    );
    let error = loop {
        match reader.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a cut stream must not look complete"),
            Err(e) => break e,
        }
    };
    assert_eq!(error.kind, ErrorKind::Lost, "{error}");
    assert_eq!(held.disturbed().await.unwrap(), Some(Disturbance::SnapshotLost));
    assert_eq!(held.reader().await.err().unwrap().kind, ErrorKind::Lost);
}

#[tokio::test]
async fn what_a_script_creates_stays_when_the_login_is_called_like_our_schema() {
    let Some(pg) = &pg::server() else { return };
    pg.sql("postgres", "create role greenroom superuser login");
    let address = greenroom_model::program::Address { user: Some("greenroom".into()), ..common::address(pg, "postgres") };
    let secrets = &greenroom_engine::secret::NoSecrets;
    let mut target = greenroom_engine::target(&address, secrets, std::path::Path::new("/")).await.unwrap();
    pg.database("login_source", "create table t (a int primary key)");
    let like = source(pg, "login_source").await.inspect().await.unwrap();
    target.create("login_1_n1", &marker("n1"), &like).await.unwrap();
    let mut inside = target.enter("login_1_n1").await.unwrap();
    inside.script("1", &Hash::of(b"1"), &[statement("create table brand_new (a int)", 1)], 0).await.unwrap();
    inside.tidy().await.unwrap();
    assert_eq!(pg.sql("login_1_n1", "select schemaname from pg_tables where tablename = 'brand_new'"), "public");
}

#[tokio::test]
async fn touched_rows_are_noted_whoever_touches_them_and_a_truncated_table_is_told() {
    let Some(pg) = &pg::server() else { return };
    pg.sql("postgres", "create role noting_app login");
    pg.database(
        "noted",
        "create table whole (a int primary key); create table part (a int, b date, primary key (a, b)) partition by range (b);
         create table part_1 partition of part default; create table \"Odd \"\"name\" (\"k \"\"1\" text primary key, v int)",
    );
    let (_, mut inside, _) = rehearse(pg, "noted", "noted_1_n1", "n1", 10, &no_rules).await;
    let catalog = inside.inspect().await.unwrap();
    let captures = Capture::of(catalog.tables.iter().filter(|t| t.is_copied()));
    inside.capture(&captures).await.unwrap();
    pg.sql("noted_1_n1", "grant insert, update, delete, truncate, select on all tables in schema public to noting_app");
    pg.sql("postgres", "grant connect on database noted_1_n1 to noting_app");
    let app = |sql: &str| pg.try_sql_as("noting_app", "noted_1_n1", sql).unwrap();
    app("set datestyle = 'German'; insert into part values (1, '24.12.2026'); insert into \"Odd \"\"name\" values ('it''s', 1)");
    app("insert into whole values (1), (2)");
    // What replays replication fires no ordinary trigger.
    pg.sql("noted_1_n1", "set session_replication_role = replica; update \"Odd \"\"name\" set v = 2; insert into whole values (3)");
    assert!(pg.try_sql_as("noting_app", "noted_1_n1", "select * from greenroom.captured").is_err(), "others must not see what is noted");
    let captured = inside.captured().await.unwrap();
    let noted = |name: &str| {
        let one = captured.iter().find(|c| c.table.name == name).unwrap();
        pg.sql("noted_1_n1", &format!("select distinct t::text from greenroom.{} t order by 1", one.notes.name))
    };
    assert_eq!(noted("whole"), "(1)\n(2)\n(3)");
    assert_eq!(noted("part_1"), "(1,2026-12-24)");
    assert_eq!(noted("Odd \"name"), "(it's)");
    app("truncate whole");
    let truncated: Vec<_> = inside.captured().await.unwrap().into_iter().filter(|c| c.truncated).map(|c| c.table.name).collect();
    assert_eq!(truncated, ["whole"]);
    // pg_dump takes nothing of it along: a pilot of this production has none of it.
    let (_, copy, _) = rehearse(pg, "noted_1_n1", "noted_2_n2", "n2", 10, &no_rules).await;
    copy.leave().await.unwrap();
    assert_eq!(pg.sql("noted_2_n2", "select count(*) from pg_trigger where tgname like 'greenroom%'"), "0");
    inside.end_capture().await.unwrap();
    assert_eq!(pg.sql("noted_1_n1", "select count(*) from pg_trigger where tgname like 'greenroom%'"), "0");
    app("insert into whole values (9)");
}

#[tokio::test]
async fn those_who_are_admitted_get_in_and_a_swap_ends_those_who_sit_in_the_pilot() {
    let Some(pg) = &pg::server() else { return };
    pg.database("swapped", "create table t (a int primary key); insert into t values (1)");
    pg.sql("postgres", "create role tester login; create role outsider login");
    let mut target = target(pg).await;
    let (_, generation, _) = rehearse(pg, "swapped", "sw_1_n1", "n1", 10, &no_rules).await;
    generation.leave().await.unwrap();
    assert_eq!(target.admission("sw_1_n1").await.unwrap(), Admission::Sealed);
    assert!(pg.try_sql_as("tester", "sw_1_n1", "select 1").is_err());
    let first = Swap { generation: "sw_1_n1".into(), pilot: "sw".into(), former: None };
    target.swap(&first).await.unwrap();
    target.swap(&first).await.unwrap();
    let standing = target.look("sw").await.unwrap().unwrap();
    assert_eq!(standing.marker.as_ref().unwrap().state, MarkerState::Pilot);
    assert!(!standing.empty);

    target.admit("sw", &Admission::Some { roles: vec!["tester".into()], mode: 0 }).await.unwrap();
    assert!(pg.try_sql_as("tester", "sw", "select 1").is_ok());
    assert!(pg.try_sql_as("outsider", "sw", "select 1").is_err());
    target.admit("sw", &Admission::Everybody { mode: 0 }).await.unwrap();
    assert!(pg.try_sql_as("outsider", "sw", "select 1").is_ok());

    // A second generation, while somebody sits in the pilot and new ones keep knocking.
    let (_, generation, _) = rehearse(pg, "swapped", "sw_2_n2", "n2", 10, &no_rules).await;
    let sitting = std::thread::spawn(|| pg::server().unwrap().try_sql_as("tester", "sw", "select pg_sleep(60)"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let second = Swap { generation: "sw_2_n2".into(), pilot: "sw".into(), former: Some("sw_former_n1".into()) };
    target.swap(&second).await.unwrap();
    target.swap(&second).await.unwrap();
    assert!(sitting.join().unwrap().is_err());
    drop(generation);
    assert_ne!(target.look("sw").await.unwrap().unwrap().engine_id, standing.engine_id);
    assert_eq!(target.look("sw_former_n1").await.unwrap().unwrap().engine_id, standing.engine_id);
    assert_eq!(target.admission("sw").await.unwrap(), Admission::Sealed);
}

#[tokio::test]
async fn a_failing_script_names_its_line_and_leaves_nothing() {
    let Some(pg) = &pg::server() else { return };
    pg.database("scripted", "create table t (a int primary key, b text); insert into t values (1, 'planted-secret')");
    let (_, mut generation, _) = rehearse(pg, "scripted", "sc_1_n9", "n9", 10, &no_rules).await;
    let hash = Hash::of(b"x");
    let good = statement("alter table t add c int", 1);
    let secret = "planted-secret";
    for (bad, line) in [
        ("select b::int\nfrom t", 3),
        ("insert into t values (1, 'planted-secret')", 3),
        ("do $$ begin raise exception 'planted-secret'; end $$", 3),
        ("do $$ begin execute 'select \"planted-secret\" from t'; end $$", 3),
        ("update t\nset\n nope = 1", 5),
        ("alter table t add check (b <> 'planted-secret')", 3),
    ] {
        let e = generation.script("s/001", &hash, &[good.clone(), statement(bad, 3)], 0).await.unwrap_err();
        assert_eq!(e.statement, Some((2, line)), "{e}");
        assert!(!format!("{e} {e:?}").contains(secret), "{e:?}");
        assert!(e.native_code.is_some());
    }
    assert_eq!(generation.script_state("s/001").await.unwrap().done, 0);
    assert_eq!(pg.sql("sc_1_n9", "select count(*) from pg_attribute where attrelid = 't'::regclass and attname = 'c'"), "0");

    let mut copied = statement("copy t (a, b) from stdin", 4);
    copied.copy_data = Some("7\tseven\n8\t\\N\n".to_owned());
    let script =
        [statement("begin", 1), good, statement("do $$ begin raise warning 'planted-secret'; end $$", 3), copied, statement("commit", 5)];
    let applied = generation.script("s/001", &hash, &script, 0).await.unwrap();
    assert_eq!((applied.statements, applied.rows), (5, 2));
    assert_eq!(applied.notices, ["1 × warning 01000"]);
    let state = generation.script_state("s/001").await.unwrap();
    assert!(state.complete && state.hash == Some(hash) && state.done == 5);

    // What cannot run in a transaction is recorded statement by statement, and goes on behind the last one.
    let alone =
        [statement("create index concurrently i on t (b)", 1), statement("insert into t values (20, 'x')", 2), statement("select 1/0", 3)];
    let e = generation.script("s/002", &hash, &alone, 0).await.unwrap_err();
    assert_eq!(e.statement, Some((3, 3)));
    assert_eq!(generation.script_state("s/002").await.unwrap().done, 2);
    let fixed = [alone[0].clone(), alone[1].clone(), statement("select 1", 3)];
    assert_eq!(generation.script("s/002", &hash, &fixed, 2).await.unwrap().statements, 1);
    assert!(generation.script_state("s/002").await.unwrap().complete);
    assert_eq!(generation.script("s/003", &hash, &[statement("prepare transaction 'x'", 9)], 0).await.unwrap_err().statement, Some((1, 9)));

    let outcome = generation.query("select b from t order by a;").await.unwrap();
    assert_eq!((outcome.rows, outcome.first.as_deref()), (4, Some("planted-secret")));
    assert!(generation.query("delete from t returning a").await.is_err());
    assert!(generation.query("with d as (delete from t returning a) select * from d").await.is_err());
}

#[tokio::test]
async fn loading_errors_show_no_values() {
    let Some(pg) = &pg::server() else { return };
    pg.database("leaky", "create table t (a int primary key, b text); insert into t values (1, 'planted-secret')");
    let (catalog, mut generation, _) = rehearse(pg, "leaky", "leaky_1_n5", "n5", 1000, &no_rules).await;
    let name = TableName::new("public", "t");
    let mut source = source(pg, "leaky").await;
    let mut held = source.hold(std::slice::from_ref(&name)).await.unwrap();
    let copy = table_copy(catalog.table(&name).unwrap(), &no_rules);
    pg.sql("leaky_1_n5", "delete from greenroom.range_done; create unique index on t (b)");
    let (mut reader, mut loader) = (held.reader().await.unwrap(), generation.loader().await.unwrap());
    let e = copy_table(&mut *held, &mut *reader, &mut *loader, &copy, 1000).await.unwrap_err();
    assert_eq!((e.kind, e.native_code.as_deref()), (ErrorKind::Data, Some("23505")));
    assert!(e.object.as_deref().unwrap().contains("public.t"));
    pg.sql("leaky_1_n5", "drop table t; create table t (a int primary key, b int)");
    loader.discard().await.unwrap();
    let e = copy_table(&mut *held, &mut *reader, &mut *loader, &copy, 1000).await.unwrap_err();
    assert!(!format!("{e} {e:?}").contains("planted"), "{e:?}");
    assert_eq!(e.kind, ErrorKind::Data, "{e:?}");
}

#[tokio::test]
async fn missing_rights_come_with_the_statement_that_gives_them() {
    let Some(pg) = &pg::server() else { return };
    pg.database(
        "guarded",
        "create schema s; create table s.t (a serial primary key); create table s.r (a int); alter table s.r enable row level security;
         create role reader login; create role keeper login",
    );
    let mut address = common::address(pg, "guarded");
    address.user = Some("reader".to_owned());
    let open = || greenroom_engine::source(&address, &greenroom_engine::secret::NoSecrets, std::path::Path::new("/"));
    let tables = [TableName::new("s", "t"), TableName::new("s", "r")];
    let mut source = open().await.unwrap();
    assert_eq!(source.hold(&tables).await.err().unwrap().kind, ErrorKind::Denied);
    let missing = source.missing_rights(&tables).await.unwrap();
    assert!(missing.len() >= 4, "{missing:?}");
    for right in &missing {
        pg.sql("guarded", &right.grant);
    }
    assert!(source.missing_rights(&tables).await.unwrap().is_empty());
    let mut held = source.hold(&tables).await.unwrap();
    held.schema(tempfile::tempdir().unwrap().path()).await.unwrap();
    held.release().await.unwrap();
    let mut address = common::address(pg, "postgres");
    address.user = Some("keeper".to_owned());
    let mut target = greenroom_engine::target(&address, &greenroom_engine::secret::NoSecrets, std::path::Path::new("/")).await.unwrap();
    assert_eq!(target.missing_rights().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_creation_that_was_cut_before_its_marker_is_completed_and_nothing_else_is() {
    let Some(pg) = &pg::server() else { return };
    pg.database("cut_source", "create table t (a int primary key)");
    let like = source(pg, "cut_source").await.inspect().await.unwrap();
    let mut target = target(pg).await;
    // As `kill -9` right after CREATE DATABASE leaves it: closed, without a marker.
    pg.sql("postgres", "create database cut_1_halfnonce allow_connections false");
    let standing = target.look("cut_1_halfnonce").await.unwrap().unwrap();
    assert!(standing.empty && standing.marker.is_none());
    let whole = target.create("cut_1_halfnonce", &marker("halfnonce"), &like).await.unwrap();
    assert_eq!((whole.engine_id, whole.marker), (standing.engine_id, Some(marker("halfnonce"))));
    target.enter("cut_1_halfnonce").await.unwrap().leave().await.unwrap();
    // Again, and again: it is done already.
    target.create("cut_1_halfnonce", &marker("halfnonce"), &like).await.unwrap();
    target.drop_marked("cut_1_halfnonce", "halfnonce").await.unwrap();
    // A database whose name does not carry the nonce is somebody else's, however empty.
    pg.sql("postgres", "create database cut_2_other allow_connections false");
    assert_eq!(target.create("cut_2_other", &marker("halfnonce"), &like).await.unwrap_err().kind, ErrorKind::Conflict);
    pg.sql("postgres", "drop database cut_2_other");
}

#[tokio::test]
async fn a_script_that_asks_for_no_transaction_runs_statement_by_statement() {
    let Some(pg) = pg::server() else { return };
    pg.database("apart", "create table t (a int primary key, b text); create schema s; create table s.own (a int)");
    let (_, mut generation, _) = rehearse(&pg, "apart", "ap_1_n7", "n7", 10, &no_rules).await;
    let q = |sql: &str| pg.sql("ap_1_n7", sql);
    let hash = Hash::of(b"x");
    // A procedure that commits works in no transaction of ours.
    let mut script = vec![
        statement("create procedure p() language plpgsql as $$ begin insert into t values (1, 'x'); commit; end $$", 1),
        statement("call p()", 2),
        statement("set search_path = s", 3),
        statement("insert into own values (1)", 4),
        statement("begin", 5),
        statement("insert into public.t values (2, 'y')", 6),
        statement("select 1/0", 7),
        statement("commit", 8),
        statement("create index concurrently own_a on own (a)", 9),
    ];
    let e = generation.script_apart("s/001", &hash, &script, 0).await.unwrap_err();
    assert_eq!(e.statement, Some((7, 7)), "{e}");
    let state = generation.script_state("s/001").await.unwrap();
    assert_eq!((state.done, state.complete), (4, false));
    assert_eq!(q("select string_agg(a::text, ',') from t"), "1", "the script's own transaction left nothing");
    script[6] = statement("select 1", 7);
    generation.script_apart("s/001", &hash, &script, state.done).await.unwrap();
    assert_eq!(q("select (select string_agg(a::text, ',' order by a) from t), (select count(*) from s.own)"), "1,2|1");
    assert_eq!(q("select indisvalid from pg_index where indexrelid = 's.own_a'::regclass"), "t");
    assert!(generation.script_state("s/001").await.unwrap().complete);
    let open = [statement("begin", 1), statement("delete from t", 2)];
    assert_eq!(generation.script_apart("s/002", &hash, &open, 0).await.unwrap_err().statement, Some((1, 1)));
}
