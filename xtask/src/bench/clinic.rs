//! The made-up clinic that is measured, about a gigabyte at a million visits, beside objects of every kind that PostgreSQL has; a program for
//! it: people masked, notes redacted, queue emptied, jobs switched off, one upgrade script; and what its users do meanwhile.

use super::server::Server;
use std::fs;
use std::path::Path;

/// Objects of every kind, which the engine's tests use too.
pub const OBJECTS: &str = include_str!("../../../crates/testkit/data/objects.postgres.sql");

/// What a busy user does, again and again: every table that is large is written to.
pub const WRITER: &str = "insert into clinic.visit select max(id) + 1, 1, now(), 'new', 'writer', '{}' from clinic.visit;
    update clinic.client set city = 'Elsewhere', created_at = now() where id = (select 1 + (random() * 1000)::int);
    update clinic.visit set state = 'moved' where id = (select 1 + (random() * 100000)::int);
    delete from clinic.invoice where id = (select 1 + (random() * 100000)::int);
    select pg_sleep(0.02);
";

/// Statements that make the clinic.
pub fn schema(visits: u64) -> String {
    let (clients, invoices) = ((visits / 5).max(1), (visits / 2).max(1));
    format!(
        "create schema clinic; set search_path = clinic;
         create table words as select string_agg(translate(substr(md5(g::text), 1, 2 + g % 7), '0123456789', 'ghijklmnop'), ' ') as text from generate_series(1, 1500) g;
         create table client (id int primary key, name text not null, mail text, phone varchar(20), street text, city text, born date,
            created_at timestamptz not null default now());
         insert into client select g, initcap(translate(substr(md5(g::text), 1, 6), '0123456789', 'ghijklmnop')) || ' '
                || initcap(translate(substr(md5(g::text), 8, 9), '0123456789', 'qrstuvwxyz')),
            'p' || g || '@mail-of-people.com', '+48 6' || lpad((g % 100000000)::text, 8, '0'), 'Long Street ' || g % 300, 'Town',
            date '1930-01-01' + g % 30000 from generate_series(1, {clients}) g;
         create table visit (id bigint primary key, client_id int not null, at timestamptz not null, state text not null, note text, data jsonb);
         insert into visit select g, 1 + g % {clients}, timestamptz '2015-01-01' + g * interval '3 minutes', 'done',
            substr(text, 1 + (g * 7919 % 5000)::int, 700), jsonb_build_object('room', g % 40, 'kept', true) from words, generate_series(1, {visits}::bigint) g;
         create table invoice (id bigint primary key, visit_id bigint not null, amount numeric(12, 2), paid boolean);
         insert into invoice select g, 1 + g % {visits}, g % 10000 / 7.0, g % 3 = 0 from generate_series(1, {invoices}::bigint) g;
         create table mail_queue (id serial primary key, receiver text, body text);
         insert into mail_queue (receiver, body) select 'p' || g || '@mail-of-people.com', 'dear' from generate_series(1, 1000) g;
         create table job (id int primary key, active boolean not null);
         insert into job values (1, true);
         create index on visit (client_id); create index on visit (at); create index on invoice (visit_id); create index on client (name);
         alter table visit add foreign key (client_id) references client; alter table invoice add foreign key (visit_id) references visit;
         drop table words; analyze"
    )
}

const COLUMNS: &str = r#"
["clinic.client"]
id = "keep"
name = { mask = "full_name", identity = "id" }
mail = { mask = "email", identity = "id" }
phone = { mask = "phone", identity = "id" }
street = { mask = "street", identity = "id" }
city = { mask = "city", identity = "id" }
born = { mask = "birth_date", identity = "id" }
created_at = "keep"
["clinic.visit"]
id = "keep"
client_id = "keep"
at = "keep"
state = "keep"
note = { mask = "redact" }
data = "keep"
["clinic.invoice"]
id = "keep"
visit_id = "keep"
amount = "keep"
paid = "keep"
level = { keep = true, after_upgrade = true }
["clinic.mail_queue"]
id = "keep"
receiver = "null"
body = "null"
["clinic.job"]
id = "keep"
active = "keep"
[client]
id = "keep"
name = { mask = "full_name", identity = "id" }
mail = { mask = "email", identity = "id" }
code = "keep"
shorty = "keep"
feeling = "keep"
feelings = "keep"
dmoods = "keep"
p = "keep"
ps = "keep"
s = "keep"
i4 = "keep"
ir = "keep"
born = { mask = "birth_date", identity = "id" }
seen = "keep"
at = "keep"
debt = "keep"
free = "keep"
cash = "keep"
f4 = "keep"
f8 = "keep"
b = "keep"
u = "keep"
j = "keep"
jb = "keep"
ip = { mask = "ip" }
net = "keep"
mac = "keep"
tags = "keep"
grid = "keep"
words = "keep"
h = "keep"
tv = "keep"
bits = "keep"
pt = "keep"
iv = "keep"
r = "keep"
o = "keep"
x = "keep"
note = { mask = "redact" }
[base]
a = "keep"
b = "keep"
[derived]
a = "keep"
b = "keep"
c = "keep"
[egg]
id = "keep"
hen = "keep"
[hen]
id = "keep"
egg = "keep"
["Billing Dept.group"]
order = "keep"
"Ünï \"q\"" = "keep"
"%s" = "keep"
[visit]
id = "keep"
at = "keep"
client = "keep"
[visit_2024]
id = "keep"
at = "keep"
client = "keep"
[invoice_line]
visit = "keep"
at = "keep"
n = "keep"
[scratch]
a = "keep"
[secret_rows]
owner = "keep"
v = "keep"
[weak]
a = "keep"
b = "keep"
"#;

/// Writes the program.
pub fn program(folder: &Path, server: &Server) -> Result<(), String> {
    let address = format!("engine = \"postgres\"\nhost = \"{}\"\nport = {}\nuser = \"postgres\"", server.folder.display(), server.port);
    let main = format!(
        "[program]\nname = \"bench\"\n[source]\n{address}\ndatabase = \"clinic\"\n[target]\n{address}\n[pilot]\nname = \"clinic_pilot\"\n\
         [tables]\n\"clinic.mail_queue\" = \"queue\"\n\"clinic.job\" = \"configuration\"\n[copy]\nmin_free_disk_percent = 0\nlarge_objects = \"keep\"\n\
         [verify]\ntouched_tables = [\"clinic.job\", \"clinic.invoice\"]\n"
    );
    let pack = "[pack]\ntitle = \"off\"\n[[rule]]\nid = \"jobs\"\nstatement = \"update clinic.job set active = false\"\nassert = \"select 1 from clinic.job where active\"\n";
    let files = [
        ("greenroom.toml", main.as_str()),
        ("columns.toml", COLUMNS),
        ("packs/off.toml", pack),
        ("upgrade/V1__level.sql", "alter table clinic.invoice add level int;\n"),
        ("verify/count.sql", "-- expect: same as source\nselect count(*) from clinic.visit;\n"),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        let written = fs::create_dir_all(path.parent().unwrap_or(folder)).and_then(|()| fs::write(&path, text));
        written.map_err(|e| format!("write {}: {e}", path.display()))?;
    }
    Ok(())
}
