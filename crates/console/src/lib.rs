//! What Greenroom shows and takes over HTTP. So far one thing only: files that are handed over by links. Owns the listener with its limits, the requests, and the pages; whether a link can
//! be used and what becomes of a file is the session's ([`Desk`]).

mod desk;
mod linger;
mod listen;
mod page;
#[cfg(test)]
mod tests;
mod tls;
mod uploads;

pub use desk::{Desk, Offer, Receipt};
pub use listen::{Limits, Listener};
pub use tls::{Certified, certified};
pub use uploads::{Heard, Uploads};
