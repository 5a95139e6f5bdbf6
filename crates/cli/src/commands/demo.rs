//! `greenroom demo`. Stories and plays are in `crate::demo`.

use super::Done;
use crate::app::App;
use crate::demo;
use crate::error::{CliError, Exit};
use crate::templates::Template;
use clap::Args;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Show the main jobs on a made-up clinic, on embedded SQLite: no server, under a minute
///
/// Without a name: a first rehearsal fails on data that nobody knew of, the program is mended, and the pilot stands. With the name of a template its whole procedure is
/// played, months in seconds, with people of several companies; their record says that it is simulated.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  greenroom demo\n  greenroom demo audited-migration --folder /tmp/clinic")]
pub struct DemoArgs {
    /// The template that is played
    #[arg(value_enum)]
    template: Option<Template>,
    /// Folder to build it in; an earlier demo there is built anew
    #[arg(long, value_name = "DIR", default_value = "greenroom-demo")]
    folder: PathBuf,
}

pub async fn cmd_demo(app: &App, args: DemoArgs) -> Done {
    // The story is for people; with --json or --quiet only its end counts.
    let out: demo::Out =
        if app.json || app.quiet { Arc::new(Mutex::new(std::io::sink())) } else { Arc::new(Mutex::new(std::io::stdout())) };
    match demo::run(args.template, args.folder, out).await {
        Ok(()) => {
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
