//! One consistent picture of the source, which nothing of production's life reaches into, and which takes nothing away from production.

use crate::contract::flow::{digest, plain, table};
use crate::contract::scene::{Scene, refused, rows};
use crate::contract::{Step, Stop, promise, promises};
use crate::seam::{Disturbance, RangeSpec};
use std::time::{Duration, Instant};

promises! { "snapshot":
    a_snapshot_does_not_see_what_is_written_meanwhile,
    several_readers_share_one_snapshot,
    an_upheaval_on_the_source_is_told_or_does_not_reach_in,
    a_failed_query_does_not_cost_the_snapshot,
    the_source_is_free_once_the_snapshot_is_let_go,
    the_source_is_free_once_a_snapshot_is_dropped_in_the_midst,
    nothing_is_written_to_the_source,
}

fn account(scene: &Scene, count: i64) -> Vec<String> {
    let mut all = vec![format!("CREATE TABLE account (id INTEGER PRIMARY KEY, v INTEGER, note {})", scene.dialect().text)];
    all.extend(rows("account", count, |i| format!(", 100, '{}'", "n".repeat(usize::try_from(i % 300).unwrap_or(0) + 200))));
    all
}

async fn a_snapshot_does_not_see_what_is_written_meanwhile(scene: Scene) -> Step {
    let mut p = scene.production(&account(&scene, 4000)).await?;
    let copy = plain(table(&p.catalog, "account")?);
    let mut reader = p.held.reader().await?;
    let before = digest(reader.as_mut(), &copy, &RangeSpec::whole()).await?;
    promise!(before.rows == 4000, "{} rows are read where there are 4000", before.rows);
    // In the midst of reading.
    reader.begin(&copy, &RangeSpec::whole()).await?;
    reader.next().await?;
    let writes = [
        "UPDATE account SET v = v + id",
        "DELETE FROM account WHERE id < 50",
        "INSERT INTO account VALUES (9001, 1, 'new')",
        "CREATE TABLE came_later (id INTEGER PRIMARY KEY)",
    ];
    scene.ground().run(&p.name, &writes.map(str::to_owned)).await?;
    while reader.next().await?.is_some() {}
    let after = digest(reader.as_mut(), &copy, &RangeSpec::whole()).await?;
    promise!(after == before, "rows are read that were written after the snapshot was taken");
    let sum = p.held.query_value("SELECT sum(v) FROM account").await?;
    promise!(sum.as_deref() == Some("400000"), "a query inside the snapshot sees what was written after it was taken");
    promise!(p.held.inspect().await?.fingerprint() == p.catalog.fingerprint(), "a table that came later is seen inside the snapshot");
    promise!(p.held.disturbed().await?.is_none(), "ordinary writes are told as a disturbance");
    drop(reader);
    p.held.release().await?;
    let mut source = scene.ground().source(&p.name).await?;
    let now = source.query_value("SELECT count(*) FROM account").await?;
    promise!(now.as_deref() == Some("3952"), "production's own writes are lost, or a new look does not see them");
    Ok(())
}

async fn several_readers_share_one_snapshot(scene: Scene) -> Step {
    let mut p = scene.production(&account(&scene, 500)).await?;
    let copy = plain(table(&p.catalog, "account")?);
    let mut first = p.held.reader().await?;
    let before = digest(first.as_mut(), &copy, &RangeSpec::whole()).await?;
    if !scene.ground().source(&p.name).await?.capabilities().await?.shared_snapshot {
        refused("a second reader on one snapshot", p.held.reader().await.map(drop))?;
        drop(first);
        let mut next = p.held.reader().await?;
        promise!(digest(next.as_mut(), &copy, &RangeSpec::whole()).await? == before, "the next reader reads other rows than the first");
        return Err(Stop::Lacking { what: "shared_snapshot".into(), so: "tables are read one after another, by one reader".into() });
    }
    scene.ground().run(&p.name, &["DELETE FROM account WHERE id > 20".to_owned()]).await?;
    let mut second = p.held.reader().await?;
    promise!(digest(second.as_mut(), &copy, &RangeSpec::whole()).await? == before, "a reader that joined later reads another moment");
    promise!(digest(first.as_mut(), &copy, &RangeSpec::whole()).await? == before, "the first reader reads another moment than before");
    Ok(())
}

async fn an_upheaval_on_the_source_is_told_or_does_not_reach_in(scene: Scene) -> Step {
    for change in (scene.dialect().upheavals)("account") {
        let verb = change.split(' ').take(2).collect::<Vec<_>>().join(" ");
        let mut p = scene.production(&account(&scene, 300)).await?;
        let copy = plain(table(&p.catalog, "account")?);
        let mut reader = p.held.reader().await?;
        let before = digest(reader.as_mut(), &copy, &RangeSpec::whole()).await?;
        let (ground, name) = (scene.shared_ground(), p.name.clone());
        let production = tokio::spawn(async move { ground.run(&name, &[change]).await });
        let began = Instant::now();
        let mut told = p.held.disturbed().await?;
        while told.is_none() && !production.is_finished() && began.elapsed() < Duration::from_secs(20) {
            tokio::time::sleep(Duration::from_millis(50)).await;
            told = p.held.disturbed().await?;
        }
        let waits = !production.is_finished();
        match &told {
            Some(Disturbance::SchemaChangeWaits { who, table, .. }) => {
                promise!(!who.is_empty() && table.contains("account"), "`{verb}` waits behind us, and who waits for what is not told");
            }
            Some(Disturbance::SnapshotLost) => {}
            None => promise!(!waits, "`{verb}` waits behind us for 20 seconds, and nobody is told"),
        }
        if !matches!(told, Some(Disturbance::SnapshotLost)) {
            let after = digest(reader.as_mut(), &copy, &RangeSpec::whole()).await;
            promise!(after.is_ok_and(|d| d == before), "after `{verb}` other rows are read than were held, and nobody is told");
        }
        drop(reader);
        p.held.release().await?;
        let done = tokio::time::timeout(Duration::from_secs(30), production).await;
        promise!(matches!(done, Ok(Ok(Ok(())))), "`{verb}` does not go through although the snapshot was let go");
    }
    Ok(())
}

async fn a_failed_query_does_not_cost_the_snapshot(scene: Scene) -> Step {
    let mut p = scene.production(&account(&scene, 100)).await?;
    let copy = plain(table(&p.catalog, "account")?);
    let mut reader = p.held.reader().await?;
    let before = digest(reader.as_mut(), &copy, &RangeSpec::whole()).await?;
    refused("a query of a column that is not there", p.held.query_value("SELECT account.no_such_column FROM account").await)?;
    scene.ground().run(&p.name, &["DELETE FROM account WHERE id > 20".to_owned()]).await?;
    promise!(digest(reader.as_mut(), &copy, &RangeSpec::whole()).await? == before, "the snapshot moved on after a failed query");
    let count = p.held.query_value("SELECT count(*) FROM account").await?;
    promise!(count.as_deref() == Some("100"), "a query after a failed one sees another moment");
    Ok(())
}

/// A schema change goes through at once.
async fn is_free(scene: &Scene, name: &str) -> Step {
    let began = Instant::now();
    let change = ["ALTER TABLE account ADD added_later INTEGER".to_owned()];
    match tokio::time::timeout(Duration::from_secs(15), scene.ground().run(name, &change)).await {
        Ok(done) => done?,
        Err(_) => return Err(Stop::Broken(format!("a schema change still waits after {} seconds", began.elapsed().as_secs()))),
    }
    Ok(())
}

async fn the_source_is_free_once_the_snapshot_is_let_go(scene: Scene) -> Step {
    let mut p = scene.production(&account(&scene, 100)).await?;
    drop(p.held.reader().await?);
    p.held.release().await?;
    is_free(&scene, &p.name).await
}

async fn the_source_is_free_once_a_snapshot_is_dropped_in_the_midst(scene: Scene) -> Step {
    let mut p = scene.production(&account(&scene, 4000)).await?;
    let copy = plain(table(&p.catalog, "account")?);
    let mut reader = p.held.reader().await?;
    reader.begin(&copy, &RangeSpec::whole()).await?;
    reader.next().await?;
    drop(reader);
    drop(p.held);
    is_free(&scene, &p.name).await
}

async fn nothing_is_written_to_the_source(scene: Scene) -> Step {
    let mut p = scene.production(&account(&scene, 300)).await?;
    let copy = plain(table(&p.catalog, "account")?);
    let before = digest(p.held.reader().await?.as_mut(), &copy, &RangeSpec::whole()).await?;
    scene.copy(&mut p, 100, |_| {}).await?;
    p.held.release().await?;
    let mut source = scene.ground().source(&p.name).await?;
    for sql in scene.dialect().writing_queries {
        // Refused or without effect; which one is the engine's choice.
        let _ = source.query_value(&sql.replace("TABLE_T", "account")).await;
    }
    drop(source);
    let mut after = scene.hold(&p.name).await?;
    promise!(after.catalog.fingerprint() == p.catalog.fingerprint(), "the source's schema is another than before");
    promise!(after.catalog.objects == p.catalog.objects, "objects appeared in the source");
    let rows = digest(after.held.reader().await?.as_mut(), &copy, &RangeSpec::whole()).await?;
    promise!(rows == before, "the source's rows are others than before");
    Ok(())
}
