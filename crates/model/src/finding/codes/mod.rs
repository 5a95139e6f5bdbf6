//! The register of finding codes, one file per area. Codes are never reused and never change their meaning.

use super::CodeInfo;

mod carry;
mod columns;
mod links;
mod masks;
mod place;
mod program;
mod run;
mod safety;
mod tables;
mod upgrade;

/// Every code that a finding can carry, area by area.
pub fn codes() -> impl Iterator<Item = &'static CodeInfo> {
    [program::CODES, columns::CODES, masks::CODES, tables::CODES, upgrade::CODES, place::CODES, safety::CODES, run::CODES, carry::CODES]
        .into_iter()
        .flatten()
        .chain(links::CODES)
}

/// Finds the explanation of a code, ignoring case.
pub fn explain(code: &str) -> Option<&'static CodeInfo> {
    codes().find(|c| c.code.eq_ignore_ascii_case(code))
}
