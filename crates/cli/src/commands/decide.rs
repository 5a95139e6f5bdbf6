//! `greenroom decide`.

use super::Done;
use crate::app::App;
use crate::error::Exit;
use crate::render::words;
use clap::{Args, ValueEnum};
use greenroom_model::carry::Take;
use serde::Serialize;

/// Decide a conflict between the pilot's configuration and production's
///
/// `greenroom preview` lists the conflicts with their ids. A decision is recorded with who made it, and holds for later refreshes as long as the
/// three values are the same.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  greenroom decide 3f2a pilot\n  greenroom decide all production")]
pub struct DecideArgs {
    /// The conflict's id, or its first digits; `all` for every one that is open
    id: String,
    /// What is taken
    take: Choice,
    /// The run; the latest refresh without it
    #[arg(long)]
    run: Option<String>,
}

/// What may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Choice {
    /// What the pilot has
    Pilot,
    /// What production has
    Production,
    /// The reference becomes NULL
    Null,
}

#[derive(Serialize)]
struct Decided {
    run: String,
    conflicts: usize,
}

pub fn cmd_decide(app: &App, args: &DecideArgs) -> Done {
    let take = match args.take {
        Choice::Pilot => Take::Pilot,
        Choice::Production => Take::Production,
        Choice::Null => Take::Null,
    };
    let (run, conflicts) = app.session()?.decide(args.run.as_deref(), &args.id, take)?;
    app.result(&Decided { run: run.0, conflicts }, |d| {
        format!("recorded for {}: {} decided\n", d.run, words::count(d.conflicts as u64, "conflict"))
    })?;
    app.say("next: `greenroom answer go`, then `greenroom resume`");
    Ok(Exit::Ok)
}
