//! Every type's nasty values: extremes, NaN and infinities, empty, Unicode, NUL where it is permitted, NULL.

use crate::contract::flow::{UNCHANGED, decide, masked, read_back, table};
use crate::contract::ground::Sample;
use crate::contract::scene::{Scene, value};
use crate::contract::{Step, Stop, promise, promises};

promises! { "types":
    nasty_values_of_every_type_arrive_exactly,
    values_of_every_type_survive_being_decoded_and_encoded,
}

fn tables(samples: &[&Sample]) -> Vec<String> {
    let mut all = Vec::new();
    for s in samples {
        all.push(format!("CREATE TABLE t_{} (id INTEGER PRIMARY KEY, v {})", s.name, s.ty));
        all.extend(s.values.iter().enumerate().map(|(i, v)| format!("INSERT INTO t_{} VALUES ({}, {v})", s.name, i + 1)));
        all.push(format!("INSERT INTO t_{} VALUES (0, NULL)", s.name));
    }
    all
}

/// Copies the samples and names those of which something arrives otherwise.
async fn carried(scene: &Scene, samples: &[&Sample], through_masks: bool) -> Step {
    let mut p = scene.production(&tables(samples)).await?;
    let decided = |copy: &mut greenroom_model::plan::TableCopy| {
        if through_masks {
            decide(copy, "v", None, masked(UNCHANGED));
        }
    };
    let (mut built, copied) = scene.copy(&mut p, 100, decided).await?;
    let mut otherwise = Vec::new();
    for s in samples {
        let t = table(&p.catalog, &format!("t_{}", s.name))?;
        let shown = (scene.dialect().exactly)("v", s);
        let mut wrong = read_back(built.inside.as_mut(), t).await? != copied.digest(&t.name);
        for id in 0..=s.values.len() {
            let sql = format!("SELECT {shown} FROM t_{} WHERE id = {id}", s.name);
            let source = p.held.query_value(&sql).await?.unwrap_or_else(|| "NULL".to_owned());
            wrong |= source != value(built.inside.as_mut(), &sql).await? || (id > 0) == (source == "NULL");
        }
        if wrong {
            otherwise.push(s.ty);
        }
    }
    promise!(otherwise.is_empty(), "values of these types arrive otherwise than they were: {}", otherwise.join(", "));
    Ok(())
}

async fn nasty_values_of_every_type_arrive_exactly(scene: Scene) -> Step {
    let all: Vec<&Sample> = scene.dialect().samples.iter().collect();
    carried(&scene, &all, false).await
}

async fn values_of_every_type_survive_being_decoded_and_encoded(scene: Scene) -> Step {
    let all: Vec<&Sample> = scene.dialect().samples.iter().filter(|s| s.decodes).collect();
    if all.is_empty() {
        return Err(Stop::Broken("the engine names no type whose values masks may see".into()));
    }
    carried(&scene, &all, true).await
}
