//! `greenroom schema`.

use super::Done;
use crate::app::App;
use crate::error::{CliError, Exit};
use clap::{Args, ValueEnum};
use greenroom_model::program;

/// Print the JSON schemas of a program's files, for editors
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  greenroom schema                                   all of them, by file
  greenroom schema columns > columns.schema.json     then put `#:schema ./columns.schema.json` on the first line of columns.toml")]
pub struct SchemaArgs {
    /// Which file's schema
    file: Option<File>,
}

/// A file of a program.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum File {
    /// greenroom.toml
    Program,
    /// columns.toml
    Columns,
    /// packs/*.toml
    Packs,
    /// upgrade/steps.toml
    Steps,
    /// process.toml
    Process,
}

pub fn cmd_schema(app: &App, args: SchemaArgs) -> Done {
    let mut all = program::schema();
    let schema = match args.file {
        None => all,
        Some(file) => {
            let name = match file {
                File::Program => "greenroom.toml",
                File::Columns => "columns.toml",
                File::Packs => "packs/*.toml",
                File::Steps => "upgrade/steps.toml",
                File::Process => "process.toml",
            };
            all.get_mut(name).map(serde_json::Value::take).ok_or_else(|| CliError::Bug(format!("there is no schema of `{name}`")))?
        }
    };
    app.print(&format!("{schema:#}\n"))?;
    Ok(Exit::Ok)
}
