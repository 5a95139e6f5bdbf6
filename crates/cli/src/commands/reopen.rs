//! `greenroom reopen`.

use super::Done;
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::render::style::{BAD, WARN, paint};
use crate::render::table::{Align, table};
use clap::Args;
use greenroom_model::process::Process;
use greenroom_model::program::Reopen;
use greenroom_runner::session::Function;
use jiff::Timestamp;

/// Switch a function of the pilot on again for a test, on record and until a time, or off
///
/// Without a name it lists what packs have switched off, and what is on again. What may be switched on says the pack (`reopen = "on request"`, `[on_request]`); the
/// rest never is. Integrations that process.toml links to the pack with `pack` are switched on with it; one that never may be keeps it shut. Once its time is over `verify` and `open` say no until it is closed; the next generation has it off by itself.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  greenroom reopen\n  greenroom reopen mail --until 2027-02-09T18:00 --reason \"letters to the sink\"\n  greenroom reopen mail --close"
)]
pub struct ReopenArgs {
    /// The pack
    pack: Option<String>,
    /// Until when: a day and time
    #[arg(long, value_name = "TIME", requires = "pack")]
    until: Option<String>,
    /// Why, for the record
    #[arg(long, value_name = "WORDS", requires = "until")]
    reason: Option<String>,
    /// Switch it off again
    #[arg(long, requires = "pack", conflicts_with = "until")]
    close: bool,
}

pub async fn cmd_reopen(app: &App, args: ReopenArgs) -> Done {
    let session = app.session()?;
    let Some(pack) = args.pack else {
        app.result(&session.functions()?, |all| list(all, session.process().ok()))?;
        return Ok(Exit::Ok);
    };
    if args.close {
        session.close_function(&pack).await?;
        app.result(&serde_json::json!({ "pack": pack, "closed": true }), |_| format!("`{pack}` is off again: its assertions hold\n"))?;
        return Ok(Exit::Ok);
    }
    let missing = |what: &str| CliError::usage(format!("`{what}` is missing"), "`greenroom reopen --help` shows examples");
    let until = args.until.ok_or_else(|| missing("--until"))?;
    let reason = args.reason.ok_or_else(|| missing("--reason"))?;
    let until = match session.process() {
        Ok(process) => crate::render::process::moment(process, &until)?,
        Err(_) => read(&until)?,
    };
    let integrations = session.reopen(&pack, until, &reason).await?;
    app.result(&serde_json::json!({ "pack": pack, "until": until, "integrations": integrations }), |_| {
        let with = match integrations.is_empty() {
            true => String::new(),
            false => format!("; with it are on: {}", integrations.join(", ")),
        };
        format!(
            "`{pack}` is on again on the pilot until {}{with}; `greenroom reopen {pack} --close` switches it off\n",
            crate::render::words::exactly(until)
        )
    })?;
    Ok(Exit::Ok)
}

/// A day and time on this machine's clock, where the program has no process and so no time zone.
fn read(text: &str) -> Result<Timestamp, CliError> {
    let wrong = |_| CliError::usage(format!("`{text}` is no day and time"), "write `2027-02-09T18:00`");
    let civil: jiff::civil::DateTime = text.parse().map_err(wrong)?;
    civil.to_zoned(jiff::tz::TimeZone::system()).map(|z| z.timestamp()).map_err(wrong)
}

/// Who switched it on, to follow a word.
pub fn by(f: &Function, process: Option<&Process>) -> String {
    let name = |by: &String| process.map_or_else(|| by.clone(), |p| crate::render::process::person(p, by));
    f.by.as_ref().map(|by| format!(" by {}", name(by))).unwrap_or_default()
}

fn list(all: &[Function], process: Option<&Process>) -> String {
    if all.is_empty() {
        return "the program has no packs\n".to_owned();
    }
    let row = |f: &Function| {
        let may = match f.reopen {
            Reopen::Never => "never",
            Reopen::OnRequest => "on request",
        };
        let by = by(f, process);
        let now = match f.until {
            None => "off".to_owned(),
            Some(until) if f.overdue => paint(BAD, format!("on{by}, though its time was over at {}", crate::render::words::exactly(until))),
            Some(until) => paint(WARN, format!("on until {}{by}", crate::render::words::exactly(until))),
        };
        vec![f.pack.clone(), now, may.to_owned(), f.integrations.join(", "), f.title.clone()]
    };
    let left = |h| (h, Align::Left);
    let rows: Vec<_> = all.iter().map(row).collect();
    table(&[left("pack"), left("now"), left("on again"), left("integrations"), left("what")], &rows)
}
