//! Plans: immutable lists of steps, and the recipe they are made from. Does not execute.

mod copy;
pub use copy::*;
