//! GR0350 to GR0399: masks, kinds and packs against the schema they are for.

use super::CodeInfo;

/// See the module.
pub static CODES: &[CodeInfo] = &[
    CodeInfo {
        code: "GR0350",
        title: "unique index may be violated",
        explain: "Two rows that the source's unique index allows could become equal on the copy. Greenroom accepts a mask on an \
                  indexed column only if it can be proved that different values stay different: a distinct or permuting mask, a \
                  mask that follows from a unique identity, or another whole unique key among the index's columns that stays as \
                  it is. A permutation is not enough where other rows of the column keep their values, since it may hit one of \
                  them.",
    },
    CodeInfo {
        code: "GR0351",
        title: "mask on a type that masks do not understand",
        explain: "The column's type (an enumeration, a range, an array of numbers, a composite …) is none that masks can read \
                  and write. Decide null, clear, default or keep.",
    },
    CodeInfo {
        code: "GR0352",
        title: "two ends of a foreign key change differently",
        explain: "A foreign key holds on the copy only if both columns change in the same way: the same mask with the same \
                  parameters and domain, for all rows, following from the value and not from an identity of the row. Leave \
                  `domain` out on both, and Greenroom chooses the same for columns that foreign keys link.",
    },
    CodeInfo {
        code: "GR0353",
        title: "referring column becomes a constant",
        explain: "Every row will refer to the one value that was set. The foreign key holds only if that row exists on the copy.",
    },
    CodeInfo {
        code: "GR0354",
        title: "check constraint reads a changed column",
        explain: "The replacements have to satisfy the constraint, which Greenroom does not evaluate beforehand. If they do not, \
                  loading stops with the constraint's name.",
    },
    CodeInfo {
        code: "GR0355",
        title: "partition key changes",
        explain: "A row's partition follows from this column. If it changed, rows would belong to partitions other than the one \
                  they are copied into.",
    },
    CodeInfo {
        code: "GR0356",
        title: "exclusion constraint reads a changed column",
        explain: "Whether changed values still exclude each other cannot be proved.",
    },
    CodeInfo {
        code: "GR0360",
        title: "NULL for a column that may not be NULL",
        explain: "The decision is `null`, the schema says NOT NULL. Decide clear, default or a mask.",
    },
    CodeInfo {
        code: "GR0361",
        title: "type without an empty value",
        explain: "Text, bytes, JSON and arrays can be emptied. Numbers, dates and truth values have no empty value: decide null \
                  where the schema allows it, or set a constant.",
    },
    CodeInfo {
        code: "GR0362",
        title: "no default that could be used",
        explain: "The column has no default, or one that counts upwards and so is not one value for all rows.",
    },
    CodeInfo {
        code: "GR0363",
        title: "identity column missing",
        explain: "`identity` names the column of the same table that tells persons apart, so that a row's first name, last name \
                  and e-mail belong together. The named column is not there, or is computed and not copied.",
    },
    CodeInfo {
        code: "GR0364",
        title: "unknown dictionary",
        explain: "The `dictionary` mask names a word list. Lists are files `dictionaries/NAME.txt` in the program's folder or a \
                  kit's, one entry a line.",
    },
    CodeInfo {
        code: "GR0365",
        title: "pack names what does not exist",
        explain: "A neutralisation that finds nothing to do would look green. Correct the name; if the product version at hand \
                  does not have the table, replace the kit's pack by one of the same name.",
    },
    CodeInfo {
        code: "GR0366",
        title: "malformed SQL in a condition or constant",
        explain: "Conditions and values are placed inside Greenroom's own statements, so each must be one whole expression: \
                  parentheses and quotes closed, no semicolon. A value that is set is evaluated once, so it must not read \
                  columns of the row.",
    },
    CodeInfo {
        code: "GR0367",
        title: "history without a usable date",
        explain: "`keep_days` needs a column that holds the row's date: a date or timestamp, or a number of seconds since 1970; \
                  on SQLite also text in ISO form.",
    },
    CodeInfo {
        code: "GR0368",
        title: "rows would refer to rows that are not carried",
        explain: "Part of a table stays behind (a queue, history, deleted rows), and rows of another table refer to it by \
                  columns that may not be NULL. Leave those rows behind too: the hint shows the rule, which belongs into a pack.",
    },
    CodeInfo {
        code: "GR0369",
        title: "references become NULL",
        explain: "Part of a table stays behind, and rows of another table refer to it. The reference may be NULL, so it becomes \
                  NULL in exactly those rows. If the rows should stay behind instead, use the rule in the hint.",
    },
    CodeInfo {
        code: "GR0370",
        title: "reference to a table that is left out",
        explain: "The foreign key cannot be made on the copy, since the table it refers to will not be there.",
    },
];
