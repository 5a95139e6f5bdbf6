-- version 4.2
begin;
create function f() returns text language plpgsql as $body$ begin return 'a;b'; end; $body$;
/* outer /* inner; */ ; */ alter table "odd;name" add column "né" text default E'it\'s';
copy client (id, name) from stdin;
1	Zoë
\.
update client set name = U&'d\0061t' where name <> 'x''y;';
commit;
