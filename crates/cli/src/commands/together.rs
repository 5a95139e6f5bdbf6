//! `greenroom together`: the switches of several programs in one window. Owns asking and doing; what may be done is decided in `model::run::together`, from the programs' own journals.

use super::{Done, drive, rehearse, switch};
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::progress::Progress;
use crate::render::run::{self, RunReport, Standing};
use crate::render::style::{HEAD, heading, paint};
use crate::render::table::{Align, table};
use crate::render::words;
use clap::{Args, ValueEnum};
use greenroom_model::catalog::EngineKind;
use greenroom_model::plan::RunKind;
use greenroom_model::program::Program;
use greenroom_model::run::together::{Deed, Place, Word, next};
use greenroom_model::run::{Phase, RunState};
use greenroom_runner::ports::{Clock, Random, SystemClock, SystemRandom};
use greenroom_runner::session::{Session, SessionError};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// Users are let into several databases one after the other: all of them must have so much time left.
const LETTING_IN: SignedDuration = SignedDuration::from_mins(2);

/// Go live with several databases in one window: all of them, or none
///
/// `[switch] together` of this program names the folders of the others. Each switch is a run of its own program, with everything that it depends on; this
/// command does the same with all of them at the same time, and lets users into none before testers have accepted all. When one goes back, all do.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  greenroom together                 where each of them stands
  greenroom together preview         what each of them depends on; nothing is touched
  greenroom together switch          prepare all of them, while people work
  greenroom together go              the window is open: shut all of them, and go on until testers are asked
  greenroom together accept          testers accept all of them; users are let in
  greenroom together resume          after a crash, from any of them
  greenroom together undo            give all of them back as they were

Exit codes: 0 users are in all of them, or all are as they were; 4 one failed or went back; 5 a person is asked; 1 anything else.")]
pub struct TogetherArgs {
    /// What to do with all of them; without it they are shown
    word: Option<Said>,
    /// With `accept`: do not let users in yet; `greenroom together go` does
    #[arg(long)]
    hold: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// What a person says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Said {
    /// What each of them depends on
    Preview,
    /// Prepare all of them
    Switch,
    /// The window is open; or, after `accept --hold`, let users in
    Go,
    /// Testers accept all of them
    Accept,
    /// Go on after a crash
    Resume,
    /// Give all of them back
    Undo,
}

/// One of the programs, with its switch.
#[derive(Serialize)]
struct Line {
    program: String,
    folder: PathBuf,
    place: Place,
    run: Option<RunReport>,
    /// When it goes back by itself.
    until: Option<Timestamp>,
    #[serde(skip)]
    app: App,
}

#[derive(Serialize)]
struct Board {
    now: Timestamp,
    switches: Vec<Line>,
}

impl Board {
    fn places(&self) -> Vec<Place> {
        self.switches.iter().map(|line| line.place).collect()
    }
}

pub async fn cmd_together(app: &App, args: TogetherArgs) -> Done {
    let apps = apps(app)?;
    let word = match args.word {
        None => {
            let board = board(apps)?;
            app.result(&board, text)?;
            return Ok(Exit::Ok);
        }
        Some(Said::Preview) => return preview(app, apps).await,
        Some(Said::Switch) => Word::Prepare,
        Some(Said::Go) => Word::Go,
        Some(Said::Accept) => Word::Accept,
        Some(Said::Resume) => Word::On,
        Some(Said::Undo) => Word::Back,
    };
    let mut at = board(apps)?;
    if let Some(question) = asked_first(&at, word) {
        app.confirm(&question, args.yes)?;
        // A person takes time: where they stand is asked again.
        at = board(at.switches.into_iter().map(|line| line.app).collect())?;
    }
    at = all_do(app, at, word).await?;
    // Testers' word lets users in, too, unless somebody holds it.
    if word == Word::Accept && !args.hold && at.places().iter().all(|p| *p == Place::Hold) {
        at = all_do(app, at, Word::Go).await?;
    }
    let exit = exit(&at);
    app.result(&at, text)?;
    Ok(exit)
}

/// The programs of one window, this one first.
fn apps(app: &App) -> Result<Vec<App>, CliError> {
    let opened = app.open()?;
    let mut seen = BTreeSet::from([opened.folder.clone()]);
    let locks_accounts = |program: &Program| program.source.server().filter(|_| program.source.engine == EngineKind::Mysql);
    let mut servers: BTreeSet<String> = locks_accounts(&opened.program).into_iter().collect();
    let mut all = vec![app.beside(opened.folder.clone())];
    for folder in &opened.program.switch.together {
        let other = app.beside(opened.folder.join(folder));
        let there = other.open()?;
        if !seen.insert(there.folder.clone()) {
            return Err(refused(
                format!("`[switch] together` names `{folder}`, which is there already"),
                "name each program once, and not this one",
            ));
        }
        // An account that is let in is let into both.
        if let Some(server) = locks_accounts(&there.program).filter(|server| !servers.insert(server.clone())) {
            let message = format!(
                "two of the databases are on {server}, where accounts are locked for the whole server: one would be opened with the other"
            );
            return Err(refused(message, "let them go live one after the other, each by `greenroom switch`"));
        }
        if !there.program.switch.together.is_empty() {
            let hint = "one program names all of the others";
            return Err(refused(format!("the program of `{folder}` has a `[switch] together` of its own"), hint));
        }
        all.push(other);
    }
    if all.len() == 1 {
        let hint = "write `together = [\"../archive\"]` under `[switch]`, the folders of the other programs; a database alone goes by `greenroom switch`";
        return Err(refused("this program goes live alone: `[switch] together` names no other".to_owned(), hint));
    }
    Ok(all)
}

fn refused(message: String, hint: &str) -> CliError {
    CliError::Session(SessionError::Refused { code: "GR0795", message, hint: hint.to_owned() })
}

/// Refuses for one of several switches what is done with all of them; `what`: how it would be done.
pub fn not_alone(run: &RunState, what: &str) -> Result<(), CliError> {
    match window_of(run).filter(|_| matches!(run.phase, Phase::Running | Phase::Undoing)) {
        None => Ok(()),
        Some(_) => {
            let hint = "`greenroom together`, in the folder of the program that names the others; `greenroom undo --alone` takes back this one only";
            Err(refused(format!("`{}` shares its window with other switches, and is not {what} alone", run.id), hint))
        }
    }
}

/// The word that the switches of a run's window share.
fn window_of(run: &RunState) -> Option<&str> {
    // The rollback of a switch repeats what the switch was planned for.
    if run.plan.kind != RunKind::Switch {
        return None;
    }
    run.plan.production.as_ref()?.together.as_deref()
}

/// Where all of them stand. What belongs to the window is what the first program's latest shared switch belongs to; when that is over everywhere, nothing has been begun.
fn board(apps: Vec<App>) -> Result<Board, CliError> {
    let mut found = Vec::new();
    let mut window: Option<String> = None;
    for (n, app) in apps.into_iter().enumerate() {
        let (session, _) = app.session_under_way(Arc::new(greenroom_runner::ports::Silent))?;
        let history = session.history()?;
        if n == 0 {
            window = history.runs.iter().rev().find_map(|r| window_of(r)).map(str::to_owned);
        }
        let run = history.runs.iter().rev().find(|r| window.is_some() && window_of(r) == window.as_deref()).cloned();
        let until = history.fence.as_ref().filter(|_| run.as_ref().is_some_and(RunState::fences)).map(|f| f.until);
        found.push((app, session, run, until));
    }
    let line = |(app, session, run, until): (App, Session, Option<RunState>, Option<Timestamp>)| -> Result<Line, CliError> {
        let busy = session.busy()?;
        let back = |of: &RunState| {
            let backs = |r: &RunState| r.phase == Phase::Finished && r.plan.rollback.as_ref().is_some_and(|b| b.run == of.id.0);
            Ok::<bool, CliError>(session.history()?.runs.iter().any(backs))
        };
        // Taken back with what users wrote is back, too.
        let place = match &run {
            Some(run) if back(run)? => Place::Back,
            run => Place::of(run.as_ref()),
        };
        let run = run.map(|run| RunReport::of(&run, busy));
        Ok(Line { program: session.program.name.clone(), folder: session.folder.clone(), place, run, until, app })
    };
    let switches: Vec<Line> = found.into_iter().map(line).collect::<Result<_, _>>()?;
    Ok(Board { now: SystemClock::default().now(), switches })
}

async fn preview(app: &App, apps: Vec<App>) -> Done {
    #[derive(Serialize)]
    struct Previewed {
        program: String,
        #[serde(flatten)]
        preview: greenroom_runner::session::SwitchPreview,
    }
    let mut all = Vec::new();
    for other in &apps {
        let session = other.session()?;
        all.push(Previewed { program: session.program.name.clone(), preview: session.switch_preview(true, true).await? });
    }
    app.result(&all, |all| {
        let one = |p: &Previewed| format!("{}{}", heading(&p.program), switch::text(&p.preview));
        all.iter().map(one).collect()
    })?;
    Ok(if all.iter().all(|p| p.preview.passes()) { Exit::Ok } else { Exit::Negative })
}

/// What to ask before it is done.
fn asked_first(at: &Board, word: Word) -> Option<String> {
    let n = words::count(at.switches.len() as u64, "database");
    let hold = at.places().iter().all(|p| matches!(p, Place::Hold | Place::Told) || p.is_out());
    match word {
        Word::Prepare => Some(format!("copy {n}, so that upgraded copies can take their places when the window opens?")),
        Word::Go if !hold => Some(format!("shut everybody out of {n} now?")),
        Word::Go | Word::Accept => {
            Some(format!("let users into the new versions of {n}? from then on there is no way back without what they write"))
        }
        Word::Back => Some(format!("give {n} back as they were?")),
        Word::On => None,
    }
}

/// Does what a word asks of all of them, and takes all back when one goes back by itself.
async fn all_do(app: &App, at: Board, word: Word) -> Result<Board, CliError> {
    let places = at.places();
    // A window that is over everywhere leaves room for another one.
    let over = places.iter().all(|p| matches!(p, Place::Back | Place::NotBegun)) || places.iter().all(|p| *p == Place::Live);
    let fresh = word == Word::Prepare && over;
    let from = if fresh { vec![Place::NotBegun; places.len()] } else { places };
    let deeds = next(&from, word).map_err(|why| refused(why.to_owned(), "`greenroom together` shows where each of them stands"))?;
    // Also where somebody was told to let users in and died.
    if deeds.iter().any(|(n, deed)| *deed != Deed::Undo && matches!(from[*n], Place::Hold | Place::Told)) {
        enough_time(&at)?;
    }
    if word == Word::Prepare {
        prepare(app, &at, &deeds, fresh).await?;
    } else if deeds.iter().all(|(_, deed)| *deed == Deed::Undo) {
        for (n, _) in &deeds {
            at_once(app, &at.switches[*n], Deed::Undo).await?;
        }
    } else {
        let all = deeds.iter().map(|(n, deed)| at_once(app, &at.switches[*n], *deed));
        for ended in futures_util::future::join_all(all).await {
            ended?;
        }
    }
    let now = board(at.switches.into_iter().map(|line| line.app).collect())?;
    let places = now.places();
    let went_back = word != Word::Back && places.iter().any(|p| p.is_back()) && !places.iter().any(|p| p.is_out());
    if went_back && places.iter().any(|p| *p != Place::Back && *p != Place::NotBegun) {
        app.say("one of them went back: all of them do");
        return Box::pin(all_do(app, now, Word::Back)).await;
    }
    Ok(now)
}

/// Letting users in takes a moment for each: none may go back meanwhile because its time is up.
fn enough_time(at: &Board) -> Result<(), CliError> {
    match at.switches.iter().find(|line| line.until.is_some_and(|until| until < at.now + LETTING_IN)) {
        None => Ok(()),
        Some(line) => {
            let hint = "`greenroom -C FOLDER fence prolong` gives it more time; `greenroom together undo` gives all of them back";
            Err(refused(format!("the time of `{}` is up too soon to let users into all of them", line.program), hint))
        }
    }
}

/// Prepares one after the other: people work meanwhile. Every plan is made, and refused if need be, before the first row is copied.
async fn prepare(app: &App, at: &Board, deeds: &[(usize, Deed)], fresh: bool) -> Result<(), CliError> {
    let known = at.switches.iter().filter_map(|line| line.run.as_ref()).find_map(|r| r.together.clone());
    let window = known.filter(|_| !fresh).unwrap_or_else(|| SystemRandom.name(12));
    let mut planned = Vec::new();
    for (n, deed) in deeds {
        let line = &at.switches[*n];
        if *deed == Deed::Start {
            app.say(paint(HEAD, format!("{}:", line.program)));
            let starting = rehearse::Starting::new(&line.app).await?;
            let plan = starting.session.plan_switch(true, true, Some(&window)).await;
            planned.push((line, Some((starting.checked(plan)?, starting))));
        } else {
            planned.push((line, None));
        }
    }
    for (line, start) in planned {
        match start {
            Some((plan, starting)) => drop(starting.run(&line.app, Ok(plan), false).await?),
            None => at_once(app, line, Deed::Resume).await?,
        }
    }
    Ok(())
}

/// Does one thing with one of them, telling of it by name.
async fn at_once(app: &App, line: &Line, deed: Deed) -> Result<(), CliError> {
    let progress = Arc::new(Progress::named(app, &line.program));
    let (session, _) = line.app.session_under_way(progress.clone())?;
    let run = line.run.as_ref().map(|r| r.run.as_str());
    match deed {
        Deed::Start => return Ok(()),
        Deed::Undo => drive::attended(&session, &progress, session.undo(run)).await?,
        Deed::Resume => drive::attended(&session, &progress, session.resume(run, false)).await?,
        Deed::Answer(word) => {
            session.answer(run, word)?;
            drive::attended(&session, &progress, session.resume(run, false)).await?
        }
    };
    Ok(())
}

fn exit(at: &Board) -> Exit {
    let places = at.places();
    let failed = |line: &Line| matches!(line.run.as_ref().map(|r| r.standing), Some(Standing::Failed | Standing::UndoFailed));
    let all = |wanted: fn(&Place) -> bool| places.iter().all(wanted);
    match () {
        () if at.switches.iter().any(failed) => Exit::Negative,
        () if all(|p| *p == Place::Live) => Exit::Ok,
        () if all(|p| matches!(p, Place::Back | Place::NotBegun)) => Exit::Ok,
        () if places.iter().any(|p| p.is_back()) => Exit::Negative,
        () if all(|p| matches!(p, Place::Window | Place::Accept | Place::Hold)) => Exit::Person,
        () => Exit::Error,
    }
}

fn shown(place: Place) -> &'static str {
    match place {
        Place::NotBegun => "not begun",
        Place::Preparing => "being prepared; people work as ever",
        Place::Window => "prepared; waits for the window",
        Place::Shut => "production is shut; nobody is asked",
        Place::Accept => "testers are asked",
        Place::Hold => "accepted; users are not in yet",
        Place::Told => "users are to be let in, and are not yet",
        Place::Opening => "users are being let in",
        Place::Live => "users work in the new production",
        Place::GoingBack => "goes back",
        Place::Back => "production is what it was",
    }
}

fn text(at: &Board) -> String {
    let mut out = format!("{}\n", paint(HEAD, format!("{} in one window", words::count(at.switches.len() as u64, "database"))));
    let left = ("", Align::Left);
    let row = |line: &Line| {
        let until = line.until.map(|u| format!("goes back by itself at {}", words::exactly(u))).unwrap_or_default();
        vec![line.program.clone(), shown(line.place).to_owned(), line.folder.display().to_string(), until]
    };
    let rows: Vec<Vec<String>> = at.switches.iter().map(row).collect();
    out.push_str(&table(&[left, left, left, left], &rows));
    for line in &at.switches {
        let Some(report) = &line.run else { continue };
        if let Some(f) = &report.failed {
            out.push_str(&heading(&line.program));
            out.push_str(&run::failure(&f.title, &f.what));
        }
    }
    out.push_str(&run::next(&nexts(at)));
    out
}

fn nexts(at: &Board) -> Vec<(String, String)> {
    let pair = |word: &str, why: &str| (format!("greenroom together {word}"), why.to_owned());
    let places = at.places();
    let all = |wanted: fn(&Place) -> bool| places.iter().all(wanted);
    let back = pair("undo", "give all of them back as they were");
    match () {
        () if all(|p| *p == Place::Live) => Vec::new(),
        () if all(|p| matches!(p, Place::NotBegun | Place::Back)) => {
            vec![pair("preview", "what each of them depends on"), pair("switch", "prepare all of them, while people work")]
        }
        () if places.iter().any(|p| p.is_out()) => vec![pair("resume", "let users in: from here on there is only forward")],
        () if places.contains(&Place::Told) => vec![pair("resume", "let users in"), back],
        () if places.iter().any(|p| p.is_back()) => vec![back],
        () if all(|p| *p == Place::Window) => vec![pair("go", "the window is open: shut all of them"), back],
        () if all(|p| *p == Place::Accept) => vec![pair("accept", "testers accept all of them: users are let in"), back],
        () if all(|p| *p == Place::Hold) => vec![pair("go", "let users in"), back],
        () => vec![pair("resume", "go on, where the cause is mended"), back],
    }
}
