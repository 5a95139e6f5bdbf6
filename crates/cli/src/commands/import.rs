//! `greenroom import`.

use super::Done;
use super::refresh::{CarryArgs, carried};
use super::rehearse::Starting;
use crate::app::App;
use crate::error::CliError;
use clap::Args;
use greenroom_model::carry::ExportedTable;
use std::path::{Path, PathBuf};

/// Bring exported configuration into the pilot
///
/// Takes what `greenroom export` wrote, from this pilot or another one. Builds the next generation as `greenroom refresh` does, carries the pilot's own
/// configuration over, and then brings the files' rows in: a value that the file changed is taken where it is here what it was there; what differs is a
/// conflict, which a rule of the program or a person decides. The pilot stays as it is until all of it has been verified, and `greenroom undo` goes back.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  greenroom import config/
  greenroom import config/ --preview        stop before anything is brought in, and show it
  greenroom import config/status.json       one file
  greenroom preview                         what is brought in
  greenroom decide 3f2a pilot               one conflict: `pilot` takes the file's
  greenroom answer go && greenroom resume   go on

Exit codes: 0 the pilot stands, 4 a step or a check failed, 5 a person is asked, 1 anything else.")]
pub struct ImportArgs {
    /// Folder of an export, or files of it
    #[arg(required = true, value_name = "FOLDER|FILE")]
    from: Vec<PathBuf>,
    /// Bring in also the rows that nobody changed where they were exported (`greenroom export --all`), where they are not here
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    how: CarryArgs,
}

pub async fn cmd_import(app: &App, args: ImportArgs) -> Done {
    let mut files: Vec<ExportedTable> = Vec::new();
    for from in &args.from {
        for path in listed(from)? {
            let file = read(&path)?;
            if files.iter().any(|f| f.table == file.table) {
                let message = format!("{}: a second file for the table `{}`", path.display(), file.table);
                return Err(CliError::usage(message, "import one export at a time"));
            }
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(CliError::usage("there is no file of an export (`*.json`) there", "`greenroom export FOLDER` writes them"));
    }
    let starting = Starting::new(app).await?;
    let planned = starting.session.plan_import(files, args.all, args.how.preview).await;
    carried(app, &starting, planned, &args.how).await
}

/// The files of a folder by name, or the file itself.
fn listed(from: &Path) -> Result<Vec<PathBuf>, CliError> {
    if !from.is_dir() {
        return Ok(vec![from.to_owned()]);
    }
    let io = || CliError::io(format!("read {}", from.display()));
    let mut all = Vec::new();
    for entry in std::fs::read_dir(from).map_err(io())? {
        let path = entry.map_err(io())?.path();
        let hidden = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
        if path.extension().is_some_and(|e| e == "json") && !hidden {
            all.push(path);
        }
    }
    all.sort();
    Ok(all)
}

/// Reads one file. What the parser says may quote values, and is told by its place only.
fn read(path: &Path) -> Result<ExportedTable, CliError> {
    let bytes = std::fs::read(path).map_err(CliError::io(format!("read {}", path.display())))?;
    serde_json::from_slice(&bytes).map_err(|e| {
        let what = if e.is_data() { "not in the form of an export" } else { "not valid JSON" };
        let message = format!("{}: {what}, at line {}, column {}", path.display(), e.line(), e.column());
        CliError::usage(message, "`greenroom export` writes the form; see `greenroom explain GR0834`")
    })
}
