//! `greenroom record`.

use super::{Done, proof};
use crate::app::App;
use crate::error::Exit;
use crate::render::table::{Align, table};
use crate::render::words;
use clap::{Args, Subcommand};
use greenroom_model::run::{Body, Event};
use jiff::Timestamp;
use serde::Serialize;

/// Show what people decided, and check that the record is whole
///
/// Every event carries the hash of the one before it. Who acted and what they said is kept beside the chain, so that it can be erased without breaking it.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  greenroom record\n  greenroom record verify\n  greenroom record head --key ~/.ssh/id_ed25519 --out head.json\n  greenroom record verify --against head.json --allowed anna\n  greenroom record export record.jsonl\n  greenroom record verify --file record.jsonl\n  greenroom record erase --login ola --reason \"left the company\""
)]
pub struct RecordArgs {
    #[command(subcommand)]
    command: Option<RecordCommand>,
}

#[derive(Subcommand, Debug)]
enum RecordCommand {
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

pub async fn cmd_record(app: &App, args: RecordArgs) -> Done {
    match &args.command {
        Some(RecordCommand::Verify(args)) => return proof::verify(app, args),
        Some(RecordCommand::Head(args)) => return proof::head(app, args),
        Some(RecordCommand::Export(args)) => return proof::export(app, args),
        Some(RecordCommand::Erase(args)) => return proof::erase(app, args),
        None => {}
    }
    let session = app.session()?;
    let events = session.events()?;
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
            let about: Vec<String> = l
                .what
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(k, v)| {
                    *k != "fact" && !v.is_object() && (!v.is_array() || *k == "events") && !matches!(k.as_str(), "of" | "sha256" | "blake3")
                })
                .map(|(_, v)| v.to_string().trim_matches('"').to_owned())
                .collect();
            let mut what = l.what["fact"].as_str().unwrap_or_default().replace('_', " ");
            if what == "signed" {
                what.push_str(if l.what["key"].is_object() { " with a key" } else { " by login only" });
            }
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
