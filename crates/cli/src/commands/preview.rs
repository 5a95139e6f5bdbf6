//! `greenroom preview`.

use super::Done;
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::render::preview::{html, text};
use clap::Args;
use greenroom_runner::execute::Shown;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Show what a refresh carries over: rows and cells, production's own changes, conflicts, what is lost
///
/// Shows values of configuration, which is what you decide about; nothing of it goes into the journal.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  greenroom preview\n  greenroom preview --json\n  greenroom preview --html carry.html --run refresh-7")]
pub struct PreviewArgs {
    /// The run; the latest refresh without it
    #[arg(long)]
    run: Option<String>,
    /// Write a page to look at in a browser, readable by you only
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

pub fn cmd_preview(app: &App, args: &PreviewArgs) -> Done {
    let (run, shown) = app.session()?.preview(args.run.as_deref())?;
    if let Some(file) = &args.html {
        write_html(file, &run.id.0, &shown)?;
        app.say(format!("wrote {}", file.display()));
        return Ok(Exit::Ok);
    }
    app.result(&shown, text)?;
    Ok(Exit::Ok)
}

/// Writes the page, for its owner only.
pub fn write_html(file: &Path, run: &str, shown: &Shown) -> Result<(), CliError> {
    let write = || -> std::io::Result<()> {
        let mut out = std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(file)?;
        out.write_all(html(run, shown).as_bytes())
    };
    write().map_err(CliError::io(format!("write {}", file.display())))
}
