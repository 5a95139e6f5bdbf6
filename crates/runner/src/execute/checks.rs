//! Rows that break a CHECK which no engine has proved: SQLite's are not looked at when they are added to a table that has rows, PostgreSQL's
//! may be `NOT VALID`, SQL Server's `WITH NOCHECK`.
//!
//! Owns counting them on either side, as orphans are counted: in one pass per table, and in the source only where the copy has any.

use super::{Setup, StepError};
use greenroom_engine::{ErrorKind, Generation, Held};
use greenroom_model::catalog::{Catalog, Check, EngineKind, Table};
use std::collections::BTreeMap;

/// Rows that break it, by check; `None` where the engine refuses to say.
pub(super) type Broken = BTreeMap<String, Option<u64>>;

/// Checks that the engine has not proved for every row.
fn unproven(engine: EngineKind, table: &Table) -> Vec<&Check> {
    let skipped = |c: &&Check| engine == EngineKind::Sqlite || table.properties.contains_key(&format!("check_not_validated:{}", c.name));
    table.checks.iter().filter(skipped).collect()
}

/// `table.name`, or the check's text where it has no name: its position, since the text may hold literals.
fn labels(table: &Table, checks: &[&Check]) -> Vec<String> {
    let label = |(i, c): (usize, &&Check)| match c.name.as_str() {
        "" => format!("{}: check {}", table.name, i + 1),
        name => format!("{}.{name}", table.name),
    };
    checks.iter().enumerate().map(label).collect()
}

/// Counts for every check at once, with commas between; NULL counts as kept, as it does for the engine.
fn sql(engine: EngineKind, table: &Table, checks: &[&Check]) -> String {
    let from = engine.quote_table(&table.name);
    let counts = checks.iter().map(|c| format!("case when not ({}\n) then 1 end", c.sql));
    match engine {
        EngineKind::Mssql => {
            let texts: Vec<String> = counts.map(|c| format!("cast(count_big({c}) as varchar(20))")).collect();
            format!("select {} from {from}", texts.join(" + ',' + "))
        }
        // `||` is a disjunction there, unless `sql_mode` says otherwise.
        EngineKind::Mysql => {
            let texts: Vec<String> = counts.map(|c| format!("count({c})")).collect();
            format!("select concat_ws(',', {}) from {from}", texts.join(", "))
        }
        EngineKind::Sqlite | EngineKind::Postgres | EngineKind::Fake => {
            let texts: Vec<String> = counts.map(|c| format!("count({c})")).collect();
            format!("select {} || '' from {from}", texts.join(" || ',' || "))
        }
    }
}

fn read(answer: Option<String>, labels: Vec<String>) -> Broken {
    let counts: Vec<Option<u64>> = answer.unwrap_or_default().split(',').map(|n| n.parse().ok()).collect();
    labels.into_iter().enumerate().map(|(i, l)| (l, counts.get(i).copied().flatten())).collect()
}

fn gone(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Transient | ErrorKind::Lost | ErrorKind::Cancelled)
}

/// Rows of the copy that break a check, by check.
pub(super) async fn in_copy(inside: &mut dyn Generation, table: &Table, engine: EngineKind) -> Result<Broken, StepError> {
    let checks = unproven(engine, table);
    if checks.is_empty() {
        return Ok(Broken::new());
    }
    let labels = labels(table, &checks);
    match inside.query(&sql(engine, table, &checks)).await {
        Ok(outcome) => Ok(read(outcome.first, labels)),
        Err(e) if gone(e.kind) => Err(e.into()),
        // A function that only the application provides, for example.
        Err(_) => Ok(labels.into_iter().map(|l| (l, None)).collect()),
    }
}

/// Rows of the source that break a check, for tables whose copy holds some.
pub(super) async fn in_source(
    held: &mut dyn Held,
    inside: &mut dyn Generation,
    catalog: &Catalog,
    setup: &Setup,
) -> Result<Broken, StepError> {
    let mut all = Broken::new();
    for table in catalog.tables.iter().filter(|t| t.is_copied()) {
        let copy = in_copy(inside, table, catalog.engine).await?;
        if copy.values().all(|n| *n == Some(0)) {
            continue;
        }
        super::facts::watch(held, setup).await?;
        let checks = unproven(catalog.engine, table);
        let labels = labels(table, &checks);
        all.extend(match held.query_value(&sql(catalog.engine, table, &checks)).await {
            Ok(answer) => read(answer, labels),
            Err(e) if gone(e.kind) => return Err(e.into()),
            Err(_) => labels.into_iter().map(|l| (l, None)).collect(),
        });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use greenroom_model::catalog::{TableForm, TableName};

    #[test]
    fn each_engine_counts_in_its_own_words() {
        let check = |name: &str, sql: &str| Check { name: name.into(), sql: sql.into() };
        let table = Table {
            name: TableName::new("s", "t"),
            form: TableForm::Ordinary,
            columns: Vec::new(),
            primary_key: Vec::new(),
            indexes: Vec::new(),
            foreign_keys: Vec::new(),
            checks: vec![check("a", "x > 0"), check("b", "y > 0")],
            properties: BTreeMap::new(),
            estimated_rows: 0,
            estimated_bytes: 0,
        };
        let checks: Vec<&Check> = table.checks.iter().collect();
        let (x, y) = ("case when not (x > 0\n) then 1 end", "case when not (y > 0\n) then 1 end");
        for (engine, expected) in [
            (EngineKind::Postgres, format!("select count({x}) || ',' || count({y}) || '' from \"s\".\"t\"")),
            (EngineKind::Mysql, format!("select concat_ws(',', count({x}), count({y})) from `t`")),
            (
                EngineKind::Mssql,
                format!("select cast(count_big({x}) as varchar(20)) + ',' + cast(count_big({y}) as varchar(20)) from [s].[t]"),
            ),
        ] {
            assert_eq!(sql(engine, &table, &checks), expected);
        }
    }

    #[test]
    fn answers_are_read_in_the_order_of_the_checks() {
        let read = read(Some("3,x,0".into()), vec!["t.a".into(), "t.b".into(), "t.c".into(), "t.d".into()]);
        let counts: Vec<_> = read.into_values().collect();
        assert_eq!(counts, [Some(3), None, Some(0), None]);
    }
}
