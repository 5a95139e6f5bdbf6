//! Views, procedures, functions and triggers with their texts.

use super::super::connect::Session;
use super::super::sql::{ident, literal, qualified};
use super::facts::{self, Facts, Views};
use super::header::{self, On};
use super::rows::TableRows;
use super::{Made, Modes, not_ours, spell};
use crate::error::{EngineError, ErrorKind, Result};
use std::collections::BTreeMap;

/// What is found: those that can be made again, and why others cannot.
#[derive(Debug, Default)]
pub(super) struct Modules {
    pub(super) made: Vec<Made>,
    pub(super) not_carried: Vec<(String, String)>,
}

/// The engine's word for a type of object.
fn kind(letters: &str) -> Option<&'static str> {
    Some(match letters.trim() {
        "V" => "view",
        "P" => "procedure",
        "FN" | "IF" | "TF" => "function",
        "TR" => "trigger",
        _ => return None,
    })
}

const MODULE: &[&str] = &["definition", "uses_ansi_nulls", "uses_quoted_identifier", "uses_native_compilation"];

/// Reads them. `indexed` are views with their indexes, by the server's number.
pub(super) async fn read(session: &mut Session, views: &Views, indexed: &BTreeMap<String, TableRows>) -> Result<Modules> {
    let columns = MODULE.iter().map(|c| format!("m.{c}")).collect::<Vec<_>>().join(", ");
    let query = format!(
        "select o.object_id as id, o.type as kind, schema_name(o.schema_id) as schema_name, o.name as object_name, {columns}, \
            objectproperty(o.object_id, 'IsEncrypted') as is_encrypted, t.is_disabled, \
            t.parent_id, p.name as parent_name, schema_name(p.schema_id) as parent_schema \
         from sys.objects o left join sys.sql_modules m on m.object_id = o.object_id \
         left join sys.triggers t on t.object_id = o.object_id left join sys.objects p on p.object_id = t.parent_id \
         where o.is_ms_shipped = 0 and o.type in ('V', 'P', 'FN', 'IF', 'TF', 'TR', 'RF', 'PC', 'FS', 'FT', 'TA', 'AF', 'X') and {} \
         order by 3, 4, 1",
        not_ours("o.schema_id")
    );
    let mut all = Modules::default();
    for f in facts::read(session, "read the views, routines and triggers", &query).await? {
        add(&mut all, &f)?;
    }
    let query = format!(
        "select t.object_id as id, 'DT' as kind, '' as schema_name, t.name as object_name, {columns}, \
            objectproperty(t.object_id, 'IsEncrypted') as is_encrypted, t.is_disabled, null as parent_name \
         from sys.triggers t left join sys.sql_modules m on m.object_id = t.object_id where t.parent_class = 0 and t.is_ms_shipped = 0 order by 4"
    );
    for f in views.read(session, "triggers", &query).await? {
        add(&mut all, &f)?;
    }
    orders(session, views, &mut all.made).await?;
    for made in &mut all.made {
        let Some(view) = indexed.get(&made.id) else { continue };
        let mut indexes: Vec<_> = view.indexes.iter().collect();
        indexes.sort_by_key(|i| (!i.early(), i.name.clone()));
        for i in indexes {
            made.statements.extend(spell::index(&view.schema, &view.name, i));
            made.statements.extend(spell::index_off(&view.schema, &view.name, i));
        }
    }
    Ok(all)
}

/// Adds what a row tells.
pub(super) fn add(all: &mut Modules, f: &Facts) -> Result<()> {
    let (schema, name) = (f.said("schema_name"), f.said("object_name"));
    let letters = f.said("kind");
    let database = letters.trim() == "DT";
    let shown = if database { name.clone() } else { format!("{schema}.{name}") };
    let Some(kind) = (if database { Some("database trigger") } else { kind(&letters) }) else {
        let why = match letters.trim() {
            "RF" => "a filter of replication, and replication is not carried",
            "X" => "an extended procedure: it runs a library of the server's",
            _ => "made of an assembly, and assemblies are not carried",
        };
        all.not_carried.push((format!("routine {shown}"), why.to_owned()));
        return Ok(());
    };
    if f.truth("uses_native_compilation") {
        all.not_carried.push((format!("{kind} {shown}"), "natively compiled, over memory-optimised tables".to_owned()));
        return Ok(());
    }
    let Some(text) = f.text("definition") else {
        if f.truth("is_encrypted") {
            all.not_carried.push((format!("{kind} {shown}"), "encrypted: the server does not tell its text".to_owned()));
            return Ok(());
        }
        return Err(EngineError::new(ErrorKind::Denied, format!("read the definition of {shown}"), "the login may not see it")
            .hint("`GRANT VIEW DEFINITION TO …` in the source's database"));
    };
    let (parent_schema, parent) = (f.said("parent_schema"), f.said("parent_name"));
    let on = match (database, f.text("parent_name")) {
        (true, _) => On::Database,
        (false, Some(_)) => On::Object(&parent_schema, &parent),
        _ => On::Nothing,
    };
    let Some(statement) = header::rewritten(text, &schema, &name, on) else {
        all.not_carried.push((format!("{kind} {shown}"), "its text does not begin as such texts do".to_owned()));
        return Ok(());
    };
    let mut statements = vec![statement];
    if f.truth("is_disabled") {
        let target = match on {
            On::Object(schema, table) => qualified(schema, table),
            _ => "DATABASE".to_owned(),
        };
        let own = if database { ident(&name) } else { qualified(&schema, &name) };
        statements.push(format!("DISABLE TRIGGER {own} ON {target}"));
    }
    all.made.push(Made {
        kind,
        schema,
        own: name,
        id: f.said("id"),
        parent: f.said("parent_id"),
        modes: Modes {
            ansi_nulls_off: f.text("uses_ansi_nulls") == Some("0"),
            quoted_identifier_off: f.text("uses_quoted_identifier") == Some("0"),
            ansi_padding_off: false,
        },
        statements,
        compared: None,
    });
    Ok(())
}

/// Which trigger fires first and last.
async fn orders(session: &mut Session, views: &Views, made: &mut [Made]) -> Result<()> {
    if !views.has_column("trigger_events", "is_first") {
        return Ok(());
    }
    let query = "select e.object_id as id, e.type_desc as event, e.is_first from sys.trigger_events e \
                 where e.is_first = 1 or e.is_last = 1 order by 1, 2, 3";
    for f in views.read(session, "trigger_events", query).await? {
        let Some(trigger) = made.iter_mut().find(|m| m.id == f.said("id")) else { continue };
        let order = if f.truth("is_first") { "First" } else { "Last" };
        let statement = settriggerorder(trigger, order, &f.said("event"));
        trigger.statements.push(statement);
    }
    Ok(())
}

pub(super) fn settriggerorder(trigger: &Made, order: &str, event: &str) -> String {
    let database = trigger.kind == "database trigger";
    let quoted = if database { ident(&trigger.own) } else { qualified(&trigger.schema, &trigger.own) };
    let namespace = if database { ", @namespace = 'DATABASE'" } else { "" };
    format!("EXEC sp_settriggerorder @triggername = {}, @order = '{order}', @stmttype = '{event}'{namespace}", literal(&quoted))
}
