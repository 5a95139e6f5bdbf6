//! The SQLite engine on real files.

mod rows;

mod stage;
