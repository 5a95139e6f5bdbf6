//! What SQLite's errors become: a kind, the extended result code, and only such words as cannot hold a row value (P11).
//!
//! Compile-time messages speak of SQL text and schema names. Run-time messages may quote data (`RAISE` with an expression, JSON paths,
//! FTS5 queries), so only known shapes of them pass; the rest is replaced by the result code's own description.

use crate::error::{EngineError, ErrorKind};
use rusqlite::ffi;

/// Turns an error of the driver into ours.
pub(super) fn failed(attempted: impl Into<String>, error: &rusqlite::Error) -> EngineError {
    let attempted = attempted.into();
    let (extended, message, compiling) = match error {
        rusqlite::Error::SqliteFailure(e, m) => (e.extended_code, m.as_deref().unwrap_or(""), false),
        rusqlite::Error::SqlInputError { error, msg, .. } => (error.extended_code, msg.as_str(), true),
        rusqlite::Error::Utf8Error(..) | rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..) => {
            return EngineError::new(ErrorKind::Data, attempted, "a value is not of the type that was expected");
        }
        rusqlite::Error::QueryReturnedNoRows => return EngineError::new(ErrorKind::Statement, attempted, "the query returned no rows"),
        rusqlite::Error::NulError(_) => return EngineError::new(ErrorKind::Statement, attempted, "the SQL contains a NUL character"),
        rusqlite::Error::MultipleStatement => {
            return EngineError::new(ErrorKind::Statement, attempted, "there is more than one statement where one was expected");
        }
        // Other variants are misuse of the driver by us; their text may carry SQL, so it stays out.
        _ => return EngineError::other(attempted, "the SQLite driver refused the call"),
    };
    let kind = kind(extended);
    let text = if compiling { compile_message(message) } else { run_message(extended, message) };
    let mut e = EngineError::new(kind, attempted, text).code(code_name(extended));
    if let Some(object) = object(extended, message) {
        e = e.object(object);
    }
    match hint(extended) {
        Some(h) => e.hint(h),
        None => e,
    }
}

fn kind(extended: i32) -> ErrorKind {
    match extended & 0xff {
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => ErrorKind::Transient,
        ffi::SQLITE_FULL => ErrorKind::Full,
        ffi::SQLITE_READONLY | ffi::SQLITE_PERM | ffi::SQLITE_CANTOPEN | ffi::SQLITE_AUTH => ErrorKind::Denied,
        ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB | ffi::SQLITE_CONSTRAINT | ffi::SQLITE_MISMATCH | ffi::SQLITE_TOOBIG => ErrorKind::Data,
        ffi::SQLITE_INTERRUPT => ErrorKind::Cancelled,
        ffi::SQLITE_ERROR => ErrorKind::Statement,
        _ => ErrorKind::Other,
    }
}

/// SQLite's name of a result code, as its documentation spells it.
fn code_name(extended: i32) -> String {
    let name = match extended {
        ffi::SQLITE_CONSTRAINT_UNIQUE => "SQLITE_CONSTRAINT_UNIQUE",
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY => "SQLITE_CONSTRAINT_PRIMARYKEY",
        ffi::SQLITE_CONSTRAINT_ROWID => "SQLITE_CONSTRAINT_ROWID",
        ffi::SQLITE_CONSTRAINT_NOTNULL => "SQLITE_CONSTRAINT_NOTNULL",
        ffi::SQLITE_CONSTRAINT_CHECK => "SQLITE_CONSTRAINT_CHECK",
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => "SQLITE_CONSTRAINT_FOREIGNKEY",
        ffi::SQLITE_CONSTRAINT_TRIGGER => "SQLITE_CONSTRAINT_TRIGGER",
        ffi::SQLITE_CONSTRAINT_DATATYPE => "SQLITE_CONSTRAINT_DATATYPE",
        ffi::SQLITE_READONLY_ROLLBACK => "SQLITE_READONLY_ROLLBACK",
        ffi::SQLITE_READONLY_RECOVERY => "SQLITE_READONLY_RECOVERY",
        ffi::SQLITE_READONLY_DBMOVED => "SQLITE_READONLY_DBMOVED",
        ffi::SQLITE_BUSY => "SQLITE_BUSY",
        ffi::SQLITE_LOCKED => "SQLITE_LOCKED",
        ffi::SQLITE_FULL => "SQLITE_FULL",
        ffi::SQLITE_NOTADB => "SQLITE_NOTADB",
        ffi::SQLITE_CORRUPT => "SQLITE_CORRUPT",
        ffi::SQLITE_CANTOPEN => "SQLITE_CANTOPEN",
        ffi::SQLITE_AUTH => "SQLITE_AUTH",
        ffi::SQLITE_INTERRUPT => "SQLITE_INTERRUPT",
        ffi::SQLITE_MISMATCH => "SQLITE_MISMATCH",
        ffi::SQLITE_ERROR => "SQLITE_ERROR",
        other => return format!("SQLITE {other}"),
    };
    name.to_owned()
}

/// The names after the colon of `UNIQUE constraint failed: t.a, t.b`.
fn object(extended: i32, message: &str) -> Option<String> {
    match extended {
        ffi::SQLITE_CONSTRAINT_UNIQUE
        | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        | ffi::SQLITE_CONSTRAINT_NOTNULL
        | ffi::SQLITE_CONSTRAINT_ROWID => message.split_once("constraint failed: ").map(|(_, names)| names.to_owned()),
        _ => None,
    }
}

fn hint(extended: i32) -> Option<&'static str> {
    Some(match extended {
        ffi::SQLITE_READONLY_ROLLBACK | ffi::SQLITE_READONLY_RECOVERY => {
            "its last writer was interrupted; open it once with the application (or `sqlite3 FILE .tables`), which repairs it, then try again"
        }
        ffi::SQLITE_NOTADB => "check the path; an encrypted database has to be decrypted into a file of its own first",
        ffi::SQLITE_CONSTRAINT_CHECK => {
            "either the source holds rows that break this check already (`PRAGMA integrity_check` there lists them) or a mask or constant breaks it"
        }
        ffi::SQLITE_BUSY => "another program holds a lock on the file; close it or try again later",
        ffi::SQLITE_CONSTRAINT_TRIGGER => {
            "look at the RAISE() calls of the table's triggers; their text is not shown because it may quote rows"
        }
        _ => return None,
    })
}

fn compile_message(message: &str) -> String {
    // An unterminated literal is quoted to its end.
    if message.starts_with("unrecognized token") { "unrecognized token".to_owned() } else { message.to_owned() }
}

fn run_message(extended: i32, message: &str) -> String {
    /// Run-time messages made of schema names and fixed words only.
    const SAFE: [&str; 16] = [
        "no such ",
        "error in ",
        "table ",
        "index ",
        "duplicate column name",
        "UNIQUE constraint failed",
        "NOT NULL constraint failed",
        "CHECK constraint failed",
        "FOREIGN KEY constraint failed",
        "cannot store ",
        "malformed JSON",
        "integer overflow",
        "datatype mismatch",
        "database is locked",
        "file is not a database",
        "Cannot add a ",
    ];
    // Since SQLite 3.47 the text of RAISE() is an expression over the row.
    if extended == ffi::SQLITE_CONSTRAINT_TRIGGER {
        return "a trigger raised an error".to_owned();
    }
    if extended & 0xff == ffi::SQLITE_AUTH {
        return "the statement is not allowed here".to_owned();
    }
    if SAFE.iter().any(|p| message.starts_with(p)) { message.to_owned() } else { ffi::code_to_str(extended).to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    #[test]
    fn a_raised_text_that_quotes_a_row_is_not_shown() {
        let c = Connection::open_in_memory().unwrap();
        c.execute_batch("CREATE TABLE t(a); CREATE TRIGGER g BEFORE INSERT ON t BEGIN SELECT RAISE(ABORT, 'duplicate ' || NEW.a); END;")
            .unwrap();
        let e = failed("x", &c.execute("INSERT INTO t VALUES('ann@example.org')", []).unwrap_err());
        assert!(!format!("{e} {e:?}").contains("ann@"), "{e:?}");
        assert_eq!(e.native_code.as_deref(), Some("SQLITE_CONSTRAINT_TRIGGER"));
    }

    #[test]
    fn a_json_path_from_data_is_not_shown() {
        let c = Connection::open_in_memory().unwrap();
        let e = c.query_row("SELECT json_extract('{}', a) FROM (SELECT 'ann@example.org' AS a)", [], |_| Ok(())).unwrap_err();
        assert!(!format!("{:?}", failed("x", &e)).contains("ann@"));
    }

    #[test]
    fn constraints_name_their_columns() {
        let c = Connection::open_in_memory().unwrap();
        c.execute_batch("CREATE TABLE t(a UNIQUE); INSERT INTO t VALUES('ann')").unwrap();
        let e = failed("x", &c.execute("INSERT INTO t VALUES('ann')", []).unwrap_err());
        assert_eq!((e.kind, e.object.as_deref()), (ErrorKind::Data, Some("t.a")));
    }

    #[test]
    fn an_unterminated_literal_is_not_shown() {
        let c = Connection::open_in_memory().unwrap();
        let e = failed("x", &c.prepare("SELECT 'ann@example.org").map(|_| ()).unwrap_err());
        assert_eq!(e.kind, ErrorKind::Statement);
        assert!(!format!("{e:?}").contains("ann@"), "{e:?}");
    }
}
