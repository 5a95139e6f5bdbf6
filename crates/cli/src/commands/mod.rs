//! The command line: one file per command. Owns arguments and help texts; each command's file owns what is printed for it.

mod answer;
mod artefact;
pub mod audit;
pub mod changes;
mod check;
mod columns;
mod decide;
mod demo;
mod dress;
mod drive;
mod drop;
mod engine_test;
pub mod evidence;
mod explain;
mod export;
mod fence;
mod files;
mod follow;
mod gate;
mod import;
mod init;
mod integrations;
mod leftovers;
pub mod links;
mod mask;
pub mod night;
mod notices;
mod open;
mod password;
mod plan;
mod preview;
mod proof;
mod prove;
pub mod record;
mod reference;
mod refresh;
mod rehearse;
mod reopen;
mod requirements;
mod resume;
mod retire;
mod rollback;
mod run;
mod runs;
mod schedule;
mod schema;
mod seal;
pub mod stage;
mod status;
mod switch;
mod task;
mod test_plan;
mod together;
mod try_backup;
mod undo;
mod verify;

use crate::app::{App, Global};
use crate::error::{CliError, Exit};
use clap::{Parser, Subcommand};

/// What a command ends with.
pub type Done = Result<Exit, CliError>;

/// Gets the next production database ready before it goes on stage: builds a masked, neutralised copy, rehearses the vendor's upgrade on it,
/// verifies it, and lets people test it.
#[derive(Parser, Debug)]
#[command(name = "greenroom", version, about, long_about = None, after_help = EXAMPLES, propagate_version = true)]
pub struct Arguments {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
A first rehearsal:
  greenroom init --engine sqlite --source /srv/app/app.db   write a program from the database
  greenroom columns                                         see what nobody has decided yet
  greenroom check                                           is everything decided, does it fit?
  greenroom plan                                            what would happen, to the last statement
  greenroom rehearse                                        do it
  greenroom open --to testers                               let people in

Exit codes: 0 ok, 1 error, 2 usage, 4 the verdict is negative, 5 a person is needed.";

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    Init(Box<init::InitArgs>),
    Check(check::CheckArgs),
    Columns(columns::ColumnsArgs),
    Plan(plan::PlanArgs),
    Rehearse(rehearse::RehearseArgs),
    Refresh(refresh::RefreshArgs),
    Dress(dress::DressArgs),
    Switch(switch::SwitchArgs),
    Together(together::TogetherArgs),
    Rollback(rollback::RollbackArgs),
    Follow(follow::FollowArgs),
    Export(export::ExportArgs),
    Import(import::ImportArgs),
    Preview(preview::PreviewArgs),
    Decide(decide::DecideArgs),
    Try(try_backup::TryArgs),
    Prove(prove::ProveArgs),
    Status(status::StatusArgs),
    Runs(runs::RunsArgs),
    #[command(subcommand)]
    Run(run::RunCommand),
    Resume(resume::ResumeArgs),
    Undo(undo::UndoArgs),
    Answer(answer::AnswerArgs),
    Verify(verify::VerifyArgs),
    Open(open::OpenArgs),
    Seal(seal::SealArgs),
    Reopen(reopen::ReopenArgs),
    Files(files::FilesArgs),
    Fence(fence::FenceArgs),
    Stage(stage::StageArgs),
    Gate(gate::GateArgs),
    Why(gate::WhyArgs),
    Task(task::TaskArgs),
    Night(night::NightArgs),
    Schedule(schedule::ScheduleArgs),
    Integrations(integrations::IntegrationsArgs),
    Requirements(requirements::RequirementsArgs),
    Record(record::RecordArgs),
    Evidence(evidence::EvidenceArgs),
    Artefact(artefact::ArtefactArgs),
    TestPlan(test_plan::TestPlanArgs),
    Audit(audit::AuditArgs),
    Notices(notices::NoticesArgs),
    Leftovers(leftovers::LeftoversArgs),
    Drop(drop::DropArgs),
    Retire(retire::RetireArgs),
    #[command(subcommand)]
    Mask(mask::MaskCommand),
    Schema(schema::SchemaArgs),
    Explain(explain::ExplainArgs),
    Demo(demo::DemoArgs),
    EngineTest(engine_test::EngineTestArgs),
    Changes(changes::ChangesArgs),
    #[command(hide = true)]
    Reference(reference::ReferenceArgs),
}

/// Runs a command, then tells people of what it put on record.
pub async fn run(app: &App, command: Command) -> Done {
    // The end of a switch is told, too; that it is finished is recorded by a run.
    let goes_live = matches!(command, Command::Switch(_) | Command::Together(_) | Command::Resume(_) | Command::Answer(_));
    let done = one(app, command).await;
    if app.has_told() || (goes_live && done.is_ok()) {
        notices::after(app).await;
    }
    done
}

async fn one(app: &App, command: Command) -> Done {
    match command {
        Command::Init(a) => init::cmd_init(app, *a).await,
        Command::Check(a) => check::cmd_check(app, a).await,
        Command::Columns(a) => columns::cmd_columns(app, a).await,
        Command::Plan(a) => plan::cmd_plan(app, a).await,
        Command::Rehearse(a) => rehearse::cmd_rehearse(app, a).await,
        Command::Refresh(a) => refresh::cmd_refresh(app, a).await,
        Command::Dress(a) => dress::cmd_dress(app, a).await,
        Command::Switch(a) => switch::cmd_switch(app, a).await,
        Command::Together(a) => together::cmd_together(app, a).await,
        Command::Rollback(a) => rollback::cmd_rollback(app, a).await,
        Command::Follow(a) => follow::cmd_follow(app, a).await,
        Command::Export(a) => export::cmd_export(app, a).await,
        Command::Import(a) => import::cmd_import(app, a).await,
        Command::Preview(a) => preview::cmd_preview(app, &a),
        Command::Decide(a) => decide::cmd_decide(app, &a),
        Command::Prove(a) => prove::cmd_prove(app, a).await,
        Command::Try(a) => try_backup::cmd_try(app, a).await,
        Command::Status(a) => status::cmd_status(app, a).await,
        Command::Runs(a) => runs::cmd_runs(app, a),
        Command::Run(a) => run::cmd_run(app, a),
        Command::Resume(a) => resume::cmd_resume(app, a).await,
        Command::Undo(a) => undo::cmd_undo(app, a).await,
        Command::Answer(a) => answer::cmd_answer(app, a),
        Command::Verify(a) => verify::cmd_verify(app, a).await,
        Command::Open(a) => open::cmd_open(app, a).await,
        Command::Seal(a) => seal::cmd_seal(app, a).await,
        Command::Reopen(a) => reopen::cmd_reopen(app, a).await,
        Command::Files(a) => files::cmd_files(app, a).await,
        Command::Fence(a) => fence::cmd_fence(app, a).await,
        Command::Stage(a) => stage::cmd_stage(app, a).await,
        Command::Gate(a) => gate::cmd_gate(app, a).await,
        Command::Why(a) => gate::cmd_why(app, a).await,
        Command::Task(a) => task::cmd_task(app, a).await,
        Command::Night(a) => night::cmd_night(app, a).await,
        Command::Schedule(a) => schedule::cmd_schedule(app, a).await,
        Command::Integrations(a) => integrations::cmd_integrations(app, a).await,
        Command::Requirements(a) => requirements::cmd_requirements(app, a).await,
        Command::Record(a) => record::cmd_record(app, a).await,
        Command::Evidence(a) => evidence::cmd_evidence(app, a).await,
        Command::Artefact(a) => artefact::cmd_artefact(app, a).await,
        Command::TestPlan(a) => test_plan::cmd_test_plan(app, a).await,
        Command::Audit(a) => audit::cmd_audit(app, a).await,
        Command::Notices(a) => notices::cmd_notices(app, a).await,
        Command::Leftovers(a) => leftovers::cmd_leftovers(app, a).await,
        Command::Retire(a) => retire::cmd_retire(app, a).await,
        Command::Drop(a) => drop::cmd_drop(app, a).await,
        Command::Mask(a) => mask::cmd_mask(app, a).await,
        Command::Schema(a) => schema::cmd_schema(app, a),
        Command::Explain(a) => explain::cmd_explain(app, &a),
        Command::Reference(a) => reference::cmd_reference(app, &a),
        Command::EngineTest(a) => engine_test::cmd_engine_test(app, a).await,
        Command::Changes(a) => changes::cmd_changes(app, a).await,
        Command::Demo(a) => demo::cmd_demo(app, a).await,
    }
}
