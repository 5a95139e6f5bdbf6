//! `greenroom record`.

use super::{Done, proof};
use crate::app::App;
use crate::error::Exit;
use crate::render::table::{Align, table};
use crate::render::words;
use clap::{Args, Subcommand};
use greenroom_model::process::Fact;
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
#[command(
    after_help = "Examples:\n  greenroom record\n  greenroom record verify\n  greenroom record covered\n  greenroom record head --key ~/.ssh/id_ed25519 --out head.json\n  greenroom record verify --against head.json --allowed anna\n  greenroom record export record.jsonl\n  greenroom record verify --file record.jsonl\n  greenroom record erase --login ola --reason \"left the company\""
)]
pub struct RecordArgs {
    #[command(subcommand)]
    command: Option<RecordCommand>,
}

#[derive(Subcommand, Debug)]
enum RecordCommand {
    /// Show which requirements (`covers` in process.toml) were met, and by which events
    Covered,
    /// Check every link of the chain and every signature, offline; the first broken one is named
    Verify(proof::VerifyArgs),
    /// Write how far the record has come, for the other party to keep: who has it notices when the record is rewritten
    Head(proof::HeadArgs),
    /// Write the record to a file that anybody can check
    Export(proof::ExportArgs),
    /// Erase a login and what was said, for good; that it was done goes on record, and the chain stays whole
    Erase(proof::EraseArgs),
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
    match &args.command {
        Some(RecordCommand::Verify(args)) => return proof::verify(app, args),
        Some(RecordCommand::Head(args)) => return proof::head(app, args),
        Some(RecordCommand::Export(args)) => return proof::export(app, args),
        Some(RecordCommand::Erase(args)) => return proof::erase(app, args),
        Some(RecordCommand::Covered) => {
            let session = app.session()?;
            let all = covered_by(&session, &session.events()?)?;
            app.result(&all, covered_table)?;
            return Ok(Exit::Ok);
        }
        None => {}
    }
    let session = app.session()?;
    let events = session.events()?;
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
                .filter(|(k, v)| {
                    *k != "fact"
                        && !v.is_object()
                        && (!v.is_array() || *k == "events")
                        && !matches!(k.as_str(), "of" | "sha256" | "blake3" | "output" | "millis")
                })
                .map(|(k, v)| match (k.as_str(), v.as_bool()) {
                    ("good", Some(good)) => if good { "good" } else { "bad" }.to_owned(),
                    ("link", _) => format!("link {v}"),
                    _ => v.to_string().trim_matches('"').to_owned(),
                })
                .collect();
            let noted = match serde_json::from_value(l.what.clone()) {
                Ok(Fact::ChangesNoted { note }) => Some(crate::render::changes::named(&note)),
                _ => None,
            };
            let about: Vec<String> = noted.into_iter().chain(about).collect();
            let word = |fact: &serde_json::Value| fact["fact"].as_str().unwrap_or_default().replace('_', " ");
            let mut what = inner.map_or_else(|| word(&l.what), |i| format!("{}: {}", word(&l.what), word(i)));
            if what == "signed" {
                what.push_str(if l.what["key"].is_object() { " with a key" } else { " by login only" });
            }
            let who = l.by.clone().unwrap_or_else(|| format!("({})", l.login.as_deref().unwrap_or("erased")));
            vec![
                l.seq.to_string(),
                words::exactly(l.at),
                who,
                what,
                words::cut(&about.join(" "), 60),
                l.words.as_ref().map(|w| w.replace('\n', "; ")).unwrap_or_default(),
            ]
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
