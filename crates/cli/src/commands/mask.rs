//! `greenroom mask list` and `greenroom mask preview`.

use super::Done;
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::render::table::{Align, table};
use crate::render::words;
use clap::{Args, Subcommand};
use greenroom_engine::RangeSpec;
use greenroom_engine::batch::{Encoding, RawBatch};
use greenroom_model::columns::names::{find_table, suggest_table};
use greenroom_model::finding::Finding;
use greenroom_model::mask::{self, Value};
use greenroom_model::plan::{CopyColumn, TableCopy};
use greenroom_model::verify::TableDigest;
use greenroom_runner::execute::build_masker;
use greenroom_runner::ports::Silent;
use std::io::IsTerminal;
use std::sync::Arc;

/// Look at masks
#[derive(Subcommand, Debug)]
pub enum MaskCommand {
    List(ListArgs),
    Preview(PreviewArgs),
}

/// List all masks, what they take and an example
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  greenroom mask list\n  greenroom mask list --markdown     with parameters and promises")]
pub struct ListArgs {
    /// Everything about every mask, as Markdown
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
}

/// Show rows of a table before and after, on the terminal and nowhere else
///
/// Reads a few rows of the source through the same decisions, conditions and masks as a rehearsal. The pseudonyms are not those that the next
/// generation will have. Since production's values are shown, this only ever writes to a terminal.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  greenroom mask preview client --rows 5")]
pub struct PreviewArgs {
    /// The table, as program files name it
    table: String,
    /// How many rows
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    rows: u16,
}

pub async fn cmd_mask(app: &App, command: MaskCommand) -> Done {
    match command {
        MaskCommand::List(args) => list(app, &args),
        MaskCommand::Preview(args) => preview(app, args).await,
    }
}

fn list(app: &App, args: &ListArgs) -> Done {
    if args.markdown {
        app.print(&mask::describe())?;
        return Ok(Exit::Ok);
    }
    app.result(&mask::catalogue(), |all| {
        let row = |m: &mask::MaskInfo| {
            let params: Vec<&str> = m.params.iter().map(|p| p.name).collect();
            vec![m.name.to_owned(), m.about.to_owned(), params.join(" "), format!("{} → {}", m.example.0, words::cut(m.example.1, 40))]
        };
        let rows: Vec<Vec<String>> = all.iter().map(row).collect();
        let left = |h| (h, Align::Left);
        table(&[left("mask"), left("does"), left("parameters"), left("example")], &rows)
    })?;
    Ok(Exit::Ok)
}

async fn preview(app: &App, args: PreviewArgs) -> Done {
    if app.json || !std::io::stdout().is_terminal() {
        return Err(CliError::usage(
            "the preview shows production's values, and standard output is no terminal",
            "run it on a terminal, without `--json` and without a pipe or file behind it",
        ));
    }
    let (session, layers) = app.session_with(Arc::new(Silent))?;
    let (survey, checked) = session.check().await?;
    let catalog = &survey.catalog;
    let Some(t) = find_table(catalog, &args.table) else {
        let hint = suggest_table(catalog, &args.table)
            .map_or("`greenroom columns --all` lists the tables".into(), |n| format!("did you mean `{n}`?"));
        return Err(CliError::usage(format!("the source has no table `{}`", args.table), hint));
    };
    // What concerns other tables does not stand in the way of looking at this one.
    let about: Vec<Finding> = checked.findings.into_iter().filter(|f| f.message.contains(&format!("`{}", args.table))).collect();
    app.show(&about, &layers);
    let Some(copy) = checked.tables.iter().find(|c| c.table == t.name) else {
        return Err(CliError::missing(format!("`{}` is not copied", args.table), "`greenroom plan` lists what is"));
    };
    if copy.empty {
        app.print(&format!("`{}` arrives empty: no row of it is read\n", args.table))?;
        return Ok(Exit::Ok);
    }
    let mut source = session.engines().source().await?;
    let mut held = source.hold(std::slice::from_ref(&copy.table)).await?;
    let shown = {
        let mut reader = held.reader().await?;
        // One encoding goes into the gate, the other decodes what is shown.
        let encoding = reader.prepare(copy).await?.encoding;
        let gate = build_masker(copy, t, reader.prepare(copy).await?, &session.keys("preview"))?;
        reader.begin(copy, &RangeSpec::whole()).await?;
        match reader.next().await? {
            None => None,
            Some(batch) => {
                let first = first_rows(encoding.as_ref(), &batch, usize::from(args.rows))?;
                let before = decoded(encoding.as_ref(), copy, &first.data)?;
                let masked = gate.pass(first, &mut TableDigest::default())?;
                Some((before, decoded(encoding.as_ref(), copy, masked.data())?))
            }
        }
    };
    held.release().await?;
    match shown {
        None => app.print(&format!("`{}` has no rows that are carried\n", args.table))?,
        Some((before, after)) => app.print(&text(copy, &before, &after))?,
    }
    Ok(Exit::Ok)
}

/// The beginning of a batch.
fn first_rows(encoding: &dyn Encoding, batch: &RawBatch, rows: usize) -> Result<RawBatch, CliError> {
    let mut rest = &batch.data[..];
    let mut fields = Vec::new();
    for _ in 0..rows {
        if !encoding.next_row(&mut rest, &mut fields)? {
            break;
        }
    }
    Ok(RawBatch { data: batch.data.slice(..batch.data.len() - rest.len()) })
}

/// Rows of fields as text; conditions are left out.
fn decoded(encoding: &dyn Encoding, copy: &TableCopy, data: &[u8]) -> Result<Vec<Vec<String>>, CliError> {
    let mut rest = data;
    let mut fields = Vec::new();
    let mut rows = Vec::new();
    while encoding.next_row(&mut rest, &mut fields)? {
        let mut row = Vec::with_capacity(copy.columns.len());
        for (c, field) in fields.iter().take(copy.columns.len()).enumerate() {
            row.push(match field {
                None => "NULL".to_owned(),
                // A type that masks cannot take is kept as it is, and need not be read to be shown as such.
                Some(bytes) => encoding.decode(c, bytes).map_or_else(|_| format!("({} bytes)", bytes.len()), |v| shown(&v)),
            });
        }
        rows.push(row);
    }
    Ok(rows)
}

/// A value on one short line.
fn shown(value: &Value<'_>) -> String {
    let text = match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Int(i) => i.to_string(),
        Value::Float(x) => x.to_string(),
        Value::Decimal(t) | Value::Text(t) | Value::Json(t) | Value::Inet(t) => {
            t.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
        }
        Value::Bytes(b) => format!("({} bytes)", b.len()),
        Value::Date(d) => d.to_string(),
        Value::Timestamp(t) => t.to_string(),
        Value::Uuid(u) => u.iter().map(|b| format!("{b:02x}")).collect(),
        Value::TextArray(items) => items.iter().map(|i| i.as_deref().unwrap_or("NULL")).collect::<Vec<_>>().join(", "),
    };
    words::cut(&text, 60)
}

/// Row by row, one line per column that is looked at; the others only once.
fn text(copy: &TableCopy, before: &[Vec<String>], after: &[Vec<String>]) -> String {
    let ruled: Vec<usize> = (0..copy.columns.len()).filter(|&c| !copy.columns[c].rules.is_empty()).collect();
    let kept: Vec<&str> = copy.columns.iter().filter(|c: &&CopyColumn| c.rules.is_empty()).map(|c| c.name.as_str()).collect();
    let mut rows = Vec::new();
    for (n, (old, new)) in before.iter().zip(after).enumerate() {
        for (i, &c) in ruled.iter().enumerate() {
            let number = if i == 0 { (n + 1).to_string() } else { String::new() };
            rows.push(vec![number, copy.columns[c].name.clone(), old[c].clone(), new[c].clone()]);
        }
    }
    let left = |h| (h, Align::Left);
    let mut out = match ruled.is_empty() {
        true => String::new(),
        false => table(&[("row", Align::Right), left("column"), left("before"), left("after")], &rows),
    };
    if !kept.is_empty() {
        out.push_str(&format!("\nkept as they are: {}\n", kept.join(", ")));
    }
    out
}
