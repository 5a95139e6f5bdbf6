//! Options of the database: what the catalog tells of them, and the statements that give a copy the same. Recovery, files, states and what
//! acts by itself (broker, query store) belong to the server's administrator and are left.

use super::super::connect::Session;
use super::super::sql::literal;
use super::Made;
use super::facts::{Facts, Views};
use crate::error::Result;
use std::collections::BTreeMap;

/// Bits of `sys.databases` and the option that each is.
const SWITCHES: &[(&str, &str)] = &[
    ("is_ansi_null_default_on", "ANSI_NULL_DEFAULT"),
    ("is_ansi_nulls_on", "ANSI_NULLS"),
    ("is_ansi_padding_on", "ANSI_PADDING"),
    ("is_ansi_warnings_on", "ANSI_WARNINGS"),
    ("is_arithabort_on", "ARITHABORT"),
    ("is_concat_null_yields_null_on", "CONCAT_NULL_YIELDS_NULL"),
    ("is_numeric_roundabort_on", "NUMERIC_ROUNDABORT"),
    ("is_quoted_identifier_on", "QUOTED_IDENTIFIER"),
    ("is_recursive_triggers_on", "RECURSIVE_TRIGGERS"),
    ("is_cursor_close_on_commit_on", "CURSOR_CLOSE_ON_COMMIT"),
    ("is_auto_create_stats_on", "AUTO_CREATE_STATISTICS"),
    ("is_auto_update_stats_on", "AUTO_UPDATE_STATISTICS"),
    ("is_auto_update_stats_async_on", "AUTO_UPDATE_STATISTICS_ASYNC"),
    ("is_date_correlation_on", "DATE_CORRELATION_OPTIMIZATION"),
    ("is_memory_optimized_elevate_to_snapshot_on", "MEMORY_OPTIMIZED_ELEVATE_TO_SNAPSHOT"),
];

/// The settings, and the statements that make them.
pub(super) async fn read(session: &mut Session, views: &Views) -> Result<(BTreeMap<String, String>, Vec<Made>)> {
    let mut columns: Vec<&str> = SWITCHES.iter().map(|(column, _)| *column).collect();
    columns.extend([
        "compatibility_level",
        "is_read_committed_snapshot_on",
        "snapshot_isolation_state",
        "is_parameterization_forced",
        "is_local_cursor_default",
        "delayed_durability_desc",
        "containment_desc",
    ]);
    let query = format!(
        "select cast(databasepropertyex(db_name(), 'Collation') as nvarchar(128)) as collation, {} from sys.databases d where d.name = db_name()",
        views.pick("databases", "d", &columns)
    );
    let found = views.read(session, "databases", &query).await?;
    let (mut settings, mut statements) = found.first().map(options).unwrap_or_default();
    let query = "select c.name as setting, cast(c.value as nvarchar(200)) as value from sys.database_scoped_configurations c order by 1";
    // Only what differs from the default is known as such from 2017 on; setting a default again changes nothing.
    let marked = views.has_column("database_scoped_configurations", "is_value_default");
    let query = if marked { query.replace("order by", "where c.is_value_default = 0 order by") } else { query.to_owned() };
    for f in views.read(session, "database_scoped_configurations", &query).await? {
        settings.insert(format!("scoped:{}", f.said("setting")), f.said("value"));
        statements.extend(scoped(&f));
    }
    Ok((settings, statements))
}

fn made(kind: &'static str, name: &str, statement: String) -> Made {
    Made { kind, own: name.to_owned(), statements: vec![statement], ..Made::default() }
}

/// Settings and statements from the database's row.
pub(super) fn options(f: &Facts) -> (BTreeMap<String, String>, Vec<Made>) {
    let (mut settings, mut statements) = (BTreeMap::new(), Vec::new());
    settings.insert("collation".to_owned(), f.said("collation"));
    // Some wait until they are alone in the database: nothing is set that holds already.
    let mut set = |name: &str, column: &str, raw: &str, value: &str, statement: String| {
        let sql = literal(&format!("ALTER DATABASE CURRENT SET {statement}"));
        let differs = format!("EXISTS (SELECT 1 FROM sys.databases WHERE name = DB_NAME() AND {column} <> {raw})");
        settings.insert(name.to_lowercase(), value.to_owned());
        statements.push(made("database option", &name.to_lowercase(), format!("IF {differs} EXEC({sql})")));
    };
    if let Some(level) = f.text("compatibility_level") {
        set("COMPATIBILITY_LEVEL", "compatibility_level", level, level, format!("COMPATIBILITY_LEVEL = {level}"));
    }
    let switch = |on: bool| if on { ("1", "ON") } else { ("0", "OFF") };
    for (column, option) in SWITCHES {
        if f.text(column).is_some() {
            let (raw, value) = switch(f.truth(column));
            let equals = if option.starts_with("MEMORY") { "= " } else { "" };
            set(option, column, raw, value, format!("{option} {equals}{value}"));
        }
    }
    for (column, option, on, off) in [
        ("is_parameterization_forced", "PARAMETERIZATION", "FORCED", "SIMPLE"),
        ("is_local_cursor_default", "CURSOR_DEFAULT", "LOCAL", "GLOBAL"),
    ] {
        if f.text(column).is_some() {
            let (raw, _) = switch(f.truth(column));
            let value = if f.truth(column) { on } else { off };
            set(option, column, raw, value, format!("{option} {value}"));
        }
    }
    if let Some(value) = f.text("delayed_durability_desc") {
        set("DELAYED_DURABILITY", "delayed_durability_desc", &literal(value), value, format!("DELAYED_DURABILITY = {value}"));
    }
    if f.text("snapshot_isolation_state").is_some() {
        // 2 and 3 are on their way to 0 and 1.
        let (raw, value) = switch(matches!(f.number("snapshot_isolation_state"), 1 | 3));
        set("ALLOW_SNAPSHOT_ISOLATION", "snapshot_isolation_state % 2", raw, value, format!("ALLOW_SNAPSHOT_ISOLATION {value}"));
    }
    if f.text("is_read_committed_snapshot_on").is_some() {
        let (raw, value) = switch(f.truth("is_read_committed_snapshot_on"));
        let statement = format!("READ_COMMITTED_SNAPSHOT {value} WITH ROLLBACK IMMEDIATE");
        set("READ_COMMITTED_SNAPSHOT", "is_read_committed_snapshot_on", raw, value, statement);
    }
    if f.text("containment_desc").is_some_and(|c| c != "NONE") {
        settings.insert("containment".to_owned(), f.said("containment_desc"));
    }
    (settings, statements)
}

/// The statement of a scoped configuration. Those that name things of the server's own are left.
pub(super) fn scoped(f: &Facts) -> Option<Made> {
    let (name, value) = (f.said("setting"), f.text("value")?);
    // A graph cannot be reached by name, and identifies nothing on another server.
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_uppercase() || c == '_') {
        return None;
    }
    let value = match value {
        "0" if name != "MAXDOP" && !name.ends_with("_DURATION_MINUTES") => "OFF",
        "1" if name != "MAXDOP" && !name.ends_with("_DURATION_MINUTES") => "ON",
        other => other,
    };
    Some(made("scoped configuration", &name.to_lowercase(), format!("ALTER DATABASE SCOPED CONFIGURATION SET {name} = {value}")))
}
