//! The SELECT of one range, and where ranges are cut. Owns SQL text only; reading is `copy`'s and `session`'s.

use super::connect::quoted;
use super::error::failed;
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::RangeSpec;
use greenroom_model::catalog::TableName;
use greenroom_model::plan::{CopyColumn, FieldAction, TableCopy};
use rusqlite::{Connection, OptionalExtension};

/// The table's quoted name.
pub(super) fn table_sql(table: &TableName) -> String {
    format!("\"main\".{}", quoted(&table.name))
}

/// Columns and conditions of a range's rows; `None` when the table is copied empty. `all` reads also what the rules throw away.
pub(super) fn range_sql(copy: &TableCopy, range: &RangeSpec, all: bool) -> Result<Option<String>> {
    if copy.empty {
        return Ok(None);
    }
    let mut fields: Vec<String> = Vec::with_capacity(copy.columns.len() + copy.conditions.len());
    for (i, column) in copy.columns.iter().enumerate() {
        if !all && is_thrown_away(column) && !identifies(copy, i) {
            fields.push("NULL".to_owned());
        } else {
            // Qualified: a bare quoted name that is no column would be taken for a text.
            fields.push(format!("t.{}", quoted(&column.name)));
        }
    }
    // A line break behind what people wrote: it may end in a remark.
    fields.extend(copy.conditions.iter().map(|c| format!("({c}\n)")));
    let mut bounds: Vec<String> = copy.filter.iter().map(|f| format!("({f}\n)")).collect();
    bounds.extend(range_bounds(copy, range, "t.")?);
    let filter = if bounds.is_empty() { String::new() } else { format!(" WHERE {}", bounds.join(" AND ")) };
    Ok(Some(format!("SELECT {} FROM {} AS t{filter}", fields.join(", "), table_sql(&copy.table))))
}

/// The conditions on the range key.
pub(super) fn range_bounds(copy: &TableCopy, range: &RangeSpec, prefix: &str) -> Result<Vec<String>> {
    let mut out = Vec::new();
    for (bound, operator) in [(&range.from, ">="), (&range.to, "<")] {
        if let Some(bound) = bound {
            let doing = format!("read a range of {}", copy.table.name);
            // Bounds are integers that we wrote; anything else did not come from us.
            if bound.parse::<i64>().is_err() {
                return Err(EngineError::new(ErrorKind::Conflict, doing, "a range's bound is not a number"));
            }
            let Some(key) = &copy.range_key else {
                return Err(EngineError::new(ErrorKind::Conflict, doing, "a range has bounds but the table has no key to cut by"));
            };
            out.push(format!("{prefix}{} {operator} {bound}", quoted(key)));
        }
    }
    Ok(out)
}

/// Whether no row's value can survive: every rule up to the first unconditional one replaces it without looking.
fn is_thrown_away(column: &CopyColumn) -> bool {
    let blind = |a: &FieldAction| matches!(a, FieldAction::Null | FieldAction::Constant(_));
    match column.rules.iter().position(|r| r.when.is_none()) {
        Some(last) => column.rules[..=last].iter().all(|r| blind(&r.action)),
        None => false,
    }
}

fn identifies(copy: &TableCopy, column: usize) -> bool {
    copy.columns.iter().flat_map(|c| &c.rules).any(|r| matches!(&r.action, FieldAction::Mask { identity: Some(i), .. } if *i == column))
}

/// Cuts a table by its integer key into ranges of about `rows` rows. Cheap where keys are dense (a few probes), else one walk over the keys.
pub(super) fn ranges(c: &Connection, copy: &TableCopy, rows: u64) -> Result<Vec<RangeSpec>> {
    let whole = Ok(vec![RangeSpec::whole()]);
    let doing = || format!("cut {} into ranges", copy.table.name);
    let wrong = |e: rusqlite::Error| failed(doing(), &e);
    let Some(key) = copy.range_key.as_deref().filter(|_| !copy.empty && rows > 0) else { return whole };
    if !holds_no_null(c, copy, key).map_err(wrong)? {
        return whole;
    }
    let (key, table) = (quoted(key), table_sql(&copy.table));
    let span: Option<(i64, i64)> = c
        .query_row(&format!("SELECT (SELECT min({key}) FROM {table}), (SELECT max({key}) FROM {table})"), [], |r| {
            Ok(r.get::<_, i64>(0).ok().zip(r.get::<_, i64>(1).ok()))
        })
        .map_err(wrong)?;
    let Some((min, max)) = span else { return whole };
    let mut cuts = Vec::new();
    if is_dense(c, &key, &table, min, max).map_err(wrong)? {
        let step = i128::from(rows);
        let mut at = i128::from(min) + step;
        while at <= i128::from(max) {
            cuts.extend(i64::try_from(at));
            at += step;
        }
    } else {
        let mut next =
            c.prepare(&format!("SELECT {key} FROM {table} WHERE {key} >= ?1 ORDER BY {key} LIMIT 1 OFFSET ?2")).map_err(wrong)?;
        let mut at = min;
        // A text in the key column (possible without STRICT) ends the walk; it sorts into the last range, which is open.
        while let Some(Ok(cut)) =
            next.query_row((at, i64::try_from(rows).unwrap_or(i64::MAX)), |r| Ok(r.get::<_, i64>(0))).optional().map_err(wrong)?
        {
            cuts.push(cut);
            at = cut;
        }
    }
    let mut out = Vec::with_capacity(cuts.len() + 1);
    let mut from = None;
    for cut in cuts.into_iter().map(Some).chain([None]) {
        let to = cut.map(|k| k.to_string());
        let ordinal = u32::try_from(out.len()).map_err(|_| EngineError::other(doing(), "there would be more than four billion ranges"))?;
        out.push(RangeSpec { ordinal, from: from.take(), to: to.clone(), physical: false });
        from = to;
    }
    Ok(out)
}

/// The rowid and the key of a WITHOUT ROWID table hold no NULL; other primary keys of SQLite may, and NULL falls out of every range.
fn holds_no_null(c: &Connection, copy: &TableCopy, key: &str) -> rusqlite::Result<bool> {
    let without_rowid: bool =
        c.query_row("SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND name = ?1 AND wr", [&copy.table.name], |r| r.get(0))?;
    if without_rowid {
        return Ok(true);
    }
    let alias: bool = c.query_row(
        "SELECT count(*) FROM pragma_table_xinfo(?1, 'main') WHERE name = ?2 AND pk = 1 AND upper(type) = 'INTEGER' \
         AND NOT EXISTS (SELECT 1 FROM pragma_index_list(?1, 'main') WHERE origin = 'pk')",
        [&copy.table.name, key],
        |r| r.get(0),
    )?;
    // A full-text table's rowid is listed nowhere.
    Ok(alias || key == "rowid")
}

/// Whether keys follow each other closely: at most one probe in eight hits a wide gap.
fn is_dense(c: &Connection, key: &str, table: &str, min: i64, max: i64) -> rusqlite::Result<bool> {
    const PROBES: i128 = 64;
    const GAP: i128 = 4;
    let span = i128::from(max) - i128::from(min);
    let mut next = c.prepare(&format!("SELECT {key} FROM {table} WHERE {key} >= ?1 ORDER BY {key} LIMIT 1"))?;
    let mut gaps = 0;
    for i in 0..PROBES {
        let at = i64::try_from(i128::from(min) + span * i / PROBES).unwrap_or(max);
        let found = next.query_row([at], |r| Ok(r.get::<_, i64>(0)))?;
        gaps += i128::from(found.map_or(true, |k| i128::from(k) - i128::from(at) > GAP));
    }
    Ok(gaps * 8 <= PROBES)
}
