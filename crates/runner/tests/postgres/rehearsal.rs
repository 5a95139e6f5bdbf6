//! Rehearsals that go well: the pilot, who may use it, the second one, and the way back.

use crate::scene::{Scene, rehearse};
use greenroom_model::program::Audience;
use greenroom_runner::execute::Ended;
use greenroom_testkit::writer::Writer;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehearsal_masks_neutralises_upgrades_opens_and_can_be_undone() {
    let server = greenroom_testkit::postgres!();
    let scene = Scene::new(server, "clinic", 60);
    server.role("tester", "pw", "");
    server.role("outsider", "pw", "");
    server.role("grantee", "pw", "");
    scene.production.run("grant select on client to grantee");
    scene.configure("testers = [\"tester\"]", "");
    let before = scene.production_digest();
    let session = scene.session();
    let (id, ended) = rehearse(&session).await;
    assert_eq!(ended, Ended::Finished);
    scene.whole(60);
    scene.nothing_raw();
    assert_eq!(scene.production_digest(), before);
    let run = session.find_run(None).unwrap();
    let copy = &run.verdicts.iter().find(|(_, v)| v.what == "copy").unwrap().1;
    assert!(copy.passed && copy.not_compared.iter().any(|l| l.contains("grants to grantee") && l.contains("keep_grants")), "{copy:?}");

    // Nobody comes in before it is opened, testers can work after it, nobody can once it is sealed.
    let count = |user: &str| {
        let url = scene.pilot().tcp_url(user, "pw");
        let output = scene
            .pilot()
            .command("psql")
            .env_remove("PGUSER")
            .args(["-X", "-At", "-c", "update client set filler = 'x' where id = 1; select count(*) from done", &url])
            .output()
            .unwrap();
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default().to_owned())
    };
    assert_eq!((count("tester"), count("outsider")), (None, None));
    assert!(session.admit(Audience::Testers).await.unwrap().passed);
    assert_eq!((count("tester"), count("outsider")), (Some("60".to_owned()), None));
    session.seal().await.unwrap();
    assert_eq!(count("tester"), None);
    assert!(session.verify().await.unwrap().passed);

    // The second one puts the first aside; undoing it brings the first back, with its people.
    session.admit(Audience::Testers).await.unwrap();
    let first = scene.server.maintenance().query(&format!("select oid from pg_database where datname = '{}'", scene.pilot));
    let (second, ended) = rehearse(&session).await;
    assert_eq!(ended, Ended::Finished);
    assert_ne!(second, id);
    assert_eq!(scene.databases().len(), 2);
    assert_eq!(count("tester"), None, "the new pilot is sealed until somebody opens it");
    scene.nothing_raw();
    assert_eq!(session.undo(None).await.unwrap(), (second.clone(), Ended::Undone));
    assert_eq!(scene.databases(), std::slice::from_ref(&scene.pilot));
    assert_eq!(scene.server.maintenance().query(&format!("select oid from pg_database where datname = '{}'", scene.pilot)), first);
    assert_eq!(count("tester"), Some("60".to_owned()));
    assert_eq!(session.undo(Some(&id.0)).await.unwrap().1, Ended::Undone);
    assert!(scene.databases().is_empty());
    assert_eq!(scene.production_digest(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pilot_of_a_database_that_is_written_to_is_one_moment_of_it() {
    let server = greenroom_testkit::postgres!();
    let scene = Scene::new(server, "moving", 2000);
    scene.configure("open_after = \"all\"", "[copy]\nworkers = 2\nrange_rows = 300\nmax_bytes_per_second = 3000000");
    // Every transaction keeps client and visit in step: a copy of two moments would show.
    let writer = Writer::postgres(&scene.production, Duration::from_millis(2), |n| {
        let id = 10_000 + n;
        format!(
            "begin; insert into client values ({id}, 'Wanda Realname', 'w{id}@bank-planted.com', null, 'x'); \
             insert into visit (client_id, state) values ({id}, 'done'); delete from visit where client_id = {0}; delete from client where id = {0}; commit;",
            n + 10
        )
    });
    let (_, ended) = rehearse(&scene.session()).await;
    assert!(writer.stop() > 0);
    assert_eq!(ended, Ended::Finished);
    let pilot = scene.pilot();
    assert_eq!(pilot.query("select (select count(*) from client) = (select count(*) from visit)"), "t");
    assert_eq!(pilot.query("select count(*) from client where mail like '%bank-planted%' or name like '%Realname%'"), "0");
    scene.nothing_raw();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_asks_for_no_transaction_gets_none_and_the_plan_says_so() {
    let server = greenroom_testkit::postgres!();
    let scene = Scene::new(server, "apart", 20);
    scene.file(
        "upgrade/V3__apart.sql",
        "-- migrate:up transaction:false\ncreate procedure tick() language plpgsql as $$ begin update visit set state = 'x'; commit; end $$;\n\
         call tick();\ncreate index concurrently visit_state on visit (state);\n-- migrate:down\ndrop database production;\n",
    );
    scene.configure("", "");
    scene.file(
        "greenroom.toml",
        &std::fs::read_to_string(scene.folder.path().join("greenroom.toml")).unwrap().replace("[\"client\",", "[\"client\", \"visit\","),
    );
    let session = scene.session();
    let (_, plan, _) = session.plan().await.unwrap();
    let said = plan.footprint.consequences.iter().find(|c| c.contains("V3__apart")).expect("the plan says so");
    assert!(said.contains("statement by statement") && said.contains("transaction:false"), "{said}");
    assert!(plan.steps.iter().any(|s| s.title.ends_with("(3 statements, one by one)")));
    assert_eq!(rehearse(&session).await.1, Ended::Finished);
    assert_eq!(scene.pilot().query("select indisvalid from pg_index where indexrelid = 'visit_state'::regclass"), "t");
    assert_eq!(scene.pilot().query("select count(*) from visit where state = 'x'"), "20");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_script_did_outside_the_database_is_undone_by_its_declared_inverse() {
    let server = greenroom_testkit::postgres!();
    let scene = Scene::new(server, "inverse", 20);
    let list = |more: &str| {
        format!(
            "[[step]]\nscript = \"V1__consent.sql\"\n[[step]]\nscript = \"V2__level.sql\"\n\
             [[step]]\nscript = \"V3__role.sql\"\noutside = \"a login for the portal\"\ninverse = \"undo/role.sql\"\n{more}"
        )
    };
    scene.file("upgrade/V3__role.sql", "create role inverse_portal;\ngrant select on client to inverse_portal;\n");
    scene.file("upgrade/undo/role.sql", "drop role if exists inverse_portal;\n");
    scene.file("upgrade/steps.toml", &list(""));
    let roles = "select count(*) from pg_roles where rolname = 'inverse_portal'";
    let count = || server.maintenance().query(roles);
    let session = scene.session();
    let (_, plan, _) = session.plan().await.unwrap();
    assert!(plan.footprint.consequences.iter().any(|c| c.contains("`undo` takes it back with `undo/role.sql`")), "{plan:?}");
    assert_eq!(rehearse(&session).await.1, Ended::Finished);
    assert_eq!(count(), "1");
    assert_eq!(session.undo(None).await.unwrap().1, Ended::Undone);
    assert_eq!(count(), "0");
    assert!(scene.databases().is_empty());

    // A run that fails behind it is undone the same way; a script that never began is not.
    scene.file("upgrade/V4__bad.sql", "select 1/0;\n");
    scene.file("upgrade/steps.toml", &list("[[step]]\nscript = \"V4__bad.sql\"\n"));
    let session = scene.session();
    assert!(matches!(rehearse(&session).await.1, Ended::Failed(..)));
    assert_eq!(count(), "1");
    assert_eq!(session.undo(None).await.unwrap().1, Ended::Undone);
    assert_eq!(count(), "0");
    let undone = session.find_run(None).unwrap();
    assert!(undone.undo.contains_key(&greenroom_model::run::UndoPart::Inverse), "it is in the journal: {:?}", undone.undo);

    // An inverse that cannot run leaves a named resting state; another undo goes on from there.
    scene.file("upgrade/undo/role.sql", "drop role if exists inverse_portal;\ndrop database inverse_in_the_way;\n");
    let session = scene.session();
    assert!(matches!(rehearse(&session).await.1, Ended::Failed(..)));
    let Ended::UndoFailed(failure) = session.undo(None).await.unwrap().1 else { panic!("nothing was in the way") };
    assert_eq!(failure.code, "GR0726", "{failure:?}");
    assert!(failure.message.contains("undo/role.sql"), "{failure:?}");
    assert!(scene.databases().is_empty(), "everything else is undone");
    server.maintenance().run("create database inverse_in_the_way");
    assert_eq!(session.undo(None).await.unwrap().1, Ended::Undone);
    assert_eq!(count(), "0");
}
