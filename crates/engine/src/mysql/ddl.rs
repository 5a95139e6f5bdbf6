//! The schema as the server shows it, made harmless, and its execution in a generation.
//!
//! Tables are made before the rows, with their keys and without looking at foreign keys; routines, views, triggers and events after them. Every
//! statement of the second part is recorded when it is done; one that was cut between its effect and its record is made again after a DROP.

use super::connect::{LOADING, Session};
use super::error::{Doing, code, mapped};
use super::inspect::outbound::EMPTIED;
use super::inspect::{Made, Picture, SCHEMA, ShownTable, mended, show, ticked_keys};
use super::{access, own, sql};
use crate::error::{EngineError, Result};
use crate::seam::{SchemaPart, SchemaScript};
use greenroom_model::hash::Hash;
use serde::{Deserialize, Serialize};

/// Makes the script of a schema.
pub(crate) async fn script(session: &mut Session, picture: &Picture) -> Result<SchemaScript> {
    let Picture { catalog, tables: shown, made } = picture;
    let (mut pre, mut not_carried) = (Vec::new(), Vec::new());
    pre.extend(made.iter().filter(|m| m.kind == "sequence").map(|m| m.statement.clone()));
    for t in shown {
        let table = catalog.tables.iter().find(|c| c.name.name == t.name);
        match table.map(|c| &c.form) {
            Some(greenroom_model::catalog::TableForm::Refused(why)) => not_carried.push((format!("{SCHEMA}.{}", t.name), why.clone())),
            _ => pre.push(create(t)),
        }
    }
    let mut post = Vec::new();
    let mut references = Vec::new();
    for t in shown.iter().filter(|t| late(t)) {
        let (_, keys, foreign) = parts(t);
        let (full, plain): (Vec<String>, Vec<String>) = keys.into_iter().partition(|k| k.starts_with("FULLTEXT"));
        // One ALTER for all keys that can be built together; full-text keys are built one at a time.
        post.extend((!plain.is_empty()).then(|| items("keys", &t.name, &plain)));
        post.extend(full.into_iter().map(|key| items("keys", &t.name, &[key])));
        references.extend((!foreign.is_empty()).then(|| items("foreign keys", &t.name, &foreign)));
    }
    post.extend(references);
    for m in made.iter().filter(|m| m.kind != "sequence") {
        post.push(statement(m));
    }
    for o in catalog.outbound.iter().filter(|o| o.disabled_by.as_deref() == Some(EMPTIED)) {
        not_carried.push((o.name.clone(), format!("its rows live elsewhere; {EMPTIED}")));
    }
    let disabled = catalog
        .outbound
        .iter()
        .filter_map(|o| o.disabled_by.clone().map(|how| (format!("{} {}", o.kind, o.name), how)))
        // Events are compared, as disabled as they are made.
        .collect();
    not_carried.extend(catalog.not_carried.clone());
    let hash = Some(Hash::of_json(&(&pre, &post)));
    let access = access::read(session, made).await?;
    Ok(SchemaScript { pre, post, archive: None, disabled, not_carried, hash, access })
}

/// A table's statement without its AUTO_INCREMENT position; one whose rows live elsewhere becomes an ordinary empty table.
fn create(t: &ShownTable) -> String {
    let items = if late(t) { parts(t).0 } else { t.shown.items.clone() };
    let (items, options) = (items.join(",\n  "), &t.shown.options);
    let options = if t.elsewhere() { "ENGINE=InnoDB COMMENT='reached outside; emptied by Greenroom'" } else { options.as_str() };
    format!("CREATE TABLE {} (\n  {items}\n) {options}", sql::ident(&t.name))
}

/// Whether keys are built after the rows. Other storage engines build them as they go.
fn late(t: &ShownTable) -> bool {
    t.in_snapshot()
}

/// Items of a table that stand from the start, keys that are built after the rows, foreign keys. The primary key orders the rows, and a
/// counting column must have a key from the start.
fn parts(t: &ShownTable) -> (Vec<String>, Vec<String>, Vec<String>) {
    let counting = t.shown.items.iter().find_map(|i| show::name(i).filter(|(_, d)| d.contains("AUTO_INCREMENT")).map(|(n, _)| n));
    let leads = |item: &str| {
        let list =
            item.find('(').and_then(|at| show::list(&item[at..])).or_else(|| show::list(item)).map(|(parts, _)| parts).unwrap_or_default();
        counting.is_some() && list.first().and_then(|p| show::name(p)).map(|(n, _)| n) == counting
    };
    let mut served = counting.is_none() || t.shown.items.iter().any(|i| i.starts_with("PRIMARY KEY") && leads(i));
    let (mut early, mut keys, mut foreign) = (Vec::new(), Vec::new(), Vec::new());
    for item in &t.shown.items {
        if item.starts_with("CONSTRAINT ") && item.contains(" FOREIGN KEY ") {
            foreign.push(item.clone());
        } else if ["UNIQUE KEY", "KEY", "FULLTEXT KEY", "SPATIAL KEY"].iter().any(|k| item.starts_with(k)) {
            if !served && leads(item) {
                served = true;
                early.push(item.clone());
            } else {
                keys.push(item.clone());
            }
        } else {
            early.push(item.clone());
        }
    }
    (early, keys, foreign)
}

/// A statement of the second part that adds what is not there yet.
fn items(kind: &str, table: &str, items: &[String]) -> String {
    let how = How { kind: kind.to_owned(), name: table.to_owned(), ..How::default() };
    format!("{HEAD}{}\n{}", how.text(), serde_json::to_string(items).expect("texts serialise to JSON"))
}

/// Adds the items of a table that are not there yet.
async fn add(session: &mut Session, table: &str, items: &str) -> std::result::Result<(), mysql_async::Error> {
    let items: Vec<String> = serde_json::from_str(items).unwrap_or_default();
    let shown = session.rows(&format!("show create table {}", sql::ident(table))).await?;
    let keys = ticked_keys(session, Some(table)).await?;
    let there = shown.first().and_then(|r| show::table(&mended(&super::connect::said(r, 1), table, &keys))).unwrap_or_default();
    let missing: Vec<String> = items.iter().filter(|i| !there.items.iter().any(|t| same(t, i))).map(|i| format!("add {i}")).collect();
    if missing.is_empty() {
        return Ok(());
    }
    session.run(&format!("alter table {} {}", sql::ident(table), missing.join(", "))).await
}

/// Whether two items of a table that are no columns are the same key or the same constraint. A foreign key and the key that the server made for
/// it bear one name.
fn same(one: &str, other: &str) -> bool {
    let name = |item: &str| item.find('`').and_then(|at| show::name(&item[at..])).map(|(n, _)| n);
    let constraint = |item: &str| item.starts_with("CONSTRAINT ");
    !one.starts_with('`') && constraint(one) == constraint(other) && name(one) == name(other)
}

/// What stands in front of a statement of the second part: the kind, the name and the mode under which it is to be made.
const HEAD: &str = "-- greenroom: ";

/// How an object is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct How {
    /// As in [`Made`], or `keys` and `foreign keys` of a table.
    pub(crate) kind: String,
    pub(crate) name: String,
    /// The session's `sql_mode`, which the server keeps with the object.
    pub(crate) mode: Option<String>,
    /// The session's time zone, by which an event runs.
    pub(crate) zone: Option<String>,
    /// The session's `collation_connection`, by which its literals compare.
    #[serde(default)]
    pub(crate) collation: Option<String>,
}

impl How {
    pub(crate) fn of(m: &Made) -> How {
        How {
            kind: m.kind.to_owned(),
            name: m.name.clone(),
            mode: m.sql_mode.clone(),
            zone: m.time_zone.clone(),
            collation: m.collation.clone(),
        }
    }

    /// As text in front of a statement.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).expect("texts serialise to JSON")
    }
}

fn statement(m: &Made) -> String {
    format!("{HEAD}{}\n{}", How::of(m).text(), m.statement)
}

/// How it is made, and the statement.
fn parse(text: &str) -> Option<(How, &str)> {
    let (head, statement) = text.strip_prefix(HEAD)?.split_once('\n')?;
    Some((serde_json::from_str(head).ok()?, statement))
}

/// Applies a part of the schema.
pub(crate) async fn apply(session: &mut Session, part: SchemaPart, script: &SchemaScript) -> Result<()> {
    session.run("set session foreign_key_checks = 0").await.doing("prepare the schema")?;
    match part {
        SchemaPart::Pre => {
            session
                .run(&format!("set session sql_mode = '{},IGNORE_BAD_TABLE_OPTIONS'", LOADING.replace("STRICT_ALL_TABLES,", "")))
                .await
                .or(Ok::<(), mysql_async::Error>(()))
                .doing("prepare the schema")?;
            for text in &script.pre {
                session.run(text).await.map_err(|e| explained(&e, &format!("create the schema ({})", label(text))))?;
            }
        }
        SchemaPart::Post => {
            let done = own::statements_done(session).await?;
            for text in &script.post {
                let hash = Hash::of(text.as_bytes()).to_string();
                if done.contains(&hash) {
                    continue;
                }
                let Some((how, sql)) = parse(text) else {
                    return Err(EngineError::other("complete the schema", "a statement of the schema's script is not understood"));
                };
                let doing = format!("complete the schema ({} {})", how.kind, how.name);
                let done = match how.kind.as_str() {
                    "keys" | "foreign keys" => add(session, &how.name, sql).await,
                    _ => make(session, &how, sql).await,
                };
                done.map_err(|e| explained(&e, &doing))?;
                session.run(&own::record_statement(&hash)).await.doing(doing)?;
            }
        }
    }
    Ok(())
}

/// Makes an object, in place of what an attempt before may have left.
pub(crate) async fn make(session: &mut Session, how: &How, statement: &str) -> std::result::Result<(), mysql_async::Error> {
    let before = session.value("select @@session.collation_connection").await?.unwrap_or_default();
    // The mode first: packages are known in Oracle's only, even to DROP.
    for (variable, value) in [("sql_mode", &how.mode), ("time_zone", &how.zone), ("collation_connection", &how.collation)] {
        if let Some(value) = value {
            session.run(&format!("set session {variable} = {}", sql::literal(value))).await?;
        }
    }
    let mut made = session.run(&format!("drop {} if exists {}", how.kind, sql::ident(&how.name))).await;
    if made.is_ok() {
        made = session.run(statement).await;
    }
    let collation = sql::literal(&before);
    session.run(&format!("set session sql_mode = '', session time_zone = '+00:00', session collation_connection = {collation}")).await?;
    made
}

/// Words and name of a statement, without what may quote values.
fn label(statement: &str) -> String {
    let words: Vec<&str> = statement.split_whitespace().take(3).collect();
    words.join(" ").to_lowercase()
}

fn explained(e: &mysql_async::Error, doing: &str) -> EngineError {
    let mapped = mapped(e, doing);
    match code(e) {
        Some(1273 | 1115) => {
            mapped.hint("the target's server lacks a character set or collation of the source: use the same variety and version")
        }
        Some(1286) => mapped.hint("the target's server lacks a storage engine of the source: install its plugin, or leave the table out"),
        Some(1419) => mapped.hint("set `log_bin_trust_function_creators = 1` on the target's server, or switch its binary log off"),
        Some(1356 | 1146 | 1305) => {
            mapped.hint("the object names something that is not there; it does not work in the source either: repair or drop it there")
        }
        _ => mapped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_key_is_not_there_because_its_key_is() {
        let (foreign, key) = ("CONSTRAINT `hen_egg` FOREIGN KEY (`egg`) REFERENCES `egg` (`id`)", "KEY `hen_egg` (`egg`)");
        assert!(same(foreign, foreign) && same(key, "UNIQUE KEY `hen_egg` (`egg`)"));
        assert!(!same(key, foreign) && !same(foreign, key) && !same("`hen_egg` int(11)", key));
    }

    #[test]
    fn statements_of_the_second_part_carry_how_they_are_made() {
        let made = Made {
            kind: "view",
            name: "a\nb".into(),
            statement: "CREATE VIEW `a\nb` AS select 1".into(),
            definer: None,
            sql_mode: None,
            time_zone: None,
            collation: None,
        };
        let text = statement(&made);
        let (how, sql) = parse(&text).unwrap();
        assert_eq!((how, sql), (How::of(&made), made.statement.as_str()));
    }
}
