//! Rehearsals of the clinic: the pilot, who may use it, the second one, the way back, and a failed script.

use crate::scene::{SECOND, Scene, rehearse};
use greenroom_model::program::Audience;
use greenroom_runner::execute::Ended;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehearsal_masks_neutralises_upgrades_opens_and_can_be_undone() {
    let server = greenroom_testkit::mariadb!();
    let scene = Scene::new(server, "clinic", 60);
    scene.production.run("create or replace user tester@localhost; create or replace user outsider@localhost");
    scene.configure("testers = [\"tester@localhost\"]", "");
    let before = scene.production_digest();
    let session = scene.session();
    let (id, ended) = rehearse(&session).await;
    assert_eq!(ended, Ended::Finished);
    scene.whole(60);
    scene.nothing_raw();
    assert_eq!(scene.production_digest(), before);

    // Nobody comes in before it is opened, testers can work after it, nobody can once it is sealed.
    let counts = |user: &str| {
        let pilot = scene.pilot().unwrap();
        pilot.try_run_as(user, "update client set filler = 'x' where id = 1; select count(*) from done").ok()
    };
    assert_eq!((counts("tester"), counts("outsider")), (None, None));
    assert!(session.admit(Audience::Testers).await.unwrap().passed);
    assert_eq!((counts("tester"), counts("outsider")), (Some("60".to_owned()), None));
    session.seal().await.unwrap();
    assert_eq!(counts("tester"), None);
    assert!(session.verify().await.unwrap().passed);

    // The second one puts the first aside; undoing it brings the first back, with its people.
    session.admit(Audience::Testers).await.unwrap();
    let first = scene.pilot().unwrap().name().to_owned();
    let (second, ended) = rehearse(&session).await;
    assert_eq!(ended, Ended::Finished);
    assert_ne!(second, id);
    assert_ne!(scene.pilot().unwrap().name(), first);
    assert_eq!(scene.databases().len(), 2);
    assert_eq!(counts("tester"), None, "the new pilot is sealed until somebody opens it");
    assert!(server.existing(&first).try_run_as("tester", "select 1 from client").is_err(), "the former pilot is sealed");
    scene.nothing_raw();
    assert_eq!(session.undo(None).await.unwrap(), (second.clone(), Ended::Undone));
    assert_eq!(scene.pilot().unwrap().name(), first);
    assert_eq!(scene.databases(), [first]);
    assert_eq!(counts("tester"), Some("60".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_script_keeps_the_former_pilot_and_says_where_it_stopped() {
    let server = greenroom_testkit::mariadb!();
    let scene = Scene::new(server, "broken", 20);
    let session = scene.session();
    assert_eq!(rehearse(&session).await.1, Ended::Finished);
    let first = scene.pilot().unwrap().name().to_owned();
    scene.file("upgrade/V2__level.sql", &format!("{SECOND}insert into client (id, name, mail, born) values (1, 'x', 'y', now());\n"));
    let session = scene.session();
    let Ended::Failed(_, failure) = rehearse(&session).await.1 else { panic!("it did not fail") };
    assert!(format!("{failure:?}").contains("line 3"), "{failure:?}");
    assert_eq!(scene.pilot().unwrap().name(), first);
    assert_eq!(session.undo(None).await.unwrap().1, Ended::Undone);
    assert_eq!(scene.databases(), [first]);
}
