//! `greenroom import`.

use super::Done;
use super::refresh::{CarryArgs, carried};
use super::rehearse::Starting;
use crate::app::App;
use crate::error::CliError;
use crate::error::Exit;
use crate::render::words;
use clap::Args;
use greenroom_model::carry::{ExportedTable, Take};
use greenroom_runner::execute::Shown;
use serde::Serialize;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Bring exported configuration into the pilot, or write a script that brings it into production
///
/// Takes what `greenroom export` wrote, from this pilot or another one. Builds the next generation as `greenroom refresh` does, carries the pilot's own
/// configuration over, and then brings the files' rows in: a value that the file changed is taken where it is here what it was there; what differs is a
/// conflict, which a rule of the program or a person decides. The pilot stays as it is until all of it has been verified, and `greenroom undo` goes back.
///
/// With `--script` the files are compared with production instead, which is only read, and what they would change there is written as a script, in one
/// transaction, that somebody with the right to do so runs: it ends at the first row that is not what it was, and then nothing is changed.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  greenroom import config/
  greenroom import config/ --preview        stop before anything is brought in, and show it
  greenroom import config/status.json       one file
  greenroom preview                         what is brought in
  greenroom decide 3f2a pilot               one conflict: `pilot` takes the file's
  greenroom answer go && greenroom resume   go on
  greenroom import config/ --script production.sql --take production
                                            for production, which wins where both changed

Exit codes: 0 the pilot stands, 4 a step or a check failed, 5 a person is asked, 1 anything else.")]
pub struct ImportArgs {
    /// Folder of an export, or files of it
    #[arg(required = true, value_name = "FOLDER|FILE")]
    from: Vec<PathBuf>,
    /// Bring in also the rows that nobody changed where they were exported (`greenroom export --all`), where they are not here
    #[arg(long)]
    all: bool,
    /// Write a script for production instead of importing into the pilot, readable by you only: it holds values
    #[arg(long, value_name = "FILE", conflicts_with_all = ["preview", "html", "by_hand"])]
    script: Option<PathBuf>,
    /// With --script: what is taken in conflicts for which the program has no rule; `pilot` is the file's side
    #[arg(long, value_name = "SIDE", requires = "script")]
    take: Option<Side>,
    #[command(flatten)]
    how: CarryArgs,
}

/// A side of a conflict.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum Side {
    Pilot,
    Production,
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
    if let Some(path) = &args.script {
        let take = args.take.map(|side| match side {
            Side::Pilot => Take::Pilot,
            Side::Production => Take::Production,
        });
        return script(app, &files, args.all, take, path).await;
    }
    let starting = Starting::new(app).await?;
    let planned = starting.session.plan_import(files, args.all, args.how.preview).await;
    carried(app, &starting, planned, &args.how).await
}

#[derive(Serialize)]
struct Written {
    #[serde(flatten)]
    shown: Shown,
    /// Where the script is; none where nothing is to be changed, or conflicts are open.
    script: Option<String>,
    statements: usize,
}

async fn script(app: &App, files: &[ExportedTable], all: bool, take: Option<Take>, path: &Path) -> Done {
    let made = app.session()?.import_script(files, all, take).await?;
    let open = made.script.is_none();
    let text = made.script.filter(|_| made.changes > 0);
    if let Some(text) = &text {
        let write = || -> std::io::Result<()> {
            // A file that was there may be readable by others.
            let part = path.with_file_name(format!(".{}.part", path.file_name().unwrap_or_default().to_string_lossy()));
            match std::fs::remove_file(&part) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
            let mut out = std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&part)?;
            out.write_all(text.as_bytes()).and_then(|()| out.sync_all())?;
            std::fs::rename(&part, path)
        };
        write().map_err(CliError::io(format!("write {}", path.display())))?;
    }
    let script = text.map(|_| path.display().to_string());
    app.result(&Written { shown: made.shown, script, statements: made.changes }, |w| {
        let mut out = crate::render::preview::text(&w.shown);
        out.push_str(&match &w.script {
            Some(script) => format!(
                "wrote {script}: {}; run it on production with the server's own client\n",
                words::count(w.statements as u64, "statement")
            ),
            None if open => "nothing was written: conflicts are open\n".to_owned(),
            None => "nothing was written: production has all of it\n".to_owned(),
        });
        out
    })?;
    if open {
        app.say("next: decide with `[[carry.rule]]` in greenroom.toml, or with `--take pilot` or `--take production` for all of them");
        return Ok(Exit::Person);
    }
    Ok(Exit::Ok)
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
