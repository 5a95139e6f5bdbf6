//! Splitting as psql does it.
//!
//! Owns psql's view of a script: `;` outside parentheses and outside SQL-standard function bodies, data lines behind `COPY … FROM stdin`,
//! `\`-commands, `:variables`. Source: psql's manual, and psql 15 watched on such scripts. One difference: psql reads line by line and so does not see
//! that `E'…'` goes on with `'…'` on the next line; the server does, and we split as the server reads, where psql would send it broken halves.

use super::{Pieces, SplitError};
use crate::catalog::EngineKind;
use crate::upgrade::Statement;
use crate::upgrade::psql;
use crate::upgrade::token::{Kind, Lexer, Token};

/// Depths within the statement being read.
#[derive(Default)]
struct Depth {
    parentheses: usize,
    brackets: usize,
    /// `BEGIN ATOMIC … END`, with every `CASE … END` inside.
    body: usize,
    body_at: usize,
}

pub(super) fn split(text: &str) -> Result<Vec<Statement>, SplitError> {
    let mut pieces = Pieces::new(text);
    let mut lexer = Lexer::new(EngineKind::Postgres, text);
    let mut depth = Depth::default();
    while let Some(token) = pieces.next(&mut lexer)? {
        if !token.matters() {
            continue;
        }
        match (token.kind, token.of(text)) {
            (Kind::Symbol, "\\") => {
                lexer.at = command(&mut pieces, token)?;
                continue;
            }
            (Kind::Symbol, ":") => {
                if text[lexer.at..].starts_with([':', '=']) {
                    pieces.tokens.push(token);
                    lexer.at += 1;
                    pieces.tokens.push(Token { kind: Kind::Symbol, start: token.end, end: token.end + 1 });
                    continue;
                }
                if depth.brackets == 0 {
                    refuse_variable(&mut pieces, token)?;
                }
            }
            (Kind::Symbol, ";") if depth.parentheses == 0 && depth.body == 0 => {
                if reads_data(&pieces) {
                    lexer.at = copy(&mut pieces, token.end)?;
                } else {
                    pieces.finish(None);
                }
                depth = Depth::default();
                continue;
            }
            (Kind::Symbol, "(") => depth.parentheses += 1,
            (Kind::Symbol, ")") => depth.parentheses = depth.parentheses.saturating_sub(1),
            (Kind::Symbol, "[") => depth.brackets += 1,
            (Kind::Symbol, "]") => depth.brackets = depth.brackets.saturating_sub(1),
            (Kind::Word, word) if depth.parentheses == 0 && makes_routine(&pieces) => {
                if word.eq_ignore_ascii_case("begin") {
                    depth.body_at = token.start;
                    depth.body += 1;
                } else if depth.body > 0 && word.eq_ignore_ascii_case("case") {
                    depth.body += 1;
                } else if word.eq_ignore_ascii_case("end") {
                    depth.body = depth.body.saturating_sub(1);
                }
            }
            _ => {}
        }
        pieces.tokens.push(token);
    }
    if depth.body > 0 {
        return Err(pieces.error(depth.body_at, "the function body that opens here has no `END`", "end the body with `END;`"));
    }
    let data = reads_data(&pieces).then(String::new);
    pieces.finish(data);
    Ok(pieces.done)
}

/// Whether the statement so far is `CREATE [OR REPLACE] {FUNCTION | PROCEDURE} …`.
fn makes_routine(pieces: &Pieces<'_>) -> bool {
    let at = if pieces.word(1, "or") && pieces.word(2, "replace") { 3 } else { 1 };
    pieces.word(0, "create") && (pieces.word(at, "function") || pieces.word(at, "procedure"))
}

/// Whether the statement reads data lines: `COPY … FROM stdin` (`stdout` means the same there).
fn reads_data(pieces: &Pieces<'_>) -> bool {
    if !pieces.word(0, "copy") {
        return false;
    }
    let mut depth = 0usize;
    for (i, token) in pieces.tokens.iter().enumerate() {
        if token.is_symbol(pieces.text, "(") {
            depth += 1;
        } else if token.is_symbol(pieces.text, ")") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && i > 1 && token.is_word(pieces.text, "from") {
            return pieces.word(i + 1, "stdin") || pieces.word(i + 1, "stdout");
        }
    }
    false
}

/// Takes the data lines behind a `COPY`; says where reading goes on.
fn copy(pieces: &mut Pieces<'_>, after: usize) -> Result<usize, SplitError> {
    let text = pieces.text;
    let rest = text[after..].split('\n').next().unwrap_or("");
    if !rest.trim().is_empty() && !rest.trim_start().starts_with("--") {
        return Err(pieces.error(
            after,
            "more text follows `COPY … FROM stdin;` on its line",
            "start a new line behind the `;`: the lines that follow it are data",
        ));
    }
    let begin = (after + rest.len() + 1).min(text.len());
    let mut at = begin;
    for line in text[begin..].split_inclusive('\n') {
        let next = at + line.len();
        if line.trim_end_matches(['\r', '\n']) == "\\." {
            pieces.finish(Some(text[begin..at].to_owned()));
            return Ok(next);
        }
        at = next;
    }
    pieces.finish(Some(text[begin..].to_owned()));
    Ok(text.len())
}

/// psql would put the value of a variable here, if it knows one.
fn refuse_variable(pieces: &mut Pieces<'_>, colon: Token) -> Result<(), SplitError> {
    let rest = &pieces.text[colon.end..];
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii();
    let found = match rest.chars().next() {
        Some('\'' | '"') => true,
        Some('{') => rest.starts_with("{?"),
        Some(c) if is_name(c) => rest.chars().take_while(|c| is_name(*c)).any(|c| !c.is_ascii_digit()),
        _ => false,
    };
    if !found {
        return Ok(());
    }
    Err(pieces.error(
        colon.start,
        "a psql variable stands here, and psql would put its value in",
        "write the value into the script; Greenroom sets no psql variables",
    ))
}

/// A `\`-command: skipped when it changes nothing for the database, refused otherwise. Says where reading goes on.
fn command(pieces: &mut Pieces<'_>, slash: Token) -> Result<usize, SplitError> {
    let text = pieces.text;
    let line = text[slash.end..].split('\n').next().unwrap_or("");
    let end = slash.end + line.len();
    // `\;`, `\!` and `\.` are single characters; other names are letters and a few signs up to whitespace or the next backslash
    let name_length = line.find(|c: char| c.is_whitespace() || c == '\\').unwrap_or(line.len());
    let (name, arguments) = line.split_at(name_length);
    let known = psql::COMMANDS.contains(&name);
    let shown = if known || psql::REFUSED.iter().any(|(n, _)| *n == name) { format!("`\\{name}`") } else { "this `\\`-command".to_owned() };
    if !known || !psql::harmless(name, arguments) {
        let hint = psql::hint(name);
        return Err(pieces.error(slash.start, format!("psql's {shown} is not supported here"), hint));
    }
    if !pieces.tokens.is_empty() {
        return Err(pieces.error(
            slash.start,
            format!("psql's {shown} stands inside a statement"),
            "move it in front of the statement, or end the statement before it with `;`",
        ));
    }
    Ok(end)
}
