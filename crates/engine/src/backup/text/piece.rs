//! What a text is taken apart into.

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    /// Its text without the terminator.
    pub sql: Vec<u8>,
    /// The same with string literals emptied and comments gone: enough to judge it, and free of row values.
    pub skeleton: String,
    /// 1-based line on which it begins.
    pub line: u32,
}

impl Statement {
    /// Its words (unquoted, upper case) from the beginning on, up to the first other token.
    pub fn words(&self) -> Vec<String> {
        let mut rest = self.skeleton.trim_start();
        let mut words = Vec::new();
        loop {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            if end == 0 || words.len() == 8 {
                return words;
            }
            words.push(rest[..end].to_ascii_uppercase());
            rest = rest[end..].trim_start();
        }
    }

    /// Whether it begins with these words.
    pub fn is(&self, words: &[&str]) -> bool {
        let own = self.words();
        words.len() <= own.len() && words.iter().zip(&own).all(|(a, b)| a == b)
    }
}

/// What the text consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A statement.
    Statement(Statement),
    /// Whole data lines behind a `COPY … FROM stdin` statement.
    Data(Vec<u8>),
    /// The data's end.
    DataEnd,
    /// A client's command: name without its sign, the rest of the line, its line.
    Command(String, String, u32),
}

/// Why a text cannot be read on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub(crate) struct TextError {
    pub line: u32,
    pub message: &'static str,
}
