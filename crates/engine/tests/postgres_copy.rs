//! Copies on a real PostgreSQL server: plain tables, ugly names, both encodings, snapshots under writers.

mod common;

use common::*;

use greenroom_model::catalog::{Column, Table};

#[tokio::test]
async fn plain_tables_arrive_masked_and_digests_agree() {
    let Some(pg) = pg::server() else { return };
    pg.database(
        "plain",
        "create table client (id int primary key, name varchar(40) not null, code char(6), born date, debt numeric(8,2), note text, doc jsonb);
         insert into client select g, 'Ann ' || g, 'c' || g % 90, date '1950-01-01' + g % 20000, g / 7.0, repeat('x', g % 50), jsonb_build_object('n', g)
           from generate_series(1, 5000) g;
         insert into client values (9001, 'naïve Ω', null, 'infinity', null, E'tab\\tnl\\n\\\\', 'null');
         create table \"Ünïcode \"\"select\"\" %\" (\"from\" int, \"WHERE \"\"x\" text);
         insert into \"Ünïcode \"\"select\"\" %\" values (1, 'a'), (1, 'a'), (null, null);
         create table no_rows (a int primary key);
         create table no_columns ();
         insert into no_columns default values; insert into no_columns default values;
         analyze",
    );
    let rules = |_: &Table, c: &Column| {
        if matches!(c.name.as_str(), "name" | "code" | "debt" | "doc") { vec![mask_rule()] } else { Vec::new() }
    };
    let (catalog, mut generation, digests) = rehearse(pg, "plain", "plain_1_aa11", "aa11", 1000, &rules).await;
    let mut reader = generation.reader().await.unwrap();
    for (copy, digest) in &digests {
        assert_eq!(readback(&mut *reader, copy).await, *digest, "{}", copy.table);
    }
    assert_eq!(digests.iter().map(|(_, d)| d.rows).sum::<u64>(), 5006);
    assert_eq!(generation.ranges_done().await.unwrap().iter().filter(|r| r.table.name == "client").count(), 5);
    assert_eq!(generation.inspect().await.unwrap().fingerprint(), catalog.fingerprint());
    assert_eq!(pg.sql("plain_1_aa11", "select count(*) from client where name like 'Ann%'"), "0");
    assert_eq!(pg.sql("plain_1_aa11", "select count(*) from client where born = 'infinity' and name <> ''"), "1");
    drop(reader);
    generation.leave().await.unwrap();
}
