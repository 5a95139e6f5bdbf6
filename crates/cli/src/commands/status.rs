//! `greenroom status`.

use super::Done;
use super::notices::Counted;
use super::reopen::by;
use super::stage::{self, Board};
use crate::app::App;
use crate::error::{CliError, Exit, Report};
use crate::render::process::brief;
use crate::render::run::{self, Dated, RunReport, Standing};
use crate::render::style::{BAD, DIM, HEAD, WARN, heading, paint};
use crate::render::table::{Align, table};
use crate::render::{verdict, words};
use clap::Args;
use greenroom_engine::Admission;
use greenroom_model::fence::{Fence, Progress};
use greenroom_model::plan::RunKind;
use greenroom_model::run::StepState;
use greenroom_runner::planning::size;
use greenroom_runner::ports::{Clock, SystemClock};
use greenroom_runner::session::{DowntimeNow, Dressed, Function, Known, Revocable, Session};
use jiff::Timestamp;
use serde::Serialize;

/// Show what stands where: the pilot, the latest run, former pilots, raw copies
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  greenroom status\n  greenroom status --json")]
pub struct StatusArgs {}

#[derive(Serialize)]
struct Status {
    program: String,
    engine: String,
    now: Timestamp,
    pilot_name: String,
    /// What stands under the pilot's name, if it is ours.
    pilot: Option<Known>,
    /// The latest verdict of the pilot's run.
    verdict: Option<Dated>,
    /// The latest run.
    run: Option<RunReport>,
    /// The latest dress rehearsal that went well.
    dressed: Option<Dressed>,
    /// How long nobody would be able to work if the window opened now, where that goes by what users touch.
    downtime: Option<DowntimeNow>,
    /// The fence around production, as the journal knows it.
    fence: Option<Fence>,
    /// Former pilots and generations that still stand.
    others: Vec<Known>,
    /// The program's other pilots that stand.
    other_pilots: Vec<Known>,
    /// How the stages of the process stand, where there is one.
    process: Option<Board>,
    /// Notices that people did not get yet, where the process tells them of anything.
    notices: Option<Counted>,
    /// Events at which the wall clock went back.
    clock_jumps: Vec<u64>,
    /// Why the target could not be asked.
    unreachable: Option<Report>,
    /// A process works on the pilot now.
    /// The switch that can be taken back with what users write.
    revocable: Option<Revocable>,
    busy: bool,
    /// Functions of the pilot that are switched on again.
    reopened: Vec<Function>,
}

pub async fn cmd_status(app: &App, _: StatusArgs) -> Done {
    let session = app.session()?;
    let status = gather(&session).await?;
    app.result(&status, |s| text(s, &session))?;
    Ok(if status.unreachable.is_some() { Exit::Error } else { Exit::Ok })
}

async fn gather(session: &Session) -> Result<Status, CliError> {
    let busy = session.busy()?;
    let history = session.history()?;
    let (databases, unreachable) = match session.databases().await {
        Ok(all) => (all, None),
        Err(e) => (Vec::new(), Some(CliError::from(e).report())),
    };
    let (pilots, others): (Vec<Known>, Vec<Known>) = databases.into_iter().partition(|k| k.role == "pilot");
    let profile = session.program.profile.clone();
    let (own, other_pilots): (Vec<Known>, Vec<Known>) =
        pilots.into_iter().partition(|k| k.profile == profile && k.name == session.program.pilot.name);
    let pilot = own.into_iter().next();
    let others = others.into_iter().filter(|k| k.profile == profile).collect();
    let verdict = pilot
        .as_ref()
        .and_then(|p| history.run(&p.run))
        .and_then(|r| r.verdicts.last())
        .map(|(at, verdict)| Dated { at: *at, verdict: verdict.clone() });
    let downtime = match history.runs.last().filter(|_| unreachable.is_none()) {
        Some(run) => session.downtime_now(run).await?,
        None => None,
    };
    Ok(Status {
        downtime,
        program: session.program.name.clone(),
        engine: session.program.source.engine.to_string(),
        now: SystemClock::default().now(),
        pilot_name: session.program.pilot.name.clone(),
        pilot,
        verdict,
        run: history.runs.last().map(|r| RunReport::of(r, busy)),
        others,
        other_pilots,
        process: if session.process().is_ok() { Some(stage::stages(session)?) } else { None },
        notices: session.notices().is_ok().then(|| Counted::of(&history.outbox)),
        clock_jumps: history.clock_jumps,
        dressed: session.dressed(None)?,
        fence: history.fence,
        revocable: session.revocable()?,
        unreachable,
        busy,
        reopened: session.functions()?.into_iter().filter(|f| f.until.is_some()).collect(),
    })
}

fn text(s: &Status, session: &Session) -> String {
    let mut out = format!("{} `{}` on {}\n", paint(HEAD, "Program"), s.program, s.engine);
    if let (Some(board), Ok(process)) = (&s.process, session.process()) {
        out.push_str(&heading("Process"));
        out.push_str(&brief(board, process));
        out.push_str(&s.notices.as_ref().map(Counted::lines).unwrap_or_default());
    }
    if let Some(fence) = &s.fence {
        out.push_str(&heading("Production"));
        let until = words::when(fence.until);
        out.push_str(&match (fence.progress, fence.until <= s.now) {
            (Progress::Raised, false) => format!("  fenced until {until}\n"),
            (_, true) => {
                let back = match s.run.as_ref().filter(|r| r.fences) {
                    Some(r) => format!("greenroom undo {}", r.run),
                    None => "greenroom fence lift".to_owned(),
                };
                format!("  {}: `{back}` gives it back\n", paint(BAD, format!("fenced, and its time was over {until}")))
            }
            _ => format!("  {}: `greenroom fence` shows how far it is\n", paint(WARN, "a fence was begun or is being lifted")),
        });
    }
    if let Some(back) = &s.revocable {
        if s.fence.is_none() {
            out.push_str(&heading("Production"));
        }
        let until = match back.until <= s.now {
            true => format!("its time was over {}: `greenroom rollback --give-up` ends it", words::when(back.until)),
            false => format!("wanted until {}", words::when(back.until)),
        };
        out.push_str(&format!(
            "  what users write since `{}` is noted, so that `greenroom rollback` can carry it back; {until}\n",
            back.switch
        ));
    }
    out.push_str(&heading("Pilot"));
    match (&s.pilot, &s.unreachable) {
        (_, Some(report)) => {
            out.push_str(&format!("  {} {}\n", paint(BAD, "the target cannot be asked:"), report.message));
            report.hints.iter().for_each(|h| out.push_str(&format!("  hint: {h}\n")));
        }
        (None, None) => out.push_str(&format!("  no pilot of ours stands under the name `{}`\n", s.pilot_name)),
        (Some(p), None) => out.push_str(&pilot(s, p)),
    }
    s.reopened.iter().for_each(|f| out.push_str(&reopened(f, &by(f, session.process().ok()))));
    if let Some(r) = &s.run {
        out.push_str(&latest(s, r));
    }
    if let Some(d) = &s.dressed {
        out.push_str(&heading("Dress rehearsal"));
        out.push_str(&format!("  {}\n", words::dressed(d, s.now)));
    }
    if !s.others.is_empty() {
        out.push_str(&heading("Also standing"));
        let row = |k: &Known| {
            let until = match (&k.until, k.role.as_str()) {
                (Some(u), role) if role.ends_with("raw copy") => raw(k, *u, s.now),
                (Some(u), "former production") if *u <= s.now && k.elsewhere.is_some() => {
                    "time is over: drop it there, then `greenroom retire NAME --by-hand`".to_owned()
                }
                (Some(u), "former production") if *u <= s.now => "time is over: `greenroom retire` drops it".to_owned(),
                (Some(u), _) if *u <= s.now => "time is over: the next rehearsal drops it".to_owned(),
                (Some(u), _) => format!("kept until {} ({})", words::when(*u), words::age(*u, s.now)),
                (None, "unmasked generation") => paint(WARN, "raw values on the target until its run is resumed or undone"),
                (None, _) => String::new(),
            };
            let bytes = match &k.elsewhere {
                Some(there) => format!("on {}{}", there.server, if there.unseen.is_some() { ", not seen now" } else { "" }),
                None => k.standing.as_ref().map(|x| size(x.bytes)).unwrap_or_default(),
            };
            vec![k.role.clone(), k.name.clone(), bytes, until]
        };
        let rows: Vec<Vec<String>> = s.others.iter().map(row).collect();
        let left = ("", Align::Left);
        out.push_str(&table(&[left, left, ("", Align::Right), left], &rows));
    }
    if !s.other_pilots.is_empty() {
        out.push_str(&heading("Other pilots"));
        let row = |k: &Known| {
            let how = k.profile.as_ref().map_or_else(|| "without `--profile`".to_owned(), |p| format!("--profile {p}"));
            vec![k.name.clone(), k.standing.as_ref().map(|x| size(x.bytes)).unwrap_or_default(), how]
        };
        let rows: Vec<Vec<String>> = s.other_pilots.iter().map(row).collect();
        out.push_str(&table(&[("", Align::Left), ("", Align::Right), ("", Align::Left)], &rows));
    }
    if !s.clock_jumps.is_empty() {
        let list = s.clock_jumps.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let note = format!("the machine's clock went back before event {list}: ages and dates around it are not to be trusted");
        out.push_str(&format!("\n{} {note}\n", paint(WARN, "note:")));
    }
    let next = match &s.run {
        None => vec![("greenroom rehearse".to_owned(), "build the first pilot".to_owned())],
        // What a restore made is gone again: there is nothing to go on with.
        Some(r) if r.standing == Standing::Finished && r.restores.as_ref().is_some_and(|raw| s.others.iter().all(|k| k.name != *raw)) => {
            vec![("greenroom try BACKUP".to_owned(), "restore a backup and rehearse over it".to_owned())]
        }
        // A finished run whose pilot is open has nothing more to ask for.
        Some(r) => {
            let open = s.pilot.as_ref().is_some_and(|p| !matches!(p.admission, None | Some(Admission::Sealed)));
            RunReport { opened: r.opened || open, ..r.clone() }.next()
        }
    };
    out.push_str(&run::next(&next));
    out
}

/// A raw copy holds production's values: where it stands and until when is always said.
fn raw(k: &Known, until: Timestamp, now: Timestamp) -> String {
    let unseen = if k.standing.is_none() { "not seen now; " } else { "" };
    let over = if until <= now {
        "time is over: `greenroom drop --expired` drops it".to_owned()
    } else {
        format!("kept until {} ({})", words::when(until), words::age(until, now))
    };
    paint(WARN, format!("{unseen}raw values in the quarantine, {over}"))
}

fn pilot(s: &Status, p: &Known) -> String {
    let marker = p.standing.as_ref().and_then(|x| x.marker.as_ref());
    let bytes = p.standing.as_ref().map(|x| format!(", {}", size(x.bytes))).unwrap_or_default();
    let number = marker.map(|m| format!("generation {}", m.generation)).unwrap_or_default();
    let mut out = format!("  `{}`: {number} of run {}{bytes}\n", p.name, p.run);
    if let Some(database) = p.standing.as_ref().and_then(|x| x.database.as_ref()).filter(|d| **d != p.name) {
        out.push_str(&format!("  people connect to the database `{database}`\n"));
    }
    let who = match &p.admission {
        Some(Admission::Sealed) => "sealed: nobody but Greenroom can connect".to_owned(),
        Some(Admission::Some { roles, mode }) if roles.is_empty() => format!("open to whom file mode {mode:o} lets in"),
        Some(Admission::Some { roles, .. }) => format!("open to {}", roles.join(", ")),
        Some(Admission::Everybody { mode }) if *mode != 0 => format!("open to everybody (file mode {mode:o})"),
        Some(Admission::Everybody { .. }) => "open to everybody".to_owned(),
        None => String::new(),
    };
    out.push_str(&format!("  {who}\n"));
    if let Some(d) = &s.verdict {
        out.push_str(&format!("  verified {}: {}\n", words::age(d.at, s.now), verdict::line(&d.verdict)));
        for line in &d.verdict.not_compared {
            out.push_str(&format!("    {} {line}\n", paint(DIM, "not compared:")));
        }
    }
    out
}

/// What the window would take now.
fn takes(now: &DowntimeNow) -> String {
    let rows = words::count(now.touched, "row");
    match now.time.unknown.is_empty() {
        true => {
            let about = words::millis(now.time.millis);
            format!("  {rows} touched since the copy: as things stand nobody can work for about {about}, without the testers' time\n")
        }
        false => format!("  {rows} touched since the copy; not measured yet with so many: {}\n", now.time.unknown.join(", ")),
    }
}

/// A function that is on again, and what is connected by it.
fn reopened(f: &Function, by: &str) -> String {
    let until = f.until.map(words::exactly).unwrap_or_default();
    let with = if f.integrations.is_empty() { String::new() } else { format!(" with {}", f.integrations.join(", ")) };
    let said = match f.overdue {
        true => paint(BAD, format!("`{}` is on again{with}{by}, and its time was over {until}", f.pack)),
        false => paint(WARN, format!("`{}` is on again{with}{by} until {until}", f.pack)),
    };
    format!("  {said}: `greenroom reopen {} --close` switches it off\n", f.pack)
}

/// When testers can be asked, as far as earlier runs measured what is left, held against the time at which everything goes back by itself.
fn turning_back(r: &RunReport, until: Timestamp, now: Timestamp) -> String {
    let back = r.kind == RunKind::Rollback;
    let (last, what) = if back { ("reopen", "users can be let in again") } else { ("accept", "testers can be asked") };
    let before = r.steps.iter().take_while(|step| step.key != last);
    let left: Vec<_> = before.filter(|step| !matches!(step.state, StepState::Finished { .. })).collect();
    let until_then = format!("everything goes back by itself at {}, unless users are let in before", words::exactly(until));
    if left.is_empty() {
        return if back { until_then } else { format!("testers decide; {until_then}") };
    }
    let millis: u64 = left.iter().filter_map(|step| step.expected_millis).sum();
    let unknown = left.iter().filter(|step| step.expected_millis.is_none()).count();
    let asked = now + jiff::SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
    let more = if unknown > 0 { format!(", and {} that nobody has timed", words::count(unknown as u64, "step")) } else { String::new() };
    let late = if asked > until {
        paint(BAD, "; that is too late: `greenroom fence prolong` gives it more time, `greenroom undo` gives production back now")
    } else {
        String::new()
    };
    format!("{} left until {what}, about {}{more}; {until_then}{late}", words::count(left.len() as u64, "step"), words::millis(millis))
}

/// The latest run, at length only where somebody has to do something.
fn latest(s: &Status, r: &RunReport) -> String {
    let (done, of) = r.done();
    let mut out = heading("Latest run");
    out.push_str(&format!(
        "  {}: {}, {done} of {of} steps, began {}, last event {}\n",
        r.run,
        r.word(),
        words::when(r.started),
        words::age(r.last, s.now)
    ));
    if matches!(r.kind, RunKind::Switch | RunKind::Rollback) {
        out.push_str(&format!("  {}\n", r.stands()));
        out.push_str(&s.downtime.as_ref().map(takes).unwrap_or_default());
        if let Some(fence) = s.fence.as_ref().filter(|_| r.fences) {
            out.push_str(&format!("  {}\n", turning_back(r, fence.until, s.now)));
        }
    }
    match r.standing {
        Standing::Failed => {
            if let Some(f) = &r.failed {
                out.push_str(&run::failure(&f.title, &f.what));
            }
        }
        Standing::Waiting => {
            if let Some(q) = &r.question {
                out.push_str(&run::question(&q.title, &q.what));
            }
        }
        Standing::UndoFailed => {
            if let Some(f) = &r.undo_failure {
                out.push_str(&run::failure("restoring the former state", f));
            }
        }
        _ => {}
    }
    out
}
