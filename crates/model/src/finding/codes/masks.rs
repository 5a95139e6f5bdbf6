//! GR03xx: masks against the schema.

use super::CodeInfo;

const fn code(code: &'static str, title: &'static str, explain: &'static str) -> CodeInfo {
    CodeInfo { code, title, explain }
}

/// See the module.
pub static CODES: &[CodeInfo] = &[
    code(
        "GR0301",
        "unknown mask",
        "The program names a mask that the catalogue does not have. Greenroom never treats an unknown mask as `keep`. docs/masks.md lists \
         all masks; the hint names the nearest one.",
    ),
    code(
        "GR0302",
        "unknown parameter of a mask",
        "A mask got a parameter that it does not take, usually a spelling mistake. It is an error because the mask would otherwise do \
         something else than what was written. docs/masks.md lists the parameters of every mask.",
    ),
    code(
        "GR0303",
        "parameter of a mask missing or not usable",
        "A parameter has the wrong type, lies outside its range, or is required and missing. The message says what it must be.",
    ),
    code(
        "GR0304",
        "mask does not take the column's type",
        "Every mask takes certain types of columns, since its output must be a value that the column can hold. Choose a mask for the \
         column's type, or `null`, `clear` or `default`, which need no mask.",
    ),
    code(
        "GR0305",
        "mask's output does not fit the column",
        "The shortest output that keeps what the mask promises is longer than the column. Masks that may be shortened without breaking a \
         promise are shortened; this one may not. Unique outputs need 20 characters for their key bits: where no unique index needs them, \
         `unique = false` makes shorter ones.",
    ),
    code(
        "GR0306",
        "mask may give NULL on a column that forbids it",
        "The mask, with these parameters, may turn a value into NULL, and the column is NOT NULL: the copy would fail at the first such \
         row. Use another mask or, where it has one, another `on_invalid`.",
    ),
    code(
        "GR0307",
        "mail domain where somebody could receive mail",
        "Masked addresses must never reach anybody, even when the pilot sends mail by mistake. Only domains reserved by RFC 2606 are \
         accepted: names that end in `.invalid`, `.test` or `.example`, and `example.com`, `example.org` and `example.net`.",
    ),
    code(
        "GR0308",
        "not a password hash",
        "The mask `password_hash` writes one and the same hash, of a test password that testers know, into every row. The value must have \
         the shape of a stored hash (bcrypt, argon2, pbkdf2, scrypt, crypt, LDAP or a hexadecimal digest); a plain password would be \
         stored as it is and let nobody in. Make the hash with the application itself and copy it from its database.",
    ),
    code(
        "GR0309",
        "dictionary without values",
        "The mask `dictionary` picks from a list: `values` written with it, or a named list of `[masks.dictionaries]`. The list is missing \
         or empty.",
    ),
    code(
        "GR0310",
        "JSON path not understood",
        "Paths of the mask `json` begin with `$`; then `.name`, `['odd name']`, `.*`, `[0]`, `[*]` and `..name` (at any depth) follow. \
         Filters and slices do not exist.",
    ),
];
