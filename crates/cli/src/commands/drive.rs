//! Driving a run from the command line: Ctrl-C, questions, the report at the end. Shared by `rehearse`, `resume` and `undo`.

use super::Done;
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::progress::Progress;
use crate::render::run::{RunReport, Standing, question, report};
use greenroom_model::run::RunId;
use greenroom_runner::execute::Ended;
use greenroom_runner::session::{Session, SessionError};
use std::future::Future;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals that ask to stop.
struct Stops {
    interrupt: Signal,
    terminate: Signal,
}

impl Stops {
    fn listen() -> Result<Stops, CliError> {
        let listen = |kind| signal(kind).map_err(CliError::io("listen for Ctrl-C"));
        Ok(Stops { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Awaits the end of a run. The first Ctrl-C stops it at the next safe point, the second at once.
pub async fn attended<F>(session: &Session, progress: &Progress, driving: F) -> Result<(RunId, Ended), CliError>
where
    F: Future<Output = Result<(RunId, Ended), SessionError>>,
{
    let mut stops = Stops::listen()?;
    let mut driving = std::pin::pin!(driving);
    let ended = loop {
        tokio::select! {
            ended = &mut driving => break ended.map_err(CliError::from),
            () = stops.next() => {
                if session.cancel.is_cancelled() {
                    break Err(CliError::Interrupted);
                }
                session.cancel.cancel();
                progress.say("stopping at the next safe point; Ctrl-C once more stops at once (both can be resumed)");
            }
        }
    };
    progress.clear();
    ended
}

/// Reports how a run ended, after asking on a terminal what the run asks, as often as it asks.
pub async fn conclude(app: &App, session: &Session, progress: &Progress, by_hand: bool, first: (RunId, Ended)) -> Done {
    let (id, mut ended) = first;
    while let Ended::Waiting(..) = ended {
        let shown = RunReport::of(&session.find_run(Some(&id.0))?, false);
        let Some(word) = asked(app, &shown)? else { break };
        session.answer(Some(&id.0), &word)?;
        (_, ended) = attended(session, progress, session.resume(Some(&id.0), by_hand)).await?;
    }
    let shown = RunReport::of(&session.find_run(Some(&id.0))?, false);
    app.result(&shown, report)?;
    Ok(match shown.standing {
        Standing::Finished | Standing::Undone => Exit::Ok,
        Standing::Waiting => Exit::Person,
        Standing::Failed => Exit::Negative,
        _ => Exit::Error,
    })
}

/// Asks on a terminal; `None` when nobody can be asked, or wants to answer later.
fn asked(app: &App, run: &RunReport) -> Result<Option<String>, CliError> {
    let Some(q) = run.question.as_ref().filter(|_| app.can_ask()) else { return Ok(None) };
    app.say(question(&q.title, &q.what));
    loop {
        let Some(word) = app.ask("answer (empty: later):")?.filter(|w| !w.is_empty()) else { return Ok(None) };
        if q.what.choices.iter().any(|(w, _)| *w == word) {
            return Ok(Some(word));
        }
        let words: Vec<&str> = q.what.choices.iter().map(|(w, _)| w.as_str()).collect();
        app.say(format!("`{word}` is none of: {}", words.join(", ")));
    }
}
