//! What unique keys and the conditions of partial indexes say, as far as it can be read from their definitions. Does not own the proof
//! that they hold (`unique`).

use super::expression::is_exact_collation;
use super::lex::{Token, lex};
use crate::catalog::{EngineKind, Index, IndexPart, Table};

/// Unique indexes, and the primary key where no index of its own is listed (SQLite's rowid).
pub(super) fn unique_keys(table: &Table) -> Vec<Index> {
    let mut keys: Vec<Index> = table.indexes.iter().filter(|i| i.unique || i.primary).cloned().collect();
    if !table.primary_key.is_empty() && !keys.iter().any(|k| k.primary) {
        keys.push(Index {
            name: "primary key".into(),
            unique: true,
            primary: true,
            parts: table.primary_key.iter().cloned().map(IndexPart::Column).collect(),
            predicate: None,
            definition: String::new(),
        });
    }
    keys
}

/// What stands inside parentheses that enclose all tokens.
pub(super) fn parenthesised(tokens: &[Token]) -> Option<&[Token]> {
    let [Token::Symbol('('), inside @ .., Token::Symbol(')')] = tokens else { return None };
    let mut depth = 0i32;
    let closes_early = inside.iter().any(|t| {
        depth += i32::from(*t == Token::Symbol('(')) - i32::from(*t == Token::Symbol(')'));
        depth < 0
    });
    (!closes_early).then_some(inside)
}

/// The terms of a conjunction; `None` if it is none, or if `or`, `not`, `between` or `case` outside parentheses make the reading unsafe.
pub(super) fn split_at_and(tokens: &[Token]) -> Option<Vec<&[Token]>> {
    let mut depth = 0i32;
    let mut terms = Vec::new();
    let mut start = 0;
    for (at, t) in tokens.iter().enumerate() {
        depth += i32::from(*t == Token::Symbol('(')) - i32::from(*t == Token::Symbol(')'));
        if depth == 0 && ["or", "between", "case"].iter().any(|w| t.is(w)) {
            return None;
        }
        if depth == 0 && t.is("and") {
            terms.push(&tokens[start..at]);
            start = at + 1;
        }
    }
    terms.push(&tokens[start..]);
    (terms.len() > 1).then_some(terms)
}

/// Whether the index takes NULL in the column for a value like any other: with PostgreSQL's `NULLS NOT DISTINCT`, and always on SQL Server, unless
/// the index's condition keeps NULL out.
pub(super) fn nulls_count(engine: EngineKind, index: &Index, column: &str) -> bool {
    let excluded = || index.predicate.as_deref().and_then(|p| lex(engine, p).ok()).is_some_and(|tokens| excludes_null(&tokens, column));
    index.definition.to_lowercase().contains("nulls not distinct") || (engine == EngineKind::Mssql && !excluded())
}

/// Whether a condition holds for no row in which the column is NULL, as far as it says so plainly.
fn excludes_null(tokens: &[Token], column: &str) -> bool {
    if let Some(inside) = parenthesised(tokens) {
        return excludes_null(inside, column);
    }
    if let Some(terms) = split_at_and(tokens) {
        return terms.iter().any(|t| excludes_null(t, column));
    }
    matches!(tokens, [name, is, not, null] if name.names(column) && is.is("is") && not.is("not") && null.is("null"))
}

/// Whether an index's definition names a collation that may make different values equal.
pub(super) fn names_loose_collation(engine: EngineKind, definition: &str) -> bool {
    let Ok(tokens) = lex(engine, definition) else { return true };
    let named = tokens.iter().enumerate().filter(|(_, t)| t.is("collate")).filter_map(|(at, _)| tokens.get(at + 1..));
    named.into_iter().any(|rest| {
        let last_part = if rest.get(1) == Some(&Token::Symbol('.')) { rest.get(2) } else { rest.first() };
        !matches!(last_part, Some(Token::Word(w) | Token::Quoted(w)) if is_exact_collation(w))
    })
}

/// Whether the engine keeps NULL out of the column. SQLite's primary keys take NULL unless they are the rowid or the table has none.
pub(super) fn never_null(engine: EngineKind, table: &Table, column: &str) -> bool {
    let Some(c) = table.column(column) else { return false };
    let key = table.primary_key.iter().any(|k| k == column);
    let rowid = table.primary_key.len() == 1 && c.native_type.eq_ignore_ascii_case("integer");
    !c.nullable || (key && (engine != EngineKind::Sqlite || rowid || table.properties.contains_key("without_rowid")))
}
