//! What only MariaDB and MySQL promise, on a real MariaDB; what every engine promises is the contract's.
#![allow(clippy::unwrap_used, reason = "tests")]

mod copying;
mod identity;
mod objects;
mod scene;
