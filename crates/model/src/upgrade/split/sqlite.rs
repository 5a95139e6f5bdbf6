//! Splitting as the sqlite3 shell does it.
//!
//! Owns the shell's view of a script: `;`, the bodies of triggers, dot-commands, `/` and `GO` on a line of their own. Source: the manuals of the
//! shell and of `sqlite3_complete`, which says that a trigger ends with `; END ;`.

use super::{Pieces, SplitError};
use crate::catalog::EngineKind;
use crate::upgrade::Statement;
use crate::upgrade::token::{Lexer, Token};

/// Dot-commands that change nothing for the database.
const SKIPPED: &[&str] = &[
    "bail",
    "changes",
    "echo",
    "explain",
    "eqp",
    "headers",
    "header",
    "mode",
    "nullvalue",
    "print",
    "prompt",
    "progress",
    "separator",
    "show",
    "stats",
    "timer",
    "width",
    "output",
    "once",
];

pub(super) fn split(text: &str) -> Result<Vec<Statement>, SplitError> {
    let mut pieces = Pieces::new(text);
    let mut lexer = Lexer::new(EngineKind::Sqlite, text);
    loop {
        let at = lexer.at;
        let line_start = at == 0 || text.as_bytes()[at - 1] == b'\n';
        if line_start && pieces.tokens.is_empty() && text[at..].starts_with(['.', '#']) {
            lexer.at = command(&mut pieces, at)?;
            continue;
        }
        // whitespace is read line by line, so that the start of every line is seen
        if text.as_bytes().get(at).is_some_and(|b| crate::upgrade::token::is_space(*b)) {
            lexer.at += 1;
            continue;
        }
        let Some(token) = pieces.next(&mut lexer)? else { break };
        if !token.matters() {
            continue;
        }
        let slash = token.is_symbol(text, "/") || token.is_word(text, "go");
        if slash && stands_alone(text, token) && (!is_trigger(&pieces) || body_ended(&pieces, pieces.tokens.len())) {
            pieces.finish(None);
        } else if !token.is_symbol(text, ";") {
            pieces.tokens.push(token);
        } else if !is_trigger(&pieces) || body_ended(&pieces, pieces.tokens.len()) {
            pieces.finish(None);
        } else if !pieces.tokens.iter().any(|t| t.is_word(text, "begin")) {
            return Err(pieces.error(
                token.start,
                "the trigger has no `BEGIN` before its first `;`",
                "write the trigger's statements between `BEGIN` and `END;`",
            ));
        } else {
            pieces.tokens.push(token);
        }
    }
    if is_trigger(&pieces) && !body_ended(&pieces, pieces.tokens.len()) {
        let start = pieces.tokens[0].start;
        return Err(pieces.error(
            start,
            "the trigger that opens here is never ended",
            "end it with `END;` behind the `;` of its last statement",
        ));
    }
    pieces.finish(None);
    Ok(pieces.done)
}

/// Whether the statement so far is `CREATE [TEMP | TEMPORARY] TRIGGER …`, possibly behind `EXPLAIN [QUERY PLAN]`.
fn is_trigger(pieces: &Pieces<'_>) -> bool {
    let mut at = 0;
    if pieces.word(0, "explain") {
        at = if pieces.word(1, "query") && pieces.word(2, "plan") { 3 } else { 1 };
    }
    if !pieces.word(at, "create") {
        return false;
    }
    at += 1;
    if pieces.word(at, "temp") || pieces.word(at, "temporary") {
        at += 1;
    }
    pieces.word(at, "trigger")
}

/// Whether the first `count` tokens end with `; END`.
fn body_ended(pieces: &Pieces<'_>, count: usize) -> bool {
    count >= 2 && pieces.word(count - 1, "end") && pieces.tokens[count - 2].is_symbol(pieces.text, ";")
}

/// Whether nothing but whitespace and a comment shares the token's line.
fn stands_alone(text: &str, token: Token) -> bool {
    let before = text[..token.start].rsplit('\n').next().unwrap_or("");
    let after = text[token.end..].split('\n').next().unwrap_or("").trim();
    let comment = after.starts_with("--") || (after.starts_with("/*") && after.find("*/") == Some(after.len() - 2));
    before.trim().is_empty() && (after.is_empty() || comment)
}

/// A dot-command or a `#` line: skipped when it changes nothing for the database, refused otherwise. Says where reading goes on.
fn command(pieces: &mut Pieces<'_>, at: usize) -> Result<usize, SplitError> {
    let line = pieces.text[at..].split('\n').next().unwrap_or("");
    let end = at + line.len();
    if line.starts_with('#') {
        return Ok(end);
    }
    let mut words = line[1..].split_whitespace();
    let name = words.next().unwrap_or("");
    let writes = matches!(name, "output" | "once") && words.next().is_some();
    let stops = name != "bail" || !matches!(line.split_whitespace().nth(1), Some("off" | "no" | "0"));
    if SKIPPED.contains(&name) && !writes && stops {
        return Ok(end);
    }
    let (shown, hint) = match name {
        "read" => (name, "list the file as a script of its own; `steps.toml` gives the order"),
        "import" | "restore" | "load" | "open" | "shell" | "system" | "save" | "backup" | "dump" | "clone" | "cd" => {
            (name, "make it a program step in `steps.toml`: `[[step]] program = [\"./tool\"]`")
        }
        "output" | "once" => (name, "remove it: scripts write no files"),
        "bail" => (name, "remove it: a script always stops at its first error"),
        "quit" | "exit" => (name, "remove it and what follows it"),
        _ => ("", "remove it, or write what it does as SQL"),
    };
    let shown = if shown.is_empty() { "this dot-command".to_owned() } else { format!("`.{shown}`") };
    Err(pieces.error(at, format!("the shell's {shown} is not supported here"), hint))
}
