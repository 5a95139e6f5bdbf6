//! GR01xx: the program's files.

use super::CodeInfo;

/// See the module.
pub static CODES: &[CodeInfo] = &[];
