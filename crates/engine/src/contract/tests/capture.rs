//! The keys of touched rows are noted by the database itself, whoever touches them, until that is ended without a trace.

use crate::capture::{Capture, Captured};
use crate::carry::read;
use crate::contract::flow::{plain, table};
use crate::contract::scene::{Scene, statements};
use crate::contract::{Step, Stop, promise, promises};
use crate::error::ErrorKind;
use crate::seam::Generation;
use greenroom_model::catalog::{Catalog, Table};
use greenroom_model::hash::Hash;
use std::collections::BTreeSet;

promises! { "capture":
    keys_of_touched_rows_are_noted_until_it_is_ended_without_a_trace,
}

/// The keys that are noted of a table, as text.
async fn noted(inside: &mut dyn Generation, catalog: &Catalog, name: &str) -> Step<BTreeSet<String>> {
    let wanted = table(catalog, name)?;
    let all = inside.captured().await?;
    let Some(Captured { notes, key, .. }) = all.into_iter().find(|c| c.table == wanted.name) else {
        return Err(Stop::Broken(format!("nothing is said of `{name}`")));
    };
    let mut copy = plain(&Table { name: notes, ..wanted.clone() });
    copy.columns.retain(|c| key.contains(&c.name));
    let mut reader = inside.cell_reader().await?;
    let rows = read(reader.as_mut(), &copy).await?;
    let text = |row: &Vec<greenroom_model::carry::Cell>| {
        let cells = row.iter().map(|c| String::from_utf8_lossy(c.bytes().unwrap_or_default()).trim_matches('\'').to_owned());
        cells.collect::<Vec<_>>().join(",")
    };
    Ok(rows.iter().map(text).collect())
}

async fn keys_of_touched_rows_are_noted_until_it_is_ended_without_a_trace(scene: Scene) -> Step {
    let all = [
        "CREATE TABLE a (id INTEGER PRIMARY KEY, code VARCHAR(20) UNIQUE, v INTEGER)",
        "CREATE TABLE pair (x VARCHAR(20), y INTEGER, v INTEGER, PRIMARY KEY (x, y))",
        "CREATE TABLE loose (v INTEGER)",
        "INSERT INTO a VALUES (1, 'one', 0), (2, 'two', 0), (3, 'three', 0), (4, 'four', 0)",
        "INSERT INTO pair VALUES ('it''s', 1, 0), ('b', 2, 0)",
    ]
    .map(str::to_owned);
    let mut p = scene.production(&all).await?;
    let (mut built, _) = scene.copy(&mut p, 100, |_| {}).await?;
    let inside = built.inside.as_mut();
    let before = inside.inspect().await?;
    let captures = Capture::of(before.tables.iter().filter(|t| t.is_copied()));
    match inside.capture(&captures).await {
        Err(e) if e.kind == ErrorKind::Unsupported => {
            let so = "a switch cannot be taken back with what users wrote since".to_owned();
            return Err(Stop::Lacking { what: "the noting of touched rows".to_owned(), so });
        }
        tried => tried?,
    }
    let touched = statements(&[
        "UPDATE a SET v = 1 WHERE id = 1",
        "DELETE FROM a WHERE id = 2",
        "INSERT INTO a VALUES (7, 'seven', 0)",
        "UPDATE a SET id = 33 WHERE id = 3",
        "UPDATE pair SET v = 1 WHERE y = 1",
        "INSERT INTO loose VALUES (1)",
    ]);
    inside.script("touch", &Hash::of(b"touch"), &touched, 0).await?;
    // What is noted stays when it is asked for again.
    inside.capture(&captures).await?;
    let keys = noted(inside, &before, "a").await?;
    promise!(keys.iter().eq(["1", "2", "3", "33", "7"]), "the keys that are noted are others: {} of them", keys.len());
    let pairs = noted(inside, &before, "pair").await?;
    promise!(pairs.iter().eq(["it's,1"]) || pairs.iter().eq(["it''s,1"]), "a key of two columns is noted otherwise");
    let loose = table(&before, "loose")?.name.clone();
    promise!(inside.captured().await?.iter().any(|c| c.table == loose && c.key.is_empty()), "a table without a key is said to have one");
    promise!(inside.inspect().await?.fingerprint() == before.fingerprint(), "what notes keys is taken for the schema's");
    inside.end_capture().await?;
    inside.end_capture().await?;
    promise!(inside.captured().await?.is_empty(), "keys are noted after the end");
    let more = statements(&["UPDATE a SET v = 2 WHERE id = 1"]);
    let ran = inside.script("more", &Hash::of(b"more"), &more, 0).await;
    ran.map(drop).map_err(|e| Stop::Broken(format!("after the end nobody can write: {e}")))
}
