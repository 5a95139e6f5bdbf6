//! Queries that tasks ask. Owns where they are asked and what may be told of the answer: numbers, and nothing else of a row.

use super::{Ground, Seen};
use greenroom_engine::EngineError;
use greenroom_model::process::deed::{AskedOf, Wanted, reaches, version_in};

/// Asks the query of a file and compares the answer with what is expected.
pub(super) async fn ask(ground: &Ground, file: &str, on: AskedOf, expect: &Wanted) -> Seen {
    let sql = match std::fs::read_to_string(ground.folder.join(file)) {
        Ok(sql) => sql,
        Err(e) => return Seen::bad(format!("`{file}` cannot be read: {}", e.kind())),
    };
    let sql = sql.trim_end().trim_end_matches(';');
    if sql.trim().is_empty() {
        return Seen::bad(format!("`{file}` is empty"));
    }
    let asked = match on {
        AskedOf::Source => of_source(ground, sql).await,
        AskedOf::Pilot => of_database(ground, &ground.pilot, sql).await,
        AskedOf::Target => of_database(ground, &ground.target, sql).await,
    };
    let (rows, first) = match asked {
        Ok(answer) => answer,
        Err(why) => return Seen::bad(format!("`{file}` could not be asked: {why}")),
    };
    match expect {
        Wanted::NoRows if rows == Some(0) => Seen::good(format!("`{file}` gave no rows")),
        Wanted::NoRows => Seen::bad(format!("`{file}` gave {} rows", rows.unwrap_or_default())),
        Wanted::AtLeast(least) => match first.as_deref().and_then(version_in) {
            Some(found) if reaches(found, least) => Seen::good(format!("`{file}` gave {found}, at least {least}")),
            Some(found) => Seen::bad(format!("`{file}` gave {found}, less than {least}")),
            None => Seen::bad(format!("`{file}` gave no number or version")),
        },
        Wanted::Value(wanted) => match first {
            Some(value) if value == *wanted => Seen::good(format!("`{file}` gave {wanted}, as expected")),
            // Anything else might be somebody's.
            Some(value) if value.len() <= 12 && value.parse::<i64>().is_ok() => Seen::bad(format!("`{file}` gave {value}, not {wanted}")),
            Some(_) => Seen::bad(format!("`{file}` gave something else than {wanted}")),
            None => Seen::bad(format!("`{file}` gave nothing, not {wanted}")),
        },
    }
}

type Answer = Result<(Option<u64>, Option<String>), String>;

async fn of_source(ground: &Ground, sql: &str) -> Answer {
    let told = |e: EngineError| e.to_string();
    let mut source = ground.engines.source().await.map_err(told)?;
    Ok((None, source.query_value(sql).await.map_err(told)?))
}

async fn of_database(ground: &Ground, name: &Result<String, String>, sql: &str) -> Answer {
    let told = |e: EngineError| e.to_string();
    let name = name.clone()?;
    let mut target = ground.engines.target().await.map_err(told)?;
    let mut inside = target.enter(&name).await.map_err(told)?;
    let outcome = inside.query(sql).await.map_err(told);
    // The answer is there; whatever is left of the session ends with the process.
    let _ = inside.leave().await;
    let outcome = outcome?;
    Ok((Some(outcome.rows), outcome.first))
}
