//! SQLite's lexical rules, as far as schema texts need them: <https://www.sqlite.org/lang_keywords.html> and `tokenize.c`'s classes.
//!
//! Owns cutting SQL into tokens and finding the parts of CREATE statements that no PRAGMA tells. Does not judge whether SQL is valid: what
//! stands in `sqlite_schema` was accepted by SQLite.

/// One token: its kind and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// See [`Kind`].
    pub kind: Kind,
    /// As written.
    pub text: &'a str,
    /// Byte offset.
    pub at: usize,
    /// How many parentheses are open around it; a parenthesis counts as outside of itself.
    pub depth: usize,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A bare word: keyword or identifier.
    Word,
    /// An identifier in `"…"`, `` `…` `` or `[…]`.
    Quoted,
    /// A text or blob literal.
    Literal,
    /// A number.
    Number,
    /// Anything else, one character.
    Sign,
}

impl<'a> Token<'a> {
    /// Whether it is this keyword.
    pub fn is(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether it is this sign.
    pub fn sign(&self, sign: &str) -> bool {
        self.kind == Kind::Sign && self.text == sign
    }

    /// End of the token.
    pub fn end(&self) -> usize {
        self.at + self.text.len()
    }

    /// The name it stands for, if it can be one. A text literal can, where SQLite expects a name.
    pub fn name(&self) -> Option<String> {
        let inner = || self.text.get(1..self.text.len().saturating_sub(1)).unwrap_or("");
        match (self.kind, self.text.as_bytes().first()?) {
            (Kind::Word, _) => Some(self.text.to_owned()),
            (Kind::Quoted, b'[') => Some(inner().to_owned()),
            (Kind::Quoted, b'`') => Some(inner().replace("``", "`")),
            (Kind::Quoted, _) => Some(inner().replace("\"\"", "\"")),
            (Kind::Literal, b'\'') => Some(inner().replace("''", "'")),
            _ => None,
        }
    }
}

/// Cuts SQL into tokens; white space and comments fall out.
pub(super) fn tokens(sql: &str) -> Vec<Token<'_>> {
    let bytes = sql.as_bytes();
    let mut out = Vec::new();
    let (mut at, mut depth) = (0, 0usize);
    while let Some(&b) = bytes.get(at) {
        let (kind, end) = match b {
            b if b.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            b'-' if bytes.get(at + 1) == Some(&b'-') => {
                at = find(bytes, at, b"\n");
                continue;
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                at = find(bytes, at + 2, b"*/");
                continue;
            }
            b'\'' => (Kind::Literal, quote_end(bytes, at, b)),
            b'"' | b'`' => (Kind::Quoted, quote_end(bytes, at, b)),
            b'[' => (Kind::Quoted, find(bytes, at, b"]")),
            b'x' | b'X' if bytes.get(at + 1) == Some(&b'\'') => (Kind::Literal, quote_end(bytes, at + 1, b'\'')),
            b'0'..=b'9' => (Kind::Number, word_end(bytes, at)),
            b'_' | b'a'..=b'z' | b'A'..=b'Z' | b'$' | 0x80.. => (Kind::Word, word_end(bytes, at)),
            _ => (Kind::Sign, at + 1),
        };
        let text = &sql[at..end];
        if text == ")" {
            depth = depth.saturating_sub(1);
        }
        out.push(Token { kind, text, at, depth });
        if text == "(" {
            depth += 1;
        }
        at = end;
    }
    out
}

fn find(bytes: &[u8], from: usize, what: &[u8]) -> usize {
    let rest = bytes.get(from..).unwrap_or(&[]);
    rest.windows(what.len()).position(|w| w == what).map_or(bytes.len(), |p| from + p + what.len())
}

fn quote_end(bytes: &[u8], start: usize, quote: u8) -> usize {
    let mut at = start + 1;
    while let Some(&b) = bytes.get(at) {
        at += 1;
        if b == quote {
            if bytes.get(at) != Some(&quote) {
                return at;
            }
            at += 1;
        }
    }
    bytes.len()
}

fn word_end(bytes: &[u8], start: usize) -> usize {
    let is_word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | 0x80..);
    start + bytes[start..].iter().take_while(|b| is_word(b)).count()
}

/// The items between the commas at `depth`, e.g. the definitions of a CREATE TABLE at depth 1.
pub(super) fn items<'t, 'a>(tokens: &'t [Token<'a>], depth: usize) -> Vec<&'t [Token<'a>]> {
    let Some(open) = tokens.iter().position(|t| t.sign("(") && t.depth + 1 == depth) else { return Vec::new() };
    let close = (open + 1..tokens.len()).find(|&i| tokens[i].sign(")") && tokens[i].depth + 1 == depth).unwrap_or(tokens.len());
    tokens[open + 1..close].split(|t| t.sign(",") && t.depth == depth).filter(|item| !item.is_empty()).collect()
}

/// The source text that some tokens cover.
pub(super) fn covered<'a>(sql: &'a str, tokens: &[Token<'_>]) -> &'a str {
    match (tokens.first(), tokens.last()) {
        (Some(first), Some(last)) => &sql[first.at..last.end()],
        _ => "",
    }
}

/// The parenthesised text that begins at `tokens[open]`, without its parentheses.
pub(super) fn inside<'a>(sql: &'a str, tokens: &[Token<'_>], open: usize) -> &'a str {
    let depth = tokens[open].depth;
    let close = tokens[open + 1..].iter().find(|t| t.sign(")") && t.depth == depth);
    sql[tokens[open].end()..close.map_or(sql.len(), |t| t.at)].trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_every_kind_of_quotes_are_read() {
        let sql = r#"a "b ""c" `d``e` [f "g] 'h''i' -- x, y
            /* ( */ ü_1"#;
        let names: Vec<_> = tokens(sql).iter().filter_map(Token::name).collect();
        assert_eq!(names, ["a", "b \"c", "d`e", "f \"g", "h'i", "ü_1"]);
    }

    #[test]
    fn commas_in_literals_comments_and_parentheses_do_not_cut() {
        let sql = "CREATE TABLE t(a DEFAULT ',', b /* , */ DECIMAL(10,2), c CHECK (c IN (1,2)))";
        let ts = tokens(sql);
        let parts: Vec<_> = items(&ts, 1).into_iter().map(|i| covered(sql, i)).collect();
        assert_eq!(parts, ["a DEFAULT ','", "b /* , */ DECIMAL(10,2)", "c CHECK (c IN (1,2))"]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_cut_without_panic_and_in_order(sql in "\\PC*") {
            let mut end = 0;
            for t in tokens(&sql) {
                proptest::prop_assert!(t.at >= end && !t.text.is_empty());
                end = t.end();
            }
            let _ = items(&tokens(&sql), 1);
        }
    }
}
