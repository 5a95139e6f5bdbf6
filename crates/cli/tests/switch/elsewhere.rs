//! Production that moves: to another server, to another folder, under another name. Refused until its people are known there, killed on the way, carried through.

use super::{COLUMNS, PATIENCE, TABLES, rounds};
use crate::ground::{Ground, Mysql, Postgres, Sqlite};
use greenroom_testkit::proc::wait_until;
use greenroom_testkit::recorder::Recorder;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Runs a statement as somebody on the other server, rows on lines.
type Asked<'g> = dyn Fn(&str) -> Result<String, String> + 'g;

/// A production that moves to another server.
struct Elsewhere<'g> {
    ground: &'g dyn Ground,
    /// The program's `[target]`, and the beginning of its `[switch]`.
    target: String,
    recorder: Box<dyn Fn() -> Recorder + 'g>,
    backup: Box<dyn Fn() -> PathBuf + 'g>,
    /// Makes production's people known there.
    known: Option<Box<dyn Fn() + 'g>>,
    /// Databases of ours on the other server.
    left: Box<dyn Fn() -> String + 'g>,
    app_there: Box<Asked<'g>>,
    /// As one who has rights on a view only.
    reader_there: Option<Box<Asked<'g>>>,
    /// Why the application cannot write to the former production.
    app_here: Box<dyn Fn() -> String + 'g>,
    /// Drops the former production by hand, where Greenroom can drop nothing.
    dropped: Option<Box<dyn Fn() + 'g>>,
}

/// Production moves: refused until its people are known there, killed on the way, carried through. Nothing that was acknowledged is missing, and nobody can write to
/// both.
fn moved(scene: &Elsewhere<'_>) {
    let program = scene.ground.folder().join("program");
    fs::create_dir_all(program.join("upgrade")).unwrap();
    let settings = program.join("greenroom.toml");
    let text = format!(
        "{}[dress]\nunmasked = true\n[fence]\ndrain_seconds = 1\n[quarantine]\n{}{}minutes = 60\n",
        scene.ground.databases(),
        if scene.ground.engine() == "sqlite" { "path = \"quarantine\"\n" } else { "" },
        scene.target
    );
    fs::write(&settings, format!("{text}rollback_hours = 48\n")).unwrap();
    fs::write(program.join("columns.toml"), COLUMNS).unwrap();
    fs::write(program.join("upgrade/1.sql"), "alter table client add active integer;\nupdate client set active = 1;\ndrop table spare;\n")
        .unwrap();
    let run = |arguments: &[&str]| scene.ground.greenroom().args(arguments).finish();
    let done = |arguments: &[&str], code: i32| {
        let ended = run(arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
        ended
    };
    let recorder = (scene.recorder)();
    let works = |what: &str| {
        let so_far = recorder.acknowledged().len();
        wait_until(&format!("the program writes ({what})"), PATIENCE, || recorder.acknowledged().len() > so_far + 2);
    };
    works("at the beginning");
    let refused = done(&["switch", "--preview"], 4).stdout;
    let strange = refused.contains("GR0766") && refused.contains("is not known on the target's server");
    assert_eq!(strange, scene.known.is_some(), "{refused}");
    assert!(refused.contains("what users write there cannot be carried back"), "{refused}");
    if let Some(known) = &scene.known {
        known();
    }
    fs::write(&settings, text).unwrap();
    if scene.ground.engine() == "sqlite" {
        let refused = done(&["switch", "--preview"], 4).stdout;
        assert!(refused.contains("the files `reports` were never copied"), "{refused}");
        done(&["files", "copy", "--quiet"], 0);
    }
    done(&["dress", "--quiet"], 0);
    done(&["prove", (scene.backup)().to_str().unwrap(), "--yes", "--quiet"], 0);
    done(&["switch", "--preview"], 0);
    let empty = (scene.left)();
    assert_eq!(empty.trim(), "", "a dress rehearsal left something behind");
    for n in 0..rounds(2) {
        let what = format!("moved, round {n}");
        let switch = scene.ground.greenroom().args(["switch", "--now", "--yes"]);
        match n % 4 {
            0 => switch.kill_at_line(|line| line.starts_with("create the sealed generation")),
            1 => switch.kill_at_line(|line| line.starts_with("shut everybody out of production")),
            2 => switch.kill_at_line(|line| line.starts_with("testers look at it")),
            _ => switch.kill_after(Duration::from_millis(100 + n * 397 % 1500)),
        };
        let status: serde_json::Value = serde_json::from_str(&run(&["status", "--json"]).stdout).unwrap();
        if status["run"]["kind"] == "switch" && !["undone", "finished"].contains(&status["run"]["standing"].as_str().unwrap()) {
            scene.ground.greenroom().args(["undo", "--yes"]).kill_after(Duration::from_millis(n * 61 % 300));
            let undone = run(&["undo", "--yes", "--quiet"]);
            assert!(undone.code == Some(0) || undone.stderr.contains("undone"), "{what}: {undone:?}");
        }
        works(&what);
        assert_eq!((scene.left)().trim(), "", "{what}: left behind");
    }
    done(&["switch", "--now", "--yes", "--quiet"], 5);
    assert!((scene.app_there)("insert into recorded values (-3)").is_err(), "users are in before testers have decided");
    done(&["answer", "accept", "--quiet"], 0);
    scene.ground.greenroom().args(["resume"]).kill_after(Duration::from_millis(40));
    done(&["resume", "--quiet"], 0);
    let stored: BTreeSet<u64> = (scene.app_there)("select n from recorded").unwrap().lines().map(|n| n.trim().parse().unwrap()).collect();
    let missing: Vec<u64> = recorder.acknowledged().into_iter().filter(|n| !stored.contains(n)).collect();
    assert!(missing.is_empty(), "acknowledged and not stored: {missing:?}");
    (scene.app_there)("insert into recorded values (-2)").unwrap();
    if let Some(reader_there) = &scene.reader_there {
        assert_eq!(reader_there("select name from names order by 1").unwrap(), "Ann Real\nBob Real");
        assert!(reader_there("select * from client").is_err(), "more rights than in production");
        assert!(reader_there("select * from code").is_err(), "rights on a database whose name differs in case");
        if scene.ground.engine() == "mysql" {
            assert_eq!(reader_there("select name from through order by 1").unwrap(), "Ann Real\nBob Real", "a locked account's rights");
        }
    }
    let why = (scene.app_here)();
    assert!(["permission denied for database", "is locked", "fenced by greenroom"].iter().any(|w| why.contains(w)), "{why}");
    let status = done(&["status"], 0).stdout;
    assert!(!status.contains("waiting"), "{status}");
    assert!(status.contains("former production"), "{status}");
    retired(scene);
}

/// What was production, and stayed where it was, is listed, and retired: by name, or by a person's hand where Greenroom can drop nothing.
fn retired(scene: &Elsewhere<'_>) {
    let done = |arguments: &[&str], code: i32| {
        let ended = scene.ground.greenroom().args(arguments).finish();
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
        ended
    };
    let list: serde_json::Value = serde_json::from_str(&done(&["retire", "--json"], 0).stdout).unwrap();
    let former = list["former_productions"][0]["name"].as_str().unwrap().to_owned();
    assert!(done(&["leftovers"], 0).stdout.contains("former production"));
    assert!(done(&["retire", &former, "--yes"], 1).stderr.contains("GR0773"));
    match &scene.dropped {
        None => {
            assert!(done(&["retire", &former, "--early", "--by-hand"], 1).stderr.contains("where Greenroom can drop it"));
            done(&["retire", &former, "--early", "--yes"], 0);
        }
        Some(dropped) => {
            let refused = done(&["retire", &former, "--early", "--yes"], 1).stderr;
            assert!(refused.contains("GR0794") && refused.contains("DROP DATABASE"), "{refused}");
            assert!(done(&["retire", &former, "--early", "--by-hand"], 1).stderr.contains("still stands"));
            dropped();
            assert!(done(&["retire"], 0).stdout.contains("not seen now"));
            assert!(done(&["retire", &former, "--early", "--by-hand"], 0).stdout.contains("dropped by hand"));
        }
    }
    assert!(done(&["retire"], 0).stdout.contains("nothing that was production"));
    assert!(!done(&["leftovers"], 0).stdout.contains("former production"));
    (scene.app_there)("insert into recorded values (-4)").unwrap();
}

#[test]
fn production_moves_to_another_folder_on_sqlite() {
    let ground = Sqlite::new();
    ground.fill(&format!("pragma journal_mode = wal; {TABLES} create table counted (id integer primary key, t text)"));
    let (file, new) = (ground.folder().join("source.db"), ground.folder().join("new/clinic.db"));
    fs::create_dir(ground.folder().join("new")).unwrap();
    let reports = ground.folder().join("reports");
    fs::create_dir_all(reports.join("2026")).unwrap();
    fs::write(reports.join("2026/a.txt"), "visits of January").unwrap();
    let path = ground.folder().join("backup.db");
    let names = || fs::read_dir(ground.folder().join("new")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let write = |file: &std::path::Path, sql: &str| -> Result<String, String> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
        let connection = rusqlite::Connection::open_with_flags(file, flags).map_err(|e| e.to_string())?;
        if !sql.starts_with("select") {
            return connection.execute(sql, []).map(|n| n.to_string()).map_err(|e| e.to_string());
        }
        let mut query = connection.prepare(sql).map_err(|e| e.to_string())?;
        let rows: Vec<String> =
            query.query_map([], |r| r.get::<_, i64>(0)).map_err(|e| e.to_string())?.map(|n| n.unwrap().to_string()).collect();
        Ok(rows.join("\n"))
    };
    let mode = |file: &std::path::Path| {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(file).unwrap().mode()
    };
    let modes = std::cell::Cell::new(None);
    moved(&Elsewhere {
        ground: &ground,
        target: "[files.reports]\nfrom = \"../reports\"\nto = \"../new-reports\"\n[switch]\nstrategy = \"server-move\"\nname = \"../new/clinic.db\"\n".to_owned(),
        recorder: Box::new(|| Recorder::sqlite_by_name(&file)),
        backup: Box::new(|| {
            let copy = format!("vacuum into '{}'", path.display());
            rusqlite::Connection::open(&file).unwrap().execute_batch(&copy).unwrap();
            path.clone()
        }),
        known: None,
        left: Box::new(|| names().filter(|n| !n.ends_with("-lock")).collect()),
        app_there: Box::new(|sql| write(&new, sql)),
        reader_there: None,
        app_here: Box::new(|| {
            modes.set(Some((mode(&new), mode(&file))));
            write(&file, "insert into recorded values (-1)").expect_err("the former production is open")
        }),
        dropped: None,
    });
    let (new_mode, former_mode) = modes.get().unwrap();
    assert_eq!(new_mode, former_mode);
    assert!(!file.exists(), "retired, and still there");
    assert_eq!(fs::read_to_string(ground.folder().join("new-reports/2026/a.txt")).unwrap(), "visits of January");
}

#[test]
fn production_moves_to_another_server_on_postgres() {
    let server = greenroom_testkit::postgres!();
    let binaries = greenroom_testkit::pg::Binaries::find().unwrap();
    let other = greenroom_testkit::pg::Server::start(&binaries, &[]);
    // The same names have other identities there.
    for n in 0..3 {
        other.role(&format!("somebody{n}"), "secret", "");
    }
    postgres_moves(server, &other, Postgres::new(server, "moved"), None);
}

#[test]
fn production_is_moved_and_renamed_on_postgres() {
    let server = greenroom_testkit::postgres!();
    postgres_moves(server, server, Postgres::new(server, "renamed"), Some("Moved \"new\" one"));
}

fn postgres_moves(server: &greenroom_testkit::pg::Server, other: &greenroom_testkit::pg::Server, ground: Postgres, renamed: Option<&str>) {
    // Roles are the server's, which other tests use, too.
    let stem = if renamed.is_some() { "renamed" } else { "moved" };
    let (app, reader) = (format!("{stem} app"), format!("{stem} reader"));
    server.role(&app, "secret", "");
    server.role(&reader, "secret", "");
    let name = ground.query("source", "select current_database()").unwrap();
    ground.fill(&format!(
        "{TABLES} create table counted (id int primary key, t varchar(9)); create view names as select name from client; grant select on names to \"{reader}\"; alter table recorded owner to \"{app}\";
         alter database {name} owner to \"{app}\"; revoke all on database {name} from public; grant connect on database {name} to \"{reader}\""
    ));
    let database = server.existing(&name);
    let new = renamed.map_or_else(|| name.clone(), str::to_owned);
    let there = |user: &str, sql: &str| {
        let mut psql = other.existing(&new).command("psql");
        psql.env("PGHOST", "127.0.0.1").env("PGUSER", user).env("PGPASSWORD", "secret");
        let ended = psql.args(["-X", "-A", "-t", "-c", sql]).output().unwrap();
        if ended.status.success() {
            Ok(String::from_utf8_lossy(&ended.stdout).trim().to_owned())
        } else {
            Err(String::from_utf8_lossy(&ended.stderr).into_owned())
        }
    };
    let path = ground.folder().join("backup.dump");
    moved(&Elsewhere {
        ground: &ground,
        target: match renamed {
            Some(name) => format!("[switch]\nstrategy = \"server-move\"\nname = '{name}'\n"),
            None => format!(
                "[target]\nhost = \"{}\"\nport = {}\nuser = \"postgres\"\n[switch]\nstrategy = \"server-move\"\n",
                other.socket().display(),
                other.port()
            ),
        },
        recorder: Box::new(|| Recorder::postgres(&database, &app, "secret")),
        backup: Box::new(|| {
            let dumped = database.command("pg_dump").args(["-Fc", "-f"]).arg(&path).output().unwrap();
            assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
            path.clone()
        }),
        known: match renamed {
            Some(_) => None,
            None => Some(Box::new(|| {
                other.role(&reader, "secret", "");
                other.role(&app, "secret", "");
            })),
        },
        left: Box::new(|| {
            let like = if renamed.is_some() { "Moved%" } else { "%moved%" };
            other.maintenance().query(&format!("select string_agg(datname, ' ' order by 1) from pg_database where datname like '{like}'"))
        }),
        app_there: Box::new(|sql| there(&app, sql)),
        reader_there: Some(Box::new(|sql| there(&reader, sql))),
        app_here: Box::new(|| {
            let mut psql = database.command("psql");
            psql.env("PGHOST", "127.0.0.1").env("PGUSER", &app).env("PGPASSWORD", "secret");
            let ended = psql.args(["-X", "-c", "insert into recorded values (-1)"]).output().unwrap();
            String::from_utf8_lossy(&ended.stderr).into_owned()
        }),
        dropped: match renamed {
            Some(_) => None,
            None => Some(Box::new(|| drop(server.maintenance().query(&format!("drop database {name} with (force)"))))),
        },
    });
}

#[test]
fn production_moves_to_another_server_on_mariadb() {
    let server = greenroom_testkit::mariadb!();
    let binaries = greenroom_testkit::maria::Binaries::find().unwrap();
    let other = greenroom_testkit::maria::Server::start(&binaries, &[]);
    let ground = Mysql::new(server, "moved");
    let name = ground.query("source", "select database()").unwrap();
    let upper = name.to_uppercase();
    ground.fill(&format!(
        "{TABLES} create table counted (id int primary key, t varchar(9)); create view names as select name from client; create user moved_app@'%'; create user moved_reader@'%'; create role moved_role;
         create user moved_definer@'%' account lock; grant select on `{name}`.client to moved_definer@'%'; grant select on `{name}`.names to moved_definer@'%';
         create definer = moved_definer@'%' sql security definer view through as select name from client; grant select on `{name}`.through to moved_role;
         grant select on `{name}`.spare to moved_role; grant select on `{upper}`.* to moved_reader@'%';
         grant select, insert, update, delete on `{}`.* to moved_app@'%'; grant select on `{name}`.names to moved_role; grant moved_role to moved_reader@'%';
         set default role moved_role for moved_reader@'%'",
        name.replace('_', "\\_")
    ));
    let database = server.existing(&name);
    let there = |user: &str, sql: &str| other.existing(&name).try_run_as(user, sql).map(|out| out.trim().replace('\t', "|"));
    let path = ground.folder().join("backup.sql");
    moved(&Elsewhere {
        ground: &ground,
        target: format!("[target]\nhost = \"{}\"\nuser = \"root\"\n[switch]\n", other.socket().display()),
        recorder: Box::new(|| Recorder::mariadb(&database, "moved_app")),
        backup: Box::new(|| {
            let mut dump = std::process::Command::new("mariadb-dump");
            let dumped = dump.arg("--no-defaults").arg(format!("--socket={}", server.socket().display())).args([
                "-uroot",
                "--single-transaction",
                "--routines",
                &name,
            ]);
            let dumped = dumped.output().unwrap();
            assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
            fs::write(&path, dumped.stdout).unwrap();
            path.clone()
        }),
        known: Some(Box::new(|| {
            other.maintenance().run(
                "create user moved_app@'%'; create user moved_reader@'%'; create user moved_definer@'%'; create role moved_role; grant moved_role to moved_reader@'%';
                 set default role moved_role for moved_reader@'%'",
            );
        })),
        left: Box::new(|| {
            let ours = "select group_concat(schema_name) from information_schema.schemata where schema_name like '%moved%'";
            let names = other.maintenance().try_run("select name from greenroom.pilot_name").unwrap_or_default();
            format!("{}{names}", other.maintenance().query(ours).replace("NULL", ""))
        }),
        app_there: Box::new(|sql| there("moved_app", sql)),
        reader_there: Some(Box::new(|sql| there("moved_reader", sql))),
        app_here: Box::new(|| {
            database.try_run_as("moved_app", "insert into recorded values (-1)").expect_err("the former production is open")
        }),
        dropped: Some(Box::new(|| server.maintenance().run(&format!("drop database `{name}`")))),
    });
}
