//! GR05xx: source, target and what they allow.

use super::CodeInfo;

/// See the module.
pub static CODES: &[CodeInfo] = &[];
