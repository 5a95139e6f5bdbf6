//! The query that shows where a pack's rule does not hold, written in the engine's SQL from what the rule does.
//!
//! Does not own asking it (`safety`), nor what rules do to rows as they are copied (`model::plan`).

use greenroom_model::catalog::{Catalog, EngineKind, Family, Table};
use greenroom_model::plan::tables::applies;
use greenroom_model::program::{PackAction, PackRule};

/// The query that returns rows when a rule does not hold: the program's, or what follows from the action.
pub(crate) fn assertion_sql(rule: &PackRule, catalog: &Catalog, after: bool) -> Option<String> {
    if after && rule.assert_after.is_some() {
        return rule.assert_after.clone();
    }
    if rule.assert.is_some() {
        return rule.assert.clone();
    }
    let q = |name: &str| catalog.engine.quote(name);
    let written = rule.table.as_deref()?;
    let table = catalog.tables.iter().find(|t| t.name.short(catalog.engine) == written || t.name.to_string() == written)?;
    // Unknown counts as: the rule applies.
    let mut conditions: Vec<String> = applies(catalog.engine, rule.when.as_deref(), rule.unless.as_deref()).into_iter().collect();
    match &rule.action {
        PackAction::Empty | PackAction::Delete => {}
        PackAction::Blank { columns } => {
            let full = columns.iter().map(|c| blank_test(catalog.engine, table, c, &q(c))).collect::<Vec<_>>().join(" or ");
            conditions.push(format!("({full})"));
        }
        PackAction::Set { values } => {
            let told = |c: &str| compared(catalog.engine, table, c, &q(c));
            let other = values.iter().map(|(c, v)| differs(catalog.engine, &told(c), v)).collect::<Vec<_>>().join(" or ");
            conditions.push(format!("({other})"));
        }
        // Masked values are proved by the digest of what was sent, statements by their own assertion.
        PackAction::Mask { .. } | PackAction::Statement { .. } => return None,
    }
    let filter = if conditions.is_empty() { String::new() } else { format!(" where {}", conditions.join(" and ")) };
    let from = catalog.engine.quote_table(&table.name);
    Some(match catalog.engine {
        EngineKind::Mssql => format!("select top 1000 1 as found from {from} t{filter}"),
        _ => format!("select 1 from {from} t{filter} limit 1000"),
    })
}

/// A column as it can be compared with a constant: SQL Server compares no XML and none of its old large types.
fn compared(engine: EngineKind, table: &Table, column: &str, quoted: &str) -> String {
    let native = table.column(column).map(|c| c.native_type.to_lowercase()).unwrap_or_default();
    match native.as_str() {
        "xml" | "text" | "ntext" if engine == EngineKind::Mssql => format!("convert(nvarchar(max), t.{quoted})"),
        "image" if engine == EngineKind::Mssql => format!("convert(varbinary(max), t.{quoted})"),
        _ => format!("t.{quoted}"),
    }
}

/// True where two values are not the same, NULL being the same as NULL.
fn differs(engine: EngineKind, a: &str, b: &str) -> String {
    match engine {
        EngineKind::Mysql => format!("not ({a} <=> ({b}))"),
        // `is distinct from` came with SQL Server 2022; sets compare NULL as a value.
        EngineKind::Mssql => format!("not exists (select {a} intersect select ({b}))"),
        _ => format!("{a} is distinct from ({b})"),
    }
}

/// True where a column that should be blank is not.
fn blank_test(engine: EngineKind, table: &Table, column: &str, quoted: &str) -> String {
    let Some(described) = table.column(column) else { return format!("t.{quoted} is not null") };
    let native = described.native_type.to_lowercase();
    let padded = ["char", "nchar", "binary"].iter().any(|t| native.split('(').next() == Some(t));
    match (described.family, engine) {
        // `len` leaves blanks at the end out; columns of a fixed length are filled up, and the empty string equals that.
        (Family::Text, EngineKind::Mssql) if padded => format!("t.{quoted} <> ''"),
        (Family::Bytes, EngineKind::Mssql) if padded => format!("convert(varbinary(max), t.{quoted}) <> 0x"),
        (Family::Text | Family::Bytes, EngineKind::Mssql) => format!("datalength(t.{quoted}) > 0"),
        (Family::Other, EngineKind::Mssql) if native == "xml" => format!("(t.{quoted} is not null and datalength(t.{quoted}) > 5)"),
        (Family::Text | Family::Bytes | Family::Any, _) => format!("(t.{quoted} is not null and length(t.{quoted}) > 0)"),
        _ => format!("t.{quoted} is not null"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use greenroom_model::catalog::{Column, TableForm, TableName};
    use greenroom_model::program::{Origin, Shape};
    use std::collections::BTreeMap;

    fn column(name: &str, native: &str, family: Family) -> Column {
        Column {
            name: name.into(),
            native_type: native.into(),
            family,
            max_length: None,
            precision: None,
            nullable: true,
            default: None,
            generated: None,
            collation: None,
        }
    }

    fn catalog(engine: EngineKind) -> Catalog {
        let columns = vec![
            column("mail", "nvarchar(80)", Family::Text),
            column("code", "nchar(4)", Family::Text),
            column("doc", "xml", Family::Other),
            column("n", "int", Family::Integer),
        ];
        let table = Table {
            name: TableName::new(engine.default_schema(), "account"),
            form: TableForm::Ordinary,
            columns,
            primary_key: Vec::new(),
            indexes: Vec::new(),
            foreign_keys: Vec::new(),
            checks: Vec::new(),
            properties: BTreeMap::new(),
            estimated_rows: 0,
            estimated_bytes: 0,
        };
        Catalog {
            engine,
            version: String::new(),
            tables: vec![table],
            objects: Vec::new(),
            settings: BTreeMap::new(),
            outbound: Vec::new(),
            not_carried: Vec::new(),
            large_objects: 0,
        }
    }

    fn asked(engine: EngineKind, when: Option<&str>, unless: Option<&str>, action: PackAction) -> String {
        let rule = PackRule {
            id: "r".into(),
            table: Some("account".into()),
            when: when.map(Into::into),
            unless: unless.map(Into::into),
            action,
            assert: None,
            assert_after: None,
            shape: Shape::Both,
            origin: Origin { layer: "program".into(), file: "packs/p.toml".into(), span: (0, 0) },
        };
        assertion_sql(&rule, &catalog(engine), false).unwrap()
    }

    fn set(values: &[(&str, &str)]) -> PackAction {
        PackAction::Set { values: values.iter().map(|(c, v)| ((*c).to_owned(), (*v).to_owned())).collect() }
    }

    #[test]
    fn sql_server_is_asked_without_truth_values_limit_and_distinct_from() {
        assert_eq!(
            asked(EngineKind::Mssql, Some("n = 1"), None, set(&[("doc", "'<a/>'"), ("mail", "null")])),
            "select top 1000 1 as found from [dbo].[account] t where (case when not (n = 1) then 0 else 1 end = 1) and \
             (not exists (select convert(nvarchar(max), t.[doc]) intersect select ('<a/>')) or \
             not exists (select t.[mail] intersect select (null)))"
        );
        let blank = PackAction::Blank { columns: ["code", "doc", "mail", "n"].map(String::from).into_iter().collect() };
        assert_eq!(
            asked(EngineKind::Mssql, None, None, blank),
            "select top 1000 1 as found from [dbo].[account] t where (t.[code] <> '' or (t.[doc] is not null and datalength(t.[doc]) > 5) or \
             datalength(t.[mail]) > 0 or t.[n] is not null)"
        );
        assert_eq!(asked(EngineKind::Mssql, None, None, PackAction::Delete), "select top 1000 1 as found from [dbo].[account] t");
    }

    #[test]
    fn the_other_engines_are_asked_in_their_words() {
        assert_eq!(
            asked(EngineKind::Postgres, Some("n = 1"), Some("n is null -- never"), set(&[("n", "0")])),
            "select 1 from \"public\".\"account\" t where coalesce((n = 1), true) and not coalesce((n is null -- never\n), false) and \
             (t.\"n\" is distinct from (0)) limit 1000"
        );
        assert_eq!(
            asked(EngineKind::Mysql, None, None, set(&[("n", "0")])),
            "select 1 from `account` t where (not (t.`n` <=> (0))) limit 1000"
        );
    }
}
