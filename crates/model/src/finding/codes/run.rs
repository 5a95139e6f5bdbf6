//! GR07xx: runs and the journal.

use super::CodeInfo;

/// See the module.
pub static CODES: &[CodeInfo] = &[];
