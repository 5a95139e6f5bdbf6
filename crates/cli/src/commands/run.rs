//! `greenroom run show`.

use super::Done;
use crate::app::App;
use crate::error::Exit;
use crate::render::run::{RunReport, details};
use crate::render::table::{Align, table};
use crate::render::words;
use clap::{Args, Subcommand};
use greenroom_model::run::Event;
use serde::Serialize;

/// Look at one run
#[derive(Subcommand, Debug)]
pub enum RunCommand {
    Show(ShowArgs),
}

/// Show every step of a run: state, time, notes, verdicts
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  greenroom run show\n  greenroom run show rehearsal-7 --events")]
pub struct ShowArgs {
    /// The run; the latest one without it
    run: Option<String>,
    /// The journal's events instead
    #[arg(long)]
    events: bool,
}

/// An event for people.
#[derive(Serialize)]
struct Line {
    seq: u64,
    at: jiff::Timestamp,
    event: String,
    about: String,
    by: Option<String>,
}

pub fn cmd_run(app: &App, command: RunCommand) -> Done {
    let RunCommand::Show(args) = command;
    let session = app.session()?;
    let state = session.find_run(args.run.as_deref())?;
    if !args.events {
        let latest = session.history()?.runs.last().is_some_and(|r| r.id == state.id);
        let report = RunReport::of(&state, latest && session.busy()?);
        app.result(&report, details)?;
        return Ok(Exit::Ok);
    }
    let actors = session.actors()?;
    let by = |e: &Event| e.personal.iter().find_map(|h| actors.get(h)).map(|a| a.os_user.clone());
    let lines: Vec<Line> = session
        .events()?
        .into_iter()
        .filter(|e| e.run.as_ref() == Some(&state.id))
        .map(|e| {
            let (event, about) = words_of(&e);
            Line { seq: e.seq, at: e.at, event, about, by: by(&e) }
        })
        .collect();
    app.result(&lines, |lines| {
        let row = |l: &Line| {
            vec![
                l.seq.to_string(),
                words::exactly(l.at),
                l.event.replace('_', " "),
                words::cut(&l.about, 90),
                l.by.clone().unwrap_or_default(),
            ]
        };
        let rows: Vec<Vec<String>> = lines.iter().map(row).collect();
        let left = |h| (h, Align::Left);
        table(&[("seq", Align::Right), left("at"), left("event"), left("about"), left("by")], &rows)
    })?;
    Ok(Exit::Ok)
}

/// An event's name and what it is about, from its stored form: new kinds of events are shown without being known here.
fn words_of(event: &Event) -> (String, String) {
    let json = serde_json::to_value(&event.body).unwrap_or_default();
    let text = |v: &serde_json::Value| v.as_str().map(str::to_owned);
    let name = json.get("event").and_then(text).unwrap_or_default();
    let about = ["step", "part", "choice", "plan", "name", "pilot", "owner"].iter().filter_map(|k| json.get(k).and_then(text));
    let mut about = about.collect::<Vec<_>>().join(" ");
    if let Some(message) = json.pointer("/failure/message").and_then(text) {
        about.push_str(&format!(": {message}"));
    }
    if let Some(what) = json.pointer("/verdict/what").and_then(text) {
        let passed = json.pointer("/verdict/passed").and_then(serde_json::Value::as_bool).unwrap_or(false);
        about.push_str(&format!("{what}: {}", if passed { "passed" } else { "failed" }));
    }
    if let (Some(n), Some(of), Some(rows)) = (json.get("ordinal"), json.get("of"), json.get("rows").and_then(serde_json::Value::as_u64)) {
        let n = n.as_u64().unwrap_or(0) + 1;
        about.push_str(&format!(" range {n} of {of}, {}", words::count(rows, "row")));
    }
    (name, about)
}
