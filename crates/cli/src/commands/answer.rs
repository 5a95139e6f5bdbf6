//! `greenroom answer`.

use super::Done;
use crate::app::App;
use crate::error::Exit;
use clap::Args;
use greenroom_model::run::together::Place;
use serde::Serialize;

/// Answer what a run asks
///
/// `greenroom status` shows the question and the words to choose from. The answer is recorded; `greenroom resume` acts on it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  greenroom answer done\n  greenroom answer again --run rehearsal-7")]
pub struct AnswerArgs {
    /// The chosen word
    word: String,
    /// The run; the latest one without it
    #[arg(long)]
    run: Option<String>,
}

#[derive(Serialize)]
struct Answered {
    run: String,
    answer: String,
}

pub fn cmd_answer(app: &App, args: AnswerArgs) -> Done {
    let session = app.session_under_way(std::sync::Arc::new(greenroom_runner::ports::Silent))?.0;
    let state = session.find_run(args.run.as_deref())?;
    // Everything goes back by whichever of them refuses.
    if args.word != "refuse" && matches!(Place::of(Some(&state)), Place::Window | Place::Accept | Place::Hold) {
        super::together::not_alone(&state, "answered")?;
    }
    let run = session.answer(Some(&state.id.0), &args.word)?.0;
    app.result(&Answered { run, answer: args.word }, |a| format!("recorded `{}` for {}\n", a.answer, a.run))?;
    app.say("next: `greenroom resume`");
    Ok(Exit::Ok)
}
