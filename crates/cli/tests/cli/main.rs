//! The binary from outside: what a person sees and what scripts get. Each test has a folder and a database of its own.

mod bad_input;
mod clinic;
mod json;
mod look;
mod story;
