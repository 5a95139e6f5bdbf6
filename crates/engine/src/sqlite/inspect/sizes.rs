//! Estimates of rows and bytes that do not read the whole database.

use super::{FTS5_SHADOWS, wrong};
use crate::error::Result;
use crate::sqlite::connect::quoted;
use greenroom_model::catalog::Table;
use rusqlite::Connection;
use std::collections::BTreeMap;

/// `dbstat` reads every page, so it is asked only where that is quick.
const DBSTAT_UP_TO: u64 = 256 * 1024 * 1024;

/// Fills in `estimated_rows` and `estimated_bytes`.
pub(super) fn estimate(c: &Connection, tables: &mut [Table]) -> Result<()> {
    let known = statistics(c)?;
    for t in tables.iter_mut() {
        t.estimated_rows = match known.get(&t.name.name) {
            Some(rows) => *rows,
            None if t.is_copied() => counted(c, t),
            None => 0,
        };
    }
    let pages = |pragma: &str| {
        let value = c.query_row(&format!("PRAGMA {pragma}"), [], |r| r.get::<_, i64>(0)).map_err(wrong("read the database's size"));
        value.map(i64::unsigned_abs)
    };
    let total = pages("page_count")?.saturating_mul(pages("page_size")?);
    let measured = if total <= DBSTAT_UP_TO { measured(c) } else { None };
    let rows: u64 = tables.iter().map(|t| t.estimated_rows).sum();
    for t in tables.iter_mut() {
        t.estimated_bytes = match &measured {
            Some(sizes) if t.properties.contains_key("module") => {
                FTS5_SHADOWS.iter().filter_map(|s| sizes.get(&format!("{}{s}", t.name.name))).sum()
            }
            Some(sizes) => sizes.get(&t.name.name).copied().unwrap_or(0),
            None => {
                let share = u128::from(total) * u128::from(t.estimated_rows) / u128::from(rows.max(1));
                u64::try_from(share).unwrap_or(u64::MAX)
            }
        };
    }
    Ok(())
}

/// Rows by table as the last ANALYZE found them.
fn statistics(c: &Connection) -> Result<BTreeMap<String, u64>> {
    let mut out = BTreeMap::new();
    // Without a former ANALYZE the table is not there.
    let Ok(mut query) = c.prepare("SELECT tbl, stat FROM sqlite_stat1") else { return Ok(out) };
    let doing = "read the statistics";
    let mut rows = query.query([]).map_err(wrong(doing))?;
    while let Some(row) = rows.next().map_err(wrong(doing))? {
        let (table, stat): (Option<String>, Option<String>) = (row.get(0).ok(), row.get(1).ok());
        if let (Some(table), Some(count)) = (table, stat.and_then(|s| s.split(' ').next().and_then(|n| n.parse::<u64>().ok()))) {
            let known = out.entry(table).or_insert(0);
            *known = count.max(*known);
        }
    }
    Ok(out)
}

/// The span of rowids bounds the rows from above and costs two page reads; other tables are counted.
fn counted(c: &Connection, t: &Table) -> u64 {
    let table = quoted(&t.name.name);
    let shadowed = ["rowid", "_rowid_", "oid"].iter().all(|n| t.columns.iter().any(|c| c.name.eq_ignore_ascii_case(n)));
    let sql = if t.properties.contains_key("without_rowid") || shadowed {
        format!("SELECT count(*) FROM main.{table}")
    } else {
        let name = ["rowid", "_rowid_", "oid"]
            .into_iter()
            .find(|n| !t.columns.iter().any(|c| c.name.eq_ignore_ascii_case(n)) || t.properties.contains_key("module"))
            .unwrap_or("rowid");
        format!("SELECT coalesce((SELECT max({name}) FROM main.{table}) - (SELECT min({name}) FROM main.{table}) + 1, 0)")
    };
    c.query_row(&sql, [], |r| r.get::<_, i64>(0)).ok().and_then(|n| u64::try_from(n).ok()).unwrap_or(0)
}

fn measured(c: &Connection) -> Option<BTreeMap<String, u64>> {
    let mut query = c.prepare("SELECT name, pgsize FROM dbstat WHERE aggregate = TRUE").ok()?;
    query.query_map([], |r| Ok((r.get(0)?, r.get::<_, i64>(1)?.unsigned_abs()))).ok()?.collect::<rusqlite::Result<_>>().ok()
}
