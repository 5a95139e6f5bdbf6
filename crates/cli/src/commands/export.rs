//! `greenroom export`.

use super::Done;
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::render::style::{HEAD, WARN, paint};
use crate::render::words;
use clap::Args;
use greenroom_model::carry::{FORM, HeldBack};
use greenroom_runner::execute::{Exported, Selection};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Write what people configured on the pilot into files
///
/// One JSON file for each table, with the rows that people added, changed or deleted since the pilot was made, in the order of their keys, as they
/// were and as they are: made to be read and compared in git. Columns that were masked, emptied or neutralised are left out, and rows with a value
/// that also stands in such a column are named instead of written. Nothing is changed in any database.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  greenroom export config/
  greenroom export config/ status saved_query
  greenroom export config/ \"saved_query where owner = 'ann'\"
  greenroom export config/ --all

Exit codes: 0 everything that was chosen is in the files, 4 some rows were held back, 1 anything else.")]
pub struct ExportArgs {
    /// Folder for the files; those of an earlier export over the same tables are replaced, or removed where nothing is left to say
    folder: PathBuf,
    /// Tables, each with `where` and an SQL condition if not all of its rows are meant; all configuration without any
    #[arg(value_name = "TABLE [where CONDITION]")]
    tables: Vec<String>,
    /// Rows that nobody changed, too
    #[arg(long)]
    all: bool,
}

#[derive(Serialize)]
struct Written {
    files: Vec<File>,
    /// Files of earlier exports that said nothing true any more.
    removed: Vec<String>,
    held_back: Vec<HeldBack>,
    findings: Vec<String>,
}

#[derive(Serialize)]
struct File {
    path: String,
    table: String,
    rows: usize,
    withheld: Vec<String>,
}

pub async fn cmd_export(app: &App, args: ExportArgs) -> Done {
    let selection = Selection { tables: args.tables.iter().map(|t| chosen(t)).collect::<Result<_, _>>()?, unchanged: args.all };
    let exported = app.session()?.export(&selection).await?;
    let mut written = write(&args.folder, exported)?;
    written.removed = tidy(&args.folder, &selection, &written)?;
    app.result(&written, text)?;
    Ok(if written.held_back.is_empty() { Exit::Ok } else { Exit::Negative })
}

/// `table`, or `table where condition`.
fn chosen(written: &str) -> Result<(String, Option<String>), CliError> {
    let lower = written.to_ascii_lowercase();
    let (table, condition) = match lower.find(" where ") {
        Some(at) => (&written[..at], Some(written[at + " where ".len()..].trim().to_owned())),
        None => (written, None),
    };
    if table.trim().is_empty() || condition.as_ref().is_some_and(String::is_empty) {
        return Err(CliError::Usage {
            message: format!("`{written}` is neither a table nor `TABLE where CONDITION`"),
            hint: "for example \"status where id > 9\"".into(),
        });
    }
    Ok((table.trim().to_owned(), condition))
}

fn write(folder: &Path, exported: Exported) -> Result<Written, CliError> {
    let io = |path: &Path| CliError::io(format!("write {}", path.display()));
    std::fs::create_dir_all(folder).map_err(io(folder))?;
    let mut files = Vec::new();
    for table in &exported.tables {
        // Names of tables may hold anything; files' names may not.
        let plain: String = table.table.chars().map(|c| if c.is_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect();
        let named = |n: usize| if n == 1 { format!("{plain}.json") } else { format!("{plain}-{n}.json") };
        let free = |name: &String| files.iter().all(|f: &File| Path::new(&f.path) != folder.join(name));
        let name = (1..).map(named).find(free).unwrap_or_default();
        let (path, part) = (folder.join(&name), folder.join(format!(".{name}.part")));
        let mut json = serde_json::to_vec_pretty(table).map_err(std::io::Error::from).map_err(io(&path))?;
        json.push(b'\n');
        std::fs::write(&part, json).map_err(io(&path))?;
        std::fs::rename(&part, &path).map_err(io(&path))?;
        let (path, rows) = (path.display().to_string(), table.rows.len());
        files.push(File { path, table: table.table.clone(), rows, withheld: table.withheld.clone() });
    }
    Ok(Written { files, removed: Vec::new(), held_back: exported.held_back, findings: exported.findings })
}

/// Removes files of earlier exports over tables that were chosen and have nothing to say any more: they would pass for what stands there now.
fn tidy(folder: &Path, selection: &Selection, written: &Written) -> Result<Vec<String>, CliError> {
    let mut removed = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(CliError::io(format!("read {}", folder.display())))? {
        let path = entry.map_err(CliError::io(format!("read {}", folder.display())))?.path();
        let shown = path.display().to_string();
        if path.extension().is_none_or(|e| e != "json") || written.files.iter().any(|f| f.path == shown) {
            continue;
        }
        let text = std::fs::read(&path).map_err(CliError::io(format!("read {shown}")))?;
        // Other people's files are left alone.
        let Ok(old) = serde_json::from_slice::<serde_json::Value>(&text) else { continue };
        let chosen = |table: &str| selection.tables.is_empty() || selection.tables.iter().any(|(t, _)| t == table);
        if old["form"] == FORM && old["table"].as_str().is_some_and(chosen) {
            std::fs::remove_file(&path).map_err(CliError::io(format!("remove {shown}")))?;
            removed.push(shown);
        }
    }
    removed.sort();
    Ok(removed)
}

fn text(d: &Written) -> String {
    let mut out = String::new();
    if d.files.is_empty() && d.held_back.is_empty() {
        out.push_str("nothing to write: nobody has changed what was chosen since the pilot was made\n");
    }
    for f in &d.files {
        let without = if f.withheld.is_empty() { String::new() } else { format!(", without {}", f.withheld.join(", ")) };
        out.push_str(&format!("{} {}{without}\n", paint(HEAD, &f.path), words::count(f.rows as u64, "row")));
    }
    for path in &d.removed {
        out.push_str(&format!("{} removed: nothing to say any more\n", paint(HEAD, path)));
    }
    if !d.held_back.is_empty() {
        out.push_str(&format!(
            "\n{}\n",
            paint(WARN, "Held back, since the value also stands in a masked column of the pilot or leads nowhere")
        ));
        for h in &d.held_back {
            let key: Vec<String> = h.key.iter().map(crate::render::preview::value).collect();
            out.push_str(&format!("  {} row {}: {}\n", h.table, key.join(", "), h.column));
        }
    }
    if !d.findings.is_empty() {
        out.push_str(&format!("\n{}\n", paint(HEAD, "Not carried")));
        d.findings.iter().for_each(|f| out.push_str(&format!("  {f}\n")));
    }
    out
}
