//! Tables, columns, keys and checks.

use super::super::connect::{Session, Variety, number, said};
use super::super::error::Doing;
use super::super::types::{self, ColumnType};
use super::super::{own, sql};
use super::{SCHEMA, show};
use crate::error::{EngineError, Result};
use greenroom_model::catalog::{Check, Column, ForeignKey, Generation, Index, IndexPart, Table, TableForm, TableName};
use std::collections::BTreeMap;

/// Storage engines whose rows live elsewhere.
const ELSEWHERE: &[&str] = &["federated", "federatedx", "connect", "spider", "s3", "oqgraph", "sphinx", "mroonga"];

/// A table as `SHOW CREATE TABLE` and `information_schema.tables` tell it.
#[derive(Clone, Debug)]
pub(crate) struct ShownTable {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) engine: String,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) shown: show::Shown,
}

impl ShownTable {
    /// Why its rows are not read at all.
    pub(crate) fn elsewhere(&self) -> bool {
        ELSEWHERE.contains(&self.engine.to_lowercase().as_str())
    }

    /// Whether it takes part in the snapshot.
    pub(crate) fn in_snapshot(&self) -> bool {
        self.engine.eq_ignore_ascii_case("innodb")
    }

    fn form(&self) -> TableForm {
        let versioned = self.kind == "SYSTEM VERSIONED"
            || self.shown.options.contains("WITH SYSTEM VERSIONING")
            || self.shown.items.iter().any(|i| i.starts_with("PERIOD FOR SYSTEM_TIME"));
        if versioned {
            return TableForm::Refused("system-versioned: the history of its rows cannot be carried".to_owned());
        }
        if self.engine.eq_ignore_ascii_case("mrg_myisam") {
            return TableForm::Refused("a MERGE table over other tables".to_owned());
        }
        if self.elsewhere() { TableForm::Foreign } else { TableForm::Ordinary }
    }
}

/// A foreign key with a backtick in one of its names.
#[derive(Debug, Default)]
pub(crate) struct TickedKey {
    table: String,
    name: String,
    columns: Vec<String>,
    references: Vec<String>,
}

/// The foreign keys whose names hold backticks: MariaDB 10.11.14 prints those names, and those of their columns, without doubling them (tried), so that
/// the server would not understand its own text.
pub(crate) async fn ticked_keys(session: &mut Session, table: Option<&str>) -> std::result::Result<Vec<TickedKey>, mysql_async::Error> {
    let one = table.map_or_else(String::new, |t| format!("and table_name = {}", sql::literal(t)));
    let query = format!(
        "select table_name, constraint_name, column_name, referenced_column_name from information_schema.key_column_usage \
         where table_schema = database() and referenced_table_name is not null {one} order by 1, 2, ordinal_position"
    );
    let mut keys: Vec<TickedKey> = Vec::new();
    for row in session.rows(&query).await? {
        let (table, name) = (said(&row, 0), said(&row, 1));
        if keys.last().is_none_or(|k| k.table != table || k.name != name) {
            keys.push(TickedKey { table, name, ..TickedKey::default() });
        }
        if let Some(key) = keys.last_mut() {
            key.columns.push(said(&row, 2));
            key.references.push(said(&row, 3));
        }
    }
    keys.retain(|k| std::iter::once(&k.name).chain(&k.columns).chain(&k.references).any(|n| n.contains('`')));
    Ok(keys)
}

/// A table's text with the names of these keys as the server reads them. What is printed well is left.
pub(crate) fn mended(text: &str, table: &str, keys: &[TickedKey]) -> String {
    let list = |names: &[String], quote: fn(&str) -> String| names.iter().map(|n| quote(n)).collect::<Vec<_>>().join(", ");
    let as_it_is = |name: &str| format!("`{name}`");
    let mut text = text.to_owned();
    for key in keys.iter().filter(|k| k.table == table) {
        let head =
            |quote: fn(&str) -> String| format!("CONSTRAINT {} FOREIGN KEY ({}) REFERENCES ", quote(&key.name), list(&key.columns, quote));
        let Some(at) = text.find(&head(as_it_is)) else { continue };
        let after = at + head(as_it_is).len();
        let end = text[after..].find('\n').map_or(text.len(), |n| after + n);
        let rest = text[after..end].replacen(
            &format!("({})", list(&key.references, as_it_is)),
            &format!("({})", list(&key.references, sql::ident)),
            1,
        );
        text.replace_range(at..end, &format!("{}{rest}", head(sql::ident)));
    }
    text
}

/// Lists the tables with their texts.
pub(crate) async fn shown(session: &mut Session, database: &str) -> Result<Vec<ShownTable>> {
    let doing = "read the tables";
    let query = format!(
        "select table_name, table_type, coalesce(engine, ''), coalesce(table_rows, 0), coalesce(data_length, 0) from information_schema.tables \
         where table_schema = database() and table_type in ('BASE TABLE', 'SYSTEM VERSIONED') and {} order by 1",
        own::not_ours("table_name")
    );
    let mut tables = Vec::new();
    let keys = ticked_keys(session, None).await.doing("read the foreign keys")?;
    for row in session.rows(&query).await.doing(doing)? {
        let name = said(&row, 0);
        let found =
            session.rows(&format!("show create table {}", sql::ident(&name))).await.doing(format!("read the definition of {name}"))?;
        // Defaults may name sequences, with their database.
        let text = mended(&found.first().map(|r| said(r, 1)).unwrap_or_default(), &name, &keys);
        let text = show::unqualified(&text, database, show::Quoting::default());
        let Some(shown) = show::table(&text) else {
            return Err(EngineError::other(format!("read the definition of {name}"), "the server's text is not understood"));
        };
        tables.push(ShownTable { name, kind: said(&row, 1), engine: said(&row, 2), rows: number(&row, 3), bytes: number(&row, 4), shown });
    }
    Ok(tables)
}

/// Makes the neutral picture of them.
pub(crate) async fn read(session: &mut Session, database: &str, shown: &[ShownTable]) -> Result<Vec<Table>> {
    let doing = "read the columns";
    let mut columns: BTreeMap<String, Vec<ColumnType>> = BTreeMap::new();
    for row in session.rows(&types::query("true")).await.doing(doing)? {
        let mut column = types::from_row(&row);
        column.default = column.default.map(|d| show::unqualified(&d, database, show::Quoting::default()));
        columns.entry(said(&row, 0)).or_default().push(column);
    }
    for (table, column) in types::json_columns(session, "true").await? {
        if let Some(found) = columns.get_mut(&table).and_then(|all| all.iter_mut().find(|c| c.name == column)) {
            found.json = true;
        }
    }
    let variety = session.variety;
    Ok(shown.iter().map(|s| table(s, &columns.remove(&s.name).unwrap_or_default(), variety)).collect())
}

fn table(s: &ShownTable, columns: &[ColumnType], variety: Variety) -> Table {
    let mut table = Table {
        name: TableName::new(SCHEMA, &s.name),
        form: s.form(),
        columns: columns.iter().map(|c| column(c, variety)).collect(),
        primary_key: Vec::new(),
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        properties: BTreeMap::new(),
        estimated_rows: s.rows,
        estimated_bytes: s.bytes,
    };
    table.properties.insert("options".to_owned(), s.shown.options.clone());
    for item in &s.shown.items {
        if let Some((name, definition)) = show::name(item) {
            table.properties.insert(format!("column:{name}"), definition.trim().to_owned());
        } else if let Some(rest) = item.strip_prefix("CONSTRAINT ") {
            constraint(&mut table, rest);
        } else if let Some(check) = item.strip_prefix("CHECK") {
            table.checks.push(Check { name: String::new(), sql: check.trim().to_owned() });
        } else if item.contains("KEY") {
            index(&mut table, item);
        } else {
            table.properties.insert(format!("item:{item}"), String::new());
        }
    }
    // Keys are made in another order than the source's, after the rows.
    table.indexes.sort_by(|a, b| (!a.primary, &a.name).cmp(&(!b.primary, &b.name)));
    table.foreign_keys.sort_by(|a, b| a.name.cmp(&b.name));
    table
}

fn constraint(table: &mut Table, text: &str) {
    let Some((name, rest)) = show::name(text) else { return };
    let rest = rest.trim();
    if let Some(check) = rest.strip_prefix("CHECK") {
        table.checks.push(Check { name, sql: check.trim().to_owned() });
        return;
    }
    let plain = |parts: Vec<String>| -> Vec<String> { parts.iter().filter_map(|p| show::name(p)).map(|(n, _)| n).collect() };
    let Some((columns, after)) = show::list(rest) else { return };
    let Some(after) = after.trim().strip_prefix("REFERENCES ") else { return };
    let Some((first, after_first)) = show::name(after) else { return };
    // In another database: `db`.`t`.
    let (references, after) = match after_first.strip_prefix('.').and_then(show::name) {
        Some((second, after)) => (TableName::new(first, second), after),
        None => (TableName::new(SCHEMA, first), after_first),
    };
    let Some((referenced, _)) = show::list(after) else { return };
    table.foreign_keys.push(ForeignKey {
        name,
        columns: plain(columns),
        references,
        referenced_columns: plain(referenced),
        definition: rest.to_owned(),
        // Switched off while rows are loaded, and the engine never looks again: proved by anti-join.
        validated: false,
    });
}

fn index(table: &mut Table, item: &str) {
    let primary = item.starts_with("PRIMARY KEY");
    let unique = primary || item.starts_with("UNIQUE");
    let name = if primary {
        "PRIMARY".to_owned()
    } else {
        item.find('`').and_then(|at| show::name(&item[at..])).map_or_else(String::new, |(n, _)| n)
    };
    let Some((parts, _)) =
        show::list(if primary { item } else { item.find('`').and_then(|at| show::name(&item[at..])).map_or(item, |(_, rest)| rest) })
    else {
        return;
    };
    let parts: Vec<IndexPart> = parts.iter().map(|p| part(table, p)).collect();
    if primary {
        table.primary_key = parts
            .iter()
            .filter_map(|p| match p {
                IndexPart::Column(c) => Some(c.clone()),
                IndexPart::Expression { .. } => None,
            })
            .collect();
    }
    table.indexes.push(Index { name, unique, primary, parts, predicate: None, definition: item.to_owned() });
}

/// A part of a key: a column, the beginning of one, or an expression.
fn part(table: &Table, text: &str) -> IndexPart {
    match show::name(text) {
        Some((column, rest)) if !rest.starts_with('(') => IndexPart::Column(column),
        Some((column, rest)) => {
            let length = rest.trim_start_matches('(').split(')').next().unwrap_or("");
            IndexPart::Expression { sql: format!("left({}, {length})", sql::ident(&column)), columns: vec![column] }
        }
        None => {
            let columns = table.properties.keys().filter_map(|k| k.strip_prefix("column:")).filter(|c| text.contains(&sql::ident(c)));
            IndexPart::Expression { sql: text.to_owned(), columns: columns.map(str::to_owned).collect() }
        }
    }
}

fn column(c: &ColumnType, variety: Variety) -> Column {
    let generated = if c.computed() {
        Some(Generation::Computed)
    } else if c.counts() {
        Some(Generation::IdentityByDefault)
    } else {
        None
    };
    // `…_ci` and the accent-insensitive ones make different texts equal; binary and `_bin` do not.
    let collation = c.collation.clone().map(|name| {
        let loose = !(name.ends_with("_bin") || name == "binary");
        (name, loose)
    });
    Column {
        name: c.name.clone(),
        native_type: c.spelled.clone(),
        family: c.family(),
        max_length: c.max_length(),
        precision: c.decimal(),
        nullable: c.nullable,
        default: if c.computed() { c.generation.clone() } else { default(c, variety) },
        generated,
        collation,
    }
}

/// The default as SQL. MariaDB writes expressions, MySQL bare texts unless `extra` says that an expression generates it.
fn default(c: &ColumnType, variety: Variety) -> Option<String> {
    let said = c.default.clone()?;
    if variety == Variety::MariaDb {
        return (said != "NULL").then_some(said);
    }
    let expression = c.extra.contains("DEFAULT_GENERATED") || said.starts_with("b'") || said.starts_with("0x");
    Some(if expression { said } else { sql::literal(&said) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_backticks_that_the_server_prints_as_they_are_are_mended() {
        let key = TickedKey {
            table: "t".into(),
            name: "f`k".into(),
            columns: vec!["o`o".into(), "b".into()],
            references: vec!["i`d".into(), "b".into()],
        };
        let printed = "CREATE TABLE `t` (\n  CONSTRAINT `f`k` FOREIGN KEY (`o`o`, `b`) REFERENCES `p``p` (`i`d`, `b`) ON DELETE CASCADE,\n  KEY `x` (`b`)\n)";
        let right = "CREATE TABLE `t` (\n  CONSTRAINT `f``k` FOREIGN KEY (`o``o`, `b`) REFERENCES `p``p` (`i``d`, `b`) ON DELETE CASCADE,\n  KEY `x` (`b`)\n)";
        let keys = [key];
        assert_eq!(mended(printed, "t", &keys), right);
        assert_eq!(mended(right, "t", &keys), right, "what is printed well is left");
        assert_eq!(mended(printed, "other", &keys), printed);
        assert!(show::table(right).is_some());
    }
}
