//! `greenroom fence`.

use super::Done;
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::progress;
use crate::render::style::{BAD, HEAD, WARN, paint};
use crate::render::words;
use clap::{Args, Subcommand};
use greenroom_model::fence::{Doors, Progress, Stands};
use greenroom_runner::session::{FenceView, Session, Watching};
use jiff::{SignedDuration, Timestamp, Zoned, civil};
use serde::Serialize;
use std::sync::Arc;

/// Shut everybody but Greenroom out of production, and give it back exactly as it was
///
/// Without a subcommand nothing is changed: it shows who a fence would shut out, whom it cannot, and what is in its way; or how the fence
/// stands. A fence is durable: no crash and no restart lifts it. What it takes away is written down first, together with a card of
/// statements with which a person gives production back when nothing else works.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  greenroom fence\n  greenroom fence raise --for 2h --reason \"upgrade to 9.4\"\n  greenroom fence watch\n  greenroom fence lift"
)]
pub struct FenceArgs {
    #[command(subcommand)]
    command: Option<FenceCommand>,
}

#[derive(Subcommand, Debug)]
enum FenceCommand {
    Raise(RaiseArgs),
    Prolong(UntilArgs),
    Lift(LiftArgs),
    Card(CardArgs),
    Watch(WatchArgs),
}

/// Shut everybody else out; goes on where an earlier attempt was cut off
#[derive(Args, Debug)]
struct RaiseArgs {
    #[command(flatten)]
    until: UntilArgs,
    /// Why, for the record
    #[arg(long)]
    reason: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Give the fence another deadline
#[derive(Args, Debug)]
struct UntilArgs {
    /// Production must be given back after so long: `90m`, `2h 30m`; by default `[fence] minutes`
    #[arg(long = "for", value_name = "TIME", conflicts_with = "until")]
    lasts: Option<SignedDuration>,
    /// Production must be given back at this time: `23:30` (the next one here), `2026-11-24T01:00`, or with an offset
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
}

/// Open production again exactly as it was, however far the fence got
#[derive(Args, Debug)]
struct LiftArgs {
    /// Only put on record that a person typed the statements of the card; the database is not asked
    #[arg(long)]
    by_hand: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Print the statements that give production back by hand
#[derive(Args, Debug)]
struct CardArgs {}

/// Stay and lift the fence when its time is over
#[derive(Args, Debug)]
struct WatchArgs {}

#[derive(Serialize)]
struct Lifted {
    lifted: bool,
}

#[derive(Serialize)]
struct Card {
    card: String,
}

pub async fn cmd_fence(app: &App, args: FenceArgs) -> Done {
    // What happens meanwhile is said by lines.
    let (session, _) = app.session_under_way(Arc::new(progress::Progress::new(app)))?;
    match args.command {
        None => app.result(&session.fence().await?, text)?,
        Some(FenceCommand::Raise(raise)) => return raised(app, &session, raise).await,
        Some(FenceCommand::Prolong(until)) => {
            let until = until.at(&session)?;
            app.result(&session.prolong_fence(until).await?, text)?;
        }
        Some(FenceCommand::Lift(LiftArgs { by_hand: true, yes })) => {
            app.confirm("has everything on the card been typed, and can people work?", yes)?;
            session.lifted_by_hand()?;
            app.result(&Lifted { lifted: true }, |_| "on record: production was given back by hand\n".to_owned())?;
        }
        Some(FenceCommand::Lift(_)) => {
            session.lift_fence().await?;
            app.result(&Lifted { lifted: true }, |_| "production is open as it was\n".to_owned())?;
        }
        Some(FenceCommand::Card(CardArgs {})) => app.result(&Card { card: session.fence_card()? }, |c| c.card.clone())?,
        Some(FenceCommand::Watch(WatchArgs {})) => {
            let mut tell = |seen: Watching<'_>| match seen {
                Watching::Until(f) => app.say(format!("watching: the fence is lifted {} unless it is prolonged", words::when(f.until))),
                Watching::Failed(e) => app.say(format!("could not lift the fence, which is tried again: {e}")),
            };
            let lifted = session.watch_fence(&mut tell).await?;
            app.result(&Lifted { lifted }, |l| match l.lifted {
                true => "its time was over: production is open as it was\n".to_owned(),
                false => "nothing was lifted here\n".to_owned(),
            })?;
        }
    }
    Ok(Exit::Ok)
}

async fn raised(app: &App, session: &Session, args: RaiseArgs) -> Done {
    let until = args.until.at(session)?;
    if !args.yes {
        let view = session.fence().await?;
        app.say(text(&view).trim_end());
        let question = format!("shut {} out of `{}` until {}?", people(&view.doors), view.doors.database, words::exactly(until));
        app.confirm(&question, false)?;
    }
    let mut shown = |card: &str, doors: &Doors| {
        app.say(card);
        app.say(format!("shutting {} …", people(doors)));
    };
    let view = session.raise_fence(until, args.reason.as_deref(), &mut shown).await?;
    app.result(&view, text)?;
    app.say("next: `greenroom fence watch` lifts it in time; `greenroom fence lift` at any time before");
    Ok(Exit::Ok)
}

impl UntilArgs {
    fn at(&self, session: &Session) -> Result<Timestamp, CliError> {
        let now = Timestamp::now();
        let until = match (&self.lasts, &self.until) {
            (Some(lasts), _) => now.checked_add(*lasts).map_err(|e| usage(&format!("`--for`: {e}")))?,
            (None, Some(text)) => parse(text, &Zoned::now()).map_err(|why| usage(&format!("`--until {text}`: {why}")))?,
            (None, None) => session.fence_until(),
        };
        if until <= now {
            return Err(usage("production would have to be given back before it is fenced"));
        }
        Ok(until)
    }
}

fn usage(message: &str) -> CliError {
    CliError::Usage {
        message: message.to_owned(),
        hint: "name a time that is to come: `--for 2h`, `--until 23:30`, `--until 2026-11-24T01:00`".into(),
    }
}

/// A time of the day, a local date and time, or an instant.
fn parse(text: &str, now: &Zoned) -> Result<Timestamp, String> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    // A time alone is digits and colons: what reads a time out of a date would throw the date away.
    let alone = text.chars().all(|c| c.is_ascii_digit() || c == ':') && text.contains(':');
    let dated = text.contains(':') && text.matches('-').count() == 2 && !text.contains('[');
    let local = match (text.parse::<civil::Time>(), text.parse::<civil::DateTime>()) {
        // A date alone would be its midnight, which nobody means.
        (_, Ok(at)) if dated => at,
        (Ok(time), _) if alone => {
            let today = now.date().to_datetime(time);
            if today > now.datetime() { today } else { now.date().tomorrow().map_err(|e| e.to_string())?.to_datetime(time) }
        }
        _ => return Err("it is neither a time (`23:30`) nor a date with one (`2026-11-24T01:00`)".to_owned()),
    };
    let zoned = local.to_zoned(now.time_zone().clone()).map_err(|e| e.to_string())?;
    Ok(zoned.timestamp())
}

fn people(doors: &Doors) -> String {
    match doors.doors.as_slice() {
        [one] => one.who.clone(),
        all => format!("{} doors", all.len()),
    }
}

fn text(view: &FenceView) -> String {
    let doors = &view.doors;
    let stands = match view.now.stands {
        Stands::Down => "open".to_owned(),
        Stands::Up => "shut".to_owned(),
        Stands::Part { shut, of } => paint(WARN, format!("half shut: {shut} of {of} doors")).to_string(),
    };
    let mut out = format!("{} `{}` is {stands}\n", paint(HEAD, "production:"), doors.database);
    if let Some(fence) = &view.fence {
        let word = match fence.progress {
            Progress::Raising => "was begun and cut off; `greenroom fence raise` goes on, `greenroom fence lift` opens",
            Progress::Raised => "stands",
            Progress::Lifting => "was being lifted and was cut off; `greenroom fence lift` goes on",
        };
        let reason = fence.reason.as_ref().map(|r| format!(" ({r})")).unwrap_or_default();
        out.push_str(&format!("{} {word}{reason}, since {}\n", paint(HEAD, "fence:"), words::when(fence.since)));
        let until = words::when(fence.until);
        out.push_str(&match view.overdue {
            true => format!("  {} `greenroom fence lift` gives production back\n", paint(BAD, format!("its time was over {until}:"))),
            false => format!("  until {until}\n"),
        });
        if let Some(card) = &view.card {
            out.push_str(&format!("  break-glass card: {}\n", card.display()));
        }
    } else if doors.obstacles.is_empty() {
        out.push_str(&format!("{} none; it can be raised\n", paint(HEAD, "fence:")));
    } else {
        out.push_str(&format!("{} none; {}\n", paint(HEAD, "fence:"), paint(BAD, "it cannot be raised as long as")));
        for o in &doors.obstacles {
            out.push_str(&format!("  - {}\n    way out: {}\n", o.what, o.way_out));
        }
    }
    for who in view.now.open.iter().filter(|_| view.fence.is_some()) {
        out.push_str(&format!("  {} {who}\n", paint(BAD, "may come in all the same:")));
    }
    for session in &view.now.sessions {
        out.push_str(&format!("  in the database: {session}\n"));
    }
    out.push_str(&format!("{}\n", paint(HEAD, if view.fence.is_some() { "shut out:" } else { "would be shut out:" })));
    for who in &shown(doors) {
        out.push_str(&format!("  {who}\n"));
    }
    if !doors.gaps.is_empty() {
        out.push_str(&format!("{}\n", paint(WARN, "mind:")));
        for gap in &doors.gaps {
            out.push_str(&format!("  {gap}\n"));
        }
    }
    out
}

/// Who is shut out; the first of many.
fn shown(doors: &Doors) -> Vec<String> {
    const MOST: usize = 12;
    let mut all: Vec<String> = doors.doors.iter().map(|d| d.who.clone()).take(MOST).collect();
    if doors.doors.len() > MOST {
        all.push(format!("and {} more", doors.doors.len() - MOST));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_the_next_such_time_or_the_very_date() {
        let now: Zoned = "2026-11-23T22:00:00[Europe/Berlin]".parse().unwrap();
        let at = |text: &str| parse(text, &now).map(|t| t.to_string());
        assert_eq!(at("23:30").unwrap(), "2026-11-23T22:30:00Z");
        assert_eq!(at("01:15").unwrap(), "2026-11-24T00:15:00Z");
        assert_eq!(at("22:00").unwrap(), "2026-11-24T21:00:00Z");
        assert_eq!(at("2026-11-24T01:00").unwrap(), "2026-11-24T00:00:00Z");
        assert_eq!(at("2026-11-24 01:00").unwrap(), "2026-11-24T00:00:00Z");
        assert_eq!(at("2026-11-24T01:00:00+05:00").unwrap(), "2026-11-23T20:00:00Z");
        for bad in
            ["tomorrow", "25:00", "2026-11-24", "", "2026-11-30T0100", "20261130T01:00", "2026-11-24T01:00[America/New_York]", "0100"]
        {
            assert!(at(bad).is_err(), "{bad}");
        }
    }
}
