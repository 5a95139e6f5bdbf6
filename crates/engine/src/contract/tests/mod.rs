//! The promises by theme, in the order in which a run needs them kept.

mod capture;
mod carry;
mod lock;
mod place;
mod progress;
mod queries;
mod ranges;
mod rows;
mod schema;
mod scripts;
mod snapshot;
mod swap;
mod types;

use super::Test;

/// All tests.
pub fn all() -> Vec<Test> {
    let themes = [
        snapshot::PROMISES,
        ranges::PROMISES,
        rows::PROMISES,
        types::PROMISES,
        progress::PROMISES,
        schema::PROMISES,
        queries::PROMISES,
        scripts::PROMISES,
        carry::PROMISES,
        capture::PROMISES,
        place::PROMISES,
        swap::PROMISES,
        lock::PROMISES,
    ];
    themes.concat()
}
