//! Rehearsals that must not begin, and those that are disturbed midway: what stood before is untouched, and `resume` finishes them.

use crate::scene::{AtRows, SECOND, Scene, failed, refused, rehearse};
use greenroom_runner::execute::Ended;
use greenroom_runner::session::SessionError;
use std::sync::Arc;
use std::time::Duration;

/// Slow enough that the copy is still going on when something is done to it.
const SLOW: &str = "[copy]\nworkers = 2\nrange_rows = 400\ngive_way_seconds = 1\nmax_bytes_per_second = 150000";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_must_not_begin_is_refused_and_changes_nothing() {
    let server = greenroom_testkit::postgres!();
    let scene = Scene::new(server, "refused", 5);
    let before = scene.production_digest();

    // A foreign database under the pilot's name, and the source itself.
    server.maintenance().run(&format!("create database {}", scene.pilot));
    assert!(refused(&scene.session()).await.iter().any(|f| f.code == "GR0503"));
    server.maintenance().run(&format!("drop database {}", scene.pilot));
    let text = std::fs::read_to_string(scene.folder.path().join("greenroom.toml")).unwrap();
    let name = |n: &str| format!("name = \"{n}\"");
    scene.file("greenroom.toml", &text.replace(&name(&scene.pilot), &name(scene.production.name())));
    let itself = greenroom_runner::session::read(scene.folder.path()).unwrap();
    assert!(itself.program.is_none() && itself.findings.iter().any(|f| f.code == "GR0114"));

    // A login that may not read.
    server.role("blind", "pw", "");
    scene.configure_as("blind", "", "");
    scene.production.run("grant select on setting to blind");
    let findings = refused(&scene.session()).await;
    assert!(
        findings
            .iter()
            .any(|f| f.code == "GR0505" && f.hint.as_deref().unwrap_or_default().contains("grant select on table \"public\".\"client\"")),
        "{findings:?}"
    );

    // The schema drifts between plan and run.
    scene.configure("", "");
    let session = scene.session();
    let (hash, plan, _) = session.plan().await.unwrap();
    scene.production.run("alter table client add insurance text");
    let failure = failed(session.start(hash, &plan, false).await.unwrap().1);
    assert_eq!(failure.code, "GR0501");
    assert_eq!(session.undo(None).await.unwrap().1, Ended::Undone);
    assert!(refused(&session).await.iter().any(|f| f.message.contains("insurance")));
    scene.production.run("alter table client drop insurance");
    assert!(scene.databases().is_empty());
    assert_eq!(scene.production_digest(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_fails_is_shown_with_its_line_and_the_former_pilot_stays() {
    let server = greenroom_testkit::postgres!();
    let scene = Scene::new(server, "script", 20);
    let session = scene.session();
    assert_eq!(rehearse(&session).await.1, Ended::Finished);
    let stood = scene.databases();
    scene.file("upgrade/V2__level.sql", "alter table client add level int;\nupdate client\n  set level = name::int;\n");
    let session = scene.session();
    let failure = failed(rehearse(&session).await.1);
    assert_eq!(failure.code, "GR0716");
    assert!(failure.message.contains("upgrade/V2__level.sql, line 2, statement 2 of 2"), "{failure:?}");
    let shown = format!("{failure:?}");
    assert!(shown.contains("set level = name::int") && !shown.contains("Realname"), "{shown}");
    assert_eq!(scene.databases().len(), 2, "the generation is kept for looking");
    scene.whole(20);
    scene.nothing_raw();
    // Mended files need a new plan: the run is undone first.
    scene.file("upgrade/V2__level.sql", SECOND);
    let session = scene.session();
    assert_eq!(session.undo(None).await.unwrap().1, Ended::Undone);
    assert_eq!(scene.databases(), stood);
    assert_eq!(rehearse(&session).await.1, Ended::Finished);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_copy_gives_way_to_whoever_waits_to_change_production() {
    let server = greenroom_testkit::postgres!();
    for (name, change) in [("waits_a", "truncate queue, visit"), ("waits_b", "alter table visit add changed int")] {
        let scene = Scene::new(server, name, 1500);
        scene.configure("", SLOW);
        let production = scene.production.clone();
        let waiting = Arc::new(std::sync::Mutex::new(None));
        let (slot, sql) = (waiting.clone(), change.to_owned());
        let observer = AtRows::of("copy:client", move || {
            let (production, sql) = (production.clone(), sql.clone());
            *slot.lock().unwrap() = Some(std::thread::spawn(move || production.run(&sql)));
        });
        let session = scene.observed(observer);
        let failure = failed(rehearse(&session).await.1);
        assert_eq!(failure.code, "GR0506", "{failure:?}");
        assert!(failure.message.contains("postgres"), "{failure:?}");
        // The locks are gone: the change goes through without anybody's help.
        waiting.lock().unwrap().take().unwrap().join().unwrap();
        let ended = session.resume(None, false).await.unwrap().1;
        if change.starts_with("truncate") {
            assert_eq!(ended, Ended::Finished, "the same schema: the run goes on with what is there now");
            assert_eq!(scene.pilot().query("select count(*) from visit"), "0");
            assert_eq!(scene.pilot().query("select count(*) from client"), "1500");
        } else {
            assert!(matches!(ended, Ended::Failed(..)), "another schema: {ended:?}");
            assert_eq!(session.undo(None).await.unwrap().1, Ended::Undone);
            assert!(scene.databases().is_empty());
        }
        scene.nothing_raw();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_whose_connections_are_killed_midway_fails_and_is_finished_by_resume() {
    let server = greenroom_testkit::postgres!();
    for (name, whose) in [("lost_source", "datname = 'lost_source_0'"), ("lost_target", "datname like 'lost_target_pilot_gr%'")] {
        let scene = Scene::new(server, name, 1500);
        let whose = whose.replace("lost_source_0", scene.production.name());
        scene.configure("", SLOW);
        let maintenance = server.maintenance();
        let sql =
            format!("select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name like 'greenroom %' and {whose}");
        let observer = AtRows::of("copy:client", move || assert_ne!(maintenance.query(&sql), "0"));
        let session = scene.observed(observer.clone());
        let failure = failed(rehearse(&session).await.1);
        assert!(observer.acted());
        assert!(["GR0701", "GR0507"].contains(&failure.code.as_str()), "{failure:?}");
        scene.nothing_raw();
        // Meanwhile production went on.
        scene
            .production
            .run("update visit set state = 'late' where id <= 100; delete from visit where id > 1400; delete from client where id > 1400");
        assert_eq!(session.resume(None, false).await.unwrap().1, Ended::Finished);
        assert_eq!(scene.pilot().query("select count(*) from visit where state = 'late'"), "100");
        assert_eq!(scene.pilot().query("select count(*) from client where level = 1"), "1400");
        scene.nothing_raw();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_runs_at_once_are_refused_also_from_another_workspace() {
    let server = greenroom_testkit::postgres!();
    let scene = Scene::new(server, "busy", 1500);
    scene.configure("", SLOW);
    let begun = Arc::new(tokio::sync::Notify::new());
    let notify = begun.clone();
    let session = scene.observed(AtRows::of("copy:client", move || notify.notify_one()));
    let (hash, plan, _) = session.plan().await.unwrap();
    let running = tokio::spawn(async move { session.start(hash, &plan, false).await });
    begun.notified().await;
    let second = scene.session();
    assert!(second.busy().unwrap());
    let (hash, plan, _) = second.plan().await.unwrap();
    let code = match second.start(hash, &plan, false).await {
        Err(SessionError::Refused { code, .. }) => code,
        other => panic!("{other:?}"),
    };
    assert_eq!(code, "GR0723");
    // Another workspace knows nothing of the file lock, but the server does.
    let elsewhere = greenroom_testkit::files::folder();
    for path in greenroom_testkit::files::tree(scene.folder.path()) {
        let relative = path.strip_prefix(scene.folder.path()).unwrap();
        if !relative.starts_with(".greenroom") {
            greenroom_testkit::files::write(elsewhere.path(), relative.to_str().unwrap(), std::fs::read(&path).unwrap());
        }
    }
    let third = crate::scene::open(elsewhere.path(), Arc::new(greenroom_runner::ports::Silent));
    let (hash, plan, _) = third.plan().await.unwrap();
    let error = third.start(hash, &plan, false).await.unwrap_err().to_string();
    assert!(error.contains("working on the pilot"), "{error}");
    assert!(third.history().unwrap().runs.is_empty(), "a run that could not have the lock is not on record as begun");
    let ended = tokio::time::timeout(Duration::from_secs(60), running).await.unwrap().unwrap().unwrap().1;
    assert_eq!(ended, Ended::Finished);
    scene.whole(1500);
}

/// The process that is killed in the midst of a statement; does nothing when it is run as a test of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sleeper() {
    let Ok(folder) = std::env::var("GREENROOM_TEST_SLEEPER") else { return };
    let session = crate::scene::open(std::path::Path::new(&folder), Arc::new(greenroom_runner::ports::Silent));
    let ended = rehearse(&session).await;
    panic!("nothing killed this process: {ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_left_running_on_the_server_is_ended_by_the_next_and_nobody_elses() {
    let server = greenroom_testkit::postgres!();
    let scene = Scene::new(server, "takeover", 20);
    scene.file("upgrade/V3__slow.sql", "select pg_sleep(600) where current_setting('application_name') like 'greenroom %' and not exists (select from pg_stat_activity where application_name = 'awake');\n");
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "trouble::sleeper", "--nocapture"]).env("GREENROOM_TEST_SLEEPER", scene.folder.path());
    child.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut child = child.spawn().unwrap();
    let maintenance = server.maintenance();
    let asleep = "select count(*) from pg_stat_activity where query like 'select pg_sleep(600)%' and application_name like 'greenroom %' and state = 'active'";
    let until = std::time::Instant::now() + Duration::from_secs(60);
    while maintenance.query(asleep) != "1" {
        assert!(std::time::Instant::now() < until, "the script never began");
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(maintenance.query(asleep), "1", "the server does not notice the client's death during a statement");
    // A session of another Greenroom's name, and one that makes the script's sleep end when it runs again.
    let mut others: Vec<_> = ["greenroom somebodyelses", "greenroom", "awake"]
        .iter()
        .map(|name| {
            let mut psql = maintenance.command("psql");
            psql.args(["-X", "-c", "select pg_sleep(300)"]).env("PGAPPNAME", name).stdout(std::process::Stdio::null());
            psql.spawn().unwrap()
        })
        .collect();
    let names =
        "select string_agg(application_name, ',' order by application_name) from pg_stat_activity where query = 'select pg_sleep(300)'";
    while maintenance.query(names) != "awake,greenroom,greenroom somebodyelses" {
        std::thread::sleep(Duration::from_millis(50));
    }
    let began = std::time::Instant::now();
    let session = scene.session();
    assert_eq!(session.resume(None, false).await.unwrap().1, Ended::Finished);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    assert_eq!(maintenance.query(asleep), "0");
    assert_eq!(maintenance.query(names), "awake,greenroom,greenroom somebodyelses", "nobody else's session is ended");
    scene.whole(20);
    for other in &mut others {
        let _ = other.kill();
        let _ = other.wait();
    }
}
