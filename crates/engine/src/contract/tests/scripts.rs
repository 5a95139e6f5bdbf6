//! The vendor's scripts inside a generation: as one piece where DDL is transactional, and always with a record of how far they got.

use crate::contract::scene::{Built, PLANTED, Production, Scene, refused, statements, value};
use crate::contract::{Step, promise, promises};
use crate::seam::ScriptState;
use greenroom_model::hash::Hash;

promises! { "scripts":
    a_script_is_recorded_with_its_hash,
    a_failed_script_is_undone_or_stops_where_it_failed,
    a_script_goes_on_behind_the_statements_that_are_done,
    a_failed_script_can_be_run_again_once_it_is_mended,
    errors_of_scripts_show_no_values,
    tidying_takes_the_records_and_leaves_the_marker,
}

async fn scene_with_rows(scene: &Scene) -> Step<(Production, Built)> {
    let all = [
        format!("CREATE TABLE t (id INTEGER PRIMARY KEY, v {}, short VARCHAR(4))", scene.dialect().text),
        format!("INSERT INTO t VALUES (1, '{PLANTED}', 'a'), (2, 'b', 'b'), (3, 'c', NULL)"),
    ];
    let mut p = scene.production(&all).await?;
    let (built, _) = scene.copy(&mut p, 100, |_| {}).await?;
    Ok((p, built))
}

async fn a_script_is_recorded_with_its_hash(scene: Scene) -> Step {
    let (_p, mut built) = scene_with_rows(&scene).await?;
    let hash = Hash::of(b"the script");
    promise!(built.inside.script_state("5.2/001").await? == ScriptState::default(), "a script that never ran has a record");
    let script = statements(&["ALTER TABLE t ADD added INTEGER", "UPDATE t SET added = id", "DELETE FROM t WHERE id = 3"]);
    let applied = built.inside.script("5.2/001", &hash, &script, 0).await?;
    promise!(applied.statements == 3, "{} statements are told as done, of 3", applied.statements);
    promise!(applied.rows == 4, "{} changed rows are told, of 4", applied.rows);
    let state = ScriptState { hash: Some(hash), done: 3, complete: true };
    promise!(built.inside.script_state("5.2/001").await? == state, "the record does not tell what was done");
    built.inside.leave().await?;
    let mut inside = scene.target().await?.enter(&built.name).await?;
    promise!(inside.script_state("5.2/001").await? == state, "the record does not outlast the session");
    promise!(inside.script_state("5.2/002").await? == ScriptState::default(), "one script's record is taken for another's");
    promise!(value(inside.as_mut(), "SELECT sum(added) FROM t").await? == "3", "the script's work is not there");
    inside.script("empty", &hash, &[], 0).await?;
    promise!(inside.script_state("empty").await?.complete, "a script without statements is never complete");
    Ok(())
}

async fn a_failed_script_is_undone_or_stops_where_it_failed(scene: Scene) -> Step {
    let (_p, mut built) = scene_with_rows(&scene).await?;
    let before = built.inside.inspect().await?.fingerprint();
    let script = statements(&[
        "ALTER TABLE t ADD added INTEGER",
        "UPDATE t SET v = 'changed'",
        "INSERT INTO t (id, v) VALUES (1, 'again')",
        "UPDATE t SET v = 'never'",
    ]);
    let e = refused("a statement that breaks a key", built.inside.script("k", &Hash::of(b"k"), &script, 0).await)?;
    promise!(e.statement == Some((3, 30)), "the error does not name the statement that failed and its line");
    promise!(e.native_code.is_some(), "the error has no code of the engine");
    let state = built.inside.script_state("k").await?;
    promise!(!state.complete, "a failed script is recorded as complete");
    let changed = value(built.inside.as_mut(), "SELECT count(*) FROM t WHERE v = 'changed'").await?;
    if scene.capabilities().await?.transactional_ddl {
        promise!(built.inside.inspect().await?.fingerprint() == before, "a failed script leaves its changes of the schema");
        promise!(changed == "0", "a failed script leaves its changes of rows");
        promise!(state.done == 0, "{} statements are recorded as done, and none is", state.done);
    } else {
        promise!(changed == "3" && state.done == 2, "{} statements are recorded as done, of 2 that were", state.done);
    }
    promise!(value(built.inside.as_mut(), "SELECT count(*) FROM t WHERE v = 'never'").await? == "0", "it went on behind the failure");
    Ok(())
}

async fn a_script_goes_on_behind_the_statements_that_are_done(scene: Scene) -> Step {
    let (_p, mut built) = scene_with_rows(&scene).await?;
    let add = "UPDATE t SET id = id + 100 WHERE id < 100";
    let script = statements(&["INSERT INTO t (id) VALUES (1)", add, "INSERT INTO t (id) VALUES (4)"]);
    // The first two are said to be done: the first would fail, the second would show.
    let applied = built.inside.script("k", &Hash::of(b"k"), &script, 2).await?;
    promise!(applied.statements == 1, "{} statements were executed, where one was left", applied.statements);
    promise!(value(built.inside.as_mut(), "SELECT sum(id) FROM t").await? == "10", "statements were executed that are done");
    let state = built.inside.script_state("k").await?;
    promise!(state.complete && state.done == 3, "the record counts {} statements of 3", state.done);
    Ok(())
}

async fn a_failed_script_can_be_run_again_once_it_is_mended(scene: Scene) -> Step {
    let (_p, mut built) = scene_with_rows(&scene).await?;
    let broken = statements(&["ALTER TABLE t ADD added INTEGER", "INSERT INTO t (id) VALUES (1)", "UPDATE t SET added = 1"]);
    refused("a statement that breaks a key", built.inside.script("k", &Hash::of(b"broken"), &broken, 0).await)?;
    let done = built.inside.script_state("k").await?.done;
    let mended = statements(&["ALTER TABLE t ADD added INTEGER", "INSERT INTO t (id) VALUES (11)", "UPDATE t SET added = 1"]);
    let hash = Hash::of(b"mended");
    built.inside.script("k", &hash, &mended, done).await?;
    promise!(value(built.inside.as_mut(), "SELECT sum(added) FROM t").await? == "4", "mended, the script does not do its work");
    let state = built.inside.script_state("k").await?;
    promise!(state == ScriptState { hash: Some(hash), done: 3, complete: true }, "mended, the script is not recorded as it ran");
    Ok(())
}

async fn errors_of_scripts_show_no_values(scene: Scene) -> Step {
    let (_p, mut built) = scene_with_rows(&scene).await?;
    let unique = "CREATE UNIQUE INDEX by_v ON t (v)";
    for (what, bad) in [
        ("a statement that cannot be", (scene.dialect().blunder)(PLANTED)),
        ("a doubled key", format!("INSERT INTO t (id, v) VALUES (1, '{PLANTED}')")),
        ("a unique index over equal rows", unique.to_owned()),
    ] {
        let script = statements(&["UPDATE t SET short = 'x'", &format!("UPDATE t SET v = '{PLANTED}'"), &bad]);
        let e = refused(what, built.inside.script("k", &Hash::of(b"k"), &script, 0).await)?;
        promise!(e.statement == Some((3, 30)), "{what}: the error does not name the statement that failed and its line");
    }
    Ok(())
}

async fn tidying_takes_the_records_and_leaves_the_marker(scene: Scene) -> Step {
    let (_p, mut built) = scene_with_rows(&scene).await?;
    let script = statements(&["DELETE FROM t WHERE id = 3"]);
    built.inside.script("k", &Hash::of(b"k"), &script, 0).await?;
    let before = built.inside.inspect().await?;
    built.inside.tidy().await?;
    let after = built.inside.inspect().await?;
    promise!(after.fingerprint() == before.fingerprint(), "tidying changed the schema, or our own records are taken for a part of it");
    promise!(value(built.inside.as_mut(), "SELECT count(*) FROM t").await? == "2", "tidying took rows");
    built.inside.leave().await?;
    let standing = scene.target().await?.look(&built.name).await?;
    promise!(standing.is_some_and(|s| s.marker == Some(built.marker)), "tidying took the marker");
    Ok(())
}
