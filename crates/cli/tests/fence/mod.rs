//! `greenroom fence` over the real binary: a program of production's goes on writing while it is shut out, let in again, and while whoever
//! shuts it out is killed. What it was told is stored must be there, and production must stand open as before.

use crate::ground::{Ground, Mysql, Postgres, Sqlite};
use greenroom_testkit::proc::{Ended, wait_until};
use greenroom_testkit::recorder::Recorder;
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// One engine's production with a program that uses it.
struct Scene<'g> {
    ground: &'g dyn Ground,
    /// Lines of `[fence]`: a login.
    login: &'static str,
    recorder: Box<dyn Fn() -> Recorder + 'g>,
    /// Everything that says who may come in and write.
    doors: Box<dyn Fn() -> String + 'g>,
    /// Types statements as the card says.
    typed: Box<dyn Fn(&str) + 'g>,
}

impl Scene<'_> {
    fn fence(&self, arguments: &[&str]) -> Ended {
        self.ground.greenroom().arg("fence").args(arguments).finish()
    }

    fn done(&self, arguments: &[&str]) -> Ended {
        let ended = self.fence(arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        ended
    }

    fn view(&self) -> serde_json::Value {
        serde_json::from_str(&self.done(&["--json"]).stdout).unwrap()
    }

    fn stored(&self) -> BTreeSet<u64> {
        let rows = self.ground.query("source", "select n from recorded").unwrap();
        rows.lines().map(|n| n.trim().parse().unwrap()).collect()
    }

    /// Nothing that was acknowledged is missing.
    fn keeps(&self, recorder: &Recorder) {
        let (acknowledged, stored) = (recorder.acknowledged(), self.stored());
        let missing: Vec<&u64> = acknowledged.iter().filter(|n| !stored.contains(n)).collect();
        assert!(missing.is_empty(), "acknowledged and not stored: {missing:?}");
    }

    /// The program gets on with its work.
    fn works(&self, recorder: &Recorder) {
        let so_far = recorder.acknowledged().len();
        wait_until("the program writes again", PATIENCE, || recorder.acknowledged().len() > so_far + 2);
    }

    /// Nothing is written, though the program tries.
    fn shut(&self, recorder: &Recorder) {
        let (stored, refused) = (self.stored(), recorder.refused());
        wait_until("the program was refused", PATIENCE, || recorder.refused() > refused + 2);
        assert_eq!(self.stored(), stored, "written through the fence");
    }
}

fn play(scene: &Scene<'_>) {
    let program = scene.ground.folder().join("program");
    fs::create_dir_all(&program).unwrap();
    fs::write(
        program.join("greenroom.toml"),
        format!("{}[fence]\nminutes = 60\ndrain_seconds = 1\n{}", scene.ground.databases(), scene.login),
    )
    .unwrap();
    let before = (scene.doors)();
    let recorder = (scene.recorder)();
    wait_until("the program writes", PATIENCE, || recorder.acknowledged().len() > 2);

    // Looking changes nothing, and says who would be shut out.
    let view = scene.view();
    assert!(view["fence"].is_null() && view["now"]["stands"] == "down" && view["doors"]["obstacles"] == serde_json::json!([]), "{view}");
    assert_eq!((scene.doors)(), before);
    let ended = scene.fence(&["lift"]);
    assert!(ended.code == Some(1) && ended.stderr.contains("GR0742"), "{ended:?}");
    // Raised, it holds; lifted, everything is as it was.
    let ended = scene.done(&["raise", "--yes", "--for", "2h", "--reason", "upgrade to 9.4"]);
    assert!(ended.stderr.contains("BREAK GLASS") && ended.stdout.contains("upgrade to 9.4"), "{ended:?}");
    scene.shut(&recorder);
    let view = scene.view();
    assert!(view["now"]["stands"] == "up" && view["fence"]["progress"] == "raised", "{view}");
    let ended = scene.fence(&["raise", "--yes"]);
    assert!(ended.code == Some(1) && ended.stderr.contains("GR0742"), "{ended:?}");
    scene.done(&["prolong", "--for", "3h"]);
    let status = scene.ground.greenroom().arg("status").finish();
    assert!(status.stdout.contains("fenced until"), "{status:?}");
    scene.done(&["lift"]);
    scene.works(&recorder);
    scene.keeps(&recorder);
    assert_eq!((scene.doors)(), before, "production stands open otherwise than before");

    // Nothing of ours works any more: a person types what the card says.
    scene.done(&["raise", "--yes"]);
    scene.shut(&recorder);
    let card = fs::read_to_string(program.join(".greenroom/fence/break-glass.txt")).unwrap();
    assert_eq!(card.trim_end(), scene.done(&["card"]).stdout.trim_end());
    let statements: Vec<&str> = card.lines().filter_map(|l| l.strip_prefix("  ")).filter(|l| l.ends_with(';')).collect();
    assert!(!statements.is_empty(), "{card}");
    statements.iter().for_each(|s| (scene.typed)(s));
    scene.works(&recorder);
    assert_eq!((scene.doors)(), before);
    // Typed twice it does no harm.
    statements.iter().for_each(|s| (scene.typed)(s));
    scene.done(&["lift"]);
    assert_eq!((scene.doors)(), before);

    // Its time is over.
    scene.done(&["raise", "--yes", "--for", "1s"]);
    let ended = scene.done(&["watch"]);
    assert!(ended.stdout.contains("its time was over"), "{ended:?}");
    assert_eq!((scene.doors)(), before);

    // Killed at any moment, while it shuts or opens: going on or giving back both end well.
    for n in 0..12u64 {
        let delay = Duration::from_millis(n * 17 % 130);
        if n % 3 == 2 {
            scene.done(&["raise", "--yes"]);
            scene.ground.greenroom().args(["fence", "lift"]).kill_after(delay);
        } else {
            scene.ground.greenroom().args(["fence", "raise", "--yes"]).kill_after(delay);
        }
        let view = scene.view();
        match view["fence"]["progress"].as_str() {
            // Not begun, or just ended.
            None => assert_eq!(view["now"]["stands"], "down", "{view}"),
            Some("raising") if n % 2 == 0 => {
                scene.done(&["raise", "--yes"]);
                scene.shut(&recorder);
                scene.done(&["lift"]);
            }
            Some(_) => drop(scene.done(&["lift"])),
        }
        assert_eq!((scene.doors)(), before, "after a kill at {delay:?} ({n})");
        scene.works(&recorder);
    }
    scene.keeps(&recorder);
}

#[test]
fn production_is_fenced_and_given_back_on_sqlite() {
    let ground = Sqlite::new();
    ground.fill(
        "pragma journal_mode = wal; create table recorded (n integer primary key); create table \"o'dd; \"\"one\" (a);
        create table w (k text primary key) without rowid; create view v as select * from recorded;
        create trigger theirs after insert on w begin delete from recorded where n < 0; end;
        create virtual table f using fts5(a); insert into f values ('x');",
    );
    let file = ground.folder().join("source.db");
    let schema = || ground.query("source", "select type, name, tbl_name, sql from sqlite_schema order by name").unwrap();
    let typed = |sql: &str| rusqlite::Connection::open(&file).unwrap().execute_batch(sql).unwrap();
    play(&Scene {
        ground: &ground,
        login: "",
        recorder: Box::new(|| Recorder::sqlite(&file)),
        doors: Box::new(schema),
        typed: Box::new(typed),
    });
    let view = ground.greenroom().args(["fence"]).finish();
    assert!(view.stdout.contains("`f` is a virtual table"), "{view:?}");

    // Somebody writes for longer than anybody waits: nothing is shut, and nothing is left to be opened.
    let writer = rusqlite::Connection::open(&file).unwrap();
    writer.execute_batch("begin immediate").unwrap();
    let ended = ground.greenroom().args(["fence", "raise", "--yes"]).finish();
    assert!(ended.code == Some(1) && ended.stderr.contains("a program has been writing"), "{ended:?}");
    writer.execute_batch("commit").unwrap();
    let ended = ground.greenroom().args(["fence", "lift"]).finish();
    assert!(ended.code == Some(1) && ended.stderr.contains("GR0742"), "{ended:?}");

    // What the fence took away is lost: the card still knows.
    ground.greenroom().args(["fence", "raise", "--yes"]).finish().expect_code(0);
    let kept = ground.folder().join("program/.greenroom/fence");
    let doors = fs::read_dir(&kept).unwrap().map(|e| e.unwrap().path()).find(|p| p.extension().is_some_and(|e| e == "json")).unwrap();
    let moved = ground.folder().join("doors.json");
    fs::rename(&doors, &moved).unwrap();
    let ended = ground.greenroom().args(["fence", "lift"]).finish();
    assert!(ended.code == Some(1) && ended.stderr.contains("GR0743") && ended.stderr.contains("break-glass.txt"), "{ended:?}");
    fs::rename(&moved, &doors).unwrap();
    // The journal cannot be read: production is given back all the same.
    let journal = ground.folder().join("program/.greenroom/journal.db");
    let (sound, wal) = (fs::read(&journal).unwrap(), journal.with_file_name("journal.db-wal"));
    let aside = fs::read(&wal).ok();
    fs::write(&journal, b"no journal").unwrap();
    let _ = fs::remove_file(&wal);
    let card = ground.greenroom().args(["fence", "card"]).finish();
    assert!(card.code == Some(0) && card.stdout.contains("BREAK GLASS"), "{card:?}");
    let ended = ground.greenroom().args(["fence", "lift"]).finish();
    assert!(ended.code == Some(1) && ended.stderr.contains("production is open as it was, and the journal does not know"), "{ended:?}");
    ground.write("source", "insert into w values ('open')");
    fs::write(&journal, sound).unwrap();
    if let Some(bytes) = aside {
        fs::write(&wal, bytes).unwrap();
    }
    ground.greenroom().args(["fence", "raise", "--yes"]).finish().expect_code(0);
    // A copy that was put in the file's place is another database.
    fs::rename(&file, ground.folder().join("aside.db")).unwrap();
    fs::copy(ground.folder().join("aside.db"), &file).unwrap();
    let ended = ground.greenroom().args(["fence", "lift"]).finish();
    assert!(ended.code == Some(1) && ended.stderr.contains("another database now"), "{ended:?}");
    fs::rename(ground.folder().join("aside.db"), &file).unwrap();
    ground.greenroom().args(["fence", "lift"]).finish().expect_code(0);
}

/// Effective rights to connect, of the roles themselves.
pub fn rights(server: &greenroom_testkit::pg::Server, database: &str) -> String {
    server.maintenance().query(&format!(
        "select case when a.grantee = 0 then 'public' else a.grantee::regrole::text end, a.grantor::regrole, a.privilege_type, a.is_grantable
         from pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a where d.datname = '{database}' order by 1, 3"
    ))
}

#[test]
fn production_is_fenced_and_given_back_on_postgres() {
    let server = greenroom_testkit::postgres!();
    let ground = Postgres::new(server, "fence");
    server.role("fence app", "secret", "");
    server.role("fence \"reader\"", "secret", "");
    let name = ground.query("source", "select current_database()").unwrap();
    // The application owns its database, as most do.
    ground.fill(&format!(
        "create table recorded (n integer primary key); grant all on recorded to \"fence app\";
         create role fence_group; grant fence_group to \"fence app\";
         alter database {name} owner to \"fence app\"; revoke all on database {name} from public; grant connect on database {name} to fence_group;
         grant connect, temporary on database {name} to \"fence \"\"reader\"\"\" with grant option;"
    ));
    let database = server.existing(&name);
    play(&Scene {
        ground: &ground,
        login: "",
        recorder: Box::new(|| Recorder::postgres(&database, "fence app", "secret")),
        doors: Box::new(|| rights(server, &name)),
        typed: Box::new(|sql| server.maintenance().run(sql)),
    });

    // Roles that are renamed or dropped under the fence, and one that is let in: nobody is forgotten, nobody unseen.
    server.role("fence old", "secret", "");
    server.role("fence gone", "secret", "");
    ground.fill(&format!("grant connect on database {name} to \"fence old\", \"fence gone\""));
    let fence = |arguments: &[&str]| ground.greenroom().arg("fence").args(arguments).finish();
    fence(&["raise", "--yes"]).expect_code(0);
    ground.fill(&format!(
        "alter role \"fence old\" rename to \"fence new\"; drop role \"fence gone\"; create role \"fence late\" login;
         grant connect on database {name} to \"fence late\""
    ));
    let seen = fence(&[]);
    assert!(seen.stdout.contains("may come in all the same: fence late"), "{seen:?}");
    let again = fence(&["raise", "--yes"]);
    assert!(again.code == Some(1) && again.stderr.contains("may come in: fence late"), "{again:?}");
    let now = rights(server, &name);
    assert!(now.contains("\"fence new\"|") && now.contains("fence_group|"), "given back: {now}");
    ground.fill(&format!("revoke connect on database {name} from \"fence new\", \"fence late\""));

    // What no fence binds stands in the way, and is said with the way out; nothing is changed.
    let before = rights(server, &name);
    let mut session = database.command("psql").args(["-X", "-c", "select pg_sleep(60)"]).spawn().unwrap();
    let look =
        "select count(*) from pg_stat_activity where query like '%pg_sleep%' and datname = current_database() and pid <> pg_backend_pid()";
    wait_until("the superuser is in", PATIENCE, || database.query(look) == "1");
    ground.fill("begin; insert into recorded values (-1); prepare transaction 'forgotten'");
    let ended = ground.greenroom().args(["fence", "raise", "--yes"]).finish();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for words in ["GR0741", "other programs use Greenroom's own login `postgres`", "transactions were prepared", "rollback prepared"] {
        assert!(ended.stderr.contains(words), "{words}: {ended:?}");
    }
    assert_eq!(rights(server, &name), before);
    session.kill().unwrap();
    session.wait().unwrap();
    ground.fill("rollback prepared 'forgotten'");
}

#[test]
fn whoever_fences_a_postgres_without_being_superuser_does_not_shut_itself_out() {
    let server = greenroom_testkit::postgres!();
    let ground = Postgres::new(server, "fence_own");
    let name = ground.query("source", "select current_database()").unwrap();
    server.role("fence_user", "secret", "");
    server.role("fence_keeper", "secret", "in role pg_signal_backend");
    // Everybody may connect, the keeper through PUBLIC only.
    ground.fill(&format!(
        "create role fence_owner; grant fence_owner to fence_keeper; alter database {name} owner to fence_owner;
         create table recorded (n integer primary key); grant all on recorded to fence_user"
    ));
    let database = server.existing(&name);
    play(&Scene {
        ground: &ground,
        login: "user = \"fence_keeper\"\n",
        recorder: Box::new(|| Recorder::postgres(&database, "fence_user", "secret")),
        doors: Box::new(|| rights(server, &name)),
        typed: Box::new(|sql| server.maintenance().run(sql)),
    });
    server.role("fence_nobody", "secret", "");
    let program = ground.folder().join("program/greenroom.toml");
    let text = fs::read_to_string(&program).unwrap();
    fs::write(&program, text.replace("fence_keeper", "fence_nobody")).unwrap();
    let ended = ground.greenroom().args(["fence", "raise", "--yes"]).finish();
    for said in [
        "`fence_nobody` may not change who connects to the database: grant \"fence_owner\" to \"fence_nobody\"",
        "`fence_nobody` may not end the sessions of others: grant pg_signal_backend to \"fence_nobody\"",
    ] {
        assert!(ended.code == Some(1) && ended.stderr.contains(said), "{ended:?}");
    }
}

#[test]
fn production_is_fenced_and_given_back_on_mariadb() {
    // A server of its own: a locked account is locked everywhere.
    let binaries = match greenroom_testkit::maria::Binaries::find() {
        Ok(binaries) => binaries,
        Err(missing) => greenroom_testkit::skip!("{missing}"),
    };
    let server: &'static _ = Box::leak(Box::new(greenroom_testkit::maria::Server::start(&binaries, &[])));
    let ground = Mysql::new(server, "fence");
    ground.fill("create table recorded (n integer primary key); create user 'app'@'localhost', 'by_role'@'%', 'nobody'@'%';
        create role clerks; grant all on fence_0.* to clerks; grant clerks to 'by_role'@'%'; grant insert, select on fence_0.recorded to 'app'@'localhost';
        create user 'gone'@'%' account lock; grant all on fence_0.* to 'gone'@'%';
        create definer='app'@'localhost' event nightly on schedule every 1 day do insert into recorded values (-1);
        create user 'CORP\\\\alice'@'%', 'o''neil'@'%'; grant select on fence_0.* to 'CORP\\\\alice'@'%', 'o''neil'@'%';
        create user 'keeper'@'localhost'; grant select on mysql.* to 'keeper'@'localhost'; grant select, event on fence_0.* to 'keeper'@'localhost';
        grant create user, process, connection admin, set user on *.* to 'keeper'@'localhost';
        set names latin1; set sql_mode = 'ANSI_QUOTES', time_zone = '+05:00'; create event old on schedule every 1 day do select 1;
        set names utf8mb4; set sql_mode = '';
        create event off on schedule every 1 day disable do insert into recorded values (-2)");
    let doors = || {
        let sql = "select user, host, json_value(priv, '$.account_locked') in (1, 'true') from mysql.global_priv where user <> '' order by 1, 2;
            select name, definer, status, sql_mode, time_zone, character_set_client, collation_connection, body, execute_at, ends, starts from mysql.event order by 1; select * from mysql.tables_priv; select * from mysql.db order by 1, 2, 3";
        server.maintenance().query(sql).replace("NULL", "0")
    };
    let database = server.existing(&ground.query("source", "select database()").unwrap());
    let recorder = || Recorder::mariadb(&database, "app");
    play(&Scene {
        ground: &ground,
        login: "user = \"keeper\"\n",
        recorder: Box::new(recorder),
        doors: Box::new(doors),
        typed: Box::new(|sql| server.maintenance().run(sql)),
    });
    let view: serde_json::Value = serde_json::from_str(&ground.greenroom().args(["fence", "--json"]).finish().stdout).unwrap();
    let who: Vec<&str> = view["doors"]["doors"].as_array().unwrap().iter().map(|d| d["who"].as_str().unwrap()).collect();
    assert_eq!(who, ["'CORP\\\\alice'@'%'", "'app'@'localhost'", "'by_role'@'%'", "'o''neil'@'%'", "event nightly", "event old"], "{view}");

    // What goes away under the fence is not missed, and what comes is seen.
    let fence = |arguments: &[&str]| ground.greenroom().arg("fence").args(arguments).finish();
    fence(&["raise", "--yes"]).expect_code(0);
    ground.fill("drop event nightly; drop user 'by_role'@'%'; create user 'late'@'%'; grant all on fence_0.* to 'late'@'%'");
    let seen = fence(&[]);
    assert!(seen.stdout.contains("may come in all the same: 'late'@'%'"), "{seen:?}");
    fence(&["lift"]).expect_code(0);
    assert_eq!(
        server
            .maintenance()
            .query("select count(*) from mysql.global_priv where user = 'app' and json_value(priv, '$.account_locked') in (1, 'true')"),
        "0"
    );

    // Prepared transactions are nobody's session; a login that may not see others is no keeper.
    ground.fill("xa start 'x'; insert into recorded values (-5); xa end 'x'; xa prepare 'x'");
    server.maintenance().run("revoke process on *.* from 'keeper'@'localhost'");
    let refused = fence(&["raise", "--yes"]);
    for words in ["prepared transactions can be committed at any time", "lacks PROCESS: grant PROCESS on *.* to 'keeper'@'localhost'"] {
        assert!(refused.code == Some(1) && refused.stderr.contains(words), "{words}: {refused:?}");
    }
    ground.fill("xa rollback 'x'");
}
