//! The lock on a pilot's name: one holder, gone with its session, outside the generation.

use crate::contract::scene::Scene;
use crate::contract::{Step, promise, promises};
use crate::seam::{Swap, Target};
use std::time::{Duration, Instant};

promises! { "lock":
    one_session_holds_the_lock_of_a_pilot,
    the_lock_does_not_stand_in_the_way_of_the_swap,
}

/// The lock is free again within seconds.
async fn freed(target: &mut dyn Target, pilot: &str) -> Step<bool> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(10) {
        if target.lock(pilot).await?.is_some() {
            return Ok(true);
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    Ok(false)
}

async fn one_session_holds_the_lock_of_a_pilot(scene: Scene) -> Step {
    let (mut one, mut two) = (scene.target().await?, scene.target().await?);
    let (pilot, other) = (scene.name("pilot"), scene.name("other"));
    let held = one.lock(&pilot).await?;
    promise!(held.is_some(), "nobody holds it, and it cannot be taken");
    promise!(two.lock(&pilot).await?.is_none(), "two sessions hold it");
    promise!(one.lock(&pilot).await?.is_none(), "one target holds it twice");
    promise!(two.lock(&other).await?.is_some(), "another pilot's lock is taken for this one");
    // It lives as long as its own session, not as long as the target's.
    drop(one);
    promise!(two.lock(&pilot).await?.is_none(), "it ended with the session that it was asked for in");
    drop(held);
    promise!(freed(two.as_mut(), &pilot).await?, "it outlives its holder");
    Ok(())
}

async fn the_lock_does_not_stand_in_the_way_of_the_swap(scene: Scene) -> Step {
    let theirs = scene.found(&[]).await?;
    let like = scene.ground().source(&theirs).await?.inspect().await?;
    let mut target = scene.target().await?;
    let pilot = scene.name("pilot");
    let held = target.lock(&pilot).await?;
    let (name, marker) = scene.marker();
    target.create(&name, &marker, &like).await?;
    match target.swap(&Swap { generation: name, pilot: pilot.clone(), former: None }).await {
        Err(e) if e.kind == crate::ErrorKind::Unsupported => {}
        other => other?,
    }
    promise!(scene.target().await?.lock(&pilot).await?.is_none(), "the swap took the lock away");
    drop(held);
    promise!(freed(target.as_mut(), &pilot).await?, "it outlives its holder");
    Ok(())
}
