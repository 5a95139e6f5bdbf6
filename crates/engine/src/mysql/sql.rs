//! Quoting for MariaDB and MySQL. Owns how names, literals and grants' patterns are written; no statement is built from unquoted parts elsewhere.

/// A quoted identifier.
pub(crate) fn ident(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A string literal, in sessions without `NO_BACKSLASH_ESCAPES`.
pub(crate) fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for c in text.chars() {
        match c {
            '\'' => out.push_str("''"),
            '\\' => out.push_str("\\\\"),
            '\0' => out.push_str("\\0"),
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

/// A database in a grant: `_` and `%` are wildcards there unless escaped.
pub(crate) fn pattern(database: &str) -> String {
    database.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%")
}

/// An account or role as statements take it: `name` or `name@host`.
pub(crate) fn account(name: &str) -> String {
    match name.rsplit_once('@') {
        Some((user, host)) if !user.is_empty() => format!("{}@{}", literal(user), literal(host)),
        _ => literal(name),
    }
}

/// Binary data as a literal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::from("x'"), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    }) + "'"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_literals_and_patterns_are_quoted() {
        assert_eq!(ident("a`b"), "`a``b`");
        assert_eq!(literal("O'Neil\\"), "'O''Neil\\\\'");
        assert_eq!(pattern("a_b%c"), "a\\_b\\%c");
        assert_eq!(account("app@10.0.%"), "'app'@'10.0.%'");
        assert_eq!(account("testers"), "'testers'");
        assert_eq!(hex(&[0, 0xab]), "x'00ab'");
    }
}
