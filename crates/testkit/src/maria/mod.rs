//! Real MariaDB servers for tests. Owns finding the binaries, starting and ending servers, and fresh databases; does not own what a test
//! connects with.
//!
//! ```no_run
//! let server = greenroom_testkit::mariadb!(); // skips loudly where no server is installed
//! let database = server.database("orders");
//! database.run("create table client (id int primary key)");
//! assert_eq!(database.query("select count(*) from client"), "0");
//! ```
//!
//! No service of the system is touched: each process has a server in a folder of its own, which lives as long as the process, however that
//! ends (`watch.sh`). Unix only so far.

mod binaries;
mod database;
mod server;
mod template;

pub use binaries::{BIN, Binaries, Missing};
pub use database::Database;
pub use server::Server;

use std::sync::OnceLock;

/// Objects of every kind that these servers have, as a script of the client; `set @rows = …` before it says about how many rows.
pub const OBJECTS: &str = include_str!("../../data/objects.mariadb.sql");

/// A query that writes the `columns.toml` for them, line by line.
pub const COLUMNS: &str = include_str!("../../data/objects.mariadb.columns.sql");

/// The server that all tests of this process share; each takes a [`Server::database`] of its own.
///
/// # Errors
/// No MariaDB is installed. A server that is installed and does not start is a panic, as that is no reason to skip.
pub fn shared() -> Result<&'static Server, Missing> {
    static SHARED: OnceLock<Result<Server, Missing>> = OnceLock::new();
    SHARED.get_or_init(|| Binaries::find().map(|binaries| Server::start(&binaries, &[]))).as_ref().map_err(Clone::clone)
}

/// The shared server, or a loud skip of the test.
#[macro_export]
macro_rules! mariadb {
    () => {
        match $crate::maria::shared() {
            Ok(server) => server,
            Err(missing) => $crate::skip!("{missing}"),
        }
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_server_starts_and_answers_in_a_database_of_its_own() {
        let server = crate::mariadb!();
        let (one, two) = (server.database("one"), server.database("one"));
        one.run("create table t (a int); insert into t values (1), (2)");
        assert_eq!(one.query("select a, a + 1 from t order by a"), "1\t2\n2\t3");
        assert!(two.try_run("select * from t").is_err());
    }
}
