//! `greenroom artefact`.

use super::{Done, links};
use crate::app::App;
use crate::error::Exit;
use crate::render::process::recorded;
use crate::render::style::{BAD, GOOD, WARN, paint};
use crate::render::table::{Align, table};
use clap::{Args, Subcommand};
use greenroom_model::process::Process;
use greenroom_model::process::artefact::Line;
use serde::Serialize;
use std::path::PathBuf;

/// Show the files that were received, decrypt one, compare what is stored, remove what is over
///
/// `greenroom gate receive NAME FILE` receives one, `greenroom artefact link` lets others hand one over. What is stored is encrypted to the recipients that `process.toml` names; Greenroom has none of their keys.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  greenroom artefact\n  greenroom artefact open backup --identity ~/keys/backup.txt --out /srv/in/clinic.bak\n  greenroom artefact verify\n  greenroom artefact expire"
)]
pub struct ArtefactArgs {
    #[command(subcommand)]
    command: Option<ArtefactCommand>,
}

#[derive(Subcommand, Debug)]
enum ArtefactCommand {
    /// Every artefact: when it was received, how old it is, until when it is kept
    List,
    /// Decrypt what was received last into a file
    Open {
        /// Which
        name: String,
        /// The file with the age identity, as `age-keygen` writes it, readable by you only
        #[arg(long, value_name = "FILE")]
        identity: PathBuf,
        /// The file to be written, which is not there yet
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Compare everything that is stored with the checksums on record
    Verify,
    /// Remove what is stored of artefacts whose time is over, each on record
    Expire,
    Link(links::LinkArgs),
    /// Every link: for what and whom, until when, and what became of it
    Links,
    Listen(links::ListenArgs),
}

/// What was compared.
#[derive(Serialize)]
struct Compared {
    artefact: String,
    /// The event as which it was received; 0 for a file that is not on record.
    received: u64,
    wrong: Option<String>,
}

pub async fn cmd_artefact(app: &App, args: ArtefactArgs) -> Done {
    let session = app.session()?;
    let process = session.process()?;
    match args.command {
        None | Some(ArtefactCommand::List) => {
            let all = session.artefacts()?;
            app.result(&all, |all| list(all, process))?;
        }
        Some(ArtefactCommand::Open { name, identity, out }) => {
            let opened = session.open_artefact(&name, &identity, &out)?;
            app.result(&opened, |o| {
                let shown = out.display();
                format!("`{}` as it was received (event {}): {} bytes, plain, in {shown}\n", o.name, o.received, o.bytes)
            })?;
        }
        Some(ArtefactCommand::Verify) => {
            let all = session.verify_artefacts()?;
            let all: Vec<Compared> = all.into_iter().map(|(artefact, received, wrong)| Compared { artefact, received, wrong }).collect();
            app.result(&all, |all| compared(all))?;
            return Ok(if all.iter().any(|c| c.wrong.is_some()) { Exit::Negative } else { Exit::Ok });
        }
        Some(ArtefactCommand::Expire) => {
            let done = session.expire_artefacts()?;
            app.result(&done, |done| match done.is_empty() {
                true => "nothing is stored whose time is over\n".to_owned(),
                false => done.iter().map(|d| recorded(d, process)).collect(),
            })?;
        }
        Some(ArtefactCommand::Link(args)) => return links::link(app, &session, &args),
        Some(ArtefactCommand::Links) => return links::links(app, &session),
        Some(ArtefactCommand::Listen(args)) => return links::listen(app, session, &args).await,
    }
    Ok(Exit::Ok)
}

fn list(all: &[Line], process: &Process) -> String {
    if all.is_empty() {
        return "process.toml names no artefacts\n".to_owned();
    }
    let day = |at| process.calendar.local(at).strftime("%Y-%m-%d %H:%M").to_string();
    let row = |l: &Line| {
        let stands = match &l.held {
            None => paint(BAD, "not received"),
            Some(h) if h.removed.is_some() => "removed".to_owned(),
            Some(h) if h.stored.is_none() => paint(WARN, "left where it was"),
            Some(_) if l.over => paint(WARN, "stored, its time is over"),
            Some(_) => paint(GOOD, "stored, encrypted"),
        };
        let stands = if l.superseded { format!("{stands}, superseded") } else { stands };
        let (at, bytes, by) = l.held.as_ref().map_or(Default::default(), |h| (day(h.at), h.bytes.to_string(), h.by_whom()));
        let days = l.days.map(|d| d.to_string()).unwrap_or_default();
        let until = match (l.until, &l.held) {
            (Some(until), _) => day(until),
            (None, Some(h)) if h.stored.is_some() => "no end".to_owned(),
            _ => String::new(),
        };
        vec![l.name.clone(), stands, at, days, bytes, by, until, l.title.clone()]
    };
    let left = |h| (h, Align::Left);
    table(
        &[
            left("artefact"),
            left("stands"),
            left("received"),
            ("days", Align::Right),
            ("bytes", Align::Right),
            left("by (event)"),
            left("kept until"),
            left("title"),
        ],
        &all.iter().map(row).collect::<Vec<_>>(),
    )
}

fn compared(all: &[Compared]) -> String {
    if all.is_empty() {
        return "nothing is stored\n".to_owned();
    }
    let line = |c: &Compared| {
        let of = if c.received == 0 { String::new() } else { format!(" of event {}", c.received) };
        match &c.wrong {
            None => format!("{}  {}{of}: as it was stored\n", paint(GOOD, "ok"), c.artefact),
            Some(why) => format!("{}  {}{of}: {why}\n", paint(BAD, "wrong"), c.artefact),
        }
    };
    all.iter().map(line).collect()
}
