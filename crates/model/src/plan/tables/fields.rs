//! What happens to each field: packs first, in order, then the column's own decision. Does not own which rows travel.

use super::conditions::{applies, both};
use super::domains::Links;
use super::lex::{Token, lex, whole};
use super::{Built, placed};
use crate::catalog::{Catalog, Column, EngineKind, Family, Generation};
use crate::columns::names::{decisions_of, listed, place, suggest_column};
use crate::columns::{Decision, Treatment};
use crate::finding::Finding;
use crate::mask::MaskRule;
use crate::plan::FieldAction;
use crate::program::{Origin, PackAction, PackRule, Program};

/// What a decision is read against.
pub(super) struct Scope<'a> {
    pub program: &'a Program,
    pub catalog: &'a Catalog,
    pub links: &'a Links,
}

/// Adds the rules of every column.
pub(super) fn resolve(scope: &Scope<'_>, packs: &[&PackRule], b: &mut Built<'_>, findings: &mut Vec<Finding>) {
    let engine = scope.catalog.engine;
    for rule in packs {
        let when = applies(engine, rule.when.as_deref(), rule.unless.as_deref());
        match &rule.action {
            PackAction::Blank { columns } => {
                for (at, column) in present(b, columns.iter()) {
                    match blank(engine, &column) {
                        Ok(action) => b.push(at, when.clone(), action, Some(&rule.origin)),
                        Err(()) => {
                            let hint = "use the action `set` with a value that means nothing";
                            findings.push(no_empty_value(scope, b, &column, &rule.origin).hint(hint));
                            b.push(at, when.clone(), FieldAction::Null, Some(&rule.origin));
                        }
                    }
                }
            }
            PackAction::Set { values } => {
                for (at, column) in present(b, values.keys()) {
                    let sql = values[&column.name].trim();
                    if let Err(why) = constant(engine, sql, b) {
                        let message = format!("the value for `{}` is not a constant: {why}", b.named(scope.catalog, &column.name));
                        findings.push(Finding::error("GR0366", message).at(place(&rule.origin)));
                    }
                    b.push(at, when.clone(), FieldAction::Constant(sql.to_owned()), Some(&rule.origin));
                }
            }
            PackAction::Mask { columns } => {
                for (at, column) in present(b, columns.keys()) {
                    decide(scope, b, at, &column, &columns[&column.name], when.clone(), findings);
                }
            }
            PackAction::Empty | PackAction::Delete | PackAction::Statement { .. } => {}
        }
    }
    let decisions = decisions_of(scope.program, scope.catalog, b.table);
    for at in 0..b.copy.columns.len() {
        let column = described(b, at);
        match decisions.get(column.name.as_str()).filter(|d| !d.after_upgrade) {
            Some(decision) => decide(scope, b, at, &column, decision, None, findings),
            // Nobody decided: `columns::check` stops the run; should it not have been asked, nothing leaks.
            None => b.push(at, None, FieldAction::Null, None),
        }
    }
}

fn described(b: &Built<'_>, at: usize) -> Column {
    b.table.column(&b.copy.columns[at].name).expect("the copy's columns come from the table").clone()
}

/// The named columns that are copied; missing ones are reported once for the whole pack.
fn present<'n>(b: &Built<'_>, names: impl Iterator<Item = &'n String>) -> Vec<(usize, Column)> {
    names.filter_map(|n| b.index(n)).map(|at| (at, described(b, at))).collect()
}

fn decide(
    scope: &Scope<'_>,
    b: &mut Built<'_>,
    at: usize,
    column: &Column,
    decision: &Decision,
    within: Option<String>,
    findings: &mut Vec<Finding>,
) {
    let engine = scope.catalog.engine;
    let origin = &decision.origin;
    for sql in decision.when.iter().chain(&decision.unless) {
        if let Err(why) = whole(engine, sql) {
            let message = format!("the condition on `{}` is not one expression: {why}", b.named(scope.catalog, &column.name));
            findings.push(Finding::error("GR0366", message).at(place(origin)));
        }
    }
    let when = both(within, applies(engine, decision.when.as_deref(), decision.unless.as_deref()));
    let action = match &decision.treatment {
        Treatment::Keep => FieldAction::Keep,
        Treatment::Null => {
            if !column.nullable {
                let message = format!("`{}` may not be NULL", b.named(scope.catalog, &column.name));
                findings.push(Finding::error("GR0360", message).at(place(origin)).hint("decide `clear`, `default` or a mask instead"));
            }
            FieldAction::Null
        }
        Treatment::Clear => match empty_value(engine, column) {
            Some(sql) => FieldAction::Constant(sql.to_owned()),
            None => {
                findings.push(no_empty_value(scope, b, column, origin).hint("decide `null`, `default` or a mask instead"));
                FieldAction::Null
            }
        },
        Treatment::Default => default_of(scope, b, column, origin, findings),
        Treatment::Mask { rule, domain, identity } => {
            let rule = with_words(scope, b, column, rule, origin, findings);
            let domain = domain.clone().unwrap_or_else(|| scope.links.default_domain(scope.catalog, &rule.name, b.table, &column.name));
            let identity = identity.as_deref().and_then(|name| {
                let found = b.index(name);
                if found.is_none() {
                    findings.push(identity_missing(scope, b, column, name, origin));
                }
                found
            });
            FieldAction::Mask { rule, domain, identity }
        }
    };
    b.push(at, when, action, Some(origin));
}

fn blank(engine: EngineKind, column: &Column) -> Result<FieldAction, ()> {
    if column.nullable {
        return Ok(FieldAction::Null);
    }
    empty_value(engine, column).map(|sql| FieldAction::Constant(sql.to_owned())).ok_or(())
}

/// The literal that means empty for a column, where its type has one.
fn empty_value(engine: EngineKind, column: &Column) -> Option<&'static str> {
    match (column.family, engine) {
        (Family::Text | Family::Any, _) => Some("''"),
        (Family::Bytes, EngineKind::Postgres) => Some("''"),
        (Family::Bytes, EngineKind::Mssql) => Some("0x"),
        (Family::Bytes, _) => Some("x''"),
        (Family::Json | Family::TextArray, _) => Some("'{}'"),
        (Family::Other, EngineKind::Postgres) => match column.native_type.to_lowercase().as_str() {
            t if t.ends_with("[]") => Some("'{}'"),
            "tsvector" | "hstore" | "xml" | "ltree" => Some("''"),
            _ => None,
        },
        (Family::Other, EngineKind::Mssql) if column.native_type.eq_ignore_ascii_case("xml") => Some("''"),
        _ => None,
    }
}

fn no_empty_value(scope: &Scope<'_>, b: &Built<'_>, column: &Column, origin: &Origin) -> Finding {
    let message = format!("`{}` has type `{}`, which has no empty value", b.named(scope.catalog, &column.name), column.native_type);
    Finding::error("GR0361", message).at(place(origin))
}

fn default_of(scope: &Scope<'_>, b: &Built<'_>, column: &Column, origin: &Origin, findings: &mut Vec<Finding>) -> FieldAction {
    let named = b.named(scope.catalog, &column.name);
    let numbered = matches!(column.generated, Some(Generation::IdentityAlways | Generation::IdentityByDefault));
    match column.default.as_deref().map(str::trim) {
        Some(sql) if !numbered && !calls_sequence(scope.catalog.engine, sql) => return FieldAction::Constant(sql.to_owned()),
        None if column.nullable && !numbered => return FieldAction::Null,
        None if !numbered => {
            let message = format!("`{named}` has no default and may not be NULL");
            findings.push(Finding::error("GR0362", message).at(place(origin)).hint("decide `clear` or a mask instead"));
        }
        _ => {
            let message = format!("the default of `{named}` counts upwards, so it is not one value");
            findings.push(Finding::error("GR0362", message).at(place(origin)).hint("decide `keep` for keys that mean nothing, or a mask"));
        }
    }
    FieldAction::Null
}

fn calls_sequence(engine: EngineKind, sql: &str) -> bool {
    let Ok(tokens) = lex(engine, sql) else { return true };
    // `next value for s` is SQL Server's, and MariaDB's besides `nextval(s)`.
    let standard = tokens.windows(3).any(|w| w[0].is("next") && w[1].is("value") && w[2].is("for"));
    standard || tokens.iter().any(|t| ["nextval", "setval", "currval", "lastval"].iter().any(|f| t.is(f)))
}

/// Words that stand for values, not for columns, even where a column bears the name.
const VALUE_WORDS: &[&str] = &["true", "false", "null", "current_date", "current_time", "current_timestamp", "date", "time", "timestamp"];

/// A constant must be whole and must not read the row.
fn constant(engine: EngineKind, sql: &str, b: &Built<'_>) -> Result<(), String> {
    whole(engine, sql).map_err(str::to_owned)?;
    let tokens = lex(engine, sql).map_err(str::to_owned)?;
    for (at, token) in tokens.iter().enumerate() {
        let called = tokens.get(at + 1) == Some(&Token::Symbol('('));
        let cast = at > 0 && tokens[at - 1] == Token::Symbol(':');
        let value = VALUE_WORDS.iter().any(|w| token.is(w));
        let column = b.table.columns.iter().find(|c| token.names(&c.name));
        if let Some(c) = column.filter(|_| !called && !cast && !value) {
            return Err(format!("it reads column `{}`", c.name));
        }
    }
    Ok(())
}

fn identity_missing(scope: &Scope<'_>, b: &Built<'_>, column: &Column, name: &str, origin: &Origin) -> Finding {
    let named = b.named(scope.catalog, &column.name);
    let f = match b.table.column(name) {
        Some(_) => Finding::error("GR0363", format!("identity `{name}` of `{named}` is computed and is not copied")),
        None => Finding::error("GR0363", format!("identity `{name}` of `{named}` does not exist in the table")),
    };
    let f = placed(f, Some(place(origin)));
    match suggest_column(b.table, name) {
        Some(near) if near != name => f.hint(format!("did you mean `{near}`?")),
        _ => f.hint("name the column that identifies the person, usually the primary key"),
    }
}

/// Puts a named word list of the program into the rule, so that the mask needs nothing but its rule.
fn with_words(
    scope: &Scope<'_>,
    b: &Built<'_>,
    column: &Column,
    rule: &MaskRule,
    origin: &Origin,
    findings: &mut Vec<Finding>,
) -> MaskRule {
    let mut rule = rule.clone();
    let Some(name) = rule.params.get("name").and_then(|n| n.as_str()).filter(|_| rule.name == "dictionary").map(str::to_owned) else {
        return rule;
    };
    match scope.program.masks.dictionaries.get(&name) {
        Some(words) => {
            rule.params.remove("name");
            rule.params.insert("values".into(), words.iter().map(String::as_str).collect());
        }
        None => {
            let known: Vec<&String> = scope.program.masks.dictionaries.keys().collect();
            let message = format!("`{}` names dictionary `{name}`, which the program does not have", b.named(scope.catalog, &column.name));
            let hint = if known.is_empty() {
                format!("put the words into `dictionaries/{name}.txt`, one a line")
            } else {
                format!("known are {}; or put the words into `dictionaries/{name}.txt`, one a line", listed(&known, 8))
            };
            findings.push(Finding::error("GR0364", message).at(place(origin)).hint(hint));
        }
    }
    rule
}
