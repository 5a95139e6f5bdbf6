//! Single pieces of TOML: keys, strings, inline tables, comments.

use crate::catalog::{EngineKind, TableName};
use serde_json::Value as Json;

/// A key, in quotes where it must be.
pub(crate) fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare { name.to_owned() } else { string(name) }
}

/// A basic string on one line.
pub(super) fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A value on one line. NULL, which TOML does not have, is written as an empty string; masks take none.
pub(super) fn value(json: &Json) -> String {
    match json {
        Json::Null => string(""),
        Json::Bool(b) => b.to_string(),
        Json::Number(n) => n.to_string(),
        Json::String(s) => string(s),
        Json::Array(items) => format!("[{}]", items.iter().map(value).collect::<Vec<_>>().join(", ")),
        Json::Object(map) => inline(map.iter().map(|(k, v)| (k.as_str(), value(v)))),
    }
}

/// An inline table.
pub(super) fn inline<'a>(entries: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let entries: Vec<String> = entries.into_iter().map(|(k, v)| format!("{} = {v}", key(k))).collect();
    if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
}

/// Text as it may stand in a comment: on one line, without control characters.
pub(super) fn comment(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How program files name a table, so that it is read back as this table and as nothing else (a table named `schema`, or one whose name
/// begins like the default schema).
pub(super) fn table(name: &TableName, engine: EngineKind) -> String {
    let short = name.short(engine);
    let ambiguous = short == "schema" || short.strip_prefix(engine.default_schema()).is_some_and(|rest| rest.starts_with('.'));
    if ambiguous { name.to_string() } else { short }
}
