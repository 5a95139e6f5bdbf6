//! `greenroom task`.

use super::Done;
use crate::app::App;
use crate::error::Exit;
use crate::render::automated::task_run;
use crate::render::process::{recorded, sheet};
use crate::render::style::{WARN, paint};
use clap::{Args, Subcommand};
use greenroom_model::process::runbook::{self, Sheet};
use greenroom_runner::session::{Recorded, TaskEnd};
use serde::Serialize;
use std::collections::BTreeMap;

/// Show the runbook: what is under way, what comes next and whose it is; begin and end tasks
///
/// Tasks are written in `process.toml`. The projected end counts from now on what each took when it was last rehearsed, or else what was quoted; the last safe turn-back is when the
/// point of no return is expected to begin. With `--rehearsal` the same runbook is played beforehand, with a record of its own.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  greenroom task\n  greenroom task start stop-services\n  greenroom task done stop-services\n  greenroom task hand-over look --to ola\n  greenroom task run probe-site\n  greenroom task --rehearsal start stop-services"
)]
pub struct TaskArgs {
    #[command(subcommand)]
    command: Option<TaskCommand>,
    /// The tasks of this stage; of the one that is on by default
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
    /// In the rehearsal of the runbook; the first task begins it, and it is over when all are done
    #[arg(long, alias = "as-rehearsal", global = true)]
    rehearsal: bool,
}

#[derive(Subcommand, Debug)]
enum TaskCommand {
    /// Begin a task
    Start {
        /// The task
        task: String,
    },
    /// Do what a task does by itself, and put on record what came of it
    ///
    /// Begins the task and performs it: a program, a query, a page, a name, a connection, a copy, a wait. It is done when that goes well. One that waits for a run says which
    /// command starts it; called again afterwards, it looks whether that has ended well. What it gives out is kept in the workspace.
    Run {
        /// The task
        task: String,
        /// It was begun and nobody knows how it ended: doing it twice does no harm
        #[arg(long)]
        again: bool,
    },
    /// It is done
    Done {
        /// The task
        task: String,
        /// A person did what it does by itself: why, kept outside the chain of the record
        #[arg(long, value_name = "WORDS")]
        by_hand: Option<String>,
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
    /// Begin another rehearsal of a stage's runbook before the one under way is over
    NewRehearsal {
        /// The stage
        stage: String,
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
            let wanted = |s: &&String| match (&args.stage, args.rehearsal) {
                (Some(stage), _) => *s == stage,
                (None, true) => process.go_live.contains(s) || sight.state.rehearsal(s).is_some(),
                (None, false) => sight.state.stage(s).is_on(),
            };
            let mut shown: Vec<&String> = with_tasks.clone().filter(wanted).collect();
            if shown.is_empty() && args.stage.is_none() {
                shown = with_tasks.filter(|s| !sight.state.stage(s).is_over()).take(1).collect();
            }
            let of = |s: &String| match args.rehearsal {
                true => sight.rehearsing(s, sight.rehearsal_number(s), |sight| runbook::sheet(&sight, s)),
                false => runbook::sheet(&sight, s),
            };
            shown.into_iter().map(|s| (s.clone(), of(s))).collect()
        })?;
        if args.rehearsal {
            app.say("the runbook as it is rehearsed");
        }
        app.result(&Sheets { sheets }, |s| sheet(&s.sheets, process))?;
        return Ok(Exit::Ok);
    };
    // Before it is put on record: afterwards it is one of those under way.
    let late = match &command {
        TaskCommand::Start { task } => session.judged(|sight| sight.late(task))?,
        _ => None,
    };
    let rehearsal = args.rehearsal;
    let done = match command {
        TaskCommand::Run { task, again } => {
            super::files::stoppable(&session);
            let ran = session.run_task(&task, again, rehearsal, |what| app.say(format!("`{task}` {what}"))).await?;
            app.result(&ran, |r| task_run(r, process))?;
            return Ok(match ran.end {
                TaskEnd::Ended { outcome, .. } if outcome.good => Exit::Ok,
                TaskEnd::Ended { .. } => Exit::Negative,
                TaskEnd::Waits { .. } => Exit::Person,
            });
        }
        TaskCommand::Start { task } => session.decide_task(&task, rehearsal, None, |sight, by| sight.start_task(&task, by))?,
        TaskCommand::Done { task, by_hand: Some(words) } => {
            session.decide_task(&task, rehearsal, Some(&words), |sight, by| sight.done_by_hand(&task, by))?
        }
        TaskCommand::Done { task, by_hand: None } => {
            session.decide_task(&task, rehearsal, None, |sight, by| sight.end_task(&task, by, true))?
        }
        TaskCommand::Failed { task, comment } => {
            session.decide_task(&task, rehearsal, comment.as_deref(), |sight, by| sight.end_task(&task, by, false))?
        }
        TaskCommand::HandOver { task, to } => session.decide_task(&task, rehearsal, None, |sight, by| sight.hand_over(&task, by, &to))?,
        TaskCommand::NewRehearsal { stage } => session.decide_process(None, |sight, _| sight.begin_rehearsal(&stage))?,
    };
    app.result(&Told { recorded: done, late }, |t| {
        let late = t.late.as_ref().map_or_else(String::new, |l| format!("{} {l}\n", paint(WARN, "warning:")));
        recorded(&t.recorded, process) + &late
    })?;
    Ok(Exit::Ok)
}
