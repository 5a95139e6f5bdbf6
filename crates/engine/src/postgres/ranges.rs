//! Cutting tables into ranges (P4). Owns how bounds are found: the planner's histogram, else equal widths, else physical positions.

use super::connect::Session;
use super::encoding::field::Codec;
use super::error::Doing;
use super::{sql, types};
use crate::error::Result;
use crate::seam::RangeSpec;
use greenroom_model::plan::TableCopy;

/// More ranges than this only cost book-keeping.
const MOST: u64 = 4096;

/// Cuts a table into ranges of about `rows` rows.
pub(crate) async fn cut(session: &Session, copy: &TableCopy, rows: u64) -> Result<Vec<RangeSpec>> {
    if copy.empty {
        return Ok(vec![RangeSpec::whole()]);
    }
    let doing = || format!("cut {} into ranges", copy.table);
    let (oid, columns) = types::of_table(session, &copy.table).await?;
    let row = session
        .client
        .query_one(
            "select c.reltuples::float8, c.relpages, \
                    pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::int8 \
             from pg_catalog.pg_class c where c.oid = $1",
            &[&oid],
        )
        .await
        .doing(doing())?;
    let (tuples, analysed, blocks): (f64, i32, i64) = (row.get(0), row.get(1), row.get(2));
    let blocks = u64::try_from(blocks).unwrap_or(0);
    // As the server's own planner does: density when it was last analysed, times the blocks of today.
    let density = if tuples > 0.0 && analysed > 0 { tuples / f64::from(analysed) } else { 50.0 };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "an estimate")]
    let estimate = (density * blocks as f64) as u64;
    let parts = estimate.div_ceil(rows.max(1)).clamp(1, MOST);
    if parts == 1 {
        return Ok(vec![RangeSpec::whole()]);
    }
    let key = copy.range_key.as_ref().and_then(|k| columns.get(k)).filter(|k| k.cuts());
    if let Some(key) = key {
        let bounds = bounds(session, copy, key, parts).await?;
        return Ok(specs(&bounds, false));
    }
    if session.version >= 140_000 {
        let step = blocks.div_ceil(parts).max(1);
        let bounds: Vec<String> = (1..parts).map(|i| i * step).filter(|b| *b < blocks).map(|b| format!("({b},0)")).collect();
        return Ok(specs(&bounds, true));
    }
    Ok(vec![RangeSpec::whole()])
}

/// Inner bounds in order, as literals.
async fn bounds(session: &Session, copy: &TableCopy, key: &types::ColumnType, parts: u64) -> Result<Vec<String>> {
    let doing = || format!("cut {} into ranges", copy.table);
    let literal = |text: &str| if key.codec() == Codec::Uuid { format!("{}::uuid", sql::literal(text)) } else { format!("'{text}'::int8") };
    let histogram = session
        .client
        .query_opt(
            "select histogram_bounds::text::text[] from pg_catalog.pg_stats \
             where schemaname = $1::text and tablename = $2::text and attname = $3::text and not inherited",
            &[&copy.table.schema, &copy.table.name, &key.name],
        )
        .await
        .doing(doing())?
        .and_then(|row| row.get::<_, Option<Vec<String>>>(0));
    if let Some(found) = histogram.filter(|h| h.len() as u64 > parts) {
        let last = found.len() as u64 - 1;
        let mut bounds: Vec<String> =
            (1..parts).filter_map(|i| usize::try_from(i * last / parts).ok().and_then(|i| found.get(i))).map(|b| literal(b)).collect();
        bounds.dedup();
        return Ok(bounds);
    }
    if key.codec() == Codec::Uuid {
        // Without statistics: equal shares of all UUIDs, which is even for random ones.
        let share = u128::MAX / u128::from(parts);
        return Ok((1..parts).map(|i| literal(&format!("{:032x}", share * u128::from(i)))).collect());
    }
    let name = sql::ident(&key.name);
    let row = session
        .client
        .query_one(&format!("select min({name})::int8, max({name})::int8 from only {}", sql::qualified(&copy.table)), &[])
        .await
        .doing(doing())?;
    let (Some(least), Some(most)) = (row.get::<_, Option<i64>>(0), row.get::<_, Option<i64>>(1)) else { return Ok(Vec::new()) };
    let (least, span) = (i128::from(least), i128::from(most) - i128::from(least) + 1);
    let mut bounds: Vec<i128> = (1..parts).map(|i| least + span * i128::from(i) / i128::from(parts)).collect();
    bounds.dedup();
    Ok(bounds.into_iter().map(|b| literal(&b.to_string())).collect())
}

fn specs(bounds: &[String], physical: bool) -> Vec<RangeSpec> {
    (0..=bounds.len())
        .map(|i| RangeSpec {
            ordinal: u32::try_from(i).expect("at most 4096 ranges"),
            from: i.checked_sub(1).map(|i| bounds[i].clone()),
            to: bounds.get(i).cloned(),
            physical: physical && !bounds.is_empty(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_everything_once() {
        let made = specs(&["1".to_owned(), "5".to_owned()], false);
        assert_eq!(made.len(), 3);
        assert!(made[0].from.is_none() && made[2].to.is_none());
        assert!(made.windows(2).all(|w| w[0].to == w[1].from));
        assert_eq!(specs(&[], true), vec![RangeSpec::whole()]);
    }
}
