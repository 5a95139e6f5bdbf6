//! A clinic's production database and a program for it, in a folder of their own, and what every test asks about them.

use greenroom_model::run::RunId;
use greenroom_runner::execute::Ended;
use greenroom_runner::ports::{Observer, Silent};
use greenroom_runner::session::{self, Session};
use greenroom_testkit::files::{self, TempDir};
use greenroom_testkit::maria::{Database, Server};
use std::path::Path;
use std::sync::Arc;

/// Whom a rehearsal that is killed lets in.
pub const OPEN: &str = "open_after = \"all\"";

/// Values that must be found nowhere outside production.
pub const NEEDLES: &[&str] = &["Realname", "@bank-planted.com", "600 555 1", "planted-token"];

const PRODUCTION: &str = r#"
    create table client (id int primary key, name varchar(80) not null, mail varchar(120), phone varchar(20) character set latin1, born date not null, filler text, unique key by_mail (mail));
    insert into client select seq, concat('Wanda Realname', char(97 + seq % 26), char(97 + seq div 26 % 26)), concat('wanda.', seq, '@bank-planted.com'),
        concat('+48 600 555 1', lpad(seq % 100, 2, '0')), if(seq % 7 = 0, '0000-00-00', '1980-02-03' + interval seq day), repeat('lorem ', 100) from seq_1_to_{clients};
    create table visit (id int auto_increment primary key, client_id int not null, state text, data json, foreign key (client_id) references client (id));
    insert into visit (client_id, state, data) select seq, 'done', '{"a": 1}' from seq_1_to_{clients};
    create table queue (id int auto_increment primary key, mail text, body text);
    insert into queue (mail, body) values ('wanda.1@bank-planted.com', 'dear Wanda Realnamebb');
    create table setting (`key` varchar(20) primary key, value text);
    insert into setting values ('version', '5.1'), ('token', 'planted-token');
    create table jobs (id int primary key, active tinyint(1) not null);
    insert into jobs values (1, true), (2, false);
    create view done as select client_id, count(*) as visits from visit where state = 'done' group by client_id;
    create trigger note before update on visit for each row set new.state = coalesce(new.state, 'none');
    create event sweep on schedule every 1 second do delete from queue where id < 0;
    create procedure visits(in c int) select count(*) from visit where client_id = c;
"#;

const COLUMNS: &str = r#"
[client]
id = "keep"
name = { mask = "full_name", identity = "id" }
mail = { mask = "email", identity = "id" }
phone = { mask = "phone", identity = "id" }
born = "keep"
filler = "keep"
level = { keep = true, after_upgrade = true }
[visit]
id = "keep"
client_id = "keep"
state = "keep"
data = "keep"
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
when = "t.`key` = 'token'"
"#;

const FIRST: &str = "/*!40101 SET NAMES utf8mb4 */;
create table consent (client_id int primary key, given boolean not null default false, foreign key (client_id) references client (id));
DELIMITER $$
create trigger touch before insert on consent for each row
begin
  set new.given = coalesce(new.given, false); # not null; ever
end$$
DELIMITER ;
insert into consent values (1, true), (2, false);
";

pub const SECOND: &str = "alter table client add column level int;\nupdate client set level = 1;\n";

/// The server of this process's tests.
pub fn server() -> Result<&'static Server, greenroom_testkit::maria::Missing> {
    greenroom_testkit::maria::shared()
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
        let scene = Scene { server, pilot: format!("{}_pilot", production.name()), production, folder: files::folder() };
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
        let (host, source, name) = (self.production.socket().display(), self.production.name(), &self.pilot);
        self.file(
            "greenroom.toml",
            &format!(
                "[program]\nname = \"clinic\"\nversion_query = \"select value from setting where `key` = 'version'\"\n\
                 [source]\nengine = \"mysql\"\nhost = \"{host}\"\ndatabase = \"{source}\"\nuser = \"root\"\n\
                 [pilot]\nname = \"{name}\"\n{pilot}\n[tables]\nqueue = \"queue\"\n\
                 [verify]\ntouched_tables = [\"client\", \"consent\"]\n{rest}\n"
            ),
        );
    }

    pub fn session(&self) -> Session {
        open(self.folder.path(), Arc::new(Silent))
    }

    /// What stands under the pilot's name; empty when nothing does.
    pub fn identity(&self) -> String {
        self.pilot().map(|p| p.name().to_owned()).unwrap_or_default()
    }

    /// What the pilot's name stands for.
    pub fn pilot(&self) -> Option<Database> {
        let name = self.server.maintenance().query(&format!("select stands_for from greenroom.pilot_name where name = '{}'", self.pilot));
        (!name.is_empty()).then(|| self.server.existing(&name))
    }

    /// Names of all databases that this program can have made, sorted.
    pub fn databases(&self) -> Vec<String> {
        let sql = format!("select schema_name from information_schema.schemata where schema_name like '{}\\_%' order by 1", self.pilot);
        self.server.maintenance().query(&sql).lines().map(str::to_owned).collect()
    }

    /// Fails when a raw value is in the workspace or in a database of ours.
    pub fn nothing_raw(&self) {
        files::assert_nowhere(&self.folder.path().join(".greenroom"), NEEDLES);
        for name in self.databases() {
            let folder = self.server.data().join(&name);
            let tables = std::fs::read_dir(&folder).unwrap().count();
            assert!(tables > 5, "an empty folder proves nothing");
            self.server.existing(&name).run("flush tables");
            files::assert_nowhere(&folder, NEEDLES);
        }
    }

    /// Fails unless the pilot is whole, masked, neutralised and upgraded.
    pub fn whole(&self, clients: u32) {
        let pilot = self.pilot().unwrap();
        let q = |sql: &str| pilot.query(sql);
        assert_eq!(q("select count(*), count(distinct id), sum(level = 1) from client"), format!("{clients}\t{clients}\t{clients}"));
        assert_eq!(q("select count(*) from visit"), clients.to_string());
        assert_eq!(q("select count(*) from client where mail like '%.invalid'"), clients.to_string());
        assert_eq!(q("select count(*) from client where born = '0000-00-00'"), (clients / 7).to_string());
        assert_eq!(q("select count(*) from queue"), "0");
        assert_eq!(q("select coalesce(value, '') from setting where `key` = 'token'"), "");
        assert_eq!(q("select count(*) from jobs where active"), "0");
        assert_eq!(q("select group_concat(client_id, given order by client_id) from consent"), "11,20");
        assert_eq!(q("select sum(visits) from done"), clients.to_string());
        assert_eq!(q("call visits(1)"), "1");
        let next = "select auto_increment from information_schema.tables where table_schema = database() and table_name = 'visit'";
        assert_eq!(q(next), self.production.query(next));
        assert_eq!(q("select status from information_schema.events where event_schema = database()"), "DISABLED");
        let ours = "select group_concat(table_name) from information_schema.tables where table_schema = database() and table_name like 'greenroom%'";
        assert_eq!(q(ours), "greenroom_marker");
    }

    /// The pilot as it was before a later one came and went.
    pub fn whole_again(&self, clients: u32) {
        assert_eq!(self.pilot().unwrap().query("select count(*) from client where level = 1"), clients.to_string());
    }

    /// A digest of everything in production.
    pub fn production_digest(&self) -> String {
        self.production.query("checksum table client, visit, queue, setting, jobs extended; select count(*) from information_schema.tables where table_schema = database()")
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
