//! `greenroom dress`.

use super::Done;
use super::refresh::{CarryArgs, carried};
use super::rehearse::Starting;
use crate::app::App;
use clap::Args;

/// Try the go-live out: unmasked, upgraded, the pilot's configuration carried over, verified, dropped
///
/// Builds a generation from production's own rows on the target, runs the upgrade on it, carries the pilot's configuration over, and verifies the
/// whole, timed step by step. Nobody is ever let in: it is sealed, marked as raw, and dropped at the end. What it proves holds for the same upgrade,
/// the same carry-over and the same production schema; `greenroom status` says when it does not any more. What was masked, emptied or neutralised
/// on the pilot stays behind, and values that look as if they came from there are asked about.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  greenroom dress
  greenroom dress --preview                 stop before anything is carried over, and show it
  greenroom preview                         what is carried over
  greenroom decide 3f2a production          one conflict
  greenroom answer go && greenroom resume   go on

The program must allow it: `unmasked = true` under `[dress]` in greenroom.toml.
Exit codes: 0 it would have gone well, 4 a step or a check failed, 5 a person is asked, 1 anything else.")]
pub struct DressArgs {
    #[command(flatten)]
    how: CarryArgs,
}

pub async fn cmd_dress(app: &App, args: DressArgs) -> Done {
    let starting = Starting::new(app).await?;
    let planned = starting.session.plan_dress(args.how.preview).await;
    carried(app, &starting, planned, &args.how).await
}
