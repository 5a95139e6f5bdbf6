//! GR02xx: column decisions.

use super::CodeInfo;

/// See the module.
pub static CODES: &[CodeInfo] = &[CodeInfo {
    code: "GR0201",
    title: "column without a decision",
    explain: "Every column of the source needs a decision (keep, mask, null, clear or default) before the first row is read. A column that \
              nobody decided on might hold anything, so Greenroom stops instead of guessing. Run `greenroom columns` to see proposals for \
              what is undecided, then write the decision into columns.toml.",
}];
