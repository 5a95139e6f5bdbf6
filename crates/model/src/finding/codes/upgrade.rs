//! GR04xx: upgrade steps and scripts.

use super::CodeInfo;

/// See the module.
pub static CODES: &[CodeInfo] = &[];
