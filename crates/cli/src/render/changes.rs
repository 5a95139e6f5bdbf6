//! What people changed on the pilot, for a terminal and as Markdown. Does not own what is in it (`session::changes`).

use super::preview::value;
use super::process::{at, person};
use super::style::{DIM, HEAD, WARN, heading, paint};
use super::table::{Align, table};
use super::words;
use crate::commands::changes::whose;
use greenroom_model::carry::{RowDeed, key_text};
use greenroom_model::process::Process;
use greenroom_model::process::changes::{Note, NotedTable};
use greenroom_runner::session::{Changes, NoteLine, RowLine, TableChanges};
use std::fmt::Write;

/// Rows of one table that a terminal is given without `--all`.
const SHOWN: usize = 20;
/// Rows of one table in a Markdown file.
const WRITTEN: usize = 5000;
/// Characters of a value on a terminal.
const WIDE: usize = 60;
/// Characters of a value in a Markdown file.
const WIDER: usize = 300;

/// A text for one place, and whether it was cut.
fn short(text: String, wide: usize, cut: &mut bool) -> String {
    if text.chars().count() <= wide {
        return text;
    }
    *cut = true;
    format!("{}…", text.chars().take(wide - 1).collect::<String>())
}

fn deed(what: RowDeed) -> &'static str {
    match what {
        RowDeed::Inserted => "added",
        RowDeed::Changed => "changed",
        RowDeed::Deleted => "deleted",
        RowDeed::Left => "left",
    }
}

/// The row's key, or its short name where that says nothing.
fn row_name(row: &RowLine, wide: usize, cut: &mut bool) -> String {
    let text = |key| key_text(key).chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect::<String>();
    match row.change.key.as_ref().map(text) {
        Some(key) if key.chars().count() <= wide => key,
        Some(key) => format!("{} {}", row.short(), short(key, wide, cut)),
        None => row.short(),
    }
}

/// Columns with what was and is.
fn values(row: &RowLine, wide: usize, cut: &mut bool) -> String {
    let mut one = |v: &greenroom_model::carry::ValueChange| {
        let mut said = |cell: &greenroom_model::carry::Cell| short(value(cell), wide, cut);
        match (&v.was, &v.now) {
            _ if v.withheld => format!("{}: (masked)", v.column),
            (Some(was), Some(now)) => format!("{}: {} → {}", v.column, said(was), said(now)),
            (Some(one), None) | (None, Some(one)) => format!("{}: {}", v.column, said(one)),
            (None, None) => v.column.clone(),
        }
    };
    row.change.values.iter().map(&mut one).collect::<Vec<_>>().join("; ")
}

/// Whose a row is, in words.
fn owner(c: &Changes, noted: Option<u64>, before: Option<u64>, process: Option<&Process>) -> String {
    match (noted, before) {
        (Some(event), _) => whose(c, event, process),
        (None, Some(event)) => format!("nobody's; before it was changed once more: {}", whose(c, event, process)),
        (None, None) => "nobody's".to_owned(),
    }
}

/// Whether it goes along, in words.
fn goes(c: &Changes, t: &TableChanges, row: &RowLine) -> String {
    if let Some(why) = t.not_carried.or(row.change.not_carried) {
        return format!("not carried: {why}");
    }
    if !c.carried {
        return "not carried".to_owned();
    }
    let masked: Vec<&str> = row.change.values.iter().filter(|v| v.withheld).map(|v| v.column.as_str()).collect();
    match masked.is_empty() || row.change.what == RowDeed::Deleted {
        true => "carried".to_owned(),
        false => format!("carried without {}", masked.join(", ")),
    }
}

fn counts(t: &TableChanges) -> String {
    let n = t.counts;
    let parts = [(n.inserted, "added"), (n.changed, "changed"), (n.deleted, "deleted")];
    let said: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{} {word}", words::thousands(*n))).collect();
    let whose = match n.nobodys {
        0 => "all of them noted".to_owned(),
        all if all == n.rows => "nobody's".to_owned(),
        some => format!("{} of them nobody's", words::thousands(some)),
    };
    format!("{}: {}; {whose}", words::count(n.rows, "row"), said.join(", "))
}

/// The changes for a terminal.
pub fn text(c: &Changes, process: Option<&Process>, all: bool) -> String {
    let mut out = format!("{} `{}`, generation {}, of `{}`\n", paint(HEAD, "Pilot"), c.pilot, c.generation, c.run);
    if c.is_empty() {
        out.push_str("nothing was changed since it was opened\n");
        return out;
    }
    let mut cut = false;
    for t in &c.tables {
        out.push_str(&heading(&t.table));
        let _ = writeln!(out, "  {}", counts(t));
        let shown = if all { t.rows.len() } else { SHOWN };
        let row = |r: &RowLine, cut: &mut bool| {
            let whose = owner(c, r.noted, r.noted_before, process);
            let whose = if r.noted.is_none() { paint(WARN, whose) } else { whose };
            vec![deed(r.change.what).to_owned(), row_name(r, WIDE, cut), values(r, WIDE, cut), whose, goes(c, t, r)]
        };
        let rows: Vec<Vec<String>> = t.rows.iter().take(shown).map(|r| row(r, &mut cut)).collect();
        let key = if t.key.is_empty() { "row".to_owned() } else { t.key.join(",") };
        let left = |h| (h, Align::Left);
        out.push_str(&table(&[left(""), left(&key), left("values"), left("whose"), left("to production")], &rows));
        if t.rows.len() > shown {
            let _ = writeln!(out, "  … and {} more: `--all` shows them, `--json` too", words::thousands((t.rows.len() - shown) as u64));
        }
    }
    if cut {
        let _ = writeln!(out, "  {}", paint(DIM, format!("values are cut after {WIDE} characters; `--json` has them whole")));
    }
    if !c.schema.is_empty() {
        out.push_str(&heading("Schema, not carried: put it into the upgrade"));
        for s in &c.schema {
            let _ = writeln!(out, "  {} {} {}: {}", s.change.kind, s.change.name, s.change.what.word(), owner(c, s.noted, None, process));
        }
    }
    rest(c, &mut out, heading, "  ");
    let nobodys = c.nobodys();
    if nobodys > 0 {
        let _ = writeln!(
            out,
            "\n{}: `greenroom changes note --words \"…\"` puts on record that they are yours",
            paint(WARN, format!("{} nobody's", words::count(nobodys, "change")))
        );
    }
    out
}

/// What is neither rows nor schema.
fn rest(c: &Changes, out: &mut String, title: impl Fn(&str) -> String, mark: &str) {
    if let Some(records) = c.records.as_ref().filter(|r| !r.is_empty()) {
        out.push_str(&title("Records, not carried"));
        for (table, n) in records {
            let _ = writeln!(out, "{mark}{table}: {} entered or changed", words::count(*n, "row"));
        }
    }
    if !c.not_compared.is_empty() {
        out.push_str(&title("Not compared"));
        for (what, why) in &c.not_compared {
            let _ = writeln!(out, "{mark}{what}: {why}");
        }
    }
    let open = |p: &String| format!("the pack `{p}` is switched on again: what its statements did shows as changes");
    let strategy = (!c.carried).then(|| "the go-live of this program takes no configuration from the pilot".to_owned());
    let notes: Vec<String> = strategy.into_iter().chain(c.reopened.iter().map(open)).chain(c.findings.iter().cloned()).collect();
    let lost = c.notes.iter().filter(|n| !n.rows_known);
    let lost = lost.map(|n| format!("which rows the note of event {} is about is not known here any more", n.noted.event));
    let notes: Vec<String> = notes.into_iter().chain(lost).collect();
    if !notes.is_empty() {
        out.push_str(&title("To know"));
        notes.iter().for_each(|n| out.push_str(&format!("{mark}{n}\n")));
    }
}

/// What a note says, in one line.
pub fn summary(note: &Note) -> String {
    let table = |t: &NotedTable| {
        let parts = [(t.inserted, "added"), (t.changed, "changed"), (t.deleted, "deleted")];
        let said: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{} {word}", words::thousands(*n))).collect();
        let columns: Vec<&str> = t.columns.iter().map(String::as_str).collect();
        let columns = if columns.is_empty() { String::new() } else { format!(" ({})", columns.join(", ")) };
        format!("{}: {}{columns}", t.table, said.join(", "))
    };
    let tables = note.tables.iter().map(table);
    let schema = note.schema.iter().map(|(kind, name, what)| format!("{kind} {name} {what}"));
    let more = (note.more > 0).then(|| format!("{} more objects of the schema", words::thousands(note.more)));
    tables.chain(schema).chain(more).collect::<Vec<_>>().join("; ")
}

/// What a note is about, by name.
pub fn named(note: &Note) -> String {
    let tables = note.tables.iter().map(|t| t.table.clone());
    let schema = note.schema.iter().map(|(kind, name, _)| format!("{kind} {name}"));
    note.case.iter().cloned().chain(tables).chain(schema).collect::<Vec<_>>().join(" ")
}

/// The notes on record.
pub fn notes(all: &[NoteLine], process: Option<&Process>) -> String {
    if all.is_empty() {
        return "nobody has noted any change: `greenroom changes note --words \"…\"`\n".to_owned();
    }
    let mut out = String::new();
    for n in all {
        let (who, when) = match process {
            Some(p) => (person(p, &n.noted.by), at(p, n.noted.at.at)),
            None => (n.noted.by.clone(), words::when(n.noted.at.at)),
        };
        let note = &n.noted.note;
        let case = note.case.as_ref().map(|c| format!(", for the case `{c}`")).unwrap_or_default();
        let _ = writeln!(out, "{} {who}, {when}, generation {}{case}", paint(HEAD, format!("event {}:", n.noted.event)), note.generation);
        n.words.iter().for_each(|w| out.push_str(&format!("  {w}\n")));
        let _ = writeln!(out, "  {}\n  {}", summary(note), paint(DIM, format!("digest {}", note.digest)));
        if !n.rows_known {
            let _ = writeln!(out, "  {}", paint(WARN, "which rows were meant is not known here any more"));
        }
    }
    out
}

/// Text within a line of Markdown: nothing in it is a mark, or begins another cell.
pub fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\n' | '\r' => out.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// The changes as Markdown.
pub fn markdown(c: &Changes, program: &str, process: Option<&Process>) -> String {
    let mut out = format!("# What people changed on the pilot of {}\n\n", plain(program));
    let _ = writeln!(out, "Generation {} of `{}`, made by `{}`.\n", c.generation, plain(&c.pilot), plain(&c.run));
    if c.is_empty() {
        out.push_str("Nothing was changed since it was opened.\n");
        return out;
    }
    let _ = writeln!(out, "{} nobody's.", words::count(c.nobodys(), "change"));
    let mut cut = false;
    for t in &c.tables {
        let _ = writeln!(out, "\n## {}\n\n{}.\n", plain(&t.table), counts(t));
        let key = if t.key.is_empty() { "row".to_owned() } else { t.key.join(",") };
        let _ = writeln!(out, "| | {} | values | whose | to production |\n|---|---|---|---|---|", plain(&key));
        for r in t.rows.iter().take(WRITTEN) {
            let cells =
                [row_name(r, WIDER, &mut cut), values(r, WIDER, &mut cut), owner(c, r.noted, r.noted_before, process), goes(c, t, r)];
            let _ = writeln!(out, "| {} | {} |", deed(r.change.what), cells.map(|c| plain(&c)).join(" | "));
        }
        if t.rows.len() > WRITTEN {
            let more = words::thousands((t.rows.len() - WRITTEN) as u64);
            let _ = writeln!(out, "\n… and {more} more rows: a file that ends with `.json` has all.");
        }
    }
    if cut {
        let _ = writeln!(out, "\nValues are cut after {WIDER} characters; a file that ends with `.json` has them whole.");
    }
    if !c.schema.is_empty() {
        out.push_str("\n## Schema, not carried\n\n");
        for s in &c.schema {
            let whose = owner(c, s.noted, None, process);
            let _ = writeln!(out, "- {} {} {}: {}", s.change.kind, plain(&s.change.name), s.change.what.word(), plain(&whose));
        }
    }
    let mut more = String::new();
    rest(c, &mut more, |title| format!("\n## {title}\n\n"), "- ");
    out.push_str(&more);
    if !c.notes.is_empty() {
        out.push_str("\n## Notes\n\n");
        c.notes.iter().for_each(|n| out.push_str(&note_line(n, process)));
    }
    out
}

/// A note as a line of Markdown.
pub fn note_line(n: &NoteLine, process: Option<&Process>) -> String {
    let (who, when) = match process {
        Some(p) => (person(p, &n.noted.by), at(p, n.noted.at.at)),
        None => (n.noted.by.clone(), words::when(n.noted.at.at)),
    };
    let note = &n.noted.note;
    let said = n.words.as_ref().map(|w| format!(": {}", plain(w))).unwrap_or_default();
    let case = note.case.as_ref().map(|c| format!(", case {}", plain(c))).unwrap_or_default();
    format!(
        "- {}, {when}, generation {}{case} (event {}){said}\n  - {}\n  - digest `{}`\n",
        plain(&who),
        note.generation,
        n.noted.event,
        plain(&summary(note)),
        note.digest
    )
}
