//! The schema as the server shows it, made harmless, and its execution in a generation.
//!
//! Tables are made before the rows, with their keys and without looking at foreign keys; routines, views, triggers and events after them. Every
//! statement of the second part is recorded when it is done; one that was cut between its effect and its record is made again after a DROP.

use super::connect::{LOADING, Session};
use super::error::{Doing, code, mapped};
use super::inspect::outbound::EMPTIED;
use super::inspect::{self, Made, SCHEMA, ShownTable, show};
use super::{access, own, sql};
use crate::error::{EngineError, Result};
use crate::seam::{SchemaPart, SchemaScript};
use greenroom_model::hash::Hash;

/// Makes the script inside a snapshot.
pub(crate) async fn script(session: &mut Session, database: &str) -> Result<SchemaScript> {
    let catalog = inspect::catalog(session, database).await?;
    let shown = inspect::shown_tables(session).await?;
    let made = inspect::objects(session, database).await?;
    let (mut pre, mut not_carried) = (Vec::new(), Vec::new());
    pre.extend(made.iter().filter(|m| m.kind == "sequence").map(|m| m.statement.clone()));
    for t in &shown {
        let table = catalog.tables.iter().find(|c| c.name.name == t.name);
        match table.map(|c| &c.form) {
            Some(greenroom_model::catalog::TableForm::Refused(why)) => not_carried.push((format!("{SCHEMA}.{}", t.name), why.clone())),
            _ => pre.push(create(t, database)),
        }
    }
    let mut post = Vec::new();
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
    let access = access::read(session, &made).await?;
    Ok(SchemaScript { pre, post, archive: None, disabled, not_carried, hash, access })
}

/// A table's statement without its AUTO_INCREMENT position; one whose rows live elsewhere becomes an ordinary empty table.
fn create(t: &ShownTable, database: &str) -> String {
    let (items, options) = (t.shown.items.join(",\n  "), &t.shown.options);
    let options = if t.elsewhere() { "ENGINE=InnoDB COMMENT='reached outside; emptied by Greenroom'" } else { options.as_str() };
    show::unqualified(&format!("CREATE TABLE {} (\n  {items}\n) {options}", sql::ident(&t.name)), database)
}

/// What stands in front of a statement of the second part: the kind, the name and the mode under which it is to be made.
const HEAD: &str = "-- greenroom: ";

fn statement(m: &Made) -> String {
    let head = serde_json::to_string(&(m.kind, &m.name, &m.sql_mode)).expect("texts serialise to JSON");
    format!("{HEAD}{head}\n{}", m.statement)
}

/// Kind, name, mode and statement.
pub(crate) fn parse(text: &str) -> Option<(String, String, Option<String>, &str)> {
    let (head, statement) = text.strip_prefix(HEAD)?.split_once('\n')?;
    let (kind, name, mode) = serde_json::from_str(head).ok()?;
    Some((kind, name, mode, statement))
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
                let Some((kind, name, mode, sql)) = parse(text) else {
                    return Err(EngineError::other("complete the schema", "a statement of the schema's script is not understood"));
                };
                let doing = format!("complete the schema ({kind} {name})");
                make(session, &kind, &name, mode.as_deref(), sql).await.map_err(|e| explained(&e, &doing))?;
                session.run(&own::record_statement(&hash)).await.doing(doing)?;
            }
        }
    }
    Ok(())
}

/// Makes an object, in place of what an attempt before may have left.
pub(crate) async fn make(
    session: &mut Session,
    kind: &str,
    name: &str,
    mode: Option<&str>,
    statement: &str,
) -> std::result::Result<(), mysql_async::Error> {
    session.run(&format!("drop {kind} if exists {}", sql::ident(name))).await?;
    if let Some(mode) = mode {
        session.run(&format!("set session sql_mode = {}", sql::literal(mode))).await?;
    }
    let made = session.run(statement).await;
    session.run("set session sql_mode = ''").await?;
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
    fn statements_of_the_second_part_carry_how_they_are_made() {
        let made =
            Made { kind: "view", name: "a\nb".into(), statement: "CREATE VIEW `a\nb` AS select 1".into(), definer: None, sql_mode: None };
        let text = statement(&made);
        let (kind, name, mode, sql) = parse(&text).unwrap();
        assert_eq!((kind.as_str(), name.as_str(), mode, sql), ("view", "a\nb", None, made.statement.as_str()));
    }
}
