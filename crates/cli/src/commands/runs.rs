//! `greenroom runs`.

use super::Done;
use crate::app::App;
use crate::error::Exit;
use crate::render::run::{RunReport, Standing};
use crate::render::table::{Align, table};
use crate::render::words;
use clap::Args;
use greenroom_model::hash::Hash;
use jiff::Timestamp;
use serde::Serialize;

/// List all runs
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  greenroom runs\n  greenroom run show rehearsal-7")]
pub struct RunsArgs {}

#[derive(Serialize)]
struct Line {
    run: String,
    standing: Standing,
    started: Timestamp,
    last: Timestamp,
    steps_done: usize,
    steps: usize,
    plan: Hash,
}

pub fn cmd_runs(app: &App, _: RunsArgs) -> Done {
    let session = app.session()?;
    let busy = session.busy()?;
    let history = session.history()?;
    let latest = history.runs.last().map(|r| r.id.clone());
    let lines: Vec<Line> = history
        .runs
        .iter()
        .map(|r| {
            let report = RunReport::of(r, busy && Some(&r.id) == latest.as_ref());
            let (steps_done, steps) = report.done();
            Line { run: report.run, standing: report.standing, started: r.started, last: r.last, steps_done, steps, plan: r.plan_hash }
        })
        .collect();
    app.result(&lines, |lines| {
        if lines.is_empty() {
            return "no run yet; `greenroom rehearse` starts one\n".to_owned();
        }
        let word = |s: Standing| serde_json::to_value(s).ok().and_then(|v| v.as_str().map(|t| t.replace('_', " "))).unwrap_or_default();
        let row = |l: &Line| {
            let took = l.last.duration_since(l.started).as_millis();
            vec![
                l.run.clone(),
                word(l.standing),
                words::exactly(l.started),
                words::millis(u64::try_from(took).unwrap_or(0)),
                format!("{}/{}", l.steps_done, l.steps),
                l.plan.short(),
            ]
        };
        let rows: Vec<Vec<String>> = lines.iter().rev().map(row).collect();
        let left = |h| (h, Align::Left);
        table(&[left("run"), left("stands"), left("began"), ("lasted", Align::Right), ("steps", Align::Right), left("plan")], &rows)
    })?;
    Ok(Exit::Ok)
}
