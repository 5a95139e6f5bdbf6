//! Databases from outside: made sealed and marked, recognised by what stands in them, and never taken for ours when they are not (P30).

use crate::contract::scene::{Scene, conflicts, refused};
use crate::contract::{Step, Stop, promise, promises};
use crate::seam::{Admission, Marker, MarkerState};
use greenroom_model::catalog::Catalog;

promises! { "place":
    a_generation_is_sealed_marked_and_empty_from_the_start,
    a_creation_can_be_repeated,
    a_database_that_stands_there_is_not_created_over,
    what_stands_under_a_name_is_told,
    a_source_is_recognised_under_the_name_of_a_pilot,
    only_what_bears_the_marker_is_marked,
    only_what_bears_the_marker_is_dropped,
    what_was_promoted_is_never_dropped,
    people_are_let_in_and_shut_out,
    nobody_is_let_into_a_database_that_is_not_ours,
    a_database_that_is_not_ours_is_not_entered,
    rights_and_room_are_told,
}

/// A foreign database with a table, and its schema.
async fn foreign(scene: &Scene) -> Step<(String, Catalog)> {
    let name = scene.found(&["CREATE TABLE theirs (id INTEGER PRIMARY KEY)".into(), "INSERT INTO theirs VALUES (1), (2)".into()]).await?;
    let catalog = scene.ground().source(&name).await?.inspect().await?;
    Ok((name, catalog))
}

/// The foreign database is what it was.
async fn untouched(scene: &Scene, name: &str, catalog: &Catalog) -> Step {
    let mut source = scene.ground().source(name).await?;
    promise!(source.inspect().await?.fingerprint() == catalog.fingerprint(), "the foreign database's schema was changed");
    let rows = source.query_value("SELECT count(*) FROM theirs").await?;
    promise!(rows.as_deref() == Some("2"), "the foreign database's rows were changed");
    let standing = scene.target().await?.look(name).await?;
    promise!(standing.is_some_and(|s| s.marker.is_none()), "the foreign database bears a marker now");
    Ok(())
}

async fn a_generation_is_sealed_marked_and_empty_from_the_start(scene: Scene) -> Step {
    let empty = scene.found(&[]).await?;
    let like = scene.ground().source(&empty).await?.inspect().await?;
    let (name, marker) = scene.marker();
    let mut target = scene.target().await?;
    promise!(target.look(&name).await?.is_none(), "something stands under a name that is free");
    let made = target.create(&name, &marker, &like).await?;
    promise!(made.marker.as_ref() == Some(&marker), "it does not bear the marker");
    promise!(made.empty && made.bytes > 0, "it is not empty, or has no size");
    promise!(target.admission(&name).await? == Admission::Sealed, "it is not sealed");
    promise!(scene.target().await?.look(&name).await? == Some(made), "another look tells something else");
    let inside = target.enter(&name).await?.inspect().await?;
    promise!(inside.fingerprint() == like.fingerprint(), "our own records are taken for a part of the schema");
    Ok(())
}

async fn a_creation_can_be_repeated(scene: Scene) -> Step {
    let (_, like) = foreign(&scene).await?;
    let (name, marker) = scene.marker();
    let mut target = scene.target().await?;
    let first = target.create(&name, &marker, &like).await?;
    let second = target.create(&name, &marker, &like).await?;
    promise!(first.engine_id == second.engine_id, "the second creation made another database");
    target.enter(&name).await?.leave().await?;
    let other = Marker { nonce: "0123456789".into(), ..marker.clone() };
    conflicts("creating over another generation", target.create(&name, &other, &like).await)?;
    let later = Marker { generation: 2, ..marker.clone() };
    conflicts("creating over the same nonce of another generation", target.create(&name, &later, &like).await)?;
    promise!(target.look(&name).await?.is_some_and(|s| s.marker == Some(marker)), "a refused creation changed the marker");
    Ok(())
}

async fn a_database_that_stands_there_is_not_created_over(scene: Scene) -> Step {
    let (theirs, catalog) = foreign(&scene).await?;
    let (_, marker) = scene.marker();
    let mut target = scene.target().await?;
    conflicts("creating over a foreign database", target.create(&theirs, &marker, &catalog).await)?;
    untouched(&scene, &theirs, &catalog).await?;
    // Empty, but its name does not carry the nonce.
    let empty = scene.name("empty");
    scene.ground().found(&empty).await?;
    conflicts("creating over a foreign, empty database", target.create(&empty, &marker, &catalog).await)?;
    promise!(target.look(&empty).await?.is_some_and(|s| s.marker.is_none()), "an empty foreign database was taken");
    // It carries the nonce and holds rows: whatever it is, it is no half-made generation.
    let (name, marker) = scene.marker();
    scene.ground().found(&name).await?;
    scene
        .ground()
        .run(&name, &["CREATE TABLE theirs (id INTEGER PRIMARY KEY)".into(), "INSERT INTO theirs VALUES (1), (2)".into()])
        .await?;
    conflicts("creating over a database with rows whose name carries the nonce", target.create(&name, &marker, &catalog).await)?;
    untouched(&scene, &name, &catalog).await
}

async fn what_stands_under_a_name_is_told(scene: Scene) -> Step {
    let (theirs, _) = foreign(&scene).await?;
    let mut target = scene.target().await?;
    let Some(standing) = target.look(&theirs).await? else {
        return Err(Stop::Broken("nothing is seen where a foreign database stands".into()));
    };
    promise!(standing.marker.is_none(), "a foreign database is told to bear a marker");
    promise!(!standing.empty, "a foreign database with a table is told to be empty");
    let free = scene.name("free");
    promise!(target.look(&free).await?.is_none(), "something is told to stand where nothing does");
    Ok(())
}

async fn a_source_is_recognised_under_the_name_of_a_pilot(scene: Scene) -> Step {
    let (theirs, like) = foreign(&scene).await?;
    let identity = scene.ground().source(&theirs).await?.identity().await?;
    let mut target = scene.target().await?;
    let seen = target.look(&theirs).await?.map(|s| s.engine_id);
    promise!(seen.as_ref() == Some(&identity), "a pilot that is its own source would not be recognised");
    let (name, marker) = scene.marker();
    let made = target.create(&name, &marker, &like).await?;
    promise!(made.engine_id != identity, "two databases have one identity");
    Ok(())
}

async fn only_what_bears_the_marker_is_marked(scene: Scene) -> Step {
    let (theirs, catalog) = foreign(&scene).await?;
    let (name, marker) = scene.marker();
    let mut target = scene.target().await?;
    conflicts("marking a database that is not there", target.mark(&name, &marker).await)?;
    target.create(&name, &marker, &catalog).await?;
    conflicts("marking a foreign database", target.mark(&theirs, &marker).await)?;
    untouched(&scene, &theirs, &catalog).await?;
    let other = Marker { nonce: "0123456789".into(), ..marker.clone() };
    conflicts("marking another generation", target.mark(&name, &other).await)?;
    let pilot = Marker { state: MarkerState::Pilot, ..marker };
    target.mark(&name, &pilot).await?;
    promise!(target.look(&name).await?.is_some_and(|s| s.marker == Some(pilot)), "the marker was not rewritten");
    Ok(())
}

async fn only_what_bears_the_marker_is_dropped(scene: Scene) -> Step {
    let (theirs, catalog) = foreign(&scene).await?;
    let (name, marker) = scene.marker();
    let mut target = scene.target().await?;
    conflicts("dropping what is not there", target.drop_marked(&name, &marker.nonce).await)?;
    target.create(&name, &marker, &catalog).await?;
    conflicts("dropping a foreign database", target.drop_marked(&theirs, &marker.nonce).await)?;
    conflicts("dropping a foreign database by no nonce", target.drop_marked(&theirs, "").await)?;
    conflicts("dropping another generation", target.drop_marked(&name, "0123456789").await)?;
    untouched(&scene, &theirs, &catalog).await?;
    promise!(target.look(&name).await?.is_some(), "a generation is gone although nobody named its nonce");
    target.drop_marked(&name, &marker.nonce).await?;
    promise!(target.look(&name).await?.is_none(), "it still stands");
    untouched(&scene, &theirs, &catalog).await
}

async fn what_was_promoted_is_never_dropped(scene: Scene) -> Step {
    let (_, like) = foreign(&scene).await?;
    let (name, marker) = scene.marker();
    let mut target = scene.target().await?;
    target.create(&name, &marker, &like).await?;
    target.mark(&name, &Marker { state: MarkerState::Promoted, ..marker.clone() }).await?;
    conflicts("dropping production", target.drop_marked(&name, &marker.nonce).await)?;
    promise!(target.look(&name).await?.is_some(), "production is gone");
    Ok(())
}

async fn people_are_let_in_and_shut_out(scene: Scene) -> Step {
    let (_, like) = foreign(&scene).await?;
    let (name, marker) = scene.marker();
    let mut target = scene.target().await?;
    target.create(&name, &marker, &like).await?;
    let d = scene.dialect();
    for admission in [(d.some)(), (d.everybody)(), (d.some)(), Admission::Sealed, Admission::Sealed] {
        // In the order in which a pilot is opened: first the rights to work in it, then the door.
        let mut inside = target.enter(&name).await?;
        inside.let_work(&admission).await?;
        inside.leave().await?;
        target.admit(&name, &admission).await?;
        let now = target.admission(&name).await?;
        promise!(now == admission, "{} was asked for, {} is told", word(&admission), word(&now));
    }
    refused("letting people into what is not there", target.admit(&scene.name("free"), &(d.everybody)()).await)?;
    Ok(())
}

fn word(admission: &Admission) -> &'static str {
    match admission {
        Admission::Sealed => "sealed",
        Admission::Some { .. } => "some",
        Admission::Everybody { .. } => "everybody",
    }
}

async fn nobody_is_let_into_a_database_that_is_not_ours(scene: Scene) -> Step {
    let (theirs, catalog) = foreign(&scene).await?;
    let mut target = scene.target().await?;
    let before = target.admission(&theirs).await?;
    for admission in [Admission::Sealed, (scene.dialect().everybody)()] {
        conflicts("changing who may use a foreign database", target.admit(&theirs, &admission).await)?;
    }
    promise!(target.admission(&theirs).await? == before, "who may use a foreign database was changed");
    untouched(&scene, &theirs, &catalog).await
}

async fn a_database_that_is_not_ours_is_not_entered(scene: Scene) -> Step {
    let (theirs, catalog) = foreign(&scene).await?;
    let mut target = scene.target().await?;
    conflicts("entering a foreign database", target.enter(&theirs).await.map(drop))?;
    refused("entering what is not there", target.enter(&scene.name("free")).await.map(drop))?;
    untouched(&scene, &theirs, &catalog).await
}

async fn rights_and_room_are_told(scene: Scene) -> Step {
    let (theirs, catalog) = foreign(&scene).await?;
    let mut target = scene.target().await?;
    let room = target.room().await?;
    let plausible = room.free.is_none_or(|f| f > 0 && room.total.is_none_or(|t| f <= t));
    promise!(plausible, "there is more free than there is");
    let mut source = scene.ground().source(&theirs).await?;
    let tables: Vec<_> = catalog.tables.iter().map(|t| t.name.clone()).collect();
    promise!(source.missing_rights(&tables).await?.is_empty(), "rights are missing on the source");
    let can = source.capabilities().await?;
    promise!(can.max_readers >= 1 && (can.shared_snapshot || can.max_readers == 1), "more readers are offered than a snapshot bears");
    let missing = target.missing_rights().await?;
    let told = missing.iter().all(|m| !m.what.is_empty() && !m.grant.is_empty());
    promise!(told, "rights are missing, and what for or what would give them is not told");
    if !missing.is_empty() {
        let (what, grants): (Vec<_>, Vec<_>) = missing.into_iter().map(|m| (m.what, m.grant)).unzip();
        return Err(Stop::Lacking {
            what: format!("right to {}", what.join(", to ")),
            so: format!("an administrator may run: {}", grants.join("; ")),
        });
    }
    Ok(())
}
