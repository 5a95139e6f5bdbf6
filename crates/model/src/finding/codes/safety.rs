//! GR06xx: verification, packs and the residual scan.

use super::CodeInfo;

/// See the module.
pub static CODES: &[CodeInfo] = &[
    CodeInfo {
        code: "GR0601",
        title: "the copy differs from the source",
        explain: "Rows, contents, objects, sequences or foreign keys of the copy are not those of the source inside the snapshot. The details name each difference. The generation is kept for looking; the pilot that people use is untouched.",
    },
    CodeInfo {
        code: "GR0602",
        title: "not safe to open",
        explain: "A pack's assertion does not hold, or the residual scan found a live mail address, or a name, mail or telephone number of the source, within the copy. The details name table and column, never the value. Decide a mask for the column, or allow a mail domain with `[verify] allowed_mail_domains`. Where a person has looked and what was found is no personal data (an artist who bears a client's name), write `[verify.accepted]` with a line `\"table.column\" = \"reason\"`. Then rehearse again.",
    },
    CodeInfo {
        code: "GR0603",
        title: "the upgraded generation is not as it should be",
        explain: "An assertion failed after the upgrade, a table changed that should not have, or the upgrade created columns that nobody decided about. The details say which.",
    },
    CodeInfo {
        code: "GR0605",
        title: "assertion cannot be asked of the source",
        explain: "An assertion compares a value with the source's, but its query does not run there. Give the source its own query with a line `-- source: …` in the file's header.",
    },
];
