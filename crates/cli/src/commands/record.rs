//! `greenroom record`.

use super::Done;
use crate::app::App;
use crate::error::Exit;
use crate::render::style::{GOOD, paint};
use crate::render::table::{Align, table};
use crate::render::words;
use clap::{Args, Subcommand};
use greenroom_model::hash::Hash;
use greenroom_model::run::{Body, Event};
use jiff::Timestamp;
use serde::Serialize;

/// Show what people decided, and check that the record is whole
///
/// Every event carries the hash of the one before it. Who acted and what they said is kept beside the chain, so that it can be erased without breaking it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  greenroom record\n  greenroom record verify")]
pub struct RecordArgs {
    #[command(subcommand)]
    command: Option<RecordCommand>,
}

#[derive(Subcommand, Debug)]
enum RecordCommand {
    /// Check every link of the chain, offline; the first broken one is named
    Verify,
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
}

pub async fn cmd_record(app: &App, args: RecordArgs) -> Done {
    let session = app.session()?;
    // Replaying checks the chain: a broken link is the error, with its number.
    let events = session.events()?;
    if let Some(RecordCommand::Verify) = args.command {
        let last = events.last();
        let checked = Checked {
            events: events.len() as u64,
            head: last.map_or(Hash::ZERO, |e| e.hash),
            latest: last.map(|e| e.at),
            clock_went_back_at: session.history()?.clock_jumps,
        };
        app.result(&checked, |c| {
            let mut out = format!("{}: {} follow from one another\nhead: {}\n", paint(GOOD, "whole"), words::count(c.events, "event"), c.head);
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
        table(
            &[("seq", Align::Right), left("at"), left("by"), left("what"), left("about"), left("words")],
            &lines.iter().map(row).collect::<Vec<_>>(),
        )
    })?;
    Ok(Exit::Ok)
}
