//! Objects of every kind arrive as they were, and nothing that arrives acts or reaches outside.

use crate::scene::{copy, source};
use greenroom_model::catalog::{Family, Table, TableForm};
use greenroom_model::program::OwnerSettings;

const EVERYTHING: &str = r#"
create sequence numbers start with 100 increment by 5 cache 10;
select nextval(numbers);
create table parent (
    id int unsigned not null auto_increment, code varchar(20) character set latin1 collate latin1_german2_ci not null, name varchar(60) not null default 'no''body',
    born date not null default '2000-01-01', secret int invisible default 7, seen timestamp(3) null default current_timestamp(3) on update current_timestamp(3),
    upper_name varchar(60) generated always as (upper(name)) virtual, n int default nextval(numbers), doc json, place point not null,
    body text, mood enum('good','bad','it''s') comment 'a, b) ENGINE', flags set('a','b'),
    primary key (id), unique key by_code (code), key by_prefix (name(5), id desc), fulltext key words (body), fulltext key words2 (name, body), spatial key here (place),
    constraint positive check (secret > 0)
) auto_increment = 4711 comment 'AUTO_INCREMENT=3, a table' row_format=dynamic;
set sql_mode = 'ALLOW_INVALID_DATES,NO_BACKSLASH_ESCAPES';
insert into parent (code, name, born, body, mood, flags, place, doc) values ('Ä', 'Ann', '0000-00-00', 'the quick fox', 'it''s', 'a,b', point(1, 2), '{}'),
    ('B', 'Bob', '2020-02-31', null, null, '', point(3, 4), null);
create table child (a int unsigned, b int not null auto_increment, c binary(3), key (b), key `odd ``name` (a, c),
    constraint up foreign key (a) references parent (id) on delete cascade on update set null);
insert into child (a, c) values (4711, x'000102'), (4712, null), (null, 'abc');
create table parts (id int not null, d date not null, primary key (id, d)) partition by range (year(d))
    (partition p0 values less than (2000), partition p1 values less than (2020), partition p2 values less than maxvalue);
insert into parts values (1, '1999-01-01'), (2, '2010-01-01'), (3, '2030-01-01');
create table plain_old (id int primary key auto_increment, v varchar(10)) engine=MyISAM;
insert into plain_old (v) values ('x'), ('y');
create table versioned (id int primary key) with system versioning;
delimiter $$
create function one(x int) returns int deterministic begin declare y varchar(9) default 'a\'; return x + 1; end$$
set sql_mode = ''$$
create procedure many(in p int, out q varchar(20)) comment 'it''s' begin if p > 0 then select max(id) into q from parent; end if; end$$
create trigger a_first before insert on parent for each row set new.body = coalesce(new.body, 'one')$$
create trigger b_second before insert on parent for each row follows a_first set new.body = if(new.body = 'one', 'one two', new.body)$$
delimiter ;
create view a_second as select id from parent;
create view z_first as select id, name from parent;
create view second as select id, name, one(id) as n from z_first where id > 0 with check option;
create event sweep on schedule every 1 day starts '2030-01-01 00:00:00' on completion preserve enable comment 'ENABLE' do delete from parts where id < 0;
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_of_every_kind_arrive_as_they_were() {
    let server = greenroom_testkit::mariadb!();
    let db = server.database("all");
    db.run(EVERYTHING);
    let mut made = copy(&db, "all1").await;
    let mut source = made.catalog.clone();
    // Refused by name, and only that.
    let refused: Vec<_> = source.tables.iter().filter(|t| matches!(t.form, TableForm::Refused(_))).map(|t| t.name.name.clone()).collect();
    assert_eq!(refused, ["versioned"]);
    source.tables.retain(|t| t.is_copied());
    let copy = made.inside.inspect().await.unwrap();
    for (a, b) in source.tables.iter().zip(&copy.tables) {
        let bare = |t: &Table| Table { estimated_rows: 0, estimated_bytes: 0, ..t.clone() };
        assert_eq!(bare(a), bare(b));
    }
    assert_eq!(source.objects, copy.objects);
    assert_eq!(source.fingerprint(), copy.fingerprint());
    let parent = source.tables.iter().find(|t| t.name.name == "parent").unwrap();
    assert_eq!(parent.column("doc").unwrap().family, Family::Json);
    assert_eq!(parent.indexes.len(), 6);
    let kinds: std::collections::BTreeSet<&str> = source.objects.iter().map(|o| o.kind.as_str()).collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["event", "function", "procedure", "sequence", "trigger", "view"]);
    assert!(source.not_carried.iter().any(|(what, why)| what.contains("plain_old") && why.contains("MyISAM")), "{:?}", source.not_carried);

    let pilot = server.existing(&made.name);
    for query in [
        "select id, hex(code), name, born, secret, upper_name, n, doc, st_astext(place), body, mood, flags from parent order by id",
        "select a, b, hex(c) from child order by b",
        "select * from second order by id",
        "select id from parent where match (body) against ('fox')",
        "select partition_name, table_rows > 0 from information_schema.partitions where table_schema = database() and table_name = 'parts' order by 1",
        "select auto_increment from information_schema.tables where table_schema = database() and table_name in ('parent', 'child', 'plain_old') order by table_name",
        "select sql_mode from information_schema.routines where routine_schema = database() order by routine_name",
        "select nextval(numbers)",
    ] {
        assert_eq!(pilot.query(query), db.query(query), "{query}");
    }
    assert!(pilot.try_run("insert into child (a) values (9999)").is_err(), "the foreign key does not hold");
    assert!(
        pilot.try_run("insert into parent (code, name, place, secret) values ('z', 'z', point(0, 0), -1)").is_err(),
        "the check does not hold"
    );
    pilot.run("insert into parent (code, name, place) values ('z', 'z', point(0, 0))");
    assert_eq!(pilot.query("select body from parent where code = 'z'"), "one two", "triggers fire in another order than in the source");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_reaches_outside_is_found_and_events_sleep() {
    let server = greenroom_testkit::mariadb!();
    let (db, other) = (server.database("reach"), server.database("prod"));
    other.run("create table log (id int primary key)");
    db.run(&format!(
        r"create table t (id int primary key, v varchar(20));
        create view harmless as select id from t;
        create view peeks as select id from {0}.log;
        create trigger quiet before insert on t for each row set new.v = coalesce(new.v, 'x');
        create trigger spills after insert on t for each row insert ignore into {0}.log values (new.id);
        create event sweep on schedule every 1 second do delete from t where id < 0;
        delimiter $$
        create procedure own() begin select count(*) from {1}.t; end$$
        create procedure hides() begin set @s = 'delete from {0}.log'; prepare x from @s; execute x; end$$
        delimiter ;",
        other.name(),
        db.name()
    ));
    let catalog = source(&db).await.inspect().await.unwrap();
    let mut found: Vec<(String, bool)> =
        catalog.outbound.iter().map(|o| (format!("{} {}", o.kind, o.name), o.disabled_by.is_some())).collect();
    found.sort();
    assert_eq!(
        found,
        [
            ("event sweep".to_owned(), true),
            ("procedure that may reach outside hides".to_owned(), false),
            ("trigger that may reach outside spills".to_owned(), false),
            ("view that may reach outside peeks".to_owned(), false),
        ]
    );
    db.run("drop trigger spills; insert into t values (1, 'kept')");
    let made = copy(&db, "sleep").await;
    let pilot = server.existing(&made.name);
    assert_eq!(pilot.query("select status from information_schema.events where event_schema = database()"), "DISABLED");
    // The procedure speaks of its own database, whatever that is called.
    db.run("delete from t; insert into t values (2, 'a'), (3, 'b')");
    assert_eq!(pilot.query("call own()"), "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn definers_are_ours_unless_the_program_maps_them() {
    let server = greenroom_testkit::mariadb!();
    let db = server.database("own");
    db.run(
        "create or replace user boss@localhost; create or replace user pilot_boss@localhost; create table t (a int);
         create definer = boss@localhost view v as select a from t;
         create definer = boss@localhost procedure p() select 1;",
    );
    let mut made = copy(&db, "own1").await;
    let pilot = server.existing(&made.name);
    let definers = "select definer from information_schema.views where table_schema = database() union all \
                    select definer from information_schema.routines where routine_schema = database()";
    assert_eq!(pilot.query(definers), "root@localhost\nroot@localhost");
    let lost = made.inside.access(&made.script, &OwnerSettings::default()).await.unwrap();
    assert!(lost.iter().any(|(what, why)| what == "definer boss@localhost" && why.contains("keep_owners")), "{lost:?}");
    let map = [("boss@localhost".to_owned(), "pilot_boss@localhost".to_owned())].into();
    let keep = OwnerSettings { keep_owners: true, keep_grants: false, map };
    for _ in 0..2 {
        assert_eq!(made.inside.access(&made.script, &keep).await.unwrap(), []);
        assert_eq!(pilot.query(definers), "pilot_boss@localhost\npilot_boss@localhost");
    }
    assert_eq!(made.inside.inspect().await.unwrap().fingerprint(), made.catalog.fingerprint());
}
