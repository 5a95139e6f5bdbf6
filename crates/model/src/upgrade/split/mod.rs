//! Splitting a script into statements, exactly as the engine's own tool (psql, mysql, sqlcmd, the sqlite3 shell) would.
//!
//! Owns terminators, line numbers and what of the tools' own commands is honoured. Does not own what statements mean: see `reach`.

mod mssql;
mod mysql;
mod postgres;
mod sqlite;

use super::Statement;
use super::token::{Lexer, Token, Unterminated};
use crate::catalog::EngineKind;

/// Why a script cannot be split. Never carries a literal of the script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct SplitError {
    /// 1-based line that is meant.
    pub line: u32,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// Splits a script into its statements, in order.
///
/// A statement's text starts at its first token and ends behind its last one, so that an engine's error position can be added to
/// [`Statement::line`]; comments between are kept, comments around it are not (SQL Server's are where it stores them with what it creates).
/// Pieces without tokens are no statements. A byte-order mark is skipped. SQL Server's statements are batches.
///
/// # Errors
/// Something is opened and never closed, a command of the tool is not supported, or the text holds a NUL character.
pub fn split(engine: EngineKind, text: &str) -> Result<Vec<Statement>, SplitError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(at) = text.find('\0') {
        return Err(SplitError {
            line: Lines::new(text).of(at),
            message: "the script holds a NUL character".into(),
            hint: "save the script as UTF-8 text; UTF-16 text without a byte-order mark looks like this".into(),
        });
    }
    match engine {
        EngineKind::Postgres => postgres::split(text),
        EngineKind::Mysql => mysql::split(text),
        EngineKind::Mssql => mssql::split(text),
        EngineKind::Sqlite | EngineKind::Fake => sqlite::split(text),
    }
}

/// Counts lines while offsets grow; an offset before the last one starts over.
struct Lines<'t> {
    text: &'t str,
    at: usize,
    line: u32,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Lines<'t> {
        Lines { text, at: 0, line: 1 }
    }

    fn of(&mut self, offset: usize) -> u32 {
        if offset < self.at {
            (self.at, self.line) = (0, 1);
        }
        let newlines = self.text.as_bytes()[self.at..offset].iter().filter(|b| **b == b'\n').count();
        self.line = self.line.saturating_add(u32::try_from(newlines).unwrap_or(u32::MAX));
        self.at = offset;
        self.line
    }
}

/// What the splitters share: the text, the statement being read, the statements done.
struct Pieces<'t> {
    text: &'t str,
    lines: Lines<'t>,
    tokens: Vec<Token>,
    done: Vec<Statement>,
}

impl<'t> Pieces<'t> {
    fn new(text: &'t str) -> Pieces<'t> {
        Pieces { text, lines: Lines::new(text), tokens: Vec::new(), done: Vec::new() }
    }

    fn error(&mut self, at: usize, message: impl Into<String>, hint: impl Into<String>) -> SplitError {
        SplitError { line: self.lines.of(at), message: message.into(), hint: hint.into() }
    }

    fn next(&mut self, lexer: &mut Lexer<'t>) -> Result<Option<Token>, SplitError> {
        lexer.next().map_err(|Unterminated { what, at }| {
            self.error(
                at,
                format!("the {what} that opens here is never closed"),
                format!("close the {what}, or see whether the file was cut off"),
            )
        })
    }

    /// Ends the statement being read.
    fn finish(&mut self, copy_data: Option<String>) {
        if let (Some(first), Some(last)) = (self.tokens.first(), self.tokens.last()) {
            let line = self.lines.of(first.start);
            self.done.push(Statement { sql: self.text[first.start..last.end].to_owned(), line, copy_data });
        }
        self.tokens.clear();
    }

    fn word(&self, index: usize, word: &str) -> bool {
        self.tokens.get(index).is_some_and(|t| t.is_word(self.text, word))
    }
}

#[cfg(test)]
mod tests;
