//! Tokens of SQL text, as far as splitting, labelling and the checks for outside effects need them.
//!
//! Owns what a string, an identifier, a comment and a dollar quote are for each engine. Does not own grammar. The lexical rules are those of
//! the manuals: PostgreSQL "Lexical Structure" (standard_conforming_strings on), SQLite "SQL As Understood By SQLite", Transact-SQL "Database
//! Identifiers", "Constants" and "Slash Star (Block Comment)" (QUOTED_IDENTIFIER on).

use crate::catalog::EngineKind;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Whitespace, newlines included.
    Space,
    /// `-- …` or `/* … */`.
    Comment,
    /// An unquoted identifier or keyword.
    Word,
    /// A quoted identifier.
    Quoted,
    /// A string, blob, bit string or dollar-quoted string.
    Text,
    /// Digits.
    Number,
    /// Any other single character.
    Symbol,
    /// MariaDB and MySQL: opening or closing of a comment whose content the server executes (`/*! … */`, `/*M! … */`).
    Mark,
}

/// A token: byte offsets into the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

impl Token {
    /// Its text.
    pub fn of<'t>(&self, text: &'t str) -> &'t str {
        &text[self.start..self.end]
    }

    /// Whether it is this word, in any case.
    pub fn is_word(&self, text: &str, word: &str) -> bool {
        self.kind == Kind::Word && self.of(text).eq_ignore_ascii_case(word)
    }

    /// Whether it is this symbol.
    pub fn is_symbol(&self, text: &str, symbol: &str) -> bool {
        self.kind == Kind::Symbol && self.of(text) == symbol
    }

    /// Whether it counts for the engine.
    pub fn matters(&self) -> bool {
        !matches!(self.kind, Kind::Space | Kind::Comment | Kind::Mark)
    }
}

/// Something was opened at this offset and never closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unterminated {
    pub what: &'static str,
    pub at: usize,
}

/// Reads tokens one after the other; the caller may skip text by setting `at` to a character boundary.
pub(crate) struct Lexer<'t> {
    pub text: &'t str,
    pub at: usize,
    postgres: bool,
    mysql: bool,
    mssql: bool,
    /// Inside a comment whose content the server executes.
    executed: bool,
}

fn starts_word(b: u8) -> bool {
    b.is_ascii_alphabetic() || b == b'_' || b >= 0x80
}

fn continues_word(b: u8) -> bool {
    starts_word(b) || b.is_ascii_digit() || b == b'$'
}

impl<'t> Lexer<'t> {
    pub fn new(engine: EngineKind, text: &'t str) -> Lexer<'t> {
        let is = |kind| engine == kind;
        let (postgres, mysql, mssql) = (is(EngineKind::Postgres), is(EngineKind::Mysql), is(EngineKind::Mssql));
        Lexer { text, at: 0, postgres, mysql, mssql, executed: false }
    }

    /// T-SQL: variables, names of temporary tables and system functions (`@x`, `#t`, `@@rowcount`) are words.
    fn opens_word(&self, b: u8) -> bool {
        starts_word(b) || (self.mssql && matches!(b, b'@' | b'#'))
    }

    /// The next token; `None` at the end of the text.
    pub fn next(&mut self) -> Result<Option<Token>, Unterminated> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let Some(&first) = bytes.get(start) else { return Ok(None) };
        let second = bytes.get(start + 1).copied();
        let (kind, end) = match (first, second) {
            (b, _) if is_space(b) => (Kind::Space, self.run(start, is_space)),
            (b'-', Some(b'-')) if !self.mysql || bytes.get(start + 2).is_none_or(|b| *b <= b' ') => {
                (Kind::Comment, self.run(start, |b| b != b'\n'))
            }
            (b'#', _) if self.mysql => (Kind::Comment, self.run(start, |b| b != b'\n')),
            (b'*', Some(b'/')) if self.executed => {
                self.executed = false;
                (Kind::Mark, start + 2)
            }
            (b'/', Some(b'*')) if self.executed_comment(start).is_some() => {
                self.executed = true;
                (Kind::Mark, self.executed_comment(start).unwrap_or(start + 2))
            }
            (b'/', Some(b'*')) => (Kind::Comment, self.block_comment(start)?),
            (b'e' | b'E', Some(b'\'')) if self.postgres => (Kind::Text, self.escape_string(start)?),
            (b'b' | b'B' | b'n' | b'N', Some(b'\'')) if self.postgres => (Kind::Text, self.quoted(start, start + 1, b'\'', "string")?),
            (b'n' | b'N', Some(b'\'')) if self.mssql => (Kind::Text, self.quoted(start, start + 1, b'\'', "string")?),
            (b'x' | b'X', Some(b'\'')) if !self.mssql => (Kind::Text, self.quoted(start, start + 1, b'\'', "string")?),
            (b'u' | b'U', Some(b'&')) if self.postgres && matches!(bytes.get(start + 2), Some(b'\'' | b'"')) => {
                let quote = bytes[start + 2];
                let (kind, what) = if quote == b'"' { (Kind::Quoted, "quoted identifier") } else { (Kind::Text, "string") };
                (kind, self.quoted(start, start + 2, quote, what)?)
            }
            (b'b' | b'B' | b'n' | b'N', Some(b'\'')) if self.mysql => (Kind::Text, self.escaped(start, start + 1)?),
            (b'\'' | b'"', _) if self.mysql => (Kind::Text, self.escaped(start, start)?),
            (b'\'', _) => (Kind::Text, self.quoted(start, start, b'\'', "string")?),
            (b'"', _) => (Kind::Quoted, self.quoted(start, start, b'"', "quoted identifier")?),
            (b'`', _) if !self.postgres && !self.mssql => (Kind::Quoted, self.quoted(start, start, b'`', "quoted identifier")?),
            (b'[', _) if self.mssql => (Kind::Quoted, self.quoted(start, start, b']', "quoted identifier")?),
            (b'[', _) if !self.postgres && !self.mysql => {
                let close = self.text[start..].find(']').ok_or(Unterminated { what: "quoted identifier", at: start })?;
                (Kind::Quoted, start + close + 1)
            }
            (b'$', _) if self.postgres => match self.dollar_quote(start)? {
                Some(end) => (Kind::Text, end),
                None => (Kind::Symbol, start + 1),
            },
            (b, _) if self.opens_word(b) => (Kind::Word, self.run(start, |b| continues_word(b) || self.opens_word(b))),
            (b'0', Some(b'x' | b'X')) if self.mssql => (Kind::Number, self.run(start + 2, |b| b.is_ascii_hexdigit())),
            (b, _) if b.is_ascii_digit() => (Kind::Number, self.run(start, |b| b.is_ascii_digit())),
            // everything from 0x80 starts a word, so this is ASCII and one byte
            _ => (Kind::Symbol, start + 1),
        };
        self.at = end;
        Ok(Some(Token { kind, start, end }))
    }

    fn run(&self, start: usize, goes_on: impl Fn(u8) -> bool) -> usize {
        self.text.as_bytes()[start..].iter().position(|b| !goes_on(*b)).map_or(self.text.len(), |n| start + n)
    }

    /// From the opening quote at `open` to behind the closing one; a doubled quote stands for itself.
    fn quoted(&self, start: usize, open: usize, quote: u8, what: &'static str) -> Result<usize, Unterminated> {
        let bytes = self.text.as_bytes();
        let mut at = open + 1;
        while at < bytes.len() {
            if bytes[at] != quote {
                at += 1;
            } else if bytes.get(at + 1) == Some(&quote) {
                at += 2;
            } else {
                return Ok(at + 1);
            }
        }
        Err(Unterminated { what, at: start })
    }

    /// Behind the opening of a comment that the server executes, its version included: `/*!`, `/*!50100`, `/*M!`. The mark by which dumps
    /// switch the client's sandbox on (`/*M!999999\-`) is a comment like any other.
    fn executed_comment(&self, start: usize) -> Option<usize> {
        let rest = if self.mysql { &self.text[start..] } else { return None };
        let opening = ["/*!", "/*M!"].into_iter().find(|o| rest.starts_with(o))?;
        let digits = rest[opening.len()..].bytes().take(6).take_while(u8::is_ascii_digit).count();
        (!rest.starts_with("/*M!999999")).then(|| start + opening.len() + if digits >= 5 { digits } else { 0 })
    }

    /// A string of MariaDB or MySQL from the quote at `open`: a backslash takes the next character with it, a doubled quote stands for itself.
    fn escaped(&self, start: usize, open: usize) -> Result<usize, Unterminated> {
        let bytes = self.text.as_bytes();
        let quote = bytes[open];
        let mut at = open + 1;
        while at < bytes.len() {
            match bytes[at] {
                b'\\' => at += 2,
                b if b == quote && bytes.get(at + 1) == Some(&quote) => at += 2,
                b if b == quote => return Ok(at + 1),
                _ => at += 1,
            }
        }
        Err(Unterminated { what: "string", at: start })
    }

    /// `E'…'` with backslash escapes, continued by further `'…'` behind whitespace that holds a newline.
    fn escape_string(&self, start: usize) -> Result<usize, Unterminated> {
        let bytes = self.text.as_bytes();
        let mut at = start + 2;
        while at < bytes.len() {
            match bytes[at] {
                b'\\' => at += 2,
                b'\'' if bytes.get(at + 1) == Some(&b'\'') => at += 2,
                b'\'' => match self.continuation(at + 1) {
                    Some(inside) => at = inside,
                    None => return Ok(at + 1),
                },
                _ => at += 1,
            }
        }
        Err(Unterminated { what: "string", at: start })
    }

    /// Behind the opening quote of the segment that continues a string, if one does.
    fn continuation(&self, mut at: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let mut newline = false;
        loop {
            match bytes.get(at)? {
                b'\'' => return newline.then_some(at + 1),
                b'\n' | b'\r' => {
                    newline = true;
                    at += 1;
                }
                b if is_space(*b) => at += 1,
                b'-' if bytes.get(at + 1) == Some(&b'-') => at = self.run(at, |b| b != b'\n'),
                _ => return None,
            }
        }
    }

    fn block_comment(&self, start: usize) -> Result<usize, Unterminated> {
        let bytes = self.text.as_bytes();
        let (mut at, mut depth) = (start + 2, 1usize);
        while at + 1 < bytes.len() {
            match (bytes[at], bytes[at + 1]) {
                (b'*', b'/') => {
                    at += 2;
                    depth -= 1;
                    if depth == 0 {
                        return Ok(at);
                    }
                }
                (b'/', b'*') if self.postgres || self.mssql => {
                    at += 2;
                    depth += 1;
                }
                _ => at += 1,
            }
        }
        Err(Unterminated { what: "comment", at: start })
    }

    /// The end of a dollar-quoted string, or `None` when the `$` opens none (`$1`, a lone `$`).
    fn dollar_quote(&self, start: usize) -> Result<Option<usize>, Unterminated> {
        let tag_end = self.run(start + 1, |b| starts_word(b) || b.is_ascii_digit());
        let starts_with_digit = self.text.as_bytes().get(start + 1).is_some_and(u8::is_ascii_digit);
        if starts_with_digit || self.text.as_bytes().get(tag_end) != Some(&b'$') {
            return Ok(None);
        }
        let tag = &self.text[start..=tag_end];
        match self.text[tag_end + 1..].find(tag) {
            Some(n) => Ok(Some(tag_end + 1 + n + tag.len())),
            None => Err(Unterminated { what: "dollar-quoted string", at: start }),
        }
    }
}

/// Whitespace of both engines' scanners.
pub(crate) fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// The tokens that count, of text that was split before; reading stops quietly at something unterminated.
pub(crate) fn significant(engine: EngineKind, text: &str) -> Vec<Token> {
    let mut lexer = Lexer::new(engine, text);
    let mut tokens = Vec::new();
    while let Ok(Some(token)) = lexer.next() {
        if token.matters() {
            tokens.push(token);
        }
    }
    tokens
}

/// The name that an identifier stands for: PostgreSQL folds unquoted ones, quotes are removed. `None` when the token is no identifier.
pub(crate) fn name_of(token: Token, text: &str) -> Option<String> {
    let raw = token.of(text);
    match token.kind {
        Kind::Word => Some(raw.to_ascii_lowercase()),
        Kind::Quoted => {
            let raw = raw.strip_prefix("U&").or_else(|| raw.strip_prefix("u&")).unwrap_or(raw);
            let quote = raw.chars().next()?;
            let inside = raw.get(1..raw.len() - 1)?;
            // SQLite's brackets end at the first `]`, so that doubled ones occur in T-SQL only.
            let close = if quote == '[' { ']' } else { quote };
            Some(inside.replace(&format!("{close}{close}"), &close.to_string()))
        }
        _ => None,
    }
}
