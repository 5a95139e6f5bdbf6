//! `greenroom notices`, and telling people at the end of a command that put something on record.

use super::Done;
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::render::process::at;
use crate::render::style::{BAD, DIM, GOOD, HEAD, WARN, paint};
use crate::render::table::{Align, table};
use crate::render::words;
use clap::{Args, Subcommand};
use greenroom_model::process::Process;
use greenroom_model::process::notices::{NoticeId, Outbox, Stands};
use greenroom_runner::notices::Sending;
use greenroom_runner::session::NoticeLine;
use serde::Serialize;
use std::time::Duration;

/// How long the end of a command may begin to send, in milliseconds; the rest is sent later.
const BRIEFLY: u64 = 20_000;

/// How often a watch looks whether something is due.
const LOOK: Duration = Duration::from_secs(10);

/// How many notices that were sent are shown without `--all`.
const SHOWN: usize = 20;

/// Show whom people's notices have reached, and send what is due
///
/// Who is told of what is written in `process.toml`. What is recorded is told at the end of the command that records it; what could not be sent is tried again with growing pauses.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  greenroom notices\n  greenroom notices show 12/turns/anna\n  greenroom notices send\n  greenroom notices send --watch\n  greenroom notices send --again"
)]
pub struct NoticesArgs {
    #[command(subcommand)]
    command: Option<NoticesCommand>,
    /// Every notice that was sent, too, not the latest only
    #[arg(long)]
    all: bool,
}

#[derive(Subcommand, Debug)]
enum NoticesCommand {
    /// Show the text of a notice
    Show {
        /// The notice: `12/turns/anna`
        notice: String,
    },
    /// Send what is due
    Send {
        /// Go on until Ctrl-C: what is recorded, by whomever on this machine, is told within seconds
        #[arg(long)]
        watch: bool,
        /// Try at once what failed or was given up: everything, or one notice
        #[arg(long, value_name = "NOTICE", num_args = 0..=1, default_missing_value = "")]
        again: Option<String>,
    },
}

/// How many notices stand how; for `greenroom status`.
#[derive(Serialize)]
pub struct Counted {
    /// Not tried yet, or nobody knows how that ended.
    pub waiting: usize,
    /// Failed, and will be tried again.
    pub failed: usize,
    /// A person has to do something.
    pub given_up: usize,
}

impl Counted {
    /// Counts.
    pub fn of(outbox: &Outbox) -> Counted {
        Counted {
            waiting: outbox.count(Stands::Pending) + outbox.count(Stands::Unknown),
            failed: outbox.count(Stands::Failed),
            given_up: outbox.count(Stands::GivenUp),
        }
    }

    /// Lines for people; nothing where everybody was told.
    pub fn lines(&self) -> String {
        let mut out = String::new();
        if self.given_up > 0 {
            let said =
                format!("{} could not be sent and {} given up", count(self.given_up), if self.given_up == 1 { "was" } else { "were" });
            out.push_str(&format!("  {}: `greenroom notices` says why, `greenroom notices send --again` tries anew\n", paint(BAD, said)));
        }
        if self.failed > 0 {
            let said = format!("{} could not be sent and will be tried again", count(self.failed));
            out.push_str(&format!("  {}: `greenroom notices` says why\n", paint(WARN, said)));
        }
        if self.waiting > 0 {
            out.push_str(&format!("  {} to be sent: `greenroom notices send`\n", count(self.waiting)));
        }
        out
    }
}

fn count(n: usize) -> String {
    words::count(n as u64, "notice")
}

pub async fn cmd_notices(app: &App, args: NoticesArgs) -> Done {
    match args.command {
        None => {
            let session = app.session()?;
            session.notices()?;
            let (lines, next) = (session.notice_lines()?, session.next_notice()?);
            let process = session.process()?;
            let to_come = next.map(|next| format!("the next reminder is due {} ({})\n", at(process, next), process.calendar.zone));
            app.result(&lines, |lines| list(lines, process, args.all) + to_come.as_deref().unwrap_or_default())?;
            Ok(Exit::Ok)
        }
        Some(NoticesCommand::Show { notice }) => {
            let message = app.session()?.notice_text(&notice)?;
            app.result(&message, |m| format!("{}\n\n{}", paint(HEAD, &m.subject), m.text))?;
            Ok(Exit::Ok)
        }
        Some(NoticesCommand::Send { watch, again }) => {
            if let Some(which) = again {
                let n = app.session()?.notices_again(Some(which.as_str()).filter(|w| !w.is_empty()))?;
                app.say(format!("{} to be tried anew", count(n)));
            }
            if watch { watched(app).await } else { sent(app).await }
        }
    }
}

async fn sent(app: &App) -> Done {
    let Some(sending) = app.session()?.send_notices(None).await? else {
        app.say("another process is sending what is due");
        return Ok(Exit::Ok);
    };
    let session = app.session()?;
    let process = session.process()?;
    app.result(&sending, |s| match (s.sent.len(), s.failed.len()) {
        (0, 0) => format!("nothing is due{}\n", s.next.map(|next| format!("; the next {}", at(process, next))).unwrap_or_default()),
        _ => told(s),
    })?;
    Ok(if sending.failed.is_empty() { Exit::Ok } else { Exit::Error })
}

async fn watched(app: &App) -> Done {
    app.session()?.notices()?;
    app.say("sending what is due until Ctrl-C");
    let stop = tokio::signal::ctrl_c();
    tokio::pin!(stop);
    loop {
        // Read anew each time: people correct addresses while this runs.
        match round(app).await {
            Ok(Some(s)) if !s.sent.is_empty() || !s.failed.is_empty() => app.say(told(&s).trim_end()),
            Ok(_) => {}
            Err(e) => app.say(format!("could not send, which is tried again: {}", e.report().message)),
        }
        tokio::select! {
            _ = &mut stop => return Ok(Exit::Ok),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

async fn round(app: &App) -> Result<Option<Sending>, CliError> {
    Ok(app.session()?.send_notices(None).await?)
}

/// Tells people of what a command has put on record. Whether that works is no business of the command: what is not sent now is sent later.
pub async fn after(app: &App) {
    let Ok(session) = app.session() else { return };
    if session.notices().is_err() {
        return;
    }
    match session.send_notices(Some(BRIEFLY)).await {
        Ok(Some(s)) if !s.sent.is_empty() || !s.failed.is_empty() => app.say(told(&s).trim_end()),
        Ok(_) => {}
        Err(e) => app.say(format!("nobody was told of it yet: {}; `greenroom notices send` does it", CliError::from(e).report().message)),
    }
}

fn told(s: &Sending) -> String {
    let mut out = String::new();
    if !s.sent.is_empty() {
        let mut who: Vec<&str> = s.sent.iter().map(|n| n.to.as_deref().unwrap_or("the other side of a webhook")).collect();
        who.dedup();
        let ids: Vec<String> = s.sent.iter().map(NoticeId::to_string).collect();
        out.push_str(&format!("{}: {} (`greenroom notices show {}`)\n", paint(GOOD, "told"), who.join(", "), ids.join("`, `")));
    }
    for f in &s.failed {
        let said = f.said.as_ref().map(|said| format!(" ({said})")).unwrap_or_default();
        let next = if f.given_up { "given up" } else { "it is tried again later" };
        out.push_str(&format!("{} {}: {}{said}; {next}\n", paint(BAD, "not told"), f.id, f.why));
    }
    out
}

fn list(lines: &[NoticeLine], process: &Process, all: bool) -> String {
    if lines.is_empty() {
        return "nobody had to be told of anything yet\n".to_owned();
    }
    let sent = lines.iter().filter(|l| l.delivery.stands == Stands::Sent).count();
    let mut skip = if all { 0 } else { sent.saturating_sub(SHOWN) };
    let left_out = skip;
    let shown = lines.iter().filter(|l| {
        let hide = l.delivery.stands == Stands::Sent && skip > 0;
        skip -= usize::from(hide);
        !hide
    });
    let row = |l: &NoticeLine| {
        let word = match l.delivery.stands {
            Stands::Sent => paint(GOOD, "sent"),
            Stands::Pending => paint(WARN, "to be sent"),
            Stands::Unknown => paint(WARN, "unknown"),
            Stands::Failed => paint(WARN, format!("failed {}x", l.delivery.tries)),
            Stands::GivenUp => paint(BAD, "given up"),
            Stands::Moot => paint(DIM, "not needed"),
        };
        let who = l.id.to.as_ref().map_or("webhook", |id| process.persons.get(id).map_or(id.as_str(), |p| &p.name));
        let when = match (l.next, l.delivery.last) {
            (Some(next), _) => format!("again {}", words::when(next)),
            (None, Some(last)) => words::when(last),
            _ => String::new(),
        };
        let subject = words::cut(l.subject.as_deref().unwrap_or("process.toml does not give it any more"), 60);
        vec![l.id.to_string(), word, when, who.to_owned(), subject]
    };
    let left = |h| (h, Align::Left);
    let mut out = table(&[left("notice"), left("stands"), left("when"), left("to"), left("subject")], &shown.map(row).collect::<Vec<_>>());
    for l in lines.iter().filter(|l| matches!(l.delivery.stands, Stands::Failed | Stands::GivenUp | Stands::Unknown)) {
        let why = match (&l.delivery.why, l.delivery.stands) {
            (_, Stands::Unknown) => "the sender died while it was sent: it is sent again, and can be recognised by its id".to_owned(),
            (Some(why), _) => format!("{why}{}", l.said.as_ref().map(|s| format!(" ({s})")).unwrap_or_default()),
            (None, _) => String::new(),
        };
        out.push_str(&format!("{}: {why}\n", l.id));
    }
    if left_out > 0 {
        out.push_str(&paint(DIM, format!("{left_out} that were sent before: `greenroom notices --all`\n")));
    }
    out
}
