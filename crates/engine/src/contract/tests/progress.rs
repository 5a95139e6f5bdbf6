//! The record of a range lies beside its rows: both are there or neither.

use crate::contract::flow::{load_range, load_table, move_range, plain, read_back, sum, table};
use crate::contract::scene::{Built, Production, Scene, refused, rows, value};
use crate::contract::{Step, Stop, promise, promises};
use crate::error::ErrorKind;
use crate::seam::{RangeDone, RangeSpec};
use greenroom_model::plan::TableCopy;

promises! { "progress":
    a_committed_range_is_recorded_with_its_rows,
    a_discarded_range_leaves_nothing,
    a_loader_dropped_in_the_midst_leaves_nothing,
    a_range_whose_count_differs_from_its_digest_is_refused,
    a_range_is_not_loaded_twice,
    a_forgotten_range_takes_only_its_own_rows,
    a_forgotten_table_takes_all_its_rows,
}

struct Loading {
    p: Production,
    built: Built,
    copy: TableCopy,
    ranges: Vec<RangeSpec>,
}

async fn loading(scene: &Scene) -> Step<Loading> {
    if !scene.capabilities().await?.progress_with_rows {
        let so = "a range that was cut short is removed before it is loaded again".into();
        return Err(Stop::Lacking { what: "progress_with_rows".into(), so });
    }
    let mut statements = vec![format!("CREATE TABLE t (id INTEGER PRIMARY KEY, v {})", scene.dialect().text)];
    statements.extend(rows("t", 900, |i| format!(", 'v{i}{}'", "x".repeat(100))));
    let mut p = scene.production(&statements).await?;
    let built = scene.build(&mut p).await?;
    let copy = plain(table(&p.catalog, "t")?);
    let ranges = p.held.ranges(&copy, 100).await?;
    promise!(ranges.len() > 2 && ranges.iter().all(|r| !r.physical), "900 rows with a key are not cut by it");
    Ok(Loading { p, built, copy, ranges })
}

async fn count(built: &mut Built) -> Step<String> {
    Ok(value(built.inside.as_mut(), "SELECT count(*) FROM t").await?)
}

async fn a_committed_range_is_recorded_with_its_rows(scene: Scene) -> Step {
    let mut l = loading(&scene).await?;
    let (mut reader, mut loader) = (l.p.held.reader().await?, l.built.inside.loader().await?);
    let first = load_range(reader.as_mut(), loader.as_mut(), &l.copy, &l.ranges[0]).await?;
    let second = load_range(reader.as_mut(), loader.as_mut(), &l.copy, &l.ranges[1]).await?;
    promise!(first.digest.rows > 0 && first.bytes > 0, "a range's record counts nothing");
    // From a session of its own, as after a crash.
    drop((reader, loader));
    l.built.inside.leave().await?;
    let mut inside = scene.target().await?.enter(&l.built.name).await?;
    let mut done = inside.ranges_done().await?;
    done.sort_by_key(|d| d.range.ordinal);
    promise!(done == [first.clone(), second.clone()], "the records are not what was committed");
    let stands = value(inside.as_mut(), "SELECT count(*) FROM t").await?;
    promise!(stands == (first.digest.rows + second.digest.rows).to_string(), "other rows stand than are recorded");
    Ok(())
}

async fn a_discarded_range_leaves_nothing(scene: Scene) -> Step {
    let mut l = loading(&scene).await?;
    let (mut reader, mut loader) = (l.p.held.reader().await?, l.built.inside.loader().await?);
    move_range(reader.as_mut(), loader.as_mut(), &l.copy, &l.ranges[0]).await?;
    loader.discard().await?;
    promise!(count(&mut l.built).await? == "0", "rows of a discarded range stand");
    promise!(l.built.inside.ranges_done().await?.is_empty(), "a discarded range is recorded");
    loader.discard().await?;
    load_table(l.p.held.as_mut(), reader.as_mut(), loader.as_mut(), &l.copy, 100).await?;
    promise!(count(&mut l.built).await? == "900", "after a discarded range the table cannot be loaded whole");
    Ok(())
}

async fn a_loader_dropped_in_the_midst_leaves_nothing(scene: Scene) -> Step {
    let mut l = loading(&scene).await?;
    let mut reader = l.p.held.reader().await?;
    let mut loader = l.built.inside.loader().await?;
    move_range(reader.as_mut(), loader.as_mut(), &l.copy, &l.ranges[0]).await?;
    drop(loader);
    let mut next = l.built.inside.loader().await?;
    let done = load_table(l.p.held.as_mut(), reader.as_mut(), next.as_mut(), &l.copy, 100).await?;
    promise!(count(&mut l.built).await? == "900", "rows of a loader that was dropped stand, or block the next one's");
    let t = table(&l.p.catalog, "t")?;
    promise!(read_back(l.built.inside.as_mut(), t).await? == sum(&done), "other rows stand than were loaded");
    Ok(())
}

async fn a_range_whose_count_differs_from_its_digest_is_refused(scene: Scene) -> Step {
    let mut l = loading(&scene).await?;
    let (mut reader, mut loader) = (l.p.held.reader().await?, l.built.inside.loader().await?);
    let mut done = move_range(reader.as_mut(), loader.as_mut(), &l.copy, &l.ranges[0]).await?;
    done.digest.rows += 1;
    let e = refused("a range with more rows in its digest than were loaded", loader.commit(&done).await)?;
    promise!(e.kind == ErrorKind::Data, "it is refused as {:?}, not as wrong data", e.kind);
    loader.discard().await?;
    promise!(count(&mut l.built).await? == "0", "rows of a refused range stand");
    promise!(l.built.inside.ranges_done().await?.is_empty(), "a refused range is recorded");
    Ok(())
}

async fn a_range_is_not_loaded_twice(scene: Scene) -> Step {
    let mut l = loading(&scene).await?;
    let (mut reader, mut loader) = (l.p.held.reader().await?, l.built.inside.loader().await?);
    let done = load_range(reader.as_mut(), loader.as_mut(), &l.copy, &l.ranges[0]).await?;
    let again = load_range(reader.as_mut(), loader.as_mut(), &l.copy, &l.ranges[0]).await;
    refused("loading the same range again", again.map(drop))?;
    loader.discard().await?;
    promise!(count(&mut l.built).await? == done.digest.rows.to_string(), "the second load left something behind or took something away");
    promise!(l.built.inside.ranges_done().await? == [done], "the record of the first load is gone or changed");
    Ok(())
}

async fn a_forgotten_range_takes_only_its_own_rows(scene: Scene) -> Step {
    let mut l = loading(&scene).await?;
    let (mut reader, mut loader) = (l.p.held.reader().await?, l.built.inside.loader().await?);
    let done = load_table(l.p.held.as_mut(), reader.as_mut(), loader.as_mut(), &l.copy, 100).await?;
    l.built.inside.forget_range(&l.copy, &done[1].range).await?;
    let rest: Vec<RangeDone> = done.iter().filter(|d| d.range.ordinal != 1).cloned().collect();
    let mut left = l.built.inside.ranges_done().await?;
    left.sort_by_key(|d| d.range.ordinal);
    promise!(left == rest, "other records are left than those of the other ranges");
    let t = table(&l.p.catalog, "t")?.clone();
    promise!(read_back(l.built.inside.as_mut(), &t).await? == sum(&rest), "other rows are left than those of the other ranges");
    load_range(reader.as_mut(), loader.as_mut(), &l.copy, &done[1].range).await?;
    promise!(read_back(l.built.inside.as_mut(), &t).await? == sum(&done), "loaded again, the table is not whole");
    Ok(())
}

async fn a_forgotten_table_takes_all_its_rows(scene: Scene) -> Step {
    let mut l = loading(&scene).await?;
    let (mut reader, mut loader) = (l.p.held.reader().await?, l.built.inside.loader().await?);
    load_table(l.p.held.as_mut(), reader.as_mut(), loader.as_mut(), &l.copy, 100).await?;
    l.built.inside.forget_table(&l.copy).await?;
    l.built.inside.forget_table(&l.copy).await?;
    promise!(count(&mut l.built).await? == "0", "rows are left");
    promise!(l.built.inside.ranges_done().await?.is_empty(), "records are left");
    load_table(l.p.held.as_mut(), reader.as_mut(), loader.as_mut(), &l.copy, 100).await?;
    promise!(count(&mut l.built).await? == "900", "the table cannot be loaded again");
    Ok(())
}
