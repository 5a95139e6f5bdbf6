//! `greenroom record`.

use super::Done;
use crate::app::App;
use crate::error::Exit;
use crate::render::style::{GOOD, paint};
use crate::render::table::{Align, table};
use crate::render::words;
use clap::{Args, Subcommand};
use greenroom_model::hash::Hash;
use greenroom_model::process::covered::{Shown, covered};
use greenroom_model::run::{Body, Event};
use greenroom_runner::session::{Session, SessionError};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// Show what people decided, and check that the record is whole
///
/// Every event carries the hash of the one before it. Who acted and what they said is kept beside the chain, so that it can be erased without breaking it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  greenroom record\n  greenroom record verify\n  greenroom record covered")]
pub struct RecordArgs {
    #[command(subcommand)]
    command: Option<RecordCommand>,
}

#[derive(Subcommand, Debug)]
enum RecordCommand {
    /// Check every link of the chain, offline; the first broken one is named
    Verify,
    /// Show which requirements (`covers` in process.toml) were met, and by which events
    Covered,
}

#[derive(Serialize)]
struct Line {
    seq: u64,
    at: Timestamp,
    by: Option<String>,
    login: Option<String>,
    words: Option<String>,
    what: serde_json::Value,
}

#[derive(Serialize)]
struct Checked {
    events: u64,
    head: Hash,
    latest: Option<Timestamp>,
    clock_went_back_at: Vec<u64>,
    simulated: bool,
}

/// Requirements with what shows them.
pub type Covered = BTreeMap<String, Vec<Shown>>;

/// Which requirements were met, and by which events.
///
/// # Errors
/// When there is no process.
pub fn covered_by(session: &Session, events: &[Event]) -> Result<Covered, SessionError> {
    let facts = events.iter().filter_map(|e| if let Body::Process { fact, .. } = &e.body { Some((e.seq, fact)) } else { None });
    Ok(covered(session.process()?, facts))
}

/// Requirements as people list them: `A2` before `A10`.
pub fn covered_table(all: &Covered) -> String {
    if all.is_empty() {
        return "process.toml names no requirement: `covers = [\"D3\"]` at a stage, gate or task\n".to_owned();
    }
    let number = |id: &str| id.trim_start_matches(|c: char| !c.is_ascii_digit()).parse::<u32>().unwrap_or(0);
    let letters = |id: &str| id.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
    let mut ids: Vec<&String> = all.keys().collect();
    ids.sort_by_key(|id| (letters(id), number(id)));
    let rows: Vec<Vec<String>> = ids
        .iter()
        .flat_map(|id| all[*id].iter().enumerate().map(move |(n, s)| (if n == 0 { id.as_str() } else { "" }, s)))
        .map(|(id, s)| {
            let events = match s.events.as_slice() {
                [] => "not yet".to_owned(),
                events => events.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
            };
            vec![id.to_owned(), s.by.clone(), words::cut(&events, 60)]
        })
        .collect();
    let left = |h| (h, Align::Left);
    table(&[left("row"), left("shown by"), left("events of the record")], &rows)
}

pub async fn cmd_record(app: &App, args: RecordArgs) -> Done {
    let session = app.session()?;
    // Replaying checks the chain: a broken link is the error, with its number.
    let events = session.events()?;
    if let Some(RecordCommand::Covered) = args.command {
        let all = covered_by(&session, &events)?;
        app.result(&all, covered_table)?;
        return Ok(Exit::Ok);
    }
    if let Some(RecordCommand::Verify) = args.command {
        let last = events.last();
        let checked = Checked {
            events: events.len() as u64,
            head: last.map_or(Hash::ZERO, |e| e.hash),
            latest: last.map(|e| e.at),
            clock_went_back_at: session.history()?.clock_jumps,
            simulated: session.history()?.simulated,
        };
        app.result(&checked, |c| {
            let made_up = if c.simulated { "SIMULATED: times and people of this record are made up\n" } else { "" };
            let mut out = format!("{made_up}{}: {} follow from one another\nhead: {}\n", paint(GOOD, "whole"), words::count(c.events, "event"), c.head);
            if !c.clock_went_back_at.is_empty() {
                let all: Vec<String> = c.clock_went_back_at.iter().map(u64::to_string).collect();
                out.push_str(&format!("the clock went back at event {}\n", all.join(", ")));
            }
            out.push_str("who wrote the whole file anew is not found by this alone: compare the head with one that was handed to the other party before\n");
            out
        })?;
        return Ok(Exit::Ok);
    }
    let actors = session.actors()?;
    let simulated = session.history()?.simulated;
    let line = |e: &Event| {
        let Body::Process { by, fact } = &e.body else { return None };
        let actor = e.personal.iter().find_map(|h| actors.get(h));
        let what = serde_json::to_value(fact).unwrap_or_default();
        Some(Line {
            seq: e.seq,
            at: e.at,
            by: by.clone(),
            login: actor.map(|a| a.os_user.clone()),
            words: actor.and_then(|a| a.words.clone()),
            what,
        })
    };
    let lines: Vec<Line> = events.iter().filter_map(line).collect();
    app.result(&lines, |lines| {
        if lines.is_empty() {
            return "nothing about the process is on record yet\n".to_owned();
        }
        let made_up = if simulated { "SIMULATED: times and people of this record are made up\n" } else { "" };
        let row = |l: &Line| {
            // Of a rehearsal, what was done in it.
            let inner = l.what.get("what").filter(|w| w.is_object());
            let about: Vec<String> = inner
                .unwrap_or(&l.what)
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(k, v)| *k != "fact" && !v.is_array() && !matches!(k.as_str(), "of" | "sha256" | "blake3" | "output" | "millis"))
                .map(|(k, v)| match (k.as_str(), v.as_bool()) {
                    ("good", Some(good)) => if good { "good" } else { "bad" }.to_owned(),
                    _ => v.to_string().trim_matches('"').to_owned(),
                })
                .collect();
            let word = |fact: &serde_json::Value| fact["fact"].as_str().unwrap_or_default().replace('_', " ");
            let what = inner.map_or_else(|| word(&l.what), |i| format!("{}: {}", word(&l.what), word(i)));
            let who = l.by.clone().unwrap_or_else(|| format!("({})", l.login.as_deref().unwrap_or("erased")));
            vec![l.seq.to_string(), words::exactly(l.at), who, what, words::cut(&about.join(" "), 60), l.words.clone().unwrap_or_default()]
        };
        let left = |h| (h, Align::Left);
        let lines = table(
            &[("seq", Align::Right), left("at"), left("by"), left("what"), left("about"), left("words")],
            &lines.iter().map(row).collect::<Vec<_>>(),
        );
        format!("{made_up}{lines}")
    })?;
    Ok(Exit::Ok)
}
