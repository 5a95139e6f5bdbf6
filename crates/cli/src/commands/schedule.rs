//! `greenroom schedule`.

use super::Done;
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::render::schedule::proposal;
use clap::Args;
use greenroom_model::process::dates;
use greenroom_model::process::gates::{Refused, Sight};
use greenroom_model::process::ics::{self, Method};
use greenroom_model::process::schedule::Proposal;
use greenroom_runner::session::{Session, SessionError};
use jiff::civil::Date;
use std::path::PathBuf;

/// Dates that are proposed where nobody says how many.
const COUNT: usize = 5;

/// Propose dates for a stage: those that satisfy everything that is known, and why the other days do not
///
/// Looks at the stage's waits, windows and lead times, the stages before it, holidays, blackouts and big events, at who is away, at what its tasks take and what is to spare. What is
/// only recommended is warned of, and comes later in the list. `greenroom stage date` agrees upon one. With `--ics` the dates that are agreed or follow are written for other calendars.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  greenroom schedule migration\n  greenroom schedule migration --from 2027-02-01 --until 2027-02-28\n  greenroom schedule --ics go-live.ics\n\nExit codes: 0 a date is possible, 4 none is, 1 anything else."
)]
pub struct ScheduleArgs {
    /// The stage; the first that has not begun by default
    stage: Option<String>,
    /// The first day; today by default
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// The last day; without it, until enough dates are found, within a year
    #[arg(long, value_name = "DATE")]
    until: Option<Date>,
    /// How many dates
    #[arg(long, value_name = "N", default_value_t = COUNT, value_parser = parse_count)]
    count: usize,
    /// Write agreed dates, ends of windows and ends of waits as a calendar file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["stage", "from", "until", "count"])]
    ics: Option<PathBuf>,
}

fn parse_count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| (1..=366).contains(n)).ok_or_else(|| "1 to 366".to_owned())
}

pub async fn cmd_schedule(app: &App, args: ScheduleArgs) -> Done {
    let session = app.session()?;
    let process = session.process()?;
    if let Some(file) = args.ics {
        let program = &session.program.name;
        let events = session.judged(|sight| dates::events(&sight, program))?;
        std::fs::write(&file, ics::write(&events, Method::Publish))
            .map_err(|source| CliError::Io { attempted: format!("write {}", file.display()), source })?;
        app.say(format!("written: {}, with {} dates", file.display(), events.len()));
        return Ok(Exit::Ok);
    }
    let proposed = propose(&session, args.stage.as_deref(), args.from, args.until, args.count)?;
    let found = !proposed.slots.is_empty();
    app.result(&proposed, |p| proposal(p, process))?;
    Ok(if found { Exit::Ok } else { Exit::Negative })
}

fn propose(session: &Session, stage: Option<&str>, from: Option<Date>, until: Option<Date>, count: usize) -> Result<Proposal, CliError> {
    let proposed = session.judged(|sight| {
        let stage = stage.map(str::to_owned).or_else(|| next(&sight));
        stage.map(|stage| sight.propose(&stage, from, until, count))
    })?;
    let none =
        || CliError::Missing { message: "no stage is left to begin".into(), hint: "`greenroom stage` shows where they stand".into() };
    let refused = |r: Refused| SessionError::Refused { code: "GR0791", message: r.message, hint: r.hint };
    Ok(proposed.ok_or_else(none)?.map_err(refused)?)
}

/// The first stage that is neither on nor over.
fn next(sight: &Sight<'_>) -> Option<String> {
    let begun = |s: &String| sight.state.stage(s).is_on() || sight.state.stage(s).is_over();
    sight.process.order.iter().find(|s| !begun(s)).cloned()
}
