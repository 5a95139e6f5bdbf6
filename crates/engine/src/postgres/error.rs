//! Turns driver errors into [`EngineError`] without letting a row value through (P11). Owns what of a server's error may be shown.
//!
//! DETAIL, HINT and CONTEXT quote rows and are never looked at except for their presence; the primary message is shown only for error
//! classes that name objects and nothing else, and only when no function stood between the statement and the error (dynamic SQL can put
//! a row's value where an object's name belongs).

use crate::error::{EngineError, ErrorKind, Result};
use tokio_postgres::error::DbError;

/// Adds what was attempted to a driver's result.
pub(crate) trait Doing<T> {
    /// Maps the error, naming what was attempted.
    fn doing(self, attempted: impl Into<String>) -> Result<T>;
}

impl<T> Doing<T> for std::result::Result<T, tokio_postgres::Error> {
    fn doing(self, attempted: impl Into<String>) -> Result<T> {
        self.map_err(|e| mapped(&e, attempted))
    }
}

impl<T> Doing<T> for Result<T> {
    fn doing(self, attempted: impl Into<String>) -> Result<T> {
        self.map_err(|e| e.while_doing(attempted))
    }
}

/// Maps a driver's error.
pub(crate) fn mapped(e: &tokio_postgres::Error, attempted: impl Into<String>) -> EngineError {
    let attempted = attempted.into();
    if let Some(db) = e.as_db_error() {
        return from_server(db, attempted);
    }
    let io = std::error::Error::source(e).and_then(|s| s.downcast_ref::<std::io::Error>());
    if e.is_closed() || io.is_some() {
        let why = io.map_or_else(|| "the connection is gone".to_owned(), |io| format!("the connection is gone: {}", io.kind()));
        return EngineError::new(ErrorKind::Lost, attempted, why);
    }
    // The remaining kinds (protocol, TLS, authentication set-up, decoding) carry no server text; `Display` leaves the cause out.
    let text = e.to_string();
    let kind = if text.starts_with("error connecting") || text.starts_with("timeout") { ErrorKind::Lost } else { ErrorKind::Other };
    EngineError::new(kind, attempted, text)
}

fn from_server(db: &DbError, attempted: String) -> EngineError {
    let code = db.code().code();
    let message = if may_show(db) { db.message().to_owned() } else { meaning(code).to_owned() };
    let mut e = EngineError::new(kind_of(code), attempted, message).code(code);
    let mut names: Vec<String> = Vec::new();
    match (db.schema(), db.table()) {
        (Some(s), Some(t)) => names.push(format!("table {s}.{t}")),
        (None, Some(t)) => names.push(format!("table {t}")),
        _ => {}
    }
    for (what, name) in [("column", db.column()), ("constraint", db.constraint()), ("type", db.datatype())] {
        if let Some(name) = name {
            names.push(format!("{what} {name}"));
        }
    }
    if names.is_empty()
        && let Some(column) = db.where_().and_then(copy_column)
    {
        names.push(format!("column {column}"));
    }
    if !names.is_empty() {
        e = e.object(names.join(", "));
    }
    e
}

/// The column that a `COPY t, line 3, column c: "value"` context names; nothing of what follows it.
fn copy_column(context: &str) -> Option<&str> {
    let rest = context.strip_prefix("COPY ")?;
    let line = rest.find(", line ")?;
    let column = rest[line..].find(", column ")? + line + ", column ".len();
    let end = rest[column..].find(": ")? + column;
    Some(&rest[column..end])
}

/// Whether the primary message names objects only.
pub(crate) fn may_show(db: &DbError) -> bool {
    let code = db.code().code();
    let named = match &code[..2] {
        "08" | "0A" | "28" | "3D" | "3F" | "53" | "55" | "57" => true,
        // 42601 quotes the script's text, 42804 and 42846 may quote a constant.
        "42" => !matches!(code, "42601" | "42804" | "42846"),
        _ => false,
    };
    named && db.where_().is_none()
}

/// Portable kind of an SQLSTATE.
pub(crate) fn kind_of(code: &str) -> ErrorKind {
    match code {
        "57014" => ErrorKind::Cancelled,
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" => ErrorKind::Lost,
        "53100" => ErrorKind::Full,
        "42501" | "28000" | "28P01" => ErrorKind::Denied,
        "40001" | "40P01" | "55P03" | "53300" | "53400" => ErrorKind::Transient,
        "42P04" | "42P06" | "42P07" | "42710" | "42723" | "55006" => ErrorKind::Conflict,
        _ => match &code[..2] {
            "08" => ErrorKind::Lost,
            "53" => ErrorKind::Full,
            "0A" => ErrorKind::Unsupported,
            "21" | "22" | "23" | "P0" | "44" => ErrorKind::Data,
            "42" | "3F" | "3D" | "2B" | "25" => ErrorKind::Statement,
            _ => ErrorKind::Other,
        },
    }
}

/// What an SQLSTATE means, in words that hold for every row.
fn meaning(code: &str) -> &'static str {
    match code {
        "22001" => "a value is too long for its column",
        "22003" => "a number is out of range",
        "22007" | "22008" => "a value is no valid date or time",
        "22012" => "division by zero",
        "22021" | "22P05" => "a character has no equivalent in the encoding",
        "22P02" | "22P03" | "22P04" => "a value is not valid for its type",
        "23502" => "a value is missing where one is required",
        "23503" => "a foreign key is violated",
        "23505" => "a unique key is violated",
        "23514" => "a check constraint is violated",
        "23P01" => "an exclusion constraint is violated",
        "25006" => "writing is not allowed in a read-only transaction",
        "40001" => "a serialisation failure",
        "40P01" => "a deadlock",
        "42601" => "a syntax error",
        "42804" => "types do not match",
        "42846" => "a value cannot be converted to the type",
        "57014" => "the statement was cancelled",
        "P0001" => "the script or a trigger raised an exception",
        "P0002" => "a query found no row where one was required",
        "P0003" => "a query found more than one row",
        "P0004" => "an assertion failed",
        _ => match &code[..2] {
            "22" => "a value is not valid",
            "23" => "a constraint is violated",
            "42" => "the statement is wrong or names something that does not exist",
            "P0" => "a PL/pgSQL error",
            "XX" => "an internal error of the server",
            _ => "the server reported an error",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_context_gives_the_column_but_not_the_value() {
        assert_eq!(copy_column("COPY client, line 3, column email: \"ann@x\""), Some("email"));
        assert_eq!(copy_column("COPY client, line 3: \"ann@x, column b\""), None);
        assert_eq!(copy_column("SQL statement \"select 1\""), None);
    }

    #[test]
    fn codes_map_to_the_kinds_that_retry_code_decides_by() {
        assert_eq!(kind_of("55P03"), ErrorKind::Transient);
        assert_eq!(kind_of("57P01"), ErrorKind::Lost);
        assert_eq!(kind_of("53100"), ErrorKind::Full);
        assert_eq!(kind_of("23505"), ErrorKind::Data);
        assert_eq!(kind_of("42703"), ErrorKind::Statement);
    }
}
