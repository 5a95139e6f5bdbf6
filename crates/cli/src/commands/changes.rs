//! `greenroom changes`.

use super::Done;
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::render::changes::{markdown, notes, text};
use crate::render::process::recorded;
use clap::{Args, Subcommand};
use greenroom_model::process::Process;
use greenroom_runner::session::{Changes, NoteLine, Session};
use serde::Serialize;
use std::path::PathBuf;

/// Show what people changed on the pilot, row by row, and whose it is; put on record that it is yours
///
/// Compared is the pilot with what it was when it was opened (what was carried over into it counts as changed still). Rows of configuration are told with their values as they
/// were and are, but those of masked columns; objects of the schema and records that people entered are told as what is not carried over. Nothing is changed in any database.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  greenroom changes
  greenroom changes --table status --nobodys
  greenroom changes note --case invoice-prints --words \"statuses as the clinic wants them\"
  greenroom changes note status \"printer=9\" --words \"label printer of room 4\"
  greenroom changes notes
  greenroom changes export changes.md")]
pub struct ChangesArgs {
    #[command(subcommand)]
    command: Option<ChangesCommand>,
    /// This table only
    #[arg(long, value_name = "TABLE")]
    table: Vec<String>,
    /// Only what nobody noted as theirs
    #[arg(long)]
    nobodys: bool,
    /// Only what the note of this event is about, as far as it stands so still
    #[arg(long, value_name = "EVENT", conflicts_with = "nobodys")]
    of: Option<u64>,
    /// Every row, not only the first of each table
    #[arg(long)]
    all: bool,
    /// Do not count what was entered beside configuration: every row of the pilot is read for that
    #[arg(long)]
    no_records: bool,
}

#[derive(Subcommand, Debug)]
enum ChangesCommand {
    /// Put on record that changes are yours: in numbers, with the columns and a digest; values stay out of it
    Note {
        /// Tables, or rows of them as they are listed; all that nobody noted without any
        #[arg(value_name = "TABLE[=KEY]")]
        meant: Vec<String>,
        /// The case of the test plan for which they were made
        #[arg(long, value_name = "CASE")]
        case: Option<String>,
        /// What they are, in your words, kept outside the chain of the record
        #[arg(long, value_name = "WORDS")]
        words: String,
    },
    /// List the notes on record
    Notes,
    /// Write all of it into a file, as Markdown; as JSON where its name ends so
    Export {
        /// The file; it holds values of configuration
        file: PathBuf,
    },
}

#[derive(Serialize)]
struct Notes {
    notes: Vec<NoteLine>,
}

pub async fn cmd_changes(app: &App, args: ChangesArgs) -> Done {
    let session = app.session()?;
    let process = session.process().ok();
    match args.command {
        Some(ChangesCommand::Note { ref meant, ref case, ref words }) => {
            if words.trim().is_empty() {
                return Err(CliError::usage("`--words` is empty", "say in a few words what was changed, and why"));
            }
            let done = session.note_changes(meant, case.as_deref(), words).await?;
            let process = session.process()?;
            app.result(&done, |d| recorded(d, process))?;
        }
        Some(ChangesCommand::Notes) => {
            let found = Notes { notes: session.change_notes()? };
            app.result(&found, |n| notes(&n.notes, process))?;
        }
        Some(ChangesCommand::Export { ref file }) => {
            let found = read(&session, &args).await?;
            let page = match file.extension().is_some_and(|e| e == "json") {
                true => serde_json::to_string_pretty(&found).map_err(|e| CliError::Bug(format!("a result is no JSON: {e}")))? + "\n",
                false => markdown(&found, &session.program.name, process),
            };
            // It holds values of configuration.
            super::proof::write(file, &page)?;
            let written = serde_json::json!({ "file": file, "nobodys": found.nobodys() });
            app.result(&written, |_| format!("written: {}\n", file.display()))?;
        }
        None => {
            let found = read(&session, &args).await?;
            app.result(&found, |c| text(c, process, args.all))?;
        }
    }
    Ok(Exit::Ok)
}

/// The changes that were asked for.
async fn read(session: &Session, args: &ChangesArgs) -> Result<Changes, CliError> {
    let mut found = session.changes(!args.no_records).await?;
    if let Some(unknown) = args.table.iter().find(|t| !found.compares(t)) {
        return Err(CliError::missing(
            format!("`{unknown}` is no table of configuration"),
            "`greenroom changes` lists those that were changed",
        ));
    }
    if !args.table.is_empty() {
        found.only_tables(&args.table);
    }
    if args.nobodys {
        found.only(|noted| noted.is_none());
    }
    if let Some(event) = args.of {
        if found.note(event).is_none() {
            return Err(CliError::missing(format!("the event {event} is no note"), "`greenroom changes notes` lists them"));
        }
        found.only(|noted| noted == Some(event));
    }
    Ok(found)
}

/// The person and number of a note, for whoever reads a line of its table.
pub fn whose(changes: &Changes, event: u64, process: Option<&Process>) -> String {
    let name = changes.note(event).map(|n| match process {
        Some(process) => crate::render::process::person(process, &n.noted.by),
        None => n.noted.by.clone(),
    });
    format!("{}, event {event}", name.unwrap_or_default())
}
