//! Carrying the pilot's configuration into a new generation: three-way comparison, what never travels, closure over references, conflicts, and the
//! order of the changes (P20, P21; docs/design/0010).
//!
//! Owns every decision about it. Does not own reading rows, writing them, or asking the database (`engine`), nor records: of them only the
//! questions of [`Questions`] are asked.
//!
//! A caller makes the [`shapes`], gives a [`Carrying`] the rows of each table on three sides (one table at a time; configuration is small enough to be
//! held), answers its questions, and gets a [`CarryPlan`].

mod back;
mod band;
mod cell;
mod changes;
mod closure;
mod compare;
mod conflict;
mod export;
mod import;
mod order;
mod plan;
mod preview;
mod references;
mod rows;
mod shape;
mod taint;
#[cfg(test)]
mod tests;

pub use back::{BackCounts, Fate, Written, also_unique, back, back_shapes, exchange, telling_apart};
pub use band::{Band, band, range_of};
pub use cell::{CarryKey, Cell, Key};
pub use changes::{Altering, ChangeId, RowChange, RowDeed, SchemaChange, ValueChange, changes, key_text, schema_changes, stays};
pub use closure::{Answers, Questions, Record};
pub use compare::{BaseRow, Later, Report, ReportKind};
pub use conflict::{By, Conflict, ConflictId, ConflictKind, Decided, Take, Words};
pub use export::{ExportedRow, ExportedTable, FORM, HeldBack, Named, export, telling};
pub use import::{Imported, import};
pub use order::{Act, Operation};
pub use plan::{CarryPlan, Carrying, TablePlan};
pub use preview::{Counts, Preview, TablePreview, Taken};
pub use references::Reference;
pub use rows::{NotTheShape, Side};
pub use shape::{ColumnShape, Into, KeyForm, OnPilot, ShapeInput, Shapes, TableShape, shapes};
pub use taint::{Taint, masked_columns};
