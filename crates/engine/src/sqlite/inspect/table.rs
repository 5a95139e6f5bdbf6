//! One table: columns, keys, indexes, checks.

use super::{Entry, text, types, wrong};
use crate::error::Result;
use greenroom_model::catalog::{Column, Family, ForeignKey, Generation, Index, IndexPart, Table, TableForm, TableName};
use rusqlite::Connection;
use std::collections::BTreeMap;

/// Reads a table. `names` are all tables' names, since foreign keys may spell them in another case.
pub(super) fn table(c: &Connection, entry: &Entry, form: TableForm, names: &[&str]) -> Result<Table> {
    let mut t = Table {
        name: TableName::new("main", &entry.name),
        form,
        columns: Vec::new(),
        primary_key: Vec::new(),
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        properties: BTreeMap::from([("sql".to_owned(), entry.sql.clone())]),
        estimated_rows: 0,
        estimated_bytes: 0,
    };
    if let Some((module, _)) = entry.module() {
        let readable = module.eq_ignore_ascii_case("fts5") && !matches!(t.form, TableForm::Refused(_));
        t.properties.insert("module".to_owned(), module);
        if readable {
            t.columns = columns(c, &entry.name, &[])?.0;
            // Applications join full-text rows by rowid, which is no column of its own.
            t.columns.insert(0, rowid_column());
            t.primary_key = vec!["rowid".to_owned()];
        }
        return Ok(t);
    }
    let written = text::table(&entry.sql);
    (t.columns, t.primary_key) = columns(c, &entry.name, &written.collations)?;
    t.checks = written.checks;
    let (without_rowid, strict) = c
        .query_row("SELECT wr, strict FROM pragma_table_list WHERE schema = 'main' AND name = ?1", [&entry.name], |r| {
            Ok((r.get::<_, bool>(0)?, r.get::<_, bool>(1)?))
        })
        .map_err(wrong("read the schema"))?;
    for (flag, name) in [(without_rowid, "without_rowid"), (strict, "strict"), (written.autoincrement, "autoincrement")] {
        if flag {
            t.properties.insert(name.to_owned(), "true".to_owned());
        }
    }
    t.indexes = indexes(c, &t)?;
    alias(&mut t, without_rowid);
    t.foreign_keys = foreign_keys(c, &entry.name, names)?;
    Ok(t)
}

fn rowid_column() -> Column {
    Column {
        name: "rowid".to_owned(),
        native_type: "INTEGER".to_owned(),
        family: Family::Integer,
        max_length: None,
        precision: None,
        nullable: false,
        default: None,
        generated: Some(Generation::IdentityByDefault),
        collation: None,
    }
}

/// An INTEGER PRIMARY KEY is the rowid itself; then there is no index behind the key, but equal keys are forbidden all the same.
fn alias(t: &mut Table, without_rowid: bool) {
    let [key] = t.primary_key.as_slice() else { return };
    let key = key.clone();
    let Some(column) = t.columns.iter_mut().find(|c| c.name == key) else { return };
    if without_rowid || t.indexes.iter().any(|i| i.primary) || !column.native_type.eq_ignore_ascii_case("INTEGER") {
        return;
    }
    column.nullable = false;
    column.generated = Some(Generation::IdentityByDefault);
    t.properties.insert("rowid_column".to_owned(), key.clone());
    t.indexes.insert(
        0,
        Index {
            name: format!("sqlite_rowid_{}", t.name.name),
            unique: true,
            primary: true,
            parts: vec![IndexPart::Column(key.clone())],
            predicate: None,
            definition: format!("PRIMARY KEY ({key})"),
        },
    );
}

fn columns(c: &Connection, table: &str, collations: &[(String, String)]) -> Result<(Vec<Column>, Vec<String>)> {
    let doing = "read the schema";
    let mut query = c
        .prepare_cached(
            "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1, 'main') WHERE hidden <> 1 ORDER BY cid",
        )
        .map_err(wrong(doing))?;
    let mut rows = query.query([table]).map_err(wrong(doing))?;
    let (mut columns, mut key) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next().map_err(wrong(doing))? {
        let get = |e| wrong(doing)(e);
        let name: String = row.get(0).map_err(get)?;
        let native_type: String = row.get::<_, Option<String>>(1).map_err(get)?.unwrap_or_default();
        let family = types::family(&native_type);
        let (max_length, precision) = types::bounds(&native_type, family);
        let collation = collations
            .iter()
            .rev()
            .find(|(n, _)| n.eq_ignore_ascii_case(&name))
            .filter(|(_, collation)| !collation.eq_ignore_ascii_case("BINARY"))
            // NOCASE and RTRIM make different strings equal; of collations we do not know it has to be assumed.
            .map(|(_, collation)| (collation.clone(), true));
        let position: i64 = row.get(4).map_err(get)?;
        if position > 0 {
            key.push((position, name.clone()));
        }
        columns.push(Column {
            max_length,
            precision,
            nullable: !row.get::<_, bool>(2).map_err(get)?,
            default: row.get(3).map_err(get)?,
            generated: (row.get::<_, i64>(5).map_err(get)? >= 2).then_some(Generation::Computed),
            collation,
            name,
            native_type,
            family,
        });
    }
    key.sort();
    Ok((columns, key.into_iter().map(|(_, name)| name).collect()))
}

fn indexes(c: &Connection, t: &Table) -> Result<Vec<Index>> {
    let doing = "read the schema";
    let names: Vec<&str> = t.columns.iter().map(|c| c.name.as_str()).collect();
    let mut list = c
        .prepare_cached(
            "SELECT l.name, l.\"unique\", l.origin, s.sql FROM pragma_index_list(?1, 'main') l \
             LEFT JOIN sqlite_schema s ON s.type = 'index' AND s.name = l.name ORDER BY l.name",
        )
        .map_err(wrong(doing))?;
    let found: Vec<(String, bool, String, Option<String>)> = list
        .query_map([&t.name.name], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))
        .and_then(Iterator::collect)
        .map_err(wrong(doing))?;
    let mut out = Vec::new();
    for (name, unique, origin, sql) in found {
        let (texts, predicate) = sql.as_deref().map(text::index).unwrap_or_default();
        let mut info =
            c.prepare_cached("SELECT cid, name FROM pragma_index_xinfo(?1, 'main') WHERE key = 1 ORDER BY seqno").map_err(wrong(doing))?;
        let keys: Vec<(i64, Option<String>)> =
            info.query_map([&name], |r| Ok((r.get(0)?, r.get(1)?))).and_then(Iterator::collect).map_err(wrong(doing))?;
        let parts: Vec<IndexPart> = keys
            .into_iter()
            .enumerate()
            .map(|(i, (cid, column))| match column {
                Some(column) if cid >= 0 => IndexPart::Column(column),
                // -1 is the rowid, -2 an expression.
                _ if cid == -1 => IndexPart::Expression { sql: "rowid".to_owned(), columns: Vec::new() },
                _ => text::expression(texts.get(i).map_or("", String::as_str), &names),
            })
            .collect();
        let definition = sql.unwrap_or_else(|| {
            let columns: Vec<&str> = parts.iter().map(|p| if let IndexPart::Column(c) = p { c.as_str() } else { "" }).collect();
            format!("{} ({})", if origin == "pk" { "PRIMARY KEY" } else { "UNIQUE" }, columns.join(", "))
        });
        out.push(Index { name, unique, primary: origin == "pk", parts, predicate, definition });
    }
    Ok(out)
}

fn foreign_keys(c: &Connection, table: &str, names: &[&str]) -> Result<Vec<ForeignKey>> {
    let doing = "read the schema";
    let mut query = c
        .prepare_cached(
            "SELECT id, \"table\", \"from\", \"to\", on_update, on_delete FROM pragma_foreign_key_list(?1, 'main') ORDER BY id DESC, seq",
        )
        .map_err(wrong(doing))?;
    let mut rows = query.query([table]).map_err(wrong(doing))?;
    let mut found: Vec<(i64, ForeignKey, bool)> = Vec::new();
    while let Some(row) = rows.next().map_err(wrong(doing))? {
        let get = |e| wrong(doing)(e);
        let id: i64 = row.get(0).map_err(get)?;
        let written: String = row.get(1).map_err(get)?;
        let parent = names.iter().find(|n| n.eq_ignore_ascii_case(&written)).map_or(written, |n| (*n).to_owned());
        let (from, to): (String, Option<String>) = (row.get(2).map_err(get)?, row.get(3).map_err(get)?);
        if found.last().is_none_or(|(last, _, _)| *last != id) {
            let (update, delete): (String, String) = (row.get(4).map_err(get)?, row.get(5).map_err(get)?);
            let key = ForeignKey {
                name: String::new(),
                columns: Vec::new(),
                references: TableName::new("main", parent),
                referenced_columns: Vec::new(),
                definition: format!("ON UPDATE {update} ON DELETE {delete}"),
                // Enforcement is off unless each connection switches it on, so nothing is known of the rows that stand.
                validated: false,
            };
            found.push((id, key, to.is_none()));
        }
        if let Some((_, key, _)) = found.last_mut() {
            key.columns.push(from);
            key.referenced_columns.extend(to);
        }
    }
    let mut out = Vec::new();
    for (_, mut key, to_primary_key) in found {
        let (parent_columns, parent_key) = columns(c, &key.references.name, &[])?;
        if to_primary_key {
            key.referenced_columns = parent_key;
        }
        for column in &mut key.referenced_columns {
            if let Some(spelt) = parent_columns.iter().find(|p| p.name.eq_ignore_ascii_case(column)) {
                column.clone_from(&spelt.name);
            }
        }
        key.name = format!("{}({}) -> {}", table, key.columns.join(","), key.references.name);
        key.definition = format!(
            "FOREIGN KEY ({}) REFERENCES {} ({}) {}",
            key.columns.join(", "),
            key.references.name,
            key.referenced_columns.join(", "),
            key.definition
        );
        out.push(key);
    }
    Ok(out)
}
