//! The neutral picture of a table, from `rows`.

use super::rows::{Behind, ColumnRow, TableRows};
use super::spell;
use greenroom_model::catalog::{Check, Column, ForeignKey, Generation, Index, IndexPart, Table, TableForm};
use std::collections::BTreeMap;

/// Makes the picture. `collation` is the database's own.
pub(super) fn table(t: &TableRows, collation: &str) -> Table {
    let form = match (&t.refused, t.foreign) {
        (_, true) => TableForm::Foreign,
        (Some(why), _) => TableForm::Refused(why.clone()),
        (None, false) => TableForm::Ordinary,
    };
    let primary = t.indexes.iter().find(|i| i.behind == Behind::PrimaryKey);
    let mut picture = Table {
        name: t.table_name(),
        form,
        columns: t.columns.iter().map(|c| column(c, collation)).collect(),
        primary_key: primary.map(|i| i.keys.iter().map(|(c, _)| c.clone()).collect()).unwrap_or_default(),
        indexes: indexes(t),
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        properties: properties(t),
        estimated_rows: t.rows,
        estimated_bytes: t.bytes,
    };
    for f in &t.foreign_keys {
        picture.foreign_keys.push(ForeignKey {
            name: f.name.clone(),
            columns: f.columns.clone(),
            references: greenroom_model::catalog::TableName::new(&f.schema, &f.table),
            referenced_columns: f.referenced.clone(),
            definition: spell::foreign_clause(f),
            validated: f.trusted,
        });
        if f.disabled {
            picture.properties.insert(format!("foreign_key_disabled:{}", f.name), "true".to_owned());
        }
    }
    for c in &t.checks {
        picture.checks.push(Check { name: c.name.clone(), sql: c.expression.clone() });
        for (flag, set) in
            [("check_disabled", c.disabled), ("check_not_trusted", !c.trusted), ("check_not_for_replication", c.not_for_replication)]
        {
            if set {
                picture.properties.insert(format!("{flag}:{}", c.name), "true".to_owned());
            }
        }
    }
    picture.foreign_keys.sort_by(|a, b| a.name.cmp(&b.name));
    picture.checks.sort_by(|a, b| a.name.cmp(&b.name));
    picture
}

/// Whether a collation makes different texts equal: every one but the binary ones, which compare code points.
fn loose(collation: &str) -> bool {
    let upper = collation.to_uppercase();
    !(upper.ends_with("_BIN") || upper.ends_with("_BIN2") || upper.contains("_BIN2_"))
}

fn column(c: &ColumnRow, collation: &str) -> Column {
    let generated = if c.ty.made_by_server {
        Some(Generation::Computed)
    } else {
        // Takes values of ours under SET IDENTITY_INSERT only.
        c.identity.as_ref().map(|_| Generation::IdentityAlways)
    };
    // Named where it is the database's own, too, as long as it makes different texts equal: that decides what unique keys take.
    let own = c.ty.collation.as_deref().filter(|_| !c.ty.made_by_server);
    Column {
        name: c.ty.name.clone(),
        native_type: c.ty.spelled(),
        family: c.ty.family(),
        max_length: c.ty.max_length(),
        precision: c.ty.decimal(),
        nullable: c.ty.nullable,
        default: c.default.as_ref().map(|(_, expression)| expression.clone()),
        generated,
        collation: own.filter(|name| loose(name) || !name.eq_ignore_ascii_case(collation)).map(|name| (name.to_owned(), loose(name))),
    }
}

fn indexes(t: &TableRows) -> Vec<Index> {
    let mut found: Vec<Index> = Vec::new();
    for i in &t.indexes {
        let mut definition = spell::index(&t.schema, &t.name, i).unwrap_or_else(|| "of a kind that is not known".to_owned());
        if i.disabled {
            definition.push_str("; disabled");
        }
        // A disabled one forbids nothing.
        let unique = i.unique && !i.disabled;
        found.push(Index {
            name: i.name.clone(),
            unique,
            primary: i.behind == Behind::PrimaryKey,
            parts: i.keys.iter().map(|(c, _)| IndexPart::Column(c.clone())).collect(),
            predicate: i.filter.clone(),
            definition,
        });
    }
    // Made in another order than the source's.
    found.sort_by(|a, b| (!a.primary, &a.name).cmp(&(!b.primary, &b.name)));
    found
}

fn properties(t: &TableRows) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for c in &t.columns {
        found.insert(format!("column:{}", c.ty.name), spell::column(c));
    }
    let mut put = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            found.insert(key.to_owned(), value);
        }
    };
    put("ansi_nulls", t.ansi_nulls_off.then(|| "off".to_owned()));
    put("ansi_padding", t.ansi_padding_off.then(|| "off".to_owned()));
    put("lock_escalation", t.lock_escalation.clone());
    put("compression", t.compression.clone());
    put("partitioned", t.partitioned.as_ref().map(|(scheme, column)| format!("{scheme}({column})")));
    for (option, value) in &t.options {
        put(&format!("option:{option}"), Some(value.clone()));
    }
    found
}
