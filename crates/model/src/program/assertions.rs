//! `verify/*.sql`: queries separated by `;`, each after comment lines that say what is expected:
//!
//! ```sql
//! -- expect: no rows            (the default) or: same as source
//! -- source: select count(*) …  (same as source: the query on the source, where it differs; may go on in further `-- source:` lines)
//! -- shape: before              or: after, both (the default)
//! select …;
//! ```
//! Owns finding the queries and their directives; the SQL itself is the engine's. A file of a later layer replaces the file of the same
//! name; one without queries switches it off.

use super::file::File;
use super::layers::{Read, name_in};
use super::text::{nearest, only_comments};
use crate::finding::Finding;
use crate::program::{Assertion, Expect, Shape};
use std::collections::BTreeMap;
use std::ops::Range;

/// Merges the assertion files of all layers.
pub(super) fn merge(layers: &[Read<'_>], findings: &mut Vec<Finding>) -> Vec<Assertion> {
    let mut merged: BTreeMap<String, Vec<Assertion>> = BTreeMap::new();
    for layer in layers {
        for path in layer.layer.files.keys() {
            let Some(name) = name_in("verify", "sql", path) else { continue };
            let file = layer.file(path);
            let before = findings.len();
            let assertions = file_assertions(name, file, findings);
            let none = assertions.is_empty() && !only_comments(file.text, "--");
            if merged.insert(name.to_owned(), assertions).is_none() && none && findings.len() == before {
                let finding = Finding::note("GR0122", format!("`{path}` has no query in it")).at(file.place(0..0));
                findings.push(finding.hint("write a query that returns rows if something is wrong, or remove the file"));
            }
        }
    }
    merged.into_values().flatten().collect()
}

/// Reads one file.
fn file_assertions(name: &str, file: File<'_>, findings: &mut Vec<Finding>) -> Vec<Assertion> {
    let queries = match queries(file.text) {
        Ok(queries) => queries,
        Err(at) => {
            let finding = Finding::error("GR0122", "a quote or comment is never closed").at(file.place(at..at + 1));
            findings.push(finding.hint("close it; quotes inside text are doubled"));
            return Vec::new();
        }
    };
    let several = queries.len() > 1;
    queries
        .iter()
        .enumerate()
        .map(|(index, query)| {
            let name = if several { format!("{name}#{}", index + 1) } else { name.to_owned() };
            let (expect, shape) = directives(query, file, findings);
            Assertion {
                name,
                sql: file.text[query.sql.clone()].trim_end().to_owned(),
                expect,
                shape,
                origin: file.origin(query.sql.clone()),
            }
        })
        .collect()
}

/// A query: where its SQL stands, and the line comments before and inside of it.
struct Query {
    sql: Range<usize>,
    before: Vec<Range<usize>>,
    inside: Vec<Range<usize>>,
}

fn directives(query: &Query, file: File<'_>, findings: &mut Vec<Finding>) -> (Expect, Shape) {
    let mut refuse = |message: String, hint: String, span: &Range<usize>| {
        findings.push(Finding::error("GR0122", message).at(file.place(span.clone())).hint(hint));
    };
    let (mut same, mut shape) = (false, Shape::Both);
    let mut source: Option<(String, Range<usize>)> = None;
    for span in &query.before {
        let Some((word, rest)) = directive(&file.text[span.clone()]) else { continue };
        let value = rest.trim_end_matches(';').trim().to_lowercase();
        match (word, value.as_str()) {
            ("expect", "no rows") => same = false,
            ("expect", "same as source") => same = true,
            ("expect", _) => {
                refuse("`expect` takes `no rows` or `same as source`".to_owned(), "write `-- expect: no rows`".to_owned(), span);
            }
            ("shape", "before") => shape = Shape::Before,
            ("shape", "after") => shape = Shape::After,
            ("shape", "both") => shape = Shape::Both,
            ("shape", _) => refuse("`shape` takes `before`, `after` or `both`".to_owned(), "write `-- shape: both`".to_owned(), span),
            ("source", "") => refuse("`source` has no query".to_owned(), "write `-- source: select …`".to_owned(), span),
            ("source", _) => {
                let more = rest.trim_end_matches(';').trim();
                source = Some(match source {
                    Some((text, first)) => (format!("{text} {more}"), first),
                    None => (more.to_owned(), span.clone()),
                });
            }
            (other, _) => {
                if let Some(meant) = nearest(other, ["expect", "shape", "source"]) {
                    refuse(format!("unknown directive `{other}`"), format!("did you mean `-- {meant}:`?"), span);
                }
            }
        }
    }
    for span in &query.inside {
        if let Some((word @ ("expect" | "shape" | "source"), _)) = directive(&file.text[span.clone()]) {
            refuse(format!("`{word}` stands inside the query and would not be read"), "move it before the query".to_owned(), span);
        }
    }
    if let Some((_, span)) = source.as_ref().filter(|_| !same) {
        refuse(
            "`source` is read only where the value is compared with the source's".to_owned(),
            "add `-- expect: same as source`".to_owned(),
            span,
        );
    }
    let expect = if same { Expect::SameAsSource { source_sql: source.map(|(sql, _)| sql) } } else { Expect::NoRows };
    (expect, shape)
}

/// The word and the rest of a comment `-- word: rest`.
fn directive(comment: &str) -> Option<(&str, &str)> {
    let (word, rest) = comment.trim_start_matches('-').split_once(':')?;
    let word = word.trim();
    (!word.is_empty() && word.chars().all(|c| c.is_ascii_alphabetic())).then_some((word, rest.trim()))
}

/// Cuts a text at semicolons outside quotes, dollar quotes and comments. `Err`: offset of what is never closed.
fn queries(text: &str) -> Result<Vec<Query>, usize> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut start: Option<usize> = None;
    let (mut before, mut inside) = (Vec::new(), Vec::new());
    let mut at = if text.starts_with('\u{feff}') { 3 } else { 0 };
    while at < bytes.len() {
        let rest = &text[at..];
        let token = match bytes[at] {
            b'-' if rest.starts_with("--") => {
                let end = at + rest.find('\n').unwrap_or(rest.len());
                if start.is_some() {
                    inside.push(at..end)
                } else {
                    before.push(at..end)
                }
                at = end;
                continue;
            }
            b'/' if rest.starts_with("/*") => {
                at += rest[2..].find("*/").ok_or(at)? + 4;
                continue;
            }
            b';' => {
                if let Some(from) = start.take() {
                    found.push(Query { sql: from..at, before: std::mem::take(&mut before), inside: std::mem::take(&mut inside) });
                }
                at += 1;
                continue;
            }
            quote @ (b'\'' | b'"' | b'`') => rest[1..].find(char::from(quote)).ok_or(at)? + 2,
            b'$' => match dollar_tag(rest) {
                Some(tag) => rest[tag.len()..].find(tag).ok_or(at)? + 2 * tag.len(),
                None => 1,
            },
            byte if byte.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            _ => word_length(rest),
        };
        start.get_or_insert(at);
        at += token;
    }
    if let Some(from) = start {
        found.push(Query { sql: from..text.len(), before, inside });
    }
    Ok(found)
}

/// The opening `$tag$` of a PostgreSQL dollar quote.
fn dollar_tag(rest: &str) -> Option<&str> {
    let end = rest[1..].find('$')? + 1;
    let tag = &rest[1..end];
    let named = tag.chars().all(|c| c.is_alphanumeric() || c == '_') && !tag.starts_with(|c: char| c.is_ascii_digit());
    named.then_some(&rest[..=end])
}

/// The length of the word (or the single other character) that a text begins with. A word is taken as a whole, so that the `$` in `a$b$`
/// opens no dollar quote.
fn word_length(rest: &str) -> usize {
    let in_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    match rest.find(|c| !in_word(c)) {
        Some(0) => rest.chars().next().map_or(1, char::len_utf8),
        Some(end) => end,
        None => rest.len(),
    }
}
