//! Quoting for T-SQL. Owns how names and literals are written; no statement is built from unquoted parts elsewhere.

use greenroom_model::catalog::TableName;

/// A quoted identifier.
pub(crate) fn ident(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

/// A name with its schema.
pub(crate) fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", ident(schema), ident(name))
}

/// A table's name with its schema.
pub(crate) fn table(name: &TableName) -> String {
    qualified(&name.schema, &name.name)
}

/// A Unicode string literal.
pub(crate) fn literal(text: &str) -> String {
    format!("N'{}'", text.replace('\'', "''"))
}

/// Binary data as a literal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(2 + bytes.len() * 2);
    out.push_str("0x");
    for b in bytes {
        // Writing into a String cannot fail.
        let _ = write!(out, "{b:02X}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_are_quoted_whatever_they_hold() {
        assert_eq!(qualified("dbo", "odd]name [x"), "[dbo].[odd]]name [x]");
        assert_eq!(literal("O'Neil -- \\"), "N'O''Neil -- \\'");
        assert_eq!(hex(&[0, 255, 16]), "0x00FF10");
        assert_eq!(hex(&[]), "0x");
    }
}
