//! GR02xx: column decisions.

use super::CodeInfo;

/// See the module.
pub static CODES: &[CodeInfo] = &[
    CodeInfo {
        code: "GR0201",
        title: "column without a decision",
        explain: "Every column of the source needs a decision (keep, mask, null, clear or default) before the first row is read. \
                  A column that nobody decided on might hold anything, so Greenroom stops instead of guessing. Run `greenroom \
                  columns` to see proposals for what is undecided, then write the decision into columns.toml.",
    },
    CodeInfo {
        code: "GR0202",
        title: "decision for a table that does not exist",
        explain: "columns.toml, a kind or a table left out names a table that the schema does not have. Names are compared byte \
                  for byte; `client` means the default schema, `billing.client` another. In a kit this is a warning: the product \
                  version at hand may not have the table.",
    },
    CodeInfo {
        code: "GR0203",
        title: "decision for a column that does not exist",
        explain: "The table exists, the column does not. Names are compared byte for byte. A column that only the upgrade \
                  creates needs `after_upgrade = true`.",
    },
    CodeInfo {
        code: "GR0204",
        title: "schema differs from the one decided on",
        explain: "The decisions carry the fingerprint of the columns they were made for, and the source's columns have changed \
                  since. New columns have no decision, dropped ones have one too many, and a column that changed its type may \
                  now hold something else. Look at what changed, decide, and pin the new fingerprint with `greenroom columns`.",
    },
    CodeInfo {
        code: "GR0205",
        title: "personal data kept without approval",
        explain: "The column looks like personal data and its decision is `keep`. That may be right, but a person has to answer \
                  for it: write their id as `approved_by`, or mask the column.",
    },
    CodeInfo {
        code: "GR0206",
        title: "table without any decision",
        explain: "None of the table's columns has a decision. If its rows are not needed on a pilot, give it the kind `queue`, \
                  `history` or `scratch`, or leave it out with a reason.",
    },
    CodeInfo {
        code: "GR0207",
        title: "decision on a computed column",
        explain: "The column is computed from others and never copied; its value follows from what happens to those.",
    },
    CodeInfo {
        code: "GR0208",
        title: "large objects without a decision",
        explain: "The database holds large objects (PostgreSQL), which are no columns: say `large_objects = \"clear\"` (created \
                  empty, references stay valid) or `\"keep\"`.",
    },
    CodeInfo {
        code: "GR0209",
        title: "the schema reaches outside",
        explain: "An object of the schema reaches other databases or servers, and Greenroom cannot make it harmless by itself. \
                  From a pilot it could write to production. Accept it by name with a reason, or drop it from the copy.",
    },
    CodeInfo {
        code: "GR0210",
        title: "table that cannot be carried",
        explain: "Greenroom cannot copy this table; the message says why. Leave it out with a reason, so that nobody is \
                  surprised to miss it.",
    },
    CodeInfo {
        code: "GR0211",
        title: "no tables",
        explain: "The database has no tables. Most likely the address names another database than was meant, or the login may \
                  not see the tables.",
    },
    CodeInfo {
        code: "GR0212",
        title: "new column without a decision",
        explain: "The upgrade created a column, and values from production may have found their way into it. Decide on it with \
                  `after_upgrade = true`, and say with `derived_from` which columns its values come from.",
    },
    CodeInfo {
        code: "GR0213",
        title: "quasi-identifiers kept",
        explain: "Each of these columns says little about a person; together they single people out (birth year, postcode and \
                  gender identify most inhabitants of a country). Mask or coarsen at least one of them, or know that the pilot \
                  is pseudonymised and not anonymous.",
    },
    CodeInfo {
        code: "GR0214",
        title: "new column derived from masked data is kept",
        explain: "The upgrade fills a column from columns that are masked or removed on the copy; on production it will hold the \
                  raw values. This is a note for the people who test.",
    },
    CodeInfo {
        code: "GR0215",
        title: "column that production has now is kept although it is made from masked data",
        explain: "Production has been upgraded. A column that the upgrade fills from masked or removed columns held masked values on the \
                  pilots; in production it holds the raw ones. `keep` was right before and is not now: decide what happens to \
                  production's own values.",
    },
    CodeInfo {
        code: "GR0216",
        title: "decisions for columns that went with the upgrade",
        explain: "Production has been upgraded, and some decisions are about columns that only its former version had. They do nothing. Keep them \
                  while a backup of the former version may still have to be rehearsed, and remove them then.",
    },
];
