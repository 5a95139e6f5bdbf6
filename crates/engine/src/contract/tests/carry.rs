//! Configuration read as cells and written back row by row: exactly, in the given order, held to foreign keys, without anybody's triggers.

use crate::carry::{RowAct, RowChange, RowKey, read};
use crate::contract::flow::{plain, table};
use crate::contract::ground::Sample;
use crate::contract::scene::{PLANTED, Scene, refused, value};
use crate::contract::{Step, Stop, promise, promises};
use crate::seam::Generation;
use greenroom_model::carry::Cell;
use greenroom_model::catalog::TableName;
use greenroom_model::hash::Hash;

promises! { "carry":
    values_of_every_type_are_written_as_they_were_read,
    carried_rows_are_held_to_foreign_keys_and_fire_no_trigger,
    of_rows_that_are_equal_one_is_meant,
    changes_are_recorded_and_stop_where_one_fails,
    rows_are_picked_by_their_values,
    identities_go_on_where_they_are_reserved,
    rows_are_brought_as_they_are_and_no_foreign_key_takes_others_along,
}

fn cells(all: &[(&str, Cell)]) -> Vec<(String, Cell)> {
    all.iter().map(|(name, cell)| ((*name).to_owned(), cell.clone())).collect()
}

fn by(name: &str, cell: &Cell) -> RowKey {
    RowKey { cells: cells(&[(name, cell.clone())]), whole: false }
}

fn change(table: &TableName, act: RowAct) -> RowChange {
    RowChange { table: table.clone(), act }
}

fn number(n: usize) -> Cell {
    Cell::text(&n.to_string())
}

async fn rows(inside: &mut dyn Generation, table: &greenroom_model::catalog::Table) -> crate::error::Result<Vec<Vec<Cell>>> {
    let mut reader = inside.cell_reader().await?;
    read(reader.as_mut(), &plain(table)).await
}

async fn values_of_every_type_are_written_as_they_were_read(scene: Scene) -> Step {
    let samples: Vec<&Sample> = scene.dialect().samples.iter().collect();
    let mut all = Vec::new();
    for s in &samples {
        all.push(format!("CREATE TABLE t_{} (id INTEGER PRIMARY KEY, v {})", s.name, s.ty));
        all.extend(s.values.iter().enumerate().map(|(i, v)| format!("INSERT INTO t_{} VALUES ({}, {v})", s.name, i + 1)));
        all.push(format!("INSERT INTO t_{} VALUES (0, NULL)", s.name));
    }
    let mut p = scene.production(&all).await?;
    let (mut built, _) = scene.copy(&mut p, 100, |_| {}).await?;
    let mut otherwise: Vec<String> = Vec::new();
    for s in samples {
        let t = table(&p.catalog, &format!("t_{}", s.name))?;
        let before = match rows(built.inside.as_mut(), t).await {
            Ok(rows) => rows,
            Err(e) => {
                otherwise.push(format!("{} ({e})", s.ty));
                continue;
            }
        };
        let mut changes = Vec::new();
        for row in &before {
            let [id, v] = row.as_slice() else { return Err(Stop::Broken("a row of two columns has others".into())) };
            let n: usize = id.bytes().and_then(|b| std::str::from_utf8(b).ok()).and_then(|t| t.parse().ok()).unwrap_or(0);
            let (inserted, updated) = (number(1000 + n), number(2000 + n));
            changes.push(change(&t.name, RowAct::Insert(cells(&[("id", inserted), ("v", v.clone())]))));
            changes.push(change(&t.name, RowAct::Insert(cells(&[("id", updated.clone())]))));
            changes.push(change(&t.name, RowAct::Update(by("id", &updated), cells(&[("v", v.clone())]))));
        }
        if let Err(e) = built.inside.carry(s.name, &Hash::of(b"types"), &changes, 0).await {
            otherwise.push(format!("{} ({e})", s.ty));
            continue;
        }
        let shown = (scene.dialect().exactly)("v", s);
        let after = rows(built.inside.as_mut(), t).await?;
        let mut wrong = after.len() != before.len() * 3;
        for id in 0..=s.values.len() {
            let mut seen = Vec::new();
            for id in [id, 1000 + id, 2000 + id] {
                seen.push(value(built.inside.as_mut(), &format!("SELECT {shown} FROM t_{} WHERE id = {id}", s.name)).await?);
            }
            wrong |= seen[0] != seen[1] || seen[0] != seen[2];
            let cell = |n: usize| after.iter().find(|r| r[0] == number(n)).map(|r| r[1].clone());
            wrong |= cell(id).is_none() || cell(id) != cell(1000 + id) || cell(id) != cell(2000 + id);
        }
        if wrong {
            otherwise.push(s.ty.to_owned());
        }
    }
    promise!(otherwise.is_empty(), "values of these types are written otherwise than they were read: {}", otherwise.join(", "));
    Ok(())
}

async fn carried_rows_are_held_to_foreign_keys_and_fire_no_trigger(scene: Scene) -> Step {
    let mut all = vec![
        "CREATE TABLE parent (id INTEGER PRIMARY KEY, v INTEGER)".to_owned(),
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent (id))".to_owned(),
        "CREATE TABLE fired (n INTEGER)".to_owned(),
        "INSERT INTO parent VALUES (1, 1)".to_owned(),
    ];
    all.extend((scene.dialect().trigger)("parent", "fired"));
    let mut p = scene.production(&all).await?;
    let (mut built, _) = scene.copy(&mut p, 100, |_| {}).await?;
    let before = built.inside.inspect().await?.fingerprint();
    let names: Vec<TableName> =
        ["parent", "child"].iter().map(|n| table(&p.catalog, n).map(|t| t.name.clone())).collect::<Result<_, _>>()?;
    let parent = |n| change(&names[0], RowAct::Insert(cells(&[("id", number(n)), ("v", number(n))])));
    let child = |n, of| change(&names[1], RowAct::Insert(cells(&[("id", number(n)), ("parent", of)])));
    let hash = Hash::of(b"carry");
    let start = value(built.inside.as_mut(), "SELECT count(*) FROM fired").await?;
    built.inside.carry("good", &hash, &[parent(2), child(1, number(2)), child(2, Cell::NULL)], 0).await?;
    promise!(value(built.inside.as_mut(), "SELECT count(*) FROM child").await? == "2", "carried rows are not there");
    promise!(value(built.inside.as_mut(), "SELECT count(*) FROM fired").await? == start, "a trigger fired for a carried row");
    refused("a row whose parent is not there", built.inside.carry("bad", &hash, &[child(3, number(99))], 0).await)?;
    promise!(value(built.inside.as_mut(), "SELECT count(*) FROM child").await? == "2", "a refused row is there");
    promise!(built.inside.inspect().await?.fingerprint() == before, "the schema is not what it was before rows were carried");
    let ran = crate::contract::scene::statements(&["INSERT INTO parent VALUES (7, 7)"]);
    built.inside.script("after", &hash, &ran, 0).await?;
    let now = value(built.inside.as_mut(), "SELECT count(*) FROM fired").await?;
    promise!(now != start, "the trigger does not fire any more once rows were carried");
    Ok(())
}

async fn of_rows_that_are_equal_one_is_meant(scene: Scene) -> Step {
    let text = scene.dialect().text;
    let all = [
        format!("CREATE TABLE t (a INTEGER, v {text})"),
        "INSERT INTO t VALUES (1, 'same'), (1, 'same'), (1, 'same'), (NULL, 'same'), (1, 'Same')".to_owned(),
    ];
    let mut p = scene.production(&all).await?;
    let (mut built, _) = scene.copy(&mut p, 100, |_| {}).await?;
    let name = table(&p.catalog, "t")?.name.clone();
    let row = |a: Cell| RowKey { cells: cells(&[("a", a), ("v", Cell::text("same"))]), whole: true };
    let changes = [
        change(&name, RowAct::Delete(row(number(1)))),
        change(&name, RowAct::Update(row(number(1)), cells(&[("a", number(2))]))),
        change(&name, RowAct::Delete(row(Cell::NULL))),
    ];
    built.inside.carry("k", &Hash::of(b"k"), &changes, 0).await?;
    let mut left = rows(built.inside.as_mut(), table(&p.catalog, "t")?).await?;
    left.sort();
    let mut wanted = vec![vec![number(1), Cell::text("Same")], vec![number(1), Cell::text("same")], vec![number(2), Cell::text("same")]];
    wanted.sort();
    promise!(left == wanted, "other rows changed than the one that was meant");
    Ok(())
}

async fn changes_are_recorded_and_stop_where_one_fails(scene: Scene) -> Step {
    let all =
        [format!("CREATE TABLE t (id INTEGER PRIMARY KEY, v {})", scene.dialect().text), format!("INSERT INTO t VALUES (1, '{PLANTED}')")];
    let mut p = scene.production(&all).await?;
    let (mut built, _) = scene.copy(&mut p, 100, |_| {}).await?;
    let name = table(&p.catalog, "t")?.name.clone();
    let hash = Hash::of(b"changes");
    let insert = |n| change(&name, RowAct::Insert(cells(&[("id", number(n)), ("v", Cell::text(PLANTED))])));
    built.inside.carry("empty", &hash, &[], 0).await?;
    promise!(built.inside.script_state("empty").await?.complete, "carrying nothing is never complete");
    refused("a row whose key is taken", built.inside.carry("k", &hash, &[insert(2), insert(3), insert(1), insert(4)], 0).await)?;
    let state = built.inside.script_state("k").await?;
    let there = value(built.inside.as_mut(), "SELECT count(*) FROM t").await?;
    promise!(
        !state.complete && value(built.inside.as_mut(), "SELECT count(*) FROM t WHERE id = 4").await? == "0",
        "it went on behind the failure"
    );
    promise!(there == (state.done + 1).to_string(), "{} changes are recorded as done, and {there} rows are there", state.done);
    // What failed can be gone on with behind what is done.
    built.inside.carry("k", &hash, &[insert(2), insert(3), insert(5), insert(4)], state.done).await?;
    let state = built.inside.script_state("k").await?;
    promise!(state.complete && state.hash == Some(hash), "what was carried is not recorded as complete");
    promise!(value(built.inside.as_mut(), "SELECT count(*) FROM t").await? == "5", "going on makes a change twice, or not at all");
    Ok(())
}

async fn rows_are_picked_by_their_values(scene: Scene) -> Step {
    let text = scene.dialect().text;
    let all = [
        format!("CREATE TABLE t (id INTEGER PRIMARY KEY, v {text})"),
        "INSERT INTO t VALUES (1, 'a'), (2, 'b''s'), (3, NULL), (4, 'c')".to_owned(),
    ];
    let mut p = scene.production(&all).await?;
    let (mut built, _) = scene.copy(&mut p, 100, |_| {}).await?;
    let t = table(&p.catalog, "t")?;
    let keys = [cells(&[("v", Cell::text("b's"))]), cells(&[("v", Cell::NULL)]), cells(&[("v", Cell::text("absent"))])];
    let filter = built.inside.picking(&t.name, &keys).await?;
    let mut copy = plain(t);
    copy.filter = Some(filter);
    let mut reader = built.inside.cell_reader().await?;
    let mut ids: Vec<Cell> = read(reader.as_mut(), &copy).await?.into_iter().filter_map(|r| r.into_iter().next()).collect();
    ids.sort();
    promise!(ids == [number(2), number(3)], "other rows are picked than those that have the values");
    Ok(())
}

async fn identities_go_on_where_they_are_reserved(scene: Scene) -> Step {
    let all = [
        format!("CREATE TABLE counted (id {}, v INTEGER)", scene.dialect().counting_key),
        format!("CREATE TABLE fresh (id {}, v INTEGER)", scene.dialect().counting_key),
        "CREATE TABLE by_hand (id INTEGER PRIMARY KEY, v INTEGER)".to_owned(),
        "INSERT INTO counted (v) VALUES (1), (2)".to_owned(),
    ];
    let mut p = scene.production(&all).await?;
    let (mut built, _) = scene.copy(&mut p, 100, |_| {}).await?;
    let name = |n: &str| table(&p.catalog, n).map(|t| t.name.clone());
    promise!(built.inside.highest(&name("counted")?, "id", None).await? == Some(2), "the highest identity is another");
    promise!(built.inside.highest(&name("fresh")?, "id", None).await?.is_none(), "an empty table has a highest identity");
    let before = built.inside.inspect().await?.fingerprint();
    for counting in ["counted", "fresh"] {
        promise!(built.inside.reserve(&name(counting)?, "id", 10_000).await?, "a counting key cannot be told where to go on");
        let insert = format!("INSERT INTO {counting} (v) VALUES (3)");
        built.inside.script(counting, &Hash::of(b"k"), &crate::contract::scene::statements(&[&insert]), 0).await?;
        promise!(built.inside.highest(&name(counting)?, "id", None).await? == Some(10_000), "an identity does not go on where it was told");
        let below = if counting == "counted" { Some(2) } else { None };
        promise!(
            built.inside.highest(&name(counting)?, "id", Some(10_000)).await? == below,
            "the highest identity below a bound is another"
        );
    }
    promise!(built.inside.inspect().await?.fingerprint() == before, "reserving identities changed the schema");
    promise!(!built.inside.reserve(&name("by_hand")?, "id", 10_000).await?, "a key that does not count is told where to go on");
    Ok(())
}

async fn rows_are_brought_as_they_are_and_no_foreign_key_takes_others_along(scene: Scene) -> Step {
    let mut all = vec![
        "CREATE TABLE parent (id INTEGER PRIMARY KEY, v VARCHAR(40) UNIQUE)".to_owned(),
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent (id) ON DELETE CASCADE)".to_owned(),
        "CREATE TABLE pair (x VARCHAR(20), y INTEGER, v INTEGER, PRIMARY KEY (x, y))".to_owned(),
    ];
    all.extend((1..=900).map(|n| format!("INSERT INTO parent VALUES ({n}, 'v{n}')")));
    all.push("INSERT INTO child VALUES (1, 1), (2, 2)".to_owned());
    all.extend((1..=500).map(|n| format!("INSERT INTO pair VALUES ('it''s', {n}, 0)")));
    let mut p = scene.production(&all).await?;
    let (mut built, _) = scene.copy(&mut p, 1000, |_| {}).await?;
    let inside = built.inside.as_mut();
    if !inside.brings_freely().await? {
        let so = "rows are carried back in an order that foreign keys allow, and what they do to others is done".to_owned();
        return Err(Stop::Lacking { what: "right to keep foreign keys quiet".to_owned(), so });
    }
    let [parent, pair] = ["parent", "pair"].map(|n| table(&p.catalog, n).map(|t| t.name.clone()));
    let (parent, pair) = (parent?, pair?);
    // Every value passes on to the next row; nothing of that is in an order that a unique key would allow one by one.
    let gone = (1..=900).map(|n| change(&parent, RowAct::Delete(by("id", &number(n)))));
    let come = (2..=900).map(|n| change(&parent, RowAct::Insert(cells(&[("id", number(n)), ("v", Cell::text(&format!("v{}", n - 1)))]))));
    let key = |n| RowKey { cells: cells(&[("x", Cell::text("it's")), ("y", number(n))]), whole: false };
    let pairs = (1..=500).map(|n| change(&pair, RowAct::Delete(key(n))));
    let changes: Vec<RowChange> = gone.chain(come).chain(pairs).collect();
    inside.bring("bring", &Hash::of(b"bring"), &changes).await?;
    promise!(value(inside, "SELECT count(*) FROM parent").await? == "899", "rows that were brought are not there");
    promise!(value(inside, "SELECT v FROM parent WHERE id = 900").await? == "v899", "a row was brought otherwise");
    promise!(value(inside, "SELECT count(*) FROM child").await? == "2", "a foreign key took a row along that nobody named");
    promise!(value(inside, "SELECT count(*) FROM pair").await? == "0", "rows that were to go are there");
    // Afterwards it minds them again.
    let wrong = [change(&table(&p.catalog, "child")?.name.clone(), RowAct::Insert(cells(&[("id", number(9)), ("parent", number(9999))])))];
    refused("a row whose parent is not there", inside.carry("after", &Hash::of(b"after"), &wrong, 0).await).map(drop)
}
