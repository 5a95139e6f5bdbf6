//! Production of MariaDB that stays on its server under its own name while the new one takes another: a program that reads from a file where to write goes on through kills,
//! undos, a card typed by hand and the go-live itself, with accounts of every kind trying both sides.

use super::{COLUMNS, PATIENCE, TABLES, rounds};
use crate::ground::{Ground, Mysql};
use greenroom_testkit::maria::{Binaries, Server};
use greenroom_testkit::proc::{Ended, Run, wait_until};
use greenroom_testkit::recorder::Recorder;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Accounts that can write to production, by the right that lets them: on the database, by a role, on databases of many names, on all databases.
const WRITERS: [&str; 4] = ["app", "clerk", "wide", "global"];

struct Beside {
    server: &'static Server,
    ground: Mysql,
    /// Production's name, and the new one's.
    old: String,
    new: String,
    /// What accounts' names begin with.
    stem: &'static str,
    recorder: Recorder,
    /// The next number that a probe writes.
    probe: Cell<i64>,
}

impl Beside {
    /// `login`: Greenroom works by a login of its own, with no more rights than it needs; else as root.
    fn new(server: &'static Server, stem: &'static str, strategy: &str, login: bool) -> Beside {
        let ground = Mysql::new(server, stem);
        let old = ground.query("source", "select database()").unwrap();
        let new = format!("{old}_2027");
        ground.fill(&format!(
            "{TABLES} create table counted (id int auto_increment primary key, t varchar(9)) auto_increment = 100; create table `odd \"name` (id int primary key) engine = Aria;
             create view names as select name from client;
             create trigger shouting before insert on client for each row set new.name = upper(new.name);
             create procedure add_one(in n int) insert into recorded values (n);
             create user {stem}_app@'%'; create user {stem}_clerk@'%'; create user {stem}_wide@'%'; create user {stem}_global@'%'; create user {stem}_reader@'%';
             create user {stem}_tester@'%'; create role {stem}_role; create user {stem}_definer@'%' account lock;
             grant select, insert, update, delete, create, drop, alter, trigger on `{escaped}`.* to {stem}_app@'%' with grant option;
             grant select, insert on `{old}`.* to {stem}_role; grant {stem}_role to {stem}_clerk@'%'; set default role {stem}_role for {stem}_clerk@'%';
             create database `{stem}_archive`; create table `{stem}_archive`.kept (n int); grant all on `{stem}%`.* to {stem}_wide@'%';
             grant select, insert, update, delete on *.* to {stem}_global@'%';
             grant select (id, name), update (name) on client to {stem}_reader@'%'; grant execute on procedure add_one to {stem}_reader@'%';
             grant select on client to {stem}_definer@'%';
             create definer = {stem}_definer@'%' sql security definer view through as select name from client; grant select on through to {stem}_reader@'%'",
            escaped = old.replace('_', "\\_"),
        ));
        ground.fill(&format!(
            "create user {stem}_greenroom@'%'; grant create user, set user, process, connection admin, reload on *.* to {stem}_greenroom@'%';
             grant select on mysql.* to {stem}_greenroom@'%'; grant all privileges on `{stem}%`.* to {stem}_greenroom@'%' with grant option;
             grant all privileges on `greenroom`.* to {stem}_greenroom@'%'"
        ));
        let program = ground.folder().join("program");
        fs::create_dir_all(program.join("upgrade")).unwrap();
        fs::write(program.join("pointed"), &old).unwrap();
        let settings = format!(
            "{}open_after = \"testers\"\ntesters = [\"{stem}_tester\"]\n[tables]\nstatus = \"configuration\"\n[dress]\nunmasked = true\n[fence]\ndrain_seconds = 1\n[quarantine]\n\
             [switch]\nminutes = 60\n{strategy}",
            if login { ground.databases().replace("\"root\"", &format!("\"{stem}_greenroom\"")) } else { ground.databases() }
        );
        fs::write(program.join("greenroom.toml"), settings).unwrap();
        fs::write(program.join("columns.toml"), format!("{COLUMNS}[\"odd \\\"name\"]\nid = \"keep\"\n")).unwrap();
        fs::write(
            program.join("upgrade/1.sql"),
            "alter table client add active integer;\nupdate client set active = 1;\ndrop table spare;\n",
        )
        .unwrap();
        let recorder = Recorder::mariadb_pointed(server, &program.join("pointed"), &format!("{stem}_app"));
        let all = Beside { server, ground, old, new, stem, recorder, probe: Cell::new(0) };
        all.works("at the beginning");
        all
    }

    /// The program's settings, with the new name, and with the hook that points programs to it.
    fn settle(&self) {
        let hook = "[[switch.hook]]\nname = \"connection strings\"\nat = \"accepted\"\ncommand = [\"sh\", \"-c\", \"printf %s '{database}' > pointed\"]\n";
        let undo = format!("undo = [\"sh\", \"-c\", \"printf %s '{}' > pointed\"]\n", self.old);
        self.set("minutes = 60\n", &format!("minutes = 60\nname = \"{}\"\n", self.new));
        self.set("", &format!("{hook}{undo}"));
    }

    /// Changes the program's settings; adds to them where nothing is replaced.
    fn set(&self, from: &str, to: &str) {
        let path = self.ground.folder().join("program/greenroom.toml");
        let text = fs::read_to_string(&path).unwrap();
        let changed = if from.is_empty() { format!("{text}{to}") } else { text.replace(from, to) };
        assert_ne!(text, changed, "{from}");
        fs::write(path, changed).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.quiet();
        self.ground.greenroom().args(arguments).finish()
    }

    /// Our own questions to production are asked by Greenroom's login, and a session of it that is about to end would be in the fence's way.
    fn quiet(&self) {
        let ours = format!(
            "select count(*) from information_schema.processlist where db = '{}' and user in ('root', '{}_greenroom')",
            self.old, self.stem
        );
        wait_until("our own sessions end", PATIENCE, || self.server.maintenance().query(&ours) == "0");
    }

    /// A switch, to be killed.
    fn switch(&self) -> Run {
        self.quiet();
        self.ground.greenroom().args(["switch", "--now", "--yes"])
    }

    fn done(&self, arguments: &[&str], code: i32) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
        ended
    }

    fn refused(&self) -> String {
        self.done(&["switch", "--preview"], 4).stdout
    }

    fn works(&self, what: &str) {
        let so_far = self.recorder.acknowledged().len();
        wait_until(&format!("the program writes ({what})"), PATIENCE, || self.recorder.acknowledged().len() > so_far + 2);
    }

    /// Nothing that was acknowledged is missing from a database.
    fn keeps(&self, database: &str, what: &str) {
        let acknowledged = self.recorder.acknowledged();
        let stored = self.server.existing(database).query("select n from recorded");
        let stored: BTreeSet<i64> = stored.lines().map(|n| n.parse().unwrap()).collect();
        let missing: Vec<&u64> = acknowledged.iter().filter(|n| !stored.contains(&i64::try_from(**n).unwrap())).collect();
        assert!(missing.is_empty(), "{what}: acknowledged and not in {database}: {missing:?}");
    }

    /// Everything that says who may do what on this server, and what stands in production.
    fn state(&self) -> String {
        let (old, stem) = (&self.old, self.stem);
        let ask = |sql: &str| self.server.maintenance().query(sql);
        [
            ask(&format!(
                "select user, host, ifnull(json_value(priv, '$.account_locked') in (1, 'true'), 0), json_value(priv, '$.access') from global_priv \
                 where user like '{stem}%' order by 1, 2"
            )),
            ask(&format!(
                "select user, host, db, select_priv, insert_priv, update_priv, drop_priv, trigger_priv, grant_priv, show_view_priv from db \
                 where user like '{stem}%' and db not like '%pilot%' order by 1, 2, 3"
            )),
            ask(&format!("select user, db, table_name, table_priv, column_priv from tables_priv where user like '{stem}%' order by 1, 2, 3")),
            ask(&format!("select user, db, table_name, column_name, column_priv from columns_priv where user like '{stem}%' order by 1, 2, 3, 4")),
            ask(&format!("select user, db, routine_name, proc_priv from procs_priv where user like '{stem}%' order by 1, 2, 3")),
            ask(&format!("select trigger_name, event_object_table from information_schema.triggers where trigger_schema = '{old}' order by 1")),
            ask(&format!("select schema_name from information_schema.schemata where schema_name like '{stem}%' and schema_name not like '%pilot%' order by 1")),
        ]
        .join("\n")
    }

    /// An account tries to write into a database.
    fn tries(&self, account: &str, database: &str) -> Result<(), String> {
        self.probe.set(self.probe.get() - 1);
        let user = if account == "root" { account.to_owned() } else { format!("{}_{account}", self.stem) };
        self.server.existing(database).try_run_as(&user, &format!("insert into recorded values ({})", self.probe.get())).map(drop)
    }

    /// Never can two sides be written to; nobody writes to the new one before it is production.
    fn one_side(&self, what: &str) {
        // The account whose rights reach any database can write into a copy that is being made: of this one the preview warns.
        for account in ["app", "clerk"] {
            let (old, new) = (self.tries(account, &self.old).is_ok(), self.tries(account, &self.new).is_ok());
            assert!(!(old && new), "{what}: {account} can write to both");
        }
        let shut = self.tries("app", &self.old).is_err();
        for account in WRITERS.into_iter().filter(|_| shut) {
            let (new, old) = (self.tries(account, &self.new).is_ok(), self.tries(account, &self.old));
            assert!(!new || old.is_err(), "{what}: {account} can write to both");
        }
    }

    fn standing(&self) -> (bool, String) {
        let status: serde_json::Value = serde_json::from_str(&self.run(&["status", "--json"]).stdout).unwrap();
        let standing = status["run"]["standing"].as_str().unwrap_or_default().to_owned();
        (status["run"]["kind"] == "switch" && !["undone", "finished"].contains(&standing.as_str()), standing)
    }

    fn backup(&self) -> PathBuf {
        let path = self.ground.folder().join("backup.sql");
        let mut dump = std::process::Command::new("mariadb-dump");
        let dumped = dump.arg("--no-defaults").arg(format!("--socket={}", self.server.socket().display())).args([
            "-uroot",
            "--single-transaction",
            "--routines",
            &self.old,
        ]);
        let dumped = dumped.output().unwrap();
        assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
        fs::write(&path, dumped.stdout).unwrap();
        path
    }

    /// Tried out, and a backup proven.
    fn prepared(&self) {
        self.done(&["dress", "--quiet"], 0);
        self.done(&["prove", self.backup().to_str().unwrap(), "--yes", "--quiet"], 0);
        let preview = self.done(&["switch", "--preview"], 0).stdout;
        assert!(preview.contains("triggers reject every change"), "{preview}");
        let global = format!("'{}_global'@'%' has rights on all databases", self.stem);
        assert!(preview.contains(&global), "{preview}");
    }

    /// Killed at any moment and taken back: everything is as it was, with everything that was written.
    fn killed(&self, state: &str) {
        let mut stood = 0;
        for n in 0..rounds(1) {
            let what = format!("beside, round {n}");
            let switch = self.switch();
            match n % 5 {
                0 => switch.kill_at_line(|line| line.starts_with("shut everybody out of production")),
                1 => switch.kill_at_line(|line| line.starts_with("testers look at it")),
                2 => switch.kill_at_line(|line| line.starts_with("read client")),
                _ => switch.kill_after(Duration::from_millis(300 + n * 397 % 4000)),
            };
            self.one_side(&what);
            let (open, _) = self.standing();
            if open && n % 3 == 1 {
                self.ground.greenroom().args(["resume"]).kill_after(Duration::from_millis(200 + n * 153 % 1500));
                self.one_side(&what);
            }
            if open && n % 2 == 0 {
                self.ground.greenroom().args(["undo", "--yes"]).kill_after(Duration::from_millis(n * 61 % 500));
                self.one_side(&what);
            }
            stood += u32::from(self.tries("app", &self.old).is_err());
            if self.standing().0 {
                self.done(&["undo", "--yes", "--quiet"], 0);
            }
            assert_eq!(self.state(), state, "{what}");
            self.works(&what);
            self.keeps(&self.old, &what);
        }
        assert!(stood > 0, "no kill came after the fence");
    }

    /// Carried through, killed on the way again and again.
    fn through(&self) {
        let mut delay = 300;
        loop {
            let (open, standing) = self.standing();
            if open && standing == "waiting" {
                break;
            }
            let command: &[&str] = if open { &["resume"] } else { &["switch", "--now", "--yes"] };
            self.quiet();
            self.ground.greenroom().args(command).kill_after(Duration::from_millis(delay));
            self.one_side("carried through");
            delay += 500;
            assert!(delay < 30_000, "it never gets there: {standing}");
        }
        assert!(self.tries("tester", &self.new).is_ok(), "testers are not in");
        assert!(self.tries("tester", &self.old).is_err(), "testers are in production");
        self.done(&["answer", "accept", "--quiet"], 0);
        for n in 0..40 {
            let (open, standing) = self.standing();
            if !open {
                assert_eq!(standing, "finished");
                break;
            }
            self.ground.greenroom().args(["resume"]).kill_after(Duration::from_millis(20 + n * 60));
            self.one_side("letting in");
            assert!(n < 39, "users are never let in: {standing}");
        }
        self.works("in the new production");
        self.keeps(&self.new, "in the new production");
        assert!(self.tries("tester", &self.new).is_err(), "testers have rights that they had not in production");
    }

    /// Everybody works in the new production as they did in the former one, which takes no row any more, whoever brings it.
    fn parted(&self) {
        let (old, new, stem) = (&self.old, &self.new, self.stem);
        let at = |user: &str, database: &str, sql: &str| self.server.existing(database).try_run_as(user, sql);
        for account in WRITERS {
            self.tries(account, new).unwrap_or_else(|e| panic!("{account} is not in: {e}"));
            let why = self.tries(account, old).expect_err("the former production is open");
            let expected = if account == "global" { "fenced by greenroom" } else { "denied" };
            assert!(why.contains(expected), "{account}: {why}");
        }
        let reader = format!("{stem}_reader");
        assert!(at(&reader, new, "select name from client where id = 1; update client set name = 'Ann Wed' where id = 1").is_ok());
        assert!(at(&reader, new, "select active from client").is_err(), "a right on more columns than before");
        assert!(at(&reader, new, "select count(*) from through").is_ok(), "the definer's rights, whose account is locked");
        assert!(at(&reader, new, "call add_one(-100000)").is_ok());
        assert!(at(&reader, old, "select 1").is_err(), "rights on the former production are left");
        let wide = format!("{stem}_wide");
        assert!(at(&wide, &format!("{stem}_archive"), "insert into kept values (1)").is_ok(), "rights on another database");
        assert!(at(&wide, old, "truncate recorded").is_err() && at(&wide, old, "select * from recorded").is_err());
        for sql in [
            "insert ignore into recorded values (-99)",
            "replace into client values (1, 'x')",
            "update ignore client set name = 'x'",
            "delete from client",
            "delete client from client join status on status.id = client.id",
            "call add_one(-98)",
            "insert into `odd \"name` values (1)",
        ] {
            let why = at("root", old, sql).expect_err(sql);
            assert!(why.contains("fenced by greenroom"), "{sql}: {why}");
        }
        let ask = |sql: &str| self.server.existing(new).query(sql);
        assert_eq!(ask("select id, name, active from client where id = 2"), "2\tBob Real\t1", "the upgrade, and nothing masked");
        assert_eq!(
            ask("select count(*) from information_schema.triggers where trigger_schema = database()"),
            "1",
            "production's own trigger"
        );
        let undo = self.run(&["undo", "--yes"]);
        assert!(undo.code == Some(1) && undo.stderr.contains("GR0764"), "{undo:?}");
    }
}

/// A server of the test's own, until the process ends: a fence locks accounts on the whole server.
fn own_server() -> &'static Server {
    Box::leak(Box::new(Server::start(&Binaries::find().unwrap(), &[])))
}

#[test]
fn production_gives_way_to_a_new_one_beside_it_on_mariadb() {
    greenroom_testkit::mariadb!();
    let server = own_server();
    let all = Beside::new(server, "beside", "", false);
    let state = all.state();

    // Each refusal, with the way out.
    let seen = all.refused();
    assert!(
        seen.contains("GR0767") && seen.contains(&format!("name = \\\"{}_2\\\"", all.old))
            || seen.contains(&format!("name = \"{}_2\"", all.old)),
        "{seen}"
    );
    all.settle();
    all.set("minutes = 60\n", "minutes = 60\nrollback_hours = 48\n");
    let seen = all.refused();
    assert!(seen.contains("GR0774") && seen.contains("production stays beside the new one"), "{seen}");
    all.set("rollback_hours = 48\n", "");
    all.set("testers = [\"beside_tester\"]", "testers = [\"beside_app\"]");
    let seen = all.refused();
    assert!(seen.contains("GR0766") && seen.contains("works in production too, and is locked until users are let in"), "{seen}");
    all.set("testers = [\"beside_app\"]", "testers = [\"beside_tester\"]");
    all.done(&["rehearse", "--quiet"], 0);
    all.ground.write("pilot", "update status set label = 'open!' where id = 1; insert into status values (10, 'archived')");
    all.prepared();
    assert_eq!(all.state(), state, "nothing was changed so far");

    // A fence that was raised by hand shuts accounts alone.
    all.done(&["fence", "raise", "--for", "30m", "--yes"], 0);
    let seen = all.refused();
    assert!(seen.contains("GR0786") && seen.contains("`greenroom fence lift`"), "{seen}");
    let begun = all.run(&["switch", "--now", "--yes"]);
    assert_eq!(begun.code, Some(1), "{begun:?}");
    all.done(&["fence", "lift"], 0);
    assert_eq!(all.state(), state, "the fence is gone");

    // Testers look; nobody else comes in, and not even root changes a row of production. They refuse.
    all.done(&["switch", "--now", "--yes", "--quiet"], 5);
    all.tries("tester", &all.new).unwrap();
    assert!(all.tries("root", &all.old).unwrap_err().contains("fenced by greenroom"));
    for account in WRITERS {
        let why = all.tries(account, &all.new).expect_err("users are in before testers have decided");
        assert!(why.contains("is locked"), "{why}");
    }
    all.done(&["answer", "refuse", "--quiet"], 0);
    assert!(all.done(&["resume", "--quiet"], 0).stdout.contains("undone"));
    assert_eq!(all.state(), state, "production stands otherwise than before");
    all.works("after the refusal");
    all.keeps(&all.old, "after the refusal");

    // Nothing of ours works any more while testers are in: a person types the card.
    let killed = all.switch().kill_at_line(|line| line.starts_with("testers look at it"));
    assert!(all.tries("app", &all.old).is_err(), "{killed:?}");
    let card = fs::read_to_string(all.ground.folder().join("program/.greenroom/fence/break-glass.txt")).unwrap();
    assert!(card.contains(&format!("let nobody into the new `{}`", all.new)), "{card}");
    let typed: Vec<&str> =
        card.lines().filter_map(|l| l.strip_prefix("  ")).filter(|l| l.ends_with(';') && !l.starts_with("let ")).collect();
    assert!(typed.iter().any(|l| l.starts_with("drop trigger")) && typed.iter().any(|l| l.starts_with("alter user")), "{card}");
    // Twice, as its last words allow.
    all.server.maintenance().run(&format!("{0}\n{0}", typed.join("\n")));
    all.works("after the card");
    assert!(all.tries("app", &all.new).is_err());
    if all.standing().1 == "waiting" {
        all.done(&["answer", "accept", "--quiet"], 0);
        let resumed = all.run(&["resume"]);
        assert!(
            resumed.code == Some(4) && resumed.stdout.contains("GR0762"),
            "users must not be let into a copy that lacks rows: {resumed:?}"
        );
    }
    all.done(&["undo", "--yes", "--quiet"], 0);
    assert_eq!(all.state(), state, "the card gives back everything");
    all.keeps(&all.old, "after the card");

    all.killed(&state);
    all.through();
    all.parted();
    let ask = |sql: &str| server.existing(&all.new).query(sql);
    assert_eq!(ask("select id, label from status order by id"), "1\topen!\n2\tclosed\n10\tarchived", "what testers configured");

    // What was production goes by name when its time is over, and only as the switch left it.
    assert!(all.done(&["retire"], 0).stdout.contains(&all.old));
    server.existing(&all.old).run("create table made_since (n int)");
    let refused = all.run(&["retire", &all.old, "--early", "--yes"]);
    assert!(refused.code == Some(1) && refused.stderr.contains("made_since"), "{refused:?}");
    server.existing(&all.old).run("drop table made_since");
    all.done(&["retire", &all.old, "--early", "--yes"], 0);
    assert!(server.existing(&all.old).try_run("select 1").is_err(), "it stands still");
    let left = server.maintenance().query(&format!("select count(*) from db where db = '{}'", all.old.replace('_', "\\\\_")));
    assert_eq!(left, "0", "rights on what is gone");
    all.works("after the retirement");
    all.keeps(&all.new, "after the retirement");
}

#[test]
fn production_is_upgraded_in_a_single_step_beside_itself_on_mariadb() {
    greenroom_testkit::mariadb!();
    let server = own_server();
    let all = Beside::new(server, "single", "strategy = \"in-place\"\n", true);
    let state = all.state();
    let seen = all.refused();
    assert!(seen.contains("GR0767"), "{seen}");
    all.settle();
    all.prepared();
    assert_eq!(all.state(), state, "nothing was changed so far");
    // Time is up while testers look: whoever watches takes it back.
    all.done(&["switch", "--now", "--yes", "--quiet"], 5);
    all.done(&["fence", "prolong", "--for", "1s"], 0);
    all.done(&["fence", "watch", "--quiet"], 0);
    assert_eq!(all.state(), state, "time was up");
    all.works("after its time was up");
    all.keeps(&all.old, "after its time was up");
    all.through();
    all.parted();
    let label = server.existing(&all.new).query("select label from status where id = 1");
    assert_eq!(label, "open", "production's own configuration");
}
