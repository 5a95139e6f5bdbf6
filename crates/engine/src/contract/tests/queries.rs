//! Queries that people and programs write: they read, and nothing else.

use crate::contract::flow::table;
use crate::contract::scene::{PLANTED, Scene, refused, rows, value};
use crate::contract::{Step, promise, promises};

promises! { "queries":
    an_assertion_only_reads,
    counting_the_rows_of_an_assertion_stops_at_a_thousand,
    errors_of_queries_show_no_values,
    samples_are_text_by_column,
    a_sample_filter_picks_about_as_many_rows_as_asked,
}

fn numbers(scene: &Scene, count: i64) -> Vec<String> {
    let mut all = vec![format!("CREATE TABLE t (id INTEGER PRIMARY KEY, v {})", scene.dialect().text)];
    all.extend(rows("t", count, |i| format!(", 'v{i}'")));
    all
}

async fn an_assertion_only_reads(scene: Scene) -> Step {
    let mut p = scene.production(&numbers(&scene, 10)).await?;
    let (mut built, _) = scene.copy(&mut p, 100, |_| {}).await?;
    let before = built.inside.inspect().await?.fingerprint();
    for sql in scene.dialect().writing_queries {
        // Refused or without effect; which one is the engine's choice.
        let _ = built.inside.query(&sql.replace("TABLE_T", "t")).await;
        let left = value(built.inside.as_mut(), "SELECT count(*) FROM t").await?;
        promise!(left == "10", "a query has written: `{}`", sql.split(' ').take(2).collect::<Vec<_>>().join(" "));
    }
    promise!(built.inside.inspect().await?.fingerprint() == before, "a query has changed the schema");
    Ok(())
}

async fn counting_the_rows_of_an_assertion_stops_at_a_thousand(scene: Scene) -> Step {
    let mut p = scene.production(&numbers(&scene, 1300)).await?;
    let (mut built, _) = scene.copy(&mut p, 10_000, |_| {}).await?;
    let many = built.inside.query("SELECT id FROM t ORDER BY id").await?;
    promise!(many.rows == 1000 && many.first.as_deref() == Some("1"), "{} rows are told of 1300", many.rows);
    let none = built.inside.query("SELECT id FROM t WHERE id < 0").await?;
    promise!(none.rows == 0 && none.first.is_none(), "an empty result is told as {} rows", none.rows);
    let null = built.inside.query("SELECT NULL FROM t WHERE id = 1").await?;
    promise!(null.rows == 1 && null.first.is_none(), "NULL is told as a value");
    Ok(())
}

async fn errors_of_queries_show_no_values(scene: Scene) -> Step {
    let mut p = scene.production(&numbers(&scene, 3)).await?;
    let (mut built, _) = scene.copy(&mut p, 100, |_| {}).await?;
    let blunder = (scene.dialect().blunder)(PLANTED);
    refused("a query that cannot be", built.inside.query(&blunder).await)?;
    refused("a query that cannot be, inside the snapshot", p.held.query_value(&blunder).await)?;
    refused("a query that cannot be, on the source", scene.ground().source(&p.name).await?.query_value(&blunder).await)?;
    promise!(value(built.inside.as_mut(), "SELECT count(*) FROM t").await? == "3", "after an error the generation does not answer");
    Ok(())
}

async fn samples_are_text_by_column(scene: Scene) -> Step {
    let mut all = numbers(&scene, 300);
    all.push("INSERT INTO t VALUES (0, NULL)".to_owned());
    let name = scene.found(&all).await?;
    let mut source = scene.ground().source(&name).await?;
    let catalog = source.inspect().await?;
    let t = table(&catalog, "t")?;
    let sample = source.sample(t, 40).await?;
    promise!(!sample.is_empty() && sample.len() <= 40, "40 rows were asked for, {} came", sample.len());
    for row in &sample {
        let number = row.first().cloned().flatten().and_then(|n| n.parse::<i64>().ok());
        promise!(row.len() == 2 && number.is_some(), "a sampled row is not the table's columns as text");
        let expected = number.filter(|n| *n > 0).map(|n| format!("v{n}"));
        promise!(row[1] == expected, "a sampled row mixes rows, or tells NULL as a value");
    }
    let all_of_them = source.sample(t, 10_000).await?;
    promise!(all_of_them.iter().any(|r| r[1].is_none()), "NULL is sampled as a value");
    Ok(())
}

async fn a_sample_filter_picks_about_as_many_rows_as_asked(scene: Scene) -> Step {
    let mut p = scene.production(&numbers(&scene, 2000)).await?;
    let (mut built, _) = scene.copy(&mut p, 10_000, |_| {}).await?;
    let some = built.inside.sample_filter(500, 2000);
    let picked = value(built.inside.as_mut(), &format!("SELECT count(*) FROM t WHERE {some}")).await?;
    let picked: u32 = picked.parse().unwrap_or(0);
    // Six standard deviations of a fair draw on either side.
    promise!((380..=620).contains(&picked), "500 of 2000 rows were asked for, {picked} were picked");
    let all = built.inside.sample_filter(2000, 2000);
    let picked = value(built.inside.as_mut(), &format!("SELECT count(*) FROM t WHERE {all}")).await?;
    promise!(picked == "2000", "all rows were asked for, and some are missing");
    Ok(())
}
