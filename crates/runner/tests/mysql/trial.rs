//! Dumps of a real server, tried while production does not answer: one database, events and definers, binary values, what is refused.

use crate::scene::Scene;
use greenroom_model::run::Failure;
use greenroom_runner::execute::Ended;
use greenroom_runner::session::Session;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A scene whose program has a quarantine and whose production does not answer.
fn away(scene: &Scene) {
    let host = scene.production.socket().display().to_string();
    scene.configure("", &format!("[target]\nhost = \"{host}\"\nuser = \"root\"\n[quarantine]\n"));
    let path = scene.folder.path().join("greenroom.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let nowhere = text.replacen(&format!("host = \"{host}\""), "host = \"127.0.0.1\"\nport = 1", 1);
    assert_ne!(text, nowhere);
    std::fs::write(&path, nowhere).unwrap();
}

/// A dump of production.
fn dump(scene: &Scene, arguments: &[&str], name: &str) -> PathBuf {
    let path = scene.folder.path().join(name);
    let socket = format!("--socket={}", scene.production.socket().display());
    let mut command = Command::new("mariadb-dump");
    command.args(["--no-defaults", "--user=root", &socket, "--routines", "--triggers", "--events"]).args(arguments);
    let done = command.arg(scene.production.name()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    std::fs::write(&path, done.stdout).unwrap();
    path
}

/// Restores and rehearses, as `greenroom try` does.
async fn trial(session: &Session, backup: &Path) -> Ended {
    let backup = session.recognise(backup).await.unwrap();
    let (hash, plan) = session.plan_restore(&backup, false).await.unwrap();
    let (_, ended) = session.start(hash, &plan, false).await.unwrap();
    if ended != Ended::Finished {
        return ended;
    }
    let raw = plan.raw.unwrap();
    let (hash, plan, _) = session.plan_over(&raw).await.unwrap_or_else(|e| panic!("{e:#?}"));
    session.start(hash, &plan, false).await.unwrap().1
}

fn raw_databases(scene: &Scene) -> Vec<String> {
    scene.databases().into_iter().filter(|d| d.contains("_raw")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_is_restored_rehearsed_and_dropped_while_production_is_away() {
    let server = greenroom_testkit::mariadb!();
    let scene = Scene::new(server, "trial", 60);
    scene.production.run(
        "create or replace user gone@localhost; create definer=gone@localhost function twice(n int) returns int deterministic return n * 2; \
         create table bytes (id int primary key, raw blob); insert into bytes values (1, x'00ff27225c0a0d1a'), (2, x'c3285c27');",
    );
    scene.file(
        "columns.toml",
        &(std::fs::read_to_string(scene.folder.path().join("columns.toml")).unwrap() + "[bytes]\nid = \"keep\"\nraw = \"keep\"\n"),
    );
    away(&scene);
    let session = scene.session();
    assert!(session.plan().await.is_err(), "production does not answer");
    for (arguments, name) in [
        (&["--single-transaction"][..], "plain.sql"),
        (&["--databases"], "named.sql"),
        (&["--hex-blob", "--skip-extended-insert"], "rows.sql"),
    ] {
        let backup = dump(&scene, arguments, name);
        assert_eq!(trial(&session, &backup).await, Ended::Finished, "{name}");
        scene.nothing_raw();
        let pilot = scene.pilot().unwrap();
        assert_eq!(pilot.query("select count(*), sum(level = 1) from client"), "60\t60", "{name}");
        assert_eq!(pilot.query("select group_concat(hex(raw) order by id) from bytes"), "00FF27225C0A0D1A,C3285C27", "{name}");
        assert_eq!(pilot.query("select twice(21)"), "42");
        assert_eq!(raw_databases(&scene), Vec::<String>::new(), "{name}");
        session.undo(None).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_a_raw_copy_are_off_and_nobody_comes_in() {
    let server = greenroom_testkit::mariadb!();
    let scene = Scene::new(server, "sealed", 10);
    scene.production.run("create or replace user curious@localhost");
    away(&scene);
    let session = scene.session();
    let backup = session.recognise(&dump(&scene, &[], "b.sql")).await.unwrap();
    let (hash, plan) = session.plan_restore(&backup, true).await.unwrap();
    assert_eq!(session.start(hash, &plan, false).await.unwrap().1, Ended::Finished);
    let raw = server.existing(&raw_databases(&scene)[0]);
    assert_eq!(raw.query("select status from information_schema.events where event_schema = database()"), "DISABLED");
    assert!(raw.try_run_as("curious", "select 1 from client").is_err());
    assert_eq!(session.databases().await.unwrap()[0].role, "raw copy");
    session.drop_database(raw.name()).await.unwrap();
    assert!(raw_databases(&scene).is_empty());
}

/// What a restore fails with, after it is undone.
async fn refused(scene: &Scene, session: &Session, text: &str) -> Failure {
    let path = scene.folder.path().join("bad.sql");
    std::fs::write(&path, text).unwrap();
    let Ended::Failed(_, failure) = trial(session, &path).await else { panic!("nothing was refused") };
    let shown = format!("{failure:?}");
    assert!(!crate::scene::NEEDLES.iter().any(|n| shown.contains(n)), "{shown}");
    assert!(matches!(session.undo(None).await.unwrap().1, Ended::Undone));
    assert!(raw_databases(scene).is_empty());
    failure
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_foreign_code_and_what_reaches_outside_is_refused() {
    let server = greenroom_testkit::mariadb!();
    let scene = Scene::new(server, "foreign", 10);
    away(&scene);
    let session = scene.session();
    let whole = std::fs::read_to_string(dump(&scene, &[], "whole.sql")).unwrap();
    let with = |line: &str| whole.replace("-- Dump completed", &format!("{line}\n-- Dump completed"));
    for line in [
        "USE one;\nUSE two;",
        "CREATE USER boss@localhost;",
        "GRANT ALL ON *.* TO root@localhost;",
        "SET GLOBAL max_connections = 10;",
        "INSERT INTO mysql.user VALUES ('x');",
        "SELECT 1 INTO OUTFILE '/tmp/greenroom-out';",
        "INSERT INTO queue (mail) VALUES (load_file('/etc/passwd'));",
    ] {
        let f = refused(&scene, &session, &with(line)).await;
        assert_eq!(f.code, "GR0732", "{line}: {f:?}");
    }
    // A row that does not fit says where, and not what.
    let f = refused(&scene, &session, &with("INSERT INTO client VALUES (1,'Wanda Realnamezz','x',NULL,'1980-01-01',NULL);")).await;
    assert!(f.message.contains("line") && f.message.contains("unique"), "{f:?}");
}
