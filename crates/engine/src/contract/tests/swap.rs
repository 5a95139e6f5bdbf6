//! The swap: names change hands, databases do not, and nothing is moved aside that was not made here.

use crate::contract::scene::{Scene, conflicts};
use crate::contract::{Step, Stop, promise, promises};
use crate::error::{ErrorKind, Result};
use crate::seam::{Marker, MarkerState, Standing, Swap, Target};

promises! { "swap":
    a_first_pilot_takes_its_free_name,
    the_present_pilot_becomes_the_former_one,
    an_occupied_name_is_not_taken,
    a_foreign_database_is_neither_swapped_in_nor_moved_aside,
    what_was_promoted_is_never_moved_aside,
    names_of_databases_may_be_odd,
}

/// A generation, ready to be swapped in.
async fn generation(scene: &Scene, target: &mut dyn Target) -> Step<(String, Marker, Standing)> {
    let theirs = scene.found(&[]).await?;
    let like = scene.ground().source(&theirs).await?.inspect().await?;
    let (name, marker) = scene.marker();
    let standing = target.create(&name, &marker, &like).await?;
    Ok((name, marker, standing))
}

/// Swaps; an engine that has no rename says so and is not held to it.
async fn swapped(target: &mut dyn Target, swap: &Swap) -> Step {
    match target.swap(swap).await {
        Err(e) if e.kind == ErrorKind::Unsupported => Err(Stop::Lacking {
            what: "renaming databases".into(),
            so: "a pilot is reached under its generation's name or an alias".into(),
        }),
        other => Ok(other?),
    }
}

fn refuses(what: &str, result: Result<()>) -> Step {
    match result {
        Err(e) if e.kind == ErrorKind::Unsupported => Err(Stop::Lacking {
            what: "renaming databases".into(),
            so: "a pilot is reached under its generation's name or an alias".into(),
        }),
        other => conflicts(what, other),
    }
}

async fn id(target: &mut dyn Target, name: &str) -> Step<Option<String>> {
    Ok(target.look(name).await?.map(|s| s.engine_id))
}

async fn a_first_pilot_takes_its_free_name(scene: Scene) -> Step {
    let mut target = scene.target().await?;
    for former in [None, Some(scene.name("former"))] {
        let (name, marker, made) = generation(&scene, target.as_mut()).await?;
        let swap = Swap { generation: name.clone(), pilot: scene.name("pilot"), former };
        for _ in 0..2 {
            swapped(target.as_mut(), &swap).await?;
            promise!(id(target.as_mut(), &swap.pilot).await?.as_ref() == Some(&made.engine_id), "another database bears the pilot's name");
            promise!(target.look(&name).await?.is_none(), "the generation's name is not free");
        }
        let nonce = target.look(&swap.pilot).await?.and_then(|s| s.marker).map(|m| m.nonce);
        promise!(nonce == Some(marker.nonce), "the pilot does not bear its marker");
        let admission = target.admission(&swap.pilot).await?;
        promise!(admission == crate::seam::Admission::Sealed, "the swap let people in");
    }
    Ok(())
}

async fn the_present_pilot_becomes_the_former_one(scene: Scene) -> Step {
    let mut target = scene.target().await?;
    let (first, first_marker, one) = generation(&scene, target.as_mut()).await?;
    let pilot = scene.name("pilot");
    swapped(target.as_mut(), &Swap { generation: first, pilot: pilot.clone(), former: None }).await?;
    let (second, _, two) = generation(&scene, target.as_mut()).await?;
    let swap = Swap { generation: second.clone(), pilot: pilot.clone(), former: Some(scene.name("former")) };
    for _ in 0..2 {
        target.swap(&swap).await?;
        promise!(id(target.as_mut(), &pilot).await? == Some(two.engine_id.clone()), "the new generation does not bear the pilot's name");
        let former = id(target.as_mut(), swap.former.as_deref().unwrap_or_default()).await?;
        promise!(former == Some(one.engine_id.clone()), "the former pilot does not stand under its new name");
        promise!(target.look(&second).await?.is_none(), "the generation's name is not free");
    }
    // By its own marker it is still known, and can be dropped.
    target.drop_marked(swap.former.as_deref().unwrap_or_default(), &first_marker.nonce).await?;
    Ok(())
}

async fn an_occupied_name_is_not_taken(scene: Scene) -> Step {
    let mut target = scene.target().await?;
    let (first, _, one) = generation(&scene, target.as_mut()).await?;
    let pilot = scene.name("pilot");
    swapped(target.as_mut(), &Swap { generation: first, pilot: pilot.clone(), former: None }).await?;
    let (second, _, two) = generation(&scene, target.as_mut()).await?;
    let (occupied, _, three) = generation(&scene, target.as_mut()).await?;
    let without = Swap { generation: second.clone(), pilot: pilot.clone(), former: None };
    refuses("swapping onto a pilot without a name for it", target.swap(&without).await)?;
    let onto = Swap { former: Some(occupied.clone()), ..without };
    refuses("moving a pilot onto a name that is taken", target.swap(&onto).await)?;
    let missing = Swap { generation: scene.name("missing"), pilot: scene.name("nowhere"), former: None };
    refuses("swapping in what is not there", target.swap(&missing).await)?;
    for (name, standing) in [(&pilot, one), (&second, two), (&occupied, three)] {
        promise!(id(target.as_mut(), name).await? == Some(standing.engine_id), "a refused swap changed what bears a name");
    }
    Ok(())
}

async fn a_foreign_database_is_neither_swapped_in_nor_moved_aside(scene: Scene) -> Step {
    let mut target = scene.target().await?;
    let theirs = scene.found(&["CREATE TABLE theirs (id INTEGER PRIMARY KEY)".into()]).await?;
    let before = id(target.as_mut(), &theirs).await?;
    let aside = scene.name("aside");
    let (name, _, made) = generation(&scene, target.as_mut()).await?;
    let over = Swap { generation: name.clone(), pilot: theirs.clone(), former: Some(aside.clone()) };
    refuses("moving a foreign database aside", target.swap(&over).await)?;
    let free = scene.name("pilot");
    refuses("swapping a foreign database in", target.swap(&Swap { generation: theirs.clone(), pilot: free.clone(), former: None }).await)?;
    promise!(id(target.as_mut(), &theirs).await? == before, "a foreign database lost its name");
    promise!(id(target.as_mut(), &name).await? == Some(made.engine_id), "a refused swap moved the generation");
    promise!(target.look(&aside).await?.is_none() && target.look(&free).await?.is_none(), "a refused swap left something behind");
    Ok(())
}

async fn what_was_promoted_is_never_moved_aside(scene: Scene) -> Step {
    let mut target = scene.target().await?;
    let (first, marker, one) = generation(&scene, target.as_mut()).await?;
    let pilot = scene.name("pilot");
    swapped(target.as_mut(), &Swap { generation: first, pilot: pilot.clone(), former: None }).await?;
    target.mark(&pilot, &Marker { state: MarkerState::Promoted, ..marker.clone() }).await?;
    let (second, _, _) = generation(&scene, target.as_mut()).await?;
    let aside = scene.name("aside");
    let over = Swap { generation: second, pilot: pilot.clone(), former: Some(aside.clone()) };
    refuses("moving production aside", target.swap(&over).await)?;
    let back = Swap { generation: pilot.clone(), pilot: scene.name("elsewhere"), former: None };
    refuses("swapping production in", target.swap(&back).await)?;
    promise!(id(target.as_mut(), &pilot).await? == Some(one.engine_id), "production lost its name");
    promise!(target.look(&aside).await?.is_none(), "a refused swap left something behind");
    Ok(())
}

async fn names_of_databases_may_be_odd(scene: Scene) -> Step {
    let mut target = scene.target().await?;
    let (pilot, former) = (scene.name("O'dd \"Name\" %s ü"), scene.name("For mer; -- '\""));
    for _ in 0..2 {
        let (name, _, made) = generation(&scene, target.as_mut()).await?;
        let swap = Swap { generation: name, pilot: pilot.clone(), former: Some(former.clone()) };
        swapped(target.as_mut(), &swap).await?;
        promise!(id(target.as_mut(), &pilot).await? == Some(made.engine_id), "the generation does not bear the odd name");
        target.enter(&pilot).await?.leave().await?;
        target.admit(&pilot, &(scene.dialect().everybody)()).await?;
        promise!(target.admission(&pilot).await? == (scene.dialect().everybody)(), "people are not let in under the odd name");
    }
    let nonce = target.look(&former).await?.and_then(|s| s.marker).map(|m| m.nonce).unwrap_or_default();
    target.drop_marked(&former, &nonce).await?;
    promise!(target.look(&former).await?.is_none(), "it still stands under the odd name");
    Ok(())
}
