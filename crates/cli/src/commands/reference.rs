//! `greenroom reference`, hidden: writes the reference documents that are rendered from the code, so that they cannot drift.
//! `cargo xtask gen` runs it.

use super::{Arguments, Done};
use crate::app::App;
use crate::error::{CliError, Exit};
use clap::{Args, CommandFactory};
use greenroom_model::finding::codes;
use greenroom_model::{mask, program};
use serde_json::Value;
use std::fmt::Write;
use std::path::PathBuf;

/// Write the generated reference documents into a folder
#[derive(Args, Debug)]
pub struct ReferenceArgs {
    /// Folder
    folder: PathBuf,
}

pub fn cmd_reference(app: &App, args: &ReferenceArgs) -> Done {
    let documents = [("masks.md", mask::describe()), ("codes.md", codes_page()), ("program.md", program_page()), ("cli.md", cli_page())];
    for (name, text) in documents {
        let path = args.folder.join(name);
        std::fs::write(&path, text).map_err(|source| CliError::Io { attempted: format!("write {}", path.display()), source })?;
        app.print(&format!("{}\n", path.display()))?;
    }
    Ok(Exit::Ok)
}

fn codes_page() -> String {
    let mut out = String::from("# Finding codes\n\nRendered from the code by `cargo xtask gen`. `greenroom explain CODE` says the same.\n");
    for c in codes() {
        // Writing into a String cannot fail.
        let _ = write!(out, "\n## {}: {}\n\n{}\n", c.code, c.title, c.explain);
    }
    out
}

fn program_page() -> String {
    let mut out = String::from(
        "# The files of a program\n\nRendered from the code by `cargo xtask gen`; `greenroom schema` prints the JSON schemas for editors.\n",
    );
    let schema = program::schema();
    for (file, schema) in schema.as_object().into_iter().flatten() {
        let _ = write!(out, "\n## {file}\n\n{}\n\n", text_of(schema));
        keys(schema, schema, "", &mut out, 0);
    }
    out
}

fn text_of(schema: &Value) -> String {
    schema.get("description").and_then(Value::as_str).unwrap_or_default().replace('\n', " ")
}

/// Follows `$ref` and the first object among alternatives.
fn resolved<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let by_reference = |s: &'s Value| s.get("$ref").and_then(Value::as_str).and_then(|r| root.pointer(r.trim_start_matches('#')));
    if let Some(found) = by_reference(schema) {
        return resolved(root, found);
    }
    for word in ["anyOf", "oneOf", "allOf"] {
        let alternatives = schema.get(word).and_then(Value::as_array).into_iter().flatten();
        if let Some(found) = alternatives.map(|a| resolved(root, a)).find(|a| a.get("properties").is_some()) {
            return found;
        }
    }
    schema
}

/// One line per key, nested keys below it.
fn keys(root: &Value, schema: &Value, prefix: &str, out: &mut String, depth: usize) {
    let schema = resolved(root, schema);
    for (key, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let about = match text_of(inner) {
            t if t.is_empty() => text_of(resolved(root, inner)),
            t => t,
        };
        let _ = writeln!(out, "- `{prefix}{key}`: {about}");
        let below = resolved(root, inner);
        if depth < 3 {
            keys(root, below, &format!("{prefix}{key}."), out, depth + 1);
            if let Some(items) = below.get("items") {
                keys(root, items, &format!("{prefix}{key}[]."), out, depth + 1);
            }
            if let Some(more) = below.get("additionalProperties").filter(|m| m.is_object()) {
                keys(root, more, &format!("{prefix}{key}.<name>."), out, depth + 1);
            }
        }
    }
    if depth == 0
        && let Some(more) = schema.get("additionalProperties").filter(|m| m.is_object())
    {
        keys(root, more, "<name>.", out, depth + 1);
        if let Some(inner) = resolved(root, more).get("additionalProperties").filter(|m| m.is_object()) {
            keys(root, inner, "<table>.<column>.", out, depth + 1);
        }
    }
}

fn cli_page() -> String {
    let mut out = String::from("# Commands\n\nRendered from the code by `cargo xtask gen`.\n");
    let mut command = Arguments::command().term_width(100).color(clap::ColorChoice::Never);
    command.build();
    helps(&mut command, "", &mut out);
    out
}

fn helps(command: &mut clap::Command, above: &str, out: &mut String) {
    let name = format!("{above}{}", command.get_name());
    let _ = write!(out, "\n## {name}\n\n```text\n{}\n```\n", command.render_help().to_string().trim_end());
    for sub in command.get_subcommands_mut().filter(|s| !s.is_hide_set() && s.get_name() != "help") {
        helps(sub, &format!("{name} "), out);
    }
}
