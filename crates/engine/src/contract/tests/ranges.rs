//! Tables cut into ranges: every row in exactly one of them, whatever the keys look like.

use crate::contract::flow::{digest, plain, table};
use crate::contract::scene::{Scene, rows};
use crate::contract::{Step, promise, promises};
use crate::seam::RangeSpec;
use greenroom_model::verify::TableDigest;

promises! { "ranges":
    ranges_hold_every_row_exactly_once,
    a_copy_in_ranges_is_the_copy_in_one_piece,
}

/// Tables with keys of every kind: name and whether it must be cut.
const TABLES: &[(&str, bool)] = &[
    ("dense", true),
    ("gaps", true),
    ("negative", true),
    ("keyless", false),
    ("by_text", false),
    ("pairs", false),
    ("one_row", false),
    ("no_rows", false),
];

fn tables(scene: &Scene) -> Vec<String> {
    let text = scene.dialect().text;
    let filler = |i: i64| format!("'{}'", "x".repeat(usize::try_from(i % 90).unwrap_or(0)));
    let mut all = vec![
        format!("CREATE TABLE dense (id INTEGER PRIMARY KEY, v {text})"),
        format!("CREATE TABLE gaps (id {}, v {text})", scene.dialect().big_key),
        format!("CREATE TABLE negative (id INTEGER PRIMARY KEY, v {text})"),
        format!("CREATE TABLE keyless (id INTEGER, v {text})"),
        format!("CREATE TABLE by_text (code VARCHAR(40) PRIMARY KEY, v {text})"),
        format!("CREATE TABLE pairs (a INTEGER NOT NULL, b INTEGER NOT NULL, v {text}, PRIMARY KEY (a, b))"),
        "CREATE TABLE one_row (id INTEGER PRIMARY KEY)".to_owned(),
        "CREATE TABLE no_rows (id INTEGER PRIMARY KEY)".to_owned(),
        "INSERT INTO one_row VALUES (7)".to_owned(),
        "INSERT INTO gaps VALUES (-9223372036854775807, 'least'), (9223372036854775807, 'greatest')".to_owned(),
        "INSERT INTO keyless VALUES (NULL, NULL), (NULL, NULL), (1, 'twin'), (1, 'twin')".to_owned(),
    ];
    all.extend(rows("dense", 1500, |i| format!(", {}", filler(i))));
    all.extend(rows("keyless", 1500, |i| format!(", {}", filler(i))));
    let shifted = |table: &str, key: &dyn Fn(i64) -> String| {
        let all: Vec<String> = (1..=1200).map(|i| format!("({}, {})", key(i), filler(i))).collect();
        all.chunks(400).map(|some| format!("INSERT INTO {table} VALUES {}", some.join(", "))).collect::<Vec<_>>()
    };
    all.extend(shifted("gaps", &|i| (i * i * i * 7 - 500_000_000).to_string()));
    all.extend(shifted("negative", &|i| (i - 900).to_string()));
    all.extend(shifted("by_text", &|i| format!("'k{i}'")));
    all.extend(shifted("pairs", &|i| format!("{}, {i}", i % 3)));
    all
}

async fn ranges_hold_every_row_exactly_once(scene: Scene) -> Step {
    let mut p = scene.production(&tables(&scene)).await?;
    for (name, must_be_cut) in TABLES {
        let copy = plain(table(&p.catalog, name)?);
        let ranges = p.held.ranges(&copy, 100).await?;
        promise!(!ranges.is_empty(), "{name}: there is no range at all");
        for (i, range) in ranges.iter().enumerate() {
            promise!(usize::try_from(range.ordinal) == Ok(i), "{name}: range {i} bears another number");
        }
        let open = ranges.first().is_some_and(|r| r.from.is_none()) && ranges.last().is_some_and(|r| r.to.is_none());
        promise!(open, "{name}: rows below the first bound or above the last would be lost");
        let joined = ranges.windows(2).all(|w| w[0].to.is_some() && w[0].to == w[1].from && w[0].physical == w[1].physical);
        promise!(joined, "{name}: a range does not begin where the one before ends");
        promise!(!must_be_cut || ranges.len() > 2, "{name}: more than a thousand rows are cut into {} ranges of about 100", ranges.len());
        let mut reader = p.held.reader().await?;
        let whole = digest(reader.as_mut(), &copy, &RangeSpec::whole()).await?;
        let mut sum = TableDigest::default();
        for range in &ranges {
            sum.merge(&digest(reader.as_mut(), &copy, range).await?);
        }
        drop(reader);
        let count = p.held.query_value(&format!("SELECT count(*) FROM {name}")).await?;
        promise!(count.as_deref() == Some(whole.rows.to_string().as_str()), "{name}: other rows are read than the table has");
        promise!(sum == whole, "{name}: the ranges hold {} rows, the table {}, or others", sum.rows, whole.rows);
    }
    Ok(())
}

async fn a_copy_in_ranges_is_the_copy_in_one_piece(scene: Scene) -> Step {
    let mut p = scene.production(&tables(&scene)).await?;
    let (mut built, copied) = scene.copy(&mut p, 100, |_| {}).await?;
    for (name, _) in TABLES {
        let table = table(&p.catalog, name)?;
        let mut reader = p.held.reader().await?;
        let whole = digest(reader.as_mut(), &plain(table), &RangeSpec::whole()).await?;
        promise!(copied.digest(&table.name) == whole, "{name}: what was loaded is not what one piece would have been");
        let back = crate::contract::flow::read_back(built.inside.as_mut(), table).await?;
        promise!(back == whole, "{name}: what stands in the copy is not what was read");
    }
    Ok(())
}
