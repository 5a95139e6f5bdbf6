//! `greenroom leftovers`.

use super::Done;
use crate::app::App;
use crate::error::Exit;
use crate::render::style::{HEAD, WARN, paint};
use crate::render::words;
use clap::Args;
use greenroom_runner::planning::size;
use greenroom_runner::session::Leftover;
use serde::Serialize;

/// List every raw or former copy that still exists: where, why, until when
///
/// Former pilots, half-built generations, raw copies of backups, and files of the workspace that hold values of configuration. Nothing is
/// dropped.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  greenroom leftovers\n  greenroom leftovers --json\n  greenroom drop --expired")]
pub struct LeftoversArgs {}

#[derive(Serialize)]
struct Leftovers {
    leftovers: Vec<Leftover>,
}

pub async fn cmd_leftovers(app: &App, _: LeftoversArgs) -> Done {
    let leftovers = app.session()?.leftovers().await?;
    app.result(&Leftovers { leftovers }, |l| text(&l.leftovers))?;
    Ok(Exit::Ok)
}

fn text(all: &[Leftover]) -> String {
    if all.is_empty() {
        return "nothing is left over: only the pilot stands\n".to_owned();
    }
    let mut out = String::new();
    for l in all {
        let bytes = l.bytes.map(|b| format!(", {}", size(b))).unwrap_or_default();
        let raw = if l.raw { format!(" {}", paint(WARN, "holds production's values as they are")) } else { String::new() };
        out.push_str(&format!("{} {}{bytes}{raw}\n", paint(HEAD, format!("{}:", l.what)), l.place));
        let until = l.until.map(|u| format!(", until {}", words::when(u))).unwrap_or_default();
        out.push_str(&format!("  why:  {}{until}\n  goes: {}\n", l.why, l.goes));
    }
    out
}
