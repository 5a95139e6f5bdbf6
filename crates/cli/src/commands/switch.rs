//! `greenroom switch`.

use super::rehearse::Starting;
use super::{Done, drive, plan};
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::render::style::{BAD, DIM, GOOD, HEAD, WARN, heading, paint};
use crate::render::words;
use clap::Args;
use greenroom_model::finding::Severity;
use greenroom_model::plan::Plan;
use greenroom_runner::session::{Guard, SessionError, SwitchPreview};

/// Go live: put an upgraded copy of production in production's place, with a way back
///
/// Copies production as it is while people work, unmasked and sealed. When the window opens, everybody is shut out, what changed since is copied,
/// the upgrade runs, the pilot's configuration is carried over, everything is verified, and the result takes production's name; production itself is put
/// aside, fenced. Then testers come in and accept, or everything goes back. Until users are let in, `greenroom undo` gives production back as it was,
/// and so does the time limit, `[switch] minutes`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  greenroom switch --preview            everything it depends on, and the plan; nothing is touched
  greenroom switch                      prepare, then wait for the window
  greenroom answer go && greenroom resume
  greenroom answer accept && greenroom resume
  greenroom switch --now                do not wait for the window
  greenroom fence watch                 beside it: everything goes back in time although nobody drives the switch

Exit codes: 0 users work in the new production, 4 a step failed or everything went back, 5 a person is asked, 1 anything else.")]
pub struct SwitchArgs {
    /// Show what the switch depends on and what it would do; nothing is touched
    #[arg(long)]
    preview: bool,
    /// The window is open: shut everybody out as soon as the copy is made
    #[arg(long, conflicts_with = "preview")]
    now: bool,
    /// Ask once more just before users are let in, when testers have accepted and the programs beside it have run
    #[arg(long)]
    hold: bool,
    /// Ask a person to run the upgrade's statements, instead of running them
    #[arg(long, conflicts_with = "preview")]
    by_hand: bool,
    /// Do not ask before it begins
    #[arg(short, long)]
    yes: bool,
}

pub async fn cmd_switch(app: &App, args: SwitchArgs) -> Done {
    if args.preview {
        let preview = app.session()?.switch_preview(!args.now, args.hold).await?;
        app.result(&preview, text)?;
        return Ok(if preview.passes() { Exit::Ok } else { Exit::Negative });
    }
    let starting = Starting::new(app).await?;
    if !starting.session.program.switch.together.is_empty() {
        return Err(CliError::Session(SessionError::Refused {
            code: "GR0795",
            message: "this database goes live together with others: `[switch] together` names them".to_owned(),
            hint: "`greenroom together switch` prepares all of them".to_owned(),
        }));
    }
    let planned = starting.session.plan_switch(!args.now, args.hold, None).await;
    if let Ok((_, plan, _)) = &planned {
        app.confirm(&consequence(plan, args.now), args.yes)?;
    }
    let ended = starting.run(app, planned, args.by_hand).await?;
    let began = ended.0.clone();
    match drive::conclude(app, &starting.session, &starting.progress, args.by_hand, ended).await? {
        // Undone without being asked to.
        Exit::Ok if starting.session.find_run(Some(&began.0))?.phase == greenroom_model::run::Phase::Undone => Ok(Exit::Negative),
        exit => Ok(exit),
    }
}

fn consequence(plan: &Plan, now: bool) -> String {
    let name = &plan.names.pilot;
    match now {
        true => format!("shut everybody out of production as soon as it is copied, and let an upgraded copy take the name `{name}`?"),
        false => format!("copy production, so that an upgraded copy can take the name `{name}` when the window opens?"),
    }
}

/// What a switch depends on, and its plan.
pub fn text(preview: &SwitchPreview) -> String {
    let mut out = format!("{}\n", paint(HEAD, "What the switch depends on"));
    preview.guards.iter().for_each(|g| out.push_str(&guard(g)));
    if let Some(p) = &preview.plan {
        out.push_str(&plan::steps(p));
        out.push_str(&heading("Consequences"));
        p.footprint.consequences.iter().for_each(|l| out.push_str(&format!("  {l}\n")));
        out.push_str(&heading("Nobody can work for"));
        out.push_str(&format!("  {}\n", downtime(p)));
    }
    let verdict = match preview.passes() {
        true => paint(GOOD, "nothing refuses the switch"),
        false => paint(BAD, "the switch is refused"),
    };
    out.push_str(&format!("\n{verdict}\n"));
    out
}

/// One thing that is depended on, and how it stands.
pub fn guard(g: &Guard) -> String {
    let mark = match (&g.found, g.passes()) {
        (None, true) => paint(DIM, "--"),
        (_, true) => paint(GOOD, "ok"),
        (_, false) => paint(BAD, "no"),
    };
    let found = match (&g.found, g.passes()) {
        (None, true) => "not asked: what is refused comes first",
        (Some(found), true) => found,
        (_, false) => "",
    };
    let mut out = format!("  {mark}  {}: {found}", g.what).trim_end().to_owned();
    out.push('\n');
    for f in &g.findings {
        let word = if f.severity == Severity::Error { paint(BAD, f.code) } else { paint(WARN, f.code) };
        out.push_str(&format!("      {word} {}\n", f.message));
        if let Some(hint) = &f.hint {
            out.push_str(&format!("      {}\n", paint(DIM, hint)));
        }
    }
    out
}

/// Time from the fence to the opening, as far as earlier runs measured its steps.
fn downtime(plan: &Plan) -> String {
    let time = plan.downtime(None);
    let missing = if time.unknown.is_empty() { String::new() } else { format!("; not measured yet: {}", time.unknown.join(", ")) };
    let more = if plan.copies_whole() { "" } else { ", and what it takes to copy rows that changed since" };
    format!("about {}{more}; the testers' time comes on top{missing}", words::millis(time.millis))
}
