//! Script and catalog against a server: a database of every kind of object, made again in an empty one.

use super::super::connect::{Purpose, Server, Session};
use super::super::{access, ddl};
use super::{catalog, picture, sequences};
use crate::seam::SchemaPart;
use crate::secret::Secrets;
use greenroom_model::catalog::{Catalog, Table};
use greenroom_model::program::{Address, OwnerSettings, SecretRef};
use secrecy::SecretString;
use std::path::Path;

/// One test at a time: Babelfish does not create two databases at once.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

struct Environment;

impl Secrets for Environment {
    fn resolve(&self, _: &SecretRef) -> std::result::Result<SecretString, String> {
        std::env::var("GREENROOM_TEST_MSSQL_PASSWORD")
            .map(SecretString::from)
            .map_err(|_| "GREENROOM_TEST_MSSQL_PASSWORD is not set".into())
    }
}

/// The server that the environment names.
fn server(url: &str) -> Server {
    let mut address = Address::from_url(url).expect("GREENROOM_TEST_MSSQL is a URL");
    address.password = Some(SecretRef::Env(greenroom_testkit::tds::PASSWORD.into()));
    Server::resolve(&address, &Environment, Path::new("/")).expect("the address is complete")
}

/// An empty database, dropped at the end of the test when it ends well.
async fn fresh(server: &Server, name: &str) -> Session {
    let mut master = server.open(None, Purpose::Catalog).await.unwrap();
    master.run(&format!("drop database if exists [{name}]")).await.unwrap();
    master.run(&format!("create database [{name}]")).await.unwrap();
    let mut session = server.open(Some(name), Purpose::Catalog).await.unwrap();
    session.run("create schema [greenroom]").await.unwrap();
    session.run("create table [greenroom].[statement_done] (hash char(64) not null primary key)").await.unwrap();
    session
}

/// A name that nobody else's database bears.
fn scratch(hint: &str) -> String {
    format!("greenroom_live_{}_{hint}", std::process::id())
}

async fn drop_all(server: &Server, names: &[&str]) {
    let mut master = server.open(None, Purpose::Catalog).await.unwrap();
    for name in names {
        master.run(&format!("drop database if exists [{name}]")).await.unwrap();
    }
}

const EVERYTHING: &[&str] = &[
    "create schema [sales]",
    "create type [dbo].[code] from nvarchar(30) not null",
    "create type [dbo].[pairs] as table (a int not null primary key, b nvarchar(10) default N'x', c dbo.code)",
    "create sequence [dbo].[numbers] as bigint start with 5 increment by 2 cache 10",
    "create sequence [sales].[unused] as int start with 1 increment by 1 minvalue 1 maxvalue 1000 cycle",
    "create function [dbo].[twice](@x int) returns int as begin return @x * 2 end",
    "create table [dbo].[kind] (id smallint not null constraint pk_kind primary key, name varchar(20) not null constraint uq_kind unique)",
    "create table [dbo].[client] (id int identity(10, 5) not null constraint pk_client primary key, \
        name nvarchar(50) collate Latin1_General_CS_AS not null constraint df_name default (N'no''body'), \
        amount decimal(10, 2) null constraint ck_amount check (amount > 0 and amount < 100), c dbo.code, rv rowversion, \
        total as (amount * 2) persisted, born date not null default getdate(), at datetime2(3), zoned datetimeoffset(4), t time(5), \
        doc xml, body nvarchar(max), photo varbinary(max), fee money default 3, guid uniqueidentifier default newid(), flag bit default 1, \
        small smalldatetime, old datetime, f float, r real, v sql_variant, n int default next value for dbo.numbers, k smallint not null)",
    "alter table [dbo].[client] add constraint fk_kind foreign key (k) references dbo.kind (id) on delete cascade on update no action",
    "create table [sales].[order line] (client int not null, line int not null, txt varchar(200), constraint pk_line primary key nonclustered (client, line desc), \
        constraint fk_client foreign key (client) references dbo.client (id))",
    "create unique index ix_name on [dbo].[client] (name desc, amount) include (born) where amount > 5",
    "create index [ix odd] on [sales].[order line] (txt)",
    "create clustered index ix_c on [sales].[order line] (line)",
    "create view [sales].[b_first] as select id, name from dbo.client",
    "create view [sales].[a_second] as select id, name, dbo.twice(id) as d from sales.b_first",
    "-- kept\ncreate procedure dbo.does @a int, @b nvarchar(20) = N'q' as begin set nocount on; select id from dbo.client where id >= @a; select count(*) from dbo.later end",
    "create function dbo.lines(@x int) returns table as return (select line from sales.[order line] where client = @x)",
    "create function dbo.many(@x int) returns @t table (i int) as begin insert @t values (@x); return end",
    "create trigger dbo.tr_one on dbo.client after insert, update as begin set nocount on; declare @i int; end",
    "create trigger dbo.tr_two on dbo.client after delete as begin set nocount on; end",
    "create trigger sales.tr_view on sales.b_first instead of delete as begin set nocount on; end",
    "disable trigger dbo.tr_two on dbo.client",
    "exec sp_addextendedproperty N'version', N'1.0'",
    "exec sp_addextendedproperty N'MS_Description', N'it''s a table', N'SCHEMA', N'dbo', N'TABLE', N'client'",
    "exec sp_addextendedproperty N'MS_Description', N'a column', N'SCHEMA', N'dbo', N'TABLE', N'client', N'COLUMN', N'name'",
    "exec sp_addextendedproperty N'MS_Description', N'a procedure', N'SCHEMA', N'dbo', N'PROCEDURE', N'does'",
    "exec sp_addextendedproperty N'MS_Description', N'a schema', N'SCHEMA', N'sales'",
    "insert dbo.kind values (1, 'one')",
    "insert dbo.client (name, amount, c, k) values (N'a', 6, N'x', 1), (N'b', 7, N'y', 1)",
    "create procedure dbo.spills as begin set nocount on; update production.dbo.t set a = 1 end",
];

fn bare(t: &Table) -> Table {
    Table { estimated_rows: 0, estimated_bytes: 0, ..t.clone() }
}

/// Compares piece by piece, so that a difference is seen where it is.
fn compare(a: &Catalog, b: &Catalog) {
    assert_eq!(a.tables.iter().map(|t| &t.name).collect::<Vec<_>>(), b.tables.iter().map(|t| &t.name).collect::<Vec<_>>());
    for (a, b) in a.tables.iter().zip(&b.tables) {
        assert_eq!(bare(a), bare(b));
    }
    assert_eq!(a.objects, b.objects);
    assert_eq!(a.fingerprint(), b.fingerprint());
}

#[tokio::test]
async fn a_schema_is_made_again_as_it_was() {
    let server = server(&greenroom_testkit::mssql!());
    let _alone = ALONE.lock().await;
    let (mut source, mut copy) = (fresh(&server, &scratch("inspect_a")).await, fresh(&server, &scratch("inspect_b")).await);
    for statement in EVERYTHING {
        source.run(statement).await.unwrap_or_else(|e| panic!("{statement}: {e}"));
    }
    // Inside the transaction that holds the moment, which no error may end.
    source.run("begin transaction").await.unwrap();
    let seen = picture(&mut source).await.unwrap();
    assert_eq!(source.value("select @@trancount").await.unwrap().as_deref(), Some("1"));
    let script = ddl::script(&mut source, &seen).await.unwrap();
    source.run("commit transaction").await.unwrap();
    if std::env::var("SHOW").is_ok() {
        println!("{}", script.pre.join("\n----\n"));
        println!("=== post\n{}", script.post.join("\n----\n"));
        println!("{:#?}\n{:#?}\n{:?}", seen.catalog.outbound, script.not_carried, seen.catalog.settings);
        println!("{:#?}", script.access);
    }
    for part in [SchemaPart::Pre, SchemaPart::Post, SchemaPart::Pre, SchemaPart::Post] {
        ddl::apply(&mut copy, part, &script).await.unwrap();
    }
    compare(&seen.catalog, &catalog(&mut copy).await.unwrap());
    assert_eq!(seen.catalog.outbound.iter().map(|o| o.name.as_str()).collect::<Vec<_>>(), ["dbo.spills"]);

    let positions = sequences(&mut source).await.unwrap();
    for (name, sql) in &positions {
        copy.run(sql).await.unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    assert_eq!(sequences(&mut copy).await.unwrap(), positions);
    copy.run("insert dbo.kind values (1, 'one'); insert dbo.client (name, amount, c, k) values (N'c', 8, N'z', 1)").await.unwrap();
    assert_eq!(copy.value("select id from dbo.client").await.unwrap().as_deref(), Some("20"));
    source.close().await;
    copy.close().await;
    drop_all(&server, &[&scratch("inspect_a"), &scratch("inspect_b")]).await;
}

#[tokio::test]
async fn users_come_along_without_the_right_to_connect() {
    let server = server(&greenroom_testkit::mssql!());
    let _alone = ALONE.lock().await;
    let (mut source, mut copy) = (fresh(&server, &scratch("access_a")).await, fresh(&server, &scratch("access_b")).await);
    let mut master = server.open(None, Purpose::Catalog).await.unwrap();
    let _ = master.run("drop login gr_access_ann").await;
    master.run("create login gr_access_ann with password = 'Ann_12345'").await.unwrap();
    for statement in
        ["create user gr_access_ann for login gr_access_ann", "create role clerks", "alter role clerks add member gr_access_ann"]
    {
        source.run(statement).await.unwrap_or_else(|e| panic!("{statement}: {e}"));
    }
    let access = access::read(&mut source).await.unwrap();
    let not_kept = access::apply(&mut copy, &access, &OwnerSettings::default()).await.unwrap();
    assert!(not_kept.iter().all(|(_, why)| why.contains("`keep_grants` is not set")), "{not_kept:?}");
    let keep = OwnerSettings { keep_owners: true, keep_grants: true, ..OwnerSettings::default() };
    for _ in 0..2 {
        assert_eq!(access::apply(&mut copy, &access, &keep).await.unwrap(), []);
    }
    let members = "select count(*) from sys.database_role_members x join sys.database_principals m on m.principal_id = x.member_principal_id \
                   join sys.database_principals r on r.principal_id = x.role_principal_id where m.name = 'gr_access_ann' and r.name = 'clerks'";
    assert_eq!(copy.value(members).await.unwrap().as_deref(), Some("1"));
    // Somebody whom the target does not know is named.
    let map = [("gr_access_ann".to_owned(), "nobody_here".to_owned())].into();
    let lost = access::apply(&mut copy, &access, &OwnerSettings { map, ..keep }).await.unwrap();
    assert!(lost.iter().any(|(_, why)| why.contains("`nobody_here`")), "{lost:?}");

    let mut ann = server.clone();
    ann.endpoint.user = Some("gr_access_ann".to_owned());
    ann.endpoint.password = Some(SecretString::from("Ann_12345".to_owned()));
    let kept_out = ann.open(Some(&scratch("access_b")), Purpose::Catalog).await.is_err();
    let let_in = ann.open(Some(&scratch("access_a")), Purpose::Catalog).await.is_ok();
    source.close().await;
    copy.close().await;
    drop_all(&server, &[&scratch("access_a"), &scratch("access_b")]).await;
    let _ = master.run("drop login gr_access_ann").await;
    assert!(kept_out && let_in, "kept out of the copy: {kept_out}, let into the source: {let_in}");
}
