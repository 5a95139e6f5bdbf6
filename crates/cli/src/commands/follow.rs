//! `greenroom follow`.

use super::Done;
use super::refresh::{CarryArgs, carried};
use super::rehearse::Starting;
use crate::app::App;
use clap::Args;

/// Bring the pilot to the version to which production was upgraded
///
/// For after the go-live, or when the vendor has upgraded production. Builds the next pilot from production as it is now, without running the upgrade:
/// production has it. Masks and packs apply again, so that what was switched on for a test is off again, and what people configured on the present
/// pilot is carried over. From then on `rehearse` and `refresh` leave out the upgrade steps that production has, as long as their files stay as they are.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  greenroom follow
  greenroom follow --preview                stop before anything is carried over, and show it
  greenroom preview                         what is carried over
  greenroom decide 3f2a production          one conflict
  greenroom answer go && greenroom resume   go on

Columns that the upgrade makes from masked ones hold production's own values now: the run asks for a decision about each that is kept.
Exit codes: 0 the pilot stands, 4 a step or a check failed, 5 a person is asked, 1 anything else.")]
pub struct FollowArgs {
    #[command(flatten)]
    how: CarryArgs,
}

pub async fn cmd_follow(app: &App, args: FollowArgs) -> Done {
    let starting = Starting::new(app).await?;
    let planned = starting.session.plan_follow(args.how.preview).await;
    carried(app, &starting, planned, &args.how).await
}
