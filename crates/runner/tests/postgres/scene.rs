//! A clinic's production database and a program for it, in a folder of their own, and what every test asks about them.

use greenroom_model::finding::Finding;
use greenroom_model::run::{Failure, RunId};
use greenroom_runner::execute::Ended;
use greenroom_runner::ports::{Notice, Observer, Silent};
use greenroom_runner::session::{self, Session, SessionError};
use greenroom_testkit::files::{self, TempDir};
use greenroom_testkit::pg::{Database, Server};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whom a rehearsal that is killed lets in.
pub const OPEN: &str = "open_after = \"all\"";

/// Values that must be found nowhere outside production.
pub const NEEDLES: &[&str] = &["Realname", "@bank-planted.com", "600 555 1", "planted-token"];

/// Clients with filler that makes copying take its time, visits that refer to them, a queue, settings with a secret.
const PRODUCTION: &str = r#"
    create table client (id int primary key, name text not null, mail text, phone varchar(20), filler text);
    insert into client select g, 'Wanda Realname' || chr(97 + g % 26) || chr(97 + g / 26 % 26), 'wanda.' || g || '@bank-planted.com',
        '+48 600 555 1' || lpad((g % 100)::text, 2, '0'), repeat('lorem ', 100) from generate_series(1, {clients}) g;
    create table visit (id int generated always as identity primary key, client_id int not null references client, state text,
        data jsonb, moods text[]);
    insert into visit (client_id, state, data, moods) select g, 'done', '{"a": 1}', '{x,"y z"}' from generate_series(1, {clients}) g;
    create table queue (id serial primary key, mail text, body text);
    insert into queue (mail, body) values ('wanda.1@bank-planted.com', 'dear Wanda Realnamebb');
    create table setting (key text primary key, value text);
    insert into setting values ('version', '5.1'), ('token', 'planted-token');
    create table jobs (id int primary key, active boolean not null);
    insert into jobs values (1, true), (2, false);
    create view done as select client_id, count(*) as visits from visit where state = 'done' group by client_id;
    create materialized view totals as select count(*) as visits from visit;
"#;

const COLUMNS: &str = r#"
[client]
id = "keep"
name = { mask = "full_name", identity = "id" }
mail = { mask = "email", identity = "id" }
phone = { mask = "phone", identity = "id" }
filler = "keep"
level = { keep = true, after_upgrade = true }
[visit]
id = "keep"
client_id = "keep"
state = "keep"
data = "keep"
moods = "keep"
[queue]
id = "keep"
mail = "null"
body = "null"
[setting]
key = "keep"
value = "keep"
[jobs]
id = "keep"
active = "keep"
[consent]
client_id = { keep = true, after_upgrade = true }
given = { keep = true, after_upgrade = true }
"#;

const PACK: &str = r#"
[pack]
title = "Switch off what acts by itself"
[[rule]]
id = "jobs"
statement = "update jobs set active = false"
assert = "select 1 from jobs where active"
[[rule]]
id = "token"
table = "setting"
blank = ["value"]
when = "t.key = 'token'"
"#;

const FIRST: &str = "create table consent (client_id int primary key references client, given boolean not null default false);
create function touch() returns trigger language plpgsql as $body$
begin
  new.state := coalesce(new.state, 'x;y');
  return new;
end;
$body$;
create trigger touch before update on visit for each row execute function touch();
COPY consent (client_id, given) FROM stdin;
1\tt
2\tf
\\.
";

pub const SECOND: &str = "alter table client add level int;\nupdate client set level = 1;\n";

/// The server of this process's tests.
pub fn server() -> Result<&'static Server, greenroom_testkit::pg::Missing> {
    greenroom_testkit::pg::shared()
}

/// One program over one production database.
pub struct Scene {
    pub server: &'static Server,
    pub production: Database,
    pub folder: TempDir,
    pub pilot: String,
}

impl Scene {
    /// A production database of so many clients, and a program for it.
    pub fn new(server: &'static Server, name: &str, clients: u32) -> Scene {
        let production = server.database(name);
        production.run(&PRODUCTION.replace("{clients}", &clients.to_string()));
        let folder = files::folder();
        let scene = Scene { server, pilot: format!("{name}_pilot"), production, folder };
        scene.configure("", "");
        scene.file("columns.toml", COLUMNS);
        scene.file("packs/off.toml", PACK);
        scene.file("upgrade/V1__consent.sql", FIRST);
        scene.file("upgrade/V2__level.sql", SECOND);
        scene.file("verify/counts.sql", "-- expect: same as source\nselect count(*) from visit;\n-- expect: no rows\nselect 1 from visit v where not exists (select 1 from client c where c.id = v.client_id);\n");
        scene.file("verify/level.sql", "-- shape: after\nselect 1 from client where level is null;\n");
        scene
    }

    pub fn file(&self, name: &str, text: &str) {
        files::write(self.folder.path(), name, text);
    }

    /// Writes `greenroom.toml`; `pilot` and `rest` are added to the pilot's table and to the end.
    pub fn configure(&self, pilot: &str, rest: &str) {
        self.configure_as("postgres", pilot, rest);
    }

    /// The same, reading the source as another login.
    pub fn configure_as(&self, user: &str, pilot: &str, rest: &str) {
        let (host, port) = (self.production.socket().display(), self.production.port());
        let (source, name) = (self.production.name(), &self.pilot);
        self.file(
            "greenroom.toml",
            &format!(
                "[program]\nname = \"clinic\"\nversion_query = \"select value from setting where key = 'version'\"\n\
                 [source]\nengine = \"postgres\"\nhost = \"{host}\"\nport = {port}\ndatabase = \"{source}\"\nuser = \"{user}\"\n\
                 [target]\nengine = \"postgres\"\nhost = \"{host}\"\nport = {port}\nuser = \"postgres\"\n\
                 [pilot]\nname = \"{name}\"\n{pilot}\n[tables]\nqueue = \"queue\"\n\
                 [verify]\ntouched_tables = [\"client\", \"consent\"]\n{rest}\n"
            ),
        );
    }

    pub fn session(&self) -> Session {
        self.observed(Arc::new(Silent))
    }

    pub fn observed(&self, observer: Arc<dyn Observer>) -> Session {
        open(self.folder.path(), observer)
    }

    /// What stands under the pilot's name; empty when nothing does.
    pub fn identity(&self) -> String {
        self.server.maintenance().query(&format!("select oid from pg_database where datname = '{}'", self.pilot))
    }

    pub fn pilot(&self) -> Database {
        self.server.existing(&self.pilot)
    }

    /// Names of all databases that this program can have made, sorted.
    pub fn databases(&self) -> Vec<String> {
        let sql = format!("select datname from pg_database where datname like '{}%' order by 1", self.pilot);
        self.server.maintenance().query(&sql).lines().map(str::to_owned).collect()
    }

    /// Fails when a raw value is in the workspace or in a database of ours.
    pub fn nothing_raw(&self) {
        files::assert_nowhere(&self.folder.path().join(".greenroom"), NEEDLES);
        for name in self.databases() {
            let dump = self.server.existing(&name).command("pg_dump").output().unwrap();
            assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
            let text = String::from_utf8_lossy(&dump.stdout);
            assert!(text.len() > 1000, "an empty dump proves nothing");
            for needle in NEEDLES {
                assert!(!text.contains(needle), "`{needle}` is in {name}");
            }
        }
    }

    /// Fails unless the pilot is whole, masked, neutralised and upgraded.
    pub fn whole(&self, clients: u32) {
        let pilot = self.pilot();
        let q = |sql: &str| pilot.query(sql);
        assert_eq!(
            q("select count(*), count(distinct id), count(*) filter (where level = 1) from client"),
            format!("{clients}|{clients}|{clients}")
        );
        assert_eq!(q("select count(*) from visit"), clients.to_string());
        assert_eq!(q("select count(*) from client where mail like '%.invalid'"), clients.to_string());
        assert_eq!(q("select count(*) from queue"), "0");
        assert_eq!(q("select coalesce(value, '') from setting where key = 'token'"), "");
        assert_eq!(q("select count(*) from jobs where active"), "0");
        assert_eq!(q("select string_agg(client_id || given::text, ',' order by client_id) from consent"), "1true,2false");
        assert_eq!(q("select visits from totals"), clients.to_string());
        assert_eq!(q("select nextval('visit_id_seq')"), (clients + 1).to_string());
        assert_eq!(q("select count(*) from pg_namespace where nspname = 'greenroom'"), "0");
    }

    /// The pilot as it was before a later one came and went.
    pub fn whole_again(&self, clients: u32) {
        assert_eq!(self.pilot().query("select count(*) from client where level = 1"), clients.to_string());
    }

    /// A digest of everything in production.
    pub fn production_digest(&self) -> String {
        self.production.query(
            "select md5(string_agg(t::text, '' order by id)) from client t; select md5(string_agg(t::text, '' order by id)) from visit t;
             select md5(string_agg(t::text, '' order by id)) from queue t; select md5(string_agg(t::text, '' order by id)) from jobs t;
             select count(*) from pg_class where relnamespace = 'public'::regnamespace; select count(*) from pg_namespace",
        )
    }
}

/// Opens the program in a folder.
pub fn open(folder: &Path, observer: Arc<dyn Observer>) -> Session {
    let project = session::read(folder).unwrap();
    let program = project.program.unwrap_or_else(|| panic!("{:#?}", project.findings));
    Session::open(project.loaded.folder, program, Box::new(|_| None), observer).unwrap()
}

/// Plans and runs.
pub async fn rehearse(session: &Session) -> (RunId, Ended) {
    let (hash, plan, _) = session.plan().await.unwrap_or_else(|e| panic!("{e}: {e:#?}"));
    session.start(hash, &plan, false).await.unwrap()
}

/// The findings that forbid a plan.
pub async fn refused(session: &Session) -> Vec<Finding> {
    match session.plan().await {
        Err(SessionError::Findings(findings)) => findings,
        Err(e) => panic!("{e}"),
        Ok(_) => panic!("nothing was refused"),
    }
}

/// The failure that a run ended with.
pub fn failed(ended: Ended) -> Failure {
    match ended {
        Ended::Failed(_, failure) => failure,
        other => panic!("{other:?}"),
    }
}

/// Does something once, when rows of a table begin to arrive.
pub struct AtRows {
    step: &'static str,
    done: AtomicBool,
    act: Box<dyn Fn() + Send + Sync>,
}

impl AtRows {
    pub fn of(step: &'static str, act: impl Fn() + Send + Sync + 'static) -> Arc<AtRows> {
        Arc::new(AtRows { step, done: AtomicBool::new(false), act: Box::new(act) })
    }

    pub fn acted(&self) -> bool {
        self.done.load(Ordering::SeqCst)
    }
}

impl Observer for AtRows {
    fn notice(&self, notice: Notice) {
        if matches!(&notice, Notice::Rows { step, .. } if step.0 == self.step) && !self.done.swap(true, Ordering::SeqCst) {
            (self.act)();
        }
    }
}
