//! Batches of T-SQL that reach outside their database, and those that only look like it.

use super::databases_named;
use crate::catalog::EngineKind::Mssql;
use crate::finding::Severity;
use crate::upgrade::{Outside, Statement, TransactionControl, label, needs_no_transaction, outside, outsides, transaction_control};
use proptest::prelude::*;

fn batch(sql: &str) -> Statement {
    Statement { sql: sql.to_owned(), line: 1, copy_data: None }
}

fn worst(sql: &str) -> Option<Outside> {
    outside(Mssql, &batch(sql))
}

#[test]
fn batches_that_reach_outside_are_refused() {
    for sql in [
        "USE [other]",
        "SET NOCOUNT ON\nUSE master",
        "create login app with password = 'x'",
        "ALTER LOGIN [app] DISABLE",
        "drop server role r",
        "alter server role sysadmin add member app",
        "create credential c with identity = 'x'",
        "create endpoint e as tcp (listener_port = 5022) for tsql ()",
        "alter availability group ag failover",
        "create database x",
        "DROP DATABASE IF EXISTS x",
        "alter database [ProductDb] set recovery simple",
        "ALTER DATABASE CURRENT SET SINGLE_USER WITH ROLLBACK IMMEDIATE",
        "alter database current set recovery simple, read_only",
        "alter database current modify name = x",
        "alter database current add file (name = 'x', filename = 'c:\\x.ndf')",
        "create database scoped credential c with identity = 'x'",
        "alter authorization on database::[ProductDb] to sa",
        "exec sp_configure 'show advanced options', 1",
        "sp_configure 'clr enabled', 1",
        "[sp_configure] 'clr enabled', 1",
        "select 1 reconfigure with override",
        "EXEC master.dbo.xp_cmdshell 'dir'",
        "exec xp_regread 'x'",
        "exec @rc = sys.sp_addlinkedserver @server = N'x'",
        "exec sp_addmessage 50001, 16, 'x'",
        "exec msdb.dbo.sp_add_job @job_name = N'x'",
        "exec sp_add_jobstep @job_name = N'x'",
        "exec msdb..sp_send_dbmail @recipients = 'x'",
        "if 1 = 1 begin exec sp_OACreate 'x', @o out end",
        "exec sys.sp_cdc_enable_db",
        "exec sp_MSforeachdb 'use ? select 1'",
        "select * from openrowset('SQLNCLI', 'x', 'y')",
        "insert into t select * from openrowset(bulk 'c:\\x.csv', single_clob) x",
        "select * from opendatasource('x', 'y').db.dbo.t",
        "select * from openquery(srv, 'select 1')",
        "BULK INSERT dbo.t FROM 'c:\\x.csv'",
        "backup database [x] to disk = 'c:\\x.bak'",
        "declare @x int restore log x from disk = 'y'",
        "kill 53",
        "shutdown with nowait",
        "dbcc traceon (1204, -1)",
        "DBCC FREEPROCCACHE",
        "dbcc checkdb ('other')",
        "dbcc shrinkdatabase (other, 10)",
        "dbcc checkident ('other.dbo.t', reseed, 0)",
        "create assembly a from 0x4D5A",
        "create external table t (a int) with (location = 'x', data_source = y)",
        "create trigger g on all server for logon as rollback",
        "disable trigger g on all server",
        "create event session s on server add event sqlserver.x",
        "grant view server state to app",
        "grant alter any login to app",
        "deny control on login::app to x",
        "begin distributed tran",
        "execute as login = 'sa'",
        "exec ('select 1') at srv",
        "create certificate c from file = 'c:\\x.cer'",
        "exec sp_executesql N'USE master; select 1'",
        "exec ('drop login app')",
        "exec (N'exec (''drop login app'')')",
        "create procedure p as exec msdb.dbo.sp_start_job @job_name = 'x'",
    ] {
        assert_eq!(worst(sql).map(|o| o.severity), Some(Severity::Error), "{sql}");
    }
}

#[test]
fn names_of_other_databases_are_found_where_objects_are_named() {
    for (sql, names) in [
        ("insert into other.dbo.t values (1)", &["other"][..]),
        ("insert [Other Db].[dbo].[t] default values", &["Other Db"]),
        ("select * from dbo.a, other..b", &["other"]),
        ("select a.x from dbo.a a join srv.other.dbo.b b on dbo.a.x = b.x", &["srv.other"]),
        ("select * from (other.dbo.a cross join b)", &["other"]),
        ("select * from srv...t", &["srv"]),
        ("update top (5) other.dbo.t set a = 1", &["other"]),
        ("update t set a = 1 from dbo.t t inner join other.dbo.u u on t.i = u.i", &["other"]),
        ("delete other.dbo.t where a = 1", &["other"]),
        ("delete top (10) percent from other.dbo.t", &["other"]),
        ("merge into other.dbo.t as t using third.dbo.s as s on t.i = s.i when matched then delete;", &["other", "third"]),
        ("truncate table other.dbo.t", &["other"]),
        ("drop table if exists dbo.a, other.dbo.b", &["other"]),
        ("create synonym dbo.s for other.dbo.t", &["other"]),
        ("create synonym dbo.s for [srv].[other].[dbo].[t]", &["srv.other"]),
        ("create index i on other.dbo.t (a)", &["other"]),
        ("create view v as select x.a from other.dbo.x", &["other"]),
        ("select other.dbo.f(1)", &["other"]),
        ("select * from t cross apply other.dbo.f(t.a) x", &["other"]),
        ("exec other.dbo.p 1", &["other"]),
        ("exec @rc = other..p", &["other"]),
        ("other.dbo.p", &["other"]),
        ("select next value for other.dbo.s", &["other"]),
        ("set identity_insert other.dbo.t on", &["other"]),
        ("update statistics other.dbo.t", &["other"]),
        ("select * into other.dbo.t from u", &["other"]),
        ("grant select on object::other.dbo.t to r", &["other"]),
        ("select * from tempdb.dbo.kept", &["tempdb"]),
        ("exec master..sp_help", &["master"]),
        ("select * from openquery([far away], 'x') union select 1 from openrowset('a', 'b')", &["far away", "OPENROWSET"]),
        ("exec ('x', 1) at far", &["far"]),
    ] {
        assert_eq!(databases_named(sql), names, "{sql}");
        assert_eq!(worst(sql).map(|o| o.severity), Some(Severity::Error), "{sql}");
    }
}

#[test]
fn batches_within_the_database_pass() {
    for sql in [
        "select dbo.client.name, [dbo].[client].[id], c.* from dbo.client inner join dbo.city on dbo.client.city = dbo.city.id, dbo.x",
        "select c.doc.value('(/a)[1]', 'int'), dbo.client.doc.query('/b') from dbo.client c cross apply c.doc.nodes('/a') as n(x)",
        "select t.place.STAsText(), dbo.t.node.GetLevel() from dbo.t",
        "select * from tempdb..#t; drop table tempdb.dbo.#t",
        "select number from master..spt_values where type = 'P'",
        "select * from master.sys.databases d join master.dbo.sysprocesses p on 1 = 1",
        "if object_id('other.dbo.t') is not null print 'use master; grant x'",
        "alter database current set read_committed_snapshot on with rollback immediate",
        "alter database current set query_store = on (operation_mode = read_write)",
        "alter database scoped configuration set maxdop = 4",
        "alter table dbo.t drop column login, database_name",
        "create role app grant select, update, execute on schema::dbo to app deny delete on dbo.t to app revoke select on dbo.[use] from app",
        "grant create table, backup database to app",
        "create user u without login",
        "drop user u alter role r drop member u",
        "dbcc checkident ('dbo.t', reseed, 0) with no_infomsgs",
        "dbcc checkdb dbcc updateusage (0)",
        "waitfor delay '00:00:01'",
        "select 1 option (use hint ('FORCE_LEGACY_CARDINALITY_ESTIMATION'))",
        "create procedure p with execute as owner as begin tran update t set a = 1 commit",
        "create procedure p as execute as user = 'x' select 1 revert",
        "create trigger g on dbo.t after insert, update as if update(a) insert into dbo.log select dbo.t.a from inserted",
        "create trigger g on database for create_table as print 'x'",
        "select [use], [kill], t.[backup] from t as [restore]",
        "insert into t values (N'EXEC xp_cmdshell ''dir''', 0x4D5A, $5.0)",
        "select x_points, xp_points from dbo.xp_points",
        "exec sp_rename 'dbo.t.a', 'b', 'COLUMN'",
        "exec sys.sp_addextendedproperty @name = N'MS_Description', @value = N'x'",
        "exec dbo.sp_executesql @statement = N'CREATE VIEW dbo.v AS SELECT 1 AS a'",
        "select a from t where b is distinct from dbo.t.c",
        "alter table t with check add constraint f foreign key (a) references dbo.p (a) on delete cascade on update set null",
        "create nonclustered index i on dbo.t (a) include (b) with (online = on) on [primary]",
        "begin try begin tran update t set a = 1 commit end try begin catch if @@trancount > 0 rollback; throw end catch",
        "select * from dbo.t at_time where x at time zone 'utc' > 1",
    ] {
        assert_eq!(worst(sql), None, "{sql}");
    }
}

#[test]
fn accounts_and_what_cannot_be_seen_are_told_without_refusing() {
    for sql in
        ["create user app for login app", "alter role db_owner add member app", "exec sp_addrolemember 'r', 'u'", "grant connect to guest"]
    {
        assert_eq!(worst(sql).map(|o| o.severity), Some(Severity::Warning), "{sql}");
    }
    assert_eq!(worst("if @x = 1 begin set noexec on end").map(|o| o.severity), Some(Severity::Warning));
    for sql in [
        "exec (@sql)",
        "exec sp_executesql @sql, N'@a int', 1",
        "exec ('select ' + @x)",
        "exec sp_executesql N'select ' + @x",
        "exec @proc",
    ] {
        assert_eq!(worst(sql).map(|o| o.severity), Some(Severity::Note), "{sql}");
    }
}

#[test]
fn everything_in_a_batch_is_told_with_its_line() {
    let sql = "declare @s nvarchar(max) = 'x'\nexec (@s)\nexec (@s)\nif not exists (select 1 from sys.server_principals where name = 'app')\n  \
               create login [app] with password = 'secret'\ninsert into [Other].dbo.t select 1\n";
    let found: Vec<(String, u32)> = outsides(Mssql, &batch(sql)).into_iter().map(|o| (o.what, o.below)).collect();
    assert_eq!(found, [("dynamic SQL".into(), 1), ("CREATE LOGIN".into(), 4), ("a name in Other".into(), 5)]);
    assert_eq!(worst(sql).unwrap().what, "CREATE LOGIN");
}

#[test]
fn what_a_batch_does_to_transactions_is_read_from_its_balance() {
    for (sql, expected) in [
        ("begin transaction", Some(TransactionControl::Begin)),
        ("begin tran if @@error <> 0 print 'x'", Some(TransactionControl::Begin)),
        ("if @@trancount > 0 commit", Some(TransactionControl::Commit)),
        ("IF @@ERROR <> 0 AND @@TRANCOUNT > 0 ROLLBACK TRANSACTION", Some(TransactionControl::Rollback)),
        ("begin try begin tran commit end try begin catch rollback end catch", None),
        ("begin print 'x' end", None),
        ("save tran s", Some(TransactionControl::Savepoint)),
        ("set transaction isolation level read committed", Some(TransactionControl::Characteristics)),
        ("alter database current set allow_snapshot_isolation on with rollback immediate", None),
        ("create procedure p as begin tran", None),
    ] {
        assert_eq!(transaction_control(Mssql, &batch(sql)), expected, "{sql}");
    }
}

#[test]
fn statements_that_refuse_a_transaction_are_known() {
    for sql in [
        "alter database current set recovery simple",
        "print 'x' create fulltext catalog c as default",
        "create fulltext index on t (a) key index i",
        "backup log x to disk = 'y'",
        "create table t (a int not null primary key nonclustered) with (memory_optimized = on)",
        "dbcc shrinkfile (1)",
    ] {
        assert!(needs_no_transaction(Mssql, &batch(sql)), "{sql}");
    }
    for sql in
        ["alter database scoped configuration set maxdop = 1", "create procedure p as backup log x to disk = 'y'", "alter table t rebuild"]
    {
        assert!(!needs_no_transaction(Mssql, &batch(sql)), "{sql}");
    }
}

#[test]
fn a_batch_is_called_by_its_first_deed() {
    for (sql, expected) in [
        ("SET ANSI_NULLS ON", "SET ANSI_NULLS"),
        ("create or alter procedure dbo.p as select 1 update t set a = 1", "CREATE PROCEDURE dbo.p"),
        ("ALTER PROC [dbo].[p] AS select 1", "ALTER PROC [dbo].[p]"),
        (
            "set nocount on\nif not exists (select 1 from t) begin create table dbo.x (a int default 'secret') print 'x' end",
            "CREATE TABLE dbo.x",
        ),
        ("alter table dbo.t add a int alter table dbo.t alter column b int not null drop table u", "ALTER TABLE dbo.t and 2 more"),
        ("insert dbo.t (a) select 1 union all select 2", "INSERT INTO dbo.t"),
        ("insert into t exec p", "INSERT INTO t"),
        ("update t set a = 1 set nocount off delete top (3) from u", "UPDATE t and 1 more"),
        ("with x as (select 1 a) delete x", "DELETE FROM x"),
        (
            "merge dbo.t as t using s on 1 = 1 when matched then update set a = 1 when not matched then insert (a) values (1);",
            "MERGE INTO dbo.t",
        ),
        ("exec sp_rename 'secret', 'x'", "EXEC sp_rename"),
        ("declare @r int exec @r = dbo.p", "EXEC dbo.p"),
        ("create unique nonclustered index i on t (a)", "CREATE INDEX i"),
        ("alter table t add constraint f foreign key (a) references p on delete set null on update cascade", "ALTER TABLE t"),
        ("drop table if exists dbo.a", "DROP TABLE dbo.a"),
        ("print 'secret'", "PRINT"),
        ("if 1 = 1 raiserror('secret', 16, 1)", "IF"),
        ("grant select, insert on t to r", "GRANT"),
        ("create synonym s for t", "CREATE SYNONYM s"),
        ("dbo.p 'secret'", "statement"),
    ] {
        assert_eq!(label(Mssql, &batch(sql)), expected, "{sql}");
    }
}

proptest! {
    #[test]
    fn verdicts_never_panic(text in "\\PC*|(exec |sp_executesql |create |alter |database |grant |to |from |top |openquery\\(|use |dbcc |a\\.|\\.|\\.\\.|@x|=|\\(|\\)|'|N'|\\[|\\]|,|;|\n| ){0,25}") {
        let s = batch(&text);
        let _ = (outsides(Mssql, &s), transaction_control(Mssql, &s), needs_no_transaction(Mssql, &s), label(Mssql, &s), databases_named(&text));
    }
}
