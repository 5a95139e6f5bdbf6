//! `greenroom night`.

use super::Done;
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::render::process::{night, night_page};
use clap::Args;
use greenroom_model::process::runbook::{self, Sheet};
use jiff::Timestamp;
use serde::Serialize;
use std::path::PathBuf;

/// The one sheet for the night: now, next, who with telephone, projected end, last safe turn-back
///
/// On the screen, or with `--html` as a page without scripts for telephones and paper.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  greenroom night\n  greenroom night --html night.html\n  greenroom night --rehearsal")]
pub struct NightArgs {
    /// The stage; the one of the go-live by default
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
    /// Write it as a page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// The sheet of the runbook's rehearsal
    #[arg(long)]
    rehearsal: bool,
}

/// The sheet with what the runs say.
#[derive(Serialize)]
pub struct Night {
    /// The program.
    pub program: String,
    /// The stage's title.
    pub stage: String,
    /// Now. In JSON `now` is what is under way.
    #[serde(rename = "at")]
    pub now: Timestamp,
    /// When everything goes back by itself, while production is fenced.
    pub fenced_until: Option<Timestamp>,
    /// That the window is closed, or leaves a switch little time.
    pub window_told: Option<String>,
    /// What the latest run waits for.
    pub asks: Option<String>,
    /// The how manieth rehearsal of the runbook this is; none in earnest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<u32>,
    /// The tasks.
    #[serde(flatten)]
    pub sheet: Sheet,
}

pub async fn cmd_night(app: &App, args: NightArgs) -> Done {
    let session = app.session()?;
    let process = session.process()?;
    let none = || CliError::Missing {
        message: "no stage is named for the night".into(),
        hint: "`--stage STAGE`, or `go_live` under `[process]` in process.toml".into(),
    };
    let stage = match args.stage {
        Some(stage) => stage,
        None => process.go_live_now(&session.process_state()?).map(str::to_owned).ok_or_else(none)?,
    };
    let Some(written) = process.stages.get(&stage) else {
        return Err(CliError::Missing {
            message: format!("there is no stage `{stage}`"),
            hint: format!("those of process.toml: {}", process.order.join(", ")),
        });
    };
    let history = session.history()?;
    let asks = history.runs.last().and_then(|r| {
        r.steps
            .values()
            .find_map(|s| if let greenroom_model::run::StepState::Waiting { question } = s { Some(question.text.clone()) } else { None })
    });
    let (now, rehearsal, sheet) = session.judged(|sight| match args.rehearsal {
        true => {
            let number = sight.rehearsal_number(&stage);
            (sight.now, Some(number), sight.rehearsing(&stage, number, |sight| runbook::sheet(&sight, &stage)))
        }
        false => (sight.now, None, runbook::sheet(&sight, &stage)),
    })?;
    let all = Night {
        program: session.program.name.clone(),
        stage: written.title.clone(),
        now,
        fenced_until: history.fence.map(|f| f.until),
        window_told: session.window_at_night(&stage)?,
        asks,
        rehearsal,
        sheet,
    };
    if let Some(file) = args.html {
        std::fs::write(&file, night_page(&all, process))
            .map_err(|source| CliError::Io { attempted: format!("write {}", file.display()), source })?;
        app.say(format!("written: {}", file.display()));
        return Ok(Exit::Ok);
    }
    app.result(&all, |n| night(n, process))?;
    Ok(Exit::Ok)
}
