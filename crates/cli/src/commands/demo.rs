//! `greenroom demo`: the main job on a made-up clinic. The story itself is in `crate::demo`.

use super::Done;
use crate::app::App;
use crate::demo;
use crate::error::{CliError, Exit};
use clap::Args;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Show the main job on a made-up clinic, on embedded SQLite: no server, under a minute
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  greenroom demo\n  greenroom demo /tmp/clinic")]
pub struct DemoArgs {
    /// Folder to build it in; an earlier demo there is built anew
    #[arg(default_value = "greenroom-demo")]
    folder: PathBuf,
}

pub async fn cmd_demo(app: &App, args: DemoArgs) -> Done {
    // The story is for people; with --json or --quiet only its end counts.
    let out: demo::Out =
        if app.json || app.quiet { Arc::new(Mutex::new(std::io::sink())) } else { Arc::new(Mutex::new(std::io::stdout())) };
    match demo::run(Some(args.folder), out).await {
        Ok(_) => {
            if app.json {
                app.result(&serde_json::json!({ "demo": "finished" }), |_| String::new())?;
            }
            Ok(Exit::Ok)
        }
        Err(demo::DemoError::Session(e)) => Err(CliError::Session(e)),
        Err(e) => {
            let hint = e.hint().unwrap_or("see that the folder can be written").to_owned();
            Err(CliError::Missing { message: e.to_string(), hint })
        }
    }
}
