//! Noting which rows are touched (`crate::capture`): triggers that write keys into tables of ours in the same file.
//!
//! A row that goes because another one replaces it (`INSERT OR REPLACE`) fires no trigger of its own: rows that stand in the way of a new one are noted
//! before it comes. Keys are kept in columns without a type, so that they stay what they are.

use super::connect::quoted;
use super::error::failed;
use super::generation::together;
use super::inspect::{CAPTURE, CAPTURED, NOTES};
use super::select::table_sql;
use crate::capture::{Capture, Captured};
use crate::error::Result;
use greenroom_model::catalog::TableName;
use rusqlite::{Connection, OptionalExtension};

fn notes(number: u32) -> String {
    format!("{NOTES}{number}")
}

/// The triggers of a table, each a whole statement.
fn triggers(capture: &Capture) -> Vec<String> {
    let (table, notes) = (table_sql(&capture.table), quoted(&notes(capture.number)));
    let columns: Vec<String> = capture.key.iter().map(|c| quoted(c)).collect();
    let of = |row: &str| columns.iter().map(|c| format!("{row}.{c}")).collect::<Vec<_>>().join(", ");
    let note = |row: &str| format!("INSERT INTO {notes} VALUES ({});", of(row));
    let trigger = |word: &str, moment: &str, body: &str| {
        format!(
            "CREATE TRIGGER IF NOT EXISTS {} {moment} ON {table} BEGIN {body} END",
            quoted(&format!("{CAPTURE}{word}_{}", capture.number))
        )
    };
    let mut all = vec![
        trigger("insert", "AFTER INSERT", &note("NEW")),
        trigger("update", "AFTER UPDATE", &format!("{} {}", note("OLD"), note("NEW"))),
        trigger("delete", "AFTER DELETE", &note("OLD")),
    ];
    if !capture.unique.is_empty() {
        let same = |unique: &Vec<String>| {
            let parts: Vec<String> = unique.iter().map(|c| format!("t.{0} = NEW.{0}", quoted(c))).collect();
            format!("({})", parts.join(" AND "))
        };
        let in_the_way: Vec<String> = capture.unique.iter().map(same).collect();
        let body = format!("INSERT INTO {notes} SELECT {} FROM {table} AS t WHERE {};", of("t"), in_the_way.join(" OR "));
        all.push(trigger("replace", "BEFORE INSERT", &body));
        all.push(trigger("replaced", "BEFORE UPDATE", &body));
    }
    all
}

/// Begins noting; tables of which keys are noted already are left. Repeatable.
pub(super) fn capture(c: &Connection, tables: &[Capture]) -> Result<()> {
    let doing = "have the keys of touched rows noted";
    together(c, doing, || {
        let wrong = |e: rusqlite::Error| failed(doing, &e);
        c.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS {CAPTURED}(number INTEGER PRIMARY KEY, table_name TEXT NOT NULL, key TEXT NOT NULL)"
        ))
        .map_err(wrong)?;
        for capture in tables {
            let key = serde_json::to_string(&capture.key).unwrap_or_default();
            let sql = format!("INSERT OR REPLACE INTO {CAPTURED} VALUES (?1, ?2, ?3)");
            c.execute(&sql, (capture.number, &capture.table.name, key)).map_err(wrong)?;
            if capture.key.is_empty() {
                continue;
            }
            let columns: Vec<String> = capture.key.iter().map(|c| quoted(c)).collect();
            let notes = quoted(&notes(capture.number));
            c.execute_batch(&format!("CREATE TABLE IF NOT EXISTS {notes}({})", columns.join(", "))).map_err(wrong)?;
            for trigger in triggers(capture) {
                c.execute_batch(&trigger).map_err(|e| failed(doing, &e).object(&capture.table.name))?;
            }
        }
        Ok(())
    })
}

/// What is noted; empty where nothing is.
pub(super) fn captured(c: &Connection) -> Result<Vec<Captured>> {
    let wrong = |e: rusqlite::Error| failed("read of which tables keys are noted", &e);
    let there: Option<i64> = c
        .query_row("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1", [CAPTURED], |r| r.get(0))
        .optional()
        .map_err(wrong)?;
    if there.is_none() {
        return Ok(Vec::new());
    }
    // A table that was made anew since has lost its triggers, and with them what was noted is not all.
    let standing = format!(
        "SELECT count(*) >= 3 FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1 \
         AND name IN ('{CAPTURE}insert_' || ?2, '{CAPTURE}update_' || ?2, '{CAPTURE}delete_' || ?2)"
    );
    let mut query = c.prepare(&format!("SELECT number, table_name, key FROM {CAPTURED} ORDER BY 1")).map_err(wrong)?;
    let read = |r: &rusqlite::Row<'_>| {
        let (number, table): (u32, String) = (r.get(0)?, r.get(1)?);
        let stands: bool = c.query_row(&standing, (&table, number.to_string()), |r| r.get(0))?;
        Ok(Captured {
            table: TableName::new("main", table),
            key: serde_json::from_str(&r.get::<_, String>(2)?).unwrap_or_default(),
            notes: TableName::new("main", notes(number)),
            truncated: !stands,
        })
    };
    query.query_map([], read).and_then(Iterator::collect).map_err(wrong)
}

/// Ends it; nothing of it stays. Repeatable.
pub(super) fn end(c: &Connection) -> Result<()> {
    let doing = "end the noting of keys";
    together(c, doing, || {
        let wrong = |e: rusqlite::Error| failed(doing, &e);
        let mut query = c.prepare("SELECT type, name FROM sqlite_schema WHERE type IN ('trigger', 'table')").map_err(wrong)?;
        let all: Vec<(String, String)> = query.query_map([], |r| Ok((r.get(0)?, r.get(1)?))).and_then(Iterator::collect).map_err(wrong)?;
        drop(query);
        let ours = |kind: &str, name: &str| match kind {
            "trigger" => name.starts_with(CAPTURE),
            _ => name == CAPTURED || name.starts_with(NOTES),
        };
        for wanted in ["trigger", "table"] {
            for (kind, name) in all.iter().filter(|(kind, name)| kind == wanted && ours(kind, name)) {
                c.execute_batch(&format!("DROP {kind} {}", quoted(name))).map_err(wrong)?;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(c: &Connection, number: u32) -> Vec<String> {
        let mut query = c.prepare(&format!("SELECT DISTINCT quote(id) FROM {} ORDER BY 1", notes(number))).unwrap();
        query.query_map([], |r| r.get(0)).unwrap().map(|k| k.unwrap()).collect()
    }

    #[test]
    fn every_touched_row_is_noted_also_one_that_another_replaces() {
        let c = Connection::open_in_memory().unwrap();
        c.execute_batch(
            "create table a (id integer primary key, code text unique, n int); create table b (id text primary key, a references a on delete cascade);
             insert into a values (1, 'x', 0), (2, 'y', 0), (3, 'z', 0), (4, 'w', 0); insert into b values ('7', 3); pragma foreign_keys = on",
        )
        .unwrap();
        let table = |number, name: &str, unique: &[&str]| Capture {
            number,
            table: TableName::new("main", name),
            key: vec!["id".into()],
            unique: unique.iter().map(|u| vec![(*u).to_owned()]).collect(),
        };
        let tables = [table(1, "a", &["code"]), table(2, "b", &[])];
        capture(&c, &tables).unwrap();
        capture(&c, &tables).unwrap();
        assert!(noted(&c, 1).is_empty());
        c.execute_batch("insert or replace into a values (9, 'x', 1); delete from a where id = 3; update a set n = 2 where id = 4")
            .unwrap();
        assert_eq!(noted(&c, 1), ["1", "3", "4", "9"]);
        assert_eq!(noted(&c, 2), ["'7'"]);
        assert!(captured(&c).unwrap().iter().all(|c| !c.truncated));
        // As some tools alter a table.
        c.execute_batch(
            "create table b2 (id text primary key, a); insert into b2 select * from b; drop table b; alter table b2 rename to b",
        )
        .unwrap();
        assert_eq!(captured(&c).unwrap().iter().map(|c| c.truncated).collect::<Vec<_>>(), [false, true]);
        let all = captured(&c).unwrap();
        assert_eq!(all.iter().map(|c| (c.table.name.as_str(), c.key.len())).collect::<Vec<_>>(), [("a", 1), ("b", 1)]);
        end(&c).unwrap();
        end(&c).unwrap();
        assert!(captured(&c).unwrap().is_empty());
        let left: i64 = c.query_row("select count(*) from sqlite_schema where name like 'greenroom%'", [], |r| r.get(0)).unwrap();
        assert_eq!(left, 0);
    }
}
