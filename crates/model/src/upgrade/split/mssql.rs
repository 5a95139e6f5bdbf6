//! Splitting as sqlcmd and SSMS in SQLCMD mode do it: a statement is a batch.
//!
//! Owns the tools' view of a script: `GO [n]`, `:`-commands, `$(variables)`. Does not own what a batch holds (`reach`). Source: the manuals'
//! pages "sqlcmd utility" and "SQL Server Utilities Statements - GO".
//!
//! A batch's text is sent as it stands, with variables filled in and commands blanked out, so that lines within it keep their numbers.
//! Comments around a batch are left out, except where it creates a routine, view or trigger: the server stores those with their comments.

use super::{Pieces, SplitError};
use crate::catalog::EngineKind;
use crate::upgrade::Statement;
use crate::upgrade::reach::creates_module;
use crate::upgrade::token::{Kind, Lexer, Token};
use std::collections::BTreeMap;

/// Commands that change nothing for the database.
const SKIPPED: &[&str] = &["list", "listvar", "help", "serverlist", "xml"];

/// Commands that are refused, and what to do instead.
const REFUSED: &[(&str, &str)] = &[
    ("r", "list the file as a script of its own; `steps.toml` gives the order"),
    ("!!", PROGRAM),
    ("connect", "remove it: a script runs in the generation only"),
    ("out", "remove it: scripts write no files"),
    ("error", "remove it: scripts write no files"),
    ("perftrace", "remove it: scripts write no files"),
    ("quit", "remove it and what follows it"),
    ("exit", "remove it and what follows it"),
    ("reset", "remove it and the statements that it throws away"),
    ("ed", "remove it"),
];

const PROGRAM: &str = "make it a program step in `steps.toml`: `[[step]] program = [\"./tool\"]`";

/// More repetitions than this are no upgrade step but a loop.
const MOST_RUNS: usize = 10_000;

pub(super) fn split(text: &str) -> Result<Vec<Statement>, SplitError> {
    let mut pieces = Pieces::new(text);
    let mut lexer = Lexer::new(EngineKind::Mssql, text);
    let mut batch = Batch::default();
    let mut variables = Variables::default();
    // Nothing but whitespace (or the end of a comment) stands before the next token on its line.
    let (mut fresh, mut commented) = (true, false);
    while let Some(token) = pieces.next(&mut lexer)? {
        let written = token.of(text);
        match token.kind {
            Kind::Space => {
                if written.contains('\n') {
                    (fresh, commented) = (true, false);
                }
                continue;
            }
            Kind::Comment => {
                batch.comment(token);
                (fresh, commented) = (false, fresh || commented);
                continue;
            }
            _ => {}
        }
        if fresh && (is_command(&text[token.start..]) || (batch.tokens.is_empty() && is_old_command(&text[token.start..]))) {
            let end = command(&mut pieces, token.start, &mut variables, &batch)?;
            batch.cuts.push((token.start, end, String::new()));
            lexer.at = end;
            continue;
        }
        if (fresh || commented)
            && token.is_word(text, "go")
            && let Some(count) = go(&mut pieces, token, fresh)?
        {
            batch.finish(&mut pieces, count);
            lexer.at = line_end(text, token.end);
            continue;
        }
        (fresh, commented) = (false, false);
        lexer.at = batch.take(&mut pieces, token, &variables)?;
    }
    batch.finish(&mut pieces, 1);
    Ok(pieces.done)
}

/// The batch being read.
#[derive(Default)]
struct Batch {
    tokens: Vec<Token>,
    /// Where its first and last comment or token stand.
    whole: Option<(usize, usize)>,
    /// What is replaced, in order: from, to, by what.
    cuts: Vec<(usize, usize, String)>,
    /// Variables that were filled in, in lower case.
    used: BTreeMap<String, String>,
}

impl Batch {
    fn comment(&mut self, token: Token) {
        self.whole = Some((self.whole.map_or(token.start, |w| w.0), token.end));
    }

    /// Adds a token with the variables in it. Says where reading goes on.
    fn take(&mut self, pieces: &mut Pieces<'_>, token: Token, variables: &Variables) -> Result<usize, SplitError> {
        let text = pieces.text;
        let mut token = token;
        let mut at = token.start;
        // A variable may end a word (`log_$(Year)`) or stand alone; its name is then read as other tokens, which are skipped here.
        while let Some(dollar) = text[at..token.end].find('$').map(|n| at + n) {
            at = dollar + 1;
            let Some(name) = variable_at(text, dollar) else { continue };
            let end = dollar + "$(".len() + name.len() + ")".len();
            let Some(value) = variables.get(name) else {
                return Err(pieces.error(
                    dollar,
                    format!("the sqlcmd variable `$({name})` has no value"),
                    format!(
                        "give it one at the top of the script: `:setvar {name} \"…\"`; where the characters are meant as they stand, write `'$' + '({name})'`"
                    ),
                ));
            };
            self.cuts.push((dollar, end, value.to_owned()));
            self.used.insert(name.to_ascii_lowercase(), value.to_owned());
            token.end = token.end.max(end);
            at = end;
        }
        self.comment(token);
        self.tokens.push(token);
        Ok(token.end)
    }

    /// Ends the batch; it runs so many times.
    fn finish(&mut self, pieces: &mut Pieces<'_>, count: usize) {
        let batch = std::mem::take(self);
        let (Some(first), Some(last), Some(whole)) = (batch.tokens.first(), batch.tokens.last(), batch.whole) else { return };
        let bare = batch.text(pieces.text, (first.start, last.end));
        let (start, sql) = if creates_module(&bare) { (whole.0, batch.text(pieces.text, whole)) } else { (first.start, bare) };
        let line = pieces.lines.of(start);
        pieces.done.extend(std::iter::repeat_n(Statement { sql, line, copy_data: None }, count));
    }

    fn text(&self, text: &str, (start, end): (usize, usize)) -> String {
        let mut out = String::with_capacity(end - start);
        let mut at = start;
        for (from, to, by) in self.cuts.iter().filter(|(from, to, _)| *from >= start && *to <= end) {
            out.push_str(&text[at..*from]);
            out.push_str(by);
            at = *to;
        }
        out.push_str(&text[at..end]);
        out
    }
}

/// Values of variables by name in lower case.
#[derive(Default)]
struct Variables(BTreeMap<String, String>);

impl Variables {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(&name.to_ascii_lowercase()).map(String::as_str)
    }
}

/// The name of the variable that a `$` opens, if it opens one.
fn variable_at(text: &str, dollar: usize) -> Option<&str> {
    let inside = text[dollar..].strip_prefix("$(")?;
    let length = inside.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))?;
    (length > 0 && inside[length..].starts_with(')')).then(|| &inside[..length])
}

fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |n| at + n)
}

/// `:command` or `!!`, but not the `::` of a type's own function.
fn is_command(rest: &str) -> bool {
    rest.starts_with("!!") || (rest.starts_with(':') && !rest.starts_with("::"))
}

/// sqlcmd also takes these without a colon, where a batch begins.
fn is_old_command(rest: &str) -> bool {
    let line = rest.split('\n').next().unwrap_or("").trim();
    ["quit", "exit", "reset", "ed"].iter().any(|c| line.eq_ignore_ascii_case(c)) || line.to_ascii_lowercase().starts_with("exit(")
}

/// How many times the batch before `GO` runs; `None` when the word is none of the tool's.
fn go(pieces: &mut Pieces<'_>, token: Token, fresh: bool) -> Result<Option<usize>, SplitError> {
    let line = &pieces.text[token.end..line_end(pieces.text, token.end)];
    let rest = without_comment(line);
    if !fresh {
        let hint = "put `GO` on a line of its own";
        return if rest.is_empty() { Err(pieces.error(token.start, "a comment stands before `GO` on its line", hint)) } else { Ok(None) };
    }
    if rest.is_empty() {
        return Ok(Some(1));
    }
    if !line.starts_with(char::is_whitespace) && !rest.starts_with(';')
        || !rest.starts_with(|c: char| c.is_alphanumeric() || c == ';' || c == '-')
    {
        return Ok(None);
    }
    match rest.parse::<usize>() {
        Ok(count @ 1..=MOST_RUNS) => Ok(Some(count)),
        Ok(0) => Err(pieces.error(token.start, "`GO 0` would leave the batch out", "remove the batch, or the count")),
        Ok(_) => Err(pieces.error(
            token.start,
            format!("`GO` with a count above {MOST_RUNS}"),
            "write a loop: `WHILE` in the batch does it in one statement",
        )),
        Err(_) => Err(pieces.error(
            token.start,
            "behind `GO` there may be a count only",
            "put what follows on a line of its own, and write `GO` without `;`",
        )),
    }
}

/// A line up to the comment that ends it.
fn without_comment(line: &str) -> &str {
    let line = line.trim();
    let line = line.find("--").map_or(line, |n| line[..n].trim_end());
    match line.find("/*") {
        Some(n) if line[n..].find("*/") == Some(line[n..].len() - 2) => line[..n].trim_end(),
        _ => line,
    }
}

/// A command of the tool. Says where reading goes on.
fn command(pieces: &mut Pieces<'_>, at: usize, variables: &mut Variables, batch: &Batch) -> Result<usize, SplitError> {
    let end = line_end(pieces.text, at);
    let line = pieces.text[at..end].trim();
    if line.starts_with("!!") || line.starts_with(":!!") {
        return Err(refused(pieces, at, "!!", PROGRAM));
    }
    let plain = line.strip_prefix(':').unwrap_or(line);
    let (name, rest) = plain.split_at(plain.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(plain.len()));
    let rest = rest.trim();
    let name = name.to_ascii_lowercase();
    let words = || rest.split_whitespace().map(str::to_ascii_lowercase).collect::<Vec<_>>();
    match name.as_str() {
        "setvar" => set(pieces, at, rest, variables, batch)?,
        "on" if words() == ["error", "exit"] => {}
        "on" if words() == ["error", "ignore"] => {
            let hint = "remove it: a script always stops at its first error";
            return Err(pieces.error(at, "sqlcmd's `:on error ignore` is not supported here", hint));
        }
        "out" | "error" | "perftrace" if words() == ["stdout"] || words() == ["stderr"] => {}
        _ if SKIPPED.contains(&name.as_str()) => {}
        _ => {
            return Err(match REFUSED.iter().find(|(n, _)| *n == name) {
                Some((n, hint)) => refused(pieces, at, n, hint),
                None => pieces.error(at, "this `:`-command is not supported here", "remove it, or write what it does as SQL"),
            });
        }
    }
    Ok(end)
}

fn refused(pieces: &mut Pieces<'_>, at: usize, name: &str, hint: &str) -> SplitError {
    let colon = if pieces.text[at..].starts_with(':') { ":" } else { "" };
    pieces.error(at, format!("sqlcmd's `{colon}{name}` is not supported here"), hint)
}

/// `:setvar NAME "value"`, `:setvar NAME value`, `:setvar NAME` (which takes the value away).
fn set(pieces: &mut Pieces<'_>, at: usize, rest: &str, variables: &mut Variables, batch: &Batch) -> Result<(), SplitError> {
    let (name, value) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
    let named = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || !name.chars().all(named) {
        return Err(pieces.error(at, "`:setvar` needs the name of a variable", "write `:setvar NAME \"value\"`"));
    }
    let value = value.trim();
    let lower = name.to_ascii_lowercase();
    if value.is_empty() {
        variables.0.remove(&lower);
        return Ok(());
    }
    let Some(value) = value_of(value) else {
        let hint = "write `:setvar NAME \"value\"`, quotes within the value doubled";
        return Err(pieces.error(at, format!("the value of `{name}` is not one word and not in quotes"), hint));
    };
    let Some(value) = filled(&value, variables) else {
        return Err(pieces.error(at, format!("the value of `{name}` uses a variable that has none"), "set that variable before"));
    };
    // sqlcmd fills variables in when it sends the batch, SSMS while it reads: they differ here, so that nobody can rely on either.
    if batch.used.get(&lower).is_some_and(|before| *before != value) {
        let hint = "put `GO` before the `:setvar`";
        return Err(pieces.error(at, format!("`{name}` changes inside a batch that has used it"), hint));
    }
    variables.0.insert(lower, value);
    Ok(())
}

fn value_of(written: &str) -> Option<String> {
    let Some(inside) = written.strip_prefix('"') else {
        return (!written.contains(|c: char| c.is_whitespace() || c == '"')).then(|| written.to_owned());
    };
    let inside = inside.strip_suffix('"')?;
    let plain = inside.replace("\"\"", "\u{0}");
    (!plain.contains('"')).then(|| plain.replace('\u{0}', "\""))
}

/// A value in which other variables may stand.
fn filled(value: &str, variables: &Variables) -> Option<String> {
    let mut out = String::new();
    let mut at = 0;
    while let Some(dollar) = value[at..].find('$').map(|n| at + n) {
        out.push_str(&value[at..dollar]);
        match variable_at(value, dollar) {
            Some(name) => {
                out.push_str(variables.get(name)?);
                at = dollar + name.len() + 3;
            }
            None => {
                out.push('$');
                at = dollar + 1;
            }
        }
    }
    out.push_str(&value[at..]);
    Some(out)
}

#[cfg(test)]
mod tests;
