//! GR03xx: masks against the schema.

use super::CodeInfo;

/// See the module.
pub static CODES: &[CodeInfo] = &[];
