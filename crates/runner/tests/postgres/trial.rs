//! Backups of a real server, tried while production does not answer: every form that a dump has, what is refused, and a process that dies.

use crate::scene::{AtRows, Scene, failed};
use greenroom_model::run::Failure;
use greenroom_runner::execute::Ended;
use greenroom_runner::session::{Session, SessionError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Notify;

/// A scene whose program has a quarantine and whose production does not answer.
fn away(scene: &Scene) {
    scene.configure("", "[quarantine]\nexpires_days = 1\n");
    let path = scene.folder.path().join("greenroom.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let (host, port) = (scene.production.socket().display().to_string(), scene.production.port());
    let nowhere = text.replacen(&format!("host = \"{host}\"\nport = {port}"), "host = \"127.0.0.1\"\nport = 1", 1);
    assert_ne!(text, nowhere);
    std::fs::write(&path, nowhere).unwrap();
}

/// A dump of production.
fn dump(scene: &Scene, arguments: &[&str], name: &str) -> PathBuf {
    let path = scene.folder.path().join(name);
    let done = scene.production.command("pg_dump").args(arguments).arg("-f").arg(&path).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
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
async fn a_dump_of_any_form_is_restored_rehearsed_and_dropped_while_production_is_away() {
    let server = greenroom_testkit::postgres!();
    let scene = Scene::new(server, "trial", 60);
    server.role("trial_app", "pw", "");
    scene.production.run(
        "alter table jobs owner to trial_app; grant select on client to trial_app; comment on database trial is 'production'; \
         create function twice(n int) returns int begin atomic select n * 2; end; create publication everything for table client; \
         alter table visit enable row level security; create policy own on visit to trial_app using (true)",
    );
    away(&scene);
    let session = scene.session();
    assert!(session.plan().await.is_err(), "production does not answer");
    let forms: [(&[&str], &str); 6] = [
        (&["-Fc"], "custom.dump"),
        (&["-Fd"], "folder.dump"),
        (&["-Ft"], "tar.dump"),
        (&["-Fp"], "plain.sql"),
        (&["-Fp", "--create"], "create.sql"),
        (&["-Fp", "--inserts", "--clean"], "inserts.sql"),
    ];
    for (arguments, name) in forms {
        let backup = dump(&scene, arguments, name);
        assert_eq!(trial(&session, &backup).await, Ended::Finished, "{name}");
        scene.whole(60);
        scene.nothing_raw();
        assert_eq!(scene.pilot().query("select twice(21)"), "42");
        assert_eq!(raw_databases(&scene), Vec::<String>::new(), "{name}");
        let restore = session.history().unwrap().runs.into_iter().rev().nth(1).unwrap();
        let outcome = restore.outcome_of(|a| matches!(a, greenroom_model::plan::Action::Restore)).unwrap().clone();
        assert!(outcome.notes.iter().any(|n| n.starts_with("owners:")), "{name}: {:?}", outcome.notes);
        session.undo(None).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_raw_copy_lets_nobody_in_and_is_never_opened() {
    let server = greenroom_testkit::postgres!();
    let scene = Scene::new(server, "sealed", 10);
    server.role("curious", "pw", "");
    away(&scene);
    let session = scene.session();
    let backup = session.recognise(&dump(&scene, &["-Fc"], "b")).await.unwrap();
    let (hash, plan) = session.plan_restore(&backup, true).await.unwrap();
    assert_eq!(session.start(hash, &plan, false).await.unwrap().1, Ended::Finished);
    let raw = server.existing(&raw_databases(&scene)[0]);
    let come_in = raw.command("psql").env_remove("PGUSER").args(["-X", "-c", "select 1", &raw.tcp_url("curious", "pw")]).output().unwrap();
    assert!(!come_in.status.success());
    let mut quarantine = session.engines().quarantine().await.unwrap();
    let opened = quarantine.admit(raw.name(), &greenroom_engine::Admission::Everybody { mode: 0 }).await;
    assert!(opened.unwrap_err().message.contains("never opened"));

    // It is listed with its time, found again by the backup's content, and dropped by name.
    let listed = session.databases().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].role.as_str(), listed[0].until), ("raw copy", Some(plan.raw.as_ref().unwrap().until)));
    assert_eq!(session.standing_copy(backup.hash).await.unwrap().map(|r| r.name), Some(raw.name().to_owned()));
    session.drop_database(raw.name()).await.unwrap();
    assert_eq!(session.standing_copy(backup.hash).await.unwrap(), None);
    assert!(session.databases().await.unwrap().is_empty());
    assert!(raw_databases(&scene).is_empty());
}

/// What a restore fails with, after it is undone.
async fn refused(scene: &Scene, session: &Session, text: &str) -> Failure {
    let path = scene.folder.path().join("bad.sql");
    std::fs::write(&path, text).unwrap();
    let failure = failed(trial(session, &path).await);
    let shown = format!("{failure:?}");
    assert!(!crate::scene::NEEDLES.iter().any(|n| shown.contains(n)), "{shown}");
    assert!(matches!(session.undo(None).await.unwrap().1, Ended::Undone));
    assert!(raw_databases(scene).is_empty());
    failure
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_foreign_code_and_what_reaches_outside_is_refused() {
    let server = greenroom_testkit::postgres!();
    let scene = Scene::new(server, "foreign", 10);
    away(&scene);
    let session = scene.session();
    let whole = std::fs::read_to_string(dump(&scene, &["-Fp"], "whole.sql")).unwrap();
    let end = "--\n-- PostgreSQL database dump complete\n--\n";
    let with = |line: &str| whole.replace(end, &format!("{line}\n{end}"));
    let touched = scene.folder.path().join("touched");
    for line in [
        format!("\\! touch {}", touched.display()),
        "\\o /tmp/greenroom-out".to_owned(),
        "\\copy client to program 'cat'".to_owned(),
        "\\connect postgres".to_owned(),
        format!("COPY client TO PROGRAM 'touch {}';", touched.display()),
        "ALTER SYSTEM SET work_mem = '1GB';".to_owned(),
        "CREATE ROLE foreign_boss SUPERUSER;".to_owned(),
        "DROP DATABASE postgres;\nCREATE DATABASE other;".to_owned(),
    ] {
        let f = refused(&scene, &session, &with(&line)).await;
        assert_eq!(f.code, "GR0732", "{line}: {f:?}");
    }
    assert!(!touched.exists());
    assert_eq!(server.maintenance().query("select count(*) from pg_roles where rolname = 'foreign_boss'"), "0");
    // A row that does not fit says where, and not what.
    let f = refused(&scene, &session, &whole.replacen("\tWanda Realname", "\t\\N\tWanda Realname", 1)).await;
    assert!(f.message.contains("line"), "{f:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_archive_says_so_and_leaves_nothing() {
    let server = greenroom_testkit::postgres!();
    let scene = Scene::new(server, "damaged", 200);
    away(&scene);
    let session = scene.session();
    let custom = std::fs::read(dump(&scene, &["-Fc"], "whole")).unwrap();
    let cut = scene.folder.path().join("cut");
    std::fs::write(&cut, &custom[..custom.len() * 2 / 3]).unwrap();
    let f = failed(trial(&session, &cut).await);
    assert!(f.code == "GR0732" && f.message.contains("pg_restore cannot read it"), "{f:?}");
    session.undo(None).await.unwrap();
    let mut newer = custom;
    (newer[5], newer[6]) = (1, 99);
    std::fs::write(&cut, newer).unwrap();
    let f = failed(trial(&session, &cut).await);
    assert!(f.message.contains("newer pg_dump") && f.hint.is_some(), "{f:?}");
    session.undo(None).await.unwrap();
    assert!(raw_databases(&scene).is_empty() && session.databases().await.unwrap().is_empty());
    let plain = std::fs::read(dump(&scene, &["-Fp"], "plain")).unwrap();
    std::fs::write(&cut, &plain[..plain.len() / 2]).unwrap();
    let Err(SessionError::Refused { code, message, .. }) = session.recognise(&cut).await else { panic!() };
    assert!(code == "GR0732" && message.contains("cut off"), "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_while_it_restores_leaves_nothing_that_is_not_listed() {
    let server = greenroom_testkit::postgres!();
    let scene = Scene::new(server, "dying", 4000);
    away(&scene);
    let path = dump(&scene, &["-Fp"], "b.sql");
    for undo in [false, true] {
        let begun = Arc::new(Notify::new());
        let tell = begun.clone();
        let session = scene.observed(AtRows::of("restore", move || tell.notify_one()));
        let backup = session.recognise(&path).await.unwrap();
        let (hash, plan) = session.plan_restore(&backup, false).await.unwrap();
        // The process dies: everything it has is dropped where it stands.
        let died = tokio::select! {
            biased;
            () = async { begun.notified().await; while raw_databases(&scene).is_empty() { tokio::task::yield_now().await; } } => true,
            _ = session.start(hash, &plan, false) => false,
        };
        assert!(died, "the restore was over too early");
        drop(session);
        let session = scene.session();
        let listed = session.databases().await.unwrap();
        assert!(listed.iter().any(|k| k.role == "half-restored raw copy" && k.until.is_some()), "{listed:?}");
        assert!(session.standing_copy(backup.hash).await.unwrap().is_none(), "half a copy is taken for a whole one");
        if undo {
            assert_eq!(session.undo(None).await.unwrap().1, Ended::Undone);
        } else {
            let (id, ended) = session.resume(None, false).await.unwrap();
            assert_eq!(ended, Ended::Finished);
            let state = session.find_run(Some(&id.0)).unwrap();
            let raw = session.left_to_rehearse(&state).await.unwrap().unwrap();
            let (hash, plan, _) = session.plan_over(&raw).await.unwrap();
            assert_eq!(session.start(hash, &plan, false).await.unwrap().1, Ended::Finished);
            scene.whole(4000);
        }
        assert!(raw_databases(&scene).is_empty());
        assert!(session.databases().await.unwrap().iter().all(|k| !k.role.contains("raw")));
    }
}
