//! Statements that make tables, indexes and constraints. Pure text from `rows`; nothing is asked of a server.

use super::super::sql::{ident, literal, qualified};
use super::rows::{Behind, CheckRow, ColumnRow, ForeignRow, IndexKind, IndexRow, TableRows};

/// Where heaps and indexes lie that are not partitioned is the target's business; partitions need their scheme.
fn place(partitioned: Option<&(String, String)>) -> String {
    partitioned.map_or_else(String::new, |(scheme, column)| format!(" ON {}({})", ident(scheme), ident(column)))
}

fn listed(names: &[String]) -> String {
    names.iter().map(|n| ident(n)).collect::<Vec<_>>().join(", ")
}

/// The type as the column declares it.
fn declared(c: &ColumnRow) -> String {
    match (&c.ty.alias, &c.xml) {
        (Some((schema, name)), _) => qualified(schema, name),
        (None, Some((schema, name, document))) => {
            format!("xml({} {})", if *document { "DOCUMENT" } else { "CONTENT" }, qualified(schema, name))
        }
        (None, None) => c.ty.spelled(),
    }
}

/// A column within CREATE TABLE.
pub(crate) fn column(c: &ColumnRow) -> String {
    let name = ident(&c.ty.name);
    if let Some(computed) = &c.computed {
        let persisted = if computed.persisted { " PERSISTED" } else { "" };
        let required = if computed.persisted && !c.ty.nullable { " NOT NULL" } else { "" };
        return format!("{name} AS {}{persisted}{required}", computed.expression);
    }
    let mut text = format!("{name} {}", declared(c));
    if let Some(collation) = &c.collation {
        text.push_str(&format!(" COLLATE {collation}"));
    }
    if c.sparse {
        text.push_str(" SPARSE");
    }
    if c.column_set {
        text.push_str(" COLUMN_SET FOR ALL_SPARSE_COLUMNS");
        return text;
    }
    if let Some(function) = &c.masked_with {
        text.push_str(&format!(" MASKED WITH (FUNCTION = '{}')", function.replace('\'', "''")));
    }
    if let Some(identity) = &c.identity {
        text.push_str(&format!(" IDENTITY({}, {})", identity.seed, identity.increment));
        if identity.not_for_replication {
            text.push_str(" NOT FOR REPLICATION");
        }
    }
    text.push_str(if c.ty.nullable { " NULL" } else { " NOT NULL" });
    if c.rowguid {
        text.push_str(" ROWGUIDCOL");
    }
    if let Some((name, expression)) = &c.default {
        if !name.is_empty() {
            text.push_str(&format!(" CONSTRAINT {}", ident(name)));
        }
        text.push_str(&format!(" DEFAULT {expression}"));
    }
    text
}

/// CREATE TABLE with the columns; keys, checks and indexes follow in statements of their own.
pub(crate) fn table(t: &TableRows) -> String {
    let columns: Vec<String> = t.columns.iter().map(column).collect();
    let clustered = t.indexes.iter().any(|i| matches!(i.kind, IndexKind::Clustered | IndexKind::ClusteredColumnstore));
    // The clustered index says where the rows lie, if there is one.
    let on = if clustered { String::new() } else { place(t.partitioned.as_ref()) };
    let compression = match &t.compression {
        Some(how) if !clustered => format!(" WITH (DATA_COMPRESSION = {how})"),
        _ => String::new(),
    };
    format!("CREATE TABLE {} (\n    {}\n){on}{compression}", qualified(&t.schema, &t.name), columns.join(",\n    "))
}

/// What is set on a table after it is made.
pub(crate) fn options(t: &TableRows) -> Vec<String> {
    let name = qualified(&t.schema, &t.name);
    let escalation = t.lock_escalation.as_ref().map(|how| format!("ALTER TABLE {name} SET (LOCK_ESCALATION = {how})"));
    let options = t.options.iter().map(|(option, value)| format!("EXEC sp_tableoption {}, '{option}', {value}", literal(&name)));
    escalation.into_iter().chain(options).collect()
}

/// Options of an index that are not the default.
fn with(i: &IndexRow) -> String {
    let mut options = Vec::new();
    if i.padded && i.fill_factor > 0 {
        options.push("PAD_INDEX = ON".to_owned());
    }
    if i.fill_factor > 0 {
        options.push(format!("FILLFACTOR = {}", i.fill_factor));
    }
    if i.ignore_dup_key {
        options.push("IGNORE_DUP_KEY = ON".to_owned());
    }
    if i.no_recompute {
        options.push("STATISTICS_NORECOMPUTE = ON".to_owned());
    }
    if i.no_row_locks {
        options.push("ALLOW_ROW_LOCKS = OFF".to_owned());
    }
    if i.no_page_locks {
        options.push("ALLOW_PAGE_LOCKS = OFF".to_owned());
    }
    if i.sequential_key {
        options.push("OPTIMIZE_FOR_SEQUENTIAL_KEY = ON".to_owned());
    }
    if i.delay > 0 {
        options.push(format!("COMPRESSION_DELAY = {} MINUTES", i.delay));
    }
    if let Some(how) = &i.compression {
        options.push(format!("DATA_COMPRESSION = {how}"));
    }
    if options.is_empty() { String::new() } else { format!(" WITH ({})", options.join(", ")) }
}

/// The statement that makes an index or the key that it stands behind. `None` for kinds that are not known.
pub(crate) fn index(schema: &str, table: &str, i: &IndexRow) -> Option<String> {
    let (on, name) = (qualified(schema, table), ident(&i.name));
    let keys = i.keys.iter().map(|(c, descending)| format!("{}{}", ident(c), if *descending { " DESC" } else { "" }));
    let keys = keys.collect::<Vec<_>>().join(", ");
    let clustered = if i.kind == IndexKind::Clustered { "CLUSTERED" } else { "NONCLUSTERED" };
    let filter = i.filter.as_ref().map_or_else(String::new, |f| format!(" WHERE {f}"));
    let (options, place) = (with(i), place(i.partitioned.as_ref()));
    let ordered = if i.ordered.is_empty() { String::new() } else { format!(" ORDER ({})", listed(&i.ordered)) };
    Some(match (i.kind, i.behind) {
        (IndexKind::Clustered | IndexKind::Nonclustered, Behind::PrimaryKey) => {
            format!("ALTER TABLE {on} ADD CONSTRAINT {name} PRIMARY KEY {clustered} ({keys}){options}{place}")
        }
        (IndexKind::Clustered | IndexKind::Nonclustered, Behind::Unique) => {
            format!("ALTER TABLE {on} ADD CONSTRAINT {name} UNIQUE {clustered} ({keys}){options}{place}")
        }
        (IndexKind::Clustered | IndexKind::Nonclustered, Behind::Nothing) => {
            let unique = if i.unique { "UNIQUE " } else { "" };
            let include = if i.included.is_empty() { String::new() } else { format!(" INCLUDE ({})", listed(&i.included)) };
            format!("CREATE {unique}{clustered} INDEX {name} ON {on} ({keys}){include}{filter}{options}{place}")
        }
        (IndexKind::ClusteredColumnstore, _) => format!("CREATE CLUSTERED COLUMNSTORE INDEX {name} ON {on}{ordered}{options}{place}"),
        (IndexKind::Columnstore, _) => {
            format!("CREATE NONCLUSTERED COLUMNSTORE INDEX {name} ON {on} ({}){ordered}{filter}{options}{place}", listed(&i.included))
        }
        (IndexKind::Xml, _) => match &i.secondary {
            None => format!("CREATE PRIMARY XML INDEX {name} ON {on} ({keys}){options}"),
            Some((primary, how)) => {
                format!("CREATE XML INDEX {name} ON {on} ({keys}) USING XML INDEX {} FOR {how}{options}", ident(primary))
            }
        },
        (IndexKind::Spatial, _) => {
            format!("CREATE SPATIAL INDEX {name} ON {on} ({keys}) USING {}", i.tessellation.as_deref()?)
        }
        (IndexKind::Unknown, _) => return None,
    })
}

/// The statement that switches an index off, if the source's is off.
pub(crate) fn index_off(schema: &str, table: &str, i: &IndexRow) -> Option<String> {
    i.disabled.then(|| format!("ALTER INDEX {} ON {} DISABLE", ident(&i.name), qualified(schema, table)))
}

fn replication(not: bool) -> &'static str {
    if not { " NOT FOR REPLICATION" } else { "" }
}

/// What the server has not checked stays so; checking is what a new constraint does without a word.
fn unchecked(trusted: bool) -> &'static str {
    if trusted { "" } else { "WITH NOCHECK " }
}

/// The statements that make a check and give it the state that it has.
pub(crate) fn check(schema: &str, table: &str, c: &CheckRow) -> Vec<String> {
    let on = qualified(schema, table);
    let clause = check_clause(c);
    let mut made = vec![format!("ALTER TABLE {on} {}ADD CONSTRAINT {} {clause}", unchecked(c.trusted), ident(&c.name))];
    made.extend(c.disabled.then(|| format!("ALTER TABLE {on} NOCHECK CONSTRAINT {}", ident(&c.name))));
    made
}

/// What stands behind the name.
pub(crate) fn check_clause(c: &CheckRow) -> String {
    format!("CHECK{} ({})", replication(c.not_for_replication), c.expression)
}

/// The statements that make a foreign key and give it the state that it has.
pub(crate) fn foreign_key(schema: &str, table: &str, f: &ForeignRow) -> Vec<String> {
    let on = qualified(schema, table);
    let mut made = vec![format!("ALTER TABLE {on} {}ADD CONSTRAINT {} {}", unchecked(f.trusted), ident(&f.name), foreign_clause(f))];
    made.extend(f.disabled.then(|| format!("ALTER TABLE {on} NOCHECK CONSTRAINT {}", ident(&f.name))));
    made
}

/// What stands behind the name.
pub(crate) fn foreign_clause(f: &ForeignRow) -> String {
    let action = |what: &str, how: &str| match how {
        "" | "NO_ACTION" => String::new(),
        how => format!(" ON {what} {}", how.replace('_', " ")),
    };
    format!(
        "FOREIGN KEY ({}) REFERENCES {} ({}){}{}{}",
        listed(&f.columns),
        qualified(&f.schema, &f.table),
        listed(&f.referenced),
        action("DELETE", &f.on_delete),
        action("UPDATE", &f.on_update),
        replication(f.not_for_replication)
    )
}
