//! `greenroom answer`.

use super::Done;
use crate::app::App;
use crate::error::Exit;
use clap::Args;
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
    let run = app.session_under_way(std::sync::Arc::new(greenroom_runner::ports::Silent))?.0.answer(args.run.as_deref(), &args.word)?.0;
    app.result(&Answered { run, answer: args.word }, |a| format!("recorded `{}` for {}\n", a.answer, a.run))?;
    app.say("next: `greenroom resume`");
    Ok(Exit::Ok)
}
