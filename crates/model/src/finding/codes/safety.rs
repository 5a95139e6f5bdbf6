//! GR06xx: verification, packs and the residual scan.

use super::CodeInfo;

/// See the module.
pub static CODES: &[CodeInfo] = &[];
