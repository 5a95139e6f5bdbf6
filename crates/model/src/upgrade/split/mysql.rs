//! Splitting as the mysql (mariadb) client does it in batch mode.
//!
//! Owns the client's view of a script: `DELIMITER`, `\g` and `\G`, the client's own commands, comments that the server executes. Source: the
//! manuals' pages on mysql client commands and on comments.

use super::{Pieces, SplitError};
use crate::catalog::EngineKind;
use crate::upgrade::Statement;
use crate::upgrade::token::{Kind, Lexer, Token, is_space};

/// Commands that change nothing for the database, with their letters.
const SKIPPED: &[(&str, char)] = &[
    ("warnings", 'W'),
    ("nowarning", 'w'),
    ("prompt", 'R'),
    ("notee", 't'),
    ("nopager", 'n'),
    ("rehash", '#'),
    ("status", 's'),
    ("print", 'p'),
    ("help", 'h'),
    ("?", '?'),
];

/// Commands that are refused, with their letters and what to do instead.
const REFUSED: &[(&str, char, &str)] = &[
    ("source", '.', "list the file as a script of its own; `steps.toml` gives the order"),
    ("system", '!', PROGRAM),
    ("edit", 'e', "remove it"),
    ("connect", 'r', "remove it: a script runs in the generation only"),
    ("resetconnection", 'x', "remove it"),
    ("tee", 'T', "remove it: scripts write no files"),
    ("pager", 'P', "remove it: scripts start no programs"),
    ("quit", 'q', "remove it and what follows it"),
    ("exit", 'q', "remove it and what follows it"),
    ("clear", 'c', "remove it and the statement that it throws away"),
    ("charset", 'C', "save the script as UTF-8 and remove the command"),
];

const PROGRAM: &str = "make it a program step in `steps.toml`: `[[step]] program = [\"./tool\"]`";

pub(super) fn split(text: &str) -> Result<Vec<Statement>, SplitError> {
    let mut pieces = Pieces::new(text);
    let mut lexer = Lexer::new(EngineKind::Mysql, text);
    let mut delimiter = ";".to_owned();
    loop {
        let at = lexer.at;
        let rest = &text[at..];
        if rest.starts_with(delimiter.as_str()) {
            pieces.finish(None);
            lexer.at += delimiter.len();
        } else if rest.starts_with('\\') {
            lexer.at = letter(&mut pieces, at, &mut delimiter)?;
        } else if pieces.tokens.is_empty() && rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '?') {
            match command(&mut pieces, at, &mut delimiter)? {
                Some(end) => lexer.at = end,
                None => take(&mut pieces, &mut lexer, &delimiter)?,
            }
        } else if rest.is_empty() {
            break;
        } else {
            take(&mut pieces, &mut lexer, &delimiter)?;
        }
    }
    pieces.finish(None);
    Ok(pieces.done)
}

/// Takes one token. The client looks for the delimiter everywhere outside of strings and comments, also within what would be a word (`END$$`).
fn take<'t>(pieces: &mut Pieces<'t>, lexer: &mut Lexer<'t>, delimiter: &str) -> Result<(), SplitError> {
    let Some(mut token) = pieces.next(lexer)? else { return Ok(()) };
    if matches!(token.kind, Kind::Word | Kind::Number)
        && let Some(cut) = token.of(lexer.text).find(delimiter)
        && cut > 0
    {
        token = Token { end: token.start + cut, ..token };
        lexer.at = token.end;
    }
    if token.matters() || token.kind == Kind::Mark {
        pieces.tokens.push(token);
    }
    Ok(())
}

/// The line from `at` on.
fn line(text: &str, at: usize) -> &str {
    text[at..].split('\n').next().unwrap_or("")
}

/// A command in words where a statement could begin. Says where reading goes on, or `None` when it is no command.
fn command(pieces: &mut Pieces<'_>, at: usize, delimiter: &mut String) -> Result<Option<usize>, SplitError> {
    let line = line(pieces.text, at);
    let mut words = line.split_ascii_whitespace();
    let first = words.next().unwrap_or("").trim_end_matches(';');
    if first.eq_ignore_ascii_case("delimiter") {
        *delimiter = new_delimiter(pieces, at, words.next())?;
        return Ok(Some(at + line.len()));
    }
    // The client knows its commands at the start of a line only.
    let starts = pieces.text[..at].rsplit('\n').next().is_some_and(|before| before.bytes().all(is_space));
    if !starts {
        return Ok(None);
    }
    let is = |name: &str| first.eq_ignore_ascii_case(name);
    if SKIPPED.iter().any(|(name, _)| is(name)) {
        return Ok(Some(at + line.len()));
    }
    match REFUSED.iter().find(|(name, ..)| is(name)) {
        Some((name, _, hint)) => Err(refused(pieces, at, &format!("`{name}`"), hint)),
        None => Ok(None),
    }
}

/// A command of one letter behind a backslash. Says where reading goes on.
fn letter(pieces: &mut Pieces<'_>, at: usize, delimiter: &mut String) -> Result<usize, SplitError> {
    let rest = &pieces.text[at + 1..];
    let Some(letter) = rest.chars().next() else { return Ok(at + 1) };
    let end = at + 1 + letter.len_utf8();
    match letter {
        'g' | 'G' => {
            pieces.finish(None);
            Ok(end)
        }
        'd' => {
            let line = line(pieces.text, end);
            *delimiter = new_delimiter(pieces, at, line.split_ascii_whitespace().next())?;
            Ok(end + line.len())
        }
        'u' => {
            // The same as the statement `USE`, which is judged with all others.
            let line = line(pieces.text, end);
            let name = line.trim().trim_end_matches(';').trim();
            let line_number = pieces.lines.of(at);
            pieces.done.push(Statement { sql: format!("USE {name}"), line: line_number, copy_data: None });
            Ok(end + line.len())
        }
        _ if SKIPPED.iter().any(|(_, l)| *l == letter) => Ok(if letter == 'R' { end + line(pieces.text, end).len() } else { end }),
        _ => match REFUSED.iter().find(|(_, l, _)| *l == letter) {
            Some((_, _, hint)) => Err(refused(pieces, at, &format!("`\\{letter}`"), hint)),
            None => Err(refused(pieces, at, "this command", "remove it, or write what it does as SQL")),
        },
    }
}

fn refused(pieces: &mut Pieces<'_>, at: usize, shown: &str, hint: &str) -> SplitError {
    pieces.error(at, format!("the mysql client's {shown} is not supported here"), hint)
}

fn new_delimiter(pieces: &mut Pieces<'_>, at: usize, word: Option<&str>) -> Result<String, SplitError> {
    match word {
        Some(word) if !word.contains('\\') => Ok(word.to_owned()),
        Some(_) => Err(pieces.error(at, "the client refuses a backslash in a delimiter", "choose another, e.g. `DELIMITER $$`")),
        None => Err(pieces.error(at, "`DELIMITER` must be followed by the new delimiter", "write e.g. `DELIMITER $$`")),
    }
}
