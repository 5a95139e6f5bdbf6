//! Cutting tables into ranges (P4): equal widths between the least and the greatest key. Bounds are literals.

use super::connect::{Session, said};
use super::error::Doing;
use super::sql;
use crate::error::Result;
use crate::seam::RangeSpec;
use crate::shares::{integers, shares, specs};
use greenroom_model::catalog::{Family, TableName};
use greenroom_model::plan::TableCopy;

/// More ranges than this only cost book-keeping.
const MOST: u64 = 4096;

/// How many rows a table has.
pub(crate) async fn count(session: &mut Session, table: &TableName) -> Result<u64> {
    let count = format!("select count_big(*) from {}", sql::table(table));
    let counted = session.value(&count).await.doing(format!("count the rows of {}", table.name))?;
    Ok(counted.and_then(|n| n.parse().ok()).unwrap_or(0))
}

/// Cuts a table into ranges of about `rows` rows; `estimate` is how many it has.
pub(crate) async fn cut(session: &mut Session, copy: &TableCopy, rows: u64, estimate: u64) -> Result<Vec<RangeSpec>> {
    let doing = || format!("cut {} into ranges", copy.table.name);
    let Some(key) = copy.range_key.as_ref().filter(|_| !copy.empty) else { return Ok(vec![RangeSpec::whole()]) };
    let parts = estimate.div_ceil(rows.max(1)).clamp(1, MOST);
    if parts == 1 {
        return Ok(vec![RangeSpec::whole()]);
    }
    let name = sql::ident(key);
    let bounds = match copy.columns.iter().find(|c| c.name == *key).map(|c| c.family) {
        Some(Family::Integer) => {
            let query = format!("select min({name}), max({name}) from {}", sql::table(&copy.table));
            let found = session.rows(&query).await.doing(doing())?;
            let ends = found.first().and_then(|r| Some((said(r, 0).parse::<i128>().ok()?, said(r, 1).parse::<i128>().ok()?)));
            ends.map_or_else(Vec::new, |(least, most)| integers(least, most, parts))
        }
        // Two leading bytes, equal shares: even for random keys.
        Some(Family::Bytes) => shares(parts).into_iter().map(|n| sql::hex(&n.to_be_bytes())).collect(),
        // UUIDs are ordered by their last six bytes first.
        Some(Family::Uuid) => shares(parts).into_iter().map(|n| format!("'00000000-0000-0000-0000-{n:04x}00000000'")).collect(),
        _ => Vec::new(),
    };
    Ok(specs(&bounds))
}
