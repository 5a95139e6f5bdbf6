//! `greenroom rollback`.

use super::rehearse::Starting;
use super::switch::guard;
use super::{Done, drive};
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::render::style::{BAD, GOOD, HEAD, heading, paint};
use clap::Args;
use greenroom_model::carry::Fate;
use greenroom_model::numbers::SeriesReport;
use greenroom_runner::session::RollbackPreview;
use serde::Serialize;

/// Take a switch back after users were let in, with what they have written since
///
/// Shuts everybody out of the new production, gives the former one every row that was touched since, compares both, exchanges the names and lets users into the former
/// production again; the new one stays beside it, shut. Which rows were touched is known where `[switch] rollback_hours` was set before the switch. Rows of tables
/// that the upgrade made or changed have no place in the former version unless `[[rollback.inverse]]` gives them one: they are listed, and given up only when a person says so. Document
/// numbers (`[[numbers]]`) that would be lost with them are listed, too. Until users are let in again, `greenroom undo` opens the new production as it was.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  greenroom rollback --rehearse         before the go-live: try it out on copies, with writes made up
  greenroom rollback --preview          what would be carried back and what given up; production stays open
  greenroom rollback
  greenroom rollback --sign-away        what cannot be carried back is given up without asking again
  greenroom rollback --give-up          stop noting what users write; there is no rollback afterwards

Exit codes: 0 users work in the former production again, 4 a step failed or everything went back, 5 a person is asked, 1 anything else.")]
pub struct RollbackArgs {
    /// Show what it depends on, what would be carried back and what given up; production stays open
    #[arg(long, conflicts_with_all = ["sign_away", "give_up"])]
    preview: bool,
    /// Give up what cannot be carried back, as `--preview` lists it, without asking once production is shut
    #[arg(long, conflicts_with = "give_up")]
    sign_away: bool,
    /// Try it out beforehand: a dress rehearsal that writes into the upgraded copy and carries that back into one in the former shape
    #[arg(long, conflicts_with_all = ["preview", "sign_away", "give_up"])]
    rehearse: bool,
    /// Stop noting what users write: the switch cannot be taken back any more
    #[arg(long)]
    give_up: bool,
    /// Do not ask before it begins
    #[arg(short, long)]
    yes: bool,
}

#[derive(Serialize)]
struct GivenUp {
    switch: String,
}

pub async fn cmd_rollback(app: &App, args: RollbackArgs) -> Done {
    if args.preview {
        let preview = app.session()?.rollback_preview(true).await?;
        app.result(&preview, text)?;
        return Ok(if preview.passes() { Exit::Ok } else { Exit::Negative });
    }
    if args.give_up {
        let session = app.session()?;
        app.confirm("stop noting what users write? the switch cannot be taken back any more", args.yes)?;
        let switch = session.give_up_rollback().await.map_err(CliError::from)?;
        app.result(&GivenUp { switch: switch.to_string() }, |g| {
            format!("what users write is not noted any more: `{}` cannot be taken back\n", g.switch)
        })?;
        return Ok(Exit::Ok);
    }
    if args.rehearse {
        let starting = Starting::new(app).await?;
        let planned = starting.session.plan_rollback_rehearsal().await;
        let ended = starting.run(app, planned, false).await?;
        return drive::conclude(app, &starting.session, &starting.progress, false, ended).await;
    }
    let starting = Starting::new(app).await?;
    let planned = starting.session.plan_rollback(!args.sign_away).await;
    if let Ok((_, plan, _)) = &planned {
        let name = &plan.names.pilot;
        app.confirm(
            &format!("shut everybody out of `{name}`, and let them into the former one again with what they wrote since?"),
            args.yes,
        )?;
    }
    let ended = starting.run(app, planned, false).await?;
    let began = ended.0.clone();
    match drive::conclude(app, &starting.session, &starting.progress, false, ended).await? {
        // Undone without being asked to.
        Exit::Ok if starting.session.find_run(Some(&began.0))?.phase == greenroom_model::run::Phase::Undone => Ok(Exit::Negative),
        exit => Ok(exit),
    }
}

fn text(preview: &RollbackPreview) -> String {
    let mut out = format!("{}\n", paint(HEAD, format!("Taking `{}` back", preview.switch)));
    preview.guards.iter().for_each(|g| out.push_str(&guard(g)));
    if let Some(account) = &preview.account {
        let touched: Vec<_> = account.tables.iter().filter(|t| t.touched != Some(0) || t.counts != Default::default()).collect();
        if !touched.is_empty() {
            out.push_str(&heading("Rows that were touched since"));
        }
        for t in touched {
            let c = t.counts;
            let rows = t.touched.map_or_else(|| "an unknown number".to_owned(), |n| n.to_string());
            match (&t.of.fate, t.loss()) {
                (Fate::Inverse { of }, _) if *of != t.of.short => out.push_str(&format!("  {}: {rows}, as rows of {of}\n", t.of.short)),
                (_, Some(_)) if t.counts == Default::default() => out.push_str(&format!("  {}: {rows}, given up\n", t.of.short)),
                _ => out.push_str(&format!(
                    "  {}: {rows}; {} inserted, {} updated, {} deleted\n",
                    t.of.short, c.inserted, c.updated, c.deleted
                )),
            }
        }
    }
    let numbers: Vec<String> = preview.account.iter().flat_map(|a| &a.numbers).flat_map(SeriesReport::listed).collect();
    if !numbers.is_empty() {
        out.push_str(&heading("Document numbers"));
        numbers.iter().for_each(|line| out.push_str(&format!("  {line}\n")));
    }
    let verdict = match preview.passes() {
        true => paint(GOOD, "nothing refuses the rollback"),
        false => paint(BAD, "the rollback is refused"),
    };
    out.push_str(&format!("\n{verdict}; people went on writing while this was looked at\n"));
    out
}
