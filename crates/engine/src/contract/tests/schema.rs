//! The schema around the rows: whole, in two parts, quiet during the load, settled afterwards.

use crate::contract::flow::{load_table, plain, table};
use crate::contract::scene::{PLANTED, Scene, refused, statements, value};
use crate::contract::{Step, Stop, promise, promises};
use crate::error::ErrorKind;
use crate::seam::SchemaPart;
use greenroom_model::hash::Hash;
use greenroom_model::plan::FieldAction;

promises! { "schema":
    the_schema_arrives_whole,
    the_second_part_and_the_settling_can_be_repeated,
    triggers_and_foreign_keys_do_not_fire_during_the_load,
    orphans_are_counted,
    counting_keys_go_on_where_they_are,
    a_key_that_rows_break_is_an_error_without_values,
}

fn shop(scene: &Scene) -> Vec<String> {
    let d = scene.dialect();
    let text = d.text;
    let mut all = vec![
        format!(
            "CREATE TABLE client (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL DEFAULT 'nobody', note {text}, debt DECIMAL(10,2), CONSTRAINT no_gift CHECK (debt >= 0))"
        ),
        format!(
            "CREATE TABLE visit (id {}, client INTEGER NOT NULL REFERENCES client (id) ON DELETE CASCADE, n INTEGER, twice {})",
            d.counting_key,
            (d.computed)("n * 2")
        ),
        "CREATE TABLE seen (n INTEGER)".to_owned(),
        "CREATE UNIQUE INDEX client_name ON client (name)".to_owned(),
        "CREATE INDEX visit_client ON visit (client, n)".to_owned(),
        "CREATE VIEW debtor AS SELECT id, name FROM client WHERE debt > 0".to_owned(),
    ];
    all.extend((d.trigger)("visit", "seen"));
    all.push("INSERT INTO client VALUES (1, 'Ann', NULL, 5), (2, 'Bob', 'b', NULL), (3, 'Cid', '', 0)".to_owned());
    all.push("INSERT INTO visit (client, n) VALUES (1, 10), (1, 11), (2, 12), (3, 13)".to_owned());
    all
}

async fn the_schema_arrives_whole(scene: Scene) -> Step {
    let mut p = scene.production(&shop(&scene)).await?;
    let (mut built, _) = scene.copy(&mut p, 100, |_| {}).await?;
    let copied = built.inside.inspect().await?;
    for t in &p.catalog.tables {
        let Some(found) = copied.table(&t.name) else {
            return Err(Stop::Broken(format!("table `{}` is missing", t.name)));
        };
        let (mut a, mut b) = (t.clone(), found.clone());
        for t in [&mut a, &mut b] {
            (t.estimated_rows, t.estimated_bytes) = (0, 0);
        }
        promise!(a == b, "table `{}` arrives otherwise than it was", t.name);
    }
    let lost: Vec<String> =
        p.catalog.objects.iter().filter(|o| !copied.objects.contains(o)).map(|o| format!("{} {}", o.kind, o.name)).collect();
    promise!(lost.is_empty(), "these objects do not arrive as they were: {}", lost.join(", "));
    promise!(copied.fingerprint() == p.catalog.fingerprint(), "the copy has more than the source, or in another order");
    promise!(p.catalog.tables.len() == 3, "inspection tells of {} tables where there are 3", p.catalog.tables.len());
    let computed = value(built.inside.as_mut(), "SELECT sum(twice) FROM visit").await?;
    promise!(computed == "92", "a computed column does not hold what it computes");
    promise!(p.script.hash.is_some(), "the schema's script has no hash to pin it by");
    let again = scene.hold(&p.name).await?;
    promise!(again.script.hash == p.script.hash, "the same schema gives scripts with two hashes");
    Ok(())
}

async fn the_second_part_and_the_settling_can_be_repeated(scene: Scene) -> Step {
    let mut p = scene.production(&shop(&scene)).await?;
    let (mut built, _) = scene.copy(&mut p, 100, |_| {}).await?;
    let once = built.inside.inspect().await?.fingerprint();
    let positions = built.inside.sequences().await?;
    for _ in 0..2 {
        built.inside.schema(SchemaPart::Post, &p.script).await?;
        let sequences = p.held.sequences().await?;
        built.inside.settle(&sequences).await?;
    }
    promise!(built.inside.inspect().await?.fingerprint() == once, "the second time something was added or lost");
    promise!(built.inside.sequences().await? == positions, "the second time a counting key moved");
    promise!(value(built.inside.as_mut(), "SELECT count(*) FROM visit").await? == "4", "the second time rows were touched");
    Ok(())
}

async fn triggers_and_foreign_keys_do_not_fire_during_the_load(scene: Scene) -> Step {
    let mut p = scene.production(&shop(&scene)).await?;
    let mut built = scene.build(&mut p).await?;
    built.inside.schema(SchemaPart::Post, &p.script).await?;
    let before = p.held.query_value("SELECT count(*) FROM seen").await?;
    promise!(before.as_deref() == Some("4"), "the trigger of the source does not work, so nothing can be told from it");
    // Children first; everything that could fire is in place already.
    {
        let (mut reader, mut loader) = (p.held.reader().await?, built.inside.loader().await?);
        for name in ["visit", "client"] {
            let copy = plain(table(&p.catalog, name)?);
            match load_table(p.held.as_mut(), reader.as_mut(), loader.as_mut(), &copy, 100).await {
                Err(e) if e.kind == ErrorKind::Denied => {
                    promise!(e.hint.is_some(), "a right is missing, and what would give it is not told");
                    let stands = value(built.inside.as_mut(), &format!("SELECT count(*) FROM {name}")).await?;
                    promise!(stands == "0", "rows stand although their table's triggers could not be kept quiet");
                    let so = format!("a table whose triggers stand already is not loaded: {}", e.hint.unwrap_or_default());
                    return Err(Stop::Lacking { what: "right to keep triggers quiet".into(), so });
                }
                other => other?,
            };
        }
    }
    promise!(value(built.inside.as_mut(), "SELECT count(*) FROM seen").await? == "0", "a trigger fired during the load");
    promise!(value(built.inside.as_mut(), "SELECT count(*) FROM visit").await? == "4", "children did not arrive before their parents");
    // A parent that is removed to be loaded again takes no children along.
    let client = plain(table(&p.catalog, "client")?);
    built.inside.forget_table(&client).await?;
    promise!(value(built.inside.as_mut(), "SELECT count(*) FROM visit").await? == "4", "removing parents cascaded to their children");
    // In scripts they fire again.
    let script = statements(&["INSERT INTO client (id, name) VALUES (9, 'x')", "INSERT INTO visit (id, client, n) VALUES (90, 9, 1)"]);
    built.inside.script("fires", &Hash::of(b"fires"), &script, 0).await?;
    promise!(value(built.inside.as_mut(), "SELECT count(*) FROM seen").await? == "1", "a trigger does not fire in a script");
    Ok(())
}

async fn orphans_are_counted(scene: Scene) -> Step {
    let mut p = scene.production(&shop(&scene)).await?;
    let visit = table(&p.catalog, "visit")?.clone();
    let Some(key) = visit.foreign_keys.first().cloned() else {
        return Err(Stop::Broken("inspection does not tell of the foreign key".into()));
    };
    promise!(key.references.name == "client" && key.columns == ["client"], "the foreign key is told as another one");
    let mut built = scene.build(&mut p).await?;
    {
        let (mut reader, mut loader) = (p.held.reader().await?, built.inside.loader().await?);
        let mut parents = plain(table(&p.catalog, "client")?);
        parents.filter = Some("t.id > 1".to_owned());
        for copy in [parents, plain(&visit)] {
            load_table(p.held.as_mut(), reader.as_mut(), loader.as_mut(), &copy, 100).await?;
        }
    }
    let orphans = built.inside.orphans(&visit, &key).await?;
    promise!(orphans == 2, "{orphans} orphans are counted where there are 2");
    let (mut whole, _) = scene.copy(&mut p, 100, |_| {}).await?;
    promise!(whole.inside.orphans(&visit, &key).await? == 0, "orphans are counted where there are none");
    Ok(())
}

async fn counting_keys_go_on_where_they_are(scene: Scene) -> Step {
    let create = format!("CREATE TABLE counted (id {}, v INTEGER)", scene.dialect().counting_key);
    let mut all = vec![create];
    all.extend((1..=5).map(|i| format!("INSERT INTO counted (v) VALUES ({i})")));
    // The highest numbers are gone; they must not be given out again.
    all.push("DELETE FROM counted WHERE v > 3".to_owned());
    let mut p = scene.production(&all).await?;
    let (mut built, _) = scene.copy(&mut p, 100, |_| {}).await?;
    promise!(built.inside.sequences().await? == p.held.sequences().await?, "the copy counts from elsewhere than the source");
    let next = statements(&["INSERT INTO counted (v) VALUES (77)"]);
    built.inside.script("next", &Hash::of(b"next"), &next, 0).await?;
    let id = value(built.inside.as_mut(), "SELECT id FROM counted WHERE v = 77").await?;
    promise!(id == "6", "the next key of the copy is not the source's next one");
    Ok(())
}

async fn a_key_that_rows_break_is_an_error_without_values(scene: Scene) -> Step {
    let mut p = scene.production(&shop(&scene)).await?;
    let mut built = scene.build(&mut p).await?;
    {
        let (mut reader, mut loader) = (p.held.reader().await?, built.inside.loader().await?);
        let mut copy = plain(table(&p.catalog, "client")?);
        crate::contract::flow::decide(&mut copy, "name", None, FieldAction::Constant(format!("'{PLANTED}'")));
        load_table(p.held.as_mut(), reader.as_mut(), loader.as_mut(), &copy, 100).await?;
    }
    let e = refused("a unique index over equal rows", built.inside.schema(SchemaPart::Post, &p.script).await)?;
    promise!(e.kind == ErrorKind::Data, "it is refused as {:?}, not as wrong data", e.kind);
    promise!(format!("{e}").contains("client"), "the error does not name the index or the table");
    Ok(())
}
