//! Runs: events in, state out, what to do next. Pure, so that every cut of every step can be tried exhaustively.
//!
//! Owns the meaning of events. Does not own where they are kept (`runner::journal`) nor how steps are performed (`runner::execute`).

mod event;
mod head;
mod lines;
mod state;
mod stored;
pub mod together;
pub use event::*;
pub use head::*;
pub use lines::*;
pub use state::*;
pub use stored::*;
