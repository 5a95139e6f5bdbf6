//! A server that speaks TDS (SQL Server, Babelfish), which no package here brings: named by the environment, or the test says that it was
//! skipped. Owns the databases that a test makes there, and drops them; does not own the server.

mod database;
mod server;

pub use database::Database;
pub use server::{Scratch, Server};

/// The variable with the server's URL, `mssql://LOGIN@HOST:PORT[?tls=require]`.
pub const URL: &str = "GREENROOM_TEST_MSSQL";
/// The variable with the login's password.
pub const PASSWORD: &str = "GREENROOM_TEST_MSSQL_PASSWORD";

/// The server's URL, if one is named.
pub fn url() -> Option<String> {
    std::env::var(URL).ok().filter(|url| !url.is_empty())
}

/// The URL of the server that speaks TDS; without one the test ends as skipped.
#[macro_export]
macro_rules! mssql {
    () => {
        match $crate::tds::url() {
            Some(url) => url,
            None => $crate::skip!(
                "SQL Server: no server of it can be installed here; name one in {} (and its password in {})",
                $crate::tds::URL,
                $crate::tds::PASSWORD
            ),
        }
    };
}
