//! Statements that reach outside their database, and those that only look like it.

use super::*;
use crate::upgrade::{label, split};
use proptest::prelude::*;

fn statement(sql: &str) -> Statement {
    Statement { sql: sql.into(), line: 1, copy_data: None }
}

fn severity(engine: EngineKind, sql: &str) -> Option<Severity> {
    outside(engine, &statement(sql)).map(|o| o.severity)
}

const PG: EngineKind = EngineKind::Postgres;
const LITE: EngineKind = EngineKind::Sqlite;

#[test]
fn postgres_statements_that_reach_outside_are_refused() {
    for sql in [
        "/**/DROP/* x */\n--y\nDATABASE prod",
        "create role a",
        "Alter User a password 'x'",
        "drop group g",
        "create tablespace x location '/x'",
        "alter system set a = 1",
        "copy t to program 'cat'",
        "COPY t FROM '/etc/passwd'",
        "copy (select 1) to E'/x'",
        "create subscription s connection 'x' publication p",
        "create server s foreign data wrapper w",
        "create user mapping for a server s",
        "select * from dblink('x', 'y')",
        "select public.dblink_exec('x')",
        "select \"dblink\"('x')",
        "select pg_read_file('x')",
        "select lo_import('x'), 1",
        "set session authorization a",
        "load 'x'",
        "checkpoint",
        "grant admin to app",
        "grant connect on database prod to app",
        "select cron.schedule('x', 'y', 'z')",
        "with a as (select pg_terminate_backend(1)) select 1",
        "do $$ begin if not exists (select 1) then create role app; end if; end $$",
        "do $x$ begin perform pg_reload_conf(); end $x$",
        "create foreign table t (a int) server s",
    ] {
        assert_eq!(severity(PG, sql), Some(Severity::Error), "{sql}");
    }
}

#[test]
fn strings_comments_and_names_do_not_look_like_reaching_outside() {
    for sql in [
        "select 'drop database x'",
        "select 1 /* drop database x */",
        "insert into t values ($$create role a$$)",
        "create table \"role\" (a int)",
        "select \"DBLINK\"(1)",
        "copy t from stdin",
        "copy t (a) to stdout",
        "grant select on t to app",
        "drop function dblink(text)",
        "create table database (a int)",
        "insert into lo_import (a) values (1)",
        "update t set role = 'create role'",
        "create extension citext",
        "create user_table as select 1",
        "comment on table t is 'alter system'",
    ] {
        assert_eq!(severity(PG, sql), None, "{sql}");
    }
}

#[test]
fn what_cannot_be_seen_is_noted_and_reaching_extensions_are_warned_of() {
    assert_eq!(severity(PG, "do $$ begin execute 'drop ' || 'role a'; end $$"), Some(Severity::Note));
    assert_eq!(severity(PG, "do 'begin null; end'"), Some(Severity::Note));
    assert_eq!(severity(PG, "create extension if not exists dblink"), Some(Severity::Warning));
    assert_eq!(severity(PG, "create extension \"postgres_fdw\""), Some(Severity::Warning));
}

#[test]
fn sqlite_statements_that_reach_outside_are_refused() {
    for sql in [
        "attach 'x' as y",
        "DETACH y",
        "vacuum main into 'x'",
        "select load_extension('x')",
        "select \"WriteFile\"('a', b) from t",
        "select readfile('a')",
        "pragma journal_mode = wal",
        "PRAGMA main.journal_mode(delete)",
        "pragma writable_schema=1",
        "create virtual table c using csv(filename='x')",
    ] {
        assert_eq!(severity(LITE, sql), Some(Severity::Error), "{sql}");
    }
    for sql in [
        "vacuum",
        "pragma journal_mode",
        "select 'attach'",
        "pragma user_version = 3",
        "select [readfile] from t",
        "create table attach_log (a)",
    ] {
        assert_eq!(severity(LITE, sql), None, "{sql}");
    }
    assert_eq!(severity(LITE, "pragma foreign_keys = off"), Some(Severity::Note));
}

#[test]
fn transaction_statements_are_told_apart() {
    use TransactionControl::*;
    for (sql, expected) in [
        ("begin", Some(Begin)),
        ("start transaction", Some(Begin)),
        ("end", Some(Commit)),
        ("commit work", Some(Commit)),
        ("abort", Some(Rollback)),
        ("rollback to savepoint a", Some(Savepoint)),
        ("rollback", Some(Rollback)),
        ("prepare transaction 'x'", Some(TwoPhase)),
        ("set transaction read only", Some(Characteristics)),
        ("select 1", None),
        ("\"begin\"", None),
    ] {
        assert_eq!(transaction_control(PG, &statement(sql)), expected, "{sql}");
    }
    assert_eq!(transaction_control(LITE, &statement("rollback transaction to a")), Some(Savepoint));
}

#[test]
fn statements_that_refuse_a_transaction_are_known() {
    for sql in [
        "create unique index concurrently i on t (a)",
        "drop index concurrently i",
        "reindex (verbose, concurrently) table t",
        "vacuum full t",
        "alter type s.t add value if not exists 'x'",
        "create database x",
        "alter table t detach partition p concurrently",
        "do $$ begin commit; end $$",
        "reindex schema s",
    ] {
        assert!(needs_no_transaction(PG, &statement(sql)), "{sql}");
    }
    for sql in [
        "create index i on t (a)",
        "refresh materialized view concurrently v",
        "alter type t rename value 'a' to 'b'",
        "select 'vacuum'",
        "cluster t",
    ] {
        assert!(!needs_no_transaction(PG, &statement(sql)), "{sql}");
    }
    assert!(needs_no_transaction(LITE, &statement("vacuum")));
    assert!(needs_no_transaction(LITE, &statement("pragma foreign_keys = off")));
    assert!(!needs_no_transaction(LITE, &statement("pragma foreign_keys")));
}

#[test]
fn labels_are_short_and_hold_no_literals() {
    for (sql, expected) in [
        ("alter table only public.client add x text default 'secret'", "ALTER TABLE public.client"),
        ("insert into consent values ('Ann')", "INSERT INTO consent"),
        ("create unique index concurrently if not exists ix_a on t (a)", "CREATE INDEX ix_a"),
        ("create or replace function f() returns int", "CREATE FUNCTION f"),
        ("create index on t (a)", "CREATE INDEX"),
        ("update \"Client\" set a = 'x'", "UPDATE \"Client\""),
        ("copy t (a) from stdin", "COPY t"),
        ("select 'x'", "SELECT"),
        ("create materialized view v as select 1", "CREATE MATERIALIZED VIEW v"),
        ("Smith 1, 2", "statement"),
        ("'x'", "statement"),
        ("delete from t where a = 'x'", "DELETE FROM t"),
        ("comment on column t.c is 'x'", "COMMENT ON COLUMN t.c"),
    ] {
        assert_eq!(label(PG, &statement(sql)), expected);
    }
    assert_eq!(label(LITE, &statement("insert or replace into [my t] values (1)")), "INSERT INTO [my t]");
    assert_eq!(label(LITE, &statement("create table 'lit' (a)")), "CREATE TABLE");
}

proptest! {
    #[test]
    fn verdicts_never_panic(text in "\\PC*|(do |copy |create |\\$\\$|\\$a\\$|'|\"|U&|\\(|\\.|dblink|pragma |on |to |;| ){0,20}") {
        for engine in [PG, LITE] {
            for s in split(engine, &text).unwrap_or_default().into_iter().chain([statement(&text)]) {
                let _ = (outside(engine, &s), transaction_control(engine, &s), needs_no_transaction(engine, &s), label(engine, &s));
            }
        }
    }
}

fn my(sql: &str) -> Option<Outside> {
    outside(EngineKind::Mysql, &Statement { sql: sql.to_owned(), line: 1, copy_data: None })
}

#[test]
fn mysql_statements_that_reach_outside_are_refused() {
    for sql in [
        "use other",
        "CREATE USER 'a'@'%' IDENTIFIED BY 'x'",
        "create or replace role r",
        "drop database x",
        "create schema if not exists y",
        "alter database other character set utf8mb4",
        "grant select on *.* to a",
        "revoke all on t from a",
        "set global max_connections = 3",
        "set @a = 1, @@global.event_scheduler = on",
        "set persist x = 1",
        "set password for a = 'x'",
        "flush tables",
        "kill 3",
        "install soname 'x'",
        "create function f returns string soname 'x.so'",
        "change master to master_host = 'x'",
        "load data local infile 'x' into table t",
        "select * from t into outfile '/tmp/x'",
        "select load_file('/etc/passwd')",
        "create table t (a int) engine = federated connection='mysql://x'",
        "create server s foreign data wrapper mysql options (host 'x')",
        "insert into other.t values (1)",
        "insert into `other`.`t` select * from t",
        "select * from a, other.b",
        "select * from a join other.b on a.i = b.i",
        "update other.t set a = 1",
        "delete from other.t",
        "create table t like other.t",
        "alter table t rename to other.t",
        "rename table t to other.t",
        "create trigger g after insert on t for each row insert into other.log values (new.a)",
        "create procedure p() begin declare x int; select a.b into x from other.a; end",
        "call other.p()",
        "select other.f(1)",
        "select other.t.a from t",
        "create index i on other.t (a)",
        "alter table t add foreign key (a) references other.p (a)",
        "/*!50003 drop table other.t */",
        "drop table if exists a, other.b",
    ] {
        assert_eq!(my(sql).map(|o| o.severity), Some(Severity::Error), "{sql}");
    }
    assert_eq!(my("create event e on schedule every 1 day do delete from t").map(|o| o.severity), Some(Severity::Warning));
    assert_eq!(my("prepare s from @sql").map(|o| o.severity), Some(Severity::Note));
}

#[test]
fn mysql_statements_within_the_database_pass() {
    for sql in [
        "set names utf8mb4",
        "set session sql_mode = ''",
        "set @global = 1",
        "alter database character set utf8mb4",
        "insert into t (a) values ('use other; grant x on *.*')",
        "insert into t select a.x, b.y from a, b where a.x = b.x order by a.x desc, b.y",
        "insert into t (a) values (1) on duplicate key update t.a = values(t.a)",
        "update t join s on t.a = s.a set t.b = s.b",
        "delete a from a join b on a.x = b.x where b.y is null",
        "select extract(year from t.d), trim(both ' ' from t.n), replace(t.a, 'x', 'y'), truncate(t.a, 2) from t",
        "create trigger g before update on t for each row set new.a = old.a",
        "create view v as select `a`.`x` AS `x` from (`a` join `b` on(`a`.`x` = `b`.`x`))",
        "create table t (a int references p (a) on update cascade)",
        "select count(*) from information_schema.columns c where c.table_name = 't'",
        "alter table t add column b int, drop column c",
        "create procedure p() begin declare c cursor for select t.a from t; open c; end",
    ] {
        assert_eq!(my(sql), None, "{sql}");
    }
}
