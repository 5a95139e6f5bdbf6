//! Cutting tables into ranges (P4): equal widths between the least and the greatest key. Bounds are literals.

use super::connect::{Session, number, said};
use super::error::Doing;
use super::sql;
use crate::error::Result;
use crate::seam::RangeSpec;
use crate::shares::{integers, shares, specs};
use greenroom_model::catalog::Family;
use greenroom_model::plan::TableCopy;

/// More ranges than this only cost book-keeping.
const MOST: u64 = 4096;

/// Cuts a table into ranges of about `rows` rows. Tables of storage engines without transactions stay whole: their load starts again whole.
pub(crate) async fn cut(session: &mut Session, copy: &TableCopy, rows: u64) -> Result<Vec<RangeSpec>> {
    let doing = || format!("cut {} into ranges", copy.table.name);
    let Some(key) = copy.range_key.as_ref().filter(|_| !copy.empty) else { return Ok(vec![RangeSpec::whole()]) };
    let family = copy.columns.iter().find(|c| c.name == *key).map(|c| c.family);
    let query = format!(
        "select coalesce(table_rows, 0), coalesce(engine, '') from information_schema.tables where table_schema = database() and table_name = {}",
        sql::literal(&copy.table.name)
    );
    let found = session.rows(&query).await.doing(doing())?;
    let (estimate, engine) = found.first().map_or((0, String::new()), |r| (number(r, 0), said(r, 1)));
    let parts = estimate.div_ceil(rows.max(1)).clamp(1, MOST);
    if parts == 1 || !engine.eq_ignore_ascii_case("innodb") {
        return Ok(vec![RangeSpec::whole()]);
    }
    let name = sql::ident(key);
    let bounds = match family {
        Some(Family::Integer) => {
            let query = format!("select min({name}), max({name}) from {}", sql::ident(&copy.table.name));
            let found = session.rows(&query).await.doing(doing())?;
            let ends = found.first().and_then(|r| Some((said(r, 0).parse::<i128>().ok()?, said(r, 1).parse::<i128>().ok()?)));
            ends.map_or_else(Vec::new, |(least, most)| integers(least, most, parts))
        }
        // Two leading bytes, equal shares: even for random keys.
        Some(Family::Bytes) => shares(parts).into_iter().map(|n| sql::hex(&n.to_be_bytes())).collect(),
        // UUIDs are ordered by rules of the server's own.
        _ => Vec::new(),
    };
    Ok(specs(&bounds))
}
