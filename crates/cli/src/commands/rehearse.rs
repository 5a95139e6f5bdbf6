//! `greenroom rehearse`.

use super::{Done, drive};
use crate::app::App;
use crate::error::CliError;
use crate::progress::Progress;
use crate::render::words;
use clap::Args;
use greenroom_model::finding::Finding;
use greenroom_model::hash::Hash;
use greenroom_model::plan::Plan;
use greenroom_model::program::Layer;
use greenroom_model::run::{Phase, RunId};
use greenroom_runner::execute::Ended;
use greenroom_runner::journal::Projection;
use greenroom_runner::planning::size;
use greenroom_runner::ports::{Clock, SystemClock};
use greenroom_runner::session::{Session, SessionError};
use std::sync::Arc;

/// Build a new pilot: copy, mask, upgrade, verify, swap in
///
/// Makes a plan (or takes the one you looked at), and carries it out. The present pilot stays as it is until the new one has passed every
/// check, and is kept for some hours afterwards. The source is only read.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  greenroom rehearse
  greenroom rehearse --plan 1a2b3c4d      exactly what `greenroom plan` printed
  greenroom rehearse --by-hand            a person types the upgrade's statements

Ctrl-C stops at the next safe point, twice at once; `greenroom resume` goes on, `greenroom undo` goes back.
Exit codes: 0 the pilot stands, 4 a step or a check failed, 5 a person is asked, 1 anything else.")]
pub struct RehearseArgs {
    /// Carry out this plan; the first digits of its hash suffice
    #[arg(long, value_name = "HASH")]
    plan: Option<String>,
    /// Ask a person to run the upgrade's statements, instead of running them
    #[arg(long)]
    by_hand: bool,
}

pub async fn cmd_rehearse(app: &App, args: RehearseArgs) -> Done {
    let starting = Starting::new(app).await?;
    let planned = match &args.plan {
        Some(prefix) => starting.session.find_plan(prefix).map(|(hash, plan)| (hash, plan, Vec::new())),
        None => starting.session.plan().await,
    };
    let ended = starting.run(app, planned, args.by_hand).await?;
    drive::conclude(app, &starting.session, &starting.progress, args.by_hand, ended).await
}

/// A plan with its hash and what was found, or why there is none.
pub type Planned = Result<(Hash, Plan, Vec<Finding>), SessionError>;

/// What every run begins with.
pub struct Starting {
    pub session: Session,
    pub progress: Arc<Progress>,
    layers: Vec<Layer>,
    history: Projection,
}

impl Starting {
    /// Refuses when another run is open, and makes room.
    pub async fn new(app: &App) -> Result<Starting, CliError> {
        let progress = Arc::new(Progress::new(app));
        let (session, layers) = app.session_with(progress.clone())?;
        let history = session.history()?;
        nothing_open(&history)?;
        drop_expired(app, &session).await?;
        Ok(Starting { session, progress, layers, history })
    }

    /// What was planned, or why nothing could be, with the lines of the program's files.
    pub fn checked(&self, planned: Planned) -> Result<(Hash, Plan, Vec<Finding>), CliError> {
        planned.map_err(|e| CliError::from(e).with_layers(&self.layers))
    }

    /// Says what was found and planned, and drives the run to its first end.
    pub async fn run(&self, app: &App, planned: Planned, by_hand: bool) -> Result<(RunId, Ended), CliError> {
        let (hash, plan, findings) = self.checked(planned)?;
        app.show(&findings, &self.layers);
        app.say(summary(&plan, &hash.short()));
        // The latest of its kind; before there is one, any.
        let finished = self.history.runs.iter().rev().filter(|r| r.phase == Phase::Finished);
        let alike = finished.clone().find(|r| r.plan.kind == plan.kind).or_else(|| finished.clone().next());
        self.progress.expect(&plan, alike, None);
        drive::attended(&self.session, &self.progress, self.session.start(hash, &plan, by_hand)).await
    }
}

/// Makes room before something new is built.
pub async fn drop_expired(app: &App, session: &Session) -> Result<(), CliError> {
    for gone in session.drop_expired().await? {
        let until = gone.until.map(|u| format!(", kept until {}", words::when(u))).unwrap_or_default();
        let role = if gone.role == "former" { "former pilot" } else { gone.role.as_str() };
        app.say(format!("dropped the {role} `{}`{until}", gone.name));
    }
    Ok(())
}

/// Refuses early what [`greenroom_runner::session::Session::start`] would refuse after a plan was made for nothing.
pub fn nothing_open(history: &Projection) -> Result<(), CliError> {
    match history.runs.iter().find(|r| matches!(r.phase, Phase::Running | Phase::Undoing)) {
        None => Ok(()),
        Some(open) => Err(CliError::Session(SessionError::Refused {
            code: "GR0723",
            message: format!("the run `{}` is neither finished nor undone", open.id),
            hint: format!("`greenroom resume {0}` goes on, `greenroom undo {0}` goes back", open.id),
        })),
    }
}

/// Two lines before it begins.
pub fn summary(plan: &Plan, short: &str) -> String {
    if plan.rollback.is_some() {
        let at = words::exactly(SystemClock::default().now());
        return format!("{at}: plan {short}: `{}` takes the name `{}` again", plan.names.generation, plan.names.pilot);
    }
    let masked = plan.tables.iter().filter(|t| t.changes_fields()).count();
    let until = plan.expected_millis().map(|ms| format!(", about {}", words::millis(ms))).unwrap_or_default();
    let at = words::exactly(SystemClock::default().now());
    let tables = words::count(plan.tables.len() as u64, "table");
    let steps = words::count(plan.upgrade.len() as u64, "upgrade step");
    let read = size(plan.footprint.read_bytes);
    let how = if plan.kind.is_unmasked() { "unmasked".to_owned() } else { format!("{masked} with masks") };
    format!("{at}: plan {short}: {tables} ({how}), {read} to read, {steps}{until}\nbuilding `{}`", plan.names.generation)
}
