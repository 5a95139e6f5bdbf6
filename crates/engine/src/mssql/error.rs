//! Turns driver errors into [`EngineError`] without letting a row value through (P11). Owns what of a server's message may be shown.
//!
//! Messages of SQL Server quote rows (`The duplicate key value is (ann@x)`, `Truncated value: 'ann'`), so the text is never shown. From a few
//! messages whose form is fixed the name of an object is taken; every other is replaced by words that hold for every row. Numbers: the
//! manual's "Database Engine events and errors".

use crate::error::{EngineError, ErrorKind, Result};
use tiberius::error::Error;

/// Adds what was attempted to a driver's result.
pub(crate) trait Doing<T> {
    /// Maps the error, naming what was attempted.
    fn doing(self, attempted: impl Into<String>) -> Result<T>;
}

impl<T> Doing<T> for std::result::Result<T, Error> {
    fn doing(self, attempted: impl Into<String>) -> Result<T> {
        self.map_err(|e| mapped(&e, attempted))
    }
}

impl<T> Doing<T> for Result<T> {
    fn doing(self, attempted: impl Into<String>) -> Result<T> {
        self.map_err(|e| e.while_doing(attempted))
    }
}

/// The server's error number, if the server said anything.
pub(crate) fn code(e: &Error) -> Option<u32> {
    e.code()
}

/// What Babelfish answers to everything that it does not know by a number of SQL Server's.
pub(crate) const UNNUMBERED: u32 = 33_557_097;

/// Maps a driver's error.
pub(crate) fn mapped(e: &Error, attempted: impl Into<String>) -> EngineError {
    let attempted = attempted.into();
    match e {
        Error::Server(s) => {
            let code = s.code();
            let missing = code == UNNUMBERED && s.message().contains("supported in Babelfish");
            let (kind, meaning) = if missing {
                (ErrorKind::Unsupported, "Babelfish does not support this statement")
            } else {
                (kind_of(code), meaning(code))
            };
            let mut mapped = EngineError::new(kind, attempted, meaning).code(code.to_string());
            if let Some(object) = object(code, s.message()) {
                mapped = mapped.object(object);
            }
            mapped
        }
        // The operating system's words; they hold no rows.
        Error::Io { kind, .. } => EngineError::new(ErrorKind::Lost, attempted, format!("the connection is gone: {kind}")),
        Error::Tls(_) => EngineError::new(ErrorKind::Lost, attempted, "no encrypted connection came about"),
        Error::Protocol(_) => EngineError::new(ErrorKind::Lost, attempted, "the server said what the driver does not understand"),
        Error::BulkInput(_) => EngineError::new(ErrorKind::Data, attempted, "a value does not fit its column"),
        Error::Encoding(_) => EngineError::new(ErrorKind::Data, attempted, "a text holds a character that the column's code page lacks")
            .hint("see `greenroom explain GR0704`; a Unicode column (`nvarchar`) holds every character"),
        // Conversions carry the row in their text.
        _ => EngineError::new(ErrorKind::Other, attempted, "the driver could not understand the server"),
    }
}

/// The line of the batch that the server complains about, if it says so.
pub(crate) fn line(e: &Error) -> Option<u32> {
    match e {
        // Within a procedure the line is the procedure's.
        Error::Server(s) if s.line() > 0 && s.procedure().is_empty() => Some(s.line()),
        _ => None,
    }
}

/// Portable kind of an error number.
pub(crate) fn kind_of(code: u32) -> ErrorKind {
    match code {
        233 | 596 | 6005 | 10_053 | 10_054 | 10_060 | 17_142 | 40_197 | 40_613 => ErrorKind::Lost,
        1204 | 1205 | 1222 | 1807 | 3702 | 3960 | 3961 | 3952 | 5061 | 5064 | 5070 | 17_809 | 49_918..=49_920 | 40_501 => {
            ErrorKind::Transient
        }
        3617 => ErrorKind::Cancelled,
        1101 | 1105 | 3257 | 5149 | 9002 | 40_544 => ErrorKind::Full,
        229 | 230 | 262 | 297 | 300 | 378 | 916 | 1088 | 4060 | 4064 | 5011 | 6102 | 15_151 | 15_247 | 18_452 | 18_456 | 18_470
        | 21_089 => ErrorKind::Denied,
        1801 | 1913 | 2714 | 2705 | 15_023 | 15_025 | 15_233 => ErrorKind::Conflict,
        220 | 232 | 241 | 242 | 244 | 245 | 248 | 281 | 295 | 515 | 517 | 544 | 547 | 2601 | 2627 | 2628 | 3606 | 6522 | 8114 | 8115
        | 8134 | 8152 | 9420 | 9421 | 13_535 | 1505 | 1508 => ErrorKind::Data,
        code if code >= 50_000 && code != UNNUMBERED => ErrorKind::Data,
        40_510 | 40_515 | 40_517 => ErrorKind::Unsupported,
        102..=110
        | 111
        | 117
        | 128
        | 130
        | 134
        | 135
        | 137
        | 156
        | 170
        | 174
        | 178
        | 195
        | 201
        | 205
        | 206
        | 207
        | 208
        | 209
        | 213
        | 217
        | 263
        | 264
        | 266
        | 319
        | 343
        | 402
        | 468
        | 911
        | 1700..=1799
        | 1902..=1912
        | 1914..=1950
        | 2715
        | 2812
        | 3701
        | 3728
        | 3729
        | 3902
        | 3903
        | 4104
        | 4121
        | 4413
        | 4502
        | 4512
        | 4901..=4947
        | 8120
        | 8155
        | 10_700..=10_799 => ErrorKind::Statement,
        _ => ErrorKind::Other,
    }
}

/// What an error number means, in words that hold for every row.
fn meaning(code: u32) -> &'static str {
    match code {
        102 | 156 | 170 | 319 => "a syntax error",
        105 => "a string is not closed",
        137 => "a variable is not declared in this batch",
        207 => "a column does not exist",
        208 => "a table or view does not exist",
        213 => "the number of values is not the number of columns",
        220 | 232 | 8115 => "a number is out of range",
        229 | 230 | 262 | 297 | 300 | 378 | 15_247 => "a right is missing",
        233 | 596 | 10_053 | 10_054 => "the connection is gone",
        241 | 242 | 295 => "a value is no date of the column's type",
        245 | 8114 => "a value cannot be converted to the type that is asked for",
        266 | 3902 | 3903 => "`BEGIN TRANSACTION` and `COMMIT` or `ROLLBACK` do not match",
        515 => "a value is missing where one is required",
        544 => "a value was given for an identity column",
        547 => "a foreign key or a check is violated",
        911 => "the database does not exist",
        916 | 4060 | 4064 => "the login may not use the database, or it does not exist",
        1101 | 1105 | 5149 | 40_544 => "no room is left",
        1205 => "a deadlock",
        1222 => "a lock was not free in time",
        1505 | 1508 | 2601 | 2627 => "a unique key is violated",
        1801 => "a database of that name exists already",
        1807 => "another session is creating a database at this moment",
        1913 | 2714 | 2705 => "something of that name exists already",
        2628 | 8152 => "a value is too long for its column",
        2715 => "a type does not exist",
        2812 => "a procedure does not exist",
        3701 => "what is to be dropped does not exist or may not be dropped",
        3702 | 5061 | 5064 | 5070 => "the database is in use",
        3728 => "a constraint of that name does not exist",
        3952 => "snapshot isolation is switched off in this database",
        3960 => "rows changed since the snapshot",
        3961 => "a table's definition changed since the snapshot",
        4121 => "a function does not exist",
        8134 => "division by zero",
        9002 => "the transaction log is full",
        9420 | 9421 => "a value is no valid XML",
        15_023 => "a user of that name exists already",
        15_151 => "what is named does not exist, or a right is missing",
        15_233 => "a property of that name exists already",
        18_452 | 18_456 => "the login was refused",
        18_470 => "the login is disabled",
        code if code >= 50_000 && code != UNNUMBERED => "the script or a trigger raised an error",
        _ => "the server reported an error",
    }
}

/// The object that a message of fixed form names. Only what stands at a fixed place between quotes is taken, never a value.
fn object(code: u32, message: &str) -> Option<String> {
    // Forms of the English messages; sessions of ours speak English.
    let nth = |n: usize, mark: char| -> Option<String> { message.split(mark).nth(2 * n + 1).map(str::to_owned) };
    Some(match code {
        // `Violation of UNIQUE KEY constraint 'UQ'. Cannot insert duplicate key in object 'dbo.t'. The duplicate key value is (…).`
        2627 => format!("key {}", nth(0, '\'')?),
        // `Cannot insert duplicate key row in object 'dbo.t' with unique index 'ix'. The duplicate key value is (…).`
        2601 => format!("index {}", nth(1, '\'')?),
        // `The CREATE UNIQUE INDEX statement terminated because a duplicate key was found for the object name 'dbo.t' and the index name 'ix'. …`
        1505 => format!("index {}", nth(1, '\'')?),
        // `Cannot insert the value NULL into column 'c', table 'd.dbo.t'; column does not allow nulls. …`
        515 => format!("column {}", nth(0, '\'')?),
        // `The INSERT statement conflicted with the CHECK constraint "ck". The conflict occurred in database "d", table "dbo.t".`
        547 => format!("constraint {}", nth(0, '"')?),
        // `String or binary data would be truncated in table 'd.dbo.t', column 'c'. Truncated value: '…'.`
        2628 => format!("column {}", nth(1, '\'')?),
        207 | 208 | 2714 | 2812 | 4121 | 3728 | 911 | 1801 | 15_023 => nth(0, '\'').or_else(|| nth(0, '"'))?,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_objects_and_never_rows() {
        for (code, message, name) in [
            (
                2627,
                "Violation of UNIQUE KEY constraint 'UQ_mail'. Cannot insert duplicate key in object 'dbo.t'. The duplicate key value is (ann@x).",
                "key UQ_mail",
            ),
            (
                2601,
                "Cannot insert duplicate key row in object 'dbo.t' with unique index 'ix_mail'. The duplicate key value is (ann's).",
                "index ix_mail",
            ),
            (
                515,
                "Cannot insert the value NULL into column 'name', table 'd.dbo.t'; column does not allow nulls. INSERT fails.",
                "column name",
            ),
            (
                547,
                "The INSERT statement conflicted with the CHECK constraint \"ck_x\". The conflict occurred in database \"d\".",
                "constraint ck_x",
            ),
            (2628, "String or binary data would be truncated in table 'd.dbo.t', column 'name'. Truncated value: 'ann'.", "column name"),
        ] {
            let found = object(code, message).unwrap();
            assert_eq!(found, name);
            assert!(!found.contains("ann"));
        }
        for (code, message) in
            [(245, "Conversion failed when converting the varchar value 'ann' to data type int."), (50_000, "ann is wrong")]
        {
            assert_eq!(object(code, message), None);
            assert!(!meaning(code).contains("ann "));
        }
    }

    #[test]
    fn numbers_map_to_the_kinds_that_retry_code_decides_by() {
        for (code, kind) in [
            (1205, ErrorKind::Transient),
            (1222, ErrorKind::Transient),
            (596, ErrorKind::Lost),
            (2627, ErrorKind::Data),
            (208, ErrorKind::Statement),
            (9002, ErrorKind::Full),
            (18_456, ErrorKind::Denied),
            (2714, ErrorKind::Conflict),
            (50_001, ErrorKind::Data),
            (UNNUMBERED, ErrorKind::Other),
        ] {
            assert_eq!(kind_of(code), kind, "{code}");
        }
    }
}
