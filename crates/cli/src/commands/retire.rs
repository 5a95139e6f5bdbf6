//! `greenroom retire`.

use super::Done;
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::render::words;
use clap::Args;
use greenroom_runner::planning::size;
use greenroom_runner::ports::{Clock, SystemClock};
use greenroom_runner::session::Known;
use jiff::SignedDuration;
use serde::Serialize;

/// Drop what was production before a switch, once its time is over, or keep it longer
///
/// Without a name it lists them with their dates. Nothing of this happens by itself: a person names the database, and the journal and the engine must agree
/// that it is the one that a finished switch put aside. After a move to another server it stands where it was: drop it there, and say so with `--by-hand`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  greenroom retire
  greenroom retire clinic_former_x2k4j7a3bq
  greenroom retire clinic_former_x2k4j7a3bq --keep 60d --reason \"the auditors come in March\"")]
pub struct RetireArgs {
    /// The former production's name, as it is listed
    name: Option<String>,
    /// Keep it so long from now: `60d`, `2w`
    #[arg(long, value_name = "TIME", requires_all = ["name", "reason"], value_parser = days)]
    keep: Option<SignedDuration>,
    /// Why it is kept, for the record
    #[arg(long, requires = "keep")]
    reason: Option<String>,
    /// Although its time is not over
    #[arg(long, requires = "name", conflicts_with = "keep")]
    early: bool,
    /// A person has dropped it, on the server that production moved away from
    #[arg(long, requires = "name", conflicts_with = "keep")]
    by_hand: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

#[derive(Serialize)]
struct Formers {
    former_productions: Vec<Known>,
}

#[derive(Serialize)]
struct Outcome {
    done: &'static str,
    #[serde(flatten)]
    of: Known,
}

/// Days or weeks.
fn days(text: &str) -> Result<SignedDuration, String> {
    let (number, factor) = match (text.strip_suffix('d'), text.strip_suffix('w')) {
        (Some(n), _) => (n, 1),
        (_, Some(n)) => (n, 7),
        _ => return Err("write days or weeks: `60d`, `2w`".to_owned()),
    };
    let number: i64 = number.trim().parse().map_err(|_| "write days or weeks: `60d`, `2w`".to_owned())?;
    if !(1..=3660).contains(&(number * factor)) {
        return Err("between a day and ten years".to_owned());
    }
    Ok(SignedDuration::from_hours(24 * number * factor))
}

pub async fn cmd_retire(app: &App, args: RetireArgs) -> Done {
    let session = app.session()?;
    let Some(name) = &args.name else {
        app.result(&Formers { former_productions: session.former_productions().await? }, list)?;
        return Ok(Exit::Ok);
    };
    if let (Some(keep), Some(reason)) = (args.keep, &args.reason) {
        let until = SystemClock::default().now() + keep;
        let of = session.keep_former(name, until, reason).await?;
        app.result(&Outcome { done: "kept", of }, |d| {
            format!("`{}` is kept until {}\n", d.of.name, d.of.until.map(words::when).unwrap_or_default())
        })?;
        return Ok(Exit::Ok);
    }
    if !args.by_hand {
        app.confirm(&format!("drop `{name}`, which was production? it cannot be brought back"), args.yes)?;
    }
    let of = session.retire(name, args.early, args.by_hand).await.map_err(CliError::from)?;
    app.result(&Outcome { done: "dropped", of }, |d| {
        if let Some(there) = &d.of.elsewhere {
            return format!("on record: `{}` on {} was dropped by hand{}\n", d.of.name, there.server, there.unsure());
        }
        let bytes = d.of.standing.as_ref().map(|s| format!(" ({})", size(s.bytes))).unwrap_or_default();
        format!("dropped `{}`{bytes}, which was production until `{}`\n", d.of.name, d.of.run)
    })?;
    Ok(Exit::Ok)
}

fn list(f: &Formers) -> String {
    if f.former_productions.is_empty() {
        return "nothing that was production stands aside\n".to_owned();
    }
    let now = SystemClock::default().now();
    let line = |k: &Known| {
        let bytes = k.standing.as_ref().map(|s| format!(" ({})", size(s.bytes))).unwrap_or_default();
        let until = match k.until {
            Some(until) if until <= now && k.elsewhere.is_some() => {
                format!("its time was over {}: drop it there, then `greenroom retire {} --by-hand`", words::when(until), k.name)
            }
            Some(until) if until <= now => format!("its time was over {}: `greenroom retire {}` drops it", words::when(until), k.name),
            Some(until) => format!("kept until {}", words::when(until)),
            None => "kept".to_owned(),
        };
        let bytes = k.elsewhere.as_ref().map_or(bytes, |there| format!(" on {}{}", there.server, there.unsure()));
        format!("{}{bytes}, production until `{}`: {until}\n", k.name, k.run)
    };
    f.former_productions.iter().map(line).collect()
}
