//! The schema as statements: what SQLite keeps of the original text, byte for byte, in an order that can be executed.
//!
//! Tables first, in the order of their creation; indexes, views and triggers after the rows, so that loading is fast and nothing fires.

use super::connect::{literal, quoted};
use super::error::failed;
use super::inspect::{Trial, catalog, entries};
use crate::error::Result;
use crate::seam::SchemaScript;
use greenroom_model::catalog::TableForm;
use greenroom_model::hash::Hash;
use rusqlite::Connection;

/// The script of everything that is carried.
pub(super) fn script(c: &Connection) -> Result<SchemaScript> {
    let entries = entries(c)?;
    let trial = Trial::run(&entries)?;
    let not_carried = catalog(c)?.not_carried;
    let carried = |e: &&super::inspect::Entry| {
        !trial.refused.contains_key(&e.table) && !trial.left_out.contains_key(&e.name) && !matches!(e.form(), TableForm::Refused(_))
    };
    let of = |kind: &str| entries.iter().filter(move |e| e.kind == kind).filter(carried).map(|e| e.sql.clone()).collect::<Vec<_>>();
    let pre = of("table");
    let mut post = of("index");
    post.extend(of("view"));
    post.extend(of("trigger"));
    let hash = Hash::of_json(&(&pre, &post));
    Ok(SchemaScript { pre, post, archive: None, disabled: Vec::new(), not_carried, hash: Some(hash), access: Vec::new() })
}

/// Positions of AUTOINCREMENT: (table, SQL that moves the copy's position up to the source's, never down).
pub(super) fn sequences(c: &Connection) -> Result<Vec<(String, String)>> {
    let doing = "read AUTOINCREMENT positions";
    // Without any AUTOINCREMENT the table is not there.
    let Ok(mut query) = c.prepare("SELECT name, max(seq) FROM sqlite_sequence WHERE name IS NOT NULL GROUP BY name ORDER BY name") else {
        return Ok(Vec::new());
    };
    query
        .query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, Option<i64>>(1)?.unwrap_or(0))))
        .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
        .map_err(|e| failed(doing, &e))
        .map(|all| {
            all.into_iter()
                .map(|(name, seq)| {
                    let table = literal(&name);
                    let sql = format!(
                        "INSERT INTO sqlite_sequence(name, seq) SELECT {table}, 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = {table}); \
                         UPDATE sqlite_sequence SET seq = max(seq, {seq}) WHERE name = {table}"
                    );
                    (name, sql)
                })
                .collect()
        })
}

/// Executes statements that do not stand yet; repeatable, since SQLite keeps their text.
pub(super) fn apply(c: &Connection, statements: &[String]) -> Result<()> {
    let doing = "create the schema";
    c.execute_batch("BEGIN IMMEDIATE").map_err(|e| failed(doing, &e))?;
    let done = statements.iter().try_for_each(|sql| {
        let stands: bool = c
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE sql = ?1)")
            .and_then(|mut s| s.query_row([sql], |r| r.get(0)))
            .map_err(|e| failed(doing, &e))?;
        if stands {
            return Ok(());
        }
        let name = super::tokens::tokens(sql);
        c.execute_batch(sql).map_err(|e| failed(doing, &e).object(super::tokens::covered(sql, &name[..name.len().min(6)])))
    });
    match done {
        Ok(()) => c.execute_batch("COMMIT").map_err(|e| failed(doing, &e)),
        Err(e) => {
            let _ = c.execute_batch("ROLLBACK");
            Err(e)
        }
    }
}

/// Builds full-text indexes whose content lies in other tables.
pub(super) fn rebuild(c: &Connection) -> Result<()> {
    for e in entries(c)?.iter().filter(|e| e.kind == "table" && matches!(e.form(), TableForm::Rebuilt(_))) {
        let name = quoted(&e.name);
        c.execute_batch(&format!("INSERT INTO {name}({name}) VALUES('rebuild')"))
            .map_err(|error| failed(format!("rebuild the full-text index {}", e.name), &error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_counter_can_be_read_back() {
        let c = Connection::open_in_memory().unwrap();
        c.execute_batch("create table t (id integer primary key autoincrement); insert into t values (12)").unwrap();
        let said: Vec<_> = sequences(&c).unwrap().iter().map(|(_, sql)| crate::position::position(sql)).collect();
        assert_eq!(said, [Some((12, true))]);
    }
}
