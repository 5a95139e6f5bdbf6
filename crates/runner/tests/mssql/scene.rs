//! A clinic's production database and a program for it, in a folder of their own, and what every test asks about them.

use greenroom_model::run::RunId;
use greenroom_runner::execute::Ended;
use greenroom_runner::ports::{Observer, Silent};
use greenroom_runner::session::{self, Session};
use greenroom_testkit::files::{self, TempDir};
use greenroom_testkit::tds::{self, Database, Scratch, Server};
use std::path::Path;
use std::sync::Arc;

/// Whom a rehearsal that is killed lets in: a login, since Babelfish does not show whether everybody may.
pub const OPEN: &str = "open_after = \"testers\"\ntesters = [\"gr_crash\"]";

/// Nobody ever logs in with it: the server makes up the password and nobody learns it. Its name is short: Babelfish keeps it and the database's in one
/// of 63 bytes.
const LOGIN: &str = "if suser_id(N'gr_crash') is null begin declare @make nvarchar(400); set @make = concat(N'create login \
                     gr_crash with password = ''aA1!', newid(), N''''); exec(@make) end";

/// Values that must be found nowhere outside production.
pub const NEEDLES: &[&str] = &["Realname", "@bank-planted.com", "600 555 1", "planted-token"];

const PRODUCTION: &str = "
create table client (id int not null primary key, name nvarchar(80) not null, mail varchar(120), phone varchar(20), born date not null, filler nvarchar(max));
create unique index by_mail on client (mail);
create table visit (id int identity(1,1) primary key, client_id int not null constraint visit_client references client (id), state varchar(20), data nvarchar(max));
create table queue (id int identity(1,1) primary key, mail varchar(120), body nvarchar(max));
insert into queue (mail, body) values ('wanda.1@bank-planted.com', N'dear Wanda Realnamebb');
create table setting (code varchar(20) not null primary key, value varchar(40));
insert into setting values ('version', '5.1'), ('token', 'planted-token');
create table jobs (id int not null primary key, active bit not null);
insert into jobs values (1, 1), (2, 0);
GO
create view done as select client_id, count(*) as visits from visit where state = 'done' group by client_id
GO
create trigger note on visit after update as update visit set state = 'none' where state is null
GO
create procedure visits @c int as select count(*) from visit where client_id = @c
GO
";

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
code = "keep"
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
statement = "update jobs set active = 0"
assert = "select 1 from jobs where active = 1"
[[rule]]
id = "token"
table = "setting"
blank = ["value"]
when = "t.code = 'token'"
"#;

const FIRST: &str = "create table consent (client_id int not null primary key, given bit not null, constraint consent_client foreign key (client_id) references client (id));
GO
insert into consent values (1, 1), (2, 0);
GO
";

pub const SECOND: &str = "alter table client add level int;\nGO\nupdate client set level = 1;\n";

/// The server of this process's tests.
pub fn server() -> Result<Server, String> {
    match tds::url() {
        Some(url) => Ok(Server::at(&url)),
        None => Err(format!(
            "SQL Server: no server of it can be installed here; name one in {} (and its password in {})",
            tds::URL,
            tds::PASSWORD
        )),
    }
}

/// One program over one production database.
pub struct Scene {
    pub folder: TempDir,
    production: Scratch,
    pilot: String,
}

impl Scene {
    /// A production database of so many clients, and a program for it.
    pub fn new(server: Server, name: &str, clients: u32) -> Scene {
        server.existing("master").run(LOGIN);
        let production = server.scratch(name);
        let mut sql = PRODUCTION.to_owned();
        for n in 1..=clients {
            let letters = [b'a' + u8::try_from(n % 26).unwrap(), b'a' + u8::try_from(n / 26 % 26).unwrap()];
            let suffix = std::str::from_utf8(&letters).unwrap().to_owned();
            sql.push_str(&format!(
                "insert into client values ({n}, N'Wanda Realname{suffix}', 'wanda.{n}@bank-planted.com', '+48 600 555 1{n:02}', '1980-02-03', \
                 replicate(cast(N'lorem ' as nvarchar(max)), 100));\ninsert into visit (client_id, state, data) values ({n}, 'done', N'{{\"a\": 1}}');\n"
            ));
        }
        production.database().run(&sql);
        let scene = Scene { pilot: format!("{}_pilot", production.name()), production, folder: files::folder() };
        scene.configure("", "");
        scene.file("columns.toml", COLUMNS);
        scene.file("packs/off.toml", PACK);
        scene.file("upgrade/V1__consent.sql", FIRST);
        scene.file("upgrade/V2__level.sql", SECOND);
        scene.file("verify/counts.sql", "-- expect: same as source\nselect count(*) from visit;\n-- expect: no rows\nselect 1 from visit v where not exists (select 1 from client c where c.id = v.client_id);\n");
        scene.file("verify/level.sql", "-- shape: after\nselect 1 from client where level is null;\n");
        scene
    }

    fn file(&self, name: &str, text: &str) {
        files::write(self.folder.path(), name, text);
    }

    /// Writes `greenroom.toml`; `pilot` and `rest` are added to the pilot's table and to the end.
    pub fn configure(&self, pilot: &str, rest: &str) {
        let (server, source, name) = (self.production.server(), self.production.name(), &self.pilot);
        let (host, port, login) = (server.host(), server.port(), server.login());
        let tls = if server.tls() { "require" } else { "disable" };
        self.file(
            "greenroom.toml",
            &format!(
                "[program]\nname = \"clinic\"\nversion_query = \"select value from setting where code = 'version'\"\n\
                 [source]\nengine = \"mssql\"\nhost = \"{host}\"\nport = {port}\ndatabase = \"{source}\"\nuser = \"{login}\"\n\
                 password = {{ env = \"{}\" }}\ntls = \"{tls}\"\n\
                 [pilot]\nname = \"{name}\"\n{pilot}\n[tables]\nqueue = \"queue\"\n\
                 [verify]\ntouched_tables = [\"client\", \"consent\"]\n{rest}\n",
                tds::PASSWORD
            ),
        );
    }

    pub fn session(&self) -> Session {
        open(self.folder.path(), Arc::new(Silent))
    }

    /// What tells the pilot from every other database; empty when nothing stands under its name.
    pub fn identity(&self) -> String {
        self.pilot().map(|p| p.query("select concat(db_name(), ' ', db_id())")).unwrap_or_default()
    }

    /// What the pilot's name stands for: the database itself, or on Babelfish the one that the registry tells.
    fn pilot(&self) -> Option<Database> {
        let server = self.production.server();
        let master = server.existing("master");
        let there = |name: &str| master.query(&format!("select count(*) from sys.databases where name = '{name}'")) != "0";
        if there(&self.pilot) {
            return Some(server.existing(&self.pilot));
        }
        let stands_for = there("greenroom")
            .then(|| server.existing("greenroom").query(&format!("select stands_for from dbo.pilot_name where name = '{}'", self.pilot)))?;
        (!stands_for.is_empty()).then(|| server.existing(&stands_for))
    }

    /// Names of all databases that this program can have made, sorted.
    pub fn databases(&self) -> Vec<String> {
        let made = format!("select name from sys.databases where left(name, {}) = '{}' order by name", self.pilot.len(), self.pilot);
        self.production.server().existing("master").query(&made).lines().map(str::to_owned).collect()
    }

    /// Fails when a raw value is in the workspace or in a database of ours.
    pub fn nothing_raw(&self) {
        files::assert_nowhere(&self.folder.path().join(".greenroom"), NEEDLES);
        for name in self.databases() {
            let database = self.production.server().existing(&name);
            let rows: Vec<String> =
                ["client", "visit", "queue", "setting", "consent"].map(|t| database.query(&format!("select * from {t}"))).to_vec();
            let rows = rows.join("\n");
            assert!(rows.len() > 100, "a database without rows proves nothing");
            for needle in NEEDLES {
                assert!(!rows.contains(needle), "a raw value stands in {name}");
            }
        }
    }

    /// Fails unless the pilot is whole, masked, neutralised and upgraded.
    pub fn whole(&self, clients: u32) {
        let pilot = self.pilot().unwrap();
        let all = pilot.query(
            "select count(*), count(distinct id), sum(level) from client\nGO\nselect count(*) from visit\nGO\n\
             select count(*) from client where mail like '%.invalid'\nGO\nselect count(*) from queue\nGO\n\
             select coalesce(value, '') from setting where code = 'token'\nGO\nselect count(*) from jobs where active = 1\nGO\n\
             select client_id, given from consent order by client_id\nGO\nselect sum(visits) from done\nGO\nexec visits 1\nGO\n\
             select cast(ident_current('visit') as int)\nGO\n\
             select t.name from sys.tables t join sys.schemas s on s.schema_id = t.schema_id where s.name = 'greenroom'",
        );
        let expected =
            format!("{clients}\t{clients}\t{clients}\n{clients}\n{clients}\n0\n\n0\n1\t1\n2\t0\n{clients}\n1\n{clients}\nmarker");
        assert_eq!(all, expected);
    }

    /// The pilot as it was before a later one came and went.
    pub fn whole_again(&self, clients: u32) {
        assert_eq!(self.pilot().unwrap().query("select count(*) from client where level = 1"), clients.to_string());
    }

    /// All rows of production, and the number of its tables.
    pub fn production_digest(&self) -> String {
        let rows = ["client", "visit", "queue", "setting", "jobs"].map(|t| format!("select * from {t} order by 1\nGO\n")).concat();
        let all = self.production.database().query(&format!("{rows}select count(*) from sys.tables"));
        blake3::hash(all.as_bytes()).to_hex().to_string()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // Another scene may still let it in; the last one drops it.
        let _ = self.production.server().existing("master").try_run("drop login gr_crash");
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
