//! Turns driver errors into [`EngineError`] without letting a row value through (P11). Owns what of a server's message may be shown.
//!
//! Messages of MariaDB and MySQL quote rows (`Duplicate entry 'ann@x' for key 'email'`), so the text is never shown. From a few messages
//! whose form is fixed the name of an object is taken; every other is replaced by words that hold for every row.

use crate::error::{EngineError, ErrorKind, Result};
use mysql_async::Error;

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
pub(crate) fn code(e: &Error) -> Option<u16> {
    match e {
        Error::Server(s) => Some(s.code),
        _ => None,
    }
}

/// Maps a driver's error.
pub(crate) fn mapped(e: &Error, attempted: impl Into<String>) -> EngineError {
    let attempted = attempted.into();
    match e {
        Error::Server(s) => {
            let mut mapped = EngineError::new(kind_of(s.code), attempted, meaning(s.code)).code(format!("{} ({})", s.code, s.state));
            if let Some(object) = object(s.code, &s.message) {
                mapped = mapped.object(object);
            }
            mapped
        }
        // The operating system's words; they hold no rows.
        Error::Io(mysql_async::IoError::Io(io)) => {
            EngineError::new(ErrorKind::Lost, attempted, format!("the connection is gone: {}", io.kind()))
        }
        Error::Io(other) => EngineError::new(ErrorKind::Lost, attempted, other.to_string()),
        Error::Driver(mysql_async::DriverError::ConnectionClosed) => EngineError::new(ErrorKind::Lost, attempted, "the connection is gone"),
        // Conversions carry the row in their text.
        _ => EngineError::new(ErrorKind::Other, attempted, "the driver could not understand the server"),
    }
}

/// Portable kind of an error number.
pub(crate) fn kind_of(code: u16) -> ErrorKind {
    match code {
        1053 | 1077 | 1079 | 1152 | 1158..=1161 | 1184 | 1927 | 2006 | 2013 | 4031 => ErrorKind::Lost,
        1040 | 1203 | 1205 | 1213 | 1412 | 1637 | 3572 | 3024 | 1969 => ErrorKind::Transient,
        1317 => ErrorKind::Cancelled,
        1021 | 1114 | 1041 | 1037 | 1038 => ErrorKind::Full,
        1044 | 1045 | 1130 | 1142 | 1143 | 1227 | 1370 | 1410 | 1698 | 1290 | 1419 | 3879 => ErrorKind::Denied,
        1007 | 1050 | 1304 | 1359 | 1537 | 1826 | 1061 | 1022 | 4136 => ErrorKind::Conflict,
        1062 | 1048 | 1216 | 1217 | 1264 | 1265 | 1292 | 1364 | 1366 | 1406 | 1451 | 1452 | 1557 | 1586 | 1690 | 3819 | 4025 | 1644
        | 1242 | 1365 | 1411 | 1263 | 1300 | 1138 | 3140 | 3141 | 3156 | 1416 => ErrorKind::Data,
        1235 | 1178 | 1286 | 1289 | 1031 | 3948 | 1148 | 4166 => ErrorKind::Unsupported,
        1046
        | 1049
        | 1051
        | 1052
        | 1054
        | 1060
        | 1064
        | 1065
        | 1066
        | 1072
        | 1091
        | 1103
        | 1109
        | 1136
        | 1146
        | 1149
        | 1176
        | 1305
        | 1356
        | 1360
        | 1363
        | 1305..=1330
        | 1005
        | 1215
        | 1067
        | 1068
        | 1069
        | 1071
        | 1075
        | 1101
        | 1111 => ErrorKind::Statement,
        _ => ErrorKind::Other,
    }
}

/// What an error number means, in words that hold for every row.
fn meaning(code: u16) -> &'static str {
    match code {
        1005 => "the table cannot be created",
        1007 | 1050 | 1304 | 1359 | 1537 | 4136 => "something of that name exists already",
        1021 | 1114 => "no room is left",
        1044 | 1142 | 1143 | 1227 | 1370 | 1410 => "a right is missing",
        1045 | 1698 => "the login was refused",
        1040 | 1203 => "the server takes no more connections",
        1046 => "no database is selected",
        1048 | 1364 => "a value is missing where one is required",
        1049 => "the database does not exist",
        1051 | 1146 => "a table does not exist",
        1054 => "a column does not exist",
        1060 => "a column of that name exists already",
        1061 => "a key of that name exists already",
        1062 | 1022 | 1586 => "a unique key is violated",
        1064 | 1149 => "a syntax error",
        1065 => "the statement is empty",
        1067 => "a default is not valid for its column",
        1091 => "what is to be dropped does not exist",
        1130 => "the server does not let this host in",
        1148 | 3948 | 4166 => "`local_infile` is switched off",
        1205 => "a lock was not free in time",
        1213 => "a deadlock",
        1215 | 1216 | 1217 | 1451 | 1452 => "a foreign key is violated or cannot be made",
        1264 | 1690 => "a number is out of range",
        1265 | 1292 | 1366 | 1411 | 1300 => "a value is not valid for its column",
        1290 => "the server runs with an option that forbids it",
        1305 => "a routine does not exist",
        1317 => "the statement was cancelled",
        1356 => "a view names something that does not exist or may not be used",
        1365 => "division by zero",
        1406 => "a value is too long for its column",
        1412 => "the table's definition changed since the snapshot",
        1416 => "a value is no geometry",
        1419 => "the server's binary log lets only administrators create functions and triggers",
        1644 => "the script or a trigger raised an error",
        3819 | 4025 => "a check constraint is violated",
        3140 | 3141 | 3156 => "a value is no valid JSON",
        1053 | 1077 | 1927 | 2006 | 2013 | 4031 => "the connection is gone",
        _ => "the server reported an error",
    }
}

/// The object that a message of fixed form names. Only what stands at a fixed place between quotes is taken, never a value.
fn object(code: u16, message: &str) -> Option<String> {
    let quoted = |text: &str| -> Option<String> {
        let rest = &text[text.find(['\'', '`'])? + 1..];
        Some(rest[..rest.find(['\'', '`'])?].to_owned())
    };
    let last = |after: &str| message.rfind(after).and_then(|at| quoted(&message[at + after.len()..]));
    let named = match code {
        // `Duplicate entry '…' for key 'k'`: a value may hold these very words, hence from the end; the key's name is the last.
        1062 | 1586 => format!("key {}", last("for key ")?),
        // `Column 'c' cannot be null`, `Field 'c' doesn't have a default value`, `Unknown column 'c' in '…'`
        1048 | 1364 | 1054 | 1060 => format!("column {}", quoted(message)?),
        // `Table 'd.t' doesn't exist`
        1146 | 1050 => format!("table {}", quoted(message)?),
        1061 => format!("key {}", quoted(message)?),
        // `Data too long for column 'c' at row 1`, `Out of range value for column 'c' at row 1`
        1406 | 1264 | 1265 => format!("column {}", last("for column ")?),
        1049 => format!("database {}", quoted(message)?),
        1305 => message.split_whitespace().take(2).collect::<Vec<_>>().join(" ").to_lowercase(),
        4025 | 3819 => format!("check {}", quoted(message)?),
        _ => return None,
    };
    Some(named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mysql_async::ServerError;

    fn of(code: u16, message: &str) -> EngineError {
        mapped(&Error::Server(ServerError { code, message: message.to_owned(), state: "HY000".to_owned() }), "load rows")
    }

    #[test]
    fn messages_name_objects_and_never_rows() {
        for (code, message, object) in [
            (1062, "Duplicate entry 'ann@x' for key 'email'", "key email"),
            (1062, "Duplicate entry 'x for key 'ann' for key 'email'", "key email"),
            (1406, "Data too long for column 'name' at row 3", "column name"),
            (1048, "Column 'name' cannot be null", "column name"),
        ] {
            let e = of(code, message);
            assert_eq!(e.object.as_deref(), Some(object), "{message}");
            assert!(!format!("{e:?}{e}").contains("ann"), "{e:?}");
        }
        for (code, message) in [
            (1366, "Incorrect integer value: 'ann@x' for column `d`.`t`.`c` at row 1"),
            (1644, "ann@x is wrong"),
            (1292, "Truncated incorrect DOUBLE value: 'ann'"),
        ] {
            assert!(!format!("{:?}", of(code, message)).contains("ann"));
        }
    }

    #[test]
    fn numbers_map_to_the_kinds_that_retry_code_decides_by() {
        assert_eq!(kind_of(1205), ErrorKind::Transient);
        assert_eq!(kind_of(1927), ErrorKind::Lost);
        assert_eq!(kind_of(1062), ErrorKind::Data);
        assert_eq!(kind_of(1146), ErrorKind::Statement);
    }
}
