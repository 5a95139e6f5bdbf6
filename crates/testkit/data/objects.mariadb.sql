-- Objects of every kind that MariaDB has, with ugly names and values, for a copy that is watched. `@rows` says how many rows the tables hold
-- together, about; whoever runs it sets that. Rows are the same each time. One table, `price_history`, is system-versioned and is refused;
-- four are of storage engines without snapshots. Nothing names another database.
set @rows = coalesce(@rows, 2000), time_zone = '+00:00', sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION';

create sequence ticket start with 1000 increment by 5 minvalue 1 maxvalue 9000000 cache 10 cycle comment 'tickets; "all"';
create sequence countdown start with -1 increment by -1 minvalue -1000 maxvalue -1 nocache;
select nextval(ticket), nextval(ticket), nextval(countdown) into @a, @b, @c;

create table client (
  id int unsigned not null auto_increment,
  name varchar(80) not null comment 'it''s `a` "name", (of, them)',
  mail varchar(120) default null,
  polish varchar(40) character set cp1250 collate cp1250_polish_ci not null default 'żółć',
  slavic varchar(40) character set latin2 collate latin2_general_ci default null,
  wide varchar(40) character set ucs2 default null,
  pairs varchar(40) character set utf16 collate utf16_bin default null,
  kana varchar(40) character set cp932 default null,
  phone varchar(20) character set latin1 collate latin1_bin default null,
  born date not null default '0000-00-00',
  seen datetime(3) default '0000-00-00 00:00:00.000',
  `order` int not null default (1 + 1),
  `key` varchar(40) not null default (concat('k', '''', 2)),
  debt decimal(12,3) default 0.000 check (debt > -100000),
  state enum('new','it''s old','with, comma','ä') not null default 'new',
  flags set('a','b','c') default 'a,c',
  extras json default null,
  blurb text default null,
  secret varchar(20) invisible default 'hidden',
  ticket_no bigint default nextval(ticket),
  upper_name varchar(80) generated always as (upper(name)) virtual comment 'virtual',
  initial char(1) generated always as (left(name, 1)) stored,
  doubled decimal(14,3) generated always as (debt * 2) virtual invisible,
  boss int unsigned default null,
  changed timestamp(6) not null default current_timestamp(6) on update current_timestamp(6),
  primary key (id),
  unique key by_mail (mail) using btree comment 'one each',
  unique key by_pair (`order`, id desc),
  key by_name (name desc, id),
  key by_prefix (blurb(20), mail(10)),
  key by_upper (upper_name),
  key by_initial (initial, polish),
  key by_doubled (doubled),
  key unseen (state) ignored,
  fulltext key words (blurb),
  fulltext key words_too (name, blurb),
  constraint born_late check (born < '2100-01-01' or born is null),
  constraint has_boss foreign key (boss) references client (id) on delete set null on update cascade
) auto_increment = 5 row_format = dynamic comment = 'clients; AUTO_INCREMENT=7';
insert into client (id, name, mail, polish, slavic, wide, pairs, kana, phone, born, seen, `order`, debt, state, flags, extras, blurb, secret, boss, changed)
  select seq - 1, concat('Client ', char(65 + seq % 26), seq), if(seq % 11 = 0, null, concat('c', seq, '@mail-of-people.com')),
    if(seq % 50 = 0, _cp1250 x'8190ff', convert(concat('Zażółć ', seq) using cp1250)), if(seq % 9 = 0, null, concat('Łódź ', seq)), concat('αβγ ', seq), concat('表😀 ', seq),
    if(seq % 50 = 1, _cp932 x'879afa54ed40', convert('表示ソ' using cp932)), concat('+48 600 ', lpad(seq % 1000, 3, '0'), ' ', x'80'),
    case seq % 20 when 0 then '0000-00-00' when 1 then '2020-00-12' when 2 then '2021-02-31' else '1930-01-01' + interval seq % 30000 day end,
    if(seq % 7 = 0, '0000-00-00', '2024-02-29 12:00:00.123' + interval seq second), seq % 100, seq % 1000 / 7 - 3,
    1 + seq % 4, seq % 8, if(seq % 5 = 0, null, json_object('n', seq, 'ä', '\n\\')), concat(repeat('lorem ipsum \t', seq % 5), seq, '\\N\n'),
    if(seq % 2 = 0, 'seen', 'secret'), if(seq between 2 and 9, 1, null), '2024-01-01' + interval seq second
  from seq_1_to_10000000 where seq <= @rows / 10;

create table visit (
  id bigint not null auto_increment, client_id int unsigned not null, at datetime not null, state char(6) not null default '', note varchar(700) default null,
  bits bit(12) default b'101', f4 float default null, f8 double default null, y year default null, t time(2) default null, day_of date generated always as (cast(at as date)) stored,
  primary key (id), key by_client (client_id, at desc), key by_day (day_of),
  constraint of_client foreign key (client_id) references client (id) on delete cascade
);
insert into visit (id, client_id, at, state, note, bits, f4, f8, y, t)
  select seq, seq % (@rows div 10), '2015-01-01' + interval seq * 3 minute, elt(1 + seq % 3, 'done', 'new', 'x '), repeat(md5(seq), seq % 12), seq % 4096, seq / 3, seq * 1e200 / 7,
    1901 + seq % 250, sec_to_time(seq % 6000000 / 2 - 1500000)
  from seq_1_to_10000000 where seq <= @rows / 2;

create table device (
  id uuid not null default uuid(), address inet6 not null, old inet4 default null, client_id int unsigned default null, raw varbinary(40) default null,
  primary key (id), unique key by_address (address), foreign key (client_id) references client (id) on delete set null on update cascade
);
insert into device select concat(substr(md5(seq), 1, 8), '-', substr(md5(seq), 9, 4), '-4', substr(md5(seq), 14, 3), '-8', substr(md5(seq), 18, 3), '-', substr(md5(seq), 21, 12)),
    concat('2001:db8::', hex(seq div 65536), ':', hex(seq % 65536)), '10.0.0.1', seq % (@rows div 10), unhex(concat(md5(seq), '005c0a09'))
  from seq_1_to_10000000 where seq <= @rows / 10;
create table gateway (at inet6 not null primary key, seen int not null default 0);
insert into gateway select concat('fe80::', hex(seq)), seq from seq_1_to_10000000 where seq <= @rows / 100;
create table token (id binary(16) not null primary key, word varchar(30) collate utf8mb4_bin not null, unique key (word));
insert into token select unhex(md5(seq)), concat('W', md5(concat('w', seq)), '') from seq_1_to_10000000 where seq <= @rows / 100;

create table measure (id int not null, at date not null, v double, primary key (id, at), key by_v (v))
  partition by range columns (at) (partition old values less than ('2000-01-01') comment = 'old', partition `mid dle` values less than ('2020-01-01'), partition rest values less than (maxvalue));
insert into measure select seq, '1980-01-01' + interval seq % 20000 day, seq / 7 from seq_1_to_10000000 where seq <= @rows / 10;
create table by_list (id int not null, country varchar(2) not null, primary key (id, country)) partition by list columns (country)
  (partition eu values in ('pl', 'de'), partition us values in ('us'), partition others default);
insert into by_list select seq, elt(1 + seq % 4, 'pl', 'us', 'de', 'jp') from seq_1_to_10000000 where seq <= @rows / 25;
create table by_hash (id bigint unsigned not null auto_increment primary key, v int, fulltext_free text) partition by hash (id) partitions 4;
insert into by_hash select seq, seq % 7, 'x' from seq_1_to_10000000 where seq <= @rows / 25;
create table by_key (id char(32) not null primary key, v int) partition by linear key (id) partitions 3;
insert into by_key select md5(seq), seq from seq_1_to_10000000 where seq <= @rows / 25;
create table twice_cut (id int not null, at date not null, primary key (id, at)) partition by range (year(at)) subpartition by hash (to_days(at)) subpartitions 2
  (partition p0 values less than (2000), partition p1 values less than maxvalue);
insert into twice_cut select seq, '1990-01-01' + interval seq day from seq_1_to_10000000 where seq <= @rows / 25;

create table hen (id int primary key, egg int);
create table egg (id int primary key, hen int, constraint of_hen foreign key (hen) references hen (id) on update restrict on delete no action);
insert into hen values (1, null), (2, null); insert into egg values (1, 1), (2, 2); update hen set egg = id;
alter table hen add constraint of_egg foreign key (egg) references egg (id) on delete cascade;
create table `Ünï "q"` (`select` int not null, `a``b` varchar(10) default '`', `%s` int, `from.to` int, `greenroom` text, primary key (`select`), key `in dex` (`a``b`, `from.to` desc));
insert into `Ünï "q"` values (1, '`', 2, 3, '''"`\\'), (2, null, null, null, '');
create table `group` (part int not null, n int not null auto_increment, word varchar(10), key (word), primary key (part, n), key (n)) comment '(';
insert into `group` (part, n, word) values (1, 0, 'zero'), (1, 7, 'seven'), (2, 9, null);
create table no_key (a int, b varchar(10)); insert into no_key select seq % 3, 'same' from seq_1_to_30;
create table bookings (room int not null, f date not null, t date not null, period for span (f, t), primary key (room, span without overlaps));
insert into bookings values (1, '2024-01-01', '2024-02-01'), (1, '2024-02-01', '2024-03-01');
create table place (id int primary key, at point not null, area geometry ref_system_id = 4326 default null, spatial key by_at (at));
insert into place select seq, point(seq, -seq / 3), st_geomfromtext('POLYGON((0 0,1 1,2 0,0 0))', 4326) from seq_1_to_10000000 where seq <= @rows / 100;
create table squeezed (id int primary key, body text compressed, raw mediumblob) row_format = compressed key_block_size = 8;
insert into squeezed select seq, repeat('a\t', 500), repeat(x'00ff5c0a', 50) from seq_1_to_10000000 where seq <= @rows / 200;
create table attachment (id int unsigned auto_increment primary key, name varchar(40) not null, body longblob);
insert into attachment (name, body) select concat('file ', seq), repeat(unhex(md5(seq)), 500) from seq_1_to_20;
create table price_history (id int primary key, price decimal(10,2)) with system versioning;
insert into price_history values (1, 10), (2, 20); update price_history set price = 11 where id = 1;

create table in_myisam (id int auto_increment primary key, word varchar(20), fulltext key (word)) engine = myisam;
insert into in_myisam select seq, concat('word ', seq) from seq_1_to_10000000 where seq <= @rows / 100;
create table in_aria (id int primary key, word varchar(20)) engine = aria transactional = 1; insert into in_aria values (1, 'aria'), (2, 'äria');
create table in_memory (id int primary key, word varchar(20), key (word) using btree) engine = memory; insert into in_memory values (1, 'memory');
create table in_csv (id int not null, word varchar(20) not null) engine = csv; insert into in_csv values (1, 'a,"b'), (2, '');
create table log (id bigint auto_increment primary key, what varchar(60), at timestamp not null default current_timestamp());

delimiter $$
create function twice(n int) returns int deterministic no sql comment 'it''s; twice' return n * 2 $$
create function next_ticket() returns bigint modifies sql data begin declare n bigint; select nextval(ticket) into n; return n; end $$
create aggregate function total_of(x int) returns int deterministic begin
  declare s int default 0; declare continue handler for not found return s;
  loop fetch group next row; set s = s + coalesce(x, 0); end loop;
end $$
create definer = `gone`@`%` procedure by_somebody_gone(inout x int) sql security invoker begin set x = twice(x); # it's
end $$
set @before = @@sql_mode, sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT' $$
create procedure "in ansi"(in "a b" varchar(20)) begin select 'x' || "a b" as "c"; end $$
create view "joined up" as select 'a' || id as a from "hen" $$
set sql_mode = 'NO_BACKSLASH_ESCAPES' $$
create procedure slashes() select '\' as one, '''' as two $$
set sql_mode = 'ORACLE' $$
create procedure as_oracle(a in int, b out int) as c int := 1; begin b := a + c; end $$
create package bills as
  function total(a int) return int;
  procedure say(word varchar2(20));
end $$
create package body bills as
  rate int := 3;
  function total(a int) return int as begin return a * rate; end;
  procedure say(word varchar2(20)) as begin select word || total(2) from dual; end;
begin
  rate := 4;
end $$
create procedure uses_bills() as begin call bills.say('y'); end $$
set sql_mode = @before $$
create trigger visit_first before insert on visit for each row begin if new.state = '' then set new.state = 'none'; end if; end $$
create trigger visit_logged after insert on visit for each row insert into log (what) values (concat('visit; ', new.id)) $$
create trigger visit_again after insert on visit for each row follows visit_logged set @last = new.id $$
create trigger visit_before after insert on visit for each row precedes visit_logged set @last = null $$
create trigger client_gone after delete on client for each row insert into log (what) values ('client gone') $$
create trigger in_aria_too before update on in_aria for each row set new.word = lower(new.word) $$
set time_zone = 'SYSTEM' $$
create event sweep on schedule every 1 second starts '2020-01-01 00:00:00' on completion preserve enable comment 'ENABLE' do delete from in_memory where id < 0 $$
create definer = `gone`@`%` event later on schedule at '2037-01-01 00:00:00' + interval 1 day on completion preserve disable do begin delete from log; end $$
delimiter ;
create sql security invoker view z_names as select id, name, upper_name from client with cascaded check option;
create algorithm = merge view b_of_z as select id, name from z_names where id > 0 with local check option;
create algorithm = temptable view a_of_b as select count(*) as n, max(twice(id)) as most from b_of_z;
create definer = `gone`@`%` sql security invoker view of_gone as with recursive c (n) as (select 1 union all select n + 1 from c where n < 3) select n, total_of(n) over_all from c group by n;
create view everything as select v.id, c.name, (select n from a_of_b) n from visit v join client c on c.id = v.client_id where v.note like '%\\_%' or c.`order` = 1;
