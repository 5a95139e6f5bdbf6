//! `greenroom stage`.

use super::Done;
use crate::app::App;
use crate::error::Exit;
use crate::render::process::{board, recorded};
use clap::{Args, Subcommand};
use greenroom_model::process::Side;
use greenroom_model::process::audits::FindingLine;
use greenroom_model::process::gates::Standing;
use greenroom_model::process::schedule::Objection;
use greenroom_runner::session::{Session, SessionError};
use jiff::Timestamp;
use serde::Serialize;

/// Show the stages of the go-live with what blocks them, enter and leave them
///
/// What the stages are, and which gates stand before and after them, is written in `process.toml`. Nothing is entered past a gate that is not met.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  greenroom stage\n  greenroom stage date migration 2027-02-09T18:00\n  greenroom stage enter audit-1\n  greenroom stage leave audit-1 --failed"
)]
pub struct StageArgs {
    #[command(subcommand)]
    command: Option<StageCommand>,
}

#[derive(Subcommand, Debug)]
enum StageCommand {
    /// Begin a stage, once those before it have ended well and its entry gates are met
    Enter {
        /// The stage
        stage: String,
    },
    /// End a stage: well, once its exit gates are met, or with a bad result, after which it can be entered again
    Leave {
        /// The stage
        stage: String,
        /// It ended with a bad result
        #[arg(long)]
        failed: bool,
        /// A few words to it, kept outside the chain of the record
        #[arg(long, value_name = "WORDS")]
        comment: Option<String>,
    },
    /// Put on record which date was agreed for a stage; one that what is known forbids is refused
    Date {
        /// The stage
        stage: String,
        /// The day and time in the process's time zone: `2027-02-09T18:00`
        at: String,
    },
}

/// A stage as it stands.
#[derive(Serialize)]
pub struct StageLine {
    /// Its id.
    pub stage: String,
    /// What people call it.
    pub title: String,
    /// `over`, `on`, `failed`, `next` or `later`.
    pub stands: &'static str,
    /// When it was entered.
    pub entered: Option<Timestamp>,
    /// When it was left.
    pub left: Option<Timestamp>,
    /// The agreed date.
    pub date: Option<Timestamp>,
    /// Gates that are not met: of its entry where it is next, of its exit where it is on.
    pub open: Vec<Standing>,
    /// What speaks against the agreed date, as things stand now.
    pub misfits: Vec<Objection>,
}

/// Everything.
#[derive(Serialize)]
pub struct Board {
    /// Time zone of days and hours.
    pub zone: String,
    /// Who acts, as far as the login tells.
    pub you: Option<String>,
    /// In order.
    pub stages: Vec<StageLine>,
    /// Findings of audits that are open.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingLine>,
}

/// How the stages stand.
///
/// # Errors
/// When there is no process, or the journal cannot be read.
pub fn stages(session: &Session) -> Result<Board, SessionError> {
    let process = session.process()?;
    let stages = session.judged(|sight| {
        let line = |id: &String| {
            let state = sight.state.stage(id);
            let stage = &process.stages[id];
            let ready = stage.after.iter().all(|a| sight.state.stage(a).is_over());
            let stands = match (state.is_over(), state.is_on(), state.left.is_some(), ready) {
                (true, ..) => "over",
                (_, true, ..) => "on",
                (_, _, true, _) => "failed",
                (.., true) => "next",
                _ => "later",
            };
            let side = if state.is_on() { Side::Exit } else { Side::Entry };
            let (required, recommended) = match stands {
                "on" | "next" | "failed" => sight.unmet(id, side),
                _ => Default::default(),
            };
            StageLine {
                stage: id.clone(),
                title: stage.title.clone(),
                stands,
                entered: state.entered.map(|m| m.at),
                left: state.left.map(|(m, _)| m.at),
                date: state.agreed.map(|(date, _)| date),
                open: required.into_iter().chain(recommended).collect(),
                misfits: sight.misfits(id),
            }
        };
        let open = sight.audit_lines().into_iter().flat_map(|a| a.findings).filter(|f| !f.stands.is_over());
        (process.order.iter().map(line).collect::<Vec<_>>(), open.collect::<Vec<_>>())
    });
    let (stages, findings) = stages?;
    Ok(Board { zone: process.calendar.zone.clone(), you: session.person().map(str::to_owned), stages, findings })
}

pub async fn cmd_stage(app: &App, args: StageArgs) -> Done {
    let session = app.session()?;
    let process = session.process()?;
    match args.command {
        None => {
            let all = stages(&session)?;
            let findings = session.with_words(all.findings.clone())?;
            app.result(&all, |b| board(b, &findings, process))?;
            return Ok(Exit::Ok);
        }
        Some(StageCommand::Enter { stage }) => {
            let done = session.decide_process(None, |sight, _| sight.enter(&stage))?;
            app.result(&done, |d| recorded(d, process))?;
        }
        Some(StageCommand::Leave { stage, failed, comment }) => {
            let done = session.decide_process(comment.as_deref(), |sight, _| sight.leave(&stage, !failed))?;
            app.result(&done, |d| recorded(d, process))?;
        }
        Some(StageCommand::Date { stage, at }) => {
            let at = crate::render::process::moment(process, &at)?;
            let done = session.decide_process(None, |sight, _| sight.agree(&stage, at))?;
            app.result(&done, |d| recorded(d, process))?;
        }
    }
    Ok(Exit::Ok)
}
