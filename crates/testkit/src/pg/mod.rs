//! Real PostgreSQL servers for tests. Owns finding the binaries, starting and ending servers, and fresh databases; does not own what a
//! test connects with.
//!
//! ```no_run
//! let server = greenroom_testkit::postgres!(); // skips loudly where no server is installed
//! let database = server.database("orders");
//! database.run("create table client (id int primary key)");
//! assert_eq!(database.query("select count(*) from client"), "0");
//! ```
//!
//! A server lives as long as the process that started it, however that ends: see `watch.sh`. Under nextest every test is a process of its
//! own and so gets a server of its own; a copied template keeps that below half a second. Unix only so far.

mod binaries;
mod database;
mod server;
mod template;

pub use binaries::{BIN, Binaries, Missing};
pub use database::Database;
pub use server::Server;

use std::sync::OnceLock;

/// The server that all tests of this process share; each takes a [`Server::database`] of its own.
///
/// # Errors
/// No PostgreSQL is installed. A server that is installed and does not start is a panic, as that is no reason to skip.
pub fn shared() -> Result<&'static Server, Missing> {
    static SHARED: OnceLock<Result<Server, Missing>> = OnceLock::new();
    SHARED.get_or_init(|| Binaries::find().map(|binaries| Server::start(&binaries, &[]))).as_ref().map_err(Clone::clone)
}

/// The shared server, or a loud skip of the test.
#[macro_export]
macro_rules! postgres {
    () => {
        match $crate::pg::shared() {
            Ok(server) => server,
            Err(missing) => $crate::skip!("{missing}"),
        }
    };
}

#[cfg(test)]
mod tests;
