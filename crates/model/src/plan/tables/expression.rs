//! Index expressions that can be reasoned about: one column under folding of case, trimming and the like. Everything else is `None`, and
//! then nothing can be proved. Does not own the proof (`unique`).

use super::lex::{Token, lex};
use crate::catalog::{EngineKind, Table};

/// What an expression does to the one column that it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// The column.
    pub column: String,
    /// Values that differ only in case become equal.
    pub folds_case: bool,
    /// Blanks (or given characters) at the ends go.
    pub trims: bool,
    /// Some value becomes NULL.
    pub makes_null: bool,
    /// NULL becomes a value.
    pub fills_null: bool,
}

/// Reads an expression; `None` if it is not one column under known functions.
pub(super) fn shape(engine: EngineKind, sql: &str, table: &Table) -> Option<Shape> {
    let tokens = lex(engine, sql).ok()?;
    let mut reader = Reader { engine, tokens: &tokens, at: 0, table };
    let shape = reader.expression()?;
    (reader.at == tokens.len()).then_some(shape)
}

struct Reader<'a> {
    engine: EngineKind,
    tokens: &'a [Token],
    at: usize,
    table: &'a Table,
}

impl Reader<'_> {
    fn take(&mut self, c: char) -> Option<()> {
        (self.tokens.get(self.at) == Some(&Token::Symbol(c))).then(|| self.at += 1)
    }

    fn take_word(&mut self, words: &[&str]) -> Option<()> {
        self.tokens.get(self.at).filter(|t| words.iter().any(|w| t.is(w)))?;
        self.at += 1;
        Some(())
    }

    fn expression(&mut self) -> Option<Shape> {
        let mut shape = self.primary()?;
        loop {
            if self.take(':').is_some() {
                self.take(':')?;
                self.cast(&mut shape)?;
            } else if self.take_word(&["collate"]).is_some() {
                // Known to compare byte by byte, or else it may make different values equal.
                let exact = matches!(self.tokens.get(self.at)?, Token::Word(w) | Token::Quoted(w) if is_exact_collation(w));
                self.at += 1;
                shape.folds_case |= !exact;
            } else {
                return Some(shape);
            }
        }
    }

    /// Casts that lose nothing; a length would cut.
    fn cast(&mut self, shape: &mut Shape) -> Option<()> {
        if self.take_word(&["citext"]).is_some() {
            shape.folds_case = true;
            return Some(());
        }
        if self.take_word(&["text", "varchar"]).is_some() {
            return self.not_followed_by_length();
        }
        self.take_word(&["character"])?;
        self.take_word(&["varying"])?;
        self.not_followed_by_length()
    }

    fn not_followed_by_length(&self) -> Option<()> {
        (self.tokens.get(self.at) != Some(&Token::Symbol('('))).then_some(())
    }

    fn primary(&mut self) -> Option<Shape> {
        if self.take('(').is_some() {
            let inside = self.expression()?;
            self.take(')')?;
            return Some(inside);
        }
        let token = self.tokens.get(self.at)?.clone();
        self.at += 1;
        let called = self.take('(').is_some();
        match &token {
            Token::Word(function) if called => self.call(function),
            Token::Word(_) | Token::Quoted(_) if !called => self.column(&token),
            _ => None,
        }
    }

    fn column(&self, token: &Token) -> Option<Shape> {
        let exact = |name: &str| match (self.engine, token) {
            (EngineKind::Postgres, Token::Quoted(q)) => q == name,
            (EngineKind::Postgres, Token::Word(w)) => w == name,
            _ => token.names(name),
        };
        let column = self.table.columns.iter().find(|c| exact(&c.name))?.name.clone();
        Some(Shape { column, folds_case: false, trims: false, makes_null: false, fills_null: false })
    }

    fn call(&mut self, function: &str) -> Option<Shape> {
        if function == "trim" && self.take_word(&["both", "leading", "trailing"]).is_some() {
            self.take_word(&["from"])?;
        }
        let mut shape = self.expression()?;
        let second = self.take(',').is_some();
        if second {
            self.literal()?;
        }
        self.take(')')?;
        match function {
            // MariaDB shows `lower` as `lcase`.
            "lower" | "upper" | "lcase" | "ucase" if !second => shape.folds_case = true,
            "trim" | "btrim" | "ltrim" | "rtrim" => shape.trims = true,
            "nullif" if second => shape.makes_null = true,
            "coalesce" | "ifnull" | "isnull" if second => shape.fills_null = true,
            _ => return None,
        }
        Some(shape)
    }

    fn literal(&mut self) -> Option<()> {
        // SQL Server writes `isnull([a],(0))`.
        if self.take('(').is_some() {
            self.literal()?;
            return self.take(')');
        }
        self.take('-');
        matches!(self.tokens.get(self.at)?, Token::Text | Token::Number).then_some(())?;
        self.at += 1;
        while self.take(':').is_some() {
            self.take(':')?;
            self.take_word(&["text", "varchar", "bpchar", "integer", "bigint", "smallint", "numeric", "uuid", "date", "character"])?;
            self.take_word(&["varying"]);
            self.not_followed_by_length()?;
        }
        Some(())
    }
}

/// Collations under which only equal byte strings are equal.
pub(super) fn is_exact_collation(name: &str) -> bool {
    let name = name.to_lowercase();
    // SQL Server's binary collations; those of code points end with `_bin2`.
    let binary = name.ends_with("_bin2") || name == "latin1_general_bin";
    binary || ["binary", "c", "posix", "ucs_basic", "default"].contains(&name.as_str())
}
