//! Rows pass as they are, changed only where a rule says so, and the digest tells.

use crate::contract::flow::{REVERSED, UNCHANGED, decide, fields, masked, plain, read_back, table};
use crate::contract::scene::{PLANTED, Scene, value};
use crate::contract::{Step, promise, promises};
use greenroom_model::plan::FieldAction;

promises! { "rows":
    rows_arrive_byte_for_byte_and_the_digest_agrees,
    a_mask_of_one_column_leaves_the_others_untouched,
    a_mask_that_changes_nothing_changes_no_byte,
    rules_apply_where_conditions_of_the_source_hold,
    a_filter_leaves_rows_out_and_an_empty_table_stays_empty,
    equal_rows_are_all_carried,
    very_long_values_pass,
    names_in_quotes_of_any_kind_survive,
}

fn person(scene: &Scene) -> Vec<String> {
    let text = scene.dialect().text;
    vec![
        format!(
            "CREATE TABLE person (id INTEGER PRIMARY KEY, name {text}, code VARCHAR(20), amount DECIMAL(10,2), born DATE, note {text})"
        ),
        "INSERT INTO person VALUES (1, 'Ann', 'c1', 12.50, '1980-02-29', '')".to_owned(),
        "INSERT INTO person VALUES (2, 'Zoë 😀', 'c2', -0.05, '0001-01-01', 'tab\tand ''quotes'' and \"more\" and back\\slash')".to_owned(),
        "INSERT INTO person VALUES (3, 'naive\u{308}', NULL, NULL, NULL, NULL)".to_owned(),
        "INSERT INTO person VALUES (4, NULL, '', 99999999.99, '9999-12-31', '  blanks  ')".to_owned(),
        "INSERT INTO person VALUES (5, '表\u{200d}\u{feff}', 'NULL', 0, '2000-01-01', 'line\nand\r\nline')".to_owned(),
    ]
}

async fn rows_arrive_byte_for_byte_and_the_digest_agrees(scene: Scene) -> Step {
    let mut p = scene.production(&person(&scene)).await?;
    let (mut built, copied) = scene.copy(&mut p, 2, |_| {}).await?;
    let person = table(&p.catalog, "person")?;
    let back = read_back(built.inside.as_mut(), person).await?;
    promise!(back == copied.digest(&person.name) && back.rows == 5, "what is read back is not what was loaded");
    let sent = fields(p.held.reader().await?.as_mut(), &plain(person)).await?;
    let stored = fields(built.inside.reader().await?.as_mut(), &plain(person)).await?;
    promise!(sent == stored, "fields are encoded otherwise in the copy than in the source");
    Ok(())
}

async fn a_mask_of_one_column_leaves_the_others_untouched(scene: Scene) -> Step {
    let mut p = scene.production(&person(&scene)).await?;
    let (mut built, copied) = scene.copy(&mut p, 100, |copy| decide(copy, "name", None, masked(REVERSED))).await?;
    let person = table(&p.catalog, "person")?;
    let plain = plain(person);
    let sent = fields(p.held.reader().await?.as_mut(), &plain).await?;
    let stored = fields(built.inside.reader().await?.as_mut(), &plain).await?;
    promise!(sent.len() == stored.len(), "rows are lost or come twice");
    for (column, c) in plain.columns.iter().enumerate() {
        let of = |rows: &[Vec<Option<Vec<u8>>>]| rows.iter().map(|r| (r[0].clone(), r[column].clone())).collect::<Vec<_>>();
        let same = of(&sent) == of(&stored);
        promise!(
            same != (c.name == "name"),
            "column `{}` {}",
            c.name,
            if same { "was not masked" } else { "changed though nobody masked it" }
        );
    }
    promise!(value(built.inside.as_mut(), "SELECT name FROM person WHERE id = 1").await? == "nnA", "the mask's value did not arrive");
    promise!(value(built.inside.as_mut(), "SELECT count(*) FROM person WHERE name IS NULL").await? == "1", "NULL did not stay NULL");
    let back = read_back(built.inside.as_mut(), person).await?;
    promise!(back == copied.digest(&person.name), "the digest taken behind the mask is not that of what is stored");
    Ok(())
}

async fn a_mask_that_changes_nothing_changes_no_byte(scene: Scene) -> Step {
    let mut p = scene.production(&person(&scene)).await?;
    let person = table(&p.catalog, "person")?.clone();
    let all: Vec<String> = person.columns.iter().map(|c| c.name.clone()).collect();
    let (mut built, copied) = scene.copy(&mut p, 100, |copy| all.iter().for_each(|c| decide(copy, c, None, masked(UNCHANGED)))).await?;
    let back = read_back(built.inside.as_mut(), &person).await?;
    promise!(back == copied.digest(&person.name), "what masks send is not what is stored");
    let sent = fields(p.held.reader().await?.as_mut(), &plain(&person)).await?;
    let stored = fields(built.inside.reader().await?.as_mut(), &plain(&person)).await?;
    for (column, c) in person.columns.iter().enumerate() {
        let same = sent.iter().zip(&stored).all(|(a, b)| a[column] == b[column]);
        promise!(same, "column `{}`: decoding and encoding a value changes it", c.name);
    }
    Ok(())
}

async fn rules_apply_where_conditions_of_the_source_hold(scene: Scene) -> Step {
    let text = scene.dialect().text;
    let statements = [
        "CREATE TABLE kept (id INTEGER PRIMARY KEY)".to_owned(),
        "INSERT INTO kept VALUES (2)".to_owned(),
        format!("CREATE TABLE t (id INTEGER PRIMARY KEY, name {text}, pin {text}, gone {text})"),
        "INSERT INTO t VALUES (1, 'ab', 'r1', 'x'), (2, 'cd', 'r2', 'x'), (3, 'ef', 'r3', 'x')".to_owned(),
    ];
    let mut p = scene.production(&statements).await?;
    let decided = |copy: &mut greenroom_model::plan::TableCopy| {
        if copy.table.name == "t" {
            copy.conditions.push("EXISTS (SELECT 1 FROM kept k WHERE k.id = t.id) -- as agreed".to_owned());
            decide(copy, "name", Some(0), FieldAction::Keep);
            decide(copy, "name", None, masked(REVERSED));
            decide(copy, "pin", None, FieldAction::Constant("'0x' -- no pin".to_owned()));
            decide(copy, "gone", None, FieldAction::Null);
        }
    };
    let (mut built, copied) = scene.copy(&mut p, 100, decided).await?;
    let t = table(&p.catalog, "t")?;
    for (sql, expected, what) in [
        ("SELECT name FROM t WHERE id = 1", "ba", "the mask was not applied where the condition does not hold"),
        ("SELECT name FROM t WHERE id = 2", "cd", "the value was not kept where the condition holds"),
        ("SELECT count(*) FROM t WHERE pin = '0x'", "3", "the constant did not arrive"),
        ("SELECT count(*) FROM t WHERE gone IS NULL", "3", "what should be NULL is not"),
    ] {
        promise!(value(built.inside.as_mut(), sql).await? == expected, "{what}");
    }
    promise!(read_back(built.inside.as_mut(), t).await? == copied.digest(&t.name), "the digest is not that of what is stored");
    Ok(())
}

async fn a_filter_leaves_rows_out_and_an_empty_table_stays_empty(scene: Scene) -> Step {
    let statements = [
        "CREATE TABLE history (id INTEGER PRIMARY KEY, n INTEGER)".to_owned(),
        "INSERT INTO history VALUES (1, 10), (2, 20), (3, NULL), (4, 40)".to_owned(),
        "CREATE TABLE queue (id INTEGER PRIMARY KEY)".to_owned(),
        "INSERT INTO queue VALUES (1), (2)".to_owned(),
    ];
    let mut p = scene.production(&statements).await?;
    let decided = |copy: &mut greenroom_model::plan::TableCopy| match copy.table.name.as_str() {
        "queue" => copy.empty = true,
        _ => copy.filter = Some("t.n > 10 OR t.n > 1000 -- the rest is old".to_owned()),
    };
    let (mut built, copied) = scene.copy(&mut p, 100, decided).await?;
    promise!(value(built.inside.as_mut(), "SELECT count(*) FROM queue").await? == "0", "a table that should stay empty has rows");
    promise!(value(built.inside.as_mut(), "SELECT sum(n) FROM history").await? == "60", "the filter let other rows through");
    let rows = copied.digest(&table(&p.catalog, "history")?.name).rows;
    promise!(rows == 2, "the digest counts {rows} rows where the filter lets 2 through");
    Ok(())
}

async fn equal_rows_are_all_carried(scene: Scene) -> Step {
    let statements = [
        format!("CREATE TABLE twins (a {})", scene.dialect().text),
        "INSERT INTO twins VALUES ('same'), ('same'), ('same'), (NULL), (NULL), ('')".to_owned(),
    ];
    let mut p = scene.production(&statements).await?;
    let (mut built, copied) = scene.copy(&mut p, 100, |_| {}).await?;
    let twins = table(&p.catalog, "twins")?;
    promise!(copied.digest(&twins.name).rows == 6, "rows were lost on the way");
    promise!(value(built.inside.as_mut(), "SELECT count(*) FROM twins WHERE a = 'same'").await? == "3", "equal rows were taken for one");
    promise!(
        value(built.inside.as_mut(), "SELECT count(*) FROM twins WHERE a IS NULL").await? == "2",
        "NULL and the empty text are mixed up"
    );
    Ok(())
}

async fn very_long_values_pass(scene: Scene) -> Step {
    let (ascii, mixed) = ("0123456789abcdef".repeat(100_000), "ä😀\u{301}表".repeat(120_000));
    let statements = [
        format!("CREATE TABLE lengthy (id INTEGER PRIMARY KEY, v {})", scene.dialect().text),
        format!("INSERT INTO lengthy VALUES (1, '{ascii}')"),
        format!("INSERT INTO lengthy VALUES (2, '{mixed}')"),
        "INSERT INTO lengthy VALUES (3, '')".to_owned(),
    ];
    let mut p = scene.production(&statements).await?;
    let (mut built, copied) = scene.copy(&mut p, 1, |copy| decide(copy, "v", None, masked(REVERSED))).await?;
    let long = table(&p.catalog, "lengthy")?;
    promise!(read_back(built.inside.as_mut(), long).await? == copied.digest(&long.name), "what is stored is not what was sent");
    let expected: String = ascii.chars().rev().collect();
    promise!(
        value(built.inside.as_mut(), "SELECT v FROM lengthy WHERE id = 1").await? == expected,
        "a text of 1.6 MB does not arrive whole"
    );
    let expected: String = mixed.chars().rev().collect();
    promise!(
        value(built.inside.as_mut(), "SELECT v FROM lengthy WHERE id = 2").await? == expected,
        "a text of 1.3 MB does not arrive whole"
    );
    Ok(())
}

/// Names that programs forget to quote, or quote wrongly.
const NAMES: &[&str] = &["order", "Group By", "naïve 表 \"of\" `x` ']", "semi;colon--", "a.b", "t", "%s {}", "SELECT"];

async fn names_in_quotes_of_any_kind_survive(scene: Scene) -> Step {
    let mut statements = Vec::new();
    let mut names: Vec<String> = NAMES.iter().map(|n| (*n).to_owned()).collect();
    if scene.dialect().case_tells_apart {
        names.push("Order".to_owned());
    }
    for (i, name) in names.iter().enumerate() {
        let (table, column) = (scene.quote(name), scene.quote(NAMES[(i + 3) % NAMES.len()]));
        let key = scene.quote(NAMES[(i + 1) % NAMES.len()]);
        statements.push(format!("CREATE TABLE {table} ({key} INTEGER PRIMARY KEY, {column} {})", scene.dialect().text));
        statements.push(format!("INSERT INTO {table} VALUES (1, 'ab'), (2, '{PLANTED}'), (3, NULL)"));
    }
    let mut p = scene.production(&statements).await?;
    let decided = |copy: &mut greenroom_model::plan::TableCopy| {
        let masked_column = copy.columns[1].name.clone();
        decide(copy, &masked_column, None, masked(REVERSED));
    };
    let (mut built, copied) = scene.copy(&mut p, 1, decided).await?;
    for (i, name) in names.iter().enumerate() {
        let found = p.catalog.tables.iter().find(|t| t.name.name == *name);
        promise!(found.is_some(), "table {} of the odd names is not told under its own name", i + 1);
        let Some(odd) = found else { continue };
        let (t, column) = (scene.quote(name), scene.quote(NAMES[(i + 3) % NAMES.len()]));
        let seen = value(built.inside.as_mut(), &format!("SELECT {column} FROM {t} WHERE {column} LIKE 'b%'")).await?;
        promise!(seen == "ba", "the rows of table {} of the odd names did not arrive masked", i + 1);
        promise!(read_back(built.inside.as_mut(), odd).await? == copied.digest(&odd.name), "the digest of table {} does not agree", i + 1);
        for range in copied.ranges(&odd.name) {
            if !range.range.physical {
                built.inside.forget_range(&plain(odd), &range.range).await?;
            }
        }
        built.inside.forget_table(&plain(odd)).await?;
        promise!(
            value(built.inside.as_mut(), &format!("SELECT count(*) FROM {t}")).await? == "0",
            "rows of table {} are not removed",
            i + 1
        );
    }
    promise!(built.inside.ranges_done().await?.is_empty(), "records of forgotten tables are left");
    Ok(())
}
