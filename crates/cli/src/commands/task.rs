//! `greenroom task`.

use super::Done;
use crate::app::App;
use crate::error::Exit;
use crate::render::process::{recorded, sheet};
use crate::render::style::{WARN, paint};
use clap::{Args, Subcommand};
use greenroom_model::process::runbook::{self, Sheet};
use greenroom_runner::session::Recorded;
use serde::Serialize;
use std::collections::BTreeMap;

/// Show the runbook: what is under way, what comes next and whose it is; begin and end tasks
///
/// Tasks are written in `process.toml`. The projected end counts quoted minutes from now on; the last safe turn-back is when the point of no return is expected to begin.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  greenroom task\n  greenroom task start stop-services\n  greenroom task done stop-services\n  greenroom task hand-over look --to ola"
)]
pub struct TaskArgs {
    #[command(subcommand)]
    command: Option<TaskCommand>,
    /// The tasks of this stage; of the one that is on by default
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
}

#[derive(Subcommand, Debug)]
enum TaskCommand {
    /// Begin a task
    Start {
        /// The task
        task: String,
    },
    /// It is done
    Done {
        /// The task
        task: String,
    },
    /// It could not be done; it can be begun again
    Failed {
        /// The task
        task: String,
        /// What happened, kept outside the chain of the record
        #[arg(long, value_name = "WORDS")]
        comment: Option<String>,
    },
    /// Let another person go on with it
    HandOver {
        /// The task
        task: String,
        /// The person's id
        #[arg(long, value_name = "PERSON")]
        to: String,
    },
}

#[derive(Serialize)]
struct Sheets {
    sheets: BTreeMap<String, Sheet>,
}

/// What was put on record, and what to be warned of.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    recorded: Recorded,
    /// That it would not be done before the window closes.
    #[serde(skip_serializing_if = "Option::is_none")]
    late: Option<String>,
}

pub async fn cmd_task(app: &App, args: TaskArgs) -> Done {
    let session = app.session()?;
    let process = session.process()?;
    let Some(command) = args.command else {
        let sheets = session.judged(|sight| {
            let with_tasks = process.order.iter().filter(|s| process.tasks_of(s).next().is_some());
            let wanted = |s: &&String| match &args.stage {
                Some(stage) => *s == stage,
                None => sight.state.stage(s).is_on(),
            };
            let mut shown: Vec<&String> = with_tasks.clone().filter(wanted).collect();
            if shown.is_empty() && args.stage.is_none() {
                shown = with_tasks.filter(|s| !sight.state.stage(s).is_over()).take(1).collect();
            }
            shown.into_iter().map(|s| (s.clone(), runbook::sheet(&sight, s))).collect()
        })?;
        app.result(&Sheets { sheets }, |s| sheet(&s.sheets, process))?;
        return Ok(Exit::Ok);
    };
    // Before it is put on record: afterwards it is one of those under way.
    let late = match &command {
        TaskCommand::Start { task } => session.judged(|sight| sight.late(task))?,
        _ => None,
    };
    let done = match command {
        TaskCommand::Start { task } => session.decide_process(None, |sight, by| sight.start_task(&task, by))?,
        TaskCommand::Done { task } => session.decide_process(None, |sight, by| sight.end_task(&task, by, true))?,
        TaskCommand::Failed { task, comment } => {
            session.decide_process(comment.as_deref(), |sight, by| sight.end_task(&task, by, false))?
        }
        TaskCommand::HandOver { task, to } => session.decide_process(None, |sight, by| sight.hand_over(&task, by, &to))?,
    };
    app.result(&Told { recorded: done, late }, |t| {
        let late = t.late.as_ref().map_or_else(String::new, |l| format!("{} {l}\n", paint(WARN, "warning:")));
        recorded(&t.recorded, process) + &late
    })?;
    Ok(Exit::Ok)
}
