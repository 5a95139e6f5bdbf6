//! Just enough reading of SQL expressions to see which words they contain and whether they are whole. Owns tokens; does not own
//! statements and scripts (`upgrade`), nor what an expression means.

use crate::catalog::{EngineKind, Table};
use crate::upgrade::token::{Kind, significant};

/// A token of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// An unquoted word, lower-cased.
    Word(String),
    /// A quoted identifier, as it is.
    Quoted(String),
    /// A string literal, without its text.
    Text,
    /// A number.
    Number,
    /// Anything else.
    Symbol(char),
}

impl Token {
    /// Whether it is this unquoted word.
    pub fn is(&self, word: &str) -> bool {
        matches!(self, Token::Word(w) if w == word)
    }

    /// Whether it is a name, quoted or not, equal to `name` ignoring case.
    pub fn names(&self, name: &str) -> bool {
        matches!(self, Token::Word(w) | Token::Quoted(w) if w.to_lowercase() == name.to_lowercase())
    }
}

/// Splits an expression into tokens, comments left out.
///
/// # Errors
/// What is not closed, in a few words.
pub(crate) fn lex(engine: EngineKind, sql: &str) -> Result<Vec<Token>, &'static str> {
    let (mysql, mssql) = (engine == EngineKind::Mysql, engine == EngineKind::Mssql);
    let mut out = Vec::new();
    let mut rest = sql;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        if c.is_whitespace() {
            rest = after;
        } else if rest.starts_with("--")
            && (!mysql || after[1..].starts_with(|c: char| c.is_whitespace() || c.is_control()) || after.len() == 1)
        {
            rest = rest.find('\n').map_or("", |n| &rest[n..]);
        } else if mysql && c == '#' {
            rest = rest.find('\n').map_or("", |n| &rest[n..]);
        } else if mysql && executed_comment(rest).is_some() {
            // What stands inside is executed on some versions and not on others.
            return Err("a comment of the form `/*! … */` means different things on different servers");
        } else if rest.starts_with("/*") {
            rest = &rest[comment_end(engine, rest).ok_or("a comment is not closed")?..];
        } else if c == '\'' {
            let escapes = mysql || (engine == EngineKind::Postgres && out.last() == Some(&Token::Word("e".into())) && prefixed(sql, rest));
            rest = &after[quoted_end(after, '\'', escapes).ok_or("a string is not closed")?..];
            out.push(Token::Text);
        } else if mssql && (c == 'N' || c == 'n') && after.starts_with('\'') {
            // The letter belongs to the string.
            rest = after;
        } else if mysql && c == '"' {
            rest = &after[quoted_end(after, '"', true).ok_or("a string is not closed")?..];
            out.push(Token::Text);
        } else if c == '"' || (c == '`' && engine != EngineKind::Postgres && !mssql) {
            let end = quoted_end(after, c, false).ok_or("a quoted name is not closed")?;
            out.push(Token::Quoted(after[..end - 1].replace(&format!("{c}{c}"), &c.to_string())));
            rest = &after[end..];
        } else if mssql && c == '[' {
            let end = quoted_end(after, ']', false).ok_or("a quoted name is not closed")?;
            out.push(Token::Quoted(after[..end - 1].replace("]]", "]")));
            rest = &after[end..];
        } else if c == '[' && !matches!(engine, EngineKind::Postgres | EngineKind::Mysql) {
            let end = after.find(']').ok_or("a quoted name is not closed")?;
            out.push(Token::Quoted(after[..end].to_owned()));
            rest = &after[end + 1..];
        } else if let Some(length) = dollar_quoted(engine, rest) {
            rest = &rest[length.ok_or("a dollar-quoted string is not closed")?..];
            out.push(Token::Text);
        } else if c.is_ascii_digit() {
            rest = rest.trim_start_matches(|d: char| d.is_alphanumeric() || d == '.');
            out.push(Token::Number);
        } else if c.is_alphabetic() || c == '_' || (mssql && matches!(c, '@' | '#')) {
            let goes_on = |d: char| d.is_alphanumeric() || d == '_' || d == '$' || (mssql && matches!(d, '@' | '#'));
            let end = rest.find(|d: char| !goes_on(d)).unwrap_or(rest.len());
            out.push(Token::Word(rest[..end].to_lowercase()));
            rest = &rest[end..];
        } else {
            out.push(Token::Symbol(c));
            rest = after;
        }
    }
    Ok(out)
}

/// Whether the string literal at the head of `rest` follows its prefix letter without a gap.
fn prefixed(sql: &str, rest: &str) -> bool {
    sql[..sql.len() - rest.len()].ends_with(['e', 'E'])
}

fn quoted_end(text: &str, quote: char, escapes: bool) -> Option<usize> {
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if escapes && c == '\\' {
            chars.next();
        } else if c == quote {
            match chars.peek() {
                Some((_, next)) if *next == quote => drop(chars.next()),
                _ => return Some(at + quote.len_utf8()),
            }
        }
    }
    None
}

/// The opening of a comment that MariaDB or MySQL execute: `/*!` or `/*M!`.
fn executed_comment(text: &str) -> Option<&'static str> {
    ["/*!", "/*M!"].into_iter().find(|opening| text.starts_with(opening))
}

/// Block comments of PostgreSQL and SQL Server nest, others' do not.
fn comment_end(engine: EngineKind, text: &str) -> Option<usize> {
    if !matches!(engine, EngineKind::Postgres | EngineKind::Mssql) {
        return text.find("*/").map(|at| at + 2);
    }
    let (mut depth, mut at) = (0u32, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    None
}

fn dollar_quoted(engine: EngineKind, text: &str) -> Option<Option<usize>> {
    let inner = text.strip_prefix('$').filter(|_| engine == EngineKind::Postgres)?;
    let tag = inner.find('$').map(|end| &inner[..end])?;
    if tag.starts_with(|c: char| c.is_ascii_digit()) || !tag.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let delimiter = format!("${tag}$");
    Some(text[delimiter.len()..].find(&delimiter).map(|at| at + 2 * delimiter.len()))
}

/// Whether an expression of the program may be put between parentheses of ours: it must be closed in itself and be one expression.
///
/// # Errors
/// What is wrong, in a few words.
pub(crate) fn whole(engine: EngineKind, sql: &str) -> Result<(), &'static str> {
    let tokens = lex(engine, sql)?;
    if engine == EngineKind::Mssql && loses_letters(sql) {
        return Err("a string with letters beyond ASCII needs `N` before it, or SQL Server may read other letters: `N'…'`");
    }
    if tokens.is_empty() {
        return Err("it is empty");
    }
    let mut depth = 0i64;
    for t in &tokens {
        match t {
            Token::Symbol('(') => depth += 1,
            Token::Symbol(')') => depth -= 1,
            Token::Symbol(';') => return Err("it contains a `;`"),
            _ => {}
        }
        if depth < 0 {
            return Err("it closes a parenthesis that it did not open");
        }
    }
    if depth == 0 { Ok(()) } else { Err("a parenthesis is not closed") }
}

/// Whether a string without `N`, which SQL Server reads in the database's code page, holds letters that the page may lack.
fn loses_letters(sql: &str) -> bool {
    significant(EngineKind::Mssql, sql).iter().any(|t| t.kind == Kind::Text && t.of(sql).starts_with('\'') && !t.of(sql).is_ascii())
}

/// Columns of the table that the expression may read; all of them if it cannot be understood. Names are compared ignoring case, so that
/// rather too many are reported than too few.
pub(crate) fn mentions<'t>(engine: EngineKind, sql: &str, table: &'t Table) -> Vec<&'t str> {
    let names = table.columns.iter().map(|c| c.name.as_str());
    match lex(engine, sql) {
        Ok(tokens) => names.filter(|n| tokens.iter().any(|t| t.names(n))).collect(),
        Err(_) => names.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use EngineKind::{Mssql, Mysql, Postgres, Sqlite};

    #[test]
    fn an_expression_must_be_closed_in_itself() {
        assert_eq!(whole(Sqlite, "a = ')' and (b)"), Ok(()));
        assert!(whole(Sqlite, "1) or (1").is_err());
        assert!(whole(Sqlite, "a; drop table b").is_err());
        assert!(whole(Sqlite, "(a").is_err());
        assert!(whole(Sqlite, "'a").is_err());
        assert!(whole(Sqlite, " -- nothing").is_err());
        assert_eq!(whole(Postgres, r"a = E'\'' and b = $x$;)$x$"), Ok(()));
        assert!(whole(Postgres, r"a = '\' or b = ')'").is_ok());
        assert_eq!(whole(Postgres, "a[1] = 2 /* ( /* ; */ */"), Ok(()));
        assert_eq!(whole(Mssql, r"[a)]]] = N'\' and b = 'it''s )' /* /* ; */ ( */"), Ok(()));
        assert!(whole(Mssql, "[a").is_err());
        assert!(whole(Mssql, "city = 'Łódź'").is_err_and(|why| why.contains("`N'…'`")));
        assert_eq!(whole(Mssql, "[Straße] = N'Łódź' and x = 'Lodz' -- ó"), Ok(()));
    }

    #[test]
    fn quoted_names_lose_their_quotes_only() {
        let quoted = |s: &str| Token::Quoted(s.into());
        assert_eq!(lex(Sqlite, r#""a""b"[C d]`e`"#), Ok(vec![quoted("a\"b"), quoted("C d"), quoted("e")]));
        assert_eq!(lex(Postgres, "Straße"), Ok(vec![Token::Word("straße".into())]));
        let word = |s: &str| Token::Word(s.into());
        let tsql = lex(Mssql, "[a]]b] = N'x' + n + @@Rowcount + #t");
        let plus = || Token::Symbol('+');
        assert_eq!(
            tsql,
            Ok(vec![quoted("a]b"), Token::Symbol('='), Token::Text, plus(), word("n"), plus(), word("@@rowcount"), plus(), word("#t")])
        );
    }

    proptest::proptest! {
        #[test]
        fn reading_any_text_ends_without_panic(sql in "\\PC{0,40}") {
            let _ = (lex(Sqlite, &sql), lex(Postgres, &sql), lex(Mssql, &sql));
        }

        #[test]
        fn a_quoted_name_is_read_back(name in "[^\u{0}]{1,20}") {
            for engine in [Postgres, Mysql, Mssql] {
                proptest::prop_assert_eq!(lex(engine, &engine.quote(&name)), Ok(vec![Token::Quoted(name.clone())]));
            }
        }
    }
}
