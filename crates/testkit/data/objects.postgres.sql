-- Objects of every kind that PostgreSQL has, with ugly names and values. Nothing reaches outside, so that nothing has to be disabled in a copy.
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
do $$ begin
  execute format('alter database %I set search_path = "$user", public, "Billing Dept"', current_database());
  execute format('alter database %I set statement_timeout = ''5min''', current_database());
end $$;
analyze;
