//! How things look: styles, tables, durations, findings, verdicts, runs. Owns appearance only; every function is pure.

pub mod audit;
pub mod automated;
pub mod changes;
pub mod evidence;
pub mod findings;
pub mod preview;
pub mod process;
pub mod run;
pub mod schedule;
pub mod style;
pub mod table;
pub mod verdict;
pub mod words;
